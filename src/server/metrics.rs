//! `/metrics`: counters for Prometheus. Routes and statuses, never who or what.

use std::collections::HashMap;
use std::sync::{LazyLock, PoisonError, RwLock};
use std::time::Duration;

use axum::extract::State;
use axum::http::{Method, StatusCode, header};
use axum::response::{IntoResponse, Response};
use metrics::{Counter, Histogram};

use super::Edge;
use crate::telemetry;

/// What is recorded of a route.
struct Recorded {
    /// By method and status.
    requests: HashMap<(&'static str, u16), Counter>,
    duration: Histogram,
}

/// By route, of which there are as many as the router has.
static RECORDED: LazyLock<RwLock<HashMap<String, Recorded>>> = LazyLock::new(|| {
    // What is asked for before the recorder is in place records nothing.
    telemetry::metrics();
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
    const NAMES: [&str; 9] = ["POST", "GET", "HEAD", "OPTIONS", "PUT", "DELETE", "PATCH", "TRACE", "CONNECT"];
    NAMES.into_iter().find(|name| *name == method.as_str()).unwrap_or("OTHER")
}

/// All that was recorded.
pub(super) async fn render(State(edge): State<Edge>) -> Response {
    metrics::counter!("database_statements_total").absolute(edge.database.statements());
    let recorded = telemetry::metrics();
    recorded.run_upkeep();
    ([(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], recorded.render()).into_response()
}
