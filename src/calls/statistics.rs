//! Counts calls for statistics, every minute. Queries count the calls that are not counted yet themselves.

use std::time::{Duration, Instant};

use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use crate::domain::Heartbeat;
use crate::store::{Counting, StoreError, SystemStore};

/// Pause between two rounds.
const EVERY: Duration = Duration::from_secs(60);
/// Pause between two batches, so that calls come first.
const PAUSE: Duration = Duration::from_millis(20);
/// Pause while an open transaction is waited for, and how long it is waited for in one round.
const WAIT: Duration = Duration::from_millis(200);
const PATIENCE: Duration = Duration::from_secs(600);
/// Batches from which a round is logged: after an upgrade, or a long time without a server.
const MANY: u64 = 5;

/// Counts calls for statistics.
#[derive(Debug, Clone)]
pub struct CallCounter {
    store: SystemStore,
}

impl CallCounter {
    /// Counts through the system's store.
    #[must_use]
    pub fn new(store: SystemStore) -> Self {
        Self { store }
    }

    /// Counts every minute until `stop` is cancelled. Every server may do so at the same time.
    pub async fn watch(&self, stop: CancellationToken, heartbeat: Heartbeat) {
        loop {
            match stop.run_until_cancelled(self.count(&heartbeat)).await {
                Some(Ok(batches)) if batches >= MANY => info!(batches, "calls counted for statistics"),
                Some(Ok(_)) => {}
                Some(Err(failure)) => {
                    warn!(
                        error = &failure as &dyn std::error::Error,
                        "calls not counted for statistics: trying again in a minute"
                    );
                }
                None => return,
            }
            if stop.run_until_cancelled(tokio::time::sleep(EVERY)).await.is_none() {
                return;
            }
        }
    }

    /// Counts all calls that are due. Returns the number of batches.
    async fn count(&self, heartbeat: &Heartbeat) -> Result<u64, StoreError> {
        heartbeat.beat();
        let mut round = self.store.begin_counting().await?;
        let began = Instant::now();
        let mut batches = 0;
        loop {
            heartbeat.beat();
            match self.store.count_calls(&mut round).await? {
                Counting::Finished => return Ok(batches),
                Counting::More => {
                    batches += 1;
                    tokio::time::sleep(PAUSE).await;
                }
                Counting::Waiting if began.elapsed() < PATIENCE => tokio::time::sleep(WAIT).await,
                Counting::Waiting => {
                    warn!(
                        waited = ?PATIENCE,
                        "calls not counted for statistics: a transaction has been open since before; end it"
                    );
                    return Ok(batches);
                }
            }
        }
    }
}
