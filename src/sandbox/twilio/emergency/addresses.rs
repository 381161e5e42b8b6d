//! The `Addresses` resource. An address is in use while a number names it, or is registered with it for emergency calls.

use std::collections::BTreeMap;

use axum::{
    Json,
    extract::{OriginalUri, Path, State},
    http::StatusCode,
};
use serde_json::{Value, json};

use crate::sandbox::{
    Shared, ambient,
    state::{Number, ProviderState, emergency::Address},
    stock,
    twilio::{
        Account, Fields, TwilioError, date, page, resource,
        settings::{self, Check},
    },
};

const SETTINGS: &[(&str, &str, Check)] = &[
    ("CustomerName", "customer_name", Check::Text),
    ("Street", "street", Check::Text),
    ("StreetSecondary", "street_secondary", Check::Text),
    ("City", "city", Check::Text),
    ("Region", "region", Check::Text),
    ("PostalCode", "postal_code", Check::Text),
    ("IsoCountry", "iso_country", Check::Text),
    ("FriendlyName", "friendly_name", Check::Text),
    ("EmergencyEnabled", "emergency_enabled", Check::Flag),
    ("AutoCorrectAddress", "auto_correct_address", Check::Flag),
];
const REQUIRED: &[&str] = &["CustomerName", "Street", "City", "Region", "PostalCode", "IsoCountry"];

fn to_json(address: &Address) -> Value {
    let Address { sid, account, .. } = address;
    let mut resource = json!({
        "sid": sid, "account_sid": account, "validated": address.is_for_emergencies(), "verified": false,
        "date_created": date(address.created), "date_updated": date(address.updated),
        "uri": format!("/2010-04-01/Accounts/{account}/Addresses/{sid}.json"),
    });
    if let Some(members) = resource.as_object_mut() {
        for (_, member, check) in SETTINGS.iter().filter(|(form, ..)| *form != "AutoCorrectAddress") {
            let value = match (address.settings.get(*member), *member) {
                (None, "street_secondary") => Value::Null,
                (value, _) => check.to_json(value, ""),
            };
            members.insert((*member).to_owned(), value);
        }
    }
    resource
}

/// Returns settings with these fields applied. An address for emergency calls is validated.
fn apply(
    fields: &Fields,
    settings: &BTreeMap<String, String>,
) -> Result<BTreeMap<String, String>, TwilioError> {
    let refuse = |code, message: &str| Err(TwilioError::bad_request(code, message));
    let settings = settings::apply_table(SETTINGS, fields, settings)?;
    let address = |name: &str| settings.get(name).map_or("", String::as_str);
    if !address("emergency_enabled").eq_ignore_ascii_case("true") {
        return Ok(settings);
    }
    if !matches!(address("iso_country"), "US" | "CA" | "GB") {
        return refuse(
            18013,
            "Emergency addresses must be in the United States, Canada or the United Kingdom",
        );
    }
    if address("friendly_name").chars().count() > 32 {
        return refuse(20001, "FriendlyName of an emergency address has more than 32 characters");
    }
    // Stands for Twilio's validation: a street without a number cannot be found.
    if !address("street").chars().any(|letter| letter.is_ascii_digit()) {
        return refuse(18015, "The emergency address could not be validated");
    }
    Ok(settings)
}

/// `GET /Addresses.json`: newest first.
pub(in crate::sandbox::twilio) async fn list(
    State(sandbox): State<Shared>,
    Account(account): Account,
    OriginalUri(uri): OriginalUri,
    fields: Fields,
) -> Result<Json<Value>, TwilioError> {
    let is_for_emergencies = fields.flag("EmergencyEnabled")?;
    let state = sandbox.store.read();
    let records = state.emergency.addresses.iter().rev().filter(|address| {
        let same = |form: &str, member: &str| {
            fields.filled(form).is_none_or(|wanted| address.setting(member) == wanted)
        };
        address.account == account
            && same("CustomerName", "customer_name")
            && same("FriendlyName", "friendly_name")
            && same("IsoCountry", "iso_country")
            && is_for_emergencies.is_none_or(|wanted| address.is_for_emergencies() == wanted)
    });
    let records = records.map(|address| (address.serial, to_json(address)));
    page::page("addresses", uri.path(), &fields, records).map(Json)
}

/// `POST /Addresses.json`: creates an address.
pub(in crate::sandbox::twilio) async fn create(
    State(sandbox): State<Shared>,
    Account(account): Account,
    fields: Fields,
) -> Result<(StatusCode, Json<Value>), TwilioError> {
    if let Some(missing) = REQUIRED.iter().find(|name| fields.filled(name).is_none()) {
        return Err(TwilioError::bad_request(20001, format!("{missing} is required")));
    }
    let settings = apply(&fields, &BTreeMap::new())?;
    let created = sandbox.store.change(|state| {
        let now = state.now();
        let address = Address {
            serial: state.serial(),
            sid: ambient::sid("AD"),
            account,
            settings,
            created: now,
            updated: now,
        };
        state.emergency.addresses.push(address.clone());
        to_json(&address)
    })?;
    Ok((StatusCode::CREATED, Json(created)))
}

/// `GET /Addresses/{AD}.json`: one address.
pub(in crate::sandbox::twilio) async fn fetch(
    State(sandbox): State<Shared>,
    Path((account, name)): Path<(String, String)>,
    OriginalUri(uri): OriginalUri,
) -> Result<Json<Value>, TwilioError> {
    let state = sandbox.store.read();
    let address = state.address(&account, name.trim_end_matches(".json"));
    address.map(|address| Json(to_json(address))).ok_or_else(|| TwilioError::not_found(uri.path()))
}

/// `POST /Addresses/{AD}.json`: updates an address. Its country cannot be changed.
pub(in crate::sandbox::twilio) async fn update(
    State(sandbox): State<Shared>,
    Path((account, name)): Path<(String, String)>,
    OriginalUri(uri): OriginalUri,
    fields: Fields,
) -> Result<Json<Value>, TwilioError> {
    let sid = name.trim_end_matches(".json");
    let updated = sandbox.store.change(|state| {
        let now = state.now();
        let mut all = state.emergency.addresses.iter_mut();
        let address = all.find(|address| address.sid == sid && address.account == account);
        let address = address.ok_or_else(|| TwilioError::not_found(uri.path()))?;
        if fields.filled("IsoCountry").is_some_and(|country| country != address.setting("iso_country")) {
            return Err(TwilioError::bad_request(20001, "IsoCountry cannot be changed"));
        }
        address.settings = apply(&fields, &address.settings)?;
        address.updated = now;
        Ok::<Value, TwilioError>(to_json(address))
    })??;
    Ok(Json(updated))
}

/// `DELETE /Addresses/{AD}.json`: deletes an address that is not in use.
pub(in crate::sandbox::twilio) async fn delete(
    State(sandbox): State<Shared>,
    Path((account, name)): Path<(String, String)>,
    OriginalUri(uri): OriginalUri,
) -> Result<StatusCode, TwilioError> {
    let sid = name.trim_end_matches(".json");
    sandbox.store.change(|state| {
        state.address(&account, sid).ok_or_else(|| TwilioError::not_found(uri.path()))?;
        if dependents(state, &account, sid).next().is_some() {
            return Err(TwilioError::new(StatusCode::CONFLICT, 20409, "The address is in use by a number"));
        }
        state.emergency.addresses.retain(|address| address.sid != sid);
        Ok(StatusCode::NO_CONTENT)
    })?
}

fn dependents<'a>(
    state: &'a ProviderState,
    account: &'a str,
    sid: &'a str,
) -> impl Iterator<Item = &'a Number> {
    state.numbers.iter().rev().filter(move |number| {
        let is_registered = number.emergency.address_sid.as_deref() == Some(sid);
        number.account == account && (is_registered || number.setting("address_sid") == sid)
    })
}

/// `GET /Addresses/{AD}/DependentPhoneNumbers.json`: the numbers that use an address.
pub(in crate::sandbox::twilio) async fn dependent_numbers(
    State(sandbox): State<Shared>,
    Path((account, sid)): Path<(String, String)>,
    OriginalUri(uri): OriginalUri,
    fields: Fields,
) -> Result<Json<Value>, TwilioError> {
    let state = sandbox.store.read();
    state.address(&account, &sid).ok_or_else(|| TwilioError::not_found(uri.path()))?;
    let records = dependents(&state, &account, &sid).map(|number| {
        let mut resource = resource::number(number);
        let (voice, sms, mms, _) = stock::capabilities(&number.country, number.kind);
        if let Some(members) = resource.as_object_mut() {
            // Written otherwise than by the number itself.
            members.insert("capabilities".to_owned(), json!({"Voice": voice, "SMS": sms, "MMS": mms}));
        }
        (number.serial, resource)
    });
    page::page("dependent_phone_numbers", uri.path(), &fields, records).map(Json)
}
