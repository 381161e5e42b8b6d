//! How many sockets each caller holds, and how many operations run on all sockets: every one of them is woken by each change
//! that it may be about.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use uuid::Uuid;

use crate::auth::Principal;

/// Sockets one caller may hold at the same time.
const MAX_PER_CALLER: usize = 100;
/// Operations that may run on all sockets of one caller, subscriptions most of all.
pub(super) const MAX_OPERATIONS_PER_CALLER: usize = 500;
/// Operations that may run on all sockets of this server.
pub(super) const MAX_OPERATIONS: usize = 10_000;

/// Counts sockets and what runs on them. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub(in crate::server) struct Sockets(Arc<Mutex<Held>>);

#[derive(Debug, Default)]
struct Held {
    by_caller: HashMap<Uuid, Count>,
    operations: usize,
}

#[derive(Debug, Default)]
struct Count {
    sockets: usize,
    operations: usize,
}

/// A socket that is counted, until dropped.
#[derive(Debug)]
pub(super) struct Seat {
    sockets: Sockets,
    caller: Uuid,
}

/// An operation that is counted, until dropped. Its socket's seat outlives it.
#[derive(Debug)]
pub(super) struct Running {
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
        let mut held = self.lock();
        let count = held.by_caller.entry(caller).or_default();
        if count.sockets >= MAX_PER_CALLER {
            return None;
        }
        count.sockets += 1;
        metrics::gauge!("switchboard_graphql_sockets").increment(1);
        Some(Seat { sockets: self.clone(), caller })
    }

    fn lock(&self) -> MutexGuard<'_, Held> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Seat {
    /// Counts one more operation on this socket.
    ///
    /// # Errors
    /// Which limit is reached, in words.
    pub(super) fn run(&self) -> Result<Running, String> {
        let mut held = self.sockets.lock();
        if held.operations >= MAX_OPERATIONS {
            return Err(format!("{MAX_OPERATIONS} operations run on this server's sockets: try again later"));
        }
        let count = held.by_caller.entry(self.caller).or_default();
        if count.operations >= MAX_OPERATIONS_PER_CALLER {
            return Err(format!(
                "{MAX_OPERATIONS_PER_CALLER} operations run on your sockets: complete one first"
            ));
        }
        count.operations += 1;
        held.operations += 1;
        metrics::gauge!("switchboard_graphql_socket_operations").increment(1);
        Ok(Running { sockets: self.sockets.clone(), caller: self.caller })
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let mut held = self.sockets.lock();
        held.operations = held.operations.saturating_sub(1);
        metrics::gauge!("switchboard_graphql_socket_operations").decrement(1);
        if let Some(count) = held.by_caller.get_mut(&self.caller) {
            count.operations = count.operations.saturating_sub(1);
        }
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        let mut held = self.sockets.lock();
        if let Some(count) = held.by_caller.get_mut(&self.caller) {
            count.sockets = count.sockets.saturating_sub(1);
            if count.sockets == 0 {
                held.by_caller.remove(&self.caller);
            }
        }
        metrics::gauge!("switchboard_graphql_sockets").decrement(1);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::TenantId;

    #[test]
    fn operations_are_bounded_for_a_caller_and_for_all() {
        let sockets = Sockets::default();
        let seat = |n: u128| sockets.take(Principal::Tenant(TenantId(Uuid::from_u128(n)))).unwrap();
        let (one, other) = (seat(1), seat(1));
        let mut running: Vec<_> = (0..MAX_OPERATIONS_PER_CALLER).map(|_| one.run().unwrap()).collect();
        assert!(other.run().unwrap_err().contains("your sockets"));
        running.pop();
        running.push(other.run().unwrap());
        let seats: Vec<_> =
            (2..=MAX_OPERATIONS / MAX_OPERATIONS_PER_CALLER).map(|n| seat(n as u128)).collect();
        for seat in &seats {
            running.extend((0..MAX_OPERATIONS_PER_CALLER).map(|_| seat.run().unwrap()));
        }
        let late = seat(1000);
        assert!(late.run().unwrap_err().contains("this server's"));
        running.clear();
        drop(late.run().unwrap());
        drop((one, other, seats, late));
        assert!(sockets.lock().by_caller.is_empty());
    }
}
