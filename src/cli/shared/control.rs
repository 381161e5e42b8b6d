//! Requests to the control API of the sandbox, for the commands that place calls and send texts.

use std::time::Duration;

use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::failure::Failure;
use super::folder;
use crate::config::Environment;

/// The sandbox skips the time of a conversation; only the responses of the webhooks take time.
const TIMEOUT: Duration = Duration::from_secs(60);

/// A sandbox and a client for it.
pub(in crate::cli) struct Control {
    base_url: String,
    client: reqwest::Client,
}

/// The sandbox's reason why it did not do as asked.
#[derive(Deserialize)]
struct Rejected {
    error: String,
}

impl Control {
    /// Finds the sandbox of `TWILIO_API_BASE_URL`, else that of this folder's `dev`.
    pub(in crate::cli) fn find(environment: &Environment) -> Result<Self, Failure> {
        let url = match environment.get("TWILIO_API_BASE_URL") {
            Some(url) => Some(url),
            None => folder::read()?.and_then(|remembered| remembered.sandbox),
        };
        let url = url.ok_or_else(|| {
            Failure::new("no sandbox is known here: start `switchboard dev` in this folder first")
        })?;
        let client =
            reqwest::Client::builder().timeout(TIMEOUT).connect_timeout(Duration::from_secs(5)).build();
        let client = client.map_err(|error| Failure::from_error(&error))?;
        Ok(Self { base_url: url.trim_end_matches('/').to_owned(), client })
    }

    /// Sends a request. If the sandbox rejects it, the message is `what`, a colon and the reason.
    pub(in crate::cli) async fn post<T: DeserializeOwned>(
        &self,
        path: &str,
        order: &Value,
        what: &str,
    ) -> Result<T, Failure> {
        let request = self.client.post(format!("{}/sandbox/{path}", self.base_url));
        self.send(request.json(order), what).await
    }

    /// Reads a record. Errors are those of [`Self::post`].
    pub(in crate::cli) async fn get<T: DeserializeOwned>(
        &self,
        path: &str,
        what: &str,
    ) -> Result<T, Failure> {
        self.send(self.client.get(format!("{}/sandbox/{path}", self.base_url)), what).await
    }

    async fn send<T: DeserializeOwned>(
        &self,
        request: reqwest::RequestBuilder,
        what: &str,
    ) -> Result<T, Failure> {
        let base_url = &self.base_url;
        let no_sandbox = || {
            Failure::new(format!(
                "{base_url} is not a sandbox of this version: start `switchboard dev` in this folder first"
            ))
        };
        let answer = request.send().await.map_err(|error| match error.is_connect() {
            true => Failure::new(format!(
                "no sandbox answers at {base_url}: start `switchboard dev` in this folder first"
            )),
            false => Failure::from_error(&error),
        })?;
        let status = answer.status();
        let body = answer.bytes().await.map_err(|error| Failure::from_error(&error))?;
        if status.is_success() {
            return serde_json::from_slice(&body).map_err(|_| no_sandbox());
        }
        match serde_json::from_slice::<Rejected>(&body) {
            Ok(rejected) => Err(Failure::new(format!("{what}: {}", rejected.error))),
            Err(_) => Err(no_sandbox()),
        }
    }
}
