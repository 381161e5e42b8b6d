//! Deletes what is older than the configured retention: calls that ended before, with all that belongs to them and the voice
//! provider's events; messages, and threads that have none left. Runs every hour and deletes all of them, however many. Totals of
//! usage and consents stay.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use crate::config::Records;
use crate::domain::{Clock, Heartbeat};
use crate::store::{StoreError, SystemStore};

/// How often to check whether a run is due.
const POLL_INTERVAL: Duration = Duration::from_secs(5);
/// How often old rows are deleted.
const PURGE_EVERY: TimeDelta = TimeDelta::hours(1);
/// Rows deleted by one statement.
const AT_ONCE: u64 = 1000;

/// What is deleted.
#[derive(Debug, Clone, Copy)]
enum Old {
    /// Calls, and the voice provider's events.
    Calls,
    /// Messages and threads. `redacts`: bodies are deleted at the carrier as well.
    Messages { redacts: bool },
}

/// Deletes what is old.
#[derive(Debug, Clone)]
pub(super) struct Retention {
    store: SystemStore,
    clock: Clock,
    kept: TimeDelta,
    old: Old,
}

impl Retention {
    /// What deletes calls, and what deletes messages; `None` for what is kept for ever.
    pub(super) fn of_both(config: &Records, store: &SystemStore, clock: &Clock) -> [Option<Self>; 2] {
        [Self::of_calls(config, store, clock), Self::of_messages(config, store, clock)]
    }

    fn of_calls(config: &Records, store: &SystemStore, clock: &Clock) -> Option<Self> {
        Self::after(config.retention_days, store, clock, Old::Calls)
    }

    fn of_messages(config: &Records, store: &SystemStore, clock: &Clock) -> Option<Self> {
        let old = Old::Messages { redacts: config.redact_at_carrier };
        Self::after(config.message_retention_days, store, clock, old)
    }

    fn after(days: u16, store: &SystemStore, clock: &Clock, old: Old) -> Option<Self> {
        Some(Self { store: store.clone(), clock: clock.clone(), kept: Self::kept(days)?, old })
    }

    /// How long something is kept for so many days; `None`: for ever.
    pub(super) fn kept(days: u16) -> Option<TimeDelta> {
        (days > 0).then(|| TimeDelta::days(days.into()))
    }

    /// Deletes every hour until `stop` is cancelled. Every server may do so.
    pub(super) async fn watch(&self, stop: CancellationToken, heartbeat: Heartbeat) {
        let mut due = DateTime::<Utc>::MIN_UTC;
        loop {
            heartbeat.beat();
            let now = self.clock.now();
            if now >= due {
                // Set before the run: a failed one is not repeated every few seconds.
                due = now + PURGE_EVERY;
                match stop.run_until_cancelled(self.purge(now - self.kept, &heartbeat)).await {
                    Some(purged) => self.report(&purged),
                    None => return,
                }
            }
            if stop.run_until_cancelled(tokio::time::sleep(POLL_INTERVAL)).await.is_none() {
                return;
            }
        }
    }

    fn report(&self, purged: &Result<u64, StoreError>) {
        let outcome = if purged.is_ok() { "done" } else { "failed" };
        metrics::counter!("switchboard_retention_runs_total", "outcome" => outcome).increment(1);
        match (purged, self.old) {
            (Ok(0), _) => {}
            (Ok(forgotten), Old::Calls) => info!(forgotten, "old calls deleted"),
            (Ok(forgotten), Old::Messages { .. }) => info!(forgotten, "old messages deleted"),
            (Err(failure), Old::Calls) => {
                warn!(error = failure as &dyn std::error::Error, "old calls not deleted");
            }
            (Err(failure), Old::Messages { .. }) => {
                warn!(error = failure as &dyn std::error::Error, "old messages not deleted");
            }
        }
    }

    /// Deletes calls or messages, then what is left without them. Returns how many calls or messages.
    async fn purge(&self, before: DateTime<Utc>, heartbeat: &Heartbeat) -> Result<u64, StoreError> {
        let mut forgotten = 0;
        loop {
            heartbeat.beat();
            // Each batch is committed by itself: a run that is stopped keeps what it has done.
            let (gone, emptied) = match self.old {
                Old::Calls => (self.store.forget_calls(before, AT_ONCE).await?, 0),
                Old::Messages { redacts } => {
                    let gone = self.store.forget_messages(before, redacts, AT_ONCE).await?;
                    (gone.deleted, gone.emptied)
                }
            };
            forgotten += gone;
            if gone < AT_ONCE && emptied < AT_ONCE {
                break;
            }
        }
        while self.forget_rest(before).await? == AT_ONCE {
            heartbeat.beat();
        }
        Ok(forgotten)
    }

    async fn forget_rest(&self, before: DateTime<Utc>) -> Result<u64, StoreError> {
        match self.old {
            // Events that belong to no call are not deleted with one.
            Old::Calls => self.store.forget_events(before, AT_ONCE).await,
            Old::Messages { .. } => self.store.forget_threads(before, AT_ONCE).await,
        }
    }
}
