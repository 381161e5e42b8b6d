//! Every difference between Postgres and SQLite.
//!
//! A connection goes back to its pool only once it has left its transaction (on Postgres: a failed COMMIT is followed by a
//! ROLLBACK, and a connection that does not answer that is closed by the pool), and is taken out of it only if no session of
//! its age was found to be read-only ([`Sessions`]); else it is closed.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use sea_orm::sea_query::{Condition, Expr, LockBehavior, LockType, SelectStatement};
use sea_orm::sqlx;
use sea_orm::sqlx::postgres::{PgConnectOptions, PgListener, PgPoolOptions};
use sea_orm::sqlx::sqlite::{SqliteConnection, SqliteJournalMode, SqliteSynchronous};
use sea_orm::sqlx::{Connection, Executor};
use sea_orm::{
    ConnectOptions, ConnectionTrait, DatabaseConnection, DatabaseTransaction, DbBackend, DbErr,
    SqliteTransactionMode, Statement, TransactionOptions, TransactionTrait, Value,
};
use secrecy::ExposeSecret;
use serde::Serialize;
use uuid::Uuid;

use super::DatabaseConfig;
use super::error::is_read_only;
use crate::domain::{IdempotencyKey, TenantId};

/// How long a connection may lie idle before it is tried out ahead of its next use.
const TRUSTED_IDLE: Duration = Duration::from_secs(30);
/// How long Postgres lets one statement run, wait for a lock, or a transaction stand still: longer than anything of ours takes.
/// And it tries connections out, so that the locks of a machine that vanished are free within a minute. (Otherwise it notices
/// after hours; one of them is the lock on all purchases.)
const SESSION: [(&str, &str); 7] = [
    ("statement_timeout", "30s"),
    ("lock_timeout", "10s"),
    ("idle_in_transaction_session_timeout", "30s"),
    ("tcp_keepalives_idle", "20"),
    ("tcp_keepalives_interval", "10"),
    ("tcp_keepalives_count", "3"),
    ("tcp_user_timeout", "30000"),
];
/// How long SQLite's writers wait for each other.
const SQLITE_BUSY: Duration = Duration::from_secs(5);
/// How long it may take to connect for listening.
const LISTENER_TIME: Duration = Duration::from_secs(5);
/// The locks shared by all servers on one database; any numbers, as long as they stay.
const MIGRATION_LOCK: i64 = 0x5357_4249_0001;
const PURCHASE_LOCK: i64 = 0x5357_4249_0002;
const RECONCILIATION_LOCK: i64 = 0x5357_4249_0003;

/// A statement that is written once for each database, and takes its rows as one JSON parameter: its text is the same
/// however many they are, so that each connection prepares it once.
#[derive(Debug)]
pub(super) struct RowsStatement {
    postgres: &'static str,
    sqlite: &'static str,
}

pub(super) const ADMIT_CALLS: RowsStatement = RowsStatement {
    postgres: include_str!("dialect/admit_calls.postgres.sql"),
    sqlite: include_str!("dialect/admit_calls.sqlite.sql"),
};
pub(super) const RECORD_ANSWERS: RowsStatement = RowsStatement {
    postgres: include_str!("dialect/record_answers.postgres.sql"),
    sqlite: include_str!("dialect/record_answers.sqlite.sql"),
};
pub(super) const LOCK_CALLS: RowsStatement = RowsStatement {
    postgres: include_str!("dialect/lock_calls.postgres.sql"),
    sqlite: include_str!("dialect/lock_calls.sqlite.sql"),
};
pub(super) const RECORD_REPORTS: RowsStatement = RowsStatement {
    postgres: include_str!("dialect/record_reports.postgres.sql"),
    sqlite: include_str!("dialect/record_reports.sqlite.sql"),
};
/// Notifies the channel in `$2` of each text in `$1`. SQLite has one server and no channels.
const NOTIFY: &str = "SELECT pg_notify($2, text) FROM json_array_elements_text($1::json) AS told (text)";

impl RowsStatement {
    /// The statement over these rows.
    ///
    /// # Errors
    /// When the rows cannot be written as JSON.
    pub(super) fn with_rows(
        &self,
        db: &impl ConnectionTrait,
        rows: &(impl Serialize + ?Sized),
    ) -> Result<Statement, DbErr> {
        let sql = if has_policies(db) { self.postgres } else { self.sqlite };
        Ok(Statement::from_sql_and_values(db.get_database_backend(), sql, [json_text(rows)?.into()]))
    }
}

/// Notifies a channel of each of these texts.
///
/// # Errors
/// When the database is unavailable.
pub(super) async fn notify(db: &DatabaseConnection, channel: &str, texts: &[String]) -> Result<(), DbErr> {
    let notify = sqlx::query(NOTIFY).bind(json_text(texts)?).bind(channel);
    notify
        .execute(db.get_postgres_connection_pool())
        .await
        .map_err(|error| DbErr::Exec(sea_orm::RuntimeErr::SqlxError(error.into())))?;
    Ok(())
}

fn json_text(rows: &(impl Serialize + ?Sized)) -> Result<String, DbErr> {
    serde_json::to_string(rows).map_err(|error| DbErr::Json(error.to_string()))
}

/// Which sessions of Postgres may be used. Cheap to clone.
#[derive(Debug, Clone)]
pub(super) struct Sessions {
    /// Whether any may: the database was looked at.
    is_checked: Arc<AtomicBool>,
    /// Only those that began later.
    begun_after: Arc<Mutex<Option<Instant>>>,
}

impl Sessions {
    /// All of them, once the database `is_checked`.
    pub(super) fn new(is_checked: Arc<AtomicBool>) -> Self {
        Self { is_checked, begun_after: Arc::default() }
    }

    /// Passes an outcome on. If it tells that the session is read-only, neither it nor an older one is used again.
    pub(super) fn noting<T>(&self, outcome: Result<T, DbErr>) -> Result<T, DbErr> {
        if let Err(error) = &outcome
            && is_read_only(error)
        {
            self.renew();
        }
        outcome
    }

    fn renew(&self) {
        *self.begun_after.lock().unwrap_or_else(PoisonError::into_inner) = Some(Instant::now());
    }

    fn may_be_used(&self, age: Duration) -> bool {
        let begun_after = *self.begun_after.lock().unwrap_or_else(PoisonError::into_inner);
        begun_after.is_none_or(|begun_after| age < begun_after.elapsed())
    }
}

/// The two connection pools: the tenants' first. On SQLite they are one. On Postgres every connection bears this name.
pub(super) async fn connect(
    config: &DatabaseConfig,
    name: &str,
    sessions: &Sessions,
) -> Result<[DatabaseConnection; 2], DbErr> {
    let url = config.url.expose_secret();
    // SeaORM knows Postgres by one of its two schemes.
    let url =
        url.strip_prefix("postgresql:").map_or_else(|| url.to_owned(), |rest| format!("postgres:{rest}"));
    let mut options = ConnectOptions::new(url);
    options
        .max_connections(config.max_connections.max(1))
        .acquire_timeout(config.acquire_timeout)
        .connect_timeout(config.acquire_timeout)
        .sqlx_logging(false)
        .record_stmt_in_spans(false)
        .test_before_acquire_if_idle_for(TRUSTED_IDLE);
    if options.get_url().starts_with("sqlite:") {
        return connect_sqlite(options).await.map(|pool| [pool.clone(), pool]);
    }
    let named = name.to_owned();
    options.map_sqlx_postgres_opts(move |o| o.application_name(&named).options(SESSION));
    let usable = sessions.clone();
    options.map_sqlx_postgres_before_acquire(move |_, connection| {
        let may_be_used = usable.may_be_used(connection.age);
        Box::pin(async move { Ok(may_be_used) })
    });
    let gate = Arc::clone(&sessions.is_checked);
    options.map_sqlx_postgres_pool_opts(move |o| {
        let gate = Arc::clone(&gate);
        o.after_release(|connection, _| Box::pin(async move { Ok(!connection.is_in_transaction()) }))
            .after_connect(move |_, _| {
                let is_open = gate.load(Ordering::Acquire);
                Box::pin(async move { if is_open { Ok(()) } else { Err(sqlx::Error::PoolClosed) } })
            })
    });
    options.connect_lazy(!sessions.is_checked.load(Ordering::Acquire));
    let tenants = sea_orm::Database::connect(options.clone()).await?;
    // Lazy: before the first migration the role does not exist.
    let named = name.to_owned();
    options
        .max_connections(config.max_connections.div_ceil(2).max(1))
        .connect_lazy(true)
        .map_sqlx_postgres_opts(move |o| {
            o.application_name(&named).options(SESSION).options([("role", "switchboard_system")])
        });
    let system = sea_orm::Database::connect(options).await?;
    Ok([tenants, system])
}

/// Whether a connection that comes back to the pool has left its transaction. One whose COMMIT or ROLLBACK failed may be in it
/// still, as on a full disk: whatever the next borrower wrote would be lost, and no other could write. The driver's own
/// count is wrong when SQLite has rolled back by itself, so SQLite is asked.
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

async fn connect_sqlite(mut options: ConnectOptions) -> Result<DatabaseConnection, DbErr> {
    options.map_sqlx_sqlite_opts(|o| {
        o.create_if_missing(true)
            .journal_mode(SqliteJournalMode::Wal)
            // In WAL mode anything less loses commits in a power failure: a number that was paid for among them.
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

/// Whether rows are kept apart by the database itself.
pub(super) fn has_policies(db: &impl ConnectionTrait) -> bool {
    db.get_database_backend() == DbBackend::Postgres
}

/// A connection of its own to the same Postgres, which hears what is told on a channel.
pub(super) async fn listener(db: &DatabaseConnection, channel: &str) -> Result<PgListener, sqlx::Error> {
    let options = PgConnectOptions::clone(&db.get_postgres_connection_pool().connect_options());
    let pool = PgPoolOptions::new()
        .max_connections(1)
        .max_lifetime(None)
        .idle_timeout(None)
        .acquire_timeout(LISTENER_TIME)
        .connect_lazy_with(options);
    let mut listener = PgListener::connect_with(&pool).await?;
    // What was missed meanwhile must be told: whoever lost it connects anew.
    listener.eager_reconnect(false);
    listener.listen(channel).await?;
    Ok(listener)
}

/// How many connections a pool has at most.
pub(super) fn most_connections(db: &DatabaseConnection) -> u32 {
    if has_policies(db) {
        db.get_postgres_connection_pool().options().get_max_connections()
    } else {
        db.get_sqlite_connection_pool().options().get_max_connections()
    }
}

/// How many connections of a pool are open, and how many of them are free.
pub(super) fn open_connections(db: &DatabaseConnection) -> (u32, usize) {
    if has_policies(db) {
        let pool = db.get_postgres_connection_pool();
        return (pool.size(), pool.num_idle());
    }
    let pool = db.get_sqlite_connection_pool();
    (pool.size(), pool.num_idle())
}

/// Fails when the database does not answer, or takes no writes: a standby, or one set to read-only. The next one asks in
/// another session then.
pub(super) async fn ping(db: &impl ConnectionTrait, sessions: &Sessions) -> Result<(), DbErr> {
    let backend = db.get_database_backend();
    let sql = match backend {
        DbBackend::Postgres => "SELECT current_setting('transaction_read_only') = 'on' AS read_only",
        _ => "SELECT FALSE AS read_only",
    };
    let row = db.query_one_raw(Statement::from_string(backend, sql)).await?;
    if row.map(|row| row.try_get("", "read_only")).transpose()?.unwrap_or(false) {
        sessions.renew();
        return Err(DbErr::Conn(sea_orm::RuntimeErr::Internal("the database is read-only".to_owned())));
    }
    Ok(())
}

/// Begins a transaction that will write. On SQLite it takes the write lock at once: one that reads first and
/// writes later fails as soon as another has written in between, however long it would wait.
pub(super) async fn begin_write(db: &DatabaseConnection) -> Result<DatabaseTransaction, DbErr> {
    let mode = Some(SqliteTransactionMode::Immediate);
    db.begin_with_options(TransactionOptions { sqlite_transaction_mode: mode, ..Default::default() }).await
}

/// Makes a writing transaction the tenant's. Ends with the transaction.
pub(super) async fn become_tenant(transaction: &impl ConnectionTrait, tenant: TenantId) -> Result<(), DbErr> {
    if !has_policies(transaction) {
        return Ok(());
    }
    let claims = serde_json::json!({ "sub": tenant.0, "role": "switchboard_tenant" }).to_string();
    let sql =
        "SELECT set_config('role', 'switchboard_tenant', true), set_config('request.jwt.claims', $1, true)";
    transaction
        .query_one_raw(Statement::from_sql_and_values(DbBackend::Postgres, sql, [claims.into()]))
        .await?;
    Ok(())
}

/// The condition that this column holds one of the ids in the parameter of this position: one text, however many
/// ids there are.
pub(super) fn among(db: &impl ConnectionTrait, column: &str, position: usize) -> String {
    if has_policies(db) {
        format!("{column} = ANY (${position}::text::uuid[])")
    } else {
        format!("{column} IN (SELECT unhex(value) FROM json_each(${position}))")
    }
}

/// The parameter that [`among`] reads.
pub(super) fn ids(db: &impl ConnectionTrait, ids: impl Iterator<Item = Uuid>) -> Value {
    use std::fmt::Write;
    let (open, quote, close) = if has_policies(db) { ('{', "", '}') } else { ('[', "\"", ']') };
    let mut text = String::from(open);
    for id in ids {
        let comma = if text.len() > 1 { "," } else { "" };
        // Writing to a string cannot fail.
        let _ = write!(text, "{comma}{quote}{}{quote}", id.simple());
    }
    text.push(close);
    text.into()
}

/// Keeps the rows found from changing until the transaction ends. A writer on SQLite is alone anyway. Not the
/// strongest lock: that one would also hold up, and deadlock with, whoever only refers to the row.
pub(super) fn lock_rows(db: &impl ConnectionTrait, query: &mut SelectStatement) {
    if has_policies(db) {
        query.lock(LockType::NoKeyUpdate);
    }
}

/// The same, passing over rows that another holds.
pub(super) fn lock_free_rows(db: &impl ConnectionTrait, query: &mut SelectStatement) {
    if has_policies(db) {
        query.lock_with_behavior(LockType::Update, LockBehavior::SkipLocked);
    }
}

/// Waits until no other server migrates; until the transaction ends none does. A large table takes as long as it takes.
pub(super) async fn migrate_alone(transaction: &impl ConnectionTrait) -> Result<(), DbErr> {
    if has_policies(transaction) {
        transaction.execute_unprepared("SET LOCAL statement_timeout = 0; SET LOCAL lock_timeout = 0").await?;
    }
    hold(transaction, MIGRATION_LOCK).await
}

/// Waits until no other claims a number; until the transaction ends none does.
pub(super) async fn claim_alone(transaction: &impl ConnectionTrait) -> Result<(), DbErr> {
    hold(transaction, PURCHASE_LOCK).await
}

/// Waits until no other begins a reconciliation; until the transaction ends none does.
pub(super) async fn reconcile_alone(transaction: &impl ConnectionTrait) -> Result<(), DbErr> {
    hold(transaction, RECONCILIATION_LOCK).await
}

/// Waits until no other request with this key is under way; until the transaction ends none is.
pub(super) async fn one_request_a_key(
    transaction: &impl ConnectionTrait,
    tenant: TenantId,
    key: &IdempotencyKey,
) -> Result<(), DbErr> {
    hold_named(transaction, format!("{tenant} {key}")).await
}

/// Waits until no other request of the tenant creates an agent; until the transaction ends none does.
pub(super) async fn create_agents_alone(
    transaction: &impl ConnectionTrait,
    tenant: TenantId,
) -> Result<(), DbErr> {
    // No key has a space in it.
    hold_named(transaction, format!("{tenant} creates agents")).await
}

/// How far change marks (`changed`) have been read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Horizon {
    /// Postgres: a mark is the id of the transaction that wrote the row, and this is a snapshot, as
    /// `pg_current_snapshot` prints it. No transaction below `xmin` is under way, none from `xmax` on has begun.
    Snapshot { text: String, xmin: i64, xmax: i64 },
    /// SQLite: marks count up, and this is the highest.
    Mark(i64),
}

impl Horizon {
    /// Whether the database has gone back to an earlier state, as a replica that takes over may have.
    pub(super) fn is_behind(&self, seen: &Self) -> bool {
        match (self, seen) {
            (Self::Snapshot { xmax, .. }, Self::Snapshot { xmax: seen, .. }) => xmax < seen,
            (Self::Mark(mark), Self::Mark(seen)) => mark < seen,
            _ => true,
        }
    }
}

/// How far change marks go at this moment. Read before the rows: what is written in between is read twice, not missed.
pub(super) async fn horizon(db: &impl ConnectionTrait) -> Result<Horizon, DbErr> {
    let backend = db.get_database_backend();
    let missing = || DbErr::Custom("the database has no change marks".to_owned());
    if backend == DbBackend::Postgres {
        let statement = Statement::from_string(backend, "SELECT pg_current_snapshot()::text AS horizon");
        let row = db.query_one_raw(statement).await?.ok_or_else(missing)?;
        let text: String = row.try_get("", "horizon")?;
        let mut bounds = text.split(':').map(str::parse);
        let (Some(Ok(xmin)), Some(Ok(xmax))) = (bounds.next(), bounds.next()) else { return Err(missing()) };
        return Ok(Horizon::Snapshot { text, xmin, xmax });
    }
    let sql = "SELECT max(coalesce((SELECT max(changed) FROM agents), 0), \
               coalesce((SELECT max(changed) FROM phone_numbers), 0)) AS horizon";
    let row = db.query_one_raw(Statement::from_string(backend, sql)).await?.ok_or_else(missing)?;
    Ok(Horizon::Mark(row.try_get("", "horizon")?))
}

/// Whether a row with this mark was written since `seen`, as far as `now` tells. On Postgres a transaction that was under
/// way at `seen` counts too, though its id is lower than others seen. A mark of the future, restored from another
/// cluster, does not count.
pub(super) fn changed_since(mark: &Expr, seen: &Horizon, now: &Horizon) -> Condition {
    use sea_orm::sea_query::ExprTrait as _;
    match (seen, now) {
        (Horizon::Snapshot { text, xmin, .. }, Horizon::Snapshot { xmax, .. }) => {
            let sql = "NOT pg_visible_in_snapshot(CAST(CAST($1 AS text) AS xid8), CAST($2 AS pg_snapshot))";
            Condition::all()
                .add(mark.clone().gte(*xmin))
                .add(mark.clone().lt(*xmax))
                .add(Expr::cust_with_exprs(sql, [mark.clone(), Expr::val(text.as_str())]))
        }
        (Horizon::Mark(seen), _) => Condition::all().add(mark.clone().gt(*seen)),
        (Horizon::Snapshot { .. }, Horizon::Mark(_)) => Condition::all(),
    }
}

async fn hold_named(transaction: &impl ConnectionTrait, name: String) -> Result<(), DbErr> {
    if has_policies(transaction) {
        let sql = "SELECT pg_advisory_xact_lock(hashtextextended($1, 0))";
        let statement = Statement::from_sql_and_values(DbBackend::Postgres, sql, [name.into()]);
        transaction.execute_raw(statement).await?;
    }
    Ok(())
}

async fn hold(transaction: &impl ConnectionTrait, lock: i64) -> Result<(), DbErr> {
    if has_policies(transaction) {
        let sql = "SELECT pg_advisory_xact_lock($1)";
        let statement = Statement::from_sql_and_values(DbBackend::Postgres, sql, [lock.into()]);
        transaction.execute_raw(statement).await?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A pool of one connection to a file, with an empty table.
    async fn pool_of_one(folder: &tempfile::TempDir) -> DatabaseConnection {
        let mut options = ConnectOptions::new(format!("sqlite:{}", folder.path().join("t.db").display()));
        options.max_connections(1).sqlx_logging(false);
        let pool = connect_sqlite(options).await.unwrap();
        pool.execute_unprepared("CREATE TABLE t (n INTEGER)").await.unwrap();
        pool
    }

    async fn rows(pool: &DatabaseConnection) -> i64 {
        let count = Statement::from_string(DbBackend::Sqlite, "SELECT count(*) AS n FROM t");
        pool.query_one_raw(count).await.unwrap().unwrap().try_get("", "n").unwrap()
    }

    #[tokio::test]
    async fn a_connection_left_in_a_transaction_is_closed() {
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
