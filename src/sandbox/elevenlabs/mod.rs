//! ElevenLabs' API, as far as a voice platform uses it: agents, tools, register-call, conversations, text conversations over a socket, the
//! subscription.
//!
//! Behaves as the API description and users' reports say: three formats of error bodies, defaults
//! filled in, objects merged and arrays replaced by an update, unknown members ignored, agents whose
//! voice model does not speak their language refused, and agents without the carrier's audio formats accepted
//! but heard as noise.

mod agents;
mod connect;
mod conversation_socket;
mod conversations;
mod register;
mod tools;
mod validate;

use axum::{
    Json, Router,
    body::Bytes,
    extract::{FromRequest, Request, State},
    http::StatusCode,
    middleware::{self, Next},
    response::{IntoResponse, Response},
    routing::{get, post},
};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use serde_json::{Value, json};

use super::{SandboxError, Shared, ambient};

pub(crate) use connect::{Pickup, connect};

/// Returns ElevenLabs' routes, which require the API key, except the socket of text conversations.
pub(crate) fn router(sandbox: &Shared) -> Router<Shared> {
    Router::new()
        .route("/v1/convai/agents/create", post(agents::create))
        .route("/v1/convai/agents", get(agents::list))
        .route(
            "/v1/convai/agents/{agent_id}",
            get(agents::fetch).patch(agents::update).delete(agents::delete),
        )
        .route("/v1/convai/tools", post(tools::create).get(tools::list))
        .route("/v1/convai/tools/{tool_id}", get(tools::fetch).delete(tools::delete))
        .route("/v1/convai/twilio/register-call", post(register::register_call))
        .route("/v1/convai/conversations", get(conversations::list))
        .route("/v1/convai/conversations/{conversation_id}", get(conversations::fetch))
        .route("/v1/convai/conversation/get-signed-url", get(conversation_socket::signed_url))
        .route("/v1/user/subscription", get(subscription))
        .route_layer(middleware::from_fn_with_state(sandbox.clone(), authenticate))
        .route("/v1/convai/conversation", get(conversation_socket::open))
}

/// Returns a conversation as the API shows it, which is also the `data` of a post-call event. `None` if
/// it does not exist.
pub(crate) fn conversation(sandbox: &Shared, id: &str) -> Option<Value> {
    let state = sandbox.store.read();
    let found = state.conversations.iter().find(|conversation| conversation.conversation_id == id);
    found.map(conversations::to_json)
}

/// An error response in one of ElevenLabs' formats.
#[derive(Debug)]
pub(crate) enum ElevenLabsError {
    /// 422 for invalid input: a list of `{loc, msg, type}`.
    Schema(Vec<Value>),
    /// Any other error: an object with `code`, `status` and `message`.
    Object(StatusCode, &'static str, String),
}

impl ElevenLabsError {
    /// Creates a 422 for one member of the body or the query.
    pub(crate) fn schema(location: &[&str], kind: &str, message: &str) -> Self {
        Self::Schema(vec![json!({"type": kind, "loc": location, "msg": message})])
    }

    /// Creates a 404. `what` is the kind and the id of the missing object.
    pub(crate) fn not_found(what: &str) -> Self {
        Self::Object(StatusCode::NOT_FOUND, "document_not_found", format!("{what} was not found."))
    }

    /// Creates a 400 with this ElevenLabs code.
    pub(crate) fn bad_request(code: &'static str, message: impl Into<String>) -> Self {
        Self::Object(StatusCode::BAD_REQUEST, code, message.into())
    }
}

impl From<SandboxError> for ElevenLabsError {
    fn from(error: SandboxError) -> Self {
        tracing::error!(%error, "saving the sandbox's state failed");
        Self::Object(StatusCode::INTERNAL_SERVER_ERROR, "internal_error", "Internal server error.".to_owned())
    }
}

impl IntoResponse for ElevenLabsError {
    fn into_response(self) -> Response {
        match self {
            Self::Schema(detail) => {
                (StatusCode::UNPROCESSABLE_ENTITY, Json(json!({ "detail": detail }))).into_response()
            }
            Self::Object(status, code, message) => {
                // `code` is the current member, `status` its older name with the same value.
                let detail = json!({"code": code, "status": code, "message": message,
                                    "request_id": ambient::hex32()});
                (status, Json(json!({ "detail": detail }))).into_response()
            }
        }
    }
}

async fn authenticate(State(sandbox): State<Shared>, request: Request, next: Next) -> Response {
    let key = request.headers().get("xi-api-key");
    // A plain comparison: the key guards nothing but an emulator on this machine.
    if key.is_some_and(|key| key.as_bytes() == sandbox.credentials.api_key.as_bytes()) {
        return next.run(request).await;
    }
    ElevenLabsError::Object(StatusCode::UNAUTHORIZED, "invalid_api_key", "Invalid API key".to_owned())
        .into_response()
}

/// Extractor for a request body that must be a JSON object.
pub(crate) struct Body(Value);

impl<S: Send + Sync> FromRequest<S> for Body {
    type Rejection = ElevenLabsError;

    async fn from_request(request: Request, state: &S) -> Result<Self, ElevenLabsError> {
        let bytes = Bytes::from_request(request, state)
            .await
            .map_err(|error| ElevenLabsError::schema(&["body"], "json_invalid", &error.to_string()))?;
        match serde_json::from_slice(&bytes) {
            Ok(body @ Value::Object(_)) => Ok(Self(body)),
            Ok(_) => Err(ElevenLabsError::schema(&["body"], "model_type", "Input should be an object")),
            Err(_) => Err(ElevenLabsError::schema(&["body"], "json_invalid", "JSON decode error")),
        }
    }
}

/// Query parameters of a list. A name may occur more than once.
pub(crate) struct Query(Vec<(String, String)>);

impl Query {
    fn from(request: &axum::http::Uri) -> Self {
        let query = request.query().unwrap_or_default();
        Self(form_urlencoded::parse(query.as_bytes()).into_owned().collect())
    }

    fn all(&self, name: &str) -> Vec<&str> {
        self.0.iter().filter(|(key, _)| key == name).map(|(_, value)| value.as_str()).collect()
    }

    fn get(&self, name: &str) -> Option<&str> {
        self.all(name).first().copied()
    }
}

/// Returns one page of a list, given newest first: its records, whether there are more, and the next cursor.
pub(crate) fn page<'a, T>(
    query: &Query,
    serial: impl Fn(&T) -> u64,
    records: impl Iterator<Item = &'a T>,
) -> Result<(Vec<&'a T>, bool, Option<String>), ElevenLabsError> {
    // ElevenLabs' default is 30, its maximum 100.
    let size = query.get("page_size").map_or(Ok(30), str::parse::<usize>);
    let size = size.ok().filter(|size| (1..=100).contains(size)).ok_or_else(|| {
        ElevenLabsError::schema(&["query", "page_size"], "less_than_equal", "Input should be from 1 to 100")
    })?;
    let before = match query.get("cursor").filter(|cursor| !cursor.is_empty()) {
        None => u64::MAX,
        Some(cursor) => read_cursor(cursor)
            .ok_or_else(|| ElevenLabsError::bad_request("invalid_parameters", "Invalid cursor."))?,
    };
    let mut rest = records.filter(|record| serial(record) < before);
    let shown: Vec<&T> = rest.by_ref().take(size).collect();
    let more = rest.next().is_some();
    let last = shown.last().filter(|_| more).map(|record| URL_SAFE_NO_PAD.encode(serial(record).to_string()));
    Ok((shown, more, last))
}

fn read_cursor(cursor: &str) -> Option<u64> {
    String::from_utf8(URL_SAFE_NO_PAD.decode(cursor).ok()?).ok()?.parse().ok()
}

/// `GET /v1/user/subscription`: a small plan without any usage.
async fn subscription() -> Json<Value> {
    Json(json!({
        "tier": "creator", "status": "active", "currency": "usd", "billing_period": "monthly_period",
        "character_refresh_period": "monthly_period", "character_count": 0, "character_limit": 100_000,
        "max_character_limit_extension": 0, "max_credit_limit_extension": 0, "can_extend_character_limit": false,
        "allowed_to_extend_character_limit": false, "next_character_count_reset_unix": null,
        "voice_slots_used": 0, "professional_voice_slots_used": 0, "professional_voice_slots_used_in_workspace": 0,
        "voice_limit": 30, "max_voice_add_edits": 95, "voice_add_edit_counter": 0, "professional_voice_limit": 1,
        "can_extend_voice_limit": false, "can_use_instant_voice_cloning": true,
        "can_use_professional_voice_cloning": true, "current_overage": {"amount": "0", "currency": "usd"},
        "next_invoice": null, "open_invoices": [], "has_open_invoices": false, "pending_change": null,
    }))
}
