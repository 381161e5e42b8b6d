//! Background work: which workers run, how long a failed one waits, and how one bad item of many is skipped.

mod backoff;
mod caught;
mod health;
mod worker;

pub use backoff::backoff;
pub use caught::caught;
pub use health::{ComponentHealth, HealthProbes, HealthStatus};
pub use worker::{Ailing, Heartbeat, Worker, Workers};
