//! `/metrics`: counters for Prometheus. Routes and statuses, never who or what.

use std::sync::OnceLock;
use std::time::Duration;

use axum::extract::State;
use axum::http::{Method, StatusCode, header};
use axum::response::{IntoResponse, Response};
use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle};

use super::Edge;

const SECONDS: [f64; 10] = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0, 30.0];

/// A process has one recorder, however many routers it builds.
static RECORDER: OnceLock<Option<PrometheusHandle>> = OnceLock::new();

fn recorder() -> Option<&'static PrometheusHandle> {
    let install = || PrometheusBuilder::new().set_buckets(&SECONDS)?.install_recorder();
    let installed = RECORDER.get_or_init(|| {
        install().inspect_err(|error| tracing::warn!(%error, "metrics are not recorded")).ok()
    });
    installed.as_ref()
}

/// Starts recording.
pub(super) fn start() {
    let _ = recorder();
}

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
    match recorder() {
        Some(recorder) => {
            recorder.run_upkeep();
            let kind = [(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")];
            (kind, recorder.render()).into_response()
        }
        None => StatusCode::SERVICE_UNAVAILABLE.into_response(),
    }
}
