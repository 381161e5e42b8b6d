//! Agents: create, list, read, update, delete. The owner's input is stored; defaults are added when an agent is read.

use std::sync::LazyLock;

use axum::{
    Json,
    extract::{OriginalUri, Path, State},
};
use chrono::{DateTime, Utc};
use serde_json::{Map, Value, json};

use super::{
    super::{
        Shared, ambient,
        state::{Agent, ProviderState},
    },
    Body, ElevenLabsError, Query, page, tools, validate,
};

/// Defaults that the API documents, as far as the sandbox supports them.
static DEFAULTS: LazyLock<Value> = LazyLock::new(|| {
    serde_json::from_str(include_str!("defaults.json")).expect("the file beside this one is JSON")
});

/// A section of an agent that has defaults.
#[derive(Clone, Copy)]
pub(crate) enum Section {
    ConversationConfig,
    PlatformSettings,
}

/// Returns a section with defaults for all omitted members.
pub(crate) fn with_defaults(section: Section, given: &Value) -> Value {
    let name = match section {
        Section::ConversationConfig => "conversation_config",
        Section::PlatformSettings => "platform_settings",
    };
    let mut whole = DEFAULTS.get(name).cloned().unwrap_or_default();
    merge(&mut whole, given);
    whole
}

/// Merges objects member by member. Everything else, arrays included, is replaced as a whole.
fn merge(whole: &mut Value, change: &Value) {
    match (whole, change) {
        (Value::Object(whole), Value::Object(change)) => {
            for (name, value) in change {
                merge(whole.entry(name.clone()).or_insert(Value::Null), value);
            }
        }
        (whole, change) => *whole = change.clone(),
    }
}

/// `POST /v1/convai/agents/create`: creates an agent. There is no idempotency key: a repeated request creates another.
pub(crate) async fn create(
    State(sandbox): State<Shared>,
    Body(body): Body,
) -> Result<Json<Value>, ElevenLabsError> {
    let agent_id = sandbox.store.change(|state| {
        let outcome = insert(state, &body);
        match outcome {
            Ok(_) => state.counters.agents_created += 1,
            Err(_) => state.counters.agents_refused += 1,
        }
        outcome
    })??;
    Ok(Json(json!({ "agent_id": agent_id })))
}

fn insert(state: &mut ProviderState, body: &Value) -> Result<String, ElevenLabsError> {
    if body.get("conversation_config").is_none_or(Value::is_null) {
        return Err(ElevenLabsError::schema(&["body", "conversation_config"], "missing", "Field required"));
    }
    validate::check_types(body)?;
    tools::check_agent(state, body)?;
    let now = state.now();
    let empty = || Value::Object(Map::new());
    let mut agent = Agent {
        serial: state.serial(),
        agent_id: ambient::word_id("agent"),
        version_id: ambient::word_id("agtvrsn"),
        branch_id: ambient::word_id("agtbrch"),
        name: "New agent".to_owned(),
        tags: Vec::new(),
        conversation_config: empty(),
        platform_settings: empty(),
        workflow: empty(),
        created: now,
        updated: now,
    };
    apply(&mut agent, body, now)?;
    let agent_id = agent.agent_id.clone();
    state.agents.push(agent);
    Ok(agent_id)
}

/// Applies the body's members, whose types are checked, to the agent at `now`, by the sandbox's clock. The agent is unchanged on error.
fn apply(agent: &mut Agent, body: &Value, now: DateTime<Utc>) -> Result<(), ElevenLabsError> {
    // On a copy, so that a failed validation leaves the agent unchanged.
    let mut next = agent.clone();
    for (name, section) in [
        ("conversation_config", &mut next.conversation_config),
        ("platform_settings", &mut next.platform_settings),
        ("workflow", &mut next.workflow),
    ] {
        if let Some(change) = body.get(name).filter(|change| !change.is_null()) {
            merge(section, change);
        }
    }
    validate::check_voice_language(&with_defaults(Section::ConversationConfig, &next.conversation_config))?;
    if let Some(name) = body.get("name").and_then(Value::as_str) {
        name.clone_into(&mut next.name);
    }
    if let Some(tags) = body.get("tags").and_then(Value::as_array) {
        next.tags = tags.iter().filter_map(Value::as_str).map(str::to_owned).collect();
    }
    next.updated = now;
    *agent = next;
    Ok(())
}

/// `GET /v1/convai/agents`: newest first, filtered by `search` (part of the name), `tags` (any of them) and `archived`.
pub(crate) async fn list(
    State(sandbox): State<Shared>,
    OriginalUri(uri): OriginalUri,
) -> Result<Json<Value>, ElevenLabsError> {
    let query = Query::from(&uri);
    let search = query.get("search").unwrap_or_default().to_lowercase();
    let tags = query.all("tags");
    // Archived agents are hidden unless they are asked for, as at ElevenLabs.
    let archived = query.get("archived") == Some("true");
    let state = sandbox.store.read();
    let fits = |agent: &&Agent| {
        agent.name.to_lowercase().contains(&search)
            && (tags.is_empty() || agent.tags.iter().any(|tag| tags.contains(&tag.as_str())))
            && is_archived(agent) == archived
    };
    let (shown, has_more, next_cursor) =
        page(&query, |agent: &Agent| agent.serial, state.agents.iter().rev().filter(fits))?;
    let agents: Vec<Value> = shown.into_iter().map(summary).collect();
    Ok(Json(json!({"agents": agents, "has_more": has_more, "next_cursor": next_cursor})))
}

fn is_archived(agent: &Agent) -> bool {
    agent.platform_settings.get("archived").and_then(Value::as_bool).unwrap_or(false)
}

fn access() -> Value {
    json!({"is_creator": true, "creator_name": "Sandbox", "creator_email": "sandbox@example.com", "role": "admin"})
}

fn summary(agent: &Agent) -> Value {
    let config = with_defaults(Section::ConversationConfig, &agent.conversation_config);
    json!({
        "agent_id": agent.agent_id, "name": agent.name, "tags": agent.tags,
        "voice_id": config.pointer("/tts/voice_id"),
        "created_at_unix_secs": agent.created.timestamp(), "updated_at_unix_secs": agent.updated.timestamp(),
        "last_call_time_unix_secs": null, "archived": is_archived(agent), "access_info": access(),
    })
}

fn to_json(agent: &Agent) -> Value {
    json!({
        "agent_id": agent.agent_id, "name": agent.name, "tags": agent.tags,
        "conversation_config": with_defaults(Section::ConversationConfig, &agent.conversation_config),
        "platform_settings": with_defaults(Section::PlatformSettings, &agent.platform_settings),
        "workflow": agent.workflow,
        "metadata": {"created_at_unix_secs": agent.created.timestamp(),
                     "updated_at_unix_secs": agent.updated.timestamp()},
        "phone_numbers": [], "whatsapp_accounts": [], "access_info": access(),
        "version_id": agent.version_id, "branch_id": agent.branch_id, "main_branch_id": agent.branch_id,
    })
}

fn agent_not_found(agent_id: &str) -> ElevenLabsError {
    ElevenLabsError::not_found(&format!("Agent {agent_id}"))
}

/// `GET /v1/convai/agents/{agent_id}`: an agent with all defaults.
pub(crate) async fn fetch(
    State(sandbox): State<Shared>,
    Path(agent_id): Path<String>,
) -> Result<Json<Value>, ElevenLabsError> {
    let state = sandbox.store.read();
    let agent = state.agents.iter().find(|agent| agent.agent_id == agent_id);
    agent.map(|agent| Json(to_json(agent))).ok_or_else(|| agent_not_found(&agent_id))
}

/// `PATCH /v1/convai/agents/{agent_id}`: creates a new version and publishes it at once.
pub(crate) async fn update(
    State(sandbox): State<Shared>,
    Path(agent_id): Path<String>,
    Body(body): Body,
) -> Result<Json<Value>, ElevenLabsError> {
    let updated = sandbox.store.change(|state| {
        validate::check_types(&body)?;
        tools::check_agent(state, &body)?;
        let now = state.now();
        let agent = state.agents.iter_mut().find(|agent| agent.agent_id == agent_id);
        let agent = agent.ok_or_else(|| agent_not_found(&agent_id))?;
        apply(agent, &body, now)?;
        agent.version_id = ambient::word_id("agtvrsn");
        let updated = to_json(agent);
        state.counters.agents_updated += 1;
        Ok::<Value, ElevenLabsError>(updated)
    })??;
    Ok(Json(updated))
}

/// `DELETE /v1/convai/agents/{agent_id}`: answers 200 without a body.
pub(crate) async fn delete(
    State(sandbox): State<Shared>,
    Path(agent_id): Path<String>,
) -> Result<(), ElevenLabsError> {
    sandbox.store.change(|state| {
        let index = state.agents.iter().position(|agent| agent.agent_id == agent_id);
        state.agents.remove(index.ok_or_else(|| agent_not_found(&agent_id))?);
        state.counters.agents_deleted += 1;
        Ok(())
    })?
}
