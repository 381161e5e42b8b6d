//! Numbers through the public API: searched, bought exactly, repaired, released.

use serde_json::{Value, json};
use uuid::Uuid;

use crate::support::App;
use crate::support::api::{create, faults, provision};

async fn agent_without_number(app: &App, token: &str) -> Value {
    create(app, token, json!({"name": "Practice", "provisionPhone": false})).await["agent"]["id"].clone()
}

#[tokio::test]
async fn an_available_number_is_bought_exactly_and_released() {
    let app = App::start().await;
    let token = app.token(Uuid::from_u128(1));
    let agent = agent_without_number(&app, &token).await;
    let search = "{ availablePhoneNumbers(areaCode: \"415\", limit: 3) { number friendlyName countryCode type monthlyCost } }";
    let found = app.graphql(&token, search, json!({})).await["data"]["availablePhoneNumbers"].clone();
    assert_eq!(found.as_array().unwrap().len(), 3, "{found}");
    let wanted = &found[2]["number"];
    let bought = provision(&app, &token, json!({"agentId": agent, "number": wanted})).await;
    assert_eq!(bought["userErrors"], json!([]));
    assert_eq!(&bought["phoneNumber"]["number"], wanted);
    assert_eq!(bought["phoneNumber"]["status"], "ACTIVE");
    assert_eq!(bought["phoneNumber"]["agent"]["id"], agent);

    let second = provision(&app, &token, json!({"agentId": agent})).await;
    assert_eq!(second["userErrors"][0]["code"], "PHONE_NUMBER_ALREADY_EXISTS");
    assert_eq!(second["operation"], Value::Null, "nothing happened");
    let second =
        provision(&app, &token, json!({"agentId": agent, "additional": true, "areaCode": "305"})).await;
    assert_eq!(second["phoneNumber"]["status"], "ACTIVE", "{second}");

    let numbers = "query($id: ID!) { agent(id: $id) { phoneNumber { number } phoneNumbers { totalCount nodes { number } } } }";
    let numbers = app.graphql(&token, numbers, json!({"id": agent})).await["data"]["agent"].clone();
    assert_eq!(&numbers["phoneNumber"]["number"], wanted, "the oldest active one");
    assert_eq!(numbers["phoneNumbers"]["totalCount"], 2);
    assert_eq!(&numbers["phoneNumbers"]["nodes"][1]["number"], wanted, "newest first");

    let id = json!({"id": bought["phoneNumber"]["id"]});
    let repair = "mutation($id: ID!) { repairPhoneNumber(input: {id: $id}) { phoneNumber { status } operation { state } userErrors { code } } }";
    let repaired = app.graphql(&token, repair, id.clone()).await["data"]["repairPhoneNumber"].clone();
    assert_eq!(
        repaired,
        json!({"phoneNumber": {"status": "ACTIVE"}, "operation": {"state": "SUCCEEDED"}, "userErrors": []})
    );
    let release = "mutation($id: ID!) { releasePhoneNumber(input: {id: $id}) { phoneNumber { status releasedAt } operation { state } userErrors { code field } } }";
    let released = app.graphql(&token, release, id.clone()).await["data"]["releasePhoneNumber"].clone();
    assert_eq!(released["phoneNumber"]["status"], "RELEASED", "{released}");
    assert!(released["phoneNumber"]["releasedAt"].is_string());
    let again = app.graphql(&token, release, id.clone()).await["data"]["releasePhoneNumber"].clone();
    assert_eq!(faults(&again), ["id"]);
    let stranger = app.token(Uuid::from_u128(2));
    let foreign = app.graphql(&stranger, release, id).await["data"]["releasePhoneNumber"].clone();
    assert_eq!(foreign["userErrors"], json!([{"code": "NOT_FOUND", "field": ["input", "id"]}]));
}

#[tokio::test]
async fn what_cannot_be_bought_is_refused_with_the_field_and_the_remedy() {
    let app = App::start().await;
    let token = app.token(Uuid::from_u128(1));
    let agent = agent_without_number(&app, &token).await;
    let bad = json!({"agentId": "nonsense", "country": "us", "areaCode": "2x2", "number": "2125550123", "idempotencyKey": ""});
    let refused = provision(&app, &token, bad).await;
    assert_eq!(faults(&refused), ["agentId", "country", "areaCode", "number", "idempotencyKey"]);
    let elsewhere =
        provision(&app, &token, json!({"agentId": agent, "number": "+12125550123", "areaCode": "415"})).await;
    assert_eq!(faults(&elsewhere), ["areaCode"]);
    let foreign = provision(&app, &app.token(Uuid::from_u128(2)), json!({"agentId": agent})).await;
    assert_eq!(foreign["userErrors"][0]["code"], "NOT_FOUND");
    assert_eq!(foreign["userErrors"][0]["field"], json!(["input", "agentId"]));
    let taken = provision(&app, &token, json!({"agentId": agent, "number": "+15005550000"})).await;
    assert_eq!(taken["userErrors"][0]["code"], "NUMBER_TAKEN", "{taken}");
    assert_eq!(taken["phoneNumber"], Value::Null);
    let none = provision(&app, &token, json!({"agentId": agent, "areaCode": "909"})).await;
    assert_eq!(none["userErrors"][0]["code"], "NO_AVAILABLE_NUMBERS");
    let held = app.graphql(&token, "{ phoneNumbers { totalCount } }", json!({})).await;
    assert_eq!(held["data"]["phoneNumbers"]["totalCount"], 0);
}

#[tokio::test]
async fn a_wrong_argument_of_a_query_is_named() {
    let app = App::start().await;
    let token = app.token(Uuid::from_u128(1));
    for (query, says) in [
        ("{ phoneNumber { id } }", "exactly one"),
        ("{ phoneNumber(id: \"x\", number: \"+12125550123\") { id } }", "exactly one"),
        ("{ phoneNumber(number: \"212\") { id } }", "+12125550123"),
        ("{ phoneNumber(id: \"agent_0123456789abcdef0123456789abcdef\") { id } }", "another kind"),
        ("{ node(id: \"x\") { id } }", "malformed id"),
        ("{ availablePhoneNumbers(limit: 31) { number } }", "1 to 30"),
        ("{ availablePhoneNumbers(country: \"GB\", areaCode: \"212\") { number } }", "area code"),
        ("{ availablePhoneNumbers(areaCode: \"12\") { number } }", "three digits"),
        ("{ availablePhoneNumbers(country: \"UK\") { number } }", "ISO 3166"),
        ("{ availablePhoneNumbers(contains: \"*\") { number } }", "2 to 16"),
        ("{ phoneNumbers(filter: {agentId: \"x\"}) { totalCount } }", "filter.agentId"),
    ] {
        let answer = app.graphql(&token, query, json!({})).await;
        let error = &answer["errors"][0];
        assert_eq!(error["extensions"]["code"], "BAD_USER_INPUT", "{query}: {answer}");
        assert!(error["message"].as_str().unwrap().contains(says), "{query}: {answer}");
    }
    let omitted = "query($limit: Int) { availablePhoneNumbers(limit: $limit) { number } }";
    let ten = app.graphql(&token, omitted, json!({})).await;
    assert_eq!(ten["data"]["availablePhoneNumbers"].as_array().map(Vec::len), Some(10), "{ten}");
    let ids: Vec<_> = (0..101).map(|id| format!("agent_{id:032x}")).collect();
    let many =
        app.graphql(&token, "query($ids: [ID!]!) { nodes(ids: $ids) { id } }", json!({ "ids": ids })).await;
    assert!(many["errors"][0]["message"].as_str().unwrap().contains("at most 100"), "{many}");
}

#[tokio::test]
async fn an_area_code_of_another_country_is_named_before_the_carrier_is_asked() {
    let app = App::start().await;
    let token = app.token(Uuid::from_u128(1));
    let create = "mutation($input: CreateAgentInput!) { createAgent(input: $input) { agent { id } userErrors { code field message } } }";
    for (input, words) in [
        (json!({"name": "Practice", "areaCode": "416"}), "belongs to CA: set country to CA"),
        (json!({"name": "Practice", "areaCode": "876"}), "belongs to JM"),
        (json!({"name": "Practice", "areaCode": "809", "country": "CA"}), "belongs to DO"),
        (json!({"name": "Practice", "areaCode": "212", "country": "CA"}), "belongs to US: set country to US"),
        (json!({"name": "Practice", "areaCode": "888"}), "is toll-free"),
        (json!({"name": "Practice", "areaCode": "710"}), "area code 710 has no numbers for sale"),
    ] {
        let answer = app.graphql(&token, create, json!({ "input": input })).await;
        let error = &answer["data"]["createAgent"]["userErrors"][0];
        assert_eq!(error["field"], json!(["input", "areaCode"]), "{answer}");
        assert!(error["message"].as_str().unwrap().contains(words), "{answer}");
    }
    let search = "{ availablePhoneNumbers(areaCode: \"416\") { number } }";
    let answer = app.graphql(&token, search, json!({})).await;
    assert_eq!(answer["errors"][0]["extensions"]["code"], "BAD_USER_INPUT", "{answer}");
    assert_eq!(app.sandbox_state().await["agents"], json!([]), "nothing was begun");
}
