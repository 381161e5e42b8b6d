//! Numbers that the carrier does not take back, and releases that nobody carries out any more: each can be called, cancelled,
//! released again and repaired.

use crate::support::api::PROVISION;
use crate::support::practice::{DELETE, HELD, Practice, RELEASE};
use crate::support::sql::execute;
use serde_json::{Value, json};

const CANCEL: &str = "mutation($id: ID!) { cancelRelease(input: {id: $id}) {
    phoneNumber { status } userErrors { code message } } }";
const REPAIR: &str = "mutation($id: ID!) { repairPhoneNumber(input: {id: $id}) {
    phoneNumber { status } operation { id } userErrors { code message } } }";
const WORDS: &str = "The number has an emergency address: remove it first";

impl Practice {
    /// An agent with three numbers.
    async fn with_three_numbers(&self) -> Value {
        let made = self.with_number().await;
        for _ in 0..2 {
            let input = json!({ "agentId": made["agent"], "additional": true, "areaCode": "305" });
            let further = self.ask(PROVISION, json!({ "input": input })).await;
            assert_eq!(self.over(&further).await["state"], "SUCCEEDED");
        }
        made["agent"].clone()
    }

    /// The carrier refuses the next request to give this number back.
    async fn refuse_release(&self, sid: &Value) {
        let body = json!({ "code": 21628, "message": WORDS, "status": 400 });
        self.fault("twilio", "DELETE", sid.as_str().unwrap(), json!({ "status": 400, "body": body })).await;
    }

    async fn numbers(&self) -> Vec<Value> {
        let held = self.app.graphql(&self.token, HELD, json!({})).await;
        held["data"]["phoneNumbers"]["nodes"].as_array().unwrap().clone()
    }

    async fn answers(&self, number: &Value) {
        let call = self.app.place_call(json!({ "to": number })).await;
        assert_eq!(call["agent"]["name"], "Northside Dental", "{call}");
    }

    /// Asks for an operation that must be accepted, and gives how it ended.
    async fn ended(&self, mutation: &str, id: &Value) -> Value {
        let payload = self.ask(mutation, json!({ "id": id })).await;
        assert_eq!(payload["userErrors"], json!([]), "{payload}");
        self.over(&payload).await
    }
}

#[tokio::test]
async fn a_number_that_the_carrier_keeps_stops_no_other_and_stays_in_service() {
    let practice = Practice::in_background().await;
    let agent = practice.with_three_numbers().await;
    let second = practice.app.sandbox_state().await["numbers"][1]["sid"].clone();
    practice.refuse_release(&second).await;
    let ended = practice.ended(DELETE, &agent).await;
    assert_eq!(ended["state"], "FAILED", "{ended}");
    assert!(ended["error"]["message"].as_str().unwrap().contains(WORDS), "{ended}");
    assert_eq!(ended["agent"]["status"], "ACTIVE", "its number is in service: {ended}");
    let held = practice.numbers().await;
    assert_eq!((held.len(), &held[0]["status"], &held[0]["sid"]), (1, &json!("ACTIVE"), &second), "{held:?}");
    practice.agree(1, 1).await;
    let (id, number) = (&held[0]["id"], &held[0]["number"]);
    practice.answers(number).await;

    // There is no release to cancel any more; repair and a release of its own are possible, and again refused.
    let cancelled = practice.ask(CANCEL, json!({ "id": id })).await;
    let why = cancelled["userErrors"][0]["message"].as_str().unwrap();
    assert!(why.contains("not being released"), "{cancelled}");
    assert_eq!(practice.ended(REPAIR, id).await["state"], "SUCCEEDED");
    practice.refuse_release(&second).await;
    let ended = practice.ended(RELEASE, id).await;
    assert!(ended["error"]["message"].as_str().unwrap().contains(WORDS), "{ended}");
    assert_eq!(practice.numbers().await[0]["status"], "ACTIVE");
    practice.answers(number).await;

    assert_eq!(practice.ended(DELETE, &agent).await["state"], "SUCCEEDED");
    practice.agree(0, 0).await;
}

#[tokio::test]
async fn a_release_that_stalled_is_cancelled_repeated_and_its_number_repaired() {
    let practice = Practice::in_background().await;
    let made = practice.with_number().await;
    let (id, number) = (&made["number"]["id"], &made["number"]["number"]);
    // As operations that ended otherwise have left numbers.
    let stall = async || {
        let is_postgres = practice.app.database_url().starts_with("postgres");
        let role: &[&str] = if is_postgres { &["SET ROLE switchboard_system"] } else { &[] };
        let stalled = "UPDATE phone_numbers SET status = 'releasing'";
        execute(&practice.app, &[role, &[stalled]].concat()).await;
        assert_eq!(practice.numbers().await[0]["status"], "RELEASING", "the scene is not set");
    };
    stall().await;
    practice.answers(number).await;
    let cancelled = practice.ask(CANCEL, json!({ "id": id })).await;
    assert_eq!(cancelled, json!({ "phoneNumber": { "status": "ACTIVE" }, "userErrors": [] }));
    practice.answers(number).await;

    stall().await;
    assert_eq!(practice.ended(REPAIR, id).await["state"], "SUCCEEDED");
    assert_eq!(practice.numbers().await[0]["status"], "ACTIVE");

    stall().await;
    practice.refuse_release(&made["number"]["sid"]).await;
    let ended = practice.ended(RELEASE, id).await;
    assert!(ended["error"]["message"].as_str().unwrap().contains(WORDS), "{ended}");
    assert_eq!(practice.numbers().await[0]["status"], "ACTIVE");

    stall().await;
    assert_eq!(practice.ended(RELEASE, id).await["state"], "SUCCEEDED");
    practice.agree(0, 1).await;
}
