//! Messaging Services and their pools of numbers. A number is in at most one service.

use axum::{
    Json,
    extract::{OriginalUri, Path, State},
    http::StatusCode,
};
use serde_json::{Map, Value, json};

use super::unenforced;
use crate::sandbox::{
    Shared, ambient,
    state::{
        Number, ProviderState,
        messaging::{PoolNumber, RegistrationKind, Service},
    },
    stock,
    twilio::{
        Account, Fields, TwilioError, iso_date,
        page::{self, MESSAGING_HOST},
        settings::is_web_address,
    },
};

/// Maximum number of numbers of a service.
const MAX_POOL: usize = 400;

/// Type of a setting.
#[derive(Clone, Copy)]
enum Check {
    Text,
    /// An http or https URL; null if unset.
    WebAddress,
    Method,
    Flag,
    /// Seconds from 1 to 36000.
    Seconds,
}

/// All settings: name in the form, name in JSON, type, default as JSON.
const SETTINGS: &[(&str, &str, Check, &str)] = &[
    ("FriendlyName", "friendly_name", Check::Text, "null"),
    ("InboundRequestUrl", "inbound_request_url", Check::WebAddress, "null"),
    ("InboundMethod", "inbound_method", Check::Method, "\"POST\""),
    ("FallbackUrl", "fallback_url", Check::WebAddress, "null"),
    ("FallbackMethod", "fallback_method", Check::Method, "\"POST\""),
    ("StatusCallback", "status_callback", Check::WebAddress, "null"),
    ("StickySender", "sticky_sender", Check::Flag, "true"),
    ("MmsConverter", "mms_converter", Check::Flag, "true"),
    ("SmartEncoding", "smart_encoding", Check::Flag, "true"),
    ("ScanMessageContent", "scan_message_content", Check::Text, "\"inherit\""),
    ("FallbackToLongCode", "fallback_to_long_code", Check::Flag, "true"),
    ("AreaCodeGeomatch", "area_code_geomatch", Check::Flag, "true"),
    ("SynchronousValidation", "synchronous_validation", Check::Flag, "false"),
    ("ValidityPeriod", "validity_period", Check::Seconds, "36000"),
    ("Usecase", "usecase", Check::Text, "\"undeclared\""),
    ("UseInboundWebhookOnNumber", "use_inbound_webhook_on_number", Check::Flag, "false"),
];

/// Returns settings with these fields applied. An empty field restores the default.
fn apply(fields: &Fields, members: &Map<String, Value>) -> Result<Map<String, Value>, TwilioError> {
    let mut members = members.clone();
    for (form, member, check, default) in SETTINGS {
        let Some(value) = fields.get(form) else { continue };
        let refuse = || TwilioError::bad_request(20001, format!("{form} is not valid: {value}"));
        let parsed = match (value, check) {
            ("", _) => serde_json::from_str(default).unwrap_or_default(),
            (_, Check::Text) if value.chars().count() <= 64 => json!(value),
            (_, Check::WebAddress) if is_web_address(value) => json!(value),
            ("GET" | "POST", Check::Method) => json!(value),
            (_, Check::Flag) => json!(fields.flag(form)?),
            (_, Check::Seconds) => {
                let seconds = value.parse::<u32>().ok().filter(|seconds| (1..=36000).contains(seconds));
                json!(seconds.ok_or_else(refuse)?)
            }
            _ => return Err(refuse()),
        };
        members.insert((*member).to_owned(), parsed);
    }
    Ok(members)
}

fn to_json(state: &ProviderState, service: &Service) -> Value {
    let url = format!("{MESSAGING_HOST}/v1/Services/{}", service.sid);
    let is_registered = state.messaging.registrations.iter().any(|registration| {
        registration.kind == RegistrationKind::Campaign
            && registration.subject_sid == service.sid
            && registration.status == "VERIFIED"
    }) || unenforced::campaign(state, &service.account, &service.sid).is_some();
    let link = |name: &str| format!("{url}/{name}");
    let mut resource = json!({
        "sid": service.sid, "account_sid": service.account, "us_app_to_person_registered": is_registered,
        "date_created": iso_date(service.created), "date_updated": iso_date(service.updated), "url": url,
        "links": {
            "phone_numbers": link("PhoneNumbers"), "short_codes": link("ShortCodes"),
            "alpha_senders": link("AlphaSenders"), "messages": link("Messages"),
            "us_app_to_person": link("Compliance/Usa2p"),
            "us_app_to_person_usecases": link("Compliance/Usa2p/Usecases"),
            "channel_senders": link("ChannelSenders"),
            "destination_alpha_senders": link("DestinationAlphaSenders"),
        },
    });
    if let Some(members) = resource.as_object_mut() {
        members.extend(service.members.clone());
    }
    resource
}

fn find<'a>(
    state: &'a ProviderState,
    (account, sid): (&str, &str),
    path: &str,
) -> Result<&'a Service, TwilioError> {
    let mut services = state.messaging.services.iter();
    let service = services.find(|service| service.sid == sid && service.account == account);
    service.ok_or_else(|| TwilioError::not_found(path))
}

/// Returns a service to read, stored or not.
fn find_any(state: &ProviderState, key: (&str, &str), path: &str) -> Result<Service, TwilioError> {
    unenforced::service_with(state, key).map_or_else(|| find(state, key, path).cloned(), Ok)
}

fn find_mut<'a>(
    state: &'a mut ProviderState,
    (account, sid): (&str, &str),
    path: &str,
) -> Result<&'a mut Service, TwilioError> {
    let mut services = state.messaging.services.iter_mut();
    let service = services.find(|service| service.sid == sid && service.account == account);
    service.ok_or_else(|| TwilioError::not_found(path))
}

/// `GET /v1/Services`: newest first.
pub(crate) async fn list(
    State(sandbox): State<Shared>,
    Account(account): Account,
    OriginalUri(uri): OriginalUri,
    fields: Fields,
) -> Result<Json<Value>, TwilioError> {
    let state = sandbox.store.read();
    let unstored = unenforced::service(&state, &account);
    let records = state.messaging.services.iter().rev().filter(|service| service.account == account);
    let records = records.chain(&unstored).map(|service| (service.serial, to_json(&state, service)));
    page::messaging_page("services", uri.path(), &fields, records).map(Json)
}

/// `POST /v1/Services`: creates a service.
pub(crate) async fn create(
    State(sandbox): State<Shared>,
    Account(account): Account,
    fields: Fields,
) -> Result<(StatusCode, Json<Value>), TwilioError> {
    if fields.filled("FriendlyName").is_none() {
        return Err(TwilioError::bad_request(20001, "FriendlyName is required"));
    }
    let created = sandbox.store.change(|state| {
        let defaults = SETTINGS.iter().map(|(_, member, _, default)| {
            ((*member).to_owned(), serde_json::from_str(default).unwrap_or_default())
        });
        let members = apply(&fields, &defaults.collect())?;
        let now = state.now();
        let service = Service {
            serial: state.serial(),
            sid: ambient::sid("MG"),
            account: account.clone(),
            members,
            pool: Vec::new(),
            created: now,
            updated: now,
        };
        let resource = to_json(state, &service);
        state.messaging.services.push(service);
        Ok::<Value, TwilioError>(resource)
    })??;
    Ok((StatusCode::CREATED, Json(created)))
}

/// `GET /v1/Services/{MG}`: one service.
pub(crate) async fn fetch(
    State(sandbox): State<Shared>,
    Account(account): Account,
    Path(sid): Path<String>,
    OriginalUri(uri): OriginalUri,
) -> Result<Json<Value>, TwilioError> {
    let state = sandbox.store.read();
    let service = find_any(&state, (&account, &sid), uri.path())?;
    Ok(Json(to_json(&state, &service)))
}

/// `POST /v1/Services/{MG}`: updates a service.
pub(crate) async fn update(
    State(sandbox): State<Shared>,
    Account(account): Account,
    Path(sid): Path<String>,
    OriginalUri(uri): OriginalUri,
    fields: Fields,
) -> Result<Json<Value>, TwilioError> {
    let updated = sandbox.store.change(|state| {
        let now = state.now();
        let service = find_mut(state, (&account, &sid), uri.path())?;
        service.members = apply(&fields, &service.members)?;
        service.updated = now;
        let service = find(state, (&account, &sid), uri.path())?;
        Ok::<Value, TwilioError>(to_json(state, service))
    })??;
    Ok(Json(updated))
}

/// `DELETE /v1/Services/{MG}`: deletes a service. Its numbers stay with the account.
pub(crate) async fn delete(
    State(sandbox): State<Shared>,
    Account(account): Account,
    Path(sid): Path<String>,
    OriginalUri(uri): OriginalUri,
) -> Result<StatusCode, TwilioError> {
    sandbox.store.change(|state| {
        find(state, (&account, &sid), uri.path())?;
        state.messaging.services.retain(|service| service.sid != sid);
        state.messaging.registrations.retain(|registration| registration.subject_sid != sid);
        Ok(StatusCode::NO_CONTENT)
    })?
}

fn number_json(account: &str, service: &str, member: &PoolNumber, number: &Number) -> Value {
    let (voice, sms, mms, _) = stock::capabilities(&number.country, number.kind);
    let able = [(mms, "MMS"), (sms, "SMS"), (voice, "Voice")];
    let capabilities: Vec<&str> = able.into_iter().filter(|(is, _)| *is).map(|(_, name)| name).collect();
    json!({
        "sid": number.sid, "account_sid": account, "service_sid": service, "phone_number": number.phone_number,
        "country_code": number.country, "capabilities": capabilities,
        "date_created": iso_date(member.added), "date_updated": iso_date(member.added),
        "url": format!("{MESSAGING_HOST}/v1/Services/{service}/PhoneNumbers/{}", number.sid),
    })
}

/// Returns the pool of a service, newest first. A number that was released meanwhile has left it.
fn pool<'a>(
    state: &'a ProviderState,
    service: &'a Service,
) -> impl Iterator<Item = (&'a PoolNumber, &'a Number)> {
    service.pool.iter().rev().filter_map(|member| {
        let number = state.numbers.iter().find(|number| number.sid == member.number_sid)?;
        Some((member, number))
    })
}

/// `GET /v1/Services/{MG}/PhoneNumbers`: the pool, newest first.
pub(crate) async fn numbers(
    State(sandbox): State<Shared>,
    Account(account): Account,
    Path(sid): Path<String>,
    OriginalUri(uri): OriginalUri,
    fields: Fields,
) -> Result<Json<Value>, TwilioError> {
    let state = sandbox.store.read();
    let service = find_any(&state, (&account, &sid), uri.path())?;
    let records = pool(&state, &service)
        .map(|(member, number)| (member.serial, number_json(&account, &sid, member, number)));
    page::messaging_page("phone_numbers", uri.path(), &fields, records).map(Json)
}

/// `POST /v1/Services/{MG}/PhoneNumbers`: adds a number to the pool.
pub(crate) async fn add_number(
    State(sandbox): State<Shared>,
    Account(account): Account,
    Path(sid): Path<String>,
    OriginalUri(uri): OriginalUri,
    fields: Fields,
) -> Result<(StatusCode, Json<Value>), TwilioError> {
    let wanted = fields.filled("PhoneNumberSid");
    let wanted = wanted.ok_or_else(|| TwilioError::bad_request(20001, "PhoneNumberSid is required"))?;
    let added = sandbox.store.change(|state| {
        let service = find(state, (&account, &sid), uri.path())?;
        let number = state.number_by_sid(&account, wanted).cloned();
        let number = number.ok_or_else(|| TwilioError::not_found(wanted))?;
        match state.service_of(wanted) {
            Some(holder) if holder.sid == sid => {
                return Err(TwilioError::bad_request(
                    21710,
                    "Phone Number is already in the Messaging Service",
                ));
            }
            Some(_) => {
                return Err(TwilioError::bad_request(21712, "Phone Number is in another Messaging Service"));
            }
            None => {}
        }
        if service.pool.len() >= MAX_POOL {
            return Err(TwilioError::bad_request(21714, "The Messaging Service has 400 Phone Numbers"));
        }
        let member =
            PoolNumber { serial: state.serial(), number_sid: number.sid.clone(), added: state.now() };
        let resource = number_json(&account, &sid, &member, &number);
        find_mut(state, (&account, &sid), uri.path())?.pool.push(member);
        Ok(resource)
    })??;
    Ok((StatusCode::CREATED, Json(added)))
}

/// `GET /v1/Services/{MG}/PhoneNumbers/{PN}`: one number of the pool.
pub(crate) async fn number(
    State(sandbox): State<Shared>,
    Account(account): Account,
    Path((sid, wanted)): Path<(String, String)>,
    OriginalUri(uri): OriginalUri,
) -> Result<Json<Value>, TwilioError> {
    let state = sandbox.store.read();
    let service = find_any(&state, (&account, &sid), uri.path())?;
    let found = pool(&state, &service).find(|(_, number)| number.sid == wanted);
    let (member, number) = found.ok_or_else(|| TwilioError::not_found(uri.path()))?;
    Ok(Json(number_json(&account, &sid, member, number)))
}

/// `DELETE /v1/Services/{MG}/PhoneNumbers/{PN}`: takes a number out of the pool.
pub(crate) async fn remove_number(
    State(sandbox): State<Shared>,
    Account(account): Account,
    Path((sid, wanted)): Path<(String, String)>,
    OriginalUri(uri): OriginalUri,
) -> Result<StatusCode, TwilioError> {
    sandbox.store.change(|state| {
        let service = find_mut(state, (&account, &sid), uri.path())?;
        let index = service.pool.iter().position(|member| member.number_sid == wanted);
        service.pool.remove(index.ok_or_else(|| TwilioError::not_found(uri.path()))?);
        Ok(StatusCode::NO_CONTENT)
    })?
}
