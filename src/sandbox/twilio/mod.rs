//! Twilio's REST API, as far as a voice platform uses it: search, buy, update and release numbers, read
//! and end calls, messages, prices.
//!
//! Behaves as Twilio's documentation and its users' reports describe: HTTP Basic authentication, form bodies,
//! `.json` paths, error bodies with Twilio's codes, RFC 2822 dates.

mod available;
mod call_log;
mod messaging;
mod numbers;
mod page;
mod pricing;
mod resource;
mod settings;

use axum::{
    Json, Router,
    body::Bytes,
    extract::{FromRequest, Request, State},
    http::{HeaderValue, Method, StatusCode, header},
    middleware::{self, Next},
    response::{IntoResponse, Response},
    routing::get,
};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use chrono::{DateTime, Utc};
use serde_json::{Value, json};

use super::{Sandbox, SandboxError, Shared, ambient};

pub(crate) use messaging::review;

const API_VERSION: &str = "2010-04-01";

/// Returns whether a path belongs to Twilio. All others belong to ElevenLabs.
pub(crate) fn is_twilio_path(path: &str) -> bool {
    ["/2010-04-01", "/v1/PhoneNumbers", "/v2/Voice"].iter().any(|start| path.starts_with(start))
        || messaging::is_path(path)
}

/// Returns Twilio's routes with authentication. [`authenticate`] has checked that instance paths end in `.json`.
pub(crate) fn router(sandbox: &Shared) -> Router<Shared> {
    let account = Router::new()
        .route("/AvailablePhoneNumbers.json", get(available::countries))
        // A parameter takes its whole segment, `.json` included; the handlers cut it off.
        .route("/AvailablePhoneNumbers/{country}", get(available::country))
        .route("/AvailablePhoneNumbers/{country}/{kind}", get(available::search))
        .route("/IncomingPhoneNumbers.json", get(numbers::list).post(numbers::buy))
        .route(
            "/IncomingPhoneNumbers/{sid}",
            get(numbers::fetch).post(numbers::update).delete(numbers::release),
        )
        .route("/Calls.json", get(call_log::list))
        .route("/Calls/{sid}", get(call_log::fetch).post(call_log::update))
        .merge(messaging::account_routes());
    Router::new()
        .route("/2010-04-01/Accounts/{account}", get(account_itself))
        .nest("/2010-04-01/Accounts/{account}", account)
        .route("/v1/PhoneNumbers/Countries/{country}", get(pricing::phone_numbers))
        .route("/v2/Voice/Countries/{country}", get(pricing::voice))
        .merge(messaging::routes())
        .method_not_allowed_fallback(async || {
            TwilioError::new(StatusCode::METHOD_NOT_ALLOWED, 20004, "Method not allowed")
        })
        .route_layer(middleware::from_fn_with_state(sandbox.clone(), authenticate))
        .merge(messaging::storage_routes())
}

/// An error response in Twilio's format.
#[derive(Debug)]
pub(crate) struct TwilioError {
    status: StatusCode,
    code: u32,
    message: String,
}

impl TwilioError {
    pub(crate) fn new(status: StatusCode, code: u32, message: impl Into<String>) -> Self {
        Self { status, code, message: message.into() }
    }

    /// Creates a 400 with this Twilio code.
    pub(crate) fn bad_request(code: u32, message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, code, message)
    }

    /// Creates a 404 with code 20404, which Twilio also returns for resources of other accounts.
    pub(crate) fn not_found(path: &str) -> Self {
        Self::new(StatusCode::NOT_FOUND, 20404, format!("The requested resource {path} was not found"))
    }
}

impl From<SandboxError> for TwilioError {
    fn from(error: SandboxError) -> Self {
        tracing::error!(%error, "saving the sandbox's state failed");
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, 20500, "Internal Server Error")
    }
}

impl IntoResponse for TwilioError {
    fn into_response(self) -> Response {
        let more_info = format!("https://www.twilio.com/docs/errors/{}", self.code);
        let mut body = json!({"code": self.code, "message": self.message, "more_info": more_info,
                              "status": self.status.as_u16()});
        if self.status == StatusCode::UNAUTHORIZED
            && let Some(members) = body.as_object_mut()
        {
            // Only errors of authentication have this member.
            members.insert("detail".to_owned(), json!("Your AccountSid or AuthToken was incorrect."));
        }
        (self.status, Json(body)).into_response()
    }
}

/// Middleware that checks the credentials and that the path belongs to this account and ends in `.json`, and
/// adds Twilio's response headers.
async fn authenticate(State(sandbox): State<Shared>, request: Request, next: Next) -> Response {
    let path = request.uri().path();
    let is_public_file = messaging::is_file(path)
        && request.method() == Method::GET
        && !sandbox.store.read().messaging.settings.media_auth;
    let mut response = if !is_public_file && !is_authenticated(&sandbox, &request) {
        let mut refusal = TwilioError::new(StatusCode::UNAUTHORIZED, 20003, "Authenticate").into_response();
        let realm = HeaderValue::from_static("Basic realm=\"Twilio API\"");
        refusal.headers_mut().insert(header::WWW_AUTHENTICATE, realm);
        refusal
    } else if is_foreign_path(&sandbox, path) {
        TwilioError::not_found(path).into_response()
    } else {
        next.run(request).await
    };
    let headers = response.headers_mut();
    if let Ok(id) = HeaderValue::from_str(&ambient::sid("RQ")) {
        headers.insert("twilio-request-id", id);
    }
    // The providers' clock, which also dates the records.
    if let Ok(now) = HeaderValue::from_str(&date(sandbox.store.read().now()).replace("+0000", "GMT")) {
        headers.insert(header::DATE, now);
    }
    response
}

fn is_authenticated(sandbox: &Sandbox, request: &Request) -> bool {
    let credentials = &sandbox.credentials;
    let expected = format!("{}:{}", credentials.account_sid, credentials.auth_token);
    request
        .headers()
        .get(header::AUTHORIZATION)
        .and_then(|value| value.to_str().ok()?.strip_prefix("Basic "))
        .and_then(|encoded| STANDARD.decode(encoded.trim()).ok())
        // A plain comparison: the token guards nothing but an emulator on this machine.
        .is_some_and(|given| given == expected.as_bytes())
}

/// Returns whether a path belongs to another account, or lacks `.json` (Twilio would answer in XML).
fn is_foreign_path(sandbox: &Sandbox, path: &str) -> bool {
    let Some(rest) = path.strip_prefix("/2010-04-01/Accounts/") else { return false };
    let account = rest.split('/').next().unwrap_or(rest);
    let has_format = path.ends_with(".json") || messaging::is_file(path);
    account.trim_end_matches(".json") != sandbox.credentials.account_sid || !has_format
}

/// Parameters of a request: the query and, for a POST, the form body.
pub(crate) struct Fields(Vec<(String, String)>);

impl Fields {
    /// Returns a parameter's first value, which may be empty.
    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    /// Returns all values of a repeated parameter that are not empty.
    pub(crate) fn all(&self, name: &str) -> impl Iterator<Item = &str> {
        self.0
            .iter()
            .filter(move |(key, value)| key == name && !value.is_empty())
            .map(|(_, value)| value.as_str())
    }

    /// Returns a parameter's value. `None` if it is absent or empty.
    pub(crate) fn filled(&self, name: &str) -> Option<&str> {
        self.get(name).filter(|value| !value.is_empty())
    }

    /// Parses a boolean parameter. `None` if it is absent or empty.
    ///
    /// # Errors
    /// 400 for every value except `true` and `false`.
    pub(crate) fn flag(&self, name: &str) -> Result<Option<bool>, TwilioError> {
        match self.filled(name) {
            None => Ok(None),
            Some("true" | "True") => Ok(Some(true)),
            Some("false" | "False") => Ok(Some(false)),
            Some(other) => Err(TwilioError::bad_request(20001, format!("{name} is not a boolean: {other}"))),
        }
    }

    /// Returns the parameters except those of paging, for the URL of the next page.
    pub(crate) fn filters(&self) -> impl Iterator<Item = &(String, String)> {
        self.0.iter().filter(|(name, _)| !matches!(name.as_str(), "Page" | "PageSize" | "PageToken"))
    }
}

impl<S: Send + Sync> FromRequest<S> for Fields {
    type Rejection = TwilioError;

    async fn from_request(request: Request, state: &S) -> Result<Self, TwilioError> {
        let parse = |bytes: &[u8]| form_urlencoded::parse(bytes).into_owned().collect::<Vec<_>>();
        let mut pairs = parse(request.uri().query().unwrap_or_default().as_bytes());
        if request.method() == Method::POST {
            let kind = request.headers().get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
            let is_form = kind.is_some_and(|kind| kind.starts_with("application/x-www-form-urlencoded"));
            let body = Bytes::from_request(request, state)
                .await
                .map_err(|error| TwilioError::bad_request(20001, error.to_string()))?;
            if !is_form && !body.is_empty() {
                return Err(TwilioError::bad_request(
                    20001,
                    "The body must be application/x-www-form-urlencoded",
                ));
            }
            pairs.extend(parse(&body));
        }
        Ok(Self(pairs))
    }
}

/// Formats a date as Twilio does: `Thu, 30 Jul 2015 23:19:04 +0000`.
fn date(moment: DateTime<Utc>) -> String {
    moment.format("%a, %d %b %Y %H:%M:%S +0000").to_string()
}

/// Formats a date as the `v1` APIs do: `2015-07-30T20:12:31Z`.
fn iso_date(moment: DateTime<Utc>) -> String {
    moment.format("%Y-%m-%dT%H:%M:%SZ").to_string()
}

/// `GET /Accounts/{AC}.json`: the account that owns the credentials.
async fn account_itself(State(sandbox): State<Shared>) -> Json<Value> {
    let sid = &sandbox.credentials.account_sid;
    let long_ago = date(DateTime::UNIX_EPOCH);
    let under = |name: &str| format!("/2010-04-01/Accounts/{sid}/{name}.json");
    Json(json!({
        "sid": sid, "owner_account_sid": sid, "friendly_name": "Sandbox", "status": "active", "type": "Full",
        "auth_token": sandbox.credentials.auth_token, "date_created": long_ago, "date_updated": long_ago,
        "uri": format!("/2010-04-01/Accounts/{sid}.json"),
        "subresource_uris": {
            "available_phone_numbers": under("AvailablePhoneNumbers"),
            "incoming_phone_numbers": under("IncomingPhoneNumbers"),
            "calls": under("Calls"),
            "messages": under("Messages"),
            "applications": under("Applications"),
        },
    }))
}
