//! Connection limits: time limits for a request's head, idling and reading a response, and the number of
//! connections in total and per address.
//!
//! hyper has one timer for both idling and a request's head, and none for a client that does not read. Load
//! balancers keep idle connections for longer than a head may take, and if this server closes one first, the
//! balancer's next request on it fails. Each connection is therefore timed here, from its first byte on. A
//! WebSocket has its own deadlines.
//!
//! A response body is handed to hyper in one piece, long before the client has read it. Idle time therefore
//! counts from the last byte that the client took, for up to [`RESPONSE_TIME`] after the response was made.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use axum::body::{Body, Bytes, HttpBody};
use axum::response::Response;
use hyper::body::{Frame, SizeHint};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, sleep_until};

use super::rate::ClientAddress;

/// Time limit of a request's head, from its first byte or from the start of the connection.
const HEAD_TIME: Duration = Duration::from_secs(10);
/// Time limit for a client to accept at least one byte of a response.
const WRITE_TIME: Duration = Duration::from_secs(20);
/// Time limit for a client to read a whole response, however steadily it reads.
const RESPONSE_TIME: Duration = Duration::from_secs(600);
/// Interval at which the limits of a connection are checked. One sleep per connection is cheaper than a timer
/// reset at every read and write.
const CHECK_EVERY: Duration = Duration::from_secs(2);

/// Limits on the server's connections.
#[derive(Debug, Clone, Copy)]
pub struct ConnectionLimits {
    /// Maximum number of open connections, WebSockets included.
    pub max: usize,
    /// Maximum number of open connections from one address. `None` for no limit, as needed behind a proxy,
    /// whose address all connections share.
    pub max_per_address: Option<usize>,
    /// Maximum idle time between two requests. Set it above the idle timeout of the proxy in front.
    pub idle: Duration,
}

/// Counts connections in total and by address, so that no address can take all of them. Cheap to clone.
#[derive(Debug, Clone)]
pub(super) struct Connections {
    free: Arc<Semaphore>,
    max_per_address: Option<usize>,
    by_address: Arc<Mutex<HashMap<ClientAddress, usize>>>,
}

impl Connections {
    /// Creates the counters with no connection open.
    pub(super) fn new(limits: ConnectionLimits) -> Self {
        // The semaphore panics above its maximum.
        let free = Arc::new(Semaphore::new(limits.max.min(Semaphore::MAX_PERMITS)));
        Self { free, max_per_address: limits.max_per_address, by_address: Arc::default() }
    }

    /// Counts a new connection from this address.
    ///
    /// # Errors
    /// The limit that is reached, `server` or `address`, as the metric's label.
    pub(super) fn acquire(&self, address: ClientAddress) -> Result<ConnectionPermit, &'static str> {
        // The server's permit first: it is returned by its drop if the address's limit is reached.
        let permit = Arc::clone(&self.free).try_acquire_owned().map_err(|_| "server")?;
        let mut by_address = self.lock();
        let held = by_address.get(&address).copied().unwrap_or_default();
        if self.max_per_address.is_some_and(|max| held >= max) {
            // Not waited for: a connection in a queue would hold its file descriptor all the same.
            return Err("address");
        }
        by_address.insert(address, held + 1);
        drop(by_address);
        metrics::gauge!("switchboard_connections").increment(1);
        Ok(ConnectionPermit { connections: self.clone(), address, _permit: permit })
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<ClientAddress, usize>> {
        self.by_address.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A counted connection. The count is reduced when it is dropped.
#[derive(Debug)]
pub(super) struct ConnectionPermit {
    connections: Connections,
    address: ClientAddress,
    _permit: OwnedSemaphorePermit,
}

impl Drop for ConnectionPermit {
    fn drop(&mut self) {
        metrics::gauge!("switchboard_connections").decrement(1);
        let mut by_address = self.connections.lock();
        if let Entry::Occupied(mut held) = by_address.entry(self.address) {
            *held.get_mut() -= 1;
            // Otherwise the map would keep every address that ever connected.
            if *held.get() == 0 {
                held.remove();
            }
        }
    }
}

/// Tracks what a connection is waiting for, to detect timeouts. Cheap to clone.
#[derive(Debug, Clone)]
pub(super) struct Progress(Arc<Mutex<ProgressState>>);

#[derive(Debug)]
struct ProgressState {
    phase: Phase,
    /// When hyper had taken the whole body of the last response.
    responded_at: Instant,
    /// Start of the current write that the client's side does not accept. `None` while writes proceed.
    blocked_since: Option<Instant>,
}

#[derive(Debug, Clone, Copy)]
enum Phase {
    /// Waiting for the rest of a request's head since this instant.
    Head(Instant),
    /// Processing a request, which has its own time limits.
    Request,
    /// Idle between two requests since this instant.
    Idle(Instant),
}

impl Progress {
    /// Starts tracking a new connection, which must send a request's head in time.
    pub(super) fn new() -> Self {
        let now = Instant::now();
        let state = ProgressState { phase: Phase::Head(now), responded_at: now, blocked_since: None };
        // A blocking lock: it is held for a few instructions, and the polls that take it are not asynchronous.
        Self(Arc::new(Mutex::new(state)))
    }

    fn lock(&self) -> MutexGuard<'_, ProgressState> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Records that a request's head has been read.
    pub(super) fn request_started(&self) {
        self.lock().phase = Phase::Request;
    }

    /// Wraps the response's body, so that idle time starts when the body has been handed over.
    pub(super) fn track_response(self, response: Response) -> Response {
        response.map(|body| Body::new(TrackedBody { body, progress: self }))
    }

    /// Completes when the connection has exceeded one of its time limits.
    pub(super) async fn timed_out(&self, idle: Duration) {
        while !self.has_timed_out(idle) {
            sleep_until(Instant::now() + CHECK_EVERY).await;
        }
    }

    fn has_timed_out(&self, idle: Duration) -> bool {
        let state = self.lock();
        let is_late = match state.phase {
            Phase::Head(since) => since.elapsed() >= HEAD_TIME,
            Phase::Idle(since) => since.elapsed() >= idle,
            Phase::Request => false,
        };
        // The kernel accepts a long response in large pieces. While it accepts none, `WRITE_TIME` applies,
        // not the idle limit.
        let is_sending = state.blocked_since.is_some() && state.responded_at.elapsed() < RESPONSE_TIME;
        is_late && !is_sending || state.blocked_since.is_some_and(|since| since.elapsed() >= WRITE_TIME)
    }

    fn record_read(&self) {
        let mut state = self.lock();
        if let Phase::Idle(_) = state.phase {
            state.phase = Phase::Head(Instant::now());
        }
    }

    fn record_write(&self, outcome: Poll<io::Result<usize>>) -> Poll<io::Result<usize>> {
        let (mut state, now) = (self.lock(), Instant::now());
        if outcome.is_pending() {
            state.blocked_since.get_or_insert(now);
            return outcome;
        }
        state.blocked_since = None;
        let wrote_bytes = matches!(outcome, Poll::Ready(Ok(1..)));
        if wrote_bytes && state.responded_at + RESPONSE_TIME > now {
            match &mut state.phase {
                // hyper reads a pipelined request only after the previous response, so its head's time
                // restarts as well.
                Phase::Idle(since) | Phase::Head(since) => *since = now,
                Phase::Request => {}
            }
        }
        outcome
    }
}

/// Response body that ends the request when it is dropped: hyper has then taken all of it, or given up.
struct TrackedBody {
    body: Body,
    progress: Progress,
}

impl Drop for TrackedBody {
    fn drop(&mut self) {
        let (mut state, now) = (self.progress.lock(), Instant::now());
        // On every drop, not only after the last byte: a response that hyper gives up must not leave the
        // connection without a limit.
        (state.phase, state.responded_at) = (Phase::Idle(now), now);
    }
}

impl HttpBody for TrackedBody {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        Pin::new(&mut self.body).poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// TCP stream that reports its reads and writes to [`Progress`] and holds the connection's permit.
pub(super) struct WatchedStream {
    // Declared before the stream, hence dropped before it: a client that sees the connection close may
    // reconnect at once.
    _permit: ConnectionPermit,
    stream: TcpStream,
    progress: Progress,
}

impl WatchedStream {
    /// Wraps an accepted stream.
    pub(super) fn new(stream: TcpStream, progress: Progress, permit: ConnectionPermit) -> Self {
        Self { _permit: permit, stream, progress }
    }
}

impl AsyncRead for WatchedStream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let outcome = Pin::new(&mut self.stream).poll_read(cx, buffer);
        if buffer.filled().len() > before {
            self.progress.record_read();
        }
        outcome
    }
}

impl AsyncWrite for WatchedStream {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let outcome = Pin::new(&mut self.stream).poll_write(cx, bytes);
        self.progress.record_write(outcome)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        parts: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let outcome = Pin::new(&mut self.stream).poll_write_vectored(cx, parts);
        self.progress.record_write(outcome)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
