//! Limits on the number of sockets per caller and of operations per caller and per server. Each subscription
//! is woken by every change of its topic, so operations are limited as well as sockets.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use uuid::Uuid;

use crate::auth::Principal;

/// Maximum number of open sockets of one caller.
const MAX_PER_CALLER: usize = 100;
/// Maximum number of operations on all sockets of one caller.
pub(super) const MAX_OPERATIONS_PER_CALLER: usize = 500;
/// Maximum number of operations on all sockets of this server.
pub(super) const MAX_OPERATIONS: usize = 10_000;

/// Counts open sockets and their operations. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub(in crate::server) struct Sockets(Arc<Mutex<SocketCounts>>);

#[derive(Debug, Default)]
struct SocketCounts {
    by_caller: HashMap<Uuid, CallerCounts>,
    /// Operations of all callers.
    operations: usize,
}

#[derive(Debug, Default)]
struct CallerCounts {
    sockets: usize,
    operations: usize,
}

/// A counted socket. The count is reduced when it is dropped.
#[derive(Debug)]
pub(super) struct SocketPermit {
    sockets: Sockets,
    caller: Uuid,
}

/// A counted operation. The count is reduced when it is dropped. The permit of its socket outlives it, so the
/// caller's entry still exists then.
#[derive(Debug)]
pub(super) struct OperationPermit {
    sockets: Sockets,
    caller: Uuid,
}

impl Sockets {
    /// Counts a new socket. Returns `None` if the caller has [`MAX_PER_CALLER`] open.
    pub(super) fn acquire(&self, principal: Principal) -> Option<SocketPermit> {
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
        Some(SocketPermit { sockets: self.clone(), caller })
    }

    fn lock(&self) -> MutexGuard<'_, SocketCounts> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl SocketPermit {
    /// Counts a new operation on this socket.
    ///
    /// # Errors
    /// A message for the client that names the limit reached.
    pub(super) fn acquire_operation(&self) -> Result<OperationPermit, String> {
        let mut held = self.sockets.lock();
        if held.operations >= MAX_OPERATIONS {
            return Err(format!(
                "this server's sockets run at most {MAX_OPERATIONS} operations: try again later"
            ));
        }
        let count = held.by_caller.entry(self.caller).or_default();
        if count.operations >= MAX_OPERATIONS_PER_CALLER {
            return Err(format!(
                "your sockets run at most {MAX_OPERATIONS_PER_CALLER} operations: complete one first"
            ));
        }
        count.operations += 1;
        held.operations += 1;
        metrics::gauge!("switchboard_graphql_socket_operations").increment(1);
        Ok(OperationPermit { sockets: self.sockets.clone(), caller: self.caller })
    }
}

impl Drop for OperationPermit {
    fn drop(&mut self) {
        let mut held = self.sockets.lock();
        held.operations = held.operations.saturating_sub(1);
        metrics::gauge!("switchboard_graphql_socket_operations").decrement(1);
        if let Some(count) = held.by_caller.get_mut(&self.caller) {
            count.operations = count.operations.saturating_sub(1);
        }
    }
}

impl Drop for SocketPermit {
    fn drop(&mut self) {
        let mut held = self.sockets.lock();
        if let Some(count) = held.by_caller.get_mut(&self.caller) {
            count.sockets = count.sockets.saturating_sub(1);
            if count.sockets == 0 {
                // Otherwise the map would keep every caller that ever connected.
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
    fn operations_are_limited_per_caller_and_per_server() {
        let sockets = Sockets::default();
        let open = |n: u128| sockets.acquire(Principal::Tenant(TenantId(Uuid::from_u128(n)))).unwrap();
        let (one, other) = (open(1), open(1));
        let mut running: Vec<_> =
            (0..MAX_OPERATIONS_PER_CALLER).map(|_| one.acquire_operation().unwrap()).collect();
        assert!(other.acquire_operation().unwrap_err().contains("your sockets"));
        running.pop();
        running.push(other.acquire_operation().unwrap());
        let more: Vec<_> =
            (2..=MAX_OPERATIONS / MAX_OPERATIONS_PER_CALLER).map(|n| open(n as u128)).collect();
        for socket in &more {
            running.extend((0..MAX_OPERATIONS_PER_CALLER).map(|_| socket.acquire_operation().unwrap()));
        }
        let late = open(1000);
        assert!(late.acquire_operation().unwrap_err().contains("this server's"));
        running.clear();
        drop(late.acquire_operation().unwrap());
        drop((one, other, more, late));
        assert!(sockets.lock().by_caller.is_empty());
    }
}
