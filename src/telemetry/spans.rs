//! Records spans for the exporter and assigns them to traces.
//!
//! Every span of this crate is recorded, whatever `RUST_LOG` says, except those of probes (`/healthz`,
//! `/readyz`, `/metrics`). Most spans are `debug_span!`s, which cost nothing at the default log level without
//! an exporter. A span's fields become its attributes, so they must not contain phone numbers, tokens or
//! prompts. `outcome = "failed"` marks the span as failed.
//!
//! A trace starts with a request, or continues the trace of its `traceparent` header (W3C Trace Context). An
//! operation's span is a child of the request that runs it. If a worker continues the operation, perhaps on
//! another server, it starts a trace of its own; the attribute `operation` connects the two. Requests to
//! providers carry a `traceparent` as well.

use std::fmt::{self, Write};
use std::time::Instant;

use chrono::{DateTime, Utc};
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Level, Metadata, Span, Subscriber};
use tracing_subscriber::filter::{LevelFilter, filter_fn};
use tracing_subscriber::layer::Context;
use tracing_subscriber::registry::{LookupSpan, SpanRef};
use tracing_subscriber::{Layer, Registry};

use super::otlp::{ExportQueue, Sampler};
use crate::domain::{Clock, Entropy};

/// Name of spans that are not traced.
const PROBE: &str = "probe";
/// Maximum number of attributes of a span. Further ones are dropped.
const MAX_ATTRIBUTES: usize = 32;
/// Maximum length of a text attribute in bytes. Longer texts are truncated.
const MAX_TEXT: usize = 1024;

/// Trace id, span id and sampling flag, as in a `traceparent` header.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct TraceContext {
    pub(super) trace: u128,
    pub(super) span: u64,
    pub(super) is_sampled: bool,
}

impl TraceContext {
    /// Parses a `traceparent` header. Versions after 00 may have further fields, which are ignored.
    fn parse(header: &str) -> Option<Self> {
        let mut parts = header.split('-');
        let (version, trace, span, flags) = (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
        let is_hexadecimal = |text: &str| text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
        let lengths = [version.len(), trace.len(), span.len(), flags.len()];
        let is_whole =
            lengths == [2, 32, 16, 2] && [version, trace, span, flags].into_iter().all(is_hexadecimal);
        let is_known = version != "ff" && (version != "00" || parts.next().is_none());
        if !is_whole || !is_known {
            return None;
        }
        // Only now: the conversion alone would also accept a sign and capital letters.
        let (trace, span) = (u128::from_str_radix(trace, 16).ok()?, u64::from_str_radix(span, 16).ok()?);
        let is_sampled = u8::from_str_radix(flags, 16).ok()? & 1 == 1;
        (trace != 0 && span != 0).then_some(Self { trace, span, is_sampled })
    }

    fn header(&self) -> String {
        format!("00-{:032x}-{:016x}-{:02x}", self.trace, self.span, u8::from(self.is_sampled))
    }
}

/// Value of a span attribute.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Attribute {
    Text(String),
    Integer(i64),
    Double(f64),
    Bool(bool),
}

/// What is known of a span, from its start to its export.
#[derive(Debug)]
pub(super) struct SpanRecord {
    pub(super) context: TraceContext,
    pub(super) parent: Option<u64>,
    pub(super) name: &'static str,
    pub(super) began_at: DateTime<Utc>,
    began: Instant,
    /// Set when a request is answered: its span stays open for background work, which is not part of its duration.
    ended: Option<Instant>,
    pub(super) attributes: Vec<(&'static str, Attribute)>,
    pub(super) has_failed: bool,
}

impl SpanRecord {
    pub(super) fn ended_at(&self) -> DateTime<Utc> {
        self.began_at + self.ended.unwrap_or(self.began).duration_since(self.began)
    }

    pub(super) fn attribute(&self, name: &str) -> Option<&Attribute> {
        self.attributes.iter().find(|(known, _)| *known == name).map(|(_, value)| value)
    }

    fn set(&mut self, name: &'static str, value: Attribute) {
        self.has_failed |= name == "outcome" && value == Attribute::Text("failed".to_owned());
        if let Some((_, known)) = self.attributes.iter_mut().find(|(known, _)| *known == name) {
            *known = value;
        } else if self.attributes.len() < MAX_ATTRIBUTES {
            self.attributes.push((name, value));
        }
    }
}

impl Visit for SpanRecord {
    fn record_str(&mut self, field: &Field, value: &str) {
        let mut end = value.len().min(MAX_TEXT);
        while !value.is_char_boundary(end) {
            end -= 1;
        }
        self.set(field.name(), Attribute::Text(value[..end].to_owned()));
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.set(field.name(), Attribute::Integer(value));
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.set(field.name(), Attribute::Integer(i64::try_from(value).unwrap_or(i64::MAX)));
    }

    fn record_f64(&mut self, field: &Field, value: f64) {
        self.set(field.name(), Attribute::Double(value));
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.set(field.name(), Attribute::Bool(value));
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        let mut text = String::new();
        // Writing to a string cannot fail.
        let _ = write!(text, "{value:?}");
        self.record_str(field, &text);
    }
}

/// Returns the layer that records spans into the export queue.
pub(super) fn layer<S>(queue: ExportQueue) -> impl Layer<S>
where
    S: Subscriber + for<'a> LookupSpan<'a>,
{
    let is_recorded = |metadata: &Metadata<'_>| {
        metadata.is_span()
            && *metadata.level() <= Level::DEBUG
            // Spans of libraries are left out: what their fields hold is not in our hands.
            && metadata.target().starts_with(env!("CARGO_CRATE_NAME"))
            && metadata.name() != PROBE
    };
    let filter = filter_fn(is_recorded).with_max_level_hint(LevelFilter::DEBUG);
    SpanLayer { queue, clock: Clock::system(), entropy: Entropy::system() }.with_filter(filter)
}

struct SpanLayer {
    queue: ExportQueue,
    clock: Clock,
    entropy: Entropy,
}

impl SpanLayer {
    fn span_id(&self) -> u64 {
        u64::from_be_bytes(self.entropy.bytes()).max(1)
    }

    /// Starts a new trace. Ids of zero are invalid in W3C Trace Context.
    fn root(&self) -> TraceContext {
        let trace = u128::from_be_bytes(self.entropy.bytes()).max(1);
        TraceContext { trace, span: self.span_id(), is_sampled: self.queue.sampler().samples(trace) }
    }
}

impl<S> Layer<S> for SpanLayer
where
    S: Subscriber + for<'a> LookupSpan<'a>,
{
    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, context: Context<'_, S>) {
        let Some(span) = context.span(id) else { return };
        let parent = span.parent().and_then(|parent| context_of(&parent));
        let (context, parent) = match parent {
            Some(parent) => (TraceContext { span: self.span_id(), ..parent }, Some(parent.span)),
            None => (self.root(), None),
        };
        let mut recorded = SpanRecord {
            context,
            parent,
            name: span.name(),
            began_at: self.clock.now(),
            began: Instant::now(),
            ended: None,
            attributes: Vec::new(),
            has_failed: false,
        };
        attributes.record(&mut recorded);
        span.extensions_mut().insert(recorded);
    }

    fn on_record(&self, id: &Id, values: &Record<'_>, context: Context<'_, S>) {
        let Some(span) = context.span(id) else { return };
        if let Some(recorded) = span.extensions_mut().get_mut::<SpanRecord>() {
            values.record(recorded);
        }
    }

    fn on_close(&self, id: Id, context: Context<'_, S>) {
        let Some(span) = context.span(&id) else { return };
        let recorded = span.extensions_mut().remove::<SpanRecord>();
        // Recorded even if it is not sampled, since its children and outgoing requests carry its ids.
        if let Some(mut recorded) = recorded.filter(|recorded| recorded.context.is_sampled) {
            recorded.ended.get_or_insert_with(Instant::now);
            self.queue.add(recorded);
        }
    }
}

fn context_of<'a, S: LookupSpan<'a>>(span: &SpanRef<'a, S>) -> Option<TraceContext> {
    span.extensions().get::<SpanRecord>().map(|recorded| recorded.context)
}

/// Makes a span part of the trace in a `traceparent` header. Call it before the span has children, which
/// inherit its trace. An invalid header is ignored.
pub fn continue_trace(span: &Span, header: &str) {
    let Some(parent) = TraceContext::parse(header) else { return };
    change(span, |recorded, sampler| {
        recorded.parent = Some(parent.span);
        recorded.context.trace = parent.trace;
        recorded.context.is_sampled = sampler.samples_child(parent.trace, parent.is_sampled);
    });
}

/// Records the response in a request's span and ends its duration. The span itself stays open while
/// background work of the request continues.
pub fn record_response(span: &Span, status: u16) {
    change(span, |recorded, _| {
        recorded.ended = Some(Instant::now());
        recorded.set("status", Attribute::Integer(status.into()));
        // Below 500 the client is at fault: by convention such a span of a server has not failed.
        recorded.has_failed |= status >= 500;
    });
}

fn change(span: &Span, change: impl FnOnce(&mut SpanRecord, &Sampler)) {
    span.with_subscriber(|(id, dispatch)| {
        let sampler = super::otlp::sampler()?;
        let span = dispatch.downcast_ref::<Registry>()?.span(id)?;
        span.extensions_mut().get_mut::<SpanRecord>().map(|recorded| change(recorded, sampler))
    });
}

/// Returns the `traceparent` header of the innermost recorded span that is open on this thread. `None`
/// if there is none.
#[must_use]
pub fn traceparent() -> Option<String> {
    let found = Span::current().with_subscriber(|(id, dispatch)| {
        let span = dispatch.downcast_ref::<Registry>()?.span(id)?;
        let context = span.scope().find_map(|span| context_of(&span))?;
        Some(context.header())
    });
    found.flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_traceparent_is_parsed_strictly() {
        let header = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
        let read = TraceContext::parse(header).unwrap();
        assert_eq!((read.header().as_str(), read.is_sampled), (header, true));
        assert!(!TraceContext::parse(&header.replace("-01", "-00")).unwrap().is_sampled);
        assert!(TraceContext::parse(&format!("{}-more", header.replacen("00", "01", 1))).is_some());
        for wrong in [
            "",
            "00",
            &header[..54],
            &format!("{header}-more"),
            &header.to_uppercase(),
            &header.replacen("00", "ff", 1),
            &header.replace("0af7651916cd43dd8448eb211c80319c", &"0".repeat(32)),
            &header.replace("b7ad6b7169203331", &"0".repeat(16)),
            &header.replace("b7ad", "+7ad"),
            &header.replace('b', "\u{e9}"),
        ] {
            assert_eq!(TraceContext::parse(wrong), None, "{wrong}");
        }
    }
}
