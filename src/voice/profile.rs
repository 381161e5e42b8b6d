//! An agent as the provider is told of it: fit for the telephone, with limits, and not open to the public.
//!
//! The language model is not named: the provider's default follows its monthly catalogue.

use serde_json::{Value, json};

use super::prompt::{instructions, plain};
use crate::domain::{Agent, AgentId, Language};

/// What Twilio sends and plays: μ-law at 8 kHz. Any other format on a call is noise or silence.
pub(super) const TELEPHONE_AUDIO: &str = "ulaw_8000";
/// The provider's default voice, named so that an agent whose voice was taken away gets it back.
const STOCK_VOICE: &str = "cjVigY5qzO86Huf0OWal";
/// Everything of ours at the provider carries this tag.
pub(super) const OURS: &str = "switchboard";

/// Our tags on an agent; by the second it is found again.
pub(super) fn tags(agent: AgentId) -> [String; 2] {
    [OURS.to_owned(), tag(agent)]
}

/// The tag of this one agent.
pub(super) fn tag(agent: AgentId) -> String {
    format!("{OURS}:{agent}")
}

/// The agent that this tag names; `None` for any other tag.
pub(super) fn agent_of(tag: &str) -> Option<AgentId> {
    tag.strip_prefix(OURS)?.strip_prefix(':')?.parse().ok()
}

/// The body that creates the agent.
pub(super) fn new_agent(agent: &Agent) -> Value {
    let mut body = known_here(agent);
    let config = &mut body["conversation_config"];
    // A silent line and an endless call are billed by the minute.
    config["turn"] = json!({ "silence_end_call_timeout": 30 });
    config["conversation"] = json!({ "max_duration_seconds": 1800 });
    // Without this tool the agent cannot hang up.
    config["agent"]["prompt"]["built_in_tools"] = json!({
        "end_call": {
            "type": "system", "name": "end_call", "description": "",
            "params": { "system_tool_type": "end_call" },
        },
    });
    body["platform_settings"]["call_limits"] = json!({
        // How many calls a tenant may hold is counted before they get here; calls over the provider's
        // plan would cost double.
        "agent_concurrency_limit": -1, "daily_limit": 5000, "bursting_enabled": false,
    });
    body["platform_settings"]["privacy"] = json!({ "retention_days": 30 });
    body["tags"] = json!(tags(agent.id));
    body
}

/// What changes with our agent, and what must hold whoever touched the agent at the provider. Limits and
/// tools are left out: there, people may have set others.
pub(super) fn known_here(agent: &Agent) -> Value {
    let language = agent.language;
    json!({
        "name": agent.name.as_str(),
        "conversation_config": {
            "asr": { "user_input_audio_format": TELEPHONE_AUDIO },
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
        // Otherwise whoever knows the agent's id may talk to it at our cost.
        "platform_settings": { "auth": { "enable_auth": true } },
    })
}

/// The provider refuses an agent that speaks another language with the English model.
fn speech_model(language: Language) -> &'static str {
    if language.code() == "en" { "eleven_flash_v2" } else { "eleven_flash_v2_5" }
}

/// The provider's agents know Filipino as Tagalog; every other code is the same.
fn language_code(language: Language) -> &'static str {
    match language.code() {
        "fil" => "tl",
        code => code,
    }
}
