//! The `Applications` resource, as far as messages use it: the URLs for numbers with an `SmsApplicationSid`.

use axum::{
    Json,
    extract::{OriginalUri, Path, State},
    http::StatusCode,
};
use serde_json::{Value, json};

use crate::sandbox::{
    Shared, ambient,
    state::messaging::Application,
    twilio::{
        API_VERSION, Account, Fields, TwilioError, date, page,
        settings::{self, Check},
    },
};

const SETTINGS: &[(&str, &str, Check)] = &[
    ("FriendlyName", "friendly_name", Check::Text),
    ("SmsUrl", "sms_url", Check::WebAddress),
    ("SmsMethod", "sms_method", Check::Method),
    ("SmsFallbackUrl", "sms_fallback_url", Check::WebAddress),
    ("SmsFallbackMethod", "sms_fallback_method", Check::Method),
    ("MessageStatusCallback", "message_status_callback", Check::WebAddress),
    ("VoiceUrl", "voice_url", Check::WebAddress),
    ("VoiceMethod", "voice_method", Check::Method),
];

fn to_json(application: &Application) -> Value {
    let account = &application.account;
    let mut resource = json!({
        "sid": application.sid, "account_sid": account, "api_version": API_VERSION,
        "date_created": date(application.created), "date_updated": date(application.updated),
        "uri": format!("/{API_VERSION}/Accounts/{account}/Applications/{}.json", application.sid),
    });
    if let Some(members) = resource.as_object_mut() {
        for (_, member, check) in SETTINGS {
            members.insert((*member).to_owned(), check.to_json(application.settings.get(*member), ""));
        }
    }
    resource
}

/// `GET /Applications.json`: newest first.
pub(crate) async fn list(
    State(sandbox): State<Shared>,
    Account(account): Account,
    OriginalUri(uri): OriginalUri,
    fields: Fields,
) -> Result<Json<Value>, TwilioError> {
    let state = sandbox.store.read();
    let records = state.messaging.applications.iter().rev();
    let records = records.filter(|application| application.account == account);
    let records = records.map(|application| (application.serial, to_json(application)));
    page::page("applications", uri.path(), &fields, records).map(Json)
}

/// `POST /Applications.json`: creates an application.
pub(crate) async fn create(
    State(sandbox): State<Shared>,
    Account(account): Account,
    fields: Fields,
) -> Result<(StatusCode, Json<Value>), TwilioError> {
    let created = sandbox.store.change(|state| {
        let now = state.now();
        let application = Application {
            serial: state.serial(),
            sid: ambient::sid("AP"),
            account: account.clone(),
            settings: settings::apply_table(SETTINGS, &fields, &std::collections::BTreeMap::new())?,
            created: now,
            updated: now,
        };
        state.messaging.applications.push(application.clone());
        Ok::<Value, TwilioError>(to_json(&application))
    })??;
    Ok((StatusCode::CREATED, Json(created)))
}

/// `GET /Applications/{AP}.json`: one application.
pub(crate) async fn fetch(
    State(sandbox): State<Shared>,
    Path((account, name)): Path<(String, String)>,
    OriginalUri(uri): OriginalUri,
) -> Result<Json<Value>, TwilioError> {
    let state = sandbox.store.read();
    let sid = name.trim_end_matches(".json");
    let mut application = state.messaging.applications.iter();
    let application = application.find(|known| known.sid == sid && known.account == account);
    application
        .map(|application| Json(to_json(application)))
        .ok_or_else(|| TwilioError::not_found(uri.path()))
}

/// `POST /Applications/{AP}.json`: updates an application.
pub(crate) async fn update(
    State(sandbox): State<Shared>,
    Path((account, name)): Path<(String, String)>,
    OriginalUri(uri): OriginalUri,
    fields: Fields,
) -> Result<Json<Value>, TwilioError> {
    let sid = name.trim_end_matches(".json");
    let updated = sandbox.store.change(|state| {
        let now = state.now();
        let mut application = state.messaging.applications.iter_mut();
        let application = application.find(|known| known.sid == sid && known.account == account);
        let application = application.ok_or_else(|| TwilioError::not_found(uri.path()))?;
        application.settings = settings::apply_table(SETTINGS, &fields, &application.settings)?;
        application.updated = now;
        Ok::<Value, TwilioError>(to_json(application))
    })??;
    Ok(Json(updated))
}

/// `DELETE /Applications/{AP}.json`: deletes an application. Numbers keep its SID.
pub(crate) async fn delete(
    State(sandbox): State<Shared>,
    Path((account, name)): Path<(String, String)>,
    OriginalUri(uri): OriginalUri,
) -> Result<StatusCode, TwilioError> {
    let sid = name.trim_end_matches(".json");
    sandbox.store.change(|state| {
        let applications = &mut state.messaging.applications;
        let index = applications.iter().position(|known| known.sid == sid && known.account == account);
        applications.remove(index.ok_or_else(|| TwilioError::not_found(uri.path()))?);
        Ok(StatusCode::NO_CONTENT)
    })?
}
