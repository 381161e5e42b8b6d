//! Transactions. A Postgres transaction owns its session, and the message that begins it also sets the
//! tenant. An SQLite transaction is the ORM's.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use sea_orm::entity::prelude::async_trait::async_trait;
use sea_orm::sqlx;
use sea_orm::{
    ConnectionTrait, DatabaseTransaction, DbBackend, DbErr, ExecResult, QueryResult, RuntimeErr, Statement,
};
use tokio::sync::Mutex;

use super::connections::{HeldSession, Outcome, Work};
use super::pool::checked;
use crate::store::dialect::Sessions;
use crate::store::error::is_read_only;

/// A transaction, rolled back when dropped without [`Self::commit`].
#[derive(Debug)]
pub(in crate::store) enum Transaction {
    /// Postgres: a session of this module's pool.
    Postgres(PostgresTransaction),
    /// SQLite: a transaction of the ORM.
    Orm(DatabaseTransaction),
}

/// A Postgres session within a transaction. Dropping it does not wait for the rollback.
#[derive(Debug)]
pub(in crate::store) struct PostgresTransaction {
    held: Mutex<HeldSession>,
    is_reading: bool,
    sessions: Sessions,
    /// Counter of statements run.
    statements: Arc<AtomicU64>,
}

impl PostgresTransaction {
    /// Wraps a session on which a transaction has begun.
    pub(super) fn new(
        held: HeldSession,
        is_reading: bool,
        sessions: Sessions,
        statements: Arc<AtomicU64>,
    ) -> Self {
        Self { held: Mutex::new(held), is_reading, sessions, statements }
    }

    async fn run(&self, work: Work<'_>, error: fn(sqlx::Error) -> DbErr) -> Result<Outcome, DbErr> {
        // All resolvers of a query share the session: the lock runs their statements one at a time.
        let mut held = self.held.lock().await;
        self.statements.fetch_add(1, Ordering::Relaxed);
        let outcome = held.run(work).await.map_err(error);
        if self.is_reading {
            outcome.map_err(write_in_read_only)
        } else {
            self.sessions.note_read_only(outcome)
        }
    }
}

impl Transaction {
    /// Commits. Any other end of the transaction rolls it back.
    pub(in crate::store) async fn commit(self) -> Result<(), DbErr> {
        match self {
            Self::Postgres(session) => session
                .sessions
                .note_read_only(session.held.lock().await.commit().await.map_err(execute_error)),
            Self::Orm(transaction) => transaction.commit().await,
        }
    }
}

pub(super) fn query_error(error: sqlx::Error) -> DbErr {
    DbErr::Query(RuntimeErr::SqlxError(error.into()))
}

pub(super) fn execute_error(error: sqlx::Error) -> DbErr {
    DbErr::Exec(RuntimeErr::SqlxError(error.into()))
}

/// Reports a write within a read-only transaction as a bug. In a read-write transaction the same code means
/// that the server is read-only.
fn write_in_read_only(error: DbErr) -> DbErr {
    if is_read_only(&error) { DbErr::Custom("this transaction is read-only".to_owned()) } else { error }
}

#[async_trait]
impl ConnectionTrait for Transaction {
    fn get_database_backend(&self) -> DbBackend {
        match self {
            Self::Postgres(_) => DbBackend::Postgres,
            Self::Orm(transaction) => transaction.get_database_backend(),
        }
    }

    async fn execute_raw(&self, statement: Statement) -> Result<ExecResult, DbErr> {
        match self {
            Self::Postgres(session) => {
                Ok(session.run(Work::Statement(&statement), execute_error).await?.done.into())
            }
            Self::Orm(transaction) => transaction.execute_raw(statement).await,
        }
    }

    async fn execute_unprepared(&self, sql: &str) -> Result<ExecResult, DbErr> {
        match self {
            Self::Postgres(session) => Ok(session.run(Work::Text(sql), execute_error).await?.done.into()),
            Self::Orm(transaction) => transaction.execute_unprepared(sql).await,
        }
    }

    async fn query_one_raw(&self, statement: Statement) -> Result<Option<QueryResult>, DbErr> {
        match self {
            Self::Postgres(session) => {
                let outcome = session.run(Work::Statement(&statement), query_error).await?;
                outcome.rows.into_iter().next().map(QueryResult::from).map(checked).transpose()
            }
            Self::Orm(transaction) => transaction.query_one_raw(statement).await,
        }
    }

    async fn query_all_raw(&self, statement: Statement) -> Result<Vec<QueryResult>, DbErr> {
        match self {
            Self::Postgres(session) => {
                let outcome = session.run(Work::Statement(&statement), query_error).await?;
                Ok(outcome.rows.into_iter().map(QueryResult::from).collect())
            }
            Self::Orm(transaction) => transaction.query_all_raw(statement).await,
        }
    }
}
