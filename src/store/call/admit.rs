//! Letting a call in: who answers it, whether the plan has room, and its record, once however often it is
//! announced. All of it is one statement.

use chrono::{DateTime, Utc};
use sea_orm::ActiveValue::Set;
use sea_orm::sea_query::{Expr, ExprTrait, OnConflict, Query};
use sea_orm::{ConnectionTrait, DbErr, EntityTrait, FromQueryResult, Iterable};

use super::{agent_of, changed, find_by_sid};
use crate::domain::{AnsweringAgent, Call, CallDirection, CallId, CallOutcome, CallStatus, Decision, E164};
use crate::store::entities::{agent, call, phone_number};
use crate::store::number::{CachedNumber, takes_calls};
use crate::store::{StoreError, SystemStore, dialect};

/// A call as the carrier announces it.
#[derive(Debug, Clone)]
pub struct IncomingCall {
    /// The carrier's id.
    pub sid: String,
    /// The caller.
    pub from: String,
    /// The caller's number, unless withheld or none.
    pub from_number: Option<E164>,
    /// The carrier's word on that number, where it has one.
    pub attestation: Option<String>,
    /// The number called.
    pub to: E164,
}

/// Where a call goes: its record with what its number's rules decided, its agent, and whether the plan has room.
#[derive(Debug, Clone)]
pub struct Route {
    /// The call's record, new or found.
    pub call: Call,
    /// Who answers.
    pub agent: AnsweringAgent,
    /// Whether it holds one of the tenant's places; a call that cannot come to the agent needs none.
    pub admitted: bool,
    /// What this call was answered with before, when it was.
    pub answered: Option<String>,
}

impl Route {
    /// Whether it would come to the agent, had the plan room.
    #[must_use]
    pub fn is_busy(&self) -> bool {
        self.call.decision.needs_a_place() && !self.admitted
    }
}

impl SystemStore {
    /// Finds who answers a number, decides by its rules and writes the call down, once however often it is announced. A
    /// number about to be released still answers, and one that was held to be gone. Until [`Self::record_answer`] the
    /// record's outcome is the worst that can come of it.
    /// `None`: no number of ours.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn admit_call(&self, id: CallId, call: &IncomingCall) -> Result<Option<Route>, StoreError> {
        let now = self.shared.clock.now();
        loop {
            if let Some(cached) = self.cached(&call.to) {
                let decision = cached.rules.decide(call.from_number.as_ref(), now);
                if let Some(row) = self.admit(id, call, &cached, &decision, now).await? {
                    let agent = if row.agent_id == cached.agent.id.0 {
                        cached.agent
                    } else {
                        // Announced before, when the number was another agent's.
                        agent_of(self.db(), &row).await?
                    };
                    let route = route(row, agent)?;
                    if route.call.id == id {
                        self.shared.tell(changed(&route.call));
                    }
                    return Ok(Some(route));
                }
            }
            // Not cached, or changed since; or not ours any more: then it may have been ours when the call was first
            // announced.
            if !self.learn_number(&call.to).await? {
                return self.route_by_sid(&call.sid).await;
            }
        }
    }

    /// Where a call goes by what was last known, without the database. The plan's places are not counted. `None`: no number
    /// of ours, or what is known is too old.
    #[must_use]
    pub fn route_from_memory(&self, id: CallId, call: &IncomingCall) -> Option<Route> {
        let known = self.cached(&call.to).filter(|_| self.knows_numbers())?;
        let now = self.shared.clock.now();
        let decision = known.rules.decide(call.from_number.as_ref(), now);
        let call = Call {
            id,
            tenant_id: known.agent.tenant_id,
            agent_id: known.agent.id,
            number_id: known.id,
            sid: call.sid.clone(),
            direction: CallDirection::Inbound,
            from: call.from.clone(),
            attestation: call.attestation.clone(),
            to: call.to.clone(),
            status: CallStatus::Ringing,
            outcome: CallOutcome::Unavailable,
            decision: decision.then("the database did not answer"),
            conversation_id: None,
            duration_seconds: None,
            conversation_seconds: None,
            started_at: now,
            ended_at: None,
        };
        let admitted = decision.needs_a_place();
        Some(Route { call, agent: known.agent, admitted, answered: None })
    }

    /// Writes a call down that was routed without the database; one that is written down already stays as it is.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn record_call(&self, call: &Call, admitted: bool) -> Result<(), StoreError> {
        let row = call::ActiveModel {
            id: Set(call.id.0),
            tenant_id: Set(call.tenant_id.0),
            agent_id: Set(call.agent_id.0),
            phone_number_id: Set(call.number_id.0),
            sid: Set(call.sid.clone()),
            direction: Set(call.direction.to_string()),
            caller: Set(call.from.clone()),
            caller_attestation: Set(call.attestation.clone()),
            called: Set(call.to.to_string()),
            status: Set(call.status.to_string()),
            outcome: Set(call.outcome.to_string()),
            admitted: Set(admitted),
            decision: Set(serde_json::json!(call.decision)),
            conversation_id: Set(None),
            conversation_due_at: Set(None),
            answer_twiml: Set(None),
            duration_seconds: Set(None),
            conversation_seconds: Set(None),
            sequence: Set(0),
            started_at: Set(call.started_at),
            ended_at: Set(None),
            updated_at: Set(self.shared.clock.now()),
        };
        let inserted = call::Entity::insert(row)
            .on_conflict(OnConflict::column(call::Column::Sid).do_nothing().to_owned())
            .exec_without_returning(self.db())
            .await?;
        if inserted > 0 {
            self.shared.tell(changed(call));
        }
        Ok(())
    }

    /// Where a call went that was admitted before; `None`: unknown call.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn route_by_sid(&self, sid: &str) -> Result<Option<Route>, StoreError> {
        let Some(row) = find_by_sid(self.db(), sid).await? else { return Ok(None) };
        let agent = agent_of(self.db(), &row).await?;
        route(row, agent).map(Some)
    }

    /// Writes a call down, if its number takes calls and is still as cached. One that is written down already stays as
    /// it is.
    async fn admit(
        &self,
        id: CallId,
        call: &IncomingCall,
        cached: &CachedNumber,
        decision: &Decision,
        now: DateTime<Utc>,
    ) -> Result<Option<call::Model>, StoreError> {
        let of_number = |column: phone_number::Column| Expr::col((phone_number::Entity, column));
        let mut number = Query::select();
        let agent_of_number = Expr::col((agent::Entity, agent::Column::Id));
        number
            .from(phone_number::Entity)
            .inner_join(agent::Entity, agent_of_number.eq(of_number(phone_number::Column::AgentId)))
            .cond_where(takes_calls(&call.to))
            .cond_where(cached.still_holds());
        for column in call::Column::iter() {
            number.expr(match column {
                call::Column::Id => Expr::val(id.0),
                call::Column::TenantId => of_number(phone_number::Column::TenantId),
                call::Column::AgentId => of_number(phone_number::Column::AgentId),
                call::Column::PhoneNumberId => of_number(phone_number::Column::Id),
                call::Column::Sid => Expr::val(call.sid.as_str()),
                call::Column::Direction => Expr::val(CallDirection::Inbound.as_str()),
                call::Column::Caller => Expr::val(call.from.as_str()),
                call::Column::CallerAttestation => Expr::val(call.attestation.clone()),
                call::Column::Called => Expr::val(call.to.as_str()),
                call::Column::Status => Expr::val(CallStatus::Ringing.as_str()),
                call::Column::Outcome => Expr::val(CallOutcome::Unavailable.as_str()),
                call::Column::Admitted if decision.needs_a_place() => {
                    let tenant = of_number(phone_number::Column::TenantId);
                    dialect::has_room(self.db(), tenant)
                }
                call::Column::Admitted => Expr::val(false),
                call::Column::Decision => Expr::val(serde_json::json!(decision)),
                call::Column::ConversationId | call::Column::AnswerTwiml => Expr::val(None::<String>),
                call::Column::DurationSeconds | call::Column::ConversationSeconds => Expr::val(None::<i32>),
                call::Column::Sequence => Expr::val(0_i64),
                call::Column::StartedAt | call::Column::UpdatedAt => Expr::val(now),
                call::Column::EndedAt | call::Column::ConversationDueAt => Expr::val(None::<DateTime<Utc>>),
            });
        }
        // Nothing changes, but the row is among those returned.
        let again = OnConflict::column(call::Column::Sid).update_column(call::Column::Sid).to_owned();
        let mut insert = Query::insert();
        insert
            .into_table(call::Entity)
            .columns(call::Column::iter())
            .select_from(number)
            .map_err(|odd| DbErr::Custom(odd.to_string()))?
            .on_conflict(again)
            .returning(Query::returning().columns(call::Column::iter()));
        let row = self.db().query_one(&insert).await?;
        Ok(row.map(|row| call::Model::from_query_result(&row, "")).transpose()?)
    }
}

fn route(row: call::Model, agent: AnsweringAgent) -> Result<Route, StoreError> {
    let (admitted, answered) = (row.admitted, row.answer_twiml.clone());
    Ok(Route { call: row.try_into()?, agent, admitted, answered })
}
