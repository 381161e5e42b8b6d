//! Transactions. On Postgres one owns its session and is opened by one message, which also makes it the tenant's; on SQLite it
//! is the ORM's.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use sea_orm::entity::prelude::async_trait::async_trait;
use sea_orm::sqlx;
use sea_orm::{
    ConnectionTrait, DatabaseTransaction, DbBackend, DbErr, ExecResult, QueryResult, RuntimeErr, Statement,
};
use tokio::sync::Mutex;

use super::connections::{Held, Outcome, Work};
use super::pool::sound;
use crate::store::dialect::Sessions;
use crate::store::error::is_read_only;

/// A transaction, rolled back when dropped without [`Self::commit`].
#[derive(Debug)]
pub(in crate::store) enum Transaction {
    /// On Postgres.
    Session(Session),
    /// On SQLite.
    Orm(DatabaseTransaction),
}

/// A session in a transaction. When it is dropped, nobody waits for the rollback.
#[derive(Debug)]
pub(in crate::store) struct Session {
    held: Mutex<Held>,
    is_reading: bool,
    sessions: Sessions,
    /// Counts statements.
    statements: Arc<AtomicU64>,
}

impl Session {
    /// A session on which a transaction has begun.
    pub(super) fn new(held: Held, is_reading: bool, sessions: Sessions, statements: Arc<AtomicU64>) -> Self {
        Self { held: Mutex::new(held), is_reading, sessions, statements }
    }

    async fn run(&self, work: Work<'_>, error: fn(sqlx::Error) -> DbErr) -> Result<Outcome, DbErr> {
        let mut held = self.held.lock().await;
        self.statements.fetch_add(1, Ordering::Relaxed);
        let outcome = held.run(work).await.map_err(error);
        if self.is_reading { outcome.map_err(own_write) } else { self.sessions.noting(outcome) }
    }
}

impl Transaction {
    /// Keeps what was written.
    pub(in crate::store) async fn commit(self) -> Result<(), DbErr> {
        match self {
            Self::Session(session) => {
                session.sessions.noting(session.held.lock().await.commit().await.map_err(execute_error))
            }
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

/// A write in a reading transaction is a mistake of ours. In any other the same code means that the server is read-only.
fn own_write(error: DbErr) -> DbErr {
    if is_read_only(&error) { DbErr::Custom("this door is for reading".to_owned()) } else { error }
}

#[async_trait]
impl ConnectionTrait for Transaction {
    fn get_database_backend(&self) -> DbBackend {
        match self {
            Self::Session(_) => DbBackend::Postgres,
            Self::Orm(transaction) => transaction.get_database_backend(),
        }
    }

    async fn execute_raw(&self, statement: Statement) -> Result<ExecResult, DbErr> {
        match self {
            Self::Session(session) => {
                Ok(session.run(Work::Statement(&statement), execute_error).await?.done.into())
            }
            Self::Orm(transaction) => transaction.execute_raw(statement).await,
        }
    }

    async fn execute_unprepared(&self, sql: &str) -> Result<ExecResult, DbErr> {
        match self {
            Self::Session(session) => Ok(session.run(Work::Text(sql), execute_error).await?.done.into()),
            Self::Orm(transaction) => transaction.execute_unprepared(sql).await,
        }
    }

    async fn query_one_raw(&self, statement: Statement) -> Result<Option<QueryResult>, DbErr> {
        match self {
            Self::Session(session) => {
                let outcome = session.run(Work::Statement(&statement), query_error).await?;
                outcome.rows.into_iter().next().map(QueryResult::from).map(sound).transpose()
            }
            Self::Orm(transaction) => transaction.query_one_raw(statement).await,
        }
    }

    async fn query_all_raw(&self, statement: Statement) -> Result<Vec<QueryResult>, DbErr> {
        match self {
            Self::Session(session) => {
                let outcome = session.run(Work::Statement(&statement), query_error).await?;
                Ok(outcome.rows.into_iter().map(QueryResult::from).collect())
            }
            Self::Orm(transaction) => transaction.query_all_raw(statement).await,
        }
    }
}
