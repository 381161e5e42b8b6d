//! Requests that prove nothing: counted, and told to the log without letting strangers fill it.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use chrono::{DateTime, TimeDelta, Utc};

use crate::domain::Clock;

/// One line about a sender in this time, however many requests are refused.
const EVERY: TimeDelta = TimeDelta::minutes(1);

/// So many refusals, and not one request that held, are no stranger's.
const TELLING: u64 = 5;

/// Counts refusals between lines.
#[derive(Debug)]
pub(super) struct Refusals {
    clock: Clock,
    /// By sender, and whether another account was named: the one must not hide the other in the log.
    tallies: Mutex<HashMap<(&'static str, bool), Tally>>,
}

/// What has come in a sender's name since the start.
#[derive(Debug, Default)]
struct Tally {
    refused: u64,
    /// Of those, what no line has told yet.
    untold: u64,
    told_at: Option<DateTime<Utc>>,
    proven: bool,
    /// Whether it was said that none holds.
    suspected: bool,
}

impl Refusals {
    /// Nothing has come yet.
    pub(super) fn new(clock: Clock) -> Self {
        Self { clock, tallies: Mutex::default() }
    }

    /// Refuses a request that proved nothing; `hint` says what an operator should look at, `account` which other account
    /// of the carrier the request names.
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
        (status, "the signature does not hold").into_response()
    }

    /// Notes that a request of this sender's held.
    pub(super) fn proven(&self, sender: &'static str) {
        self.tally((sender, false), |tally| tally.proven = true);
    }

    /// Whether the fault is likely ours: true once, when enough requests came in the sender's name and none of them
    /// held.
    pub(super) fn none_holds(&self, sender: &'static str) -> bool {
        self.tally((sender, false), Tally::none_holds)
    }

    fn tally<T>(&self, of: (&'static str, bool), work: impl FnOnce(&mut Tally) -> T) -> T {
        work(self.tallies.lock().unwrap_or_else(PoisonError::into_inner).entry(of).or_default())
    }
}

impl Tally {
    /// Counts a refusal; how many there were since the last line, when it is time for another.
    fn refuse(&mut self, now: DateTime<Utc>) -> Option<u64> {
        self.refused += 1;
        self.untold += 1;
        if self.told_at.is_some_and(|at| (now - at).abs() < EVERY) {
            return None;
        }
        self.told_at = Some(now);
        Some(std::mem::take(&mut self.untold))
    }

    fn none_holds(&mut self) -> bool {
        let fault_is_ours = !self.proven && self.refused >= TELLING;
        fault_is_ours && !std::mem::replace(&mut self.suspected, true)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_is_told_at_once_and_then_how_many_there_were_in_a_minute() {
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
    fn the_fault_is_likely_ours_only_when_nothing_ever_held() {
        let refusals = Refusals::new(Clock::from_fn(|| DateTime::UNIX_EPOCH));
        let refuse = |sender| {
            let _ = refusals.refuse(StatusCode::FORBIDDEN, sender, "", None);
            refusals.none_holds(sender)
        };
        let told = |sender| (0..20).filter(|_| refuse(sender)).count();
        assert_eq!(told("carrier"), 1);
        refusals.proven("another");
        assert_eq!(told("another"), 0);
    }
}
