//! Connection pool for single statements and for beginning transactions.
//!
//! **Broken connections.** A database restart, a failover or a proxy timeout breaks pooled connections. No request
//! pays for that: a broken connection is dropped and the next one tried, at most as often as the pool has
//! connections. Only work without effect is retried: `BEGIN`, a read, or the ping before a single write. A single
//! write is never sent twice, since the first attempt may have been carried out. A group commit is idempotent and may
//! be ([`Pool::group_commit`]). [`super::connections`] counts a silent connection as broken.
//!
//! **Read-only sessions.** A Postgres session that rejects a write as read-only is not reused, nor are older
//! ones: sessions keep the `default_transaction_read_only` they started with, and after a failover they may
//! be connected to a server that has become a standby.
//!
//! **Poolers.** Through a pooler a single statement is a transaction of three messages.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use sea_orm::entity::prelude::async_trait::async_trait;
use sea_orm::sqlx;
use sea_orm::{
    ConnectionTrait, DatabaseConnection, DbBackend, DbErr, ExecResult, QueryResult, Statement,
    TransactionTrait,
};

use tokio::sync::Semaphore;

use super::connections::{Connections, HeldSession, Outcome, Work};
use super::meters::{Kind, Meters, is_read};
use super::transaction::{PostgresTransaction, Transaction, execute_error, query_error};
use crate::domain::{Shares, TenantId};
use crate::store::StoreError;
use crate::store::dialect::{self, Hosts, Sessions};
use crate::store::error::is_broken_connection;

/// A connection pool of either database. Cheap to clone.
#[derive(Debug, Clone)]
pub(in crate::store) struct Pool {
    backend: Backend,
    sessions: Sessions,
    shares: PoolShares,
    /// Counter of statements run.
    statements: Arc<AtomicU64>,
    /// Records waits for SQLite connections. Postgres waits are recorded by [`Connections`].
    orm_meters: Option<Meters>,
}

#[derive(Debug, Clone)]
enum Backend {
    Postgres(Connections),
    Orm(DatabaseConnection),
}

/// Limits how many Postgres sessions one user may hold, so that others find some free. SQLite connections
/// have no shares, since its writers take turns anyway.
#[derive(Debug, Clone)]
enum PoolShares {
    /// Limited only by the pool's size.
    Whole,
    /// One share for all users of this handle together.
    Together(Arc<Semaphore>),
    /// One share for each tenant, and one (`None`) for reads by the system.
    Each(Shares<Option<TenantId>>),
}

impl PoolShares {
    fn of(&self, tenant: Option<TenantId>) -> Option<Arc<Semaphore>> {
        match self {
            Self::Whole => None,
            Self::Together(share) => Some(Arc::clone(share)),
            Self::Each(shares) => Some(shares.of(tenant)),
        }
    }
}

/// Access mode and role of a transaction.
#[derive(Debug, Clone, Copy)]
pub(super) enum Purpose {
    Write,
    WriteAsTenant(TenantId),
    ReadAsTenant(TenantId),
    ReadAsSystem,
}

impl Purpose {
    fn tenant(self) -> Option<TenantId> {
        match self {
            Self::WriteAsTenant(tenant) | Self::ReadAsTenant(tenant) => Some(tenant),
            Self::Write | Self::ReadAsSystem => None,
        }
    }
}

impl Pool {
    /// Pool of Postgres sessions.
    pub(in crate::store) fn postgres(
        connections: Connections,
        sessions: Sessions,
        statements: Arc<AtomicU64>,
    ) -> Self {
        let (backend, shares) = (Backend::Postgres(connections), PoolShares::Whole);
        Self { backend, sessions, shares, statements, orm_meters: None }
    }

    /// The same pool, in which each tenant may hold half of the sessions.
    pub(in crate::store) fn with_tenant_shares(self) -> Self {
        let shares = PoolShares::Each(Shares::new(self.half()));
        Self { shares, ..self }
    }

    /// The same pool, for users who together may hold half of the sessions.
    pub(in crate::store) fn with_half_share(&self) -> Self {
        let share = Arc::new(Semaphore::new(self.half()));
        Self { shares: PoolShares::Together(share), ..self.clone() }
    }

    fn half(&self) -> usize {
        // Rounded up: a pool of one session must still serve a share.
        usize::try_from(self.counts().2.div_ceil(2)).unwrap_or(Semaphore::MAX_PERMITS)
    }

    /// Pool of SQLite connections managed by the ORM.
    pub(in crate::store) fn sqlite(
        mut connections: DatabaseConnection,
        sessions: Sessions,
        statements: Arc<AtomicU64>,
    ) -> Self {
        let (counter, meters) = (Arc::clone(&statements), Meters::new("tenants"));
        let orm_meters = Some(meters.clone());
        connections.set_metric_callback(move |ran| {
            counter.fetch_add(1, Ordering::Relaxed);
            meters.ran(Kind::of(&ran.statement.sql), ran.elapsed);
        });
        let (backend, shares) = (Backend::Orm(connections), PoolShares::Whole);
        Self { backend, sessions, shares, statements, orm_meters }
    }

    /// The Postgres hosts; `None` on SQLite.
    pub(in crate::store) fn hosts(&self) -> Option<&Arc<Hosts>> {
        match &self.backend {
            Backend::Postgres(connections) => Some(connections.hosts()),
            Backend::Orm(_) => None,
        }
    }

    /// The ORM's SQLite connections; an error on Postgres.
    pub(in crate::store) fn sqlite_connections(&self) -> Result<DatabaseConnection, DbErr> {
        match &self.backend {
            Backend::Orm(connections) => Ok(connections.clone()),
            Backend::Postgres(_) => {
                Err(DbErr::Custom("Postgres connections are not managed by the ORM".to_owned()))
            }
        }
    }

    /// Returns how many connections are in use, idle and allowed.
    pub(in crate::store) fn counts(&self) -> (u32, u32, u32) {
        match &self.backend {
            Backend::Postgres(connections) => connections.counts(),
            Backend::Orm(connections) => dialect::counts(connections),
        }
    }

    /// Fails if the database does not answer or takes no writes.
    pub(in crate::store) async fn ping(&self) -> Result<(), DbErr> {
        dialect::ping(self, &self.sessions).await
    }

    /// Closes the pool. Does not wait for connections in use or without an answer.
    pub(in crate::store) async fn close(&self) {
        match &self.backend {
            Backend::Postgres(connections) => connections.close().await,
            // An error while closing leaves nothing to do.
            Backend::Orm(connections) => drop(connections.close_by_ref().await),
        }
    }

    /// Begins a transaction. Safe to cancel on Postgres; on SQLite it must run to completion.
    pub(super) async fn begin(&self, purpose: Purpose) -> Result<Transaction, DbErr> {
        let connections = match &self.backend {
            Backend::Postgres(connections) => connections,
            Backend::Orm(connections) => {
                let began = Instant::now();
                let begun = match purpose {
                    Purpose::Write | Purpose::WriteAsTenant(_) => dialect::begin_write(connections).await,
                    // Deferred: in WAL mode readers wait neither for the writer nor for each other.
                    Purpose::ReadAsTenant(_) | Purpose::ReadAsSystem => connections.begin().await,
                };
                if let Some(meters) = &self.orm_meters {
                    meters.waited(began.elapsed());
                }
                return begun.map(Transaction::Orm);
            }
        };
        let (mode, more) = match purpose {
            Purpose::Write => ("", String::new()),
            Purpose::WriteAsTenant(tenant) => ("", dialect::become_tenant(tenant)),
            // Postgres then rejects a write through a door that only reads.
            Purpose::ReadAsTenant(tenant) => (" READ ONLY", dialect::become_tenant(tenant)),
            Purpose::ReadAsSystem => (" READ ONLY", dialect::become_system()),
        };
        let (more, tenant) = (more.as_str(), purpose.tenant());
        let held = self
            .retry_broken(|| async move { self.begin_once(connections, tenant, mode, more).await })
            .await?;
        let is_reading = !mode.is_empty();
        let session =
            PostgresTransaction::new(held, is_reading, self.sessions.clone(), Arc::clone(&self.statements));
        Ok(Transaction::Postgres(session))
    }

    /// Retries work without effect while it meets connections that broke in the pool. Bounded by the pool's size.
    pub(in crate::store) async fn retry_broken<T, E, F>(&self, work: impl Fn() -> F) -> Result<T, E>
    where
        F: Future<Output = Result<T, E>>,
        E: MayBeBroken,
    {
        let max = match &self.backend {
            Backend::Postgres(connections) => connections.max(),
            Backend::Orm(connections) => dialect::max_connections(connections),
        };
        // At most `max` connections can have broken in the pool; the attempt after them uses a new one.
        for _ in 0..max {
            match work().await {
                Err(error) if error.is_broken() => {}
                other => return other,
            }
        }
        work().await
    }

    /// Runs a group commit's single statement. No ping precedes it, since calls wait for it; the caller
    /// retries if the connection was broken.
    pub(in crate::store) async fn group_commit(
        &self,
        statement: Statement,
    ) -> Result<Vec<QueryResult>, DbErr> {
        match &self.backend {
            Backend::Postgres(connections) => {
                self.statements.fetch_add(1, Ordering::Relaxed);
                let work = Work::Batch(&statement);
                let written =
                    self.sessions.note_read_only(self.run_once(connections, work, query_error).await);
                Ok(written?.rows.into_iter().map(QueryResult::from).collect())
            }
            Backend::Orm(connections) => connections.query_all_raw(statement).await,
        }
    }

    /// Sends a notification. Not counted as a statement, since no request causes it. Does nothing on SQLite.
    pub(in crate::store) async fn notify(&self, statement: Statement) -> Result<(), DbErr> {
        // An SQLite file has one server, which has published its changes already.
        let Backend::Postgres(connections) = &self.backend else { return Ok(()) };
        let work = Work::Statement(&statement);
        // Safe to repeat: after a second notification watchers only read once more.
        self.retry_broken(|| self.run_once(connections, work, execute_error)).await.map(drop)
    }

    /// Runs a single statement on Postgres. A read is retried on broken connections; a write is preceded by a ping.
    async fn single(
        &self,
        connections: &Connections,
        work: Work<'_>,
        error: fn(sqlx::Error) -> DbErr,
    ) -> Result<Outcome, DbErr> {
        self.statements.fetch_add(1, Ordering::Relaxed);
        let outcome = if work.is_read() {
            self.retry_broken(|| self.run_once(connections, work, error)).await
        } else {
            // Retries the ping only: a write that was sent may have been carried out.
            let held = self.retry_broken(|| self.acquire_checked(connections)).await?;
            finish(held, work, error).await
        };
        self.sessions.note_read_only(outcome)
    }

    /// Acquires a session and begins a transaction on it.
    async fn begin_once(
        &self,
        connections: &Connections,
        tenant: Option<TenantId>,
        mode: &str,
        more: &str,
    ) -> Result<HeldSession, DbErr> {
        let mut held = connections.acquire(self.shares.of(tenant).as_ref()).await?;
        let sql = Hosts::begin_sql(held.is_pooled(), connections.role(), mode, more);
        held.begin(sql).await.map_err(query_error)?;
        Ok(held)
    }

    /// Acquires a session that has just answered: to a ping or, behind a pooler, to the `BEGIN` around its statement.
    async fn acquire_checked(&self, connections: &Connections) -> Result<HeldSession, DbErr> {
        let mut held = connections.acquire(self.shares.of(None).as_ref()).await?;
        if held.is_pooled() {
            begin_pooled(connections, &mut held).await?;
        } else {
            held.ping().await.map_err(query_error)?;
        }
        Ok(held)
    }

    /// Runs one statement without a ping; behind a pooler within a transaction.
    async fn run_once(
        &self,
        connections: &Connections,
        work: Work<'_>,
        error: fn(sqlx::Error) -> DbErr,
    ) -> Result<Outcome, DbErr> {
        let mut held = connections.acquire(self.shares.of(None).as_ref()).await?;
        if held.is_pooled() {
            begin_pooled(connections, &mut held).await?;
        }
        finish(held, work, error).await
    }
}

async fn begin_pooled(connections: &Connections, held: &mut HeldSession) -> Result<(), DbErr> {
    let sql = Hosts::begin_sql(true, connections.role(), "", "");
    held.begin(sql).await.map_err(query_error)
}

/// Runs a statement and commits the transaction around it, if a pooler required one.
async fn finish(
    mut held: HeldSession,
    work: Work<'_>,
    error: fn(sqlx::Error) -> DbErr,
) -> Result<Outcome, DbErr> {
    let outcome = held.run(work).await.map_err(error)?;
    if held.is_pooled() {
        held.commit().await.map_err(error)?;
    }
    Ok(outcome)
}

impl Work<'_> {
    /// Whether the SQL certainly changes nothing.
    fn is_read(self) -> bool {
        is_read(self.sql())
    }
}

/// Returns the row if the driver can decode it without a panic.
pub(super) fn checked(row: QueryResult) -> Result<QueryResult, DbErr> {
    dialect::check_timestamps(&row).map(|()| row)
}

/// An error that may mean a broken connection, on which nothing was done.
pub(in crate::store) trait MayBeBroken {
    fn is_broken(&self) -> bool;
}

impl MayBeBroken for DbErr {
    fn is_broken(&self) -> bool {
        is_broken_connection(self)
    }
}

impl MayBeBroken for StoreError {
    fn is_broken(&self) -> bool {
        matches!(self, Self::Unavailable(error) if is_broken_connection(error))
    }
}

#[async_trait]
impl ConnectionTrait for Pool {
    fn get_database_backend(&self) -> DbBackend {
        match &self.backend {
            Backend::Postgres(_) => DbBackend::Postgres,
            Backend::Orm(connections) => connections.get_database_backend(),
        }
    }

    async fn execute_raw(&self, statement: Statement) -> Result<ExecResult, DbErr> {
        match &self.backend {
            Backend::Postgres(connections) => {
                let work = Work::Statement(&statement);
                Ok(self.single(connections, work, execute_error).await?.done.into())
            }
            Backend::Orm(connections) => connections.execute_raw(statement).await,
        }
    }

    async fn execute_unprepared(&self, sql: &str) -> Result<ExecResult, DbErr> {
        match &self.backend {
            Backend::Postgres(connections) => {
                Ok(self.single(connections, Work::Text(sql), execute_error).await?.done.into())
            }
            Backend::Orm(connections) => connections.execute_unprepared(sql).await,
        }
    }

    async fn query_one_raw(&self, statement: Statement) -> Result<Option<QueryResult>, DbErr> {
        match &self.backend {
            Backend::Postgres(connections) => {
                let outcome = self.single(connections, Work::Statement(&statement), query_error).await?;
                outcome.rows.into_iter().next().map(QueryResult::from).map(checked).transpose()
            }
            Backend::Orm(connections) => connections.query_one_raw(statement).await,
        }
    }

    async fn query_all_raw(&self, statement: Statement) -> Result<Vec<QueryResult>, DbErr> {
        match &self.backend {
            Backend::Postgres(connections) => {
                let outcome = self.single(connections, Work::Statement(&statement), query_error).await?;
                Ok(outcome.rows.into_iter().map(QueryResult::from).collect())
            }
            Backend::Orm(connections) => connections.query_all_raw(statement).await,
        }
    }
}
