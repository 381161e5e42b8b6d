//! `/metrics`: what was measured, for Prometheus. Routes and statuses, never who or what.
//!
//! Gauges of what others hold (pools, unfinished operations, readiness) are read when they are asked for. Unfinished operations are
//! counted in the database, by an index over these alone and no more often than every [`COUNT_EVERY`]; while the database is away
//! the figures stay as they were last.

use std::collections::HashMap;
use std::sync::{Arc, LazyLock, PoisonError, RwLock};
use std::time::{Duration, Instant};

use axum::extract::State;
use axum::http::{Method, StatusCode, header};
use axum::response::{IntoResponse, Response};
use metrics::{Counter, Histogram};
use tokio::sync::Mutex;
use tokio::time::timeout;

use super::{Edge, health};
use crate::telemetry;
use crate::telemetry::catalogue::METHODS;

/// How often unfinished operations are counted at most, however many ask for metrics.
const COUNT_EVERY: Duration = Duration::from_secs(15);
/// How long the database may take to count them.
const COUNT_TIME: Duration = Duration::from_secs(2);

/// What is recorded of a route.
struct Recorded {
    /// By method and status.
    requests: HashMap<(&'static str, u16), Counter>,
    duration: Histogram,
}

/// By route, of which there are as many as the router has.
static RECORDED: LazyLock<RwLock<HashMap<String, Recorded>>> = LazyLock::new(|| {
    // What is asked for before the recorder is in place records nothing.
    telemetry::record_metrics();
    RwLock::default()
});

/// Records a request that was answered.
pub(super) fn answered(method: &Method, route: &str, status: StatusCode, took: Duration) {
    let (method, status) = (name(method), status.as_u16());
    let recorded = RECORDED.read().unwrap_or_else(PoisonError::into_inner);
    if let Some(recorded) = recorded.get(route)
        && let Some(requests) = recorded.requests.get(&(method, status))
    {
        requests.increment(1);
        recorded.duration.record(took);
        return;
    }
    drop(recorded);
    let mut recorded = RECORDED.write().unwrap_or_else(PoisonError::into_inner);
    let recorded = recorded.entry(route.to_owned()).or_insert_with(|| Recorded {
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

/// A method's name. Clients can make up others without end: they are one.
fn name(method: &Method) -> &'static str {
    METHODS.into_iter().find(|name| *name == method.as_str()).unwrap_or("OTHER")
}

/// When unfinished operations were last counted. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub(super) struct Counted(Arc<Mutex<Option<Instant>>>);

/// All that was recorded.
pub(super) async fn render(State(edge): State<Edge>) -> Response {
    metrics::counter!("switchboard_database_statements_total").absolute(edge.database.statements());
    for pool in edge.database.pools() {
        let connections = |state| metrics::gauge!("switchboard_database_connections", "pool" => pool.name, "state" => state);
        connections("in_use").set(pool.in_use);
        connections("idle").set(pool.idle);
        metrics::gauge!("switchboard_database_connections_max", "pool" => pool.name).set(pool.max);
    }
    let system = edge.database.system();
    metrics::gauge!("switchboard_database_away").set(f64::from(u8::from(system.is_unavailable())));
    count_operations(&edge).await;
    let is_ready = health::ready(State(edge)).await.status().is_success();
    metrics::gauge!("switchboard_ready").set(f64::from(u8::from(is_ready)));
    let content_type = (header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8");
    ([content_type], telemetry::render_metrics()).into_response()
}

async fn count_operations(edge: &Edge) {
    // Whoever asks at the same moment waits for the same count.
    let mut counted = edge.counted.0.lock().await;
    let system = edge.database.system();
    if system.is_unavailable() || counted.is_some_and(|at| at.elapsed() < COUNT_EVERY) {
        return;
    }
    *counted = Some(Instant::now());
    match timeout(COUNT_TIME, system.backlog()).await {
        Ok(Ok(backlog)) => {
            for (state, operations) in backlog.by_state {
                metrics::gauge!("switchboard_operations", "state" => state.as_str()).set(operations as f64);
            }
            let oldest = backlog.oldest.map_or(0.0, |oldest| oldest.timestamp_millis() as f64 / 1000.0);
            metrics::gauge!("switchboard_operation_oldest_timestamp_seconds").set(oldest);
        }
        Ok(Err(error)) => tracing::debug!(%error, "unfinished operations could not be counted"),
        Err(_) => tracing::debug!("unfinished operations could not be counted in time"),
    }
}
