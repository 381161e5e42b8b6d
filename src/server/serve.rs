//! Accepting connections, and letting them end.
//!
//! Only HTTP/1 is served: the limits of a connection ([`super::connection`]) assume one request at a time. A client that
//! begins with HTTP/2 is closed at once. hyper's own HTTP/1 server is used, since `hyper_util`'s `auto` server speaks HTTP/2
//! as soon as any dependency enables that feature.

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

use super::connection::{ConnectionLimits, Connections, Progress, Watched};
use super::rate::Peer;

/// What a connection hears that is one too many.
const FULL: &[u8] =
    b"HTTP/1.1 503 Service Unavailable\r\nretry-after: 1\r\nconnection: close\r\ncontent-length: 0\r\n\r\n";

/// How the server is told to stop, and knows when all sockets have. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub struct Drain {
    /// Cancelled when no more requests should come: those that do are answered, each as the last on its connection, so that
    /// a proxy keeps no idle connection into which it would send a request while the server closes it.
    pub leave: CancellationToken,
    /// Cancelled when the server is to stop.
    pub stop: CancellationToken,
    /// The open sockets, which outlive the HTTP request that opened them.
    pub(super) sockets: TaskTracker,
}

impl Drain {
    /// Leaves when `leave` is cancelled, and stops when `stop` is.
    #[must_use]
    pub fn new(leave: CancellationToken, stop: CancellationToken) -> Self {
        Self { leave, stop, sockets: TaskTracker::new() }
    }

    /// Has the connection closed after this answer if the server leaves. A socket's connection goes on.
    fn last_if_leaving(&self, mut response: Response) -> Response {
        if self.leave.is_cancelled() && response.status() != StatusCode::SWITCHING_PROTOCOLS {
            response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
        }
        response
    }
}

/// Serves until told to stop; then takes no more connections, lets requests finish and sockets say goodbye, and
/// returns when the last is gone. Whoever cannot wait so long drops it.
///
/// # Errors
/// When the listener is broken for good.
pub async fn serve(
    listener: TcpListener,
    router: Router,
    drain: Drain,
    limits: ConnectionLimits,
) -> io::Result<()> {
    let (open, counts) = (TaskTracker::new(), Connections::new(limits));
    loop {
        tokio::select! {
            () = drain.stop.cancelled() => break,
            accepted = listener.accept() => match accepted {
                Ok((stream, peer)) => match counts.count(peer.ip().into()) {
                    Ok(counted) => {
                        // Answers are whole: there is nothing to wait for.
                        let _ = stream.set_nodelay(true);
                        let progress = Progress::new();
                        let watched = Watched::new(stream, progress.clone(), counted);
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
                    Err(whose) => turn_away(&stream, whose),
                },
                Err(error) if of_one_connection(&error) => {}
                Err(error) => {
                    // Out of file descriptors, most likely: they come back when connections end.
                    tracing::error!(%error, "a connection could not be accepted");
                    sleep(Duration::from_secs(1)).await;
                }
            },
        }
    }
    drop(listener);
    open.close();
    drain.sockets.close();
    tokio::join!(open.wait(), drain.sockets.wait());
    Ok(())
}

/// Ends a connection that is one too many by this limit, with a word where that can be said at once.
fn turn_away(stream: &TcpStream, whose: &'static str) {
    metrics::counter!("switchboard_connections_refused_total", "limit" => whose).increment(1);
    let _ = stream.try_write(FULL);
}

/// Serves one connection until it ends, takes too long, or the server stops and its request has been answered.
async fn connection(
    stream: Watched,
    progress: Progress,
    peer: Peer,
    router: Router,
    drain: Drain,
    idle: Duration,
) {
    let (begun, over) = (progress.clone(), progress.clone());
    let stop = drain.stop.clone();
    let service = router
        .map_request(move |mut request: Request<hyper::body::Incoming>| {
            begun.request();
            request.extensions_mut().insert(peer);
            request.map(Body::new)
        })
        .map_response(move |response| over.clone().answer(drain.last_if_leaving(response)));
    // Without hyper's timer, which counts idling as part of the next request's head.
    let mut builder = http1::Builder::new();
    builder.header_read_timeout(None);
    let connection = builder.serve_connection(TokioIo::new(stream), TowerToHyperService::new(service));
    let mut connection = pin!(connection.with_upgrades());
    let mut overdue = pin!(progress.overdue(idle));
    let mut is_stopping = false;
    loop {
        tokio::select! {
            ended = connection.as_mut() => {
                if let Err(error) = ended {
                    tracing::debug!(%error, "a connection broke");
                }
                return;
            }
            () = overdue.as_mut() => {
                tracing::debug!("a connection was idle or slow for too long");
                return;
            }
            () = stop.cancelled(), if !is_stopping => {
                is_stopping = true;
                connection.as_mut().graceful_shutdown();
            }
        }
    }
}

fn of_one_connection(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset};
    matches!(error.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset)
}
