//! The `Calls` resource: list, read and end calls. Calls are placed by `POST /sandbox/calls`.

use axum::{
    Json,
    extract::{OriginalUri, Path, State},
};
use serde_json::Value;

use super::{
    super::{Shared, calls, state::Call},
    Account, Fields, TwilioError, page, resource,
};

/// `GET /Calls.json`: newest first, filtered by `To`, `From` and `Status`.
pub(crate) async fn list(
    State(sandbox): State<Shared>,
    Account(account): Account,
    OriginalUri(uri): OriginalUri,
    fields: Fields,
) -> Result<Json<Value>, TwilioError> {
    let state = sandbox.store.read();
    let same = |name: &str, is: &str| fields.filled(name).is_none_or(|wanted| wanted == is);
    let fits =
        |call: &&Call| same("To", &call.to) && same("From", &call.from) && same("Status", &call.status);
    let records = state.calls.iter().rev().filter(|call| call.account == account).filter(fits);
    let records = records.map(|call| (call.serial, resource::call(call)));
    page::page("calls", uri.path(), &fields, records).map(Json)
}

/// `GET /Calls/{CA}.json`: one call, also after its end.
pub(crate) async fn fetch(
    State(sandbox): State<Shared>,
    Path((account, name)): Path<(String, String)>,
    OriginalUri(uri): OriginalUri,
) -> Result<Json<Value>, TwilioError> {
    let state = sandbox.store.read();
    let sid = name.trim_end_matches(".json");
    let call = state.calls.iter().find(|call| call.sid == sid && call.account == account);
    call.map(|call| Json(resource::call(call))).ok_or_else(|| TwilioError::not_found(uri.path()))
}

/// `POST /Calls/{CA}.json`: ends a call. Redirecting a call is not emulated.
pub(crate) async fn update(
    State(sandbox): State<Shared>,
    Path((account, name)): Path<(String, String)>,
    OriginalUri(uri): OriginalUri,
    fields: Fields,
) -> Result<Json<Value>, TwilioError> {
    let sid = name.trim_end_matches(".json");
    if !matches!(fields.get("Status"), Some("completed" | "canceled")) {
        return Err(TwilioError::bad_request(
            20001,
            "The sandbox supports Status=completed and Status=canceled only",
        ));
    }
    let is_over = {
        let state = sandbox.store.read();
        let call = state.calls.iter().find(|call| call.sid == sid && call.account == account);
        call.map(Call::is_over)
    };
    match is_over {
        None => Err(TwilioError::not_found(uri.path())),
        Some(true) => Err(TwilioError::bad_request(21220, "Call is not in-progress. Cannot redirect.")),
        Some(false) => {
            let ended = calls::end(&sandbox, sid)?;
            let answer = ended.as_ref().map(|call| Json(resource::call(call)));
            // Twilio too sends the status callback after it has answered the update.
            tokio::spawn(calls::report_end(sandbox, sid.to_owned()));
            // The call may have ended since it was looked at.
            answer.ok_or_else(|| TwilioError::bad_request(21220, "Call is not in-progress. Cannot redirect."))
        }
    }
}
