//! What the voice provider tells after a conversation. It counts exactly 200 as delivered, repeats transcripts after a 5xx,
//! and switches a webhook off that fails again and again. So whatever is signed is acknowledged, however long: the signature is
//! checked as the body streams in, and only so much is kept as is of use. The rest of a transcript is fetched.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use futures_util::StreamExt;
use tokio::time::timeout;

use super::{Webhooks, body};
use crate::voice::{EventHead, EventSignature, VoiceEvent};

/// What is kept of an event.
const KEPT_BYTES: usize = 1024 * 1024;
/// The longest event: hours of audio.
const MAX_BYTES: usize = 256 * 1024 * 1024;
const SIGNATURE: &str = "elevenlabs-signature";

/// What was kept of a body that was read to its end.
struct Kept {
    bytes: Vec<u8>,
    is_whole: bool,
}

/// A post-call event: proven, read, and taken down when it is about a conversation, before it is told that it arrived.
/// Repeated ones are harmless, and of a kind we do not know they are acknowledged: sending them again would change nothing.
pub(super) async fn event(State(webhooks): State<Arc<Webhooks>>, headers: HeaderMap, body: Body) -> Response {
    let unsigned = || {
        let hint = "is ELEVENLABS_WEBHOOK_SECRET this webhook's secret, and this machine's clock right?";
        webhooks.refusals.refuse(StatusCode::UNAUTHORIZED, "voice provider", hint, None)
    };
    let given = headers.get(SIGNATURE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let secrets = &webhooks.config.elevenlabs_secrets;
    let Some(mut signature) = EventSignature::read(given, secrets, webhooks.clock.now()) else {
        return unsigned();
    };
    let kept = match receive(body, &mut signature).await {
        Ok(kept) => kept,
        Err(status) => {
            tracing::warn!(limit = MAX_BYTES, %status, "an event of the voice provider is too long, too slow, or was cut off");
            return status.into_response();
        }
    };
    if !signature.is_valid() {
        return unsigned();
    }
    let recorded = if kept.is_whole {
        record(&webhooks, &kept.bytes).await
    } else {
        fetch(&webhooks, &EventHead::read(&kept.bytes)).await
    };
    recorded.into_response()
}

/// Reads a body to its end, however long that takes as long as it goes on; refuses one that is too long or was cut off.
async fn receive(body: Body, signature: &mut EventSignature) -> Result<Kept, StatusCode> {
    let mut kept = Kept { bytes: Vec::new(), is_whole: true };
    let mut length = 0;
    let mut parts = body.into_data_stream();
    while let Some(part) = timeout(body::TIME, parts.next()).await.map_err(|_| StatusCode::REQUEST_TIMEOUT)? {
        let part = part.map_err(|_| StatusCode::PAYLOAD_TOO_LARGE)?;
        signature.update(&part);
        length += part.len();
        if length > MAX_BYTES {
            return Err(StatusCode::PAYLOAD_TOO_LARGE);
        }
        let room = KEPT_BYTES - kept.bytes.len();
        kept.bytes.extend_from_slice(part.get(..room).unwrap_or(&part));
        kept.is_whole &= part.len() <= room;
    }
    Ok(kept)
}

async fn record(webhooks: &Webhooks, event: &[u8]) -> StatusCode {
    match VoiceEvent::parse(event, webhooks.clock.now()) {
        Ok(VoiceEvent::Conversation(report)) => {
            if webhooks.conversations.accept(report).await.is_err() {
                return StatusCode::SERVICE_UNAVAILABLE;
            }
        }
        Ok(VoiceEvent::Other { kind }) => {
            tracing::debug!(kind, "an event of the voice provider we have no use for");
        }
        Err(odd) => tracing::warn!(%odd, "an event of the voice provider we cannot read"),
    }
    StatusCode::OK
}

/// Takes down the conversation that an event is about which was too long to keep.
async fn fetch(webhooks: &Webhooks, head: &EventHead) -> StatusCode {
    let Some(conversation) = head.conversation_over() else {
        tracing::debug!(kept = KEPT_BYTES, "a long event of the voice provider we have no use for");
        return StatusCode::OK;
    };
    match webhooks.conversations.fetch(conversation).await {
        Ok(()) => StatusCode::OK,
        Err(_) => StatusCode::SERVICE_UNAVAILABLE,
    }
}
