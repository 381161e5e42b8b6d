//! Rotation of auth tokens. Requests may use either token; webhooks are signed with the primary one. Promotion replaces the primary
//! token by the secondary one.

use axum::{
    Json,
    extract::{OriginalUri, State},
    http::StatusCode,
};
use chrono::{DateTime, Utc};
use serde_json::{Value, json};

use crate::sandbox::{
    Shared, ambient,
    state::accounts::Account,
    twilio::{Caller, TwilioError, iso_date},
};

fn to_json(account: &str, (member, token): (&str, &str), now: DateTime<Utc>, path: &str) -> Value {
    json!({"account_sid": account, member: token, "date_created": iso_date(now), "date_updated": iso_date(now),
           "url": format!("https://accounts.twilio.com{path}")})
}

/// Changes the caller's account.
fn change(
    sandbox: &Shared,
    caller: &Caller,
    effect: impl FnOnce(&mut Account, DateTime<Utc>) -> Result<Value, TwilioError>,
) -> Result<Value, TwilioError> {
    let sid = caller.by_token()?;
    sandbox.store.change(|state| {
        let now = state.now();
        let account = state.account_mut(sid).ok_or_else(|| TwilioError::not_found(sid))?;
        account.updated = now;
        effect(account, now)
    })?
}

/// `POST /v1/AuthTokens/Secondary`: creates the secondary token.
pub(super) async fn create(
    State(sandbox): State<Shared>,
    caller: Caller,
    OriginalUri(uri): OriginalUri,
) -> Result<(StatusCode, Json<Value>), TwilioError> {
    let created = change(&sandbox, &caller, |account, now| {
        if account.secondary_token.is_some() {
            return Err(TwilioError::bad_request(20001, "The account already has a secondary auth token"));
        }
        let token = ambient::hex32();
        account.secondary_token = Some(token.clone());
        Ok(to_json(&account.sid, ("secondary_auth_token", &token), now, uri.path()))
    })?;
    Ok((StatusCode::CREATED, Json(created)))
}

/// `DELETE /v1/AuthTokens/Secondary`: deletes the secondary token.
pub(super) async fn delete(State(sandbox): State<Shared>, caller: Caller) -> Result<StatusCode, TwilioError> {
    change(&sandbox, &caller, |account, _| match account.secondary_token.take() {
        Some(_) => Ok(Value::Null),
        None => Err(TwilioError::new(StatusCode::CONFLICT, 20409, "The account has no secondary auth token")),
    })?;
    Ok(StatusCode::NO_CONTENT)
}

/// `POST /v1/AuthTokens/Promote`: makes the secondary token the primary one. The former primary token is no longer valid.
pub(super) async fn promote(
    State(sandbox): State<Shared>,
    caller: Caller,
    OriginalUri(uri): OriginalUri,
) -> Result<Json<Value>, TwilioError> {
    let promoted = change(&sandbox, &caller, |account, now| match account.secondary_token.take() {
        Some(token) => {
            account.auth_token.clone_from(&token);
            Ok(to_json(&account.sid, ("auth_token", &token), now, uri.path()))
        }
        None => Err(TwilioError::bad_request(20001, "The account has no secondary auth token")),
    })?;
    Ok(Json(promoted))
}
