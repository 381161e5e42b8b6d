//! Calls, as tenants see them. [`admit`] admits them, [`claim`] decides which server answers, [`answer`], [`record`] and
//! [`report`] record what happens to them, [`totals`] and [`statistics`] count them.

mod admit;
mod answer;
mod claim;
mod record;
mod report;
mod statistics;
mod totals;

pub(super) use admit::Admission;
pub use admit::{CallSlot, Route};
pub use answer::AnswerRecord;
pub use claim::AnswerClaim;
pub(super) use record::AnsweredCall;
pub(super) use report::CarrierReport;
pub use statistics::{CallCounts, Counting, CountingRound};
pub use totals::KindUsage;

use std::collections::HashMap;

use chrono::{DateTime, TimeDelta, Utc};
use sea_orm::sea_query::{Expr, ExprTrait, Query};
use sea_orm::{
    ColumnTrait, Condition, ConnectionTrait, EntityTrait, FromQueryResult, QueryFilter, QueryOrder,
    QuerySelect, QueryTrait, Select,
};

use super::entities::{self, agent, call, phone_number};
use super::page::{self, Cursor, Keyset, Page, PageOf, PageRequest};
use super::{Change, StoreError, TenantStore};
use crate::domain::{AgentId, AnsweringAgent, Call, CallId, CallStatus, NumberId};

/// Filter for calls. All given conditions must match.
#[derive(Debug, Clone, Default)]
pub struct CallFilter {
    /// Only calls to this agent.
    pub agent: Option<AgentId>,
    /// Only calls to this number.
    pub number: Option<NumberId>,
    /// Only calls in this status.
    pub status: Option<CallStatus>,
    /// Only calls that came in at or after this time.
    pub started_after: Option<DateTime<Utc>>,
    /// Only calls that came in before this time.
    pub started_before: Option<DateTime<Utc>>,
}

/// Maximum duration of a call: four hours, at which Twilio ends a dialled call by default.
const LONGEST_CALL: TimeDelta = TimeDelta::hours(4);
const KEYSET: Keyset<call::Column> = Keyset { at: call::Column::StartedAt, id: call::Column::Id };

impl TenantStore {
    fn own_calls(&self) -> Select<call::Entity> {
        call::Entity::find().filter(call::Column::TenantId.eq(self.tenant.0))
    }

    /// Counts the calls that hold one of the plan's call slots.
    ///
    /// # Errors
    /// [`StoreError`] if the query fails.
    pub async fn active_calls(&self) -> Result<i64, StoreError> {
        page::count(&self.transaction, self.own_calls().filter(holds_slot())).await
    }

    /// The calls with these ids, in no particular order.
    ///
    /// # Errors
    /// [`StoreError`]; [`StoreError::Corrupt`] if one of the rows is unreadable, which fails the whole read.
    pub async fn calls_by_id(&self, ids: &[CallId]) -> Result<Vec<Call>, StoreError> {
        let wanted = call::Column::Id.is_in(ids.iter().map(|id| id.0));
        entities::all(&self.transaction, self.own_calls().filter(wanted)).await
    }

    /// Calls that changed since an instant, in the order of their changes, up to a maximum. Calls that began more than four
    /// hours earlier are left out.
    ///
    /// # Errors
    /// [`StoreError`]; [`StoreError::Corrupt`] if one of the rows is unreadable, which fails the whole read.
    pub async fn calls_changed_since(
        &self,
        since: DateTime<Utc>,
        most: u64,
    ) -> Result<Vec<Call>, StoreError> {
        use call::Column;
        let query = self
            .own_calls()
            // Uses the index on the start of calls; there is none on the time of a change.
            .filter(Column::StartedAt.gte(since - LONGEST_CALL))
            .filter(Column::UpdatedAt.gte(since))
            .order_by_asc(Column::UpdatedAt)
            .limit(most);
        entities::all(&self.transaction, query).await
    }

    /// A page of calls, newest first.
    ///
    /// # Errors
    /// [`StoreError`]; [`StoreError::Corrupt`] if one of the rows is unreadable, which fails the whole read.
    pub async fn calls(&self, filter: &CallFilter, page: PageRequest) -> Result<PageOf<Call>, StoreError> {
        let query = filtered(self.own_calls(), filter);
        page::page(&self.transaction, query, KEYSET, page, |row| {
            Ok((Cursor { at: row.started_at, id: row.id }, row.try_into()?))
        })
        .await
    }

    /// Counts the calls that match a filter.
    ///
    /// # Errors
    /// [`StoreError`] if the query fails.
    pub async fn count_calls(&self, filter: &CallFilter) -> Result<i64, StoreError> {
        // A few rows of totals answer most filters. Counting reads every call, however many there are.
        match self.count_by_totals(filter).await? {
            Some(count) => Ok(count),
            None => page::count(&self.transaction, filtered(self.own_calls(), filter)).await,
        }
    }

    /// A page of calls for each of these agents, in one statement. Agents without calls are missing.
    ///
    /// # Errors
    /// [`StoreError`]; [`StoreError::Corrupt`] if one of the rows is unreadable, which fails the whole read.
    pub async fn calls_of_each(
        &self,
        agents: &[AgentId],
        page: Page,
    ) -> Result<HashMap<AgentId, PageOf<Call>>, StoreError> {
        let agent = call::Column::AgentId;
        let query = self.own_calls().filter(agent.is_in(agents.iter().map(|id| id.0)));
        page::page_each(&self.transaction, query, KEYSET, agent, page, |row| {
            let at = Cursor { at: row.started_at, id: row.id };
            Ok((AgentId(row.agent_id), at, row.try_into()?))
        })
        .await
    }

    /// The number of calls of each of these agents, in one statement. Agents without calls are missing.
    ///
    /// # Errors
    /// [`StoreError`] if the query fails.
    pub async fn count_calls_of_each(&self, agents: &[AgentId]) -> Result<HashMap<AgentId, i64>, StoreError> {
        self.count_each_by_totals(agents).await
    }
}

/// Open calls: their end is not recorded yet. However long ago a call began, only the carrier knows whether it has ended.
fn under_way() -> Expr {
    status().is_in(CallStatus::UNDER_WAY.map(literal))
}

/// A status as a literal: a partial index on some statuses cannot serve a parameter, which might be another status.
fn literal(status: CallStatus) -> Expr {
    Expr::Constant(status.as_str().into())
}

fn status() -> Expr {
    Expr::col((call::Entity, call::Column::Status))
}

/// Calls that hold a call slot: open and admitted. The statements that admit calls repeat this condition; a test
/// compares all of them with the domain.
pub(super) fn holds_slot() -> Condition {
    Condition::all().add(under_way()).add(call::Column::Admitted.eq(true))
}

fn filtered(mut query: Select<call::Entity>, filter: &CallFilter) -> Select<call::Entity> {
    use call::Column;
    if let Some(agent) = filter.agent {
        query = query.filter(Column::AgentId.eq(agent.0));
    }
    if let Some(number) = filter.number {
        query = query.filter(Column::PhoneNumberId.eq(number.0));
    }
    if let Some(wanted) = filter.status {
        query = query.filter(status().eq(literal(wanted)));
        if !wanted.is_final() {
            // Redundant, but without it SQLite does not use the partial index on these statuses.
            query = query.filter(under_way());
        }
    }
    if let Some(after) = filter.started_after {
        query = query.filter(Column::StartedAt.gte(after));
    }
    if let Some(before) = filter.started_before {
        query = query.filter(Column::StartedAt.lt(before));
    }
    query
}

fn changed(call: &Call) -> Change {
    Change::Call { tenant: call.tenant_id, id: call.id, agent: call.agent_id }
}

async fn find_by_sid(db: &impl ConnectionTrait, sid: &str) -> Result<Option<call::Model>, StoreError> {
    Ok(call::Entity::find().filter(call::Column::Sid.eq(sid)).one(db).await?)
}

/// Reads the agent of a stored call. It answers no call that came in while the number was in the pool, unless a call group
/// offered it the call.
async fn agent_of(db: &impl ConnectionTrait, row: &call::Model) -> Result<AnsweringAgent, StoreError> {
    // In one statement: a repeated announcement costs no more than it must.
    let pooled_at = Query::select()
        .column(phone_number::Column::PooledAt)
        .from(phone_number::Entity)
        .and_where(Expr::col((phone_number::Entity, phone_number::Column::Id)).eq(row.phone_number_id))
        .to_owned();
    let found = agent::Entity::find_by_id(row.agent_id)
        .select_only()
        .columns(agent::AnsweringRow::COLUMNS)
        .expr_as(Expr::SubQuery(None, Box::new(pooled_at.into())), "pooled_at");
    let found = db.query_one(&found.into_query()).await?;
    let found = found.ok_or(StoreError::Corrupt { table: "calls", column: "agent_id" })?;
    let agent = AnsweringAgent::try_from(agent::AnsweringRow::from_query_result(&found, "")?)?;
    let pooled_at: Option<DateTime<Utc>> = found.try_get("", "pooled_at")?;
    let is_offered = row.decision.get("group").is_some();
    let was_pooled = !is_offered && pooled_at.is_some_and(|at| at <= row.started_at);
    Ok(if was_pooled { agent.withdrawn() } else { agent })
}
