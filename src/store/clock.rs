//! One time for all servers: the database's. Leases, quarantine and hourly limits are instants that one server writes and
//! another compares, so a server whose own clock is wrong must not go by it.
//!
//! The server's clock is set by the database's when it connects, and again every few seconds. On SQLite both are the
//! machine's.

use std::time::{Duration, Instant};

use chrono::{DateTime, TimeDelta, Utc};
use sea_orm::{ConnectionTrait, Statement};
use tracing::warn;

use super::{Database, StoreError, dialect};

/// How often the clock is set.
const SET_EVERY: Duration = Duration::from_secs(10);
/// A machine's clock that is off by more deserves a word.
const WORTH_A_WORD: TimeDelta = TimeDelta::seconds(2);

impl Database {
    /// Keeps this server's clock at the database's time. Never returns.
    pub async fn keep_time(&self) {
        loop {
            tokio::time::sleep(SET_EVERY).await;
            // While the database is away the clock counts on by itself.
            let _set_or_away = self.set_clock().await;
        }
    }

    /// Sets this server's clock by the database's.
    pub(super) async fn set_clock(&self) -> Result<(), StoreError> {
        let db = &self.shared.tenants;
        if !dialect::has_policies(db) {
            return Ok(());
        }
        let asked = Instant::now();
        let now = Statement::from_string(db.get_database_backend(), "SELECT clock_timestamp() AS now");
        let corrupt = || StoreError::Corrupt { table: "clock", column: "now" };
        let row = db.query_one_raw(now).await?.ok_or_else(corrupt)?;
        let told: DateTime<Utc> = row.try_get("", "now")?;
        // On average it was told half-way between the question and the answer.
        let ahead = self.shared.clock.set(told, asked + asked.elapsed() / 2);
        metrics::gauge!("switchboard_clock_offset_seconds").set(ahead.as_seconds_f64());
        if ahead.abs() > WORTH_A_WORD {
            warn!(
                seconds = ahead.num_seconds(),
                "this machine's clock is ahead of the database's (behind, if negative): the database's time is used"
            );
        }
        Ok(())
    }
}
