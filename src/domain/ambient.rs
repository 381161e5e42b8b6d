//! Time and randomness as values, so that a test can choose both.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use chrono::{DateTime, SubsecRound, TimeDelta, Utc};
use uuid::Uuid;

/// A source of the current time. Cheap to clone; all clones return the same time and are corrected together.
#[derive(Clone)]
pub struct Clock {
    tell: Arc<dyn Fn() -> DateTime<Utc> + Send + Sync>,
    /// `None`: the clock cannot be corrected, as in a test.
    set: Option<Arc<Mutex<Option<Setting>>>>,
}

/// The time that a clock was set to, and the instant of that. It advances with the monotonic clock from then on, so that later changes
/// of the machine's clock have no effect.
#[derive(Clone, Copy)]
struct Setting {
    to: DateTime<Utc>,
    at: Instant,
}

impl Clock {
    /// The machine's wall clock.
    #[must_use]
    #[expect(clippy::disallowed_methods, reason = "the one reader of the machine's clock")]
    pub fn system() -> Self {
        Self::of_machine(Utc::now)
    }

    /// A wall clock that may be wrong: it returns what `now` returns until [`Self::set`] corrects it.
    pub fn of_machine(now: impl Fn() -> DateTime<Utc> + Send + Sync + 'static) -> Self {
        Self { tell: Arc::new(now), set: Some(Arc::default()) }
    }

    /// A clock for tests: it returns what `now` returns and cannot be corrected.
    pub fn from_fn(now: impl Fn() -> DateTime<Utc> + Send + Sync + 'static) -> Self {
        Self { tell: Arc::new(now), set: None }
    }

    /// The current time, truncated to microseconds: the precision of Postgres, so that a value reads back as it was written.
    #[must_use]
    pub fn now(&self) -> DateTime<Utc> {
        self.setting().map_or_else(|| (self.tell)(), |set| set.to + set.at.elapsed()).trunc_subsecs(6)
    }

    /// Corrects the clock and all its clones: at the instant `at`, the time was `to`. Returns by how much the machine's clock is ahead.
    /// Has no effect on a test's clock.
    pub fn set(&self, to: DateTime<Utc>, at: Instant) -> TimeDelta {
        let Some(set) = &self.set else { return TimeDelta::zero() };
        // The setting is replaced as a whole, so a poisoned lock still holds a valid one.
        *set.lock().unwrap_or_else(PoisonError::into_inner) = Some(Setting { to, at });
        // Against the machine's clock, not the former setting: the difference tells how wrong the machine is.
        (self.tell)() - (to + at.elapsed())
    }

    /// The same clock without correction, for comparison with the outside world: the expiry of tokens, for example.
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

/// A source of random bytes for secrets and ids. Cheap to clone.
#[derive(Clone)]
pub struct Entropy(Arc<Fill>);

type Fill = dyn Fn(&mut [u8]) + Send + Sync;

impl Entropy {
    /// A source that calls `fill`. Outside tests it must be cryptographically secure.
    pub fn from_fn(fill: impl Fn(&mut [u8]) + Send + Sync + 'static) -> Self {
        Self(Arc::new(fill))
    }

    /// The operating system's random generator, through UUIDs of version 4.
    #[must_use]
    #[expect(clippy::disallowed_methods, reason = "the one reader of the system's randomness")]
    pub fn system() -> Self {
        Self(Arc::new(|out| {
            // A version 4 UUID has six fixed bits, in bytes 6 and 8; the other fourteen bytes are random.
            for chunk in out.chunks_mut(14) {
                let random = *Uuid::new_v4().as_bytes();
                let usable = random.iter().enumerate().filter(|(i, _)| *i != 6 && *i != 8);
                for (byte, (_, random)) in chunk.iter_mut().zip(usable) {
                    *byte = *random;
                }
            }
        }))
    }

    /// Returns `N` random bytes.
    #[must_use]
    pub fn bytes<const N: usize>(&self) -> [u8; N] {
        let mut bytes = [0; N];
        (self.0)(&mut bytes);
        bytes
    }

    /// Returns a UUID of version 7, which sorts by `now`.
    #[must_use]
    pub fn uuid(&self, now: DateTime<Utc>) -> Uuid {
        // A clock before 1970 gives ids that do not sort by time. They are unique all the same.
        let millis = u64::try_from(now.timestamp_millis()).unwrap_or(0);
        uuid::Builder::from_unix_timestamp_millis(millis, &self.bytes()).into_uuid()
    }
}

impl fmt::Debug for Entropy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Entropy")
    }
}
