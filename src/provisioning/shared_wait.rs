//! Shared waits. Requests that wait for the same agent or operation share one task of this process, which polls the database
//! and claims the work for all of them. The load on the database does not grow with the number of waiting requests.
//!
//! The task polls when work of this process on its subject ends, when a request joins, and every [`POLL_INTERVAL`] for the work
//! of other servers. A request only uses a result read after it joined.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::{Notify, watch};
use tokio::time::{Instant, timeout, timeout_at};

/// Poll interval for the work of other servers.
const POLL_INTERVAL: Duration = Duration::from_secs(1);

/// The shared waits of this process, by subject.
#[derive(Debug)]
pub(super) struct Waits<K, T>(Arc<Mutex<HashMap<K, Arc<Wait<T>>>>>);

#[derive(Debug)]
struct Wait<T> {
    /// The last result, with the number of the read that gave it.
    result: watch::Sender<(u64, Option<T>)>,
    /// Number of reads started.
    begun: AtomicU64,
    asked: Notify,
    ended: Notify,
}

/// The task's side of a shared wait. Dropping it closes the wait, and the next request starts another.
#[derive(Debug)]
pub(super) struct Watch<K: Eq + Hash, T> {
    waits: Waits<K, T>,
    key: K,
    wait: Arc<Wait<T>>,
}

/// A request's side of a shared wait.
#[derive(Debug)]
pub(super) struct Joined<T> {
    result: watch::Receiver<(u64, Option<T>)>,
    /// Number of reads started before the request joined; their results may be too old.
    before: u64,
}

impl<K, T> Default for Waits<K, T> {
    fn default() -> Self {
        Self(Arc::default())
    }
}

impl<K, T> Clone for Waits<K, T> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<K: Copy + Eq + Hash, T> Waits<K, T> {
    /// Joins the wait for `key`. The first request starts the task with `begin`.
    pub(super) fn join(&self, key: K, begin: impl FnOnce(Watch<K, T>)) -> Joined<T> {
        let mut open = self.lock();
        if let Some(wait) = open.get(&key) {
            let joined = wait.join();
            // `notify_one` is remembered while the task is reading; `notify_waiters` would be lost then.
            wait.asked.notify_one();
            return joined;
        }
        let (result, _) = watch::channel((0, None));
        let (asked, ended) = (Notify::new(), Notify::new());
        let wait = Arc::new(Wait { result, begun: AtomicU64::new(0), asked, ended });
        let joined = wait.join();
        open.insert(key, Arc::clone(&wait));
        drop(open);
        begin(Watch { waits: self.clone(), key, wait });
        joined
    }

    /// Wakes the wait for `key` after this process has finished work on it, or a part of it.
    pub(super) fn ended(&self, key: K) {
        if let Some(wait) = self.lock().get(&key) {
            wait.ended.notify_one();
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<K, Arc<Wait<T>>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<T> Wait<T> {
    fn join(&self) -> Joined<T> {
        let result = self.result.subscribe();
        Joined { result, before: self.begun.load(Ordering::SeqCst) }
    }
}

impl<K: Eq + Hash, T> Watch<K, T> {
    /// Starts a read and returns its number.
    pub(super) fn begin_read(&self) -> u64 {
        self.wait.begun.fetch_add(1, Ordering::SeqCst) + 1
    }

    /// Publishes the result of a read to the waiting requests.
    // Not `send`, which drops the result while no request happens to wait.
    pub(super) fn publish(&self, read: u64, result: T) {
        self.wait.result.send_replace((read, Some(result)));
    }

    /// Whether any request waits. If none does, closes the wait.
    pub(super) fn is_wanted(&self) -> bool {
        let mut open = self.waits.0.lock().unwrap_or_else(PoisonError::into_inner);
        // Under the lock that `join` takes: no request can join a wait that is being closed.
        let is_wanted = self.wait.result.receiver_count() > 0;
        if !is_wanted {
            self.close(&mut open);
        }
        is_wanted
    }

    /// Waits until another read is worthwhile, or no request waits any more. Without `on_join`, a new request does not
    /// trigger a read; it waits for the end of the work under way.
    pub(super) async fn changed(&self, on_join: bool) {
        let changed = async {
            tokio::select! {
                () = self.wait.ended.notified() => {}
                () = self.wait.asked.notified(), if on_join => {}
                () = self.wait.result.closed() => {}
            }
        };
        // The timeout is not an error: another server may have made progress.
        let _ = timeout(POLL_INTERVAL, changed).await;
    }

    fn close(&self, open: &mut HashMap<K, Arc<Wait<T>>>) {
        // A later wait for the same key must stay.
        if open.get(&self.key).is_some_and(|wait| Arc::ptr_eq(wait, &self.wait)) {
            open.remove(&self.key);
        }
    }
}

impl<K: Eq + Hash, T> Drop for Watch<K, T> {
    fn drop(&mut self) {
        let mut open = self.waits.0.lock().unwrap_or_else(PoisonError::into_inner);
        // Also after a panic: the next request would otherwise join a wait that nobody serves.
        self.close(&mut open);
    }
}

impl<T> Joined<T> {
    /// Waits until a result satisfies `settles`; `None` if none does by `deadline` or the task has ended.
    pub(super) async fn until<R>(
        mut self,
        deadline: Instant,
        settles: impl Fn(&T) -> Option<R>,
    ) -> Option<R> {
        let before = self.before;
        let mut settled = None;
        let result = self.result.wait_for(|(read, found)| {
            settled = found.as_ref().filter(|_| *read > before).and_then(&settles);
            settled.is_some()
        });
        let is_read = matches!(timeout_at(deadline, result).await, Ok(Ok(_)));
        settled.filter(|_| is_read)
    }
}
