//! The sandbox's own levers under `/sandbox/`: faults, calls, post-call events, and the state to look at.
//!
//! They ask for no credentials, so they answer only callers on this machine.

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

use super::{Shared, calls, elevenlabs, faults, prices, sign};

/// The routes.
pub(crate) fn router() -> Router<Shared> {
    Router::new()
        .route("/faults", post(faults::add).get(faults::list).delete(faults::clear))
        .route("/calls", post(place))
        .route("/calls/{sid}/hangup", post(hang_up))
        .route("/post-call", post(post_call))
        .route("/clock", post(advance))
        .route("/state", get(state))
        .layer(middleware::from_fn(only_this_machine))
}

async fn only_this_machine(
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    request: Request,
    next: Next,
) -> Response {
    if peer.ip().to_canonical().is_loopback() {
        return next.run(request).await;
    }
    refusal(StatusCode::FORBIDDEN, "the sandbox's own paths answer only this machine")
}

fn refusal(status: StatusCode, reason: impl Into<String>) -> Response {
    let reason: String = reason.into();
    (status, Json(json!({ "error": reason }))).into_response()
}

/// `POST /sandbox/calls`: places a call as the carrier would and answers when it is over, or held.
async fn place(State(sandbox): State<Shared>, Json(order): Json<Value>) -> Response {
    let order: calls::Order = match serde_json::from_value(order) {
        Ok(order) => order,
        Err(error) => return refusal(StatusCode::BAD_REQUEST, error.to_string()),
    };
    // In a task of its own: a caller who goes away does not leave a call that never ends.
    match tokio::spawn(calls::place(sandbox, order)).await {
        Ok(Ok(Some(call))) => Json(calls::rendered(&call)).into_response(),
        Ok(Ok(None)) => refusal(StatusCode::NOT_FOUND, "the account does not own the number called"),
        Ok(Err(error)) => refusal(StatusCode::INTERNAL_SERVER_ERROR, error.to_string()),
        Err(error) => refusal(StatusCode::INTERNAL_SERVER_ERROR, error.to_string()),
    }
}

/// `POST /sandbox/calls/{CA}/hangup`: the caller hangs up; answers once the status callback is through.
async fn hang_up(State(sandbox): State<Shared>, Path(sid): Path<String>) -> Response {
    match calls::end(&sandbox, &sid) {
        Err(error) => return refusal(StatusCode::INTERNAL_SERVER_ERROR, error.to_string()),
        Ok(None) => return refusal(StatusCode::NOT_FOUND, "there is no such call in progress"),
        Ok(Some(_)) => calls::report_end(sandbox.clone(), sid.clone()).await,
    }
    let state = sandbox.store.read();
    match state.calls.iter().find(|call| call.sid == sid) {
        Some(call) => Json(calls::rendered(call)).into_response(),
        None => refusal(StatusCode::NOT_FOUND, "there is no such call"),
    }
}

/// What a post-call event is about and where it goes.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct PostCall {
    conversation_id: String,
    url: String,
    secret: String,
    /// Sent this many seconds ago, to try a receiver's age limit.
    #[serde(default)]
    age_seconds: i64,
}

/// `POST /sandbox/post-call`: sends ElevenLabs' signed `post_call_transcription` event.
async fn post_call(State(sandbox): State<Shared>, Json(order): Json<Value>) -> Response {
    let order: PostCall = match serde_json::from_value(order) {
        Ok(order) => order,
        Err(error) => return refusal(StatusCode::BAD_REQUEST, error.to_string()),
    };
    let Some(data) = elevenlabs::conversation(&sandbox, &order.conversation_id) else {
        return refusal(StatusCode::NOT_FOUND, "there is no such conversation");
    };
    let sent = sandbox.store.read().now().timestamp() - order.age_seconds;
    let event = json!({"type": "post_call_transcription", "event_timestamp": sent, "data": data});
    let body = event.to_string();
    let signature = sign::elevenlabs(&order.secret, sent, body.as_bytes());
    let request = sandbox.http.post(&order.url).header("ElevenLabs-Signature", signature);
    match request.header("content-type", "application/json").body(body).send().await {
        Ok(answer) => Json(json!({"status": answer.status().as_u16()})).into_response(),
        Err(error) => refusal(StatusCode::BAD_GATEWAY, error.to_string()),
    }
}

/// How far the providers' clock is moved.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Advance {
    seconds: u32,
}

/// `POST /sandbox/clock`: moves both providers' clock ahead, for good; answers with the time it is then.
async fn advance(State(sandbox): State<Shared>, Json(order): Json<Value>) -> Response {
    let order: Advance = match serde_json::from_value(order) {
        Ok(order) => order,
        Err(error) => return refusal(StatusCode::BAD_REQUEST, error.to_string()),
    };
    let moved = sandbox.store.change(|state| {
        state.advance(order.seconds);
        state.now()
    });
    match moved {
        Ok(now) => Json(json!({"now": now})).into_response(),
        Err(error) => refusal(StatusCode::INTERNAL_SERVER_ERROR, error.to_string()),
    }
}

/// `GET /sandbox/state`: everything both providers hold, the bill, and how often what happened.
async fn state(State(sandbox): State<Shared>) -> Json<Value> {
    let state = sandbox.store.read();
    let calls: Vec<Value> = state.calls.iter().map(calls::rendered).collect();
    Json(json!({
        "numbers": state.numbers,
        "agents": state.agents,
        "calls": calls,
        "conversations": state.conversations,
        "bill": prices::bill(&state, state.now()),
        "counters": state.counters,
    }))
}
