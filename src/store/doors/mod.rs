//! The two doors: how each is opened, and what keeps a lost caller from leaving one ajar.
//!
//! sqlx 0.9 puts an SQLite connection whose BEGIN was abandoned back into its pool with the transaction open. Hence the
//! ORM's transactions begin in a task of their own: if nobody waits for one any more, the finished transaction is dropped,
//! which rolls it back. Sessions of Postgres see to that themselves ([`connections`]).

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
use super::{Change, Shared, StoreError, Topic, Watcher, dialect, error::begin_was_lost};
use crate::domain::{Author, TenantId};

pub(super) use self::connections::Connections;
pub(super) use self::liveness::Doubts;
pub(super) use self::pool::Pool;
pub(super) use self::transaction::Transaction;

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
        let purpose =
            if author.is_some() { Purpose::WriteAsTenant(tenant) } else { Purpose::ReadAsTenant(tenant) };
        let transaction = begin_for(&shared.tenants, purpose).await?;
        Ok(Self { transaction, tenant, shared, author, untold: Mutex::default() })
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
        if self.author.is_some() {
            self.transaction.commit().await?;
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
    pub(super) work: SystemWork,
}

/// What a [`SystemStore`] is used for, and so how many of the system's connections it may hold.
#[derive(Debug, Clone, Copy)]
pub(super) enum SystemWork {
    /// Calls: all of them.
    Calls,
    /// Workers and operators: half of them, so that calls always find some free.
    Background,
}

impl SystemStore {
    /// For single statements.
    pub(super) fn db(&self) -> &Pool {
        match self.work {
            SystemWork::Calls => &self.shared.system,
            SystemWork::Background => &self.shared.background,
        }
    }

    /// The same store with the connections of calls.
    pub(super) fn for_calls(&self) -> Self {
        Self { shared: Arc::clone(&self.shared), work: SystemWork::Calls }
    }

    /// What changes of a topic from now on, as [`super::Database::watch`] tells it.
    #[must_use]
    pub fn watch(&self, topic: Topic) -> Watcher {
        self.shared.changes.watch(topic)
    }

    /// Answers when the database does and takes writes, as far as it tells.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn ping(&self) -> Result<(), StoreError> {
        self.db().ping().await.map_err(StoreError::Unavailable)
    }

    /// Notes that the database has kept something.
    pub(super) fn note_kept(&self) {
        *self.shared.kept_at.lock().unwrap_or_else(PoisonError::into_inner) = Some(Instant::now());
    }

    /// Whether the database has kept something of ours in the time that has passed since `within` ago.
    #[must_use]
    pub fn has_kept(&self, within: Duration) -> bool {
        let kept_at = *self.shared.kept_at.lock().unwrap_or_else(PoisonError::into_inner);
        kept_at.is_some_and(|at| at.elapsed() < within)
    }

    /// Has the database keep something, even if every connection of the pools is taken.
    ///
    /// # Errors
    /// [`StoreError`]: the database is away.
    pub async fn try_out(&self, within: Duration) -> Result<(), StoreError> {
        Ok(dialect::try_out(self.db(), Instant::now() + within).await?)
    }

    /// How many entries of each kind the database records in one go: calls, answers, reports.
    #[must_use]
    pub fn batch_size(&self) -> usize {
        let Shared { answered_calls, answers, reports, .. } = &*self.shared;
        answered_calls.batch_size().min(answers.batch_size()).min(reports.batch_size())
    }

    /// Whether calls wait for long to be admitted.
    #[must_use]
    pub fn is_slow(&self) -> bool {
        self.shared.admissions.is_slow()
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
        begin_for(&self.shared.tenants, Purpose::ReadAsSystem).await
    }

    /// For what must be kept whole; rolled back when dropped.
    pub(super) async fn begin(&self) -> Result<Transaction, StoreError> {
        begin(self.db()).await
    }
}

/// Begins a writing transaction.
pub(super) async fn begin(pool: &Pool) -> Result<Transaction, StoreError> {
    begin_for(pool, Purpose::Write).await
}

/// Begins a transaction as a tenant that may be none, to see what it may.
pub(super) async fn begin_as(pool: &Pool, tenant: TenantId) -> Result<Transaction, StoreError> {
    begin_for(pool, Purpose::WriteAsTenant(tenant)).await
}

/// Begins a transaction, the ORM's in a task of its own.
async fn begin_for(pool: &Pool, purpose: Purpose) -> Result<Transaction, StoreError> {
    if dialect::has_policies(pool) {
        return Ok(pool.begin(purpose).await?);
    }
    let pool = pool.clone();
    let opening = tokio::spawn(async move { pool.begin(purpose).await });
    Ok(opening.await.map_err(|lost| begin_was_lost(&lost))??)
}
