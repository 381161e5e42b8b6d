//! Events that ElevenLabs sends after a call. Read only what was verified.
//!
//! New members and new types of events appear without notice, so only what is needed is read, and an event
//! of another type is no mistake: acknowledge it.

use chrono::{DateTime, Utc};
use serde_json::Value;

use crate::domain::Invalid;

/// The longest id that is taken.
const LONGEST_ID: usize = 128;

/// An event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum VoiceEvent {
    /// A conversation is over and transcribed (`post_call_transcription`). May come more than once.
    ConversationEnded(ConversationEnded),
    /// A call that the provider placed did not come about (`call_initiation_failure`); calls that come in to
    /// us do not raise it.
    CallNotPlaced {
        /// The conversation's id.
        conversation_id: String,
        /// The provider's id of the agent.
        voice_agent_id: Option<String>,
        /// `busy`, `no-answer` or `unknown`.
        reason: String,
    },
    /// Anything else: nothing to do.
    Other {
        /// Its type, for the log.
        kind: String,
    },
}

/// A conversation that is over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConversationEnded {
    /// The conversation's id, as [`RegisteredCall`](super::RegisteredCall) has it.
    pub conversation_id: String,
    /// The provider's id of the agent.
    pub voice_agent_id: Option<String>,
    /// The carrier's id of the call, as it was registered: the way to the call when its conversation is unknown.
    pub call_sid: Option<String>,
    /// `done` or `failed`.
    pub status: Option<String>,
    /// How long it lasted.
    pub duration_seconds: Option<i32>,
    /// When it began.
    pub started_at: Option<DateTime<Utc>>,
}

impl VoiceEvent {
    /// Reads an event.
    ///
    /// # Errors
    /// When it is no JSON object with a type, or one of a conversation does not name it.
    pub fn parse(body: &[u8]) -> Result<Self, Invalid> {
        let event: Value = serde_json::from_slice(body).map_err(|_| Invalid::new("the event is not JSON"))?;
        let kind = event["type"].as_str().ok_or_else(|| Invalid::new("the event has no type"))?;
        let data = &event["data"];
        match kind {
            "post_call_transcription" => Ok(Self::ConversationEnded(ConversationEnded {
                conversation_id: conversation_id(data)?,
                voice_agent_id: text(&data["agent_id"]),
                call_sid: text(&data["conversation_initiation_client_data"]["dynamic_variables"]["call_sid"]),
                status: text(&data["status"]),
                duration_seconds: whole(&data["metadata"]["call_duration_secs"])
                    .and_then(|seconds| i32::try_from(seconds).ok())
                    .filter(|seconds| *seconds >= 0),
                started_at: whole(&data["metadata"]["start_time_unix_secs"])
                    .and_then(|seconds| DateTime::from_timestamp(seconds, 0)),
            })),
            "call_initiation_failure" => Ok(Self::CallNotPlaced {
                conversation_id: conversation_id(data)?,
                voice_agent_id: text(&data["agent_id"]),
                reason: text(&data["failure_reason"]).unwrap_or_else(|| "unknown".to_owned()),
            }),
            other => Ok(Self::Other { kind: other.chars().take(LONGEST_ID).collect() }),
        }
    }
}

fn conversation_id(data: &Value) -> Result<String, Invalid> {
    text(&data["conversation_id"]).ok_or_else(|| Invalid::new("the event names no conversation"))
}

/// A short text that says something.
fn text(value: &Value) -> Option<String> {
    value.as_str().filter(|text| (1..=LONGEST_ID).contains(&text.len())).map(str::to_owned)
}

/// A number of seconds, which may come with a fraction.
fn whole(value: &Value) -> Option<i64> {
    value.as_i64().or_else(|| value.as_f64().map(|seconds| seconds as i64))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_it_needs_and_acknowledges_the_rest() {
        let body =
            br#"{"type":"post_call_transcription","event_timestamp":1,"new":[],"data":{"agent_id":"agent_1",
            "conversation_id":"conv_1","status":"done","transcript":[],
            "metadata":{"start_time_unix_secs":1767225550,"call_duration_secs":31.4},
            "conversation_initiation_client_data":{"dynamic_variables":{"call_sid":"CA1","n":2}}}}"#;
        let expected = ConversationEnded {
            conversation_id: "conv_1".to_owned(),
            voice_agent_id: Some("agent_1".to_owned()),
            call_sid: Some("CA1".to_owned()),
            status: Some("done".to_owned()),
            duration_seconds: Some(31),
            started_at: DateTime::from_timestamp(1_767_225_550, 0),
        };
        assert_eq!(VoiceEvent::parse(body), Ok(VoiceEvent::ConversationEnded(expected)));

        let bare =
            VoiceEvent::parse(br#"{"type":"post_call_transcription","data":{"conversation_id":"conv_2"}}"#);
        let Ok(VoiceEvent::ConversationEnded(bare)) = bare else { panic!("{bare:?}") };
        assert_eq!((bare.call_sid, bare.duration_seconds, bare.started_at), (None, None, None));

        let failure = br#"{"type":"call_initiation_failure","data":{"conversation_id":"conv_3","failure_reason":"busy"}}"#;
        assert!(
            matches!(VoiceEvent::parse(failure), Ok(VoiceEvent::CallNotPlaced { reason, .. }) if reason == "busy")
        );
        assert!(matches!(VoiceEvent::parse(br#"{"type":"voice_removed"}"#), Ok(VoiceEvent::Other { .. })));
        for bad in [&b"hello"[..], b"{}", b"[]", br#"{"type":"post_call_transcription","data":{}}"#] {
            assert!(VoiceEvent::parse(bad).is_err(), "{bad:?}");
        }
    }
}
