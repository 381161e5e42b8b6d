//! Requests that prove nothing: counted, and told to the log without letting strangers fill it.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};

/// One line in this time, however many requests are refused.
const EVERY: Duration = Duration::from_secs(10);

/// Counts refusals between lines.
#[derive(Debug, Default)]
pub(super) struct Refusals(Mutex<(u64, Option<Instant>)>);

impl Refusals {
    /// Refuses a request that proved nothing; `hint` says what an operator should look at.
    pub(super) fn refuse(&self, status: StatusCode, sender: &'static str, hint: &'static str) -> Response {
        metrics::counter!("switchboard_webhooks_refused_total", "sender" => sender).increment(1);
        if let Some(refused) = self.count() {
            tracing::warn!(refused, sender, hint, "refused webhooks that do not prove who sent them");
        }
        (status, "the signature does not hold").into_response()
    }

    /// How many there were since the last line, when it is time for another.
    fn count(&self) -> Option<u64> {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (count, told_at) = &mut *state;
        *count += 1;
        if told_at.is_some_and(|at| at.elapsed() < EVERY) {
            return None;
        }
        *told_at = Some(Instant::now());
        Some(std::mem::take(count))
    }
}
