//! A pool of connections, for single statements and for beginning transactions.
//!
//! A restart of the database, a failover or a proxy's time-out breaks connections that lie in the pool. None of them costs a
//! request: a broken one is replaced and the next tried, of which there are at most as many as the pool holds. What is
//! repeated has done nothing: the beginning of a transaction, a read, or the ping ahead of a lone write. A lone write is
//! never sent twice, since its first attempt may have been carried out. A group commit is: written twice, it is the same
//! ([`Pool::group_commit`]).
//!
//! A session of Postgres that refuses a write because it is read-only is not used again, nor are those that are older:
//! sessions keep the setting they began with (`default_transaction_read_only`), and after a failover they may be with a server
//! that is a standby now.

use sea_orm::entity::prelude::async_trait::async_trait;
use sea_orm::sqlx::pool::PoolConnection;
use sea_orm::sqlx::{AssertSqlSafe, Connection, Executor, Postgres};
use sea_orm::{
    ConnectionTrait, DatabaseConnection, DatabaseTransaction, DbBackend, DbErr, ExecResult, QueryResult,
    Statement, TransactionTrait,
};

use super::meters::{Kind, Meters, is_read};
use super::reading::{acquire_error, execute_error, query, query_error};
use crate::store::StoreError;
use crate::store::dialect::{self, Sessions};
use crate::store::error::has_broken;

/// One of the two pools. Cheap to clone.
#[derive(Debug, Clone)]
pub(in crate::store) struct Pool {
    connections: DatabaseConnection,
    sessions: Sessions,
    meters: Meters,
}

impl Pool {
    /// Over these connections.
    pub(in crate::store) fn new(
        mut connections: DatabaseConnection,
        sessions: Sessions,
        meters: Meters,
    ) -> Self {
        let of_the_orm = meters.clone();
        connections.set_metric_callback(move |ran| {
            of_the_orm.ran(Kind::of(&ran.statement.sql), ran.elapsed);
        });
        Self { connections, sessions, meters }
    }

    /// The driver's own pool.
    pub(in crate::store) fn connections(&self) -> &DatabaseConnection {
        &self.connections
    }

    /// Measures what is run past this pool.
    pub(super) fn meters(&self) -> &Meters {
        &self.meters
    }

    /// Fails when the database does not answer, or takes no writes.
    pub(in crate::store) async fn ping(&self) -> Result<(), DbErr> {
        dialect::ping(self, &self.sessions).await
    }

    /// Begins a transaction that will write.
    pub(super) async fn begin_write(&self) -> Result<Writing, DbErr> {
        let beginning = self.again(|| dialect::begin_write(&self.connections));
        let transaction = self.meters.waiting(beginning).await?;
        Ok(Writing { transaction, sessions: self.sessions.clone() })
    }

    /// Begins a transaction on SQLite that only reads.
    pub(super) async fn begin_read(&self) -> Result<Writing, DbErr> {
        let transaction = self.connections.begin().await?;
        Ok(Writing { transaction, sessions: self.sessions.clone() })
    }

    /// Repeats what does nothing if it fails, as long as it meets connections that broke while they lay in the pool.
    pub(in crate::store) async fn again<T, E, F>(&self, work: impl Fn() -> F) -> Result<T, E>
    where
        F: Future<Output = Result<T, E>>,
        E: MayBeBroken,
    {
        for _ in 0..dialect::most_connections(&self.connections) {
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
        if !dialect::has_policies(self) {
            return self.connections.query_all_raw(statement).await;
        }
        let written = async {
            let mut connection = self.acquire().await?;
            self.meters.running(Kind::Batch, rows(&statement, &mut connection)).await
        };
        self.sessions.noting(written.await)
    }

    /// A free connection to Postgres.
    async fn acquire(&self) -> Result<PoolConnection<Postgres>, DbErr> {
        let pool = self.connections.get_postgres_connection_pool();
        self.meters.waiting(pool.acquire()).await.map_err(acquire_error)
    }

    /// A connection to Postgres for this statement. Ahead of a write it has answered a ping.
    async fn connection(&self, statement: &str) -> Result<PoolConnection<Postgres>, DbErr> {
        if is_read(statement) {
            return self.acquire().await;
        }
        self.again(|| async {
            let mut connection = self.acquire().await?;
            connection.ping().await.map_err(query_error)?;
            Ok(connection)
        })
        .await
    }

    /// Measures a statement.
    fn run<T>(&self, sql: &str, statement: impl Future<Output = T>) -> impl Future<Output = T> {
        self.meters.running(Kind::of(sql), statement)
    }

    /// Runs a single statement on Postgres, a read as often as connections turn out to be broken.
    async fn single<T, F>(&self, statement: &str, run: impl Fn() -> F) -> Result<T, DbErr>
    where
        F: Future<Output = Result<T, DbErr>>,
    {
        let outcome = if is_read(statement) { self.again(run).await } else { run().await };
        self.sessions.noting(outcome)
    }
}

async fn rows(
    statement: &Statement,
    connection: &mut PoolConnection<Postgres>,
) -> Result<Vec<QueryResult>, DbErr> {
    let rows = query(statement).fetch_all(&mut **connection).await.map_err(query_error)?;
    Ok(rows.into_iter().map(QueryResult::from).collect())
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
        self.connections.get_database_backend()
    }

    async fn execute_raw(&self, statement: Statement) -> Result<ExecResult, DbErr> {
        if !dialect::has_policies(self) {
            return self.connections.execute_raw(statement).await;
        }
        let statement = &statement;
        self.single(&statement.sql, || async move {
            let mut connection = self.connection(&statement.sql).await?;
            let done = self.run(&statement.sql, query(statement).execute(&mut *connection)).await;
            Ok(done.map_err(execute_error)?.into())
        })
        .await
    }

    async fn execute_unprepared(&self, sql: &str) -> Result<ExecResult, DbErr> {
        if !dialect::has_policies(self) {
            return self.connections.execute_unprepared(sql).await;
        }
        self.single(sql, || async move {
            let mut connection = self.connection(sql).await?;
            let done = self.run(sql, connection.execute(AssertSqlSafe(sql.to_owned()))).await;
            Ok(done.map_err(execute_error)?.into())
        })
        .await
    }

    async fn query_one_raw(&self, statement: Statement) -> Result<Option<QueryResult>, DbErr> {
        if !dialect::has_policies(self) {
            return self.connections.query_one_raw(statement).await;
        }
        let statement = &statement;
        self.single(&statement.sql, || async move {
            let mut connection = self.connection(&statement.sql).await?;
            let row = self.run(&statement.sql, query(statement).fetch_optional(&mut *connection)).await;
            Ok(row.map_err(query_error)?.map(QueryResult::from))
        })
        .await
    }

    async fn query_all_raw(&self, statement: Statement) -> Result<Vec<QueryResult>, DbErr> {
        if !dialect::has_policies(self) {
            return self.connections.query_all_raw(statement).await;
        }
        let statement = &statement;
        self.single(&statement.sql, || async move {
            let mut connection = self.connection(&statement.sql).await?;
            self.run(&statement.sql, rows(statement, &mut connection)).await
        })
        .await
    }
}

/// A transaction of the ORM's, rolled back when dropped.
#[derive(Debug)]
pub(in crate::store) struct Writing {
    transaction: DatabaseTransaction,
    sessions: Sessions,
}

impl Writing {
    /// Keeps what was written.
    pub(in crate::store) async fn commit(self) -> Result<(), DbErr> {
        self.transaction.commit().await
    }

    /// The ORM's own, for the migrations.
    pub(in crate::store) fn of_the_orm(&self) -> &DatabaseTransaction {
        &self.transaction
    }
}

#[async_trait]
impl ConnectionTrait for Writing {
    fn get_database_backend(&self) -> DbBackend {
        self.transaction.get_database_backend()
    }

    async fn execute_raw(&self, statement: Statement) -> Result<ExecResult, DbErr> {
        self.sessions.noting(self.transaction.execute_raw(statement).await)
    }

    async fn execute_unprepared(&self, sql: &str) -> Result<ExecResult, DbErr> {
        self.sessions.noting(self.transaction.execute_unprepared(sql).await)
    }

    async fn query_one_raw(&self, statement: Statement) -> Result<Option<QueryResult>, DbErr> {
        self.sessions.noting(self.transaction.query_one_raw(statement).await)
    }

    async fn query_all_raw(&self, statement: Statement) -> Result<Vec<QueryResult>, DbErr> {
        self.sessions.noting(self.transaction.query_all_raw(statement).await)
    }
}
