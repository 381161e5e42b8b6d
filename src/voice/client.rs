//! The REST client.

use std::time::Duration;

use secrecy::SecretString;
use url::Url;

use super::{CallToRegister, RegisteredCall, VoiceAgent, VoiceError};
use crate::domain::{Agent, AgentId};

/// How to reach the voice provider.
#[derive(Debug, Clone)]
pub struct VoiceConfig {
    /// `https://api.elevenlabs.io`, or where it is emulated.
    pub base_url: Url,
    /// The workspace's key.
    pub api_key: SecretString,
    /// For a whole request, connecting included.
    pub timeout: Duration,
}

/// ElevenLabs' REST API. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Voice {}

impl Voice {
    /// A client; reaches nothing yet.
    ///
    /// # Errors
    /// When the machine has no certificate authorities to trust.
    pub fn new(_config: VoiceConfig) -> Result<Self, VoiceError> {
        todo!()
    }

    /// Creates the agent, fit for telephony, tagged with our id; returns the provider's id.
    ///
    /// # Errors
    /// [`VoiceError`]; after an unknown outcome, [`Self::find`] tells.
    pub async fn create_agent(&self, _agent: &Agent) -> Result<String, VoiceError> {
        todo!()
    }

    /// The provider's agents that carry our id: usually none or one, more after a creation was repeated.
    ///
    /// # Errors
    /// [`VoiceError`].
    pub async fn find(&self, _agent: AgentId) -> Result<Vec<VoiceAgent>, VoiceError> {
        todo!()
    }

    /// Brings the provider's agent to the state of ours.
    ///
    /// # Errors
    /// [`VoiceError`]; safe to repeat.
    pub async fn update_agent(&self, _voice_agent_id: &str, _agent: &Agent) -> Result<(), VoiceError> {
        todo!()
    }

    /// Deletes an agent. One that is gone already counts as deleted.
    ///
    /// # Errors
    /// [`VoiceError`]; safe to repeat.
    pub async fn delete_agent(&self, _voice_agent_id: &str) -> Result<(), VoiceError> {
        todo!()
    }

    /// Registers a call and returns how to connect it.
    ///
    /// # Errors
    /// [`VoiceError`].
    pub async fn register_call(
        &self,
        _call: CallToRegister<'_>,
        _deadline: Duration,
    ) -> Result<RegisteredCall, VoiceError> {
        todo!()
    }
}
