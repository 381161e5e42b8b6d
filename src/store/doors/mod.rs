//! The two doors: how each is opened, and what keeps a lost caller from leaving one ajar.
//!
//! sqlx 0.9 puts a connection whose BEGIN was abandoned back into its pool with the transaction open, so that
//! the next borrower would inherit another tenant's role. Hence a transaction of the ORM's begins in a task of its
//! own: if nobody waits for it any more, the finished transaction is dropped, which rolls it back. A [`reading`] one
//! sees to that itself.

mod meters;
mod pool;
mod reading;

use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, PoisonError};

use sea_orm::DbErr;
use tokio::sync::broadcast;

use self::reading::{Reading, Transaction};
use super::{Change, Shared, StoreError, dialect, error::begin_was_lost};
use crate::domain::{Author, TenantId};

pub(super) use self::meters::Meters;
pub(super) use self::pool::{Pool, Writing};

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
            let reading = Reading::begin_as_tenant(&shared.tenants, tenant).await?;
            let transaction = Transaction::Reading(reading);
            return Ok(Self { transaction, tenant, shared, author, untold: Mutex::default() });
        }
        let opening = tokio::spawn(async move {
            let pool = &shared.tenants;
            let transaction =
                if author.is_some() { pool.begin_write().await? } else { pool.begin_read().await? };
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
    pub(super) fn db(&self) -> &Pool {
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
        self.db().ping().await.map_err(StoreError::Unavailable)
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
            return Ok(Transaction::Reading(Reading::begin_as_system(&self.shared.tenants).await?));
        }
        let pool = self.shared.tenants.clone();
        let opening = tokio::spawn(async move { pool.begin_read().await });
        Ok(Transaction::Begun(opening.await.map_err(|lost| begin_was_lost(&lost))??))
    }

    /// For what must be kept whole; rolled back when dropped.
    pub(super) async fn begin(&self) -> Result<Writing, StoreError> {
        begin(self.shared.system.clone()).await
    }
}

/// Begins a writing transaction in a task of its own.
pub(super) async fn begin(pool: Pool) -> Result<Writing, StoreError> {
    let opening = tokio::spawn(async move { pool.begin_write().await });
    Ok(opening.await.map_err(|lost| begin_was_lost(&lost))??)
}
