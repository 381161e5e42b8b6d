//! Names of the voice provider's endpoints in metrics and traces: a closed set, without ids and phone numbers.

use crate::provider::Method;

/// Names the endpoint of a request by its method and path segments.
pub(super) fn of(method: &Method, path: &[&str]) -> &'static str {
    match path {
        [.., "convai", "twilio", "register-call"] => "register_call",
        [.., "convai", "agents", "create"] => "create_agent",
        [.., "convai", "agents"] => "list_agents",
        [.., "convai", "agents", _] if *method == Method::PATCH => "update_agent",
        [.., "convai", "agents", _] if *method == Method::DELETE => "delete_agent",
        [.., "convai", "agents", _] => "fetch_agent",
        [.., "convai", "tools"] if *method == Method::POST => "create_tool",
        [.., "convai", "tools"] => "list_tools",
        [.., "convai", "tools", _] => "delete_tool",
        [.., "convai", "conversations", _] => "fetch_conversation",
        [.., "convai", "conversation", "get-signed-url"] => "sign_conversation",
        [.., "convai", "conversation"] => "open_conversation",
        _ => "other",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_request_has_a_name_without_ids() {
        let named = |method: Method, path: &str| {
            of(&method, &format!("v1/convai/{path}").split('/').collect::<Vec<_>>())
        };
        assert_eq!(named(Method::POST, "twilio/register-call"), "register_call");
        assert_eq!(named(Method::POST, "agents/create"), "create_agent");
        assert_eq!(named(Method::GET, "agents"), "list_agents");
        assert_eq!(named(Method::GET, "agents/agent_1"), "fetch_agent");
        assert_eq!(named(Method::PATCH, "agents/agent_1"), "update_agent");
        assert_eq!(named(Method::DELETE, "agents/agent_1"), "delete_agent");
        assert_eq!(named(Method::GET, "conversations/conv_1"), "fetch_conversation");
        assert_eq!(named(Method::GET, "conversation/get-signed-url"), "sign_conversation");
        assert_eq!(named(Method::GET, "conversation"), "open_conversation");
        assert_eq!(named(Method::POST, "tools"), "create_tool");
        assert_eq!(named(Method::GET, "tools"), "list_tools");
        assert_eq!(named(Method::DELETE, "tools/tool_1"), "delete_tool");
        assert_eq!(named(Method::GET, "else"), "other");
    }
}
