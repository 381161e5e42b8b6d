//! Control of accounts: accounts that are not related to the main one, and what only the carrier can do with an account.

use axum::{
    Json, Router,
    extract::{Path, State},
    http::StatusCode,
    response::{IntoResponse, Response},
    routing::post,
};
use serde::Deserialize;
use serde_json::Value;

use super::super::{Shared, state::accounts::Status, twilio};
use super::error_response;

/// Returns the routes.
pub(super) fn router() -> Router<Shared> {
    Router::new().route("/accounts", post(open)).route("/accounts/{sid}", post(change))
}

/// An account to open. It is related to no other account.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Order {
    #[serde(default)]
    friendly_name: Option<String>,
    /// `AC` and 32 hexadecimal digits. Default: random.
    #[serde(default)]
    sid: Option<String>,
    /// Default: random.
    #[serde(default)]
    auth_token: Option<String>,
    #[serde(default)]
    trial: bool,
}

/// `POST /sandbox/accounts`: opens an account, as somebody else who signs up with the carrier. Returns the resource.
async fn open(State(sandbox): State<Shared>, Json(order): Json<Value>) -> Response {
    let order: Order = match serde_json::from_value(order) {
        Ok(order) => order,
        Err(error) => return error_response(StatusCode::BAD_REQUEST, error.to_string()),
    };
    let Order { friendly_name, sid, auth_token, trial } = order;
    if sid.as_deref().is_some_and(|sid| !twilio::is_sid(sid, "AC")) {
        return error_response(StatusCode::BAD_REQUEST, "sid must be AC and 32 hexadecimal digits");
    }
    let opened = sandbox.store.change(|state| {
        if sid.as_deref().is_some_and(|sid| state.account(sid).is_some()) {
            return None;
        }
        let name = friendly_name.as_deref().unwrap_or("Somebody else");
        let sid = state.open_account(name, None, sid).sid;
        let account = state.account_mut(&sid)?;
        account.is_trial = trial;
        if let Some(token) = auth_token {
            account.auth_token = token;
        }
        Some(twilio::account_json(account))
    });
    match opened {
        Ok(Some(account)) => (StatusCode::CREATED, Json(account)).into_response(),
        Ok(None) => error_response(StatusCode::BAD_REQUEST, "an account with this sid exists already"),
        Err(error) => error_response(StatusCode::INTERNAL_SERVER_ERROR, error.to_string()),
    }
}

/// What the carrier does with an account.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Change {
    /// A suspended account can only be activated by the carrier.
    #[serde(default)]
    status: Option<Status>,
    #[serde(default)]
    trial: Option<bool>,
    /// A new auth token, as if somebody had rotated it in the carrier's console. The former ones are no longer valid.
    #[serde(default)]
    auth_token: Option<String>,
}

/// `POST /sandbox/accounts/{AC}`: changes an account as the carrier does. Returns the resource.
async fn change(
    State(sandbox): State<Shared>,
    Path(sid): Path<String>,
    Json(order): Json<Value>,
) -> Response {
    let order: Change = match serde_json::from_value(order) {
        Ok(order) => order,
        Err(error) => return error_response(StatusCode::BAD_REQUEST, error.to_string()),
    };
    let changed = sandbox.store.change(|state| {
        state.account(&sid)?;
        if let Some(status) = order.status {
            state.set_account_status(&sid, status);
        }
        let account = state.account_mut(&sid)?;
        if let Some(status) = order.status {
            account.is_held = status == Status::Suspended;
        }
        account.is_trial = order.trial.unwrap_or(account.is_trial);
        if let Some(token) = order.auth_token {
            account.auth_token = token;
            account.secondary_token = None;
        }
        Some(twilio::account_json(account))
    });
    match changed {
        Ok(Some(account)) => Json(account).into_response(),
        Ok(None) => error_response(StatusCode::NOT_FOUND, "there is no such account"),
        Err(error) => error_response(StatusCode::INTERNAL_SERVER_ERROR, error.to_string()),
    }
}
