//! Talks HTTP with ElevenLabs: every request has a deadline, every failure ends up in one of the classes
//! of [`VoiceError`]. What is asked stands beside its noun: `agents`, `calls`.

use std::sync::Arc;
use std::time::Duration;

use reqwest::{Method, RequestBuilder, Response, redirect};
use secrecy::{ExposeSecret, SecretString};
use serde::de::DeserializeOwned;
use url::Url;

use super::VoiceError;
use super::error::Effect;

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

/// ElevenLabs' REST API. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Voice {
    http: reqwest::Client,
    config: Arc<VoiceConfig>,
}

impl Voice {
    /// A client; reaches nothing yet.
    ///
    /// # Errors
    /// When the machine has no certificate authorities to trust.
    pub fn new(config: VoiceConfig) -> Result<Self, VoiceError> {
        let mut builder = reqwest::Client::builder()
            .connect_timeout(CONNECT_TIMEOUT)
            .timeout(config.timeout)
            .redirect(redirect::Policy::none());
        if is_loopback(&config.base_url) {
            builder = builder.no_proxy();
        }
        let http = builder.build().map_err(|error| VoiceError::unavailable(reason(&error)))?;
        Ok(Self { http, config: Arc::new(config) })
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
        let body = send(request, effect).await?;
        serde_json::from_slice(&body).map_err(|error| effect.lost(format!("an unreadable answer: {error}")))
    }
}

/// The body of an answer that says yes.
pub(super) async fn send(request: RequestBuilder, effect: Effect) -> Result<Vec<u8>, VoiceError> {
    let response = match request.send().await {
        Ok(response) => response,
        Err(error) if error.is_connect() || error.is_builder() => {
            return Err(VoiceError::unavailable(reason(&error)));
        }
        Err(error) => return Err(effect.lost(reason(&error))),
    };
    let (status, headers) = (response.status(), response.headers().clone());
    let body = read(response).await;
    if status.is_success() {
        return body.map_err(|why| effect.lost(why));
    }
    Err(VoiceError::from_answer(status, &headers, body.as_deref().unwrap_or_default(), effect))
}

async fn read(mut response: Response) -> Result<Vec<u8>, String> {
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(|error| reason(&error))? {
        if body.len() + chunk.len() > LARGEST_ANSWER {
            return Err("the answer is too long".to_owned());
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
