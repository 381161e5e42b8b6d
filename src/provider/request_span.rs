//! Metrics and trace of one request to a provider.

use std::sync::OnceLock;
use std::time::Instant;

use tracing::Span;
use tracing::field::Empty;

// Set from outside, so that this module need not depend on telemetry.
static READ_TRACEPARENT: OnceLock<fn() -> Option<String>> = OnceLock::new();

/// Sets how the `traceparent` of the current span is read. Only the first call has an effect.
pub fn set_traceparent(read: fn() -> Option<String>) {
    let _first = READ_TRACEPARENT.get_or_init(|| read);
}

/// A request that was sent. Dropped without an answer, it is recorded as failed.
#[derive(Debug)]
pub(super) struct RequestSpan {
    provider: &'static str,
    endpoint: &'static str,
    outcome: &'static str,
    began: Instant,
    span: Span,
}

impl RequestSpan {
    /// Starts measuring. Both names are labels of a metric, so each comes from a closed set.
    pub(super) fn begin(provider: &'static str, endpoint: &'static str) -> Self {
        let span =
            tracing::debug_span!("provider_request", provider, endpoint, status = Empty, outcome = Empty);
        Self { provider, endpoint, outcome: "failed", began: Instant::now(), span }
    }

    /// The `traceparent` header (W3C Trace Context) of the request; `None` if traces are off.
    ///
    /// Twilio and ElevenLabs ignore the header. It is random, and identifies neither a tenant nor a caller. An outbound proxy can
    /// use it to match a request to its trace.
    pub(super) fn traceparent(&self) -> Option<String> {
        let read = READ_TRACEPARENT.get()?;
        self.span.in_scope(read)
    }

    /// Records the HTTP status of the answer.
    pub(super) fn answered(&mut self, status: u16) {
        self.span.record("status", status);
        self.outcome = match status {
            200..400 => "ok",
            408 | 500.. => "failed",
            _ => "rejected",
        };
    }

    /// When the request was sent.
    pub(super) fn began(&self) -> Instant {
        self.began
    }
}

impl Drop for RequestSpan {
    fn drop(&mut self) {
        let Self { provider, endpoint, outcome, began, span } = self;
        span.record("outcome", *outcome);
        metrics::histogram!(
            "switchboard_provider_request_seconds",
            "provider" => *provider,
            "endpoint" => *endpoint,
            "outcome" => *outcome
        )
        .record(began.elapsed());
    }
}
