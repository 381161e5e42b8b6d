//! Tokens of our own, for people at a terminal and for development.

use std::time::Duration;

use chrono::{DateTime, Utc};
use jsonwebtoken::{EncodingKey, Header};
use secrecy::{ExposeSecret, SecretString};
use serde_json::{Value, json};
use uuid::Uuid;

use super::{AuthConfig, AuthConfigError};

/// An HS256 token for `subject`, good for `ttl` from `now`: one that a server with this configuration accepts.
/// A tenant is named in the configured claim as well as in `sub`.
///
/// # Errors
/// When no secret is configured.
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
    if !operator {
        set(&mut claims, &config.tenant_claim, json!(subject));
    }
    let key = EncodingKey::from_secret(secret.expose_secret().as_bytes());
    let token = jsonwebtoken::encode(&Header::default(), &claims, &key).map_err(AuthConfigError::Sign)?;
    Ok(token.into())
}

/// Sets the member a JSON pointer names, making the objects on its way.
fn set(claims: &mut Value, pointer: &str, value: Value) {
    let mut place = claims;
    for name in pointer.split('/').skip(1) {
        if !place.is_object() {
            *place = json!({});
        }
        place = &mut place[name.replace("~1", "/").replace("~0", "~")];
    }
    *place = value;
}
