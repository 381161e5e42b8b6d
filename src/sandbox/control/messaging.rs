//! Control of messages: texts from people, settings, rules for deliveries, and reviews of registrations.

use axum::{
    Json, Router,
    extract::{Path, State},
    http::StatusCode,
    response::{IntoResponse, Response},
    routing::{get, post},
};
use serde_json::{Value, json};

use super::super::{
    Shared,
    state::messaging::{Outcome, Rule, Settings},
    texts::{self, Refusal},
    twilio,
};
use super::error_response;

/// Returns the routes that send texts and read what became of them.
pub(super) fn texts() -> Router<Shared> {
    Router::new().route("/texts", post(place)).route("/texts/{sid}", get(report))
}

/// Returns the other routes.
pub(super) fn router() -> Router<Shared> {
    Router::new()
        .route("/messaging", get(settings).post(change_settings).delete(reset))
        .route("/message-rules", get(rules).post(add_rules).delete(clear_rules))
        .route("/registrations", post(review))
}

/// `POST /sandbox/texts`: sends a text to an owned number. Returns after the webhook was answered and its replies were sent.
async fn place(State(sandbox): State<Shared>, Json(order): Json<Value>) -> Response {
    let order: texts::TextRequest = match serde_json::from_value(order) {
        Ok(order) => order,
        Err(error) => return error_response(StatusCode::BAD_REQUEST, error.to_string()),
    };
    // In its own task: if the client disconnects, the text is still delivered.
    match tokio::spawn(texts::place(sandbox, order)).await {
        Ok(Ok(report)) => Json(report).into_response(),
        Ok(Err(Refusal::NotOwned)) => {
            error_response(StatusCode::NOT_FOUND, "the account does not own the number")
        }
        Ok(Err(Refusal::Invalid(reason))) => error_response(StatusCode::BAD_REQUEST, reason),
        Ok(Err(Refusal::Unsaved(error))) => {
            error_response(StatusCode::INTERNAL_SERVER_ERROR, error.to_string())
        }
        Err(error) => error_response(StatusCode::INTERNAL_SERVER_ERROR, error.to_string()),
    }
}

/// `GET /sandbox/texts/{SM}`: what became of a text, with every message sent to the person since.
async fn report(State(sandbox): State<Shared>, Path(sid): Path<String>) -> Response {
    let state = sandbox.store.read();
    match texts::report(&sandbox, &state, &sid) {
        Some(report) => Json(report).into_response(),
        None => error_response(StatusCode::NOT_FOUND, "there is no such text"),
    }
}

/// `GET /sandbox/messaging`: returns the settings.
async fn settings(State(sandbox): State<Shared>) -> Json<Value> {
    Json(json!(sandbox.store.read().messaging.settings))
}

/// `POST /sandbox/messaging`: changes the settings that the body names. Returns all.
async fn change_settings(State(sandbox): State<Shared>, Json(order): Json<Value>) -> Response {
    let Value::Object(order) = order else {
        return error_response(StatusCode::BAD_REQUEST, "the body must be an object of settings");
    };
    let changed = sandbox.store.change(|state| {
        let mut merged = json!(state.messaging.settings);
        if let Some(members) = merged.as_object_mut() {
            members.extend(order);
        }
        state.messaging.settings = serde_json::from_value(merged)?;
        Ok::<Value, serde_json::Error>(json!(state.messaging.settings))
    });
    match changed {
        Ok(Ok(settings)) => Json(settings).into_response(),
        Ok(Err(error)) => error_response(StatusCode::BAD_REQUEST, error.to_string()),
        Err(error) => error_response(StatusCode::INTERNAL_SERVER_ERROR, error.to_string()),
    }
}

/// `DELETE /sandbox/messaging`: restores the default settings.
async fn reset(State(sandbox): State<Shared>) -> Response {
    match sandbox.store.change(|state| state.messaging.settings = Settings::default()) {
        Ok(()) => StatusCode::NO_CONTENT.into_response(),
        Err(error) => error_response(StatusCode::INTERNAL_SERVER_ERROR, error.to_string()),
    }
}

/// `GET /sandbox/message-rules`: returns the active rules.
async fn rules(State(sandbox): State<Shared>) -> Json<Value> {
    Json(json!({"rules": sandbox.store.read().messaging.rules}))
}

/// `POST /sandbox/message-rules`: adds a rule or a list of rules. Of the rules that match a message, the first applies.
async fn add_rules(State(sandbox): State<Shared>, Json(order): Json<Value>) -> Response {
    let wanted = if order.is_array() { order } else { json!([order]) };
    let rules = match serde_json::from_value::<Vec<Rule>>(wanted) {
        Ok(rules) => rules,
        Err(error) => return error_response(StatusCode::BAD_REQUEST, error.to_string()),
    };
    let has_code = |rule: &Rule| matches!(rule.outcome, Outcome::Failed | Outcome::Undelivered);
    if rules.iter().any(|rule| rule.code.is_some() && !has_code(rule)) {
        return error_response(
            StatusCode::BAD_REQUEST,
            "only the outcomes failed and undelivered have a code",
        );
    }
    let added = sandbox.store.change(|state| {
        state.messaging.rules.extend(rules.into_iter().filter(|rule| rule.times != Some(0)));
        json!({"rules": state.messaging.rules})
    });
    match added {
        Ok(rules) => (StatusCode::CREATED, Json(rules)).into_response(),
        Err(error) => error_response(StatusCode::INTERNAL_SERVER_ERROR, error.to_string()),
    }
}

/// `DELETE /sandbox/message-rules`: removes all rules.
async fn clear_rules(State(sandbox): State<Shared>) -> Response {
    match sandbox.store.change(|state| state.messaging.rules.clear()) {
        Ok(()) => StatusCode::NO_CONTENT.into_response(),
        Err(error) => error_response(StatusCode::INTERNAL_SERVER_ERROR, error.to_string()),
    }
}

/// `POST /sandbox/registrations`: reviews a brand, a campaign or a toll-free verification. Returns the resource.
async fn review(State(sandbox): State<Shared>, Json(order): Json<Value>) -> Response {
    let order = match serde_json::from_value(order) {
        Ok(order) => order,
        Err(error) => return error_response(StatusCode::BAD_REQUEST, error.to_string()),
    };
    match sandbox.store.change(|state| twilio::review(state, order)) {
        Ok(Ok(resource)) => Json(resource).into_response(),
        Ok(Err(reason)) => error_response(StatusCode::BAD_REQUEST, reason),
        Err(error) => error_response(StatusCode::INTERNAL_SERVER_ERROR, error.to_string()),
    }
}
