//! Calls as the account reads and ends them. The sandbox places them itself; see `POST /sandbox/calls`.

use axum::{
    Json,
    extract::{OriginalUri, Path, State},
};
use serde_json::Value;

use super::{
    super::{Shared, calls, state::Call},
    Fields, Refusal, page, resource,
};

/// `GET /Calls.json`, newest first, by `To`, `From` and `Status`.
pub(crate) async fn list(
    State(sandbox): State<Shared>,
    OriginalUri(uri): OriginalUri,
    fields: Fields,
) -> Result<Json<Value>, Refusal> {
    let state = sandbox.store.read();
    let account = &sandbox.credentials.account_sid;
    let same = |name: &str, is: &str| fields.filled(name).is_none_or(|wanted| wanted == is);
    let fits =
        |call: &&Call| same("To", &call.to) && same("From", &call.from) && same("Status", &call.status);
    let records = state.calls.iter().rev().filter(fits);
    let records = records.map(|call| (call.serial, resource::call(account, call)));
    page::page("calls", uri.path(), &fields, records).map(Json)
}

/// `GET /Calls/{CA}.json`.
pub(crate) async fn fetch(
    State(sandbox): State<Shared>,
    Path((account, name)): Path<(String, String)>,
    OriginalUri(uri): OriginalUri,
) -> Result<Json<Value>, Refusal> {
    let state = sandbox.store.read();
    let call = state.calls.iter().find(|call| call.sid == name.trim_end_matches(".json"));
    call.map(|call| Json(resource::call(&account, call))).ok_or_else(|| Refusal::not_found(uri.path()))
}

/// `POST /Calls/{CA}.json`: only ending a call; redirecting one is not emulated.
pub(crate) async fn update(
    State(sandbox): State<Shared>,
    Path((account, name)): Path<(String, String)>,
    OriginalUri(uri): OriginalUri,
    fields: Fields,
) -> Result<Json<Value>, Refusal> {
    let sid = name.trim_end_matches(".json");
    if !matches!(fields.get("Status"), Some("completed" | "canceled")) {
        return Err(Refusal::bad(20001, "The sandbox only takes Status=completed or Status=canceled"));
    }
    let is_over = sandbox.store.read().calls.iter().find(|call| call.sid == sid).map(Call::is_over);
    match is_over {
        None => Err(Refusal::not_found(uri.path())),
        Some(true) => Err(Refusal::bad(21220, "Call is not in-progress. Cannot redirect.")),
        Some(false) => {
            let ended = calls::end(&sandbox, sid)?;
            let answer = ended.as_ref().map(|call| Json(resource::call(&account, call)));
            // The real one comes after the answer as well.
            tokio::spawn(calls::report_end(sandbox, sid.to_owned()));
            answer.ok_or_else(|| Refusal::bad(21220, "Call is not in-progress. Cannot redirect."))
        }
    }
}
