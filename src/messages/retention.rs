//! Deletes messages that are older than the configured retention, and threads that have none left. Runs every hour and deletes all of
//! them, however many. Totals of usage and consents stay.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use crate::domain::{Clock, Heartbeat};
use crate::store::{StoreError, SystemStore};

/// How often to check whether a run is due.
const POLL_INTERVAL: Duration = Duration::from_secs(5);
/// How often old messages are deleted.
const PURGE_EVERY: TimeDelta = TimeDelta::hours(1);
/// Rows deleted by one statement.
const AT_ONCE: u64 = 1000;

/// Deletes old messages.
#[derive(Debug, Clone)]
pub struct MessageRetention {
    store: SystemStore,
    clock: Clock,
    kept: TimeDelta,
    redacts: bool,
}

impl MessageRetention {
    /// Deletes through the system's store, for messages older than `kept`. `redacts`: bodies are deleted at the carrier as well.
    #[must_use]
    pub fn new(store: SystemStore, clock: Clock, kept: TimeDelta, redacts: bool) -> Self {
        Self { store, clock, kept, redacts }
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
                            info!(forgotten, "old messages deleted");
                        }
                    }
                    Some(Err(failure)) => {
                        metrics::counter!("switchboard_retention_runs_total", "outcome" => "failed")
                            .increment(1);
                        warn!(error = &failure as &dyn std::error::Error, "old messages not deleted");
                    }
                    None => return,
                }
            }
            if stop.run_until_cancelled(tokio::time::sleep(POLL_INTERVAL)).await.is_none() {
                return;
            }
        }
    }

    /// Deletes messages, then threads without messages. Returns how many messages.
    async fn purge(&self, before: DateTime<Utc>, heartbeat: &Heartbeat) -> Result<u64, StoreError> {
        let mut messages = 0;
        loop {
            heartbeat.beat();
            // Each batch is committed by itself: a run that is stopped keeps what it has done.
            let gone = self.store.forget_messages(before, self.redacts, AT_ONCE).await?;
            messages += gone.deleted;
            if gone.deleted < AT_ONCE && gone.emptied < AT_ONCE {
                break;
            }
        }
        while self.store.forget_threads(before, AT_ONCE).await? == AT_ONCE {
            heartbeat.beat();
        }
        Ok(messages)
    }
}
