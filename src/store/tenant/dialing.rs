//! Which numbers are dialled for a tenant, where an operator has decided that. All of it is held in memory: calls are
//! answered by it, also while the database is unavailable. Tenants without a decision of their own take no memory.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use sea_orm::{ColumnTrait, Condition, EntityTrait, IdenStatic, QueryFilter, QueryOrder, QuerySelect};
use uuid::Uuid;

use crate::domain::{DialingOverride, Tenant, TenantId};
use crate::store::entities::{found, tenant};
use crate::store::{StoreError, SystemStore};

/// Tenants read in one statement.
const PAGE: u64 = 2000;

/// What operators have decided.
#[derive(Debug, Default)]
pub(in crate::store) struct Dialings(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    of: HashMap<TenantId, DialingOverride>,
    /// Counts changes.
    version: u64,
}

impl Dialings {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// An operator has decided.
    pub(super) fn set(&self, tenant: TenantId, dialing: &DialingOverride) {
        let mut state = self.lock();
        if *dialing == DialingOverride::default() {
            state.of.remove(&tenant);
        } else {
            state.of.insert(tenant, dialing.clone());
        }
        state.version += 1;
    }

    /// All of it, as an earlier run had it.
    pub(in crate::store) fn restore(&self, of: HashMap<TenantId, DialingOverride>) {
        self.replace(of, self.version());
    }

    /// Unless something has changed since this version: then what was read may be older.
    fn replace(&self, of: HashMap<TenantId, DialingOverride>, version: u64) {
        let mut state = self.lock();
        if state.version == version && state.of != of {
            *state = State { of, version: version + 1 };
        }
    }

    /// All of it.
    pub(in crate::store) fn all(&self) -> HashMap<TenantId, DialingOverride> {
        self.lock().of.clone()
    }

    /// Counts changes.
    pub(in crate::store) fn version(&self) -> u64 {
        self.lock().version
    }
}

impl SystemStore {
    /// What an operator has decided for a tenant, as it was last read: at this server at once, at others within seconds.
    #[must_use]
    pub fn dialing_of(&self, tenant: TenantId) -> DialingOverride {
        self.shared.dialings.lock().of.get(&tenant).cloned().unwrap_or_default()
    }

    /// Reads what operators have decided. On SQLite a plan alone is no change that is looked for: its one server knows what it
    /// has written.
    pub(in crate::store) async fn read_dialings(&self) -> Result<(), StoreError> {
        use tenant::Column::{DialCountries, DialPremium, Id};
        let (version, mut of, mut last) = (self.shared.dialings.version(), HashMap::new(), Uuid::nil());
        loop {
            let decided = tenant::Entity::find()
                .filter(Condition::any().add(DialCountries.is_not_null()).add(DialPremium.is_not_null()))
                .filter(Id.gt(last))
                .order_by_asc(Id)
                .limit(PAGE);
            let rows = found(self.db(), decided).await?;
            let full = rows.last().filter(|_| rows.len() as u64 >= PAGE);
            let next = full.map(|row| row.try_get("", Id.as_str())).transpose()?;
            let (tenants, _) =
                self.readable(tenant::TABLE, &rows, |row: tenant::Model| Tenant::try_from(row));
            of.extend(tenants.into_iter().map(|tenant| (tenant.id, tenant.dialing)));
            match next {
                Some(id) => last = id,
                None => break,
            }
        }
        self.shared.dialings.replace(of, version);
        Ok(())
    }
}
