//! The voice agent of an agent at the voice provider, which has no idempotency key: it is found again by the id of our agent in
//! its tags. Shared by the kinds that create one.

use tracing::warn;

use crate::domain::{Agent, Operation};
use crate::provisioning::Provisioning;
use crate::provisioning::outcome::{StepError, unsettled_for};
use crate::voice::{self, VoiceError};

/// The provider's id of the voice agent: of the one that exists already, else of a new one.
pub(super) async fn ensure(
    driver: &Provisioning,
    agent: &Agent,
    operation: &Operation,
) -> Result<String, StepError<VoiceError>> {
    if let Some(known) = &agent.voice_agent_id {
        // Missing from the list; it may only have lost the tags by which it is listed, and gets them back.
        match driver.0.voice.update_agent(known, agent).await {
            Ok(()) => return Ok(known.clone()),
            Err(VoiceError::Rejected(voice::Rejection::NotFound)) => {}
            Err(failure) => return Err(failure.into()),
        }
    }
    if operation.outcome_unknown_at.is_some() || !is_new(agent) {
        if let Some(there) = adopt(driver, agent).await? {
            return Ok(there);
        }
        if let Some(wait) = unsettled_for(operation, driver.0.clock.now()) {
            return Err(StepError::Unsettled(wait));
        }
    }
    // The outcome of every earlier request is known by now.
    driver
        .0
        .voice
        .create_agent(agent)
        .await
        .map_err(|failure| if failure.is_verdict() { StepError::Rejected(failure) } else { failure.into() })
}

/// The voice agent that an earlier attempt created, if it did. It is updated to what it should be, since nobody has read it
/// back; any further one is deleted.
async fn adopt(driver: &Provisioning, agent: &Agent) -> Result<Option<String>, StepError<VoiceError>> {
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
            Err(StepError::Rejected(refused))
        }
        Err(unclear) => Err(unclear.into()),
    }
}

/// Whether the voice agent is the first of the agent; else it replaces one that the provider lost.
fn is_new(agent: &Agent) -> bool {
    agent.voice_agent_id.is_none()
}
