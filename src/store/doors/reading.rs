//! A tenant's reading transaction on Postgres, in as few messages as it takes: one opens it, and nobody waits for its
//! end.

use futures_util::TryFutureExt;
use sea_orm::entity::prelude::async_trait::async_trait;
use sea_orm::sqlx::pool::PoolConnection;
use sea_orm::sqlx::{self, AssertSqlSafe, Executor, PgPool, Postgres, SqlSafeStr};
use sea_orm::{ConnectionTrait, DbBackend, DbErr, ExecResult, QueryResult, RuntimeErr, Statement};
use sea_query_sqlx::SqlxValues;
use sqlx_core::transaction::TransactionManager;
use tokio::sync::{Mutex, MutexGuard};

use super::meters::{Kind, Meters};
use super::pool::{Pool, Writing};
use crate::domain::TenantId;
use crate::store::error::is_read_only;

type Manager = <Postgres as sqlx::Database>::TransactionManager;

/// A tenant's transaction: a reading one on Postgres, or one that the ORM began.
#[derive(Debug)]
pub(in crate::store) enum Transaction {
    /// For reading.
    Reading(Reading),
    /// For writing, and everything on SQLite.
    Begun(Writing),
}

/// A connection in a read-only transaction as the tenant. When it is dropped the rollback goes out while the
/// connection returns to its pool.
#[derive(Debug)]
pub(in crate::store) struct Reading {
    connection: Mutex<PoolConnection<Postgres>>,
    meters: Meters,
}

impl Reading {
    /// Begins the transaction and makes it the tenant's, in one message. May be dropped at any instant.
    pub(super) async fn begin_as_tenant(pool: &Pool, tenant: TenantId) -> Result<Self, DbErr> {
        // A UUID holds nothing that could end the string.
        let sql = format!(
            "BEGIN READ ONLY; SET LOCAL ROLE switchboard_tenant; \
             SET LOCAL request.jwt.claims = '{{\"sub\":\"{}\",\"role\":\"switchboard_tenant\"}}'",
            tenant.0.hyphenated()
        );
        Self::begin(pool, &sql).await
    }

    /// The same, as the system.
    pub(super) async fn begin_as_system(pool: &Pool) -> Result<Self, DbErr> {
        Self::begin(pool, "BEGIN READ ONLY; SET LOCAL ROLE switchboard_system").await
    }

    async fn begin(pool: &Pool, sql: &str) -> Result<Self, DbErr> {
        let connections = pool.connections().get_postgres_connection_pool();
        pool.again(|| Self::begin_once(connections, sql.to_owned(), pool.meters())).await
    }

    async fn begin_once(pool: &PgPool, sql: String, meters: &Meters) -> Result<Self, DbErr> {
        let connection = meters.waiting(pool.acquire()).await.map_err(acquire_error)?;
        let mut opening = Opening(Some(connection));
        if let Some(connection) = &mut opening.0 {
            Manager::begin(connection, Some(AssertSqlSafe(sql).into_sql_str())).await.map_err(query_error)?;
        }
        let meters = meters.clone();
        let opened = opening.0.take().map(|open| Self { connection: Mutex::new(open), meters });
        opened.ok_or_else(|| DbErr::Custom("the connection is gone".to_owned()))
    }

    /// The connection, for one statement.
    async fn connection(&self) -> MutexGuard<'_, PoolConnection<Postgres>> {
        self.connection.lock().await
    }

    /// Measures a statement.
    fn run<T>(
        &self,
        statement: impl Future<Output = Result<T, DbErr>>,
    ) -> impl Future<Output = Result<T, DbErr>> {
        self.meters.running(Kind::Read, statement).map_err(own_write)
    }
}

impl Drop for Reading {
    fn drop(&mut self) {
        Manager::start_rollback(self.connection.get_mut());
    }
}

/// A connection on which a transaction may or may not have begun. The pool must not have it back like that.
struct Opening(Option<PoolConnection<Postgres>>);

impl Drop for Opening {
    fn drop(&mut self) {
        if let Some(mut connection) = self.0.take() {
            tokio::spawn(async move {
                if connection.execute("ROLLBACK").await.is_err() {
                    connection.close_on_drop();
                }
            });
        }
    }
}

pub(super) fn query(statement: &Statement) -> sqlx::query::Query<'_, Postgres, SqlxValues> {
    let values = statement.values.clone().unwrap_or_else(|| sea_orm::Values(Vec::new()));
    sqlx::query_with(AssertSqlSafe(statement.sql.as_str()), SqlxValues(values))
}

#[async_trait]
impl ConnectionTrait for Reading {
    fn get_database_backend(&self) -> DbBackend {
        DbBackend::Postgres
    }

    async fn execute_raw(&self, statement: Statement) -> Result<ExecResult, DbErr> {
        let connection = &mut **self.connection().await;
        let done = self.run(query(&statement).execute(connection).map_err(execute_error)).await?;
        Ok(done.into())
    }

    async fn execute_unprepared(&self, sql: &str) -> Result<ExecResult, DbErr> {
        let connection = &mut **self.connection().await;
        let done = connection.execute(AssertSqlSafe(sql.to_owned())).map_err(execute_error);
        Ok(self.run(done).await?.into())
    }

    async fn query_one_raw(&self, statement: Statement) -> Result<Option<QueryResult>, DbErr> {
        let connection = &mut **self.connection().await;
        let row = self.run(query(&statement).fetch_optional(connection).map_err(query_error)).await?;
        Ok(row.map(QueryResult::from))
    }

    async fn query_all_raw(&self, statement: Statement) -> Result<Vec<QueryResult>, DbErr> {
        let connection = &mut **self.connection().await;
        let rows = self.run(query(&statement).fetch_all(connection).map_err(query_error)).await?;
        Ok(rows.into_iter().map(QueryResult::from).collect())
    }
}

#[async_trait]
impl ConnectionTrait for Transaction {
    fn get_database_backend(&self) -> DbBackend {
        match self {
            Self::Reading(reading) => reading.get_database_backend(),
            Self::Begun(begun) => begun.get_database_backend(),
        }
    }

    async fn execute_raw(&self, statement: Statement) -> Result<ExecResult, DbErr> {
        match self {
            Self::Reading(reading) => reading.execute_raw(statement).await,
            Self::Begun(begun) => begun.execute_raw(statement).await,
        }
    }

    async fn execute_unprepared(&self, sql: &str) -> Result<ExecResult, DbErr> {
        match self {
            Self::Reading(reading) => reading.execute_unprepared(sql).await,
            Self::Begun(begun) => begun.execute_unprepared(sql).await,
        }
    }

    async fn query_one_raw(&self, statement: Statement) -> Result<Option<QueryResult>, DbErr> {
        match self {
            Self::Reading(reading) => reading.query_one_raw(statement).await,
            Self::Begun(begun) => begun.query_one_raw(statement).await,
        }
    }

    async fn query_all_raw(&self, statement: Statement) -> Result<Vec<QueryResult>, DbErr> {
        match self {
            Self::Reading(reading) => reading.query_all_raw(statement).await,
            Self::Begun(begun) => begun.query_all_raw(statement).await,
        }
    }
}

pub(super) fn acquire_error(error: sqlx::Error) -> DbErr {
    match error {
        sqlx::Error::PoolTimedOut => DbErr::ConnectionAcquire(sea_orm::ConnAcquireErr::Timeout),
        sqlx::Error::PoolClosed => DbErr::ConnectionAcquire(sea_orm::ConnAcquireErr::ConnectionClosed),
        other => DbErr::Conn(RuntimeErr::SqlxError(other.into())),
    }
}

pub(super) fn query_error(error: sqlx::Error) -> DbErr {
    DbErr::Query(RuntimeErr::SqlxError(error.into()))
}

pub(super) fn execute_error(error: sqlx::Error) -> DbErr {
    DbErr::Exec(RuntimeErr::SqlxError(error.into()))
}

/// A write through this door is a mistake of ours. On any other the same code means that the server is read-only.
fn own_write(error: DbErr) -> DbErr {
    if is_read_only(&error) { DbErr::Custom("this door is for reading".to_owned()) } else { error }
}
