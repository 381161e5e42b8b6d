//! Reads the events that ElevenLabs sends after a call. Read only events with a valid signature.
//!
//! New members and new event types appear without notice. Only known members are read, and an event of an unknown
//! type is no error: acknowledge it.

use std::fmt;

use chrono::{DateTime, TimeDelta, Utc};
use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, Visitor};
use serde_json::Value;

use crate::domain::{CallStatus, ConversationNews, ConversationReport, Invalid, TranscriptLine};
use crate::provider::lenient_json;

/// The longest accepted id, in bytes.
const LONGEST_ID: usize = 128;

/// An event of the voice provider.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum VoiceEvent {
    /// A conversation has ended and was transcribed (`post_call_transcription`), or an outgoing call of the provider failed
    /// (`call_initiation_failure`; incoming calls do not raise it).
    Conversation(ConversationReport),
    /// Any other event: nothing to do.
    Other {
        /// Its type, for the log.
        kind: String,
    },
}

impl VoiceEvent {
    /// Reads an event that arrived at `now`.
    ///
    /// # Errors
    /// The body is not a JSON object with a type, or an event of a conversation does not name the conversation.
    pub fn parse(body: &[u8], now: DateTime<Utc>) -> Result<Self, Invalid> {
        let event: Value = lenient_json(body).map_err(|_| Invalid::new("the event is not JSON"))?;
        let kind = event["type"].as_str().ok_or_else(|| Invalid::new("the event has no type"))?;
        let data = &event["data"];
        // The sender's clock may be ahead of ours.
        let reported_at = instant(&event["event_timestamp"]).filter(|at| *at <= now).unwrap_or(now);
        match kind.parse() {
            Ok(ConversationNews::Over) => over(data, reported_at).map(Self::Conversation),
            Ok(ConversationNews::NeverBegan) => Ok(Self::Conversation(ConversationReport {
                failed: Some(match data["failure_reason"].as_str() {
                    Some("busy") => CallStatus::Busy,
                    Some("no-answer") => CallStatus::NoAnswer,
                    _ => CallStatus::Failed,
                }),
                ..report(data, ConversationNews::NeverBegan, reported_at)?
            })),
            Err(_) => Ok(Self::Other { kind: kind.chars().take(LONGEST_ID).collect() }),
        }
    }
}

/// What the beginning of an event says when the rest was not kept. The order of members is not documented, so
/// any may be missing.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct EventHead {
    kind: Option<String>,
    conversation_id: Option<String>,
}

impl EventHead {
    /// Reads members until the kept bytes end.
    #[must_use]
    pub fn read(beginning: &[u8]) -> Self {
        let mut head = Self::default();
        let mut json = serde_json::Deserializer::from_slice(beginning);
        // The JSON is cut off somewhere; members read before that stay.
        let _ = Members { of_data: false, head: &mut head }.deserialize(&mut json);
        head
    }

    /// Returns the conversation to fetch, if the event reports its end or does not contain its own type.
    #[must_use]
    pub fn conversation_over(&self) -> Option<&str> {
        let may_be_over = self.kind.as_ref().is_none_or(|kind| kind == ConversationNews::Over.as_str());
        self.conversation_id.as_deref().filter(|_| may_be_over)
    }
}

/// Reads the members of an event, or of its data.
struct Members<'a> {
    of_data: bool,
    head: &'a mut EventHead,
}

impl<'de> DeserializeSeed<'de> for Members<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for Members<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<(), A::Error> {
        let Self { of_data, head } = self;
        while let Some(name) = members.next_key::<String>()? {
            match (of_data, name.as_str()) {
                (false, "type") => head.kind = Some(members.next_value()?),
                (false, "data") => members.next_value_seed(Members { of_data: true, head })?,
                (true, "conversation_id") => head.conversation_id = text(&members.next_value()?),
                _ => drop(members.next_value::<IgnoredAny>()?),
            }
        }
        Ok(())
    }
}

/// Reads a conversation that has ended. An event's data and the conversation resource have the same form.
pub(super) fn over(data: &Value, reported_at: DateTime<Utc>) -> Result<ConversationReport, Invalid> {
    let metadata = &data["metadata"];
    let duration_seconds = seconds(&metadata["call_duration_secs"]);
    let ended_at = instant(&metadata["start_time_unix_secs"])
        .zip(duration_seconds)
        .and_then(|(began, lasted)| began.checked_add_signed(TimeDelta::seconds(lasted.into())));
    let transcript = data["transcript"].as_array().map(Vec::as_slice).unwrap_or_default();
    Ok(ConversationReport {
        duration_seconds,
        transcript: transcript.iter().filter_map(line).collect(),
        // A conversation cannot end after it was reported: then one of the two clocks is wrong.
        at: ended_at.filter(|at| *at <= reported_at).unwrap_or(reported_at),
        ..report(data, ConversationNews::Over, reported_at)?
    })
}

fn report(data: &Value, news: ConversationNews, at: DateTime<Utc>) -> Result<ConversationReport, Invalid> {
    let conversation_id = text(&data["conversation_id"]);
    let (started_with, metadata) = (&data["conversation_initiation_client_data"], &data["metadata"]);
    // The id that we sent when the call was registered, else the one that the carrier sent to the provider.
    let call_sids = [
        &started_with["dynamic_variables"]["call_sid"],
        &metadata["phone_call"]["call_sid"],
        &metadata["body"]["CallSid"],
    ];
    Ok(ConversationReport {
        conversation_id: conversation_id.ok_or_else(|| Invalid::new("the event names no conversation"))?,
        news,
        call_sid: call_sids.into_iter().find_map(text),
        failed: None,
        duration_seconds: None,
        at,
        transcript: Vec::new(),
    })
}

/// Reads a line of the transcript; `None` for a tool call, which has no text.
fn line(said: &Value) -> Option<TranscriptLine> {
    // Neither database accepts every control character.
    let text: String =
        said["message"].as_str()?.chars().filter(|c| !c.is_control() || matches!(c, '\n' | '\t')).collect();
    let at_seconds = seconds(&said["time_in_call_secs"]).unwrap_or_default();
    (!text.is_empty()).then(|| TranscriptLine { by_agent: said["role"] == "agent", text, at_seconds })
}

/// Returns a short text; `None` if it is empty or too long.
fn text(value: &Value) -> Option<String> {
    let fits = |text: &&str| (1..=LONGEST_ID).contains(&text.len()) && !text.chars().any(char::is_control);
    value.as_str().filter(fits).map(str::to_owned)
}

/// Reads a number of seconds, which may have a fraction.
fn whole(value: &Value) -> Option<i64> {
    value.as_i64().or_else(|| value.as_f64().map(|number| number as i64))
}

fn seconds(value: &Value) -> Option<i32> {
    whole(value).and_then(|seconds| i32::try_from(seconds).ok()).filter(|seconds| *seconds >= 0)
}

fn instant(value: &Value) -> Option<DateTime<Utc>> {
    whole(value).and_then(|seconds| DateTime::from_timestamp(seconds, 0))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn now() -> DateTime<Utc> {
        DateTime::from_timestamp(1_767_225_600, 0).unwrap()
    }

    fn read(event: &[u8]) -> ConversationReport {
        match VoiceEvent::parse(event, now()) {
            Ok(VoiceEvent::Conversation(report)) => report,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn an_event_that_is_cut_off_still_names_its_conversation() {
        let event = r#"{"type":"post_call_transcription","event_timestamp":1,"data":{"agent_id":"\ud83d",
            "conversation_id":"conv_1","transcript":[{"message":"Hel"#;
        assert_eq!(EventHead::read(event.as_bytes()).conversation_over(), Some("conv_1"));
        let untyped = event.replace("type", "kind");
        assert_eq!(EventHead::read(untyped.as_bytes()).conversation_over(), Some("conv_1"));
        let audio = event.replace("transcription", "audio");
        for nothing in ["", "[", "{\"data\":7", audio.as_str()] {
            assert_eq!(EventHead::read(nothing.as_bytes()).conversation_over(), None, "{nothing}");
        }
    }

    #[test]
    fn reads_what_it_needs_and_acknowledges_the_rest() {
        let body =
            br#"{"type":"post_call_transcription","event_timestamp":1767225590,"new":[],"data":{"agent_id":"agent_1",
            "conversation_id":"conv_1","status":"done","transcript":[
            {"role":"agent","message":"Hello\u0000!","time_in_call_secs":0},
            {"role":"agent","message":null,"tool_calls":[1]},{"role":"user","message":"Hi","time_in_call_secs":3}],
            "metadata":{"start_time_unix_secs":1767225550,"call_duration_secs":31.4},
            "conversation_initiation_client_data":{"dynamic_variables":{"call_sid":"CA1","n":2}}}}"#;
        let said =
            |by_agent, text: &str, at_seconds| TranscriptLine { by_agent, text: text.into(), at_seconds };
        let expected = ConversationReport {
            conversation_id: "conv_1".to_owned(),
            news: ConversationNews::Over,
            call_sid: Some("CA1".to_owned()),
            failed: None,
            duration_seconds: Some(31),
            at: DateTime::from_timestamp(1_767_225_581, 0).unwrap(),
            transcript: vec![said(true, "Hello!", 0), said(false, "Hi", 3)],
        };
        assert_eq!(read(body), expected);

        let bare = read(br#"{"type":"post_call_transcription","data":{"conversation_id":"conv_2"}}"#);
        assert_eq!((bare.call_sid, bare.duration_seconds, bare.at), (None, None, now()));

        let failure =
            br#"{"type":"call_initiation_failure","data":{"conversation_id":"conv_3","failure_reason":"busy",
            "metadata":{"type":"twilio","body":{"CallSid":"CA3"}}}}"#;
        let failure = read(failure);
        assert_eq!((failure.failed, failure.call_sid.as_deref()), (Some(CallStatus::Busy), Some("CA3")));
        assert!(matches!(
            VoiceEvent::parse(br#"{"type":"voice_removed"}"#, now()),
            Ok(VoiceEvent::Other { .. })
        ));
        for bad in [
            &b"hello"[..],
            b"{}",
            b"[]",
            br#"{"type":"post_call_transcription","data":{}}"#,
            br#"{"type":"post_call_transcription","data":{"conversation_id":"a\u0000"}}"#,
        ] {
            assert!(VoiceEvent::parse(bad, now()).is_err(), "{bad:?}");
        }
    }
}
