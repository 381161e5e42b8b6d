//! Agents through the public API: created whole or refused whole, changed field by field, deleted.

use serde_json::{Value, json};
use uuid::Uuid;

use crate::support::App;
use crate::support::api::{create, faults};

const UPDATE: &str = "mutation($id: ID!, $name: String, $firstMessage: String, $fallbackNumber: E164) {
    updateAgent(input: {id: $id, name: $name, firstMessage: $firstMessage, fallbackNumber: $fallbackNumber}) {
        agent { name firstMessage fallbackNumber } userErrors { code message field }
} }";

async fn count(app: &App, token: &str) -> Value {
    app.graphql(token, "{ agents { totalCount } phoneNumbers { totalCount } }", json!({})).await["data"]
        .clone()
}

#[tokio::test]
async fn a_new_agent_has_a_number_in_its_area_code_and_a_token() {
    let app = App::start().await;
    let token = app.token(Uuid::from_u128(1));
    let input = json!({"name": "Dr. Smith's Office Assistant", "areaCode": "212", "fallbackNumber": "+1 (212) 555-0199"});
    let made = create(&app, &token, input).await;
    assert_eq!(made["userErrors"], json!([]));
    assert_eq!(made["agent"]["status"], "ACTIVE");
    assert_eq!(made["agent"]["language"], "en");
    assert_eq!(made["agent"]["fallbackNumber"], "+12125550199");
    assert_eq!(made["phoneNumber"]["status"], "ACTIVE");
    assert_eq!(made["phoneNumber"]["agent"]["name"], "Dr. Smith's Office Assistant");
    assert_eq!(made["agent"]["phoneNumber"]["number"], made["phoneNumber"]["number"]);
    assert_eq!(made["operation"]["state"], "SUCCEEDED");
    assert_eq!(made["operation"]["phoneNumber"]["number"], made["phoneNumber"]["number"]);
    let number = made["phoneNumber"]["number"].as_str().unwrap();
    assert!(number.starts_with("+1212"), "{number}");
    assert!(made["phoneNumber"]["sid"].as_str().unwrap().starts_with("PN"));
    let api_token = made["apiToken"].as_str().unwrap();
    let preview = made["agent"]["tokenPreview"].as_str().unwrap();
    assert!(api_token.starts_with(preview.trim_end_matches('…')) && !preview.contains(api_token));

    let found = "query($id: ID!, $number: E164) { node(id: $id) { __typename id } phoneNumber(number: $number) { agent { id } } }";
    let variables = json!({"id": made["agent"]["id"], "number": number});
    let found = app.graphql(&token, found, variables.clone()).await;
    assert_eq!(found["data"]["node"], json!({"__typename": "Agent", "id": made["agent"]["id"]}));
    assert_eq!(found["data"]["phoneNumber"]["agent"]["id"], made["agent"]["id"]);

    let stranger = app.token(Uuid::from_u128(2));
    let query =
        "query($id: ID!, $number: E164) { node(id: $id) { id } agent(id: $id) { id } nodes(ids: [$id]) { id }
        phoneNumber(number: $number) { id } }";
    let unseen = app.graphql(&stranger, query, variables).await;
    let nothing = json!({"node": null, "agent": null, "nodes": [null], "phoneNumber": null});
    assert_eq!(unseen, json!({ "data": nothing }), "another tenant's reads as absent");
}

#[tokio::test]
async fn every_fault_of_an_input_is_named_at_once_and_nothing_is_written() {
    let app = App::start().await;
    let token = app.token(Uuid::from_u128(1));
    let refused = create(
        &app,
        &token,
        json!({
            "name": " ", "language": "tlh", "firstMessage": "é".repeat(2001), "prompt": "", "voiceId": "v".repeat(65),
            "fallbackNumber": "+1 212 155 0123", "country": "ZZ", "areaCode": "21", "idempotencyKey": "two words",
        }),
    )
    .await;
    let fields = [
        "name",
        "language",
        "firstMessage",
        "prompt",
        "voiceId",
        "fallbackNumber",
        "country",
        "areaCode",
        "idempotencyKey",
    ];
    assert_eq!(faults(&refused), fields);
    for error in refused["userErrors"].as_array().unwrap() {
        assert_eq!(error["code"], "INVALID_INPUT", "{error}");
        assert_eq!(error["field"][0], "input", "{error}");
    }
    assert!(
        refused["userErrors"][1]["message"].as_str().unwrap().contains("en, ar"),
        "names what is accepted"
    );
    for nothing in ["agent", "phoneNumber", "apiToken", "operation"] {
        assert_eq!(refused[nothing], Value::Null, "{nothing}");
    }

    let long = create(&app, &token, json!({"name": "n".repeat(300)})).await;
    assert_eq!(faults(&long), ["name"]);
    for invisible in ["\u{feff}", "\u{200b}\u{2060} \u{3164}", "\u{2800}", "\u{ad}", "\u{e0041}"] {
        let input = json!({"name": invisible, "firstMessage": invisible, "prompt": invisible});
        assert_eq!(
            faults(&create(&app, &token, input).await),
            ["name", "firstMessage", "prompt"],
            "{invisible:?}"
        );
    }
    let abroad = create(&app, &token, json!({"name": "Practice", "country": "GB", "areaCode": "212"})).await;
    assert_eq!(faults(&abroad), ["areaCode"]);
    assert_eq!(
        count(&app, &token).await,
        json!({"agents": {"totalCount": 0}, "phoneNumbers": {"totalCount": 0}})
    );
}

#[tokio::test]
async fn without_a_number_the_agent_stays_and_says_where_there_are_some() {
    let app = App::start().await;
    let token = app.token(Uuid::from_u128(1));
    let made = create(&app, &token, json!({"name": "Practice", "areaCode": "909"})).await;
    assert_eq!(made["agent"]["status"], "ACTIVE");
    assert!(made["apiToken"].is_string());
    assert_eq!(made["phoneNumber"], Value::Null);
    assert_eq!(made["operation"]["state"], "FAILED");
    let error = &made["userErrors"][0];
    assert_eq!(error["code"], "NO_AVAILABLE_NUMBERS");
    assert!(!error["suggestedAreaCodes"].as_array().unwrap().is_empty(), "{error}");

    let anywhere = json!({"name": "Practice", "areaCode": "909", "ifUnavailable": "ANY_IN_COUNTRY"});
    let anywhere = create(&app, &token, anywhere).await;
    assert_eq!(anywhere["phoneNumber"]["status"], "ACTIVE", "{anywhere}");
}

#[tokio::test]
async fn a_repeated_request_finds_its_operation_and_buys_nothing_more() {
    let app = App::start().await;
    let token = app.token(Uuid::from_u128(1));
    let input = json!({"name": "Practice", "areaCode": "212", "idempotencyKey": "k-1"});
    let first = create(&app, &token, input.clone()).await;
    let again = create(&app, &token, input).await;
    assert_eq!(again["operation"], first["operation"]);
    assert_eq!(again["phoneNumber"], first["phoneNumber"]);
    assert_eq!(again["apiToken"], Value::Null, "a token is shown once");
    let other =
        create(&app, &token, json!({"name": "Another", "areaCode": "212", "idempotencyKey": "k-1"})).await;
    assert_eq!(other["userErrors"][0]["code"], "IDEMPOTENCY_KEY_REUSED");
    assert_eq!(other["userErrors"][0]["field"], json!(["input", "idempotencyKey"]));
    assert_eq!(
        count(&app, &token).await,
        json!({"agents": {"totalCount": 1}, "phoneNumbers": {"totalCount": 1}})
    );
    let neighbour = app.token(Uuid::from_u128(2));
    let theirs =
        create(&app, &neighbour, json!({"name": "Other", "provisionPhone": false, "idempotencyKey": "k-1"}))
            .await;
    assert_eq!(theirs["userErrors"], json!([]), "a key is its tenant's own");
}

#[tokio::test]
async fn an_omitted_variable_keeps_and_null_clears() {
    let app = App::start().await;
    let token = app.token(Uuid::from_u128(1));
    let input = json!({"name": "Practice", "firstMessage": "Hello!", "fallbackNumber": "+12125550199", "provisionPhone": false});
    let id = create(&app, &token, input).await["agent"]["id"].clone();
    let update = async |variables: Value| {
        let answer = app.graphql(&token, UPDATE, variables).await;
        assert!(answer["errors"].is_null(), "{answer}");
        answer["data"]["updateAgent"].clone()
    };
    let renamed = update(json!({"id": id, "name": "Renamed"})).await;
    let expected = json!({"name": "Renamed", "firstMessage": "Hello!", "fallbackNumber": "+12125550199"});
    assert_eq!(renamed, json!({"agent": expected, "userErrors": []}));
    let cleared = update(json!({"id": id, "firstMessage": null})).await;
    let expected = json!({"name": "Renamed", "firstMessage": null, "fallbackNumber": "+12125550199"});
    assert_eq!(cleared["agent"], expected);
    let refused = update(json!({"id": id, "name": null, "fallbackNumber": "12"})).await;
    assert_eq!(faults(&refused), ["name", "fallbackNumber"]);
    assert_eq!(refused["agent"], Value::Null);
    let unchanged = app
        .graphql(&token, "query($id: ID!) { agent(id: $id) { name fallbackNumber } }", json!({"id": id}))
        .await;
    assert_eq!(unchanged["data"]["agent"], json!({"name": "Renamed", "fallbackNumber": "+12125550199"}));
}

#[tokio::test]
async fn only_active_and_inactive_can_be_set_and_foreign_ids_are_absent_ones() {
    let app = App::start().await;
    let token = app.token(Uuid::from_u128(1));
    let id = create(&app, &token, json!({"name": "Practice", "provisionPhone": false})).await["agent"]["id"]
        .clone();
    let update = "mutation($id: ID!, $status: AgentStatus) { updateAgent(input: {id: $id, status: $status}) {
        agent { status } userErrors { code message field } } }";
    let update = async |token: &str, id: &Value, status: &str| {
        app.graphql(token, update, json!({"id": id, "status": status})).await["data"]["updateAgent"].clone()
    };
    assert_eq!(update(&token, &id, "INACTIVE").await["agent"]["status"], "INACTIVE");
    for status in ["PENDING", "DELETED"] {
        let refused = update(&token, &id, status).await;
        assert_eq!(faults(&refused), ["status"]);
    }
    let stranger = app.token(Uuid::from_u128(2));
    let foreign = update(&stranger, &id, "ACTIVE").await;
    let absent = update(&stranger, &json!("agent_0123456789abcdef0123456789abcdef"), "ACTIVE").await;
    assert_eq!(foreign, absent);
    assert_eq!(foreign["userErrors"][0]["code"], "NOT_FOUND");
    for malformed in ["", "x", "number_0123456789abcdef0123456789abcdef"] {
        let refused = update(&token, &json!(malformed), "ACTIVE").await;
        assert_eq!(refused["userErrors"][0]["code"], "INVALID_INPUT", "{malformed}");
        assert_eq!(faults(&refused), ["id"]);
    }
}

#[tokio::test]
async fn a_deleted_agent_releases_its_number_and_stays_as_history() {
    let app = App::start().await;
    let token = app.token(Uuid::from_u128(1));
    let made = create(&app, &token, json!({"name": "Practice", "areaCode": "212"})).await;
    let id = json!({"id": made["agent"]["id"]});
    let rotate = "mutation($id: ID!) { rotateAgentToken(input: {id: $id}) { agent { tokenPreview } apiToken userErrors { field } } }";
    let rotated = app.graphql(&token, rotate, id.clone()).await["data"]["rotateAgentToken"].clone();
    assert_ne!(rotated["apiToken"], made["apiToken"]);
    assert_ne!(rotated["agent"]["tokenPreview"], made["agent"]["tokenPreview"]);

    let delete =
        "mutation($id: ID!) { deleteAgent(input: {id: $id}) { agent { status phoneNumbers { totalCount } }
        operation { kind state } userErrors { code field } } }";
    let deleted = app.graphql(&token, delete, id.clone()).await["data"]["deleteAgent"].clone();
    assert_eq!(deleted["operation"], json!({"kind": "DELETE_AGENT", "state": "SUCCEEDED"}), "{deleted}");
    assert_eq!(deleted["agent"], json!({"status": "DELETED", "phoneNumbers": {"totalCount": 0}}));
    assert_eq!(
        count(&app, &token).await,
        json!({"agents": {"totalCount": 0}, "phoneNumbers": {"totalCount": 0}})
    );
    let history = "{ agents(filter: {status: DELETED}) { totalCount } phoneNumbers(filter: {status: RELEASED}) { totalCount } }";
    let history = app.graphql(&token, history, json!({})).await;
    assert_eq!(history["data"], json!({"agents": {"totalCount": 1}, "phoneNumbers": {"totalCount": 1}}));
    let refused = app.graphql(&token, rotate, id).await["data"]["rotateAgentToken"].clone();
    assert_eq!(faults(&refused), ["id"]);
}

#[tokio::test]
async fn the_account_shows_its_plan_and_what_it_used() {
    let app = App::start().await;
    let tenant = Uuid::from_u128(1);
    let token = app.token(tenant);
    create(&app, &token, json!({"name": "Practice", "areaCode": "212"})).await;
    let query = "query($month: String) { viewer { id userId plan { name } limits { concurrentCalls phoneNumbers } activeCalls
        usage(month: $month) { month phoneNumbers calls minutes estimatedCost { currency phoneNumbers calls total } } } }";
    let seen = app.graphql(&token, query, json!({})).await["data"]["viewer"].clone();
    assert_eq!(seen["userId"], tenant.to_string());
    assert_eq!(seen["plan"]["name"], "starter");
    assert_eq!(seen["usage"]["phoneNumbers"], 1);
    let cost = &seen["usage"]["estimatedCost"];
    assert_eq!(cost["currency"], "USD");
    assert_eq!(cost["phoneNumbers"], cost["total"]);
    let node = "query($id: ID!) { node(id: $id) { __typename } }";
    let node = app.graphql(&token, node, json!({"id": seen["id"]})).await;
    assert_eq!(node["data"]["node"]["__typename"], "Viewer");
    let before = app.graphql(&token, query, json!({"month": "2020-02"})).await;
    assert_eq!(before["data"]["viewer"]["usage"]["phoneNumbers"], 0, "{before}");
    let malformed = app.graphql(&token, query, json!({"month": "2020-13"})).await;
    assert_eq!(malformed["errors"][0]["extensions"]["code"], "BAD_USER_INPUT");
}

#[tokio::test]
async fn text_that_no_database_takes_is_refused_where_it_comes_in() {
    let app = App::start().await;
    let token = app.token(Uuid::from_u128(1));
    for field in ["name", "language", "firstMessage", "prompt", "voiceId", "areaCode", "idempotencyKey"] {
        let mut input = json!({"name": "Practice", "provisionPhone": false});
        input[field] = json!("212\0");
        let refused = create(&app, &token, input).await;
        assert_eq!(faults(&refused), [field], "{refused}");
    }
    let listed = "query($part: String) { agents(filter: {nameContains: $part}) { nodes { id } } }";
    let answer = app.graphql(&token, listed, json!({"part": "a\0"})).await;
    assert_eq!(answer["errors"][0]["extensions"]["code"], "BAD_USER_INPUT", "{answer}");
}

#[tokio::test]
async fn a_search_finds_names_beyond_ascii_and_takes_wildcards_as_they_are() {
    let app = App::start().await;
    let token = app.token(Uuid::from_u128(1));
    for name in ["Ärzte am Ring", "100% Zahn!", "a_b", "Praxis Łódź"] {
        create(&app, &token, json!({"name": name, "provisionPhone": false})).await;
    }
    let listed =
        "query($part: String) { agents(filter: {nameContains: $part}) { nodes { name } totalCount } }";
    for (part, found) in [
        ("Ärzte", &["Ärzte am Ring"][..]),
        // Case beyond ASCII is the database's own matter: SQLite does not fold it, nor Postgres in the locale C.
        ("Ärzte AM", &["Ärzte am Ring"]),
        ("0% z", &["100% Zahn!"]),
        ("n!", &["100% Zahn!"]),
        ("A_B", &["a_b"]),
        ("_", &["a_b"]),
        ("Łódź", &["Praxis Łódź"]),
        ("\\", &[]),
    ] {
        let answer = app.graphql(&token, listed, json!({"part": part})).await;
        let agents = &answer["data"]["agents"];
        let names: Vec<_> = agents["nodes"].as_array().unwrap().iter().map(|node| &node["name"]).collect();
        assert_eq!(names, found, "{part}");
        assert_eq!(agents["totalCount"], found.len(), "{part}");
    }
}
