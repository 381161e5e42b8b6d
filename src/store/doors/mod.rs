//! The two doors: how each is opened, and what keeps a lost caller from leaving one ajar.
//!
//! sqlx 0.9 puts a connection whose BEGIN was abandoned back into its pool with the transaction open, so that
//! the next borrower would inherit another tenant's role. Hence a transaction of the ORM's begins in a task of its
//! own: if nobody waits for it any more, the finished transaction is dropped, which rolls it back. A [`reading`] one
//! sees to that itself.

mod reading;

use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, PoisonError};

use sea_orm::{DatabaseConnection, DatabaseTransaction, DbErr, TransactionTrait};

use tokio::sync::broadcast;

use self::reading::{Reading, Transaction};
use super::{Change, Shared, StoreError, dialect, error::begin_was_lost, error::has_broken};
use crate::domain::{Author, TenantId};

/// One tenant's rows, in one transaction. Statements run one after the other; shared by all resolvers of a query.
#[derive(Debug)]
pub struct TenantStore {
    pub(super) transaction: Transaction,
    pub(super) tenant: TenantId,
    pub(super) shared: Arc<Shared>,
    /// Who writes; a reading door has none.
    author: Option<Author>,
    untold: Mutex<Vec<Change>>,
}

impl TenantStore {
    pub(super) async fn open(
        shared: Arc<Shared>,
        tenant: TenantId,
        author: Option<Author>,
    ) -> Result<Self, StoreError> {
        if author.is_none() && dialect::has_policies(&shared.tenants) {
            let pool = shared.tenants.get_postgres_connection_pool();
            let reading = Reading::begin_as_tenant(pool, tenant, Arc::clone(&shared.statements)).await?;
            let transaction = Transaction::Reading(reading);
            return Ok(Self { transaction, tenant, shared, author, untold: Mutex::default() });
        }
        let opening = tokio::spawn(async move {
            let writing = author.is_some();
            let transaction =
                if writing { begin_unbroken(&shared.tenants).await? } else { shared.tenants.begin().await? };
            dialect::become_tenant(&transaction, tenant).await?;
            let transaction = Transaction::Begun(transaction);
            Ok(Self { transaction, tenant, shared, author, untold: Mutex::default() })
        });
        opening.await.map_err(|lost| begin_was_lost(&lost))?
    }

    /// Whose door this is.
    #[must_use]
    pub fn tenant_id(&self) -> TenantId {
        self.tenant
    }

    /// Keeps what was written.
    ///
    /// # Errors
    /// [`StoreError`]; then nothing is kept.
    pub async fn commit(self) -> Result<(), StoreError> {
        if let Transaction::Begun(transaction) = self.transaction {
            transaction.commit().await?;
        }
        for change in self.untold.into_inner().unwrap_or_else(PoisonError::into_inner) {
            self.shared.tell(change);
        }
        Ok(())
    }

    /// Whether this door may write: then rows read one by one are kept from changing.
    pub(super) fn is_writing(&self) -> bool {
        self.author.is_some()
    }

    /// Who writes through this door, in which request.
    ///
    /// # Errors
    /// When it is for reading.
    pub(super) fn author(&self) -> Result<&Author, StoreError> {
        let reading = || StoreError::Database(DbErr::Custom("this door is for reading".to_owned()));
        self.author.as_ref().ok_or_else(reading)
    }

    /// Tells of a change once it is kept.
    pub(super) fn tell_later(&self, change: Change) {
        self.untold.lock().unwrap_or_else(PoisonError::into_inner).push(change);
    }
}

/// All tenants' rows, by narrow functions. Cheap to clone.
#[derive(Debug, Clone)]
pub struct SystemStore {
    pub(super) shared: Arc<Shared>,
}

impl SystemStore {
    /// For single statements.
    pub(super) fn db(&self) -> &DatabaseConnection {
        &self.shared.system
    }

    /// What changes from now on, as [`super::Database::changes`] tells it.
    #[must_use]
    pub fn changes(&self) -> broadcast::Receiver<Change> {
        self.shared.changes.subscribe()
    }

    /// Answers when the database does and takes writes, as far as it tells.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn ping(&self) -> Result<(), StoreError> {
        dialect::ping(self.db()).await.map_err(StoreError::Unavailable)
    }

    /// Whether the database is known not to take writes.
    #[must_use]
    pub fn is_away(&self) -> bool {
        self.shared.is_away.load(Ordering::Relaxed)
    }

    /// Notes that the database takes no writes, or that it does again. Returns what was known before.
    pub fn note_away(&self, is_away: bool) -> bool {
        self.shared.is_away.swap(is_away, Ordering::Relaxed)
    }

    /// This batch's turn to write, for as long as it is held. `None` where writers need none.
    pub(super) async fn writer_turn(&self) -> Option<tokio::sync::MutexGuard<'_, ()>> {
        if dialect::has_policies(self.db()) { None } else { Some(self.shared.writing.lock().await) }
    }

    /// A reading transaction of the system's on a connection of the tenants'.
    pub(super) async fn read_beside_calls(&self) -> Result<Transaction, StoreError> {
        if dialect::has_policies(&self.shared.tenants) {
            let pool = self.shared.tenants.get_postgres_connection_pool();
            let reading = Reading::begin_as_system(pool, Arc::clone(&self.shared.statements)).await?;
            return Ok(Transaction::Reading(reading));
        }
        let pool = self.shared.tenants.clone();
        let opening = tokio::spawn(async move { pool.begin().await });
        Ok(Transaction::Begun(opening.await.map_err(|lost| begin_was_lost(&lost))??))
    }

    /// For what must be kept whole; rolled back when dropped.
    pub(super) async fn begin(&self) -> Result<DatabaseTransaction, StoreError> {
        begin(self.shared.system.clone()).await
    }
}

/// Begins a writing transaction in a task of its own.
pub(super) async fn begin(pool: DatabaseConnection) -> Result<DatabaseTransaction, StoreError> {
    let opening = tokio::spawn(async move { begin_unbroken(&pool).await });
    Ok(opening.await.map_err(|lost| begin_was_lost(&lost))??)
}

async fn begin_unbroken(pool: &DatabaseConnection) -> Result<DatabaseTransaction, DbErr> {
    again(dialect::most_connections(pool), || dialect::begin_write(pool)).await
}

/// Repeats what begins a transaction as long as it meets connections that broke while they lay in the pool, as after a
/// restart of the database: nothing was asked of them yet. There are at most so many.
async fn again<T, F>(pooled: u32, begin: impl Fn() -> F) -> Result<T, DbErr>
where
    F: Future<Output = Result<T, DbErr>>,
{
    for _ in 0..pooled {
        match begin().await {
            Err(error) if has_broken(&error) => {}
            other => return other,
        }
    }
    begin().await
}
