//! The emulated providers alone, driven over raw HTTP as a stranger's client would.

use std::{path::PathBuf, time::Duration};

use reqwest::{Method, Response, StatusCode};
use serde_json::{Value, json};
use switchboard::sandbox::{Credentials, Options, Running, start};
use tokio::net::TcpListener;

use super::carrier::Login;

/// A started sandbox and somebody with its credentials.
pub(crate) struct World {
    pub(crate) sandbox: Running,
    pub(crate) http: reqwest::Client,
    pub(crate) credentials: Credentials,
}

impl World {
    pub(crate) async fn start() -> Self {
        Self::start_with(None).await
    }

    pub(crate) async fn start_with(state_file: Option<PathBuf>) -> Self {
        let credentials = Credentials::development();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let options = Options { credentials: credentials.clone(), state_file };
        let http = reqwest::Client::builder().timeout(Duration::from_secs(20)).build().unwrap();
        Self { sandbox: start(options, listener).await.unwrap(), http, credentials }
    }

    /// A request to Twilio's API with the main account's token. A path without a leading slash is below that account.
    pub(crate) fn twilio(&self, method: Method, path: &str) -> reqwest::RequestBuilder {
        Login::main(self).request(self, method, path)
    }

    pub(crate) async fn read(&self, path: &str) -> (StatusCode, Value) {
        answer(self.twilio(Method::GET, path).send().await.unwrap()).await
    }

    pub(crate) async fn form(&self, path: &str, fields: &[(&str, &str)]) -> (StatusCode, Value) {
        answer(self.twilio(Method::POST, path).form(fields).send().await.unwrap()).await
    }

    pub(crate) async fn buy(&self, fields: &[(&str, &str)]) -> Value {
        Login::main(self).buy(self, fields).await
    }

    pub(crate) async fn release(&self, number: &Value) -> StatusCode {
        let path = format!("IncomingPhoneNumbers/{}.json", text(number, "sid"));
        self.twilio(Method::DELETE, &path).send().await.unwrap().status()
    }

    /// The numbers a search finds.
    pub(crate) async fn for_sale(&self, query: &str) -> Vec<String> {
        let (status, found) = self.read(&format!("AvailablePhoneNumbers/{query}")).await;
        assert_eq!(status, 200, "{found}");
        let found = found["available_phone_numbers"].as_array().unwrap();
        found.iter().map(|number| text(number, "phone_number")).collect()
    }

    /// A request to ElevenLabs' API.
    pub(crate) fn elevenlabs(&self, method: Method, path: &str) -> reqwest::RequestBuilder {
        let url = format!("{}{path}", self.sandbox.base_url());
        self.http.request(method, url).header("xi-api-key", &self.credentials.api_key)
    }

    pub(crate) async fn eleven(&self, method: Method, path: &str, body: Value) -> (StatusCode, Value) {
        answer(self.elevenlabs(method, path).json(&body).send().await.unwrap()).await
    }

    pub(crate) async fn agent(&self, name: &str, formats: &str) -> String {
        let body = json!({"name": name, "tags": ["test"], "conversation_config": {
            "asr": {"user_input_audio_format": formats}, "tts": {"agent_output_audio_format": formats}}});
        let (status, created) = self.eleven(Method::POST, "/v1/convai/agents/create", body).await;
        assert_eq!(status, 200, "{created}");
        text(&created, "agent_id")
    }

    /// The sandbox's own levers.
    pub(crate) async fn lever(&self, method: Method, path: &str, body: Value) -> (StatusCode, Value) {
        let url = format!("{}/sandbox/{path}", self.sandbox.base_url());
        answer(self.http.request(method, url).json(&body).send().await.unwrap()).await
    }

    pub(crate) async fn state(&self) -> Value {
        self.lever(Method::GET, "state", Value::Null).await.1
    }

    pub(crate) async fn fault(&self, fault: Value) {
        let (status, answer) = self.lever(Method::POST, "faults", fault).await;
        assert_eq!(status, 201, "{answer}");
    }
}

pub(crate) async fn answer(response: Response) -> (StatusCode, Value) {
    let status = response.status();
    let bytes = response.bytes().await.unwrap();
    let body = serde_json::from_slice(&bytes);
    (status, body.unwrap_or_else(|_| Value::String(String::from_utf8_lossy(&bytes).into_owned())))
}

pub(crate) fn text(value: &Value, name: &str) -> String {
    value[name].as_str().unwrap_or_else(|| panic!("no {name} in {value}")).to_owned()
}
