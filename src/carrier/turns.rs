//! Slots for requests to the carrier, and turns at searching, so that searches hold up nothing that matters more, and no
//! tenant another.
//!
//! Every request takes one of a few slots. Calls, purchases and whatever else is not [`Rank::Last`] get a free slot before any
//! search does that waits for one, however long it has waited. Searches take a turn first, of which there are fewer than
//! slots: some are always left for the rest. A tenant has one turn at a time, and turns are taken in the order in which they
//! were asked for: however much one tenant searches, every other one waits for one of its searches at most.

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::{AcquireError, OwnedSemaphorePermit, Semaphore, SemaphorePermit};

use crate::domain::TenantId;

/// Requests at the same time. Twilio caps them per account and does not publish the cap.
const PARALLEL_REQUESTS: usize = 5;
/// Searches at the same time.
const PARALLEL_SEARCHES: usize = 3;
/// Tenants remembered before those that do not search are forgotten.
const REMEMBERED: usize = 256;

/// Who gets a slot first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Rank {
    /// Calls, purchases, releases: in the order in which they come.
    First,
    /// Searches and price lists: while none of the others waits.
    Last,
}

/// The slots of requests. Cheap to clone.
#[derive(Debug, Clone)]
pub(super) struct Slots {
    free: Arc<Semaphore>,
    /// Requests of the first rank that wait for a slot.
    waiting: Arc<AtomicUsize>,
}

impl Slots {
    pub(super) fn new() -> Self {
        Self { free: Arc::new(Semaphore::new(PARALLEL_REQUESTS)), waiting: Arc::default() }
    }

    /// Waits for a slot, which is held until the result is dropped.
    pub(super) async fn take(&self, rank: Rank) -> Result<SemaphorePermit<'_>, AcquireError> {
        if rank == Rank::First {
            let _waits = Waits::count(&self.waiting);
            return self.free.acquire().await;
        }
        loop {
            let slot = self.free.acquire().await?;
            if self.waiting.load(Ordering::SeqCst) == 0 {
                return Ok(slot);
            }
            // Passes on to whoever has waited longest; a search gets behind all that wait now.
            drop(slot);
            tokio::task::yield_now().await;
        }
    }
}

/// A request of the first rank, while it waits.
struct Waits<'a>(&'a AtomicUsize);

impl<'a> Waits<'a> {
    fn count(waiting: &'a AtomicUsize) -> Self {
        waiting.fetch_add(1, Ordering::SeqCst);
        Self(waiting)
    }
}

impl Drop for Waits<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

/// Whose turn it is. Cheap to clone.
#[derive(Debug, Clone)]
pub(super) struct Turns {
    all: Arc<Semaphore>,
    own: Arc<Mutex<HashMap<TenantId, Arc<Semaphore>>>>,
}

/// A turn, while it is held.
#[derive(Debug)]
pub(super) struct Turn {
    _of_all: OwnedSemaphorePermit,
    _of_tenant: OwnedSemaphorePermit,
}

impl Turns {
    pub(super) fn new() -> Self {
        Self { all: Arc::new(Semaphore::new(PARALLEL_SEARCHES)), own: Arc::default() }
    }

    /// Waits for a tenant's turn.
    pub(super) async fn take(&self, tenant: TenantId) -> Result<Turn, AcquireError> {
        let of_tenant = self.of(tenant).acquire_owned().await?;
        let of_all = Arc::clone(&self.all).acquire_owned().await?;
        Ok(Turn { _of_all: of_all, _of_tenant: of_tenant })
    }

    fn of(&self, tenant: TenantId) -> Arc<Semaphore> {
        let mut own = self.own.lock().unwrap_or_else(PoisonError::into_inner);
        if own.len() >= REMEMBERED {
            // Whoever holds or waits for a turn holds another reference.
            own.retain(|_, turn| Arc::strong_count(turn) > 1);
        }
        Arc::clone(own.entry(tenant).or_insert_with(|| Arc::new(Semaphore::new(1))))
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::time::timeout;

    use super::*;

    #[tokio::test]
    async fn a_request_that_matters_gets_the_next_slot_before_searches_that_have_waited_longer() {
        let slots = Slots::new();
        let mut held = Vec::new();
        for _ in 0..PARALLEL_REQUESTS {
            held.push(slots.take(Rank::First).await.unwrap());
        }
        let (told, mut order) = tokio::sync::mpsc::unbounded_channel();
        let mut asked = Vec::new();
        for rank in [Rank::Last, Rank::Last, Rank::Last, Rank::First, Rank::First] {
            let (slots, told) = (slots.clone(), told.clone());
            asked.push(tokio::spawn(async move {
                let _slot = slots.take(rank).await.unwrap();
                told.send(rank).unwrap();
            }));
            // On one thread: it is waiting when this goes on.
            tokio::task::yield_now().await;
        }
        drop(held.pop());
        let mut got = Vec::new();
        while got.len() < asked.len() {
            got.push(timeout(Duration::from_secs(10), order.recv()).await.unwrap().unwrap());
        }
        assert_eq!(got, [Rank::First, Rank::First, Rank::Last, Rank::Last, Rank::Last]);

        // One that gives up waiting holds up no search.
        let mut given_up = Box::pin(async {
            held.extend([slots.take(Rank::First).await.unwrap()]);
            slots.take(Rank::First).await.map(drop)
        });
        assert!(timeout(Duration::from_millis(50), &mut given_up).await.is_err());
        drop(given_up);
        drop(held.pop());
        drop(timeout(Duration::from_secs(10), slots.take(Rank::Last)).await.unwrap().unwrap());
    }
}
