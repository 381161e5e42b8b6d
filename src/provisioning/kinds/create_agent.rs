//! CREATE_AGENT: a voice agent and, unless told otherwise, a number for it.
//!
//! Creating the agent and searching for a number do not wait for each other. When the number cannot be had the agent
//! stays and the operation fails saying why. When the voice agent cannot be had nothing stays: so nothing is given up while
//! an earlier request may have created one. It is looked for by its tag until that is known.

use chrono::TimeDelta;
use serde::Serialize;
use tracing::warn;

use super::purchase::{self, Found, Purchase, PurchaseData, WantedNumber};
use super::{agent_of, idempotency, insert, present, read_data, repeated, write_data};
use crate::carrier::CarrierError;
use crate::domain::{
    Agent, AgentId, AgentName, AgentStatus, AgentToken, E164, FirstMessage, IdempotencyKey, Language,
    Operation, OperationKind, Prompt, Refusal, RefusalCode, Step, UsedUp, VoiceId,
};
use crate::provisioning::Provisioning;
use crate::provisioning::outcome::{Outcome, Patience, Progress, Undone, unsettled_for};
use crate::store::{Effect, NewOperation, StoreError, TenantStore};
use crate::voice::{self, VoiceError};

/// What a new agent should be.
#[derive(Debug, Clone)]
pub struct NewAgent {
    /// Its name.
    pub name: AgentName,
    /// What it speaks.
    pub language: Language,
    /// What it says first.
    pub first_message: Option<FirstMessage>,
    /// How it should behave.
    pub prompt: Option<Prompt>,
    /// The provider's voice.
    pub voice_id: Option<VoiceId>,
    /// Where calls go when it cannot take them.
    pub fallback_number: Option<E164>,
    /// The number to buy for it; `None`: no number.
    pub number: Option<WantedNumber>,
}

/// What makes two requests the same.
#[derive(Serialize)]
struct Fingerprint<'a> {
    name: &'a str,
    language: &'a str,
    first_message: Option<&'a str>,
    prompt: Option<&'a str>,
    voice_id: Option<&'a str>,
    fallback_number: Option<&'a E164>,
    number: Option<&'a WantedNumber>,
}

impl NewAgent {
    fn fingerprint(&self) -> Fingerprint<'_> {
        Fingerprint {
            name: self.name.as_str(),
            language: self.language.code(),
            first_message: self.first_message.as_ref().map(FirstMessage::as_str),
            prompt: self.prompt.as_ref().map(Prompt::as_str),
            voice_id: self.voice_id.as_ref().map(VoiceId::as_str),
            fallback_number: self.fallback_number.as_ref(),
            number: self.number.as_ref(),
        }
    }
}

impl Provisioning {
    /// Writes a new agent and its operation down. The agent and its token are `None` when the same request was made before:
    /// the token was shown then.
    ///
    /// # Errors
    /// [`StoreError`]; `IDEMPOTENCY_KEY_REUSED`, `LIMIT_REACHED` and a fallback number that is not dialled as
    /// [`StoreError::Refused`].
    pub async fn create_agent(
        &self,
        store: &TenantStore,
        wanted: NewAgent,
        key: Option<IdempotencyKey>,
    ) -> Result<(Operation, Option<(Agent, AgentToken)>), StoreError> {
        let idempotency = idempotency(key, &wanted.fingerprint())?;
        if let Some(operation) = repeated(store, OperationKind::CreateAgent, &idempotency).await? {
            return Ok((operation, None));
        }
        self.may_create(store).await?;
        if let Some(number) = &wanted.fallback_number {
            let dialing = self.dialing().for_tenant(&store.tenant().await?.dialing);
            dialing.check(number).map_err(|why| Refusal::invalid("fallbackNumber", &why))?;
        }
        let data = PurchaseData { purchase: wanted.number.clone().map(Purchase::new) };
        let token = AgentToken::generate(&self.0.entropy);
        let agent = self.pending_agent(store, wanted, &token);
        store.insert_agent(&agent, &token).await?;
        let operation = NewOperation {
            id: self.new_operation_id(),
            kind: OperationKind::CreateAgent,
            step: Step::CreateVoiceAgent,
            agent_id: agent.id,
            number_id: None,
            data: write_data(&data)?,
            not_before: None,
            idempotency,
        };
        Ok((insert(store, operation).await?, Some((agent, token))))
    }

    /// Writes down that an agent whose voice agent the provider does not have any more is given a new one.
    ///
    /// # Errors
    /// [`StoreError`]; refusals as [`StoreError::Refused`].
    pub(in crate::provisioning) async fn restore_voice_agent(
        &self,
        store: &TenantStore,
        id: AgentId,
    ) -> Result<Operation, StoreError> {
        let agent = agent_of(store, id, "id").await?;
        let exists = matches!(agent.status, AgentStatus::Active | AgentStatus::Inactive);
        if !exists || !store.unfinished_operations(id).await?.is_empty() {
            let why = "something is under way for this agent: wait for it";
            return Err(Refusal::new(RefusalCode::InvalidInput, why).at("id").into());
        }
        let operation = NewOperation {
            id: self.new_operation_id(),
            kind: OperationKind::CreateAgent,
            step: Step::CreateVoiceAgent,
            agent_id: id,
            number_id: None,
            data: write_data(&PurchaseData { purchase: None })?,
            not_before: None,
            idempotency: None,
        };
        store.audit_intent("restoreVoiceAgent", id).await?;
        insert(store, operation).await
    }

    async fn may_create(&self, store: &TenantStore) -> Result<(), StoreError> {
        let limit = self.0.config.tenant_agents_per_hour;
        let since = self.0.clock.now() - TimeDelta::hours(1);
        if store.agents_created_since(since).await? < i64::from(limit) {
            return Ok(());
        }
        let message =
            format!("you may create at most {limit} agents an hour and have done so: try again later");
        Err(Refusal::limit_reached(UsedUp::TenantAgentsPerHour, message).into())
    }

    fn pending_agent(&self, store: &TenantStore, wanted: NewAgent, token: &AgentToken) -> Agent {
        let now = self.0.clock.now();
        Agent {
            id: AgentId(self.0.entropy.uuid(now)),
            tenant_id: store.tenant_id(),
            voice_agent_id: None,
            name: wanted.name,
            language: wanted.language,
            first_message: wanted.first_message,
            prompt: wanted.prompt,
            voice_id: wanted.voice_id,
            fallback_number: wanted.fallback_number,
            status: AgentStatus::Pending,
            token_preview: token.preview(),
            revision: 1,
            synced_revision: 0,
            refused_revision: 0,
            sync_error: None,
            created_at: now,
            updated_at: now,
        }
    }
}

/// Step: create the voice agent; the search for numbers runs beside it.
pub(in crate::provisioning) async fn create_voice_agent(
    driver: &Provisioning,
    operation: &Operation,
) -> Result<Outcome, StoreError> {
    let agent = present(driver.0.store.agent(operation.agent_id).await?, "agents")?;
    let purchase = read_data::<PurchaseData>(operation)?.purchase;
    let search = async {
        match &purchase {
            Some(purchase) => Some(purchase::find(driver, purchase, operation.tenant_id).await),
            None => None,
        }
    };
    let (created, found) = tokio::join!(ensure_voice_agent(driver, &agent, operation), search);
    match created {
        Ok(voice_agent_id) => {
            let made =
                Effect::VoiceAgentCreated { agent: agent.id, voice_agent_id, revision: agent.revision };
            let active = Effect::AgentStatus { agent: agent.id, status: AgentStatus::Active };
            let effects = if is_new(&agent) { vec![made, active] } else { vec![made] };
            let outcome = after_creation(driver, operation, purchase, found).await?;
            Ok(with_effects(outcome, effects))
        }
        Err(why) => Ok(Outcome::undone(operation, why, undo(&agent), Patience::UntilSettled)),
    }
}

/// The provider's id of our agent: of the one that is there already, else of a new one.
async fn ensure_voice_agent(
    driver: &Provisioning,
    agent: &Agent,
    operation: &Operation,
) -> Result<String, Undone<VoiceError>> {
    if let Some(known) = &agent.voice_agent_id {
        // Held to be gone; it may only have lost the tags by which it is listed, and gets them back.
        match driver.0.voice.update_agent(known, agent).await {
            Ok(()) => return Ok(known.clone()),
            Err(VoiceError::Rejected(voice::Rejection::NotFound)) => {}
            Err(failure) => return Err(failure.into()),
        }
    }
    if operation.in_doubt_at.is_some() || !is_new(agent) {
        if let Some(there) = adopt_voice_agent(driver, agent).await? {
            return Ok(there);
        }
        if let Some(wait) = unsettled_for(operation, driver.0.clock.now()) {
            return Err(VoiceError::settling(wait).into());
        }
    }
    // Whatever an earlier request could do is known by now.
    driver
        .0
        .voice
        .create_agent(agent)
        .await
        .map_err(|failure| if failure.is_verdict() { Undone::Refused(failure) } else { failure.into() })
}

/// The voice agent that an earlier try left, if it did. It is brought to what it should be, since nobody has read
/// it back; any further one is deleted.
async fn adopt_voice_agent(
    driver: &Provisioning,
    agent: &Agent,
) -> Result<Option<String>, Undone<VoiceError>> {
    let voice = &driver.0.voice;
    let mut there = voice.find(agent.id).await?.into_iter();
    let Some(ours) = there.next() else { return Ok(None) };
    for surplus in there {
        warn!(agent = %agent.id, voice_agent = surplus.voice_agent_id, "a voice agent was created twice: deleting one");
        voice.delete_agent(&surplus.voice_agent_id).await?;
    }
    match voice.update_agent(&ours.voice_agent_id, agent).await {
        Ok(()) => Ok(Some(ours.voice_agent_id)),
        Err(VoiceError::Rejected(voice::Rejection::NotFound)) => Ok(None),
        Err(refused) if refused.is_verdict() => {
            if is_new(agent) {
                voice.delete_agent(&ours.voice_agent_id).await?;
            }
            Err(Undone::Refused(refused))
        }
        Err(unclear) => Err(unclear.into()),
    }
}

/// The way on once the voice agent exists. A search that failed is made again in a step of its own.
async fn after_creation(
    driver: &Provisioning,
    operation: &Operation,
    purchase: Option<Purchase>,
    found: Option<Result<Found, CarrierError>>,
) -> Result<Outcome, StoreError> {
    let progress = Progress::of(operation);
    match (purchase, found) {
        (Some(purchase), Some(Ok(found))) => purchase::after_search(operation, purchase, found, driver).await,
        (Some(_), _) => Ok(Outcome::Next(Step::SearchNumbers, progress)),
        (None, _) => Ok(Outcome::Done(progress)),
    }
}

/// Whether the voice agent is the agent's first; else it replaces one that the provider lost.
fn is_new(agent: &Agent) -> bool {
    agent.voice_agent_id.is_none()
}

fn with_effects(outcome: Outcome, effects: Vec<Effect>) -> Outcome {
    match outcome {
        Outcome::Next(step, progress) => Outcome::Next(step, progress.with(effects)),
        Outcome::Done(progress) => Outcome::Done(progress.with(effects)),
        Outcome::Failed(why, progress) => Outcome::Failed(why, progress.with(effects)),
        other @ (Outcome::Again(_) | Outcome::Recorded(_)) => other,
    }
}

/// Undo of an agent that does not exist at the provider. One that did stays: its number goes on to the fallback.
fn undo(agent: &Agent) -> Vec<Effect> {
    if !is_new(agent) {
        return Vec::new();
    }
    vec![Effect::AgentStatus { agent: agent.id, status: AgentStatus::Deleted }]
}
