//! What the carrier's error codes of messages mean, in words.

use crate::domain::{Refusal, RefusalCode};

/// Explains an error code of the carrier: what is wrong and what to do.
#[must_use]
pub fn delivery_problem(code: u32) -> Refusal {
    let kind = match code {
        21610 => RefusalCode::OptedOut,
        30032 | 30033 | 30034 | 30035 => RefusalCode::NotRegistered,
        _ => RefusalCode::CarrierRejected,
    };
    Refusal::new(kind, format!("the carrier reported error {code}"))
}
