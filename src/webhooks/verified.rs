//! Turns a request's raw bytes into verified parameters. A carrier's request reaches a handler only through this extractor.
//!
//! `GET` is accepted, with its parameters in the query: a number may be configured for it, and a redirect turns `POST` into
//! it. `HEAD` is not.

use std::sync::Arc;

use axum::extract::{FromRequest, OriginalUri, Request};
use axum::http::{HeaderMap, Method, StatusCode, header};
use axum::response::{IntoResponse, Response};
use url::Url;

use super::{Webhooks, body};
use crate::carrier::{Parameters, signature};
use crate::domain::is_account_sid;

/// The carrier's own forms are far smaller.
const MAX_BYTES: usize = 64 * 1024;
/// The carrier sends fewer than a hundred.
const MAX_PARAMETERS: usize = 1000;
const SENDER: &str = "carrier";
const SIGNATURE: &str = "x-twilio-signature";
const HINT: &str = "check that TWILIO_AUTH_TOKEN is the account's primary token and WEBHOOK_BASE_URL the address Twilio calls";

/// The hint for a request that names another account than ours.
const FOREIGN_HINT: &str = "the request names another account than TWILIO_ACCOUNT_SID: check whether the number was moved \
                            to a subaccount, which signs with its own token";

/// Parameters that the carrier signed with one of the configured tokens for the requested URL.
pub(super) struct Verified(pub(super) Parameters);

enum Encoding {
    Form,
    Json,
    /// All parameters are in the URL.
    Query,
}

impl FromRequest<Arc<Webhooks>> for Verified {
    type Rejection = Response;

    async fn from_request(request: Request, webhooks: &Arc<Webhooks>) -> Result<Self, Response> {
        let (parts, body) = request.into_parts();
        let by_query = (parts.method == Method::GET).then_some(Encoding::Query);
        let encoding = by_query.or_else(|| encoding(&parts.headers)).ok_or_else(|| {
            let accepted = "application/x-www-form-urlencoded or application/json";
            (StatusCode::UNSUPPORTED_MEDIA_TYPE, accepted).into_response()
        })?;
        // The carrier signs the full URL; a nested router has shortened `parts.uri`.
        let uri = parts.extensions.get::<OriginalUri>().map_or(&parts.uri, |original| &original.0);
        let body = match encoding {
            Encoding::Form | Encoding::Json => {
                body::read(body, MAX_BYTES).await.map_err(IntoResponse::into_response)?
            }
            Encoding::Query => uri.query().unwrap_or_default().to_owned().into(),
        };
        // Limited, because checking the signature of a form sorts its parameters.
        if body.iter().filter(|byte| matches!(byte, b'&' | b',')).count() >= MAX_PARAMETERS {
            return Err(StatusCode::PAYLOAD_TOO_LARGE.into_response());
        }
        let path = uri.path_and_query().map_or("/", |path| path.as_str());
        let given = parts.headers.get(SIGNATURE).and_then(|value| value.to_str().ok()).unwrap_or_default();
        let tokens = &webhooks.config.auth_tokens;
        let is_signed = |url: String| match encoding {
            Encoding::Form => signature::verify_form(&url, &body, given, tokens),
            Encoding::Json => signature::verify_json(&url, &body, given, tokens),
            Encoding::Query => signature::verify_get(&url, given, tokens),
        };
        // Twilio signs the URL configured there. `Host` and `X-Forwarded-*` may differ from it, and anybody can set them.
        if !webhooks.config.base_urls().map(|base| under(base, path)).any(is_signed) {
            return Err(webhooks.unproven(uri.path(), account_of(&encoding, &body)));
        }
        webhooks.refusals.proven(SENDER);
        Ok(Self(match encoding {
            Encoding::Form | Encoding::Query => Parameters::from_form(&body),
            // The carrier did sign it: an answer without parameters is still better than an error.
            Encoding::Json => Parameters::from_json(&body).unwrap_or_default(),
        }))
    }
}

/// Joins this path to an origin.
fn under(base: &Url, path: &str) -> String {
    format!("{}{path}", base.as_str().trim_end_matches('/'))
}

/// Reads the account that a request names, if it looks like one. It is unverified: use it for the log alone.
fn account_of(encoding: &Encoding, body: &[u8]) -> Option<String> {
    const NAME: &str = "AccountSid";
    let account = match encoding {
        // Not parsed into parameters: a stranger's request must cost little.
        Encoding::Form | Encoding::Query => {
            form_urlencoded::parse(body).find(|(name, _)| name == NAME)?.1.into_owned()
        }
        Encoding::Json => Parameters::from_json(body).ok()?.optional(NAME).ok()??.to_owned(),
    };
    is_account_sid(&account).then_some(account)
}

impl Webhooks {
    /// Rejects a request to this path without a valid signature. Requests for a number that was moved to a subaccount are
    /// signed with that account's token, so the log names a foreign account.
    fn unproven(&self, path: &str, account: Option<String>) -> Response {
        if let Some(account) = account.filter(|account| *account != self.config.account_sid) {
            return self.refusals.refuse(StatusCode::FORBIDDEN, SENDER, FOREIGN_HINT, Some(&account));
        }
        let refusal = self.refusals.refuse(StatusCode::FORBIDDEN, SENDER, HINT, None);
        if self.refusals.is_newly_suspect(SENDER) {
            let expected = under(&self.config.base_url, path);
            tracing::error!(
                expected,
                "no Twilio webhook has passed signature verification since startup: check that TWILIO_AUTH_TOKEN is the \
                 account's primary token and WEBHOOK_BASE_URL the address that Twilio calls, as in `expected`"
            );
        }
        refusal
    }

    /// Rejects a call that belongs to another account although our token signed it.
    pub(super) fn foreign(&self, account_sid: &str) -> Option<Response> {
        // A number identifies its tenant only within our account.
        if account_sid == self.config.account_sid {
            return None;
        }
        let hint = "signed with our token, but for another account than TWILIO_ACCOUNT_SID";
        let account = is_account_sid(account_sid).then_some(account_sid);
        Some(self.refusals.refuse(StatusCode::FORBIDDEN, SENDER, hint, account))
    }
}

fn encoding(headers: &HeaderMap) -> Option<Encoding> {
    let value = headers.get(header::CONTENT_TYPE)?.to_str().ok()?;
    match value.split(';').next().unwrap_or_default().trim().to_ascii_lowercase().as_str() {
        "application/x-www-form-urlencoded" => Some(Encoding::Form),
        "application/json" => Some(Encoding::Json),
        _ => None,
    }
}
