//! The worker: runs operations that are due or whose driver died. It waits for nothing else: prices and the delivery of
//! agents ([`super::sync`]) have tasks of their own.

use std::time::Duration;

use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::warn;

use super::Provisioning;
use crate::domain::Heartbeat;

/// How often the worker looks for work.
const LOOK_EVERY: Duration = Duration::from_millis(500);
/// Operations that the worker of this process runs at the same time. Those that requests run do not count.
const PARALLEL_OPERATIONS: usize = 16;
/// How long a shutdown waits for operations that run here. What is left then is taken over when its lease has expired.
pub(super) const DRAIN: Duration = Duration::from_secs(20);
/// How often it is looked for countries whose prices are not known.
const PRICES_EVERY: Duration = Duration::from_secs(5);

impl Provisioning {
    /// Keeps the carrier's prices known, until told to stop.
    pub async fn watch_prices(&self, stop: CancellationToken, heartbeat: Heartbeat) {
        while let Some(read) = stop.run_until_cancelled(self.refresh_prices(&heartbeat)).await {
            if let Err(failure) = read {
                warn!(error = &failure as &dyn std::error::Error, "the worker could not look for prices");
            }
            if stop.run_until_cancelled(tokio::time::sleep(PRICES_EVERY)).await.is_none() {
                return;
            }
        }
    }

    /// Runs operations that are due until it is stopped; then waits, within a deadline, for those that run here.
    pub async fn work(&self, stop: CancellationToken, heartbeat: Heartbeat) {
        let taken_up = TaskTracker::new();
        while stop.run_until_cancelled(tokio::time::sleep(LOOK_EVERY)).await.is_some() {
            heartbeat.beat();
            let room = PARALLEL_OPERATIONS.saturating_sub(taken_up.len());
            let Some(limit) = u16::try_from(room).ok().filter(|room| *room > 0) else { continue };
            match self.0.store.claim_due(self.0.owner, self.0.config.lease, limit).await {
                Ok(due) => due.into_iter().for_each(|claimed| {
                    taken_up.spawn(self.spawn(claimed));
                }),
                Err(failure) => {
                    warn!(
                        error = &failure as &dyn std::error::Error,
                        "the worker could not look for operations"
                    );
                }
            }
        }
        self.0.running.close();
        if tokio::time::timeout(DRAIN, self.0.running.wait()).await.is_err() {
            warn!(
                left = self.0.running.len(),
                "shutdown: operations are still running; they are taken over when their leases have expired"
            );
        }
    }
}
