//! Twilio's REST API, the part a voice platform uses: search, own and release numbers, read and end calls, prices.
//!
//! Promises what its documentation and its users' reports say: HTTP Basic, form bodies, `.json` paths, error bodies
//! with Twilio's codes, RFC 2822 dates. Money and minutes are never spent.

mod available;
mod call_log;
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

const API_VERSION: &str = "2010-04-01";

/// Whether a path is Twilio's; what is not, is ElevenLabs'.
pub(crate) fn owns(path: &str) -> bool {
    ["/2010-04-01", "/v1/PhoneNumbers", "/v2/Voice"].iter().any(|start| path.starts_with(start))
}

/// Twilio's routes, behind its credentials. Instance paths end in `.json`, which [`guard`] has seen to.
pub(crate) fn router(sandbox: &Shared) -> Router<Shared> {
    let account = Router::new()
        .route("/AvailablePhoneNumbers.json", get(available::countries))
        .route("/AvailablePhoneNumbers/{country}", get(available::country))
        .route("/AvailablePhoneNumbers/{country}/{kind}", get(available::search))
        .route("/IncomingPhoneNumbers.json", get(numbers::list).post(numbers::buy))
        .route(
            "/IncomingPhoneNumbers/{sid}",
            get(numbers::fetch).post(numbers::update).delete(numbers::release),
        )
        .route("/Calls.json", get(call_log::list))
        .route("/Calls/{sid}", get(call_log::fetch).post(call_log::update));
    Router::new()
        .route("/2010-04-01/Accounts/{account}", get(account_itself))
        .nest("/2010-04-01/Accounts/{account}", account)
        .route("/v1/PhoneNumbers/Countries/{country}", get(pricing::phone_numbers))
        .route("/v2/Voice/Countries/{country}", get(pricing::voice))
        .method_not_allowed_fallback(async || {
            Refusal::new(StatusCode::METHOD_NOT_ALLOWED, 20004, "Method not allowed")
        })
        .route_layer(middleware::from_fn_with_state(sandbox.clone(), guard))
}

/// A refusal in Twilio's words.
#[derive(Debug)]
pub(crate) struct Refusal {
    status: StatusCode,
    code: u32,
    message: String,
}

impl Refusal {
    pub(crate) fn new(status: StatusCode, code: u32, message: impl Into<String>) -> Self {
        Self { status, code, message: message.into() }
    }

    /// HTTP 400 with this code.
    pub(crate) fn bad(code: u32, message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, code, message)
    }

    /// 404/20404, which is also what another account's resources answer.
    pub(crate) fn not_found(path: &str) -> Self {
        Self::new(StatusCode::NOT_FOUND, 20404, format!("The requested resource {path} was not found"))
    }
}

impl From<SandboxError> for Refusal {
    fn from(error: SandboxError) -> Self {
        tracing::error!(%error, "the sandbox could not save an effect");
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, 20500, "Internal Server Error")
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let more_info = format!("https://www.twilio.com/docs/errors/{}", self.code);
        let mut body = json!({"code": self.code, "message": self.message, "more_info": more_info,
                              "status": self.status.as_u16()});
        if self.status == StatusCode::UNAUTHORIZED
            && let Some(members) = body.as_object_mut()
        {
            members.insert("detail".to_owned(), json!("Your AccountSid or AuthToken was incorrect."));
        }
        (self.status, Json(body)).into_response()
    }
}

/// Checks the credentials, then that the path is under this account and asks for JSON; marks the answer.
async fn guard(State(sandbox): State<Shared>, request: Request, next: Next) -> Response {
    let path = request.uri().path();
    let mut response = if !is_known(&sandbox, &request) {
        let mut refusal = Refusal::new(StatusCode::UNAUTHORIZED, 20003, "Authenticate").into_response();
        let realm = HeaderValue::from_static("Basic realm=\"Twilio API\"");
        refusal.headers_mut().insert(header::WWW_AUTHENTICATE, realm);
        refusal
    } else if is_elsewhere(&sandbox, path) {
        Refusal::not_found(path).into_response()
    } else {
        next.run(request).await
    };
    let headers = response.headers_mut();
    if let Ok(id) = HeaderValue::from_str(&ambient::sid("RQ")) {
        headers.insert("twilio-request-id", id);
    }
    // By the clock that its records are dated by.
    if let Ok(now) = HeaderValue::from_str(&date(sandbox.store.read().now()).replace("+0000", "GMT")) {
        headers.insert(header::DATE, now);
    }
    response
}

fn is_known(sandbox: &Sandbox, request: &Request) -> bool {
    let credentials = &sandbox.credentials;
    let expected = format!("{}:{}", credentials.account_sid, credentials.auth_token);
    request
        .headers()
        .get(header::AUTHORIZATION)
        .and_then(|value| value.to_str().ok()?.strip_prefix("Basic "))
        .and_then(|encoded| STANDARD.decode(encoded.trim()).ok())
        .is_some_and(|given| given == expected.as_bytes())
}

/// Another account's path, or one without `.json`, which Twilio would answer in XML.
fn is_elsewhere(sandbox: &Sandbox, path: &str) -> bool {
    let Some(rest) = path.strip_prefix("/2010-04-01/Accounts/") else { return false };
    let account = rest.split('/').next().unwrap_or(rest);
    account.trim_end_matches(".json") != sandbox.credentials.account_sid || !path.ends_with(".json")
}

/// A request's parameters: its query and, on a POST, its form.
pub(crate) struct Fields(Vec<(String, String)>);

impl Fields {
    /// A parameter's first value, an empty one too.
    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    /// A parameter's value when it is there and not empty.
    pub(crate) fn filled(&self, name: &str) -> Option<&str> {
        self.get(name).filter(|value| !value.is_empty())
    }

    /// A boolean; anything but `true` and `false` is refused.
    pub(crate) fn flag(&self, name: &str) -> Result<Option<bool>, Refusal> {
        match self.filled(name) {
            None => Ok(None),
            Some("true" | "True") => Ok(Some(true)),
            Some("false" | "False") => Ok(Some(false)),
            Some(other) => Err(Refusal::bad(20001, format!("{name} is not a boolean: {other}"))),
        }
    }

    /// The parameters but those of paging, to build the next page's address from.
    pub(crate) fn filters(&self) -> impl Iterator<Item = &(String, String)> {
        self.0.iter().filter(|(name, _)| !matches!(name.as_str(), "Page" | "PageSize" | "PageToken"))
    }
}

impl<S: Send + Sync> FromRequest<S> for Fields {
    type Rejection = Refusal;

    async fn from_request(request: Request, state: &S) -> Result<Self, Refusal> {
        let parse = |bytes: &[u8]| form_urlencoded::parse(bytes).into_owned().collect::<Vec<_>>();
        let mut pairs = parse(request.uri().query().unwrap_or_default().as_bytes());
        if request.method() == Method::POST {
            let kind = request.headers().get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
            let is_form = kind.is_some_and(|kind| kind.starts_with("application/x-www-form-urlencoded"));
            let body = Bytes::from_request(request, state)
                .await
                .map_err(|error| Refusal::bad(20001, error.to_string()))?;
            if !is_form && !body.is_empty() {
                return Err(Refusal::bad(20001, "The body must be application/x-www-form-urlencoded"));
            }
            pairs.extend(parse(&body));
        }
        Ok(Self(pairs))
    }
}

/// As Twilio writes dates: `Thu, 30 Jul 2015 23:19:04 +0000`.
fn date(moment: DateTime<Utc>) -> String {
    moment.format("%a, %d %b %Y %H:%M:%S +0000").to_string()
}

/// `GET /Accounts/{AC}.json`.
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
        },
    }))
}
