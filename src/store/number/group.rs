//! Call groups: stored with their members, and assigned to numbers.
//!
//! A change of a group touches its numbers, in the same transaction: their change marks and notifications tell every server of it.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use sea_orm::ActiveValue::Set;
use sea_orm::sea_query::{Expr, ExprTrait, Query, SelectStatement};
use sea_orm::{
    ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect, Select, UpdateMany,
};
use uuid::Uuid;

use crate::domain::{
    AgentId, CallGroup, CallGroupId, CallGroupMember, CallGroupName, CallGroupStrategy, NumberId,
    NumberStatus, PhoneNumber, TenantId,
};
use crate::store::call::holds_slot;
use crate::store::entities::call_group::{self, member};
use crate::store::entities::{self, call, phone_number};
use crate::store::page::{self, Cursor, Keyset, PageOf, PageRequest};
use crate::store::{Change, StoreError, TenantStore, dialect};

const KEYSET: Keyset<call_group::Column> =
    Keyset { at: call_group::Column::CreatedAt, id: call_group::Column::Id };

/// Changes to a call group; `None` leaves a field as it is.
#[derive(Debug, Clone, Default)]
pub struct CallGroupChanges {
    /// New name.
    pub name: Option<CallGroupName>,
    /// New strategy.
    pub strategy: Option<CallGroupStrategy>,
    /// New members, which replace all former ones.
    pub members: Option<Vec<CallGroupMember>>,
}

impl TenantStore {
    fn own_groups(&self) -> Select<call_group::Entity> {
        call_group::Entity::find().filter(call_group::Column::TenantId.eq(self.tenant.0))
    }

    /// Returns the call groups with these ids, in no order. Groups of other tenants are missing.
    ///
    /// # Errors
    /// [`StoreError`]; [`StoreError::Corrupt`] if one of the rows is unreadable, which fails the whole read.
    pub async fn call_groups_by_id(&self, ids: &[CallGroupId]) -> Result<Vec<CallGroup>, StoreError> {
        let wanted = call_group::Column::Id.is_in(ids.iter().map(|id| id.0));
        let rows = entities::found(&self.transaction, self.own_groups().filter(wanted)).await?;
        let rows = rows.iter().map(entities::decoded).collect::<Result<Vec<call_group::Model>, _>>()?;
        self.with_members(rows).await
    }

    /// Returns a page of the tenant's call groups, newest first.
    ///
    /// # Errors
    /// [`StoreError`]; [`StoreError::Corrupt`] if one of the rows is unreadable, which fails the whole read.
    pub async fn call_groups(&self, page: PageRequest) -> Result<PageOf<CallGroup>, StoreError> {
        let rows = page::page(&self.transaction, self.own_groups(), KEYSET, page, |row| {
            Ok((Cursor { at: row.created_at, id: row.id }, row))
        });
        let PageOf { items, has_next, has_previous } = rows.await?;
        let (cursors, rows): (Vec<_>, Vec<_>) = items.into_iter().unzip();
        let groups = self.with_members(rows).await?;
        Ok(PageOf { items: cursors.into_iter().zip(groups).collect(), has_next, has_previous })
    }

    /// Keeps other requests from creating call groups of the tenant until the transaction ends, so that a count stays exact.
    ///
    /// # Errors
    /// [`StoreError`], also if the lock is not granted in time.
    pub async fn lock_call_groups(&self) -> Result<(), StoreError> {
        Ok(dialect::lock_call_groups(&self.transaction, self.tenant).await?)
    }

    /// Counts the tenant's call groups.
    ///
    /// # Errors
    /// [`StoreError`] if the query fails.
    pub async fn count_call_groups(&self) -> Result<i64, StoreError> {
        page::count(&self.transaction, self.own_groups()).await
    }

    /// Returns a call group, locked until the transaction ends if this store may write. `None` if the tenant has no such group.
    ///
    /// # Errors
    /// [`StoreError`]; [`StoreError::Corrupt`] if a stored value is unreadable.
    pub async fn call_group(&self, id: CallGroupId) -> Result<Option<CallGroup>, StoreError> {
        let mut query = self.own_groups().filter(call_group::Column::Id.eq(id.0));
        if self.is_writing() {
            dialect::lock_rows(&self.transaction, QuerySelect::query(&mut query));
        }
        let rows = query.one(&self.transaction).await?.into_iter().collect();
        Ok(self.with_members(rows).await?.pop())
    }

    async fn with_members(&self, rows: Vec<call_group::Model>) -> Result<Vec<CallGroup>, StoreError> {
        let mut members = HashMap::<Uuid, Vec<CallGroupMember>>::new();
        if !rows.is_empty() {
            let found = member::Entity::find()
                .filter(member::Column::TenantId.eq(self.tenant.0))
                .filter(member::Column::CallGroupId.is_in(rows.iter().map(|row| row.id)))
                .order_by_asc(member::Column::Position);
            for row in found.all(&self.transaction).await? {
                members.entry(row.call_group_id).or_default().push(row.try_into()?);
            }
        }
        rows.into_iter()
            .map(|row| {
                let members = members.remove(&row.id).unwrap_or_default();
                row.with(members)
            })
            .collect()
    }

    /// Stores a new call group. Lock its members' agents before.
    ///
    /// # Errors
    /// [`StoreError`]; the transaction must then be dropped.
    pub async fn insert_call_group(
        &self,
        name: CallGroupName,
        strategy: CallGroupStrategy,
        members: Vec<CallGroupMember>,
    ) -> Result<CallGroup, StoreError> {
        let now = self.shared.clock.now();
        let id = CallGroupId(self.shared.entropy.uuid(now));
        let version = 1;
        let row = call_group::ActiveModel {
            id: Set(id.0),
            tenant_id: Set(self.tenant.0),
            name: Set(name.to_string()),
            strategy: Set(strategy.to_string()),
            created_at: Set(now),
            updated_at: Set(now),
            version: Set(version),
        };
        call_group::Entity::insert(row).exec_without_returning(&self.transaction).await?;
        self.insert_members(id, &members).await?;
        Ok(CallGroup { id, tenant_id: self.tenant, name, strategy, members, created_at: now, version })
    }

    /// Changes a call group, and increments its version. Lock the new members' agents and the group before.
    ///
    /// # Errors
    /// [`StoreError`]; the transaction must then be dropped.
    pub async fn update_call_group(
        &self,
        id: CallGroupId,
        changes: &CallGroupChanges,
    ) -> Result<(), StoreError> {
        let mut row =
            call_group::ActiveModel { updated_at: Set(self.shared.clock.now()), ..Default::default() };
        if let Some(name) = &changes.name {
            row.name = Set(name.to_string());
        }
        if let Some(strategy) = changes.strategy {
            row.strategy = Set(strategy.to_string());
        }
        let version = call_group::Column::Version;
        call_group::Entity::update_many()
            .set(row)
            .col_expr(version, Expr::col(version).add(1))
            .filter(call_group::Column::Id.eq(id.0))
            .filter(call_group::Column::TenantId.eq(self.tenant.0))
            .exec(&self.transaction)
            .await?;
        if let Some(members) = &changes.members {
            self.delete_members(id).await?;
            self.insert_members(id, members).await?;
        }
        self.change_numbers_of(id, Some(id)).await
    }

    /// Deletes a call group. Its numbers go to the tenant's pool.
    ///
    /// # Errors
    /// [`StoreError`]; the transaction must then be dropped.
    pub async fn delete_call_group(&self, id: CallGroupId) -> Result<(), StoreError> {
        self.change_numbers_of(id, None).await?;
        self.delete_members(id).await?;
        call_group::Entity::delete_many()
            .filter(call_group::Column::Id.eq(id.0))
            .filter(call_group::Column::TenantId.eq(self.tenant.0))
            .exec(&self.transaction)
            .await?;
        Ok(())
    }

    async fn insert_members(
        &self,
        group: CallGroupId,
        members: &[CallGroupMember],
    ) -> Result<(), StoreError> {
        let rows = members.iter().zip(0..).map(|(one, position)| member::ActiveModel {
            call_group_id: Set(group.0),
            agent_id: Set(one.agent_id.0),
            tenant_id: Set(self.tenant.0),
            position: Set(position),
            weight: Set(one.weight.into()),
            max_calls: Set(one.max_calls.map(i32::from)),
        });
        member::Entity::insert_many(rows).exec_without_returning(&self.transaction).await?;
        Ok(())
    }

    async fn delete_members(&self, group: CallGroupId) -> Result<(), StoreError> {
        member::Entity::delete_many()
            .filter(member::Column::CallGroupId.eq(group.0))
            .filter(member::Column::TenantId.eq(self.tenant.0))
            .exec(&self.transaction)
            .await?;
        Ok(())
    }

    /// Writes the group of all numbers of a group: the same again, so that they count as changed, or none.
    async fn change_numbers_of(&self, id: CallGroupId, to: Option<CallGroupId>) -> Result<(), StoreError> {
        let changed = phone_number::Entity::update_many()
            .col_expr(phone_number::Column::CallGroupId, Expr::value(to.map(|to| to.0)))
            .filter(phone_number::Column::TenantId.eq(self.tenant.0))
            .filter(phone_number::Column::CallGroupId.eq(id.0))
            .exec_with_returning(&self.transaction)
            .await?;
        for row in changed {
            let (id, is_released) = (NumberId(row.id), false);
            self.publish_on_commit(Change::Number { tenant: self.tenant, id, is_released });
        }
        Ok(())
    }

    /// Returns the numbers of a call group that take calls, at most 1000.
    ///
    /// # Errors
    /// [`StoreError`]; [`StoreError::Corrupt`] if one of the rows is unreadable, which fails the whole read.
    pub async fn numbers_of_call_group(&self, id: CallGroupId) -> Result<Vec<PhoneNumber>, StoreError> {
        let query = self
            .own_numbers()
            .filter(phone_number::Column::CallGroupId.eq(id.0))
            .filter(phone_number::Column::Status.is_in(NumberStatus::TAKING_CALLS.map(NumberStatus::as_str)))
            .limit(1000);
        entities::all(&self.transaction, query).await
    }

    /// Counts the open calls that these agents have now. Agents without any are missing.
    ///
    /// # Errors
    /// [`StoreError`] if the query fails.
    pub async fn open_calls_of(&self, agents: &[AgentId]) -> Result<HashMap<AgentId, i64>, StoreError> {
        let open = call::Entity::find()
            .filter(call::Column::TenantId.eq(self.tenant.0))
            .filter(holds_slot())
            .filter(call::Column::AgentId.is_in(agents.iter().map(|agent| agent.0)));
        page::count_each(&self.transaction, open, call::Column::AgentId).await
    }
}

/// Removes a deleted agent from its call groups, which increments their versions, and touches their numbers.
pub(in crate::store) async fn remove_agent(
    db: &impl ConnectionTrait,
    tenant: TenantId,
    agent: AgentId,
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    // Locked in the order of their ids, so that deletions of two agents with the same groups do not wait for each other; and before
    // their numbers, as in every change of a group.
    let mut groups = call_group::Entity::find()
        .select_only()
        .column(call_group::Column::Id)
        .filter(call_group::Column::TenantId.eq(tenant.0))
        .filter(call_group::Column::Id.in_subquery(groups_of(&[agent.0])))
        .order_by_asc(call_group::Column::Id);
    dialect::lock_rows(db, QuerySelect::query(&mut groups));
    let groups: Vec<Uuid> = groups.into_tuple().all(db).await?;
    if groups.is_empty() {
        return Ok(());
    }
    let version = call_group::Column::Version;
    call_group::Entity::update_many()
        .col_expr(version, Expr::col(version).add(1))
        .col_expr(call_group::Column::UpdatedAt, Expr::value(now))
        .filter(call_group::Column::TenantId.eq(tenant.0))
        .filter(call_group::Column::Id.is_in(groups.iter().copied()))
        .exec(db)
        .await?;
    touch(phone_number::Entity::update_many())
        .filter(phone_number::Column::TenantId.eq(tenant.0))
        .filter(phone_number::Column::CallGroupId.is_in(groups))
        .exec(db)
        .await?;
    member::Entity::delete_many()
        .filter(member::Column::TenantId.eq(tenant.0))
        .filter(member::Column::AgentId.eq(agent.0))
        .exec(db)
        .await?;
    Ok(())
}

fn touch(numbers: UpdateMany<phone_number::Entity>) -> UpdateMany<phone_number::Entity> {
    let group = phone_number::Column::CallGroupId;
    numbers.col_expr(group, Expr::col(group))
}

/// The groups that have one of these agents.
pub(super) fn groups_of(agents: &[Uuid]) -> SelectStatement {
    Query::select()
        .column(member::Column::CallGroupId)
        .from(member::Entity)
        .and_where(member::Column::AgentId.is_in(agents.iter().copied()))
        .take()
}

/// Whether a group lets this agent have one more call through this number.
pub(in crate::store) async fn has_room(
    db: &impl ConnectionTrait,
    tenant: TenantId,
    number: NumberId,
    agent: AgentId,
) -> Result<bool, StoreError> {
    let group = Query::select()
        .column(phone_number::Column::CallGroupId)
        .from(phone_number::Entity)
        .and_where(phone_number::Column::Id.eq(number.0))
        .take();
    let most: Option<Option<i32>> = member::Entity::find()
        .filter(member::Column::CallGroupId.in_subquery(group))
        .filter(member::Column::AgentId.eq(agent.0))
        .select_only()
        .column(member::Column::MaxCalls)
        .into_tuple()
        .one(db)
        .await?;
    let Some(most) = most.flatten() else { return Ok(true) };
    let open = call::Entity::find()
        .filter(call::Column::TenantId.eq(tenant.0))
        .filter(call::Column::AgentId.eq(agent.0))
        .filter(holds_slot());
    Ok(page::count(db, open).await? < i64::from(most))
}
