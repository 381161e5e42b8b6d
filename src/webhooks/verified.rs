//! Raw bytes in, proven parameters out: the only way a carrier's request reaches a handler.
//!
//! A `GET` counts as well, with its parameters in the query: a number may be set to it, and a redirect on the way turns `POST`
//! into it. A `HEAD` does not.

use std::sync::Arc;

use axum::extract::{FromRequest, OriginalUri, Request};
use axum::http::{HeaderMap, Method, StatusCode, header};
use axum::response::{IntoResponse, Response};
use url::Url;

use super::{Webhooks, body};
use crate::carrier::{Parameters, signature};

/// The carrier's own forms stay far below.
const MAX_BYTES: usize = 64 * 1024;
/// The carrier sends fewer than a hundred.
const MAX_PARAMETERS: usize = 1000;
const SENDER: &str = "carrier";
const SIGNATURE: &str = "x-twilio-signature";
const HINT: &str =
    "is TWILIO_AUTH_TOKEN the account's primary token, and WEBHOOK_BASE_URL the address Twilio calls?";

/// For a request that names another account than ours.
const FOREIGN_HINT: &str = "the request names another account than TWILIO_ACCOUNT_SID: was the number moved to a subaccount, \
                            which signs with its own token?";

/// Parameters that the carrier signed, with one of the configured tokens, for the address they were sent to.
pub(super) struct Verified(pub(super) Parameters);

enum Encoding {
    Form,
    Json,
    /// Everything is in the address.
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
        // What the carrier signed is the address it was given; a nested router has cut `parts.uri` short.
        let uri = parts.extensions.get::<OriginalUri>().map_or(&parts.uri, |original| &original.0);
        let body = match encoding {
            Encoding::Form | Encoding::Json => {
                body::read(body, MAX_BYTES).await.map_err(IntoResponse::into_response)?
            }
            Encoding::Query => uri.query().unwrap_or_default().to_owned().into(),
        };
        // Those of a form are sorted to check the signature.
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
        if !webhooks.config.base_urls().map(|base| under(base, path)).any(is_signed) {
            return Err(webhooks.unproven(uri.path(), account_of(&encoding, &body)));
        }
        webhooks.refusals.proven(SENDER);
        Ok(Self(match encoding {
            Encoding::Form | Encoding::Query => Parameters::from_form(&body),
            // The carrier did send it: an answer without parameters is still better than an error.
            Encoding::Json => Parameters::from_json(&body).unwrap_or_default(),
        }))
    }
}

/// This path at an origin.
fn under(base: &Url, path: &str) -> String {
    format!("{}{path}", base.as_str().trim_end_matches('/'))
}

/// The account that a request says it is about, if that looks like one. Nothing vouches for it: it is for the log alone.
fn account_of(encoding: &Encoding, body: &[u8]) -> Option<String> {
    const NAME: &str = "AccountSid";
    let account = match encoding {
        // Not read into parameters: strangers' requests are to cost little.
        Encoding::Form | Encoding::Query => {
            form_urlencoded::parse(body).find(|(name, _)| name == NAME)?.1.into_owned()
        }
        Encoding::Json => Parameters::from_json(body).ok()?.optional(NAME).ok()??.to_owned(),
    };
    is_account_sid(&account).then_some(account)
}

fn is_account_sid(text: &str) -> bool {
    let is_hex = |digits: &str| digits.len() == 32 && digits.bytes().all(|byte| byte.is_ascii_hexdigit());
    text.strip_prefix("AC").is_some_and(is_hex)
}

impl Webhooks {
    /// The refusal of a request to this path that the carrier did not sign. A number that was moved to a subaccount is
    /// signed for with that account's token, so a foreign account is named in the log.
    fn unproven(&self, path: &str, account: Option<String>) -> Response {
        if let Some(account) = account.filter(|account| *account != self.config.account_sid) {
            return self.refusals.refuse(StatusCode::FORBIDDEN, SENDER, FOREIGN_HINT, Some(&account));
        }
        let refusal = self.refusals.refuse(StatusCode::FORBIDDEN, SENDER, HINT, None);
        if self.refusals.none_holds(SENDER) {
            let expected = under(&self.config.base_url, path);
            tracing::error!(
                expected,
                "not one webhook of the carrier has held since the start: most likely TWILIO_AUTH_TOKEN is not the \
                 account's primary token, or WEBHOOK_BASE_URL not the address that Twilio calls, as in `expected`"
            );
        }
        refusal
    }

    /// The refusal of a call that is not our account's, though signed with our token.
    pub(super) fn foreign(&self, account_sid: &str) -> Option<Response> {
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
