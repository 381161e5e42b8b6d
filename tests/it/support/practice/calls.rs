//! Calls to the practice's number.

use reqwest::Response;
use serde_json::{Value, json};

use super::Practice;
use crate::support::calls::CALLER;
use crate::support::webhooks::{ringing, send};

const CALLS: &str = r"{
  calls { totalCount nodes { sid from callerAttestation to status outcome durationSeconds estimatedCost conversationId agent { id } } }
}";
const NEWEST: &str =
    "{ calls(first: 1) { nodes { status outcome decision { outcome reason ruleName action { kind } } } } }";
pub(crate) const SIMULATE: &str = "query($number: E164!, $from: String, $at: DateTime) {
    simulateCall(number: $number, from: $from, at: $at) { outcome reason rule { name } } }";

impl Practice {
    /// Places a call at the emulated carrier; the order is added to a usual one.
    pub(crate) async fn call(&self, order: Value) -> Value {
        let mut wanted = json!({"to": self.number, "from": CALLER});
        wanted.as_object_mut().unwrap().extend(order.as_object().unwrap().clone());
        self.app.place_call(wanted).await
    }

    /// The calls on record, newest first.
    pub(crate) async fn calls(&self) -> Vec<Value> {
        let answer = self.app.graphql(&self.token, CALLS, json!({})).await;
        let calls = answer["data"]["calls"]["nodes"].as_array().unwrap_or_else(|| panic!("{answer}")).clone();
        assert_eq!(answer["data"]["calls"]["totalCount"], calls.len());
        calls
    }

    /// The newest call on record, with its routing decision.
    pub(crate) async fn newest(&self) -> Value {
        self.ask(NEWEST, json!({})).await["nodes"][0].clone()
    }

    /// How many call slots are in use.
    pub(crate) async fn active_calls(&self) -> Value {
        self.ask("{ viewer { activeCalls } }", json!({})).await["activeCalls"].clone()
    }

    /// What a call would come to.
    pub(crate) async fn simulate(&self, from: Option<&str>, at: Option<&str>) -> Value {
        self.ask(SIMULATE, json!({"number": self.number, "from": from, "at": at})).await
    }

    /// How many conversations the voice provider has begun.
    pub(crate) async fn conversations(&self) -> usize {
        self.app.sandbox_state().await["conversations"].as_array().unwrap().len()
    }

    /// The parameters of the carrier's first request about a call to the practice.
    pub(crate) fn ringing(&self, sid: &str) -> Vec<(String, String)> {
        ringing(&self.number, sid)
    }

    /// Sends a form, signed as the carrier does.
    pub(crate) async fn send(&self, path: &str, form: &[(String, String)]) -> Response {
        send(&self.app, path, form).await
    }
}
