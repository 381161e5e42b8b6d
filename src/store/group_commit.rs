//! Group commit: writes that arrive together are committed in one transaction.
//!
//! A queue writes one batch at a time. Items submitted meanwhile form the next batch, so a lone caller waits
//! for nobody, no timer is involved, and each write costs less as load grows. Always writing two batches in
//! parallel was measured: batches are half as large and each call costs Postgres a third more. A queue whose
//! [`Batched::IS_ORDERED`] is `false` therefore starts a second writer only while [`SECOND_WRITER_AT`] items
//! wait, as happens where a disk flush takes long. A caller gets its result only after its batch is committed.
//!
//! If the database rejects a batch, its items are written one by one, so that only the item at fault fails.
//! An item whose caller has stopped waiting is not written. At most [`MAX_WAITING`] items wait.
//!
//! A slow database gets smaller batches: as many items as it recently wrote in [`BATCH_TIME`]. If more comes
//! in than it writes, the queue grows. Once the oldest item has waited for [`MAX_QUEUE_WAIT`], new items are
//! rejected at once ([`StoreError::Busy`]), while the caller still has time for another answer. The database
//! thus works only for callers that still wait.

use std::collections::VecDeque;
use std::fmt;
use std::future::Future;
use std::panic::AssertUnwindSafe;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures_util::FutureExt;
use sea_orm::{DbErr, RuntimeErr};
use tokio::sync::{oneshot, watch};
use tokio::time::{Instant, timeout};

use super::{Shared, StoreError, SystemStore};

/// Maximum items in a batch. A larger batch gains little and delays its first caller.
const MAX_BATCH: usize = 256;
/// Maximum items in the queue. More are rejected with [`StoreError::Busy`].
const MAX_WAITING: usize = 10_000;
/// Number of waiting items that starts a second writer.
const SECOND_WRITER_AT: usize = 16;
/// Time limit for writing one batch.
const BATCH_TIMEOUT: Duration = Duration::from_secs(5);
/// Target duration of one batch. The next batch waits as long, so it is far below a caller's deadline.
const BATCH_TIME: Duration = Duration::from_millis(300);
/// Age of the oldest item above which new items are rejected. With the batch before and its own, an item that
/// is accepted is written within the 2.5 s that a caller waits for the database.
const MAX_QUEUE_WAIT: Duration = Duration::from_millis(1500);

/// An item that is written in batches.
pub(super) trait Batched: Send + Sync + Sized + 'static {
    /// Result for the caller once the item is written.
    type Done: Send + 'static;
    /// Whether items must be written in the order in which they were submitted.
    const IS_ORDERED: bool = true;
    /// Whether a successful write proves that the database takes writes.
    const IS_DURABLE: bool = true;

    /// The queue of items of this type.
    fn queue(shared: &Shared) -> &CommitQueue<Self>;

    /// Writes a batch in one transaction. Returns one result for each item, in the same order.
    ///
    /// # Errors
    /// [`StoreError`]: nothing of the batch was written.
    fn write(
        store: &SystemStore,
        batch: &[Self],
    ) -> impl Future<Output = Result<Vec<Self::Done>, StoreError>> + Send;
}

/// A queue and the tasks that write its items: none while it is empty, else one or two.
pub(super) struct CommitQueue<T: Batched> {
    queue: Mutex<Queue<T>>,
    /// Number of items that have left the queue, written or not.
    done: watch::Sender<u64>,
}

struct Queue<T: Batched> {
    waiting: VecDeque<Waiting<T>>,
    /// Number of items ever submitted.
    submitted: u64,
    /// Number of running writer tasks.
    writers: usize,
    /// Recent average time to write one item.
    cost: Duration,
}

struct Waiting<T: Batched> {
    item: T,
    reply: ReplySender<T>,
    since: Instant,
}

/// Where the result is sent; `None` if nobody waits for it.
type ReplySender<T> = Option<oneshot::Sender<Result<<T as Batched>::Done, StoreError>>>;

impl<T: Batched> Default for CommitQueue<T> {
    fn default() -> Self {
        let queue = Queue { waiting: VecDeque::new(), submitted: 0, writers: 0, cost: Duration::ZERO };
        Self { queue: Mutex::new(queue), done: watch::Sender::new(0) }
    }
}

impl<T: Batched> fmt::Debug for CommitQueue<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CommitQueue").field("waiting", &self.lock().waiting.len()).finish_non_exhaustive()
    }
}

impl<T: Batched> CommitQueue<T> {
    fn lock(&self) -> MutexGuard<'_, Queue<T>> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until every item submitted before this call is written or has failed. Valid for ordered queues only.
    pub(super) async fn flushed(&self) {
        // A count is enough: items leave an ordered queue in the order in which they came.
        let submitted = self.lock().submitted;
        // Cannot fail: the sender lives as long as the queue.
        let _ = self.done.subscribe().wait_for(|done| *done >= submitted).await;
    }

    fn mark_done(&self, items: usize) {
        self.done.send_modify(|done| *done += items as u64);
    }

    /// Whether all submitted items have left the queue and no batch is being written.
    pub(super) fn is_idle(&self) -> bool {
        self.lock().writers == 0
    }

    /// Number of items that the database currently writes within [`BATCH_TIME`].
    pub(super) fn batch_size(&self) -> usize {
        self.lock().batch_size()
    }

    /// Whether the oldest item has waited longer than [`MAX_QUEUE_WAIT`].
    pub(super) fn is_slow(&self) -> bool {
        self.lock().is_slow()
    }

    /// Queues items. Returns whether the caller must start a writer task.
    fn add(&self, items: impl IntoIterator<Item = Waiting<T>>, is_urgent: bool) -> Result<bool, StoreError> {
        let mut queue = self.lock();
        // Background items have no caller that needs another answer: a slow queue still takes them.
        if queue.waiting.len() >= MAX_WAITING || is_urgent && queue.is_slow() {
            return Err(StoreError::Busy);
        }
        let before = queue.waiting.len();
        queue.waiting.extend(items);
        queue.submitted += (queue.waiting.len() - before) as u64;
        let needs_writer = queue.needs_writer();
        // Counted before its task runs, so that the next caller does not start another one.
        queue.writers += usize::from(needs_writer);
        Ok(needs_writer)
    }

    /// Takes a writer's next batch and drops items whose callers have stopped waiting. `None`: the writer must end.
    fn next_batch(&self) -> Option<Vec<Waiting<T>>> {
        let mut queue = self.lock();
        let before = queue.waiting.len();
        queue.waiting.retain(|waiting| waiting.reply.as_ref().is_none_or(|reply| !reply.is_closed()));
        self.mark_done(before - queue.waiting.len());
        // Counted out while it looks for work: it must not take itself for another writer.
        queue.writers -= 1;
        if !queue.needs_writer() {
            return None;
        }
        queue.writers += 1;
        let size = queue.waiting.len().min(queue.batch_size());
        Some(queue.waiting.drain(..size).collect())
    }

    /// Updates the average cost of an item. The last batch counts half, so that one on a stalled
    /// disk is soon outweighed.
    fn record_cost(&self, items: usize, took: Duration) {
        let mut queue = self.lock();
        queue.cost = (queue.cost + took / u32::try_from(items).unwrap_or(u32::MAX).max(1)) / 2;
    }
}

impl<T: Batched> Queue<T> {
    /// Whether the waiting items justify one more writer.
    fn needs_writer(&self) -> bool {
        match self.writers {
            0 => !self.waiting.is_empty(),
            1 => !T::IS_ORDERED && self.waiting.len() >= SECOND_WRITER_AT,
            _ => false,
        }
    }

    fn batch_size(&self) -> usize {
        let fit = BATCH_TIME.as_nanos() / self.cost.as_nanos().max(1);
        usize::try_from(fit).map_or(MAX_BATCH, |fit| fit.clamp(1, MAX_BATCH))
    }

    fn is_slow(&self) -> bool {
        self.waiting.front().is_some_and(|oldest| oldest.since.elapsed() > MAX_QUEUE_WAIT)
    }
}

impl SystemStore {
    /// Writes an item in the next batch and returns once it is committed. An item whose caller stops waiting
    /// before the batch starts is not written.
    ///
    /// # Errors
    /// [`StoreError`] of this item, never of another in the batch. [`StoreError::Unavailable`] if the outcome
    /// is unknown; [`StoreError::Busy`] if the item would wait too long.
    pub(super) async fn write_batched<T: Batched>(&self, item: T) -> Result<T::Done, StoreError> {
        let (reply, replied) = oneshot::channel();
        self.submit([Waiting { item, reply: Some(reply), since: Instant::now() }], true)?;
        replied.await.unwrap_or_else(|_| Err(unavailable("the server is shutting down")))
    }

    /// Queues items to be written in the background. Failures are not reported.
    ///
    /// # Errors
    /// [`StoreError::Busy`] if too many items wait.
    pub(super) fn write_later<T: Batched>(
        &self,
        items: impl IntoIterator<Item = T>,
    ) -> Result<(), StoreError> {
        let since = Instant::now();
        self.submit(items.into_iter().map(|item| Waiting { item, reply: None, since }), false)
    }

    fn submit<T: Batched>(
        &self,
        items: impl IntoIterator<Item = Waiting<T>>,
        is_urgent: bool,
    ) -> Result<(), StoreError> {
        if T::queue(&self.shared).add(items, is_urgent)? {
            // Items of calls join the queue later, so its task may use the connections reserved for calls.
            tokio::spawn(run_writer::<T>(self.for_calls()));
        }
        Ok(())
    }
}

async fn run_writer<T: Batched>(store: SystemStore) {
    while let Some(batch) = T::queue(&store.shared).next_batch() {
        let size = batch.len();
        let (items, replies): (Vec<T>, Vec<_>) =
            batch.into_iter().map(|waiting| (waiting.item, waiting.reply)).unzip();
        let began = Instant::now();
        let written = write(&store, &items).await;
        // An unreachable database is detected elsewhere, and the time it took says nothing about an item's cost.
        if !matches!(&written, Err(StoreError::Unavailable(_))) {
            T::queue(&store.shared).record_cost(size, began.elapsed());
        }
        match written {
            Ok(done) => {
                if T::IS_DURABLE {
                    // Spares a probe of the database: see `CallRecords::is_alive`.
                    store.note_write();
                }
                for (reply, done) in replies.into_iter().zip(done) {
                    send::<T>(reply, Ok(done));
                }
            }
            // A lone item is retried only if another transaction caused the abort: any other error would repeat.
            Err(error) if error.is_conflict() || items.len() > 1 && error.is_limited_to_statement() => {
                write_one_by_one(&store, &items, replies).await;
            }
            Err(error) => {
                for reply in replies {
                    send::<T>(reply, Err(error.clone()));
                }
            }
        }
        T::queue(&store.shared).mark_done(size);
    }
}

fn send<T: Batched>(reply: ReplySender<T>, done: Result<T::Done, StoreError>) {
    if let Some(reply) = reply {
        // Fails only if the caller has stopped waiting.
        let _ = reply.send(done);
    }
}

/// Writes each item of a rejected batch in a transaction of its own, except items whose callers have stopped
/// waiting. Once the database is unavailable or the time limit has passed, the rest fails without an attempt.
async fn write_one_by_one<T: Batched>(store: &SystemStore, items: &[T], replies: Vec<ReplySender<T>>) {
    let (mut fatal, until) = (None, Instant::now() + BATCH_TIMEOUT);
    for (item, reply) in items.iter().zip(replies) {
        if reply.as_ref().is_some_and(oneshot::Sender::is_closed) {
            continue;
        }
        let written = match &fatal {
            Some(error) => Err(StoreError::clone(error)),
            None if Instant::now() >= until => Err(StoreError::Busy),
            None => write(store, std::slice::from_ref(item)).await,
        };
        if let Err(error) = &written
            && !error.is_limited_to_statement()
        {
            fatal = Some(error.clone());
        }
        let one = written.and_then(|mut done| done.pop().ok_or_else(|| unavailable("a result is missing")));
        send::<T>(reply, one);
    }
}

/// Writes a batch, and retries if its connection was broken: items are idempotent. A panic is caught, since a
/// dead writer would stall the queue for every later caller.
async fn write<T: Batched>(store: &SystemStore, items: &[T]) -> Result<Vec<T::Done>, StoreError> {
    let unbroken = store.db().retry_broken(|| T::write(store, items));
    let written = AssertUnwindSafe(unbroken).catch_unwind();
    match timeout(BATCH_TIMEOUT, written).await {
        Ok(Ok(Ok(done))) if done.len() != items.len() => Err(unavailable("results are missing")),
        Ok(Ok(written)) => written,
        // A panic blames one item: the others are then written one by one.
        Ok(Err(_panic)) => Err(StoreError::Database(DbErr::Custom("the write panicked".to_owned()))),
        // Slow or unavailable: the caller finds out by a probe.
        Err(_elapsed) => Err(StoreError::Busy),
    }
}

fn unavailable(why: &str) -> StoreError {
    StoreError::Unavailable(DbErr::Conn(RuntimeErr::Internal(why.to_owned())))
}
