//! Accepting connections, and letting them end.

use std::io;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::http::Request;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto::Builder;
use hyper_util::server::graceful::GracefulShutdown;
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
    /// Cancelled when the server is to stop.
    pub stop: CancellationToken,
    /// The open sockets, which outlive the HTTP request that opened them.
    pub(super) sockets: TaskTracker,
}

impl Drain {
    /// Stops when `stop` is cancelled.
    #[must_use]
    pub fn new(stop: CancellationToken) -> Self {
        Self { stop, sockets: TaskTracker::new() }
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
    let (connections, counts) = (GracefulShutdown::new(), Connections::new(limits));
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
                        connect(watched, progress, Peer(peer.ip()), &router, &connections, limits.idle);
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
    drain.sockets.close();
    tokio::join!(connections.shutdown(), drain.sockets.wait());
    Ok(())
}

/// Ends a connection that is one too many by this limit, with a word where that can be said at once.
fn turn_away(stream: &TcpStream, whose: &'static str) {
    metrics::counter!("switchboard_connections_refused_total", "limit" => whose).increment(1);
    let _ = stream.try_write(FULL);
}

fn connect(
    stream: Watched,
    progress: Progress,
    peer: Peer,
    router: &Router,
    connections: &GracefulShutdown,
    idle: Duration,
) {
    let (begun, over) = (progress.clone(), progress.clone());
    let service = router
        .clone()
        .map_request(move |mut request: Request<hyper::body::Incoming>| {
            begun.request();
            request.extensions_mut().insert(peer);
            request.map(Body::new)
        })
        .map_response(move |response| over.clone().answer(response));
    // Without hyper's timer, which counts idling as part of the next request's head.
    let mut builder = Builder::new(TokioExecutor::new());
    builder.http1().header_read_timeout(None);
    let connection =
        builder.serve_connection_with_upgrades(TokioIo::new(stream), TowerToHyperService::new(service));
    let connection = connections.watch(connection.into_owned());
    tokio::spawn(async move {
        tokio::select! {
            ended = connection => if let Err(error) = ended {
                tracing::debug!(%error, "a connection broke");
            },
            () = progress.overdue(idle) => tracing::debug!("a connection was idle or slow for too long"),
        }
    });
}

fn of_one_connection(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset};
    matches!(error.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset)
}
