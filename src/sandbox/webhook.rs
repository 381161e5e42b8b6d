//! Twilio's webhook requests: target, signature, time limits, and validation of the response.

use std::time::Duration;

use aws_lc_rs::digest;
use reqwest::{header::CONTENT_TYPE, redirect};
use serde_json::Value;
use url::Url;

use super::{Shared, ambient, sign, state::WebhookExchange, stock};

/// Maximum size of a response in bytes. Twilio rejects longer ones with error 11750.
const MAX_RESPONSE: usize = 64 * 1024;

/// HTTP method of a request to a [`Target`].
#[derive(Clone, Copy, PartialEq, Debug)]
pub(crate) enum Method {
    Post,
    Get,
}

/// URL that a webhook is sent to.
#[derive(Clone, PartialEq, Debug)]
pub(crate) struct Target {
    pub(crate) url: String,
    pub(crate) method: Method,
}

impl Target {
    /// Creates a target. Returns `None` for an empty URL. Every method except `GET` means POST, the default.
    pub(crate) fn of(url: &str, method: &str) -> Option<Self> {
        let method = if method.eq_ignore_ascii_case("get") { Method::Get } else { Method::Post };
        (!url.is_empty()).then(|| Self { url: url.to_owned(), method })
    }
}

/// Resolves a URL of a document. An absolute one is kept unchanged, because the receiver verifies the signature against these bytes.
///
/// # Errors
/// Twilio's error code and a text.
pub(crate) fn resolved(url: &str, base: &str) -> Result<String, String> {
    if url.starts_with("http://") || url.starts_with("https://") {
        return Ok(url.to_owned());
    }
    let joined = Url::parse(base).and_then(|base| base.join(url));
    joined.map(String::from).map_err(|error| format!("11100: the URL {url:?} is not valid ({error})"))
}

/// Subject of a webhook. It decides how the URL is signed and which responses are accepted.
#[derive(Clone, Copy, PartialEq)]
pub(crate) enum Subject {
    /// A call: the response is TwiML.
    Call,
    /// An inbound message: the response is TwiML, plain text or empty.
    Message,
    /// The status of a message: the response is ignored.
    MessageStatus,
    /// The end of a validation call: the response is ignored.
    Verification,
}

/// Returns an HTTP client with Twilio's limits: 5 s to connect, 15 s in total, 10 redirects.
pub(crate) fn client() -> Result<reqwest::Client, reqwest::Error> {
    reqwest::Client::builder()
        // Twilio's defaults for a voice webhook: 5 s to connect, 15 s in all.
        .connect_timeout(Duration::from_secs(5))
        .timeout(Duration::from_secs(15))
        .redirect(redirect::Policy::limited(10))
        // A connection per request, so that a restarted receiver never meets a dead pooled connection.
        .pool_max_idle_per_host(0)
        .user_agent("TwilioProxy/1.1")
        // A proxy cannot reach a receiver on loopback.
        .no_proxy()
        .build()
}

/// Returns the geographic parameters of a number: city, state, postal code and country, empty where unknown. `name` is `From` or `To`.
pub(crate) fn place_fields(name: &str, number: &str) -> [(String, String); 4] {
    let item = stock::find(number);
    let country = match item {
        Some(item) => item.country,
        None if number.starts_with("+1") => "US",
        None => "",
    };
    let city = item.and_then(|item| item.locality).map(str::to_uppercase).unwrap_or_default();
    let state = item.and_then(|item| item.region).unwrap_or_default();
    let postal_code = item.and_then(|item| item.postal_code).unwrap_or_default();
    [
        (format!("{name}City"), city),
        (format!("{name}State"), state.to_owned()),
        (format!("{name}Zip"), postal_code.to_owned()),
        (format!("{name}Country"), country.to_owned()),
    ]
}

/// Returns the account's primary auth token. Empty if there is no such account.
fn auth_token(sandbox: &Shared, account: &str) -> String {
    let state = sandbox.store.read();
    state.account(account).map(|account| account.auth_token.clone()).unwrap_or_default()
}

/// Sends a webhook, signed with the account's primary auth token. Like Twilio, retries once if no connection was made, with the same idempotency token.
pub(crate) async fn send(
    sandbox: &Shared,
    account: &str,
    subject: Subject,
    target: &Target,
    fields: &[(String, String)],
) -> WebhookExchange {
    // Read once: a retry is signed like the first attempt.
    let key = auth_token(sandbox, account);
    let token = ambient::hex32();
    let first = attempt(sandbox, subject, target, fields, (&key, &token)).await;
    let outcome = match first {
        // By default, Twilio retries once, and only if it could not connect.
        Err(error) if error.is_connect() => attempt(sandbox, subject, target, fields, (&key, &token)).await,
        other => other,
    };
    outcome.unwrap_or_else(|error| unanswered(&target.url, &error))
}

/// Sends a JSON webhook, signed with the account's primary auth token: the URL names the body's digest, and the signature covers it.
pub(crate) async fn send_json(sandbox: &Shared, account: &str, url: &str, body: &Value) -> WebhookExchange {
    let key = auth_token(sandbox, account);
    let body = body.to_string();
    let digest = digest::digest(&digest::SHA256, body.as_bytes());
    let digest: String = digest.as_ref().iter().map(|byte| format!("{byte:02x}")).collect();
    let url = url.split('#').next().unwrap_or_default();
    let url = format!("{url}{}bodySHA256={digest}", if url.contains('?') { '&' } else { '?' });
    let signature = sign::twilio(&key, &sign::messaging_url(&url), &[]);
    let request = sandbox.http.post(&url).header(CONTENT_TYPE, "application/json");
    let request = request.header("X-Twilio-Signature", signature).body(body);
    let response = match request.header("I-Twilio-Idempotency-Token", ambient::hex32()).send().await {
        Ok(response) => response,
        Err(error) => return unanswered(&url, &error),
    };
    let status = response.status();
    let error = (!status.is_success()).then(|| format!("11200: HTTP status {}", status.as_u16()));
    // The response is ignored.
    WebhookExchange { url, status: Some(status.as_u16()), content_type: None, twiml: String::new(), error }
}

fn unanswered(url: &str, error: &reqwest::Error) -> WebhookExchange {
    let reason = if error.is_timeout() {
        "11200: no response within 15 s".to_owned()
    } else {
        format!("11205: no response ({})", root_cause(error))
    };
    WebhookExchange {
        url: url.to_owned(),
        status: None,
        content_type: None,
        twiml: String::new(),
        error: Some(reason),
    }
}

fn root_cause(error: &dyn std::error::Error) -> String {
    let mut cause = error;
    while let Some(deeper) = cause.source() {
        cause = deeper;
    }
    cause.to_string()
}

async fn attempt(
    sandbox: &Shared,
    subject: Subject,
    target: &Target,
    fields: &[(String, String)],
    (auth_token, token): (&str, &str),
) -> Result<WebhookExchange, reqwest::Error> {
    let signed_url = |url: &str| match subject {
        Subject::Call | Subject::Verification => sign::voice_url(url),
        Subject::Message | Subject::MessageStatus => sign::messaging_url(url),
    };
    // The fragment configures Twilio's retries. It is neither sent nor signed.
    let url = target.url.split('#').next().unwrap_or_default();
    let request = match target.method {
        Method::Post => {
            let signature = sign::twilio(auth_token, &signed_url(url), fields);
            sandbox.http.post(url).form(fields).header("X-Twilio-Signature", signature)
        }
        Method::Get => {
            // The parameters of a GET are part of the signed URL, not of the signed fields.
            let query = form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish();
            let url = format!("{url}{}{query}", if url.contains('?') { '&' } else { '?' });
            let signature = sign::twilio(auth_token, &signed_url(&url), &[]);
            sandbox.http.get(url).header("X-Twilio-Signature", signature)
        }
    };
    // The token is the same in a retry, so that a receiver can be tested for relying on it.
    let response = request.header("I-Twilio-Idempotency-Token", token).header("Accept", "*/*").send().await?;
    let status = response.status();
    let kind = response.headers().get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).map(str::to_owned);
    let body = response.bytes().await?;
    let error = if !status.is_success() {
        Some(format!("11200: HTTP status {}", status.as_u16()))
    } else if body.len() > MAX_RESPONSE {
        Some("11750: the response is longer than 64 kB".to_owned())
    } else {
        content_type_error(subject, kind.as_deref(), &body)
    };
    let twiml = String::from_utf8_lossy(body.get(..MAX_RESPONSE).unwrap_or(&body)).into_owned();
    Ok(WebhookExchange {
        url: target.url.clone(),
        status: Some(status.as_u16()),
        content_type: kind,
        twiml,
        error,
    })
}

fn content_type_error(subject: Subject, kind: Option<&str>, body: &[u8]) -> Option<String> {
    let is = |known: &str| kind.is_some_and(|kind| kind.starts_with(known));
    let is_accepted = match subject {
        Subject::MessageStatus | Subject::Verification => true,
        Subject::Message if body.is_empty() || is("text/plain") => true,
        Subject::Message | Subject::Call => ["text/xml", "application/xml", "text/html"].into_iter().any(is),
    };
    (!is_accepted).then(|| match kind {
        Some(kind) => format!("12300: content type {kind}"),
        None => "12300: no content type".to_owned(),
    })
}
