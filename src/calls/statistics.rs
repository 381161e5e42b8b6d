//! Counts the calls from before there were statistics, once after an upgrade. Until then queries count them from the calls.

use std::time::Duration;

use tracing::{info, warn};

use crate::store::SystemStore;

/// Pause between two batches, so that calls come first.
const PAUSE: Duration = Duration::from_millis(20);
/// Pause after a failure.
const TRY_AGAIN: Duration = Duration::from_secs(30);

/// Counts older calls for statistics.
#[derive(Debug, Clone)]
pub struct StatisticsBacklog {
    store: SystemStore,
}

impl StatisticsBacklog {
    /// Counts through the system's store.
    #[must_use]
    pub fn new(store: SystemStore) -> Self {
        Self { store }
    }

    /// Counts until no call is left. Every server may do so at the same time.
    pub async fn count(&self) {
        let mut batches = 0_u64;
        loop {
            match self.store.count_older_calls().await {
                Ok(false) => break,
                Ok(true) => {
                    batches += 1;
                    tokio::time::sleep(PAUSE).await;
                }
                Err(failure) => {
                    warn!(
                        error = &failure as &dyn std::error::Error,
                        "older calls not counted yet: trying again"
                    );
                    tokio::time::sleep(TRY_AGAIN).await;
                }
            }
        }
        if batches > 0 {
            info!(batches, "older calls counted for statistics");
        }
    }
}
