//! SQLite connections, managed by the ORM. A connection returns to its pool only if it has left its
//! transaction; otherwise it is closed.

use std::time::Duration;

use sea_orm::sqlx;
use sea_orm::sqlx::sqlite::{SqliteConnection, SqliteJournalMode, SqliteSynchronous};
use sea_orm::sqlx::{Connection, Executor};
use sea_orm::{ConnectOptions, DatabaseConnection, DbErr};
use secrecy::ExposeSecret;

use crate::store::DatabaseConfig;

/// Idle time after which a connection is pinged before reuse.
const TRUSTED_IDLE: Duration = Duration::from_secs(30);
/// Time that a writer waits for the file's write lock.
const SQLITE_BUSY: Duration = Duration::from_secs(5);

/// Connects, and creates a missing file.
pub(super) async fn connect(config: &DatabaseConfig) -> Result<DatabaseConnection, DbErr> {
    let mut options = ConnectOptions::new(config.url.expose_secret());
    options
        .max_connections(config.max_connections)
        .acquire_timeout(config.acquire_timeout)
        // The log must contain no SQL.
        .sqlx_logging(false)
        .record_stmt_in_spans(false)
        .test_before_acquire_if_idle_for(TRUSTED_IDLE);
    open(options).await
}

/// Whether a connection returned to the pool has left its transaction. After a failed `COMMIT` or `ROLLBACK`,
/// on a full disk for example, it may still be in it: the next user's writes would be lost, and nobody else
/// could write. The driver's own count is wrong after SQLite has rolled back by itself, so SQLite is asked.
async fn has_left_its_transaction(connection: &mut SqliteConnection) -> bool {
    match connection.execute("ROLLBACK").await {
        Ok(_) => false,
        Err(sqlx::Error::Database(error)) => {
            let says_so = error.message().contains("no transaction is active");
            says_so && !connection.is_in_transaction()
        }
        Err(_) => false,
    }
}

async fn open(mut options: ConnectOptions) -> Result<DatabaseConnection, DbErr> {
    options.map_sqlx_sqlite_opts(|o| {
        o.create_if_missing(true)
            // Readers do not wait for the writer.
            .journal_mode(SqliteJournalMode::Wal)
            // In WAL mode a lower level loses commits in a power failure, possibly that of a paid number.
            .synchronous(SqliteSynchronous::Full)
            .foreign_keys(true)
            .busy_timeout(SQLITE_BUSY)
    });
    options.map_sqlx_sqlite_pool_opts(|o| {
        o.after_release(|connection, _| {
            Box::pin(async move { Ok(has_left_its_transaction(connection).await) })
        })
    });
    sea_orm::Database::connect(options).await
}

/// Maximum number of connections in the pool.
pub(in crate::store) fn max_connections(db: &DatabaseConnection) -> u32 {
    db.get_sqlite_connection_pool().options().get_max_connections()
}

/// Returns how many connections are in use, idle and allowed.
pub(in crate::store) fn counts(db: &DatabaseConnection) -> (u32, u32, u32) {
    let pool = db.get_sqlite_connection_pool();
    let idle = u32::try_from(pool.num_idle()).unwrap_or(u32::MAX);
    (pool.size().saturating_sub(idle), idle, pool.options().get_max_connections())
}

#[cfg(test)]
mod tests {
    use sea_orm::{ConnectionTrait, DbBackend, Statement};

    use super::*;
    use crate::store::dialect::begin_write;

    /// Pool of one connection to a file with an empty table.
    async fn pool_of_one(folder: &tempfile::TempDir) -> DatabaseConnection {
        let mut options = ConnectOptions::new(format!("sqlite:{}", folder.path().join("t.db").display()));
        options.max_connections(1).sqlx_logging(false);
        let pool = open(options).await.unwrap();
        pool.execute_unprepared("CREATE TABLE t (n INTEGER)").await.unwrap();
        pool
    }

    async fn rows(pool: &DatabaseConnection) -> i64 {
        let count = Statement::from_string(DbBackend::Sqlite, "SELECT count(*) AS n FROM t");
        pool.query_one_raw(count).await.unwrap().unwrap().try_get("", "n").unwrap()
    }

    #[tokio::test]
    async fn a_connection_returned_within_a_transaction_is_closed() {
        let folder = tempfile::tempdir().unwrap();
        let pool = pool_of_one(&folder).await;
        let mut left = pool.get_sqlite_connection_pool().acquire().await.unwrap();
        left.execute("BEGIN IMMEDIATE").await.unwrap();
        left.execute("INSERT INTO t VALUES (1)").await.unwrap();
        drop(left);
        let next = begin_write(&pool).await.unwrap();
        next.execute_unprepared("INSERT INTO t VALUES (2)").await.unwrap();
        next.commit().await.unwrap();
        assert_eq!(rows(&pool).await, 1, "the first was never committed");
    }

    #[tokio::test]
    async fn a_connection_whose_commit_failed_is_closed() {
        let folder = tempfile::tempdir().unwrap();
        let pool = pool_of_one(&folder).await;
        // As when SQLite rolls back by itself: the driver still counts a transaction.
        let failed = begin_write(&pool).await.unwrap();
        failed.execute_unprepared("INSERT INTO t VALUES (1)").await.unwrap();
        failed.execute_unprepared("ROLLBACK").await.unwrap();
        failed.commit().await.unwrap_err();
        let next = begin_write(&pool).await.unwrap();
        next.execute_unprepared("INSERT INTO t VALUES (2)").await.unwrap();
        next.commit().await.unwrap();
        assert_eq!(rows(&pool).await, 1);
    }
}
