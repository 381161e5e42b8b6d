//! Operations through the public API: read by their owner, watched until they are over.

use std::time::Duration;

use futures_util::future::join_all;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::support::api::create;
use crate::support::{App, wait_until};

const WATCH: &str =
    "subscription($id: ID!) { operationUpdated(id: $id) { id state step phoneNumber { status } } }";

#[tokio::test]
async fn an_operation_is_its_owners_to_read() {
    let app = App::start().await;
    let token = app.token(Uuid::from_u128(1));
    let made = create(&app, &token, json!({"name": "Practice", "areaCode": "212"})).await;
    let query = "query($id: ID!) { operation(id: $id) { kind state step attempts createdAt finishedAt agent { id } error { code } } }";
    let variables = json!({"id": made["operation"]["id"]});
    let seen = app.graphql(&token, query, variables.clone()).await["data"]["operation"].clone();
    assert_eq!(seen["kind"], "CREATE_AGENT");
    assert_eq!(seen["step"], "done");
    assert_eq!(seen["agent"]["id"], made["agent"]["id"]);
    assert!(seen["finishedAt"].as_str().unwrap().ends_with('Z'), "{seen}");
    let unseen = app.graphql(&app.token(Uuid::from_u128(2)), query, variables.clone()).await;
    assert_eq!(unseen["data"]["operation"], Value::Null);

    // One that is about neither a number nor an agent is the tenant's to read, and no agent's.
    app.execute("UPDATE operations SET agent_id = NULL, phone_number_id = NULL").await;
    let seen = app.graphql(&token, query, variables.clone()).await["data"]["operation"].clone();
    assert_eq!((&seen["step"], &seen["agent"]), (&json!("done"), &Value::Null), "{seen}");
    let as_agent = app.http().post(format!("{}/graphql", app.base_url()));
    let as_agent = as_agent.header("X-Agent-Token", made["apiToken"].as_str().unwrap());
    let body = json!({"query": query, "variables": variables});
    let unseen: Value = as_agent.json(&body).send().await.unwrap().json().await.unwrap();
    assert_eq!(unseen, json!({"data": {"operation": null}}));
}

#[tokio::test]
async fn a_watched_operation_is_shown_as_it_stands_and_then_to_its_end() {
    let app = App::start_with(&[("OPERATION_WAIT", "1s")]).await;
    let token = app.token(Uuid::from_u128(1));
    let over = create(&app, &token, json!({"name": "Practice", "provisionPhone": false})).await;
    let mut watched = app.watch(&token, WATCH, json!({"id": over["operation"]["id"]})).await;
    let shown = watched.next().await.unwrap();
    assert_eq!(shown["data"]["operationUpdated"]["state"], "SUCCEEDED");
    assert_eq!(watched.next().await, None, "what is over ends the stream");

    let purchase = json!({"provider": "twilio", "method": "POST", "path_contains": "/IncomingPhoneNumbers"});
    let fault = json!({"match": purchase, "action": {"delay_ms": 2500}, "times": 1});
    app.faults(fault).await;
    let slow = create(&app, &token, json!({"name": "Practice", "areaCode": "212"})).await;
    assert_eq!(slow["operation"]["state"], "RUNNING", "{slow}");
    let mut watched = app.watch(&token, WATCH, json!({"id": slow["operation"]["id"]})).await;
    let mut states = Vec::new();
    while let Some(event) = watched.next().await {
        states.push(event["data"]["operationUpdated"]["state"].clone());
    }
    assert_eq!(states.first(), Some(&json!("RUNNING")));
    assert_eq!(states.last(), Some(&json!("SUCCEEDED")));

    let mut unseen =
        app.watch(&app.token(Uuid::from_u128(2)), WATCH, json!({"id": slow["operation"]["id"]})).await;
    let refused = unseen.next().await.unwrap();
    assert!(refused["errors"][0]["message"].as_str().unwrap().contains("no operation"), "{refused}");
}

/// The mutations that wait for an operation, each with the request of a provider during which the database goes away.
const WAITING: [(&str, &str, &str, &str); 5] = [
    ("createAgent", "elevenlabs", "POST", "/agents/create"),
    ("provisionPhoneNumber", "twilio", "GET", "AvailablePhoneNumbers"),
    ("repairPhoneNumber", "twilio", "GET", "IncomingPhoneNumbers"),
    ("releasePhoneNumber", "twilio", "DELETE", "IncomingPhoneNumbers"),
    ("deleteAgent", "elevenlabs", "DELETE", "/agents/"),
];

#[tokio::test]
async fn a_mutation_returns_its_stored_operation_although_the_database_becomes_unavailable() {
    // At once, each over a database of its own: they mostly wait for it to come back.
    join_all(WAITING.map(async |(mutation, provider, method, path)| {
        let variables = [("OPERATION_WAIT", "4s"), ("OPERATION_LEASE", "2s"), ("RELEASE_GRACE", "0s")];
        let (app, mut database) = App::start_severable(&variables).await;
        let token = app.token(Uuid::from_u128(1));
        let agent = create(&app, &token, json!({ "name": "Practice", "areaCode": "212" })).await;
        let (agent_id, number_id) = (&agent["agent"]["id"], &agent["phoneNumber"]["id"]);
        let (input, fields) = match mutation {
            "createAgent" => (json!({ "name": "Other", "areaCode": "305" }), "apiToken agent { id status }"),
            "provisionPhoneNumber" => {
                (json!({ "agentId": agent_id, "additional": true, "areaCode": "646" }), "phoneNumber { id }")
            }
            "deleteAgent" => (json!({ "id": agent_id }), "agent { id status }"),
            _ => (json!({ "id": number_id }), "phoneNumber { id status }"),
        };
        let mut kind = mutation[..1].to_uppercase();
        kind.push_str(&mutation[1..]);
        let query = format!(
            "mutation($input: {kind}Input!) {{ {mutation}(input: $input) {{ {fields} operation {{ id }} userErrors {{ message }} }} }}"
        );
        let matching = json!({ "provider": provider, "method": method, "path_contains": path });
        app.faults(json!({ "match": matching, "action": { "delay_ms": 2000 }, "times": 1 })).await;
        let sever = async {
            wait_until("the provider is asked", Duration::from_secs(20), async || {
                (app.pending_faults().await == 0).then_some(())
            })
            .await;
            database.sever().await;
        };
        let (answer, ()) = tokio::join!(app.graphql(&token, &query, json!({ "input": input })), sever);
        database.restore().await;
        assert!(answer["errors"].is_null(), "{mutation}: {answer}");
        let accepted = &answer["data"][mutation];
        assert_eq!(accepted["userErrors"], json!([]), "{mutation}: {answer}");
        match mutation {
            "createAgent" => {
                assert!(accepted["apiToken"].is_string() && accepted["agent"].is_object(), "{answer}");
            }
            "provisionPhoneNumber" => {}
            "deleteAgent" => assert_eq!(accepted["agent"]["id"], *agent_id),
            _ => assert_eq!(accepted["phoneNumber"]["id"], *number_id),
        }
        let id = json!({ "id": accepted["operation"]["id"] });
        wait_until("the operation is carried out all the same", Duration::from_secs(60), async || {
            let answer =
                app.graphql(&token, "query($id: ID!) { operation(id: $id) { state } }", id.clone()).await;
            assert_ne!(answer["data"]["operation"]["state"], "FAILED", "{mutation}: {answer}");
            (answer["data"]["operation"]["state"] == "SUCCEEDED").then_some(())
        })
        .await;
        let state = app.sandbox_state().await;
        let held = (state["numbers"].as_array().unwrap().len(), state["agents"].as_array().unwrap().len());
        let expected = match mutation {
            "createAgent" => (2, 2),
            "provisionPhoneNumber" => (2, 1),
            "releasePhoneNumber" => (0, 1),
            "deleteAgent" => (0, 0),
            _ => (1, 1),
        };
        assert_eq!(held, expected, "{mutation}: {state}");
    }))
    .await;
}
