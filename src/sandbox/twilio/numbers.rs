//! The `IncomingPhoneNumbers` resource: list, buy, read, update, move and release owned numbers.
//!
//! Two behaviours matter to buyers. Buying a number that the account already owns succeeds and updates it, as users of
//! the real service report. A purchase by area code selects any number, so it cannot be retried safely.

use axum::{
    Json,
    extract::{OriginalUri, Path, State},
    http::StatusCode,
};
use serde_json::Value;

use super::{
    super::{
        Shared, ambient,
        state::{Charge, Number, Origin, ProviderState, emergency::Registration},
        stock::{self, Kind, Requirement},
    },
    Account, Caller, Fields, TwilioError, emergency, moves, page, resource, settings,
};

/// Twilio's test numbers: always unavailable, always invalid, always available.
const MAGIC_TAKEN: &str = "+15005550000";
const MAGIC_INVALID: &str = "+15005550001";
const MAGIC_GOOD: &str = "+15005550006";

/// `GET /IncomingPhoneNumbers.json`: newest first, filtered by `PhoneNumber`, `FriendlyName`, `Origin` and `Beta`.
pub(crate) async fn list(
    State(sandbox): State<Shared>,
    Account(account): Account,
    OriginalUri(uri): OriginalUri,
    fields: Fields,
) -> Result<Json<Value>, TwilioError> {
    let state = sandbox.store.read();
    let (part, origin) = (fields.filled("PhoneNumber"), fields.filled("Origin"));
    let beta = fields.flag("Beta")?;
    let name = fields.filled("FriendlyName");
    let fits = |number: &&Number| {
        let formatted = stock::formatted(&number.phone_number);
        let is_called = number.settings.get("friendly_name").unwrap_or(&formatted);
        number.account == account
            && part.is_none_or(|part| contains(&number.phone_number, part))
            && name.is_none_or(|name| is_called == name)
            && origin.is_none_or(|origin| (origin == "hosted") == (number.origin == Origin::Hosted))
            && beta != Some(true)
    };
    let records = state.numbers.iter().rev().filter(fits);
    let records = records.map(|number| (number.serial, resource::number(number)));
    page::page("incoming_phone_numbers", uri.path(), &fields, records).map(Json)
}

/// Returns whether a number contains this part, in which `*` matches any digit.
fn contains(phone_number: &str, part: &str) -> bool {
    let (digits, part) = (phone_number.as_bytes(), part.as_bytes());
    let alike = |window: &[u8]| window.iter().zip(part).all(|(is, wanted)| *wanted == b'*' || is == wanted);
    !part.is_empty() && digits.windows(part.len()).any(alike)
}

/// `POST /IncomingPhoneNumbers.json`: buys a number by `PhoneNumber` or `AreaCode`.
pub(crate) async fn buy(
    State(sandbox): State<Shared>,
    Account(account): Account,
    fields: Fields,
) -> Result<(StatusCode, Json<Value>), TwilioError> {
    purchase(&sandbox, &account, &fields, None)
}

fn purchase(
    sandbox: &Shared,
    account: &str,
    fields: &Fields,
    kind: Option<Kind>,
) -> Result<(StatusCode, Json<Value>), TwilioError> {
    let bought = sandbox.store.change(|state| {
        let outcome = acquire(state, account, fields, kind);
        // In the same change, so that a test that reads the counters sees both or neither.
        if outcome.is_err() {
            state.counters.purchases_refused += 1;
        }
        outcome
    })??;
    Ok((StatusCode::CREATED, Json(resource::number(&bought))))
}

fn acquire(
    state: &mut ProviderState,
    account: &str,
    fields: &Fields,
    kind: Option<Kind>,
) -> Result<Number, TwilioError> {
    let phone_number = select(state, fields, kind)?;
    let now = state.now();
    // Twilio treats the purchase of an owned number as an update: no error, no second charge.
    if let Some(number) = state.numbers.iter_mut().find(|number| number.phone_number == phone_number) {
        if number.account != account {
            return Err(TwilioError::bad_request(21422, format!("{phone_number} is not available")));
        }
        number.settings = settings::apply(fields, &number.settings)?;
        number.updated = now;
        let number = number.clone();
        state.counters.repurchases += 1;
        return Ok(number);
    }
    let item = stock::find(&phone_number);
    match item.map_or(Requirement::Nothing, |item| item.requirement) {
        Requirement::Bundle if fields.filled("BundleSid").is_none() => {
            return Err(TwilioError::bad_request(21649, "Bundle required"));
        }
        Requirement::AnyAddress if fields.filled("AddressSid").is_none() => {
            return Err(TwilioError::bad_request(
                21631,
                "Phone Number Requires an Address but the 'AddressSid' parameter was empty.",
            ));
        }
        _ => {}
    }
    let settings = settings::apply(fields, &std::collections::BTreeMap::new())?;
    let mut number = Number {
        serial: state.serial(),
        sid: ambient::sid("PN"),
        account: account.to_owned(),
        phone_number,
        kind: item.map_or(Kind::Local, |item| item.kind),
        country: item.map_or("US", |item| item.country).to_owned(),
        settings,
        origin: Origin::Twilio,
        emergency: Registration::default(),
        obstacle: None,
        created: now,
        updated: now,
    };
    number.emergency = emergency::apply(state, &number, fields)?;
    // Kept beside the numbers, because the bill includes those that are released.
    state.charges.push(Charge::of(&number));
    state.numbers.push(number.clone());
    state.counters.purchases += 1;
    Ok(number)
}

/// Returns the number to buy, which is in stock or already owned.
fn select(state: &ProviderState, fields: &Fields, kind: Option<Kind>) -> Result<String, TwilioError> {
    match (fields.filled("PhoneNumber"), fields.filled("AreaCode")) {
        (Some(_), Some(_)) => {
            Err(TwilioError::bad_request(20001, "PhoneNumber and AreaCode exclude each other"))
        }
        (None, None) => Err(TwilioError::bad_request(20001, "PhoneNumber or AreaCode is required")),
        (None, Some(_)) if kind.is_some() => {
            Err(TwilioError::bad_request(21457, "AreaCode is not accepted on a number type's path"))
        }
        (None, Some(code)) => by_area_code(state, code),
        (Some(phone_number), None) => by_phone_number(phone_number, kind),
    }
}

fn by_area_code(state: &ProviderState, code: &str) -> Result<String, TwilioError> {
    let known =
        code.len() == 3 && code.chars().all(|digit| digit.is_ascii_digit()) && !code.starts_with(['0', '1']);
    // 21451: not an area code of North America. 21452, below: nothing is left in it.
    if !known {
        return Err(TwilioError::bad_request(21451, format!("Invalid area code: {code}")));
    }
    // Twilio's test credentials always sell a number in this area code.
    if code == "500" {
        return Ok(MAGIC_GOOD.to_owned());
    }
    let mut unsold = stock::all().iter().filter(|item| state.number(&item.phone_number).is_none());
    unsold
        .find(|item| item.kind == Kind::Local && item.area_code() == Some(code))
        .map(|item| item.phone_number.clone())
        .ok_or_else(|| TwilioError::bad_request(21452, format!("No phone numbers found in area code {code}")))
}

fn by_phone_number(phone_number: &str, kind: Option<Kind>) -> Result<String, TwilioError> {
    let well_formed = stock::is_e164(phone_number) && !phone_number.starts_with("+0");
    if !well_formed || phone_number == MAGIC_INVALID {
        return Err(TwilioError::bad_request(21421, format!("PhoneNumber is invalid: {phone_number}")));
    }
    let item = stock::find(phone_number).filter(|_| phone_number != MAGIC_TAKEN);
    match item {
        Some(item) if kind.is_some_and(|kind| kind != item.kind) => {
            Err(TwilioError::bad_request(21458, format!("{phone_number} is not a number of this type")))
        }
        None if phone_number != MAGIC_GOOD => {
            Err(TwilioError::bad_request(21422, format!("{phone_number} is not available")))
        }
        _ => Ok(phone_number.to_owned()),
    }
}

/// `GET /IncomingPhoneNumbers/{PN}.json`: one number. `GET /IncomingPhoneNumbers/{Type}.json`: those of a type.
pub(crate) async fn fetch(
    State(sandbox): State<Shared>,
    Path((account, name)): Path<(String, String)>,
    OriginalUri(uri): OriginalUri,
    fields: Fields,
) -> Result<Json<Value>, TwilioError> {
    let name = name.trim_end_matches(".json");
    let state = sandbox.store.read();
    if let Some(kind) = Kind::from_path(name) {
        let records = state.numbers.iter().rev();
        let records = records.filter(|number| number.kind == kind && number.account == account);
        let records = records.map(|number| (number.serial, resource::number(number)));
        return page::page("incoming_phone_numbers", uri.path(), &fields, records).map(Json);
    }
    let number = state.number_by_sid(&account, name);
    number.map(|number| Json(resource::number(number))).ok_or_else(|| TwilioError::not_found(uri.path()))
}

/// `POST /IncomingPhoneNumbers/{PN}.json`: updates a number, or moves it to another account. `POST /IncomingPhoneNumbers/{Type}.json`: buys
/// one of a type.
pub(crate) async fn update(
    State(sandbox): State<Shared>,
    caller: Caller,
    Path((account, name)): Path<(String, String)>,
    OriginalUri(uri): OriginalUri,
    fields: Fields,
) -> Result<(StatusCode, Json<Value>), TwilioError> {
    let name = name.trim_end_matches(".json");
    if let Some(kind) = Kind::from_path(name) {
        return purchase(&sandbox, &account, &fields, Some(kind));
    }
    let updated = sandbox.store.change(|state| {
        let now = state.now();
        let number = state.number_by_sid(&account, name);
        let number = number.ok_or_else(|| TwilioError::not_found(uri.path()))?;
        if let Some(target) = fields.filled("AccountSid").filter(|target| *target != account) {
            let number = number.clone();
            let moved = moves::apply(state, &caller, &number, target, &fields)?;
            return Ok(resource::number(&moved));
        }
        let settings = settings::apply(&fields, &number.settings)?;
        let changed = Number { settings, updated: now, ..number.clone() };
        let emergency = emergency::apply(state, &changed, &fields)?;
        let number = state.number_by_sid_mut(&account, name);
        let number = number.ok_or_else(|| TwilioError::not_found(uri.path()))?;
        *number = Number { emergency, ..changed };
        Ok::<Value, TwilioError>(resource::number(number))
    })??;
    Ok((StatusCode::OK, Json(updated)))
}

/// `DELETE /IncomingPhoneNumbers/{PN}.json`: releases a number without an obstacle. If it is from the stock, it is for sale again at once.
pub(crate) async fn release(
    State(sandbox): State<Shared>,
    Path((account, name)): Path<(String, String)>,
    OriginalUri(uri): OriginalUri,
) -> Result<StatusCode, TwilioError> {
    let name = name.trim_end_matches(".json");
    sandbox.store.change(|state| {
        // A second release finds nothing, which Twilio too answers with a 404.
        let number = state.number_by_sid(&account, name);
        let number = number.ok_or_else(|| TwilioError::not_found(uri.path()))?;
        if let Some(refusal) = moves::obstacle(number) {
            return Err(refusal);
        }
        state.drop_numbers(|number| number.sid == name);
        state.counters.releases += 1;
        Ok(StatusCode::NO_CONTENT)
    })?
}
