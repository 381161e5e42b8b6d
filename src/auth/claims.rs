//! What a token claims, judged once its signature held: for whom, from whom, until when.

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::Value;
use uuid::Uuid;

use super::{AuthConfig, AuthError, Authenticated, Principal};
use crate::domain::TenantId;

/// How far the issuer's clock may be from ours.
const LEEWAY: TimeDelta = TimeDelta::seconds(30);
/// Values of the claim `role` that make an operator; the first is Supabase's.
const OPERATOR_ROLES: [&str; 2] = ["service_role", "operator"];

/// Who the claims speak for.
///
/// # Errors
/// [`AuthError::Unauthenticated`].
pub(super) fn read(
    claims: &Value,
    config: &AuthConfig,
    now: DateTime<Utc>,
    acting_for: Option<&str>,
) -> Result<Authenticated, AuthError> {
    let expires_at = time(claims, "exp")?.ok_or(AuthError::INVALID)?;
    if expires_at + LEEWAY <= now {
        return Err(AuthError::EXPIRED);
    }
    if time(claims, "nbf")?.is_some_and(|not_before| not_before - LEEWAY > now) {
        return Err(AuthError::INVALID);
    }
    let issued_by_them = |issuer: &String| claims.get("iss").and_then(Value::as_str) == Some(issuer);
    let meant_for_us = |audience: &String| match claims.get("aud") {
        Some(Value::String(one)) => one == audience,
        Some(Value::Array(several)) => several.iter().any(|one| one.as_str() == Some(audience)),
        _ => false,
    };
    if !config.issuer.as_ref().is_none_or(issued_by_them)
        || !config.audience.as_ref().is_none_or(meant_for_us)
    {
        return Err(AuthError::INVALID);
    }
    Ok(Authenticated { principal: principal(claims, config, acting_for)?, expires_at: Some(expires_at) })
}

fn principal(claims: &Value, config: &AuthConfig, acting_for: Option<&str>) -> Result<Principal, AuthError> {
    let role = claims.get("role").and_then(Value::as_str).unwrap_or_default();
    if !OPERATOR_ROLES.contains(&role) {
        // Supabase's sign-in of somebody who gave no name: anybody has one for the asking.
        if !config.allow_anonymous && claims.get("is_anonymous").is_some_and(|claim| *claim != false) {
            return Err(AuthError::ANONYMOUS);
        }
        let tenant = claims.pointer(&config.tenant_claim).and_then(Value::as_str).and_then(uuid);
        return tenant.map(|id| Principal::Tenant(TenantId(id))).ok_or(AuthError::INVALID);
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

/// A UUID in its usual form; the nil one stands for nobody.
fn uuid(text: &str) -> Option<Uuid> {
    let usual_form = text.len() == 36;
    Uuid::try_parse(text).ok().filter(|id| usual_form && !id.is_nil())
}

/// A time claim, in seconds since 1970; a fraction is cut off. One that is there must be a possible time.
fn time(claims: &Value, name: &str) -> Result<Option<DateTime<Utc>>, AuthError> {
    let Some(value) = claims.get(name).filter(|value| !value.is_null()) else {
        return Ok(None);
    };
    // `as` saturates, and what it saturates to is no possible time.
    let seconds = value.as_i64().or_else(|| value.as_f64().map(|seconds| seconds as i64));
    // Far enough from the type's ends that adding the leeway cannot overflow.
    let possible = seconds.filter(|seconds| (0..=253_402_300_799).contains(seconds));
    possible.and_then(|seconds| DateTime::from_timestamp(seconds, 0)).map(Some).ok_or(AuthError::INVALID)
}
