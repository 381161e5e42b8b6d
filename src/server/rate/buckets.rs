//! Token buckets, one for each key: as many requests at once as a minute allows, refilled evenly.
//!
//! A bucket is one instant, at which it will be full again; one that is full need not be kept. So memory holds only
//! keys of the last minute, and of those no more than [`MAX_KEYS`]: the keys beyond share one bucket.

use std::collections::HashMap;
use std::hash::Hash;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};

/// Keys held at the same time.
const MAX_KEYS: usize = 100_000;

/// In which an empty bucket fills.
const PERIOD: TimeDelta = TimeDelta::minutes(1);

/// How often full buckets are looked for when there is no room: not at every request of a flood.
const SWEEP_EVERY: TimeDelta = TimeDelta::seconds(1);

/// When a bucket will be full again.
type FullAt = DateTime<Utc>;

/// A bucket for each key.
#[derive(Debug)]
pub(super) struct Buckets<K> {
    /// How long one request takes to be refilled.
    refill: TimeDelta,
    full_at: HashMap<K, FullAt>,
    /// Of all keys for which there is no room.
    shared: FullAt,
    swept_at: DateTime<Utc>,
}

impl<K: Hash + Eq> Buckets<K> {
    /// Buckets for so many requests a minute, at least 1; all full.
    pub(super) fn new(per_minute: u32) -> Self {
        let refill = PERIOD / i32::try_from(per_minute.max(1)).unwrap_or(i32::MAX);
        let long_ago = DateTime::UNIX_EPOCH;
        Self { refill, full_at: HashMap::new(), shared: long_ago, swept_at: long_ago }
    }

    /// Takes one request out of the key's bucket.
    ///
    /// # Errors
    /// How long to wait until there is one.
    pub(super) fn take(&mut self, key: K, now: DateTime<Utc>) -> Result<(), Duration> {
        self.make_room(&key, now);
        let held = self.full_at.contains_key(&key) || self.full_at.len() < MAX_KEYS;
        let full_at = if held { self.full_at.entry(key).or_insert(now) } else { &mut self.shared };
        // Further ahead than a whole period is what a clock leaves that was set back.
        let from = if *full_at > now + PERIOD { now } else { (*full_at).max(now) };
        let next = from + self.refill;
        match (next - now - PERIOD).to_std() {
            Ok(wait) if !wait.is_zero() => Err(wait),
            _ => {
                *full_at = next;
                Ok(())
            }
        }
    }

    /// Puts one request back into the key's bucket.
    pub(super) fn give_back(&mut self, key: &K) {
        let full_at = self.full_at.get_mut(key).unwrap_or(&mut self.shared);
        *full_at -= self.refill;
    }

    fn make_room(&mut self, key: &K, now: DateTime<Utc>) {
        let due = (now - self.swept_at).abs() >= SWEEP_EVERY;
        if due && self.full_at.len() >= MAX_KEYS && !self.full_at.contains_key(key) {
            self.full_at.retain(|_, full_at| *full_at > now && *full_at <= now + PERIOD);
            self.swept_at = now;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> DateTime<Utc> {
        DateTime::UNIX_EPOCH + TimeDelta::seconds(1_000_000 + seconds)
    }

    #[test]
    fn a_bucket_empties_and_fills_evenly() {
        let mut buckets = Buckets::new(60);
        for _ in 0..60 {
            assert_eq!(buckets.take('a', at(0)), Ok(()));
        }
        assert_eq!(buckets.take('a', at(0)), Err(Duration::from_secs(1)));
        assert_eq!(buckets.take('b', at(0)), Ok(()), "another's bucket");
        assert_eq!(buckets.take('a', at(2)), Ok(()));
        assert_eq!(buckets.take('a', at(2)), Ok(()));
        assert_eq!(buckets.take('a', at(2)), Err(Duration::from_secs(1)));
        buckets.give_back(&'a');
        assert_eq!(buckets.take('a', at(2)), Ok(()));
        for _ in 0..60 {
            assert_eq!(
                buckets.take('a', at(3600)),
                Ok(()),
                "no more than a minute's is saved up, and no less"
            );
        }
        assert!(buckets.take('a', at(3600)).is_err());
        assert_eq!(buckets.take('a', at(0)), Ok(()), "a clock that is set back locks nobody out");
    }

    #[test]
    fn strangers_without_number_take_no_more_than_their_room() {
        let mut buckets = Buckets::new(60);
        let many = u32::try_from(MAX_KEYS).expect("a small number");
        for key in 0..many + 10_000 {
            let _ = buckets.take(key, at(0));
        }
        assert_eq!(buckets.full_at.len(), MAX_KEYS);
        assert!(buckets.take(many + 20_000, at(0)).is_err(), "those beyond share a bucket");
        assert_eq!(buckets.take(7, at(0)), Ok(()), "those that were there keep theirs");
        assert_eq!(buckets.take(many + 20_000, at(61)), Ok(()));
        assert_eq!(buckets.full_at.len(), 1, "what is full is forgotten");
    }
}
