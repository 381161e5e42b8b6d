//! Checks a token's claims (expiry, issuer, audience) and derives the principal from them.
//!
//! Called only with claims whose signature has been verified.

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::Value;
use uuid::Uuid;

use super::{AuthConfig, AuthError, Authenticated, Principal};
use crate::domain::TenantId;

/// Tolerated difference between the issuer's clock and ours, applied to `exp` and `nbf`.
const LEEWAY: TimeDelta = TimeDelta::seconds(30);
/// Values of the claim `role` that make an operator. `service_role` is Supabase's.
const OPERATOR_ROLES: [&str; 2] = ["service_role", "operator"];

/// Returns the principal that the claims identify. `acting_for` is the value of `X-Tenant-Id`, if one was sent.
///
/// # Errors
/// [`AuthError::Unauthenticated`] if the token has expired, is not yet valid, comes from another issuer, is
/// meant for another audience, or names no tenant.
pub(super) fn authenticate(
    claims: &Value,
    config: &AuthConfig,
    now: DateTime<Utc>,
    acting_for: Option<&str>,
) -> Result<Authenticated, AuthError> {
    // Required: a token without an expiry would be valid forever.
    let expires_at = time(claims, "exp")?.ok_or(AuthError::INVALID)?;
    if expires_at + LEEWAY <= now {
        return Err(AuthError::EXPIRED);
    }
    if time(claims, "nbf")?.is_some_and(|not_before| not_before - LEEWAY > now) {
        return Err(AuthError::INVALID);
    }
    let has_issuer = |issuer: &String| claims.get("iss").and_then(Value::as_str) == Some(issuer);
    let has_audience = |audience: &String| match claims.get("aud") {
        Some(Value::String(one)) => one == audience,
        Some(Value::Array(several)) => several.iter().any(|one| one.as_str() == Some(audience)),
        _ => false,
    };
    if !config.issuer.as_ref().is_none_or(has_issuer) || !config.audience.as_ref().is_none_or(has_audience) {
        return Err(AuthError::INVALID);
    }
    Ok(Authenticated { principal: principal(claims, config, acting_for)?, expires_at: Some(expires_at) })
}

fn principal(claims: &Value, config: &AuthConfig, acting_for: Option<&str>) -> Result<Principal, AuthError> {
    let role = claims.get("role").and_then(Value::as_str).unwrap_or_default();
    if !OPERATOR_ROLES.contains(&role) {
        // Supabase issues tokens to anonymous users on request, so such a token proves nothing about who
        // holds it.
        if !config.allow_anonymous && claims.get("is_anonymous").is_some_and(|claim| *claim != false) {
            return Err(AuthError::ANONYMOUS);
        }
        let tenant = claims.pointer(&config.tenant_claim).and_then(Value::as_str).and_then(uuid);
        // Nobody is the stock, whoever issues tokens.
        let tenant = tenant.map(TenantId).filter(|id| *id != TenantId::STOCK);
        return tenant.map(Principal::Tenant).ok_or(AuthError::INVALID);
    }
    let subject = match claims.get("sub") {
        None | Some(Value::Null) => Uuid::nil(),
        Some(subject) => subject.as_str().and_then(uuid).ok_or(AuthError::INVALID)?,
    };
    let acting_for = match acting_for.map(str::trim).filter(|text| !text.is_empty()) {
        Some(text) => Some(TenantId(uuid(text).ok_or(AuthError::TENANT)?)),
        None => None,
    };
    Ok(Principal::Operator { subject, acting_for })
}

/// Parses a hyphenated UUID. Returns `None` for every other form and for the nil UUID.
fn uuid(text: &str) -> Option<Uuid> {
    // The parser also accepts braces, URNs and bare digits.
    let is_hyphenated = text.len() == 36;
    Uuid::try_parse(text).ok().filter(|id| is_hyphenated && !id.is_nil())
}

/// Reads a time claim in Unix seconds and truncates fractions. Returns `None` if the claim is absent or null.
///
/// # Errors
/// [`AuthError::INVALID`] if the claim is not a number, or not a time between the years 1970 and 9999.
fn time(claims: &Value, name: &str) -> Result<Option<DateTime<Utc>>, AuthError> {
    let Some(value) = claims.get(name).filter(|value| !value.is_null()) else {
        return Ok(None);
    };
    // `as` saturates, and the saturated value fails the range check below.
    let seconds = value.as_i64().or_else(|| value.as_f64().map(|seconds| seconds as i64));
    // Up to the end of the year 9999, so that adding the leeway cannot overflow.
    let in_range = seconds.filter(|seconds| (0..=253_402_300_799).contains(seconds));
    in_range.and_then(|seconds| DateTime::from_timestamp(seconds, 0)).map(Some).ok_or(AuthError::INVALID)
}
