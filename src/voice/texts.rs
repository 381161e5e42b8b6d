//! Answers to texts: a text-only conversation with an agent over a WebSocket, for one answer.
//!
//! There is no request for one answer, and a conversation cannot be resumed. So each answer has a conversation of its own, which is told
//! of earlier texts. Three bounds hold: the time to the first part and between parts, the time to the whole answer, and its length.

mod reply;

use std::time::Duration;

use serde::Deserialize;
use serde_json::{Value, json};
use tokio::time::{Instant, timeout_at};
use url::Url;

use self::reply::{Heard, Reply};
use super::{Rejection, Voice, VoiceError};
use crate::domain::{E164, is_loopback};
use crate::provider::{Effect, Method, Socket, SocketEnd, shown};

/// Time for the first part of an answer, from the question, and for what follows a part or the use of a tool.
const SILENCE: Duration = Duration::from_secs(20);
/// Time from a piece of an answer to the next sign of life, or to the provider's word that the answer is complete, which not every agent
/// gives.
const LAST_WORD: Duration = Duration::from_secs(8);
/// Kept of the caller's patience, for an answer whose end the provider does not tell.
const TO_CONCLUDE: Duration = Duration::from_secs(1);
/// Hosts of the provider, beside the configured one.
const OWN_DOMAIN: &str = "elevenlabs.io";
/// Close codes by which the provider refuses a conversation: repeated, it would be refused again.
const REFUSALS: [u16; 2] = [1002, 1008];

/// Texts for an agent to answer.
#[derive(Debug, Clone)]
pub struct TextsToAnswer<'a> {
    /// The provider's id of the agent.
    pub voice_agent_id: &'a str,
    /// Who sent them.
    pub from: &'a str,
    /// Our number.
    pub to: &'a E164,
    /// The texts. Never logged.
    pub question: &'a str,
    /// Earlier texts, a line each; empty if there are none. Never logged.
    pub history: &'a str,
}

/// What an agent answered.
#[derive(Clone, PartialEq, Eq)]
pub struct TextAnswer {
    /// The answer as the agent gave it, possibly with Markdown. Never logged.
    pub text: String,
    /// Whether the agent understood that the person wants no more texts: it called the tool `opt_out`.
    pub opts_out: bool,
}

impl std::fmt::Debug for TextAnswer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("TextAnswer").field("opts_out", &self.opts_out).finish_non_exhaustive()
    }
}

#[derive(Deserialize)]
struct SignedUrl {
    signed_url: String,
}

impl Voice {
    /// Asks an agent to answer texts, within `patience`. Safe to repeat: the provider sends nothing to the person.
    ///
    /// # Errors
    /// [`VoiceError`]: rejected if the agent does not exist or refuses the conversation, else unavailable.
    pub async fn answer_texts(
        &self,
        texts: &TextsToAnswer<'_>,
        patience: Duration,
    ) -> Result<TextAnswer, VoiceError> {
        let deadline = Instant::now() + patience;
        let answer = timeout_at(deadline, async {
            let mut socket = self.open_conversation(texts.voice_agent_id).await?;
            let answer = converse(&mut socket, texts, deadline).await;
            socket.close().await;
            answer
        });
        answer.await.unwrap_or_else(|_| Err(VoiceError::unavailable("the answer did not end in time")))
    }

    async fn open_conversation(&self, voice_agent_id: &str) -> Result<Socket, VoiceError> {
        let request = self
            .request(Method::GET, &["conversation", "get-signed-url"])
            .query(&[("agent_id", voice_agent_id)]);
        let answer = self.send(&self.texts, request, Effect::Reads).await?;
        let signed: SignedUrl = answer.json::<_, Rejection>()?;
        let signed = signed.signed_url.parse().ok();
        let url = signed
            .and_then(|url| over_http(url, self.base_url()))
            .ok_or_else(|| VoiceError::unavailable("the signed URL leads to another host"))?;
        self.open_socket(&self.texts, url).await
    }
}

/// The address of a WebSocket as that of the request that opens it; `None` if it is not the provider's. Only on the loopback interface it
/// may be without TLS.
fn over_http(mut url: Url, base: &Url) -> Option<Url> {
    let (scheme, is_ours) = match url.scheme() {
        "wss" => {
            let is_own = |host: &str| host == OWN_DOMAIN || host.ends_with(&format!(".{OWN_DOMAIN}"));
            ("https", url.host() == base.host() || url.host_str().is_some_and(is_own))
        }
        "ws" => ("http", is_loopback(&url) && is_loopback(base)),
        _ => return None,
    };
    url.set_scheme(scheme).ok()?;
    is_ours.then_some(url)
}

async fn converse(
    socket: &mut Socket,
    texts: &TextsToAnswer<'_>,
    deadline: Instant,
) -> Result<TextAnswer, VoiceError> {
    tell(socket, &initiation(texts)).await?;
    let mut reply = Reply::default();
    let mut until = Instant::now() + SILENCE;
    // Before its metadata, a conversation takes no questions.
    loop {
        let event = hear(socket, until).await?;
        if event["type"] == "conversation_initiation_metadata" {
            break;
        }
        respond(socket, &mut Reply::default(), &event).await?;
    }
    tell(socket, &json!({ "type": "contextual_update", "text": context(texts) })).await?;
    tell(socket, &json!({ "type": "user_message", "text": texts.question })).await?;
    until = Instant::now() + SILENCE;
    let last = deadline.checked_sub(TO_CONCLUDE).unwrap_or(deadline);
    loop {
        let event = match hear(socket, until.min(last)).await {
            Ok(event) => event,
            // The provider's last word may be missing, and an agent may end the conversation after its answer.
            Err(_) if reply.is_complete() => return Ok(reply.into_answer()),
            Err(failure) => return Err(failure),
        };
        match respond(socket, &mut reply, &event).await? {
            Heard::End => return Ok(reply.into_answer()),
            Heard::Nothing => {}
            // However long the answer takes from here on, the caller's patience bounds it.
            Heard::Life => until = Instant::now() + SILENCE,
            Heard::Whole => until = Instant::now() + LAST_WORD,
        }
    }
}

/// Reads an event and sends what it asks for.
async fn respond(socket: &mut Socket, reply: &mut Reply, event: &Value) -> Result<Heard, VoiceError> {
    let heard = reply.hear(event)?;
    if let Some(response) = reply::response(event) {
        tell(socket, &response).await?;
    }
    Ok(heard)
}

async fn tell(socket: &mut Socket, message: &Value) -> Result<(), VoiceError> {
    socket.send(message.to_string()).await.map_err(|end| ended(&end))
}

async fn hear(socket: &mut Socket, until: Instant) -> Result<Value, VoiceError> {
    let text = match timeout_at(until, socket.receive()).await {
        Ok(text) => text.map_err(|end| ended(&end))?,
        Err(_) => return Err(VoiceError::unavailable("the agent did not answer in time")),
    };
    Ok(serde_json::from_str(&text).unwrap_or_default())
}

fn ended(end: &SocketEnd) -> VoiceError {
    let reason = shown(&end.reason);
    match end.code {
        Some(code) if REFUSALS.contains(&code) => VoiceError::rejected(code, reason),
        Some(code) => VoiceError::unavailable(format!("the conversation ended with code {code}: {reason}")),
        None => VoiceError::unavailable(format!("the conversation broke off: {reason}")),
    }
}

fn initiation(texts: &TextsToAnswer<'_>) -> Value {
    json!({
        "type": "conversation_initiation_client_data",
        "conversation_config_override": {
            // An agent that greets would greet in every answer.
            "agent": { "first_message": "" },
            "conversation": { "text_only": true },
        },
        // For prompts and tools that the tenant set up at the provider.
        "dynamic_variables": { "history": texts.history, "caller": texts.from, "called": texts.to },
    })
}

/// What the agent must know to answer a text.
fn context(texts: &TextsToAnswer<'_>) -> String {
    let mut context = "This is not a telephone call. The person sends text messages (SMS), and what you write is sent as a text message. \
                       Answer in the language of the message, in plain text without formatting, in at most three short sentences. You \
                       cannot see pictures or call back. If the person wants no more text messages, call the tool opt_out if you have \
                       it, and answer nothing."
        .to_owned();
    if !texts.history.is_empty() {
        context.push_str("\n\nEarlier text messages with this person, oldest first:\n");
        context.push_str(texts.history);
    }
    context
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_signed_url_leads_to_the_provider_only() {
        let real: Url = "https://api.elevenlabs.io".parse().unwrap();
        let local: Url = "http://127.0.0.1:4010".parse().unwrap();
        for (url, base, opened) in [
            ("wss://api.elevenlabs.io/v1?a=b", &real, Some("https://api.elevenlabs.io/v1?a=b")),
            ("wss://api.us.elevenlabs.io/v1", &real, Some("https://api.us.elevenlabs.io/v1")),
            ("wss://elevenlabs.io.evil.example/v1", &real, None),
            ("wss://evil-elevenlabs.io/v1", &real, None),
            ("ws://api.elevenlabs.io/v1", &real, None),
            ("ws://127.0.0.1:4010/v1", &local, Some("http://127.0.0.1:4010/v1")),
            ("ws://127.0.0.1:4010/v1", &real, None),
            ("ws://10.0.0.1/v1", &local, None),
            ("https://api.elevenlabs.io/v1", &real, None),
        ] {
            let result = over_http(url.parse().unwrap(), base);
            assert_eq!(result.as_ref().map(Url::as_str), opened, "{url}");
        }
    }
}
