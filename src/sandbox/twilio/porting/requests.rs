//! Port-in requests: list, read and cancel them, and single numbers of them. How status words are spelled is a setting of the control
//! API, because Twilio's documentation, examples and webhooks differ.

use axum::{
    Json,
    extract::{OriginalUri, Path, State},
    http::StatusCode,
};
use serde_json::{Value, json};

use super::{HOST, portability::type_name};
use crate::sandbox::{
    Shared, ports,
    state::{
        ProviderState,
        porting::{NumberStatus, PortNumber, PortRequest, Spelling},
    },
    twilio::{Account, Fields, TwilioError, iso_date},
    upkeep,
};

/// Returns a status word in this spelling.
fn spelled(name: &str, spelling: Spelling, is_number: bool) -> String {
    match spelling {
        Spelling::Snake => name.to_owned(),
        Spelling::Prefixed if is_number && matches!(name, "submitted" | "pending" | "rejected") => {
            format!("port_{name}")
        }
        Spelling::Prefixed => name.to_owned(),
        Spelling::Mixed | Spelling::Documentation => match name {
            "waiting_for_signature" => "Waiting for Signature".to_owned(),
            "action_required" => "Action Required".to_owned(),
            _ => capitalized(&name.replace('_', " ")),
        },
        Spelling::Title => name.split('_').map(capitalized).collect::<Vec<_>>().join(" "),
    }
}

fn capitalized(word: &str) -> String {
    let mut letters = word.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}

fn word(request: &PortRequest, spelling: Spelling) -> String {
    request.word.clone().unwrap_or_else(|| spelled(request.status.name(), spelling, false))
}

/// Returns the port date once the losing carrier has confirmed it.
fn shown_date(number: &PortNumber) -> Option<String> {
    let is_confirmed = matches!(number.status, NumberStatus::Pending | NumberStatus::Completed);
    number.port_date.filter(|_| is_confirmed).map(iso_date)
}

fn reason(pair: Option<&(String, u32)>) -> (Option<&str>, Option<u32>) {
    (pair.map(|(reason, _)| reason.as_str()), pair.map(|(_, code)| *code))
}

/// Returns a request with its numbers.
pub(crate) fn to_json(state: &ProviderState, request: &PortRequest, base_url: &str) -> Value {
    let spelling = state.porting.settings.spelling;
    let numbers = request.numbers.iter().map(|number| {
        let (not_portable, code) = reason(number.not_portable.as_ref());
        let (rejected, rejected_code) = reason(number.rejection.as_ref());
        json!({
            "phone_number": number.phone_number, "number_type": type_name(number.kind),
            "portable": number.not_portable.is_none(), "not_portability_reason": not_portable,
            "not_portability_reason_code": code, "port_in_phone_number_sid": number.sid,
            "port_in_phone_number_status": spelled(number.status.name(), spelling, true),
            "rejection_reason": rejected, "rejection_reason_code": rejected_code, "port_date": shown_date(number),
            "status_last_time_updated_timestamp": iso_date(number.updated),
            "external_porting_vendor_phone_number_id": null,
        })
    });
    let numbers: Vec<Value> = numbers.collect();
    let given = |name: &str| request.order.get(name).cloned().unwrap_or_default();
    let is_sent = !matches!(request.status, crate::sandbox::state::porting::RequestStatus::InReview);
    json!({
        "port_in_request_sid": request.sid, "account_sid": request.account,
        "port_in_request_status": word(request, spelling), "support_ticket_id": request.ticket,
        "order_cancellation_reason": request.cancellation_reason, "date_created": iso_date(request.created),
        "notification_emails": given("notification_emails"), "target_port_in_date": given("target_port_in_date"),
        "target_port_in_time_range_start": given("target_port_in_time_range_start"),
        "target_port_in_time_range_end": given("target_port_in_time_range_end"),
        "losing_carrier_information": given("losing_carrier_information"), "documents": given("documents"),
        "bundle_sid": given("bundle_sid"), "portability_advance_carrier": null,
        "auto_cancel_approval_numbers": null, "phone_numbers": numbers,
        // Stands for the page on which the representative signs: a POST with the act `sign`.
        "signature_request_url": is_sent.then(|| format!("{base_url}/sandbox/ports/{}", request.sid)),
        "url": format!("{HOST}/v1/Porting/PortIn/{}", request.sid),
    })
}

fn is_visible(state: &ProviderState, account: &str, request: &PortRequest) -> bool {
    request.requester == account || state.is_within(&request.account, account)
}

fn find<'a>(
    state: &'a ProviderState,
    account: &str,
    sid: &str,
    path: &str,
) -> Result<&'a PortRequest, TwilioError> {
    let mut requests = state.porting.requests.iter();
    let request = requests.find(|request| request.sid == sid && is_visible(state, account, request));
    request.ok_or_else(|| TwilioError::not_found(path))
}

/// `GET /v1/Porting/PortIn/{KW}`: one request.
pub(super) async fn fetch(
    State(sandbox): State<Shared>,
    Account(account): Account,
    Path(sid): Path<String>,
    OriginalUri(uri): OriginalUri,
) -> Result<Json<Value>, TwilioError> {
    let state = sandbox.store.read();
    let request = find(&state, &account, &sid, uri.path())?;
    Ok(Json(to_json(&state, request, &sandbox.base_url)))
}

/// Returns a status word as a filter compares it.
fn normalized(word: &str) -> String {
    word.trim().to_lowercase().replace([' ', '-'], "_")
}

/// `GET /v1/Porting/PortIn/PortInRequests`: newest first. `Token` is the last request of the page before.
pub(super) async fn list(
    State(sandbox): State<Shared>,
    Account(account): Account,
    fields: Fields,
) -> Result<Json<Value>, TwilioError> {
    let size = match fields.filled("Size").map(str::parse::<usize>) {
        None => 20,
        Some(Ok(size)) if (1..=1000).contains(&size) => size,
        Some(_) => return Err(TwilioError::bad_request(20001, "Size is not a number from 1 to 1000")),
    };
    let state = sandbox.store.read();
    let before = match fields.filled("Token") {
        None => u64::MAX,
        Some(token) => state
            .porting
            .requests
            .iter()
            .find(|request| request.sid == token)
            .map(|request| request.serial)
            .ok_or_else(|| TwilioError::bad_request(20001, "Token is not valid"))?,
    };
    let status = fields.filled("PortInRequestStatus").map(normalized);
    let sid = fields.filled("PortInRequestSid");
    let created = |request: &PortRequest| iso_date(request.created);
    // Both bounds are dates or times in ISO form, which sort as text.
    let until = fields.filled("CreatedBefore");
    let since = fields.filled("CreatedAfter");
    let mut rest = state.porting.requests.iter().rev().filter(|request| {
        request.serial < before
            && is_visible(&state, &account, request)
            && sid.is_none_or(|sid| request.sid == sid)
            && status.as_ref().is_none_or(|status| request.status.name() == status)
            && until.is_none_or(|until| created(request).as_str() < until)
            && since.is_none_or(|since| created(request).as_str() >= since)
    });
    let shown: Vec<&PortRequest> = rest.by_ref().take(size).collect();
    let next = rest.next().and(shown.last()).map(|request| request.sid.clone());
    let spelling = state.porting.settings.spelling;
    let records: Vec<Value> = shown
        .iter()
        .map(|request| {
            let ported =
                request.numbers.iter().filter(|number| number.status == NumberStatus::Completed).count();
            json!({
                "port_in_request_sid": request.sid, "port_in_request_status": word(request, spelling),
                "status_last_updated_timestamp": request.updated.format("%Y-%m-%d").to_string(),
                "phone_numbers_requested": request.numbers.len(), "phone_numbers_ported": ported,
                "suggested_action": null,
            })
        })
        .collect();
    Ok(Json(json!({"port_in_requests": records, "meta": {"next_token": next, "previous_token": null}})))
}

/// `GET /v1/Porting/PortIn/{KW}/PhoneNumber/{PU}`: one number of a request.
pub(super) async fn fetch_number(
    State(sandbox): State<Shared>,
    Account(account): Account,
    Path((sid, number_sid)): Path<(String, String)>,
    OriginalUri(uri): OriginalUri,
) -> Result<Json<Value>, TwilioError> {
    let state = sandbox.store.read();
    let request = find(&state, &account, &sid, uri.path())?;
    let number = request.numbers.iter().find(|number| number.sid == number_sid);
    let number = number.ok_or_else(|| TwilioError::not_found(uri.path()))?;
    let spelling = match state.porting.settings.spelling {
        Spelling::Mixed => Spelling::Prefixed,
        other => other,
    };
    let (not_portable, code) = reason(number.not_portable.as_ref());
    let (rejected, rejected_code) = reason(number.rejection.as_ref());
    Ok(Json(json!({
        "port_in_request_sid": request.sid, "account_sid": request.account, "phone_number_sid": number.sid,
        "phone_number": number.phone_number, "phone_number_type": type_name(number.kind), "country": "US",
        "missing_required_fields": false, "portable": number.not_portable.is_none(),
        "not_portability_reason": not_portable, "not_portability_reason_code": code,
        "port_in_phone_number_status": spelled(number.status.name(), spelling, true),
        "port_out_pin": number.pin, "rejection_reason": rejected, "rejection_reason_code": rejected_code,
        "port_date": shown_date(number), "date_created": iso_date(request.created), "last_updated": iso_date(number.updated),
        "url": format!("{HOST}/v1/Porting/PortIn/{sid}/PhoneNumber/{number_sid}"),
    })))
}

fn cancelled(
    sandbox: &Shared,
    account: &str,
    (sid, number_sid): (&str, Option<&str>),
    path: &str,
) -> Result<StatusCode, TwilioError> {
    let events = sandbox.store.change(|state| {
        let request = find(state, account, sid, path)?;
        if number_sid.is_some_and(|wanted| !request.numbers.iter().any(|number| number.sid == wanted)) {
            return Err(TwilioError::not_found(path));
        }
        let too_late =
            |reason| TwilioError::new(StatusCode::CONFLICT, 20409, format!("Not canceled: {reason}"));
        ports::cancel(state, sid, number_sid).map_err(too_late)
    })??;
    upkeep::announce(sandbox, &events);
    Ok(StatusCode::NO_CONTENT)
}

/// `DELETE /v1/Porting/PortIn/{KW}`: cancels a request.
pub(super) async fn cancel(
    State(sandbox): State<Shared>,
    Account(account): Account,
    Path(sid): Path<String>,
    OriginalUri(uri): OriginalUri,
) -> Result<StatusCode, TwilioError> {
    cancelled(&sandbox, &account, (&sid, None), uri.path())
}

/// `DELETE /v1/Porting/PortIn/{KW}/PhoneNumber/{PU}`: takes a number out of a request.
pub(super) async fn cancel_number(
    State(sandbox): State<Shared>,
    Account(account): Account,
    Path((sid, number_sid)): Path<(String, String)>,
    OriginalUri(uri): OriginalUri,
) -> Result<StatusCode, TwilioError> {
    cancelled(&sandbox, &account, (&sid, Some(&number_sid)), uri.path())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_status_has_as_many_spellings_as_at_twilio() {
        let all = [
            (Spelling::Mixed, "In progress", "Submitted"),
            (Spelling::Title, "In Progress", "Submitted"),
            (Spelling::Snake, "in_progress", "submitted"),
            (Spelling::Prefixed, "in_progress", "port_submitted"),
        ];
        for (spelling, request, number) in all {
            assert_eq!(spelled("in_progress", spelling, false), request);
            assert_eq!(spelled("submitted", spelling, true), number);
            assert_eq!(normalized(request), "in_progress");
        }
        assert_eq!(spelled("waiting_for_signature", Spelling::Mixed, false), "Waiting for Signature");
    }
}
