//! Agents and the voice provider: a change is written down here first, then told there until it is known there.

use chrono::TimeDelta;
use tracing::{error, warn};

use super::{Provisioning, voice_refusal};
use crate::domain::{Agent, Refusal};
use crate::store::StoreError;
use crate::voice::VoiceError;

/// A request delivers its own change; only what is older than this was left behind by one.
const LEFT_BEHIND: TimeDelta = TimeDelta::seconds(30);
const AT_ONCE: u16 = 20;

impl Provisioning {
    /// Brings the voice provider to the agent's present revision, within `operation_wait`. What could not be
    /// delivered now is delivered by the worker. What the provider will not take is not offered again: the refusal
    /// says so, and the next change offers the whole agent anew.
    ///
    /// # Errors
    /// The outer one: [`StoreError`]; the inner one: why the provider does not have the change.
    pub async fn sync_agent(&self, agent: &Agent) -> Result<Result<(), Refusal>, StoreError> {
        let Some(voice_agent_id) = &agent.voice_agent_id else {
            return Ok(Ok(()));
        };
        let update = self.0.voice.update_agent(voice_agent_id, agent);
        let Ok(told) = tokio::time::timeout(self.0.config.operation_wait, update).await else {
            return Ok(Err(undelivered()));
        };
        match told {
            Ok(()) => {}
            Err(VoiceError::Unavailable { .. } | VoiceError::OutcomeUnknown { .. }) => {
                return Ok(Err(undelivered()));
            }
            Err(refused @ (VoiceError::Rejected { .. } | VoiceError::NotFound)) => {
                self.0.store.mark_synced(agent.id, voice_agent_id, agent.revision).await?;
                return Ok(Err(voice_refusal(&refused)));
            }
        }
        self.0.store.mark_synced(agent.id, voice_agent_id, agent.revision).await?;
        Ok(Ok(()))
    }

    /// Delivers changes that no request delivered.
    pub(super) async fn sync_left_behind(&self) -> Result<(), StoreError> {
        let due = self.0.clock.now() - LEFT_BEHIND;
        for agent in self.0.store.unsynced_agents(AT_ONCE).await? {
            if agent.updated_at > due {
                continue;
            }
            match self.sync_agent(&agent).await? {
                Ok(()) => {}
                Err(refusal) if refusal.code == undelivered().code => {
                    warn!(agent = %agent.id, "the voice provider does not have an agent's change yet");
                }
                Err(refusal) => {
                    error!(agent = %agent.id, "the voice provider refused a change: {}", refusal.message);
                }
            }
        }
        Ok(())
    }
}

fn undelivered() -> Refusal {
    let message =
        "the change is saved, but the voice provider does not answer: it is told as soon as it does";
    Refusal {
        message: message.to_owned(),
        ..voice_refusal(&VoiceError::OutcomeUnknown { reason: String::new() })
    }
}
