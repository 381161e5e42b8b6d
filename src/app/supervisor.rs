//! Supervises background workers. A worker that panics or returns early is logged and restarted with
//! exponential backoff; the other workers are not affected.
//!
//! Each run starts the work from its beginning, on the same shared state. That state tolerates a panic:
//! leases expire, waits are closed when their task is dropped, and poisoned locks are taken anyway.

use std::panic::AssertUnwindSafe;
use std::pin::pin;
use std::time::{Duration, Instant};

use futures_util::FutureExt;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::domain::{Entropy, Heartbeat, Worker, Workers, backoff};

/// Backoff before the first restart of a worker.
const MIN_BACKOFF: Duration = Duration::from_millis(500);
/// Upper limit of the backoff, so that a worker resumes soon after the cause of its failures is gone.
const MAX_BACKOFF: Duration = Duration::from_secs(30);

/// Runs workers until `stop` is cancelled. Dropping it aborts the workers that still run.
pub(super) struct Supervisor {
    workers: Workers,
    running: JoinSet<()>,
    stop: CancellationToken,
    entropy: Entropy,
}

/// When a worker is expected to return. A return at any other time is a failure.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Returns {
    /// After `stop` was cancelled.
    WhenStopped,
    /// At any time: the work is finite.
    WhenDone,
}

impl Supervisor {
    pub(super) fn new(workers: Workers, stop: CancellationToken, entropy: Entropy) -> Self {
        Self { workers, running: JoinSet::new(), stop, entropy }
    }

    /// Runs a worker that observes `stop` itself and reports a heartbeat. Each run gets a clone of `on`.
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

    /// Runs an endless worker that may be dropped at any await point. It is dropped when `stop` is cancelled,
    /// and each poll counts as a heartbeat.
    pub(super) fn run_cancellable<S, F>(
        &mut self,
        worker: Worker,
        on: &S,
        work: impl Fn(S) -> F + Send + Sync + 'static,
    ) where
        S: Clone + Send + Sync + 'static,
        F: Future<Output = ()> + Send + 'static,
    {
        let on = on.clone();
        self.supervise(worker, Returns::WhenStopped, cancellable(move || work(on.clone())));
    }

    /// Runs a finite worker, dropped like one of [`Self::run_cancellable`]. It is not restarted once it has returned.
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
        self.supervise(worker, Returns::WhenDone, cancellable(move || work(on.clone())));
    }

    /// Waits until every worker has returned. Call after `stop` was cancelled: endless workers never return before.
    pub(super) async fn join(&mut self) {
        while let Some(ended) = self.running.join_next().await {
            if let Err(error) = ended {
                tracing::error!(%error, "worker supervision failed");
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
        // Before the task starts, so that one that never runs is noticed.
        let heartbeat = workers.enlist(worker);
        self.running.spawn(async move {
            loop {
                let was_stopped = stop.is_cancelled();
                heartbeat.begin(Instant::now());
                // `work` is called inside the future, so that a panic before its first await is caught too.
                let run = async { work(stop.clone(), heartbeat.clone()).await };
                let ended = AssertUnwindSafe(run).catch_unwind().await;
                let is_right = ended.is_ok() && (stop.is_cancelled() || returns == Returns::WhenDone);
                // A run that started after `stop` is the last one, even if it failed.
                if is_right || was_stopped {
                    workers.dismiss(worker);
                    return;
                }
                let ends = heartbeat.end(Instant::now());
                let wait = backoff(&entropy, MIN_BACKOFF, MAX_BACKOFF, ends);
                let how = if ended.is_err() { "panicked" } else { "returned early" };
                tracing::error!(%worker, how, in_a_row = ends, ?wait, "worker ended early: restarting it");
                // If `stop` is cancelled during the backoff, the worker runs once more, so that it does its
                // final work.
                let _waited_or_stopped = stop.run_until_cancelled(tokio::time::sleep(wait)).await;
            }
        });
    }
}

/// Adapts work that neither observes `stop` nor reports heartbeats: it is dropped when `stop` is cancelled,
/// and each poll is a heartbeat.
fn cancellable<F>(
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

    async fn wait_for_runs(count: &AtomicU32, expected: u32) {
        let started = Instant::now();
        while count.load(Ordering::SeqCst) < expected {
            assert!(started.elapsed() < Duration::from_secs(60), "the worker was not restarted");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    #[tokio::test]
    async fn a_worker_that_panics_or_returns_early_is_restarted_and_reported_and_the_others_continue() {
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
            wait_for_runs(count, 4).await;
        }
        let ailing = workers.ailing(Instant::now());
        assert!(ailing.is_some_and(|ailing| ailing.keeps_ending && ailing.worker != Worker::Journal));
        stop.cancel();
        supervisor.join().await;
        let counts = counts.map(|count| count.load(Ordering::SeqCst));
        assert_eq!(counts[2..], [1, 1], "the healthy worker and the finished one ran once");
        assert_eq!(workers.ailing(Instant::now() + Duration::from_secs(36_000)), None, "all are dismissed");
    }

    #[tokio::test]
    async fn a_worker_stopped_during_its_backoff_still_does_its_final_work() {
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
        supervisor.join().await;
        assert_eq!(ended.load(Ordering::SeqCst), 1);
    }
}
