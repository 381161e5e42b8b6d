//! Exponential backoff with jitter.

use std::time::Duration;

use crate::domain::Entropy;

/// How long to wait after the given attempt, the first being 1. The wait doubles from `first` with every attempt, up to
/// `longest`; half of it is random, so that those that failed together do not return together.
#[must_use]
pub fn backoff(entropy: &Entropy, first: Duration, longest: Duration, attempt: u32) -> Duration {
    // 16 doublings of any `first` exceed `longest`, and the shift cannot overflow.
    let doublings = attempt.saturating_sub(1).min(16);
    let whole = first.saturating_mul(1 << doublings).min(longest);
    let random = f64::from(u32::from_le_bytes(entropy.bytes())) / f64::from(u32::MAX);
    // Never less than half: a purely random wait could be no wait at all.
    whole.mul_f64(0.5 + random / 2.0)
}
