//! The two stores: how transactions are opened, and how an abandoned one is rolled back.
//!
//! sqlx 0.9 returns an SQLite connection whose `BEGIN` was cancelled to its pool with the transaction open.
//! ORM transactions therefore begin in a task of their own: if the caller is gone, the finished transaction
//! is dropped, which rolls it back. Postgres sessions handle cancellation themselves ([`connections`]).

mod connections;
mod liveness;
mod meters;
mod pool;
mod transaction;

use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use sea_orm::DbErr;

use self::pool::Purpose;
use super::{Change, Shared, StoreError, Topic, Watcher, dialect, error::begin_task_dropped};
use crate::domain::{Actor, Author, TenantId};

pub(super) use self::connections::Connections;
pub(super) use self::liveness::LivenessProbe;
pub(super) use self::pool::Pool;
pub(super) use self::transaction::Transaction;

/// One tenant's rows, in one transaction that all resolvers of a query share. Statements run one at a time.
#[derive(Debug)]
pub struct TenantStore {
    pub(super) transaction: Transaction,
    pub(super) tenant: TenantId,
    pub(super) shared: Arc<Shared>,
    /// Author of changes; `None` for a read-only store.
    author: Option<Author>,
    unpublished: Mutex<Vec<Change>>,
}

impl TenantStore {
    pub(super) async fn open(
        shared: Arc<Shared>,
        tenant: TenantId,
        author: Option<Author>,
    ) -> Result<Self, StoreError> {
        let purpose =
            if author.is_some() { Purpose::WriteAsTenant(tenant) } else { Purpose::ReadAsTenant(tenant) };
        let transaction = begin_for(&shared.tenants, purpose).await?;
        Ok(Self { transaction, tenant, shared, author, unpublished: Mutex::default() })
    }

    /// The tenant whose rows are visible.
    #[must_use]
    pub fn tenant_id(&self) -> TenantId {
        self.tenant
    }

    /// Commits the transaction and then publishes its changes to watchers.
    ///
    /// # Errors
    /// [`StoreError`]: nothing was committed, or the outcome is unknown because the connection broke during `COMMIT`.
    pub async fn commit(self) -> Result<(), StoreError> {
        // A read needs no commit: it is rolled back in the background when it is dropped, and nobody waits for
        // that.
        if self.author.is_some() {
            self.transaction.commit().await?;
        }
        // After the commit: a watcher that re-reads earlier would still see the old rows.
        for change in self.unpublished.into_inner().unwrap_or_else(PoisonError::into_inner) {
            self.shared.publish(change);
        }
        Ok(())
    }

    /// Whether this store may write. Rows read one at a time are then locked until the transaction ends.
    pub(super) fn is_writing(&self) -> bool {
        self.author.is_some()
    }

    /// Author of this transaction's changes.
    ///
    /// # Errors
    /// [`StoreError::Database`] if the store is read-only.
    pub(super) fn author(&self) -> Result<&Author, StoreError> {
        let reading = || StoreError::Database(DbErr::Custom("this transaction is read-only".to_owned()));
        self.author.as_ref().ok_or_else(reading)
    }

    /// Publishes a change once the transaction is committed.
    pub(super) fn publish_on_commit(&self, change: Change) {
        self.unpublished.lock().unwrap_or_else(PoisonError::into_inner).push(change);
    }
}

/// Narrow functions over all tenants' rows. Cheap to clone.
#[derive(Debug, Clone)]
pub struct SystemStore {
    pub(super) shared: Arc<Shared>,
    pub(super) work: SystemWork,
}

/// Purpose of a [`SystemStore`], which limits the system connections it may hold.
#[derive(Debug, Clone, Copy)]
pub(super) enum SystemWork {
    /// Answering calls. May hold all connections.
    Calls,
    /// Workers and operators. May hold half of the connections, so that calls always find some free.
    Background,
}

impl SystemStore {
    /// Connections for statements outside a transaction.
    pub(super) fn db(&self) -> &Pool {
        match self.work {
            SystemWork::Calls => &self.shared.system,
            SystemWork::Background => &self.shared.background,
        }
    }

    /// The same store, with the connections reserved for calls.
    pub(super) fn for_calls(&self) -> Self {
        Self { shared: Arc::clone(&self.shared), work: SystemWork::Calls }
    }

    /// Subscribes to a topic, like [`super::Database::watch`].
    #[must_use]
    pub fn watch(&self, topic: Topic) -> Watcher {
        self.shared.changes.watch(topic)
    }

    /// Succeeds if the database answers and does not report itself as read-only.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] if it does not answer in time or takes no writes.
    pub async fn ping(&self) -> Result<(), StoreError> {
        self.db().ping().await.map_err(StoreError::Unavailable)
    }

    /// Records that the database has just committed a write.
    pub(super) fn note_write(&self) {
        *self.shared.last_write_at.lock().unwrap_or_else(PoisonError::into_inner) = Some(Instant::now());
    }

    /// Whether the database committed a write of this server within this time.
    #[must_use]
    pub fn has_written(&self, within: Duration) -> bool {
        let last_write_at = *self.shared.last_write_at.lock().unwrap_or_else(PoisonError::into_inner);
        last_write_at.is_some_and(|at| at.elapsed() < within)
    }

    /// Makes the database commit a write, on a connection of its own: works even if both pools are exhausted.
    ///
    /// # Errors
    /// [`StoreError`]: the database does not answer or takes no writes.
    pub async fn probe_write(&self, within: Duration) -> Result<(), StoreError> {
        Ok(dialect::probe_write(self.db(), Instant::now() + within).await?)
    }

    /// Number of calls, answers or reports that the database currently records in one batch. The smallest of the three.
    #[must_use]
    pub fn batch_size(&self) -> usize {
        let Shared { answered_calls, answers, reports, .. } = &*self.shared;
        answered_calls.batch_size().min(answers.batch_size()).min(reports.batch_size())
    }

    /// Whether calls currently wait too long for admission.
    #[must_use]
    pub fn is_slow(&self) -> bool {
        self.shared.admissions.is_slow()
    }

    /// Whether the database is known to be unavailable for writes.
    #[must_use]
    pub fn is_unavailable(&self) -> bool {
        // Relaxed: no other memory depends on the flag.
        self.shared.is_unavailable.load(Ordering::Relaxed)
    }

    /// Records whether the database is unavailable for writes. Returns the previous value.
    pub fn set_unavailable(&self, is_unavailable: bool) -> bool {
        self.shared.is_unavailable.swap(is_unavailable, Ordering::Relaxed)
    }

    /// Waits for this batch's turn to write, which lasts until the guard is dropped. `None` on Postgres,
    /// where writers run in parallel.
    pub(super) async fn writer_turn(&self) -> Option<tokio::sync::MutexGuard<'_, ()>> {
        if dialect::has_policies(self.db()) { None } else { Some(self.shared.writing.lock().await) }
    }

    /// Opens a read-only system transaction on a tenant connection, to spare those that answer calls.
    pub(super) async fn begin_read_on_tenant_pool(&self) -> Result<Transaction, StoreError> {
        begin_for(&self.shared.tenants, Purpose::ReadAsSystem).await
    }

    /// Opens a read-write transaction for a tenant, for what the server does by itself. Rolled back unless [`TenantStore::commit`] is
    /// called. Audit events name the server, and `request_id` as their cause.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`], also if no connection becomes free in time.
    pub async fn write_as(&self, tenant: TenantId, request_id: String) -> Result<TenantStore, StoreError> {
        let author = Author { actor: Actor::System, request_id };
        TenantStore::open(Arc::clone(&self.shared), tenant, Some(author)).await
    }

    /// Opens a read-write transaction. Rolled back when dropped.
    pub(super) async fn begin(&self) -> Result<Transaction, StoreError> {
        begin(self.db()).await
    }
}

/// Begins a read-write transaction.
pub(super) async fn begin(pool: &Pool) -> Result<Transaction, StoreError> {
    begin_for(pool, Purpose::Write).await
}

/// Begins a transaction as a tenant that need not exist, to test its privileges.
pub(super) async fn begin_as(pool: &Pool, tenant: TenantId) -> Result<Transaction, StoreError> {
    begin_for(pool, Purpose::WriteAsTenant(tenant)).await
}

/// Begins a transaction; on SQLite in a task of its own, so that a cancelled caller leaves none open.
async fn begin_for(pool: &Pool, purpose: Purpose) -> Result<Transaction, StoreError> {
    if dialect::has_policies(pool) {
        return Ok(pool.begin(purpose).await?);
    }
    let pool = pool.clone();
    // A cancelled caller drops only the handle: `BEGIN` completes, and the transaction is rolled back.
    let opening = tokio::spawn(async move { pool.begin(purpose).await });
    Ok(opening.await.map_err(|lost| begin_task_dropped(&lost))??)
}
