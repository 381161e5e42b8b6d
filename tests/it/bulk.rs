//! `switchboard provision --missing`, the program itself: every agent without a number gets exactly one, however often
//! it is stopped, killed and started again.

use std::process::Command;

use serde_json::{Value, json};
use uuid::Uuid;

use crate::support::App;
use crate::support::api::create;
use crate::support::program::{Started, err, finish, out, run};
use crate::support::sql::{literal, refuse};

/// The program in the place of an operator.
fn provision(app: &App, arguments: &[&str], environment: &[(&str, &str)]) -> Command {
    let mut command = app.program(&[&["provision", "--missing"], arguments].concat());
    command.env("OPERATION_LEASE", "1s").envs(environment.iter().copied());
    command
}

async fn agents_without_numbers(app: &App, tenant: u128, count: usize) {
    let token = app.token(Uuid::from_u128(tenant));
    for at in 0..count {
        let made =
            create(app, &token, json!({"name": format!("Practice {at}"), "provisionPhone": false})).await;
        assert_eq!(made["userErrors"], json!([]), "{made}");
    }
}

/// Each agent's numbers that are not released, oldest agent first.
async fn numbers(app: &App, tenant: u128) -> Vec<usize> {
    let query = "{ agents(first: 50) { nodes { phoneNumbers { nodes { status } } } } }";
    let answer = app.graphql(&app.token(Uuid::from_u128(tenant)), query, json!({})).await;
    let agents = answer["data"]["agents"]["nodes"].as_array().unwrap();
    let held = |agent: &Value| {
        let numbers = agent["phoneNumbers"]["nodes"].as_array().unwrap();
        assert!(numbers.iter().all(|number| number["status"] == "ACTIVE"), "{agent}");
        numbers.len()
    };
    agents.iter().rev().map(held).collect()
}

async fn purchases(app: &App) -> Value {
    app.sandbox_state().await["counters"]["purchases"].clone()
}

/// So many requests of this kind take a second and a half.
async fn slow(app: &App, method: &str, path: &str, times: usize) {
    app.faults(json!({
        "match": { "provider": "twilio", "method": method, "path_contains": path },
        "action": { "delay_ms": 1500 }, "times": times,
    }))
    .await;
}

#[tokio::test]
async fn every_agent_without_a_number_gets_one() {
    let app = App::start().await;
    let token = app.token(Uuid::from_u128(1));
    create(&app, &token, json!({"name": "Has one", "areaCode": "212"})).await;
    agents_without_numbers(&app, 1, 3).await;
    agents_without_numbers(&app, 2, 2).await;
    let asleep = create(&app, &token, json!({"name": "Asleep", "provisionPhone": false})).await;
    let update =
        "mutation($id: ID!) { updateAgent(input: {id: $id, status: INACTIVE}) { userErrors { message } } }";
    let updated = app.graphql(&token, update, json!({"id": asleep["agent"]["id"]})).await;
    assert_eq!(updated["data"]["updateAgent"]["userErrors"], json!([]), "{updated}");

    let dry = finish(provision(&app, &["--dry-run"], &[("PURCHASES_PER_HOUR", "4")])).await;
    assert!(dry.status.success(), "{}", err(&dry));
    assert_eq!(
        out(&dry).trim_end(),
        "5 agents of 2 tenants have no number. 5 local numbers in US at 1.15 USD: 5.75 USD a month. This server buys \
         at most 4 an hour (PURCHASES_PER_HOUR). Nothing was bought (--dry-run)."
    );
    let dry = finish(provision(&app, &["--dry-run", "--limit", "1", "--area-code", "415"], &[])).await;
    assert!(
        out(&dry).contains("1 local number in US, area code 415, at 1.15 USD: 1.15 USD"),
        "{}",
        out(&dry)
    );

    let none = finish(provision(&app, &["--area-code", "909", "--limit", "1"], &[])).await;
    assert_eq!(none.status.code(), Some(1));
    assert!(
        out(&none).contains("1 agent left without a number: the area code has no numbers"),
        "{}",
        out(&none)
    );
    assert!(out(&none).contains("remove --area-code"), "{}", out(&none));
    assert_eq!(purchases(&app).await, 1);

    let bought = finish(provision(&app, &[], &[])).await;
    assert!(bought.status.success(), "{}{}", out(&bought), err(&bought));
    let lines = out(&bought);
    assert_eq!(lines.lines().filter(|line| line.starts_with("+1")).count(), 5, "{lines}");
    assert!(lines.contains("5 numbers bought, for 5.75 USD a month."), "{lines}");
    assert_eq!(numbers(&app, 1).await, [1, 1, 1, 1, 0]);
    assert_eq!(numbers(&app, 2).await, [1, 1]);
    assert_eq!(purchases(&app).await, 6);

    let again = finish(provision(&app, &[], &[])).await;
    assert!(
        again.status.success() && out(&again).contains("nothing to do"),
        "{}{}",
        out(&again),
        err(&again)
    );
    assert_eq!(purchases(&app).await, 6);
}

#[tokio::test]
async fn killed_at_any_instant_it_buys_nothing_twice() {
    let mut app = App::start().await;
    agents_without_numbers(&app, 1, 3).await;
    agents_without_numbers(&app, 2, 3).await;
    // No server helps: the next run alone finds what the one before has left.
    app.kill().await;
    for (method, path) in [("GET", "AvailablePhoneNumbers"), ("POST", "IncomingPhoneNumbers")] {
        slow(&app, method, path, 4).await;
        let killed = Started::begin(provision(&app, &[], &[]));
        app.all_faults_have_struck().await;
        killed.kill();
    }
    let ended = finish(provision(&app, &[], &[])).await;
    assert!(ended.status.success(), "{}{}", out(&ended), err(&ended));
    let again = finish(provision(&app, &[], &[])).await;
    assert!(out(&again).contains("nothing to do"), "without a server: {}{}", out(&again), err(&again));
    app.restart().await;
    assert_eq!(numbers(&app, 1).await, [1, 1, 1]);
    assert_eq!(numbers(&app, 2).await, [1, 1, 1]);
    assert_eq!(purchases(&app).await, 6);
    assert_eq!(app.sandbox_state().await["numbers"].as_array().unwrap().len(), 6);
}

#[tokio::test]
async fn a_signal_lets_it_finish_what_it_has_begun() {
    let mut app = App::start().await;
    agents_without_numbers(&app, 1, 6).await;
    app.kill().await;
    slow(&app, "POST", "IncomingPhoneNumbers", 4).await;
    let started = Started::begin(provision(&app, &[], &[]));
    app.all_faults_have_struck().await;
    let stopped = started.terminate().await;
    assert_eq!(stopped.status.code(), Some(1));
    assert!(err(&stopped).contains("no further purchase is started"), "{}", err(&stopped));
    let said = out(&stopped);
    assert!(said.contains("4 numbers bought") && said.contains("2 agents not started"), "{said}");
    app.restart().await;
    assert_eq!(numbers(&app, 1).await, [1, 1, 1, 1, 0, 0], "the oldest first");
}

#[tokio::test]
async fn the_servers_guard_ends_it_and_a_full_plan_does_not() {
    let mut app = App::start().await;
    agents_without_numbers(&app, 1, 3).await;
    agents_without_numbers(&app, 2, 3).await;
    app.set_phone_numbers(Uuid::from_u128(1), 1).await;
    app.kill().await;

    let ended = finish(provision(&app, &[], &[("PURCHASES_PER_HOUR", "2")])).await;
    let said = out(&ended);
    assert_eq!(ended.status.code(), Some(1), "{said}");
    assert!(said.contains("2 numbers bought") && said.contains("at most 2 numbers an hour"), "{said}");
    assert!(err(&ended).contains("4 agents without a number"), "{}", err(&ended));
    assert_eq!(purchases(&app).await, 2);

    let ended = finish(provision(&app, &[], &[])).await;
    let said = out(&ended);
    assert_eq!(ended.status.code(), Some(1), "{said}");
    assert!(said.contains("2 agents left without a number: the plan \"starter\" allows 1"), "{said}");
    assert!(!said.contains("ended early"), "{said}");
    app.restart().await;
    assert_eq!(numbers(&app, 1).await.iter().sum::<usize>(), 1);
    assert_eq!(numbers(&app, 2).await, [1, 1, 1]);
}

#[tokio::test]
async fn a_carrier_that_is_out_of_order_ends_it() {
    let mut app = App::start().await;
    agents_without_numbers(&app, 1, 8).await;
    app.kill().await;
    app.faults(json!({
        "match": { "provider": "twilio" },
        "action": { "status": 401, "code": 20003 },
    }))
    .await;
    let ended = finish(provision(&app, &[], &[])).await;
    let said = out(&ended);
    assert_eq!(ended.status.code(), Some(1), "{said}");
    assert!(said.contains("No number was bought") && said.contains("The run ended early"), "{said}");
    assert!(err(&ended).contains("8 agents without a number"), "{}", err(&ended));
}

#[test]
fn what_it_is_asked_must_make_sense() {
    let folder = tempfile::tempdir().unwrap();
    for (arguments, said) in [
        (vec![], "--missing"),
        (vec!["--missing", "--limit", "0"], "--limit"),
        (vec!["--missing", "--area-code", "12"], "three digits"),
        (vec!["--missing", "--area-code", "416"], "belongs to CA: set country to CA"),
        (vec!["--missing", "--country", "UK"], "ISO 3166-1"),
        (
            vec!["--missing", "--country", "GB", "--area-code", "212"],
            "--area-code applies to the US and Canada only",
        ),
    ] {
        let output = run(folder.path(), &[vec!["provision"], arguments.clone()].concat(), &[]);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}: {}", err(&output));
        assert!(err(&output).contains(said), "{arguments:?}: {}", err(&output));
    }
}

#[tokio::test]
async fn an_agent_that_the_database_fails_on_does_not_keep_the_others_from_their_turn() {
    let app = App::start().await;
    let token = app.token(Uuid::from_u128(1));
    agents_without_numbers(&app, 1, 3).await;
    let query = "{ agents { nodes { id } } }";
    let agents = app.graphql(&token, query, json!({})).await["data"]["agents"]["nodes"].clone();
    let oldest = literal(&app, &agents[2]["id"]);
    refuse(&app, "operations", "INSERT", &format!("NEW.agent_id = {oldest}")).await;
    let given = finish(provision(&app, &[], &[])).await;
    assert!(!given.status.success(), "{}", out(&given));
    assert_eq!(numbers(&app, 1).await, [0, 1, 1], "{}", out(&given));
    let told = format!("{}{}", out(&given), err(&given));
    assert!(told.contains("the database rejected a statement"), "{told}");
}
