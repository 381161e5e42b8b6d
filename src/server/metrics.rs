//! `/metrics` for Prometheus, and the recording of HTTP requests. Labels are routes and statuses, never identities.
//!
//! Gauges of pools, unfinished operations and readiness are read at scrape time. Unfinished operations are
//! counted in the database, over a partial index and at most every [`COUNT_EVERY`]. While the database is
//! unavailable, the last values stay.

use std::collections::HashMap;
use std::sync::{Arc, LazyLock, PoisonError, RwLock};
use std::time::{Duration, Instant};

use axum::extract::State;
use axum::http::{Method, StatusCode, header};
use axum::response::{IntoResponse, Response};
use metrics::{Counter, Histogram};
use tokio::sync::Mutex;
use tokio::time::timeout;

use super::{ServerState, health};
use crate::telemetry;
use crate::telemetry::catalogue::METHODS;

/// Minimum interval between two counts of unfinished operations, however many scrapers there are.
const COUNT_EVERY: Duration = Duration::from_secs(15);
/// Time limit of such a count, below the usual scrape timeout.
const COUNT_TIME: Duration = Duration::from_secs(2);

/// Registered metrics of one route.
struct RouteMetrics {
    /// Request counters by method and status.
    requests: HashMap<(&'static str, u16), Counter>,
    duration: Histogram,
}

/// Metrics by route. Bounded by the number of routes: unmatched requests share one.
static ROUTES: LazyLock<RwLock<HashMap<String, RouteMetrics>>> = LazyLock::new(|| {
    // Counters obtained before the recorder is installed would record nothing.
    telemetry::record_metrics();
    RwLock::default()
});

/// Records an answered request.
pub(super) fn record_response(method: &Method, route: &str, status: StatusCode, took: Duration) {
    let (method, status) = (method_label(method), status.as_u16());
    // The read lock serves all but the first request with this method and status.
    let routes = ROUTES.read().unwrap_or_else(PoisonError::into_inner);
    if let Some(recorded) = routes.get(route)
        && let Some(requests) = recorded.requests.get(&(method, status))
    {
        requests.increment(1);
        recorded.duration.record(took);
        return;
    }
    drop(routes);
    let mut routes = ROUTES.write().unwrap_or_else(PoisonError::into_inner);
    let recorded = routes.entry(route.to_owned()).or_insert_with(|| RouteMetrics {
        requests: HashMap::new(),
        duration: metrics::histogram!("http_request_duration_seconds", "route" => route.to_owned()),
    });
    let requests = recorded.requests.entry((method, status)).or_insert_with(|| {
        let labels =
            [("method", method.to_owned()), ("route", route.to_owned()), ("status", status.to_string())];
        metrics::counter!("http_requests_total", &labels)
    });
    requests.increment(1);
    recorded.duration.record(took);
}

/// Returns the method's label. Non-standard methods share `OTHER`, so that clients cannot create labels.
fn method_label(method: &Method) -> &'static str {
    METHODS.into_iter().find(|name| *name == method.as_str()).unwrap_or("OTHER")
}

/// When unfinished operations were last counted. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub(super) struct LastBacklogCount(Arc<Mutex<Option<Instant>>>);

/// Handles `/metrics`: updates the gauges that are read at scrape time, then renders all metrics.
pub(super) async fn render(State(server): State<ServerState>) -> Response {
    metrics::counter!("switchboard_database_statements_total").absolute(server.database.statements());
    for pool in server.database.pools() {
        let connections = |state| {
            let labels = [("pool", pool.name), ("state", state)];
            metrics::gauge!("switchboard_database_connections", &labels)
        };
        connections("in_use").set(pool.in_use);
        connections("idle").set(pool.idle);
        metrics::gauge!("switchboard_database_connections_max", "pool" => pool.name).set(pool.max);
    }
    let system = server.database.system();
    metrics::gauge!("switchboard_database_away").set(f64::from(u8::from(system.is_unavailable())));
    count_operations(&server).await;
    let is_ready = health::ready(State(server)).await.status().is_success();
    metrics::gauge!("switchboard_ready").set(f64::from(u8::from(is_ready)));
    let content_type = (header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8");
    ([content_type], telemetry::render_metrics()).into_response()
}

async fn count_operations(server: &ServerState) {
    // Held across the count, so that concurrent scrapes share one.
    let mut counted_at = server.last_backlog_count.0.lock().await;
    let system = server.database.system();
    if system.is_unavailable() || counted_at.is_some_and(|at| at.elapsed() < COUNT_EVERY) {
        return;
    }
    // Before the count, so that one that fails is not repeated at every scrape.
    *counted_at = Some(Instant::now());
    match timeout(COUNT_TIME, system.backlog()).await {
        Ok(Ok(backlog)) => {
            for (state, operations) in backlog.by_state {
                metrics::gauge!("switchboard_operations", "state" => state.as_str()).set(operations as f64);
            }
            let oldest = backlog.oldest.map_or(0.0, |oldest| oldest.timestamp_millis() as f64 / 1000.0);
            metrics::gauge!("switchboard_operation_oldest_timestamp_seconds").set(oldest);
        }
        Ok(Err(error)) => tracing::debug!(%error, "counting unfinished operations failed"),
        Err(_) => tracing::debug!(limit = ?COUNT_TIME, "counting unfinished operations timed out"),
    }
}
