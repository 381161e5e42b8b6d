//! `register-call`: creates a conversation and returns the TwiML that connects the caller to it.
//!
//! As at ElevenLabs, an agent that is not set up for telephony is accepted here; its problem appears when
//! the caller is connected.

use axum::{
    extract::State,
    http::header,
    response::{IntoResponse, Response},
};
use serde_json::Value;

use super::{
    super::{
        Shared, ambient,
        state::{Conversation, ProviderState},
    },
    Body, ElevenLabsError,
    agents::{Section, with_defaults},
};

/// `POST /v1/convai/twilio/register-call`: the response has the content type `text/html`, as the real one.
pub(crate) async fn register_call(
    State(sandbox): State<Shared>,
    Body(body): Body,
) -> Result<Response, ElevenLabsError> {
    let conversation_id = sandbox.store.change(|state| register(state, &body))??;
    // As users report it: the conversation is named in this parameter alone.
    let twiml = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?><Response><Connect>\
         <Stream url=\"wss://api.us.elevenlabs.io/v1/convai/conversation\">\
         <Parameter name=\"conversation_id\" value=\"{conversation_id}\"/></Stream></Connect></Response>"
    );
    Ok(([(header::CONTENT_TYPE, "text/html; charset=utf-8")], twiml).into_response())
}

fn register(state: &mut ProviderState, body: &Value) -> Result<String, ElevenLabsError> {
    let required = |name: &str| match body.get(name) {
        Some(Value::String(text)) => Ok(text.clone()),
        Some(_) => {
            Err(ElevenLabsError::schema(&["body", name], "string_type", "Input should be a valid string"))
        }
        None => Err(ElevenLabsError::schema(&["body", name], "missing", "Field required")),
    };
    let (agent_id, from, to) = (required("agent_id")?, required("from_number")?, required("to_number")?);
    let direction = body.get("direction").and_then(Value::as_str).unwrap_or("inbound").to_owned();
    if !matches!(direction.as_str(), "inbound" | "outbound") {
        let message = "Input should be 'inbound' or 'outbound'";
        return Err(ElevenLabsError::schema(&["body", "direction"], "literal_error", message));
    }
    let client_data = body.get("conversation_initiation_client_data").cloned().unwrap_or_default();
    if !client_data.is_object() && !client_data.is_null() {
        let location = ["body", "conversation_initiation_client_data"];
        return Err(ElevenLabsError::schema(&location, "model_type", "Input should be an object"));
    }
    let agent = state.agents.iter().find(|agent| agent.agent_id == agent_id);
    let agent = agent.ok_or_else(|| ElevenLabsError::not_found(&format!("Agent {agent_id}")))?;
    let config = with_defaults(Section::ConversationConfig, &agent.conversation_config);
    let is_telephony = |pointer: &str| config.pointer(pointer).and_then(Value::as_str) == Some("ulaw_8000");
    // Both directions must be µ-law, since the default formats are not what the carrier speaks.
    let garbled =
        !is_telephony("/asr/user_input_audio_format") || !is_telephony("/tts/agent_output_audio_format");
    let agent_name = agent.name.clone();
    let conversation = Conversation {
        serial: state.serial(),
        conversation_id: ambient::word_id("conv"),
        agent_id,
        agent_name,
        from,
        to,
        direction,
        status: "initiated".to_owned(),
        garbled,
        client_data,
        call_sid: None,
        started: state.now(),
        duration_seconds: 0,
        termination_reason: String::new(),
        text_only: false,
        turns: Vec::new(),
    };
    let conversation_id = conversation.conversation_id.clone();
    state.conversations.push(conversation);
    state.counters.calls_registered += 1;
    Ok(conversation_id)
}
