//! Tools of the workspace: create, list, read, delete. Agents name them in `prompt.tool_ids`.

use axum::{
    Json,
    extract::{OriginalUri, Path, State},
};
use serde_json::{Value, json};

use super::{
    super::{
        Shared, ambient,
        state::{Agent, ProviderState, Tool},
    },
    Body, ElevenLabsError, Query, page,
};

const LONGEST_NAME: usize = 64;

/// `POST /v1/convai/tools`: creates a tool. Names need not be unique, and there is no idempotency key.
pub(crate) async fn create(
    State(sandbox): State<Shared>,
    Body(body): Body,
) -> Result<Json<Value>, ElevenLabsError> {
    let config = body.get("tool_config").cloned().unwrap_or_default();
    check(&config)?;
    let tool = sandbox.store.change(|state| {
        let tool =
            Tool { serial: state.serial(), id: ambient::word_id("tool"), config, created: state.now() };
        state.tools.push(tool.clone());
        tool
    })?;
    Ok(Json(to_json(&tool)))
}

fn check(config: &Value) -> Result<(), ElevenLabsError> {
    let fault = |member: &str, kind: &str, message: &str| {
        ElevenLabsError::schema(&["body", "tool_config", member], kind, message)
    };
    if !config.is_object() {
        return Err(ElevenLabsError::schema(&["body", "tool_config"], "missing", "Field required"));
    }
    let kind = config["type"].as_str().unwrap_or_default();
    if !["webhook", "client", "system", "mcp"].contains(&kind) {
        return Err(fault("type", "union_tag_invalid", "Input tag should be webhook, client, system or mcp"));
    }
    let name = config["name"].as_str().unwrap_or_default();
    let is_valid = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-');
    if !(1..=LONGEST_NAME).contains(&name.len()) || !name.chars().all(is_valid) {
        return Err(fault("name", "string_pattern_mismatch", "Input should match ^[a-zA-Z0-9_-]{1,64}$"));
    }
    if !config["description"].is_string() {
        return Err(fault("description", "missing", "Field required"));
    }
    let seconds = &config["response_timeout_secs"];
    if !seconds.is_null() && !seconds.as_u64().is_some_and(|seconds| (1..=120).contains(&seconds)) {
        return Err(fault("response_timeout_secs", "range", "Input should be from 1 to 120"));
    }
    Ok(())
}

/// `GET /v1/convai/tools`: newest first or, with `sort_direction=asc`, oldest first; filtered by `search` (beginning of the name) and
/// `types`.
pub(crate) async fn list(
    State(sandbox): State<Shared>,
    OriginalUri(uri): OriginalUri,
) -> Result<Json<Value>, ElevenLabsError> {
    let query = Query::from(&uri);
    let (search, types) = (query.get("search").unwrap_or_default(), query.all("types"));
    let state = sandbox.store.read();
    let fits = |tool: &&Tool| {
        let text = |member: &str| tool.config[member].as_str().unwrap_or_default();
        text("name").starts_with(search) && (types.is_empty() || types.contains(&text("type")))
    };
    let is_ascending = query.get("sort_direction") == Some("asc");
    let (shown, has_more, next_cursor) = if is_ascending {
        // A page's cursor is the place before which the rest is: counted from the end, the oldest come first.
        page(&query, |tool: &Tool| u64::MAX - tool.serial, state.tools.iter().filter(fits))?
    } else {
        page(&query, |tool: &Tool| tool.serial, state.tools.iter().rev().filter(fits))?
    };
    let tools: Vec<Value> = shown.into_iter().map(to_json).collect();
    Ok(Json(json!({"tools": tools, "has_more": has_more, "next_cursor": next_cursor})))
}

/// `GET /v1/convai/tools/{tool_id}`.
pub(crate) async fn fetch(
    State(sandbox): State<Shared>,
    Path(id): Path<String>,
) -> Result<Json<Value>, ElevenLabsError> {
    let state = sandbox.store.read();
    let tool = state.tools.iter().find(|tool| tool.id == id);
    tool.map(|tool| Json(to_json(tool))).ok_or_else(|| not_found(&id))
}

/// `DELETE /v1/convai/tools/{tool_id}`: refused while an agent has it, unless `force` is set, which takes it from the agents.
pub(crate) async fn delete(
    State(sandbox): State<Shared>,
    Path(id): Path<String>,
    OriginalUri(uri): OriginalUri,
) -> Result<Json<Value>, ElevenLabsError> {
    let is_forced = Query::from(&uri).get("force") == Some("true");
    sandbox.store.change(|state| {
        let index = state.tools.iter().position(|tool| tool.id == id).ok_or_else(|| not_found(&id))?;
        let has_it = |agent: &Agent| ids_of(agent).iter().any(|known| *known == id);
        if state.agents.iter().any(has_it) && !is_forced {
            return Err(ElevenLabsError::bad_request("invalid_parameters", "The tool is used by agents."));
        }
        for agent in &mut state.agents {
            let ids = agent.conversation_config.pointer_mut("/agent/prompt/tool_ids");
            if let Some(ids) = ids.and_then(Value::as_array_mut) {
                ids.retain(|known| known != id.as_str());
            }
        }
        state.tools.remove(index);
        Ok(Json(json!({})))
    })?
}

fn ids_of(agent: &Agent) -> Vec<&str> {
    let ids = agent.conversation_config.pointer("/agent/prompt/tool_ids").and_then(Value::as_array);
    ids.into_iter().flatten().filter_map(Value::as_str).collect()
}

/// Whether an agent has a client tool of this name.
pub(super) fn has_client_tool(state: &ProviderState, agent: &Agent, name: &str) -> bool {
    let ids = ids_of(agent);
    let is_it = |tool: &&Tool| tool.config["type"] == "client" && tool.config["name"] == name;
    state.tools.iter().filter(is_it).any(|tool| ids.contains(&tool.id.as_str()))
}

/// Checks the tools in the body of a request that creates or updates an agent.
///
/// # Errors
/// 404 for an unknown tool; 400 for tools that are not in the workspace but in the agent, which ElevenLabs ended in July 2025.
pub(super) fn check_agent(state: &ProviderState, body: &Value) -> Result<(), ElevenLabsError> {
    let prompt = body.pointer("/conversation_config/agent/prompt").unwrap_or(&Value::Null);
    if prompt["tools"].as_array().is_some_and(|tools| !tools.is_empty()) {
        let why = "prompt.tools is no longer supported: create tools and pass prompt.tool_ids.";
        return Err(ElevenLabsError::bad_request("invalid_agent_config", why));
    }
    let mut ids = prompt["tool_ids"].as_array().into_iter().flatten().filter_map(Value::as_str);
    match ids.find(|id| !state.tools.iter().any(|tool| tool.id == *id)) {
        Some(unknown) => Err(not_found(unknown)),
        None => Ok(()),
    }
}

fn not_found(id: &str) -> ElevenLabsError {
    ElevenLabsError::not_found(&format!("Tool {id}"))
}

fn to_json(tool: &Tool) -> Value {
    json!({
        "id": tool.id, "tool_config": tool.config, "response_mocks": null,
        "access_info": {"is_creator": true, "creator_name": "Sandbox", "creator_email": "sandbox@example.com",
                        "role": "admin"},
        "usage_stats": {"total_calls": 0, "avg_latency_secs": 0.0},
    })
}
