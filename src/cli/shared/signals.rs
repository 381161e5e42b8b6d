//! Ctrl-C and SIGTERM. The first asks a command to stop, the second to stop at once.

use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio_util::sync::CancellationToken;

use super::failure::Failure;

/// The signals that end a process.
pub(in crate::cli) struct Signals {
    interrupt: Signal,
    terminate: Signal,
}

impl Signals {
    /// Installs the handlers, so that the signals no longer end the process by themselves.
    pub(in crate::cli) fn listen() -> Result<Self, Failure> {
        let listen =
            |kind| signal(kind).map_err(|error| Failure::new(format!("cannot listen for signals: {error}")));
        // Both: a terminal sends SIGINT, a service manager SIGTERM.
        Ok(Self { interrupt: listen(SignalKind::interrupt())?, terminate: listen(SignalKind::terminate())? })
    }

    /// Waits for a command's work. The first signal cancels `stop` and calls `on_first`, so that the work finishes what it has begun:
    /// what is abandoned would have an unknown outcome. The second signal ends it at once, with the message `at_once`.
    pub(in crate::cli) async fn finish_or_stop<T>(
        work: impl Future<Output = T>,
        stop: &CancellationToken,
        on_first: impl FnOnce(),
        at_once: &str,
    ) -> Result<T, Failure> {
        let mut signals = Self::listen()?;
        let mut work = Box::pin(work);
        tokio::select! {
            end = &mut work => return Ok(end),
            () = signals.next() => stop.cancel(),
        }
        on_first();
        tokio::select! {
            end = work => Ok(end),
            () = signals.next() => Err(Failure::new(format!("stopped at once: {at_once}"))),
        }
    }

    /// Waits for the next signal.
    pub(in crate::cli) async fn next(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
        }
    }
}
