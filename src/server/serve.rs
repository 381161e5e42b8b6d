//! Accepts connections, serves them, and drains them on shutdown.
//!
//! Only HTTP/1 is served, because the connection limits ([`super::connection`]) assume one request at a time.
//! A connection that starts with HTTP/2 is closed at once. hyper's HTTP/1 server is used directly:
//! `hyper_util`'s `auto` server would accept HTTP/2 as soon as any dependency enables that feature.

use std::io;
use std::pin::pin;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::http::{HeaderValue, Request, StatusCode, header};
use axum::response::Response;
use hyper::server::conn::http1;
use hyper_util::rt::TokioIo;
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tower::ServiceExt;

use super::connection::{ConnectionLimits, Connections, Progress, WatchedStream};
use super::rate::Peer;

/// Response to a connection beyond the limits, which gets no HTTP server of its own.
const UNAVAILABLE: &[u8] =
    b"HTTP/1.1 503 Service Unavailable\r\nretry-after: 1\r\nconnection: close\r\ncontent-length: 0\r\n\r\n";

/// Signals that make the server drain, and the open sockets that it waits for. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub struct Drain {
    /// Cancelled when no more requests should be routed here. Requests are still served, each as the last on its
    /// connection. A proxy then keeps no idle connection, on which its next request could meet the server closing it.
    pub leave: CancellationToken,
    /// Cancelled when the server must stop accepting connections and finish.
    pub stop: CancellationToken,
    /// Open WebSockets, which outlive the HTTP request that opened them.
    pub(super) sockets: TaskTracker,
}

impl Drain {
    /// Creates a drain controlled by the two tokens. No socket is open.
    #[must_use]
    pub fn new(leave: CancellationToken, stop: CancellationToken) -> Self {
        Self { leave, stop, sockets: TaskTracker::new() }
    }

    /// Adds `Connection: close` if the server leaves, except to the handshake of a WebSocket.
    fn close_if_leaving(&self, mut response: Response) -> Response {
        if self.leave.is_cancelled() && response.status() != StatusCode::SWITCHING_PROTOCOLS {
            response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
        }
        response
    }
}

/// Serves connections until `drain.stop` is cancelled. Then closes the listener, waits for requests and
/// sockets to finish, and returns. There is no time limit: the caller drops the future to abort. Errors of the
/// listener are logged and retried.
pub async fn serve(listener: TcpListener, router: Router, drain: Drain, limits: ConnectionLimits) {
    let (open, connections) = (TaskTracker::new(), Connections::new(limits));
    loop {
        tokio::select! {
            () = drain.stop.cancelled() => break,
            accepted = listener.accept() => match accepted {
                Ok((stream, peer)) => match connections.acquire(peer.ip().into()) {
                    Ok(permit) => {
                        // Responses are written in one piece, so Nagle's algorithm would only delay them.
                        let _ = stream.set_nodelay(true);
                        let progress = Progress::new();
                        let watched = WatchedStream::new(stream, progress.clone(), permit);
                        let served = connection(
                            watched,
                            progress,
                            Peer(peer.ip()),
                            router.clone(),
                            drain.clone(),
                            limits.idle,
                        );
                        open.spawn(served);
                    }
                    Err(limit) => reject(&stream, limit),
                },
                // The client gave up before its connection was accepted.
                Err(error) if is_connection_error(&error) => {}
                Err(error) => {
                    // Usually the process is out of file descriptors. Some are free again when connections
                    // end.
                    tracing::error!(%error, "accepting a connection failed: retrying in 1 s");
                    sleep(Duration::from_secs(1)).await;
                }
            },
        }
    }
    // Closed before the wait: otherwise the kernel would accept connections that nobody serves.
    drop(listener);
    open.close();
    drain.sockets.close();
    tokio::join!(open.wait(), drain.sockets.wait());
}

/// Closes a connection beyond a limit, with a 503 if the socket buffer takes it without waiting.
fn reject(stream: &TcpStream, limit: &'static str) {
    metrics::counter!("switchboard_connections_refused_total", "limit" => limit).increment(1);
    // Neither awaited nor in a task: beyond the limit a connection must cost no more than this.
    let _ = stream.try_write(UNAVAILABLE);
}

/// Serves one connection until it ends, times out, or the server stops and the request in progress is answered.
async fn connection(
    stream: WatchedStream,
    progress: Progress,
    peer: Peer,
    router: Router,
    drain: Drain,
    idle: Duration,
) {
    let (on_request, on_response) = (progress.clone(), progress.clone());
    let stop = drain.stop.clone();
    let service = router
        .map_request(move |mut request: Request<hyper::body::Incoming>| {
            on_request.request_started();
            request.extensions_mut().insert(peer);
            request.map(Body::new)
        })
        .map_response(move |response| on_response.clone().track_response(drain.close_if_leaving(response)));
    // hyper's own timer is off: it counts idle time as part of the next request's head.
    let mut builder = http1::Builder::new();
    builder.header_read_timeout(None);
    let connection = builder.serve_connection(TokioIo::new(stream), TowerToHyperService::new(service));
    // An upgrade completes this future and with it the time limits: a socket has its own.
    let mut connection = pin!(connection.with_upgrades());
    let mut timed_out = pin!(progress.timed_out(idle));
    let mut is_stopping = false;
    loop {
        tokio::select! {
            ended = connection.as_mut() => {
                if let Err(error) = ended {
                    tracing::debug!(%error, "connection failed");
                }
                return;
            }
            () = timed_out.as_mut() => {
                tracing::debug!("connection closed: idle or slow for too long");
                return;
            }
            () = stop.cancelled(), if !is_stopping => {
                is_stopping = true;
                connection.as_mut().graceful_shutdown();
            }
        }
    }
}

/// Returns whether the error concerns the accepted connection only, not the listener.
fn is_connection_error(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset};
    matches!(error.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset)
}
