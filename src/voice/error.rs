//! Reads ElevenLabs' error answers.
//!
//! An answer counts as ElevenLabs' only if its body is in ElevenLabs' own form. A proxy's page is not: whatever its status, it
//! leaves the outcome of a write unknown. Nor is a 404 without ElevenLabs' own error object, since every web framework answers
//! `{"detail": "Not Found"}` to an unknown path.

use serde_json::Value;

use crate::provider::{Answer, Effect, NO_REASON, ProviderError, ProviderRejection, shown};

/// Why a request to the voice provider did not succeed.
pub type VoiceError = ProviderError<Rejection>;

/// What the voice provider rejected.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Rejection {
    /// The agent or conversation does not exist.
    #[error("not found")]
    NotFound,
    /// Any other rejection, with the provider's message.
    #[error("status {status}: {message}")]
    Other {
        /// The HTTP status of the answer.
        status: u16,
        /// ElevenLabs' message, cut short and safe to show.
        message: String,
    },
}

impl VoiceError {
    pub(super) fn rejected(status: u16, message: impl Into<String>) -> Self {
        Self::Rejected(Rejection::Other { status, message: message.into() })
    }

    /// Whether the provider rejected the content for good: another key, plan or time would not change that.
    #[must_use]
    pub fn rejects_content(&self) -> bool {
        // 200: the provider accepted the content but stored something else.
        matches!(self, Self::Rejected(Rejection::Other { status: 200 | 400 | 413 | 422, .. }))
    }
}

impl ProviderRejection for Rejection {
    const PROVIDER: &'static str = "the voice provider";

    fn is_definitive(&self) -> bool {
        // These depend on the key, the plan or the moment.
        !matches!(self, Self::Other { status: 401 | 402 | 403 | 409, .. })
    }

    fn classify(answer: &Answer) -> VoiceError {
        let (status, effect) = (answer.status(), answer.effect());
        let reason = format!("status {status}");
        if let Some(failure) = answer.failure_by_status(&reason) {
            return failure;
        }
        let body = serde_json::from_slice(answer.body()).unwrap_or(Value::Null);
        let message = message(&body);
        match status {
            // Sent by a proxy, which cannot connect a call either.
            _ if message.is_none() && effect != Effect::Connects => effect.lost(reason),
            // The code of a missing agent is not documented, so the status and the form of the body decide.
            404 if matches!(body["detail"], Value::Object(_) | Value::Array(_)) => {
                VoiceError::Rejected(Self::NotFound)
            }
            // A text is the framework's answer for an unknown route, as with a wrong base URL: it does not deny the agent.
            404 if effect != Effect::Connects => effect.lost(reason),
            status => VoiceError::rejected(status, message.unwrap_or_else(|| NO_REASON.to_owned())),
        }
    }
}

/// The message in one of ElevenLabs' three forms: `detail` is a list of `{loc, msg}`, an object with `message` and `code` (or
/// `status`, its older name), or a text. `None`: the answer is not ElevenLabs'.
fn message(body: &Value) -> Option<String> {
    let message = match body.get("detail")? {
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
    Some(shown(&message))
}

fn violation(violation: &Value) -> String {
    let field = violation["loc"].as_array().map_or(String::new(), |path| {
        let steps = path.iter().map(|step| step.as_str().map_or_else(|| step.to_string(), str::to_owned));
        steps.collect::<Vec<_>>().join(".")
    });
    format!("{field}: {}", violation["msg"].as_str().unwrap_or("not accepted"))
}
