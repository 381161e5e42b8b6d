//! What was used and what it costs: to the cent what the carrier's own bill says, over a month of calls and numbers.

use std::time::Duration;

use chrono::{DateTime, Datelike, Months, Utc};
use rust_decimal::Decimal;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::support::api::{create, provision};
use crate::support::{App, wait_until};

const DAY: Duration = Duration::from_secs(24 * 3600);
const USAGE: &str = "query($month: String) { viewer { usage(month: $month) {
    phoneNumbers calls minutes estimatedCost { phoneNumbers calls total } } } }";

/// Moves everybody's clock.
async fn pass(app: &App, time: Duration) {
    app.advance_providers(time).await;
    app.advance(time);
}

async fn call(app: &App, order: Value) -> Value {
    let call = app.place_call(order).await;
    assert_ne!(call["status_callback"], Value::Null, "{call}");
    call
}

async fn usage(app: &App, token: &str, month: Value) -> Value {
    let answer = app.graphql(token, USAGE, json!({ "month": month })).await;
    assert!(answer["errors"].is_null(), "{answer}");
    answer["data"]["viewer"]["usage"].clone()
}

fn money(amount: &Value) -> Decimal {
    amount.as_str().unwrap_or_else(|| panic!("{amount}")).parse().unwrap()
}

fn sum(lines: &Value) -> Decimal {
    lines.as_array().unwrap().iter().map(|line| money(&line["amount"])).sum()
}

/// What the months since then cost: numbers, calls, both, and the minutes.
async fn costs(app: &App, tenant: Uuid, since: DateTime<Utc>) -> [Decimal; 4] {
    let (token, now) = (app.token(tenant), app.clock().now());
    let mut costs = [Decimal::ZERO; 4];
    // Days, not instants: the last month may have begun at an earlier time of day.
    let mut month = since.date_naive().with_day(1).unwrap();
    while month <= now.date_naive() {
        let used = usage(app, &token, json!(month.format("%Y-%m").to_string())).await;
        let cost = &used["estimatedCost"];
        let parts = [&cost["phoneNumbers"], &cost["calls"], &cost["total"], &used["minutes"]];
        for (all, part) in costs.iter_mut().zip(parts) {
            *all += money(part);
        }
        month = month.checked_add_months(Months::new(1)).unwrap();
    }
    costs
}

#[tokio::test]
async fn a_month_costs_what_the_carrier_bills() {
    let app = App::start().await;
    let tenant = Uuid::from_u128(1);
    let began = app.clock().now();
    let token = app.token(tenant);
    let fallback = json!({"name": "Practice", "areaCode": "212", "fallbackNumber": "+13125550123"});
    let practice = create(&app, &token, fallback).await;
    let abroad = create(&app, &token, json!({"name": "Abroad", "country": "GB"})).await;
    let further = json!({"agentId": practice["agent"]["id"], "type": "TOLL_FREE", "additional": true});
    let toll_free = provision(&app, &token, further).await;
    let numbers = [&practice, &abroad, &toll_free].map(|made| made["phoneNumber"]["number"].clone());

    // Odd lengths, and the ends at which nothing is charged.
    for (at, seconds) in [1, 59, 60, 61, 119, 120, 121, 3599, 3601, 7].into_iter().enumerate() {
        call(&app, json!({"to": numbers[at % 3], "duration_seconds": seconds})).await;
        pass(&app, DAY).await;
    }
    let held = call_in_progress(&app, &numbers[1]).await;
    pass(&app, Duration::from_secs(3 * 3600 + 1)).await;
    hang_up(&app, &held).await;

    // One is given back on the eleventh day, and another bought on the same day by somebody else.
    let release = "mutation($id: ID!) { releasePhoneNumber(input: {id: $id}) { phoneNumber { status } } }";
    let id = json!({"id": toll_free["phoneNumber"]["id"]});
    let released = app.graphql(&app.token(tenant), release, id).await;
    assert_eq!(released["data"]["releasePhoneNumber"]["phoneNumber"]["status"], "RELEASED", "{released}");
    let other = Uuid::from_u128(2);
    let theirs = create(&app, &app.token(other), json!({"name": "Other", "areaCode": "305"})).await;
    call(&app, json!({"to": theirs["phoneNumber"]["number"], "duration_seconds": 90})).await;

    // Past the day on which the first two are charged again; the third is not.
    pass(&app, DAY * 12).await;
    for seconds in [30, 600] {
        call(&app, json!({"to": numbers[0], "duration_seconds": seconds})).await;
    }
    pass(&app, DAY * 12).await;
    call(&app, json!({"to": numbers[0], "duration_seconds": 61})).await;

    let bill = app.sandbox_state().await["bill"].clone();
    let (bought, called) = (sum(&bill["numbers"]), sum(&bill["calls"]));
    let minutes: u64 =
        bill["calls"].as_array().unwrap().iter().map(|line| line["minutes"].as_u64().unwrap()).sum();
    let billed = [bought, called, bought + called, Decimal::from(minutes)];
    assert_eq!(money(&bill["total"]), billed[2]);
    let months = |line: usize| bill["numbers"][line]["months"].as_u64().unwrap();
    assert_eq!([months(0), months(1), months(2), months(3)], [2, 2, 1, 1]);

    // The price lists are read in the background.
    let counted = async || {
        let (mine, theirs) = (costs(&app, tenant, began).await, costs(&app, other, began).await);
        let all = [0, 1, 2, 3].map(|part| mine[part] + theirs[part]);
        (all == billed).then_some((mine, theirs))
    };
    let (_, theirs) = wait_until("the bill and our count agree", Duration::from_secs(20), counted).await;
    assert_eq!(theirs, ["1.15", "0.0170", "1.1670", "2"].map(|amount| amount.parse().unwrap()));
}

#[tokio::test]
async fn while_the_price_list_cannot_be_read_configured_prices_count() {
    let app = App::start_with(&[("TWILIO_NUMBER_PRICE", "3.50"), ("TWILIO_MINUTE_PRICE", "0.02")]).await;
    let unreadable = json!({
        "match": { "provider": "twilio", "path_contains": "/Countries/" },
        "action": { "status": 503 }, "times": 100_000,
    });
    app.faults(unreadable).await;
    let token = app.token(Uuid::from_u128(1));
    let made = create(&app, &token, json!({"name": "Practice", "areaCode": "212"})).await;
    call(&app, json!({"to": made["phoneNumber"]["number"], "duration_seconds": 61})).await;
    let used = usage(&app, &token, Value::Null).await;
    assert_eq!(used["estimatedCost"], json!({"phoneNumbers": "3.50", "calls": "0.04", "total": "3.54"}));
}

async fn call_in_progress(app: &App, to: &Value) -> String {
    let call = app.place_call(json!({"to": to, "hold": true})).await;
    call["call_sid"].as_str().unwrap().to_owned()
}

async fn hang_up(app: &App, sid: &str) {
    let url = format!("{}/sandbox/calls/{sid}/hangup", app.sandbox_url());
    assert!(app.http().post(url).send().await.unwrap().status().is_success());
}

#[tokio::test]
async fn a_months_days_and_agents_add_up_to_the_month() {
    let app = App::start_with(&[("TWILIO_NUMBER_PRICE", "3.50"), ("TWILIO_MINUTE_PRICE", "0.02")]).await;
    let unreadable = json!({
        "match": { "provider": "twilio", "path_contains": "/Countries/" },
        "action": { "status": 503 }, "times": 100_000,
    });
    app.faults(unreadable).await;
    let tenant = Uuid::from_u128(1);
    let began = app.clock().now();
    let token = app.token(tenant);
    let busy = create(&app, &token, json!({"name": "Busy", "areaCode": "212"})).await;
    let quiet = create(&app, &token, json!({"name": "Quiet", "country": "GB"})).await;
    create(&app, &token, json!({"name": "Silent", "areaCode": "305"})).await;
    let theirs =
        create(&app, &app.token(Uuid::from_u128(2)), json!({"name": "Theirs", "areaCode": "415"})).await;
    call(&app, json!({"to": theirs["phoneNumber"]["number"], "duration_seconds": 600})).await;
    for day in 0..34 {
        let to = if day % 3 == 0 { &quiet } else { &busy };
        call(&app, json!({"to": to["phoneNumber"]["number"], "duration_seconds": 61 + day * 7})).await;
        pass(&app, DAY).await;
    }
    let query = "query($month: String, $first: Int) { viewer { usage(month: $month) {
        calls minutes estimatedCost { phoneNumbers calls total }
        byDay { date calls minutes estimatedCost { phoneNumbers calls total } }
        byAgent(first: $first) { agentId agent { name } calls minutes estimatedCost } } } }";
    let ask = async |arguments: Value| {
        let answer = app.graphql(&app.token(tenant), query, arguments).await;
        assert!(answer["errors"].is_null(), "{answer}");
        answer["data"]["viewer"]["usage"].clone()
    };
    let (mut month, now, mut days) =
        (began.date_naive().with_day(1).unwrap(), app.clock().now().date_naive(), 0);
    while month <= now {
        let used = ask(json!({"month": month.format("%Y-%m").to_string()})).await;
        let by_day = used["byDay"].as_array().unwrap();
        let by_agent = used["byAgent"].as_array().unwrap();
        let sum = |parts: &[Value], field: &str| {
            parts.iter().map(|part| money(part.pointer(field).unwrap())).sum::<Decimal>()
        };
        for field in
            ["/minutes", "/estimatedCost/phoneNumbers", "/estimatedCost/calls", "/estimatedCost/total"]
        {
            assert_eq!(sum(by_day, field), money(used.pointer(field).unwrap()), "{field}: {used}");
        }
        assert_eq!(sum(by_agent, "/minutes"), money(&used["minutes"]));
        assert_eq!(sum(by_agent, "/estimatedCost"), money(&used["estimatedCost"]["calls"]));
        let calls = |parts: &[Value]| parts.iter().map(|part| part["calls"].as_i64().unwrap()).sum::<i64>();
        assert_eq!(
            (calls(by_day), calls(by_agent)),
            (used["calls"].as_i64().unwrap(), used["calls"].as_i64().unwrap())
        );
        assert_eq!(by_day[0]["date"], month.format("%Y-%m-01").to_string());
        let is_whole = month.checked_add_months(Months::new(1)).unwrap() <= now;
        let last: u32 = by_day.last().unwrap()["date"].as_str().unwrap()[8..].parse().unwrap();
        assert_eq!(by_day.len() as u32, last, "every day is there");
        assert!(is_whole || last == now.day(), "{used}");
        days += by_day.len();
        month = month.checked_add_months(Months::new(1)).unwrap();
    }
    assert!(days > 34, "{days}");
    let whole = ask(json!({"month": (began + DAY * 3).format("%Y-%m").to_string(), "first": 1})).await;
    let agents = whole["byAgent"].as_array().unwrap();
    assert_eq!((agents.len(), &agents[0]["agent"]["name"]), (1, &json!("Busy")), "{whole}");
    assert_eq!(agents[0]["agentId"], busy["agent"]["id"]);
    let coming = ask(json!({"month": "2999-01"})).await;
    assert_eq!((&coming["byDay"], &coming["byAgent"]), (&json!([]), &json!([])));
    for first in [0, 101, -1, i32::MIN] {
        let answer = app.graphql(&app.token(tenant), query, json!({ "first": first })).await;
        assert_eq!(answer["errors"][0]["extensions"]["code"], "BAD_USER_INPUT", "{answer}");
    }
}
