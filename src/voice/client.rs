//! Talks HTTP with ElevenLabs: every request has a deadline, none is sent while what it is for stays down, and every
//! failure ends up in one of the classes of [`VoiceError`]. What is asked stands beside its noun: `agents`, `calls`.

use std::sync::Arc;
use std::time::Duration;

use reqwest::header::HeaderValue;
use reqwest::{Method, RequestBuilder, Response, redirect};
use secrecy::{ExposeSecret, SecretString};
use serde::de::DeserializeOwned;
use url::Url;

use super::error::Effect;
use super::{VoiceError, endpoint};
use crate::domain::{Clock, Entropy};
use crate::provider::{BreakerChange, Exchange, Gate, lenient_json};

/// Short, since a caller waits for [`Voice::register_call`].
const CONNECT_TIMEOUT: Duration = Duration::from_secs(2);
const LARGEST_ANSWER: usize = 8 * 1024 * 1024;

/// How to reach the voice provider.
#[derive(Debug, Clone)]
pub struct VoiceConfig {
    /// `https://api.elevenlabs.io`, or where it is emulated. A key belongs to one host: the two go together.
    pub base_url: Url,
    /// The workspace's key.
    pub api_key: SecretString,
    /// For a whole request, connecting included.
    pub timeout: Duration,
}

/// ElevenLabs' REST API. Cheap to clone; clones share the breakers.
#[derive(Debug, Clone)]
pub struct Voice {
    http: reqwest::Client,
    config: Arc<VoiceConfig>,
    // A gate each: agents that cannot be managed must not turn callers away, nor any of them the others.
    pub(super) agents: Gate,
    pub(super) calls: Gate,
    pub(super) conversations: Gate,
    pub(super) clock: Clock,
    pub(super) entropy: Entropy,
}

impl Voice {
    /// A client; reaches nothing yet.
    ///
    /// # Errors
    /// When the machine has no certificate authorities to trust.
    pub fn new(config: VoiceConfig, clock: Clock, entropy: Entropy) -> Result<Self, VoiceError> {
        let mut builder = reqwest::Client::builder()
            .connect_timeout(CONNECT_TIMEOUT)
            .timeout(config.timeout)
            .redirect(redirect::Policy::none());
        if is_loopback(&config.base_url) {
            builder = builder.no_proxy();
        }
        let http = builder.build().map_err(|error| VoiceError::unavailable(reason(&error)))?;
        let gate = |purpose| Gate::new(purpose, clock.clone(), move |change| told(purpose, change));
        let (agents, calls) = (gate("voice_agents"), gate("voice_calls"));
        let conversations = gate("voice_conversations");
        Ok(Self { http, config: Arc::new(config), agents, calls, conversations, clock, entropy })
    }

    /// A request to `/v1/convai/` and `path`.
    pub(super) fn request(&self, method: Method, path: &[&str]) -> RequestBuilder {
        let mut url = self.config.base_url.clone();
        if let Ok(mut segments) = url.path_segments_mut() {
            segments.pop_if_empty().extend(["v1", "convai"]).extend(path);
        }
        self.http.request(method, url).header("xi-api-key", self.config.api_key.expose_secret())
    }

    pub(super) async fn ask<T: DeserializeOwned>(
        &self,
        request: RequestBuilder,
        effect: Effect,
    ) -> Result<T, VoiceError> {
        let body = self.send(&self.agents, request, effect).await?;
        lenient_json(&body).map_err(|error| effect.lost(format!("an unreadable answer: {error}")))
    }

    /// Sends a request through its purpose's gate; gives the body of an answer that says yes.
    pub(super) async fn send(
        &self,
        gate: &Gate,
        request: RequestBuilder,
        effect: Effect,
    ) -> Result<Vec<u8>, VoiceError> {
        let mut request = request.build().map_err(|error| VoiceError::unavailable(reason(&error)))?;
        let passage = gate.pass().map_err(VoiceError::left_alone)?;
        let mut exchange = Exchange::begin("voice", endpoint::of(&request));
        if let Some(Ok(trace)) = exchange.traceparent().map(HeaderValue::try_from) {
            request.headers_mut().insert("traceparent", trace);
        }
        let response = match self.http.execute(request).await {
            Ok(response) => response,
            // A request that cannot be built was never sent.
            Err(error) if error.is_builder() => return Err(VoiceError::unavailable(reason(&error))),
            Err(error) => {
                passage.failed();
                let why = reason(&error);
                return Err(if error.is_connect() { VoiceError::unavailable(why) } else { effect.lost(why) });
            }
        };
        let (status, headers) = (response.status(), response.headers().clone());
        let body = read(response).await;
        exchange.answered(status.as_u16());
        let broke_off = matches!(body, Err(Unread::BrokeOff(_)));
        if effect.is_down(status) || (status.is_success() && broke_off) {
            passage.failed();
        } else {
            passage.answered();
        }
        if status.is_success() {
            return body.map_err(|why| effect.lost(why.to_string()));
        }
        let body = body.as_deref().unwrap_or_default();
        Err(VoiceError::from_answer(status, &headers, body, effect, self.clock.now()))
    }
}

/// Tells the operator that the provider is down for a purpose, or back.
fn told(purpose: &'static str, change: BreakerChange) {
    let state = match change {
        BreakerChange::Opened { pause } => {
            tracing::warn!(
                purpose,
                ?pause,
                "the voice provider keeps failing: it is asked nothing for a while"
            );
            "open"
        }
        BreakerChange::Closed => {
            tracing::info!(purpose, "the voice provider answers again");
            "closed"
        }
    };
    metrics::counter!("switchboard_breaker_changes_total", "provider" => purpose, "state" => state)
        .increment(1);
}

/// Why an answer has no body.
#[derive(Debug, thiserror::Error)]
enum Unread {
    #[error("{0}")]
    BrokeOff(String),
    /// The provider works: others must not be left alone for it.
    #[error("the answer is longer than {LARGEST_ANSWER} bytes")]
    TooLong,
}

async fn read(mut response: Response) -> Result<Vec<u8>, Unread> {
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(|error| Unread::BrokeOff(reason(&error)))? {
        if body.len() + chunk.len() > LARGEST_ANSWER {
            return Err(Unread::TooLong);
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body)
}

/// What went wrong, down to its cause, without the address.
fn reason(error: &reqwest::Error) -> String {
    let mut text = if error.is_timeout() {
        "timed out".to_owned()
    } else if error.is_connect() {
        "could not connect".to_owned()
    } else {
        "the exchange broke off".to_owned()
    };
    let mut source = std::error::Error::source(error);
    while let Some(cause) = source {
        text = format!("{text}: {cause}");
        source = cause.source();
    }
    text
}

/// A proxy from the environment is for the world outside; an emulated provider is on this machine.
fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(url::Host::Ipv4(address)) => address.is_loopback(),
        Some(url::Host::Ipv6(address)) => address.is_loopback(),
        Some(url::Host::Domain(name)) => name == "localhost",
        None => false,
    }
}
