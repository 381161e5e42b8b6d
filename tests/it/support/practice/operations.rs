//! Operations of the practice: begun, followed to their end, and compared with what both providers hold.

use std::time::Duration;

use serde_json::{Value, json};

use super::Practice;
use crate::support::api::CREATE;
use crate::support::wait_until;

const OPERATION: &str = "query($id: ID!) { operation(id: $id) {
    state step attempts error { code message } waitsFor { code message } agent { status } } }";
pub(crate) const HELD: &str = "{ phoneNumbers(first: 50) { nodes { id number sid status agent { status } } }
    agents(first: 50) { nodes { elevenlabsAgentId status } } }";
pub(crate) const RELEASE: &str = "mutation($id: ID!) { releasePhoneNumber(input: {id: $id}) {
    operation { id state } userErrors { code message } } }";
/// A release that removes the emergency address first.
pub(crate) const CLEARED: &str =
    "mutation($id: ID!) { releasePhoneNumber(input: {id: $id, clearEmergencyAddress: true}) {
    operation { id state } userErrors { code message } } }";
pub(crate) const DELETE: &str = "mutation($id: ID!) { deleteAgent(input: {id: $id}) {
    agent { status } operation { id state } userErrors { code message } } }";
/// The carrier's numbers, as a part of its paths.
pub(crate) const NUMBERS: &str = "IncomingPhoneNumbers";
/// Longer than any operation of a test takes.
pub(crate) const DEADLINE: Duration = Duration::from_secs(60);

impl Practice {
    /// Creates an agent, and gives the mutation's payload.
    pub(crate) async fn create(&self, input: Value) -> Value {
        self.ask(CREATE, json!({ "input": input })).await
    }

    async fn operation(&self, payload: &Value) -> Value {
        self.ask(OPERATION, json!({ "id": payload["operation"]["id"] })).await
    }

    /// The operation of this payload once it is over.
    pub(crate) async fn over(&self, payload: &Value) -> Value {
        wait_until("the operation is over", DEADLINE, async || {
            let operation = self.operation(payload).await;
            matches!(operation["state"].as_str(), Some("SUCCEEDED" | "FAILED")).then_some(operation)
        })
        .await
    }

    /// The operation of this payload once it is over, while the carrier's removal of an address takes its time.
    pub(crate) async fn over_in_time(&self, payload: &Value) -> Value {
        wait_until("the operation is over", DEADLINE, async || {
            self.app.advance_providers(Duration::from_secs(1)).await;
            self.app.advance(Duration::from_secs(1));
            let operation = self.operation(payload).await;
            matches!(operation["state"].as_str(), Some("SUCCEEDED" | "FAILED")).then_some(operation)
        })
        .await
    }

    /// The operation of this payload once every fault has struck and it waits again; it must be open still.
    pub(crate) async fn waiting(&self, payload: &Value) -> Value {
        self.app.all_faults_have_struck().await;
        wait_until("the operation says what it waits for", DEADLINE, async || {
            let operation = self.operation(payload).await;
            assert!(operation["error"].is_null(), "{operation}");
            assert_eq!(operation["state"], "RUNNING", "{operation}");
            operation["waitsFor"].is_object().then_some(operation)
        })
        .await
    }

    pub(crate) async fn fault(&self, provider: &str, method: &str, path: &str, action: Value) {
        let matching = json!({ "provider": provider, "method": method, "path_contains": path });
        self.app.faults(json!({ "match": matching, "action": action, "times": 1 })).await;
    }

    /// A fault that strikes once, after all faults before it have struck.
    pub(crate) async fn fault_in_turn(&self, provider: &str, method: &str, path: &str, action: Value) {
        let matching = json!({ "provider": provider, "method": method, "path_contains": path });
        let fault = json!({ "match": matching, "action": action, "times": 1, "in_turn": true });
        self.app.faults(fault).await;
    }

    /// What is held is what is billed.
    pub(crate) async fn agree(&self, numbers: usize, agents: usize) {
        let held = self.app.graphql(&self.token, HELD, json!({})).await["data"].clone();
        let state = self.app.sandbox_state().await;
        let sorted = |list: &Value, name: &str| {
            let mut names: Vec<String> =
                list.as_array().unwrap().iter().map(|item| item[name].to_string()).collect();
            names.sort();
            names
        };
        let ours = sorted(&held["phoneNumbers"]["nodes"], "sid");
        assert_eq!(ours, sorted(&state["numbers"], "sid"), "{held} {state}");
        let our_agents = sorted(&held["agents"]["nodes"], "elevenlabsAgentId");
        assert_eq!(our_agents, sorted(&state["agents"], "agent_id"), "{held}");
        assert_eq!((ours.len(), our_agents.len()), (numbers, agents), "{held}");
    }

    /// An active agent with a number, both made in peace.
    pub(crate) async fn with_number(&self) -> Value {
        let made = self.create(json!({ "name": "Northside Dental", "areaCode": "305" })).await;
        assert_eq!(self.over(&made).await["state"], "SUCCEEDED");
        let held = self.app.graphql(&self.token, HELD, json!({})).await;
        json!({ "agent": made["agent"]["id"], "number": held["data"]["phoneNumbers"]["nodes"][0] })
    }

    /// Once the first attempt was given up and looked for in vain.
    pub(crate) async fn waiting_for_the_first_look(&self, payload: &Value) {
        wait_until("the first look found nothing", DEADLINE, async || {
            let operation = self.operation(payload).await;
            let waits_for = operation["waitsFor"]["message"].as_str().unwrap_or_default();
            waits_for.contains("looked up").then_some(())
        })
        .await;
    }
}
