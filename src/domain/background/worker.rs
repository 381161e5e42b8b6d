//! Background workers: their names and their health.
//!
//! A worker sends a heartbeat in every round. It is ailing if it has sent none for longer than [`Worker::patience`], or if it
//! keeps ending before it is stopped.

use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::{ComponentHealth, HealthStatus};
use crate::domain::{Clock, text_enum};

text_enum! {
    /// A background worker, by its name in logs, metrics and `/readyz`.
    Worker {
        /// Fetches the keys for verifying tokens, once.
        Keys = "keys",
        /// Aggregates the recorded values of histograms, which would otherwise fill memory.
        Metrics = "metrics",
        /// Continues operations that wait or were left unfinished.
        Operations = "operations",
        /// Delivers agents to the voice provider.
        Deliveries = "deliveries",
        /// Fetches the carrier's prices.
        Prices = "prices",
        /// Writes journaled entries to the database.
        Journal = "journal",
        /// Updates the routing cache from the database.
        RoutingCache = "routing_cache",
        /// Saves the routing cache to disk.
        SavedCache = "saved_cache",
        /// Receives the changes made by other servers.
        Changes = "changes",
        /// Synchronizes the clock with the database's.
        Clock = "clock",
        /// Checks a database that was unavailable at startup, once.
        DatabaseCheck = "database_check",
        /// Asks the carrier about calls without a report of their end.
        Sweep = "sweep",
        /// Stores messages that waited for the database.
        Messages = "messages",
        /// Asks the carrier for messages that no webhook announced, and for missing statuses and prices.
        MessageSweep = "message_sweep",
        /// Answers texts.
        MessageAnswers = "message_answers",
        /// Deletes messages that are older than the retention period.
        MessageRetention = "message_retention",
        /// Asks the carrier what numbers may send.
        Registrations = "registrations",
        /// Buys numbers for the stock.
        Stock = "stock",
        /// Fetches the files of incoming messages from the carrier.
        MessageMedia = "message_media",
        /// Follows the tenants' accounts at the carrier, and checks their credentials.
        CarrierAccounts = "carrier_accounts",
        /// Finds test calls of numbers that are forwarded.
        KeptNumbers = "kept_numbers",
        /// Processes the voice provider's events.
        Events = "events",
        /// Asks the voice provider for events that never arrived.
        MissingEvents = "missing_events",
        /// Deletes calls that are older than the retention period.
        Retention = "retention",
        /// Compares the providers' inventories with the database.
        Reconciliation = "reconciliation",
        /// Counts calls for statistics.
        Statistics = "statistics",
    }
}

/// Consecutive early ends that make a worker ailing.
const TOO_MANY_ENDS: u32 = 3;
/// A run that lasts this long resets the count of early ends.
const SOUND_RUN: Duration = Duration::from_secs(60);

impl Worker {
    /// The longest time between two heartbeats: several times the longest round with a slow provider or database.
    #[must_use]
    pub const fn patience(self) -> Duration {
        let minutes = match self {
            Self::Operations | Self::Deliveries | Self::Journal | Self::RoutingCache | Self::Events => 1,
            Self::Messages | Self::MessageAnswers | Self::KeptNumbers => 1,
            Self::Metrics | Self::Changes | Self::Clock | Self::DatabaseCheck => 2,
            Self::Keys | Self::Prices | Self::SavedCache | Self::Sweep | Self::MissingEvents => 5,
            Self::MessageSweep | Self::Stock => 10,
            Self::Retention | Self::MessageRetention | Self::Statistics | Self::MessageMedia => 5,
            Self::CarrierAccounts => 5,
            // One round lists whole inventories, page by page.
            Self::Reconciliation | Self::Registrations => 60,
        };
        Duration::from_secs(minutes * 60)
    }
}

/// A worker that does not do its work.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ailing {
    /// The worker, by its name in the log and in `/readyz`.
    pub worker: Worker,
    /// Whether it keeps ending early. If not, it has sent no heartbeat for too long.
    pub keeps_ending: bool,
}

impl std::fmt::Display for Ailing {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let what = if self.keeps_ending { "keeps failing and is restarted" } else { "makes no progress" };
        write!(f, "the worker \"{}\" {what}: see the log", self.worker)
    }
}

/// The workers of a server. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Workers(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    clock: Clock,
    /// Heartbeats are stored as milliseconds since this instant, which fit an atomic.
    since: Instant,
    enlisted: Mutex<Vec<Heartbeat>>,
}

/// A worker's handle for its heartbeats. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Heartbeat(Arc<Pulse>);

struct Pulse {
    worker: Worker,
    clock: Clock,
    since: Instant,
    beaten: AtomicU64,
    begun: AtomicU64,
    /// Number of consecutive early ends; a long run resets it.
    ends: AtomicU32,
    /// Time of the last heartbeat. Looked up once, because some workers send a heartbeat at every notification.
    gauge: metrics::Gauge,
}

impl std::fmt::Debug for Pulse {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Pulse").field("worker", &self.worker).finish_non_exhaustive()
    }
}

impl Workers {
    /// Creates an empty registry of workers.
    #[must_use]
    pub fn new(clock: Clock) -> Self {
        Self(Arc::new(Inner { clock, since: Instant::now(), enlisted: Mutex::default() }))
    }

    /// Registers a worker with its first run starting now. Replaces an earlier worker of the same name.
    #[must_use]
    pub fn enlist(&self, worker: Worker) -> Heartbeat {
        let Inner { clock, since, .. } = &*self.0;
        let heartbeat = Heartbeat(Arc::new(Pulse {
            worker,
            clock: clock.clone(),
            since: *since,
            beaten: AtomicU64::default(),
            begun: AtomicU64::default(),
            ends: AtomicU32::default(),
            gauge: metrics::gauge!("switchboard_worker_heartbeat_timestamp_seconds", "worker" => worker.as_str()),
        }));
        // A worker that never begins counts as silent from here on.
        heartbeat.begin(Instant::now());
        let mut enlisted = self.lock();
        // A worker that enlists again replaces its former heartbeat, which would soon count as silent.
        enlisted.retain(|other| other.0.worker != worker);
        enlisted.push(heartbeat.clone());
        heartbeat
    }

    /// Removes a worker that is finished.
    pub fn dismiss(&self, worker: Worker) {
        self.lock().retain(|other| other.0.worker != worker);
    }

    /// A worker that does not do its work at `now`, if there is one.
    #[must_use]
    pub fn ailing(&self, now: Instant) -> Option<Ailing> {
        // One is enough: `/readyz` names a worker, and the log has the others.
        self.lock().iter().find_map(|heartbeat| heartbeat.ailing(now))
    }

    /// The state of each worker at `now`, in the order of [`Worker`], with the time of its last heartbeat.
    #[must_use]
    pub fn health(&self, now: Instant) -> Vec<ComponentHealth> {
        let mut enlisted = self.lock().clone();
        enlisted.sort_by_key(|heartbeat| heartbeat.0.worker);
        enlisted.iter().map(|heartbeat| heartbeat.health(now)).collect()
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Heartbeat>> {
        self.0.enlisted.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Heartbeat {
    /// Sends a heartbeat: at the start of a round, and within a long one.
    pub fn beat(&self) {
        self.beat_at(Instant::now());
    }

    fn beat_at(&self, now: Instant) {
        let Pulse { clock, beaten, gauge, .. } = &*self.0;
        // Relaxed: nothing else is read on the strength of a heartbeat, and patience is counted in minutes.
        beaten.store(self.millis(now), Ordering::Relaxed);
        gauge.set(clock.now().timestamp_millis() as f64 / 1000.0);
    }

    /// Records the start of a run, with a heartbeat.
    pub fn begin(&self, now: Instant) {
        self.0.begun.store(self.millis(now), Ordering::Relaxed);
        self.beat_at(now);
    }

    /// Ends a run early. Returns the number of consecutive early ends.
    #[must_use]
    pub fn end(&self, now: Instant) -> u32 {
        let Pulse { worker, ends, .. } = &*self.0;
        if self.runs_soundly(now) {
            ends.store(0, Ordering::Relaxed);
        }
        metrics::counter!("switchboard_worker_restarts_total", "worker" => worker.as_str()).increment(1);
        ends.fetch_add(1, Ordering::Relaxed) + 1
    }

    fn ailing(&self, now: Instant) -> Option<Ailing> {
        let Pulse { worker, beaten, ends, .. } = &*self.0;
        // Measured by the monotonic clock: a clock that is set would make every worker look silent.
        let silence = self.millis(now).saturating_sub(beaten.load(Ordering::Relaxed));
        // The count is reset at the next end only. Until then a sound run outweighs it.
        let keeps_ending = ends.load(Ordering::Relaxed) >= TOO_MANY_ENDS && !self.runs_soundly(now);
        let is_silent = Duration::from_millis(silence) > worker.patience();
        (keeps_ending || is_silent).then_some(Ailing { worker: *worker, keeps_ending })
    }

    fn health(&self, now: Instant) -> ComponentHealth {
        let silence = self.millis(now).saturating_sub(self.0.beaten.load(Ordering::Relaxed));
        let last = self.0.clock.now() - Duration::from_millis(silence);
        let name = format!("worker_{}", self.0.worker);
        let health = match self.ailing(now) {
            None => ComponentHealth::new(name, HealthStatus::Ok),
            Some(ailing) => ComponentHealth::new(name, HealthStatus::Degraded).because(ailing.to_string()),
        };
        health.since(Some(last))
    }

    fn runs_soundly(&self, now: Instant) -> bool {
        let begun = self.0.begun.load(Ordering::Relaxed);
        Duration::from_millis(self.millis(now).saturating_sub(begun)) >= SOUND_RUN
    }

    fn millis(&self, now: Instant) -> u64 {
        let elapsed = now.saturating_duration_since(self.0.since);
        u64::try_from(elapsed.as_millis()).unwrap_or(u64::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_worker_is_unhealthy_while_it_is_silent_or_keeps_ending() {
        let workers = Workers::new(Clock::system());
        let (beating, ending) = (workers.enlist(Worker::Operations), workers.enlist(Worker::Sweep));
        let now = Instant::now();
        let at = |seconds| now + Duration::from_secs(seconds);
        assert_eq!(workers.ailing(at(30)), None);
        let silent = Ailing { worker: Worker::Operations, keeps_ending: false };
        assert_eq!(workers.ailing(at(70)), Some(silent));
        beating.beat_at(at(71));
        assert_eq!(workers.ailing(at(80)), None, "it has sent a heartbeat");

        for nth in 1..=3 {
            ending.begin(at(80 + u64::from(nth)));
            assert_eq!(ending.end(at(80 + u64::from(nth))), nth);
        }
        beating.beat_at(at(90));
        let fails = Ailing { worker: Worker::Sweep, keeps_ending: true };
        let states: Vec<_> =
            workers.health(at(90)).into_iter().map(|part| (part.name, part.status)).collect();
        let known = [("worker_operations", HealthStatus::Ok), ("worker_sweep", HealthStatus::Degraded)];
        assert_eq!(states, known.map(|(name, status)| (name.to_owned(), status)));
        assert_eq!(workers.ailing(at(90)), Some(fails));
        assert!(fails.to_string().contains("\"sweep\""));
        ending.begin(at(95));
        assert_eq!(workers.ailing(at(100)), Some(fails), "the last run is too short");
        beating.beat_at(at(150));
        assert_eq!(workers.ailing(at(156)), None);
        ending.begin(at(160));
        assert_eq!(ending.end(at(230)), 1, "a sound run resets the count");

        beating.beat_at(at(230));
        assert_eq!(workers.ailing(at(230)), None);
        workers.dismiss(Worker::Operations);
        assert_eq!(workers.ailing(at(280)), None, "a finished worker is not expected to send heartbeats");
    }
}
