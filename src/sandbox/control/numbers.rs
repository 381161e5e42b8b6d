//! Control of owned numbers: place them in an account, change them, and let them leave it; and of their emergency registrations.

use axum::{
    Json, Router,
    extract::{DefaultBodyLimit, Path, State},
    http::StatusCode,
    response::{IntoResponse, Response},
    routing::{get, post},
};
use serde_json::{Value, json};

use super::super::{SandboxError, Shared, state::emergency::Settings, twilio};
use super::error_response;

/// Maximum size of a list of numbers in bytes: some ten thousand.
const MAX_BODY: usize = 32 * 1024 * 1024;

/// Returns the routes.
pub(super) fn router() -> Router<Shared> {
    Router::new()
        .route("/numbers", post(place).layer(DefaultBodyLimit::max(MAX_BODY)))
        .route("/numbers/{sid}", post(change).delete(leave))
        .route("/emergency", get(settings).post(change_settings).delete(reset))
}

fn unsaved(error: &SandboxError) -> Response {
    error_response(StatusCode::INTERNAL_SERVER_ERROR, error.to_string())
}

/// `POST /sandbox/numbers`: places a number or a list of numbers. Returns the resources.
async fn place(State(sandbox): State<Shared>, Json(order): Json<Value>) -> Response {
    let wanted = if order.is_array() { order } else { json!([order]) };
    let orders = match serde_json::from_value(wanted) {
        Ok(orders) => orders,
        Err(error) => return error_response(StatusCode::BAD_REQUEST, error.to_string()),
    };
    let main = &sandbox.credentials.account_sid;
    match sandbox.store.change(|state| twilio::place_numbers(state, main, orders)) {
        Ok(Ok(placed)) => {
            let placed: Vec<Value> = placed.iter().map(twilio::number_json).collect();
            (StatusCode::CREATED, Json(json!({"numbers": placed}))).into_response()
        }
        Ok(Err(reason)) => error_response(StatusCode::BAD_REQUEST, reason),
        Err(error) => unsaved(&error),
    }
}

/// `POST /sandbox/numbers/{PN}`: changes settings and the obstacle of a number. Returns the resource.
async fn change(
    State(sandbox): State<Shared>,
    Path(sid): Path<String>,
    Json(order): Json<Value>,
) -> Response {
    let order = match serde_json::from_value(order) {
        Ok(order) => order,
        Err(error) => return error_response(StatusCode::BAD_REQUEST, error.to_string()),
    };
    match sandbox.store.change(|state| twilio::change_number(state, &sid, order)) {
        Ok(Ok(Some(number))) => Json(twilio::number_json(&number)).into_response(),
        Ok(Ok(None)) => error_response(StatusCode::NOT_FOUND, "there is no such number"),
        Ok(Err(reason)) => error_response(StatusCode::BAD_REQUEST, reason),
        Err(error) => unsaved(&error),
    }
}

/// `DELETE /sandbox/numbers/{PN}`: takes a number out of its account, as when it was ported to another carrier.
async fn leave(State(sandbox): State<Shared>, Path(sid): Path<String>) -> Response {
    match sandbox.store.change(|state| state.drop_numbers(|number| number.sid == sid)) {
        Ok(0) => error_response(StatusCode::NOT_FOUND, "there is no such number"),
        Ok(_) => StatusCode::NO_CONTENT.into_response(),
        Err(error) => unsaved(&error),
    }
}

/// `GET /sandbox/emergency`: returns the settings of registrations.
async fn settings(State(sandbox): State<Shared>) -> Json<Value> {
    Json(json!(sandbox.store.read().emergency.settings))
}

/// `POST /sandbox/emergency`: replaces the settings of registrations. Omitted ones get their defaults.
async fn change_settings(State(sandbox): State<Shared>, Json(order): Json<Value>) -> Response {
    let settings: Settings = match serde_json::from_value(order) {
        Ok(settings) => settings,
        Err(error) => return error_response(StatusCode::BAD_REQUEST, error.to_string()),
    };
    match sandbox.store.change(|state| state.emergency.settings = settings.clone()) {
        Ok(()) => Json(json!(settings)).into_response(),
        Err(error) => unsaved(&error),
    }
}

/// `DELETE /sandbox/emergency`: restores the default settings.
async fn reset(State(sandbox): State<Shared>) -> Response {
    match sandbox.store.change(|state| state.emergency.settings = Settings::default()) {
        Ok(()) => StatusCode::NO_CONTENT.into_response(),
        Err(error) => unsaved(&error),
    }
}
