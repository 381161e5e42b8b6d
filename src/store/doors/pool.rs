//! A pool of connections, for single statements and for beginning transactions.
//!
//! A restart of the database, a failover or a proxy's time-out breaks connections that lie in the pool. None of them costs a
//! request: a broken one is replaced and the next tried, of which there are at most as many as the pool holds. What is
//! repeated has done nothing: the beginning of a transaction, a read, or the ping ahead of a lone write. A lone write is
//! never sent twice, since its first attempt may have been carried out. A group commit is: written twice, it is the same
//! ([`Pool::group_commit`]). A connection that went silent counts as broken ([`super::connections`]).
//!
//! A session of Postgres that refuses a write because it is read-only is not used again, nor are those that are older:
//! sessions keep the setting they began with (`default_transaction_read_only`), and after a failover they may be with a server
//! that is a standby now.
//!
//! Through a pooler a lone statement is a transaction of three messages.

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

use super::connections::{Connections, Held, Outcome, Work};
use super::meters::{Kind, Meters, is_read};
use super::transaction::{Session, Transaction, execute_error, query_error};
use crate::domain::{Shares, TenantId};
use crate::store::StoreError;
use crate::store::dialect::{self, Hosts, Sessions};
use crate::store::error::has_broken;

/// One of the two pools. Cheap to clone.
#[derive(Debug, Clone)]
pub(in crate::store) struct Pool {
    link: Link,
    sessions: Sessions,
    shares: PoolShares,
    /// Counts statements.
    statements: Arc<AtomicU64>,
    /// Measures waits for the ORM's connections; sessions of Postgres are measured where they are kept.
    of_the_orm: Option<Meters>,
}

#[derive(Debug, Clone)]
enum Link {
    Postgres(Connections),
    Orm(DatabaseConnection),
}

/// How many of the sessions of Postgres one user may hold at a time, so that the others find some free. SQLite's connections have
/// no shares: its writers take turns anyway.
#[derive(Debug, Clone)]
enum PoolShares {
    /// No limit but the pool's.
    Whole,
    /// All users of this handle together.
    Together(Arc<Semaphore>),
    /// Each tenant by itself, and what the system reads by itself.
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

/// What a transaction is for.
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
    /// Over sessions of Postgres.
    pub(in crate::store) fn of_sessions(
        connections: Connections,
        sessions: Sessions,
        statements: Arc<AtomicU64>,
    ) -> Self {
        let (link, shares) = (Link::Postgres(connections), PoolShares::Whole);
        Self { link, sessions, shares, statements, of_the_orm: None }
    }

    /// The same pool; each tenant may hold half of its sessions.
    pub(in crate::store) fn shared_by_tenants(self) -> Self {
        let shares = PoolShares::Each(Shares::new(self.half()));
        Self { shares, ..self }
    }

    /// The same pool, for users who together may hold half of its sessions.
    pub(in crate::store) fn half_of_it(&self) -> Self {
        let share = Arc::new(Semaphore::new(self.half()));
        Self { shares: PoolShares::Together(share), ..self.clone() }
    }

    fn half(&self) -> usize {
        usize::try_from(self.counts().2.div_ceil(2)).unwrap_or(Semaphore::MAX_PERMITS)
    }

    /// Over the ORM's connections to SQLite.
    pub(in crate::store) fn of_the_orm(
        mut connections: DatabaseConnection,
        sessions: Sessions,
        statements: Arc<AtomicU64>,
    ) -> Self {
        let (counter, meters) = (Arc::clone(&statements), Meters::new("tenants"));
        let of_the_orm = Some(meters.clone());
        connections.set_metric_callback(move |ran| {
            counter.fetch_add(1, Ordering::Relaxed);
            meters.ran(Kind::of(&ran.statement.sql), ran.elapsed);
        });
        let (link, shares) = (Link::Orm(connections), PoolShares::Whole);
        Self { link, sessions, shares, statements, of_the_orm }
    }

    /// Where Postgres is. `None` on SQLite.
    pub(in crate::store) fn hosts(&self) -> Option<&Arc<Hosts>> {
        match &self.link {
            Link::Postgres(connections) => Some(connections.hosts()),
            Link::Orm(_) => None,
        }
    }

    /// The ORM's connections to SQLite.
    pub(in crate::store) fn of_sqlite(&self) -> Result<DatabaseConnection, DbErr> {
        match &self.link {
            Link::Orm(connections) => Ok(connections.clone()),
            Link::Postgres(_) => Err(DbErr::Custom("sessions of Postgres are not the ORM's".to_owned())),
        }
    }

    /// How many connections are in use, how many are open and free, and how many there may be.
    pub(in crate::store) fn counts(&self) -> (u32, u32, u32) {
        match &self.link {
            Link::Postgres(connections) => connections.counts(),
            Link::Orm(connections) => dialect::counts(connections),
        }
    }

    /// Fails when the database does not answer, or takes no writes.
    pub(in crate::store) async fn ping(&self) -> Result<(), DbErr> {
        dialect::ping(self, &self.sessions).await
    }

    /// Closes it. Waits for no session that is in use, nor for one that does not answer.
    pub(in crate::store) async fn close(&self) {
        match &self.link {
            Link::Postgres(connections) => connections.close().await,
            // Whatever it reports while closing, nothing is left to be done about it.
            Link::Orm(connections) => drop(connections.close_by_ref().await),
        }
    }

    /// Begins a transaction. May be dropped at any instant on Postgres; on SQLite it must run to its end.
    pub(super) async fn begin(&self, purpose: Purpose) -> Result<Transaction, DbErr> {
        let connections = match &self.link {
            Link::Postgres(connections) => connections,
            Link::Orm(connections) => {
                let began = Instant::now();
                let begun = match purpose {
                    Purpose::Write | Purpose::WriteAsTenant(_) => dialect::begin_write(connections).await,
                    Purpose::ReadAsTenant(_) | Purpose::ReadAsSystem => connections.begin().await,
                };
                if let Some(meters) = &self.of_the_orm {
                    meters.waited(began.elapsed());
                }
                return begun.map(Transaction::Orm);
            }
        };
        let (mode, more) = match purpose {
            Purpose::Write => ("", String::new()),
            Purpose::WriteAsTenant(tenant) => ("", dialect::become_tenant(tenant)),
            Purpose::ReadAsTenant(tenant) => (" READ ONLY", dialect::become_tenant(tenant)),
            Purpose::ReadAsSystem => (" READ ONLY", dialect::become_system()),
        };
        let (more, tenant) = (more.as_str(), purpose.tenant());
        let held =
            self.again(|| async move { self.begin_once(connections, tenant, mode, more).await }).await?;
        let is_reading = !mode.is_empty();
        let session = Session::new(held, is_reading, self.sessions.clone(), Arc::clone(&self.statements));
        Ok(Transaction::Session(session))
    }

    /// Repeats what does nothing if it fails, as long as it meets connections that broke while they lay in the pool.
    pub(in crate::store) async fn again<T, E, F>(&self, work: impl Fn() -> F) -> Result<T, E>
    where
        F: Future<Output = Result<T, E>>,
        E: MayBeBroken,
    {
        let most = match &self.link {
            Link::Postgres(connections) => connections.most(),
            Link::Orm(connections) => dialect::most_connections(connections),
        };
        for _ in 0..most {
            match work().await {
                Err(error) if error.is_broken() => {}
                other => return other,
            }
        }
        work().await
    }

    /// Runs a group commit's one statement. No ping goes ahead of it, since calls wait for it: whoever asks repeats it when the
    /// connection was broken.
    pub(in crate::store) async fn group_commit(
        &self,
        statement: Statement,
    ) -> Result<Vec<QueryResult>, DbErr> {
        match &self.link {
            Link::Postgres(connections) => {
                self.statements.fetch_add(1, Ordering::Relaxed);
                let work = Work::Batch(&statement);
                let written = self.sessions.noting(self.alone(connections, work, query_error).await);
                Ok(written?.rows.into_iter().map(QueryResult::from).collect())
            }
            Link::Orm(connections) => connections.query_all_raw(statement).await,
        }
    }

    /// Runs a notification, which is of no request's making and not counted. SQLite has none.
    pub(in crate::store) async fn notify(&self, statement: Statement) -> Result<(), DbErr> {
        let Link::Postgres(connections) = &self.link else { return Ok(()) };
        let work = Work::Statement(&statement);
        self.again(|| self.alone(connections, work, execute_error)).await.map(drop)
    }

    /// Runs a single statement on Postgres, a read as often as connections turn out to be broken.
    async fn single(
        &self,
        connections: &Connections,
        work: Work<'_>,
        error: fn(sqlx::Error) -> DbErr,
    ) -> Result<Outcome, DbErr> {
        self.statements.fetch_add(1, Ordering::Relaxed);
        let outcome = if work.is_read() {
            self.again(|| self.alone(connections, work, error)).await
        } else {
            let held = self.again(|| self.ready(connections)).await?;
            finish(held, work, error).await
        };
        self.sessions.noting(outcome)
    }

    /// A session on which a transaction has begun.
    async fn begin_once(
        &self,
        connections: &Connections,
        tenant: Option<TenantId>,
        mode: &str,
        more: &str,
    ) -> Result<Held, DbErr> {
        let mut held = connections.acquire(self.shares.of(tenant).as_ref()).await?;
        let sql = Hosts::begin_sql(held.is_pooled(), connections.role(), mode, more);
        held.begin(sql).await.map_err(query_error)?;
        Ok(held)
    }

    /// A session that has answered: a ping, or the beginning of the transaction in which a pooler's statements run.
    async fn ready(&self, connections: &Connections) -> Result<Held, DbErr> {
        let mut held = connections.acquire(self.shares.of(None).as_ref()).await?;
        if held.is_pooled() {
            begin_alone(connections, &mut held).await?;
        } else {
            held.ping().await.map_err(query_error)?;
        }
        Ok(held)
    }

    /// Runs one statement without a word ahead of it, unless a pooler needs one.
    async fn alone(
        &self,
        connections: &Connections,
        work: Work<'_>,
        error: fn(sqlx::Error) -> DbErr,
    ) -> Result<Outcome, DbErr> {
        let mut held = connections.acquire(self.shares.of(None).as_ref()).await?;
        if held.is_pooled() {
            begin_alone(connections, &mut held).await?;
        }
        finish(held, work, error).await
    }
}

async fn begin_alone(connections: &Connections, held: &mut Held) -> Result<(), DbErr> {
    let sql = Hosts::begin_sql(true, connections.role(), "", "");
    held.begin(sql).await.map_err(query_error)
}

/// Runs a statement, and ends the transaction around it if there is one.
async fn finish(mut held: Held, work: Work<'_>, error: fn(sqlx::Error) -> DbErr) -> Result<Outcome, DbErr> {
    let outcome = held.run(work).await.map_err(error)?;
    if held.is_pooled() {
        held.commit().await.map_err(error)?;
    }
    Ok(outcome)
}

impl Work<'_> {
    /// Whether it changes nothing. What does not look so may still be a read.
    fn is_read(self) -> bool {
        is_read(self.sql())
    }
}

/// A row that can be decoded without a panic.
pub(super) fn sound(row: QueryResult) -> Result<QueryResult, DbErr> {
    dialect::sound(&row).map(|()| row)
}

/// An error that may mean that the connection broke, so that nothing was done.
pub(in crate::store) trait MayBeBroken {
    fn is_broken(&self) -> bool;
}

impl MayBeBroken for DbErr {
    fn is_broken(&self) -> bool {
        has_broken(self)
    }
}

impl MayBeBroken for StoreError {
    fn is_broken(&self) -> bool {
        matches!(self, Self::Unavailable(error) if has_broken(error))
    }
}

#[async_trait]
impl ConnectionTrait for Pool {
    fn get_database_backend(&self) -> DbBackend {
        match &self.link {
            Link::Postgres(_) => DbBackend::Postgres,
            Link::Orm(connections) => connections.get_database_backend(),
        }
    }

    async fn execute_raw(&self, statement: Statement) -> Result<ExecResult, DbErr> {
        match &self.link {
            Link::Postgres(connections) => {
                let work = Work::Statement(&statement);
                Ok(self.single(connections, work, execute_error).await?.done.into())
            }
            Link::Orm(connections) => connections.execute_raw(statement).await,
        }
    }

    async fn execute_unprepared(&self, sql: &str) -> Result<ExecResult, DbErr> {
        match &self.link {
            Link::Postgres(connections) => {
                Ok(self.single(connections, Work::Text(sql), execute_error).await?.done.into())
            }
            Link::Orm(connections) => connections.execute_unprepared(sql).await,
        }
    }

    async fn query_one_raw(&self, statement: Statement) -> Result<Option<QueryResult>, DbErr> {
        match &self.link {
            Link::Postgres(connections) => {
                let outcome = self.single(connections, Work::Statement(&statement), query_error).await?;
                outcome.rows.into_iter().next().map(QueryResult::from).map(sound).transpose()
            }
            Link::Orm(connections) => connections.query_one_raw(statement).await,
        }
    }

    async fn query_all_raw(&self, statement: Statement) -> Result<Vec<QueryResult>, DbErr> {
        match &self.link {
            Link::Postgres(connections) => {
                let outcome = self.single(connections, Work::Statement(&statement), query_error).await?;
                Ok(outcome.rows.into_iter().map(QueryResult::from).collect())
            }
            Link::Orm(connections) => connections.query_all_raw(statement).await,
        }
    }
}
