//! Exports spans to an OpenTelemetry collector: OTLP over HTTP, in JSON.
//!
//! Spans wait in a bounded queue, and one task sends them in batches. Nothing waits for it: a span that finds the queue full,
//! or whose batch the collector does not take, is lost and counted. That the collector fails is logged once, and once that it
//! is back.
//!
//! Written by hand rather than with `opentelemetry-otlp`. Without a second HTTP client, its SDK adds 18 crates to the tree (`prost` and
//! second versions of `rand` and `getrandom` among them), needs an adapter to our HTTP client, and does not tell how many spans it
//! lost. What is used of OTLP is one JSON document.

use std::sync::OnceLock;
use std::time::Duration;

use secrecy::{ExposeSecret, SecretString};
use serde_json::{Value, json};
use tokio::sync::{mpsc, oneshot};
use tokio::time::{Instant, timeout, timeout_at};
use url::Url;

use super::spans::{Attribute, Recorded};

/// Spans that wait to be exported.
const MOST_WAITING: usize = 8192;
/// Spans of one request to the collector.
const BATCH: usize = 512;
/// How long a batch gathers.
const GATHER: Duration = Duration::from_secs(1);
/// How long the end of the process waits for the last batch.
const FLUSH: Duration = Duration::from_secs(2);

/// Where spans go, and which.
#[derive(Debug, Clone)]
pub struct TraceConfig {
    /// The collector's `…/v1/traces`.
    pub url: Url,
    /// Sent with every request: they may hold a secret.
    pub headers: Vec<(String, SecretString)>,
    /// Attributes of this server, `service.name` among them.
    pub resource: Vec<(String, String)>,
    /// Which traces are exported.
    pub sampler: Sampler,
    /// How long the collector may take.
    pub timeout: Duration,
}

/// Which traces are exported.
#[derive(Debug, Clone, Copy)]
pub struct Sampler {
    /// The share of traces, from 0 to 1.
    pub ratio: f64,
    /// Whether a request that names the trace it belongs to decides itself.
    pub follows_parent: bool,
}

impl Sampler {
    /// Whether a trace that begins here is exported. Every server decides alike.
    pub(super) fn samples(&self, trace: u128) -> bool {
        // The last 56 bits are the random ones.
        let random = (trace & ((1 << 56) - 1)) as f64;
        random < self.ratio * (1_u64 << 56) as f64
    }

    /// The same, for one that began elsewhere.
    pub(super) fn samples_below(&self, trace: u128, is_sampled: bool) -> bool {
        if self.follows_parent { is_sampled } else { self.samples(trace) }
    }
}

enum Item {
    Span(Box<Recorded>),
    /// Everything before is to be sent now.
    Flush(oneshot::Sender<()>),
}

/// Where closed spans go. Cheap to clone.
#[derive(Clone)]
pub(super) struct Queue {
    items: mpsc::Sender<Item>,
    sampler: Sampler,
}

static QUEUE: OnceLock<Queue> = OnceLock::new();

impl Queue {
    pub(super) fn add(&self, span: Recorded) {
        if self.items.try_send(Item::Span(Box::new(span))).is_err() {
            lose(1, "queue_full");
        }
    }

    pub(super) fn sampler(&self) -> &Sampler {
        &self.sampler
    }
}

fn lose(spans: usize, reason: &'static str) {
    metrics::counter!("switchboard_spans_lost_total", "reason" => reason).increment(spans as u64);
}

/// The sampler, once spans are exported.
pub(super) fn sampler() -> Option<&'static Sampler> {
    QUEUE.get().map(Queue::sampler)
}

/// Starts the task that exports.
pub(super) fn start(config: TraceConfig) -> Queue {
    let (items, waiting) = mpsc::channel(MOST_WAITING);
    let queue = Queue { items, sampler: config.sampler };
    tokio::spawn(export(config, waiting));
    QUEUE.get_or_init(|| queue).clone()
}

/// Sends what waits, for two seconds at most.
pub async fn flush_traces() {
    let Some(queue) = QUEUE.get() else { return };
    let (sent, is_sent) = oneshot::channel();
    let flushed = async {
        if queue.items.send(Item::Flush(sent)).await.is_ok() {
            let _sent_or_gone = is_sent.await;
        }
    };
    let _sent_or_too_late = timeout(FLUSH, flushed).await;
}

async fn export(config: TraceConfig, mut waiting: mpsc::Receiver<Item>) {
    let mut collector = Collector::new(config);
    while let Some(first) = waiting.recv().await {
        let (mut batch, mut flush, mut next) = (Vec::new(), None, Some(first));
        let until = Instant::now() + GATHER;
        while let Some(item) = next.take() {
            match item {
                Item::Span(span) => batch.push(*span),
                Item::Flush(sent) => flush = Some(sent),
            }
            if flush.is_none() && batch.len() < BATCH {
                next = timeout_at(until, waiting.recv()).await.ok().flatten();
            }
        }
        collector.send(&batch).await;
        if let Some(sent) = flush {
            // Whoever asked may have stopped waiting.
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
            reqwest::Client::builder().timeout(config.timeout).redirect(reqwest::redirect::Policy::none());
        // A proxy from the environment is for the world outside.
        if matches!(config.url.host_str(), Some("localhost" | "127.0.0.1" | "[::1]")) {
            builder = builder.no_proxy();
        }
        let http = builder.build();
        if let Err(error) = &http {
            tracing::error!(%error, "traces are not exported: there is no HTTP client");
        }
        Self { config, http: http.ok(), is_failing: false }
    }

    async fn send(&mut self, batch: &[Recorded]) {
        if batch.is_empty() {
            return;
        }
        match self.try_send(batch).await {
            Ok(()) if self.is_failing => {
                self.is_failing = false;
                tracing::info!("the trace collector takes spans again");
            }
            Ok(()) => {}
            Err(why) => {
                lose(batch.len(), "export_failed");
                if !self.is_failing {
                    self.is_failing = true;
                    tracing::warn!(why, "the trace collector takes no spans: they are lost until it does");
                }
            }
        }
    }

    async fn try_send(&self, batch: &[Recorded]) -> Result<(), String> {
        let http = self.http.as_ref().ok_or("no HTTP client")?;
        let mut request = http.post(self.config.url.clone()).json(&document(&self.config.resource, batch));
        for (name, value) in &self.config.headers {
            request = request.header(name, value.expose_secret());
        }
        // Without the address: it may hold a secret.
        let answer = request.send().await.map_err(|error| error.without_url().to_string())?;
        let status = answer.status();
        if status.is_success() { Ok(()) } else { Err(format!("it answered {status}")) }
    }
}

/// An `ExportTraceServiceRequest`.
fn document(resource: &[(String, String)], batch: &[Recorded]) -> Value {
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

fn span(recorded: &Recorded) -> Value {
    const INTERNAL: u8 = 1;
    const SERVER: u8 = 2;
    const CLIENT: u8 = 3;
    const ERROR: u8 = 2;
    let kind = match recorded.name {
        "request" => SERVER,
        "provider_request" => CLIENT,
        _ => INTERNAL,
    };
    let nanos = |at: chrono::DateTime<chrono::Utc>| at.timestamp_nanos_opt().unwrap_or_default().to_string();
    let attributes: Vec<Value> = recorded
        .attributes
        .iter()
        .map(|(name, value)| json!({"key": by_convention(name), "value": written(value)}))
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

/// What tells spans of one kind apart, from a small set: `POST /graphql`, `carrier buy_number`.
fn name(recorded: &Recorded) -> String {
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

/// OpenTelemetry's name for what has one.
fn by_convention(name: &str) -> String {
    match name {
        "method" => "http.request.method".to_owned(),
        "route" => "http.route".to_owned(),
        "status" => "http.response.status_code".to_owned(),
        other => format!("switchboard.{other}"),
    }
}

fn written(value: &Attribute) -> Value {
    match value {
        Attribute::Text(text) => json!({"stringValue": text}),
        // A 64-bit integer is a string in protobuf's JSON.
        Attribute::Integer(number) => json!({"intValue": number.to_string()}),
        Attribute::Double(number) => json!({"doubleValue": number}),
        Attribute::Bool(is_true) => json!({"boolValue": is_true}),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ratio_is_that_share_of_all_traces_and_a_parent_decides_where_it_is_followed() {
        let sampler = |ratio, follows_parent| Sampler { ratio, follows_parent };
        let traces: Vec<u128> = (0..1000).map(|n| (7 << 100) | ((n << 56) / 1000)).collect();
        let sampled = |ratio| traces.iter().filter(|trace| sampler(ratio, true).samples(**trace)).count();
        assert_eq!([sampled(0.0), sampled(1.0)], [0, 1000]);
        assert!((240..=260).contains(&sampled(0.25)), "{}", sampled(0.25));
        assert!(sampler(0.0, true).samples_below(1, true) && !sampler(0.0, false).samples_below(1, true));
    }
}
