//! Call groups of cached numbers: their members with the agent data needed to answer.

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;

use sea_orm::sea_query::{Alias, Expr, ExprTrait, Order, Query};
use sea_orm::{ConnectionTrait, IdenStatic, QueryResult};
use uuid::Uuid;

use crate::domain::{AnsweringAgent, CallGroupId, CallGroupStrategy};
use crate::store::entities::call_group::{self, member};
use crate::store::entities::{self, agent};
use crate::store::{StoreError, SystemStore};

/// Prefix of the agent's columns in the joined row.
const OF_AGENT: &str = "agent__";

/// A call group as the cache has it, with its members in their order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::store) struct CachedGroup {
    pub(in crate::store) id: CallGroupId,
    pub(in crate::store) strategy: CallGroupStrategy,
    pub(in crate::store) members: Vec<CachedMember>,
}

/// A member of a call group, or the agent of a number without one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::store) struct CachedMember {
    /// The agent, as far as its row is readable.
    pub(in crate::store) agent: AnsweringAgent,
    /// Change mark of the agent's row.
    pub(in crate::store) changed: i64,
    pub(in crate::store) weight: u16,
    pub(in crate::store) max_calls: Option<u16>,
}

impl CachedGroup {
    /// The members that the group offers this call to, in this order.
    pub(super) fn offers(&self, sid: &str) -> Vec<CachedMember> {
        let offered = self.strategy.offers(sid, &self.members, |member| (&member.agent, member.weight));
        offered.into_iter().cloned().collect()
    }

    /// A value that differs from that of another content.
    pub(super) fn mark(&self) -> u64 {
        let mut hasher = DefaultHasher::new();
        (self.id, self.strategy).hash(&mut hasher);
        for CachedMember { agent, changed, weight, max_calls } in &self.members {
            (agent.id, changed, weight, max_calls).hash(&mut hasher);
        }
        hasher.finish()
    }
}

/// Reads call groups with their members.
pub(super) async fn read(
    store: &SystemStore,
    ids: Vec<Uuid>,
) -> Result<HashMap<Uuid, Arc<CachedGroup>>, StoreError> {
    if ids.is_empty() {
        return Ok(HashMap::new());
    }
    let of_member = |column: member::Column| Expr::col((member::Entity, column));
    let of_group = |column: call_group::Column| Expr::col((call_group::Entity, column));
    let of_agent = |column: agent::Column| Expr::col((agent::Entity, column));
    let mut query = Query::select();
    query
        .columns([
            (call_group::Entity, call_group::Column::Id),
            (call_group::Entity, call_group::Column::Strategy),
        ])
        .columns([(member::Entity, member::Column::Weight), (member::Entity, member::Column::MaxCalls)])
        .from(call_group::Entity)
        // Outer: a group may have lost all its members.
        .left_join(
            member::Entity,
            of_member(member::Column::CallGroupId).eq(of_group(call_group::Column::Id)),
        )
        .left_join(agent::Entity, of_agent(agent::Column::Id).eq(of_member(member::Column::AgentId)))
        .and_where(of_group(call_group::Column::Id).is_in(ids))
        .order_by((call_group::Entity, call_group::Column::Id), Order::Asc)
        .order_by((member::Entity, member::Column::Position), Order::Asc);
    for column in agent::AnsweringRow::COLUMNS.into_iter().chain([agent::Column::Changed]) {
        query.expr_as(of_agent(column), Alias::new(format!("{OF_AGENT}{}", column.as_str())));
    }
    let mut groups = HashMap::<Uuid, CachedGroup>::new();
    for row in store.db().query_all(&query).await? {
        let id: Uuid = row.try_get("", "id")?;
        let strategy: String = row.try_get("", "strategy")?;
        let group = groups.entry(id).or_insert_with(|| CachedGroup {
            id: CallGroupId(id),
            // Unreadable, written by a newer version for example: the first member that has room answers.
            strategy: strategy.parse().unwrap_or(CallGroupStrategy::Overflow),
            members: Vec::new(),
        });
        match read_member(&row) {
            Ok(member) => group.members.extend(member),
            Err(failure) => store.report_row(member::TABLE, || entities::id(&row), &row, &[failure]),
        }
    }
    Ok(groups.into_iter().map(|(id, group)| (id, Arc::new(group))).collect())
}

fn read_member(row: &QueryResult) -> Result<Option<CachedMember>, StoreError> {
    let Some(weight) = row.try_get::<Option<i32>>("", "weight")? else { return Ok(None) };
    let small = |column, number| {
        u16::try_from(number).map_err(|_| StoreError::Corrupt { table: member::TABLE, column })
    };
    let max_calls: Option<i32> = row.try_get("", "max_calls")?;
    let (agent, _unreadable) = agent::as_far_as_readable(row, OF_AGENT)?;
    Ok(Some(CachedMember {
        agent,
        changed: row.try_get(OF_AGENT, agent::Column::Changed.as_str())?,
        weight: small("weight", weight)?,
        max_calls: max_calls.map(|most| small("max_calls", most)).transpose()?,
    }))
}
