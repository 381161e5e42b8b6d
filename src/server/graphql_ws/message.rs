//! Messages and close codes of the `graphql-transport-ws` subprotocol.

use axum::extract::ws::{CloseFrame, Message, Utf8Bytes};
use serde_json::{Map, Value, json};

use crate::graphql::GraphqlRequest;
use crate::server::graphql_http::from_json;

/// The only supported subprotocol.
pub(super) const PROTOCOL: &str = "graphql-transport-ws";

/// Maximum length in bytes of an operation's id, which every message about the operation repeats.
const MAX_ID: usize = 128;

/// A message from the client.
#[derive(Debug)]
pub(super) enum ClientMessage {
    /// `connection_init`, with its payload, which contains the credentials.
    Init(Map<String, Value>),
    /// `ping`. The server answers with `pong`.
    Ping,
    /// `pong`. Counts as a sign of life, like every message.
    Pong,
    /// `subscribe`: starts a query, mutation or subscription.
    Subscribe {
        /// Id chosen by the client, unique among the socket's running operations.
        id: String,
        /// The GraphQL request of the payload.
        request: GraphqlRequest,
    },
    /// `complete`: stops an operation.
    Complete {
        /// Id of the operation. An unknown id is ignored: the operation may just have ended.
        id: String,
    },
}

/// Reason for closing a socket.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct CloseReason {
    /// WebSocket close code. Clients do not reconnect after 4400, 4401, 4409 and 4429, and do after all others.
    pub(super) code: u16,
    /// Explanation for the client's log. [`Self::frame`] truncates it.
    pub(super) reason: String,
}

impl CloseReason {
    /// Creates a reason from a close code and an explanation.
    pub(super) fn new(code: u16, reason: impl Into<String>) -> Self {
        Self { code, reason: reason.into() }
    }

    /// Returns the close frame. A control frame holds 125 bytes, of which the code takes two.
    pub(super) fn frame(&self) -> Message {
        let fits = (0..=123).rev().find(|at| self.reason.is_char_boundary(*at)).unwrap_or(0);
        let reason = self.reason.get(..fits).unwrap_or(&self.reason);
        Message::Close(Some(CloseFrame { code: self.code, reason: Utf8Bytes::from(reason) }))
    }
}

/// Parses a client's message.
///
/// # Errors
/// Close code 4400 for every message that is not valid in the subprotocol.
pub(super) fn parse(text: &str) -> Result<ClientMessage, CloseReason> {
    let malformed = |why: &str| CloseReason::new(4400, format!("Invalid message: {why}"));
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
    let no_id = || malformed("the id must be a string of 1 to 128 bytes");
    match kind.as_str() {
        "connection_init" => Ok(ClientMessage::Init(object(payload)?)),
        "ping" => object(payload).map(|_| ClientMessage::Ping),
        "pong" => object(payload).map(|_| ClientMessage::Pong),
        "complete" => Ok(ClientMessage::Complete { id: id.ok_or_else(no_id)? }),
        "subscribe" => {
            let request =
                from_json(payload.unwrap_or_default()).map_err(|error| malformed(&error.message))?;
            Ok(ClientMessage::Subscribe { id: id.ok_or_else(no_id)?, request })
        }
        _ => Err(malformed("unknown type")),
    }
}

/// Returns a message without id and payload: `connection_ack` or `pong`.
pub(super) fn bare(kind: &str) -> Message {
    text(&json!({"type": kind}))
}

/// Returns the `ping` that tells the client that its subscription misses no change from now on.
pub(super) fn subscribed(id: &str) -> Message {
    text(&json!({"type": "ping", "payload": {"subscribed": id}}))
}

/// Returns a `next` message. `answer` is serialized JSON and is inserted as it is, because it may be long.
pub(super) fn next(id: &str, answer: &str) -> Message {
    Message::Text(format!("{{\"type\":\"next\",\"id\":{},\"payload\":{answer}}}", json!(id)).into())
}

/// Returns a message about an operation: `error` with a payload, or `complete` without one.
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
    fn invalid_messages_are_rejected_with_4400() {
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
        assert!(matches!(parse(r#"{"type":"connection_init","payload":null}"#), Ok(ClientMessage::Init(_))));
    }

    #[test]
    fn a_reason_fits_its_frame() {
        let Message::Close(Some(frame)) = CloseReason::new(4400, "é".repeat(100)).frame() else {
            panic!("no close")
        };
        assert_eq!(frame.reason.as_str(), "é".repeat(61));
    }
}
