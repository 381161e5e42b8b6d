//! Server clock, synchronized with the database's. Leases, quarantine and hourly limits are instants that one
//! server writes and another compares, so no server may rely on its own machine's clock.
//!
//! The clock is set on connecting and every few seconds afterwards. On SQLite the database's clock is the machine's.

use std::time::{Duration, Instant};

use chrono::{DateTime, TimeDelta, Utc};
use sea_orm::{ConnectionTrait, DbErr, Statement};
use tracing::warn;

use super::{Database, StoreError, dialect};

/// Interval between two synchronizations with the database.
const SYNC_INTERVAL: Duration = Duration::from_secs(10);
/// Offset of the machine's clock above which a warning is logged.
const WARN_OFFSET: TimeDelta = TimeDelta::seconds(2);

impl Database {
    /// Synchronizes this server's clock with the database's every few seconds. Never returns.
    pub async fn keep_clock_synced(&self) {
        loop {
            tokio::time::sleep(SYNC_INTERVAL).await;
            // While the database is unavailable the clock keeps running with its last known offset.
            let _set_or_unavailable = self.set_clock().await;
        }
    }

    /// Sets this server's clock to the database's time.
    pub(super) async fn set_clock(&self) -> Result<(), StoreError> {
        let db = &self.shared.tenants;
        if !dialect::has_policies(db) {
            return Ok(());
        }
        let asked = Instant::now();
        // Not `now()`: behind a pooler the statement runs in a transaction, and `now()` is when that began.
        let now = Statement::from_string(db.get_database_backend(), "SELECT clock_timestamp() AS now");
        let no_row = || DbErr::RecordNotFound("SELECT clock_timestamp() returned no row".into());
        let row = db.query_one_raw(now).await?.ok_or_else(no_row)?;
        let database_time: DateTime<Utc> = row.try_get("", "now")?;
        // The database read its clock somewhere between sending and receiving: half-way on average.
        let ahead = self.shared.clock.set(database_time, asked + asked.elapsed() / 2);
        metrics::gauge!("switchboard_clock_offset_seconds").set(ahead.as_seconds_f64());
        if ahead.abs() > WARN_OFFSET {
            warn!(
                seconds = ahead.num_seconds(),
                "machine clock differs from the database's (positive: ahead): using the database's time"
            );
        }
        Ok(())
    }
}
