//! What a request presents, read from headers or from a socket's first message, and checked.

use axum::http::{HeaderMap, StatusCode};
use secrecy::SecretString;
use serde_json::{Map, Value};

use super::rejection::Rejection;
use crate::auth::{AuthError, Authenticated, Authenticator, Credentials};

/// The three names under which something is presented.
const NAMES: [&str; 3] = ["authorization", "x-agent-token", "x-tenant-id"];

/// What a request's headers present.
pub(super) fn from_headers(headers: &HeaderMap) -> Result<Credentials, Rejection> {
    let mut presented = Credentials::default();
    for name in NAMES {
        let mut values = headers.get_all(name).iter();
        let Some(value) = values.next() else { continue };
        let value = value.to_str().ok().filter(|_| values.next().is_none());
        take(&mut presented, name, value)?;
    }
    Ok(presented)
}

/// What a socket's `connection_init` presents: the same names, in any case, in its payload or in an object `headers` in
/// there, where several clients put what they would send by HTTP. The payload's own count first.
pub(super) fn from_payload(payload: &Map<String, Value>) -> Result<Credentials, Rejection> {
    let mut presented = Credentials::default();
    let headers = payload.iter().find(|(key, _)| key.eq_ignore_ascii_case("headers"));
    let nested = headers.and_then(|(_, value)| value.as_object());
    for (key, value) in nested.into_iter().flatten().chain(payload) {
        if let Some(name) = NAMES.into_iter().find(|name| key.eq_ignore_ascii_case(name)) {
            take(&mut presented, name, value.as_str())?;
        }
    }
    Ok(presented)
}

fn take(presented: &mut Credentials, name: &str, value: Option<&str>) -> Result<(), Rejection> {
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

/// Whether nothing is presented that proves anything.
pub(super) fn anonymous(presented: &Credentials) -> bool {
    presented.bearer.is_none() && presented.agent_token.is_none()
}

/// Who presents these.
pub(super) async fn check(
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
