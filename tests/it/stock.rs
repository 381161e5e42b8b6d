//! Numbers that the operator keeps ready.

use std::collections::HashSet;
use std::time::{Duration, Instant};

use futures_util::future::join_all;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::support::api::{CREATE, create, provision};
use crate::support::practice::{NUMBERS, RELEASE};
use crate::support::{App, wait_until};

const SOON: Duration = Duration::from_secs(60);
const NUMBER: &str =
    "query($id: ID!) { phoneNumber(id: $id) { number origin status monthlyCost provisionedAt } }";

/// Asks as an operator who acts for the stock.
async fn ask_stock(app: &App, query: &str) -> Value {
    let stock = Uuid::from_u128(0x7374_6f63_6b00_8000_8000_0000_0000_0001);
    let headers =
        [("Authorization", format!("Bearer {}", app.operator_token())), ("X-Tenant-Id", stock.to_string())];
    let headers: Vec<(&str, &str)> = headers.iter().map(|(name, value)| (*name, value.as_str())).collect();
    app.graphql_with(&headers, query, json!({})).await
}

/// The numbers that are in stock and can be taken, in E.164.
async fn stock(app: &App) -> Vec<String> {
    let query = "{ phoneNumbers(first: 100, filter: {status: ACTIVE}) { nodes { number } } }";
    let found = ask_stock(app, query).await;
    let nodes =
        found["data"]["phoneNumbers"]["nodes"].as_array().unwrap_or_else(|| panic!("{found}")).clone();
    nodes.iter().map(|node| node["number"].as_str().unwrap().to_owned()).collect()
}

async fn filled(app: &App, count: usize) -> Vec<String> {
    wait_until("the stock is filled", SOON, async || {
        let stock = stock(app).await;
        (stock.len() == count).then_some(stock)
    })
    .await
}

async fn owned(app: &App) -> Vec<String> {
    let state = app.sandbox_state().await;
    let numbers = state["numbers"].as_array().unwrap();
    numbers.iter().map(|owned| owned["phone_number"].as_str().unwrap_or_default().to_owned()).collect()
}

async fn shown(app: &App, token: &str, id: &Value) -> Value {
    app.graphql(token, NUMBER, json!({ "id": id })).await["data"]["phoneNumber"].clone()
}

#[tokio::test]
async fn an_agent_gets_a_number_from_stock_which_is_filled_again() {
    let app = App::start_with(&[("STOCK", "212:2,416:1"), ("RELEASE_GRACE", "0s")]).await;
    let token = app.token(Uuid::from_u128(1));
    let ready = filled(&app, 3).await;
    // Bought for nobody yet: a caller hears a sentence.
    let call = app.place_call(json!({"to": ready[0]})).await;
    assert_eq!((&call["agent"], call["status"].as_str()), (&Value::Null, Some("completed")), "{call}");
    assert!(!call["heard"].as_array().unwrap().is_empty(), "{call}");
    let report = app.program(&["reconcile", "--json"]).output().unwrap();
    let report: Value = serde_json::from_slice(&report.stdout).unwrap();
    assert_eq!(report["differences"], json!([]), "numbers in stock are known: {report}");

    // Another area code is bought as ever.
    let bought = create(&app, &token, json!({"name": "Elsewhere", "areaCode": "646"})).await;
    assert_eq!(shown(&app, &token, &bought["phoneNumber"]["id"]).await["origin"], "PURCHASED");
    let made = create(&app, &token, json!({"name": "Front Desk", "areaCode": "212"})).await;
    assert_eq!(made["operation"]["state"], "SUCCEEDED", "{made}");
    let taken = shown(&app, &token, &made["phoneNumber"]["id"]).await;
    assert_eq!((&taken["origin"], &taken["status"]), (&json!("STOCK"), &json!("ACTIVE")), "{taken}");
    let number = taken["number"].as_str().unwrap().to_owned();
    assert!(number.starts_with("+1212") && ready.contains(&number), "{taken}");
    let call = app.place_call(json!({"to": number})).await;
    assert_eq!(call["agent"]["name"], "Front Desk", "{call}");
    let canadian = json!({"agentId": made["agent"]["id"], "country": "CA", "additional": true});
    let canadian = provision(&app, &token, canadian).await;
    let canadian = shown(&app, &token, &canadian["phoneNumber"]["id"]).await;
    assert!(
        canadian["origin"] == "STOCK" && canadian["number"].as_str().unwrap().starts_with("+1416"),
        "{canadian}"
    );

    let again = filled(&app, 3).await;
    assert!(!again.contains(&number), "{again:?}");
    assert_eq!(owned(&app).await.len(), 6, "nothing was bought twice");
    let report = app.program(&["reconcile", "--json"]).output().unwrap();
    let report: Value = serde_json::from_slice(&report.stdout).unwrap();
    assert_eq!(report["differences"], json!([]), "{report}");
    let tenants = app.graphql(&app.operator_token(), "{ tenants { totalCount } }", json!({})).await;
    assert_eq!(tenants["data"]["tenants"]["totalCount"], 1, "the stock is no customer: {tenants}");
    // Other tests of this process write it, too.
    assert!(app.metric("switchboard_stock_wanted{area_code=\"212\"}").await >= 1.0);

    // Released, it goes back to the carrier.
    let id = &made["phoneNumber"]["id"];
    let released = app.graphql(&token, RELEASE, json!({ "id": id })).await;
    assert_eq!(released["data"]["releasePhoneNumber"]["userErrors"], json!([]), "{released}");
    wait_until("the number is released", SOON, async || (!owned(&app).await.contains(&number)).then_some(()))
        .await;
}

#[tokio::test]
async fn agents_created_at_once_at_two_servers_never_get_the_same_number() {
    let mut app = App::start_with(&[("STOCK", "212:3"), ("OPERATION_WAIT", "25s")]).await;
    let other = app.add_server().await;
    filled(&app, 3).await;
    let servers = [app.base_url(), other];
    let created = join_all((0..8_u128).map(|nth| {
        let (app, server) = (&app, &servers[usize::try_from(nth % 2).unwrap()]);
        async move {
            let token = app.token(Uuid::from_u128(nth + 1));
            let input = json!({"input": {"name": "Front Desk", "areaCode": "212"}});
            app.ask(server, &token, CREATE, input).await["data"]["createAgent"].clone()
        }
    }))
    .await;
    let numbers: HashSet<&str> = created
        .iter()
        .map(|made| made["phoneNumber"]["number"].as_str().unwrap_or_else(|| panic!("{made}")))
        .collect();
    assert_eq!(numbers.len(), 8, "{created:?}");
    let stock = filled(&app, 3).await;
    let owned: HashSet<String> = owned(&app).await.into_iter().collect();
    assert_eq!(owned.len(), 11, "eight agents' and three in stock");
    assert!(stock.iter().all(|number| owned.contains(number) && !numbers.contains(number.as_str())));
}

#[tokio::test]
async fn a_purchase_for_the_stock_whose_answer_was_lost_buys_nothing_twice() {
    let app = App::start_with(&[("STOCK", "212:1"), ("PROVIDER_TIMEOUT", "1s")]).await;
    let first = filled(&app, 1).await;
    let fault = json!({"match": {"provider": "twilio", "method": "POST", "path_contains": NUMBERS},
        "action": {"lose": "after"}, "times": 1});
    app.faults(fault).await;
    let token = app.token(Uuid::from_u128(1));
    let made = create(&app, &token, json!({"name": "Front Desk", "areaCode": "212"})).await;
    assert_eq!(made["phoneNumber"]["number"], json!(first[0]), "{made}");
    app.all_faults_have_struck().await;
    let second = filled(&app, 1).await;
    let (owned, known) = (owned(&app).await, [&first[0], &second[0]]);
    assert!(owned.len() == 2 && known.iter().all(|number| owned.contains(number)), "{owned:?}");
}

#[tokio::test]
async fn the_stock_leaves_half_of_the_purchases_to_the_tenants() {
    let app = App::start_with(&[("STOCK", "212:5"), ("PURCHASES_PER_HOUR", "4")]).await;
    filled(&app, 2).await;
    let failed = "{ operations(filter: {state: FAILED}) { nodes { error { code } } } }";
    let refused = wait_until("a third one is refused", SOON, async || {
        let failed = ask_stock(&app, failed).await["data"]["operations"]["nodes"].clone();
        (failed != json!([])).then_some(failed)
    })
    .await;
    assert_eq!(refused, json!([{ "error": { "code": "LIMIT_REACHED" } }]));
    assert_eq!(stock(&app).await.len(), 2);
    let token = app.token(Uuid::from_u128(1));
    for (area, origin) in [("212", "STOCK"), ("646", "PURCHASED"), ("646", "PURCHASED")] {
        let made = create(&app, &token, json!({"name": "Front Desk", "areaCode": area})).await;
        assert_eq!(made["userErrors"], json!([]), "{made}");
        assert_eq!(shown(&app, &token, &made["phoneNumber"]["id"]).await["origin"], origin);
    }
    let full = create(&app, &token, json!({"name": "Front Desk", "areaCode": "646"})).await;
    assert_eq!(full["userErrors"][0]["code"], "LIMIT_REACHED", "a taken number is not counted twice: {full}");
}

#[tokio::test]
async fn a_released_number_rests_in_stock_while_one_is_missing() {
    let app =
        App::start_with(&[("STOCK", "212:2"), ("PURCHASES_PER_HOUR", "2"), ("QUARANTINE_DAYS", "3")]).await;
    let ready = filled(&app, 1).await;
    let token = app.token(Uuid::from_u128(1));
    let made = create(&app, &token, json!({"name": "Front Desk", "areaCode": "212"})).await;
    assert_eq!(made["phoneNumber"]["number"], json!(ready[0]), "{made}");
    let released = app.graphql(&token, RELEASE, json!({"id": made["phoneNumber"]["id"]})).await;
    assert_eq!(released["data"]["releasePhoneNumber"]["operation"]["state"], "SUCCEEDED", "{released}");
    assert_eq!(owned(&app).await, ready, "the carrier still has it");
    assert_eq!(stock(&app).await, ready);
    assert_eq!(shown(&app, &token, &made["phoneNumber"]["id"]).await["status"], "RELEASED");
    let report = app.program(&["reconcile", "--json"]).output().unwrap();
    let report: Value = serde_json::from_slice(&report.stdout).unwrap();
    assert_eq!(report["differences"], json!([]), "{report}");
    let call = app.place_call(json!({"to": ready[0]})).await;
    assert_eq!((&call["agent"], call["status"].as_str()), (&Value::Null, Some("completed")), "{call}");
    // Another tenant does not get it yet.
    let stranger = app.token(Uuid::from_u128(2));
    let input = json!({"name": "Elsewhere", "areaCode": "212"});
    let theirs = create(&app, &stranger, input.clone()).await;
    assert_ne!(theirs["phoneNumber"]["number"], json!(ready[0]), "{theirs}");
    app.advance(Duration::from_secs(3 * 86_400 + 60));
    let stranger = app.token(Uuid::from_u128(3));
    let numbers = wait_until("the quarantine is over", SOON, async || {
        let theirs = create(&app, &stranger, input.clone()).await;
        let number = theirs["phoneNumber"]["number"].as_str().map(str::to_owned);
        (number.as_ref() == Some(&ready[0])).then_some(number)
    });
    assert!(numbers.await.is_some());
}

#[tokio::test]
async fn an_agent_with_a_number_from_stock_does_not_wait_for_the_carrier() {
    let app = App::start_with(&[("STOCK", "212:2")]).await;
    filled(&app, 2).await;
    let slow = Duration::from_secs(8);
    let fault =
        json!({"match": {"provider": "twilio"}, "action": {"delay_ms": slow.as_millis()}, "times": 100_000});
    app.faults(fault).await;
    let (token, began) = (app.token(Uuid::from_u128(1)), Instant::now());
    let made = create(&app, &token, json!({"name": "Front Desk", "areaCode": "212"})).await;
    assert_eq!(
        (&made["userErrors"], &made["operation"]["state"]),
        (&json!([]), &json!("SUCCEEDED")),
        "{made}"
    );
    assert!(began.elapsed() < slow, "{:?}", began.elapsed());
}

/// With subaccounts a tenant's numbers are in its own account, and those in stock are not: they would be paid for nothing.
#[tokio::test]
async fn with_subaccounts_nothing_is_bought_for_the_stock() {
    let is_stocking = |app: &App| {
        let workers = app.workers().health(Instant::now());
        workers.iter().any(|worker| worker.name == "worker_stock")
    };
    let shared = App::start_with(&[("STOCK", "212:1")]).await;
    assert!(is_stocking(&shared));
    let key = "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=";
    let variables = [("STOCK", "212:1"), ("CARRIER_ACCOUNTS", "subaccount"), ("ENCRYPTION_KEY", key)];
    let app = App::start_with(&variables).await;
    assert!(!is_stocking(&app));
    let token = app.token(Uuid::from_u128(1));
    let made = create(&app, &token, json!({"name": "Front Desk", "areaCode": "212"})).await;
    assert_eq!(shown(&app, &token, &made["phoneNumber"]["id"]).await["origin"], "PURCHASED", "{made}");
}
