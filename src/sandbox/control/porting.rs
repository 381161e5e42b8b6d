//! Control of ports: time travel, signatures, rejections, dates, and settings; and the digits of validation calls.

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
    ports::{self, Act},
    state::porting::Settings,
    twilio, upkeep,
};
use super::error_response;

/// Returns the routes.
pub(super) fn router() -> Router<Shared> {
    Router::new()
        .route("/ports", get(list))
        .route("/ports/{sid}", post(act))
        .route("/porting", get(settings).post(change_settings).delete(reset))
        .route("/caller-ids", post(type_digits))
}

/// `GET /sandbox/ports`: returns all requests, and the webhooks that were sent about them.
async fn list(State(sandbox): State<Shared>) -> Json<Value> {
    upkeep::settle(&sandbox);
    let state = sandbox.store.read();
    let requests = state.porting.requests.iter();
    let requests: Vec<Value> =
        requests.map(|request| twilio::port_json(&state, request, &sandbox.base_url)).collect();
    Json(json!({"ports": requests, "webhooks": state.porting.exchanges}))
}

/// `POST /sandbox/ports/{KW}`: applies an act to a request. Returns the request.
async fn act(State(sandbox): State<Shared>, Path(sid): Path<String>, Json(order): Json<Value>) -> Response {
    let order: Act = match serde_json::from_value(order) {
        Ok(order) => order,
        Err(error) => return error_response(StatusCode::BAD_REQUEST, error.to_string()),
    };
    upkeep::settle(&sandbox);
    let events = match sandbox.store.change(|state| ports::act(state, &sid, order)) {
        Ok(Some(Ok(events))) => events,
        Ok(Some(Err(reason))) => return error_response(StatusCode::BAD_REQUEST, reason),
        Ok(None) => return error_response(StatusCode::NOT_FOUND, "there is no such port"),
        Err(error) => return error_response(StatusCode::INTERNAL_SERVER_ERROR, error.to_string()),
    };
    upkeep::announce(&sandbox, &events);
    upkeep::settle(&sandbox);
    let state = sandbox.store.read();
    match state.porting.requests.iter().find(|request| request.sid == sid) {
        Some(request) => Json(twilio::port_json(&state, request, &sandbox.base_url)).into_response(),
        None => error_response(StatusCode::NOT_FOUND, "there is no such port"),
    }
}

/// `GET /sandbox/porting`: returns the settings of ports.
async fn settings(State(sandbox): State<Shared>) -> Json<Value> {
    Json(json!(sandbox.store.read().porting.settings))
}

/// `POST /sandbox/porting`: replaces the settings of ports. Omitted ones get their defaults.
async fn change_settings(State(sandbox): State<Shared>, Json(order): Json<Value>) -> Response {
    let settings: Settings = match serde_json::from_value(order) {
        Ok(settings) => settings,
        Err(error) => return error_response(StatusCode::BAD_REQUEST, error.to_string()),
    };
    match sandbox.store.change(|state| state.porting.settings = settings.clone()) {
        Ok(()) => Json(json!(settings)).into_response(),
        Err(error) => error_response(StatusCode::INTERNAL_SERVER_ERROR, error.to_string()),
    }
}

/// `DELETE /sandbox/porting`: restores the default settings.
async fn reset(State(sandbox): State<Shared>) -> Response {
    match sandbox.store.change(|state| state.porting.settings = Settings::default()) {
        Ok(()) => StatusCode::NO_CONTENT.into_response(),
        Err(error) => error_response(StatusCode::INTERNAL_SERVER_ERROR, error.to_string()),
    }
}

/// `POST /sandbox/caller-ids`: types digits on the validation call to a number. Returns whether they were right.
async fn type_digits(State(sandbox): State<Shared>, Json(order): Json<Value>) -> Response {
    let order = match serde_json::from_value(order) {
        Ok(order) => order,
        Err(error) => return error_response(StatusCode::BAD_REQUEST, error.to_string()),
    };
    match twilio::answer_validation(&sandbox, order).await {
        Ok(Some(is_verified)) => Json(json!({"verified": is_verified})).into_response(),
        Ok(None) => error_response(StatusCode::NOT_FOUND, "no validation call to this number waits"),
        Err(error) => error_response(StatusCode::INTERNAL_SERVER_ERROR, error.to_string()),
    }
}
