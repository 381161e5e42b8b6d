//! Manners towards a provider in trouble: how long to wait before asking again, and when not to ask for a while.

mod backoff;
mod breaker;
mod gate;
mod retry_after;

pub use backoff::backoff;
pub use breaker::BreakerChange;
pub use gate::{Gate, Passage};
pub use retry_after::retry_after;
