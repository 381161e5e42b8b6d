//! Lists of tenants, for operators. Every tenant that owns anything has a row in `tenants`: foreign keys see to that.

use std::collections::HashMap;

use sea_orm::sea_query::Expr;
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QuerySelect, Select};
use uuid::Uuid;

use crate::domain::{AgentStatus, NumberStatus, Tenant, TenantId};
use crate::store::entities::tenant::{Column, Entity, Model, TABLE};
use crate::store::entities::{self, agent, call, phone_number};
use crate::store::page::{self, Cursor, Keyset, PageOf, PageRequest};
use crate::store::{StoreError, SystemStore, call as calls};

const KEYSET: Keyset<Column> = Keyset { at: Column::CreatedAt, id: Column::Id };

/// Filter for tenants. All given conditions must match.
#[derive(Debug, Clone, Default)]
pub struct TenantFilter {
    /// Only this tenant.
    pub id: Option<TenantId>,
    /// Only tenants whose plan has exactly this name.
    pub plan: Option<String>,
}

/// What a tenant has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct TenantCounts {
    /// Agents, except deleted ones.
    pub agents: i64,
    /// Numbers, except released ones.
    pub numbers: i64,
    /// Calls that hold a call slot.
    pub active_calls: i64,
}

impl TenantFilter {
    fn query(&self) -> Select<Entity> {
        // The stock is no customer: it is listed only if it is asked for.
        let mut query = Entity::find().filter(match self.id {
            Some(id) => Column::Id.eq(id.0),
            None => Column::Id.ne(TenantId::STOCK.0),
        });
        if let Some(plan) = &self.plan {
            query = query.filter(Column::Plan.eq(plan.as_str()));
        }
        query
    }
}

impl SystemStore {
    /// A page of tenants, newest first. Unreadable rows are reported and left out.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn tenants(
        &self,
        filter: &TenantFilter,
        page: PageRequest,
    ) -> Result<PageOf<Tenant>, StoreError> {
        page::page_of_rows(self.db(), filter.query(), KEYSET, page, |row| {
            let one = std::slice::from_ref(row);
            let (mut readable, _left_out) = self.readable(TABLE, one, |row: Model| {
                Ok((Cursor { at: row.created_at, id: row.id }, Tenant::try_from(row)?))
            });
            Ok(readable.pop())
        })
        .await
    }

    /// Counts the tenants that match a filter.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn count_tenants(&self, filter: &TenantFilter) -> Result<i64, StoreError> {
        page::count(self.db(), filter.query()).await
    }

    /// The tenants with these ids, in no particular order. Unreadable rows are reported and left out.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn tenants_by_id(&self, ids: &[TenantId]) -> Result<Vec<Tenant>, StoreError> {
        let wanted = Entity::find().filter(Column::Id.is_in(ids.iter().map(|id| id.0)));
        let rows = entities::found(self.db(), wanted).await?;
        Ok(self.readable(TABLE, &rows, |row: Model| Tenant::try_from(row)).0)
    }

    /// What each of these tenants has.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn tenant_counts(
        &self,
        ids: &[TenantId],
    ) -> Result<HashMap<TenantId, TenantCounts>, StoreError> {
        let mut counts: HashMap<TenantId, TenantCounts> =
            ids.iter().map(|id| (*id, TenantCounts::default())).collect();
        let of = || ids.iter().map(|id| id.0);
        let agents = agent::Entity::find()
            .filter(agent::Column::TenantId.is_in(of()))
            .filter(agent::Column::Status.ne(AgentStatus::Deleted.as_str()));
        for (tenant, count) in self.count_by(agents, agent::Column::TenantId).await? {
            counts.entry(tenant).or_default().agents = count;
        }
        let numbers = phone_number::Entity::find()
            .filter(phone_number::Column::TenantId.is_in(of()))
            .filter(phone_number::Column::Status.ne(NumberStatus::Released.as_str()));
        for (tenant, count) in self.count_by(numbers, phone_number::Column::TenantId).await? {
            counts.entry(tenant).or_default().numbers = count;
        }
        let calls =
            call::Entity::find().filter(call::Column::TenantId.is_in(of())).filter(calls::holds_slot());
        for (tenant, count) in self.count_by(calls, call::Column::TenantId).await? {
            counts.entry(tenant).or_default().active_calls = count;
        }
        Ok(counts)
    }

    async fn count_by<E: EntityTrait>(
        &self,
        query: Select<E>,
        tenant: E::Column,
    ) -> Result<Vec<(TenantId, i64)>, StoreError> {
        let counted = query.select_only().column(tenant).expr(Expr::cust("COUNT(*)")).group_by(tenant);
        let rows: Vec<(Uuid, i64)> = counted.into_tuple().all(self.db()).await?;
        Ok(rows.into_iter().map(|(tenant, count)| (TenantId(tenant), count)).collect())
    }
}
