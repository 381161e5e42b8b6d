//! Shutdown of a running server, in three steps: leave the load balancer, drain, abort.

use std::time::Duration;

use tokio_util::sync::CancellationToken;

/// Time that requests in progress have to finish after the listener is closed. Together with `DRAIN_DELAY` it
/// stays below the 30 s after which Kubernetes kills the process.
const DRAIN_TIMEOUT: Duration = Duration::from_secs(20);

/// Stops a running [`App`](super::App) in three steps: leave the load balancer, drain, abort. All clones
/// control the same server.
#[derive(Debug, Clone, Default)]
pub struct Shutdown {
    pub(super) leave: CancellationToken,
    pub(super) drain: CancellationToken,
    abort: CancellationToken,
}

impl Shutdown {
    /// Makes `/readyz` answer 503 while requests are still served, each as the last on its connection. The
    /// server drains after `DRAIN_DELAY`.
    pub fn leave(&self) {
        self.leave.cancel();
    }

    /// Closes the listener and lets requests in progress finish, for 20 seconds at most.
    pub fn drain(&self) {
        self.leave.cancel();
        self.drain.cancel();
    }

    /// Drops all requests and workers at once. Unfinished operations continue on any server that runs later.
    pub fn abort(&self) {
        self.drain();
        self.abort.cancel();
    }

    /// Takes the next of the three steps.
    pub fn escalate(&self) {
        // Ctrl-C pressed three times, or a service manager that loses patience, must end the process.
        if !self.leave.is_cancelled() {
            self.leave();
        } else if !self.drain.is_cancelled() {
            self.drain();
        } else {
            self.abort();
        }
    }

    /// Drains `delay` after the server began to leave: load balancers need that time to notice.
    pub(super) async fn drain_after(&self, delay: Duration) {
        self.leave.cancelled().await;
        if !self.drain.is_cancelled() && !delay.is_zero() {
            tracing::info!(?delay, "leaving: /readyz answers 503, requests are still served");
        }
        let _slept_or_escalated = self.drain.run_until_cancelled(tokio::time::sleep(delay)).await;
        self.drain();
    }

    /// Returns when the remaining requests must be dropped: on abort, or [`DRAIN_TIMEOUT`] after draining began.
    pub(super) async fn aborted_or_timed_out(&self) {
        self.drain.cancelled().await;
        if tokio::time::timeout(DRAIN_TIMEOUT, self.abort.cancelled()).await.is_err() {
            tracing::warn!(after = ?DRAIN_TIMEOUT, "drain timed out: requests in progress are dropped");
        }
    }
}
