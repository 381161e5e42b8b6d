//! One request to a provider, measured and traced.

use std::sync::OnceLock;
use std::time::Instant;

use tracing::Span;
use tracing::field::Empty;

static READ_TRACEPARENT: OnceLock<fn() -> Option<String>> = OnceLock::new();

/// Says how the `traceparent` of the span that is open here is found. The first one holds.
pub fn set_traceparent(read: fn() -> Option<String>) {
    let _first = READ_TRACEPARENT.get_or_init(|| read);
}

/// A request under way. Dropped without an answer, it has failed.
#[derive(Debug)]
pub struct Exchange {
    provider: &'static str,
    endpoint: &'static str,
    outcome: &'static str,
    began: Instant,
    span: Span,
}

impl Exchange {
    /// Begins now. Both names are of closed sets: they tell metrics apart.
    #[must_use]
    pub fn begin(provider: &'static str, endpoint: &'static str) -> Self {
        let span =
            tracing::debug_span!("provider_request", provider, endpoint, status = Empty, outcome = Empty);
        Self { provider, endpoint, outcome: "failed", began: Instant::now(), span }
    }

    /// The `traceparent` header (W3C Trace Context) to be sent with it; `None` where nothing is traced.
    ///
    /// Twilio and ElevenLabs get it too. Neither reads it, and it does no harm: it is random, and names neither a tenant nor a
    /// caller. A proxy on the way out can tell by it which request was whose.
    #[must_use]
    pub fn traceparent(&self) -> Option<String> {
        let read = READ_TRACEPARENT.get()?;
        self.span.in_scope(read)
    }

    /// The provider answered with this HTTP status.
    pub fn answered(&mut self, status: u16) {
        self.span.record("status", status);
        self.outcome = match status {
            200..400 => "ok",
            408 | 500.. => "failed",
            _ => "rejected",
        };
    }
}

impl Drop for Exchange {
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
