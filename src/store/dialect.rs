//! Every difference between Postgres and SQLite. How a session of Postgres begins is in [`postgres`].
//!
//! An SQLite connection goes back to its pool only once it has left its transaction; else it is closed.

mod postgres;
mod sqlite;

mod instants;

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use sea_orm::sea_query::{Condition, Expr, LockBehavior, LockType, SelectStatement};
use sea_orm::{
    ConnectionTrait, DatabaseConnection, DatabaseTransaction, DbBackend, DbErr, SqliteTransactionMode,
    SqlxPostgresConnector, Statement, TransactionOptions, TransactionTrait, Value,
};
use secrecy::{ExposeSecret, SecretString};
use serde::Serialize;
use tokio::time::{sleep, timeout};
use uuid::Uuid;

pub(super) use instants::sound;

use super::DatabaseConfig;
use super::doors::{Connections, Doubts, Pool};
use super::error::is_read_only;
use crate::domain::{IdempotencyKey, TenantId};

pub(super) use self::postgres::{Begun, Hosts, NotHeard, Role, close};
pub(super) use self::sqlite::{counts, most_connections};

/// How long it may take to connect for the migrations.
const MIGRATOR_TIME: Duration = Duration::from_secs(10);
/// How often it is looked whether the migrating session is alive, and how often it may seem not to be.
const MIGRATOR_WATCHED_EVERY: Duration = Duration::from_secs(5);
const MIGRATOR_MISSED: u32 = 3;
/// How long a migration waits for the lock of a table, as Postgres reads it.
const MIGRATOR_LOCK_TIMEOUT: &str = "3s";
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
pub(super) async fn notify(db: &Pool, channel: &str, texts: &[String]) -> Result<(), DbErr> {
    let values = [json_text(texts)?.into(), channel.into()];
    db.notify(Statement::from_sql_and_values(DbBackend::Postgres, NOTIFY, values)).await
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
            self.renew(Instant::now());
        }
        outcome
    }

    /// None is used again that began before this.
    pub(super) fn renew(&self, before: Instant) {
        let mut begun_after = self.begun_after.lock().unwrap_or_else(PoisonError::into_inner);
        *begun_after = Some(begun_after.map_or(before, |known| known.max(before)));
    }

    /// Whether the database was looked at, so that any may be used.
    pub(super) fn are_checked(&self) -> bool {
        self.is_checked.load(Ordering::Acquire)
    }

    /// Whether one may be used that began then.
    pub(super) fn may_be_used(&self, since: Instant) -> bool {
        let begun_after = *self.begun_after.lock().unwrap_or_else(PoisonError::into_inner);
        begun_after.is_none_or(|begun_after| since > begun_after)
    }
}

/// The two connection pools: the tenants' first. On SQLite they are one. On Postgres every connection bears this name, and
/// none is made yet.
pub(super) async fn connect(
    config: &DatabaseConfig,
    name: &str,
    sessions: &Sessions,
    statements: &Arc<std::sync::atomic::AtomicU64>,
) -> Result<[Pool; 2], DbErr> {
    if config.url.expose_secret().starts_with("sqlite:") {
        let connections = sqlite::connect(config).await?;
        return Ok(
            [(); 2].map(|()| Pool::of_the_orm(connections.clone(), sessions.clone(), Arc::clone(statements)))
        );
    }
    let hosts = Arc::new(Hosts::of(&config.url, "DATABASE_URL", name)?);
    let doubts = Arc::new(Doubts::new(hosts, sessions.clone()));
    let half = config.max_connections.div_ceil(2).max(1);
    Ok([(Role::Login, config.max_connections), (Role::System, half)].map(|(role, most)| {
        let connections = Connections::new(&doubts, role, most, config.acquire_timeout);
        Pool::of_sessions(connections, sessions.clone(), Arc::clone(statements))
    }))
}

/// The hosts of a URL that only listens. `None` where there is none.
pub(super) fn listening_hosts(config: &DatabaseConfig, name: &str) -> Result<Option<Hosts>, DbErr> {
    let read = |url: &SecretString| Hosts::of(url, "DATABASE_LISTEN_URL", name);
    config.listen_url.as_ref().map(read).transpose()
}

/// Whether rows are kept apart by the database itself.
pub(super) fn has_policies(db: &impl ConnectionTrait) -> bool {
    db.get_database_backend() == DbBackend::Postgres
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
        sessions.renew(Instant::now());
        return Err(DbErr::Conn(sea_orm::RuntimeErr::Internal("the database is read-only".to_owned())));
    }
    Ok(())
}

/// Has the database keep something, on a connection that is no pool's.
///
/// # Errors
/// When it does not answer, or takes no writes.
pub(super) async fn try_out(pool: &Pool, deadline: Instant) -> Result<(), DbErr> {
    match pool.hosts() {
        // One that has no connection to spare is there.
        Some(hosts) => hosts
            .try_out(deadline)
            .await
            .or_else(|no_host| if no_host.is_full { Ok(()) } else { Err(no_host.into()) }),
        None => begin_write(&pool.of_sqlite()?).await?.rollback().await,
    }
}

/// Begins a transaction that will write. On SQLite it takes the write lock at once: one that reads first and
/// writes later fails as soon as another has written in between, however long it would wait.
pub(super) async fn begin_write(db: &DatabaseConnection) -> Result<DatabaseTransaction, DbErr> {
    let mode = Some(SqliteTransactionMode::Immediate);
    db.begin_with_options(TransactionOptions { sqlite_transaction_mode: mode, ..Default::default() }).await
}

/// What makes a transaction the tenant's until it ends.
pub(super) fn become_tenant(tenant: TenantId) -> String {
    // A UUID holds nothing that could end the string.
    format!(
        "; SET LOCAL ROLE switchboard_tenant; \
         SET LOCAL request.jwt.claims = '{{\"sub\":\"{}\",\"role\":\"switchboard_tenant\"}}'",
        tenant.0.hyphenated()
    )
}

/// What makes a transaction the system's until it ends.
pub(super) fn become_system() -> String {
    "; SET LOCAL ROLE switchboard_system".to_owned()
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

/// The ORM's transaction for the migrations, on a connection of its own, with the process that serves it.
pub(super) async fn begin_migration(pool: &Pool) -> Result<(DatabaseTransaction, Option<i32>), DbErr> {
    let Some(hosts) = pool.hosts() else {
        return Ok((begin_write(&pool.of_sqlite()?).await?, None));
    };
    let connections = SqlxPostgresConnector::from_sqlx_postgres_pool(hosts.pool_of_one(MIGRATOR_TIME));
    let beginning = async {
        let transaction = begin_write(&connections).await?;
        let pid = Statement::from_string(DbBackend::Postgres, "SELECT pg_backend_pid() AS pid");
        let row = transaction.query_one_raw(pid).await?;
        let pid = row.map(|row| row.try_get("", "pid")).transpose()?;
        Ok((transaction, pid))
    };
    let late = |_| DbErr::Conn(sea_orm::RuntimeErr::Internal("the database does not answer".to_owned()));
    timeout(MIGRATOR_TIME, beginning).await.map_err(late)?
}

/// Returns once the server does not work for this process any more: whoever waits for it would wait for good.
pub(super) async fn session_is_lost(pool: &Pool, pid: Option<i32>) -> DbErr {
    let (Some(hosts), Some(pid)) = (pool.hosts(), pid) else { return std::future::pending().await };
    let mut missed = 0;
    while missed < MIGRATOR_MISSED {
        sleep(MIGRATOR_WATCHED_EVERY).await;
        let is_there = match hosts.busy(Instant::now() + MIGRATOR_WATCHED_EVERY).await {
            Ok(busy) => busy.iter().any(|(busy, _)| *busy == pid),
            Err(error) => error.is_full,
        };
        missed = if is_there { 0 } else { missed + 1 };
    }
    let words = "the connection to the database was lost: whether the migrations were applied is told by repeating the command";
    DbErr::Conn(sea_orm::RuntimeErr::Internal(words.to_owned()))
}

/// Waits until no other server migrates; until the transaction ends none does. A statement over a large table may take as long
/// as it needs, but waits for a table's lock for [`MIGRATOR_LOCK_TIMEOUT`] only: behind whoever waits for a lock, every
/// request waits that uses the table.
pub(super) async fn migrate_alone(transaction: &impl ConnectionTrait) -> Result<(), DbErr> {
    if has_policies(transaction) {
        transaction.execute_unprepared("SET LOCAL statement_timeout = 0; SET LOCAL lock_timeout = 0").await?;
    }
    hold(transaction, MIGRATION_LOCK).await?;
    if has_policies(transaction) {
        let limit = format!("SET LOCAL lock_timeout = '{MIGRATOR_LOCK_TIMEOUT}'");
        transaction.execute_unprepared(&limit).await?;
    }
    Ok(())
}

/// Leaves none of the statements that the ORM prepared by name to the next one to whom a pooler lends the session.
pub(super) async fn forget_statements(transaction: &impl ConnectionTrait) -> Result<(), DbErr> {
    if has_policies(transaction) {
        transaction.execute_unprepared("DEALLOCATE ALL").await?;
    }
    Ok(())
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
