//! Keeps background workers running: one that panics or returns before it is told to is logged and restarted, after a
//! while that grows. The others notice nothing.
//!
//! A worker's work is begun anew each time, on the same shared state. What a panic can leave behind there is made for
//! it: leases run out, waits are closed when their task is dropped, locks are taken whether poisoned or not.

use std::panic::AssertUnwindSafe;
use std::pin::pin;
use std::time::{Duration, Instant};

use futures_util::FutureExt;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::domain::{Entropy, Heartbeat, Worker, Workers, backoff};

/// Waits before a worker is restarted.
const FIRST_WAIT: Duration = Duration::from_millis(500);
const LONGEST_WAIT: Duration = Duration::from_secs(30);

/// Runs workers until they are told to stop. Dropped, it aborts what is left.
pub(super) struct Supervisor {
    workers: Workers,
    running: JoinSet<()>,
    stop: CancellationToken,
    entropy: Entropy,
}

/// When a worker may return.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Returns {
    /// Once it is told to stop.
    WhenStopped,
    /// Once its work is done.
    WhenDone,
}

impl Supervisor {
    pub(super) fn new(workers: Workers, stop: CancellationToken, entropy: Entropy) -> Self {
        Self { workers, running: JoinSet::new(), stop, entropy }
    }

    /// Runs a worker that ends by itself some time after it is told to stop, and beats. Each run gets a clone of `on`.
    pub(super) fn run<S, F>(
        &mut self,
        worker: Worker,
        on: &S,
        work: impl Fn(S, CancellationToken, Heartbeat) -> F + Send + Sync + 'static,
    ) where
        S: Clone + Send + Sync + 'static,
        F: Future<Output = ()> + Send + 'static,
    {
        let on = on.clone();
        self.supervise(worker, Returns::WhenStopped, move |stop, heartbeat| {
            work(on.clone(), stop, heartbeat)
        });
    }

    /// Runs a worker that can be dropped at any instant, and does something every little while: each time is a beat.
    pub(super) fn run_droppable<S, F>(
        &mut self,
        worker: Worker,
        on: &S,
        work: impl Fn(S) -> F + Send + Sync + 'static,
    ) where
        S: Clone + Send + Sync + 'static,
        F: Future<Output = ()> + Send + 'static,
    {
        let on = on.clone();
        self.supervise(worker, Returns::WhenStopped, droppable(move || work(on.clone())));
    }

    /// The same, of one that returns for good once its work is done.
    pub(super) fn run_once<S, F>(
        &mut self,
        worker: Worker,
        on: &S,
        work: impl Fn(S) -> F + Send + Sync + 'static,
    ) where
        S: Clone + Send + Sync + 'static,
        F: Future<Output = ()> + Send + 'static,
    {
        let on = on.clone();
        self.supervise(worker, Returns::WhenDone, droppable(move || work(on.clone())));
    }

    /// Returns once all workers have, after they were told to stop.
    pub(super) async fn ended(&mut self) {
        while let Some(ended) = self.running.join_next().await {
            if let Err(error) = ended {
                tracing::error!(%error, "a worker was not supervised to its end");
            }
        }
    }

    fn supervise<F>(
        &mut self,
        worker: Worker,
        returns: Returns,
        work: impl Fn(CancellationToken, Heartbeat) -> F + Send + Sync + 'static,
    ) where
        F: Future<Output = ()> + Send + 'static,
    {
        let (workers, stop, entropy) = (self.workers.clone(), self.stop.clone(), self.entropy.clone());
        let heartbeat = workers.enlist(worker);
        self.running.spawn(async move {
            loop {
                let was_stopped = stop.is_cancelled();
                heartbeat.begin(Instant::now());
                // Begun inside, so that a panic on the way to its first wait is one of the work's.
                let run = async { work(stop.clone(), heartbeat.clone()).await };
                let ended = AssertUnwindSafe(run).catch_unwind().await;
                let is_right = ended.is_ok() && (stop.is_cancelled() || returns == Returns::WhenDone);
                // A worker that fails even while it is to end is not begun again.
                if is_right || was_stopped {
                    workers.dismiss(worker);
                    return;
                }
                let ends = heartbeat.end(Instant::now());
                let wait = backoff(&entropy, FIRST_WAIT, LONGEST_WAIT, ends);
                let how = if ended.is_err() { "panicked" } else { "returned early" };
                tracing::error!(%worker, how, in_a_row = ends, ?wait, "a worker ended early: it is restarted");
                // Told to stop meanwhile it is begun once more, for what it does at its end.
                let _waited_or_stopped = stop.run_until_cancelled(tokio::time::sleep(wait)).await;
            }
        });
    }
}

/// Work that knows nothing of stopping and beating: it is dropped, and beats whenever it is polled.
fn droppable<F>(
    work: impl Fn() -> F + Send + Sync + 'static,
) -> impl Fn(CancellationToken, Heartbeat) -> std::pin::Pin<Box<dyn Future<Output = ()> + Send>>
+ Send
+ Sync
+ 'static
where
    F: Future<Output = ()> + Send + 'static,
{
    move |stop, heartbeat| {
        let working = work();
        Box::pin(async move {
            let mut working = pin!(working);
            let beating = std::future::poll_fn(move |cx| {
                heartbeat.beat();
                working.as_mut().poll(cx)
            });
            let _done_or_stopped = stop.run_until_cancelled(beating).await;
        })
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicU32, Ordering};

    use super::*;
    use crate::domain::Clock;

    fn supervisor() -> (Supervisor, Workers, CancellationToken) {
        let (workers, stop) = (Workers::new(Clock::system()), CancellationToken::new());
        (Supervisor::new(workers.clone(), stop.clone(), Entropy::system()), workers, stop)
    }

    async fn runs(counted: &AtomicU32, so_many: u32) {
        let begun = Instant::now();
        while counted.load(Ordering::SeqCst) < so_many {
            assert!(begun.elapsed() < Duration::from_secs(60), "it was not restarted");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    #[tokio::test]
    async fn a_worker_that_panics_or_returns_early_is_restarted_and_told_of_and_the_others_go_on() {
        let (mut supervisor, workers, stop) = supervisor();
        let counts = [(); 4].map(|()| Arc::new(AtomicU32::new(0)));
        let [panicking, returning, sound, once] = counts.clone();
        supervisor.run(Worker::Operations, &panicking, |panicking, _, _| {
            assert!(panicking.fetch_add(1, Ordering::SeqCst) == u32::MAX, "a poison row");
            std::future::ready(())
        });
        supervisor.run(Worker::Sweep, &returning, |returning, _, _| {
            returning.fetch_add(1, Ordering::SeqCst);
            std::future::ready(())
        });
        supervisor.run(Worker::Journal, &sound, |sound, stop, heartbeat| async move {
            sound.fetch_add(1, Ordering::SeqCst);
            heartbeat.beat();
            stop.cancelled().await;
        });
        supervisor.run_once(Worker::Keys, &once, |once| {
            once.fetch_add(1, Ordering::SeqCst);
            std::future::ready(())
        });
        for count in &counts[..2] {
            runs(count, 4).await;
        }
        let ailing = workers.ailing(Instant::now());
        assert!(ailing.is_some_and(|ailing| ailing.keeps_ending && ailing.worker != Worker::Journal));
        stop.cancel();
        supervisor.ended().await;
        let counts = counts.map(|count| count.load(Ordering::SeqCst));
        assert_eq!(counts[2..], [1, 1], "neither the sound one nor the one that is done");
        assert_eq!(workers.ailing(Instant::now() + Duration::from_secs(36_000)), None, "all are dismissed");
    }

    #[tokio::test]
    async fn a_worker_that_waits_to_be_restarted_still_does_what_it_does_at_its_end() {
        let (mut supervisor, _, stop) = supervisor();
        let (begun, ended) = (Arc::new(AtomicU32::new(0)), Arc::new(AtomicU32::new(0)));
        let counts = (Arc::clone(&begun), Arc::clone(&ended));
        supervisor.run(Worker::SavedCache, &counts, |(first, last), stop, _| async move {
            assert!(first.fetch_add(1, Ordering::SeqCst) > 0, "a poison row");
            stop.cancelled().await;
            last.fetch_add(1, Ordering::SeqCst);
        });
        tokio::task::yield_now().await;
        assert_eq!(begun.load(Ordering::SeqCst), 1);
        stop.cancel();
        supervisor.ended().await;
        assert_eq!(ended.load(Ordering::SeqCst), 1);
    }
}
