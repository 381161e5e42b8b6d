//! Turns at searching, so that searches hold up nothing that matters more, and no tenant another.
//!
//! Every request to the carrier takes one of a few slots. Searches take a turn first, of which there are fewer: some slots
//! are always left for calls, purchases and releases. A tenant has one turn at a time, and turns are taken in the order in
//! which they were asked for: however much one tenant searches, each other one waits for one search of his at most.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::{AcquireError, OwnedSemaphorePermit, Semaphore};

use crate::domain::TenantId;

/// Searches at the same time.
const PARALLEL_SEARCHES: usize = 3;
/// Tenants remembered before those that do not search are forgotten.
const REMEMBERED: usize = 256;

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
            // Whoever holds or waits for a turn has a hand on his own.
            own.retain(|_, turn| Arc::strong_count(turn) > 1);
        }
        Arc::clone(own.entry(tenant).or_insert_with(|| Arc::new(Semaphore::new(1))))
    }
}
