//! Text conversations over a WebSocket: `get-signed-url`, the socket, and an agent whose answers are the same every time.
//!
//! The socket behaves as the published clients expect: initiation data first, then metadata, the first message, and an answer per user
//! message. Only the events that the agent's `conversation.client_events` lists are sent. A forbidden override or a variable without a
//! value closes it with 1008.
//!
//! The agent answers with the first sentence of its prompt and the user's words. A user message that begins with `!` asks for something
//! else: `!silent` no answer, `!error` a `client_error`, `!close` the end with 1011, `!markdown` a formatted answer, `!pause` an answer in
//! two pieces with a pause of three seconds between, as while a server tool works, and `!enough` a call of the client tool `opt_out`,
//! if the agent has it; otherwise an answer.

use std::time::Duration;

use axum::{
    Json,
    extract::{
        OriginalUri, State,
        ws::{CloseFrame, Message, WebSocket, WebSocketUpgrade},
    },
    response::Response,
};
use chrono::TimeDelta;
use serde_json::{Value, json};
use tokio::time::Instant;

use super::{
    super::{
        SandboxError, Shared, ambient,
        state::{Conversation, ProviderState, SignedUrl, Turn},
    },
    ElevenLabsError, Query,
    agents::{Section, with_defaults},
    connect::connection_problem,
    tools::has_client_tool,
};

/// Validity of a signed URL.
const SIGNED_URL_TTL: TimeDelta = TimeDelta::minutes(15);
const PING_INTERVAL: Duration = Duration::from_secs(2);
/// Number of pings in a row without a pong that end the conversation.
const MAX_UNANSWERED_PINGS: u32 = 3;
/// Time for the first message.
const INITIATION_TIMEOUT: Duration = Duration::from_secs(20);
/// Pause within an answer.
const TOOL_TIME: Duration = Duration::from_secs(3);
/// The client tool that an agent may have.
const OPT_OUT: &str = "opt_out";

/// First piece of an answer with a pause.
const PAUSED: &str = "One moment.";
const MARKDOWN: &str = "# Opening hours\n\n- **Monday**: 9 to 5\n- Friday: *closed*\n\nSee [our page](https://example.com/hours).";

/// `GET /v1/convai/conversation/get-signed-url`: a URL that opens one agent's socket without the API key for 15 minutes.
pub(crate) async fn signed_url(
    State(sandbox): State<Shared>,
    OriginalUri(uri): OriginalUri,
) -> Result<Json<Value>, ElevenLabsError> {
    let query = Query::from(&uri);
    let agent_id = query
        .get("agent_id")
        .ok_or_else(|| ElevenLabsError::schema(&["query", "agent_id"], "missing", "Field required"))?;
    let signature = sandbox.store.change(|state| {
        if !state.agents.iter().any(|agent| agent.agent_id == agent_id) {
            return Err(ElevenLabsError::not_found(&format!("Agent {agent_id}")));
        }
        let now = state.now();
        state.signed_urls.retain(|known| known.expires > now);
        let signature = ambient::word_id("cvtkn");
        state.signed_urls.push(SignedUrl {
            agent_id: agent_id.to_owned(),
            signature: signature.clone(),
            expires: now + SIGNED_URL_TTL,
        });
        Ok(signature)
    })??;
    let host = sandbox.base_url.trim_start_matches("http://");
    let url =
        format!("ws://{host}/v1/convai/conversation?agent_id={agent_id}&conversation_signature={signature}");
    Ok(Json(json!({ "signed_url": url })))
}

/// `GET /v1/convai/conversation`: opens the socket. An agent with `enable_auth` needs a signed URL.
pub(crate) async fn open(
    State(sandbox): State<Shared>,
    OriginalUri(uri): OriginalUri,
    upgrade: WebSocketUpgrade,
) -> Response {
    let query = Query::from(&uri);
    let agent_id = query.get("agent_id").unwrap_or_default().to_owned();
    let refusal = refusal(&sandbox.store.read(), &agent_id, query.get("conversation_signature"));
    let tasks = sandbox.tasks.clone();
    upgrade.on_upgrade(move |socket| {
        tasks.track_future(async move {
            match refusal {
                Some(reason) => close(socket, 1008, &reason).await,
                None => converse(sandbox, socket, agent_id).await,
            }
        })
    })
}

fn refusal(state: &ProviderState, agent_id: &str, signature: Option<&str>) -> Option<String> {
    let Some(agent) = state.agents.iter().find(|agent| agent.agent_id == agent_id) else {
        return Some(format!("the agent {agent_id} does not exist"));
    };
    let settings = with_defaults(Section::PlatformSettings, &agent.platform_settings);
    let is_private = settings.pointer("/auth/enable_auth") == Some(&Value::Bool(true));
    let now = state.now();
    let is_signed = |signature: &str| {
        state
            .signed_urls
            .iter()
            .any(|known| known.signature == signature && known.agent_id == agent_id && known.expires > now)
    };
    match signature {
        Some(signature) if !is_signed(signature) => {
            Some("the signed URL is invalid or has expired".to_owned())
        }
        None if is_private => Some("the agent requires a signed URL".to_owned()),
        _ => None,
    }
}

/// A conversation under way.
struct Live {
    conversation_id: String,
    events: Vec<String>,
    prompt: String,
    first_message: String,
    /// Time without a user message after which the conversation ends.
    idle: Option<Duration>,
    longest: Duration,
    metadata: Value,
    /// Whether the agent has the client tool.
    can_opt_out: bool,
}

async fn converse(sandbox: Shared, mut socket: WebSocket, agent_id: String) {
    let first = tokio::select! {
        () = sandbox.stopping.cancelled() => None,
        first = tokio::time::timeout(INITIATION_TIMEOUT, socket.recv()) => first.ok().flatten(),
    };
    let Some(first) = first.and_then(|first| read(&first.ok()?)) else {
        return close(socket, 1008, "conversation_initiation_client_data must come first").await;
    };
    let data = if first["type"] == "conversation_initiation_client_data" { first.clone() } else { json!({}) };
    let live = match sandbox.store.change(|state| start(state, &agent_id, data)) {
        Ok(Ok(live)) => live,
        Ok(Err(problem)) => return close(socket, 1008, &problem).await,
        Err(error) => return fail(socket, &error).await,
    };
    let opened = Instant::now();
    let (code, reason) = match talk(&sandbox, &mut socket, &live, first).await {
        Ok(end) => end,
        Err(error) => return fail(socket, &error).await,
    };
    let seconds = opened.elapsed().as_secs();
    let saved = sandbox.store.change(|state| {
        if let Some(conversation) = find(state, &live.conversation_id) {
            "done".clone_into(&mut conversation.status);
            conversation.duration_seconds = seconds;
            reason.clone_into(&mut conversation.termination_reason);
        }
    });
    match saved {
        Ok(()) => close(socket, code, reason).await,
        Err(error) => fail(socket, &error).await,
    }
}

async fn fail(socket: WebSocket, error: &SandboxError) {
    tracing::error!(%error, "saving the sandbox's state failed");
    close(socket, 1011, "Internal server error").await;
}

async fn close(mut socket: WebSocket, code: u16, reason: &str) {
    // A close frame's reason has at most 123 bytes.
    let reason: String = reason.chars().filter(char::is_ascii).take(120).collect();
    // The client may be gone already.
    let _ = socket.send(Message::Close(Some(CloseFrame { code, reason: reason.into() }))).await;
}

fn read(message: &Message) -> Option<Value> {
    match message {
        Message::Text(text) => serde_json::from_str(text).ok().filter(Value::is_object),
        _ => None,
    }
}

fn find<'a>(state: &'a mut ProviderState, id: &str) -> Option<&'a mut Conversation> {
    state.conversations.iter_mut().find(|known| known.conversation_id == id)
}

/// Records a conversation.
///
/// # Errors
/// Why the agent refuses it.
fn start(state: &mut ProviderState, agent_id: &str, mut data: Value) -> Result<Live, String> {
    let agent = state.agents.iter().find(|agent| agent.agent_id == agent_id).cloned();
    let agent = agent.ok_or("the agent has been deleted")?;
    if let Some(members) = data.as_object_mut() {
        members.remove("type");
    }
    let mut conversation = Conversation {
        serial: state.serial(),
        conversation_id: ambient::word_id("conv"),
        agent_id: agent.agent_id.clone(),
        agent_name: agent.name.clone(),
        from: String::new(),
        to: String::new(),
        direction: "inbound".to_owned(),
        status: "in-progress".to_owned(),
        garbled: false,
        client_data: data,
        call_sid: None,
        started: state.now(),
        duration_seconds: 0,
        termination_reason: String::new(),
        text_only: true,
        turns: Vec::new(),
    };
    let problem = connection_problem(&agent, &conversation);
    if let Some(problem) = &problem {
        "failed".clone_into(&mut conversation.status);
        conversation.termination_reason.clone_from(problem);
    }
    let config = with_defaults(Section::ConversationConfig, &agent.conversation_config);
    let can_opt_out = has_client_tool(state, &agent, OPT_OUT);
    let live = live(&config, &conversation, can_opt_out);
    if !live.first_message.is_empty() {
        conversation.turns.push(turn("agent", &live.first_message, 0));
    }
    state.conversations.push(conversation);
    problem.map_or(Ok(live), Err)
}

fn turn(role: &str, message: &str, second: u64) -> Turn {
    Turn { role: role.to_owned(), message: message.to_owned(), second }
}

fn live(config: &Value, conversation: &Conversation, can_opt_out: bool) -> Live {
    let overrides = conversation.client_data.get("conversation_config_override").unwrap_or(&Value::Null);
    let text = |pointer: &str| {
        let given = overrides.pointer(pointer).filter(|text| !text.is_null());
        let text = given.or_else(|| config.pointer(pointer)).and_then(Value::as_str).unwrap_or_default();
        filled(text, config, conversation)
    };
    let number =
        |pointer: &str| config.pointer(pointer).and_then(Value::as_f64).filter(|number| *number > 0.0);
    let events = config.pointer("/conversation/client_events").and_then(Value::as_array);
    let format = |pointer: &str| config.pointer(pointer).cloned().unwrap_or_default();
    Live {
        conversation_id: conversation.conversation_id.clone(),
        events: events.into_iter().flatten().filter_map(|event| event.as_str().map(str::to_owned)).collect(),
        prompt: text("/agent/prompt/prompt"),
        first_message: text("/agent/first_message"),
        idle: number("/turn/silence_end_call_timeout").map(Duration::from_secs_f64),
        longest: Duration::from_secs_f64(number("/conversation/max_duration_seconds").unwrap_or(600.0)),
        metadata: json!({
            "conversation_id": conversation.conversation_id,
            "agent_output_audio_format": format("/tts/agent_output_audio_format"),
            "user_input_audio_format": format("/asr/user_input_audio_format"),
        }),
        can_opt_out,
    }
}

/// Returns a text with the values of its dynamic variables.
fn filled(text: &str, config: &Value, conversation: &Conversation) -> String {
    let placeholders = config.pointer("/agent/dynamic_variables/dynamic_variable_placeholders");
    let mut parts = text.split("{{");
    let mut whole = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let Some((name, rest)) = part.split_once("}}") else {
            whole.push_str(part);
            continue;
        };
        let given = [conversation.client_data.get("dynamic_variables"), placeholders];
        let value = given.into_iter().flatten().find_map(|values| values.get(name.trim()));
        match value {
            Some(Value::String(value)) => whole.push_str(value),
            Some(value) => whole.push_str(&value.to_string()),
            None if name.trim() == "system__conversation_id" => whole.push_str(&conversation.conversation_id),
            None => {}
        }
        whole.push_str(rest);
    }
    whole
}

/// Talks until the end. Returns the close code and the reason.
async fn talk(
    sandbox: &Shared,
    socket: &mut WebSocket,
    live: &Live,
    first: Value,
) -> Result<(u16, &'static str), SandboxError> {
    const GONE: (u16, &str) = (1000, "The user closed the connection");
    let metadata = json!({"type": "conversation_initiation_metadata",
                          "conversation_initiation_metadata_event": live.metadata});
    let mut greeting = vec![metadata];
    if !live.first_message.is_empty() {
        greeting.extend(answer_events(live, &live.first_message));
    }
    if !send(socket, greeting).await {
        return Ok(GONE);
    }
    let opened = Instant::now();
    let (mut last, mut waiting) = (opened, Some(first));
    let mut pings = tokio::time::interval(PING_INTERVAL);
    let (mut ping_id, mut unanswered) = (0_u64, 0_u32);
    loop {
        let message = if let Some(first) = waiting.take() {
            first
        } else {
            let end = opened + live.longest;
            let end = live.idle.map_or(end, |idle| end.min(last + idle));
            tokio::select! {
                () = sandbox.stopping.cancelled() => return Ok((1001, "The server is stopping")),
                () = tokio::time::sleep_until(end) => return Ok((1000, "The conversation was idle or too long")),
                _ = pings.tick(), if live.events.iter().any(|event| event == "ping") => {
                    if unanswered >= MAX_UNANSWERED_PINGS {
                        return Ok((1011, "Pings were not answered"));
                    }
                    (ping_id, unanswered) = (ping_id + 1, unanswered + 1);
                    let ping = json!({"type": "ping", "ping_event": {"event_id": ping_id, "ping_ms": null}});
                    if !send(socket, vec![ping]).await {
                        return Ok(GONE);
                    }
                    continue;
                }
                received = socket.recv() => match received {
                    None | Some(Err(_) | Ok(Message::Close(_))) => return Ok(GONE),
                    Some(Ok(message)) => match read(&message) {
                        Some(message) => message,
                        None => continue,
                    },
                },
            }
        };
        match message["type"].as_str() {
            Some("pong") => unanswered = 0,
            Some("user_message") => {
                last = Instant::now();
                let words = message["text"].as_str().unwrap_or_default();
                if words.starts_with("!close") {
                    return Ok((1011, "Internal server error"));
                }
                if words.starts_with("!pause") {
                    let first = listed(live, answer_pieces(PAUSED));
                    if !send(socket, first).await {
                        return Ok(GONE);
                    }
                    tokio::time::sleep(TOOL_TIME).await;
                }
                let events = answer(sandbox, live, words, opened.elapsed().as_secs())?;
                if !send(socket, events).await {
                    return Ok(GONE);
                }
            }
            // Any sign of the user keeps the conversation open.
            Some("user_activity" | "contextual_update") => last = Instant::now(),
            _ => {}
        }
    }
}

/// Sends events. Returns `false` if the client is gone.
async fn send(socket: &mut WebSocket, events: Vec<Value>) -> bool {
    for event in events {
        if socket.send(Message::Text(event.to_string().into())).await.is_err() {
            return false;
        }
    }
    true
}

/// Records a user message with its answer, and returns the events.
fn answer(sandbox: &Shared, live: &Live, words: &str, second: u64) -> Result<Vec<Value>, SandboxError> {
    let answer = match words.split_whitespace().next() {
        Some("!silent") => None,
        Some("!error") => {
            let error = json!({"type": "client_error", "client_error_event":
                               {"code": 1011, "error_type": "llm_error", "message": "The agent cannot answer"}});
            return Ok(listed(live, vec![("client_error", error)]));
        }
        Some("!markdown") => Some(MARKDOWN.to_owned()),
        Some("!enough") if live.can_opt_out => {
            let call = json!({"type": "client_tool_call", "client_tool_call":
                              {"tool_name": OPT_OUT, "tool_call_id": ambient::word_id("call"), "parameters": {}}});
            return Ok(listed(live, vec![("client_tool_call", call)]));
        }
        _ => {
            let sentence =
                live.prompt.split_inclusive(['.', '!', '?', '\n']).next().unwrap_or_default().trim();
            let opening = if sentence.is_empty() { "I am an agent of the sandbox." } else { sentence };
            Some(format!("{opening} You wrote: {words}"))
        }
    };
    sandbox.store.change(|state| {
        if let Some(conversation) = find(state, &live.conversation_id) {
            conversation.turns.push(turn("user", words, second));
            conversation.turns.extend(answer.iter().map(|answer| turn("agent", answer, second)));
        }
    })?;
    Ok(answer.map_or_else(Vec::new, |answer| answer_events(live, &answer)))
}

/// Returns the events of an answer: in parts and as a whole, then its end.
fn answer_events(live: &Live, answer: &str) -> Vec<Value> {
    let mut events = answer_pieces(answer);
    events.push(("agent_response_complete", json!({"type": "agent_response_complete"})));
    listed(live, events)
}

/// Returns the events of a piece of an answer: in parts and as a whole.
fn answer_pieces(answer: &str) -> Vec<(&'static str, Value)> {
    let part = |kind: &str, text: &str| {
        let event =
            json!({"type": "agent_chat_response_part", "text_response_part": {"type": kind, "text": text}});
        ("agent_chat_response_part", event)
    };
    let mut events = vec![part("start", "")];
    events.extend(answer.split_inclusive(' ').map(|word| part("delta", word)));
    events.push(part("stop", ""));
    let whole = json!({"type": "agent_response", "agent_response_event": {"agent_response": answer}});
    events.push(("agent_response", whole));
    events
}

/// Keeps the events that the agent's `client_events` lists.
fn listed(live: &Live, events: Vec<(&str, Value)>) -> Vec<Value> {
    let is_listed = |(name, _): &(&str, Value)| live.events.iter().any(|known| known == name);
    events.into_iter().filter(is_listed).map(|(_, event)| event).collect()
}
