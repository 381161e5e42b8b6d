//! Tenants as operators see them, and what a caller is told of itself.

use serde_json::{Value, json};
use uuid::Uuid;

use crate::support::App;
use crate::support::api::create;

const TENANTS: &str = "query($first: Int, $after: String, $last: Int, $before: String, $filter: TenantFilter) {
    tenants(first: $first, after: $after, last: $last, before: $before, filter: $filter) {
        nodes { id userId plan { name } limits { concurrentCalls phoneNumbers } activeCalls agentCount phoneNumberCount createdAt }
        totalCount pageInfo { hasNextPage hasPreviousPage startCursor endCursor } } }";

async fn tenants(app: &App, arguments: Value) -> Value {
    let answer = app.graphql(&app.operator_token(), TENANTS, arguments).await;
    assert!(answer["errors"].is_null(), "{answer}");
    answer["data"]["tenants"].clone()
}

fn users(page: &Value) -> Vec<Value> {
    page["nodes"].as_array().unwrap().iter().map(|node| node["userId"].clone()).collect()
}

#[tokio::test]
async fn an_operator_lists_whoever_has_a_plan_or_a_token() {
    let app = App::start().await;
    let plan =
        "mutation($input: SetTenantPlanInput!) { setTenantPlan(input: $input) { userErrors { message } } }";
    let [planned, practice, visitor] = [1, 2, 3].map(Uuid::from_u128);
    let clinic = json!({"userId": planned, "name": "Clinic", "concurrentCalls": 3, "phoneNumbers": 4});
    let set = app.graphql(&app.operator_token(), plan, json!({ "input": clinic })).await;
    assert_eq!(set["data"]["setTenantPlan"]["userErrors"], json!([]), "{set}");
    let token = app.token(practice);
    let made = create(&app, &token, json!({"name": "Practice", "areaCode": "212"})).await;
    let gone = create(&app, &token, json!({"name": "Gone", "provisionPhone": false})).await;
    let delete = "mutation($id: ID!) { deleteAgent(input: {id: $id}) { userErrors { message } } }";
    app.graphql(&token, delete, json!({"id": gone["agent"]["id"]})).await;
    app.place_call(json!({"to": made["phoneNumber"]["number"], "hold": true})).await;
    app.graphql(&app.token(visitor), "{ viewer { id } }", json!({})).await;

    let all = tenants(&app, json!({})).await;
    assert_eq!(users(&all), [visitor, practice, planned].map(|id| json!(id)));
    assert_eq!(all["totalCount"], 3);
    let seen = |at: usize| {
        let node = &all["nodes"][at];
        json!([
            node["plan"]["name"],
            node["limits"]["concurrentCalls"],
            node["activeCalls"],
            node["agentCount"],
            node["phoneNumberCount"]
        ])
    };
    assert_eq!(
        [seen(0), seen(1), seen(2)],
        [json!(["starter", 10, 0, 0, 0]), json!(["starter", 10, 1, 1, 1]), json!(["Clinic", 3, 0, 0, 0])]
    );

    // It is found again by its id, by operators only; to itself a tenant is a viewer.
    let node = "query($id: ID!) { node(id: $id) { id ... on Tenant { userId agentCount } } }";
    let id = json!({"id": all["nodes"][1]["id"]});
    let found = app.graphql(&app.operator_token(), node, id.clone()).await;
    assert_eq!(
        found["data"]["node"],
        json!({"id": all["nodes"][1]["id"], "userId": practice, "agentCount": 1})
    );
    assert_eq!(app.graphql_for(planned, node, id.clone()).await["data"], found["data"]);
    assert_eq!(app.graphql(&token, node, id).await, json!({"data": {"node": null}}));
    let absent = json!({"id": format!("tenantrecord_{}", "0".repeat(32))});
    assert_eq!(app.graphql(&app.operator_token(), node, absent).await, json!({"data": {"node": null}}));

    let first = tenants(&app, json!({"first": 2})).await;
    assert_eq!(
        (users(&first), &first["pageInfo"]["hasNextPage"]),
        (vec![json!(visitor), json!(practice)], &json!(true))
    );
    let second = tenants(&app, json!({"first": 2, "after": first["pageInfo"]["endCursor"]})).await;
    assert_eq!((users(&second), &second["pageInfo"]["hasNextPage"]), (vec![json!(planned)], &json!(false)));
    let back = tenants(&app, json!({"last": 1, "before": second["pageInfo"]["startCursor"]})).await;
    assert_eq!((users(&back), &back["pageInfo"]["hasPreviousPage"]), (vec![json!(practice)], &json!(true)));
    for (filter, expected) in [
        (json!({"planName": "starter"}), vec![json!(visitor), json!(practice)]),
        (json!({"userId": practice}), vec![json!(practice)]),
        (json!({"userId": practice, "planName": "Clinic"}), vec![]),
        (json!({"planName": "' OR ''='"}), vec![]),
    ] {
        let page = tenants(&app, json!({ "filter": filter })).await;
        assert_eq!(users(&page), expected, "{filter}");
        assert_eq!(page["totalCount"], expected.len(), "{filter}");
    }
    for (arguments, says) in [
        (json!({"first": 0}), "1 to 100"),
        (json!({"filter": {"planName": "\u{0}"}}), "control characters"),
        (json!({"filter": {"planName": "x".repeat(101)}}), "at most 100"),
        (json!({"filter": {"userId": "practice"}}), "UUID"),
    ] {
        let answer = app.graphql(&app.operator_token(), TENANTS, arguments.clone()).await;
        let error = &answer["errors"][0];
        assert!(error["message"].as_str().unwrap().contains(says), "{arguments}: {answer}");
        assert!(
            ["BAD_USER_INPUT", "GRAPHQL_VALIDATION_FAILED"]
                .contains(&error["extensions"]["code"].as_str().unwrap()),
            "{answer}"
        );
    }
    // Whoever may not list them is told only that.
    let refused = app.graphql(&token, TENANTS, json!({"first": 0})).await;
    assert_eq!(
        (&refused["data"], &refused["errors"][0]["extensions"]["code"]),
        (&Value::Null, &json!("FORBIDDEN"))
    );
}

#[tokio::test]
async fn a_caller_is_told_who_it_is() {
    let app = App::start().await;
    let tenant = Uuid::from_u128(1);
    let token = app.token(tenant);
    let made = create(&app, &token, json!({"name": "Practice", "provisionPhone": false})).await;
    let query = "{ session { role tenantId agentId sandbox } }";
    let agent = [("X-Agent-Token", made["apiToken"].as_str().unwrap())];
    for (answer, role, tenant, agent) in [
        (app.graphql(&token, query, json!({})).await, "TENANT", json!(tenant), Value::Null),
        (app.graphql(&app.operator_token(), query, json!({})).await, "OPERATOR", Value::Null, Value::Null),
        (app.graphql_for(tenant, query, json!({})).await, "OPERATOR", json!(tenant), Value::Null),
        (
            app.graphql_with(&agent, query, json!({})).await,
            "AGENT",
            json!(tenant),
            made["agent"]["id"].clone(),
        ),
    ] {
        let session = json!({"role": role, "tenantId": tenant, "agentId": agent, "sandbox": true});
        assert_eq!(answer, json!({"data": {"session": session}}));
    }
    let nobody = app.graphql("garbage", query, json!({})).await;
    assert_eq!(nobody["errors"][0]["extensions"]["code"], "UNAUTHENTICATED", "{nobody}");
}

#[tokio::test]
async fn the_price_list_has_a_line_for_each_kind_of_number_held() {
    let app = App::start_with(&[("TWILIO_NUMBER_PRICE", "3.50"), ("TWILIO_MINUTE_PRICE", "0.02")]).await;
    let unreadable = json!({
        "match": { "provider": "twilio", "path_contains": "/Countries/" },
        "action": { "status": 503 }, "times": 100_000,
    });
    app.faults(unreadable).await;
    let token = app.token(Uuid::from_u128(1));
    let query = "{ viewer { prices { countryCode type month minute currency } } }";
    assert_eq!(app.graphql(&token, query, json!({})).await["data"]["viewer"]["prices"], json!([]));
    for input in [json!({"areaCode": "212"}), json!({"areaCode": "305"}), json!({"country": "GB"})] {
        let mut wanted = json!({"name": "Practice"});
        wanted.as_object_mut().unwrap().extend(input.as_object().unwrap().clone());
        create(&app, &token, wanted).await;
    }
    create(&app, &app.token(Uuid::from_u128(2)), json!({"name": "Theirs", "country": "CA"})).await;
    let line = |country| json!({"countryCode": country, "type": "LOCAL", "month": "3.50", "minute": "0.02", "currency": "USD"});
    let listed = app.graphql(&token, query, json!({})).await;
    assert_eq!(listed["data"]["viewer"]["prices"], json!([line("GB"), line("US")]), "{listed}");
}
