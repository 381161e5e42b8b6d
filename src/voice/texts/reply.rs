//! An answer as it is put together from the events of a conversation.
//!
//! An agent sends its answer in parts, as a whole, or both, as its `client_events` say. If it sends parts, the whole repeats them and
//! is left out. An answer may have several pieces, such as one before and one after a tool was used; the last event of a turn ends it.

use serde_json::{Value, json};

use super::TextAnswer;
use crate::domain::is_blank;
use crate::voice::VoiceError;
use crate::voice::tools::OPT_OUT;

/// The longest answer that is read, in bytes: more than is sent to a person.
const LONGEST: usize = 64 * 1024;

/// What an event adds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Heard {
    /// Nothing to the answer.
    Nothing,
    /// A part of a piece, or that the agent uses a tool.
    Life,
    /// A piece is complete. Another one may follow.
    Whole,
    /// The answer is complete.
    End,
}

/// What was answered so far.
#[derive(Debug, Default)]
pub(super) struct Reply {
    pieces: Vec<String>,
    /// The piece whose parts are coming in.
    open: Option<String>,
    has_parts: bool,
    length: usize,
    opts_out: bool,
}

impl Reply {
    /// Reads an event.
    ///
    /// # Errors
    /// The agent cannot answer.
    pub(super) fn hear(&mut self, event: &Value) -> Result<Heard, VoiceError> {
        let text = |pointer: &str| event.pointer(pointer).and_then(Value::as_str).unwrap_or_default();
        Ok(match event["type"].as_str() {
            Some("agent_chat_response_part") => {
                self.part(text("/text_response_part/type"), text("/text_response_part/text"))
            }
            Some("agent_response") if !self.has_parts => {
                self.piece(text("/agent_response_event/agent_response").to_owned())
            }
            Some("agent_response_complete") if self.is_complete() => Heard::End,
            Some("client_tool_call") if text("/client_tool_call/tool_name") == OPT_OUT => {
                self.opts_out = true;
                Heard::End
            }
            // After it another piece may follow.
            Some("client_tool_call" | "agent_tool_request" | "agent_tool_response") => Heard::Life,
            Some("client_error") => {
                return Err(VoiceError::unavailable("the agent reported an error"));
            }
            Some("guardrail_triggered") => {
                return Err(VoiceError::rejected(1008, "a guardrail of the agent ended the conversation"));
            }
            _ => Heard::Nothing,
        })
    }

    fn part(&mut self, kind: &str, text: &str) -> Heard {
        self.has_parts = true;
        self.length += text.len();
        let open = self.open.get_or_insert_default();
        open.push_str(text);
        if self.length > LONGEST {
            self.close();
            return Heard::End;
        }
        if kind == "stop" {
            return self.close();
        }
        if text.is_empty() { Heard::Nothing } else { Heard::Life }
    }

    fn close(&mut self) -> Heard {
        let piece = self.open.take().unwrap_or_default();
        self.piece(piece)
    }

    fn piece(&mut self, piece: String) -> Heard {
        if is_blank(&piece) {
            return Heard::Nothing;
        }
        if !self.has_parts {
            self.length += piece.len();
        }
        self.pieces.push(piece);
        if self.length > LONGEST { Heard::End } else { Heard::Whole }
    }

    /// Whether there is an answer, none of whose parts is missing.
    pub(super) fn is_complete(&self) -> bool {
        !self.pieces.is_empty() && self.open.is_none()
    }

    pub(super) fn into_answer(self) -> TextAnswer {
        TextAnswer { text: self.pieces.join("\n"), opts_out: self.opts_out }
    }
}

/// What is sent in response to an event; `None`: nothing.
pub(super) fn response(event: &Value) -> Option<Value> {
    match event["type"].as_str()? {
        "ping" => Some(json!({ "type": "pong", "event_id": event["ping_event"]["event_id"] })),
        "client_tool_call" => {
            let call = &event["client_tool_call"];
            let is_known = call["tool_name"] == OPT_OUT;
            let result = if is_known { "recorded" } else { "this tool is not available in text messages" };
            Some(json!({
                "type": "client_tool_result", "tool_call_id": call["tool_call_id"],
                "result": result, "is_error": !is_known,
            }))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn part(kind: &str, text: &str) -> Value {
        json!({"type": "agent_chat_response_part", "text_response_part": {"type": kind, "text": text}})
    }

    fn whole(text: &str) -> Value {
        json!({"type": "agent_response", "agent_response_event": {"agent_response": text}})
    }

    fn complete() -> Value {
        json!({"type": "agent_response_complete"})
    }

    fn heard(events: &[Value]) -> (Vec<Heard>, TextAnswer) {
        let mut reply = Reply::default();
        let heard = events.iter().map(|event| reply.hear(event).unwrap()).collect();
        (heard, reply.into_answer())
    }

    #[test]
    fn an_answer_in_parts_whole_or_both_is_read_once() {
        let parts = [part("start", ""), part("delta", "We are "), part("delta", "open."), part("stop", "")];
        let both = [&parts[..], &[whole("We are open."), complete()]].concat();
        let only_whole = [whole(""), complete(), whole("We are open."), complete()];
        for events in [&parts[..], &both, &only_whole] {
            assert_eq!(heard(events).1.text, "We are open.");
        }
        use Heard::{End, Life, Nothing, Whole};
        assert_eq!(heard(&both).0, [Nothing, Life, Life, Whole, Nothing, End]);
        assert_eq!(heard(&only_whole).0, [Nothing, Nothing, Whole, End]);
        let two = [&parts[..], &[part("start", "Bye."), part("stop", "")]].concat();
        assert_eq!(heard(&two).1.text, "We are open.\nBye.");
        let mut unfinished = Reply::default();
        unfinished.hear(&part("delta", "We")).unwrap();
        assert!(!unfinished.is_complete());
        assert_eq!(heard(&[part("delta", &"x".repeat(LONGEST + 1))]).0, [End]);
    }

    #[test]
    fn pings_and_tools_are_answered_and_errors_end_it() {
        let ping = json!({"type": "ping", "ping_event": {"event_id": 7, "ping_ms": null}});
        assert_eq!(response(&ping), Some(json!({"type": "pong", "event_id": 7})));
        let call = |name: &str| json!({"type": "client_tool_call", "client_tool_call": {"tool_name": name, "tool_call_id": "c", "parameters": {}}});
        assert_eq!(response(&call("opt_out")).unwrap()["is_error"], false);
        assert_eq!(response(&call("other")).unwrap()["is_error"], true);
        assert_eq!(response(&complete()), None);
        let (events, answer) = heard(&[call("other"), call("opt_out")]);
        assert_eq!(events, [Heard::Life, Heard::End]);
        assert!(answer.opts_out);
        for name in ["client_error", "guardrail_triggered"] {
            assert!(Reply::default().hear(&json!({ "type": name })).is_err(), "{name}");
        }
    }
}
