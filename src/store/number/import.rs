//! Numbers that were not bought here: their row is written before the carrier sends their calls here, with what was set before.

use std::collections::HashMap;

use sea_orm::ActiveValue::Set;
use sea_orm::sea_query::{Alias, Expr, ExprTrait, Query};
use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect};
use serde_json::Value;
use uuid::Uuid;

use super::claim::{ClaimError, NumberClaim, insert_unless_held, plan_is_full, row};
use crate::domain::{AgentId, AgentStatus, E164, NumberId, NumberOrigin, NumberStatus, Operation, TenantId};
use crate::store::entities::phone_number::{Column, Entity, FORMER_SETTINGS, TABLE};
use crate::store::entities::{self, agent};
use crate::store::operation::{self, Lease, OperationUpdate};
use crate::store::{Change, StoreError, SystemStore, TenantStore};

/// Ids or numbers in one statement.
const PER_STATEMENT: usize = 500;

/// A number that the carrier account holds, about to be taken over.
#[derive(Debug, Clone)]
pub struct NumberImport {
    /// The number.
    pub claim: NumberClaim,
    /// The carrier's id of the number, `PN…`.
    pub sid: String,
    /// What is set on it at the carrier, to be put back when it is given up.
    pub former_settings: Value,
    /// [`NumberOrigin::Imported`] or [`NumberOrigin::Hosted`].
    pub origin: NumberOrigin,
    /// Whether it goes to the tenant's pool. The agent of the operation is then only its last one.
    pub is_pooled: bool,
}

/// Who holds a number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Holder {
    /// The tenant.
    pub tenant: TenantId,
    /// The agent that it is assigned to; `None`: it is in the tenant's pool.
    pub agent: Option<AgentId>,
    /// The number's state. [`NumberStatus::Released`] is never one.
    pub status: NumberStatus,
}

/// The tenant of an agent, and whether the agent can get numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AgentOwner {
    /// The tenant that owns it.
    pub tenant: TenantId,
    /// The agent's state.
    pub status: AgentStatus,
}

impl SystemStore {
    /// Stores a number that takes calls from now on, and records the operation's next step, in one transaction. The plan's limit is
    /// counted under a lock. It is no purchase, and a quarantine does not apply: whoever holds the carrier account decides.
    ///
    /// # Errors
    /// [`ClaimError`]: nothing is written.
    pub async fn import_number(
        &self,
        lease: &Lease,
        import: NumberImport,
        update: OperationUpdate,
    ) -> Result<Operation, ClaimError> {
        let now = self.shared.clock.now();
        let transaction = self.begin().await?;
        let operation = operation::held(&transaction, lease).await?;
        if let Some(refusal) = plan_is_full(&transaction, &operation).await? {
            return Err(ClaimError::Limit(refusal));
        }
        let id = import.claim.id;
        let mut claimed = row(&operation, import.claim, now)?;
        claimed.origin = Set(import.origin.to_string());
        claimed.pooled_at = Set(import.is_pooled.then_some(now));
        insert_unless_held(&transaction, claimed).await?;
        // A second statement: other servers hear of changes of the status, not of new rows.
        Entity::update_many()
            .col_expr(Column::Status, Expr::value(NumberStatus::Active.as_str()))
            .col_expr(Column::Sid, Expr::value(import.sid))
            .col_expr(Column::ProvisionedAt, Expr::value(now))
            .col_expr(Alias::new(FORMER_SETTINGS), Expr::value(import.former_settings))
            .filter(Column::Id.eq(id.0))
            .exec(&transaction)
            .await?;
        let update = OperationUpdate { number_id: Some(id), ..update };
        let operation = operation::write(&transaction, &self.shared, lease, &update).await?;
        transaction.commit().await?;
        self.shared.publish(Change::Number { tenant: operation.tenant_id, id, is_released: false });
        self.shared.publish(operation::changed(&operation));
        Ok(operation)
    }

    /// Returns what was set on a number at the carrier before it was taken over; `None` if it was bought, or ported.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn former_settings(&self, id: NumberId) -> Result<Option<Value>, StoreError> {
        let mut query = Query::select();
        query.column(Alias::new(FORMER_SETTINGS)).from(Entity).and_where(Expr::col(Column::Id).eq(id.0));
        let row = self.db().query_one(&query).await?;
        Ok(row.map(|row| row.try_get_by_index::<Option<Value>>(0)).transpose()?.flatten())
    }

    /// Returns who holds which of these numbers.
    ///
    /// # Errors
    /// [`StoreError`]; [`StoreError::Corrupt`] if one of the rows is unreadable, which fails the whole read.
    pub async fn holders_of(&self, numbers: &[E164]) -> Result<HashMap<E164, Holder>, StoreError> {
        let mut holders = HashMap::new();
        for numbers in numbers.chunks(PER_STATEMENT) {
            let rows: Vec<(String, Uuid, Uuid, bool, String)> = Entity::find()
                .filter(Column::Number.is_in(numbers.iter().map(E164::as_str)))
                .filter(Column::Status.ne(NumberStatus::Released.as_str()))
                .select_only()
                .columns([Column::Number, Column::TenantId, Column::AgentId])
                .expr(Expr::col(Column::PooledAt).is_null())
                .column(Column::Status)
                .into_tuple()
                .all(self.db())
                .await?;
            for (number, tenant, agent, is_assigned, status) in rows {
                let agent = is_assigned.then_some(AgentId(agent));
                let status = entities::text(TABLE, "status", &status)?;
                let holder = Holder { tenant: TenantId(tenant), agent, status };
                holders.insert(entities::text(TABLE, "number", &number)?, holder);
            }
        }
        Ok(holders)
    }

    /// Returns the tenants of these agents. Agents that do not exist are missing.
    ///
    /// # Errors
    /// [`StoreError`]; [`StoreError::Corrupt`] if one of the rows is unreadable, which fails the whole read.
    pub async fn owners_of(&self, agents: &[AgentId]) -> Result<HashMap<AgentId, AgentOwner>, StoreError> {
        let mut owners = HashMap::new();
        for agents in agents.chunks(PER_STATEMENT) {
            let rows: Vec<(Uuid, Uuid, String)> = agent::Entity::find()
                .filter(agent::Column::Id.is_in(agents.iter().map(|id| id.0)))
                .select_only()
                .columns([agent::Column::Id, agent::Column::TenantId, agent::Column::Status])
                .into_tuple()
                .all(self.db())
                .await?;
            for (id, tenant, status) in rows {
                let status = entities::text("agents", "status", &status)?;
                owners.insert(AgentId(id), AgentOwner { tenant: TenantId(tenant), status });
            }
        }
        Ok(owners)
    }

    /// Returns which of these tenants exist.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn tenants_among(&self, ids: &[TenantId]) -> Result<Vec<TenantId>, StoreError> {
        let mut found = Vec::new();
        for ids in ids.chunks(PER_STATEMENT) {
            found.extend(self.tenants_by_id(ids).await?.into_iter().map(|tenant| tenant.id));
        }
        Ok(found)
    }
}

impl TenantStore {
    /// Returns the tenant's oldest agent that can get numbers: it is active or inactive.
    ///
    /// # Errors
    /// [`StoreError`]; [`StoreError::Corrupt`] if a stored value is unreadable.
    pub async fn oldest_agent(&self) -> Result<Option<AgentId>, StoreError> {
        let settled = [AgentStatus::Active, AgentStatus::Inactive].map(AgentStatus::as_str);
        let found: Option<Uuid> = agent::Entity::find()
            .filter(agent::Column::TenantId.eq(self.tenant.0))
            .filter(agent::Column::Status.is_in(settled))
            .order_by_asc(agent::Column::CreatedAt)
            .order_by_asc(agent::Column::Id)
            .select_only()
            .column(agent::Column::Id)
            .into_tuple()
            .one(&self.transaction)
            .await?;
        Ok(found.map(AgentId))
    }
}
