//! ElevenLabs' REST API: URLs, authentication, limits. Requests are sent by the kernel ([`crate::provider`]); each is made in
//! the module of its noun: `agents`, `calls`, `conversations`, `texts`, `tools`.

use std::sync::Arc;
use std::time::Duration;

use secrecy::{ExposeSecret, SecretString};
use serde::de::DeserializeOwned;
use url::Url;

use super::tools::SharedOptOutTool;
use super::{Rejection, VoiceError, endpoint};
use crate::domain::{Clock, ComponentHealth, Entropy};
use crate::provider::{
    Answer, CircuitBreaker, Effect, Method, RequestBuilder, Socket, Transport, TransportConfig,
};

/// Short, because a caller waits for [`Voice::register_call`].
const CONNECT_TIMEOUT: Duration = Duration::from_secs(2);
/// Conversations with long transcripts are the longest answers.
const LONGEST_ANSWER: usize = 8 * 1024 * 1024;

/// How to reach the voice provider.
#[derive(Debug, Clone)]
pub struct VoiceConfig {
    /// `https://api.elevenlabs.io`, or the emulated provider. A key is valid on one host, so the two belong together.
    pub base_url: Url,
    /// The workspace's API key.
    pub api_key: SecretString,
    /// Limits a whole request, connecting included.
    pub timeout: Duration,
}

/// ElevenLabs' REST API. Cheap to clone; clones share the circuit breakers.
#[derive(Debug, Clone)]
pub struct Voice {
    transport: Transport,
    config: Arc<VoiceConfig>,
    // One circuit breaker for each purpose: callers must not be turned away because agents cannot be managed.
    pub(super) agents: CircuitBreaker,
    pub(super) calls: CircuitBreaker,
    pub(super) conversations: CircuitBreaker,
    pub(super) texts: CircuitBreaker,
    pub(super) tools: CircuitBreaker,
    pub(super) opt_out: SharedOptOutTool,
    pub(super) clock: Clock,
    pub(super) entropy: Entropy,
}

impl Voice {
    /// Creates a client; it does not connect yet.
    ///
    /// # Errors
    /// The machine has no certificate authorities to trust.
    pub fn new(config: VoiceConfig, clock: Clock, entropy: Entropy) -> Result<Self, VoiceError> {
        let transport = TransportConfig {
            provider: "voice",
            base_url: &config.base_url,
            connect_timeout: CONNECT_TIMEOUT,
            timeout: config.timeout,
            longest_answer: LONGEST_ANSWER,
            endpoint: endpoint::of,
        };
        Ok(Self {
            transport: Transport::new::<Rejection>(&transport, clock.clone())?,
            config: Arc::new(config),
            agents: CircuitBreaker::new("voice_agents", clock.clone()),
            calls: CircuitBreaker::new("voice_calls", clock.clone()),
            conversations: CircuitBreaker::new("voice_conversations", clock.clone()),
            texts: CircuitBreaker::new("voice_texts", clock.clone()),
            tools: CircuitBreaker::new("voice_tools", clock.clone()),
            opt_out: SharedOptOutTool::default(),
            clock,
            entropy,
        })
    }

    /// The state of its circuit breakers, for operators.
    #[must_use]
    pub fn health(&self) -> Vec<ComponentHealth> {
        [&self.agents, &self.calls, &self.conversations, &self.texts, &self.tools]
            .map(CircuitBreaker::health)
            .into()
    }

    /// Builds a request to `/v1/convai/` and `path`.
    pub(super) fn request(&self, method: Method, path: &[&str]) -> RequestBuilder {
        let mut url = self.config.base_url.clone();
        if let Ok(mut segments) = url.path_segments_mut() {
            segments.pop_if_empty().extend(["v1", "convai"]).extend(path);
        }
        self.transport.request(method, url).header("xi-api-key", self.config.api_key.expose_secret())
    }

    /// Sends a request about agents and reads its answer as JSON.
    pub(super) async fn ask<T: DeserializeOwned>(
        &self,
        request: RequestBuilder,
        effect: Effect,
    ) -> Result<T, VoiceError> {
        self.send(&self.agents, request, effect).await?.json()
    }

    /// Where requests go.
    pub(super) fn base_url(&self) -> &Url {
        &self.config.base_url
    }

    /// Opens a WebSocket at an address that the provider has signed: without the API key.
    pub(super) async fn open_socket(&self, breaker: &CircuitBreaker, url: Url) -> Result<Socket, VoiceError> {
        self.transport.open_socket(breaker, url).await
    }

    pub(super) async fn send(
        &self,
        breaker: &CircuitBreaker,
        request: RequestBuilder,
        effect: Effect,
    ) -> Result<Answer, VoiceError> {
        self.transport.send(breaker, request, effect).await
    }
}
