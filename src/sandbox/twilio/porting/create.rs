//! Creation of port-in requests. Twilio has no idempotency key, but a number is in one running request only: of the same request sent
//! twice, the second is refused.

use axum::{Json, extract::State, http::StatusCode};
use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use serde_json::Value;

use super::{
    JsonBody,
    portability::{self, is_number},
    requests,
};
use crate::sandbox::{
    Shared, ambient, ports,
    state::{
        ProviderState,
        porting::{NumberStatus, PortNumber, PortRequest, RequestStatus},
    },
    twilio::{Account, TwilioError, access},
};

/// Maximum count of numbers of a request.
const MAX_NUMBERS: usize = 1000;
/// Days from the request to the earliest port date.
const EARLIEST_DAYS: i64 = 7;

fn refuse<T>(code: u32, message: impl Into<String>) -> Result<T, TwilioError> {
    Err(TwilioError::bad_request(code, message))
}

/// `POST /v1/Porting/PortIn`: requests the port of numbers.
pub(super) async fn create(
    State(sandbox): State<Shared>,
    Account(account): Account,
    JsonBody(body): JsonBody,
) -> Result<(StatusCode, Json<Value>), TwilioError> {
    let created = sandbox.store.change(|state| {
        let request = read(state, &account, body)?;
        let resource = requests::to_json(state, &request, &sandbox.base_url);
        state.porting.requests.push(request);
        Ok::<Value, TwilioError>(resource)
    })??;
    Ok((StatusCode::ACCEPTED, Json(created)))
}

fn read(state: &mut ProviderState, requester: &str, body: Value) -> Result<PortRequest, TwilioError> {
    let account = text(&body, "account_sid").to_owned();
    if account.is_empty() || !state.is_within(&account, requester) {
        return refuse(22171, "account_sid must be the account of the credentials or a subaccount of it");
    }
    if !state.is_active(&account) {
        return Err(access::inactive());
    }
    check_documents(state, requester, &body)?;
    check_losing_carrier(&body)?;
    let now = state.now();
    let date = port_date(state, &body, now)?;
    let numbers = numbers(state, (requester, &account), &body, date)?;
    let review = TimeDelta::seconds(state.porting.settings.review_seconds.into());
    let serial = state.serial();
    Ok(PortRequest {
        serial,
        sid: ambient::sid("KW"),
        account,
        requester: requester.to_owned(),
        status: RequestStatus::InReview,
        due: Some(now + review),
        numbers,
        order: body,
        ticket: 100_000 + serial,
        cancellation_reason: None,
        word: None,
        created: now,
        updated: now,
    })
}

/// Returns a text member, or `""`.
fn text<'a>(value: &'a Value, name: &str) -> &'a str {
    value.get(name).and_then(Value::as_str).unwrap_or_default()
}

fn check_documents(state: &ProviderState, requester: &str, body: &Value) -> Result<(), TwilioError> {
    let documents = body.get("documents").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let bill = |sid: &str| {
        let mut documents = state.porting.documents.iter();
        let document = documents.find(|document| document.sid == sid && document.account == requester);
        document.map(|document| document.document_type == "utility_bill")
    };
    let found: Option<Vec<bool>> =
        documents.iter().map(|sid| bill(sid.as_str().unwrap_or_default())).collect();
    match found {
        None => refuse(22171, "documents names a document that does not exist in this account"),
        Some(bills) if !bills.contains(&true) => refuse(22171, "documents needs a utility bill"),
        Some(_) => Ok(()),
    }
}

fn check_losing_carrier(body: &Value) -> Result<(), TwilioError> {
    let carrier = body.get("losing_carrier_information").unwrap_or(&Value::Null);
    for name in ["customer_name", "authorized_representative", "authorized_representative_email"] {
        if text(carrier, name).trim().is_empty() {
            return refuse(22171, format!("losing_carrier_information.{name} is required"));
        }
    }
    if !text(carrier, "authorized_representative_email").contains('@') {
        return refuse(22171, "losing_carrier_information.authorized_representative_email is not valid");
    }
    if !matches!(text(carrier, "customer_type"), "" | "Business" | "Individual") {
        return refuse(22171, "losing_carrier_information.customer_type must be Business or Individual");
    }
    if !text(carrier, "address_sid").is_empty() {
        return Ok(());
    }
    let address = carrier.get("address").unwrap_or(&Value::Null);
    for name in ["street", "city", "state", "zip", "country"] {
        if text(address, name).trim().is_empty() {
            return refuse(22173, format!("losing_carrier_information.address.{name} is required"));
        }
    }
    if text(address, "country") != "US" {
        return refuse(22173, "losing_carrier_information.address.country must be US");
    }
    Ok(())
}

/// Returns the wished port date, else the one that the settings name.
fn port_date(state: &ProviderState, body: &Value, now: DateTime<Utc>) -> Result<DateTime<Utc>, TwilioError> {
    let days = TimeDelta::days(state.porting.settings.port_days.into());
    let day = match text(body, "target_port_in_date") {
        "" => (now + days).date_naive(),
        wish => match wish.parse::<NaiveDate>() {
            Ok(day) if (day - now.date_naive()).num_days() >= EARLIEST_DAYS => day,
            Ok(_) => return refuse(22158, "target_port_in_date must be at least 7 days ahead"),
            Err(_) => return refuse(22171, format!("target_port_in_date is not a date: {wish}")),
        },
    };
    // Ports happen in the office hours of the carriers.
    Ok(day.and_hms_opt(17, 0, 0).map_or(now + days, |moment| moment.and_utc()))
}

fn numbers(
    state: &ProviderState,
    (requester, account): (&str, &str),
    body: &Value,
    date: DateTime<Utc>,
) -> Result<Vec<PortNumber>, TwilioError> {
    let orders = body.get("phone_numbers").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    if orders.is_empty() || orders.len() > MAX_NUMBERS {
        return refuse(22171, format!("phone_numbers must have from 1 to {MAX_NUMBERS} entries"));
    }
    let has_account_number = !text(&body["losing_carrier_information"], "account_number").is_empty();
    let mut numbers: Vec<PortNumber> = Vec::with_capacity(orders.len());
    for order in orders {
        let phone_number = text(order, "phone_number");
        if !is_number(phone_number) || !phone_number.starts_with("+1") {
            return refuse(
                22172,
                format!("{phone_number} is not a number of the United States in E.164 form"),
            );
        }
        if numbers.iter().any(|known| known.phone_number == phone_number) {
            return refuse(22172, format!("{phone_number} is named twice"));
        }
        let found = portability::of(state, requester, account, phone_number);
        let pin = Some(text(order, "pin")).filter(|pin| !pin.is_empty()).map(str::to_owned);
        if found.code.is_none() && found.needs_pin() && (pin.is_none() || !has_account_number) {
            return refuse(
                22171,
                format!("{phone_number} is a mobile number and needs pin and account_number"),
            );
        }
        let status = if found.code.is_some() { NumberStatus::Rejected } else { NumberStatus::InReview };
        numbers.push(PortNumber {
            sid: ambient::sid("PU"),
            phone_number: phone_number.to_owned(),
            pin,
            kind: found.kind,
            status,
            not_portable: found.code.map(|code| (ports::rejection_reason(code).to_owned(), code)),
            rejection: None,
            port_date: Some(date),
            due: None,
            updated: state.now(),
        });
    }
    match numbers.iter().find_map(|number| number.not_portable.clone()) {
        Some((reason, code)) if numbers.iter().all(|number| number.not_portable.is_some()) => {
            refuse(code, format!("None of the numbers can be ported: {reason}"))
        }
        _ => Ok(numbers),
    }
}
