//! How a call to the voice provider can fail.
//!
//! An answer counts as the provider's only if it is in the provider's own words. A page of a proxy is not: it leaves a
//! write's outcome unknown, whatever its status; so does a 404 without the provider's own error object, since every web
//! framework answers `{"detail": "Not Found"}` for an unknown path. Only [`VoiceError::is_verdict`] says whether an answer settles what was
//! asked for.

use std::time::Duration;

use chrono::{DateTime, Utc};
use reqwest::StatusCode;
use reqwest::header::HeaderMap;
use serde_json::Value;

use crate::provider::retry_after;

/// The longest of the provider's messages that is passed on, in characters.
const LONGEST_MESSAGE: usize = 300;

/// Why a call to the voice provider did not succeed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum VoiceError {
    /// It said no; nothing happened, and asking again changes nothing.
    #[error("the voice provider refused ({status}): {message}")]
    Rejected {
        /// The HTTP status.
        status: u16,
        /// Its own words, cut short and fit to be shown.
        message: String,
    },
    /// There is no such agent.
    #[error("the voice provider knows no such agent")]
    NotFound,
    /// It did not happen.
    #[error("the voice provider is not available: {reason}")]
    Unavailable {
        /// For the log.
        reason: String,
        /// How long it asks us to wait, or how long it is left alone.
        retry_after: Option<Duration>,
        /// It was not asked: it has failed so often in a row that it is left alone for a while.
        breaker_open: bool,
    },
    /// It may have happened: look before doing anything else.
    #[error("the voice provider's answer was lost: {reason}")]
    OutcomeUnknown {
        /// For the log.
        reason: String,
    },
}

/// Whether a request changes something at the provider: then a lost answer leaves its outcome open.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Effect {
    Reads,
    Writes,
    /// Registers a call. When the provider itself says that it failed, nobody was connected.
    Connects,
}

impl Effect {
    /// The failure of a request whose answer never came, or came in pieces.
    pub(super) fn lost(self, reason: String) -> VoiceError {
        match self {
            Self::Reads => VoiceError::unavailable(reason),
            Self::Writes | Self::Connects => VoiceError::OutcomeUnknown { reason },
        }
    }
}

impl Effect {
    /// Whether this answer shows that the provider is down. Whoever turns a request away lives; and whoever fails over
    /// one call may do so for its agent's sake, which must not cost every other agent its calls.
    pub(super) fn is_down(self, status: StatusCode) -> bool {
        match self {
            Self::Reads | Self::Writes => matches!(status.as_u16(), 408 | 500..),
            Self::Connects => matches!(status.as_u16(), 408 | 502..=504),
        }
    }
}

impl VoiceError {
    /// Whether this settles what was asked for: the provider itself said no to it, for good. A refusal of the key, of the
    /// plan or of the moment says nothing about what an earlier request did.
    #[must_use]
    pub fn is_verdict(&self) -> bool {
        match self {
            Self::Rejected { status, .. } => !matches!(status, 401 | 402 | 403 | 409),
            Self::NotFound => true,
            Self::Unavailable { .. } | Self::OutcomeUnknown { .. } => false,
        }
    }

    /// Whether the provider rejected what it was given, for good: another key, plan or moment would change nothing.
    #[must_use]
    pub fn rejects_content(&self) -> bool {
        // 200: it took the content and stored something else.
        matches!(self, Self::Rejected { status: 200 | 400 | 413 | 422, .. })
    }

    pub(super) fn unavailable(reason: String) -> Self {
        Self::Unavailable { reason, retry_after: None, breaker_open: false }
    }

    /// An earlier request may still be carried out for so long: what it did cannot be told before.
    pub(crate) fn settling(wait: Duration) -> Self {
        let reason = "an earlier request may still be carried out".to_owned();
        Self::Unavailable { reason, retry_after: Some(wait), breaker_open: false }
    }

    /// It was not asked, and will not be for so long.
    pub(super) fn left_alone(wait: Duration) -> Self {
        let reason = "it has failed again and again and is not asked for a while".to_owned();
        Self::Unavailable { reason, retry_after: Some(wait), breaker_open: true }
    }

    /// An answer that does not say yes and came at `at`, by its HTTP status.
    pub(super) fn from_answer(
        status: StatusCode,
        headers: &HeaderMap,
        body: &[u8],
        effect: Effect,
        at: DateTime<Utc>,
    ) -> Self {
        let reason = || format!("status {}", status.as_u16());
        let unavailable = || {
            let asked = headers.get("retry-after").and_then(|value| value.to_str().ok());
            let retry_after = asked.and_then(|text| retry_after(text, at));
            Self::Unavailable { reason: reason(), retry_after, breaker_open: false }
        };
        let words = message(body);
        match status.as_u16() {
            // Turned away before anything was done.
            425 | 429 => unavailable(),
            408 | 500.. if effect == Effect::Writes => Self::OutcomeUnknown { reason: reason() },
            408 | 500.. => unavailable(),
            // Somebody between us answered. A call is not connected by that either.
            _ if words.is_none() && effect != Effect::Connects => effect.lost(reason()),
            // The code of a 404 on agents is not documented: the shape and the status decide. Bare text is what any framework
            // answers for a path that it does not know.
            404 if is_structured(body) => Self::NotFound,
            404 if effect != Effect::Connects => effect.lost(reason()),
            status => {
                Self::Rejected { status, message: words.unwrap_or_else(|| "no reason given".to_owned()) }
            }
        }
    }
}

/// Whether `detail` has one of the shapes in which the provider's own routes answer.
fn is_structured(body: &[u8]) -> bool {
    let body = serde_json::from_slice::<Value>(body).unwrap_or_default();
    matches!(body["detail"], Value::Object(_) | Value::Array(_))
}

/// The provider's words, in whichever of its three shapes: `detail` is a list of `{loc, msg}`, an object
/// with `message` and `code` (or `status`, its older name), or plain text. `None` when the answer is not the provider's.
fn message(body: &[u8]) -> Option<String> {
    let body: Value = serde_json::from_slice(body).ok()?;
    let words = match body.get("detail")? {
        Value::String(text) => text.clone(),
        Value::Array(violations) => violations.iter().map(violation).collect::<Vec<_>>().join("; "),
        Value::Object(detail) => {
            let text = |name: &str| detail.get(name).and_then(Value::as_str);
            match (text("code").or_else(|| text("status")), text("message")) {
                (Some(code), Some(message)) => format!("{code}: {message}"),
                (Some(words), None) | (None, Some(words)) => words.to_owned(),
                (None, None) => String::new(),
            }
        }
        _ => String::new(),
    };
    let words: String = words.chars().filter(|c| !c.is_control()).take(LONGEST_MESSAGE).collect();
    Some(if words.is_empty() { "no reason given".to_owned() } else { words })
}

fn violation(violation: &Value) -> String {
    let place = violation["loc"].as_array().map_or(String::new(), |path| {
        let steps = path.iter().map(|step| step.as_str().map_or_else(|| step.to_string(), str::to_owned));
        steps.collect::<Vec<_>>().join(".")
    });
    format!("{place}: {}", violation["msg"].as_str().unwrap_or("not accepted"))
}
