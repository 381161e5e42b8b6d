//! What the voice provider tells after a conversation. It counts exactly 200 as delivered, repeats transcripts after a 5xx,
//! and switches a webhook off that fails again and again. So whatever is signed is acknowledged, however long: the signature is
//! checked as the body streams in, and only so much is kept as is of use. The rest of a transcript is fetched. It may take
//! [`WHOLE_TIME`] to arrive, as long as it goes on: each part has its own limit.

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

/// What is kept of an event.
const KEPT_BYTES: usize = 1024 * 1024;
/// The longest event: hours of audio.
const MAX_BYTES: usize = 256 * 1024 * 1024;
/// How long an event may take to arrive: the longest one at 3.5 Mbit/s.
const WHOLE_TIME: Duration = Duration::from_secs(600);
/// How long it may take to write an event down.
const RECORD_TIME: Duration = Duration::from_secs(60);
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
    let kept = match receive(body, &mut signature, WHOLE_TIME).await {
        Ok(kept) => kept,
        Err(status) => {
            tracing::warn!(limit = MAX_BYTES, %status, "an event of the voice provider is too long, too slow, or was cut off");
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
    recorded.await.unwrap_or(StatusCode::SERVICE_UNAVAILABLE).into_response()
}

/// Reads a body to its end as long as it goes on; refuses one that is too long, takes longer than `time`, or was cut off.
async fn receive(body: Body, signature: &mut EventSignature, time: Duration) -> Result<Kept, StatusCode> {
    timeout(time, collect(body, signature)).await.unwrap_or(Err(StatusCode::REQUEST_TIMEOUT))
}

async fn collect(body: Body, signature: &mut EventSignature) -> Result<Kept, StatusCode> {
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
