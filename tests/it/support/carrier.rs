//! Accounts of the emulated carrier, and a receiver of webhooks that works out whose token signed them.

use std::sync::{Arc, Mutex};

use aws_lc_rs::digest;
use axum::{
    Router,
    body::Bytes,
    extract::{OriginalUri, State},
    http::HeaderMap,
    response::{IntoResponse, Response},
    routing::any,
};
use reqwest::Method;
use serde_json::{Value, json};
use tokio::net::TcpListener;

use super::sandbox::{World, answer, text};
use super::webhooks::signature;

/// Credentials: an account's SID and auth token, or an API key and its secret.
#[derive(Clone)]
pub(crate) struct Login {
    pub(crate) user: String,
    pub(crate) password: String,
}

impl Login {
    pub(crate) fn of(account: &Value) -> Self {
        Self { user: text(account, "sid"), password: text(account, "auth_token") }
    }

    pub(crate) fn main(world: &World) -> Self {
        let credentials = world.credentials.clone();
        Self { user: credentials.account_sid, password: credentials.auth_token }
    }

    /// Sends a request with a form. A path without a leading slash is below the account of these credentials.
    pub(crate) async fn send(
        &self,
        world: &World,
        method: Method,
        path: &str,
        fields: &[(&str, &str)],
    ) -> (u16, Value) {
        let request = self.request(world, method.clone(), path);
        let request = if method == Method::POST { request.form(fields) } else { request };
        let (status, body) = answer(request.send().await.unwrap()).await;
        (status.as_u16(), body)
    }

    pub(crate) fn request(&self, world: &World, method: Method, path: &str) -> reqwest::RequestBuilder {
        let base = world.sandbox.base_url();
        let url = if path.starts_with('/') {
            format!("{base}{path}")
        } else {
            format!("{base}/2010-04-01/Accounts/{}/{path}", self.user)
        };
        world.http.request(method, url).basic_auth(&self.user, Some(&self.password))
    }

    pub(crate) async fn get(&self, world: &World, path: &str) -> (u16, Value) {
        self.send(world, Method::GET, path, &[]).await
    }

    pub(crate) async fn post(&self, world: &World, path: &str, fields: &[(&str, &str)]) -> (u16, Value) {
        self.send(world, Method::POST, path, fields).await
    }

    pub(crate) async fn json(&self, world: &World, path: &str, body: &Value) -> (u16, Value) {
        let (status, body) =
            answer(self.request(world, Method::POST, path).json(body).send().await.unwrap()).await;
        (status.as_u16(), body)
    }

    pub(crate) async fn buy(&self, world: &World, fields: &[(&str, &str)]) -> Value {
        let (status, number) = self.post(world, "IncomingPhoneNumbers.json", fields).await;
        assert_eq!(status, 201, "{number}");
        number
    }
}

/// Creates a subaccount of the main account.
pub(crate) async fn subaccount(world: &World, name: &str) -> Value {
    let fields = [("FriendlyName", name)];
    let (status, account) = Login::main(world).post(world, "/2010-04-01/Accounts.json", &fields).await;
    assert_eq!(status, 201, "{account}");
    account
}

/// A webhook as it arrived.
#[derive(Clone, Debug)]
pub(crate) struct Hook {
    pub(crate) path: String,
    url: String,
    signature: String,
    body: Bytes,
}

impl Hook {
    pub(crate) fn fields(&self) -> Vec<(String, String)> {
        form_urlencoded::parse(&self.body).into_owned().collect()
    }

    pub(crate) fn field(&self, name: &str) -> String {
        self.fields().into_iter().find(|(known, _)| known == name).map(|(_, value)| value).unwrap_or_default()
    }

    /// The JSON body, whose digest the URL must name.
    pub(crate) fn json(&self) -> Value {
        let digest = digest::digest(&digest::SHA256, &self.body);
        let digest: String = digest.as_ref().iter().map(|byte| format!("{byte:02x}")).collect();
        assert!(self.url.ends_with(&format!("bodySHA256={digest}")), "{}", self.url);
        serde_json::from_slice(&self.body).unwrap()
    }

    /// Whether this token signed it.
    pub(crate) fn is_signed_with(&self, token: &str) -> bool {
        // A JSON body is signed by its digest in the URL.
        let fields = if self.url.contains("bodySHA256=") { Vec::new() } else { self.fields() };
        signature(token, &self.url, &fields) == self.signature
    }
}

/// A receiver of webhooks.
#[derive(Clone)]
pub(crate) struct Receiver {
    pub(crate) base: String,
    hooks: Arc<Mutex<Vec<Hook>>>,
}

impl Receiver {
    pub(crate) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let base = format!("http://{}", listener.local_addr().unwrap());
        let receiver = Self { base, hooks: Arc::default() };
        let router = Router::new().fallback(any(receive)).with_state(receiver.clone());
        tokio::spawn(async move { axum::serve(listener, router).await });
        receiver
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("{}{path}", self.base)
    }

    /// The webhooks since the last time.
    pub(crate) fn take(&self) -> Vec<Hook> {
        std::mem::take(&mut *self.hooks.lock().unwrap())
    }

    pub(crate) fn count(&self) -> usize {
        self.hooks.lock().unwrap().len()
    }

    /// The only webhook since the last time.
    pub(crate) fn one(&self) -> Hook {
        let hooks = self.take();
        assert_eq!(hooks.len(), 1, "{hooks:?}");
        hooks[0].clone()
    }
}

async fn receive(
    State(receiver): State<Receiver>,
    OriginalUri(uri): OriginalUri,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let signature = headers.get("x-twilio-signature").and_then(|value| value.to_str().ok());
    let hook = Hook {
        path: uri.path().to_owned(),
        url: format!("{}{uri}", receiver.base),
        signature: signature.unwrap_or_default().to_owned(),
        body,
    };
    receiver.hooks.lock().unwrap().push(hook);
    ([("content-type", "text/xml")], "<Response><Hangup/></Response>").into_response()
}

/// Places a test call. Returns its report.
pub(crate) async fn call(world: &World, to: &str) -> Value {
    let (status, report) = world.lever(Method::POST, "calls", json!({ "to": to })).await;
    assert_eq!(status, 200, "{report}");
    report
}

/// Moves the providers' clock ahead.
pub(crate) async fn advance(world: &World, seconds: i64) {
    let (status, answer) = world.lever(Method::POST, "clock", json!({ "seconds": seconds })).await;
    assert_eq!(status, 200, "{answer}");
}
