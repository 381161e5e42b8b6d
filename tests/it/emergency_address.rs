//! Numbers with an emergency address, which the carrier does not release.

use std::time::Duration;

use reqwest::Method;
use serde_json::{Value, json};

use crate::support::api::provision;
use crate::support::practice::{CLEARED, DELETE, HELD, Practice, RELEASE};

const DELETE_CLEARED: &str =
    "mutation($id: ID!) { deleteAgent(input: {id: $id, clearEmergencyAddresses: true}) {
    operation { id state } userErrors { code message } } }";

impl Practice {
    /// Registers an emergency address for a number, as the account's owner.
    async fn registers_an_address(&self, number: &Value) {
        let address = [
            ("CustomerName", "Dr. Oak"),
            ("Street", "12 Main Street"),
            ("City", "New York"),
            ("Region", "NY"),
            ("PostalCode", "10001"),
            ("IsoCountry", "US"),
            ("EmergencyEnabled", "true"),
        ];
        let address = self.app.at_carrier(Method::POST, "Addresses", &address).await;
        let address = address["sid"].as_str().unwrap();
        self.app.as_account_owner(number.as_str().unwrap(), &[("EmergencyAddressSid", address)]).await;
        self.app.advance_providers(Duration::from_secs(5)).await;
    }

    async fn numbers_at_carrier(&self) -> usize {
        self.app.sandbox_state().await["numbers"].as_array().unwrap().len()
    }
}

#[tokio::test]
async fn an_emergency_address_is_named_and_removed_before_the_release_if_asked() {
    let practice = Practice::open_with(&[("RELEASE_GRACE", "0s")], json!({})).await;
    let number = practice.ask("{ phoneNumbers { nodes { id sid } } }", json!({})).await["nodes"][0].clone();
    practice.registers_an_address(&number["sid"]).await;

    let refused = practice.ask(RELEASE, json!({"id": number["id"]})).await;
    let refused = practice.over_in_time(&refused).await;
    assert_eq!(refused["error"]["code"], "CARRIER_REJECTED", "{refused}");
    let why = refused["error"]["message"].as_str().unwrap();
    assert!(why.contains("emergency address") && why.contains("clearEmergencyAddress"), "{why}");
    let held = practice.app.graphql(&practice.token, HELD, json!({})).await;
    assert_eq!(held["data"]["phoneNumbers"]["nodes"][0]["status"], "ACTIVE", "{held}");

    let released = practice.ask(CLEARED, json!({"id": number["id"]})).await;
    let released = practice.over_in_time(&released).await;
    assert_eq!(released["state"], "SUCCEEDED", "{released}");
    assert_eq!(practice.numbers_at_carrier().await, 0);
}

#[tokio::test]
async fn an_agent_keeps_all_its_numbers_if_one_cannot_be_released() {
    let practice = Practice::open_with(&[("RELEASE_GRACE", "0s")], json!({})).await;
    let agent = practice.made["agent"]["id"].clone();
    let input = json!({"agentId": agent, "areaCode": "646", "additional": true});
    provision(&practice.app, &practice.token, input).await;
    let numbers = practice.ask("{ phoneNumbers { nodes { sid } } }", json!({})).await["nodes"].clone();
    // Newest first: the one that would be released last.
    practice.registers_an_address(&numbers[0]["sid"]).await;

    let refused = practice.ask(DELETE, json!({ "id": agent })).await;
    let refused = practice.over_in_time(&refused).await;
    assert_eq!(refused["error"]["code"], "CARRIER_REJECTED", "{refused}");
    let held = practice.app.graphql(&practice.token, HELD, json!({})).await["data"].clone();
    let statuses: Vec<&Value> =
        held["phoneNumbers"]["nodes"].as_array().unwrap().iter().map(|number| &number["status"]).collect();
    assert_eq!(json!(statuses), json!(["ACTIVE", "ACTIVE"]), "{held}");
    assert_eq!(held["agents"]["nodes"][0]["status"], "ACTIVE", "{held}");
    assert_eq!(practice.numbers_at_carrier().await, 2);

    let deleted = practice.ask(DELETE_CLEARED, json!({ "id": agent })).await;
    let deleted = practice.over_in_time(&deleted).await;
    assert_eq!(deleted["state"], "SUCCEEDED", "{deleted}");
    assert_eq!(practice.numbers_at_carrier().await, 0);
}
