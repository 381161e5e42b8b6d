//! Files of messages: the `Media` resource, the file itself, and its storage.
//!
//! A file's URL redirects to storage without credentials. By default the URL needs none either: whoever knows it may read the file. The
//! setting `media_auth` of the control API requires the account's credentials, as Twilio's option does.

use axum::{
    Json,
    extract::{OriginalUri, Path, State},
    http::{StatusCode, header},
    response::{IntoResponse, Redirect, Response},
};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde_json::{Value, json};

use crate::sandbox::{
    Shared,
    state::{ProviderState, messaging::Media},
    twilio::{Fields, TwilioError, date, page},
};

/// Returns whether a path is that of a file, and not of its resource: it has no `.json`.
pub(crate) fn is_file(path: &str) -> bool {
    path.contains("/Messages/") && path.contains("/Media/") && !path.ends_with(".json")
}

fn to_json(account: &str, message_sid: &str, file: &Media) -> Value {
    json!({
        "sid": file.sid, "account_sid": account, "parent_sid": message_sid, "content_type": file.content_type,
        "date_created": date(file.created), "date_updated": date(file.created),
        "uri": format!("/2010-04-01/Accounts/{account}/Messages/{message_sid}/Media/{}.json", file.sid),
    })
}

fn find<'a>(
    state: &'a ProviderState,
    account: Option<&str>,
    message_sid: &str,
    sid: &str,
) -> Option<&'a Media> {
    let message = state.messaging.messages.iter().find(|message| message.sid == message_sid)?;
    let message = Some(message).filter(|message| account.is_none_or(|account| message.account == account))?;
    message.media.iter().find(|file| file.sid == sid)
}

/// `GET /Messages/{MM}/Media.json`: the files of a message, newest first.
pub(crate) async fn list(
    State(sandbox): State<Shared>,
    Path((account, message_sid)): Path<(String, String)>,
    OriginalUri(uri): OriginalUri,
    fields: Fields,
) -> Result<Json<Value>, TwilioError> {
    let mut state = sandbox.store.read();
    let message = state.own_message_mut(&account, &message_sid);
    let message = message.ok_or_else(|| TwilioError::not_found(uri.path()))?;
    let records = message.media.iter().rev().map(|file| (file.serial, to_json(&account, &message_sid, file)));
    page::page("media_list", uri.path(), &fields, records).map(Json)
}

/// `GET /Messages/{MM}/Media/{ME}.json`: one file's resource. Without `.json`: a redirect to the file.
pub(crate) async fn fetch(
    State(sandbox): State<Shared>,
    Path((account, message_sid, name)): Path<(String, String, String)>,
    OriginalUri(uri): OriginalUri,
) -> Result<Response, TwilioError> {
    let state = sandbox.store.read();
    let sid = name.trim_end_matches(".json");
    let file =
        find(&state, Some(&account), &message_sid, sid).ok_or_else(|| TwilioError::not_found(uri.path()))?;
    if name.ends_with(".json") {
        return Ok(Json(to_json(&account, &message_sid, file)).into_response());
    }
    let storage = || format!("{}/storage/{message_sid}/{sid}/{}", sandbox.base_url, file.storage_key);
    Ok(Redirect::temporary(&file.redirect_to.clone().unwrap_or_else(storage)).into_response())
}

/// `DELETE /Messages/{MM}/Media/{ME}.json`: deletes a file.
pub(crate) async fn delete(
    State(sandbox): State<Shared>,
    Path((account, message_sid, name)): Path<(String, String, String)>,
    OriginalUri(uri): OriginalUri,
) -> Result<StatusCode, TwilioError> {
    sandbox.store.change(|state| {
        let not_found = || TwilioError::not_found(uri.path());
        let message = state.own_message_mut(&account, &message_sid).ok_or_else(not_found)?;
        let count = message.media.len();
        message.media.retain(|file| file.sid != name.trim_end_matches(".json"));
        if message.media.len() == count { Err(not_found()) } else { Ok(StatusCode::NO_CONTENT) }
    })?
}

/// `GET /storage/{MM}/{ME}/{key}`: a file's content. At Twilio storage has a host of its own.
pub(crate) async fn stored(
    State(sandbox): State<Shared>,
    Path((message_sid, sid, key)): Path<(String, String, String)>,
) -> Response {
    let state = sandbox.store.read();
    let file = find(&state, None, &message_sid, &sid).filter(|file| file.storage_key == key);
    let content = file.and_then(|file| {
        let mut bytes = STANDARD.decode(&file.base64).ok()?;
        bytes.resize(bytes.len().max(file.padded_to), 0);
        Some((file.content_type.clone(), bytes))
    });
    match content {
        Some((content_type, bytes)) => ([(header::CONTENT_TYPE, content_type)], bytes).into_response(),
        None => StatusCode::NOT_FOUND.into_response(),
    }
}
