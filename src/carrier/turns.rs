//! Fairness between tenants that search for numbers.
//!
//! A search takes a turn before it takes one of the carrier's concurrent requests. There are fewer turns than requests, so
//! some requests are always left for calls and purchases. A tenant has one turn at a time, and turns are granted in the order
//! in which they were requested: however much one tenant searches, any other waits for at most one of its searches.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::{AcquireError, OwnedSemaphorePermit, Semaphore};

use crate::domain::TenantId;

/// Concurrent searches.
const PARALLEL_SEARCHES: usize = 3;
/// Tenants remembered before those without a search are forgotten.
const REMEMBERED: usize = 256;

/// Grants the turns. Cheap to clone.
#[derive(Debug, Clone)]
pub(super) struct Turns {
    all: Arc<Semaphore>,
    own: Arc<Mutex<HashMap<TenantId, Arc<Semaphore>>>>,
}

/// A turn, until it is dropped.
#[derive(Debug)]
pub(super) struct Turn {
    _of_all: OwnedSemaphorePermit,
    _of_tenant: OwnedSemaphorePermit,
}

impl Turns {
    pub(super) fn new() -> Self {
        Self { all: Arc::new(Semaphore::new(PARALLEL_SEARCHES)), own: Arc::default() }
    }

    /// Waits for a turn of this tenant.
    pub(super) async fn take(&self, tenant: TenantId) -> Result<Turn, AcquireError> {
        // The tenant's own first: in the other order its second search would occupy a turn of all while it waits.
        let of_tenant = self.of(tenant).acquire_owned().await?;
        let of_all = Arc::clone(&self.all).acquire_owned().await?;
        Ok(Turn { _of_all: of_all, _of_tenant: of_tenant })
    }

    fn of(&self, tenant: TenantId) -> Arc<Semaphore> {
        // A poisoned map is used as it is: its entries do not depend on each other.
        let mut own = self.own.lock().unwrap_or_else(PoisonError::into_inner);
        if own.len() >= REMEMBERED {
            // A turn that is held or waited for has another reference.
            own.retain(|_, turn| Arc::strong_count(turn) > 1);
        }
        Arc::clone(own.entry(tenant).or_insert_with(|| Arc::new(Semaphore::new(1))))
    }
}
