//! The conversations resource: list and read. The transcript of a call is a fixed one.

use axum::{
    Json,
    extract::{OriginalUri, Path, State},
};
use serde_json::{Value, json};

use super::{
    super::{Shared, state::Conversation},
    ElevenLabsError, Query, page,
};

/// `GET /v1/convai/conversations`: newest first, filtered by `agent_id` and start time.
pub(crate) async fn list(
    State(sandbox): State<Shared>,
    OriginalUri(uri): OriginalUri,
) -> Result<Json<Value>, ElevenLabsError> {
    let query = Query::from(&uri);
    let agent_id = query.get("agent_id");
    let time = |name: &str| query.get(name).and_then(|text| text.parse::<i64>().ok());
    let (after, before) = (time("call_start_after_unix"), time("call_start_before_unix"));
    let state = sandbox.store.read();
    let fits = |conversation: &&Conversation| {
        let started = conversation.started.timestamp();
        agent_id.is_none_or(|wanted| wanted == conversation.agent_id)
            && after.is_none_or(|after| started >= after)
            && before.is_none_or(|before| started <= before)
    };
    let records = state.conversations.iter().rev().filter(fits);
    let (shown, has_more, next_cursor) = page(&query, |record: &Conversation| record.serial, records)?;
    let conversations: Vec<Value> = shown.into_iter().map(summary).collect();
    Ok(Json(json!({"conversations": conversations, "has_more": has_more, "next_cursor": next_cursor})))
}

/// `GET /v1/convai/conversations/{conversation_id}`: a conversation with transcript and metadata.
pub(crate) async fn fetch(
    State(sandbox): State<Shared>,
    Path(id): Path<String>,
) -> Result<Json<Value>, ElevenLabsError> {
    super::conversation(&sandbox, &id)
        .map(Json)
        .ok_or_else(|| ElevenLabsError::not_found(&format!("Conversation {id}")))
}

fn success(conversation: &Conversation) -> &'static str {
    match conversation.status.as_str() {
        "done" if !conversation.garbled => "success",
        "done" | "failed" => "failure",
        _ => "unknown",
    }
}

fn transcript(conversation: &Conversation) -> Vec<Value> {
    let talked = conversation.status == "done" && !conversation.garbled;
    let line = |role: &str, message: &str, second: u64| {
        json!({"role": role, "message": message, "time_in_call_secs": second, "tool_calls": [],
               "tool_results": [], "interrupted": false})
    };
    if conversation.text_only {
        conversation.turns.iter().map(|turn| line(&turn.role, &turn.message, turn.second)).collect()
    } else if talked {
        vec![line("agent", "Hello, how can I help?", 0), line("user", "Are you open today?", 3)]
    } else {
        Vec::new()
    }
}

fn summary(conversation: &Conversation) -> Value {
    json!({
        "agent_id": conversation.agent_id, "agent_name": conversation.agent_name,
        "conversation_id": conversation.conversation_id, "direction": conversation.direction,
        "start_time_unix_secs": conversation.started.timestamp(),
        "call_duration_secs": conversation.duration_seconds, "message_count": transcript(conversation).len(),
        "status": conversation.status, "call_successful": success(conversation),
        "termination_reason": conversation.termination_reason,
    })
}

/// Returns a conversation with transcript, metadata and analysis.
pub(crate) fn to_json(conversation: &Conversation) -> Value {
    let started = conversation.started.timestamp();
    // Analysis follows the end of a conversation: until then there is none.
    let analysis = matches!(conversation.status.as_str(), "done" | "failed").then(|| {
        json!({"call_successful": success(conversation), "transcript_summary": "A call in the sandbox.",
               "call_summary_title": "Sandbox call", "evaluation_criteria_results": {},
               "data_collection_results": {}})
    });
    // ElevenLabs learns the call SID only when the caller's stream arrives.
    let phone_call = conversation.call_sid.as_ref().map(|call_sid| {
        json!({"type": "twilio", "direction": conversation.direction, "agent_number": conversation.to,
               "external_number": conversation.from, "phone_number_id": null,
               "stream_sid": call_sid.replacen("CA", "MZ", 1), "call_sid": call_sid})
    });
    let client_data = Some(&conversation.client_data).filter(|data| data.is_object());
    json!({
        "agent_id": conversation.agent_id, "agent_name": conversation.agent_name,
        "conversation_id": conversation.conversation_id, "status": conversation.status, "user_id": null,
        "has_audio": false, "has_user_audio": false, "has_response_audio": false, "has_auxiliary_audio": false,
        "transcript": transcript(conversation),
        "metadata": {
            "start_time_unix_secs": started, "accepted_time_unix_secs": started,
            "call_duration_secs": conversation.duration_seconds, "cost": 0, "cost_fiat": 0,
            "termination_reason": conversation.termination_reason, "main_language": null, "warnings": [],
            "phone_call": phone_call, "text_only": conversation.text_only,
        },
        "analysis": analysis,
        "conversation_initiation_client_data": client_data.cloned().unwrap_or_else(|| json!({})),
    })
}
