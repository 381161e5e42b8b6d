//! Manners towards a provider in trouble: how long to wait before asking again, when not to ask for a
//! while, and how to read an answer that is slightly broken; and how a request is measured. And what keeps background work
//! going: workers that are known to run, and items whose panic costs nothing but themselves.

mod backoff;
mod breaker;
mod caught;
mod exchange;
mod gate;
mod json;
mod retry_after;
mod worker;

pub use backoff::backoff;
pub use breaker::BreakerChange;
pub use caught::caught;
pub use exchange::{Exchange, set_traceparent};
pub use gate::{Gate, Passage};
pub use json::lenient_json;
pub use retry_after::retry_after;
pub use worker::{Ailing, Heartbeat, Worker, Workers};
