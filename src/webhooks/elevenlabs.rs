//! What the voice provider tells after a conversation. It counts exactly 200 as delivered, and sends again on a 5xx.

use std::sync::Arc;

use axum::body::{Body, to_bytes};
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};

use super::Webhooks;
use crate::voice::{VoiceEvent, verify_event};

/// Long conversations have long transcripts.
const MAX_BYTES: usize = 1024 * 1024;
const SIGNATURE: &str = "elevenlabs-signature";

/// A post-call event: proven, read, and taken down when it is about a conversation, before it is told that it arrived.
/// Repeated ones are harmless, and of a kind we do not know they are acknowledged: sending them again would change nothing.
pub(super) async fn event(State(webhooks): State<Arc<Webhooks>>, headers: HeaderMap, body: Body) -> Response {
    let Ok(body) = to_bytes(body, MAX_BYTES).await else {
        tracing::warn!(limit = MAX_BYTES, "an event of the voice provider is too long, or was cut off");
        return StatusCode::PAYLOAD_TOO_LARGE.into_response();
    };
    let given = headers.get(SIGNATURE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    if !verify_event(&body, given, &webhooks.config.elevenlabs_secrets, webhooks.clock.now()) {
        let hint = "is ELEVENLABS_WEBHOOK_SECRET this webhook's secret, and this machine's clock right?";
        return webhooks.refusals.refuse(StatusCode::UNAUTHORIZED, "voice provider", hint, None);
    }
    match VoiceEvent::parse(&body, webhooks.clock.now()) {
        Ok(VoiceEvent::Conversation(report)) => {
            if webhooks.conversations.accept(report).await.is_err() {
                return StatusCode::SERVICE_UNAVAILABLE.into_response();
            }
        }
        Ok(VoiceEvent::Other { kind }) => {
            tracing::debug!(kind, "an event of the voice provider we have no use for");
        }
        Err(odd) => tracing::warn!(%odd, "an event of the voice provider we cannot read"),
    }
    StatusCode::OK.into_response()
}
