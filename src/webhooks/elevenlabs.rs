//! The voice provider's webhook for events after a conversation.
//!
//! The provider counts exactly 200 as delivered, repeats transcripts after a 5xx, and disables a webhook that keeps
//! failing. Therefore every signed event is acknowledged, however long: its signature is checked while the body
//! streams in, and only its beginning is kept. The rest of a transcript is fetched. A body may take [`WHOLE_TIME`] to
//! arrive; each part has a time limit of its own.

use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use futures_util::StreamExt;
use tokio::time::timeout;

use super::{Webhooks, body};
use crate::voice::{EventHead, EventSignature, VoiceEvent};

/// Bytes of an event that are kept.
const KEPT_BYTES: usize = 1024 * 1024;
/// The longest accepted event: hours of audio.
const MAX_BYTES: usize = 256 * 1024 * 1024;
/// Time limit for a whole event: the longest one at 3.5 Mbit/s.
const WHOLE_TIME: Duration = Duration::from_secs(600);
/// Time limit for recording an event.
const RECORD_TIME: Duration = Duration::from_secs(60);
const SIGNATURE: &str = "elevenlabs-signature";

/// The kept part of a body that was read to its end.
struct Kept {
    bytes: Vec<u8>,
    is_whole: bool,
}

/// Handles an event after a call. An event about a conversation is verified, read and recorded before it is acknowledged.
/// Repeated events are harmless, and events of unknown types are acknowledged: a repetition would change nothing.
pub(super) async fn event(State(webhooks): State<Arc<Webhooks>>, headers: HeaderMap, body: Body) -> Response {
    let unsigned = || {
        let hint = "check that ELEVENLABS_WEBHOOK_SECRET is this webhook's secret and that this machine's clock is right";
        webhooks.refusals.refuse(StatusCode::UNAUTHORIZED, "voice provider", hint, None)
    };
    let given = headers.get(SIGNATURE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let secrets = &webhooks.config.elevenlabs_secrets;
    // Before the body, so that a request without a usable header costs no reading.
    let Some(mut signature) = EventSignature::read(given, secrets, webhooks.clock.now()) else {
        return unsigned();
    };
    let kept = match receive(body, &mut signature, WHOLE_TIME).await {
        Ok(kept) => kept,
        Err(status) => {
            tracing::warn!(limit = MAX_BYTES, %status, "ElevenLabs webhook rejected: too long, too slow, or cut off");
            return status.into_response();
        }
    };
    if !signature.is_valid() {
        return unsigned();
    }
    let recorded = timeout(RECORD_TIME, async {
        if kept.is_whole {
            record(&webhooks, &kept.bytes).await
        } else {
            fetch(&webhooks, &EventHead::read(&kept.bytes)).await
        }
    });
    // ElevenLabs repeats an event after 408, 429 and 5xx only.
    recorded.await.unwrap_or(StatusCode::SERVICE_UNAVAILABLE).into_response()
}

/// Reads a body to its end. Rejects a body that is too long, takes longer than `time`, or is cut off.
async fn receive(body: Body, signature: &mut EventSignature, time: Duration) -> Result<Kept, StatusCode> {
    timeout(time, collect(body, signature)).await.unwrap_or(Err(StatusCode::REQUEST_TIMEOUT))
}

async fn collect(body: Body, signature: &mut EventSignature) -> Result<Kept, StatusCode> {
    let mut kept = Kept { bytes: Vec::new(), is_whole: true };
    let mut length = 0;
    let mut parts = body.into_data_stream();
    while let Some(part) = timeout(body::TIME, parts.next()).await.map_err(|_| StatusCode::REQUEST_TIMEOUT)? {
        let part = part.map_err(|_| StatusCode::PAYLOAD_TOO_LARGE)?;
        // The signature covers the whole body, also what is not kept.
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
                // ElevenLabs may repeat it, but forgets an event that is acknowledged.
                return StatusCode::SERVICE_UNAVAILABLE;
            }
        }
        Ok(VoiceEvent::Other { kind }) => {
            tracing::debug!(kind, "ElevenLabs event ignored");
        }
        // Acknowledged: a repetition is no more readable, and failures in a row make ElevenLabs disable the webhook.
        Err(odd) => tracing::warn!(%odd, "unreadable ElevenLabs event"),
    }
    StatusCode::OK
}

/// Fetches and records the conversation of an event that was too long to keep.
async fn fetch(webhooks: &Webhooks, head: &EventHead) -> StatusCode {
    let Some(conversation) = head.conversation_over() else {
        // If it was a transcript after all, its conversation is fetched once it is overdue.
        tracing::debug!(kept = KEPT_BYTES, "long ElevenLabs event ignored");
        return StatusCode::OK;
    };
    match webhooks.conversations.fetch(conversation).await {
        Ok(()) => StatusCode::OK,
        Err(_) => StatusCode::SERVICE_UNAVAILABLE,
    }
}

#[cfg(test)]
mod tests {
    use futures_util::stream;

    use super::*;

    #[tokio::test]
    async fn an_event_may_take_its_time_but_no_longer() {
        let now = chrono::DateTime::UNIX_EPOCH;
        let signed = format!("t={},v0={}", now.timestamp(), "0".repeat(64));
        let steadily = |parts: usize| {
            Body::from_stream(stream::iter(0..parts).then(async |_| {
                tokio::time::sleep(Duration::from_millis(10)).await;
                Ok::<_, std::io::Error>("part")
            }))
        };
        let mut signature = EventSignature::read(&signed, &["secret".into()], now).unwrap();
        let kept = receive(steadily(20), &mut signature, Duration::from_secs(60)).await;
        assert_eq!(kept.map(|kept| kept.bytes.len()), Ok(80));
        let kept = receive(steadily(100_000), &mut signature, Duration::from_millis(100)).await;
        assert_eq!(kept.map(|kept| kept.bytes.len()), Err(StatusCode::REQUEST_TIMEOUT));
    }
}
