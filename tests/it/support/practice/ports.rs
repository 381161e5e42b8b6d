//! Numbers of other carriers, kept and ported over weeks of the carriers' clock, which the tests move.

use std::time::{Duration, Instant};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use reqwest::Method;
use serde_json::{Value, json};

use super::{DEADLINE, Practice, TENANT};
use crate::support::{App, wait_until};

/// Not for sale at the sandbox.
pub(crate) const NUMBER: &str = "+17185557777";
pub(crate) const KEEP: &str = "mutation($input: KeepPhoneNumberInput!) { keepPhoneNumber(input: $input) {
    keptNumber { id state } operation { id kind state } userErrors { code field message } } }";
pub(crate) const KEPT: &str = "query($id: ID!) { node(id: $id) { ... on KeptNumber {
    id number state detail carrierStatus portDate signatureUrl forwardingInstructions
    target { id number status } agent { id } } } }";
pub(crate) const REQUEST: &str = "mutation($input: RequestPortInput!) { requestPort(input: $input) {
    keptNumber { id state } operation { id kind state step } userErrors { code field message } } }";
pub(crate) const CANCEL: &str = "mutation($id: ID!) { cancelPort(input: {keptNumberId: $id}) {
    keptNumber { state detail } operation { state } userErrors { code field message } } }";
pub(crate) const PORTED: &str = "query($number: E164!) { phoneNumber(number: $number) {
    id sid status origin routingVersion agent { id } capabilities { sms } } }";

pub(crate) fn pdf(bytes: usize) -> String {
    let mut content = b"%PDF-1.7 a bill".to_vec();
    content.resize(bytes.max(content.len()), b' ');
    STANDARD.encode(content)
}

impl Practice {
    /// A practice on a server that waits for no operation.
    pub(crate) async fn open_unwaited(variables: &[(&'static str, &str)]) -> Self {
        let app = App::start_with(variables).await;
        let token = app.token(TENANT);
        let mut practice = Self { app, token, made: Value::Null, number: String::new() };
        let made = practice.create(json!({ "name": "Practice", "areaCode": "212" })).await;
        practice.over(&made).await;
        practice.made = made;
        practice
    }

    /// Keeps a number; gives the record's id.
    pub(crate) async fn keep(&self, number: &str) -> Value {
        let area = if number.starts_with("+1416") { "416" } else { "305" };
        let input = json!({ "number": number, "agentId": self.made["agent"]["id"], "areaCode": area });
        let payload = self.ask(KEEP, json!({ "input": input })).await;
        assert_eq!(payload["userErrors"], json!([]), "{payload}");
        self.over(&payload).await;
        payload["keptNumber"]["id"].clone()
    }

    pub(crate) async fn kept(&self, id: &Value) -> Value {
        self.ask(KEPT, json!({ "id": id })).await
    }

    /// Requests a port, with these changes of a usual input.
    pub(crate) async fn request_port(&self, id: &Value, change: Value) -> Value {
        let mut input = json!({
            "keptNumberId": id, "customerName": "Northside Dental", "accountNumber": "A-4711",
            "representative": "R. Representative", "representativeEmail": "office@practice.example",
            "street": "1 Main Street", "city": "New York", "region": "NY", "postalCode": "10001",
            "bill": { "contentType": "application/pdf", "base64": pdf(100) },
        });
        input.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
        self.ask(REQUEST, json!({ "input": input })).await
    }

    /// A kept number whose port was requested; gives the record's id and the operation.
    pub(crate) async fn with_port(&self) -> (Value, Value) {
        let id = self.keep(NUMBER).await;
        let payload = self.request_port(&id, json!({})).await;
        assert_eq!(payload["userErrors"], json!([]), "{payload}");
        self.until_requested(1).await;
        (id, payload)
    }

    /// Waits until the carrier has so many ports, and the data of none is left here.
    pub(crate) async fn until_requested(&self, ports: usize) {
        wait_until("the port is requested", DEADLINE, async || {
            (self.ports().await.len() == ports && self.data_left().await == 0).then_some(())
        })
        .await;
    }

    /// The record once it is in this state, while minutes pass.
    pub(crate) async fn until(&self, id: &Value, state: &str) -> Value {
        let mut advanced: Option<Instant> = None;
        wait_until(&format!("the kept number is {state}"), DEADLINE, async || {
            let kept = self.kept(id).await;
            if kept["state"] == state {
                return Some(kept);
            }
            // Not at every look: a token is good for an hour.
            if advanced.is_none_or(|at| at.elapsed() > Duration::from_secs(3)) {
                self.app.advance(Duration::from_secs(61));
                advanced = Some(Instant::now());
            }
            None
        })
        .await
    }

    pub(crate) async fn lever(&self, method: Method, path: &str, order: Value) -> Value {
        let url = format!("{}/sandbox/{path}", self.app.sandbox_url());
        let answer = self.app.http().request(method, url).json(&order).send().await.unwrap();
        let (status, text) = (answer.status(), answer.text().await.unwrap());
        assert!(status.is_success(), "{path}: {status}: {text}");
        serde_json::from_str(&text).unwrap_or_default()
    }

    pub(crate) async fn ports(&self) -> Vec<Value> {
        self.lever(Method::GET, "ports", json!({})).await["ports"].as_array().unwrap().clone()
    }

    /// Acts on the latest port.
    pub(crate) async fn act(&self, act: Value) -> Value {
        let ports = self.ports().await;
        let sid = ports.last().unwrap()["port_in_request_sid"].as_str().unwrap().to_owned();
        self.lever(Method::POST, &format!("ports/{sid}"), act).await
    }

    /// Takes a requested port to its end.
    pub(crate) async fn finish(&self, id: &Value) {
        for _ in 0..3 {
            self.act(json!({ "action": "advance" })).await;
        }
        self.until(id, "PORT_DATE_SET").await;
        self.act(json!({ "action": "advance" })).await;
        self.until(id, "DONE").await;
    }

    pub(crate) async fn answers_here(&self) {
        let call = self.app.place_call(json!({ "to": NUMBER })).await;
        assert_eq!(call["agent"]["name"], "Dr. Smith's Office Assistant", "{call}");
    }

    pub(crate) async fn data_left(&self) -> i64 {
        let kept = "SELECT count(*) FROM kept_numbers WHERE port_order IS NOT NULL OR bill IS NOT NULL";
        self.app.count(kept).await
    }

    /// Ports a number with an emergency address, with these changes of a usual input. Gives the record once the port is done.
    pub(crate) async fn port_with_address(&self, change: Value) -> Value {
        let id = self.keep(NUMBER).await;
        let mut input = json!({ "registerEmergencyAddress": true });
        input.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
        let payload = self.request_port(&id, input).await;
        assert_eq!(payload["userErrors"], json!([]), "{payload}");
        self.until_requested(1).await;
        self.finish(&id).await;
        assert_eq!(self.over(&payload).await["state"], "SUCCEEDED");
        self.kept(&id).await
    }

    /// The addresses that the carrier has, and that of the ported number with its status.
    pub(crate) async fn addresses(&self) -> (Vec<Value>, [Value; 2]) {
        let state = self.app.sandbox_state().await;
        let number = state["numbers"].as_array().unwrap().iter().find(|one| one["phone_number"] == NUMBER);
        let number = number.unwrap();
        let of_number = ["address_sid", "status"].map(|name| number["emergency"][name].clone());
        (state["addresses"].as_array().unwrap().clone(), of_number)
    }
}
