//! `createAgent`.

use async_graphql::{Context, InputObject, Object};

use super::input::{Faults, IfUnavailable};
use super::outcome::{Outcome, Stop, agent_now, carried_out, now_or, number_now};
use crate::domain::{AgentStatus, CountryCode, E164, IdempotencyKey, NumberType, OperationState};
use crate::graphql::context::{ContextExt, Session};
use crate::graphql::errors::ApiError;
use crate::graphql::model::{Agent, Checked, Operation, PhoneNumber, UserError};
use crate::provisioning::kinds::{NewAgent, WantedNumber};

/// What a new agent should be, and which number to buy for it.
#[derive(Debug, InputObject)]
pub(crate) struct CreateAgentInput {
    /// The practice's name, as callers hear it: 1 to 100 characters.
    name: String,
    /// The language it speaks, as a code: `en`, `de`, `pt-br`. An unknown one is refused with the list.
    #[graphql(default = "en")]
    language: String,
    /// What it says first, 1 to 2000 characters. Unset: it greets in its language, with its name.
    first_message: Option<String>,
    /// How it should behave, in your words: 1 to 20 000 characters.
    prompt: Option<String>,
    /// A voice at ElevenLabs, by its id. Unset: a stock voice.
    voice_id: Option<String>,
    /// Where a call goes when the voice agent cannot take it. Set it: callers then always reach somebody. Refused unless
    /// `viewer.limits` allows its country and its kind.
    fallback_number: Option<Checked<E164>>,
    /// Whether to buy it a number at once.
    #[graphql(default = true)]
    provision_phone: bool,
    /// The number's country.
    #[graphql(default_with = "Checked(Ok(CountryCode::US))")]
    country: Checked<CountryCode>,
    /// The number's area code, three digits. US and Canada only.
    area_code: Option<String>,
    /// What to do when that area code, or the country, has no number.
    #[graphql(default_with = "IfUnavailable::Fail")]
    if_unavailable: IfUnavailable,
    /// Your name for this request, such as a UUID. Repeating the request with it returns the same operation
    /// instead of creating a second agent.
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
        });
        let agent = name.zip(language).map(|(name, language)| NewAgent {
            name,
            language,
            first_message,
            prompt,
            voice_id,
            fallback_number,
            number: wanted,
        });
        faults.unless_any(agent.map(|agent| (agent, key)))
    }
}

/// What came of an accepted request.
struct Accepted {
    operation: Operation,
    /// `None`: it could not be created, and what there was of it is undone.
    agent: Option<Created>,
}

/// An agent, created or about to be.
struct Created {
    agent: Agent,
    number: Option<PhoneNumber>,
    /// `None` for a repeated request: it was shown then.
    token: Option<String>,
}

/// What came of `createAgent`.
pub(crate) struct CreateAgentPayload(Outcome<Accepted>);

impl CreateAgentPayload {
    fn created(&self) -> Option<&Created> {
        self.0.accepted().and_then(|accepted| accepted.agent.as_ref())
    }
}

/// What came of `createAgent`. When the agent could be created but no number be had, both `agent` and
/// `userErrors` are there: provision a number for it later.
#[Object]
impl CreateAgentPayload {
    /// The agent; PENDING while its creation goes on. Null when it could not be created.
    async fn agent(&self) -> Option<&Agent> {
        self.created().map(|created| &created.agent)
    }

    /// Its number, once it is chosen; ACTIVE once it is bought.
    async fn phone_number(&self) -> Option<&PhoneNumber> {
        self.created().and_then(|created| created.number.as_ref())
    }

    /// The agent's token. Shown this once: store it now. Null when a repeated request found its operation.
    async fn api_token(&self) -> Option<&str> {
        self.created().and_then(|created| created.token.as_deref())
    }

    /// The work itself: watch it when it is still RUNNING.
    async fn operation(&self) -> Option<&Operation> {
        self.0.accepted().map(|accepted| &accepted.operation)
    }

    /// What you can put right. Without an operation beside it, nothing happened.
    async fn user_errors(&self) -> Vec<UserError> {
        self.0.user_errors(|accepted| accepted.operation.0.error.as_ref())
    }
}

/// The mutation.
#[derive(Debug, Default)]
pub(super) struct CreateAgent;

#[Object]
impl CreateAgent {
    /// Creates a voice agent and buys it a number that leads to it. Waits a few seconds for the work; what takes
    /// longer goes on by itself, and `operation` follows it.
    #[graphql(complexity = "child_complexity + 50")]
    async fn create_agent(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "What the agent should be.")] input: CreateAgentInput,
    ) -> Option<Result<CreateAgentPayload, ApiError>> {
        let create = async || create(ctx.session()?, input).await;
        Some(Outcome::of(create().await).map(CreateAgentPayload))
    }
}

async fn create(session: &Session, input: CreateAgentInput) -> Result<Accepted, Stop> {
    session.owner()?;
    let (agent, key) = input.check()?;
    session.count_operation()?;
    let provisioning = session.provisioning();
    let store = session.writer().await?;
    let (operation, created) = provisioning.create_agent(&store, agent, key).await?;
    store.commit().await?;
    let operation = carried_out(session, operation).await;
    let stands = |agent: &Agent| {
        operation.state != OperationState::Failed
            || matches!(agent.state(), AgentStatus::Active | AgentStatus::Inactive)
    };
    let now = agent_now(session, operation.agent_id).await;
    let (agent, token) = match created {
        Some((written, token)) => (now_or(now, Some(written)), Some(token)),
        // Safe to repeat: it was a repetition, and its operation is found again.
        None => (now?, None),
    };
    let agent = match agent.filter(stands) {
        None => None,
        Some(agent) => Some(Created {
            agent,
            number: now_or(number_now(session, operation.number_id).await, None::<PhoneNumber>)
                .filter(PhoneNumber::is_held),
            token: token.map(|token| token.expose().to_owned()),
        }),
    };
    Ok(Accepted { operation: Operation(operation), agent })
}
