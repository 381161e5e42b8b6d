//! Configuration of an account's webhooks about ports, and of the letters of authorization that are mailed for it.

use axum::{
    Json,
    extract::{OriginalUri, Path, State},
    http::StatusCode,
};
use serde_json::{Value, json};

use super::{HOST, JsonBody};
use crate::sandbox::{
    Shared,
    state::porting::{SigningConfiguration, WebhookConfiguration},
    twilio::{Account, Fields, TwilioError, iso_date, page, settings::is_web_address},
};

const EVENTS: &[&str] = &[
    "PortInWaitingForSignature",
    "PortInInProgress",
    "PortInCompleted",
    "PortInActionRequired",
    "PortInCanceled",
    "PortInExpired",
    "PortInPhoneNumberWaitingForSignature",
    "PortInPhoneNumberSubmitted",
    "PortInPhoneNumberPending",
    "PortInPhoneNumberCompleted",
    "PortInPhoneNumberRejected",
    "PortInPhoneNumberCanceled",
    "PortOutPhoneNumberCompleted",
];

fn to_json(configuration: &WebhookConfiguration) -> Value {
    let created = iso_date(configuration.created);
    json!({
        "port_in_target_url": configuration.port_in_url, "port_out_target_url": configuration.port_out_url,
        "notifications_of": configuration.events,
        "port_in_target_date_created": configuration.port_in_url.as_ref().map(|_| &created),
        "port_out_target_date_created": configuration.port_out_url.as_ref().map(|_| &created),
        "url": format!("{HOST}/v1/Porting/Configuration/Webhook"),
    })
}

/// `GET /v1/Porting/Configuration/Webhook`: the account's configuration.
pub(super) async fn webhook(
    State(sandbox): State<Shared>,
    Account(account): Account,
    OriginalUri(uri): OriginalUri,
) -> Result<Json<Value>, TwilioError> {
    let state = sandbox.store.read();
    let found = state.porting.webhooks.iter().find(|known| known.account == account);
    found.map(|known| Json(to_json(known))).ok_or_else(|| TwilioError::not_found(uri.path()))
}

/// `POST /v1/Porting/Configuration/Webhook`: sets the account's configuration. Omitted URLs are kept.
pub(super) async fn set_webhook(
    State(sandbox): State<Shared>,
    Account(account): Account,
    JsonBody(body): JsonBody,
) -> Result<(StatusCode, Json<Value>), TwilioError> {
    let invalid = |name: &str| TwilioError::bad_request(20001, format!("{name} is not valid"));
    let url = |name: &str| match body.get(name) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(url)) if is_web_address(url) => Ok(Some(url.clone())),
        Some(_) => Err(invalid(name)),
    };
    let (port_in_url, port_out_url) = (url("port_in_target_url")?, url("port_out_target_url")?);
    let events: Vec<String> = match body.get("notifications_of") {
        None | Some(Value::Null) => Vec::new(),
        Some(names) => serde_json::from_value(names.clone()).map_err(|_| invalid("notifications_of"))?,
    };
    if events.iter().any(|name| !EVENTS.contains(&name.as_str())) {
        return Err(invalid("notifications_of"));
    }
    let set = sandbox.store.change(|state| {
        let now = state.now();
        let webhooks = &mut state.porting.webhooks;
        let former =
            webhooks.iter().position(|known| known.account == account).map(|index| webhooks.remove(index));
        let (former_in, former_out) =
            former.map_or((None, None), |former| (former.port_in_url, former.port_out_url));
        let configuration = WebhookConfiguration {
            account,
            port_in_url: port_in_url.or(former_in),
            port_out_url: port_out_url.or(former_out),
            events,
            created: now,
        };
        let resource = to_json(&configuration);
        webhooks.push(configuration);
        resource
    })?;
    Ok((StatusCode::CREATED, Json(set)))
}

/// `DELETE /v1/Porting/Configuration/Webhook/{PORT_IN|PORT_OUT}`: removes a URL.
pub(super) async fn delete_webhook(
    State(sandbox): State<Shared>,
    Account(account): Account,
    Path(kind): Path<String>,
    OriginalUri(uri): OriginalUri,
) -> Result<StatusCode, TwilioError> {
    sandbox.store.change(|state| {
        let found = state.porting.webhooks.iter_mut().find(|known| known.account == account);
        let url = found.and_then(|known| match kind.as_str() {
            "PORT_IN" => known.port_in_url.take(),
            "PORT_OUT" => known.port_out_url.take(),
            _ => None,
        });
        url.map(|_| StatusCode::NO_CONTENT).ok_or_else(|| TwilioError::not_found(uri.path()))
    })?
}

/// `GET /v1/SigningRequest/Configuration`: the account's letters, filtered by `Country` and `Product`.
pub(super) async fn signing(
    State(sandbox): State<Shared>,
    Account(account): Account,
    OriginalUri(uri): OriginalUri,
    fields: Fields,
) -> Result<Json<Value>, TwilioError> {
    let state = sandbox.store.read();
    let same = |form: &str, body: &Value, member: &str| {
        fields.filled(form).is_none_or(|wanted| body.get(member).and_then(Value::as_str) == Some(wanted))
    };
    let records = state.porting.signing.iter().rev().filter(|known| {
        known.account == account
            && same("Country", &known.body, "country")
            && same("Product", &known.body, "product")
    });
    let records = records.map(|known| (known.serial, known.body.clone()));
    page::meta_page(HOST, "configurations", uri.path(), &fields, records).map(Json)
}

/// `POST /v1/SigningRequest/Configuration`: sets the letter of a country and a product.
pub(super) async fn set_signing(
    State(sandbox): State<Shared>,
    Account(account): Account,
    JsonBody(body): JsonBody,
) -> Result<(StatusCode, Json<Value>), TwilioError> {
    let members = [
        "logo_sid",
        "friendly_name",
        "product",
        "country",
        "email_subject",
        "email_message",
        "url_redirection",
    ];
    let mut kept: serde_json::Map<String, Value> = members
        .iter()
        .map(|name| ((*name).to_owned(), body.get(*name).cloned().unwrap_or_default()))
        .collect();
    kept.insert("url".to_owned(), json!(format!("{HOST}/v1/SigningRequest/Configuration")));
    let kept = Value::Object(kept);
    let set = sandbox.store.change(|state| {
        let serial = state.serial();
        let is_other = |known: &SigningConfiguration| {
            known.account != account
                || known.body["country"] != kept["country"]
                || known.body["product"] != kept["product"]
        };
        state.porting.signing.retain(is_other);
        state.porting.signing.push(SigningConfiguration {
            serial,
            account: account.clone(),
            body: kept.clone(),
        });
        kept
    })?;
    Ok((StatusCode::CREATED, Json(set)))
}
