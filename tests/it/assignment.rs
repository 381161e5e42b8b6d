//! Numbers that move between agents and the tenant's pool, with labels and primary numbers.

use std::time::Duration;

use serde_json::{Value, json};
use uuid::Uuid;

use crate::support::api::{create, provision};
use crate::support::practice::{DELETE, Practice, RELEASE};
use crate::support::wait_until;

const ASSIGN: &str = "mutation($input: AssignPhoneNumberInput!) { assignPhoneNumber(input: $input) {
    phoneNumber { id label primary status origin agent { id } } userErrors { code message field } } }";
const PRIMARY: &str = "mutation($id: ID!) { setPrimaryPhoneNumber(input: {id: $id}) {
    phoneNumber { primary } userErrors { message field } } }";
const KEEP: &str = "mutation($id: ID!) { deleteAgent(input: {id: $id, keepPhoneNumbers: true}) {
    agent { status } operation { id state } userErrors { message field } } }";
const POOL: &str =
    "{ phoneNumbers(filter: {assigned: false}) { totalCount nodes { number agent { id } status } } }";
const SECOND: Duration = Duration::from_secs(1);

impl Practice {
    async fn assigns(&self, input: Value) -> Value {
        self.ask(ASSIGN, json!({ "input": input })).await
    }

    async fn is_refused(&self, input: Value) -> (Value, String) {
        let refused = self.assigns(input).await;
        assert_eq!(refused["phoneNumber"], Value::Null, "{refused}");
        let error = &refused["userErrors"][0];
        (error["field"][1].clone(), error["message"].as_str().unwrap().to_owned())
    }

    async fn another_agent(&self, name: &str) -> Value {
        let made = create(&self.app, &self.token, json!({"name": name, "provisionPhone": false})).await;
        assert_eq!(made["userErrors"], json!([]), "{made}");
        made["agent"]["id"].clone()
    }

    /// The name of the agent that a call reaches now.
    async fn answering(&self) -> Value {
        self.call(json!({})).await["agent"]["name"].clone()
    }
}

#[tokio::test]
async fn a_number_moves_between_agents_and_the_pool_while_calls_go_on() {
    let mut practice = Practice::open(json!({"name": "Front Desk"})).await;
    let (number, first) = (practice.made["phoneNumber"]["id"].clone(), practice.made["agent"]["id"].clone());
    let night = practice.another_agent("Night Desk").await;
    // Another server answers the mutation; the first one answers the calls.
    let other = practice.app.add_server().await;
    assert_eq!(practice.answering().await, "Front Desk");

    let input = json!({"id": number, "agentId": night, "expectedAgentId": first, "label": "Main line"});
    let assigned = practice.app.ask(&other, &practice.token, ASSIGN, json!({ "input": input })).await;
    let assigned = assigned["data"]["assignPhoneNumber"].clone();
    let expected = json!({"id": number, "label": "Main line", "primary": true, "status": "ACTIVE",
        "origin": "PURCHASED", "agent": {"id": night}});
    assert_eq!(assigned["phoneNumber"], expected, "{assigned}");
    wait_until("the first server follows", SECOND, async || {
        (practice.answering().await == "Night Desk").then_some(())
    })
    .await;
    // History stays with the agent that took the calls.
    let calls = practice.calls().await;
    assert_eq!(calls.last().unwrap()["agent"]["id"], first, "{calls:?}");
    assert_eq!(calls.first().unwrap()["agent"]["id"], night, "{calls:?}");

    // To the pool: the caller hears a sentence, or what the number's own rules say, and no agent.
    let pooled = practice.assigns(json!({"id": number, "agentId": null})).await;
    assert_eq!(pooled["phoneNumber"]["agent"], Value::Null, "{pooled}");
    assert_eq!(pooled["phoneNumber"]["label"], "Main line", "{pooled}");
    let call = practice.call(json!({})).await;
    assert_eq!((&call["agent"], call["status"].as_str()), (&Value::Null, Some("completed")), "{call}");
    assert!(!call["heard"].as_array().unwrap().is_empty(), "{call}");
    assert_eq!(practice.simulate(None, None).await["outcome"], "UNAVAILABLE", "{call}");
    let pool = practice.ask(POOL, json!({})).await;
    assert_eq!((&pool["totalCount"], &pool["nodes"][0]["agent"]), (&json!(1), &Value::Null), "{pool}");
    let text = practice
        .app
        .place_text(json!({"to": practice.number, "from": "+13125550177", "body": "Hello?"}))
        .await;
    assert_eq!(text["answered_with"][0]["status"], 200, "{text}");
    let threads = practice.ask("{ messageThreads { nodes { handling agent { id } } } }", json!({})).await;
    assert_eq!(threads["nodes"], json!([{"handling": "NOBODY", "agent": null}]), "{threads}");

    // And back.
    practice.assigns(json!({"id": number, "agentId": first})).await;
    assert_eq!(practice.answering().await, "Front Desk");
    let trail = practice.ask(
        "{ auditEvents(filter: {action: \"assignPhoneNumber\"}) { nodes { subject outcome } } }",
        json!({}),
    );
    let trail = trail.await;
    assert_eq!(trail["nodes"].as_array().unwrap().len(), 3, "{trail}");
    assert_eq!(trail["nodes"][0], json!({"subject": number, "outcome": "succeeded"}), "{trail}");
}

#[tokio::test]
async fn what_cannot_be_assigned_is_refused_with_the_reason() {
    let practice = Practice::open_with(&[("RELEASE_GRACE", "20m")], json!({"name": "Front Desk"})).await;
    let (number, first) = (practice.made["phoneNumber"]["id"].clone(), practice.made["agent"]["id"].clone());
    let night = practice.another_agent("Night Desk").await;
    let stranger = practice.app.token(Uuid::from_u128(2));
    let theirs = create(&practice.app, &stranger, json!({"name": "Elsewhere", "areaCode": "646"})).await;

    let (field, why) = practice.is_refused(json!({"id": number, "agentId": theirs["agent"]["id"]})).await;
    assert_eq!(field, "agentId", "{why}");
    let (field, why) =
        practice.is_refused(json!({"id": theirs["phoneNumber"]["id"], "agentId": night})).await;
    assert_eq!(field, "id", "{why}");
    let (field, why) =
        practice.is_refused(json!({"id": number, "agentId": night, "expectedAgentId": night})).await;
    assert_eq!(field, "expectedAgentId", "{why}");
    let (field, why) =
        practice.is_refused(json!({"id": number, "agentId": night, "label": " \u{200b}"})).await;
    assert_eq!(field, "label", "{why}");
    let (field, why) =
        practice.is_refused(json!({"id": number, "agentId": night, "label": "x".repeat(101)})).await;
    assert_eq!(field, "label", "{why}");

    let gone = practice.another_agent("Gone").await;
    practice.over(&practice.ask(DELETE, json!({ "id": gone })).await).await;
    let (field, why) = practice.is_refused(json!({"id": number, "agentId": gone})).await;
    assert_eq!(field, "agentId", "{why}");

    practice.ask(RELEASE, json!({ "id": number })).await;
    let (field, why) = practice.is_refused(json!({"id": number, "agentId": night})).await;
    assert_eq!(field, "id", "{why}");
    assert!(why.contains("cancel"), "{why}");
    let kept = practice.ask(
        "mutation($id: ID!) { cancelRelease(input: {id: $id}) { phoneNumber { agent { id } } } }",
        json!({"id": number}),
    );
    assert_eq!(kept.await["phoneNumber"]["agent"]["id"], first);
}

#[tokio::test]
async fn a_deleted_agent_may_leave_its_numbers_in_the_pool() {
    let practice = Practice::open_with(&[("RELEASE_GRACE", "0s")], json!({"name": "Front Desk"})).await;
    let (number, first) = (practice.made["phoneNumber"]["id"].clone(), practice.made["agent"]["id"].clone());
    let input = json!({"agentId": first, "areaCode": "646", "additional": true, "label": "Fax"});
    let second = provision(&practice.app, &practice.token, input).await["phoneNumber"]["id"].clone();
    let deleted = practice.ask(KEEP, json!({ "id": first })).await;
    assert_eq!(practice.over(&deleted).await["state"], "SUCCEEDED", "{deleted}");

    let pool = practice.ask(POOL, json!({})).await;
    assert_eq!(pool["totalCount"], 2, "{pool}");
    assert!(pool["nodes"].as_array().unwrap().iter().all(|number| number["status"] == "ACTIVE"), "{pool}");
    assert_eq!(practice.app.sandbox_state().await["numbers"].as_array().unwrap().len(), 2);
    let call = practice.call(json!({})).await;
    assert_eq!((&call["agent"], call["status"].as_str()), (&Value::Null, Some("completed")), "{call}");
    // Nothing about them is out of order.
    let report = practice.app.program(&["reconcile", "--json"]).output().unwrap();
    let report: Value = serde_json::from_slice(&report.stdout).unwrap();
    assert_eq!(report["differences"], json!([]), "{report}");

    // One is assigned anew, the other released from the pool.
    let night = practice.another_agent("Night Desk").await;
    let assigned = practice.assigns(json!({"id": number, "agentId": night})).await;
    assert_eq!(assigned["userErrors"], json!([]), "{assigned}");
    assert_eq!(practice.answering().await, "Night Desk");
    let released = practice.ask(RELEASE, json!({ "id": second })).await;
    assert_eq!(practice.over(&released).await["state"], "SUCCEEDED", "{released}");
    assert_eq!(practice.app.sandbox_state().await["numbers"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn a_number_in_the_pool_does_not_leave_with_its_last_agent() {
    let practice = Practice::open_with(&[("RELEASE_GRACE", "20m")], json!({"name": "Front Desk"})).await;
    let (number, first) = (practice.made["phoneNumber"]["id"].clone(), practice.made["agent"]["id"].clone());
    practice.assigns(json!({"id": number, "agentId": null})).await;
    // Its release is the number's own: the deletion neither ends nor waits for it.
    practice.ask(RELEASE, json!({ "id": number })).await;
    let deleted = practice.ask(DELETE, json!({ "id": first })).await;
    assert_eq!(deleted["userErrors"], json!([]), "{deleted}");
    assert_eq!(practice.over(&deleted).await["state"], "SUCCEEDED", "{deleted}");
    assert_eq!(practice.app.sandbox_state().await["numbers"].as_array().unwrap().len(), 1);
    let kept = "mutation($id: ID!) { cancelRelease(input: {id: $id}) { phoneNumber { status agent { id } } userErrors { message } } }";
    let kept = practice.ask(kept, json!({ "id": number })).await;
    assert_eq!(kept["phoneNumber"], json!({"status": "ACTIVE", "agent": null}), "{kept}");
}

#[tokio::test]
async fn an_agents_primary_number_is_the_chosen_one_else_the_oldest() {
    let practice = Practice::open(json!({"name": "Front Desk"})).await;
    let (oldest, agent) = (practice.made["phoneNumber"]["id"].clone(), practice.made["agent"]["id"].clone());
    let input = json!({"agentId": agent, "areaCode": "646", "additional": true});
    let newer = provision(&practice.app, &practice.token, input).await["phoneNumber"]["id"].clone();
    let shown =
        "query($id: ID!) { agent(id: $id) { phoneNumber { id } phoneNumbers { nodes { id primary } } } }";
    let primary = async || {
        let agent = practice.ask(shown, json!({ "id": agent })).await;
        let numbers = agent["phoneNumbers"]["nodes"].as_array().unwrap();
        let marked: Vec<&Value> = numbers.iter().filter(|number| number["primary"] == true).collect();
        assert_eq!(marked.len(), 1, "{agent}");
        assert_eq!(marked[0]["id"], agent["phoneNumber"]["id"], "{agent}");
        agent["phoneNumber"]["id"].clone()
    };
    assert_eq!(primary().await, oldest);
    for chosen in [&newer, &oldest, &newer] {
        let set = practice.ask(PRIMARY, json!({ "id": chosen })).await;
        assert_eq!((&set["phoneNumber"]["primary"], &set["userErrors"]), (&json!(true), &json!([])), "{set}");
        assert_eq!(primary().await, *chosen);
    }
    // In the pool no number is primary, and it does not come back as such.
    practice.assigns(json!({"id": newer, "agentId": null})).await;
    assert_eq!(primary().await, oldest);
    let refused = practice.ask(PRIMARY, json!({ "id": newer })).await;
    assert_eq!(refused["userErrors"][0]["field"], json!(["input", "id"]), "{refused}");
    practice.assigns(json!({"id": newer, "agentId": agent})).await;
    assert_eq!(primary().await, oldest);
}

#[tokio::test]
async fn an_agents_token_sees_a_number_only_while_it_is_its_agents() {
    let practice = Practice::open(json!({"name": "Front Desk"})).await;
    let token = practice.made["apiToken"].as_str().unwrap().to_owned();
    let number = practice.made["phoneNumber"]["id"].clone();
    let seen = async || {
        let query = "query($id: ID!) { phoneNumber(id: $id) { id } phoneNumbers { totalCount } node(id: $id) { id } }";
        practice.app.graphql_with(&[("X-Agent-Token", &token)], query, json!({ "id": number })).await["data"]
            .clone()
    };
    assert_eq!(seen().await["phoneNumbers"]["totalCount"], 1);
    practice.assigns(json!({"id": number, "agentId": null})).await;
    assert_eq!(seen().await, json!({"phoneNumber": null, "phoneNumbers": {"totalCount": 0}, "node": null}));
}
