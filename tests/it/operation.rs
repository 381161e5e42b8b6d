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

const LIST: &str =
    "query($first: Int, $after: String, $last: Int, $before: String, $filter: OperationFilter) {
    operations(first: $first, after: $after, last: $last, before: $before, filter: $filter) {
        nodes { id kind state agent { id } phoneNumber { id } tenant { userId } } totalCount
        pageInfo { hasNextPage hasPreviousPage startCursor endCursor } } }";

fn ids(answer: &Value) -> Vec<Value> {
    assert!(answer["errors"].is_null(), "{answer}");
    answer["data"]["operations"]["nodes"].as_array().unwrap().iter().map(|node| node["id"].clone()).collect()
}

#[tokio::test]
async fn operations_are_listed_newest_first_by_every_filter_and_page_both_ways() {
    let app = App::start().await;
    let (token, other) = (app.token(Uuid::from_u128(1)), app.token(Uuid::from_u128(2)));
    let empty = app.graphql(&token, LIST, json!({})).await;
    assert_eq!((ids(&empty), &empty["data"]["operations"]["totalCount"]), (vec![], &json!(0)));

    let bought = create(&app, &token, json!({"name": "Bought", "areaCode": "212"})).await;
    let bare = create(&app, &token, json!({"name": "Bare", "provisionPhone": false})).await;
    let failed = create(&app, &token, json!({"name": "Failed", "areaCode": "909"})).await;
    let theirs = create(&app, &other, json!({"name": "Theirs", "areaCode": "305"})).await;
    let release = "mutation($id: ID!) { releasePhoneNumber(input: {id: $id}) { operation { id } } }";
    let released = app.graphql(&token, release, json!({"id": bought["phoneNumber"]["id"]})).await;
    let released = &released["data"]["releasePhoneNumber"]["operation"];
    let newest_first = [released, &failed["operation"], &bare["operation"], &bought["operation"]];
    let newest_first = newest_first.map(|operation| operation["id"].clone()).to_vec();
    assert_eq!(ids(&app.graphql(&token, LIST, json!({})).await), newest_first);

    // One at a time, there and back again.
    let (mut there, mut after) = (Vec::new(), Value::Null);
    loop {
        let page = app.graphql(&token, LIST, json!({"first": 1, "after": after})).await;
        there.extend(ids(&page));
        let info = &page["data"]["operations"]["pageInfo"];
        assert_eq!(info["hasPreviousPage"], !after.is_null(), "{page}");
        after = info["endCursor"].clone();
        if info["hasNextPage"] == false {
            break;
        }
    }
    assert_eq!(there, newest_first);
    let (mut back, mut before) = (Vec::new(), Value::Null);
    loop {
        let page = app.graphql(&token, LIST, json!({"last": 3, "before": before})).await;
        back.splice(0..0, ids(&page));
        let info = &page["data"]["operations"]["pageInfo"];
        before = info["startCursor"].clone();
        if info["hasPreviousPage"] == false {
            break;
        }
    }
    assert_eq!(back, newest_first);

    let id = |made: &Value, what: &str| made[what]["id"].clone();
    for (filter, expected) in [
        (json!({"state": "FAILED"}), vec![&newest_first[1]]),
        (json!({"kind": "RELEASE_NUMBER"}), vec![&newest_first[0]]),
        (json!({"kind": "CREATE_AGENT", "state": "SUCCEEDED"}), vec![&newest_first[2], &newest_first[3]]),
        (json!({"agentId": id(&bare, "agent")}), vec![&newest_first[2]]),
        (json!({"phoneNumberId": id(&bought, "phoneNumber")}), vec![&newest_first[0], &newest_first[3]]),
        (json!({"agentId": id(&bare, "agent"), "kind": "RELEASE_NUMBER"}), vec![]),
        // Somebody else's are nobody's.
        (json!({"agentId": id(&theirs, "agent")}), vec![]),
        (json!({"phoneNumberId": id(&theirs, "phoneNumber")}), vec![]),
    ] {
        let found = app.graphql(&token, LIST, json!({ "filter": filter })).await;
        assert_eq!(json!(ids(&found)), json!(expected), "{filter}");
        assert_eq!(found["data"]["operations"]["totalCount"], expected.len(), "{filter}");
    }
    let as_agent = [("X-Agent-Token", bare["apiToken"].as_str().unwrap())];
    let seen = app.graphql_with(&as_agent, LIST, json!({})).await;
    assert_eq!(
        (ids(&seen), &seen["data"]["operations"]["totalCount"]),
        (vec![newest_first[2].clone()], &json!(1))
    );
    let other_agent = json!({"filter": {"agentId": id(&bought, "agent")}});
    assert_eq!(ids(&app.graphql_with(&as_agent, LIST, other_agent).await), [Value::Null; 0]);

    let cursor =
        app.graphql(&token, LIST, json!({"first": 1})).await["data"]["operations"]["pageInfo"]["endCursor"]
            .clone();
    for (arguments, says) in [
        (json!({"first": 101}), "1 to 100"),
        (json!({"last": 0}), "1 to 100"),
        (json!({"first": 1, "last": 1}), "exclude each other"),
        (json!({"after": "'; DROP TABLE operations; --"}), "not a cursor"),
        (json!({"after": cursor, "filter": {"state": "FAILED"}}), "another filter"),
        (json!({"filter": {"agentId": bought["phoneNumber"]["id"]}}), "filter.agentId"),
        (json!({"filter": {"phoneNumberId": "\u{0}"}}), "filter.phoneNumberId"),
    ] {
        let answer = app.graphql(&token, LIST, arguments.clone()).await;
        assert_eq!(answer["errors"][0]["extensions"]["code"], "BAD_USER_INPUT", "{arguments}: {answer}");
        assert!(answer["errors"][0]["message"].as_str().unwrap().contains(says), "{arguments}: {answer}");
    }
}

#[tokio::test]
async fn an_operator_lists_the_operations_of_all_tenants_and_each_of_them_finds_that_in_its_trail() {
    let app = App::start().await;
    let tenants = [1, 2, 3].map(Uuid::from_u128);
    let mut made = Vec::new();
    for (tenant, area_code) in tenants.iter().zip(["212", "909", "305"]) {
        made.push(
            create(&app, &app.token(*tenant), json!({"name": "Practice", "areaCode": area_code})).await,
        );
    }
    let operator = app.operator_token();
    let list = "query($filter: OperationFilter, $first: Int) { operations(filter: $filter, first: $first) {
        totalCount nodes { id tenant { userId } } } }";
    let owners = |answer: &Value| -> Vec<Value> {
        assert!(answer["errors"].is_null(), "{answer}");
        let nodes = answer["data"]["operations"]["nodes"].as_array().unwrap();
        nodes.iter().map(|node| node["tenant"]["userId"].clone()).collect()
    };
    let read_by = async |tenant: Uuid| {
        let trail = "{ auditEvents { nodes { actor action outcome } } }";
        let events = app.graphql(&app.token(tenant), trail, json!({})).await;
        let events = events["data"]["auditEvents"]["nodes"].as_array().unwrap().clone();
        events.iter().filter(|event| event["action"] == "query operations").count()
    };
    let failed = app.graphql(&operator, list, json!({"filter": {"state": "FAILED"}})).await;
    assert_eq!(owners(&failed), [json!(tenants[1])]);
    assert_eq!([read_by(tenants[0]).await, read_by(tenants[1]).await, read_by(tenants[2]).await], [0, 1, 0]);
    let newest = app.graphql(&operator, list, json!({"first": 2})).await;
    assert_eq!(owners(&newest), [json!(tenants[2]), json!(tenants[1])]);
    assert_eq!(newest["data"]["operations"]["totalCount"], 3);
    assert_eq!([read_by(tenants[0]).await, read_by(tenants[1]).await, read_by(tenants[2]).await], [0, 2, 1]);
    for (filter, tenant) in [
        (json!({"agentId": made[0]["agent"]["id"]}), tenants[0]),
        (json!({"phoneNumberId": made[2]["phoneNumber"]["id"]}), tenants[2]),
    ] {
        assert_eq!(owners(&app.graphql(&operator, list, json!({ "filter": filter })).await), [json!(tenant)]);
    }

    // What it is about is the tenant's: the operator says for whom.
    let about = "{ operations { nodes { agent { name } } } }";
    let refused = app.graphql(&operator, about, json!({})).await;
    assert_eq!(refused["errors"][0]["extensions"]["code"], "FORBIDDEN", "{refused}");
    assert_eq!(
        refused["data"]["operations"]["nodes"],
        json!([{"agent": null}, {"agent": null}, {"agent": null}])
    );
    let acting = app.graphql_for(tenants[1], LIST, json!({})).await;
    assert_eq!(owners(&acting), [json!(tenants[1])]);
    assert_eq!(acting["data"]["operations"]["nodes"][0]["agent"]["id"], made[1]["agent"]["id"]);
    let own = app.graphql(&app.token(tenants[1]), LIST, json!({})).await;
    assert_eq!(own["data"]["operations"]["nodes"][0]["tenant"], Value::Null);

    // One that cannot be read is left out and reported; the others are listed.
    let spoiled = "UPDATE operations SET error = '{}' WHERE state = 'failed'";
    app.execute(spoiled).await;
    assert_eq!(
        owners(&app.graphql(&operator, list, json!({})).await),
        [json!(tenants[2]), json!(tenants[0])]
    );
    assert_eq!(ids(&app.graphql(&app.token(tenants[1]), LIST, json!({})).await), [Value::Null; 0]);
    let unreadable = app.graphql(&operator, "{ unreadableRows { table column } }", json!({})).await;
    assert_eq!(unreadable["data"]["unreadableRows"], json!([{"table": "operations", "column": "error"}]));
}
