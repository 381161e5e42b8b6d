//! Validation of agents: wrong types (422), and a voice model that does not speak the agent's language (400).
//!
//! As at ElevenLabs, unknown members are accepted, so a misspelt one is ignored silently.

use serde_json::{Value, json};

use super::ElevenLabsError;

/// Type of a member. Null is always accepted.
#[derive(Clone, Copy)]
enum Shape {
    Object,
    Text,
    Texts,
    Whole,
    Number(f64, f64),
    Flag,
    OneOf(&'static [&'static str]),
}

const AUDIO: &[&str] =
    &["pcm_8000", "pcm_16000", "pcm_22050", "pcm_24000", "pcm_44100", "pcm_48000", "ulaw_8000"];
const SPEECH_MODELS: &[&str] = &[
    "eleven_flash_v2",
    "eleven_flash_v2_5",
    "eleven_turbo_v2",
    "eleven_turbo_v2_5",
    "eleven_multilingual_v2",
    "eleven_v3_conversational",
];
const ENGLISH_ONLY: &[&str] = &["eleven_flash_v2", "eleven_turbo_v2"];

/// Path of each checked member with its type. Every parent on a path must be an object.
// Types and ranges are those of ElevenLabs' API description.
const MEMBERS: &[(&str, Shape)] = &[
    ("name", Shape::Text),
    ("tags", Shape::Texts),
    ("workflow", Shape::Object),
    ("conversation_config/agent/first_message", Shape::Text),
    ("conversation_config/agent/language", Shape::Text),
    ("conversation_config/agent/dynamic_variables/dynamic_variable_placeholders", Shape::Object),
    ("conversation_config/agent/disable_first_message_interruptions", Shape::Flag),
    ("conversation_config/agent/prompt/prompt", Shape::Text),
    ("conversation_config/agent/prompt/llm", Shape::Text),
    ("conversation_config/agent/prompt/temperature", Shape::Number(0.0, 2.0)),
    ("conversation_config/agent/prompt/max_tokens", Shape::Whole),
    ("conversation_config/agent/prompt/tool_ids", Shape::Texts),
    ("conversation_config/agent/prompt/built_in_tools", Shape::Object),
    ("conversation_config/asr/user_input_audio_format", Shape::OneOf(AUDIO)),
    ("conversation_config/asr/keywords", Shape::Texts),
    ("conversation_config/tts/agent_output_audio_format", Shape::OneOf(AUDIO)),
    ("conversation_config/tts/model_id", Shape::OneOf(SPEECH_MODELS)),
    ("conversation_config/tts/voice_id", Shape::Text),
    ("conversation_config/tts/stability", Shape::Number(0.0, 1.0)),
    ("conversation_config/tts/similarity_boost", Shape::Number(0.0, 1.0)),
    ("conversation_config/tts/speed", Shape::Number(0.7, 1.2)),
    ("conversation_config/turn/turn_timeout", Shape::Number(-1.0, 300.0)),
    ("conversation_config/turn/silence_end_call_timeout", Shape::Number(-1.0, 86400.0)),
    ("conversation_config/turn/turn_eagerness", Shape::OneOf(&["patient", "normal", "eager"])),
    ("conversation_config/conversation/max_duration_seconds", Shape::Whole),
    ("conversation_config/language_presets", Shape::Object),
    ("platform_settings/archived", Shape::Flag),
    ("platform_settings/auth/enable_auth", Shape::Flag),
    ("platform_settings/call_limits/agent_concurrency_limit", Shape::Whole),
    ("platform_settings/call_limits/daily_limit", Shape::Whole),
    ("platform_settings/call_limits/bursting_enabled", Shape::Flag),
    ("platform_settings/privacy/retention_days", Shape::Whole),
    ("platform_settings/privacy/record_voice", Shape::Flag),
    ("platform_settings/privacy/zero_retention_mode", Shape::Flag),
    ("platform_settings/data_collection", Shape::Object),
    ("platform_settings/overrides/conversation_config_override", Shape::Object),
];

/// Checks the types of a body that creates or updates an agent.
///
/// # Errors
/// 422 that lists every type error, once each.
pub(crate) fn check_types(body: &Value) -> Result<(), ElevenLabsError> {
    let mut errors: Vec<Value> = Vec::new();
    for (path, shape) in MEMBERS {
        if let Some(error) = type_error(body, path, *shape)
            // Members under the same wrong parent give the same error.
            && !errors.contains(&error)
        {
            errors.push(error);
        }
    }
    if errors.is_empty() { Ok(()) } else { Err(ElevenLabsError::Schema(errors)) }
}

fn type_error(body: &Value, path: &str, shape: Shape) -> Option<Value> {
    let mut here = body;
    let mut location = vec!["body"];
    for name in path.split('/') {
        let Value::Object(members) = here else {
            return Some(json!({"type": "model_type", "loc": location, "msg": "Input should be an object"}));
        };
        location.push(name);
        here = members.get(name).filter(|value| !value.is_null())?;
    }
    let (kind, message) = shape.mismatch(here)?;
    Some(json!({"type": kind, "loc": location, "msg": message}))
}

impl Shape {
    fn mismatch(self, value: &Value) -> Option<(&'static str, String)> {
        let is_in = |low: f64, high: f64| value.as_f64().is_some_and(|number| (low..=high).contains(&number));
        let (fits, kind, message) = match self {
            Self::Object => (value.is_object(), "dict_type", "Input should be an object".to_owned()),
            Self::Text => (value.is_string(), "string_type", "Input should be a valid string".to_owned()),
            Self::Texts => (
                value.as_array().is_some_and(|items| items.iter().all(Value::is_string)),
                "list_type",
                "Input should be a list of strings".to_owned(),
            ),
            Self::Whole => (value.is_i64(), "int_type", "Input should be a valid integer".to_owned()),
            Self::Number(low, high) => {
                (is_in(low, high), "range", format!("Input should be a number from {low} to {high}"))
            }
            Self::Flag => (value.is_boolean(), "bool_type", "Input should be a valid boolean".to_owned()),
            Self::OneOf(names) => (
                value.as_str().is_some_and(|name| names.contains(&name)),
                "enum",
                format!("Input should be {}", names.join(", ")),
            ),
        };
        (!fits).then_some((kind, message))
    }
}

/// Checks that the voice model speaks the agent's language. `config` must include the defaults.
///
/// # Errors
/// 400 if an English-only model is configured for another language.
pub(crate) fn check_voice_language(config: &Value) -> Result<(), ElevenLabsError> {
    let text = |pointer: &str| config.pointer(pointer).and_then(Value::as_str).unwrap_or_default();
    // Users met this rejection when they left the default model in place, which speaks English only.
    if text("/agent/language") != "en" && ENGLISH_ONLY.contains(&text("/tts/model_id")) {
        return Err(ElevenLabsError::bad_request(
            "invalid_agent_config",
            "Non-english Agents must use turbo or flash v2_5.",
        ));
    }
    Ok(())
}
