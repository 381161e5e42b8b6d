//! The tenant itself: its plan and its use of it.

use chrono::{DateTime, Utc};
use rust_decimal::Decimal;
use sea_orm::sea_query::{Expr, OnConflict};
use sea_orm::{ColumnTrait, Condition, ConnectionTrait, EntityTrait, QueryFilter, QuerySelect};

use super::entities::{call, money, phone_number, tenant};
use super::{StoreError, SystemStore, TenantStore, dialect};
use crate::domain::{Tenant, TenantId};

/// What a tenant used in a month.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MonthUsage {
    /// Numbers held at any time in the month.
    pub phone_numbers: i64,
    /// Their monthly costs, added up.
    pub phone_numbers_cost: Decimal,
    /// Calls that came in.
    pub calls: i64,
    /// Minutes, each call rounded up.
    pub minutes: i64,
}

impl TenantStore {
    /// The tenant itself.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn tenant(&self) -> Result<Tenant, StoreError> {
        find(&self.transaction, self.tenant)
            .await?
            .ok_or(StoreError::Corrupt { table: "tenants", column: "id" })
    }

    /// What was used in the month that begins at `from` and ends before `until`.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn usage(&self, from: DateTime<Utc>, until: DateTime<Utc>) -> Result<MonthUsage, StoreError> {
        use phone_number::Column as Number;
        let held = Condition::any().add(Number::ReleasedAt.is_null()).add(Number::ReleasedAt.gt(from));
        let costs: Vec<Decimal> = phone_number::Entity::find()
            .filter(Number::TenantId.eq(self.tenant.0))
            .filter(Number::ProvisionedAt.lt(until))
            .filter(held)
            .select_only()
            .column(Number::MonthlyCost)
            .into_tuple()
            .all(&self.transaction)
            .await?;
        let (calls, minutes): (i64, Option<i64>) = call::Entity::find()
            .filter(call::Column::TenantId.eq(self.tenant.0))
            .filter(call::Column::StartedAt.gte(from))
            .filter(call::Column::StartedAt.lt(until))
            .select_only()
            .expr(Expr::cust("COUNT(*)"))
            .expr(Expr::cust("SUM((COALESCE(duration_seconds, conversation_seconds) + 59) / 60)"))
            .into_tuple()
            .one(&self.transaction)
            .await?
            .unwrap_or_default();
        Ok(MonthUsage {
            phone_numbers: i64::try_from(costs.len()).unwrap_or(i64::MAX),
            // Added up here: SQLite would add binary fractions.
            phone_numbers_cost: money(costs.iter().sum()),
            calls,
            minutes: minutes.unwrap_or_default(),
        })
    }
}

impl SystemStore {
    /// The tenant, written down at first sight.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn ensure_tenant(&self, id: TenantId) -> Result<Tenant, StoreError> {
        if let Some(known) = find(self.db(), id).await? {
            return Ok(known);
        }
        let new = Tenant {
            id,
            plan: Tenant::DEFAULT_PLAN.to_owned(),
            limits: Tenant::DEFAULT_LIMITS,
            created_at: self.shared.clock.now(),
        };
        tenant::Entity::insert(tenant::ActiveModel::from(&new))
            .on_conflict(OnConflict::new().do_nothing().to_owned())
            .exec_without_returning(self.db())
            .await?;
        // Another request may have been first: what is stored counts.
        Ok(find(self.db(), id).await?.unwrap_or(new))
    }
}

async fn find(db: &impl ConnectionTrait, id: TenantId) -> Result<Option<Tenant>, StoreError> {
    tenant::Entity::find_by_id(id.0).one(db).await?.map(Tenant::try_from).transpose()
}

/// The tenant, kept from changing: whoever counts against its plan does so alone.
pub(super) async fn find_locked(db: &impl ConnectionTrait, id: TenantId) -> Result<Tenant, StoreError> {
    let mut query = tenant::Entity::find_by_id(id.0);
    dialect::lock_rows(db, sea_orm::QuerySelect::query(&mut query));
    let row = query.one(db).await?.ok_or(StoreError::Corrupt { table: "tenants", column: "id" })?;
    row.try_into()
}
