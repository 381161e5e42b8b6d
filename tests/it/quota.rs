//! What one tenant, and one request, may ask for, so that none uses up what all share.

use std::collections::HashSet;
use std::fmt::Write;
use std::time::{Duration, Instant};

use futures_util::future::join_all;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::support::api::create;
use crate::support::{App, wait_until};

const CREATE: &str = "mutation($input: CreateAgentInput!) { createAgent(input: $input) {
    agent { id } phoneNumber { id } userErrors { code message } } }";
const PROVISION: &str = "mutation($input: ProvisionPhoneNumberInput!) { provisionPhoneNumber(input: $input) {
    phoneNumber { id } userErrors { code message } } }";
const RELEASE: &str =
    "mutation($id: ID!) { releasePhoneNumber(input: {id: $id}) { userErrors { message } } }";
const DELETE: &str = "mutation($id: ID!) { deleteAgent(input: {id: $id}) { userErrors { message } } }";

async fn ask(app: &App, token: &str, query: &str, variables: Value) -> Value {
    let answer = app.graphql(token, query, variables).await;
    assert!(answer["errors"].is_null(), "{answer}");
    answer["data"].as_object().unwrap().values().next().unwrap().clone()
}

#[tokio::test]
async fn a_tenant_that_buys_and_releases_uses_up_its_own_hour_only() {
    let app = App::start_with(&[("TENANT_PURCHASES_PER_HOUR", "2")]).await;
    let token = app.token(Uuid::from_u128(1));
    let made = ask(&app, &token, CREATE, json!({ "input": { "name": "Northside Dental" } })).await;
    let input = json!({ "input": { "agentId": made["agent"]["id"], "areaCode": "305" } });
    ask(&app, &token, RELEASE, json!({ "id": made["phoneNumber"]["id"] })).await;
    let second = ask(&app, &token, PROVISION, input.clone()).await;
    assert_eq!(second["userErrors"], json!([]), "{second}");
    ask(&app, &token, RELEASE, json!({ "id": second["phoneNumber"]["id"] })).await;
    let third = ask(&app, &token, PROVISION, input.clone()).await;
    assert_eq!(third["userErrors"][0]["code"], "LIMIT_REACHED", "{third}");
    assert!(third["userErrors"][0]["message"].as_str().unwrap().contains("2 numbers an hour"), "{third}");
    let other = app.token(Uuid::from_u128(2));
    let theirs = ask(&app, &other, CREATE, json!({ "input": { "name": "Southside Dental" } })).await;
    assert_eq!(theirs["userErrors"], json!([]), "{theirs}");
    app.advance(Duration::from_secs(3601));
    let token = app.token(Uuid::from_u128(1));
    assert_eq!(ask(&app, &token, PROVISION, input).await["userErrors"], json!([]));
}

#[tokio::test]
async fn a_tenant_creates_so_many_agents_an_hour_and_no_more() {
    let app = App::start_with(&[("TENANT_AGENTS_PER_HOUR", "3")]).await;
    let token = app.token(Uuid::from_u128(1));
    let create = async |token: &str| {
        let input = json!({ "name": "Northside Dental", "provisionPhone": false });
        ask(&app, token, CREATE, json!({ "input": input })).await
    };
    let at_once = futures_util::future::join_all((0..5).map(|_| create(&token))).await;
    let made: Vec<&Value> = at_once.iter().filter(|made| made["agent"]["id"].is_string()).collect();
    assert_eq!(made.len(), 3, "{at_once:?}");
    ask(&app, &token, DELETE, json!({ "id": made[0]["agent"]["id"] })).await;
    let refused = create(&token).await;
    assert_eq!(refused["userErrors"][0]["code"], "LIMIT_REACHED", "{refused}");
    let theirs = create(&app.token(Uuid::from_u128(2))).await;
    assert_eq!(theirs["userErrors"], json!([]), "{theirs}");
    app.advance(Duration::from_secs(3601));
    assert_eq!(create(&app.token(Uuid::from_u128(1))).await["userErrors"], json!([]));
    assert_eq!(app.sandbox_state().await["counters"]["agents_created"], 5);
}

#[tokio::test]
async fn one_request_asks_for_a_few_agents_and_is_answered_in_time() {
    let app = App::start_with(&[("OPERATION_WAIT", "2s")]).await;
    let token = app.token(Uuid::from_u128(1));
    app.faults(json!({
        "match": { "provider": "elevenlabs", "method": "POST", "path_contains": "/agents/create" },
        "action": { "delay_ms": 6000 },
    }))
    .await;
    let mut query = String::from("mutation {");
    for n in 0..20 {
        let input = r#"{name: "Northside Dental", provisionPhone: false}"#;
        write!(query, " a{n}: createAgent(input: {input}) {{ apiToken operation {{ state }} userErrors {{ code message }} }}").unwrap();
    }
    query.push('}');
    let begun = Instant::now();
    let answer = app.graphql(&token, &query, json!({})).await;
    let took = begun.elapsed();
    assert!(took < Duration::from_secs(5), "they wait together: {took:?}");
    let made = answer["data"].as_object().unwrap();
    let with_token = made.values().filter(|made| made["apiToken"].is_string()).count();
    let refused = made.values().filter(|made| made["userErrors"][0]["code"] == "LIMIT_REACHED").count();
    assert_eq!((with_token, refused), (5, 15), "{answer}");
    assert!(made["a19"]["userErrors"][0]["message"].as_str().unwrap().contains("at most 5"), "{answer}");
}

#[tokio::test]
async fn a_number_has_one_repair_at_a_time_and_a_request_few_operations() {
    let app = App::start_with(&[("OPERATION_WAIT", "2s")]).await;
    let token = app.token(Uuid::from_u128(1));
    let made = create(&app, &token, json!({ "name": "Northside Dental", "areaCode": "305" })).await;
    let id = json!({ "id": made["phoneNumber"]["id"] });
    let slow = json!({ "provider": "twilio", "method": "GET", "path_contains": "IncomingPhoneNumbers" });
    app.faults(json!({ "match": slow, "action": { "delay_ms": 4000 } })).await;
    let mut query = String::from("mutation($id: ID!) {");
    for n in 0..30 {
        write!(
            query,
            " a{n}: repairPhoneNumber(input: {{id: $id}}) {{ operation {{ id }} userErrors {{ code }} }}"
        )
        .unwrap();
    }
    query.push('}');
    let answers = join_all((0..4).map(|_| app.graphql(&token, &query, id.clone()))).await;
    let mut operations = HashSet::new();
    for answer in &answers {
        let repairs: Vec<&Value> = answer["data"].as_object().unwrap().values().collect();
        let refused = repairs.iter().filter(|one| one["userErrors"][0]["code"] == "LIMIT_REACHED").count();
        assert_eq!(refused, 25, "{answer}");
        operations.extend(repairs.iter().filter_map(|one| one["operation"]["id"].as_str()));
    }
    assert_eq!(operations.len(), 1, "{operations:?}");
    app.clear_faults().await;
    let one =
        "mutation($id: ID!) { repairPhoneNumber(input: {id: $id}) { operation { id } userErrors { code } } }";
    wait_until("the repair is over, and another begins", Duration::from_secs(20), async || {
        let answer = app.graphql(&token, one, id.clone()).await;
        let next = answer["data"]["repairPhoneNumber"]["operation"]["id"].as_str().unwrap().to_owned();
        (!operations.contains(next.as_str())).then_some(())
    })
    .await;
}
