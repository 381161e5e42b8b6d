//! What the server tells about itself: log lines, metrics and traces. None of them ever holds a request up.
//!
//! Log lines, by convention: the message says what happened, in lower case and without values; the values are
//! fields (`request_id`, `operation`, `agent`, `number`, `error`), so that a search finds them in either format.
//! Telephone numbers are written by [`crate::domain::mask`]; tokens, secrets, message bodies and SQL never. An
//! error is logged once, where it is handled: `warn` when the system goes on by itself, `error` when a person has
//! to look. Lines go to stderr: stdout belongs to what a command was asked to print. [`lines`] writes them on a thread of its
//! own: a reader that stops reading loses lines, and nothing waits for it.
//!
//! Metrics: the other modules record by the `metrics` crate's macros; [`catalogue`] lists every metric there is. What is
//! recorded for each HTTP request is registered once and kept; what is recorded for each call, provider request or rarer
//! event is looked up each time, which costs well under a microsecond.
//!
//! Traces: the other modules open spans by the `tracing` crate's macros; [`spans`] records them and [`otlp`] exports them.

pub mod catalogue;
mod lines;
mod otlp;
mod spans;

use std::io::IsTerminal;
use std::panic::PanicHookInfo;
use std::sync::OnceLock;
use std::time::Duration;

use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};
use tracing::Subscriber;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::registry::LookupSpan;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{EnvFilter, Layer, Registry, fmt};

pub use otlp::{Sampler, TraceConfig, flush_traces};
pub use spans::{answered, continue_trace, traceparent};

/// Starts logging to stderr for the rest of the process: for people, or as one JSON object a line for collectors.
/// `filter` is written as in `RUST_LOG`; what cannot be read of it is left out. With `traces`, which takes a tokio runtime, spans
/// are exported too. A second call changes nothing.
pub fn start(json: bool, filter: &str, traces: Option<TraceConfig>) {
    let Some(lines) = lines::start() else { return };
    std::panic::set_hook(Box::new(log_panic));
    let filter = EnvFilter::new(filter);
    // An error says that another subscriber is in place, which is then the one that is asked for.
    drop(match traces {
        None => tracing_subscriber::registry().with(filter).with(format(json, lines)).try_init(),
        Some(traces) => {
            let spans = spans::layer(otlp::start(traces));
            tracing_subscriber::registry()
                .with(format::<Registry>(json, lines).with_filter(filter))
                .with(spans)
                .try_init()
        }
    });
}

fn format<S>(json: bool, lines: lines::Lines) -> Box<dyn Layer<S> + Send + Sync>
where
    S: Subscriber + for<'a> LookupSpan<'a>,
{
    let is_colored = !json && std::io::stderr().is_terminal();
    let layer = fmt::layer().with_writer(lines).with_ansi(is_colored);
    if json { layer.json().flatten_event(true).boxed() } else { layer.boxed() }
}

/// A panic is a log line like any other: the standard hook writes to stderr itself, and would wait for its reader.
fn log_panic(panic: &PanicHookInfo<'_>) {
    let backtrace = std::backtrace::Backtrace::capture();
    tracing::error!(
        message = panic.payload_as_str().unwrap_or("panicked"),
        panicked_at = panic.location().map(tracing::field::display),
        backtrace = matches!(backtrace.status(), std::backtrace::BacktraceStatus::Captured)
            .then(|| tracing::field::display(&backtrace)),
    );
    if std::thread::current().name() == Some("main") {
        // Nobody comes back to write it.
        flush_logs();
    }
}

/// Waits until the lines logged so far are written, for a second at most. Returns whether they are.
pub fn flush_logs() -> bool {
    lines::flush(Duration::from_secs(1))
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

/// All metrics in Prometheus' text format.
#[must_use]
pub fn render_metrics() -> String {
    let handle = metrics();
    metrics::counter!("switchboard_log_lines_lost_total").absolute(lines::lost());
    handle.run_upkeep();
    handle.render()
}

/// Records the process's metrics from the first call on, those of the [`catalogue`] described and counters at 0.
pub fn record_metrics() {
    metrics();
}

fn metrics() -> &'static PrometheusHandle {
    static HANDLE: OnceLock<PrometheusHandle> = OnceLock::new();
    HANDLE.get_or_init(|| {
        let recorder = builder().build_recorder();
        let handle = recorder.handle();
        if metrics::set_global_recorder(recorder).is_err() {
            tracing::warn!("another metrics recorder is in place: /metrics stays empty");
        }
        catalogue::describe();
        handle
    })
}

/// Every histogram has buckets: summaries cannot be added up over servers.
fn builder() -> PrometheusBuilder {
    catalogue::histograms().fold(PrometheusBuilder::new(), |builder, (name, buckets)| {
        // Fails for no buckets alone.
        builder
            .set_buckets_for_metric(Matcher::Full(name.to_owned()), buckets)
            .unwrap_or_else(|_| PrometheusBuilder::new())
    })
}
