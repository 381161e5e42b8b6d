//! One server's slices of the rate limits that all servers share.
//!
//! The database holds one bucket per caller. A server takes requests from it in slices of
//! 1/[`SLICES_PER_MINUTE`] of a minute's requests. The first slice after a pause is granted on credit, so
//! that occasional callers cost no database access; it is paid back with the next slice. N servers together
//! grant at most N - 1 slices too many and leave at most N unused.

use std::collections::HashMap;
use std::hash::Hash;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};

/// Number of slices that make up a minute's requests.
// A caller at its limit costs 20 statements a minute, and each server adds an error of at most 5 %.
const SLICES_PER_MINUTE: u32 = 20;
/// Callers with a slice at the same time. Requests of further callers are granted by this server alone.
const MAX_CALLERS: usize = 100_000;
/// Age at which the rest of a slice expires: the database's bucket has refilled by then.
const MAX_AGE: TimeDelta = TimeDelta::minutes(1);

#[derive(Debug)]
pub(super) struct Slices<K> {
    size: u32,
    by_caller: HashMap<K, Slice>,
    swept_at: DateTime<Utc>,
}

#[derive(Debug)]
struct Slice {
    left: u32,
    /// Requests granted on credit: not yet taken from the database's bucket.
    owed: u32,
    since: DateTime<Utc>,
    /// Set when the database's bucket was empty. Until then it is not asked again.
    refused_until: Option<DateTime<Utc>>,
}

/// Decision on one request.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum SliceDecision {
    Granted,
    /// The shared bucket is empty. A retry can succeed after this time.
    Refused(Duration),
    /// The slice is used up. The caller takes this many requests from the database's bucket, then
    /// calls [`Slices::replenish`] or [`Slices::grant_locally`].
    Exhausted(u32),
}

impl<K: Copy + Hash + Eq> Slices<K> {
    pub(super) fn new(per_minute: u32) -> Self {
        let size = (per_minute / SLICES_PER_MINUTE).max(1);
        Self { size, by_caller: HashMap::new(), swept_at: DateTime::UNIX_EPOCH }
    }

    pub(super) fn take(&mut self, key: K, now: DateTime<Utc>) -> SliceDecision {
        let size = self.size;
        if !self.by_caller.contains_key(&key) && !self.has_room(now) {
            return SliceDecision::Granted;
        }
        // A new caller starts on credit, so that its first requests wait for no statement.
        let on_credit = Slice { left: size, owed: size, since: now, refused_until: None };
        let slice = self.by_caller.entry(key).or_insert(on_credit);
        if (now - slice.since).abs() > MAX_AGE {
            *slice = Slice { left: size, owed: size, since: now, refused_until: None };
        }
        if let Some(wait) = slice.refused_until.and_then(|until| (until - now).to_std().ok())
            && !wait.is_zero()
        {
            return SliceDecision::Refused(wait);
        }
        if slice.left == 0 {
            return SliceDecision::Exhausted(slice.owed + size);
        }
        slice.left -= 1;
        SliceDecision::Granted
    }

    /// Adds requests taken from the database's bucket: the credit is paid first, then the request that
    /// exhausted the slice is granted. `wait` is the time until the bucket holds a request again.
    ///
    /// # Errors
    /// The time to wait if nothing is left for the request.
    pub(super) fn replenish(
        &mut self,
        key: K,
        now: DateTime<Utc>,
        granted: u32,
        wait: Option<Duration>,
    ) -> Result<(), Duration> {
        // Swept while the database was asked.
        let Some(slice) = self.by_caller.get_mut(&key) else { return Ok(()) };
        slice.since = now;
        let paid = granted.min(slice.owed);
        slice.owed -= paid;
        slice.left += granted - paid;
        if slice.left > 0 {
            slice.left -= 1;
            return Ok(());
        }
        // By this server's clock the bucket has refilled already, so the next attempt may come soon.
        let wait = wait.filter(|wait| !wait.is_zero()).unwrap_or(Duration::from_millis(100));
        slice.refused_until = TimeDelta::from_std(wait).ok().map(|wait| now + wait);
        Err(wait)
    }

    /// Grants the request and the rest of a slice without the database's answer, for use while the database is
    /// unavailable or slow. The credit counts as paid: a statement whose answer is late may have been executed,
    /// and a caller that paid twice would be refused below its limit.
    pub(super) fn grant_locally(&mut self, key: K, now: DateTime<Utc>) {
        if let Some(slice) = self.by_caller.get_mut(&key) {
            slice.left = self.size.saturating_sub(1);
            slice.owed = 0;
            slice.since = now;
        }
    }

    /// Returns one request to the caller's slice.
    pub(super) fn refund(&mut self, key: &K) {
        if let Some(slice) = self.by_caller.get_mut(key) {
            slice.left += 1;
        }
    }

    fn has_room(&mut self, now: DateTime<Utc>) -> bool {
        // A sweep scans the whole map: at most one a second during a flood.
        if self.by_caller.len() >= MAX_CALLERS && (now - self.swept_at).abs() > TimeDelta::seconds(1) {
            self.by_caller.retain(|_, slice| (now - slice.since).abs() <= MAX_AGE);
            self.swept_at = now;
        }
        self.by_caller.len() < MAX_CALLERS
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> DateTime<Utc> {
        DateTime::UNIX_EPOCH + TimeDelta::seconds(1_000_000 + seconds)
    }

    #[test]
    fn the_first_slice_is_on_credit_and_paid_back_with_the_next() {
        use SliceDecision::{Exhausted, Granted, Refused};
        let mut slices = Slices::new(100);
        for _ in 0..5 {
            assert_eq!(slices.take('a', at(0)), Granted);
        }
        assert_eq!(slices.take('a', at(0)), Exhausted(10));
        assert_eq!(slices.replenish('a', at(0), 10, None), Ok(()));
        for _ in 0..4 {
            assert_eq!(slices.take('a', at(1)), Granted);
        }
        assert_eq!(slices.take('a', at(1)), Exhausted(5), "the credit is paid");
        let wait = Duration::from_secs(2);
        assert_eq!(slices.replenish('a', at(1), 0, Some(wait)), Err(wait));
        assert_eq!(
            slices.take('a', at(2)),
            Refused(Duration::from_secs(1)),
            "the database is not asked again"
        );
        assert_eq!(slices.take('b', at(2)), Granted, "another caller has its own slice");
        assert_eq!(slices.take('a', at(3)), Exhausted(5));
        slices.grant_locally('a', at(3));
        assert_eq!(slices.take('a', at(3)), Granted);
        assert_eq!(slices.take('a', at(100)), Granted, "an expired slice is replaced by one on credit");
        for _ in 0..5 {
            slices.take('c', at(0));
        }
        assert_eq!(slices.replenish('c', at(0), 3, Some(wait)), Err(wait), "the credit is paid first");
        assert_eq!(slices.take('c', at(2)), Exhausted(7));
    }

    #[test]
    fn a_late_answer_costs_the_caller_no_request() {
        use SliceDecision::{Exhausted, Granted};
        let mut slices = Slices::new(4);
        assert_eq!(slices.take('a', at(0)), Granted);
        assert_eq!(slices.take('a', at(0)), Exhausted(2));
        slices.grant_locally('a', at(0));
        // If the database did take those two of four, two are left.
        for _ in 0..2 {
            assert_eq!(slices.take('a', at(0)), Exhausted(1));
            assert_eq!(slices.replenish('a', at(0), 1, None), Ok(()));
        }
    }

    #[test]
    fn memory_is_bounded_for_any_number_of_callers() {
        let mut slices = Slices::new(60);
        for key in 0..MAX_CALLERS + 1000 {
            assert_eq!(slices.take(key, at(0)), SliceDecision::Granted);
        }
        assert_eq!(slices.by_caller.len(), MAX_CALLERS);
        assert_eq!(slices.take(MAX_CALLERS + 5000, at(62)), SliceDecision::Granted);
        assert_eq!(slices.by_caller.len(), 1, "expired slices are removed");
    }
}
