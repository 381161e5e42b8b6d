//! Creation of a voice agent. The voice provider has no idempotency keys, so a voice agent is found again by the id of its agent
//! in its tags. Shared by the kinds that create one.

use tracing::warn;

use crate::domain::{Agent, Operation};
use crate::provisioning::Provisioning;
use crate::provisioning::outcome::{StepError, unsettled_for};
use crate::store::Effect;
use crate::voice::{self, VoiceError};

/// Makes sure that the agent's voice agent exists. Returns what the database is to know of it.
pub(super) async fn ensure(
    driver: &Provisioning,
    agent: &Agent,
    operation: &Operation,
) -> Result<Effect, StepError<VoiceError>> {
    if let Some(known) = &agent.voice_agent_id {
        // Reconciliation did not find it listed. It may only have lost its tags; the update restores them.
        match driver.0.voice.update_agent(known, agent).await {
            Ok(lacks_tool) => return Ok(created(agent, known.clone(), lacks_tool.as_ref())),
            Err(VoiceError::Rejected(voice::Rejection::NotFound)) => {}
            Err(failure) => return Err(failure.into()),
        }
    }
    // Otherwise no request was sent yet, and the look-up is saved.
    if operation.outcome_unknown_at.is_some() || !is_new(agent) {
        if let Some(there) = adopt(driver, agent).await? {
            return Ok(there);
        }
        if let Some(wait) = unsettled_for(operation, driver.0.clock.now()) {
            return Err(StepError::Unsettled(wait));
        }
    }
    // No outcome of an earlier request is unknown here, so this cannot create a second one.
    match driver.0.voice.create_agent(agent).await {
        Ok(new) => Ok(created(agent, new.voice_agent_id, new.lacks_tool.as_ref())),
        Err(failure) if failure.is_definitive() => Err(StepError::Rejected(failure)),
        Err(failure) => Err(failure.into()),
    }
}

/// A voice agent that lacks its tool takes calls. The revision counts as not delivered, so that its delivery adds the tool.
fn created(agent: &Agent, voice_agent_id: String, lacks_tool: Option<&VoiceError>) -> Effect {
    let revision = match lacks_tool {
        None => agent.revision,
        Some(failure) => {
            warn!(agent = %agent.id, %failure, "voice agent lacks the tool opt_out, which is added later");
            agent.revision - 1
        }
    };
    Effect::VoiceAgentCreated { agent: agent.id, voice_agent_id, revision }
}

/// The voice agent that an earlier attempt created, if any. It is updated, because its content was never verified;
/// surplus ones are deleted.
async fn adopt(driver: &Provisioning, agent: &Agent) -> Result<Option<Effect>, StepError<VoiceError>> {
    let voice = &driver.0.voice;
    let mut there = voice.find(agent.id).await?.into_iter();
    // Any of them will do: all are created from the same agent, and the one kept is updated below.
    let Some(ours) = there.next() else { return Ok(None) };
    for surplus in there {
        warn!(agent = %agent.id, voice_agent = surplus.voice_agent_id, "voice agent was created twice; deleting one");
        voice.delete_agent(&surplus.voice_agent_id).await?;
    }
    match voice.update_agent(&ours.voice_agent_id, agent).await {
        Ok(lacks_tool) => Ok(Some(created(agent, ours.voice_agent_id, lacks_tool.as_ref()))),
        Err(VoiceError::Rejected(voice::Rejection::NotFound)) => Ok(None),
        Err(refused) if refused.is_definitive() => {
            // A new agent is rolled back, so its voice agent must not stay. A restored agent stays.
            if is_new(agent) {
                voice.delete_agent(&ours.voice_agent_id).await?;
            }
            Err(StepError::Rejected(refused))
        }
        Err(unclear) => Err(unclear.into()),
    }
}

/// Whether this is the agent's first voice agent; otherwise it replaces one that the provider lost.
fn is_new(agent: &Agent) -> bool {
    agent.voice_agent_id.is_none()
}
