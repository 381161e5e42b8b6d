//! Unreadable rows delay only their own work: rows of a newer version, damaged ones, and values that the database accepts and the
//! program does not.

use std::time::Duration;

use futures_util::future::join_all;
use serde_json::{Value, json};
use switchboard::domain::Webhook;
use uuid::Uuid;

use crate::support::api::create;
use crate::support::calls::verbs;
use crate::support::sql::execute;
use crate::support::webhooks::{INCOMING, ringing, send, sid};
use crate::support::{App, wait_until};

const SOON: Duration = Duration::from_secs(40);
const UNREADABLE: &str = "{ unreadableRows { table rowId column firstMetAt lastMetAt } }";

/// Runs SQL that the tables' own rules would refuse: as a newer version's tables would take it, or a damaged one holds it.
async fn make_unreadable(app: &App, statements: &[String]) {
    let lifted: &[&str] = if app.database_url().starts_with("postgres") {
        &[
            "ALTER TABLE operations DROP CONSTRAINT operations_kind_check, DROP CONSTRAINT operations_step_check",
            "SET ROLE switchboard_system",
        ]
    } else {
        &["PRAGMA ignore_check_constraints = 1"]
    };
    let statements: Vec<&str> = lifted.iter().copied().chain(statements.iter().map(String::as_str)).collect();
    execute(app, &statements).await;
}

/// An id of the API as SQL writes it on either database.
fn literal(app: &App, id: &Value) -> String {
    let hex = id.as_str().unwrap().rsplit('_').next().unwrap();
    if app.database_url().starts_with("postgres") { format!("'{hex}'") } else { format!("x'{hex}'") }
}

async fn readiness(app: &App) -> Value {
    let answer = app.http().get(format!("{}/readyz", app.base_url())).send().await.unwrap();
    answer.json().await.unwrap()
}

async fn unreadable(app: &App) -> Vec<(String, String)> {
    let answer = app.graphql(&app.operator_token(), UNREADABLE, json!({})).await;
    let rows = answer["data"]["unreadableRows"].as_array().unwrap_or_else(|| panic!("{answer}")).clone();
    let text = |row: &Value, field: &str| row[field].as_str().unwrap_or_default().to_owned();
    rows.iter().map(|row| (text(row, "table"), text(row, "column"))).collect()
}

#[tokio::test]
async fn unreadable_operations_do_not_delay_others() {
    let app = App::start_with(&[("RELEASE_GRACE", "2s"), ("RECONCILE_EVERY", "1s")]).await;
    let token = app.token(Uuid::from_u128(1));
    let made = join_all((0..8).map(|_| create(&app, &token, json!({"name": "P", "areaCode": "212"})))).await;
    let release = "mutation($id: ID!) { releasePhoneNumber(input: {id: $id}) { userErrors { message } } }";
    for made in &made {
        let answer = app.graphql(&token, release, json!({"id": made["phoneNumber"]["id"]})).await;
        assert_eq!(answer["data"]["releasePhoneNumber"]["userErrors"], json!([]), "{answer}");
    }
    // Older than the good ones, so that each comes first in its batch.
    let (long_ago, instants) = if app.database_url().starts_with("postgres") {
        ("'2020-01-01'", ["'-infinity'", "'infinity'", "'294000-01-01'"])
    } else {
        ("'2020-01-01T00:00:00+00:00'", ["'-garbage'", "9223372036854775807", "'294000-01-01'"])
    };
    let agent = literal(&app, &made[0]["agent"]["id"]);
    let id = |nth: u128| literal(&app, &json!(Uuid::from_u128(0xbad0 + nth).simple().to_string()));
    let operation = |nth: u128, kind: &str, step: &str, run_after: &str, created_at: &str, counts: &str| {
        format!(
            "INSERT INTO operations (id, tenant_id, kind, state, step, attempts, fencing_token, agent_id, data, request_id,
             run_after, created_at, updated_at) SELECT {}, tenant_id, '{kind}', 'pending', '{step}', {counts}, id, '[]',
             'poison', {run_after}, {created_at}, {long_ago} FROM agents WHERE id = {agent}",
            id(nth)
        )
    };
    let (known, step) = ("provision_number", "buy_number");
    let [before_all, after_all, no_year] = instants;
    make_unreadable(
        &app,
        &[
            operation(1, "transfer_number", step, long_ago, long_ago, "0, 0"),
            operation(2, known, "ask_the_owner", long_ago, long_ago, "0, 0"),
            operation(3, known, step, before_all, long_ago, "0, 0"),
            operation(4, known, step, long_ago, after_all, "0, 0"),
            operation(5, known, step, long_ago, no_year, "0, 0"),
            operation(6, known, step, long_ago, long_ago, "2147483647, 0"),
            operation(7, known, step, long_ago, long_ago, "0, 9223372036854775807"),
            // What it is to do cannot be read.
            operation(8, known, step, long_ago, long_ago, "0, 0"),
        ],
    )
    .await;
    wait_until("all numbers are released", SOON, async || {
        app.sandbox_state().await["numbers"].as_array().unwrap().is_empty().then_some(())
    })
    .await;
    let untouched =
        "SELECT count(*) FROM operations WHERE state = 'pending' AND attempts = 0 AND lease_until IS NULL
        AND (kind = 'transfer_number' OR step = 'ask_the_owner')";
    assert_eq!(app.count(untouched).await, 2, "a newer server's are left to it");
    wait_until("a reconciliation is made all the same", SOON, async || {
        let query = "{ reconciliation { complete startedAt } }";
        let answer = app.graphql(&app.operator_token(), query, json!({})).await;
        (answer["data"]["reconciliation"]["complete"] == true).then_some(())
    })
    .await;
    wait_until("an operator sees which rows they are", SOON, async || {
        let rows = unreadable(&app).await;
        let has = |column: &str| rows.contains(&("operations".to_owned(), column.to_owned()));
        (has("created_at") && has("kind") && has("step")).then_some(())
    })
    .await;
    let refused = app.graphql(&token, UNREADABLE, json!({})).await;
    assert_eq!(refused["errors"][0]["extensions"]["code"], "FORBIDDEN", "{refused}");
    assert_eq!(readiness(&app).await, json!({"status": "ok"}));
    let metrics = app.http().get(format!("{}/metrics", app.base_url())).send().await.unwrap();
    assert!(
        metrics.text().await.unwrap().contains("switchboard_unreadable_rows_total{table=\"operations\"}")
    );
}

#[tokio::test]
async fn unreadable_rules_or_languages_cost_no_call_with_or_without_the_database() {
    let (mut app, mut database) = App::start_severable(&[("ANSWER_DEADLINE", "2s")]).await;
    let made = join_all((1..=4).map(|tenant| {
        let (app, token) = (&app, app.token(Uuid::from_u128(tenant)));
        async move { create(app, &token, json!({"name": "Practice", "areaCode": "212"})).await }
    }))
    .await;
    let [first, third] = [0, 2].map(|nth: usize| literal(&app, &made[nth]["phoneNumber"]["id"]));
    let agent = literal(&app, &made[1]["agent"]["id"]);
    let newer = r#"[{"name": "Moon", "condition": {"moon": "full"}, "action": {"kind": "TRANSFER"}}]"#;
    let statements = [
        format!("UPDATE phone_numbers SET routing_rules = '{newer}' WHERE id = {first}"),
        format!("UPDATE agents SET language = 'tlh' WHERE id = {agent}"),
        format!("UPDATE phone_numbers SET routing_rules = '\"all\"' WHERE id = {third}"),
    ];
    make_unreadable(&app, &statements).await;
    let answered = async |app: &App| {
        for made in &made {
            let call = app.place_call(json!({"to": made["phoneNumber"]["number"]})).await;
            assert_eq!(verbs(&call), [["Connect"]], "{call}");
        }
    };
    // A start reads all numbers anew.
    app.restart().await;
    wait_until("all numbers are known", SOON, async || {
        let system = app.database().system();
        (system.can_route_from_cache() && system.cached_numbers() == 4).then_some(())
    })
    .await;
    answered(&app).await;
    let mut rows = unreadable(&app).await;
    rows.sort();
    let rows: Vec<_> = rows.iter().map(|(table, column)| (table.as_str(), column.as_str())).collect();
    let rules = ("phone_numbers", "routing_rules");
    assert_eq!(rows, [("agents", "language"), rules, rules]);
    let saved = app.state_dir().join("numbers.cache");
    wait_until("the cache is on disk", SOON, async || {
        std::fs::read_to_string(&saved).is_ok_and(|text| text.lines().count() == 5).then_some(())
    })
    .await;
    database.sever().await;
    answered(&app).await;
    // Nor does a line on disk that cannot be read.
    let text = std::fs::read_to_string(&saved).unwrap() + "{\"of\":\"a newer version\"}\n";
    app.kill().await;
    std::fs::write(&saved, text).unwrap();
    app.restart().await;
    answered(&app).await;
    database.restore().await;

    let repair = format!("UPDATE agents SET language = 'de' WHERE id = {agent}");
    until_repaired(&app, &repair).await;
}

async fn until_repaired(app: &App, repair: &str) {
    wait_until("the database is back", SOON, async || (readiness(app).await["status"] == "ok").then_some(()))
        .await;
    app.execute(repair).await;
    wait_until("a repaired row is not reported any more", SOON, async || {
        (!unreadable(app).await.iter().any(|(table, _)| table == "agents")).then_some(())
    })
    .await;
}

#[tokio::test]
async fn a_call_with_an_unreadable_row_does_not_delay_other_journaled_calls() {
    let (app, mut database) = App::start_severable(&[]).await;
    let token = app.token(Uuid::from_u128(1));
    let made = create(&app, &token, json!({"name": "Practice", "areaCode": "212"})).await;
    let number = made["phoneNumber"]["number"].as_str().unwrap();
    wait_until("the number is known", SOON, async || {
        app.database().system().can_route_from_cache().then_some(())
    })
    .await;
    let ringing = ringing(number, &sid(1));
    assert_eq!(send(&app, INCOMING, &ringing).await.status(), 200);
    app.database().flush().await;
    let never = if app.database_url().starts_with("postgres") { "-infinity" } else { "never" };
    app.execute(&format!("UPDATE calls SET answered_at = '{never}'")).await;
    database.sever().await;
    let mut ended = ringing.clone();
    ended.retain(|(name, _)| name != "CallStatus");
    ended.push(("CallStatus".to_owned(), "completed".to_owned()));
    assert_eq!(send(&app, Webhook::CallStatus.path(), &ended).await.status(), 200);
    let calls = (0..8).map(|_| app.place_call(json!({"to": number})));
    for call in join_all(calls).await {
        assert_eq!(verbs(&call), [["Connect"]], "{call}");
    }
    database.restore().await;
    wait_until("the calls of the outage are on record", SOON, async || {
        (app.count("SELECT count(*) FROM calls WHERE status = 'completed'").await == 8).then_some(())
    })
    .await;
    let aside = wait_until("the entry is set aside", SOON, async || {
        std::fs::read_to_string(app.state_dir().join("calls.refused")).ok()
    })
    .await;
    assert!(aside.lines().count() == 1 && aside.contains(&sid(1)), "{aside}");
    assert_eq!(readiness(&app).await["status"], "ok");
}
