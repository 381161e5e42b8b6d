//! Tenants: plan, limits and usage.

mod dialing;
mod list;

pub(in crate::store) use dialing::DialingOverrides;
pub use list::{TenantCounts, TenantFilter};

use std::ops::Range;

use chrono::{NaiveDate, NaiveTime};
use sea_orm::sea_query::OnConflict;
use sea_orm::{ColumnTrait, Condition, ConnectionTrait, EntityTrait, QueryFilter};

use super::entities::{self, phone_number, tenant};
use super::{StoreError, SystemStore, TenantStore, audit_event, dialect};
use crate::domain::{Author, DialingChange, DialingOverride, Limits, PhoneNumber, Tenant, TenantId};

/// Usage of one number within a range of days.
#[derive(Debug, Clone, PartialEq)]
pub struct NumberUsage {
    /// The number, which may have been released since.
    pub number: PhoneNumber,
    /// Inbound calls, including calls deleted since.
    pub calls: i64,
    /// Billed minutes: each answered call is rounded up to whole minutes, as the carrier does.
    pub minutes: i64,
}

impl TenantStore {
    /// Returns the tenant with its plan, limits and dialing rules.
    ///
    /// # Errors
    /// [`StoreError`]; [`StoreError::Corrupt`] if the tenant does not exist or is unreadable.
    pub async fn tenant(&self) -> Result<Tenant, StoreError> {
        find(&self.transaction, self.tenant)
            .await?
            .ok_or(StoreError::Corrupt { table: "tenants", column: "id" })
    }

    /// Usage on these UTC days for each number that was held or called on any of them. Includes calls deleted since.
    ///
    /// # Errors
    /// [`StoreError`]; [`StoreError::Corrupt`] if one of the rows is unreadable, which fails the whole read.
    pub async fn usage(&self, days: Range<NaiveDate>) -> Result<Vec<NumberUsage>, StoreError> {
        use phone_number::Column as Number;
        let called = self.calls_and_minutes(&days).await?;
        let [from, until] = [days.start, days.end].map(|day| day.and_time(NaiveTime::MIN).and_utc());
        let not_given_back =
            Condition::any().add(Number::ReleasedAt.is_null()).add(Number::ReleasedAt.gt(from));
        let held = Condition::all().add(Number::ProvisionedAt.lt(until)).add(not_given_back);
        let numbers = phone_number::Entity::find()
            .filter(Number::TenantId.eq(self.tenant.0))
            .filter(Condition::any().add(held).add(Number::Id.is_in(called.keys().copied())));
        let used = |number: PhoneNumber| {
            let (calls, minutes) = called.get(&number.id.0).copied().unwrap_or_default();
            NumberUsage { number, calls, minutes }
        };
        let numbers = entities::all(&self.transaction, numbers).await?;
        Ok(numbers.into_iter().map(used).collect())
    }
}

impl SystemStore {
    /// Returns the tenant, creating it with the default plan on first use.
    ///
    /// # Errors
    /// [`StoreError`]; [`StoreError::Corrupt`] if a stored value is unreadable.
    pub async fn ensure_tenant(&self, id: TenantId) -> Result<Tenant, StoreError> {
        // Read first: only a tenant's very first request has to write.
        if let Some(known) = find(self.db(), id).await? {
            return Ok(known);
        }
        let new = Tenant {
            id,
            plan: Tenant::DEFAULT_PLAN.to_owned(),
            limits: Tenant::DEFAULT_LIMITS,
            dialing: DialingOverride::default(),
            created_at: self.shared.clock.now(),
        };
        tenant::Entity::insert(tenant::ActiveModel::from(&new))
            .on_conflict(OnConflict::new().do_nothing().to_owned())
            .exec_without_returning(self.db())
            .await?;
        // A concurrent request may have inserted it first: the stored row counts.
        Ok(find(self.db(), id).await?.unwrap_or(new))
    }

    /// Sets a tenant's plan, creating the tenant if necessary, and writes an audit event. Changes to dialing
    /// take effect on this server at once, and on others with their next poll.
    ///
    /// # Errors
    /// [`StoreError`]: nothing was written, unless the answer to `COMMIT` was lost.
    pub async fn set_plan(
        &self,
        author: &Author,
        id: TenantId,
        plan: &str,
        limits: Limits,
        messages_per_day: Option<u32>,
        dialing: DialingChange,
    ) -> Result<Tenant, StoreError> {
        let transaction = self.begin().await?;
        let mut changed =
            vec![tenant::Column::Plan, tenant::Column::ConcurrentCalls, tenant::Column::PhoneNumbers];
        changed.extend(messages_per_day.map(|_| tenant::Column::MessagesPerDay));
        changed.extend(dialing.countries.as_ref().map(|_| tenant::Column::DialCountries));
        changed.extend(dialing.premium.map(|_| tenant::Column::DialPremium));
        let new = Tenant {
            id,
            plan: plan.to_owned(),
            limits: Limits {
                messages_per_day: messages_per_day.unwrap_or(limits.messages_per_day),
                ..limits
            },
            dialing: DialingOverride {
                countries: dialing.countries.flatten(),
                premium: dialing.premium.flatten(),
            },
            created_at: self.shared.clock.now(),
        };
        tenant::Entity::insert(tenant::ActiveModel::from(&new))
            // Only the columns that the change names: `new` has defaults in the others.
            .on_conflict(OnConflict::column(tenant::Column::Id).update_columns(changed).to_owned())
            .exec_without_returning(&transaction)
            .await?;
        audit_event::plan_set(&transaction, &self.shared, author, id).await?;
        let written = find(&transaction, id).await?.unwrap_or(new);
        transaction.commit().await?;
        // After the commit, so that memory never runs ahead of the database.
        self.shared.dialings.set(id, &written.dialing);
        Ok(written)
    }
}

async fn find(db: &impl ConnectionTrait, id: TenantId) -> Result<Option<Tenant>, StoreError> {
    tenant::Entity::find_by_id(id.0).one(db).await?.map(Tenant::try_from).transpose()
}

/// Returns the tenant and locks its row, so that counting against its plan is exact.
pub(super) async fn find_locked(db: &impl ConnectionTrait, id: TenantId) -> Result<Tenant, StoreError> {
    let mut query = tenant::Entity::find_by_id(id.0);
    dialect::lock_rows(db, sea_orm::QuerySelect::query(&mut query));
    let row = query.one(db).await?.ok_or(StoreError::Corrupt { table: "tenants", column: "id" })?;
    row.try_into()
}
