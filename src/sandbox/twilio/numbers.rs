//! Owned numbers: list, buy, read, update, release.
//!
//! Two behaviours matter to whoever buys: a number the account owns already can be bought again and is then updated,
//! as users of the real service report; and a purchase by area code picks any number, so it cannot be repeated safely.

use axum::{
    Json,
    extract::{OriginalUri, Path, State},
    http::StatusCode,
};
use serde_json::Value;

use super::{
    super::{
        Shared, ambient,
        state::{Charge, Number, State as Everything},
        stock::{self, Kind, Rule},
    },
    Fields, Refusal, page, resource, settings,
};

/// Twilio's numbers for trying out purchases: taken, invalid, always to be had.
const MAGIC_TAKEN: &str = "+15005550000";
const MAGIC_INVALID: &str = "+15005550001";
const MAGIC_GOOD: &str = "+15005550006";

/// `GET /IncomingPhoneNumbers.json`, newest first.
pub(crate) async fn list(
    State(sandbox): State<Shared>,
    OriginalUri(uri): OriginalUri,
    fields: Fields,
) -> Result<Json<Value>, Refusal> {
    let state = sandbox.store.read();
    let account = &sandbox.credentials.account_sid;
    let part = fields.filled("PhoneNumber");
    let name = fields.filled("FriendlyName");
    let fits = |number: &&Number| {
        let formatted = stock::formatted(&number.phone_number);
        let is_called = number.settings.get("friendly_name").unwrap_or(&formatted);
        part.is_none_or(|part| contains(&number.phone_number, part))
            && name.is_none_or(|name| is_called == name)
    };
    let records = state.numbers.iter().rev().filter(fits);
    let records = records.map(|number| (number.serial, resource::number(account, number)));
    page::page("incoming_phone_numbers", uri.path(), &fields, records).map(Json)
}

/// Whether a number has this part, in which `*` stands for any digit.
fn contains(phone_number: &str, part: &str) -> bool {
    let (digits, part) = (phone_number.as_bytes(), part.as_bytes());
    let alike = |window: &[u8]| window.iter().zip(part).all(|(is, wanted)| *wanted == b'*' || is == wanted);
    !part.is_empty() && digits.windows(part.len()).any(alike)
}

/// `POST /IncomingPhoneNumbers.json`.
pub(crate) async fn buy(
    State(sandbox): State<Shared>,
    fields: Fields,
) -> Result<(StatusCode, Json<Value>), Refusal> {
    purchase(&sandbox, &fields, None)
}

fn purchase(
    sandbox: &Shared,
    fields: &Fields,
    kind: Option<Kind>,
) -> Result<(StatusCode, Json<Value>), Refusal> {
    let account = &sandbox.credentials.account_sid;
    let bought = sandbox.store.change(|state| {
        let outcome = acquire(state, fields, kind);
        if outcome.is_err() {
            state.counters.purchases_refused += 1;
        }
        outcome
    })??;
    Ok((StatusCode::CREATED, Json(resource::number(account, &bought))))
}

fn acquire(state: &mut Everything, fields: &Fields, kind: Option<Kind>) -> Result<Number, Refusal> {
    let phone_number = chosen(state, fields, kind)?;
    let now = state.now();
    if let Some(number) = state.numbers.iter_mut().find(|number| number.phone_number == phone_number) {
        number.settings = settings::applied(fields, &number.settings)?;
        number.updated = now;
        let number = number.clone();
        state.counters.repurchases += 1;
        return Ok(number);
    }
    let item = stock::find(&phone_number);
    match item.map_or(Rule::Free, |item| item.rule) {
        Rule::Bundle if fields.filled("BundleSid").is_none() => {
            return Err(Refusal::bad(21649, "Bundle required"));
        }
        Rule::AnyAddress if fields.filled("AddressSid").is_none() => {
            return Err(Refusal::bad(
                21631,
                "Phone Number Requires an Address but the 'AddressSid' parameter was empty.",
            ));
        }
        _ => {}
    }
    let settings = settings::applied(fields, &std::collections::BTreeMap::new())?;
    let number = Number {
        serial: state.serial(),
        sid: ambient::sid("PN"),
        phone_number,
        kind: item.map_or(Kind::Local, |item| item.kind),
        country: item.map_or("US", |item| item.country).to_owned(),
        settings,
        created: now,
        updated: now,
    };
    state.charges.push(Charge {
        number_sid: number.sid.clone(),
        phone_number: number.phone_number.clone(),
        kind: number.kind,
        country: number.country.clone(),
        bought: now,
        released: None,
    });
    state.numbers.push(number.clone());
    state.counters.purchases += 1;
    Ok(number)
}

/// The number these fields ask for, which is in stock or owned.
fn chosen(state: &Everything, fields: &Fields, kind: Option<Kind>) -> Result<String, Refusal> {
    match (fields.filled("PhoneNumber"), fields.filled("AreaCode")) {
        (Some(_), Some(_)) => Err(Refusal::bad(20001, "PhoneNumber and AreaCode exclude each other")),
        (None, None) => Err(Refusal::bad(20001, "PhoneNumber or AreaCode is required")),
        (None, Some(_)) if kind.is_some() => {
            Err(Refusal::bad(21457, "AreaCode is not accepted on a number type's path"))
        }
        (None, Some(code)) => in_area(state, code),
        (Some(phone_number), None) => exactly(phone_number, kind),
    }
}

fn in_area(state: &Everything, code: &str) -> Result<String, Refusal> {
    let known =
        code.len() == 3 && code.chars().all(|digit| digit.is_ascii_digit()) && !code.starts_with(['0', '1']);
    if !known {
        return Err(Refusal::bad(21451, format!("Invalid area code: {code}")));
    }
    if code == "500" {
        return Ok(MAGIC_GOOD.to_owned());
    }
    let mut unsold = stock::all().iter().filter(|item| state.number(&item.phone_number).is_none());
    unsold
        .find(|item| item.kind == Kind::Local && item.area_code() == Some(code))
        .map(|item| item.phone_number.clone())
        .ok_or_else(|| Refusal::bad(21452, format!("No phone numbers found in area code {code}")))
}

fn exactly(phone_number: &str, kind: Option<Kind>) -> Result<String, Refusal> {
    let digits = phone_number.strip_prefix('+').unwrap_or_default();
    let well_formed = (8..=15).contains(&digits.len())
        && digits.chars().all(|digit| digit.is_ascii_digit())
        && !digits.starts_with('0');
    if !well_formed || phone_number == MAGIC_INVALID {
        return Err(Refusal::bad(21421, format!("PhoneNumber is invalid: {phone_number}")));
    }
    let item = stock::find(phone_number).filter(|_| phone_number != MAGIC_TAKEN);
    match item {
        Some(item) if kind.is_some_and(|kind| kind != item.kind) => {
            Err(Refusal::bad(21458, format!("{phone_number} is not a number of this type")))
        }
        None if phone_number != MAGIC_GOOD => {
            Err(Refusal::bad(21422, format!("{phone_number} is not available")))
        }
        _ => Ok(phone_number.to_owned()),
    }
}

/// `GET /IncomingPhoneNumbers/{PN}.json`, or a list by type.
pub(crate) async fn fetch(
    State(sandbox): State<Shared>,
    Path((account, name)): Path<(String, String)>,
    OriginalUri(uri): OriginalUri,
    fields: Fields,
) -> Result<Json<Value>, Refusal> {
    let name = name.trim_end_matches(".json");
    let state = sandbox.store.read();
    if let Some(kind) = Kind::from_path(name) {
        let records = state.numbers.iter().rev().filter(|number| number.kind == kind);
        let records = records.map(|number| (number.serial, resource::number(&account, number)));
        return page::page("incoming_phone_numbers", uri.path(), &fields, records).map(Json);
    }
    let number = state.numbers.iter().find(|number| number.sid == name);
    number
        .map(|number| Json(resource::number(&account, number)))
        .ok_or_else(|| Refusal::not_found(uri.path()))
}

/// `POST /IncomingPhoneNumbers/{PN}.json`, or a purchase by type.
pub(crate) async fn update(
    State(sandbox): State<Shared>,
    Path((account, name)): Path<(String, String)>,
    OriginalUri(uri): OriginalUri,
    fields: Fields,
) -> Result<(StatusCode, Json<Value>), Refusal> {
    let name = name.trim_end_matches(".json");
    if let Some(kind) = Kind::from_path(name) {
        return purchase(&sandbox, &fields, Some(kind));
    }
    let updated = sandbox.store.change(|state| {
        let now = state.now();
        let number = state.numbers.iter_mut().find(|number| number.sid == name);
        let number = number.ok_or_else(|| Refusal::not_found(uri.path()))?;
        number.settings = settings::applied(&fields, &number.settings)?;
        number.updated = now;
        Ok::<Value, Refusal>(resource::number(&account, number))
    })??;
    Ok((StatusCode::OK, Json(updated)))
}

/// `DELETE /IncomingPhoneNumbers/{PN}.json`: the number is for sale again at once.
pub(crate) async fn release(
    State(sandbox): State<Shared>,
    Path((_, name)): Path<(String, String)>,
    OriginalUri(uri): OriginalUri,
) -> Result<StatusCode, Refusal> {
    let name = name.trim_end_matches(".json");
    sandbox.store.change(|state| {
        let now = state.now();
        let index = state.numbers.iter().position(|number| number.sid == name);
        state.numbers.remove(index.ok_or_else(|| Refusal::not_found(uri.path()))?);
        let charge = state.charges.iter_mut().find(|charge| charge.number_sid == name);
        if let Some(charge) = charge {
            charge.released = Some(now);
        }
        state.counters.releases += 1;
        Ok(StatusCode::NO_CONTENT)
    })?
}
