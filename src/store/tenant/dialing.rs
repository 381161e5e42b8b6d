//! Dialing rules set for a tenant by an operator. All are held in memory, so that calls can be answered while
//! the database is unavailable. Tenants without rules of their own take no memory.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use sea_orm::{ColumnTrait, Condition, EntityTrait, IdenStatic, QueryFilter, QueryOrder, QuerySelect};
use uuid::Uuid;

use crate::domain::{DialingOverride, Tenant, TenantId};
use crate::store::entities::{found, tenant};
use crate::store::{StoreError, SystemStore};

/// Tenants read in one statement.
const PAGE: u64 = 2000;

/// Dialing rules of all tenants that have any.
#[derive(Debug, Default)]
pub(in crate::store) struct DialingOverrides(Mutex<Overrides>);

#[derive(Debug, Default)]
struct Overrides {
    of: HashMap<TenantId, DialingOverride>,
    /// Number of changes so far.
    version: u64,
}

impl DialingOverrides {
    fn lock(&self) -> MutexGuard<'_, Overrides> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Replaces a tenant's rules after they have been committed.
    pub(super) fn set(&self, tenant: TenantId, dialing: &DialingOverride) {
        let mut overrides = self.lock();
        if *dialing == DialingOverride::default() {
            overrides.of.remove(&tenant);
        } else {
            overrides.of.insert(tenant, dialing.clone());
        }
        overrides.version += 1;
    }

    /// Loads rules saved by an earlier run.
    pub(in crate::store) fn restore(&self, of: HashMap<TenantId, DialingOverride>) {
        self.replace(of, self.version());
    }

    /// Replaces all rules, unless they have changed since `version`: then the rules that were read may be older.
    fn replace(&self, of: HashMap<TenantId, DialingOverride>, version: u64) {
        let mut overrides = self.lock();
        if overrides.version == version && overrides.of != of {
            *overrides = Overrides { of, version: version + 1 };
        }
    }

    /// Returns a copy of all rules.
    pub(in crate::store) fn all(&self) -> HashMap<TenantId, DialingOverride> {
        self.lock().of.clone()
    }

    /// Number of changes so far.
    pub(in crate::store) fn version(&self) -> u64 {
        self.lock().version
    }
}

impl SystemStore {
    /// Returns a tenant's dialing rules from memory. Changes by other servers arrive within seconds.
    #[must_use]
    pub fn dialing_of(&self, tenant: TenantId) -> DialingOverride {
        self.shared.dialings.lock().of.get(&tenant).cloned().unwrap_or_default()
    }

    /// Reads all tenants' dialing rules. On SQLite the change of a plan alone does not trigger this: the only
    /// server has updated its memory already.
    pub(in crate::store) async fn read_dialing_overrides(&self) -> Result<(), StoreError> {
        use tenant::Column::{DialCountries, DialPremium, Id};
        // The version is taken before reading: rules set meanwhile are newer than those read.
        let (version, mut of, mut last) = (self.shared.dialings.version(), HashMap::new(), Uuid::nil());
        loop {
            let decided = tenant::Entity::find()
                // The condition of a partial index, which holds only the few tenants with rules of their own.
                .filter(Condition::any().add(DialCountries.is_not_null()).add(DialPremium.is_not_null()))
                .filter(Id.gt(last))
                .order_by_asc(Id)
                .limit(PAGE);
            let rows = found(self.db(), decided).await?;
            let full = rows.last().filter(|_| rows.len() as u64 >= PAGE);
            let next = full.map(|row| row.try_get("", Id.as_str())).transpose()?;
            // A tenant with an unreadable row is dialled for by the platform's policy.
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
