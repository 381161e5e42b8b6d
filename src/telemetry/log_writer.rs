//! Log lines on their way to stderr.
//!
//! Whoever logs appends to a buffer in memory, and a thread of its own writes the buffer out. When stderr takes nothing (a pipe
//! that nobody reads), the buffer fills up, and further lines are dropped and counted: [`lost`].
//!
//! The thread writes to a duplicate of the file descriptor, since it would otherwise hold the lock of [`std::io::stderr`]
//! for as long as the write takes.

use std::fs::File;
use std::io::{self, Write};
use std::os::fd::AsFd;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Condvar, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

use tracing_subscriber::fmt::MakeWriter;

/// Bytes that wait at most: some ten thousand lines.
const MOST_WAITING: usize = 4 * 1024 * 1024;
/// How long the thread waits for more lines once there is one, so that a busy server wakes it for many lines at once.
const GATHER: Duration = Duration::from_millis(5);

static QUEUE: OnceLock<Queue> = OnceLock::new();
static LOST: AtomicU64 = AtomicU64::new(0);

#[derive(Default)]
struct Queue {
    waiting: Mutex<Waiting>,
    /// There is something to write.
    arrived: Condvar,
    /// Everything is written.
    written: Condvar,
}

#[derive(Default)]
struct Waiting {
    bytes: Vec<u8>,
    /// Whether earlier bytes are being written at the moment.
    is_writing: bool,
}

impl Waiting {
    fn is_over(&self) -> bool {
        self.bytes.is_empty() && !self.is_writing
    }
}

/// Takes lines. Each write is one.
#[derive(Clone, Copy)]
pub(super) struct Lines(&'static Queue);

/// Starts the thread. `None` when it has been started before, or cannot be.
pub(super) fn start() -> Option<Lines> {
    if QUEUE.get().is_some() {
        return None;
    }
    let stderr = File::from(io::stderr().as_fd().try_clone_to_owned().ok()?);
    let queue = QUEUE.get_or_init(Queue::default);
    let thread = std::thread::Builder::new().name("log".to_owned());
    thread.spawn(move || write_out(queue, stderr)).ok()?;
    Some(Lines(queue))
}

/// How many lines were dropped.
pub(super) fn lost() -> u64 {
    LOST.load(Ordering::Relaxed)
}

/// Waits until everything is written, but no longer than `patience`. Returns whether it is.
pub(super) fn flush(patience: Duration) -> bool {
    let Some(queue) = QUEUE.get() else { return true };
    let waiting = queue.lock();
    let waited = queue.written.wait_timeout_while(waiting, patience, |waiting| !waiting.is_over());
    waited.unwrap_or_else(PoisonError::into_inner).0.is_over()
}

impl Queue {
    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn push(&self, line: &[u8]) {
        let mut waiting = self.lock();
        if waiting.bytes.len() + line.len() > MOST_WAITING {
            LOST.fetch_add(1, Ordering::Relaxed);
            return;
        }
        let was_empty = waiting.bytes.is_empty();
        waiting.bytes.extend_from_slice(line);
        drop(waiting);
        if was_empty {
            self.arrived.notify_one();
        }
    }
}

impl Write for Lines {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        self.0.push(line);
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl MakeWriter<'_> for Lines {
    type Writer = Self;

    fn make_writer(&self) -> Self {
        *self
    }
}

/// Writes lines for as long as the process lives.
fn write_out(queue: &Queue, mut stderr: File) {
    let (mut bytes, mut told) = (Vec::new(), 0);
    loop {
        let waiting = queue.arrived.wait_while(queue.lock(), |waiting| waiting.bytes.is_empty());
        drop(waiting);
        std::thread::sleep(GATHER);
        {
            let mut waiting = queue.lock();
            waiting.is_writing = true;
            std::mem::swap(&mut waiting.bytes, &mut bytes);
        }
        // A reader that has gone away misses nothing.
        let _ = stderr.write_all(&bytes);
        bytes.clear();
        queue.lock().is_writing = false;
        let lost = lost();
        if lost > told {
            tracing::warn!(lines = lost - told, "log lines were dropped: stderr was not read fast enough");
            told = lost;
        }
        queue.written.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_is_a_line_like_any_other() {
        let queue: &'static Queue = Box::leak(Box::default());
        let subscriber = tracing_subscriber::fmt().json().with_writer(Lines(queue)).finish();
        let before = std::panic::take_hook();
        std::panic::set_hook(Box::new(super::super::log_panic));
        let caught = tracing::subscriber::with_default(subscriber, || {
            std::panic::catch_unwind(|| assert_eq!("out of", "luck", "as it happens"))
        });
        std::panic::set_hook(before);
        assert!(caught.is_err());
        let text = String::from_utf8(queue.lock().bytes.clone()).unwrap();
        assert!(
            text.contains("as it happens") && text.contains("lines.rs") && text.contains("ERROR"),
            "{text}"
        );
    }

    #[test]
    fn a_reader_that_stops_loses_lines_and_holds_nobody_up() {
        let queue: &'static Queue = Box::leak(Box::default());
        let (reader, writer) = io::pipe().unwrap();
        let line = [b'x'; 1023];
        std::thread::spawn(move || write_out(queue, File::from(std::os::fd::OwnedFd::from(writer))));
        let before = lost();
        for _ in 0..3 * MOST_WAITING / line.len() {
            queue.push(&line);
        }
        assert!(lost() > before, "lines were dropped");
        assert!(queue.lock().bytes.len() <= MOST_WAITING);
        // Once it is read again, what waits is written.
        let reading = std::thread::spawn(move || io::copy(&mut { reader }, &mut io::sink()));
        let waited =
            queue.written.wait_timeout_while(queue.lock(), Duration::from_secs(20), |w| !w.is_over());
        assert!(waited.unwrap().0.is_over());
        assert!(!reading.is_finished());
    }
}
