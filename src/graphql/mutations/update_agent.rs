//! The mutation `updateAgent`: changes an agent and delivers the change to the voice provider.

use async_graphql::{Context, ID, InputObject, MaybeUndefined, Object};

use super::input::{self, Faults};
use super::outcome::{Outcome, Stop, agent_now};
use crate::domain::{self, AgentId, E164, Invalid, Refusal};
use crate::graphql::context::{ContextExt, Session};
use crate::graphql::errors::ApiError;
use crate::graphql::model::{Agent, AgentMessaging, AgentStatus, Checked, UserError};
use crate::store::AgentChanges;

/// Input of `updateAgent`. An absent field remains unchanged; `null` clears it.
#[derive(Debug, InputObject)]
pub(crate) struct UpdateAgentInput {
    /// Id of the agent.
    id: ID,
    /// Name of the practice: 1 to 100 characters. Cannot be `null`.
    name: MaybeUndefined<String>,
    /// Language code. Cannot be `null`.
    language: MaybeUndefined<String>,
    /// The first sentence that the caller hears: 1 to 2,000 characters. `null`: a greeting with the name, in
    /// the agent's language.
    first_message: MaybeUndefined<String>,
    /// Instructions for the agent: 1 to 20,000 characters. `null`: those of a receptionist who takes messages.
    prompt: MaybeUndefined<String>,
    /// Id of a voice at ElevenLabs. `null`: a stock voice.
    voice_id: MaybeUndefined<String>,
    /// The number that rings if the agent cannot take a call. `null`: the caller hears a message instead.
    /// Rejected unless `viewer.limits` allows its country and kind.
    fallback_number: MaybeUndefined<Checked<E164>>,
    /// ACTIVE: the agent takes calls. INACTIVE: calls go to the fallback number. Other values are rejected.
    status: MaybeUndefined<AgentStatus>,
    /// What happens to the text messages that the agent's numbers receive. Threads whose `handling` nobody has set follow with
    /// their next message. Cannot be `null`.
    messaging: MaybeUndefined<AgentMessaging>,
    /// The answer to a text that asks for help, where the carrier does not answer it: 1 to 1600 characters. Say who sends the
    /// texts and how to stop them. `null`: no answer.
    help_text: MaybeUndefined<String>,
}

/// A field that may be changed but not cleared.
fn set<T, U>(
    faults: &mut Faults,
    field: &str,
    given: MaybeUndefined<T>,
    read: impl FnOnce(T) -> Result<U, Invalid>,
) -> Option<U> {
    match given {
        MaybeUndefined::Undefined => None,
        MaybeUndefined::Value(value) => faults.take(field, read(value)),
        MaybeUndefined::Null => {
            faults.note(field, format!("{field} cannot be cleared: leave it out to keep it"));
            None
        }
    }
}

/// A field that may be changed or cleared.
fn set_or_clear<T, U>(
    faults: &mut Faults,
    field: &str,
    given: MaybeUndefined<T>,
    read: impl FnOnce(T) -> Result<U, Invalid>,
) -> Option<Option<U>> {
    match given {
        MaybeUndefined::Undefined => None,
        MaybeUndefined::Null => Some(None),
        MaybeUndefined::Value(value) => faults.take(field, read(value)).map(Some),
    }
}

fn settable(status: AgentStatus) -> Result<domain::AgentStatus, Invalid> {
    match status {
        AgentStatus::Active | AgentStatus::Inactive => Ok(status.into()),
        AgentStatus::Pending | AgentStatus::Deleted => Err(Invalid(
            "status can be set to ACTIVE or INACTIVE; to delete an agent use deleteAgent".to_owned(),
        )),
    }
}

impl UpdateAgentInput {
    fn check(self) -> Result<(AgentId, AgentChanges), Stop> {
        let mut faults = Faults::default();
        let id = faults.take("id", self.id.parse());
        let changes = AgentChanges {
            name: set(&mut faults, "name", self.name, |text| text.parse()),
            language: set(&mut faults, "language", self.language, |text| text.parse()),
            first_message: set_or_clear(&mut faults, "firstMessage", self.first_message, |text| text.parse()),
            prompt: set_or_clear(&mut faults, "prompt", self.prompt, |text| text.parse()),
            voice_id: set_or_clear(&mut faults, "voiceId", self.voice_id, |text| text.parse()),
            fallback_number: set_or_clear(&mut faults, "fallbackNumber", self.fallback_number, |it| it.0),
            status: set(&mut faults, "status", self.status, settable),
            messaging: set(&mut faults, "messaging", self.messaging, |word| Ok(word.into())),
            help_text: set_or_clear(&mut faults, "helpText", self.help_text, |text| text.parse()),
        };
        faults.unless_any(id.map(|id| (id, changes)))
    }
}

/// Result of an accepted request.
struct Accepted {
    agent: Agent,
    /// Why the change was not delivered to the voice provider.
    late: Option<Refusal>,
}

/// Payload of `updateAgent`: what was accepted, or why nothing was.
pub(crate) struct UpdateAgentPayload(Outcome<Accepted>);

/// Result of `updateAgent`.
#[Object]
impl UpdateAgentPayload {
    /// The changed agent; `null` if there are `userErrors` and nothing was changed.
    async fn agent(&self) -> Option<&Agent> {
        self.0.accepted().map(|accepted| &accepted.agent)
    }

    /// Errors that the client can correct. If `agent` is present as well, the change is stored, but the voice
    /// provider does not have it yet.
    async fn user_errors(&self) -> Vec<UserError> {
        self.0.user_errors(|accepted| accepted.late.as_ref())
    }
}

/// Holds the root field `updateAgent`; [`super::Mutation`] merges it with the others.
#[derive(Debug, Default)]
pub(super) struct UpdateAgent;

#[Object]
impl UpdateAgent {
    /// Changes an agent. The change is stored at once and delivered to the voice provider, for which the
    /// request waits a few seconds. Later deliveries continue in the background: see `Agent.syncState`.
    #[graphql(complexity = "child_complexity + 10")]
    async fn update_agent(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The agent and its changes.")] input: UpdateAgentInput,
    ) -> Option<Result<UpdateAgentPayload, ApiError>> {
        let update = async || update(ctx.session()?, input).await;
        Some(Outcome::of(update().await).map(UpdateAgentPayload))
    }
}

async fn update(session: &Session, input: UpdateAgentInput) -> Result<Accepted, Stop> {
    session.owner()?;
    let (id, changes) = input.check()?;
    let store = session.writer().await?;
    let present = store.agent(id).await?.ok_or_else(|| Refusal::not_found("agent", "id"))?;
    input::alive(&present)?;
    if let Some(Some(fallback)) = &changes.fallback_number {
        let dialing = session.provisioning().dialing().for_tenant(&store.tenant().await?.dialing);
        dialing.check(fallback).map_err(|why| Refusal::invalid("fallbackNumber", &why))?;
        let own = store.held_numbers(id).await?;
        let own: Vec<_> = own.into_iter().map(|number| number.number).collect();
        if store.leads_to(fallback, &own).await? {
            let why = "this number passes calls on to one of the agent's own, so that they would ring each other: name \
                       another";
            return Err(Refusal::invalid("fallbackNumber", &Invalid(why.to_owned())).into());
        }
    }
    let agent = store.update_agent(id, changes).await?.ok_or_else(|| Refusal::not_found("agent", "id"))?;
    store.audit("updateAgent", id).await?;
    store.commit().await?;
    // Nothing changed that the voice provider must learn of.
    if agent.revision <= agent.synced_revision {
        return Ok(Accepted { agent: agent.into(), late: None });
    }
    // An error from here on fails the field although the change is stored: to repeat an update does no harm.
    let late = session.provisioning().sync_agent(id, agent.revision, session.waits_until()).await?;
    // Read again: the delivery may have succeeded or failed meanwhile.
    let agent = agent_now(session, id).await?.unwrap_or_else(|| agent.into());
    Ok(Accepted { agent, late })
}
