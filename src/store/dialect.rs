//! All differences between Postgres and SQLite. [`postgres`] opens Postgres sessions, [`sqlite`] SQLite connections.

mod postgres;
mod sqlite;

mod counting;
mod instants;

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use sea_orm::sea_query::extension::postgres::PgFunc;
use sea_orm::sea_query::{Condition, Expr, Func, LockBehavior, LockType, SelectStatement};
use sea_orm::{
    ConnectionTrait, DatabaseConnection, DatabaseTransaction, DbBackend, DbErr, SqliteTransactionMode,
    SqlxPostgresConnector, Statement, TransactionOptions, TransactionTrait, Value,
};
use secrecy::{ExposeSecret, SecretString};
use serde::Serialize;
use tokio::time::{sleep, timeout};
use uuid::Uuid;

pub(super) use counting::{calls_of_all_tenants, countable_until, is_open_before, later_of, quarter_hour};
pub(super) use instants::check_timestamps;

use super::DatabaseConfig;
use super::doors::{Connections, LivenessProbe, Pool};
use super::error::is_read_only;
use crate::domain::{IdempotencyKey, TenantId};

pub(super) use self::postgres::{Hosts, ListenError, OpenSession, Role, close};
pub(super) use self::sqlite::{counts, max_connections};

/// Time limit for connecting to run migrations.
const MIGRATOR_CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// Interval of liveness checks on the migrating session, and the number of failed checks after which it is lost.
const MIGRATOR_PROBE_INTERVAL: Duration = Duration::from_secs(5);
const MIGRATOR_MAX_MISSES: u32 = 3;
/// Time a migration waits for a table's lock, in Postgres' notation.
const MIGRATOR_LOCK_TIMEOUT: &str = "3s";
/// Advisory lock keys shared by all servers on one database. The values are arbitrary but must never change.
const MIGRATION_LOCK: i64 = 0x5357_4249_0001;
const PURCHASE_LOCK: i64 = 0x5357_4249_0002;
const RECONCILIATION_LOCK: i64 = 0x5357_4249_0003;

/// A statement with one text for each database. Its rows are passed as one JSON parameter, so that the text
/// does not depend on their number and each connection prepares it once.
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
pub(super) const RECORD_CALLS: RowsStatement = RowsStatement {
    postgres: include_str!("dialect/record_calls.postgres.sql"),
    sqlite: include_str!("dialect/record_calls.sqlite.sql"),
};
pub(super) const LOCK_CALLS: RowsStatement = RowsStatement {
    postgres: include_str!("dialect/lock_calls.postgres.sql"),
    sqlite: include_str!("dialect/lock_calls.sqlite.sql"),
};
pub(super) const RECORD_REPORTS: RowsStatement = RowsStatement {
    postgres: include_str!("dialect/record_reports.postgres.sql"),
    sqlite: include_str!("dialect/record_reports.sqlite.sql"),
};
/// Notifies channel `$2` of each text in `$1`. Postgres only: an SQLite file has one server.
const NOTIFY: &str = "SELECT pg_notify($2, text) FROM json_array_elements_text($1::json) AS input (text)";

impl RowsStatement {
    /// Returns the statement for these rows.
    ///
    /// # Errors
    /// [`DbErr::Json`] if the rows cannot be serialized.
    pub(super) fn with_rows(
        &self,
        db: &impl ConnectionTrait,
        rows: &(impl Serialize + ?Sized),
    ) -> Result<Statement, DbErr> {
        let sql = if has_policies(db) { self.postgres } else { self.sqlite };
        Ok(Statement::from_sql_and_values(db.get_database_backend(), sql, [json_text(rows)?.into()]))
    }
}

/// Sends one notification for each text on a channel.
///
/// # Errors
/// The database is unavailable.
pub(super) async fn notify(db: &Pool, channel: &str, texts: &[String]) -> Result<(), DbErr> {
    let values = [json_text(texts)?.into(), channel.into()];
    db.notify(Statement::from_sql_and_values(DbBackend::Postgres, NOTIFY, values)).await
}

fn json_text(rows: &(impl Serialize + ?Sized)) -> Result<String, DbErr> {
    serde_json::to_string(rows).map_err(|error| DbErr::Json(error.to_string()))
}

/// Tracks which Postgres sessions may be used. Cheap to clone.
#[derive(Debug, Clone)]
pub(super) struct Sessions {
    /// Whether any session may be used: set once the schema and tenant isolation have been checked.
    is_checked: Arc<AtomicBool>,
    /// Sessions opened at or before this instant are no longer used.
    begun_after: Arc<Mutex<Option<Instant>>>,
}

impl Sessions {
    /// All sessions are usable once `is_checked` is set.
    pub(super) fn new(is_checked: Arc<AtomicBool>) -> Self {
        Self { is_checked, begun_after: Arc::default() }
    }

    /// Returns the outcome. If it reveals a read-only session, neither that session nor an older one is reused.
    pub(super) fn note_read_only<T>(&self, outcome: Result<T, DbErr>) -> Result<T, DbErr> {
        if let Err(error) = &outcome
            && is_read_only(error)
        {
            self.retire(Instant::now());
        }
        outcome
    }

    /// Retires all sessions opened at or before this instant.
    pub(super) fn retire(&self, before: Instant) {
        let mut begun_after = self.begun_after.lock().unwrap_or_else(PoisonError::into_inner);
        // Never backwards: failures may be reported out of order.
        *begun_after = Some(begun_after.map_or(before, |after| after.max(before)));
    }

    /// Whether the database has been checked, so that sessions may be used.
    pub(super) fn are_checked(&self) -> bool {
        // Pairs with the Release store in `Database::mark_checked`.
        self.is_checked.load(Ordering::Acquire)
    }

    /// Whether a session opened at this instant may still be used.
    pub(super) fn is_usable(&self, since: Instant) -> bool {
        let begun_after = *self.begun_after.lock().unwrap_or_else(PoisonError::into_inner);
        begun_after.is_none_or(|begun_after| since > begun_after)
    }
}

/// Creates the tenant pool and the system pool, in this order. On SQLite both are the same. On Postgres every
/// session carries `name` as its application name, and none is opened yet.
pub(super) async fn connect(
    config: &DatabaseConfig,
    name: &str,
    sessions: &Sessions,
    statements: &Arc<std::sync::atomic::AtomicU64>,
) -> Result<[Pool; 2], DbErr> {
    if config.url.expose_secret().starts_with("sqlite:") {
        let connections = sqlite::connect(config).await?;
        return Ok(
            [(); 2].map(|()| Pool::sqlite(connections.clone(), sessions.clone(), Arc::clone(statements)))
        );
    }
    let hosts = Arc::new(Hosts::of(&config.url, "DATABASE_URL", name)?);
    let liveness = Arc::new(LivenessProbe::new(hosts, sessions.clone()));
    let half = config.max_connections.div_ceil(2).max(1);
    Ok([(Role::Login, config.max_connections), (Role::System, half)].map(|(role, max)| {
        let connections = Connections::new(&liveness, role, max, config.acquire_timeout);
        Pool::postgres(connections, sessions.clone(), Arc::clone(statements))
    }))
}

/// Hosts of the URL used only for `LISTEN`; `None` if it is not configured.
pub(super) fn listening_hosts(config: &DatabaseConfig, name: &str) -> Result<Option<Hosts>, DbErr> {
    let read = |url: &SecretString| Hosts::of(url, "DATABASE_LISTEN_URL", name);
    config.listen_url.as_ref().map(read).transpose()
}

/// Whether the database itself isolates tenants (Row Level Security): Postgres does, SQLite does not.
pub(super) fn has_policies(db: &impl ConnectionTrait) -> bool {
    db.get_database_backend() == DbBackend::Postgres
}

/// Fails if the database does not answer or takes no writes: a standby, or a database set to read-only. Then
/// the session is retired, so that the next ping opens another one.
pub(super) async fn ping(db: &impl ConnectionTrait, sessions: &Sessions) -> Result<(), DbErr> {
    let backend = db.get_database_backend();
    let sql = match backend {
        // Reads `on` for a standby too, so that one setting covers both reasons.
        DbBackend::Postgres => "SELECT current_setting('transaction_read_only') = 'on' AS read_only",
        _ => "SELECT FALSE AS read_only",
    };
    let row = db.query_one_raw(Statement::from_string(backend, sql)).await?;
    if row.map(|row| row.try_get("", "read_only")).transpose()?.unwrap_or(false) {
        sessions.retire(Instant::now());
        return Err(DbErr::Conn(sea_orm::RuntimeErr::Internal("the database is read-only".to_owned())));
    }
    Ok(())
}

/// Makes the database commit a write, on a connection outside the pools.
///
/// # Errors
/// The database does not answer or takes no writes.
pub(super) async fn probe_write(pool: &Pool, deadline: Instant) -> Result<(), DbErr> {
    match pool.hosts() {
        // A server without a free connection is alive, and is not asked further.
        Some(hosts) => hosts
            .probe_write(deadline)
            .await
            .or_else(|no_host| if no_host.is_full { Ok(()) } else { Err(no_host.into()) }),
        None => begin_write(&pool.sqlite_connections()?).await?.rollback().await,
    }
}

/// Begins a transaction that will write. On SQLite it takes the write lock immediately: a transaction that
/// reads first and writes later fails as soon as another has written in between, whatever its busy timeout.
pub(super) async fn begin_write(db: &DatabaseConnection) -> Result<DatabaseTransaction, DbErr> {
    let mode = Some(SqliteTransactionMode::Immediate);
    db.begin_with_options(TransactionOptions { sqlite_transaction_mode: mode, ..Default::default() }).await
}

/// SQL that makes the open transaction the tenant's until it ends.
pub(super) fn become_tenant(tenant: TenantId) -> String {
    // Safe to interpolate: a UUID cannot contain a quote.
    format!(
        "; SET LOCAL ROLE switchboard_tenant; \
         SET LOCAL request.jwt.claims = '{{\"sub\":\"{}\",\"role\":\"switchboard_tenant\"}}'",
        tenant.0.hyphenated()
    )
}

/// SQL that makes the open transaction the system's until it ends.
pub(super) fn become_system() -> String {
    "; SET LOCAL ROLE switchboard_system".to_owned()
}

/// Condition that `column` equals one of the ids in the parameter at `position`. Its text does not depend on
/// their number, so that the statement is prepared once.
pub(super) fn among(db: &impl ConnectionTrait, column: &str, position: usize) -> String {
    if has_policies(db) {
        format!("{column} = ANY (${position}::text::uuid[])")
    } else {
        // SQLite stores ids as 16 bytes.
        format!("{column} IN (SELECT unhex(value) FROM json_each(${position}))")
    }
}

/// Value of the parameter that [`among`] expects.
pub(super) fn ids(db: &impl ConnectionTrait, ids: impl Iterator<Item = Uuid>) -> Value {
    use std::fmt::Write;
    let (open, quote, close) = if has_policies(db) { ('{', "", '}') } else { ('[', "\"", ']') };
    let mut text = String::from(open);
    for id in ids {
        let comma = if text.len() > 1 { "," } else { "" };
        // Writing to a `String` cannot fail.
        let _ = write!(text, "{comma}{quote}{}{quote}", id.simple());
    }
    text.push(close);
    text.into()
}

/// The clause of a raw query that locks the rows found, like [`lock_rows`].
pub(super) fn locking(db: &impl ConnectionTrait) -> &'static str {
    if has_policies(db) { " FOR NO KEY UPDATE" } else { "" }
}

/// Locks the rows found until the transaction ends. Does nothing on SQLite, where a writer is alone. `FOR NO
/// KEY UPDATE`, since `FOR UPDATE` would also block, and deadlock with, inserts that only reference the row.
pub(super) fn lock_rows(db: &impl ConnectionTrait, query: &mut SelectStatement) {
    if has_policies(db) {
        query.lock(LockType::NoKeyUpdate);
    }
}

/// Locks the rows found until the transaction ends and skips rows locked by others. Does nothing on SQLite.
/// `FOR NO KEY UPDATE`, as in [`lock_rows`]: an agent is not skipped because one of its calls is being recorded.
pub(super) fn lock_free_rows(db: &impl ConnectionTrait, query: &mut SelectStatement) {
    if has_policies(db) {
        query.lock_with_behavior(LockType::NoKeyUpdate, LockBehavior::SkipLocked);
    }
}

/// Condition of an update: the row's id is among those that this query finds and locks, as [`lock_free_rows`] does. A limit of
/// the query bounds the update.
pub(super) fn among_free_rows(db: &impl ConnectionTrait, id: Expr, mut query: SelectStatement) -> Expr {
    // Not for the whole file: its `max` hides that of numbers.
    use sea_orm::sea_query::ExprTrait;

    if !has_policies(db) {
        return id.in_subquery(query);
    }
    lock_free_rows(db, &mut query);
    // Built once, before the update. With `IN`, the planner may run the query again for each row, and each run skips the rows
    // updated so far and finds others, beyond the limit.
    id.eq(PgFunc::any(Func::cust("ARRAY").arg(query)))
}

/// Names of the tables in the schema that the migrations work on.
pub(super) async fn tables(db: &impl ConnectionTrait) -> Result<Vec<String>, DbErr> {
    let backend = db.get_database_backend();
    let sql = match backend {
        DbBackend::Postgres => {
            "SELECT tablename::text AS name FROM pg_tables WHERE schemaname = current_schema() ORDER BY tablename"
        }
        _ => "SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name",
    };
    let rows = db.query_all_raw(Statement::from_string(backend, sql)).await?;
    rows.iter().map(|row| row.try_get("", "name")).collect()
}

/// Begins the ORM transaction for migrations on a connection of its own. Returns it with the id of its
/// server process on Postgres.
pub(super) async fn begin_migration(pool: &Pool) -> Result<(DatabaseTransaction, Option<i32>), DbErr> {
    let Some(hosts) = pool.hosts() else {
        return Ok((begin_write(&pool.sqlite_connections()?).await?, None));
    };
    let connections =
        // Not a session of the pools: those end every statement after 35 s, and the ORM runs its migrations
        // only on connections of its own.
        SqlxPostgresConnector::from_sqlx_postgres_pool(hosts.pool_of_one(MIGRATOR_CONNECT_TIMEOUT));
    let beginning = async {
        let transaction = begin_write(&connections).await?;
        let pid = Statement::from_string(DbBackend::Postgres, "SELECT pg_backend_pid() AS pid");
        let row = transaction.query_one_raw(pid).await?;
        let pid = row.map(|row| row.try_get("", "pid")).transpose()?;
        Ok((transaction, pid))
    };
    let late = |_| DbErr::Conn(sea_orm::RuntimeErr::Internal("the database does not answer".to_owned()));
    timeout(MIGRATOR_CONNECT_TIMEOUT, beginning).await.map_err(late)?
}

/// Returns once the server no longer works for this process: without an answer, waiting for it would never end.
pub(super) async fn session_is_lost(pool: &Pool, pid: Option<i32>) -> DbErr {
    let (Some(hosts), Some(pid)) = (pool.hosts(), pid) else { return std::future::pending().await };
    // A single miss may be a failover or a server without a free connection.
    let mut missed = 0;
    while missed < MIGRATOR_MAX_MISSES {
        sleep(MIGRATOR_PROBE_INTERVAL).await;
        let is_there = match hosts.active_processes(Instant::now() + MIGRATOR_PROBE_INTERVAL).await {
            Ok(busy) => busy.iter().any(|(busy, _)| *busy == pid),
            Err(error) => error.is_full,
        };
        missed = if is_there { 0 } else { missed + 1 };
    }
    let words = "the connection to the database was lost and the outcome of the migration is unknown: run the command again";
    DbErr::Conn(sea_orm::RuntimeErr::Internal(words.to_owned()))
}

/// Locks out other migrations until the transaction ends, and waits for a running one. A statement over a large
/// table may take as long as it needs, but waits for a lock only [`MIGRATOR_LOCK_TIMEOUT`]: requests queue
/// behind a waiting lock.
pub(super) async fn lock_migrations(transaction: &impl ConnectionTrait) -> Result<(), DbErr> {
    if has_policies(transaction) {
        transaction.execute_unprepared("SET LOCAL statement_timeout = 0; SET LOCAL lock_timeout = 0").await?;
    }
    advisory_lock(transaction, MIGRATION_LOCK).await?;
    if has_policies(transaction) {
        let limit = format!("SET LOCAL lock_timeout = '{MIGRATOR_LOCK_TIMEOUT}'");
        transaction.execute_unprepared(&limit).await?;
    }
    Ok(())
}

/// Drops the ORM's named prepared statements: a pooler hands this session to clients that may use the same names.
pub(super) async fn forget_statements(transaction: &impl ConnectionTrait) -> Result<(), DbErr> {
    if has_policies(transaction) {
        transaction.execute_unprepared("DEALLOCATE ALL").await?;
    }
    Ok(())
}

/// Locks out other purchases until the transaction ends. Serializes them across tenants and servers.
pub(super) async fn lock_purchases(transaction: &impl ConnectionTrait) -> Result<(), DbErr> {
    advisory_lock(transaction, PURCHASE_LOCK).await
}

/// Locks out other reconciliations until the transaction ends.
pub(super) async fn lock_reconciliations(transaction: &impl ConnectionTrait) -> Result<(), DbErr> {
    advisory_lock(transaction, RECONCILIATION_LOCK).await
}

/// Locks out other requests with this idempotency key until the transaction ends.
pub(super) async fn lock_idempotency_key(
    transaction: &impl ConnectionTrait,
    tenant: TenantId,
    key: &IdempotencyKey,
) -> Result<(), DbErr> {
    advisory_lock_named(transaction, format!("{tenant} {key}")).await
}

/// Locks out other requests that create agents for this tenant until the transaction ends.
pub(super) async fn lock_agent_creation(
    transaction: &impl ConnectionTrait,
    tenant: TenantId,
) -> Result<(), DbErr> {
    // Cannot collide with the lock of an idempotency key: keys contain no spaces.
    advisory_lock_named(transaction, format!("{tenant} creates agents")).await
}

/// Waits until no other transaction of the tenant creates a call group. Held until the transaction ends.
pub(super) async fn lock_call_groups(
    transaction: &impl ConnectionTrait,
    tenant: TenantId,
) -> Result<(), DbErr> {
    advisory_lock_named(transaction, format!("call groups {}", tenant.0)).await
}

/// Locks out other requests that send messages of this tenant until the transaction ends.
pub(super) async fn lock_sending(transaction: &impl ConnectionTrait, tenant: TenantId) -> Result<(), DbErr> {
    advisory_lock_named(transaction, format!("{tenant} sends messages")).await
}

/// Progress in reading change marks (column `changed`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Horizon {
    /// Postgres: a mark is the id of the transaction that wrote the row, and this is a snapshot as
    /// `pg_current_snapshot` prints it. Transactions below `xmin` have ended; those from `xmax` on had not begun.
    Snapshot { text: String, xmin: i64, xmax: i64 },
    /// SQLite: marks are a counter, and this is the highest one read.
    Mark(i64),
}

impl Horizon {
    /// Whether the database has returned to an earlier state, as after failover to a lagging replica.
    pub(super) fn is_behind(&self, seen: &Self) -> bool {
        match (self, seen) {
            (Self::Snapshot { xmax, .. }, Self::Snapshot { xmax: seen, .. }) => xmax < seen,
            (Self::Mark(mark), Self::Mark(seen)) => mark < seen,
            _ => true,
        }
    }
}

/// Reads the current horizon. Must precede reading the rows: a row written in between is then read twice, never missed.
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
    // Marks count up over both tables.
    let sql = "SELECT max(coalesce((SELECT max(changed) FROM agents), 0), \
               coalesce((SELECT max(changed) FROM phone_numbers), 0)) AS horizon";
    let row = db.query_one_raw(Statement::from_string(backend, sql)).await?.ok_or_else(missing)?;
    Ok(Horizon::Mark(row.try_get("", "horizon")?))
}

/// Condition that a row with this mark was written since `seen`. On Postgres this includes transactions that
/// were running at `seen`, although their ids are lower than others already seen. Marks at or above `now` are
/// ignored: they were restored from another cluster.
pub(super) fn changed_since(mark: &Expr, seen: &Horizon, now: &Horizon) -> Condition {
    use sea_orm::sea_query::ExprTrait as _;
    match (seen, now) {
        (Horizon::Snapshot { text, xmin, .. }, Horizon::Snapshot { xmax, .. }) => {
            let sql = "NOT pg_visible_in_snapshot(CAST(CAST($1 AS text) AS xid8), CAST($2 AS pg_snapshot))";
            Condition::all()
                // Implied by the function below, which no index can serve: everything below `xmin` was visible
                // at `seen`.
                .add(mark.clone().gte(*xmin))
                .add(mark.clone().lt(*xmax))
                .add(Expr::cust_with_exprs(sql, [mark.clone(), Expr::val(text.as_str())]))
        }
        (Horizon::Mark(seen), _) => Condition::all().add(mark.clone().gt(*seen)),
        (Horizon::Snapshot { .. }, Horizon::Mark(_)) => Condition::all(),
    }
}

async fn advisory_lock_named(transaction: &impl ConnectionTrait, name: String) -> Result<(), DbErr> {
    if has_policies(transaction) {
        // Two names with one hash only wait for each other.
        let sql = "SELECT pg_advisory_xact_lock(hashtextextended($1, 0))";
        let statement = Statement::from_sql_and_values(DbBackend::Postgres, sql, [name.into()]);
        transaction.execute_raw(statement).await?;
    }
    Ok(())
}

async fn advisory_lock(transaction: &impl ConnectionTrait, lock: i64) -> Result<(), DbErr> {
    if has_policies(transaction) {
        // Bound to the transaction: released even if this server vanishes, and safe behind a pooler.
        let sql = "SELECT pg_advisory_xact_lock($1)";
        let statement = Statement::from_sql_and_values(DbBackend::Postgres, sql, [lock.into()]);
        transaction.execute_raw(statement).await?;
    }
    Ok(())
}
