//! What surrounds every request: layers in their order, the GraphQL endpoints, GraphiQL, health and metrics.
//!
//! The server knows HTTP and nothing of the schema: requests go to [`Api`], webhooks come as a router of their own.
//! Whatever it refuses itself has the shape of a GraphQL error.

mod connection;
mod credentials;
mod executing;
mod graphiql;
mod graphql_http;
mod graphql_ws;
mod health;
mod layers;
mod metrics;
mod negotiation;
mod origin;
mod rate;
mod rejection;
mod serve;

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::http::StatusCode;
use axum::middleware::{from_fn_with_state, map_request};
use axum::response::Response;
use axum::routing::get;
use tower_http::timeout::TimeoutLayer;

use self::executing::Executing;
use self::graphiql::Graphiql;
use self::graphql_ws::Sockets;
use self::health::Readiness;
use self::layers::RequestId;
use self::rate::Rates;
use self::rejection::Rejection;
use crate::auth::Authenticator;
use crate::domain::{Clock, Entropy, Workers};
use crate::graphql::Api;
use crate::store::Database;

pub use self::connection::ConnectionLimits;
pub use self::graphiql::{AssetsError, GraphiqlAssets};
pub use self::rate::RateLimits;
pub use self::serve::{Drain, serve};

/// The longest body outside of GraphQL, unless a route sets its own limit.
const MAX_BODY: usize = 2 * 1024 * 1024;

/// How long a request may take, beyond what a mutation is given. Webhooks have limits of their own.
const REQUEST_TIME: Duration = Duration::from_secs(60);

/// How the server behaves.
#[derive(Debug, Clone)]
pub struct ServerConfig {
    /// Where GraphiQL's files come from; no GraphiQL when unset.
    pub graphiql: Option<GraphiqlAssets>,
    /// The public origins of this server, as `https://calls.example.com`: its own pages come from there.
    pub own_origins: Vec<String>,
    /// Origins whose pages may use the API from a browser, as `https://dashboard.example.com`; our own always may.
    pub allowed_origins: Vec<String>,
    /// How often one may ask.
    pub rate_limits: RateLimits,
    /// How many proxies in front write clients' addresses into `X-Forwarded-For`.
    pub trusted_proxies: u8,
    /// Tells when a socket's token has run out, and when one may ask again.
    pub clock: Clock,
    /// Makes request ids.
    pub entropy: Entropy,
}

/// What the handlers work with.
#[derive(Clone)]
struct Edge {
    api: Api,
    authenticator: Authenticator,
    database: Database,
    readiness: Readiness,
    graphiql: Option<Arc<Graphiql>>,
    /// Ours and the allowed ones.
    origins: Arc<[String]>,
    rates: Rates,
    executing: Executing,
    trusted_proxies: u8,
    clock: Clock,
    entropy: Entropy,
    sockets: Sockets,
    counted: metrics::Counted,
    drain: Drain,
}

/// All routes: GraphQL, the webhooks as they are given, GraphiQL's files, health and metrics.
pub fn router(
    config: ServerConfig,
    api: Api,
    authenticator: Authenticator,
    database: Database,
    workers: Workers,
    webhooks: Router,
    drain: Drain,
) -> Router {
    let cors = origin::cors(&config.allowed_origins);
    let edge = Edge {
        api,
        authenticator,
        readiness: Readiness::new(database.clone(), workers),
        rates: Rates::new(
            config.rate_limits,
            config.clock.clone(),
            database.has_other_servers().then(|| database.system()),
        ),
        database,
        graphiql: config.graphiql.map(|assets| Arc::new(Graphiql::new(assets))),
        origins: config.own_origins.into_iter().chain(config.allowed_origins).collect(),
        executing: Executing::new(),
        trusted_proxies: config.trusted_proxies,
        clock: config.clock,
        entropy: config.entropy,
        sockets: Sockets::default(),
        counted: metrics::Counted::default(),
        drain,
    };
    let graphql = get(graphql_http::get).post(graphql_http::post).fallback(graphql_http::other_method);
    let mut routes = Router::new()
        .route("/graphql", graphql.layer(cors).layer(map_request(origin::bound_preflight)))
        .route("/graphql/ws", get(graphql_ws::upgrade))
        .route("/healthz", get(health::live))
        .route("/readyz", get(health::ready))
        .route("/metrics", get(metrics::render));
    if edge.graphiql.is_some() {
        routes = routes.merge(graphiql::routes());
    }
    let routes = routes.fallback(not_found).with_state(edge.clone());
    surround(with_webhooks(routes, webhooks, REQUEST_TIME), edge)
}

/// All routes. The time that a request may take is for the server's own: webhooks have limits of theirs.
fn with_webhooks(own: Router, webhooks: Router, time: Duration) -> Router {
    own.layer(TimeoutLayer::with_status_code(StatusCode::SERVICE_UNAVAILABLE, time)).merge(webhooks)
}

/// The layers around every route, the innermost first.
fn surround(routes: Router, edge: Edge) -> Router {
    routes.layer(DefaultBodyLimit::max(MAX_BODY)).layer(from_fn_with_state(edge, layers::observe))
}

async fn not_found(request_id: RequestId) -> Response {
    Rejection::new(StatusCode::NOT_FOUND, "NOT_FOUND", "there is nothing under this path")
        .respond(&request_id.0)
}

#[cfg(test)]
mod tests {
    use tower::ServiceExt;

    use super::*;

    #[tokio::test]
    async fn the_time_of_a_request_is_not_a_webhooks() {
        let takes = |time| get(async move || tokio::time::sleep(time).await);
        let own = Router::new().route("/own", takes(Duration::from_secs(60)));
        let webhooks = Router::new().route("/webhook", takes(Duration::from_millis(200)));
        let routes = with_webhooks(own, webhooks, Duration::from_millis(20));
        for (path, status) in [("/own", StatusCode::SERVICE_UNAVAILABLE), ("/webhook", StatusCode::OK)] {
            let request = axum::http::Request::get(path).body(axum::body::Body::empty()).unwrap();
            assert_eq!(routes.clone().oneshot(request).await.unwrap().status(), status, "{path}");
        }
    }
}
