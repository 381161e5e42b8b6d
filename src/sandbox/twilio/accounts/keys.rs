//! API keys, at both of Twilio's paths: below the account, and on the host `iam`, where a parent also manages its subaccounts' keys and
//! where a key can be restricted. A secret is shown once. The permissions of a restricted key are stored, not enforced.

use axum::{
    Json,
    extract::{OriginalUri, Path, State},
    http::StatusCode,
};
use serde_json::{Value, json};

use super::friendly_name;
use crate::sandbox::{
    Shared, ambient,
    state::{ProviderState, accounts::ApiKey},
    twilio::{Account, Caller, Fields, TwilioError, date, page},
};

const IAM_HOST: &str = "https://iam.twilio.com";

fn to_json(key: &ApiKey) -> Value {
    json!({"sid": key.sid, "friendly_name": key.friendly_name, "date_created": date(key.created),
           "date_updated": date(key.updated)})
}

fn with(mut resource: Value, name: &str, value: Value) -> Value {
    if let Some(members) = resource.as_object_mut() {
        members.insert(name.to_owned(), value);
    }
    resource
}

fn iam_json(key: &ApiKey) -> Value {
    with(to_json(key), "policy", key.policy.clone())
}

fn add(
    state: &mut ProviderState,
    account: &str,
    fields: &Fields,
    policy: Value,
) -> Result<ApiKey, TwilioError> {
    let now = state.now();
    let key = ApiKey {
        serial: state.serial(),
        sid: ambient::sid("SK"),
        secret: ambient::hex32(),
        friendly_name: friendly_name(fields)?.unwrap_or_default(),
        policy,
        created: now,
        updated: now,
    };
    let account = state.account_mut(account).ok_or_else(|| TwilioError::not_found(account))?;
    account.keys.push(key.clone());
    Ok(key)
}

/// Returns a key of an account, or of a subaccount of it.
fn find<'a>(
    state: &'a mut ProviderState,
    account: &str,
    sid: &str,
    path: &str,
) -> Result<&'a mut ApiKey, TwilioError> {
    let within = state.accounts.iter_mut().filter(|known| known.sid == account || known.owner_sid == account);
    let key = within.flat_map(|account| account.keys.iter_mut()).find(|key| key.sid == sid);
    key.ok_or_else(|| TwilioError::not_found(path))
}

fn remove(state: &mut ProviderState, account: &str, sid: &str, path: &str) -> Result<(), TwilioError> {
    find(state, account, sid, path)?;
    state.accounts.iter_mut().for_each(|account| account.keys.retain(|key| key.sid != sid));
    Ok(())
}

/// `GET /Keys.json`: newest first.
pub(super) async fn list(
    State(sandbox): State<Shared>,
    caller: Caller,
    Account(account): Account,
    OriginalUri(uri): OriginalUri,
    fields: Fields,
) -> Result<Json<Value>, TwilioError> {
    caller.by_token()?;
    let state = sandbox.store.read();
    let keys = state.account(&account).map(|account| account.keys.as_slice()).unwrap_or_default();
    let records = keys.iter().rev().map(|key| (key.serial, to_json(key)));
    page::page("keys", uri.path(), &fields, records).map(Json)
}

/// `POST /Keys.json`: creates a standard key.
pub(super) async fn create(
    State(sandbox): State<Shared>,
    caller: Caller,
    Account(account): Account,
    fields: Fields,
) -> Result<(StatusCode, Json<Value>), TwilioError> {
    caller.by_token()?;
    let key = sandbox.store.change(|state| add(state, &account, &fields, Value::Null))??;
    Ok((StatusCode::CREATED, Json(with(to_json(&key), "secret", json!(key.secret)))))
}

/// `GET /Keys/{SK}.json`: one key, without its secret.
pub(super) async fn fetch(
    State(sandbox): State<Shared>,
    caller: Caller,
    Path((account, name)): Path<(String, String)>,
    OriginalUri(uri): OriginalUri,
) -> Result<Json<Value>, TwilioError> {
    caller.by_token()?;
    let mut state = sandbox.store.read();
    find(&mut state, &account, name.trim_end_matches(".json"), uri.path()).map(|key| Json(to_json(key)))
}

/// Renames a key.
fn rename(
    sandbox: &Shared,
    (account, sid): (&str, &str),
    fields: &Fields,
    path: &str,
) -> Result<ApiKey, TwilioError> {
    let name = friendly_name(fields)?;
    sandbox.store.change(|state| {
        let now = state.now();
        let key = find(state, account, sid, path)?;
        if let Some(name) = name {
            key.friendly_name = name;
        }
        key.updated = now;
        Ok(key.clone())
    })?
}

/// `POST /Keys/{SK}.json`: renames a key.
pub(super) async fn update(
    State(sandbox): State<Shared>,
    caller: Caller,
    Path((account, name)): Path<(String, String)>,
    OriginalUri(uri): OriginalUri,
    fields: Fields,
) -> Result<Json<Value>, TwilioError> {
    caller.by_token()?;
    let key = rename(&sandbox, (&account, name.trim_end_matches(".json")), &fields, uri.path())?;
    Ok(Json(to_json(&key)))
}

/// `DELETE /Keys/{SK}.json`: deletes a key. It stops working at once.
pub(super) async fn delete(
    State(sandbox): State<Shared>,
    caller: Caller,
    Path((account, name)): Path<(String, String)>,
    OriginalUri(uri): OriginalUri,
) -> Result<StatusCode, TwilioError> {
    caller.by_token()?;
    sandbox.store.change(|state| remove(state, &account, name.trim_end_matches(".json"), uri.path()))??;
    Ok(StatusCode::NO_CONTENT)
}

/// Returns the field `AccountSid`: the caller's account or a subaccount of it.
fn named<'a>(state: &ProviderState, caller: &str, fields: &'a Fields) -> Result<&'a str, TwilioError> {
    let account = fields.filled("AccountSid");
    let account = account.ok_or_else(|| TwilioError::bad_request(20001, "AccountSid is required"))?;
    if state.is_within(account, caller) { Ok(account) } else { Err(TwilioError::not_found(account)) }
}

/// `GET /v1/Keys`: the keys of an account, newest first.
pub(super) async fn iam_list(
    State(sandbox): State<Shared>,
    caller: Caller,
    OriginalUri(uri): OriginalUri,
    fields: Fields,
) -> Result<Json<Value>, TwilioError> {
    let state = sandbox.store.read();
    let account = named(&state, caller.by_token()?, &fields)?;
    let keys = state.account(account).map(|account| account.keys.as_slice()).unwrap_or_default();
    let records = keys
        .iter()
        .rev()
        .map(|key| (key.serial, with(to_json(key), "flags", json!(["rest_api", "signing"]))));
    page::meta_page(IAM_HOST, "keys", uri.path(), &fields, records).map(Json)
}

/// `POST /v1/Keys`: creates a standard or a restricted key.
pub(super) async fn iam_create(
    State(sandbox): State<Shared>,
    caller: Caller,
    fields: Fields,
) -> Result<(StatusCode, Json<Value>), TwilioError> {
    let caller = caller.by_token()?;
    let policy = match (fields.filled("KeyType"), fields.filled("Policy")) {
        (Some("restricted"), Some(policy)) => serde_json::from_str::<Value>(policy).ok(),
        (Some("restricted"), None) => None,
        _ => Some(Value::Null),
    };
    let policy = policy.ok_or_else(|| TwilioError::bad_request(20001, "Policy is not valid"))?;
    let key = sandbox.store.change(|state| {
        let account = named(state, caller, &fields)?.to_owned();
        add(state, &account, &fields, policy)
    })??;
    Ok((StatusCode::CREATED, Json(with(iam_json(&key), "secret", json!(key.secret)))))
}

/// `GET /v1/Keys/{SK}`: one key, without its secret.
pub(super) async fn iam_fetch(
    State(sandbox): State<Shared>,
    caller: Caller,
    Path(sid): Path<String>,
    OriginalUri(uri): OriginalUri,
) -> Result<Json<Value>, TwilioError> {
    let mut state = sandbox.store.read();
    find(&mut state, caller.by_token()?, &sid, uri.path()).map(|key| Json(iam_json(key)))
}

/// `POST /v1/Keys/{SK}`: renames a key.
pub(super) async fn iam_update(
    State(sandbox): State<Shared>,
    caller: Caller,
    Path(sid): Path<String>,
    OriginalUri(uri): OriginalUri,
    fields: Fields,
) -> Result<Json<Value>, TwilioError> {
    let key = rename(&sandbox, (caller.by_token()?, &sid), &fields, uri.path())?;
    Ok(Json(iam_json(&key)))
}

/// `DELETE /v1/Keys/{SK}`: deletes a key. It stops working at once.
pub(super) async fn iam_delete(
    State(sandbox): State<Shared>,
    caller: Caller,
    Path(sid): Path<String>,
    OriginalUri(uri): OriginalUri,
) -> Result<StatusCode, TwilioError> {
    let account = caller.by_token()?;
    sandbox.store.change(|state| remove(state, account, &sid, uri.path()))??;
    Ok(StatusCode::NO_CONTENT)
}
