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
use crate::accounts::{Named, SigningAccount};
use crate::carrier::{Parameters, signature};
use crate::domain::{CallAnswer, E164, Language, MessageId, Webhook, is_account_sid};

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

/// The hint for an invalid signature in the name of a tenant's account.
const TENANT_HINT: &str =
    "the request names a tenant's carrier account, and is not signed with the token that is stored for it";

/// The hint for a request that cannot be verified, since the carrier does not accept the token of its account, or did not answer.
const UNCHECKED_HINT: &str = "the signature does not fit the stored token, and the carrier did not confirm that token: see \
                              carrierAccounts";

/// The hint for a request that comes before the accounts were read.
const NOT_READ_HINT: &str =
    "the database has been unavailable since the start: the carrier accounts are not known yet";

/// Webhooks whose answer a caller hears.
const HEARD: [Webhook; 4] =
    [Webhook::IncomingCall, Webhook::CallFallback, Webhook::DialEnded, Webhook::ForwardEnded];

/// Parameters that the carrier signed for the requested URL, with a token of the account that they name.
pub(super) struct Verified {
    /// The parameters.
    pub(super) parameters: Parameters,
    /// The account that signed.
    pub(super) sender: Sender,
}

/// The account that signed a request.
pub(super) struct Sender {
    /// Its SID; `None` if the request names none, which its handler rejects.
    sid: Option<String>,
    /// The tenant's account; `None`: the platform's.
    tenants: Option<SigningAccount>,
}

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
        // Unverified: it only chooses the tokens, of which none belongs to another account.
        let sid = account_of(&encoding, &body);
        let tenants = match sid.as_deref().map(|sid| webhooks.accounts.named(sid)) {
            // Without an account its handler rejects it.
            None | Some(Named::Platform) => None,
            Some(Named::Tenant(account)) => Some(account),
            Some(Named::Unknown) => return Err(webhooks.unproven(uri.path(), sid)),
            Some(Named::NotRead) => {
                return Err(webhooks.unverifiable(uri.path(), sid.as_deref(), NOT_READ_HINT));
            }
        };
        let tokens = tenants.as_ref().map_or(webhooks.accounts.platform_tokens(), |account| &account.tokens);
        let is_signed = |url: String| match encoding {
            Encoding::Form => signature::verify_form(&url, &body, given, tokens),
            Encoding::Json => signature::verify_json(&url, &body, given, tokens),
            Encoding::Query => signature::verify_get(&url, given, tokens),
        };
        // Twilio signs the URL configured there. `Host` and `X-Forwarded-*` may differ from it, and anybody can set them.
        if !webhooks.config.base_urls().map(|base| under(base, path)).any(is_signed) {
            return Err(match &tenants {
                None => webhooks.unproven(uri.path(), None),
                Some(account) => webhooks.not_signed_by(account, uri.path(), sid.as_deref()).await,
            });
        }
        if tenants.is_none() {
            webhooks.refusals.proven(SENDER);
        }
        let parameters = match encoding {
            Encoding::Form | Encoding::Query => Parameters::from_form(&body),
            // The carrier did sign it: an answer without parameters is still better than an error.
            Encoding::Json => Parameters::from_json(&body).unwrap_or_default(),
        };
        Ok(Self { parameters, sender: Sender { sid, tenants } })
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
    /// Rejects a request in the name of a tenant's account without a valid signature. If the carrier no longer accepts the account's
    /// token, no signature can be checked: the caller of a real call must not be left without an answer.
    async fn not_signed_by(&self, account: &SigningAccount, path: &str, sid: Option<&str>) -> Response {
        if self.accounts.recheck(account.id).await {
            return self.refusals.refuse(StatusCode::FORBIDDEN, SENDER, TENANT_HINT, sid);
        }
        self.unverifiable(path, sid, UNCHECKED_HINT)
    }

    /// Answers a request that cannot be verified, and may be anybody's: nothing is stored, and the caller hears an apology that tells
    /// nothing of a tenant.
    fn unverifiable(&self, path: &str, sid: Option<&str>, hint: &'static str) -> Response {
        let refusal = self.refusals.refuse(StatusCode::FORBIDDEN, SENDER, hint, sid);
        if HEARD.iter().any(|webhook| webhook.path() == path) {
            return self.twiml(CallAnswer::apology(Language::default()));
        }
        refusal
    }

    /// Rejects a request to this path without a valid signature, in the name of the platform's account or of an unknown one. A
    /// number that was moved to an unknown subaccount is signed with that account's token, so the log names the account.
    fn unproven(&self, path: &str, account: Option<String>) -> Response {
        if let Some(account) = account {
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

    /// Rejects a request about another account than the one that signed it, or about a number that this account does not hold.
    pub(super) async fn foreign(
        &self,
        sender: &Sender,
        account_sid: &str,
        number: Option<&E164>,
    ) -> Option<Response> {
        let account = is_account_sid(account_sid).then_some(account_sid);
        let refuse = |hint| Some(self.refusals.refuse(StatusCode::FORBIDDEN, SENDER, hint, account));
        if sender.sid.as_deref() != Some(account_sid) {
            return refuse("signed by one account, but about another");
        }
        // A number identifies its tenant only within its account.
        if let Some(number) = number
            && !self.holds(sender, number).await
        {
            return refuse("signed by one account, but about a number of another");
        }
        None
    }

    /// Whether the account that signed a request may hold this number.
    pub(super) async fn holds(&self, sender: &Sender, number: &E164) -> bool {
        self.accounts.may_call(number, sender.tenants.as_ref().map(|account| account.id)).await
    }

    /// Rejects a request of a tenant's account about a call of another tenant: a tenant signs the webhooks of its own account.
    pub(super) async fn about_anothers_call(&self, sender: &Sender, call_sid: &str) -> Option<Response> {
        let account = sender.tenants.as_ref()?;
        let is_anothers = self.accounts.is_call_of_another(call_sid, account.tenant).await;
        let hint = "signed by a tenant's account, but about a call of another tenant";
        is_anothers.then(|| self.refusals.refuse(StatusCode::FORBIDDEN, SENDER, hint, sender.sid.as_deref()))
    }

    /// The same for a text message.
    pub(super) async fn about_anothers_message(
        &self,
        sender: &Sender,
        sid: &str,
        id: Option<MessageId>,
    ) -> Option<Response> {
        let account = sender.tenants.as_ref()?;
        let is_anothers = self.accounts.is_message_of_another(sid, id, account.tenant).await;
        let hint = "signed by a tenant's account, but about a message of another tenant";
        is_anothers.then(|| self.refusals.refuse(StatusCode::FORBIDDEN, SENDER, hint, sender.sid.as_deref()))
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
