//! The worker: runs operations that are due, or that a dead driver left. Prices and the delivery of agents ([`super::sync`])
//! run in tasks of their own, so that operations never wait for them.

mod stock;

use std::time::Duration;

use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::warn;

use super::Provisioning;
use crate::domain::Heartbeat;

/// Poll interval for due operations.
const POLL_INTERVAL: Duration = Duration::from_millis(500);
/// Maximum number of concurrent operations of this worker. Operations run by requests do not count.
const PARALLEL_OPERATIONS: usize = 16;
/// How long a shutdown waits for running operations. Another driver takes over the rest after their leases expire.
pub(super) const DRAIN: Duration = Duration::from_secs(20);
/// Poll interval for countries with prices due.
const PRICES_EVERY: Duration = Duration::from_secs(5);

impl Provisioning {
    /// Keeps the carrier's prices up to date until cancelled.
    pub async fn watch_prices(&self, stop: CancellationToken, heartbeat: Heartbeat) {
        while let Some(read) = stop.run_until_cancelled(self.refresh_prices(&heartbeat)).await {
            if let Err(failure) = read {
                warn!(
                    error = &failure as &dyn std::error::Error,
                    "countries with prices due could not be read"
                );
            }
            if stop.run_until_cancelled(tokio::time::sleep(PRICES_EVERY)).await.is_none() {
                return;
            }
        }
    }

    /// Runs due operations until cancelled, then waits for those under way, within a time limit.
    pub async fn work(&self, stop: CancellationToken, heartbeat: Heartbeat) {
        let taken_up = TaskTracker::new();
        while stop.run_until_cancelled(tokio::time::sleep(POLL_INTERVAL)).await.is_some() {
            heartbeat.beat();
            // Claims no more than it can run: another server may be idle.
            let room = PARALLEL_OPERATIONS.saturating_sub(taken_up.len());
            let Some(limit) = u16::try_from(room).ok().filter(|room| *room > 0) else { continue };
            match self.0.store.claim_due(self.0.owner, self.0.config.lease, limit).await {
                Ok(due) => due.into_iter().for_each(|claimed| {
                    taken_up.spawn(self.spawn(claimed));
                }),
                Err(failure) => {
                    warn!(error = &failure as &dyn std::error::Error, "due operations could not be read");
                }
            }
        }
        // Includes operations that requests have started.
        self.0.running.close();
        if tokio::time::timeout(DRAIN, self.0.running.wait()).await.is_err() {
            warn!(
                left = self.0.running.len(),
                "shutdown: operations are still running; they will be taken over after their leases expire"
            );
        }
    }
}
