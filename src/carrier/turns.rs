//! Fairness between tenants that search for numbers.
//!
//! A search takes a turn before it takes one of the carrier's concurrent requests. There are fewer turns than requests, so
//! calls and purchases always have some left. A tenant has one turn at a time, and turns are granted in the order of their
//! requests: however much one tenant searches, another waits for at most one of its searches.

use std::sync::Arc;

use tokio::sync::{AcquireError, OwnedSemaphorePermit, Semaphore};

use crate::domain::{Shares, TenantId};

/// Maximum number of concurrent searches of all tenants.
const PARALLEL_SEARCHES: usize = 3;

/// Grants turns. Cheap to clone.
#[derive(Debug, Clone)]
pub(super) struct Turns {
    all: Arc<Semaphore>,
    own: Shares<TenantId>,
}

/// The right to search, held until dropped.
#[derive(Debug)]
pub(super) struct Turn {
    _of_all: OwnedSemaphorePermit,
    _of_tenant: OwnedSemaphorePermit,
}

impl Turns {
    pub(super) fn new() -> Self {
        Self { all: Arc::new(Semaphore::new(PARALLEL_SEARCHES)), own: Shares::new(1) }
    }

    /// Waits for this tenant's turn.
    pub(super) async fn take(&self, tenant: TenantId) -> Result<Turn, AcquireError> {
        // The tenant's own turn first: in the other order, its second search would occupy a shared turn while it waits.
        let of_tenant = self.own.of(tenant).acquire_owned().await?;
        let of_all = Arc::clone(&self.all).acquire_owned().await?;
        Ok(Turn { _of_all: of_all, _of_tenant: of_tenant })
    }
}
