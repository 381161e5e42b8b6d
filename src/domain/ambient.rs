//! Time and randomness, handed in by whoever builds the system, so that a test can choose both.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use chrono::{DateTime, SubsecRound, TimeDelta, Utc};
use uuid::Uuid;

/// Tells the time. Cheap to clone; every clone tells the same time, and is corrected with the others.
#[derive(Clone)]
pub struct Clock {
    tell: Arc<dyn Fn() -> DateTime<Utc> + Send + Sync>,
    /// `None` for a clock that is never corrected: a test's.
    set: Option<Arc<Mutex<Option<Setting>>>>,
}

/// The time that a clock was set to, and when. From then on it counts by itself, whatever becomes of the machine's clock.
#[derive(Clone, Copy)]
struct Setting {
    to: DateTime<Utc>,
    at: Instant,
}

impl Clock {
    /// The machine's clock.
    #[must_use]
    #[expect(clippy::disallowed_methods, reason = "the one reader of the machine's clock")]
    pub fn system() -> Self {
        Self::of_machine(Utc::now)
    }

    /// A machine's clock that may be wrong: it tells what `now` returns until it is set.
    pub fn of_machine(now: impl Fn() -> DateTime<Utc> + Send + Sync + 'static) -> Self {
        Self { tell: Arc::new(now), set: Some(Arc::default()) }
    }

    /// A clock that tells what `now` returns: a test's clock, moved by hand.
    pub fn from_fn(now: impl Fn() -> DateTime<Utc> + Send + Sync + 'static) -> Self {
        Self { tell: Arc::new(now), set: None }
    }

    /// The time, cut to microseconds: what Postgres keeps, so that a value reads back as it was written.
    #[must_use]
    pub fn now(&self) -> DateTime<Utc> {
        self.setting().map_or_else(|| (self.tell)(), |set| set.to + set.at.elapsed()).trunc_subsecs(6)
    }

    /// Sets the clock and all its clones to what another clock told at the instant `at`. Returns by how much the machine's
    /// own clock is ahead of that. Does nothing to a test's clock.
    pub fn set(&self, to: DateTime<Utc>, at: Instant) -> TimeDelta {
        let Some(set) = &self.set else { return TimeDelta::zero() };
        *set.lock().unwrap_or_else(PoisonError::into_inner) = Some(Setting { to, at });
        (self.tell)() - (to + at.elapsed())
    }

    /// The same clock as if it was never set: for what compares with the time of the world outside.
    #[must_use]
    pub fn unset(&self) -> Self {
        Self { tell: Arc::clone(&self.tell), set: None }
    }

    fn setting(&self) -> Option<Setting> {
        *self.set.as_ref()?.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Clock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Clock")
    }
}

/// Gives random bytes: for secrets and for ids. Cheap to clone.
#[derive(Clone)]
pub struct Entropy(Arc<Fill>);

type Fill = dyn Fn(&mut [u8]) + Send + Sync;

impl Entropy {
    /// Random bytes from `fill`, which must be fit for secrets outside of tests.
    pub fn from_fn(fill: impl Fn(&mut [u8]) + Send + Sync + 'static) -> Self {
        Self(Arc::new(fill))
    }

    /// The operating system's random bytes, by way of the UUID crate's version 4.
    #[must_use]
    #[expect(clippy::disallowed_methods, reason = "the one reader of the system's randomness")]
    pub fn system() -> Self {
        Self(Arc::new(|out| {
            // A version 4 UUID has six fixed bits, in the bytes 6 and 8: the other fourteen are random.
            for chunk in out.chunks_mut(14) {
                let random = *Uuid::new_v4().as_bytes();
                let usable = random.iter().enumerate().filter(|(i, _)| *i != 6 && *i != 8);
                for (byte, (_, random)) in chunk.iter_mut().zip(usable) {
                    *byte = *random;
                }
            }
        }))
    }

    /// `N` random bytes.
    #[must_use]
    pub fn bytes<const N: usize>(&self) -> [u8; N] {
        let mut bytes = [0; N];
        (self.0)(&mut bytes);
        bytes
    }

    /// A UUID of version 7 for the instant `now`: sorts by creation.
    #[must_use]
    pub fn uuid(&self, now: DateTime<Utc>) -> Uuid {
        let millis = u64::try_from(now.timestamp_millis()).unwrap_or(0);
        uuid::Builder::from_unix_timestamp_millis(millis, &self.bytes()).into_uuid()
    }
}

impl fmt::Debug for Entropy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Entropy")
    }
}
