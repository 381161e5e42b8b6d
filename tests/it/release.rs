//! Releasing a number: undone in the grace period, or final; then quarantined.

use std::time::Duration;

use serde_json::{Value, json};
use uuid::Uuid;

use crate::support::{App, wait_until};

const CREATE: &str = "mutation($input: CreateAgentInput!) {
    createAgent(input: $input) { agent { id } phoneNumber { id number } userErrors { code message } } }";
const PROVISION: &str = "mutation($input: ProvisionPhoneNumberInput!) {
    provisionPhoneNumber(input: $input) { phoneNumber { number } userErrors { code message field } } }";
const RELEASE: &str = "mutation($id: ID!) {
    releasePhoneNumber(input: {id: $id}) {
        phoneNumber { status } operation { id state } userErrors { code message field } } }";
const CANCEL: &str = "mutation($id: ID!) {
    cancelRelease(input: {id: $id}) { phoneNumber { status } userErrors { code message field } } }";
const DELETE: &str = "mutation($id: ID!) {
    deleteAgent(input: {id: $id}) { agent { status } operation { state } userErrors { code message } } }";
const STATUS: &str = "query($id: ID!) { phoneNumber(id: $id) { status } }";
const OPERATION: &str = "query($id: ID!) { operation(id: $id) { state finishedAt error { message } } }";

/// A tenant with a number, on a server that it shares.
struct Holder<'a> {
    app: &'a App,
    token: String,
    agent: Value,
    id: Value,
    number: Value,
}

impl<'a> Holder<'a> {
    async fn open(app: &'a App, tenant: u128) -> Self {
        let token = app.token(Uuid::from_u128(tenant));
        let input = json!({ "name": "Northside Dental", "areaCode": "907" });
        let made = app.graphql(&token, CREATE, json!({ "input": input })).await;
        let made = &made["data"]["createAgent"];
        assert_eq!(made["userErrors"], json!([]), "{made}");
        let (agent, number) = (made["agent"]["id"].clone(), &made["phoneNumber"]);
        Self { app, token, agent, id: number["id"].clone(), number: number["number"].clone() }
    }

    async fn ask(&self, query: &str, id: &Value) -> Value {
        let answer = self.app.graphql(&self.token, query, json!({ "id": id })).await;
        assert!(answer["errors"].is_null(), "{answer}");
        answer["data"].as_object().unwrap().values().next().unwrap().clone()
    }

    async fn status(&self) -> Value {
        self.ask(STATUS, &self.id).await["status"].clone()
    }

    async fn released(&self) {
        let deadline = Duration::from_secs(10);
        wait_until("the number is released", deadline, async || {
            (self.status().await == "RELEASED").then_some(())
        })
        .await;
    }
}

#[tokio::test]
async fn within_the_grace_a_number_answers_and_its_release_can_be_taken_back() {
    let app = App::start_with(&[("RELEASE_GRACE", "20m")]).await;
    let practice = Holder::open(&app, 1).await;
    let release = practice.ask(RELEASE, &practice.id).await;
    assert_eq!(release["phoneNumber"]["status"], "RELEASING", "{release}");
    assert_eq!(release["operation"]["state"], "PENDING", "it does not wait for what is not due: {release}");
    let call = app.place_call(json!({ "to": practice.number })).await;
    assert_eq!(call["agent"]["name"], "Northside Dental", "{call}");
    let again = practice.ask(RELEASE, &practice.id).await;
    assert_eq!(again["userErrors"][0]["code"], "INVALID_INPUT", "{again}");

    let stranger = app.token(Uuid::from_u128(2));
    let foreign = app.graphql(&stranger, CANCEL, json!({ "id": practice.id })).await;
    assert_eq!(foreign["data"]["cancelRelease"]["userErrors"][0]["code"], "NOT_FOUND", "{foreign}");

    app.advance(Duration::from_secs(10 * 60));
    let kept = practice.ask(CANCEL, &practice.id).await;
    assert_eq!(kept, json!({ "phoneNumber": { "status": "ACTIVE" }, "userErrors": [] }));
    let ended = practice.ask(OPERATION, &release["operation"]["id"]).await;
    assert_eq!(ended["state"], "FAILED", "{ended}");
    assert!(ended["error"]["message"].as_str().unwrap().contains("cancelRelease"), "{ended}");
    assert!(ended["finishedAt"].is_string(), "{ended}");
    let twice = practice.ask(CANCEL, &practice.id).await;
    assert_eq!(twice["userErrors"][0]["field"], json!(["input", "id"]), "{twice}");

    // The taken-back release is not carried out when its time comes; a new one is.
    practice.ask(RELEASE, &practice.id).await;
    app.advance(Duration::from_secs(19 * 60));
    assert_eq!(practice.status().await, "RELEASING");
    assert_eq!(app.sandbox_state().await["counters"]["releases"], 0);
    app.advance(Duration::from_secs(2 * 60));
    practice.released().await;
    let late = practice.ask(CANCEL, &practice.id).await;
    assert!(late["userErrors"][0]["message"].as_str().unwrap().contains("released already"), "{late}");
    assert_eq!(app.sandbox_state().await["numbers"], json!([]));
}

#[tokio::test]
async fn a_release_that_began_is_not_taken_back() {
    let app = App::start_with(&[("OPERATION_WAIT", "0s")]).await;
    let practice = Holder::open_slowly(&app).await;
    app.faults(json!({
        "match": { "provider": "twilio", "method": "DELETE" }, "action": { "delay_ms": 1500 }, "times": 1,
    }))
    .await;
    practice.ask(RELEASE, &practice.id).await;
    wait_until("the carrier is asked", Duration::from_secs(10), async || {
        (app.pending_faults().await == 0).then_some(())
    })
    .await;
    let late = practice.ask(CANCEL, &practice.id).await;
    assert!(late["userErrors"][0]["message"].as_str().unwrap().contains("too late"), "{late}");
    practice.released().await;
}

impl<'a> Holder<'a> {
    /// As [`Self::open`], where mutations do not wait for their work.
    async fn open_slowly(app: &'a App) -> Self {
        let token = app.token(Uuid::from_u128(1));
        let input = json!({ "name": "Northside Dental", "areaCode": "907" });
        let made = app.graphql(&token, CREATE, json!({ "input": input })).await;
        let agent = made["data"]["createAgent"]["agent"]["id"].clone();
        let query = "{ phoneNumbers(filter: {status: ACTIVE}) { nodes { id number } } }";
        let number = wait_until("the number is bought", Duration::from_secs(10), async || {
            let found = app.graphql(&token, query, json!({})).await;
            found["data"]["phoneNumbers"]["nodes"].get(0).cloned()
        })
        .await;
        Self { app, token, agent, id: number["id"].clone(), number: number["number"].clone() }
    }
}

#[tokio::test]
async fn a_deletion_does_not_wait_for_the_grace() {
    let app = App::start_with(&[("RELEASE_GRACE", "24h")]).await;
    let practice = Holder::open(&app, 1).await;
    let release = practice.ask(RELEASE, &practice.id).await;
    let deleted = practice.ask(DELETE, &practice.agent).await;
    assert_eq!(deleted["agent"]["status"], "DELETED", "{deleted}");
    assert_eq!(practice.status().await, "RELEASED");
    let ended = practice.ask(OPERATION, &release["operation"]["id"]).await;
    assert!(ended["error"]["message"].as_str().unwrap().contains("deleted"), "{ended}");
    assert_eq!(app.sandbox_state().await["numbers"], json!([]));
}

#[tokio::test]
async fn a_released_number_is_quarantined_before_another_tenant_gets_it() {
    let app = App::start_with(&[("QUARANTINE_DAYS", "30")]).await;
    let practice = Holder::open(&app, 1).await;
    practice.ask(RELEASE, &practice.id).await;
    practice.released().await;

    // The area code has two numbers, of which one is in quarantine and offered first.
    let other = Holder::open(&app, 2).await;
    assert_ne!(other.number, practice.number);
    let input = json!({ "agentId": other.agent, "number": practice.number, "additional": true });
    let refused = app.graphql(&other.token, PROVISION, json!({ "input": input })).await;
    let refused = &refused["data"]["provisionPhoneNumber"]["userErrors"][0];
    assert_eq!((&refused["code"], &refused["field"]), (&json!("NUMBER_TAKEN"), &json!(["input", "number"])));
    assert!(!refused["message"].as_str().unwrap().contains("client"), "{refused}");

    let input = json!({ "agentId": practice.agent, "number": practice.number });
    let own = app.graphql(&practice.token, PROVISION, json!({ "input": input })).await;
    assert_eq!(own["data"]["provisionPhoneNumber"]["phoneNumber"]["number"], practice.number, "{own}");
    let query = "{ phoneNumbers { nodes { id } } }";
    let held = app.graphql(&practice.token, query, json!({})).await;
    practice.ask(RELEASE, &held["data"]["phoneNumbers"]["nodes"][0]["id"]).await;

    app.advance(Duration::from_secs(31 * 24 * 3600));
    let token = app.token(Uuid::from_u128(2));
    let input = json!({ "agentId": other.agent, "number": practice.number, "additional": true });
    let bought = app.graphql(&token, PROVISION, json!({ "input": input })).await;
    assert_eq!(bought["data"]["provisionPhoneNumber"]["phoneNumber"]["number"], practice.number, "{bought}");
}
