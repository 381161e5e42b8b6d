//! Counts requests with invalid signatures and logs them, at a rate that strangers cannot drive up.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use chrono::{DateTime, TimeDelta, Utc};

use crate::domain::Clock;

/// Minimum time between two log lines about a sender, however many requests are rejected.
const EVERY: TimeDelta = TimeDelta::minutes(1);

/// Rejections after which a sender without a single valid request points to our own configuration.
const SUSPICIOUS_AFTER: u64 = 5;

/// Counts rejections between log lines.
#[derive(Debug)]
pub(super) struct Refusals {
    clock: Clock,
    /// By sender, and whether another account was named: neither kind must hide the other in the log.
    // Never grows: there are two senders.
    tallies: Mutex<HashMap<(&'static str, bool), Tally>>,
}

/// The requests in a sender's name since startup.
#[derive(Debug, Default)]
struct Tally {
    refused: u64,
    /// Rejections since the last log line.
    unlogged: u64,
    logged_at: Option<DateTime<Utc>>,
    proven: bool,
    /// Whether the suspicion was logged that our configuration is wrong.
    suspected: bool,
}

impl Refusals {
    /// Starts with empty counts.
    pub(super) fn new(clock: Clock) -> Self {
        Self { clock, tallies: Mutex::default() }
    }

    /// Rejects a request with an invalid signature. `hint` says what an operator should check; `account` is the foreign carrier
    /// account that the request names.
    pub(super) fn refuse(
        &self,
        status: StatusCode,
        sender: &'static str,
        hint: &'static str,
        account: Option<&str>,
    ) -> Response {
        metrics::counter!("switchboard_webhooks_refused_total", "sender" => sender).increment(1);
        let now = self.clock.now();
        if let Some(refused) = self.tally((sender, account.is_some()), |tally| tally.refuse(now)) {
            tracing::warn!(refused, sender, account, hint, "webhooks rejected: invalid signature");
        }
        (status, "invalid signature").into_response()
    }

    /// Notes that a request of this sender had a valid signature.
    pub(super) fn proven(&self, sender: &'static str) {
        self.tally((sender, false), |tally| tally.proven = true);
    }

    /// Whether our configuration has just become suspect: enough requests came in the sender's name, and none had a valid
    /// signature. True once.
    pub(super) fn is_newly_suspect(&self, sender: &'static str) -> bool {
        self.tally((sender, false), Tally::is_newly_suspect)
    }

    fn tally<T>(&self, of: (&'static str, bool), work: impl FnOnce(&mut Tally) -> T) -> T {
        work(self.tallies.lock().unwrap_or_else(PoisonError::into_inner).entry(of).or_default())
    }
}

impl Tally {
    /// Counts a rejection. Returns how many there were since the last line if another line is due.
    fn refuse(&mut self, now: DateTime<Utc>) -> Option<u64> {
        self.refused += 1;
        self.unlogged += 1;
        // `abs`, so that a clock that is set back does not silence the log.
        if self.logged_at.is_some_and(|at| (now - at).abs() < EVERY) {
            return None;
        }
        self.logged_at = Some(now);
        Some(std::mem::take(&mut self.unlogged))
    }

    fn is_newly_suspect(&mut self) -> bool {
        let fault_is_ours = !self.proven && self.refused >= SUSPICIOUS_AFTER;
        fault_is_ours && !std::mem::replace(&mut self.suspected, true)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_is_logged_at_once_and_the_others_are_counted_each_minute() {
        let (mut tally, start) = (Tally::default(), DateTime::UNIX_EPOCH);
        let mut at = |seconds| tally.refuse(start + TimeDelta::seconds(seconds));
        assert_eq!(at(0), Some(1));
        for second in 1..60 {
            assert_eq!(at(second), None);
        }
        assert_eq!(at(60), Some(60));
        assert_eq!(at(119), None);
        assert_eq!(at(500), Some(2));
    }

    #[test]
    fn misconfiguration_is_suspected_only_if_no_signature_was_ever_valid() {
        let refusals = Refusals::new(Clock::from_fn(|| DateTime::UNIX_EPOCH));
        let refuse = |sender| {
            let _ = refusals.refuse(StatusCode::FORBIDDEN, sender, "", None);
            refusals.is_newly_suspect(sender)
        };
        let suspected = |sender| (0..20).filter(|_| refuse(sender)).count();
        assert_eq!(suspected("carrier"), 1);
        refusals.proven("another");
        assert_eq!(suspected("another"), 0);
    }
}
