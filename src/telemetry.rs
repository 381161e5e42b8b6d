//! Logs, metrics and traces. None of them ever blocks a request.
//!
//! Conventions for log lines:
//! - The message names the event, in lower case and without values. Values are fields (`request_id`,
//!   `operation`, `agent`, `number`, `error`), so that a search finds them in both formats.
//! - Phone numbers are masked by [`crate::domain::mask`]. Tokens, secrets, message bodies and SQL are never logged.
//! - An error is logged once, where it is handled: `warn` if the system recovers by itself, `error` if a
//!   person has to act.
//! - Lines go to stderr; stdout is reserved for the output of commands. [`log_writer`] writes them on its own
//!   thread: if stderr is not read, lines are dropped and nothing waits.
//!
//! Metrics: other modules record them with the macros of the `metrics` crate; [`catalogue`] lists every
//! metric. Handles used for each HTTP request are registered once and cached. All others are looked up at
//! each use, which takes less than 1 µs.
//!
//! Traces: other modules open spans with the macros of the `tracing` crate; [`spans`] records them
//! and [`otlp`] exports them.

pub mod catalogue;
mod log_writer;
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
pub use spans::{continue_trace, record_response, traceparent};

/// Starts logging to stderr for the rest of the process, as text or as one JSON object per line. `filter` has
/// the syntax of `RUST_LOG`; invalid directives are ignored. With `traces`, spans are exported as well, which
/// requires a Tokio runtime. A second call has no effect.
pub fn start(json: bool, filter: &str, traces: Option<TraceConfig>) {
    let Some(writer) = log_writer::start() else { return };
    std::panic::set_hook(Box::new(log_panic));
    let filter = EnvFilter::new(filter);
    // An error means that a subscriber is already installed, for example by a test. It stays in use.
    drop(match traces {
        None => tracing_subscriber::registry().with(filter).with(format(json, writer)).try_init(),
        Some(traces) => {
            let spans = spans::layer(otlp::start(traces));
            tracing_subscriber::registry()
                // The filter is for lines only: spans are exported whatever `RUST_LOG` says.
                .with(format::<Registry>(json, writer).with_filter(filter))
                .with(spans)
                .try_init()
        }
    });
}

fn format<S>(json: bool, writer: log_writer::LogWriter) -> Box<dyn Layer<S> + Send + Sync>
where
    S: Subscriber + for<'a> LookupSpan<'a>,
{
    let is_colored = !json && std::io::stderr().is_terminal();
    let layer = fmt::layer().with_writer(writer).with_ansi(is_colored);
    if json { layer.json().flatten_event(true).boxed() } else { layer.boxed() }
}

/// Logs a panic as an ordinary log line. The standard hook writes to stderr directly and would block
/// if nobody reads it.
fn log_panic(panic: &PanicHookInfo<'_>) {
    // Empty unless `RUST_BACKTRACE` is set.
    let backtrace = std::backtrace::Backtrace::capture();
    tracing::error!(
        message = panic.payload_as_str().unwrap_or("panicked"),
        panicked_at = panic.location().map(tracing::field::display),
        backtrace = matches!(backtrace.status(), std::backtrace::BacktraceStatus::Captured)
            .then(|| tracing::field::display(&backtrace)),
    );
    if std::thread::current().name() == Some("main") {
        // The process ends now, so nothing else would write the line.
        flush_logs();
    }
}

/// Waits until the lines logged so far are written, for at most one second. Returns whether they are.
pub fn flush_logs() -> bool {
    log_writer::flush(Duration::from_secs(1))
}

/// Interval of [`run_metrics_upkeep`]: short enough that few unaggregated values stay in memory.
const UPKEEP_EVERY: Duration = Duration::from_secs(5);

/// Aggregates recorded histogram values, forever. Without it every single value stays in memory until
/// `/metrics` is scraped, which may never happen.
pub async fn run_metrics_upkeep() {
    loop {
        tokio::time::sleep(UPKEEP_EVERY).await;
        metrics().run_upkeep();
    }
}

/// Renders all metrics in Prometheus' text format.
#[must_use]
pub fn render_metrics() -> String {
    let handle = metrics();
    metrics::counter!("switchboard_log_lines_lost_total").absolute(log_writer::lost());
    // A scrape may come just before the next upkeep: what was recorded since belongs to it.
    handle.run_upkeep();
    handle.render()
}

/// Installs the metrics recorder, describes the metrics of the [`catalogue`] and exports its counters at 0.
/// Further calls have no effect. Metrics recorded before the first call are lost.
pub fn record_metrics() {
    metrics();
}

fn metrics() -> &'static PrometheusHandle {
    static HANDLE: OnceLock<PrometheusHandle> = OnceLock::new();
    HANDLE.get_or_init(|| {
        let recorder = builder().build_recorder();
        let handle = recorder.handle();
        if metrics::set_global_recorder(recorder).is_err() {
            tracing::warn!(
                "metrics recorder not installed: another one is in place, and /metrics stays empty"
            );
        }
        catalogue::describe();
        handle
    })
}

/// Returns a recorder with buckets for every histogram. The default, summaries, cannot be aggregated over servers.
fn builder() -> PrometheusBuilder {
    catalogue::histograms().fold(PrometheusBuilder::new(), |builder, (name, buckets)| {
        // Fails only for an empty list of buckets, which the catalogue does not have.
        builder
            .set_buckets_for_metric(Matcher::Full(name.to_owned()), buckets)
            .unwrap_or_else(|_| PrometheusBuilder::new())
    })
}
