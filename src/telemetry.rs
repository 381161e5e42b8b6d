//! What the server tells about itself: log lines and metrics.
//!
//! Log lines, by convention: the message says what happened, in lower case and without values; the values are
//! fields (`request_id`, `operation`, `agent`, `number`, `error`), so that a search finds them in either format.
//! Telephone numbers are written by [`crate::domain::mask`]; tokens, secrets, message bodies and SQL never. An
//! error is logged once, where it is handled: `warn` when the system goes on by itself, `error` when a person has
//! to look. Lines go to stderr: stdout belongs to what a command was asked to print.

use std::io::IsTerminal;
use std::sync::OnceLock;
use std::time::Duration;

use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle};
use tracing_subscriber::EnvFilter;
use tracing_subscriber::util::SubscriberInitExt;

/// Starts logging to stderr for the rest of the process: for people, or as one JSON object a line for collectors.
/// `filter` is written as in `RUST_LOG`; what cannot be read of it is left out. A second call changes nothing.
pub fn start_logging(json: bool, filter: &str) {
    let lines = tracing_subscriber::fmt()
        .with_env_filter(EnvFilter::new(filter))
        .with_writer(std::io::stderr)
        .with_ansi(!json && std::io::stderr().is_terminal());
    // An error says that logging has started already, which is all that is asked for.
    drop(if json { lines.json().flatten_event(true).finish().try_init() } else { lines.finish().try_init() });
}

/// How often what was measured is summed up.
const UPKEEP_EVERY: Duration = Duration::from_secs(5);

/// Sums up what was measured, for as long as it is polled. Histograms keep every single value until then, and nobody may ever
/// ask for `/metrics`.
pub async fn keep_metrics() {
    loop {
        tokio::time::sleep(UPKEEP_EVERY).await;
        metrics().run_upkeep();
    }
}

/// The process's metrics, recorded from the first call on; every call returns the same handle. Its `render` is what
/// `/metrics` answers.
pub fn metrics() -> PrometheusHandle {
    static HANDLE: OnceLock<PrometheusHandle> = OnceLock::new();
    HANDLE
        .get_or_init(|| {
            let recorder = PrometheusBuilder::new().build_recorder();
            let handle = recorder.handle();
            if metrics::set_global_recorder(recorder).is_err() {
                tracing::warn!("another metrics recorder is in place: /metrics stays empty");
            }
            handle
        })
        .clone()
}
