//! CREATE_AGENT: creates a voice agent and, by default, buys a number for it.
//!
//! The creation of the voice agent and the search for a number run concurrently. If no number can be bought, the agent stays and
//! the operation fails with the reason. If the voice agent cannot be created, the undo marks the agent deleted. Nothing is
//! undone while an earlier request may have created a voice agent; it is looked up by its tag until the outcome is known.

use chrono::TimeDelta;
use serde::Serialize;

use super::purchase::{self, Found, Purchase, PurchaseData, WantedNumber};
use super::{Steps, agent_id_of, idempotency, insert, present, read_data, repeated, voice_agent};
use crate::carrier::CarrierError;
use crate::domain::{
    Agent, AgentId, AgentMessaging, AgentName, AgentStatus, AgentToken, E164, FirstMessage, IdempotencyKey,
    Language, Operation, OperationKind, Prompt, Refusal, Step, UsedUp, VoiceId,
};
use crate::provisioning::Provisioning;
use crate::provisioning::outcome::{Outcome, Patience, Progress};
use crate::store::{Effect, NewOperation, StoreError, TenantStore};

pub(super) const STEPS: Steps = &[
    (Step::CreateVoiceAgent, |driver, operation, _| Box::pin(create_voice_agent(driver, operation))),
    purchase::SEARCH,
    purchase::CLAIM,
    purchase::BUY,
];

/// The request for a new agent.
#[derive(Debug, Clone)]
pub struct NewAgent {
    /// Display name, also at the voice provider.
    pub name: AgentName,
    /// Language that the agent speaks.
    pub language: Language,
    /// Greeting; the language's default if `None`.
    pub first_message: Option<FirstMessage>,
    /// Instructions for the agent; those of a receptionist if `None`.
    pub prompt: Option<Prompt>,
    /// The voice provider's id of the voice; a stock voice if `None`.
    pub voice_id: Option<VoiceId>,
    /// Number that rings when the agent cannot take a call.
    pub fallback_number: Option<E164>,
    /// What happens to the texts that its numbers receive; [`AgentMessaging::Notify`] if `None`.
    pub messaging: Option<AgentMessaging>,
    /// The number to buy; `None` buys no number.
    pub number: Option<WantedNumber>,
}

/// The input that a repeated request must match.
#[derive(Serialize)]
struct Fingerprint<'a> {
    name: &'a str,
    language: &'a str,
    first_message: Option<&'a str>,
    prompt: Option<&'a str>,
    voice_id: Option<&'a str>,
    fallback_number: Option<&'a E164>,
    number: Option<&'a WantedNumber>,
    // Left out if absent: the digests of earlier versions, which did not know it, stay the same.
    #[serde(skip_serializing_if = "Option::is_none")]
    messaging: Option<&'static str>,
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
            messaging: self.messaging.map(AgentMessaging::as_str),
        }
    }
}

impl Provisioning {
    /// Stores a new agent and its operation. Agent and token are `None` for a repeated request: the token is shown once.
    ///
    /// # Errors
    /// [`StoreError`]; as [`StoreError::Refused`]: `IDEMPOTENCY_KEY_REUSED`, `LIMIT_REACHED`, and a fallback number
    /// that may not be dialled.
    pub async fn create_agent(
        &self,
        store: &TenantStore,
        wanted: NewAgent,
        key: Option<IdempotencyKey>,
    ) -> Result<(Operation, Option<(Agent, AgentToken)>), StoreError> {
        let idempotency = idempotency(key, &wanted.fingerprint());
        // Before every check: a repeated request gets its operation even if a limit has been reached since.
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
            agent_id: Some(agent.id),
            idempotency,
            ..self.new_operation(OperationKind::CreateAgent, &data)
        };
        Ok((insert(store, operation).await?, Some((agent, token))))
    }

    async fn may_create(&self, store: &TenantStore) -> Result<(), StoreError> {
        let limit = self.0.config.tenant_agents_per_hour;
        let since = self.0.clock.now() - TimeDelta::hours(1);
        if store.agents_created_since(since).await? < i64::from(limit) {
            return Ok(());
        }
        let message = format!(
            "at most {limit} agents may be created per hour and that limit is reached: try again later"
        );
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
            messaging: wanted.messaging.unwrap_or(AgentMessaging::Notify),
            help_text: None,
            status: AgentStatus::Pending,
            token_preview: token.preview(),
            revision: 1,
            // The creation itself delivers revision 1. Until then the agent has no voice agent that could be
            // updated.
            synced_revision: 0,
            refused_revision: 0,
            sync_error: None,
            created_at: now,
            updated_at: now,
        }
    }
}

/// Step: create the voice agent while searching for numbers.
async fn create_voice_agent(driver: &Provisioning, operation: &Operation) -> Result<Outcome, StoreError> {
    let agent = present(driver.0.store.agent(agent_id_of(operation)?).await?, "agents")?;
    let purchase = read_data::<PurchaseData>(operation)?.purchase;
    let search = async {
        match &purchase {
            Some(purchase) => Some(purchase::find(driver, purchase, operation.tenant_id).await),
            None => None,
        }
    };
    let (created, found) = tokio::join!(voice_agent::ensure(driver, &agent, operation), search);
    let created = match created {
        Ok(created) => created,
        Err(why) => {
            // The search is dropped with it: nothing was claimed or bought.
            let undo = vec![Effect::AgentStatus { agent: agent.id, status: AgentStatus::Deleted }];
            return Ok(Outcome::of_error(operation, why, undo, Patience::UntilSettled));
        }
    };
    let outcome = after_creation(driver, operation, purchase, found).await?;
    // Stored even if the search has just failed the operation: the voice agent exists and stays.
    let effects = vec![created, Effect::AgentStatus { agent: agent.id, status: AgentStatus::Active }];
    Ok(with_effects(outcome, effects))
}

/// The outcome once the voice agent exists. A failed search is repeated in the step `search_numbers`.
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

fn with_effects(outcome: Outcome, effects: Vec<Effect>) -> Outcome {
    match outcome {
        Outcome::Next(step, progress) => Outcome::Next(step, progress.with(effects)),
        Outcome::Done(progress) => Outcome::Done(progress.with(effects)),
        Outcome::Failed(why, progress) => Outcome::Failed(why, progress.with(effects)),
        // No answered search ends in one of these.
        other @ (Outcome::Retry(_)
        | Outcome::WaitUntil(_)
        | Outcome::WaitForEvent(_)
        | Outcome::Recorded(_)) => other,
    }
}
