//! The `OutgoingCallerIds` resource: numbers of other carriers that an account may show as the caller. Twilio calls such a number, and
//! its holder types the code of the response. Here the control API types it.

use axum::{
    Json,
    extract::{OriginalUri, Path, State},
    http::StatusCode,
};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{
    super::{
        SandboxError, Shared, ambient,
        state::{
            ProviderState,
            caller_ids::{CallerId, ValidationCall},
        },
        stock,
        webhook::{self, Subject, Target},
    },
    Account, Fields, TwilioError,
    accounts::friendly_name,
    date, page,
    settings::is_web_address,
};

fn to_json(caller_id: &CallerId) -> Value {
    let CallerId { sid, account, .. } = caller_id;
    json!({"sid": sid, "account_sid": account, "friendly_name": caller_id.friendly_name,
           "phone_number": caller_id.phone_number, "date_created": date(caller_id.created),
           "date_updated": date(caller_id.updated),
           "uri": format!("/2010-04-01/Accounts/{account}/OutgoingCallerIds/{sid}.json")})
}

/// `GET /OutgoingCallerIds.json`: newest first, filtered by `PhoneNumber` and `FriendlyName`.
pub(super) async fn list(
    State(sandbox): State<Shared>,
    Account(account): Account,
    OriginalUri(uri): OriginalUri,
    fields: Fields,
) -> Result<Json<Value>, TwilioError> {
    let state = sandbox.store.read();
    let same = |form: &str, is: &str| fields.filled(form).is_none_or(|wanted| is == wanted);
    let records = state.caller_ids.verified.iter().rev().filter(|known| {
        known.account == account
            && same("PhoneNumber", &known.phone_number)
            && same("FriendlyName", &known.friendly_name)
    });
    page::page(
        "outgoing_caller_ids",
        uri.path(),
        &fields,
        records.map(|known| (known.serial, to_json(known))),
    )
    .map(Json)
}

/// `POST /OutgoingCallerIds.json`: calls a number to verify it. Returns the code, with status 200.
pub(super) async fn create(
    State(sandbox): State<Shared>,
    Account(account): Account,
    fields: Fields,
) -> Result<Json<Value>, TwilioError> {
    let call = sandbox.store.change(|state| {
        let call = request(state, account, &fields)?;
        // A new call replaces one that still waits: its code is no longer valid.
        let is_other =
            |known: &ValidationCall| known.phone_number != call.phone_number || known.account != call.account;
        state.caller_ids.calls.retain(is_other);
        state.caller_ids.calls.push(call.clone());
        Ok::<ValidationCall, TwilioError>(call)
    })??;
    Ok(Json(json!({"account_sid": call.account, "phone_number": call.phone_number,
                   "friendly_name": call.friendly_name, "validation_code": call.code, "call_sid": call.sid})))
}

fn request(state: &ProviderState, account: String, fields: &Fields) -> Result<ValidationCall, TwilioError> {
    let refuse = |code, message: String| Err(TwilioError::bad_request(code, message));
    let phone_number = fields.filled("PhoneNumber").unwrap_or_default().to_owned();
    if !stock::is_e164(&phone_number) {
        return refuse(21401, format!("PhoneNumber is not valid: {phone_number}"));
    }
    let is_delay = |text: &str| text.parse::<u8>().is_ok_and(|seconds| seconds <= 60);
    if fields.filled("CallDelay").is_some_and(|text| !is_delay(text)) {
        return refuse(20001, "CallDelay is not a number from 0 to 60".to_owned());
    }
    let is_extension =
        |text: &str| text.bytes().all(|letter| letter.is_ascii_digit() || b"wW#*,".contains(&letter));
    if fields.filled("Extension").is_some_and(|text| !is_extension(text)) {
        return refuse(20001, "Extension is not valid".to_owned());
    }
    if fields.filled("StatusCallback").is_some_and(|url| !is_web_address(url)) {
        return refuse(21609, "StatusCallback is not a valid URL".to_owned());
    }
    if state.own_number(&account, &phone_number).is_some() {
        return refuse(
            21449,
            format!("{phone_number} is a number of this account and needs no verification"),
        );
    }
    let mut verified = state.caller_ids.verified.iter().filter(|known| known.phone_number == phone_number);
    match verified.next() {
        Some(known) if known.account == account => {
            return refuse(21450, format!("{phone_number} is already verified for this account"));
        }
        Some(_) => return refuse(21453, format!("{phone_number} is verified for another account")),
        None => {}
    }
    Ok(ValidationCall {
        sid: ambient::sid("CA"),
        account,
        friendly_name: friendly_name(fields)?.unwrap_or_else(|| stock::formatted(&phone_number)),
        phone_number,
        code: six_digits(),
        status_callback: fields.filled("StatusCallback").unwrap_or_default().to_owned(),
        status_callback_method: fields.filled("StatusCallbackMethod").unwrap_or("POST").to_owned(),
    })
}

fn six_digits() -> String {
    // Seven hexadecimal digits are enough for every code, and their modulo is near enough to even.
    let random = u32::from_str_radix(&format!("{:.7}", ambient::hex32()), 16).unwrap_or_default();
    format!("{:06}", random % 1_000_000)
}

/// `GET /OutgoingCallerIds/{PN}.json`: one caller ID.
pub(super) async fn fetch(
    State(sandbox): State<Shared>,
    Path((account, name)): Path<(String, String)>,
    OriginalUri(uri): OriginalUri,
) -> Result<Json<Value>, TwilioError> {
    let mut state = sandbox.store.read();
    find(&mut state, &account, name.trim_end_matches(".json"), uri.path()).map(|known| Json(to_json(known)))
}

fn find<'a>(
    state: &'a mut ProviderState,
    account: &str,
    sid: &str,
    path: &str,
) -> Result<&'a mut CallerId, TwilioError> {
    let mut verified = state.caller_ids.verified.iter_mut();
    let found = verified.find(|known| known.sid == sid && known.account == account);
    found.ok_or_else(|| TwilioError::not_found(path))
}

/// `POST /OutgoingCallerIds/{PN}.json`: renames a caller ID.
pub(super) async fn update(
    State(sandbox): State<Shared>,
    Path((account, name)): Path<(String, String)>,
    OriginalUri(uri): OriginalUri,
    fields: Fields,
) -> Result<Json<Value>, TwilioError> {
    let name_of_it = friendly_name(&fields)?;
    let updated = sandbox.store.change(|state| {
        let now = state.now();
        let known = find(state, &account, name.trim_end_matches(".json"), uri.path())?;
        if let Some(name) = name_of_it {
            known.friendly_name = name;
        }
        known.updated = now;
        Ok::<Value, TwilioError>(to_json(known))
    })??;
    Ok(Json(updated))
}

/// `DELETE /OutgoingCallerIds/{PN}.json`: deletes a caller ID.
pub(super) async fn delete(
    State(sandbox): State<Shared>,
    Path((account, name)): Path<(String, String)>,
    OriginalUri(uri): OriginalUri,
) -> Result<StatusCode, TwilioError> {
    let sid = name.trim_end_matches(".json");
    sandbox.store.change(|state| {
        find(state, &account, sid, uri.path())?;
        state.caller_ids.verified.retain(|known| known.sid != sid);
        Ok(StatusCode::NO_CONTENT)
    })?
}

/// What the holder of a number does on a validation call.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Answer {
    phone_number: String,
    /// Digits typed. `None`: nobody answers.
    #[serde(default)]
    digits: Option<String>,
}

/// Ends the validation call to a number and sends its callback. Returns whether it succeeded, or `None` if no call waits.
pub(crate) async fn answer(sandbox: &Shared, answer: Answer) -> Result<Option<bool>, SandboxError> {
    let ended = sandbox.store.change(|state| end(state, &answer))?;
    let Some((call, sid)) = ended else { return Ok(None) };
    if let Some(target) = Target::of(&call.status_callback, &call.status_callback_method) {
        let status = if sid.is_some() { "success" } else { "failed" };
        let mut fields: Vec<(String, String)> = [
            ("AccountSid", call.account.as_str()),
            ("CallSid", &call.sid),
            ("CallStatus", if answer.digits.is_some() { "completed" } else { "no-answer" }),
            ("Direction", "outbound-api"),
            ("To", &call.phone_number),
            ("Called", &call.phone_number),
            ("ApiVersion", "2010-04-01"),
            ("VerificationStatus", status),
        ]
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .into();
        if let Some(sid) = &sid {
            fields.push(("OutgoingCallerIdSid".to_owned(), sid.clone()));
        }
        webhook::send(sandbox, &call.account, Subject::Verification, &target, &fields).await;
    }
    Ok(Some(sid.is_some()))
}

fn end(state: &mut ProviderState, answer: &Answer) -> Option<(ValidationCall, Option<String>)> {
    let calls = &mut state.caller_ids.calls;
    let index = calls.iter().position(|call| call.phone_number == answer.phone_number)?;
    let call = calls.remove(index);
    if answer.digits.as_ref() != Some(&call.code) {
        return Some((call, None));
    }
    let now = state.now();
    // Like a number's SID: at Twilio too.
    let sid = ambient::sid("PN");
    let caller_id = CallerId {
        serial: state.serial(),
        sid: sid.clone(),
        account: call.account.clone(),
        phone_number: call.phone_number.clone(),
        friendly_name: call.friendly_name.clone(),
        created: now,
        updated: now,
    };
    state.caller_ids.verified.push(caller_id);
    Some((call, Some(sid)))
}
