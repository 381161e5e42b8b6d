//! HTTP server: middleware, GraphQL over HTTP and WebSocket, GraphiQL, the console, health checks and metrics.
//!
//! It does not depend on the GraphQL schema: requests go to [`Api`], and webhooks arrive as a router of their
//! own. Requests that the server rejects itself get a body in the shape of a GraphQL error.

mod assets;
mod connection;
mod console;
mod credentials;
mod execution_limits;
mod graphiql;
mod graphql_http;
mod graphql_ws;
mod health;
mod layers;
mod media;
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

use self::console::Console;
use self::execution_limits::ExecutionLimits;
use self::graphiql::Graphiql;
use self::graphql_ws::Sockets;
use self::health::Readiness;
use self::layers::RequestId;
use self::rate::RateLimiter;
use self::rejection::Rejection;
use crate::auth::Authenticator;
use crate::domain::{Clock, Entropy, Workers};
use crate::graphql::Api;
use crate::store::Database;

pub use self::assets::{Assets, AssetsError};
pub use self::connection::ConnectionLimits;
pub use self::console::ConsoleConfig;
pub use self::media::MediaAccess;
pub use self::rate::RateLimits;
pub use self::serve::{Drain, serve};

/// Maximum body size in bytes for routes that set no limit of their own.
const MAX_BODY: usize = 2 * 1024 * 1024;

/// Time limit of a request, above the 30 s that the API gives a mutation. Webhooks have their own limits.
const REQUEST_TIME: Duration = Duration::from_secs(60);

/// Settings of the HTTP server.
#[derive(Debug, Clone)]
pub struct ServerConfig {
    /// Whether `/graphql` serves GraphiQL to browsers.
    pub graphiql: bool,
    /// Settings of the console. `None` disables it.
    pub console: Option<ConsoleConfig>,
    /// Source of both pages' libraries.
    pub assets: Assets,
    /// Files of messages and the links to them.
    pub media: MediaAccess,
    /// Routes of an emulated carrier that place test calls. `None` outside of `dev`.
    pub test_calls: Option<Router>,
    /// Public origins of this server, such as `https://calls.example.com`. Its own pages are served from there.
    pub own_origins: Vec<String>,
    /// Further origins whose pages may call the API from a browser, such as `https://dashboard.example.com`.
    pub allowed_origins: Vec<String>,
    /// Requests per minute for principals and for addresses.
    pub rate_limits: RateLimits,
    /// Number of proxies in front of this server that append the client's address to `X-Forwarded-For`.
    pub trusted_proxies: u8,
    /// Clock for rate limits and for the expiry of a socket's token.
    pub clock: Clock,
    /// Source of request ids.
    pub entropy: Entropy,
}

/// State shared by all handlers. Cheap to clone.
#[derive(Clone)]
struct ServerState {
    api: Api,
    authenticator: Authenticator,
    database: Database,
    readiness: Readiness,
    graphiql: Option<Arc<Graphiql>>,
    /// Own and allowed origins, as WebSocket handshakes are checked against both.
    origins: Arc<[String]>,
    rate_limiter: RateLimiter,
    execution_limits: ExecutionLimits,
    trusted_proxies: u8,
    clock: Clock,
    entropy: Entropy,
    sockets: Sockets,
    last_backlog_count: metrics::LastBacklogCount,
    media: MediaAccess,
    drain: Drain,
}

/// Builds the complete router: GraphQL, GraphiQL, the console, health, metrics, and the given webhooks.
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
    let server = ServerState {
        api,
        authenticator,
        readiness: Readiness::new(database.clone(), workers),
        rate_limiter: RateLimiter::new(
            config.rate_limits,
            config.clock.clone(),
            // On SQLite this is the only server, so its own buckets are the whole limit.
            database.has_other_servers().then(|| database.system()),
        ),
        database,
        graphiql: config.graphiql.then(|| Arc::new(Graphiql::new(&config.assets))),
        origins: config.own_origins.into_iter().chain(config.allowed_origins).collect(),
        execution_limits: ExecutionLimits::new(),
        trusted_proxies: config.trusted_proxies,
        clock: config.clock,
        entropy: config.entropy,
        sockets: Sockets::default(),
        last_backlog_count: metrics::LastBacklogCount::default(),
        media: config.media,
        drain,
    };
    let graphql = get(graphql_http::get).post(graphql_http::post).fallback(graphql_http::other_method);
    let mut routes = Router::new()
        // The layer added last runs first: the header is cut before CORS repeats it.
        .route("/graphql", graphql.layer(cors).layer(map_request(origin::bound_preflight)))
        .route("/graphql/ws", get(graphql_ws::upgrade))
        .route("/api/media/{id}", get(media::get))
        .route("/healthz", get(health::live))
        .route("/readyz", get(health::ready))
        .route("/metrics", get(metrics::render));
    if server.graphiql.is_some() {
        routes = routes.merge(graphiql::routes());
    }
    if let Some(console) = &config.console {
        routes =
            routes.merge(console::routes(Console::new(console, &config.assets, config.test_calls.is_some())));
    }
    if let Some(calls) = config.test_calls {
        routes = routes.merge(console::test_calls(calls));
    }
    routes = routes.merge(assets::routes(config.assets));
    let routes = routes.fallback(not_found).with_state(server.clone());
    surround(with_webhooks(routes, webhooks, REQUEST_TIME), server)
}

/// Joins both routers. The request time limit applies to the server's own routes only: a webhook's deadline
/// is shorter and ends in TwiML, which a generic 503 would replace.
fn with_webhooks(own: Router, webhooks: Router, time: Duration) -> Router {
    own.layer(TimeoutLayer::with_status_code(StatusCode::SERVICE_UNAVAILABLE, time)).merge(webhooks)
}

/// Wraps every route in the common layers, the innermost first.
fn surround(routes: Router, server: ServerState) -> Router {
    routes.layer(DefaultBodyLimit::max(MAX_BODY)).layer(from_fn_with_state(server, layers::observe))
}

async fn not_found(request_id: RequestId) -> Response {
    Rejection::new(StatusCode::NOT_FOUND, "NOT_FOUND", "no such path").respond(&request_id.0)
}

#[cfg(test)]
mod tests {
    use tower::ServiceExt;

    use super::*;

    #[tokio::test]
    async fn the_request_time_limit_does_not_apply_to_webhooks() {
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
