//! Mints HS256 tokens for the command line and for development.

use std::time::Duration;

use chrono::{DateTime, Utc};
use jsonwebtoken::{EncodingKey, Header};
use secrecy::{ExposeSecret, SecretString};
use serde_json::{Value, json};
use uuid::Uuid;

use super::{AuthConfig, AuthConfigError};
use crate::domain::names_of_pointer;

/// Returns an HS256 token for `subject` that is valid for `ttl` from `now` and that a server with this
/// configuration accepts. A tenant's id is written to the configured claim and to `sub`.
///
/// # Errors
/// [`AuthConfigError::NoSecret`] if no secret is configured, [`AuthConfigError::Sign`] if signing fails.
pub fn mint(
    config: &AuthConfig,
    subject: Uuid,
    operator: bool,
    ttl: Duration,
    now: DateTime<Utc>,
) -> Result<SecretString, AuthConfigError> {
    let secret = config.hs256_secret.as_ref().ok_or(AuthConfigError::NoSecret)?;
    let ttl = i64::try_from(ttl.as_secs()).unwrap_or(i64::MAX);
    let mut claims = json!({
        "sub": subject,
        "role": if operator { "operator" } else { "authenticated" },
        "iat": now.timestamp(),
        "exp": now.timestamp().saturating_add(ttl),
    });
    if let Some(issuer) = &config.issuer {
        claims["iss"] = json!(issuer);
    }
    if let Some(audience) = &config.audience {
        claims["aud"] = json!(audience);
    }
    // An operator has no tenant of its own: it names one with each request.
    if !operator {
        set(&mut claims, &config.tenant_claim, json!(subject));
    }
    let key = EncodingKey::from_secret(secret.expose_secret().as_bytes());
    let token = jsonwebtoken::encode(&Header::default(), &claims, &key).map_err(AuthConfigError::Sign)?;
    Ok(token.into())
}

/// Sets the value at a JSON pointer. Missing objects on the path are created; other values there are replaced.
fn set(claims: &mut Value, pointer: &str, value: Value) {
    let mut target = claims;
    for name in names_of_pointer(pointer) {
        if !target.is_object() {
            *target = json!({});
        }
        target = &mut target[name];
    }
    *target = value;
}
