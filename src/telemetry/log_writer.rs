//! Non-blocking writer of log lines to stderr.
//!
//! Logging appends to a buffer in memory, which a dedicated thread writes out. If stderr blocks (a pipe that
//! nobody reads), the buffer fills up, and further lines are dropped and counted ([`lost`]).
//!
//! The thread writes to a duplicate of the file descriptor. Otherwise it would hold the lock of
//! [`std::io::stderr`] during a blocked write.

use std::fs::File;
use std::io::{self, Write};
use std::os::fd::AsFd;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Condvar, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

use tracing_subscriber::fmt::MakeWriter;

/// Maximum size of the buffer in bytes, about ten thousand lines.
const MAX_BUFFERED: usize = 4 * 1024 * 1024;
/// Time the thread waits for more lines after the first, so that a busy server wakes it once for many lines.
const BATCH_TIME: Duration = Duration::from_millis(5);

static QUEUE: OnceLock<LogQueue> = OnceLock::new();
static LOST: AtomicU64 = AtomicU64::new(0);

#[derive(Default)]
struct LogQueue {
    /// Held only to append or swap bytes, never during a write to stderr.
    buffer: Mutex<LogBuffer>,
    /// Notified when the buffer is no longer empty.
    arrived: Condvar,
    /// Notified after each write.
    written: Condvar,
}

#[derive(Default)]
struct LogBuffer {
    bytes: Vec<u8>,
    /// Whether the thread is writing bytes that it took from the buffer.
    is_writing: bool,
}

impl LogBuffer {
    fn is_flushed(&self) -> bool {
        self.bytes.is_empty() && !self.is_writing
    }
}

/// Writer for `tracing_subscriber`. Each call of `write` is one line.
#[derive(Clone, Copy)]
pub(super) struct LogWriter(&'static LogQueue);

/// Starts the writing thread. Returns `None` if it is already running or cannot be started.
pub(super) fn start() -> Option<LogWriter> {
    if QUEUE.get().is_some() {
        return None;
    }
    let stderr = File::from(io::stderr().as_fd().try_clone_to_owned().ok()?);
    let queue = QUEUE.get_or_init(LogQueue::default);
    // A thread and not a task: a blocked write would take a thread from the runtime.
    let thread = std::thread::Builder::new().name("log".to_owned());
    thread.spawn(move || write_out(queue, stderr)).ok()?;
    Some(LogWriter(queue))
}

/// Returns the number of lines dropped since startup.
pub(super) fn lost() -> u64 {
    LOST.load(Ordering::Relaxed)
}

/// Waits up to `limit` until everything is written. Returns whether it is.
pub(super) fn flush(limit: Duration) -> bool {
    let Some(queue) = QUEUE.get() else { return true };
    let buffer = queue.lock();
    let waited = queue.written.wait_timeout_while(buffer, limit, |buffer| !buffer.is_flushed());
    waited.unwrap_or_else(PoisonError::into_inner).0.is_flushed()
}

impl LogQueue {
    fn lock(&self) -> MutexGuard<'_, LogBuffer> {
        self.buffer.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn push(&self, line: &[u8]) {
        let mut buffer = self.lock();
        if buffer.bytes.len() + line.len() > MAX_BUFFERED {
            LOST.fetch_add(1, Ordering::Relaxed);
            return;
        }
        let was_empty = buffer.bytes.is_empty();
        buffer.bytes.extend_from_slice(line);
        // Released before the notification, so that the thread does not wake up only to wait for the lock.
        drop(buffer);
        if was_empty {
            self.arrived.notify_one();
        }
    }
}

impl Write for LogWriter {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        // Never an error: the subscriber would report it on stderr itself, and block.
        self.0.push(line);
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl MakeWriter<'_> for LogWriter {
    type Writer = Self;

    fn make_writer(&self) -> Self {
        *self
    }
}

/// Writes buffered lines to stderr, forever.
fn write_out(queue: &LogQueue, mut stderr: File) {
    let (mut bytes, mut reported) = (Vec::new(), 0);
    loop {
        let buffer = queue.arrived.wait_while(queue.lock(), |buffer| buffer.bytes.is_empty());
        drop(buffer);
        std::thread::sleep(BATCH_TIME);
        {
            let mut buffer = queue.lock();
            buffer.is_writing = true;
            // Swapped, so that both buffers keep their capacity.
            std::mem::swap(&mut buffer.bytes, &mut bytes);
        }
        // A failed write means that stderr is closed: there is no other place to report it.
        let _ = stderr.write_all(&bytes);
        bytes.clear();
        queue.lock().is_writing = false;
        let lost = lost();
        if lost > reported {
            tracing::warn!(lines = lost - reported, "log lines dropped: stderr was not read fast enough");
            reported = lost;
        }
        queue.written.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_is_logged_as_an_ordinary_line() {
        let queue: &'static LogQueue = Box::leak(Box::default());
        let subscriber = tracing_subscriber::fmt().json().with_writer(LogWriter(queue)).finish();
        let before = std::panic::take_hook();
        std::panic::set_hook(Box::new(super::super::log_panic));
        let caught = tracing::subscriber::with_default(subscriber, || {
            std::panic::catch_unwind(|| assert_eq!("out of", "luck", "as it happens"))
        });
        std::panic::set_hook(before);
        assert!(caught.is_err());
        let text = String::from_utf8(queue.lock().bytes.clone()).unwrap();
        assert!(
            text.contains("as it happens") && text.contains("log_writer.rs") && text.contains("ERROR"),
            "{text}"
        );
    }

    #[test]
    fn lines_are_dropped_without_blocking_while_stderr_is_not_read() {
        let queue: &'static LogQueue = Box::leak(Box::default());
        let (reader, writer) = io::pipe().unwrap();
        let line = [b'x'; 1023];
        std::thread::spawn(move || write_out(queue, File::from(std::os::fd::OwnedFd::from(writer))));
        let before = lost();
        for _ in 0..3 * MAX_BUFFERED / line.len() {
            queue.push(&line);
        }
        assert!(lost() > before, "lines were dropped");
        assert!(queue.lock().bytes.len() <= MAX_BUFFERED);
        // Buffered lines are written once stderr is read again.
        let reading = std::thread::spawn(move || io::copy(&mut { reader }, &mut io::sink()));
        let limit = Duration::from_secs(20);
        let waited = queue.written.wait_timeout_while(queue.lock(), limit, |buffer| !buffer.is_flushed());
        assert!(waited.unwrap().0.is_flushed());
        assert!(!reading.is_finished());
    }
}
