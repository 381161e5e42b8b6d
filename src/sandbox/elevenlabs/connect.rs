//! What happens when a caller's stream reaches ElevenLabs: the agent talks, or hangs up at once, for the reasons the
//! real service does so without a word (socket code 1008).

use serde_json::Value;

use super::{
    super::state::{Agent, AgentName, Conversation, State as Everything},
    agents::{Section, filled},
};

/// Who picked up.
pub(crate) enum Pickup {
    /// The agent talks; `garbled` when the caller hears noise.
    Talking { agent: AgentName, garbled: bool },
    /// The stream is closed at once.
    Refused(String),
}

/// Connects a call's stream to a registered conversation.
pub(crate) fn connect(state: &mut Everything, conversation_id: &str, call_sid: &str) -> Pickup {
    let found = state.conversations.iter().position(|known| known.conversation_id == conversation_id);
    let Some(conversation) = found.and_then(|index| state.conversations.get_mut(index)) else {
        return Pickup::Refused(format!("there is no conversation {conversation_id}"));
    };
    let is_repeated = conversation.call_sid.as_deref() == Some(call_sid);
    if conversation.status != "initiated" && !is_repeated {
        return Pickup::Refused(format!("conversation {conversation_id} has been used before"));
    }
    conversation.call_sid = Some(call_sid.to_owned());
    let agent = state.agents.iter().find(|agent| agent.agent_id == conversation.agent_id);
    let problem = match agent {
        Some(agent) => hindrance(agent, conversation),
        None => Some("the agent has been deleted".to_owned()),
    };
    if let Some(problem) = problem {
        conversation.status = "failed".to_owned();
        conversation.termination_reason.clone_from(&problem);
        return Pickup::Refused(problem);
    }
    conversation.status = "in-progress".to_owned();
    let agent = AgentName { agent_id: conversation.agent_id.clone(), name: conversation.agent_name.clone() };
    Pickup::Talking { agent, garbled: conversation.garbled }
}

/// Why the agent cannot take this conversation.
fn hindrance(agent: &Agent, conversation: &Conversation) -> Option<String> {
    let config = filled(Section::ConversationConfig, &agent.conversation_config);
    let settings = filled(Section::PlatformSettings, &agent.platform_settings);
    let data = &conversation.client_data;
    let overrides = data.get("conversation_config_override").unwrap_or(&Value::Null);
    let allowed = settings.pointer("/overrides/conversation_config_override").unwrap_or(&Value::Null);
    if let Some(path) = first_forbidden(overrides, allowed, "") {
        return Some(format!("the override of {path} is not enabled"));
    }
    let placeholders = config.pointer("/agent/dynamic_variables/dynamic_variable_placeholders");
    let is_given = |name: &str| {
        let given = [data.get("dynamic_variables"), placeholders];
        name.starts_with("system__") || given.into_iter().flatten().any(|values| values.get(name).is_some())
    };
    ["/agent/first_message", "/agent/prompt/prompt"]
        .into_iter()
        .filter_map(|pointer| {
            let overriding = overrides.pointer(pointer).filter(|text| !text.is_null());
            overriding.or_else(|| config.pointer(pointer))?.as_str()
        })
        .flat_map(variables)
        .find(|name| !is_given(name))
        .map(|name| format!("the dynamic variable {name} has no value"))
}

/// The first overridden member that the agent does not let be overridden.
fn first_forbidden(overrides: &Value, allowed: &Value, path: &str) -> Option<String> {
    match overrides {
        Value::Null => None,
        Value::Object(members) => members.iter().find_map(|(name, value)| {
            first_forbidden(value, allowed.get(name).unwrap_or(&Value::Null), &format!("{path}/{name}"))
        }),
        _ if allowed == &Value::Bool(true) => None,
        _ => Some(path.trim_start_matches('/').to_owned()),
    }
}

/// The names in `{{…}}` of a text.
fn variables(text: &str) -> impl Iterator<Item = &str> {
    text.split("{{").skip(1).filter_map(|rest| rest.split_once("}}").map(|(name, _)| name.trim()))
}
