//! The emergency address of a ported number: created with the request, registered once the number takes calls, removed when it is given
//! up.

use std::time::Duration;

use reqwest::Method;
use serde_json::{Value, json};

use crate::support::practice::ports::{CANCEL, NUMBER, PORTED};
use crate::support::practice::{CLEARED, DEADLINE, Practice};
use crate::support::wait_until;

impl Practice {
    /// Requests a port with an emergency address, which the carrier does not create before its faults are cleared. Gives the record's id
    /// and the operation.
    async fn with_port_and_no_address(&self) -> (Value, Value) {
        let id = self.keep(NUMBER).await;
        let creation = json!({ "provider": "twilio", "method": "POST", "path_contains": "Addresses.json" });
        self.app.faults(json!({ "match": creation, "action": { "status": 503 } })).await;
        let payload = self.request_port(&id, json!({ "registerEmergencyAddress": true })).await;
        assert_eq!(payload["userErrors"], json!([]), "{payload}");
        wait_until("the address is being created", DEADLINE, async || {
            let query = "query($id: ID!) { operation(id: $id) { step } }";
            let operation = self.ask(query, json!({ "id": payload["operation"]["id"] })).await;
            (operation["step"] == "create_address").then_some(())
        })
        .await;
        (id, payload)
    }

    /// Releases the ported number and its address. Gives the payload.
    async fn gives_up(&self) -> Value {
        let number = self.ask(PORTED, json!({ "number": NUMBER })).await;
        let payload = self.ask(CLEARED, json!({ "id": number["id"] })).await;
        assert_eq!(payload["userErrors"], json!([]), "{payload}");
        payload
    }
}

#[tokio::test]
async fn a_ported_number_is_registered_with_the_address_of_its_request() {
    let practice = Practice::open_with(&[("RELEASE_GRACE", "0s")], json!({})).await;
    // Found again by its name.
    practice.fault("twilio", "POST", "Addresses.json", json!({ "lose": "after" })).await;
    let kept = practice.port_with_address(json!({})).await;
    assert!(kept["detail"].as_str().unwrap().ends_with("Its emergency address is registered."), "{kept}");
    let (addresses, of_number) = practice.addresses().await;
    assert_eq!(addresses.len(), 1, "{addresses:?}");
    assert_eq!(of_number, [addresses[0]["sid"].clone(), json!("registered")]);
    let settings = &addresses[0]["settings"];
    assert_eq!((&settings["street"], &settings["city"]), (&json!("1 Main Street"), &json!("New York")));
    assert_eq!(settings["customer_name"], "Northside Dental");
    assert_eq!(settings["friendly_name"].as_str().unwrap().len(), 32, "the longest name that is allowed");
    practice.answers_here().await;
    practice.agree(3, 1).await;

    let released = practice.gives_up().await;
    wait_until("the carrier has removed the address", DEADLINE, async || {
        practice.app.advance(Duration::from_secs(1));
        let (_, [_, status]) = practice.addresses().await;
        let number = practice.ask(PORTED, json!({ "number": NUMBER })).await;
        (status == "unregistered" && number["status"] != "RELEASING").then_some(())
    })
    .await;
    assert_eq!(practice.over(&released).await["state"], "SUCCEEDED", "{released}");
}

#[tokio::test]
async fn a_repeated_request_changes_the_address_of_the_earlier_one() {
    let practice = Practice::open(json!({})).await;
    let id = practice.keep(NUMBER).await;
    let with_address = |street: &str| json!({ "registerEmergencyAddress": true, "street": street });
    let first = practice.request_port(&id, with_address("1 Main Street")).await;
    assert_eq!(first["userErrors"], json!([]), "{first}");
    practice.until_requested(1).await;
    practice.ask(CANCEL, json!({ "id": id })).await;
    practice.until(&id, "CANCELED").await;
    let again = practice.request_port(&id, with_address("2 Main Street")).await;
    assert_eq!(again["userErrors"], json!([]), "{again}");
    practice.until_requested(2).await;
    practice.finish(&id).await;
    let (addresses, of_number) = practice.addresses().await;
    assert_eq!((addresses.len(), &addresses[0]["settings"]["street"]), (1, &json!("2 Main Street")));
    assert_eq!(of_number, [addresses[0]["sid"].clone(), json!("registered")]);
}

#[tokio::test]
async fn an_address_that_is_not_registered_stops_neither_the_port_nor_the_calls() {
    let fails = async |practice: Practice, change: Value, words: &str| {
        let kept = practice.port_with_address(change).await;
        let detail = kept["detail"].as_str().unwrap();
        assert!(detail.starts_with("the number is ported and takes calls"), "{kept}");
        assert!(
            detail.contains("Its emergency address is not registered") && detail.contains(words),
            "{kept}"
        );
        assert!(detail.contains("until the operator has registered an address"), "{kept}");
        practice.answers_here().await;
        practice
    };
    let practice = Practice::open(json!({})).await;
    practice.lever(Method::POST, "emergency", json!({ "registrations_fail": true })).await;
    let practice = fails(practice, json!({}), "the carrier could not register it").await;
    let (addresses, of_number) = practice.addresses().await;
    assert_eq!((addresses.len(), &of_number[1]), (1, &json!("registration-failure")));

    let refused = json!({ "street": "Main Street" });
    let practice = Practice::open(json!({})).await;
    let practice = fails(practice, refused, "the carrier cannot find the address").await;
    let (addresses, of_number) = practice.addresses().await;
    assert_eq!((addresses.len(), &of_number[1]), (0, &json!("unregistered")));
}

#[tokio::test]
async fn a_port_is_canceled_while_its_address_is_created() {
    let practice = Practice::open(json!({})).await;
    let (id, payload) = practice.with_port_and_no_address().await;
    assert_eq!(practice.data_left().await, 1, "the address is needed once more");
    let canceled = practice.ask(CANCEL, json!({ "id": id })).await;
    assert_eq!(canceled["userErrors"], json!([]), "{canceled}");
    practice.until(&id, "CANCELED").await;
    assert_eq!(practice.over(&payload).await["state"], "FAILED");
    assert_eq!(practice.data_left().await, 0);
    let ports = practice.ports().await;
    assert_eq!((ports.len(), &ports[0]["port_in_request_status"]), (1, &json!("Canceled")));
    let addresses = practice.app.sandbox_state().await["addresses"].clone();
    assert_eq!(addresses, json!([]));
    practice.app.clear_faults().await;
    practice.agree(2, 1).await;
}

#[tokio::test]
async fn a_port_that_is_not_canceled_any_more_gets_its_address() {
    let practice = Practice::open(json!({})).await;
    let (id, payload) = practice.with_port_and_no_address().await;
    for act in [json!({ "action": "advance" }), json!({ "action": "sign" })] {
        practice.act(act).await;
    }
    let near = practice.app.clock().now() + chrono::TimeDelta::hours(30);
    practice.act(json!({ "action": "date", "port_date": near })).await;
    practice.ask(CANCEL, json!({ "id": id })).await;
    wait_until("the carrier has refused", DEADLINE, async || {
        practice.app.advance(Duration::from_secs(1));
        let kept = practice.kept(&id).await;
        kept["detail"].as_str()?.starts_with("the carrier refused to cancel the port").then_some(())
    })
    .await;
    practice.app.clear_faults().await;
    practice.until(&id, "PORT_DATE_SET").await;
    assert_eq!(practice.data_left().await, 0);
    practice.act(json!({ "action": "advance" })).await;
    let kept = practice.until(&id, "DONE").await;
    assert!(kept["detail"].as_str().unwrap().ends_with("Its emergency address is registered."), "{kept}");
    assert_eq!(practice.over(&payload).await["state"], "SUCCEEDED");
    let (addresses, of_number) = practice.addresses().await;
    assert_eq!(of_number, [addresses[0]["sid"].clone(), json!("registered")]);
}

#[tokio::test]
async fn a_number_that_is_given_up_during_its_registration_is_rid_of_the_address() {
    let practice = Practice::open_with(&[("RELEASE_GRACE", "0s")], json!({})).await;
    practice.lever(Method::POST, "emergency", json!({ "pending_seconds": 600 })).await;
    let id = practice.keep(NUMBER).await;
    let payload = practice.request_port(&id, json!({ "registerEmergencyAddress": true })).await;
    practice.until_requested(1).await;
    for _ in 0..4 {
        practice.act(json!({ "action": "advance" })).await;
    }
    practice.until(&id, "CUT_OVER").await;
    wait_until("the number is being registered", DEADLINE, async || {
        (practice.addresses().await.1[1] == "pending-registration").then_some(())
    })
    .await;
    practice.answers_here().await;

    let released = practice.gives_up().await;
    let kept = practice.until(&id, "DONE").await;
    let detail = kept["detail"].as_str().unwrap();
    assert!(detail.contains("given up meanwhile") && detail.contains("Nothing more is done"), "{kept}");
    assert_eq!(practice.over(&payload).await["state"], "SUCCEEDED");
    let number = practice.ask(PORTED, json!({ "number": NUMBER })).await;
    assert_eq!(number["status"], "RELEASING", "until the carrier has removed the address: {number}");
    practice.app.advance_providers(Duration::from_secs(601)).await;
    wait_until("the address is being removed", DEADLINE, async || {
        practice.app.advance(Duration::from_secs(10));
        (practice.addresses().await.1[1] == "pending-unregistration").then_some(())
    })
    .await;
    practice.app.advance_providers(Duration::from_secs(601)).await;
    assert_eq!(practice.over_in_time(&released).await["state"], "SUCCEEDED");
    let (_, of_number) = practice.addresses().await;
    assert_eq!(of_number[1], "unregistered", "and the number stays at the carrier");
}

#[tokio::test]
async fn a_number_whose_address_the_carrier_does_not_remove_is_given_up_all_the_same() {
    let practice = Practice::open_with(&[("RELEASE_GRACE", "0s")], json!({})).await;
    practice.port_with_address(json!({})).await;
    practice.lever(Method::POST, "emergency", json!({ "unregistrations_fail": true })).await;
    let released = practice.gives_up().await;
    assert_eq!(practice.over_in_time(&released).await["state"], "SUCCEEDED");
    let (_, of_number) = practice.addresses().await;
    assert_eq!(of_number[1], "unregistration-failure");
    // It is no longer pointed here, and nobody holds it: the operator sees to the address.
    let number = practice.ask(PORTED, json!({ "number": NUMBER })).await;
    assert_eq!(number["status"], "RELEASED", "{number}");
    let call = practice.app.place_call(json!({ "to": NUMBER })).await;
    assert_eq!(call["answered_with"], json!([]), "{call}");
}
