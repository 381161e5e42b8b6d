//! What a request to the voice provider is about, in one word of a closed set: for metrics and traces, which hold no ids or
//! numbers.

use reqwest::{Method, Request};

/// Names a request by its method and path.
pub(super) fn of(request: &Request) -> &'static str {
    let path: Vec<&str> = request.url().path().trim_matches('/').split('/').collect();
    let method = request.method();
    match path.as_slice() {
        [.., "convai", "twilio", "register-call"] => "register_call",
        [.., "convai", "agents", "create"] => "create_agent",
        [.., "convai", "agents"] => "list_agents",
        [.., "convai", "agents", _] if method == Method::PATCH => "update_agent",
        [.., "convai", "agents", _] if method == Method::DELETE => "delete_agent",
        [.., "convai", "agents", _] => "fetch_agent",
        [.., "convai", "conversations", _] => "fetch_conversation",
        _ => "other",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_request_has_a_name_without_ids() {
        let named = |method: Method, path: &str| {
            of(&Request::new(method, format!("https://api.elevenlabs.io/v1/convai/{path}").parse().unwrap()))
        };
        assert_eq!(named(Method::POST, "twilio/register-call"), "register_call");
        assert_eq!(named(Method::POST, "agents/create"), "create_agent");
        assert_eq!(named(Method::GET, "agents"), "list_agents");
        assert_eq!(named(Method::GET, "agents/agent_1"), "fetch_agent");
        assert_eq!(named(Method::PATCH, "agents/agent_1"), "update_agent");
        assert_eq!(named(Method::DELETE, "agents/agent_1"), "delete_agent");
        assert_eq!(named(Method::GET, "conversations/conv_1"), "fetch_conversation");
        assert_eq!(named(Method::GET, "else"), "other");
    }
}
