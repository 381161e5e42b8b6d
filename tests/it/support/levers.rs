//! The emulated providers' levers: faults, calls, and what they hold.

use std::time::Duration;

use reqwest::Method;
use serde_json::{Value, json};
use switchboard::sandbox::Credentials;

use super::wait_until;

/// Settings that keep calls from their agent, or us from hearing of them: the carrier's name, its JSON name, a wrong value.
pub(crate) const WRONG_SETTINGS: [(&str, &str, &str); 15] = [
    ("FriendlyName", "friendly_name", "Front desk"),
    ("VoiceUrl", "voice_url", "https://elsewhere.example.com/voice"),
    ("VoiceFallbackUrl", "voice_fallback_url", "https://elsewhere.example.com/fallback"),
    ("StatusCallback", "status_callback", "https://elsewhere.example.com/status"),
    ("VoiceMethod", "voice_method", "GET"),
    ("VoiceFallbackMethod", "voice_fallback_method", "GET"),
    ("StatusCallbackMethod", "status_callback_method", "GET"),
    ("VoiceReceiveMode", "voice_receive_mode", "fax"),
    ("VoiceApplicationSid", "voice_application_sid", "AP0123456789abcdef0123456789abcdef"),
    ("TrunkSid", "trunk_sid", "TK0123456789abcdef0123456789abcdef"),
    ("SmsUrl", "sms_url", "https://elsewhere.example.com/message"),
    ("SmsFallbackUrl", "sms_fallback_url", "https://elsewhere.example.com/fallback"),
    ("SmsMethod", "sms_method", "GET"),
    ("SmsFallbackMethod", "sms_fallback_method", "GET"),
    ("SmsApplicationSid", "sms_application_sid", "AP0123456789abcdef0123456789abcdef"),
];

/// A client of a sandbox, with the credentials for development.
pub(crate) struct Levers {
    url: String,
    http: reqwest::Client,
}

impl Levers {
    /// For the sandbox at this address, which has no slash at the end.
    pub(crate) fn of(url: String) -> Self {
        let http = reqwest::Client::builder().timeout(Duration::from_secs(60)).no_proxy().build().unwrap();
        Self { url, http }
    }

    /// Where both providers are emulated, without a slash at the end.
    pub(crate) fn sandbox_url(&self) -> String {
        self.url.clone()
    }

    /// A client for whatever else a test asks.
    pub(crate) fn http(&self) -> &reqwest::Client {
        &self.http
    }

    /// Asks our API at this address for something and gives the whole answer, `data` and `errors`.
    pub(crate) async fn ask(&self, server: &str, token: &str, query: &str, variables: Value) -> Value {
        let request = self.http.post(format!("{server}/graphql")).bearer_auth(token);
        let body = json!({ "query": query, "variables": variables });
        let answer = request.json(&body).send().await.unwrap();
        let status = answer.status();
        let text = answer.text().await.unwrap();
        serde_json::from_str(&text).unwrap_or_else(|_| panic!("{status}: {text}"))
    }

    /// Places a call as the carrier would: `{"to": "+1…", "hold": true, …}`; gives its story.
    pub(crate) async fn place_call(&self, order: Value) -> Value {
        self.pull(Method::POST, "calls", Some(order)).await
    }

    /// Places numbers in the carrier account as if they had always been there; gives them.
    pub(crate) async fn place_numbers(&self, numbers: Value) -> Value {
        self.pull(Method::POST, "numbers", Some(numbers)).await["numbers"].clone()
    }

    /// Changes a number past the carrier's API: `{"obstacle": "port_out"}`.
    pub(crate) async fn change_number(&self, sid: &str, change: Value) -> Value {
        self.pull(Method::POST, &format!("numbers/{sid}"), Some(change)).await
    }

    /// Sends a text as a person would: `{"to": "+1…", "from": "+1…", "body": "…"}`; gives its story.
    pub(crate) async fn place_text(&self, order: Value) -> Value {
        self.pull(Method::POST, "texts", Some(order)).await
    }

    /// Opens an account at the carrier that is unrelated to the platform's: `{"auth_token": "…", "trial": true}`.
    pub(crate) async fn open_account(&self, order: Value) -> Value {
        self.pull(Method::POST, "accounts", Some(order)).await
    }

    /// Changes an account as the carrier does: `{"status": "suspended", "auth_token": "…"}`.
    pub(crate) async fn change_account(&self, sid: &str, change: Value) {
        self.pull(Method::POST, &format!("accounts/{sid}"), Some(change)).await;
    }

    /// What the emulated carrier does with messages between two numbers: `{"to": "+1…", "outcome": "lost_webhook", "times": 1}`.
    pub(crate) async fn message_rule(&self, rule: Value) {
        self.pull(Method::POST, "message-rules", Some(rule)).await;
    }

    /// Asks the carrier as somebody with its console would: a path such as `IncomingPhoneNumbers/PN…`.
    pub(crate) async fn at_carrier(&self, method: Method, path: &str, form: &[(&str, &str)]) -> Value {
        let Credentials { account_sid, auth_token, .. } = Credentials::development();
        let url = format!("{}/2010-04-01/Accounts/{account_sid}/{path}.json", self.url);
        let request = self.http.request(method, url).basic_auth(account_sid, Some(auth_token));
        let answer = request.form(form).send().await.unwrap();
        let (status, text) = (answer.status(), answer.text().await.unwrap());
        assert!(status.is_success(), "{status}: {text}");
        serde_json::from_str(&text).unwrap_or_default()
    }

    /// Changes a number as somebody with the carrier's console would.
    pub(crate) async fn as_account_owner(&self, sid: &str, settings: &[(&str, &str)]) {
        self.at_carrier(Method::POST, &format!("IncomingPhoneNumbers/{sid}"), settings).await;
    }

    /// The same at the voice provider: a path such as `create`, or an agent's id.
    pub(crate) async fn at_voice_provider(&self, method: Method, path: &str, body: Value) {
        let url = format!("{}/v1/convai/agents/{path}", self.url);
        let key = Credentials::development().api_key;
        let answer =
            self.http.request(method, url).header("xi-api-key", key).json(&body).send().await.unwrap();
        let status = answer.status();
        assert!(status.is_success(), "{status}: {}", answer.text().await.unwrap());
    }

    /// Orders a fault.
    pub(crate) async fn faults(&self, fault: Value) {
        self.pull(Method::POST, "faults", Some(fault)).await;
    }

    /// How many faults were ordered and have not struck yet.
    pub(crate) async fn pending_faults(&self) -> usize {
        self.pull(Method::GET, "faults", None).await["faults"].as_array().unwrap().len()
    }

    /// Waits until every fault that was ordered has struck.
    pub(crate) async fn all_faults_have_struck(&self) {
        wait_until("every fault has struck", Duration::from_secs(60), async || {
            (self.pending_faults().await == 0).then_some(())
        })
        .await;
    }

    /// Takes every fault back that was ordered.
    pub(crate) async fn clear_faults(&self) {
        self.pull(Method::DELETE, "faults", None).await;
    }

    /// Moves the providers' clock ahead.
    pub(crate) async fn advance_providers(&self, by: Duration) {
        self.pull(Method::POST, "clock", Some(json!({ "seconds": by.as_secs() }))).await;
    }

    /// What both providers hold: `numbers`, `agents`, `calls`, `conversations`, `bill`, `counters`.
    pub(crate) async fn sandbox_state(&self) -> Value {
        self.pull(Method::GET, "state", None).await
    }

    async fn pull(&self, method: Method, lever: &str, order: Option<Value>) -> Value {
        let mut request = self.http.request(method, format!("{}/sandbox/{lever}", self.url));
        if let Some(order) = order {
            request = request.json(&order);
        }
        let answer = request.send().await.unwrap();
        let (status, text) = (answer.status(), answer.text().await.unwrap());
        assert!(status.is_success(), "{lever}: {status}: {text}");
        serde_json::from_str(&text).unwrap_or_default()
    }
}
