//! Token buckets, one per key. A bucket holds one minute's requests and refills evenly.
//!
//! A bucket is stored as the instant at which it will be full again; full buckets are not stored. Memory therefore
//! holds the keys of the last minute only, and at most [`MAX_KEYS`] of them: further keys share one bucket.

use std::collections::HashMap;
use std::hash::Hash;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};

/// Keys held at the same time. Bounds memory during a flood from many addresses.
const MAX_KEYS: usize = 100_000;

/// Time in which an empty bucket refills.
const PERIOD: TimeDelta = TimeDelta::minutes(1);

/// Minimum interval between two sweeps of a full map, so that not every request of a flood scans it.
const SWEEP_EVERY: TimeDelta = TimeDelta::seconds(1);

/// When a bucket will be full again.
type FullAt = DateTime<Utc>;

/// Token buckets by key.
#[derive(Debug)]
pub(super) struct Buckets<K> {
    /// Time in which one request is refilled.
    refill: TimeDelta,
    full_at: HashMap<K, FullAt>,
    /// Bucket of all keys beyond [`MAX_KEYS`].
    shared: FullAt,
    swept_at: DateTime<Utc>,
}

impl<K: Hash + Eq> Buckets<K> {
    /// Creates full buckets for `per_minute` requests, at least 1.
    pub(super) fn new(per_minute: u32) -> Self {
        let refill = PERIOD / i32::try_from(per_minute.max(1)).unwrap_or(i32::MAX);
        let long_ago = DateTime::UNIX_EPOCH;
        Self { refill, full_at: HashMap::new(), shared: long_ago, swept_at: long_ago }
    }

    /// Takes one request from the key's bucket.
    ///
    /// # Errors
    /// The time to wait until the bucket holds a request again.
    pub(super) fn take(&mut self, key: K, now: DateTime<Utc>) -> Result<(), Duration> {
        self.make_room(&key, now);
        let held = self.full_at.contains_key(&key) || self.full_at.len() < MAX_KEYS;
        let full_at = if held { self.full_at.entry(key).or_insert(now) } else { &mut self.shared };
        // An instant more than a period ahead means that the clock was set back: the bucket starts full.
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

    /// Returns one request to the key's bucket.
    pub(super) fn refund(&mut self, key: &K) {
        // A key without a bucket was counted in the shared one.
        let full_at = self.full_at.get_mut(key).unwrap_or(&mut self.shared);
        *full_at -= self.refill;
    }

    fn make_room(&mut self, key: &K, now: DateTime<Utc>) {
        let due = (now - self.swept_at).abs() >= SWEEP_EVERY;
        if due && self.full_at.len() >= MAX_KEYS && !self.full_at.contains_key(key) {
            // A full bucket equals none. One further ahead than a period stems from a clock that was set
            // back.
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
    fn a_bucket_empties_and_refills_evenly() {
        let mut buckets = Buckets::new(60);
        for _ in 0..60 {
            assert_eq!(buckets.take('a', at(0)), Ok(()));
        }
        assert_eq!(buckets.take('a', at(0)), Err(Duration::from_secs(1)));
        assert_eq!(buckets.take('b', at(0)), Ok(()), "another key's bucket is full");
        assert_eq!(buckets.take('a', at(2)), Ok(()));
        assert_eq!(buckets.take('a', at(2)), Ok(()));
        assert_eq!(buckets.take('a', at(2)), Err(Duration::from_secs(1)));
        buckets.refund(&'a');
        assert_eq!(buckets.take('a', at(2)), Ok(()));
        for _ in 0..60 {
            assert_eq!(buckets.take('a', at(3600)), Ok(()), "a bucket holds exactly one minute's requests");
        }
        assert!(buckets.take('a', at(3600)).is_err());
        assert_eq!(buckets.take('a', at(0)), Ok(()), "a clock that is set back does not lock out the key");
    }

    #[test]
    fn memory_is_bounded_for_any_number_of_keys() {
        let mut buckets = Buckets::new(60);
        let many = u32::try_from(MAX_KEYS).expect("a small number");
        for key in 0..many + 10_000 {
            let _ = buckets.take(key, at(0));
        }
        assert_eq!(buckets.full_at.len(), MAX_KEYS);
        assert!(buckets.take(many + 20_000, at(0)).is_err(), "keys beyond the limit share a bucket");
        assert_eq!(buckets.take(7, at(0)), Ok(()), "earlier keys keep their buckets");
        assert_eq!(buckets.take(many + 20_000, at(61)), Ok(()));
        assert_eq!(buckets.full_at.len(), 1, "full buckets are removed");
    }
}
