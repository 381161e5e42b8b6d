//! Calls: who answers, what became of them.

use chrono::{DateTime, TimeDelta, Utc};
use sea_orm::ActiveValue::Set;
use sea_orm::sea_query::OnConflict;
use sea_orm::{
    ColumnTrait, Condition, ConnectionTrait, DatabaseTransaction, EntityTrait, PaginatorTrait, QueryFilter,
    QuerySelect, Select,
};

use super::entities::{self, agent, call, phone_number};
use super::page::{self, Cursor, Keyset, PageOf, PageRequest};
use super::{Change, StoreError, SystemStore, TenantStore, dialect, tenant};
use crate::domain::{
    Agent, AgentId, Call, CallDirection, CallId, CallOutcome, CallStatus, E164, NumberId, NumberStatus,
    TenantId,
};

/// Which calls.
#[derive(Debug, Clone, Default)]
pub struct CallFilter {
    /// Only this agent's.
    pub agent: Option<AgentId>,
    /// Only this number's.
    pub number: Option<NumberId>,
    /// Only these.
    pub status: Option<CallStatus>,
    /// Only those that came in at or after this instant.
    pub started_after: Option<DateTime<Utc>>,
    /// Only those that came in before this instant.
    pub started_before: Option<DateTime<Utc>>,
}

/// A call as the carrier announces it.
#[derive(Debug, Clone)]
pub struct IncomingCall {
    /// The carrier's id.
    pub sid: String,
    /// The caller.
    pub from: String,
    /// The number called.
    pub to: E164,
}

/// Where a call goes: its record, its agent, and whether the plan has room.
#[derive(Debug, Clone)]
pub struct Route {
    /// The call's record, new or found.
    pub call: Call,
    /// Who answers.
    pub agent: Agent,
    /// Whether the tenant's concurrent calls allow it.
    pub admitted: bool,
    /// What this call was answered with before, when it was.
    pub answered: Option<String>,
}

const KEYSET: Keyset<call::Column> = Keyset { at: call::Column::StartedAt, id: call::Column::Id };

/// Twilio ends a call after four hours unless told otherwise. One whose end was never reported does not hold a
/// place for ever.
const LONGEST_CALL: TimeDelta = TimeDelta::hours(4);

impl TenantStore {
    fn own_calls(&self) -> Select<call::Entity> {
        call::Entity::find().filter(call::Column::TenantId.eq(self.tenant.0))
    }

    /// Calls under way.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn active_calls(&self) -> Result<i64, StoreError> {
        let live = self.own_calls().filter(live(self.shared.clock.now()));
        page::count(&self.transaction, live).await
    }

    /// These calls, in no order.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn calls_by_id(&self, ids: &[CallId]) -> Result<Vec<Call>, StoreError> {
        let wanted = call::Column::Id.is_in(ids.iter().map(|id| id.0));
        entities::all(self.own_calls().filter(wanted).all(&self.transaction).await?)
    }

    /// A page of calls, newest first.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn calls(&self, filter: &CallFilter, page: PageRequest) -> Result<PageOf<Call>, StoreError> {
        let query = filtered(self.own_calls(), filter);
        page::page(&self.transaction, query, KEYSET, page, |row| {
            Ok((Cursor { at: row.started_at, id: row.id }, row.try_into()?))
        })
        .await
    }

    /// How many calls.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn count_calls(&self, filter: &CallFilter) -> Result<i64, StoreError> {
        page::count(&self.transaction, filtered(self.own_calls(), filter)).await
    }
}

impl SystemStore {
    /// Finds who answers a number and writes the call down, once however often it is announced. A number about to
    /// be released still answers. Until [`Self::record_answer`] the record's outcome is the worst that can come of it.
    /// `None`: no active number of ours.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn admit_call(&self, id: CallId, call: &IncomingCall) -> Result<Option<Route>, StoreError> {
        let now = self.shared.clock.now();
        if let Some(row) = find_by_sid(self.db(), &call.sid).await? {
            return route(self.db(), row).await.map(Some);
        }
        let transaction = self.begin().await?;
        let answering = [NumberStatus::Active.as_str(), NumberStatus::Releasing.as_str()];
        let Some(number) = phone_number::Entity::find()
            .filter(phone_number::Column::Number.eq(call.to.as_str()))
            .filter(phone_number::Column::Status.is_in(answering))
            .one(&transaction)
            .await?
        else {
            return Ok(None);
        };
        let admitted = has_room(&transaction, TenantId(number.tenant_id), now).await?;
        let inserted = call::Entity::insert(new_row(id, call, &number, admitted, now))
            .on_conflict(OnConflict::column(call::Column::Sid).do_nothing().to_owned())
            .exec_without_returning(&transaction)
            .await?;
        // Announced twice at once: what the other wrote holds.
        let row = find_by_sid(&transaction, &call.sid).await?;
        let row = row.ok_or(StoreError::Corrupt { table: "calls", column: "sid" })?;
        let route = route(&transaction, row).await?;
        transaction.commit().await?;
        if inserted > 0 {
            self.shared.tell(changed(&route.call));
        }
        Ok(Some(route))
    }

    /// Writes down what a call was answered with.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn record_answer(
        &self,
        id: CallId,
        outcome: CallOutcome,
        conversation_id: Option<&str>,
        twiml: &str,
    ) -> Result<(), StoreError> {
        let mut row = call::ActiveModel {
            outcome: Set(outcome.to_string()),
            answer_twiml: Set(Some(twiml.to_owned())),
            ..Default::default()
        };
        if let Some(conversation_id) = conversation_id {
            row.conversation_id = Set(Some(conversation_id.to_owned()));
        }
        self.change_call(id, row).await.map(drop)
    }

    /// A call by the carrier's id, with its agent.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn call_by_sid(&self, sid: &str) -> Result<Option<(Call, Agent)>, StoreError> {
        let Some(row) = find_by_sid(self.db(), sid).await? else { return Ok(None) };
        let agent = agent_of(self.db(), &row).await?;
        Ok(Some((row.try_into()?, agent)))
    }

    /// Moves a call on to a reported status, if that is ahead ([`CallStatus::then`]). `None`: unknown call.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn report_call(
        &self,
        sid: &str,
        status: CallStatus,
        duration_seconds: Option<i32>,
    ) -> Result<Option<Call>, StoreError> {
        let now = self.shared.clock.now();
        self.report(call::Column::Sid.eq(sid), |before| {
            let status = before.status.then(status);
            let ended_at = before.ended_at.or(status.is_final().then_some(now));
            let duration_seconds = before.duration_seconds.or(duration_seconds.filter(|_| status.is_final()));
            Call { status, ended_at, duration_seconds, ..before }
        })
        .await
    }

    /// Fills in what the voice provider says of a conversation. `None`: no call has it.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn report_conversation(
        &self,
        conversation_id: &str,
        duration_seconds: Option<i32>,
    ) -> Result<Option<Call>, StoreError> {
        // The carrier's count is what is billed: the provider's only fills the gap.
        self.report(call::Column::ConversationId.eq(conversation_id), |before| Call {
            duration_seconds: before.duration_seconds.or(duration_seconds),
            ..before
        })
        .await
    }

    async fn report(
        &self,
        which: sea_orm::sea_query::Expr,
        change: impl FnOnce(Call) -> Call,
    ) -> Result<Option<Call>, StoreError> {
        let transaction = self.begin().await?;
        let mut query = call::Entity::find().filter(which);
        dialect::lock_rows(&transaction, QuerySelect::query(&mut query));
        let Some(row) = query.one(&transaction).await? else { return Ok(None) };
        let before = Call::try_from(row)?;
        let after = change(before.clone());
        if after == before {
            return Ok(Some(before));
        }
        let row = call::ActiveModel {
            status: Set(after.status.to_string()),
            ended_at: Set(after.ended_at),
            duration_seconds: Set(after.duration_seconds.map(|seconds| seconds.max(0))),
            ..Default::default()
        };
        update(&transaction, after.id, row, self.shared.clock.now()).await?;
        transaction.commit().await?;
        self.shared.tell(changed(&after));
        Ok(Some(after))
    }

    async fn change_call(&self, id: CallId, row: call::ActiveModel) -> Result<(), StoreError> {
        if let Some(call) = update(self.db(), id, row, self.shared.clock.now()).await? {
            self.shared.tell(changed(&call));
        }
        Ok(())
    }
}

fn changed(call: &Call) -> Change {
    Change::Call { tenant: call.tenant_id, id: call.id, agent: call.agent_id }
}

/// Under way and holding one of the tenant's places: a call that was not admitted holds none.
fn live(now: DateTime<Utc>) -> Condition {
    let states = [CallStatus::Ringing.as_str(), CallStatus::InProgress.as_str()];
    Condition::all()
        .add(call::Column::Status.is_in(states))
        .add(call::Column::Admitted.eq(true))
        .add(call::Column::StartedAt.gt(now - LONGEST_CALL))
}

async fn has_room(
    transaction: &DatabaseTransaction,
    tenant: TenantId,
    now: DateTime<Utc>,
) -> Result<bool, StoreError> {
    let tenant = tenant::find_locked(transaction, tenant).await?;
    let busy = call::Entity::find()
        .filter(call::Column::TenantId.eq(tenant.id.0))
        .filter(live(now))
        .count(transaction)
        .await?;
    Ok(busy < u64::from(tenant.limits.concurrent_calls))
}

fn new_row(
    id: CallId,
    call: &IncomingCall,
    number: &phone_number::Model,
    admitted: bool,
    now: DateTime<Utc>,
) -> call::ActiveModel {
    let outcome = if admitted { CallOutcome::Unavailable } else { CallOutcome::Busy };
    call::ActiveModel {
        id: Set(id.0),
        tenant_id: Set(number.tenant_id),
        agent_id: Set(number.agent_id),
        phone_number_id: Set(number.id),
        sid: Set(call.sid.clone()),
        direction: Set(CallDirection::Inbound.to_string()),
        caller: Set(call.from.clone()),
        called: Set(call.to.to_string()),
        status: Set(CallStatus::Ringing.to_string()),
        outcome: Set(outcome.to_string()),
        admitted: Set(admitted),
        conversation_id: Set(None),
        answer_twiml: Set(None),
        duration_seconds: Set(None),
        sequence: Set(0),
        started_at: Set(now),
        ended_at: Set(None),
        updated_at: Set(now),
    }
}

async fn update(
    db: &impl ConnectionTrait,
    id: CallId,
    mut row: call::ActiveModel,
    now: DateTime<Utc>,
) -> Result<Option<Call>, StoreError> {
    use sea_orm::sea_query::{Expr, ExprTrait};
    row.updated_at = Set(now);
    let written = call::Entity::update_many()
        .set(row)
        .col_expr(call::Column::Sequence, Expr::col(call::Column::Sequence).add(1))
        .filter(call::Column::Id.eq(id.0))
        .exec_with_returning(db)
        .await?;
    written.into_iter().next().map(Call::try_from).transpose()
}

async fn find_by_sid(db: &impl ConnectionTrait, sid: &str) -> Result<Option<call::Model>, StoreError> {
    Ok(call::Entity::find().filter(call::Column::Sid.eq(sid)).one(db).await?)
}

async fn agent_of(db: &impl ConnectionTrait, row: &call::Model) -> Result<Agent, StoreError> {
    let agent = agent::Entity::find_by_id(row.agent_id).one(db).await?;
    agent.ok_or(StoreError::Corrupt { table: "calls", column: "agent_id" })?.try_into()
}

async fn route(db: &impl ConnectionTrait, row: call::Model) -> Result<Route, StoreError> {
    let agent = agent_of(db, &row).await?;
    let (admitted, answered) = (row.admitted, row.answer_twiml.clone());
    Ok(Route { call: row.try_into()?, agent, admitted, answered })
}

fn filtered(mut query: Select<call::Entity>, filter: &CallFilter) -> Select<call::Entity> {
    use call::Column;
    if let Some(agent) = filter.agent {
        query = query.filter(Column::AgentId.eq(agent.0));
    }
    if let Some(number) = filter.number {
        query = query.filter(Column::PhoneNumberId.eq(number.0));
    }
    if let Some(status) = filter.status {
        query = query.filter(Column::Status.eq(status.as_str()));
    }
    if let Some(after) = filter.started_after {
        query = query.filter(Column::StartedAt.gte(after));
    }
    if let Some(before) = filter.started_before {
        query = query.filter(Column::StartedAt.lt(before));
    }
    query
}
