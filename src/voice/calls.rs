//! Registers calls: the provider answers with the TwiML that connects the caller to the agent.

use std::time::Duration;

use roxmltree::{Document, Node};
use serde_json::json;
use tokio::time::{Instant, sleep};

use super::{CallToRegister, RegisteredCall, Voice, VoiceError};
use crate::provider::{Effect, Method, RetryPolicy};

/// Short, because a caller waits. The deadline limits the pause that the provider may ask for.
const RETRY: RetryPolicy = RetryPolicy {
    repeats: 1,
    first_pause: Duration::from_millis(200),
    longest_pause: Duration::MAX,
    time_needed: Duration::from_millis(500),
};

impl Voice {
    /// Registers a call and returns how to connect it.
    ///
    /// Repeats the request once while the provider is unavailable, if `deadline` leaves time for it. After that the fallback
    /// number serves the caller better. While the circuit breaker is open, the error is immediate.
    ///
    /// # Errors
    /// [`VoiceError`]. A registration with an unknown outcome connects nobody and needs no undo.
    pub async fn register_call(
        &self,
        call: CallToRegister<'_>,
        deadline: Duration,
    ) -> Result<RegisteredCall, VoiceError> {
        let deadline = Instant::now() + deadline;
        let first = self.try_register(&call, deadline).await;
        let Err(error) = &first else { return first };
        let left = deadline.saturating_duration_since(Instant::now());
        let Some(pause) = RETRY.pause_after(1, error, left, &self.calls, &self.entropy) else { return first };
        sleep(pause).await;
        self.try_register(&call, deadline).await
    }

    async fn try_register(
        &self,
        call: &CallToRegister<'_>,
        deadline: Instant,
    ) -> Result<RegisteredCall, VoiceError> {
        let body = json!({
            "agent_id": call.voice_agent_id,
            "from_number": call.from,
            "to_number": call.to.as_str(),
            "direction": "inbound",
            // The request has no member for the carrier's id. A dynamic variable comes back in the event after the call.
            "conversation_initiation_client_data": { "dynamic_variables": { "call_sid": call.call_sid } },
        });
        // Set as the request's own timeout, so that the circuit breaker counts a late answer as a failure. A timeout around the
        // future would cancel the request, which counts as abandoned.
        let left = deadline.saturating_duration_since(Instant::now());
        let request = self.request(Method::POST, &["twilio", "register-call"]).json(&body).timeout(left);
        let answer = self.send(&self.calls, request, Effect::Connects).await?;
        read(answer.body())
            .map_err(|why| VoiceError::OutcomeUnknown { reason: format!("its answer is {why}") })
    }
}

/// Reads the answer, which is TwiML whatever its content type says. A JSON string with TwiML is accepted too. Surrounding white
/// space and byte order marks are removed: the carrier accepts neither before an XML declaration.
fn read(answer: &[u8]) -> Result<RegisteredCall, &'static str> {
    // ElevenLabs declares `text/html`.
    let text = bare(std::str::from_utf8(answer).map_err(|_| "not UTF-8 text")?);
    let twiml = if text.starts_with('"') {
        bare(&serde_json::from_str::<String>(text).map_err(|_| "not a JSON string")?).to_owned()
    } else {
        text.to_owned()
    };
    let conversation_id = {
        // The parser rejects a document type, and with it entities that expand.
        let document = Document::parse(&twiml).map_err(|_| "not XML")?;
        // Any other page, handed to the carrier, would fail the call there.
        if !document.root_element().has_tag_name("Response") {
            return Err("not TwiML");
        }
        conversation_id(&document)
    };
    Ok(RegisteredCall { twiml, conversation_id })
}

fn bare(text: &str) -> &str {
    text.trim_matches(|c: char| c.is_whitespace() || c == '\u{feff}')
}

/// Finds the conversation's id in a `Parameter` of the stream, or in the stream's URL. The provider does not document its
/// position; a call without it is connected all the same.
fn conversation_id(document: &Document<'_>) -> Option<String> {
    let parameter = |node: Node<'_, '_>| {
        let named = node.has_tag_name("Parameter") && node.attribute("name") == Some("conversation_id");
        named.then(|| node.attribute("value").map(str::to_owned)).flatten()
    };
    let address = |node: Node<'_, '_>| {
        let url = node.has_tag_name("Stream").then(|| node.attribute("url")).flatten()?;
        url.split(['/', '?', '&', '=']).find(|part| part.starts_with("conv_")).map(str::to_owned)
    };
    let ids = document.descendants().filter_map(parameter).chain(document.descendants().filter_map(address));
    ids.into_iter().find(|id| {
        // The id becomes a path segment when the conversation is fetched.
        (1..=128).contains(&id.len())
            && id.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-'))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(twiml: &str) -> Option<String> {
        read(twiml.as_bytes()).expect(twiml).conversation_id
    }

    #[test]
    fn the_conversation_is_found_wherever_it_is_named() {
        let stream = |url: &str, inner: &str| {
            format!("<Response><Connect><Stream url=\"{url}\">{inner}</Stream></Connect></Response>")
        };
        let named =
            r#"<Parameter name="tenant" value="x"/><Parameter name="conversation_id" value="conv_1a"/>"#;
        assert_eq!(id(&stream("wss://voice.example/conv_9", named)).as_deref(), Some("conv_1a"));
        let query = stream("wss://voice.example/c?agent=a&amp;conversation_id=conv_2b&amp;x=1", "");
        assert_eq!(id(&query).as_deref(), Some("conv_2b"));
        assert_eq!(id(&stream("wss://voice.example/c", "")), None);
        assert_eq!(
            id(&stream("wss://voice.example/c", r#"<Parameter name="conversation_id" value="a b"/>"#)),
            None
        );
    }

    #[test]
    fn twiml_passes_without_what_surrounds_it_and_nothing_else_passes() {
        let twiml = "<?xml version=\"1.0\"?>\n<Response>  <Hangup/></Response>";
        for around in ["", "\n", "  \r\n", "\u{feff}", "\u{feff}\n\u{feff} "] {
            let text = format!("{around}{twiml}{around}");
            assert_eq!(read(text.as_bytes()).unwrap().twiml, twiml, "{around:?}");
            let quoted = serde_json::to_string(&text).unwrap();
            assert_eq!(read(format!("{around}{quoted}").as_bytes()).unwrap().twiml, twiml, "{around:?}");
        }
        let quoted = serde_json::to_string("<Response/>").unwrap();
        assert_eq!(read(quoted.as_bytes()).unwrap().twiml, "<Response/>");
        for bad in [
            "",
            "{\"detail\":\"no\"}",
            "<html/>",
            "<Response>",
            "\"<Response/>",
            "<!DOCTYPE a []><Response/>",
        ] {
            assert!(read(bad.as_bytes()).is_err(), "{bad}");
        }
    }
}
