//! Connects a caller's media stream to an agent. The stream is closed at once for the same reasons as by the
//! real service, which reports them with close code 1008 only.

use serde_json::Value;

use super::{
    super::state::{Agent, AgentRef, Conversation, ProviderState},
    agents::{Section, with_defaults},
};

/// Result of connecting a stream.
pub(crate) enum Pickup {
    /// The agent talks. With `garbled` the caller hears noise.
    Talking { agent: AgentRef, garbled: bool },
    /// The stream is closed at once, for this reason.
    Rejected(String),
}

/// Connects a call's stream to a registered conversation.
pub(crate) fn connect(state: &mut ProviderState, conversation_id: &str, call_sid: &str) -> Pickup {
    let found = state.conversations.iter().position(|known| known.conversation_id == conversation_id);
    let Some(conversation) = found.and_then(|index| state.conversations.get_mut(index)) else {
        return Pickup::Rejected(format!("there is no conversation {conversation_id}"));
    };
    // A conversation serves one call. The same call may connect again, as after a repeated webhook.
    let is_repeated = conversation.call_sid.as_deref() == Some(call_sid);
    if conversation.status != "initiated" && !is_repeated {
        return Pickup::Rejected(format!("conversation {conversation_id} has been used before"));
    }
    conversation.call_sid = Some(call_sid.to_owned());
    let agent = state.agents.iter().find(|agent| agent.agent_id == conversation.agent_id);
    let problem = match agent {
        Some(agent) => connection_problem(agent, conversation),
        None => Some("the agent has been deleted".to_owned()),
    };
    if let Some(problem) = problem {
        conversation.status = "failed".to_owned();
        conversation.termination_reason.clone_from(&problem);
        return Pickup::Rejected(problem);
    }
    conversation.status = "in-progress".to_owned();
    let agent = AgentRef { agent_id: conversation.agent_id.clone(), name: conversation.agent_name.clone() };
    Pickup::Talking { agent, garbled: conversation.garbled }
}

/// Returns the reason why the agent cannot take this conversation: a forbidden override or a missing dynamic variable.
pub(super) fn connection_problem(agent: &Agent, conversation: &Conversation) -> Option<String> {
    let config = with_defaults(Section::ConversationConfig, &agent.conversation_config);
    let settings = with_defaults(Section::PlatformSettings, &agent.platform_settings);
    let data = &conversation.client_data;
    let overrides = data.get("conversation_config_override").unwrap_or(&Value::Null);
    let allowed = settings.pointer("/overrides/conversation_config_override").unwrap_or(&Value::Null);
    if let Some(path) = first_forbidden(overrides, allowed, "") {
        return Some(format!("the override of {path} is not enabled"));
    }
    let placeholders = config.pointer("/agent/dynamic_variables/dynamic_variable_placeholders");
    let is_given = |name: &str| {
        let given = [data.get("dynamic_variables"), placeholders];
        // ElevenLabs supplies the variables with this prefix itself.
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

/// Returns the path of the first overridden member that the agent's settings do not allow to override.
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

/// Returns the names of the dynamic variables `{{…}}` in a text.
fn variables(text: &str) -> impl Iterator<Item = &str> {
    text.split("{{").skip(1).filter_map(|rest| rest.split_once("}}").map(|(name, _)| name.trim()))
}
