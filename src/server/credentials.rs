//! Reads credentials from HTTP headers or from a socket's `connection_init`, and authenticates them.

use axum::http::{HeaderMap, StatusCode};
use secrecy::SecretString;
use serde_json::{Map, Value};

use super::rejection::Rejection;
use crate::auth::{AuthError, Authenticated, Authenticator, Credentials};

/// Header names of credentials. `connection_init` uses the same names.
const NAMES: [&str; 3] = ["authorization", "x-agent-token", "x-tenant-id"];

/// Reads credentials from a request's headers.
///
/// # Errors
/// 401 if a header occurs twice, is not visible ASCII, or is not a bearer token.
pub(super) fn from_headers(headers: &HeaderMap) -> Result<Credentials, Rejection> {
    let mut presented = Credentials::default();
    for name in NAMES {
        let mut values = headers.get_all(name).iter();
        let Some(value) = values.next() else { continue };
        // A second value is rejected: a proxy in front may have checked the other one.
        let value = value.to_str().ok().filter(|_| values.next().is_none());
        set(&mut presented, name, value)?;
    }
    Ok(presented)
}

/// Reads credentials from the payload of `connection_init`. Names are case-insensitive and may stand in the
/// payload or in an object `headers` inside it, where several clients put their HTTP headers. The payload's
/// own members take precedence.
pub(super) fn from_payload(payload: &Map<String, Value>) -> Result<Credentials, Rejection> {
    let mut presented = Credentials::default();
    let headers = payload.iter().find(|(key, _)| key.eq_ignore_ascii_case("headers"));
    let nested = headers.and_then(|(_, value)| value.as_object());
    // The later value of a name wins, so the members of the payload itself come last.
    for (key, value) in nested.into_iter().flatten().chain(payload) {
        if let Some(name) = NAMES.into_iter().find(|name| key.eq_ignore_ascii_case(name)) {
            set(&mut presented, name, value.as_str())?;
        }
    }
    Ok(presented)
}

fn set(presented: &mut Credentials, name: &str, value: Option<&str>) -> Result<(), Rejection> {
    let unreadable = || unauthenticated(format!("{name} cannot be read: send it once, as plain text"));
    let value = value.ok_or_else(unreadable)?.trim();
    match name {
        "authorization" => {
            let bearer = value.split_once(' ').filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"));
            let (_, token) = bearer.ok_or_else(|| unauthenticated("send Authorization: Bearer <token>"))?;
            presented.bearer = Some(SecretString::from(token.trim()));
        }
        "x-agent-token" => presented.agent_token = Some(SecretString::from(value)),
        _ => presented.tenant = Some(value.to_owned()),
    }
    Ok(())
}

/// Returns whether the request has neither a bearer token nor an agent token. `X-Tenant-Id` alone proves nothing.
pub(super) fn is_anonymous(presented: &Credentials) -> bool {
    presented.bearer.is_none() && presented.agent_token.is_none()
}

/// Authenticates the credentials, and turns a failure into a response.
///
/// # Errors
/// 401 if they are invalid, 503 if they could not be checked.
pub(super) async fn authenticate(
    authenticator: &Authenticator,
    presented: &Credentials,
) -> Result<Authenticated, Rejection> {
    authenticator.authenticate(presented).await.map_err(|error| match error {
        AuthError::Unauthenticated(reason) => unauthenticated(reason),
        AuthError::Unavailable => {
            Rejection::new(StatusCode::SERVICE_UNAVAILABLE, "UNAVAILABLE", error.to_string())
        }
    })
}

fn unauthenticated(message: impl Into<String>) -> Rejection {
    Rejection::new(StatusCode::UNAUTHORIZED, "UNAUTHENTICATED", message)
}
