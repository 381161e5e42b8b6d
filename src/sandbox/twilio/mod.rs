//! Twilio's REST API, as far as a voice platform uses it: accounts; search, buy, update, move and release numbers; read and end calls;
//! messages; emergency addresses; caller IDs; ports; prices.
//!
//! Behaves as Twilio's documentation and its users' reports describe: HTTP Basic authentication, form bodies,
//! `.json` paths, error bodies with Twilio's codes, RFC 2822 dates.

mod access;
mod accounts;
mod available;
mod call_log;
mod caller_ids;
mod emergency;
mod messaging;
mod moves;
mod numbers;
mod page;
mod placed;
mod porting;
mod pricing;
mod resource;
mod settings;

use axum::{
    Json, Router,
    body::Bytes,
    extract::{FromRequest, Request},
    http::{Method, StatusCode, header},
    middleware,
    response::{IntoResponse, Response},
    routing::get,
};
use chrono::{DateTime, Utc};
use serde_json::json;

use super::{SandboxError, Shared};

pub(crate) use access::{Account, Caller};
pub(crate) use accounts::to_json as account_json;
pub(crate) use caller_ids::answer as answer_validation;
pub(crate) use messaging::review;
pub(crate) use placed::{change as change_number, place as place_numbers};
pub(crate) use porting::to_json as port_json;
pub(crate) use resource::number as number_json;
pub(crate) use settings::is_sid;

const API_VERSION: &str = "2010-04-01";

/// Returns whether a path belongs to Twilio. All others belong to ElevenLabs.
pub(crate) fn is_twilio_path(path: &str) -> bool {
    ["/2010-04-01", "/v1/PhoneNumbers", "/v2/Voice"].iter().any(|start| path.starts_with(start))
        || messaging::is_path(path)
        || accounts::is_path(path)
        || porting::is_path(path)
}

/// Returns Twilio's routes with authentication. [`access::authenticate`] has checked that instance paths end in `.json`.
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
        .route("/Addresses.json", get(emergency::addresses::list).post(emergency::addresses::create))
        .route(
            "/Addresses/{sid}",
            get(emergency::addresses::fetch)
                .post(emergency::addresses::update)
                .delete(emergency::addresses::delete),
        )
        .route("/Addresses/{sid}/DependentPhoneNumbers.json", get(emergency::addresses::dependent_numbers))
        .route("/OutgoingCallerIds.json", get(caller_ids::list).post(caller_ids::create))
        .route(
            "/OutgoingCallerIds/{sid}",
            get(caller_ids::fetch).post(caller_ids::update).delete(caller_ids::delete),
        )
        .merge(accounts::account_routes())
        .merge(messaging::account_routes());
    Router::new()
        .merge(accounts::routes())
        .nest("/2010-04-01/Accounts/{account}", account)
        .route("/v1/PhoneNumbers/Countries/{country}", get(pricing::phone_numbers))
        .route("/v2/Voice/Countries/{country}", get(pricing::voice))
        .merge(messaging::routes())
        .merge(porting::routes())
        .method_not_allowed_fallback(async || {
            TwilioError::new(StatusCode::METHOD_NOT_ALLOWED, 20004, "Method not allowed")
        })
        .route_layer(middleware::from_fn_with_state(sandbox.clone(), access::authenticate))
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
pub(crate) fn iso_date(moment: DateTime<Utc>) -> String {
    moment.format("%Y-%m-%dT%H:%M:%SZ").to_string()
}
