//! Waits that requests share. Requests that wait for the same agent or operation wait behind one task of this process: it
//! looks, and takes part in claiming the work, for all of them. So what waiting costs the database does not grow with the
//! requests that wait.
//!
//! The task looks again when work of this process on its subject ends, when a request begins to wait, and every
//! [`LOOK_EVERY`], for what other servers do. A request only believes a look that was begun after it had joined.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::{Notify, watch};
use tokio::time::{Instant, timeout, timeout_at};

/// How often it is looked at what another server works on.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// The shared waits of this process, by what is waited for.
#[derive(Debug)]
pub(super) struct Waits<K, T>(Arc<Mutex<HashMap<K, Arc<Wait<T>>>>>);

#[derive(Debug)]
struct Wait<T> {
    /// What was seen last, and which look that was.
    seen: watch::Sender<(u64, Option<T>)>,
    /// Looks that were begun.
    begun: AtomicU64,
    asked: Notify,
    ended: Notify,
}

/// The task's end of a shared wait. Dropped, it closes the wait: who comes later begins another.
#[derive(Debug)]
pub(super) struct Watch<K: Eq + Hash, T> {
    waits: Waits<K, T>,
    key: K,
    wait: Arc<Wait<T>>,
}

/// A request's end of a shared wait.
#[derive(Debug)]
pub(super) struct Joined<T> {
    seen: watch::Receiver<(u64, Option<T>)>,
    /// Looks that had begun before.
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
    /// Joins those who wait for `key`; the first has `begin` begin the task.
    pub(super) fn join(&self, key: K, begin: impl FnOnce(Watch<K, T>)) -> Joined<T> {
        let mut open = self.lock();
        if let Some(wait) = open.get(&key) {
            let joined = wait.join();
            wait.asked.notify_one();
            return joined;
        }
        let (seen, _) = watch::channel((0, None));
        let (asked, ended) = (Notify::new(), Notify::new());
        let wait = Arc::new(Wait { seen, begun: AtomicU64::new(0), asked, ended });
        let joined = wait.join();
        open.insert(key, Arc::clone(&wait));
        drop(open);
        begin(Watch { waits: self.clone(), key, wait });
        joined
    }

    /// Work of this process on `key` has come to an end, or a part of it has: whoever waits should look.
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
        let seen = self.seen.subscribe();
        Joined { seen, before: self.begun.load(Ordering::SeqCst) }
    }
}

impl<K: Eq + Hash, T> Watch<K, T> {
    /// Begins a look; returns which it is.
    pub(super) fn look(&self) -> u64 {
        self.wait.begun.fetch_add(1, Ordering::SeqCst) + 1
    }

    /// Shows those who wait what the look found.
    pub(super) fn show(&self, look: u64, seen: T) {
        self.wait.seen.send_replace((look, Some(seen)));
    }

    /// Whether anybody waits. If nobody does, the wait is closed.
    pub(super) fn is_wanted(&self) -> bool {
        let mut open = self.waits.0.lock().unwrap_or_else(PoisonError::into_inner);
        let is_wanted = self.wait.seen.receiver_count() > 0;
        if !is_wanted {
            self.close(&mut open);
        }
        is_wanted
    }

    /// Until there may be something new to see, or nobody waits any more. With `hears_asking` unset, who begins to wait
    /// is content with the end of what is under way.
    pub(super) async fn news(&self, hears_asking: bool) {
        let news = async {
            tokio::select! {
                () = self.wait.ended.notified() => {}
                () = self.wait.asked.notified(), if hears_asking => {}
                () = self.wait.seen.closed() => {}
            }
        };
        // Time running out is a reason to look, too.
        let _ = timeout(LOOK_EVERY, news).await;
    }

    fn close(&self, open: &mut HashMap<K, Arc<Wait<T>>>) {
        if open.get(&self.key).is_some_and(|wait| Arc::ptr_eq(wait, &self.wait)) {
            open.remove(&self.key);
        }
    }
}

impl<K: Eq + Hash, T> Drop for Watch<K, T> {
    fn drop(&mut self) {
        let mut open = self.waits.0.lock().unwrap_or_else(PoisonError::into_inner);
        self.close(&mut open);
    }
}

impl<T> Joined<T> {
    /// Waits until what is seen settles the matter; `None` if it did not by `deadline`, or the task has ended.
    pub(super) async fn until<R>(
        mut self,
        deadline: Instant,
        settles: impl Fn(&T) -> Option<R>,
    ) -> Option<R> {
        let before = self.before;
        let mut settled = None;
        let seen = self.seen.wait_for(|(look, found)| {
            settled = found.as_ref().filter(|_| *look > before).and_then(&settles);
            settled.is_some()
        });
        let is_seen = matches!(timeout_at(deadline, seen).await, Ok(Ok(_)));
        settled.filter(|_| is_seen)
    }
}
