//! Access to accounts: who sends a request, and which account it is about.
//!
//! An account is reached with its SID and one of its auth tokens, or with an API key and its secret. A parent's auth token also reaches
//! its subaccounts, but only by their SID in a path below `/2010-04-01`, as at Twilio: for all other hosts, a request is about the
//! account of its credentials. Every other account is not found. An account that is not active refuses.

use axum::{
    extract::{FromRequestParts, Request, State},
    http::{HeaderMap, HeaderValue, Method, StatusCode, header, request::Parts},
    middleware::Next,
    response::{IntoResponse, Response},
};
use base64::{Engine as _, engine::general_purpose::STANDARD};

use super::{
    super::{Shared, ambient, state::ProviderState, upkeep},
    TwilioError, date, messaging,
};

/// SID of the account that a request is about.
#[derive(Clone)]
pub(crate) struct Account(pub(crate) String);

/// Who sends a request.
#[derive(Clone)]
pub(crate) struct Caller {
    /// SID of the account that the credentials belong to.
    pub(crate) account: String,
    /// Whether the credentials are an API key, not the auth token.
    pub(crate) is_key: bool,
}

impl Caller {
    /// Returns the account's SID if the credentials are its auth token. API keys cannot manage accounts, tokens and keys.
    ///
    /// # Errors
    /// 401 for an API key.
    pub(crate) fn by_token(&self) -> Result<&str, TwilioError> {
        if self.is_key { Err(unauthenticated()) } else { Ok(&self.account) }
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Account {
    type Rejection = TwilioError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, TwilioError> {
        parts.extensions.get().cloned().ok_or_else(unauthenticated)
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Caller {
    type Rejection = TwilioError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, TwilioError> {
        parts.extensions.get().cloned().ok_or_else(unauthenticated)
    }
}

fn unauthenticated() -> TwilioError {
    TwilioError::new(StatusCode::UNAUTHORIZED, 20003, "Authenticate")
}

/// Middleware that checks the credentials and the account of the path, and adds Twilio's response headers.
pub(super) async fn authenticate(
    State(sandbox): State<Shared>,
    mut request: Request,
    next: Next,
) -> Response {
    upkeep::settle(&sandbox);
    let admission = {
        let state = sandbox.store.read();
        admit(&state, &request)
    };
    let mut response = match admission {
        Ok((caller, account)) => {
            request.extensions_mut().insert(account);
            if let Some(caller) = caller {
                request.extensions_mut().insert(caller);
            }
            next.run(request).await
        }
        Err(refusal) => refusal.into_response(),
    };
    let is_unauthenticated = response.status() == StatusCode::UNAUTHORIZED;
    let headers = response.headers_mut();
    if is_unauthenticated {
        let realm = HeaderValue::from_static("Basic realm=\"Twilio API\"");
        headers.insert(header::WWW_AUTHENTICATE, realm);
    }
    if let Ok(id) = HeaderValue::from_str(&ambient::sid("RQ")) {
        headers.insert("twilio-request-id", id);
    }
    // The providers' clock, which also dates the records.
    if let Ok(now) = HeaderValue::from_str(&date(sandbox.store.read().now()).replace("+0000", "GMT")) {
        headers.insert(header::DATE, now);
    }
    response
}

/// Returns who sends a request, and the account that it is about. Public files have no sender.
fn admit(state: &ProviderState, request: &Request) -> Result<(Option<Caller>, Account), TwilioError> {
    let path = request.uri().path();
    let named = named_account(path);
    let is_file = messaging::is_file(path);
    // Without the format, Twilio would answer in XML.
    let has_format = !path.starts_with("/2010-04-01") || path.ends_with(".json") || is_file;
    let is_public = is_file && request.method() == Method::GET && !state.messaging.settings.media_auth;
    if is_public {
        let owner = named.filter(|sid| state.account(sid).is_some());
        return owner.map(|sid| (None, Account(sid.to_owned()))).ok_or_else(|| TwilioError::not_found(path));
    }
    let caller = identify(state, request.headers()).ok_or_else(unauthenticated)?;
    if !state.is_active(&caller.account) {
        return Err(inactive());
    }
    let account = named.unwrap_or(&caller.account);
    let reaches = account == caller.account || (!caller.is_key && state.is_within(account, &caller.account));
    if !reaches || !has_format {
        return Err(TwilioError::not_found(path));
    }
    // A parent can read a subaccount that is not active, and change the account itself.
    let is_itself = path.ends_with(&format!("/Accounts/{account}.json"));
    if !is_itself && request.method() != Method::GET && !state.is_active(account) {
        return Err(inactive());
    }
    let account = Account(account.to_owned());
    Ok((Some(caller), account))
}

/// The HTTP status is not documented.
pub(super) fn inactive() -> TwilioError {
    TwilioError::new(StatusCode::FORBIDDEN, 20005, "Account not active")
}

/// Returns the account in a path below `/2010-04-01/Accounts/`.
fn named_account(path: &str) -> Option<&str> {
    let rest = path.strip_prefix("/2010-04-01/Accounts/")?;
    rest.split('/').next().map(|account| account.trim_end_matches(".json"))
}

fn identify(state: &ProviderState, headers: &HeaderMap) -> Option<Caller> {
    let value = headers.get(header::AUTHORIZATION)?.to_str().ok()?.strip_prefix("Basic ")?;
    let decoded = String::from_utf8(STANDARD.decode(value.trim()).ok()?).ok()?;
    let (user, password) = decoded.split_once(':')?;
    if let Some(account) = state.account(user) {
        return account.accepts(password).then(|| Caller { account: account.sid.clone(), is_key: false });
    }
    let has_key = |account: &&crate::sandbox::state::accounts::Account| {
        account.keys.iter().any(|key| key.sid == user && key.secret == password)
    };
    let account = state.accounts.iter().find(has_key)?;
    Some(Caller { account: account.sid.clone(), is_key: true })
}
