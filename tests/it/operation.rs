//! Operations through the public API: read by their owner, watched until they are over.

use serde_json::{Value, json};
use uuid::Uuid;

use crate::agent::create;
use crate::support::App;

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
    let unseen = app.graphql(&app.token(Uuid::from_u128(2)), query, variables).await;
    assert_eq!(unseen["data"]["operation"], Value::Null);
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
