//! Exports spans to an OpenTelemetry collector, by OTLP over HTTP in JSON.
//!
//! Spans wait in a bounded queue, and one task sends them in batches. Nothing waits for the export: a span is
//! lost, and counted as lost, if the queue is full or the collector rejects its batch. A failing collector is
//! logged once, and once more when it has recovered.
//!
//! `opentelemetry-otlp` is not used: even without a second HTTP client, its SDK adds 18 crates (`prost` and
//! second versions of `rand` and `getrandom` among them), needs an adapter to our HTTP client, and does not
//! count the spans it loses. The part of OTLP needed here is one JSON document.

use std::sync::OnceLock;
use std::time::Duration;

use secrecy::{ExposeSecret, SecretString};
use serde_json::{Value, json};
use tokio::sync::{mpsc, oneshot};
use tokio::time::{Instant, timeout, timeout_at};
use url::Url;

use super::spans::{Attribute, SpanRecord};

/// Maximum number of spans that wait to be exported. Bounds memory while the collector is slow.
const MAX_QUEUED: usize = 8192;
/// Maximum number of spans in one request to the collector, the default of OpenTelemetry's SDKs.
const MAX_BATCH: usize = 512;
/// Time a batch waits for more spans.
const BATCH_TIME: Duration = Duration::from_secs(1);
/// Time that the end of the process waits for the last batch, so that a dead collector does not delay a shutdown.
const FLUSH_TIME: Duration = Duration::from_secs(2);

/// Configuration of the trace export.
#[derive(Debug, Clone)]
pub struct TraceConfig {
    /// Full URL of the collector's endpoint, ending in `/v1/traces`.
    pub url: Url,
    /// Headers of every request. Their values may be secrets.
    pub headers: Vec<(String, SecretString)>,
    /// Resource attributes of this server, `service.name` among them.
    pub resource: Vec<(String, String)>,
    /// Selects the traces to export.
    pub sampler: Sampler,
    /// Time limit of a request to the collector.
    pub timeout: Duration,
}

/// Decides which traces are exported.
#[derive(Debug, Clone, Copy)]
pub struct Sampler {
    /// Share of traces to export, from 0 to 1.
    pub ratio: f64,
    /// Whether a request with a `traceparent` header follows the header's sampling flag instead of `ratio`.
    pub follows_parent: bool,
}

impl Sampler {
    /// Decides on a trace that starts here. Depends on the trace id only, so that all servers decide alike.
    pub(super) fn samples(&self, trace: u128) -> bool {
        // W3C Trace Context (level 2) guarantees randomness for the last 56 bits only.
        let random = (trace & ((1 << 56) - 1)) as f64;
        random < self.ratio * (1_u64 << 56) as f64
    }

    /// Decides on a trace that a client started. `is_sampled` is the flag of its `traceparent`.
    pub(super) fn samples_child(&self, trace: u128, is_sampled: bool) -> bool {
        if self.follows_parent { is_sampled } else { self.samples(trace) }
    }
}

enum Item {
    Span(Box<SpanRecord>),
    /// Request to send everything queued before it, and to confirm that.
    Flush(oneshot::Sender<()>),
}

/// Sending half of the export queue. Cheap to clone.
#[derive(Clone)]
pub(super) struct ExportQueue {
    items: mpsc::Sender<Item>,
    sampler: Sampler,
}

static QUEUE: OnceLock<ExportQueue> = OnceLock::new();

impl ExportQueue {
    pub(super) fn add(&self, span: SpanRecord) {
        // Not awaited: a span may end inside a request.
        if self.items.try_send(Item::Span(Box::new(span))).is_err() {
            count_lost(1, "queue_full");
        }
    }

    pub(super) fn sampler(&self) -> &Sampler {
        &self.sampler
    }
}

fn count_lost(spans: usize, reason: &'static str) {
    metrics::counter!("switchboard_spans_lost_total", "reason" => reason).increment(spans as u64);
}

/// Returns the sampler. `None` if no exporter was started.
pub(super) fn sampler() -> Option<&'static Sampler> {
    QUEUE.get().map(ExportQueue::sampler)
}

/// Starts the exporting task. Requires a Tokio runtime.
pub(super) fn start(config: TraceConfig) -> ExportQueue {
    // Bounded: while the collector is slow, spans are dropped instead of filling memory.
    let (items, queued) = mpsc::channel(MAX_QUEUED);
    let queue = ExportQueue { items, sampler: config.sampler };
    tokio::spawn(export(config, queued));
    QUEUE.get_or_init(|| queue).clone()
}

/// Exports all queued spans, for at most two seconds. Call at the end of the process.
pub async fn flush_traces() {
    let Some(queue) = QUEUE.get() else { return };
    let (sent, is_sent) = oneshot::channel();
    let flushed = async {
        if queue.items.send(Item::Flush(sent)).await.is_ok() {
            let _sent_or_gone = is_sent.await;
        }
    };
    let _sent_or_too_late = timeout(FLUSH_TIME, flushed).await;
}

async fn export(config: TraceConfig, mut queued: mpsc::Receiver<Item>) {
    let mut collector = Collector::new(config);
    while let Some(first) = queued.recv().await {
        let (mut batch, mut flush, mut next) = (Vec::new(), None, Some(first));
        let until = Instant::now() + BATCH_TIME;
        while let Some(item) = next.take() {
            match item {
                Item::Span(span) => batch.push(*span),
                Item::Flush(sent) => flush = Some(sent),
            }
            // A flush ends the batch, since somebody waits for it.
            if flush.is_none() && batch.len() < MAX_BATCH {
                next = timeout_at(until, queued.recv()).await.ok().flatten();
            }
        }
        collector.send(&batch).await;
        if let Some(sent) = flush {
            // The receiver is gone if the flush has timed out.
            let _ = sent.send(());
        }
    }
}

struct Collector {
    config: TraceConfig,
    http: Option<reqwest::Client>,
    is_failing: bool,
}

impl Collector {
    fn new(config: TraceConfig) -> Self {
        let mut builder =
            // No redirects: the headers may hold a key, which only the configured host may see.
            reqwest::Client::builder().timeout(config.timeout).redirect(reqwest::redirect::Policy::none());
        // `HTTP_PROXY` is meant for external hosts; a proxy cannot reach this machine's loopback addresses.
        if matches!(config.url.host_str(), Some("localhost" | "127.0.0.1" | "[::1]")) {
            builder = builder.no_proxy();
        }
        let http = builder.build();
        if let Err(error) = &http {
            tracing::error!(%error, "trace export disabled: the HTTP client could not be built");
        }
        Self { config, http: http.ok(), is_failing: false }
    }

    async fn send(&mut self, batch: &[SpanRecord]) {
        if batch.is_empty() {
            return;
        }
        match self.try_send(batch).await {
            Ok(()) if self.is_failing => {
                self.is_failing = false;
                tracing::info!("trace collector recovered");
            }
            Ok(()) => {}
            Err(why) => {
                count_lost(batch.len(), "export_failed");
                // Logged once per outage: a batch is sent every second.
                if !self.is_failing {
                    self.is_failing = true;
                    tracing::warn!(why, "trace export failed: spans are lost until the collector recovers");
                }
            }
        }
    }

    async fn try_send(&self, batch: &[SpanRecord]) -> Result<(), String> {
        let http = self.http.as_ref().ok_or("no HTTP client")?;
        let mut request = http.post(self.config.url.clone()).json(&document(&self.config.resource, batch));
        for (name, value) in &self.config.headers {
            request = request.header(name, value.expose_secret());
        }
        // The URL may contain a secret, so it must not appear in the log.
        let response = request.send().await.map_err(|error| error.without_url().to_string())?;
        let status = response.status();
        if status.is_success() { Ok(()) } else { Err(format!("HTTP status {status}")) }
    }
}

/// Returns the batch as an `ExportTraceServiceRequest` in JSON.
fn document(resource: &[(String, String)], batch: &[SpanRecord]) -> Value {
    let resource: Vec<Value> =
        resource.iter().map(|(key, value)| json!({"key": key, "value": {"stringValue": value}})).collect();
    let spans: Vec<Value> = batch.iter().map(span).collect();
    json!({"resourceSpans": [{
        "resource": {"attributes": resource},
        "scopeSpans": [{
            "scope": {"name": env!("CARGO_PKG_NAME"), "version": env!("CARGO_PKG_VERSION")},
            "spans": spans,
        }],
    }]})
}

fn span(recorded: &SpanRecord) -> Value {
    const INTERNAL: u8 = 1;
    const SERVER: u8 = 2;
    const CLIENT: u8 = 3;
    const ERROR: u8 = 2;
    let kind = match recorded.name {
        // By the name of the span: `tracing` has no kinds.
        "request" => SERVER,
        "provider_request" => CLIENT,
        _ => INTERNAL,
    };
    // `None` only for times after the year 2262.
    let nanos = |at: chrono::DateTime<chrono::Utc>| at.timestamp_nanos_opt().unwrap_or_default().to_string();
    let attributes: Vec<Value> = recorded
        .attributes
        .iter()
        .map(|(name, value)| json!({"key": convention_name(name), "value": attribute_value(value)}))
        .collect();
    json!({
        "traceId": format!("{:032x}", recorded.context.trace),
        "spanId": format!("{:016x}", recorded.context.span),
        "parentSpanId": recorded.parent.map(|parent| format!("{parent:016x}")).unwrap_or_default(),
        "name": name(recorded),
        "kind": kind,
        "startTimeUnixNano": nanos(recorded.began_at),
        "endTimeUnixNano": nanos(recorded.ended_at()),
        "attributes": attributes,
        "status": if recorded.has_failed { json!({"code": ERROR}) } else { json!({}) },
    })
}

/// Returns the span's display name, which has few values: `POST /graphql`, `carrier buy_number`.
fn name(recorded: &SpanRecord) -> String {
    let words: &[&str] = match recorded.name {
        "request" => &["method", "route"],
        "provider_request" => &["provider", "endpoint"],
        "operation" => &["kind"],
        "step" => &["step"],
        other => return other.to_owned(),
    };
    let text = |word: &&str| match recorded.attribute(word) {
        Some(Attribute::Text(text)) => text.clone(),
        _ => (*word).to_owned(),
    };
    words.iter().map(text).collect::<Vec<_>>().join(" ")
}

/// Returns the attribute's name in OpenTelemetry's semantic conventions, or `switchboard.` with our name.
fn convention_name(name: &str) -> String {
    match name {
        "method" => "http.request.method".to_owned(),
        "route" => "http.route".to_owned(),
        "status" => "http.response.status_code".to_owned(),
        other => format!("switchboard.{other}"),
    }
}

fn attribute_value(value: &Attribute) -> Value {
    match value {
        Attribute::Text(text) => json!({"stringValue": text}),
        // Protobuf's JSON mapping writes 64-bit integers as strings.
        Attribute::Integer(number) => json!({"intValue": number.to_string()}),
        Attribute::Double(number) => json!({"doubleValue": number}),
        Attribute::Bool(is_true) => json!({"boolValue": is_true}),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_ratio_selects_a_share_of_traces_and_the_parent_decides_if_it_is_followed() {
        let sampler = |ratio, follows_parent| Sampler { ratio, follows_parent };
        let traces: Vec<u128> = (0..1000).map(|n| (7 << 100) | ((n << 56) / 1000)).collect();
        let sampled = |ratio| traces.iter().filter(|trace| sampler(ratio, true).samples(**trace)).count();
        assert_eq!([sampled(0.0), sampled(1.0)], [0, 1000]);
        assert!((240..=260).contains(&sampled(0.25)), "{}", sampled(0.25));
        assert!(sampler(0.0, true).samples_child(1, true) && !sampler(0.0, false).samples_child(1, true));
    }
}
