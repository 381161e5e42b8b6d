//! Twilio's webhook requests: parameters, signature, time limits, and validation of the response.

use std::time::Duration;

use reqwest::{header::CONTENT_TYPE, redirect};

use super::{
    super::{
        Shared, ambient, sign,
        state::{Call, WebhookExchange},
        stock,
    },
    Method, Target,
};

/// Maximum size of a response in bytes. Twilio rejects longer ones with error 11750.
const MAX_RESPONSE: usize = 64 * 1024;

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

/// Returns the parameters of every voice webhook of a call.
pub(super) fn fields(sandbox: &Shared, call: &Call, status: &str) -> Vec<(String, String)> {
    let mut fields = vec![
        ("CallSid".to_owned(), call.sid.clone()),
        ("AccountSid".to_owned(), sandbox.credentials.account_sid.clone()),
        ("ApiVersion".to_owned(), "2010-04-01".to_owned()),
        ("Direction".to_owned(), "inbound".to_owned()),
        ("CallStatus".to_owned(), status.to_owned()),
    ];
    // `Caller` and `Called` repeat `From` and `To`. They are undocumented, but real requests have them.
    for (names, number) in [(["From", "Caller"], &call.from), (["To", "Called"], &call.to)] {
        let item = stock::find(number);
        let country = match item {
            Some(item) => item.country,
            None if number.starts_with("+1") => "US",
            None => "",
        };
        for name in names {
            fields.push((name.to_owned(), number.clone()));
            let town = item.and_then(|item| item.locality).map(str::to_uppercase).unwrap_or_default();
            fields.push((format!("{name}City"), town));
            fields.push((
                format!("{name}State"),
                item.and_then(|item| item.region).unwrap_or_default().to_owned(),
            ));
            let zip = item.and_then(|item| item.postal_code).unwrap_or_default();
            fields.push((format!("{name}Zip"), zip.to_owned()));
            fields.push((format!("{name}Country"), country.to_owned()));
        }
    }
    fields.extend(call.parameters.clone());
    fields
}

/// Sends a webhook. Like Twilio, retries once if no connection was made, with the same idempotency token.
pub(super) async fn send(sandbox: &Shared, target: &Target, fields: &[(String, String)]) -> WebhookExchange {
    let token = ambient::hex32();
    let first = attempt(sandbox, target, fields, &token).await;
    let outcome = match first {
        // By default, Twilio retries once, and only if it could not connect.
        Err(error) if error.is_connect() => attempt(sandbox, target, fields, &token).await,
        other => other,
    };
    outcome.unwrap_or_else(|error| {
        let reason = if error.is_timeout() {
            "11200: no response within 15 s".to_owned()
        } else {
            format!("11205: no response ({})", root_cause(&error))
        };
        WebhookExchange { url: target.url.clone(), status: None, twiml: String::new(), error: Some(reason) }
    })
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
    target: &Target,
    fields: &[(String, String)],
    token: &str,
) -> Result<WebhookExchange, reqwest::Error> {
    let auth_token = &sandbox.credentials.auth_token;
    // The fragment configures Twilio's retries. It is neither sent nor signed.
    let url = target.url.split('#').next().unwrap_or_default();
    let request = match target.method {
        Method::Post => {
            let signature = sign::twilio(auth_token, url, fields);
            sandbox.http.post(url).form(fields).header("X-Twilio-Signature", signature)
        }
        Method::Get => {
            // The parameters of a GET are part of the signed URL, not of the signed fields.
            let query = form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish();
            let url = format!("{url}{}{query}", if url.contains('?') { '&' } else { '?' });
            let signature = sign::twilio(auth_token, &url, &[]);
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
        match kind {
            Some(kind)
                if ["text/xml", "application/xml", "text/html"].iter().any(|is| kind.starts_with(is)) =>
            {
                None
            }
            Some(kind) => Some(format!("12300: content type {kind}")),
            None => Some("12300: no content type".to_owned()),
        }
    };
    let twiml = String::from_utf8_lossy(body.get(..MAX_RESPONSE).unwrap_or(&body)).into_owned();
    Ok(WebhookExchange { url: target.url.clone(), status: Some(status.as_u16()), twiml, error })
}
