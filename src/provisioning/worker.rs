//! The worker: takes up operations that wait or whose driver died. It waits for nothing else: prices and agents'
//! deliveries ([`super::sync`]) have tasks of their own.

use std::time::Duration;

use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::warn;

use super::Provisioning;
use crate::domain::Heartbeat;

/// How often the worker looks for work.
const LOOK_EVERY: Duration = Duration::from_millis(500);
/// Operations driven at the same time that the worker of this process took up: requests' own take nothing from it.
const PARALLEL_DRIVES: usize = 16;
/// How long a shutdown waits for drives under way. What is left then is taken up after the lease.
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

    /// Works off what waits, until told to stop; then waits for the drives under way, within a deadline.
    pub async fn work(&self, stop: CancellationToken, heartbeat: Heartbeat) {
        let taken_up = TaskTracker::new();
        while stop.run_until_cancelled(tokio::time::sleep(LOOK_EVERY)).await.is_some() {
            heartbeat.beat();
            let room = PARALLEL_DRIVES.saturating_sub(taken_up.len());
            let Some(limit) = u16::try_from(room).ok().filter(|room| *room > 0) else { continue };
            match self.0.store.claim_due(self.0.owner, self.0.config.lease, limit).await {
                Ok(due) => due.into_iter().for_each(|claimed| {
                    taken_up.spawn(self.spawn_drive(claimed));
                }),
                Err(failure) => {
                    warn!(
                        error = &failure as &dyn std::error::Error,
                        "the worker could not look for operations"
                    );
                }
            }
        }
        self.0.drives.close();
        if tokio::time::timeout(DRAIN, self.0.drives.wait()).await.is_err() {
            warn!(left = self.0.drives.len(), "operations were left under way; their leases will run out");
        }
    }
}
