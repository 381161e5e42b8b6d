//! Manners towards a provider in trouble: how long to wait before asking again, when not to ask for a
//! while, and how to read an answer that is slightly broken.

mod backoff;
mod breaker;
mod gate;
mod json;
mod retry_after;

pub use backoff::backoff;
pub use breaker::BreakerChange;
pub use gate::{Gate, Passage};
pub use json::lenient_json;
pub use retry_after::retry_after;
