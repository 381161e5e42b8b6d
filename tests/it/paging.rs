//! Paging through the public API: stable under inserts, both ways, and at a fixed number of statements.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::support::App;
use crate::support::api::create;

const PAGE: &str = "query($first: Int, $after: String, $last: Int, $before: String, $filter: AgentFilter) {
    agents(first: $first, after: $after, last: $last, before: $before, filter: $filter) {
        edges { cursor node { name } } nodes { name }
        pageInfo { hasNextPage hasPreviousPage startCursor endCursor } } }";

async fn page(app: &App, token: &str, arguments: Value) -> Value {
    let answer = app.graphql(token, PAGE, arguments).await;
    assert!(answer["errors"].is_null(), "{answer}");
    answer["data"]["agents"].clone()
}

fn names(page: &Value) -> Vec<&str> {
    page["nodes"].as_array().unwrap().iter().map(|node| node["name"].as_str().unwrap()).collect()
}

async fn agents(app: &App, token: &str, names: &[&str]) {
    for name in names {
        create(app, token, json!({"name": name, "provisionPhone": false})).await;
    }
}

#[tokio::test]
async fn pages_do_not_shift_when_agents_are_added() {
    let app = App::start().await;
    let token = app.token(Uuid::from_u128(1));
    agents(&app, &token, &["A", "B", "C", "D", "E"]).await;
    let first = page(&app, &token, json!({"first": 2})).await;
    assert_eq!(names(&first), ["E", "D"]);
    assert_eq!(first["edges"][1]["cursor"], first["pageInfo"]["endCursor"]);
    assert_eq!(
        (&first["pageInfo"]["hasNextPage"], &first["pageInfo"]["hasPreviousPage"]),
        (&json!(true), &json!(false))
    );
    agents(&app, &token, &["F"]).await;
    let second = page(&app, &token, json!({"first": 2, "after": first["pageInfo"]["endCursor"]})).await;
    assert_eq!(names(&second), ["C", "B"]);
    let third = page(&app, &token, json!({"first": 2, "after": second["pageInfo"]["endCursor"]})).await;
    assert_eq!(names(&third), ["A"]);
    assert_eq!(third["pageInfo"]["hasNextPage"], false);
    let beyond = page(&app, &token, json!({"first": 2, "after": third["pageInfo"]["endCursor"]})).await;
    assert_eq!(names(&beyond), Vec::<&str>::new());
    assert_eq!(beyond["pageInfo"]["endCursor"], Value::Null);
    let back = page(&app, &token, json!({"last": 2, "before": second["pageInfo"]["startCursor"]})).await;
    assert_eq!(names(&back), ["E", "D"], "backwards, in the list's own order");
    assert_eq!(back["pageInfo"]["hasPreviousPage"], true, "F came before");
    assert_eq!(names(&page(&app, &token, json!({"last": 1})).await), ["A"]);
    let some = page(&app, &token, json!({"filter": {"nameContains": "d"}})).await;
    assert_eq!(names(&some), ["D"]);
}

#[tokio::test]
async fn arguments_that_make_no_page_are_refused_with_the_remedy() {
    let app = App::start().await;
    let token = app.token(Uuid::from_u128(1));
    agents(&app, &token, &["A"]).await;
    let cursor = page(&app, &token, json!({})).await["pageInfo"]["endCursor"].clone();
    for (arguments, says) in [
        (json!({"first": 1, "last": 1}), "exclude each other"),
        (json!({"first": 101}), "1 to 100"),
        (json!({"first": 0}), "1 to 100"),
        (json!({"last": -1}), "1 to 100"),
        (json!({"after": "garbage"}), "not a cursor"),
        (json!({"before": ""}), "leave it out"),
        (json!({"after": cursor, "filter": {"status": "ACTIVE"}}), "another filter"),
    ] {
        let answer = app.graphql(&token, PAGE, arguments.clone()).await;
        let error = &answer["errors"][0];
        assert_eq!(error["extensions"]["code"], "BAD_USER_INPUT", "{arguments}: {answer}");
        assert!(error["message"].as_str().unwrap().contains(says), "{arguments}: {answer}");
    }
    let elsewhere = "query($after: String) { phoneNumbers(after: $after) { totalCount } }";
    let answer = app.graphql(&token, elsewhere, json!({ "after": cursor })).await;
    assert!(answer["errors"][0]["message"].as_str().unwrap().contains("another list"), "{answer}");
}

#[tokio::test]
async fn a_page_of_agents_with_numbers_costs_a_fixed_number_of_statements() {
    let app = App::start().await;
    let token = app.token(Uuid::from_u128(1));
    for at in 0..8 {
        let area_code = if at % 2 == 0 { "212" } else { "415" };
        create(&app, &token, json!({"name": format!("Practice {at}"), "areaCode": area_code})).await;
    }
    let query = "query($first: Int) { agents(first: $first) { nodes {
        name phoneNumber { number agent { name } }
        phoneNumbers(first: 2) { totalCount nodes { number } }
        calls(last: 3) { totalCount nodes { from agent { name } phoneNumber { number } } }
    } } }";
    let mut costs = Vec::new();
    for first in [2, 8] {
        let mut cheapest = u64::MAX;
        // A worker may look for work meanwhile: the cheapest of many is the query's own.
        for _ in 0..40 {
            let before = app.database().statements();
            let answer = app.graphql(&token, query, json!({ "first": first })).await;
            cheapest = cheapest.min(app.database().statements() - before);
            let nodes = answer["data"]["agents"]["nodes"].as_array().unwrap().clone();
            assert_eq!(nodes.len(), first);
            assert!(
                nodes.iter().all(|node| {
                    node["phoneNumber"]["agent"]["name"] == node["name"]
                        && node["phoneNumbers"]["totalCount"] == 1
                        && node["phoneNumbers"]["nodes"][0]["number"] == node["phoneNumber"]["number"]
                        && node["calls"]["totalCount"] == 0
                }),
                "{answer}"
            );
        }
        costs.push(cheapest);
    }
    assert_eq!(costs[0], costs[1], "statements grow with the page");
    assert_eq!(
        costs[1], 7,
        "agents, a number and pages and counts of each, agents again: opening the door is none"
    );
}

#[tokio::test]
async fn a_page_of_numbers_is_read_together_with_their_agents() {
    let app = App::start().await;
    let token = app.token(Uuid::from_u128(1));
    for at in 0..3 {
        create(&app, &token, json!({"name": format!("Practice {at}"), "areaCode": "212"})).await;
    }
    for (query, list) in [
        ("{ phoneNumbers(first: 2) { nodes { number agent { name } } } }", "nodes"),
        (
            "{ phoneNumbers(last: 2) { edges { node { ...Number } } } } fragment Number on PhoneNumber { agent { name } }",
            "edges",
        ),
    ] {
        let mut cheapest = u64::MAX;
        // A worker may look for work meanwhile: the cheapest of many is the query's own.
        for _ in 0..40 {
            let before = app.database().statements();
            let answer = app.graphql(&token, query, json!({})).await;
            cheapest = cheapest.min(app.database().statements() - before);
            let items = answer["data"]["phoneNumbers"][list].as_array().unwrap();
            let names: Vec<&Value> = items
                .iter()
                .map(|item| item.get("node").unwrap_or(item))
                .map(|number| &number["agent"]["name"])
                .collect();
            let expected =
                if list == "nodes" { ["Practice 2", "Practice 1"] } else { ["Practice 1", "Practice 0"] };
            assert_eq!(json!(names), json!(expected), "{answer}");
        }
        assert_eq!(cheapest, 1, "{query}");
    }
}

#[tokio::test]
async fn a_list_beneath_each_agent_is_cut_and_counted_for_each() {
    let app = App::start().await;
    let token = app.token(Uuid::from_u128(1));
    let further = "mutation($input: ProvisionPhoneNumberInput!) {
        provisionPhoneNumber(input: $input) { phoneNumber { number } userErrors { message } } }";
    for (at, numbers) in [3, 0, 1].into_iter().enumerate() {
        let input = json!({"name": format!("Practice {at}"), "provisionPhone": false});
        let agent = create(&app, &token, input).await["agent"]["id"].clone();
        for _ in 0..numbers {
            let input = json!({"agentId": agent, "areaCode": "646", "additional": true});
            let bought = app.graphql(&token, further, json!({ "input": input })).await;
            assert_eq!(bought["data"]["provisionPhoneNumber"]["userErrors"], json!([]), "{bought}");
        }
    }
    let query = "{ agents { nodes { name
        newest: phoneNumbers(first: 2) { ...Page } oldest: phoneNumbers(last: 2) { ...Page } } } }
        fragment Page on PhoneNumberConnection {
            totalCount nodes { number } pageInfo { hasNextPage hasPreviousPage endCursor } }";
    let answer = app.graphql(&token, query, json!({})).await;
    let agents = answer["data"]["agents"]["nodes"].as_array().unwrap();
    let shape = |page: &Value| {
        let info = &page["pageInfo"];
        let length = page["nodes"].as_array().unwrap().len();
        json!([page["totalCount"], length, info["hasNextPage"], info["hasPreviousPage"]])
    };
    let shapes: Vec<Value> =
        agents.iter().map(|agent| json!([shape(&agent["newest"]), shape(&agent["oldest"])])).collect();
    // Agents stand newest first.
    assert_eq!(shapes[0], json!([[1, 1, false, false], [1, 1, false, false]]), "{answer}");
    assert_eq!(shapes[1], json!([[0, 0, false, false], [0, 0, false, false]]), "{answer}");
    assert_eq!(shapes[2], json!([[3, 2, true, false], [3, 2, false, true]]), "{answer}");
    assert_eq!(agents[2]["newest"]["nodes"][1], agents[2]["oldest"]["nodes"][0], "the middle one is in both");

    let rest = "query($after: String) { agents(last: 1) { nodes { phoneNumbers(after: $after) { nodes { number } } } } }";
    let after = agents[2]["newest"]["pageInfo"]["endCursor"].clone();
    let rest = app.graphql(&token, rest, json!({ "after": after })).await;
    let rest = &rest["data"]["agents"]["nodes"][0]["phoneNumbers"]["nodes"];
    assert_eq!(*rest, json!([agents[2]["oldest"]["nodes"][1]]), "a cursor of the batch goes on alone");
}

#[tokio::test]
async fn what_no_row_can_have_is_the_clients_mistake() {
    let app = App::start().await;
    let token = app.token(Uuid::from_u128(1));
    agents(&app, &token, &["A", "B"]).await;
    let cursor =
        page(&app, &token, json!({"first": 1})).await["pageInfo"]["endCursor"].as_str().unwrap().to_owned();
    let in_year = |micros: i64| {
        let mut bytes = URL_SAFE_NO_PAD.decode(&cursor).unwrap();
        bytes[6..14].copy_from_slice(&micros.to_be_bytes());
        URL_SAFE_NO_PAD.encode(bytes)
    };
    // The years -5000, 1900 and 200,000.
    let cursors = [-219_908_563_200_000_000, -2_208_988_800_000_000, 6_249_223_180_800_000_000].map(in_year);
    for (after, words) in
        [(String::new(), "leave it out")].into_iter().chain(cursors.map(|after| (after, "not a cursor")))
    {
        for argument in ["after", "before"] {
            let answer = app.graphql(&token, PAGE, json!({ argument: after })).await;
            let error = &answer["errors"][0];
            assert_eq!(error["extensions"]["code"], "BAD_USER_INPUT", "{answer}");
            assert!(error["message"].as_str().unwrap().contains(words), "{answer}");
        }
    }
    for at in ["0000-01-01T00:00:00Z", "9999-12-31T23:59:59-12:00", "-5000-01-01T00:00:00Z"] {
        let query = "query($at: DateTime) { calls(filter: {startedAfter: $at}) { totalCount } }";
        let answer = app.graphql(&token, query, json!({ "at": at })).await;
        assert_eq!(answer["errors"][0]["extensions"]["code"], "BAD_USER_INPUT", "{answer}");
    }
    let number =
        create(&app, &token, json!({"name": "C", "areaCode": "212"})).await["phoneNumber"]["id"].clone();
    let rules = |message: &str| json!([{"name": "R", "condition": {}, "action": {"kind": "MESSAGE", "message": message}}]);
    let query = "mutation($input: SetRoutingRulesInput!) { setRoutingRules(input: $input) { userErrors { field message } } }";
    for bad in ["a\u{0}b", "bell\u{7}"] {
        let input = json!({"phoneNumberId": number, "rules": rules(bad)});
        let answer = app.graphql(&token, query, json!({ "input": input })).await;
        let error = &answer["data"]["setRoutingRules"]["userErrors"][0];
        assert_eq!(error["field"], json!(["input", "rules", "0", "action", "message"]), "{answer}");
    }
}

/// The fields of a type, each as it is asked for: those with fields of their own by their type's name.
async fn selections(app: &App, token: &str, of: &str) -> Vec<String> {
    let query = "query($name: String!) { __type(name: $name) { fields {
        name type { kind ofType { kind ofType { kind ofType { kind } } } } } } }";
    let answer = app.graphql(token, query, json!({"name": of})).await;
    let fields = answer["data"]["__type"]["fields"].as_array().unwrap();
    let selection = |field: &Value| {
        let nested = field["type"].to_string().contains("OBJECT");
        format!("{}{}", field["name"].as_str().unwrap(), if nested { " { __typename }" } else { "" })
    };
    fields.iter().map(selection).collect()
}

#[tokio::test]
async fn a_list_of_numbers_has_every_field_of_the_numbers_and_their_agents() {
    let app = App::start().await;
    let token = app.token(Uuid::from_u128(1));
    create(&app, &token, json!({"name": "A", "areaCode": "212", "firstMessage": "Good morning."})).await;
    let of_numbers = selections(&app, &token, "PhoneNumber").await;
    let of_agents = selections(&app, &token, "Agent").await;
    let ids = app.graphql(&token, "{ phoneNumbers { nodes { id agent { id } } } }", json!({})).await;
    let ids = &ids["data"]["phoneNumbers"]["nodes"][0];
    let agents = of_agents.iter().map(|field| format!("agent {{ {field} }}"));
    let asked: Vec<String> = of_numbers.iter().cloned().chain(agents).collect();
    assert!(asked.len() > 25, "{asked:?}");
    for field in &asked {
        let query = format!(
            "query($id: ID!) {{ phoneNumber(id: $id) {{ {field} }}
                phoneNumbers {{ nodes {{ {field} }} }}
                edges: phoneNumbers {{ edges {{ node {{ ...Asked }} }} }}
                both: phoneNumbers {{ nodes {{ number agent {{ name }} }} edges {{ node {{ ... {{ ...Asked }} }} }} }} }}
            fragment Asked on PhoneNumber {{ {field} }}"
        );
        let answer = app.graphql(&token, &query, json!({"id": ids["id"]})).await;
        assert!(answer["errors"].is_null(), "{field}: {answer}");
        let data = &answer["data"];
        let expected = &data["phoneNumber"];
        assert!(expected.is_object(), "{field}: {answer}");
        for found in [
            &data["phoneNumbers"]["nodes"][0],
            &data["edges"]["edges"][0]["node"],
            &data["both"]["edges"][0]["node"],
        ] {
            assert_eq!(found, expected, "{field}");
        }
    }
}
