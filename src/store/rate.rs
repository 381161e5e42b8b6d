//! Shared rate limits. On Postgres all servers draw requests from one bucket for each caller.

use chrono::{DateTime, Utc};
use sea_orm::{ConnectionTrait, DbBackend, Statement};

use super::{StoreError, SystemStore};

/// Result of drawing requests from a shared bucket.
#[derive(Debug, Clone, Copy)]
pub struct Taken {
    /// Number of requests granted, at most the number wanted.
    pub granted: u32,
    /// When the next request becomes available, if `granted` is 0.
    pub free_at: DateTime<Utc>,
}

impl SystemStore {
    /// Takes up to `wanted` requests from a caller's bucket, which holds `per_minute` requests when full. Postgres only.
    ///
    /// # Errors
    /// [`StoreError`]; the requests may have been taken all the same.
    pub async fn take_requests(
        &self,
        bucket: &str,
        wanted: u32,
        per_minute: u32,
        now: DateTime<Utc>,
    ) -> Result<Taken, StoreError> {
        let count = |n: u32| i32::try_from(n).unwrap_or(i32::MAX);
        // One function, because reading and taking must happen under one row lock. Not as a plain `SELECT`, which
        // counts as a read and is repeated on a broken connection: the caller would be charged twice.
        let sql = "WITH taken AS (SELECT granted, free_at FROM take_requests($1, $2, $3, $4)) \
                   SELECT granted, free_at FROM taken";
        let values = [bucket.into(), count(wanted).into(), count(per_minute).into(), now.into()];
        let statement = Statement::from_sql_and_values(DbBackend::Postgres, sql, values);
        let corrupt = StoreError::Corrupt { table: "rate_buckets", column: "full_at" };
        let row = self.db().query_one_raw(statement).await?.ok_or(corrupt)?;
        let granted: i32 = row.try_get("", "granted")?;
        Ok(Taken { granted: granted.unsigned_abs(), free_at: row.try_get("", "free_at")? })
    }

    /// Deletes full buckets: a missing bucket counts as full.
    ///
    /// # Errors
    /// [`StoreError`]; after [`StoreError::Unavailable`] the change may have been committed all the same.
    pub async fn forget_full_buckets(&self, now: DateTime<Utc>) -> Result<(), StoreError> {
        // Without a lock on buckets in use: one that is taken from again meanwhile is no longer full, so it
        // stays.
        let sql = "DELETE FROM rate_buckets WHERE full_at < $1";
        let statement = Statement::from_sql_and_values(DbBackend::Postgres, sql, [now.into()]);
        self.db().execute_raw(statement).await?;
        Ok(())
    }
}
