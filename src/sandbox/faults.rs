//! Fault injection: a delay, an error status, or a response lost before or after the effect.
//!
//! A lost response is a connection that closes without a byte, as if the provider or the network had failed.
//! Faults are kept in memory only: a restarted sandbox has none.

use std::{
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use axum::{
    Json,
    body::Body,
    extract::{Request, State},
    http::{StatusCode, header},
    middleware::Next,
    response::{IntoResponse, Response},
};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{Shared, twilio};

/// Active faults in the order of their creation.
#[derive(Default)]
pub(crate) struct Faults(Mutex<Vec<Fault>>);

/// A fault as configured through the control API.
#[derive(Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Fault {
    #[serde(default, rename = "match")]
    filter: RequestFilter,
    action: Action,
    /// Number of requests that it still applies to. `None` for no limit.
    #[serde(default)]
    times: Option<u32>,
    /// Whether it waits until all faults added before it are used up.
    #[serde(default)]
    in_turn: bool,
}

/// Selects requests. An omitted member matches all.
#[derive(Clone, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct RequestFilter {
    provider: Option<Provider>,
    method: Option<String>,
    path_contains: Option<String>,
}

#[derive(Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Provider {
    Twilio,
    ElevenLabs,
}

/// Effect of a fault. A delay comes first and can be combined with any other member; alone, the request
/// is then processed normally.
#[derive(Clone, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Action {
    delay_ms: Option<u64>,
    /// HTTP status of a response sent instead of processing the request.
    status: Option<u16>,
    /// Provider's error code in the body of that response.
    code: Option<Value>,
    /// Body that replaces the provider's error: text as it is, anything else as JSON.
    body: Option<Value>,
    /// Value of the `Retry-After` header, in seconds.
    retry_after: Option<u64>,
    lose: Option<Lose>,
}

/// Point at which the response is lost: before or after the request has taken effect.
#[derive(Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Lose {
    Before,
    After,
}

impl Faults {
    fn list(&self) -> MutexGuard<'_, Vec<Fault>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns the action of the first fault that matches, and counts the fault down.
    fn take(&self, provider: Provider, method: &str, path: &str) -> Option<Action> {
        let mut list = self.list();
        let index = list.iter().enumerate().position(|(index, fault)| {
            (index == 0 || !fault.in_turn) && fault.filter.matches(provider, method, path)
        })?;
        let fault = list.get_mut(index)?;
        let action = fault.action.clone();
        if let Some(times) = &mut fault.times {
            *times = times.saturating_sub(1);
        }
        // Under the same lock: of two requests at once only one may use up the last.
        list.retain(|fault| fault.times != Some(0));
        Some(action)
    }
}

impl RequestFilter {
    fn matches(&self, provider: Provider, method: &str, path: &str) -> bool {
        self.provider.is_none_or(|wanted| wanted == provider)
            && self.method.as_deref().is_none_or(|wanted| wanted.eq_ignore_ascii_case(method))
            && self.path_contains.as_deref().is_none_or(|part| path.contains(part))
    }
}

/// `POST /sandbox/faults`: adds a fault or a list of faults. Returns all active faults.
pub(crate) async fn add(State(sandbox): State<Shared>, Json(order): Json<Value>) -> Response {
    let wanted = if order.is_array() { order } else { json!([order]) };
    match serde_json::from_value::<Vec<Fault>>(wanted) {
        Ok(faults) if faults.iter().any(|fault| fault.action.is_invalid()) => bad_request(
            "an action needs delay_ms, status (400 to 599, or 200 with a body) or lose, and not both of the last two",
        ),
        Ok(faults) => {
            let mut list = sandbox.faults.list();
            list.extend(faults.into_iter().filter(|fault| fault.times != Some(0)));
            (StatusCode::CREATED, Json(json!({"faults": *list}))).into_response()
        }
        Err(error) => bad_request(&error.to_string()),
    }
}

/// `GET /sandbox/faults`: returns the active faults.
pub(crate) async fn list(State(sandbox): State<Shared>) -> Json<Value> {
    Json(json!({"faults": *sandbox.faults.list()}))
}

/// `DELETE /sandbox/faults`: removes all faults.
pub(crate) async fn clear(State(sandbox): State<Shared>) -> StatusCode {
    sandbox.faults.list().clear();
    StatusCode::NO_CONTENT
}

fn bad_request(reason: &str) -> Response {
    (StatusCode::BAD_REQUEST, Json(json!({"error": reason}))).into_response()
}

/// Middleware around both providers that applies the faults.
pub(crate) async fn inject(State(sandbox): State<Shared>, request: Request, next: Next) -> Response {
    let path = request.uri().path();
    let provider = if twilio::is_twilio_path(path) { Provider::Twilio } else { Provider::ElevenLabs };
    let Some(action) = sandbox.faults.take(provider, request.method().as_str(), path) else {
        return next.run(request).await;
    };
    // In its own task: a request takes effect even if its client has stopped waiting, as at a real provider.
    let response = tokio::spawn(apply(action, provider, request, next));
    response.await.unwrap_or_else(|_| dropped_connection())
}

async fn apply(action: Action, provider: Provider, request: Request, next: Next) -> Response {
    if let Some(delay) = action.delay_ms {
        tokio::time::sleep(Duration::from_millis(delay)).await;
    }
    match (action.lose, action.status) {
        (Some(Lose::Before), _) => dropped_connection(),
        (Some(Lose::After), _) => {
            next.run(request).await;
            dropped_connection()
        }
        (None, Some(status)) => action.answer(provider, status),
        (None, None) => next.run(request).await,
    }
}

/// Returns a response that closes the connection without a byte: its body fails while the head is
/// still in hyper's buffer.
fn dropped_connection() -> Response {
    let failing =
        futures_util::stream::once(async { Err::<Vec<u8>, _>(std::io::Error::other("answer lost")) });
    Response::new(Body::from_stream(failing))
}

impl Action {
    fn is_invalid(&self) -> bool {
        let both = self.status.is_some() && self.lose.is_some();
        let none = self.status.is_none() && self.lose.is_none() && self.delay_ms.is_none();
        let is_answer = |status| (400..600).contains(&status) || (status == 200 && self.body.is_some());
        both || none || self.status.is_some_and(|status| !is_answer(status))
    }

    fn answer(&self, provider: Provider, status: u16) -> Response {
        let status_code = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let mut response = match (&self.body, provider) {
            (Some(Value::String(text)), _) => (status_code, text.clone()).into_response(),
            (Some(body), _) => (status_code, Json(body.clone())).into_response(),
            (None, Provider::Twilio) => {
                let code =
                    // Twilio's codes for too many concurrent requests and for an internal error.
                    self.code.clone().unwrap_or_else(|| json!(if status == 429 { 20429 } else { 20500 }));
                let body = json!({"code": code, "message": "Injected fault", "status": status,
                                  "more_info": format!("https://www.twilio.com/docs/errors/{code}")});
                (status_code, Json(body)).into_response()
            }
            (None, Provider::ElevenLabs) => {
                let usual = if status == 429 { "too_many_concurrent_requests" } else { "internal_error" };
                let code = self.code.clone().unwrap_or_else(|| json!(usual));
                let detail = json!({"code": code, "status": code, "message": "Injected fault"});
                (status_code, Json(json!({ "detail": detail }))).into_response()
            }
        };
        if let Some(seconds) = self.retry_after {
            response.headers_mut().insert(header::RETRY_AFTER, seconds.into());
        }
        response
    }
}
