//! Rows to begin with, made through the store's own doors.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::json;
use switchboard::domain::{
    Actor, Agent, AgentId, AgentMessaging, AgentStatus, AgentToken, AnswerStage, Author, CallAnswer, CallId,
    CallOutcome, CallReport, CallStatus, Capabilities, Clock, ConversationNews, ConversationReport,
    CountryCode, Decision, E164, Entropy, IncomingCall, NumberId, NumberType, Operation, OperationId,
    OperationKind, OperationState, PhoneNumber, Step, TenantId,
};
use switchboard::store::{
    AnswerRecord, Claimed, Database, Effect, Inserted, NewOperation, NumberClaim, OperationUpdate, Page,
    PageRequest, PurchaseRules, TenantStore,
};
use uuid::Uuid;

pub(crate) const LEASE: Duration = Duration::from_secs(60);

pub(crate) fn uuid() -> Uuid {
    Entropy::system().uuid(Clock::system().now())
}

pub(crate) async fn tenant(db: &Database) -> TenantId {
    db.system().ensure_tenant(TenantId(uuid())).await.unwrap().id
}

pub(crate) fn new_agent(tenant: TenantId, token: &AgentToken) -> Agent {
    let now = Clock::system().now();
    Agent {
        id: AgentId(uuid()),
        tenant_id: tenant,
        voice_agent_id: None,
        name: "Dr. Smith's Office Assistant".parse().unwrap(),
        language: "en".parse().unwrap(),
        first_message: None,
        prompt: None,
        voice_id: None,
        fallback_number: None,
        messaging: AgentMessaging::Notify,
        help_text: None,
        status: AgentStatus::Active,
        token_preview: token.preview(),
        revision: 1,
        synced_revision: 0,
        refused_revision: 0,
        sync_error: None,
        created_at: now,
        updated_at: now,
    }
}

/// The tenant's door for writing.
pub(crate) async fn write_as(db: &Database, tenant: TenantId) -> TenantStore {
    let author = Author { actor: Actor::System, request_id: "a test".to_owned() };
    db.write_by(author, tenant).await.unwrap()
}

/// An active agent.
pub(crate) async fn agent(db: &Database, tenant: TenantId) -> Agent {
    let token = AgentToken::generate(&Entropy::system());
    let agent = new_agent(tenant, &token);
    let door = write_as(db, tenant).await;
    door.insert_agent(&agent, &token).await.unwrap();
    door.commit().await.unwrap();
    agent
}

pub(crate) fn new_operation(agent: AgentId) -> NewOperation {
    NewOperation {
        not_before: None,
        id: OperationId(uuid()),
        kind: OperationKind::ProvisionNumber,
        step: Step::ClaimNumber,
        agent_id: Some(agent),
        number_id: None,
        data: json!({ "country": "US" }),
        idempotency: None,
    }
}

/// An operation that waits to be driven.
pub(crate) async fn operation(db: &Database, agent: &Agent) -> Operation {
    let door = write_as(db, agent.tenant_id).await;
    let inserted = door.insert_operation(new_operation(agent.id)).await.unwrap();
    door.commit().await.unwrap();
    let Inserted::New(operation) = inserted else { panic!("{inserted:?}") };
    operation
}

/// An operation and the lease on it.
pub(crate) async fn claimed(db: &Database, agent: &Agent) -> Claimed {
    let operation = operation(db, agent).await;
    db.system().claim(operation.id, uuid(), LEASE).await.unwrap().unwrap()
}

pub(crate) fn update(step: Step) -> OperationUpdate {
    let state = if step == Step::Done { OperationState::Succeeded } else { OperationState::Running };
    OperationUpdate {
        state,
        step,
        data: json!({}),
        number_id: None,
        error: None,
        wait: None,
        effects: vec![],
    }
}

pub(crate) fn claim_of(number: &E164) -> NumberClaim {
    NumberClaim {
        id: NumberId(uuid()),
        number: number.clone(),
        friendly_name: number.to_string(),
        kind: NumberType::Local,
        capabilities: Capabilities { voice: true, sms: true, mms: false },
        country: CountryCode::US,
        locality: Some("New York".to_owned()),
        region: Some("NY".to_owned()),
        monthly_cost: "1.15".parse().unwrap(),
        label: None,
        account: None,
    }
}

pub(crate) fn e164(last_four: u32) -> E164 {
    format!("+1212555{last_four:04}").parse().unwrap()
}

/// A number, claimed and bought.
pub(crate) async fn number(db: &Database, agent: &Agent, number: &E164) -> PhoneNumber {
    let Claimed { lease, .. } = claimed(db, agent).await;
    let claim = claim_of(number);
    let id = claim.id;
    db.system().claim_number(&lease, claim, &rules(1000), update(Step::BuyNumber)).await.unwrap();
    let bought = Effect::NumberBought { number: id, sid: format!("PN{}", id.0.simple()) };
    let update = OperationUpdate { number_id: Some(id), effects: vec![bought], ..update(Step::Done) };
    db.system().record(&lease, update).await.unwrap();
    db.system().number(id).await.unwrap().unwrap()
}

pub(crate) fn incoming(to: &E164) -> (CallId, IncomingCall) {
    let id = uuid();
    let sid = format!("CA{}", id.simple());
    let from = "+13105550199".to_owned();
    (CallId(id), IncomingCall { sid, from, attestation: None, to: to.clone() })
}

/// What a call, by the carrier's id, was answered with: the agent, by this handover.
pub(crate) fn answer(
    (sid, outcome): (&str, CallOutcome),
    decision: &Decision,
    conversation_id: Option<&str>,
    handover: &str,
    answered_at: DateTime<Utc>,
) -> AnswerRecord {
    AnswerRecord {
        sid: sid.to_owned(),
        outcome,
        decision: decision.clone(),
        answer: connect(conversation_id, handover),
        stage: AnswerStage::First,
        answered_at,
        keeps_slot: true,
    }
}

pub(crate) fn connect(conversation_id: Option<&str>, handover: &str) -> CallAnswer {
    let conversation_id = conversation_id.map(str::to_owned);
    CallAnswer::Connect { conversation_id, handover: handover.to_owned() }
}

/// The carrier's word on a call, of this moment.
pub(crate) fn report(status: CallStatus, duration_seconds: Option<i32>) -> CallReport {
    CallReport { status, duration_seconds, at: Clock::system().now() }
}

/// The voice provider's word that a conversation is over, of this moment.
pub(crate) fn over(
    conversation: &str,
    call_sid: Option<&str>,
    duration_seconds: Option<i32>,
) -> ConversationReport {
    ConversationReport {
        conversation_id: conversation.to_owned(),
        news: ConversationNews::Over,
        call_sid: call_sid.map(str::to_owned),
        failed: None,
        duration_seconds,
        at: Clock::system().now(),
        transcript: Vec::new(),
    }
}

pub(crate) fn first(count: u16) -> PageRequest {
    PageRequest { page: Page::First(count), after: None, before: None }
}

/// So many purchases an hour, and no quarantine.
pub(crate) fn rules(purchases_per_hour: u32) -> PurchaseRules {
    let quarantined_since = Clock::system().now() + TimeDelta::days(36_500);
    PurchaseRules { purchases_per_hour, tenant_purchases_per_hour: u32::MAX, quarantined_since }
}
