//! Deletes calls that ended longer ago than the configured retention, with all that belongs to them, and the voice provider's
//! events of the same age. Runs every hour and deletes all of them, however many.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use crate::domain::{Clock, Heartbeat};
use crate::store::{StoreError, SystemStore};

/// How often to check whether a run is due.
const POLL_INTERVAL: Duration = Duration::from_secs(5);
/// How often old calls are deleted.
const PURGE_EVERY: TimeDelta = TimeDelta::hours(1);
/// Rows deleted by one statement.
const AT_ONCE: u64 = 1000;

/// Deletes old calls and events.
#[derive(Debug, Clone)]
pub struct Retention {
    store: SystemStore,
    clock: Clock,
    kept: TimeDelta,
}

impl Retention {
    /// Deletes through the system's store, for calls that ended longer ago than `kept`.
    #[must_use]
    pub fn new(store: SystemStore, clock: Clock, kept: TimeDelta) -> Self {
        Self { store, clock, kept }
    }

    /// Deletes every hour until `stop` is cancelled. Every server may do so.
    pub async fn watch(&self, stop: CancellationToken, heartbeat: Heartbeat) {
        let mut due = DateTime::<Utc>::MIN_UTC;
        loop {
            heartbeat.beat();
            let now = self.clock.now();
            if now >= due {
                // Set before the run: a failed one is not repeated every few seconds.
                due = now + PURGE_EVERY;
                match stop.run_until_cancelled(self.purge(now - self.kept, &heartbeat)).await {
                    Some(Ok(forgotten)) => {
                        metrics::counter!("switchboard_retention_runs_total", "outcome" => "done")
                            .increment(1);
                        if forgotten > 0 {
                            info!(forgotten, "old calls deleted");
                        }
                    }
                    Some(Err(failure)) => {
                        metrics::counter!("switchboard_retention_runs_total", "outcome" => "failed")
                            .increment(1);
                        warn!(error = &failure as &dyn std::error::Error, "old calls not deleted");
                    }
                    None => return,
                }
            }
            if stop.run_until_cancelled(tokio::time::sleep(POLL_INTERVAL)).await.is_none() {
                return;
            }
        }
    }

    /// Deletes calls and events. Returns how many calls.
    async fn purge(&self, before: DateTime<Utc>, heartbeat: &Heartbeat) -> Result<u64, StoreError> {
        let mut calls = 0;
        loop {
            heartbeat.beat();
            // Each batch is committed by itself: a run that is stopped keeps what it has done.
            let forgotten = self.store.forget_calls(before, AT_ONCE).await?;
            calls += forgotten;
            if forgotten < AT_ONCE {
                break;
            }
        }
        // Events that belong to no call are not deleted with one.
        while self.store.forget_events(before, AT_ONCE).await? == AT_ONCE {
            heartbeat.beat();
        }
        Ok(calls)
    }
}
