//! Assignment of numbers to agents, labels, and primary numbers.

use chrono::{DateTime, Utc};
use sea_orm::ActiveValue::Set;
use sea_orm::sea_query::Expr;
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter};

use crate::domain::{
    AgentId, CallGroupId, CarrierAccountId, NumberId, NumberLabel, NumberStatus, PhoneNumber,
};
use crate::store::entities::phone_number::{ActiveModel, Column, Entity};
use crate::store::{Change, StoreError, TenantStore};

/// Who answers the calls to a number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Assignee {
    /// An agent.
    Agent(AgentId),
    /// The members of a call group.
    Group(CallGroupId),
    /// Nobody: the number is in the tenant's pool.
    Pool,
}

impl Assignee {
    /// Who answers the calls to this number now.
    #[must_use]
    pub fn of(number: &PhoneNumber) -> Self {
        match (number.call_group_id, number.assigned_to()) {
            (Some(group), _) => Self::Group(group),
            (None, Some(agent)) => Self::Agent(agent),
            (None, None) => Self::Pool,
        }
    }
}

/// States in which a number can be assigned.
const SETTLED: [NumberStatus; 2] = [NumberStatus::Active, NumberStatus::Inactive];

impl TenantStore {
    /// Assigns an active or inactive number to an agent or a call group of the tenant, or puts it into the pool. `None` if the tenant has no such
    /// number in one of these states.
    ///
    /// # Errors
    /// [`StoreError`]; the transaction must then be dropped.
    pub async fn assign_number(&self, id: NumberId, to: Assignee) -> Result<Option<PhoneNumber>, StoreError> {
        let pooled_at = Set(Some(self.shared.clock.now()));
        let row = match to {
            Assignee::Agent(agent) => {
                ActiveModel { agent_id: Set(agent.0), pooled_at: Set(None), ..Default::default() }
            }
            Assignee::Group(_) | Assignee::Pool => ActiveModel { pooled_at, ..Default::default() },
        };
        let group = match to {
            Assignee::Group(group) => Some(group.0),
            Assignee::Agent(_) | Assignee::Pool => None,
        };
        let assigned = Entity::update_many()
            .set(ActiveModel { primary_since: Set(None), call_group_id: Set(group), ..row })
            .filter(Column::Status.is_in(SETTLED.map(NumberStatus::as_str)));
        self.publish_on_commit(Change::Number { tenant: self.tenant, id, is_released: false });
        self.change_number(id, assigned).await
    }

    /// Sets or removes the label of a number that is not released. `None` if the tenant has no such number.
    ///
    /// # Errors
    /// [`StoreError`]; the transaction must then be dropped.
    pub async fn label_number(
        &self,
        id: NumberId,
        label: Option<&NumberLabel>,
    ) -> Result<Option<PhoneNumber>, StoreError> {
        let labelled = Entity::update_many()
            .col_expr(Column::Label, Expr::value(label.map(NumberLabel::as_str)))
            .filter(Column::Status.ne(NumberStatus::Released.as_str()));
        self.change_number(id, labelled).await
    }

    /// Notes that an active or inactive number is being moved to this account; from now on both accounts may send its calls. `None`
    /// if the tenant has no such number in one of these states, or it is being moved.
    ///
    /// # Errors
    /// [`StoreError`]; the transaction must then be dropped.
    pub async fn begin_move(
        &self,
        id: NumberId,
        to: Option<CarrierAccountId>,
    ) -> Result<Option<PhoneNumber>, StoreError> {
        let row = ActiveModel {
            other_account_id: Set(to.map(|account| account.0)),
            moved_at: Set(Some(self.shared.clock.now())),
            is_moving: Set(true),
            ..Default::default()
        };
        let moving = Entity::update_many()
            .set(row)
            .filter(Column::IsMoving.eq(false))
            .filter(Column::Status.is_in(SETTLED.map(NumberStatus::as_str)));
        self.publish_on_commit(Change::Number { tenant: self.tenant, id, is_released: false });
        self.change_number(id, moving).await
    }

    /// Puts an agent's numbers into the pool, those that are being released among them. Returns their ids.
    ///
    /// # Errors
    /// [`StoreError`]; the transaction must then be dropped.
    pub async fn pool_numbers_of(&self, agent: AgentId) -> Result<Vec<NumberId>, StoreError> {
        let pooled = Entity::update_many()
            // `primary_since` stays, in case the agent gets them back.
            .col_expr(Column::PooledAt, Expr::value(self.shared.clock.now()))
            .filter(Column::TenantId.eq(self.tenant.0))
            .filter(Column::AgentId.eq(agent.0))
            .filter(Column::PooledAt.is_null())
            .filter(Column::Status.ne(NumberStatus::Released.as_str()))
            .exec_with_returning(&self.transaction)
            .await?;
        let ids: Vec<NumberId> = pooled.iter().map(|row| NumberId(row.id)).collect();
        for id in &ids {
            self.publish_on_commit(Change::Number { tenant: self.tenant, id: *id, is_released: false });
        }
        Ok(ids)
    }

    /// Makes an active number its agent's primary one. `None` if the tenant has no such number, it is in the pool, or it is not
    /// active. Lock the agent before: of two choices the later one then holds.
    ///
    /// # Errors
    /// [`StoreError`]; the transaction must then be dropped.
    pub async fn make_primary(
        &self,
        agent: AgentId,
        id: NumberId,
    ) -> Result<Option<PhoneNumber>, StoreError> {
        Entity::update_many()
            .col_expr(Column::PrimarySince, Expr::value(None::<DateTime<Utc>>))
            .filter(Column::TenantId.eq(self.tenant.0))
            .filter(Column::AgentId.eq(agent.0))
            .filter(Column::PooledAt.is_null())
            .filter(Column::PrimarySince.is_not_null())
            .exec(&self.transaction)
            .await?;
        let chosen = Entity::update_many()
            .col_expr(Column::PrimarySince, Expr::value(self.shared.clock.now()))
            .filter(Column::AgentId.eq(agent.0))
            .filter(Column::PooledAt.is_null())
            .filter(Column::Status.eq(NumberStatus::Active.as_str()));
        self.change_number(id, chosen).await
    }
}
