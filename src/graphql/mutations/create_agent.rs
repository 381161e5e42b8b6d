//! The mutation `createAgent`: creates an agent and buys a number for it.

use async_graphql::{Context, InputObject, Object};

use super::input::{Faults, IfUnavailable};
use super::outcome::{Accepted, Outcome, Stop, agent_now, carried_out, now_or, number_now};
use crate::domain::{AgentStatus, CountryCode, E164, IdempotencyKey, NumberType, OperationState};
use crate::graphql::context::{ContextExt, Session};
use crate::graphql::errors::ApiError;
use crate::graphql::model::{Agent, AgentMessaging, Checked, Operation, PhoneNumber, UserError};
use crate::provisioning::kinds::{NewAgent, WantedNumber};

/// Input of `createAgent`.
#[derive(Debug, InputObject)]
pub(crate) struct CreateAgentInput {
    /// Name of the practice, as callers hear it: 1 to 100 characters.
    name: String,
    /// Language code: `en`, `de`, `pt-br`. An unsupported language is rejected with the list of supported ones.
    #[graphql(default = "en")]
    language: String,
    /// The first sentence that the caller hears: 1 to 2,000 characters. Default: a greeting with the name, in
    /// the agent's language.
    first_message: Option<String>,
    /// Instructions for the agent: 1 to 20,000 characters. Default: those of a receptionist who takes messages.
    prompt: Option<String>,
    /// Id of a voice at ElevenLabs. Default: a stock voice.
    voice_id: Option<String>,
    /// The number that rings if the agent cannot take a call. Without it the caller hears a message. Rejected
    /// unless `viewer.limits` allows its country and kind.
    fallback_number: Option<Checked<E164>>,
    /// What happens to the text messages that the agent's numbers receive. Default: NOTIFY.
    messaging: Option<AgentMessaging>,
    /// Whether to buy a number for the agent at once.
    #[graphql(default = true)]
    provision_phone: bool,
    /// Country of the number to buy.
    #[graphql(default_with = "Checked(Ok(CountryCode::US))")]
    country: Checked<CountryCode>,
    /// Area code of the number to buy: three digits. Only for the United States and Canada.
    area_code: Option<String>,
    /// What to do if the area code, or the country, has no number for sale.
    #[graphql(default_with = "IfUnavailable::Fail")]
    if_unavailable: IfUnavailable,
    /// Idempotency key: any string that is unique to this request, such as a UUID. A repeated request with the
    /// same key returns the same operation instead of creating a second agent.
    idempotency_key: Option<String>,
}

impl CreateAgentInput {
    fn check(self) -> Result<(NewAgent, Option<IdempotencyKey>), Stop> {
        let mut faults = Faults::default();
        let name = faults.take("name", self.name.parse());
        let language = faults.take("language", self.language.parse());
        let first_message = faults.optional("firstMessage", self.first_message);
        let prompt = faults.optional("prompt", self.prompt);
        let voice_id = faults.optional("voiceId", self.voice_id);
        let fallback_number = faults.scalar("fallbackNumber", self.fallback_number);
        // Read before the area code, whose meaning depends on it.
        let country = faults.take("country", self.country.0);
        let area_code = faults.area_code(country, NumberType::Local, self.area_code);
        let key = faults.optional("idempotencyKey", self.idempotency_key);
        let any_in_country = self.if_unavailable == IfUnavailable::AnyInCountry;
        let wanted = country.filter(|_| self.provision_phone).map(|country| WantedNumber {
            country,
            area_code,
            kind: NumberType::Local,
            number: None,
            any_in_country,
            label: None,
        });
        let agent = name.zip(language).map(|(name, language)| NewAgent {
            name,
            language,
            first_message,
            prompt,
            voice_id,
            fallback_number,
            messaging: self.messaging.map(Into::into),
            number: wanted,
        });
        faults.unless_any(agent.map(|agent| (agent, key)))
    }
}

/// An agent that is or will be created; absent if the creation failed and was rolled back.
struct Created {
    agent: Agent,
    number: Option<PhoneNumber>,
    /// `None` for a repeated request: the token was returned before.
    token: Option<String>,
}

/// Payload of `createAgent`: what was accepted, or why nothing was.
pub(crate) struct CreateAgentPayload(Outcome<Accepted<Created>>);

/// Result of `createAgent`. If the agent was created but no number was available, both `agent` and `userErrors`
/// are present: buy a number later with `provisionPhoneNumber`.
#[Object]
impl CreateAgentPayload {
    /// The agent; PENDING while it is being created. `null` if it could not be created.
    async fn agent(&self) -> Option<&Agent> {
        self.0.subject().map(|created| &created.agent)
    }

    /// The agent's number; `null` until one is chosen, ACTIVE when it is bought.
    async fn phone_number(&self) -> Option<&PhoneNumber> {
        self.0.subject().and_then(|created| created.number.as_ref())
    }

    /// The agent's token, returned only this once: store it. `null` for a repeated request.
    async fn api_token(&self) -> Option<&str> {
        self.0.subject().and_then(|created| created.token.as_deref())
    }

    /// The operation that does the work. If it is RUNNING, follow it with `operationUpdated`.
    async fn operation(&self) -> Option<&Operation> {
        self.0.operation()
    }

    /// Errors that the client can correct. If `operation` is `null`, nothing was changed.
    async fn user_errors(&self) -> Vec<UserError> {
        self.0.errors()
    }
}

/// Holds the root field `createAgent`; [`super::Mutation`] merges it with the others.
#[derive(Debug, Default)]
pub(super) struct CreateAgent;

#[Object]
impl CreateAgent {
    /// Creates a voice agent and buys a number for it. The request waits a few seconds for the work; longer
    /// work continues in the background: follow `operation`.
    #[graphql(complexity = "child_complexity + 50")]
    async fn create_agent(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The agent and its number.")] input: CreateAgentInput,
    ) -> Option<Result<CreateAgentPayload, ApiError>> {
        let create = async || create(ctx.session()?, input).await;
        Some(Outcome::of(create().await).map(CreateAgentPayload))
    }
}

async fn create(session: &Session, input: CreateAgentInput) -> Result<Accepted<Created>, Stop> {
    // Permission first: who may not create agents learns nothing about the input either.
    session.owner()?;
    let (agent, key) = input.check()?;
    // After the validation and before the transaction: a rejected input counts nothing.
    session.count_operation()?;
    let provisioning = session.provisioning();
    let store = session.writer().await?;
    let (operation, created) = provisioning.create_agent(&store, agent, key).await?;
    store.commit().await?;
    let operation = carried_out(session, operation).await;
    // Without a number the operation has failed, and yet its agent was created and stays.
    let stands = |agent: &Agent| {
        operation.state != OperationState::Failed
            || matches!(agent.state(), AgentStatus::Active | AgentStatus::Inactive)
    };
    let now = agent_now(session, operation.agent_id).await;
    let (agent, token) = match created {
        Some((written, token)) => (now_or(now, Some(written)), Some(token)),
        // Safe to repeat: a repeated request finds its operation again.
        None => (now?, None),
    };
    let subject = match agent.filter(stands) {
        None => None,
        Some(agent) => Some(Created {
            agent,
            number: now_or(number_now(session, operation.number_id).await, None::<PhoneNumber>)
                .filter(PhoneNumber::is_held),
            token: token.map(|token| token.expose().to_owned()),
        }),
    };
    Ok(Accepted { subject, operation: Operation(operation) })
}
