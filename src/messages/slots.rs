//! Answers that a server works on at a time, shared between tenants.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::domain::TenantId;

/// Counts what is under way. Cheap to clone.
#[derive(Debug, Clone)]
pub(super) struct Slots {
    size: usize,
    taken: Arc<Mutex<HashMap<TenantId, usize>>>,
}

/// A slot, taken until it is dropped.
#[derive(Debug)]
pub(super) struct Slot {
    of: Slots,
    tenant: TenantId,
}

impl Slots {
    pub(super) fn new(size: usize) -> Self {
        Self { size, taken: Arc::default() }
    }

    /// How many are free.
    pub(super) fn free(&self) -> usize {
        free(self.size, &self.lock())
    }

    /// Takes a slot for a tenant. A tenant has at most as many as are free: alone it has half of them, and however many tenants are
    /// busy, there is one for another.
    pub(super) fn take(&self, tenant: TenantId) -> Option<Slot> {
        let mut taken = self.lock();
        let free = free(self.size, &taken);
        let of_tenant = taken.entry(tenant).or_default();
        let may_take = *of_tenant < free;
        if may_take {
            *of_tenant += 1;
        } else if *of_tenant == 0 {
            taken.remove(&tenant);
        }
        may_take.then(|| Slot { of: self.clone(), tenant })
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<TenantId, usize>> {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn free(size: usize, taken: &HashMap<TenantId, usize>) -> usize {
    size.saturating_sub(taken.values().sum())
}

impl Drop for Slot {
    fn drop(&mut self) {
        let mut taken = self.of.lock();
        if let Some(of_tenant) = taken.get_mut(&self.tenant) {
            *of_tenant -= 1;
            if *of_tenant == 0 {
                taken.remove(&self.tenant);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    #[test]
    fn no_tenant_takes_all_and_another_always_has_one() {
        let slots = Slots::new(32);
        let mut held: Vec<Slot> = Vec::new();
        let mut counts = Vec::new();
        for tenant in 1..=6 {
            let tenant = TenantId(Uuid::from_u128(tenant));
            let before = held.len();
            held.extend(std::iter::from_fn(|| slots.take(tenant)));
            counts.push(held.len() - before);
        }
        assert_eq!(counts, [16, 8, 4, 2, 1, 1]);
        assert_eq!(slots.free(), 0);
        held.clear();
        assert_eq!(slots.free(), 32);
        assert!(slots.lock().is_empty());
    }
}
