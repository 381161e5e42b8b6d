//! The wait between two attempts.

use std::time::Duration;

use crate::domain::Entropy;

/// How long to wait after the attempt of this count, the first being 1: doubles from `first` with every attempt up
/// to `longest`, half of it by chance so that those who failed together do not return together.
#[must_use]
pub fn backoff(entropy: &Entropy, first: Duration, longest: Duration, attempt: u32) -> Duration {
    let doublings = attempt.saturating_sub(1).min(16);
    let whole = first.saturating_mul(1 << doublings).min(longest);
    let chance = f64::from(u32::from_le_bytes(entropy.bytes())) / f64::from(u32::MAX);
    whole.mul_f64(0.5 + chance / 2.0)
}
