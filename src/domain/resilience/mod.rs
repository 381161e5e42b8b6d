//! Manners towards a provider in trouble: how long to wait before asking again, when not to ask for a
//! while, and how to read an answer that is slightly broken; and how a request is measured.

mod backoff;
mod breaker;
mod exchange;
mod gate;
mod json;
mod retry_after;

pub use backoff::backoff;
pub use breaker::{BreakerChange, BreakerState};
pub use exchange::{Exchange, set_traceparent};
pub use gate::{Gate, Passage};
pub use json::lenient_json;
pub use retry_after::retry_after;
