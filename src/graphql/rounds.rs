//! Runs a request's loaders inside the request, in rounds.
//!
//! The library's loaders wait a millisecond on a timer, in a separate task, to collect keys. Here a loader's
//! task is queued in the request. When all resolvers wait, the queue becomes the next round: its tasks run
//! beside the resolvers until the last one is done, and tasks queued meanwhile wait for the next round. Therefore a batch
//! contains every key that was requested before its round started, and no task outlives the request. In a stream no task
//! outlives the item: when the item is handed over, every loader that was started for it is done and holds no transaction.

use std::pin::{Pin, pin};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use async_graphql::runtime::Timer;
use futures_util::future::{BoxFuture, poll_fn, ready};
use futures_util::stream::{self, FuturesUnordered};
use futures_util::task::{FutureObj, Spawn, SpawnError};
use futures_util::{FutureExt, Stream, StreamExt};

/// The loader queue of a request. Cheap to clone.
#[derive(Clone, Default)]
pub(super) struct Rounds(Arc<Mutex<Vec<FutureObj<'static, ()>>>>);

/// Tasks of the current round.
type Round = FuturesUnordered<FutureObj<'static, ()>>;

impl Rounds {
    /// Runs `work` with the loaders that it uses.
    pub(super) async fn run<T>(&self, work: impl Future<Output = T>) -> T {
        let (mut work, mut round) = (pin!(work), Round::new());
        poll_fn(|cx| self.poll(&mut round, cx, |cx| work.as_mut().poll(cx))).await
    }

    /// Runs the stream `work` with the loaders that it uses.
    pub(super) fn stream<S>(self, work: S) -> impl Stream<Item = S::Item> + Send
    where
        S: Stream<Item: Send> + Send + Unpin,
    {
        let (mut work, mut round, mut ready) = (work, Round::new(), None);
        stream::poll_fn(move |cx| {
            if ready.is_none() {
                match self.poll(&mut round, cx, |cx| Pin::new(&mut work).poll_next(cx)) {
                    Poll::Ready(item) => ready = Some(item),
                    Poll::Pending => return Poll::Pending,
                }
            }
            // A field that failed leaves loaders behind that its siblings waited for.
            match self.poll(&mut round, cx, |_| Poll::<()>::Pending) {
                Poll::Pending if !round.is_empty() => Poll::Pending,
                _ => Poll::Ready(ready.take().flatten()),
            }
        })
    }

    fn poll<T>(
        &self,
        round: &mut Round,
        cx: &mut Context<'_>,
        mut work: impl FnMut(&mut Context<'_>) -> Poll<T>,
    ) -> Poll<T> {
        loop {
            // Polled again after each task that ended: it may have filled what a resolver waits for.
            if let Poll::Ready(done) = work(cx) {
                return Poll::Ready(done);
            }
            // Not before the round is over: until then further keys join the next one.
            if round.is_empty() {
                round.extend(std::mem::take(&mut *self.queue()));
            }
            let mut progress = false;
            while let Poll::Ready(Some(())) = round.poll_next_unpin(cx) {
                progress = true;
            }
            if !progress {
                return Poll::Pending;
            }
        }
    }

    fn queue(&self) -> std::sync::MutexGuard<'_, Vec<FutureObj<'static, ()>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Spawn for Rounds {
    fn spawn_obj(&self, task: FutureObj<'static, ()>) -> Result<(), SpawnError> {
        self.queue().push(task);
        Ok(())
    }
}

/// A timer that does not wait: keys are collected until the round starts.
pub(super) struct NoDelay;

impl Timer for NoDelay {
    fn delay(&self, _: Duration) -> BoxFuture<'static, ()> {
        ready(()).boxed()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;
    use std::convert::Infallible;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use async_graphql::dataloader::{DataLoader, Loader};
    use futures_util::future::{join, join_all};

    use super::*;

    /// Records the size of each batch.
    #[derive(Clone, Default)]
    struct Batches(Arc<Mutex<Vec<usize>>>, Arc<AtomicUsize>);

    impl Batches {
        async fn load<K: Copy + Eq + std::hash::Hash>(&self, keys: &[K], waits: usize) -> HashMap<K, K> {
            self.0.lock().unwrap().push(keys.len());
            self.1.fetch_add(1, Ordering::Relaxed);
            for _ in 0..waits {
                tokio::task::yield_now().await;
            }
            self.1.fetch_sub(1, Ordering::Relaxed);
            keys.iter().map(|key| (*key, *key)).collect()
        }
    }

    impl Loader<u8> for Batches {
        type Value = u8;
        type Error = Infallible;
        async fn load(&self, keys: &[u8]) -> Result<HashMap<u8, u8>, Infallible> {
            Ok(self.load(keys, 1).await)
        }
    }

    impl Loader<u16> for Batches {
        type Value = u16;
        type Error = Infallible;
        async fn load(&self, keys: &[u16]) -> Result<HashMap<u16, u16>, Infallible> {
            Ok(self.load(keys, 9).await)
        }
    }

    /// Key of a load that depends on a first one.
    #[derive(Clone, Copy, PartialEq, Eq, Hash)]
    struct Child(u8);

    impl Loader<Child> for Batches {
        type Value = Child;
        type Error = Infallible;
        async fn load(&self, keys: &[Child]) -> Result<HashMap<Child, Child>, Infallible> {
            Ok(self.load(keys, 1).await)
        }
    }

    fn loaders() -> (Rounds, Batches, DataLoader<Batches>) {
        let (rounds, batches) = (Rounds::default(), Batches::default());
        let loader = DataLoader::new(batches.clone(), rounds.clone(), NoDelay);
        (rounds, batches, loader)
    }

    #[tokio::test]
    async fn a_batch_collects_every_requested_key_until_its_round_begins() {
        let (rounds, batches, loader) = loaders();
        let fast = async |key: u8| {
            loader.load_one(key).await.unwrap();
            loader.load_one(Child(key)).await.unwrap();
        };
        let slow = async |key: u16| {
            loader.load_one(key).await.unwrap();
            loader.load_one(Child(100 + u8::try_from(key).unwrap())).await.unwrap();
        };
        rounds.run(join(join_all((0..40).map(fast)), join_all((0..30).map(slow)))).await;
        // The first loader is done long before the second: their children are one batch all the same.
        let mut sizes = batches.0.lock().unwrap().clone();
        sizes.sort_unstable();
        assert_eq!(sizes, [30, 40, 70]);
    }

    #[tokio::test]
    async fn nothing_runs_on_once_the_request_is_dropped() {
        let (rounds, batches, loader) = loaders();
        let mut work = Box::pin(rounds.run(loader.load_one(1_u16)));
        assert!(futures_util::poll!(&mut work).is_pending());
        assert_eq!(batches.1.load(Ordering::Relaxed), 1, "a loader is under way");
        drop(work);
        drop(loader);
        for _ in 0..100 {
            tokio::task::yield_now().await;
        }
        assert_eq!(batches.1.load(Ordering::Relaxed), 1, "the loader did not go on");
        assert_eq!(Arc::strong_count(&batches.0), 1, "nothing is kept of it");
    }

    #[tokio::test]
    async fn a_stream_loads_for_each_item() {
        let (rounds, batches, loader) = loaders();
        let loader = Arc::new(loader);
        let items = stream::iter(0..3_u8).then(move |key| {
            let loader = Arc::clone(&loader);
            async move { loader.load_one(key).await.unwrap() }
        });
        let items: Vec<_> = rounds.stream(Box::pin(items)).collect().await;
        assert_eq!(items, [Some(0), Some(1), Some(2)]);
        assert_eq!(*batches.0.lock().unwrap(), [1, 1, 1]);
    }
}
