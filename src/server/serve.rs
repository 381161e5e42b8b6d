//! Accepting connections, and letting them end.

use std::io;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::http::Request;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use hyper_util::server::graceful::GracefulShutdown;
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tower::ServiceExt;

use super::rate::Peer;

/// How long a request's headers may take; `axum::serve` would wait for ever.
const HEADER_TIME: Duration = Duration::from_secs(10);

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
pub async fn serve(listener: TcpListener, router: Router, drain: Drain) -> io::Result<()> {
    let connections = GracefulShutdown::new();
    loop {
        tokio::select! {
            () = drain.stop.cancelled() => break,
            accepted = listener.accept() => match accepted {
                Ok((stream, peer)) => connect(stream, Peer(peer.ip()), &router, &connections),
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

fn connect(stream: TcpStream, peer: Peer, router: &Router, connections: &GracefulShutdown) {
    // Answers are small and whole: there is nothing to wait for.
    let _ = stream.set_nodelay(true);
    let service = router.clone().map_request(move |mut request: Request<hyper::body::Incoming>| {
        request.extensions_mut().insert(peer);
        request.map(Body::new)
    });
    let mut builder = Builder::new(TokioExecutor::new());
    builder.http1().timer(TokioTimer::new()).header_read_timeout(HEADER_TIME);
    let connection =
        builder.serve_connection_with_upgrades(TokioIo::new(stream), TowerToHyperService::new(service));
    let connection = connections.watch(connection.into_owned());
    tokio::spawn(async move {
        if let Err(error) = connection.await {
            tracing::debug!(%error, "a connection broke");
        }
    });
}

fn of_one_connection(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset};
    matches!(error.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset)
}
