//! Control API under `/sandbox/`: faults, test calls, texts, messaging, accounts, owned numbers, ports,
//! post-call events, the clock, and a view of the state.
//!
//! It needs no credentials, so it accepts requests from this machine only.

mod accounts;
mod messaging;
mod numbers;
mod porting;

use std::net::SocketAddr;

use axum::{
    Json, Router,
    extract::{ConnectInfo, Path, Request, State},
    http::StatusCode,
    middleware::{self, Next},
    response::{IntoResponse, Response},
    routing::{get, post},
};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{
    Shared, calls, elevenlabs, faults, prices, sign, state::accounts::Account, texts, twilio, upkeep,
};

/// Returns the routes, relative to `/sandbox`.
pub(crate) fn router() -> Router<Shared> {
    test_calls()
        .route("/faults", post(faults::add).get(faults::list).delete(faults::clear))
        .route("/post-call", post(post_call))
        .route("/clock", post(advance))
        .route("/state", get(state))
        .merge(accounts::router())
        .merge(messaging::router())
        .merge(numbers::router())
        .merge(porting::router())
        .layer(middleware::from_fn(only_this_machine))
}

/// Returns the routes that place and end test calls and send texts, without a check of who sends the request.
pub(crate) fn test_calls() -> Router<Shared> {
    Router::new()
        .route("/calls", post(place))
        .route("/calls/{sid}/hangup", post(hang_up))
        .merge(messaging::texts())
}

async fn only_this_machine(
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    request: Request,
    next: Next,
) -> Response {
    // Canonical, because a dual-stack listener reports IPv4 peers as mapped IPv6 addresses.
    if peer.ip().to_canonical().is_loopback() {
        return next.run(request).await;
    }
    error_response(StatusCode::FORBIDDEN, "the control API accepts requests from this machine only")
}

fn error_response(status: StatusCode, reason: impl Into<String>) -> Response {
    let reason: String = reason.into();
    (status, Json(json!({ "error": reason }))).into_response()
}

/// `POST /sandbox/calls`: places a test call. Returns when the call is over or held.
async fn place(State(sandbox): State<Shared>, Json(order): Json<Value>) -> Response {
    // Read in two steps, so that every error has the form of this API and names the member.
    let order: calls::CallRequest = match serde_json::from_value(order) {
        Ok(order) => order,
        Err(error) => return error_response(StatusCode::BAD_REQUEST, error.to_string()),
    };
    // In its own task: if the client disconnects, the call still comes to its end.
    match tokio::spawn(calls::place(sandbox, order)).await {
        Ok(Ok(Some(call))) => Json(calls::to_json(&call)).into_response(),
        Ok(Ok(None)) => error_response(StatusCode::NOT_FOUND, "no account owns the called number"),
        Ok(Err(error)) => error_response(StatusCode::INTERNAL_SERVER_ERROR, error.to_string()),
        Err(error) => error_response(StatusCode::INTERNAL_SERVER_ERROR, error.to_string()),
    }
}

/// `POST /sandbox/calls/{CA}/hangup`: hangs up a held call. Returns after the status callback was sent.
async fn hang_up(State(sandbox): State<Shared>, Path(sid): Path<String>) -> Response {
    match calls::end(&sandbox, &sid) {
        Err(error) => return error_response(StatusCode::INTERNAL_SERVER_ERROR, error.to_string()),
        Ok(None) => return error_response(StatusCode::NOT_FOUND, "no such call in progress"),
        Ok(Some(_)) => calls::report_end(sandbox.clone(), sid.clone()).await,
    }
    let state = sandbox.store.read();
    match state.calls.iter().find(|call| call.sid == sid) {
        Some(call) => Json(calls::to_json(call)).into_response(),
        None => error_response(StatusCode::NOT_FOUND, "no such call"),
    }
}

/// A post-call event to send: its conversation, the receiver's URL and the webhook secret.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct PostCall {
    conversation_id: String,
    url: String,
    secret: String,
    /// Seconds by which the signature's time lies in the past, to test a receiver's age limit.
    #[serde(default)]
    age_seconds: i64,
}

/// `POST /sandbox/post-call`: sends ElevenLabs' signed `post_call_transcription` event.
async fn post_call(State(sandbox): State<Shared>, Json(order): Json<Value>) -> Response {
    let order: PostCall = match serde_json::from_value(order) {
        Ok(order) => order,
        Err(error) => return error_response(StatusCode::BAD_REQUEST, error.to_string()),
    };
    let Some(data) = elevenlabs::conversation(&sandbox, &order.conversation_id) else {
        return error_response(StatusCode::NOT_FOUND, "there is no such conversation");
    };
    let sent = sandbox.store.read().now().timestamp() - order.age_seconds;
    let event = json!({"type": "post_call_transcription", "event_timestamp": sent, "data": data});
    let body = event.to_string();
    let signature = sign::elevenlabs(&order.secret, sent, body.as_bytes());
    let request = sandbox.http.post(&order.url).header("ElevenLabs-Signature", signature);
    match request.header("content-type", "application/json").body(body).send().await {
        Ok(answer) => Json(json!({"status": answer.status().as_u16()})).into_response(),
        Err(error) => error_response(StatusCode::BAD_GATEWAY, error.to_string()),
    }
}

/// Seconds by which the providers' clock is moved ahead.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Advance {
    seconds: u32,
}

/// `POST /sandbox/clock`: moves both providers' clock ahead permanently, with what comes due until then. Returns the new time.
async fn advance(State(sandbox): State<Shared>, Json(order): Json<Value>) -> Response {
    let order: Advance = match serde_json::from_value(order) {
        Ok(order) => order,
        Err(error) => return error_response(StatusCode::BAD_REQUEST, error.to_string()),
    };
    let moved = sandbox.store.change(|state| {
        state.advance(order.seconds);
        state.now()
    });
    upkeep::settle(&sandbox);
    match moved {
        Ok(now) => Json(json!({"now": now})).into_response(),
        Err(error) => error_response(StatusCode::INTERNAL_SERVER_ERROR, error.to_string()),
    }
}

/// `GET /sandbox/state`: returns the records of both providers, the bills and the counters.
async fn state(State(sandbox): State<Shared>) -> Json<Value> {
    upkeep::settle(&sandbox);
    let state = sandbox.store.read();
    let calls: Vec<Value> = state.calls.iter().map(calls::to_json).collect();
    let messaging = &state.messaging;
    let messages: Vec<Value> =
        messaging.messages.iter().map(|message| texts::to_json(&sandbox, message)).collect();
    let accounts: Vec<Value> = state.accounts.iter().map(twilio::account_json).collect();
    let bill_of = |account: &Account| {
        (account.sid.clone(), prices::bill(&state, |sid| sid == account.sid, state.now()))
    };
    let bills: serde_json::Map<String, Value> = state.accounts.iter().map(bill_of).collect();
    Json(json!({
        "accounts": accounts,
        "numbers": state.numbers,
        "agents": state.agents,
        "calls": calls,
        "tools": state.tools,
        "conversations": state.conversations,
        "messages": messages,
        "opt_outs": messaging.opt_outs,
        "messaging_services": messaging.services,
        "applications": messaging.applications,
        "registrations": messaging.registrations,
        "addresses": state.emergency.addresses,
        "caller_ids": state.caller_ids,
        "ports": state.porting.requests,
        "bill": prices::bill(&state, |_| true, state.now()),
        "bills": bills,
        "counters": state.counters,
    }))
}
