//! What one server may grant of what all servers grant a caller together.
//!
//! The database holds a bucket for each caller. A server takes a [`SHARE`]th of a minute's requests out of it at a time. The
//! first slice in a while it grants on credit, so that callers who ask seldom cost the database nothing; with the next one it
//! pays that back. So N servers together grant at most N - 1 slices too many, and leave at most N unused.

use std::collections::HashMap;
use std::hash::Hash;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};

/// A slice is this part of a minute's requests.
const SHARE: u32 = 20;
/// Callers of whom slices are held; beyond, a server grants on its own.
const MOST: usize = 100_000;
/// After so long a slice that is left is no longer good.
const GOOD_FOR: TimeDelta = TimeDelta::minutes(1);

#[derive(Debug)]
pub(super) struct Slices<K> {
    size: u32,
    held: HashMap<K, Held>,
    swept_at: DateTime<Utc>,
}

#[derive(Debug)]
struct Held {
    left: u32,
    /// Granted without being taken out of the database's bucket.
    owed: u32,
    since: DateTime<Utc>,
    refused_until: Option<DateTime<Utc>>,
}

/// What becomes of a request.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Slice {
    Granted,
    /// For so long.
    Refused(Duration),
    /// So many are to be taken out of the database's bucket first.
    Wanted(u32),
}

impl<K: Copy + Hash + Eq> Slices<K> {
    pub(super) fn new(per_minute: u32) -> Self {
        let size = (per_minute / SHARE).max(1);
        Self { size, held: HashMap::new(), swept_at: DateTime::UNIX_EPOCH }
    }

    pub(super) fn take(&mut self, key: K, now: DateTime<Utc>) -> Slice {
        let size = self.size;
        if !self.held.contains_key(&key) && !self.has_room(now) {
            return Slice::Granted;
        }
        let first = Held { left: size, owed: size, since: now, refused_until: None };
        let held = self.held.entry(key).or_insert(first);
        if (now - held.since).abs() > GOOD_FOR {
            *held = Held { left: size, owed: size, since: now, refused_until: None };
        }
        if let Some(wait) = held.refused_until.and_then(|until| (until - now).to_std().ok())
            && !wait.is_zero()
        {
            return Slice::Refused(wait);
        }
        if held.left == 0 {
            return Slice::Wanted(held.owed + size);
        }
        held.left -= 1;
        Slice::Granted
    }

    /// So many were taken out of the database's bucket, for the request that wanted them first of all. If none is left for it,
    /// there will be one after `wait`.
    ///
    /// # Errors
    /// How long to wait.
    pub(super) fn received(
        &mut self,
        key: K,
        now: DateTime<Utc>,
        granted: u32,
        wait: Option<Duration>,
    ) -> Result<(), Duration> {
        let Some(held) = self.held.get_mut(&key) else { return Ok(()) };
        held.since = now;
        let paid = granted.min(held.owed);
        held.owed -= paid;
        held.left += granted - paid;
        if held.left > 0 {
            held.left -= 1;
            return Ok(());
        }
        let wait = wait.filter(|wait| !wait.is_zero()).unwrap_or(Duration::from_millis(100));
        held.refused_until = TimeDelta::from_std(wait).ok().map(|wait| now + wait);
        Err(wait)
    }

    /// The database does not tell: the request is granted, and some that follow.
    pub(super) fn on_its_own(&mut self, key: K, now: DateTime<Utc>) {
        if let Some(held) = self.held.get_mut(&key) {
            held.left = self.size.saturating_sub(1);
            held.since = now;
        }
    }

    /// Puts one request back.
    pub(super) fn give_back(&mut self, key: &K) {
        if let Some(held) = self.held.get_mut(key) {
            held.left += 1;
        }
    }

    fn has_room(&mut self, now: DateTime<Utc>) -> bool {
        if self.held.len() >= MOST && (now - self.swept_at).abs() > TimeDelta::seconds(1) {
            self.held.retain(|_, held| (now - held.since).abs() <= GOOD_FOR);
            self.swept_at = now;
        }
        self.held.len() < MOST
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
        let mut slices = Slices::new(100);
        for _ in 0..5 {
            assert_eq!(slices.take('a', at(0)), Slice::Granted);
        }
        assert_eq!(slices.take('a', at(0)), Slice::Wanted(10));
        assert_eq!(slices.received('a', at(0), 10, None), Ok(()));
        for _ in 0..4 {
            assert_eq!(slices.take('a', at(1)), Slice::Granted);
        }
        assert_eq!(slices.take('a', at(1)), Slice::Wanted(5), "nothing is owed any more");
        let wait = Duration::from_secs(2);
        assert_eq!(slices.received('a', at(1), 0, Some(wait)), Err(wait));
        assert_eq!(
            slices.take('a', at(2)),
            Slice::Refused(Duration::from_secs(1)),
            "the database is not asked again"
        );
        assert_eq!(slices.take('b', at(2)), Slice::Granted, "another's");
        assert_eq!(slices.take('a', at(3)), Slice::Wanted(5));
        slices.on_its_own('a', at(3));
        assert_eq!(slices.take('a', at(3)), Slice::Granted);
        assert_eq!(
            slices.take('a', at(100)),
            Slice::Granted,
            "an old slice is forgotten, and the next is on credit"
        );
        // What is granted pays what is owed first.
        for _ in 0..5 {
            slices.take('c', at(0));
        }
        assert_eq!(slices.received('c', at(0), 3, Some(wait)), Err(wait));
        assert_eq!(slices.take('c', at(2)), Slice::Wanted(7));
    }

    #[test]
    fn callers_without_number_take_no_more_than_their_room() {
        let mut slices = Slices::new(60);
        for key in 0..MOST + 1000 {
            assert_eq!(slices.take(key, at(0)), Slice::Granted);
        }
        assert_eq!(slices.held.len(), MOST);
        assert_eq!(slices.take(MOST + 5000, at(62)), Slice::Granted);
        assert_eq!(slices.held.len(), 1, "what is old is forgotten");
    }
}
