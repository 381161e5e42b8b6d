//! The providers' webhooks: requests signed as the providers sign them, and the TwiML of an answer.

use std::sync::LazyLock;
use std::time::Duration;

use aws_lc_rs::hmac;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use reqwest::Response;
use serde_json::Value;
use switchboard::domain::Webhook;
use switchboard::sandbox::Credentials;

use super::calls::CALLER;
use super::{App, WEBHOOK_SECRET};

pub(crate) const INCOMING: &str = Webhook::IncomingCall.path();
pub(crate) const EVENTS: &str = Webhook::VoiceEvent.path();
pub(crate) const FORM: &str = "application/x-www-form-urlencoded";

/// The parameters of a first request about a call to this number.
pub(crate) fn ringing(number: &str, sid: &str) -> Vec<(String, String)> {
    let pairs = [("CallSid", sid), ("From", CALLER), ("To", number), ("CallStatus", "ringing")];
    let account = ("AccountSid".to_owned(), Credentials::development().account_sid);
    pairs.map(|(name, value)| (name.to_owned(), value.to_owned())).into_iter().chain([account]).collect()
}

/// Sends a form, signed as the carrier does.
pub(crate) async fn send(app: &App, path: &str, form: &[(String, String)]) -> Response {
    send_to(app, &app.base_url(), path, form).await
}

/// The same, to another server than the one whose address the carrier was given, as behind a balancer.
pub(crate) async fn send_to(app: &App, server: &str, path: &str, form: &[(String, String)]) -> Response {
    let signed = format!("{}{path}", app.base_url());
    let signature = signature(&Credentials::development().auth_token, &signed, form);
    post(&format!("{server}{path}"), FORM, Some(&signature), encoded(form)).await
}

pub(crate) fn sid(last: u8) -> String {
    format!("CA{last:032x}")
}

pub(crate) fn encoded(form: &[(String, String)]) -> String {
    form_urlencoded::Serializer::new(String::new()).extend_pairs(form).finish()
}

/// `X-Twilio-Signature`, by the carrier's documentation.
pub(crate) fn signature(auth_token: &str, url: &str, form: &[(String, String)]) -> String {
    let mut form = form.to_vec();
    form.sort();
    form.dedup();
    let text: String = form.iter().flat_map(|(name, value)| [name.as_str(), value.as_str()]).collect();
    let key = hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, auth_token.as_bytes());
    STANDARD.encode(hmac::sign(&key, format!("{url}{text}").as_bytes()))
}

/// One client for all requests, since building one reads the certificates of the system. It keeps no connection: a test's runtime,
/// which drives its connections, ends with the test.
pub(crate) fn client() -> reqwest::Client {
    static CLIENT: LazyLock<reqwest::Client> = LazyLock::new(|| {
        let builder = reqwest::Client::builder().timeout(Duration::from_secs(30)).no_proxy();
        builder.pool_max_idle_per_host(0).build().unwrap()
    });
    CLIENT.clone()
}

pub(crate) async fn post(url: &str, content_type: &str, signature: Option<&str>, body: String) -> Response {
    let request = client().post(url).header("content-type", content_type).body(body);
    let request = match signature {
        Some(signature) => request.header("X-Twilio-Signature", signature),
        None => request,
    };
    request.send().await.unwrap()
}

/// The TwiML of an answer that the carrier would accept, as the names of its verbs and its text.
pub(crate) async fn twiml(answer: Response) -> (Vec<String>, String) {
    assert_eq!(answer.status(), 200);
    assert_eq!(answer.headers()["content-type"], "text/xml; charset=utf-8");
    let text = answer.text().await.unwrap();
    (verbs(&text), text)
}

pub(crate) fn verbs(twiml: &str) -> Vec<String> {
    let document = roxmltree::Document::parse(twiml).unwrap_or_else(|error| panic!("{error}: {twiml}"));
    assert_eq!(document.root_element().tag_name().name(), "Response");
    document.root_element().children().map(|verb| verb.tag_name().name().to_owned()).collect()
}

/// Sends an event as the voice provider does, signed at this time; gives the answer's status.
pub(crate) async fn tell(app: &App, event: &Value, signed_at: i64) -> u16 {
    tell_raw(app, event.to_string(), signed_at).await
}

/// Sends a body as the voice provider does.
pub(crate) async fn tell_raw(app: &App, body: String, signed_at: i64) -> u16 {
    let key = hmac::Key::new(hmac::HMAC_SHA256, WEBHOOK_SECRET.as_bytes());
    let digest = hmac::sign(&key, format!("{signed_at}.{body}").as_bytes());
    let digest: String = digest.as_ref().iter().map(|byte| format!("{byte:02x}")).collect();
    let request = app.http().post(format!("{}{EVENTS}", app.base_url()));
    let request = request.header("content-type", "application/json");
    let request = request.header("ElevenLabs-Signature", format!("t={signed_at},v0={digest}"));
    request.body(body).send().await.unwrap().status().as_u16()
}
