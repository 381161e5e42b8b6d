//! Who may see and do what through the public API: tenants, operators, agents' tokens.

use serde_json::{Value, json};
use uuid::Uuid;

use crate::support::App;
use crate::support::api::create;

async fn ask(app: &App, headers: &[(&str, &str)], query: &str, variables: Value) -> Value {
    let mut request = app.http().post(format!("{}/graphql", app.base_url()));
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    request.json(&json!({"query": query, "variables": variables})).send().await.unwrap().json().await.unwrap()
}

#[tokio::test]
async fn an_agents_token_reads_its_own_agent_and_changes_nothing() {
    let app = App::start().await;
    let token = app.token(Uuid::from_u128(1));
    let mine = create(&app, &token, json!({"name": "Mine", "areaCode": "212"})).await;
    let other = create(&app, &token, json!({"name": "Other", "areaCode": "305"})).await;
    let as_agent = [("X-Agent-Token", mine["apiToken"].as_str().unwrap())];
    let query = "query($mine: ID!, $other: ID!, $theirs: ID!, $operation: ID!, $number: E164!) {
        mine: agent(id: $mine) { name phoneNumber { agent { name } } } other: agent(id: $other) { name }
        agents { totalCount nodes { name } } phoneNumbers { totalCount nodes { agent { name } } }
        none: phoneNumbers(filter: {agentId: $other}) { totalCount nodes { id } }
        number: phoneNumber(number: $number) { id } node(id: $theirs) { id } operation(id: $operation) { id }
        calls { totalCount } }";
    let variables = json!({
        "mine": mine["agent"]["id"], "other": other["agent"]["id"], "theirs": other["phoneNumber"]["id"],
        "operation": other["operation"]["id"], "number": other["phoneNumber"]["number"],
    });
    let seen = ask(&app, &as_agent, query, variables).await;
    let expected = json!({
        "mine": {"name": "Mine", "phoneNumber": {"agent": {"name": "Mine"}}}, "other": null,
        "agents": {"totalCount": 1, "nodes": [{"name": "Mine"}]},
        "phoneNumbers": {"totalCount": 1, "nodes": [{"agent": {"name": "Mine"}}]},
        "none": {"totalCount": 0, "nodes": []}, "number": null, "node": null, "operation": null,
        "calls": {"totalCount": 0},
    });
    assert_eq!(seen, json!({ "data": expected }));

    let rename = "mutation($id: ID!) { updateAgent(input: {id: $id, name: \"Taken\"}) { agent { name } } }";
    for (query, variables) in [
        (rename, json!({"id": mine["agent"]["id"]})),
        ("{ viewer { id } }", json!({})),
        ("{ availablePhoneNumbers { number } }", json!({})),
    ] {
        let refused = ask(&app, &as_agent, query, variables).await;
        assert_eq!(refused["errors"][0]["extensions"]["code"], "FORBIDDEN", "{query}: {refused}");
    }
}

#[tokio::test]
async fn an_operator_says_for_whom_and_then_sees_what_they_see() {
    let app = App::start().await;
    let tenant = Uuid::from_u128(1);
    create(&app, &app.token(tenant), json!({"name": "Practice", "provisionPhone": false})).await;
    let bearer = format!("Bearer {}", app.operator_token());
    let query = "{ agents { nodes { name } } }";
    let refused = ask(&app, &[("Authorization", &bearer)], query, json!({})).await;
    assert_eq!(refused["errors"][0]["extensions"]["code"], "FORBIDDEN");
    assert!(refused["errors"][0]["message"].as_str().unwrap().contains("X-Tenant-Id"), "{refused}");
    let headers = [("Authorization", bearer.as_str()), ("X-Tenant-Id", &tenant.to_string())];
    let seen = ask(&app, &headers, query, json!({})).await;
    assert_eq!(seen["data"]["agents"]["nodes"], json!([{"name": "Practice"}]), "{seen}");
}

#[tokio::test]
async fn a_mutation_that_fails_leaves_its_siblings_answer_alone() {
    let app = App::start().await;
    let token = app.token(Uuid::from_u128(1));
    let both = "mutation { made: createAgent(input: {name: \"Practice\", areaCode: \"212\"}) { apiToken phoneNumber { status } }
        refused: createAgent(input: {name: \"\", country: \"ZZ\"}) { apiToken userErrors { field } }
        unreadable: releasePhoneNumber(input: {id: \"x\"}) { phoneNumber { id } userErrors { code } } }";
    let answer = app.graphql(&token, both, json!({})).await;
    assert!(answer["errors"].is_null(), "{answer}");
    assert!(answer["data"]["made"]["apiToken"].is_string(), "{answer}");
    assert_eq!(
        answer["data"]["refused"]["userErrors"],
        json!([{"field": ["input", "name"]}, {"field": ["input", "country"]}])
    );
    assert_eq!(answer["data"]["unreadable"]["userErrors"], json!([{"code": "INVALID_INPUT"}]));
}
