//! Letting a call in: who answers it, whether the plan has room, and its record, once however often it is
//! announced.

use chrono::{DateTime, Utc};
use sea_orm::ActiveValue::Set;
use sea_orm::sea_query::OnConflict;
use sea_orm::{ColumnTrait, ConnectionTrait, DatabaseTransaction, EntityTrait, PaginatorTrait, QueryFilter};

use super::{agent_of, changed, find_by_sid, holds_a_place};
use crate::domain::{
    Agent, Call, CallDirection, CallId, CallOutcome, CallStatus, E164, NumberStatus, TenantId,
};
use crate::store::entities::{call, phone_number};
use crate::store::{StoreError, SystemStore, tenant};

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

impl SystemStore {
    /// Finds who answers a number and writes the call down, once however often it is announced. A number about to
    /// be released still answers, and one that was held to be gone. Until [`Self::record_answer`] the record's outcome is the worst that can come of it.
    /// `None`: no number of ours.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn admit_call(&self, id: CallId, call: &IncomingCall) -> Result<Option<Route>, StoreError> {
        let now = self.shared.clock.now();
        if let Some(row) = find_by_sid(self.db(), &call.sid).await? {
            return route(self.db(), row).await.map(Some);
        }
        let transaction = self.begin().await?;
        // A number that is held to be gone and rings all the same is there.
        let answering =
            [NumberStatus::Active, NumberStatus::Inactive, NumberStatus::Releasing].map(NumberStatus::as_str);
        let Some(number) = phone_number::Entity::find()
            .filter(phone_number::Column::Number.eq(call.to.as_str()))
            .filter(phone_number::Column::Status.is_in(answering))
            .one(&transaction)
            .await?
        else {
            return Ok(None);
        };
        let admitted = has_room(&transaction, TenantId(number.tenant_id)).await?;
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
}

async fn has_room(transaction: &DatabaseTransaction, tenant: TenantId) -> Result<bool, StoreError> {
    let tenant = tenant::find_locked(transaction, tenant).await?;
    let busy = call::Entity::find()
        .filter(call::Column::TenantId.eq(tenant.id.0))
        .filter(holds_a_place())
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
        conversation_due_at: Set(None),
        answer_twiml: Set(None),
        duration_seconds: Set(None),
        conversation_seconds: Set(None),
        sequence: Set(0),
        started_at: Set(now),
        ended_at: Set(None),
        updated_at: Set(now),
    }
}

async fn route(db: &impl ConnectionTrait, row: call::Model) -> Result<Route, StoreError> {
    let agent = agent_of(db, &row).await?;
    let (admitted, answered) = (row.admitted, row.answer_twiml.clone());
    Ok(Route { call: row.try_into()?, agent, admitted, answered })
}
