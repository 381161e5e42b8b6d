//! HTTP kernel shared by the clients of the carrier and the voice provider.

mod circuit_breaker;
mod json;
mod request_span;
mod retry;

pub use circuit_breaker::{BreakerChange, Gate, Passage};
pub use json::lenient_json;
pub use request_span::{Exchange, set_traceparent};
pub use retry::retry_after;
