//! What one connection may take: time to say what it wants, to be idle between requests, and to take an answer; and how many
//! there may be, altogether and from one address.
//!
//! hyper has one timer for idling and for a request's head, and none for a client that does not read. A load balancer keeps
//! connections longer than a head may take: closed by us first, each is a request that fails there. So a connection is
//! watched here, from its first byte on; a socket that it becomes has deadlines of its own.
//!
//! An answer's body is handed to hyper in one piece, long before the client has taken all of it. So time between two requests
//! counts from the last byte that the client took, for up to [`ANSWER_TIME`] after the answer was made.

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

/// How long a request's head may take, from its first byte or from the connection's beginning.
const HEAD_TIME: Duration = Duration::from_secs(10);
/// How long a client may take nothing of what is sent to it.
const WRITE_TIME: Duration = Duration::from_secs(20);
/// How long a client may take for a whole answer, however steadily it reads.
const ANSWER_TIME: Duration = Duration::from_secs(600);
/// How often connections are looked at.
const LOOK_EVERY: Duration = Duration::from_secs(2);

/// What connections may take.
#[derive(Debug, Clone, Copy)]
pub struct ConnectionLimits {
    /// How many there are at the same time, sockets included.
    pub most: usize,
    /// How many of them may come from one address; `None`: any number, as behind a proxy, whose address they all share.
    pub most_of_address: Option<usize>,
    /// How long one may be idle between two requests. Longer than a proxy in front keeps it.
    pub idle: Duration,
}

/// Counts connections, all together and by address, so that no address can take all of them. Cheap to clone.
#[derive(Debug, Clone)]
pub(super) struct Connections {
    free: Arc<Semaphore>,
    most_of_address: Option<usize>,
    by_address: Arc<Mutex<HashMap<ClientAddress, usize>>>,
}

impl Connections {
    /// None so far.
    pub(super) fn new(limits: ConnectionLimits) -> Self {
        let free = Arc::new(Semaphore::new(limits.most.min(Semaphore::MAX_PERMITS)));
        Self { free, most_of_address: limits.most_of_address, by_address: Arc::default() }
    }

    /// Counts one more from this address.
    ///
    /// # Errors
    /// Whose limit is reached: the server's or the address's.
    pub(super) fn count(&self, address: ClientAddress) -> Result<Counted, &'static str> {
        let permit = Arc::clone(&self.free).try_acquire_owned().map_err(|_| "server")?;
        let mut by_address = self.lock();
        let held = by_address.get(&address).copied().unwrap_or_default();
        if self.most_of_address.is_some_and(|most| held >= most) {
            return Err("address");
        }
        by_address.insert(address, held + 1);
        drop(by_address);
        metrics::gauge!("switchboard_connections").increment(1);
        Ok(Counted { connections: self.clone(), address, _permit: permit })
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<ClientAddress, usize>> {
        self.by_address.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A connection that is counted, until dropped.
#[derive(Debug)]
pub(super) struct Counted {
    connections: Connections,
    address: ClientAddress,
    _permit: OwnedSemaphorePermit,
}

impl Drop for Counted {
    fn drop(&mut self) {
        metrics::gauge!("switchboard_connections").decrement(1);
        let mut by_address = self.connections.lock();
        if let Entry::Occupied(mut held) = by_address.entry(self.address) {
            *held.get_mut() -= 1;
            if *held.get() == 0 {
                held.remove();
            }
        }
    }
}

/// What a connection is at. Cheap to clone.
#[derive(Debug, Clone)]
pub(super) struct Progress(Arc<Mutex<State>>);

#[derive(Debug)]
struct State {
    at: At,
    /// When the last answer was handed to the connection.
    answered: Instant,
    /// Since when nothing that is to be sent is taken.
    stuck_since: Option<Instant>,
}

#[derive(Debug, Clone, Copy)]
enum At {
    /// A request's head is awaited, since then.
    Head(Instant),
    /// A request is answered.
    Request,
    /// Between two requests, since then.
    Idle(Instant),
}

impl Progress {
    /// A connection that has just begun.
    pub(super) fn new() -> Self {
        let now = Instant::now();
        Self(Arc::new(Mutex::new(State { at: At::Head(now), answered: now, stuck_since: None })))
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A request's head has come.
    pub(super) fn request(&self) {
        self.lock().at = At::Request;
    }

    /// An answer that notes when the last of it was handed to the connection.
    pub(super) fn answer(self, response: Response) -> Response {
        response.map(|body| Body::new(Answer { body, progress: self }))
    }

    /// Ends when the connection has taken longer than it may.
    pub(super) async fn overdue(&self, idle: Duration) {
        while !self.is_overdue(idle) {
            sleep_until(Instant::now() + LOOK_EVERY).await;
        }
    }

    fn is_overdue(&self, idle: Duration) -> bool {
        let state = self.lock();
        let is_late = match state.at {
            At::Head(since) => since.elapsed() >= HEAD_TIME,
            At::Idle(since) => since.elapsed() >= idle,
            At::Request => false,
        };
        // The kernel takes a long answer in large pieces: while it takes none, that has a limit of its own.
        let is_sending = state.stuck_since.is_some() && state.answered.elapsed() < ANSWER_TIME;
        is_late && !is_sending || state.stuck_since.is_some_and(|since| since.elapsed() >= WRITE_TIME)
    }

    fn read_something(&self) {
        let mut state = self.lock();
        if let At::Idle(_) = state.at {
            state.at = At::Head(Instant::now());
        }
    }

    fn wrote(&self, outcome: Poll<io::Result<usize>>) -> Poll<io::Result<usize>> {
        let (mut state, now) = (self.lock(), Instant::now());
        if outcome.is_pending() {
            state.stuck_since.get_or_insert(now);
            return outcome;
        }
        state.stuck_since = None;
        let took_some = matches!(outcome, Poll::Ready(Ok(1..)));
        if took_some && state.answered + ANSWER_TIME > now {
            match &mut state.at {
                // What was sent ahead of its turn is read only once the answer before it is sent.
                At::Idle(since) | At::Head(since) => *since = now,
                At::Request => {}
            }
        }
        outcome
    }
}

/// An answer's body. When it is dropped the request is over.
struct Answer {
    body: Body,
    progress: Progress,
}

impl Drop for Answer {
    fn drop(&mut self) {
        let (mut state, now) = (self.progress.lock(), Instant::now());
        (state.at, state.answered) = (At::Idle(now), now);
    }
}

impl HttpBody for Answer {
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

/// A connection that is watched, and counted until it is dropped.
pub(super) struct Watched {
    // Given back before the client sees that the connection ended: it may come back at once.
    _counted: Counted,
    stream: TcpStream,
    progress: Progress,
}

impl Watched {
    /// Watches a connection.
    pub(super) fn new(stream: TcpStream, progress: Progress, counted: Counted) -> Self {
        Self { _counted: counted, stream, progress }
    }
}

impl AsyncRead for Watched {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let outcome = Pin::new(&mut self.stream).poll_read(cx, buffer);
        if buffer.filled().len() > before {
            self.progress.read_something();
        }
        outcome
    }
}

impl AsyncWrite for Watched {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let outcome = Pin::new(&mut self.stream).poll_write(cx, bytes);
        self.progress.wrote(outcome)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        parts: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let outcome = Pin::new(&mut self.stream).poll_write_vectored(cx, parts);
        self.progress.wrote(outcome)
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
