//! Admission: decides who answers a call and whether it gets a call slot, and records it once, however often it is announced.
//!
//! The routing cache decides calls in memory. One statement then writes a batch of calls, each only if its number and its agent
//! still are as they were for the decision.

use std::collections::{HashMap, HashSet};

use chrono::{DateTime, Utc};
use sea_orm::sea_query::Expr;
use sea_orm::{ColumnTrait, EntityTrait, PaginatorTrait, QueryFilter, QueryOrder, QuerySelect};
use serde::Serialize;

use super::answer::instant;
use super::claim::AnswerClaim;
use super::{agent_of, find_by_sid, holds_slot, under_way};
use crate::domain::{
    AgentId, AnsweringAgent, Call, CallAnswer, CallDirection, CallId, CallOutcome, CallStatus, CallerId,
    Cause, Decision, E164, GivenAnswer, IncomingCall, Tenant, TenantId,
};
use crate::store::entities::{call, tenant};
use crate::store::group_commit::{Batched, CommitQueue};
use crate::store::number::{self, CachedMember, CachedNumber, Offer};
use crate::store::{Change, Shared, StoreError, SystemStore, dialect};

/// Maximum number of open calls to a number that are checked for those that ring the same number.
const MOST_RINGING: u64 = 100;

/// Whether a call holds one of its tenant's call slots.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CallSlot {
    /// It holds a slot.
    Held,
    /// It holds no slot: none was free, or it cannot reach the agent and needs none.
    None,
    /// It holds no slot, because the database was too busy to count the calls.
    NotCounted,
}

impl CallSlot {
    fn of(admitted: bool) -> Self {
        if admitted { Self::Held } else { Self::None }
    }
}

/// Route of a call: its record with the decision of the number's rules, its agent, and whether it has a call slot.
#[derive(Debug, Clone)]
pub struct Route {
    /// The call's record, new or found.
    pub call: Call,
    /// The agent that answers.
    pub agent: AnsweringAgent,
    /// Whether the call holds one of the tenant's call slots.
    pub slot: CallSlot,
    /// The latest answer to the call, if it has one.
    pub answered: Option<GivenAnswer>,
    /// Which server answers the call.
    pub turn: AnswerClaim,
    /// The number that forwarded the call to ours; `None` if the carrier does not name one.
    pub forwarded_from: Option<E164>,
}

impl Route {
    /// Whether the call holds one of the tenant's call slots.
    #[must_use]
    pub fn has_slot(&self) -> bool {
        self.slot == CallSlot::Held
    }

    /// Whether the call would reach the agent if it had a call slot.
    #[must_use]
    pub fn is_busy(&self) -> bool {
        self.call.decision.needs_slot() && !self.has_slot()
    }
}

/// A decided call that waits to be written.
#[derive(Debug)]
pub(in crate::store) struct Admission {
    call: Call,
    needs_slot: bool,
    /// Change marks of the rows that the decision used.
    number_changed: i64,
    agent_changed: i64,
    /// Members of a call group, in the order in which they are offered the call; empty if the first one takes it in any case.
    candidates: Vec<Candidate>,
}

/// A member of a call group that may take a call.
#[derive(Debug, Serialize)]
struct Candidate {
    agent_id: uuid::fmt::Simple,
    changed: i64,
    max_calls: Option<u16>,
}

/// What has become of a call.
#[derive(Debug, Clone, Copy)]
pub(in crate::store) struct Admitted {
    has_slot: bool,
    /// The agent that takes it, or whose fallback number rings.
    agent: AgentId,
}

#[derive(Debug, Serialize)]
struct AdmissionRow<'a> {
    nth: usize,
    id: uuid::fmt::Simple,
    sid: &'a str,
    number_id: uuid::fmt::Simple,
    number_changed: i64,
    member_id: Option<uuid::fmt::Simple>,
    agent_changed: i64,
    caller: &'a str,
    attestation: Option<&'a str>,
    called: &'a str,
    needs_slot: bool,
    candidates: Option<&'a [Candidate]>,
    decision: &'a Decision,
    at: String,
}

impl Admission {
    fn row(&self, nth: usize) -> AdmissionRow<'_> {
        let Self { call, needs_slot, number_changed, agent_changed, candidates } = self;
        AdmissionRow {
            nth,
            id: call.id.0.simple(),
            sid: &call.sid,
            number_id: call.number_id.0.simple(),
            number_changed: *number_changed,
            member_id: call.decision.group.map(|_| call.agent_id.0.simple()),
            agent_changed: *agent_changed,
            caller: &call.from,
            attestation: call.attestation.as_deref(),
            called: call.to.as_str(),
            needs_slot: *needs_slot,
            candidates: Some(candidates.as_slice()).filter(|candidates| !candidates.is_empty()),
            decision: &call.decision,
            at: instant(call.started_at),
        }
    }
}

impl Batched for Admission {
    /// `None`: not written, because the call is on record, or its number or agent has changed.
    type Done = Option<Admitted>;
    // A call is recorded once, whichever batch it is in: two writers do not disturb each other.
    const IS_ORDERED: bool = false;

    fn queue(shared: &Shared) -> &CommitQueue<Self> {
        &shared.admissions
    }

    async fn write(store: &SystemStore, batch: &[Self]) -> Result<Vec<Option<Admitted>>, StoreError> {
        // A call that is announced twice in one batch is written once: the second must not count against the plan.
        let mut seen = HashSet::new();
        let first =
            batch.iter().enumerate().filter(|(_, admission)| seen.insert(admission.call.sid.as_str()));
        let _turn = store.writer_turn().await;
        // Rows that the statements do not write are missing here, and so are later copies of a call.
        let mut written = HashMap::<String, Admitted>::new();
        for round in rounds(store, first) {
            let statement = dialect::ADMIT_CALLS.with_rows(store.db(), &round)?;
            for row in store.db().group_commit(statement).await? {
                let agent = AgentId(row.try_get("", "agent_id")?);
                let admitted = Admitted { has_slot: row.try_get("", "admitted")?, agent };
                written.insert(row.try_get("", "sid")?, admitted);
            }
        }
        let done: Vec<Option<Admitted>> =
            batch.iter().map(|admission| written.remove(&admission.call.sid)).collect();
        let admitted = batch.iter().zip(&done).filter_map(|(admission, done)| {
            let agent = done.as_ref()?.agent;
            let Call { tenant_id: tenant, id, .. } = admission.call;
            Some(Change::Call { tenant, id, agent })
        });
        store.publish_all(&admitted.collect::<Vec<_>>());
        Ok(done)
    }
}

/// Divides a batch into what one statement can write: where it does not count its own calls, a tenant's calls with candidates
/// are written one by one.
fn rounds<'a>(
    store: &SystemStore,
    batch: impl Iterator<Item = (usize, &'a Admission)>,
) -> Vec<Vec<AdmissionRow<'a>>> {
    let counts_its_own = dialect::has_policies(store.db());
    let (mut rounds, mut turns) = (vec![Vec::new()], HashMap::<TenantId, usize>::new());
    for (nth, admission) in batch {
        let mut round = 0;
        if !counts_its_own && !admission.candidates.is_empty() {
            let turn = turns.entry(admission.call.tenant_id).or_default();
            round = *turn;
            *turn += 1;
        }
        if round == rounds.len() {
            rounds.push(Vec::new());
        }
        if let Some(rows) = rounds.get_mut(round) {
            rows.push(admission.row(nth));
        }
    }
    rounds
}

impl SystemStore {
    /// Finds the agent of a number, decides by the number's rules and records the call, once however often it is announced. A
    /// number in its grace period, or marked as lost by reconciliation, is still answered. Until [`Self::record_answer`] the
    /// record has the worst possible outcome. `None` if no tenant holds the number.
    ///
    /// # Errors
    /// [`StoreError`]; [`StoreError::Busy`] if it would wait too long for its batch.
    pub async fn admit_call(&self, id: CallId, incoming: &IncomingCall) -> Result<Option<Route>, StoreError> {
        let now = self.shared.clock.now();
        // Ends once the decision and the rows agree: every further round means that one of them has changed.
        loop {
            let Some(cached) = self.cached_or_learnt(&incoming.to).await? else {
                // A tenant may have held the number when the call was first announced.
                return Box::pin(self.route_by_sid(&incoming.sid)).await;
            };
            let offer = cached.offer(&incoming.sid);
            let mut call = announced(id, incoming, &cached, &offer, now);
            if let Some(admitted) = self.write_batched(Admission::of(&call, &cached, &offer)).await? {
                let agent = offer.taken_by(admitted.agent);
                call.agent_id = agent.id;
                return Ok(Some(Route {
                    call,
                    agent,
                    slot: CallSlot::of(admitted.has_slot),
                    answered: None,
                    // The first claim is named after the call and costs no statement: see `claim`.
                    turn: AnswerClaim::Ours(id.0),
                    forwarded_from: None,
                }));
            }
            // Boxed because it is rare: otherwise the future of every call would have room for it.
            if let Some(route) = Box::pin(self.route_by_sid(&incoming.sid)).await? {
                return Ok(Some(route));
            }
            // Its number or its agent has changed since the decision.
            if !Box::pin(self.learn_number(&incoming.to)).await? {
                return Ok(None);
            }
        }
    }

    /// Gives an open call that was not admitted a call slot if one is free now. Returns whether it did.
    ///
    /// # Errors
    /// [`StoreError`]: nothing was written, unless the answer to `COMMIT` was lost.
    pub async fn admit_after_all(&self, call: &Call) -> Result<bool, StoreError> {
        let transaction = self.begin().await?;
        let mut of_tenant = tenant::Entity::find_by_id(call.tenant_id.0);
        // Locked before the count, as for admissions: otherwise two calls could take the last slot.
        dialect::lock_rows(&transaction, QuerySelect::query(&mut of_tenant));
        let Some(row) = of_tenant.one(&transaction).await? else { return Ok(false) };
        let plan = Tenant::try_from(row)?;
        let held = call::Entity::find()
            .filter(call::Column::TenantId.eq(call.tenant_id.0))
            .filter(holds_slot())
            .count(&transaction)
            .await?;
        if !plan.limits.has_free_call_slot(i64::try_from(held).unwrap_or(i64::MAX)) {
            // Dropped, the transaction frees the lock on the tenant.
            return Ok(false);
        }
        // The call stays with its member, by which it is counted already.
        if call.decision.group.is_some()
            && !number::has_room(&transaction, call.tenant_id, call.number_id, call.agent_id).await?
        {
            return Ok(false);
        }
        // The call may have ended while the carrier was asked: it would hold the slot for good.
        let admitted = call::Entity::update_many()
            .col_expr(call::Column::Admitted, Expr::value(true))
            .filter(call::Column::Sid.eq(&call.sid))
            .filter(under_way())
            .exec(&transaction)
            .await?;
        transaction.commit().await?;
        Ok(admitted.rows_affected > 0)
    }

    /// The callers of other open calls to the number called that ring this number, or have no recorded answer yet.
    /// Newest first, at most [`MOST_RINGING`].
    ///
    /// # Errors
    /// [`StoreError`] if the query fails.
    pub async fn callers_ringing(&self, call: &Call, dialled: &E164) -> Result<Vec<String>, StoreError> {
        let open = call::Entity::find()
            .filter(call::Column::TenantId.eq(call.tenant_id.0))
            .filter(under_way())
            .filter(call::Column::PhoneNumberId.eq(call.number_id.0))
            .filter(call::Column::Sid.ne(&call.sid))
            .order_by_desc(call::Column::StartedAt)
            .limit(MOST_RINGING)
            .select_only()
            .columns([call::Column::Caller, call::Column::Answer]);
        let rows: Vec<(String, Option<serde_json::Value>)> = open.into_tuple().all(self.db()).await?;
        // A call with an unreadable answer may ring the number too.
        let rings = |answer: Option<serde_json::Value>| match answer.map(serde_json::from_value::<CallAnswer>)
        {
            Some(Ok(answer)) => answer.dialed() == Some(dialled),
            Some(Err(_)) | None => true,
        };
        Ok(rows.into_iter().filter_map(|(caller, answer)| rings(answer).then_some(caller)).collect())
    }

    async fn cached_or_learnt(&self, number: &E164) -> Result<Option<CachedNumber>, StoreError> {
        if let Some(cached) = self.cached(number) {
            return Ok(Some(cached));
        }
        Ok(if Box::pin(self.learn_number(number)).await? { self.cached(number) } else { None })
    }

    /// Routes a call by the routing cache, without the database. The plan's call slots are not counted: the call holds one if
    /// it needs one. `None` if no tenant holds the number, or the cache is too old.
    #[must_use]
    pub fn route_from_memory(&self, id: CallId, incoming: &IncomingCall) -> Option<Route> {
        let known = self.cached(&incoming.to).filter(|_| self.can_route_from_cache())?;
        let now = self.shared.clock.now();
        let offer = known.offer(&incoming.sid);
        let call = announced(id, incoming, &known, &offer, now);
        let admitted = call.decision.needs_slot();
        let decision = call.decision.then(&Cause::DatabaseUnavailable.into());
        Some(Route {
            call: Call { decision, ..call },
            agent: offer.first.agent,
            slot: CallSlot::of(admitted),
            answered: None,
            turn: AnswerClaim::Unknown,
            forwarded_from: None,
        })
    }

    /// The route of a call that was admitted before; `None` if the call is unknown. Includes all answers that this server has
    /// submitted, even if nobody waited for their recording.
    ///
    /// # Errors
    /// [`StoreError`]; [`StoreError::Corrupt`] if a stored value is unreadable.
    pub async fn route_by_sid(&self, sid: &str) -> Result<Option<Route>, StoreError> {
        self.shared.answers.flushed().await;
        let Some(mut row) = find_by_sid(self.db(), sid).await? else { return Ok(None) };
        let agent = agent_of(self.db(), &row).await?;
        let (slot, answered) = (CallSlot::of(row.admitted), row.take_answer()?);
        let call = row.try_into()?;
        Ok(Some(Route { call, agent, slot, answered, turn: AnswerClaim::Open, forwarded_from: None }))
    }
}

impl Admission {
    fn of(call: &Call, known: &CachedNumber, offer: &Offer) -> Self {
        let needs_slot = call.decision.needs_slot();
        // Without a limit, the first member takes the call, and nothing is counted.
        let is_capped = needs_slot && offer.group.is_some() && offer.first.max_calls.is_some();
        let candidate = |member: &CachedMember| Candidate {
            agent_id: member.agent.id.0.simple(),
            changed: member.changed,
            max_calls: member.max_calls,
        };
        let candidates = std::iter::once(&offer.first).chain(&offer.rest).filter(|_| is_capped);
        Self {
            call: call.clone(),
            needs_slot,
            number_changed: known.number_changed,
            agent_changed: offer.first.changed,
            candidates: candidates.map(candidate).collect(),
        }
    }
}

impl Offer {
    /// The agent that was chosen among those that were offered the call.
    fn taken_by(self, agent: AgentId) -> AnsweringAgent {
        let chosen = self.rest.into_iter().find(|member| member.agent.id == agent);
        chosen.unwrap_or(self.first).agent
    }
}

/// Decides a call by a number's cached rules.
fn decide(known: &CachedNumber, incoming: &IncomingCall, now: DateTime<Utc>) -> Decision {
    known.rules.decide(&CallerId::read(&incoming.from), now).of_version(known.rules_version)
}

/// The record of a call that has just come in.
fn announced(
    id: CallId,
    incoming: &IncomingCall,
    known: &CachedNumber,
    offer: &Offer,
    now: DateTime<Utc>,
) -> Call {
    let decision = decide(known, incoming, now);
    let decision = match offer.group {
        Some(group) => decision.offered_by(group),
        None => decision,
    };
    Call {
        id,
        tenant_id: known.agent.tenant_id,
        agent_id: offer.first.agent.id,
        number_id: known.id,
        sid: incoming.sid.clone(),
        direction: CallDirection::Inbound,
        from: incoming.from.clone(),
        attestation: incoming.attestation.clone(),
        to: incoming.to.clone(),
        status: CallStatus::Ringing,
        outcome: CallOutcome::Unavailable,
        decision,
        conversation_id: None,
        duration_seconds: None,
        conversation_seconds: None,
        started_at: now,
        ended_at: None,
    }
}
