//! `/metrics`: counters for Prometheus. Routes and statuses, never who or what.

use std::time::Duration;

use axum::extract::State;
use axum::http::{Method, StatusCode, header};
use axum::response::{IntoResponse, Response};

use super::Edge;
use crate::telemetry;

/// Records a request that was answered.
pub(super) fn answered(method: &Method, route: &str, status: StatusCode, took: Duration) {
    let labels = [
        ("method", method.as_str().to_owned()),
        ("route", route.to_owned()),
        ("status", status.as_u16().to_string()),
    ];
    metrics::counter!("http_requests_total", &labels).increment(1);
    metrics::histogram!("http_request_duration_seconds", "route" => route.to_owned()).record(took);
}

/// All that was recorded.
pub(super) async fn render(State(edge): State<Edge>) -> Response {
    metrics::counter!("database_statements_total").absolute(edge.database.statements());
    let recorded = telemetry::metrics();
    recorded.run_upkeep();
    ([(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], recorded.render()).into_response()
}
