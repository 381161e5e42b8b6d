//! Concurrency gate: limits the requests that are in progress at a provider at once.
//!
//! A request of low priority starts only while none of normal priority waits, however long it has waited itself: searches
//! must not delay calls and purchases.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::sync::{AcquireError, Semaphore, SemaphorePermit};
use tokio::time::timeout;

use crate::domain::{ComponentHealth, HealthStatus};

/// Which requests go first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Priority {
    /// In the order in which they arrive.
    Normal,
    /// While no request of normal priority waits.
    Low,
}

/// The limit. Cheap to clone; clones share it.
#[derive(Debug, Clone)]
pub struct ConcurrencyLimit {
    free: Arc<Semaphore>,
    most: usize,
    /// Requests of normal priority that wait.
    waiting: Arc<AtomicUsize>,
}

impl ConcurrencyLimit {
    /// Allows this many requests at once.
    #[must_use]
    pub fn new(requests: usize) -> Self {
        Self { free: Arc::new(Semaphore::new(requests)), most: requests, waiting: Arc::default() }
    }

    /// How much of the limit is used, for operators.
    #[must_use]
    pub fn health(&self, name: &'static str) -> ComponentHealth {
        let used = self.most.saturating_sub(self.free.available_permits());
        let waiting = self.waiting.load(Ordering::SeqCst);
        let status = if waiting > 0 { HealthStatus::Degraded } else { HealthStatus::Ok };
        ComponentHealth::new(name, status)
            .because(format!("{used} of {} requests in progress, {waiting} waiting", self.most))
    }

    /// Waits until a request may start; it is in progress until the result is dropped. `None` if that
    /// takes longer than `patience`.
    pub async fn acquire(&self, priority: Priority, patience: Duration) -> Option<SemaphorePermit<'_>> {
        // The semaphore is never closed: the only failure is the timeout.
        timeout(patience, self.acquire_at_last(priority)).await.ok()?.ok()
    }

    async fn acquire_at_last(&self, priority: Priority) -> Result<SemaphorePermit<'_>, AcquireError> {
        if priority == Priority::Normal {
            let _waiting = Waiting::count(&self.waiting);
            return self.free.acquire().await;
        }
        loop {
            let permit = self.free.acquire().await?;
            if self.waiting.load(Ordering::SeqCst) == 0 {
                return Ok(permit);
            }
            // The semaphore is first come, first served. Dropped here, the permit goes to whoever waits longest, and this
            // request queues again behind all that wait now.
            drop(permit);
            tokio::task::yield_now().await;
        }
    }
}

/// A request of normal priority that waits. Counted by a guard, so that a cancelled one no longer counts.
struct Waiting<'a>(&'a AtomicUsize);

impl<'a> Waiting<'a> {
    fn count(waiting: &'a AtomicUsize) -> Self {
        waiting.fetch_add(1, Ordering::SeqCst);
        Self(waiting)
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LONG: Duration = Duration::from_secs(10);

    #[tokio::test]
    async fn normal_priority_starts_before_low_priority_that_has_waited_longer() {
        let limit = ConcurrencyLimit::new(5);
        let mut held = Vec::new();
        for _ in 0..5 {
            held.push(limit.acquire(Priority::Normal, LONG).await.unwrap());
        }
        let (started, mut order) = tokio::sync::mpsc::unbounded_channel();
        let mut requests = Vec::new();
        for priority in [Priority::Low, Priority::Low, Priority::Low, Priority::Normal, Priority::Normal] {
            let (limit, started) = (limit.clone(), started.clone());
            requests.push(tokio::spawn(async move {
                let _permit = limit.acquire(priority, LONG).await.unwrap();
                started.send(priority).unwrap();
            }));
            // The test has one thread: the request waits when this continues.
            tokio::task::yield_now().await;
        }
        drop(held.pop());
        let mut got = Vec::new();
        while got.len() < requests.len() {
            got.push(timeout(LONG, order.recv()).await.unwrap().unwrap());
        }
        assert_eq!(got, [Priority::Normal, Priority::Normal, Priority::Low, Priority::Low, Priority::Low]);

        // One that stops waiting delays no other.
        held.push(limit.acquire(Priority::Normal, LONG).await.unwrap());
        assert!(limit.acquire(Priority::Normal, Duration::from_millis(50)).await.is_none());
        drop(held.pop());
        assert!(limit.acquire(Priority::Low, LONG).await.is_some());
    }
}
