//! Accounts: the `Accounts` resource with subaccounts, the balance, auth tokens and API keys.
//!
//! Of the codes for a status that is not possible, only the titles are documented. Here 21476 means that the account is closed, 21477
//! that its parent is not active, 21478 that Twilio suspended it, and 21479 that an account tried to change its own status.

mod keys;
mod tokens;

use axum::{
    Json, Router,
    extract::{OriginalUri, State},
    http::StatusCode,
    routing::{get, post},
};
use rust_decimal::Decimal;
use serde_json::{Value, json};

use super::{
    super::{
        Shared, prices,
        state::{
            ProviderState,
            accounts::{Account as Record, Status},
        },
    },
    Account, Caller, Fields, TwilioError, date, page,
};

/// Maximum number of subaccounts of an account, and of a trial account.
const MAX_SUBACCOUNTS: (usize, usize) = (1000, 1);

/// US dollars that an account has paid in, before it is billed.
const PAID_IN: Decimal = Decimal::from_parts(10_000, 0, 0, false, 0);

/// Returns the routes of accounts themselves.
pub(super) fn routes() -> Router<Shared> {
    Router::new()
        .route("/2010-04-01/Accounts.json", get(list).post(create))
        .route("/2010-04-01/Accounts/{account}", get(fetch).post(update))
        .route("/v1/AuthTokens/Secondary", post(tokens::create).delete(tokens::delete))
        .route("/v1/AuthTokens/Promote", post(tokens::promote))
        .route("/v1/Keys", get(keys::iam_list).post(keys::iam_create))
        .route("/v1/Keys/{sid}", get(keys::iam_fetch).post(keys::iam_update).delete(keys::iam_delete))
}

/// Returns the routes below an account.
pub(super) fn account_routes() -> Router<Shared> {
    Router::new()
        .route("/Balance.json", get(balance))
        .route("/Keys.json", get(keys::list).post(keys::create))
        .route("/Keys/{sid}", get(keys::fetch).post(keys::update).delete(keys::delete))
}

/// Returns whether a path belongs to the APIs of tokens and keys, which have hosts of their own at Twilio.
pub(super) fn is_path(path: &str) -> bool {
    ["/v1/AuthTokens", "/v1/Keys"].iter().any(|start| path.starts_with(start))
}

/// Returns an account as an `Account` resource.
pub(crate) fn to_json(account: &Record) -> Value {
    let sid = &account.sid;
    let under = |name: &str| format!("/2010-04-01/Accounts/{sid}/{name}.json");
    let parts = [
        ("addresses", "Addresses"),
        ("applications", "Applications"),
        ("available_phone_numbers", "AvailablePhoneNumbers"),
        ("balance", "Balance"),
        ("calls", "Calls"),
        ("incoming_phone_numbers", "IncomingPhoneNumbers"),
        ("keys", "Keys"),
        ("messages", "Messages"),
        ("outgoing_caller_ids", "OutgoingCallerIds"),
    ];
    let parts: serde_json::Map<String, Value> =
        parts.into_iter().map(|(member, name)| (member.to_owned(), json!(under(name)))).collect();
    json!({
        "sid": sid, "owner_account_sid": account.owner_sid, "friendly_name": account.friendly_name,
        "status": account.status.name(), "type": if account.is_trial { "Trial" } else { "Full" },
        "auth_token": account.auth_token, "date_created": date(account.created),
        "date_updated": date(account.updated), "uri": format!("/2010-04-01/Accounts/{sid}.json"),
        "subresource_uris": parts,
    })
}

/// `GET /Accounts.json`: the account and its subaccounts, newest first, filtered by `FriendlyName` and `Status`.
async fn list(
    State(sandbox): State<Shared>,
    caller: Caller,
    OriginalUri(uri): OriginalUri,
    fields: Fields,
) -> Result<Json<Value>, TwilioError> {
    let parent = caller.by_token()?;
    let state = sandbox.store.read();
    let name = fields.filled("FriendlyName");
    let status = fields.filled("Status").map(parse_status).transpose()?;
    let records = state.accounts.iter().rev().filter(|account| {
        (account.sid == parent || account.owner_sid == parent)
            && name.is_none_or(|name| account.friendly_name == name)
            && status.is_none_or(|status| account.status == status)
    });
    let records = records.map(|account| (account.serial, to_json(account)));
    page::page("accounts", uri.path(), &fields, records).map(Json)
}

fn parse_status(name: &str) -> Result<Status, TwilioError> {
    Status::parse(name).ok_or_else(|| TwilioError::bad_request(20001, format!("Status is not valid: {name}")))
}

/// Returns the field `FriendlyName`, of at most 64 characters.
pub(super) fn friendly_name(fields: &Fields) -> Result<Option<String>, TwilioError> {
    match fields.filled("FriendlyName") {
        Some(name) if name.chars().count() > 64 => {
            Err(TwilioError::bad_request(20001, "FriendlyName has more than 64 characters"))
        }
        name => Ok(name.map(str::to_owned)),
    }
}

/// `POST /Accounts.json`: creates a subaccount. Twilio has no idempotency key: the same request sent twice creates two.
async fn create(
    State(sandbox): State<Shared>,
    caller: Caller,
    fields: Fields,
) -> Result<(StatusCode, Json<Value>), TwilioError> {
    let parent = caller.by_token()?;
    let name = friendly_name(&fields)?;
    let created = sandbox.store.change(|state| {
        let parent = state.account(parent).ok_or_else(|| TwilioError::not_found(parent))?.clone();
        if parent.is_subaccount() {
            return Err(TwilioError::bad_request(21101, "A subaccount cannot have subaccounts"));
        }
        let subaccounts = state.accounts.iter().filter(|account| {
            account.is_subaccount() && account.owner_sid == parent.sid && account.status != Status::Closed
        });
        let most = if parent.is_trial { MAX_SUBACCOUNTS.1 } else { MAX_SUBACCOUNTS.0 };
        if subaccounts.count() >= most {
            return Err(TwilioError::bad_request(21480, "Maximum number of subaccounts reached"));
        }
        let default = || format!("SubAccount Created at {}", state.now().format("%Y-%m-%d %I:%M %p"));
        let name = name.unwrap_or_else(default);
        Ok::<Value, TwilioError>(to_json(&state.open_account(&name, Some(&parent.sid), None)))
    })??;
    Ok((StatusCode::CREATED, Json(created)))
}

/// `GET /Accounts/{AC}.json`: an account.
async fn fetch(
    State(sandbox): State<Shared>,
    caller: Caller,
    Account(sid): Account,
    OriginalUri(uri): OriginalUri,
) -> Result<Json<Value>, TwilioError> {
    caller.by_token()?;
    let state = sandbox.store.read();
    state
        .account(&sid)
        .map(|account| Json(to_json(account)))
        .ok_or_else(|| TwilioError::not_found(uri.path()))
}

/// `POST /Accounts/{AC}.json`: renames an account, or sets a subaccount's status.
async fn update(
    State(sandbox): State<Shared>,
    caller: Caller,
    Account(sid): Account,
    OriginalUri(uri): OriginalUri,
    fields: Fields,
) -> Result<Json<Value>, TwilioError> {
    let caller = caller.by_token()?;
    let name = friendly_name(&fields)?;
    let status = fields.filled("Status").map(parse_status).transpose()?;
    let updated = sandbox.store.change(|state| {
        let account = state.account(&sid).ok_or_else(|| TwilioError::not_found(uri.path()))?;
        if let Some(status) = status.filter(|status| *status != account.status) {
            check_status(state, account, caller, status)?;
            state.set_account_status(&sid, status);
        }
        let now = state.now();
        let account = state.account_mut(&sid).ok_or_else(|| TwilioError::not_found(uri.path()))?;
        if let Some(name) = name {
            account.friendly_name = name;
        }
        account.updated = now;
        Ok::<Value, TwilioError>(to_json(account))
    })??;
    Ok(Json(updated))
}

fn check_status(
    state: &ProviderState,
    account: &Record,
    caller: &str,
    wanted: Status,
) -> Result<(), TwilioError> {
    let refuse = |code, message| Err(TwilioError::bad_request(code, message));
    let is_parent_active =
        state.account(&account.owner_sid).is_some_and(|owner| owner.status == Status::Active);
    if account.status == Status::Closed {
        return refuse(21476, "The account is closed");
    }
    if account.sid == caller {
        return refuse(21479, "An account cannot change its own status");
    }
    if wanted == Status::Active && !is_parent_active {
        return refuse(21477, "The parent account is not active");
    }
    if wanted == Status::Active && account.is_held {
        return refuse(21478, "The account was suspended by Twilio");
    }
    Ok(())
}

/// `GET /Balance.json`: what the account has paid in, less its bill and those of its subaccounts, which have no balance of their own.
async fn balance(
    State(sandbox): State<Shared>,
    Account(account): Account,
    OriginalUri(uri): OriginalUri,
) -> Result<Json<Value>, TwilioError> {
    let state = sandbox.store.read();
    if state.account(&account).is_none_or(Record::is_subaccount) {
        return Err(TwilioError::not_found(uri.path()));
    }
    let spent = prices::total(&state, |owner| state.is_within(owner, &account), state.now());
    Ok(Json(json!({"account_sid": account, "balance": (PAID_IN - spent).to_string(), "currency": "USD"})))
}
