//! How many sockets each caller holds.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use uuid::Uuid;

use crate::auth::Principal;

/// Sockets one caller may hold at the same time.
const MAX_PER_CALLER: usize = 100;

/// Counts sockets. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub(in crate::server) struct Sockets(Arc<Mutex<HashMap<Uuid, usize>>>);

/// A socket that is counted, until dropped.
#[derive(Debug)]
pub(super) struct Seat {
    sockets: Sockets,
    caller: Uuid,
}

impl Sockets {
    /// A seat for one more socket of this caller; `None` when all are taken.
    pub(super) fn take(&self, principal: Principal) -> Option<Seat> {
        let caller = match principal {
            Principal::Tenant(tenant) => tenant.0,
            Principal::Operator { subject, .. } => subject,
            Principal::Agent { agent, .. } => agent.0,
        };
        let mut held = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let count = held.entry(caller).or_default();
        if *count >= MAX_PER_CALLER {
            return None;
        }
        *count += 1;
        metrics::gauge!("graphql_sockets").increment(1);
        Some(Seat { sockets: self.clone(), caller })
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        let mut held = self.sockets.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = held.get_mut(&self.caller) {
            *count = count.saturating_sub(1);
            if *count == 0 {
                held.remove(&self.caller);
            }
        }
        metrics::gauge!("graphql_sockets").decrement(1);
    }
}
