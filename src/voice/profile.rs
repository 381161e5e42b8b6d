//! The configuration of an agent at the provider: telephone audio, limits, and no public access.
//!
//! The language model is not set: the provider's default follows its catalogue, which changes monthly.

use serde_json::{Value, json};

use super::prompt::{instructions, plain};
use crate::domain::{Agent, AgentId, Language};

/// Twilio's audio: μ-law at 8 kHz. Any other format is noise or silence on a call.
pub(super) const TELEPHONE_AUDIO: &str = "ulaw_8000";
/// The provider's default voice. Sent explicitly, so that an agent whose voice was removed gets it back.
const STOCK_VOICE: &str = "cjVigY5qzO86Huf0OWal";
/// The tag of everything that this system creates at the provider.
pub(super) const OURS: &str = "switchboard";

/// What the provider sends in a text conversation, beside what it sends by default. Nothing of it concerns calls, whose media the
/// carrier exchanges with the provider.
const CLIENT_EVENTS: [&str; 13] = [
    "conversation_initiation_metadata",
    "ping",
    "audio",
    "interruption",
    "user_transcript",
    "agent_response",
    "agent_chat_response_part",
    "agent_response_complete",
    "client_tool_call",
    "agent_tool_request",
    "agent_tool_response",
    "client_error",
    "guardrail_triggered",
];

/// Our tags on an agent. The second one identifies the agent.
pub(super) fn tags(agent: AgentId) -> [String; 2] {
    [OURS.to_owned(), tag(agent)]
}

/// The tag that identifies one agent.
pub(super) fn tag(agent: AgentId) -> String {
    format!("{OURS}:{agent}")
}

/// Reads the agent from a tag; `None` for any other tag.
pub(super) fn agent_of(tag: &str) -> Option<AgentId> {
    tag.strip_prefix(OURS)?.strip_prefix(':')?.parse().ok()
}

/// The body of a request that creates or updates an agent.
#[derive(Debug, Clone)]
pub(super) struct Profile(pub(super) Value);

impl Profile {
    /// Sets the whole list of the agent's tools.
    pub(super) fn set_tool_ids(&mut self, ids: &[String]) {
        self.0["conversation_config"]["agent"]["prompt"]["tool_ids"] = json!(ids);
    }

    /// Leaves the agent's tools as they are. Returns whether they were set.
    pub(super) fn unset_tool_ids(&mut self) -> bool {
        let prompt = self.0["conversation_config"]["agent"]["prompt"].as_object_mut();
        prompt.is_some_and(|prompt| prompt.remove("tool_ids").is_some())
    }
}

/// Whether each value that is wanted is there.
pub(super) fn covers(there: &Value, wanted: &Value) -> bool {
    match (there, wanted) {
        (Value::Object(there), Value::Object(wanted)) => {
            wanted.iter().all(|(name, wanted)| there.get(name).is_some_and(|there| covers(there, wanted)))
        }
        (there, wanted) => there == wanted,
    }
}

/// The request body that creates the agent.
pub(super) fn new_agent(agent: &Agent) -> Profile {
    let Profile(mut body) = enforced_settings(agent);
    let config = &mut body["conversation_config"];
    // A silent line and an endless call are billed by the minute.
    config["turn"] = json!({ "silence_end_call_timeout": 30 });
    // The provider's default ends every call after ten minutes.
    config["conversation"]["max_duration_seconds"] = json!(1800);
    // Without this tool the agent cannot hang up.
    config["agent"]["prompt"]["built_in_tools"] = json!({
        "end_call": {
            "type": "system", "name": "end_call", "description": "",
            "params": { "system_tool_type": "end_call" },
        },
    });
    body["platform_settings"]["call_limits"] = json!({
        // Admission counts the tenant's concurrent calls before they get here. Calls over the provider's plan would cost
        // double.
        "agent_concurrency_limit": -1, "daily_limit": 5000, "bursting_enabled": false,
    });
    // Set, because the provider's documentation and its schema disagree on the default: two years, or forever.
    body["platform_settings"]["privacy"] = json!({ "retention_days": 30 });
    body["tags"] = json!(tags(agent.id));
    Profile(body)
}

/// The settings that follow our agent, and those that must apply even if somebody edits the agent at the provider. Limits and
/// tools are left out: others may have set them there.
pub(super) fn enforced_settings(agent: &Agent) -> Profile {
    let language = agent.language;
    Profile(json!({
        "name": agent.name.as_str(),
        "conversation_config": {
            "asr": { "user_input_audio_format": TELEPHONE_AUDIO },
            "conversation": { "client_events": CLIENT_EVENTS },
            "tts": {
                "agent_output_audio_format": TELEPHONE_AUDIO,
                "model_id": speech_model(language),
                "voice_id": agent.voice_id.as_ref().map_or(STOCK_VOICE, |voice| voice.as_str()),
            },
            "agent": {
                "language": language_code(language),
                "first_message": plain(&agent.greeting()),
                "prompt": { "prompt": instructions(agent) },
            },
        },
        "platform_settings": {
            // Without it, anybody who knows the agent's id could talk to the agent at our cost.
            "auth": { "enable_auth": true },
            // Somebody may have archived it. Whether an archived agent takes calls is not documented.
            "archived": false,
            // A text conversation is without audio, and without the greeting of calls.
            "overrides": { "conversation_config_override": {
                "agent": { "first_message": true }, "conversation": { "text_only": true },
            } },
        },
    }))
}

/// The speech model. The provider rejects the English model for an agent that speaks another language.
fn speech_model(language: Language) -> &'static str {
    if language.code() == "en" { "eleven_flash_v2" } else { "eleven_flash_v2_5" }
}

/// The provider's language code: Filipino is `tl` there; every other code is the same.
fn language_code(language: Language) -> &'static str {
    match language.code() {
        "fil" => "tl",
        code => code,
    }
}
