//! Paging through the public API: stable under inserts, both ways, and at a fixed number of statements.

use serde_json::{Value, json};
use uuid::Uuid;

use crate::agent::create;
use crate::support::App;

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
        (json!({"before": ""}), "not a cursor"),
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
    let query = "query($first: Int) { agents(first: $first) { nodes { name phoneNumber { number agent { name } } } } }";
    let mut costs = Vec::new();
    for first in [2, 8] {
        let mut cheapest = u64::MAX;
        // A worker may look for work meanwhile: the cheapest of a few is the query's own.
        for _ in 0..5 {
            let before = app.database().statements();
            let answer = app.graphql(&token, query, json!({ "first": first })).await;
            cheapest = cheapest.min(app.database().statements() - before);
            let nodes = answer["data"]["agents"]["nodes"].as_array().unwrap().clone();
            assert_eq!(nodes.len(), first);
            assert!(
                nodes.iter().all(|node| node["phoneNumber"]["agent"]["name"] == node["name"]),
                "{answer}"
            );
        }
        costs.push(cheapest);
    }
    assert_eq!(costs[0], costs[1], "statements grow with the page");
    assert!(costs[1] <= 8, "{costs:?}: opening the door, agents, numbers, agents again");
}
