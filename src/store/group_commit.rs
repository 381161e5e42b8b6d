//! Group commit: what many callers want written at the same moment is written in one transaction.
//!
//! A lane writes one batch at a time. Whatever is handed in meanwhile is the next batch, so a lone caller waits for nobody, no
//! timer is involved, and the busier the server is the less each write costs. Two batches at a time, always, were
//! measured: they are half as large and cost Postgres a third more for each call. A lane with [`Batched::IS_ORDERED`]
//! false therefore writes a second batch only while [`BESIDE`] items wait, as they do where a flush of the disk takes long. A
//! caller gets its answer only after its batch is committed.
//!
//! A batch that the database rejects is written again item by item, so that only the item at fault fails. An item whose
//! caller has stopped waiting is not written, and at most [`MAX_WAITING`] items wait.
//!
//! A slow database gets smaller batches: as many items as it has lately written in [`BATCH_TIME`]. If it takes less than comes
//! in, the queue grows; once its oldest item has waited for [`LONGEST_WAIT`], whoever would wait behind it is turned away at
//! once ([`StoreError::Busy`]), while there is time for another answer. So the database works for callers who still wait.

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

/// Items of one batch: a larger one gains little and keeps its first caller waiting.
const MAX_BATCH: usize = 256;
/// Items that wait for their batch; more are turned away.
const MAX_WAITING: usize = 10_000;
/// Items that are worth a second batch beside the one that is being written.
const BESIDE: usize = 16;
/// How long the database may take for one batch.
const PATIENCE: Duration = Duration::from_secs(5);
/// How long a batch should take at most: the next one waits as long. Far below a caller's deadline.
const BATCH_TIME: Duration = Duration::from_millis(300);
/// How long the oldest item may have waited when another joins the queue: with a batch before and its own, the other is written
/// within the 2.5 s that a caller waits for the database.
const LONGEST_WAIT: Duration = Duration::from_millis(1500);

/// Something that is written in batches.
pub(super) trait Batched: Send + Sync + Sized + 'static {
    /// What the caller learns once it is written.
    type Done: Send + 'static;
    /// Whether items are to be written in the order they are handed in.
    const IS_ORDERED: bool = true;
    /// Whether writing it has the database keep something.
    const IS_KEPT: bool = true;

    /// Its lane.
    fn lane(shared: &Shared) -> &Lane<Self>;

    /// Writes a batch in one transaction. Returns one answer for each item, in the same order.
    ///
    /// # Errors
    /// [`StoreError`]: nothing of the batch was written.
    fn write(
        store: &SystemStore,
        batch: &[Self],
    ) -> impl Future<Output = Result<Vec<Self::Done>, StoreError>> + Send;
}

/// A queue, worked off by one task while there is something in it, or by two.
pub(super) struct Lane<T: Batched> {
    queue: Mutex<Queue<T>>,
    /// How many items have left it, written or not.
    done: watch::Sender<u64>,
}

struct Queue<T: Batched> {
    waiting: VecDeque<Waiting<T>>,
    /// How many items ever came in.
    handed_in: u64,
    /// How many tasks work it off.
    writers: usize,
    /// What one item has cost lately.
    cost: Duration,
}

struct Waiting<T: Batched> {
    item: T,
    answer: Answer<T>,
    since: Instant,
}

/// Where the answer goes; `None` where nobody waits for one.
type Answer<T> = Option<oneshot::Sender<Result<<T as Batched>::Done, StoreError>>>;

impl<T: Batched> Default for Lane<T> {
    fn default() -> Self {
        let queue = Queue { waiting: VecDeque::new(), handed_in: 0, writers: 0, cost: Duration::ZERO };
        Self { queue: Mutex::new(queue), done: watch::Sender::new(0) }
    }
}

impl<T: Batched> fmt::Debug for Lane<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Lane").field("waiting", &self.lock().waiting.len()).finish_non_exhaustive()
    }
}

impl<T: Batched> Lane<T> {
    fn lock(&self) -> MutexGuard<'_, Queue<T>> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns once whatever was handed in before is written, or has failed. Of an ordered lane only.
    pub(super) async fn settled(&self) {
        let handed_in = self.lock().handed_in;
        // The sender lives as long as the lane.
        let _ = self.done.subscribe().wait_for(|done| *done >= handed_in).await;
    }

    fn are_done(&self, items: usize) {
        self.done.send_modify(|done| *done += items as u64);
    }

    /// Whether everything that was handed in is written.
    pub(super) fn is_idle(&self) -> bool {
        self.lock().writers == 0
    }

    /// How many items the database writes in one go without anybody waiting long.
    pub(super) fn batch_size(&self) -> usize {
        self.lock().batch_size()
    }

    /// Whether an item would wait for long.
    pub(super) fn is_slow(&self) -> bool {
        self.lock().is_slow()
    }

    /// Queues items. Returns whether a task is to be started that works them off.
    fn add(&self, items: impl IntoIterator<Item = Waiting<T>>, is_urgent: bool) -> Result<bool, StoreError> {
        let mut queue = self.lock();
        if queue.waiting.len() >= MAX_WAITING || is_urgent && queue.is_slow() {
            return Err(StoreError::Busy);
        }
        let before = queue.waiting.len();
        queue.waiting.extend(items);
        queue.handed_in += (queue.waiting.len() - before) as u64;
        let is_worth_one = queue.is_worth_a_writer();
        queue.writers += usize::from(is_worth_one);
        Ok(is_worth_one)
    }

    /// A task's next batch, without items whose callers have gone away. `None`: the task is to end.
    fn next_batch(&self) -> Option<Vec<Waiting<T>>> {
        let mut queue = self.lock();
        let before = queue.waiting.len();
        queue.waiting.retain(|waiting| waiting.answer.as_ref().is_none_or(|answer| !answer.is_closed()));
        self.are_done(before - queue.waiting.len());
        queue.writers -= 1;
        if !queue.is_worth_a_writer() {
            return None;
        }
        queue.writers += 1;
        let size = queue.waiting.len().min(queue.batch_size());
        Some(queue.waiting.drain(..size).collect())
    }

    /// So many items took so long. A single slow batch, on a disk that stalled, is half forgotten after the next.
    fn note_cost(&self, items: usize, took: Duration) {
        let mut queue = self.lock();
        queue.cost = (queue.cost + took / u32::try_from(items).unwrap_or(u32::MAX).max(1)) / 2;
    }
}

impl<T: Batched> Queue<T> {
    /// Whether what waits is worth another task than those there are.
    fn is_worth_a_writer(&self) -> bool {
        match self.writers {
            0 => !self.waiting.is_empty(),
            1 => !T::IS_ORDERED && self.waiting.len() >= BESIDE,
            _ => false,
        }
    }

    fn batch_size(&self) -> usize {
        let fit = BATCH_TIME.as_nanos() / self.cost.as_nanos().max(1);
        usize::try_from(fit).map_or(MAX_BATCH, |fit| fit.clamp(1, MAX_BATCH))
    }

    fn is_slow(&self) -> bool {
        self.waiting.front().is_some_and(|oldest| oldest.since.elapsed() > LONGEST_WAIT)
    }
}

impl SystemStore {
    /// Has an item written with whatever else waits, and returns when that is committed. An item whose caller stops
    /// waiting before its batch begins is not written.
    ///
    /// # Errors
    /// [`StoreError`]: its own, never another item's; `Unavailable` when the outcome is unknown; `Busy` when it would wait for
    /// too long.
    pub(super) async fn write_batched<T: Batched>(&self, item: T) -> Result<T::Done, StoreError> {
        let (answer, answered) = oneshot::channel();
        self.hand_in([Waiting { item, answer: Some(answer), since: Instant::now() }], true)?;
        answered.await.unwrap_or_else(|_| Err(away("the server is shutting down")))
    }

    /// Has items written in the background, with whatever else waits. Nobody learns what became of them.
    ///
    /// # Errors
    /// [`StoreError`] when too many wait.
    pub(super) fn write_later<T: Batched>(
        &self,
        items: impl IntoIterator<Item = T>,
    ) -> Result<(), StoreError> {
        let since = Instant::now();
        self.hand_in(items.into_iter().map(|item| Waiting { item, answer: None, since }), false)
    }

    fn hand_in<T: Batched>(
        &self,
        items: impl IntoIterator<Item = Waiting<T>>,
        is_urgent: bool,
    ) -> Result<(), StoreError> {
        if T::lane(&self.shared).add(items, is_urgent)? {
            // Whoever handed the first item in, calls wait for what is in a lane.
            tokio::spawn(work_off::<T>(self.for_calls()));
        }
        Ok(())
    }
}

async fn work_off<T: Batched>(store: SystemStore) {
    while let Some(batch) = T::lane(&store.shared).next_batch() {
        let size = batch.len();
        let (items, answers): (Vec<T>, Vec<_>) =
            batch.into_iter().map(|waiting| (waiting.item, waiting.answer)).unzip();
        let began = Instant::now();
        let written = write(&store, &items).await;
        // A database that answers nothing at all is found out otherwise, and says nothing of an item's cost.
        if !matches!(&written, Err(StoreError::Unavailable(_))) {
            T::lane(&store.shared).note_cost(size, began.elapsed());
        }
        match written {
            Ok(done) => {
                if T::IS_KEPT {
                    store.note_kept();
                }
                for (answer, done) in answers.into_iter().zip(done) {
                    send::<T>(answer, Ok(done));
                }
            }
            // A lone item is written again only if it lost to another transaction.
            Err(error) if error.has_lost_a_race() || items.len() > 1 && error.is_of_one_statement() => {
                one_by_one(&store, &items, answers).await;
            }
            Err(error) => {
                for answer in answers {
                    send::<T>(answer, Err(error.clone()));
                }
            }
        }
        T::lane(&store.shared).are_done(size);
    }
}

fn send<T: Batched>(answer: Answer<T>, done: Result<T::Done, StoreError>) {
    if let Some(answer) = answer {
        // A caller that has stopped waiting does not hear it.
        let _ = answer.send(done);
    }
}

/// Writes the items of a rejected batch each in a transaction of its own, but for those whose callers have stopped waiting.
/// Once the database is away, or the time of a batch is over, the rest is not tried.
async fn one_by_one<T: Batched>(store: &SystemStore, items: &[T], answers: Vec<Answer<T>>) {
    let (mut is_away, until) = (None, Instant::now() + PATIENCE);
    for (item, answer) in items.iter().zip(answers) {
        if answer.as_ref().is_some_and(oneshot::Sender::is_closed) {
            continue;
        }
        let written = match &is_away {
            Some(error) => Err(StoreError::clone(error)),
            None if Instant::now() >= until => Err(StoreError::Busy),
            None => write(store, std::slice::from_ref(item)).await,
        };
        if let Err(error) = &written
            && !error.is_of_one_statement()
        {
            is_away = Some(error.clone());
        }
        let one = written.and_then(|mut done| done.pop().ok_or_else(|| away("an answer is missing")));
        send::<T>(answer, one);
    }
}

/// Writes a batch, again if its connection was broken: written twice, an item is the same. Whatever happens in there, the lane
/// goes on: it would otherwise stop for all callers to come.
async fn write<T: Batched>(store: &SystemStore, items: &[T]) -> Result<Vec<T::Done>, StoreError> {
    let unbroken = store.db().again(|| T::write(store, items));
    let written = AssertUnwindSafe(unbroken).catch_unwind();
    match timeout(PATIENCE, written).await {
        Ok(Ok(Ok(done))) if done.len() != items.len() => Err(away("answers are missing")),
        Ok(Ok(written)) => written,
        // Of one item: the others of its batch are written by themselves.
        Ok(Err(_panic)) => Err(StoreError::Database(DbErr::Custom("the write panicked".to_owned()))),
        Err(_elapsed) => Err(StoreError::Busy),
    }
}

fn away(why: &str) -> StoreError {
    StoreError::Unavailable(DbErr::Conn(RuntimeErr::Internal(why.to_owned())))
}
