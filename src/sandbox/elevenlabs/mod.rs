//! ElevenLabs' agent API, the part a voice platform uses: agents, register-call, conversations, the subscription.
//!
//! Promises what its description and its users' reports say: the three shapes of error bodies, defaults filled in,
//! objects merged and arrays replaced by an update, unknown members ignored, an agent that cannot speak its language
//! refused, one that is not set up for telephony accepted and heard as noise.

mod agents;
mod connect;
mod conversations;
mod register;
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

/// ElevenLabs' routes, behind its key.
pub(crate) fn router(sandbox: &Shared) -> Router<Shared> {
    Router::new()
        .route("/v1/convai/agents/create", post(agents::create))
        .route("/v1/convai/agents", get(agents::list))
        .route(
            "/v1/convai/agents/{agent_id}",
            get(agents::fetch).patch(agents::update).delete(agents::delete),
        )
        .route("/v1/convai/twilio/register-call", post(register::register_call))
        .route("/v1/convai/conversations", get(conversations::list))
        .route("/v1/convai/conversations/{conversation_id}", get(conversations::fetch))
        .route("/v1/user/subscription", get(subscription))
        .route_layer(middleware::from_fn_with_state(sandbox.clone(), guard))
}

/// A conversation as its owner reads it, which is also a post-call event's data.
pub(crate) fn conversation(sandbox: &Shared, id: &str) -> Option<Value> {
    let state = sandbox.store.read();
    let found = state.conversations.iter().find(|conversation| conversation.conversation_id == id);
    found.map(conversations::rendered)
}

/// A refusal in one of ElevenLabs' shapes.
#[derive(Debug)]
pub(crate) enum Refusal {
    /// 422: a list of `{loc, msg, type}`.
    Schema(Vec<Value>),
    /// Anything else: an object with `code`, `status` and `message`.
    Object(StatusCode, &'static str, String),
}

impl Refusal {
    /// 422 about one member of the body or the query.
    pub(crate) fn schema(location: &[&str], kind: &str, message: &str) -> Self {
        Self::Schema(vec![json!({"type": kind, "loc": location, "msg": message})])
    }

    /// 404.
    pub(crate) fn not_found(what: &str) -> Self {
        Self::Object(StatusCode::NOT_FOUND, "document_not_found", format!("{what} was not found."))
    }

    /// 400.
    pub(crate) fn bad(code: &'static str, message: impl Into<String>) -> Self {
        Self::Object(StatusCode::BAD_REQUEST, code, message.into())
    }
}

impl From<SandboxError> for Refusal {
    fn from(error: SandboxError) -> Self {
        tracing::error!(%error, "the sandbox could not save an effect");
        Self::Object(StatusCode::INTERNAL_SERVER_ERROR, "internal_error", "Internal server error.".to_owned())
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        match self {
            Self::Schema(detail) => {
                (StatusCode::UNPROCESSABLE_ENTITY, Json(json!({ "detail": detail }))).into_response()
            }
            Self::Object(status, code, message) => {
                let detail = json!({"code": code, "status": code, "message": message,
                                    "request_id": ambient::hex32()});
                (status, Json(json!({ "detail": detail }))).into_response()
            }
        }
    }
}

async fn guard(State(sandbox): State<Shared>, request: Request, next: Next) -> Response {
    let key = request.headers().get("xi-api-key");
    if key.is_some_and(|key| key.as_bytes() == sandbox.credentials.api_key.as_bytes()) {
        return next.run(request).await;
    }
    Refusal::Object(StatusCode::UNAUTHORIZED, "invalid_api_key", "Invalid API key".to_owned()).into_response()
}

/// A JSON object as the request's body.
pub(crate) struct Body(Value);

impl<S: Send + Sync> FromRequest<S> for Body {
    type Rejection = Refusal;

    async fn from_request(request: Request, state: &S) -> Result<Self, Refusal> {
        let bytes = Bytes::from_request(request, state)
            .await
            .map_err(|error| Refusal::schema(&["body"], "json_invalid", &error.to_string()))?;
        match serde_json::from_slice(&bytes) {
            Ok(body @ Value::Object(_)) => Ok(Self(body)),
            Ok(_) => Err(Refusal::schema(&["body"], "model_type", "Input should be an object")),
            Err(_) => Err(Refusal::schema(&["body"], "json_invalid", "JSON decode error")),
        }
    }
}

/// A list's query, a name may come more than once.
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

/// One page of a list that comes newest first: the records, whether there are more, and the next cursor.
pub(crate) fn page<'a, T>(
    query: &Query,
    serial: impl Fn(&T) -> u64,
    records: impl Iterator<Item = &'a T>,
) -> Result<(Vec<&'a T>, bool, Option<String>), Refusal> {
    let size = query.get("page_size").map_or(Ok(30), str::parse::<usize>);
    let size = size.ok().filter(|size| (1..=100).contains(size)).ok_or_else(|| {
        Refusal::schema(&["query", "page_size"], "less_than_equal", "Input should be from 1 to 100")
    })?;
    let before = match query.get("cursor").filter(|cursor| !cursor.is_empty()) {
        None => u64::MAX,
        Some(cursor) => {
            read_cursor(cursor).ok_or_else(|| Refusal::bad("invalid_parameters", "Invalid cursor."))?
        }
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

/// `GET /v1/user/subscription`: a small plan with nothing used.
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
