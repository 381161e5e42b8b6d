//! The messages of `graphql-transport-ws`, and the codes with which a socket closes.

use axum::extract::ws::{CloseFrame, Message, Utf8Bytes};
use serde_json::{Map, Value, json};

use crate::graphql::GraphqlRequest;
use crate::server::graphql_http::from_json;

/// The subprotocol's name, the only one offered.
pub(super) const PROTOCOL: &str = "graphql-transport-ws";

/// The longest id a client may give an operation; ids come back in every message.
const MAX_ID: usize = 128;

/// What a client sends.
#[derive(Debug)]
pub(super) enum FromClient {
    /// Opens the conversation; presents credentials.
    Init(Map<String, Value>),
    /// Asks whether we are there.
    Ping,
    /// Says that it is there.
    Pong,
    /// Starts an operation.
    Subscribe {
        /// The client's name for it.
        id: String,
        /// What to run.
        request: GraphqlRequest,
    },
    /// Ends an operation.
    Complete {
        /// Which one.
        id: String,
    },
}

/// Why a socket closes: the protocol's code and a sentence for whoever reads the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Closing {
    /// A WebSocket close code. Clients give up after 4400, 4401, 4409 and 4429 and come back after the others.
    pub(super) code: u16,
    /// Cut to what fits a frame.
    pub(super) reason: String,
}

impl Closing {
    /// A reason to close.
    pub(super) fn new(code: u16, reason: impl Into<String>) -> Self {
        Self { code, reason: reason.into() }
    }

    /// The frame that says so. A control frame holds 125 bytes, two of them the code.
    pub(super) fn frame(&self) -> Message {
        let fits = (0..=123).rev().find(|at| self.reason.is_char_boundary(*at)).unwrap_or(0);
        let reason = self.reason.get(..fits).unwrap_or(&self.reason);
        Message::Close(Some(CloseFrame { code: self.code, reason: Utf8Bytes::from(reason) }))
    }
}

/// Reads a client's message.
pub(super) fn parse(text: &str) -> Result<FromClient, Closing> {
    let malformed = |why: &str| Closing::new(4400, format!("Invalid message: {why}"));
    let Ok(Value::Object(mut message)) = serde_json::from_str(text) else {
        return Err(malformed("not a JSON object"));
    };
    let payload = message.remove("payload").filter(|payload| !payload.is_null());
    let Some(Value::String(kind)) = message.remove("type") else {
        return Err(malformed("no type"));
    };
    let id = match message.remove("id") {
        Some(Value::String(id)) if !id.is_empty() && id.len() <= MAX_ID => Some(id),
        _ => None,
    };
    let object = |payload: Option<Value>| match payload {
        None => Ok(Map::new()),
        Some(Value::Object(payload)) => Ok(payload),
        Some(_) => Err(malformed("the payload is not an object")),
    };
    let no_id = || malformed("the id is a string of 1 to 128 bytes");
    match kind.as_str() {
        "connection_init" => Ok(FromClient::Init(object(payload)?)),
        "ping" => object(payload).map(|_| FromClient::Ping),
        "pong" => object(payload).map(|_| FromClient::Pong),
        "complete" => Ok(FromClient::Complete { id: id.ok_or_else(no_id)? }),
        "subscribe" => {
            let request =
                from_json(payload.unwrap_or_default()).map_err(|error| malformed(&error.message))?;
            Ok(FromClient::Subscribe { id: id.ok_or_else(no_id)?, request })
        }
        _ => Err(malformed("unknown type")),
    }
}

/// A message without an operation: `connection_ack`, `pong`.
pub(super) fn bare(kind: &str) -> Message {
    text(&json!({"type": kind}))
}

/// An operation's answer, which is JSON already and may be long.
pub(super) fn next(id: &str, answer: &str) -> Message {
    Message::Text(format!("{{\"type\":\"next\",\"id\":{},\"payload\":{answer}}}", json!(id)).into())
}

/// A message about an operation: `error`; `complete` has no payload.
pub(super) fn about(kind: &str, id: &str, payload: Option<Value>) -> Message {
    let mut message = json!({"type": kind, "id": id});
    if let (Some(payload), Some(message)) = (payload, message.as_object_mut()) {
        message.insert("payload".to_owned(), payload);
    }
    text(&message)
}

fn text(message: &Value) -> Message {
    Message::Text(message.to_string().into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refuses_what_is_no_message() {
        for bad in [
            "",
            "[]",
            "{}",
            r#"{"type":1}"#,
            r#"{"type":"data"}"#,
            r#"{"type":"complete"}"#,
            r#"{"type":"ping","payload":"x"}"#,
            r#"{"type":"subscribe","id":"","payload":{"query":"{a}"}}"#,
            r#"{"type":"subscribe","id":"1"}"#,
            r#"{"type":"subscribe","id":"1","payload":{"query":"{a}","variables":[]}}"#,
        ] {
            assert_eq!(parse(bad).unwrap_err().code, 4400, "{bad}");
        }
        assert!(matches!(parse(r#"{"type":"connection_init","payload":null}"#), Ok(FromClient::Init(_))));
    }

    #[test]
    fn a_reason_fits_its_frame() {
        let Message::Close(Some(frame)) = Closing::new(4400, "é".repeat(100)).frame() else {
            panic!("no close")
        };
        assert_eq!(frame.reason.as_str(), "é".repeat(61));
    }
}
