//! Fills a database with rows of every kind and writes it down as that of a version which is released: `scripts/freeze` runs
//! this, once for each database.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use serde_json::{Value, json};
use sqlx::{Connection, SqliteConnection};
use uuid::Uuid;

use crate::support::api::{create, provision};
use crate::support::catalogue;
use crate::support::database::TestDatabase;
use crate::support::practice::{Practice, RELEASE, TENANT};
use crate::support::program::{err, finish};
use crate::support::released::{POSTGRES, SQLITE, answers, answers_file};
use crate::support::webhooks::tell;
use crate::support::{WEBHOOK_SECRET, wait_until};

const SOON: Duration = Duration::from_secs(30);
/// After which nobody asks any more.
const NEVER: &str = "2999-01-01T00:00:00+00:00";

#[expect(clippy::disallowed_methods, reason = "the script says where the files go")]
fn target() -> PathBuf {
    std::env::var("SWITCHBOARD_FREEZE").expect("run scripts/freeze").into()
}

#[tokio::test]
#[ignore = "writes the files of a release: scripts/freeze"]
async fn a_database_with_rows_of_every_kind() {
    let folder = target();
    let mut practice = Practice::open_with(
        &[("STORE_TRANSCRIPTS", "true"), ("RELEASE_GRACE", "240h"), ("RECONCILE_EVERY", "0s")],
        json!({"language": "de", "prompt": "Be brief.", "firstMessage": "Hello!", "fallbackNumber": "+12125550142"}),
    )
    .await;
    live(&practice).await;
    let frozen_at = practice.app.clock().now();
    practice.app.stop().await;
    let test = practice.app.into_database();
    for sql in every_word(&test).await {
        test.execute(&sql).await;
    }
    assert_eq!(catalogue::without_rows(&test).await, [""; 0], "kinds of rows are missing here");
    let operations = operations(&test).await;
    write(&test, &folder).await;

    let restored = TestDatabase::restore(&folder).await;
    let name = answers_file(&restored);
    let answers = answers(restored, frozen_at, &operations).await;
    let known = json!({"frozenAt": frozen_at, "operations": operations, "answers": answers});
    std::fs::write(folder.join(name), serde_json::to_string_pretty(&known).unwrap() + "\n").unwrap();
}

/// What the API and the providers' webhooks can make.
async fn live(practice: &Practice) {
    let (app, token) = (&practice.app, &practice.token);
    let plan =
        "mutation($input: SetTenantPlanInput!) { setTenantPlan(input: $input) { userErrors { message } } }";
    let input = json!({"userId": TENANT, "name": "Clinic", "concurrentCalls": 12, "phoneNumbers": 30,
        "dialCountries": ["US", "DE"], "dialPremiumNumbers": false});
    let answer = app.graphql(&app.operator_token(), plan, json!({ "input": input })).await;
    assert_eq!(answer["data"]["setTenantPlan"]["userErrors"], json!([]), "{answer}");

    // Calls: one whose transcript is kept, one of which it is told that it never began, one that is rung through, one under way.
    let talked = practice.call(json!({"duration_seconds": 42})).await;
    let url = format!("{}/api/webhooks/elevenlabs", app.base_url());
    let order = json!({"conversation_id": talked["conversation_id"], "url": url, "secret": WEBHOOK_SECRET});
    let lever = format!("{}/sandbox/post-call", app.sandbox_url());
    app.http().post(lever).json(&order).send().await.unwrap().error_for_status().unwrap();
    let held = practice.call(json!({"hold": true})).await;
    let never_began = json!({"type": "call_initiation_failure", "data": {"agent_id": "agent_1",
        "conversation_id": held["conversation_id"], "failure_reason": "busy",
        "metadata": {"type": "twilio", "body": {"CallSid": held["call_sid"]}}}});
    assert_eq!(tell(app, &never_began, app.clock().now().timestamp()).await, 200);
    practice.call(json!({"hold": true})).await;
    let rules = json!([
        {"name": "Blocked", "condition": {"callers": ["+1900", "anonymous"]}, "action": {"kind": "REJECT"}},
        {"name": "Nights", "condition": {"timeZone": "Europe/Berlin", "from": "18:00", "to": "08:00",
            "days": ["MONDAY", "FRIDAY"], "dates": ["2026-12-25"]}, "action": {"kind": "MESSAGE", "message": "Closed."}},
        {"name": "Rest", "condition": {}, "action": {"kind": "FORWARD_THEN_AGENT", "forwardTo": "+12125550142", "ringSeconds": 15}},
    ]);
    assert_eq!(practice.set(rules, None).await["userErrors"], json!([]));
    practice.call(json!({"from": "anonymous"})).await;
    practice.call(json!({"dial_result": "completed"})).await;
    wait_until("the events are worked off", SOON, async || {
        let settled = "SELECT count(*) FROM voice_events WHERE call_id IS NOT NULL AND due_at IS NULL";
        (app.count(settled).await == 2).then_some(())
    })
    .await;

    // A number whose release is not due, agents that are inactive and deleted, an operation that failed.
    let agent = &practice.made["agent"]["id"];
    let input = json!({"agentId": agent, "additional": true, "areaCode": "305"});
    let second = provision(app, token, input).await;
    let released = practice.ask(RELEASE, json!({"id": second["phoneNumber"]["id"]})).await;
    assert_eq!(released["userErrors"], json!([]));
    let failed =
        provision(app, token, json!({"agentId": agent, "additional": true, "areaCode": "909"})).await;
    assert_eq!(failed["operation"]["state"], "FAILED", "{failed}");
    for (name, mutation) in [
        (
            "Inactive",
            "mutation($id: ID!) { updateAgent(input: {id: $id, status: INACTIVE}) { userErrors { message } } }",
        ),
        ("Deleted", "mutation($id: ID!) { deleteAgent(input: {id: $id}) { userErrors { message } } }"),
    ] {
        let made = create(app, token, json!({"name": name, "provisionPhone": false})).await;
        let done = practice.ask(mutation, json!({"id": made["agent"]["id"]})).await;
        assert_eq!(done["userErrors"], json!([]), "{done}");
    }
    let reconciled = finish(app.program(&["reconcile"])).await;
    assert!(reconciled.status.code().is_some_and(|code| code < 2), "{}", err(&reconciled));
}

/// Statements that add what the API does not make: a row for each word that a column may hold, like one that is there.
async fn every_word(test: &TestDatabase) -> Vec<String> {
    let words = catalogue::words(test).await;
    let mut serial = 0;
    let mut id = || {
        serial += 1;
        let id = Uuid::from_u128(0xf0_0000 + serial);
        if test.is_postgres() { format!("'{id}'") } else { format!("x'{}'", id.simple()) }
    };
    let mut statements = vec![
        format!("UPDATE operations SET run_after = '{NEVER}' WHERE finished_at IS NULL"),
        // As if the calls were counted, which happens half an hour after them.
        "INSERT INTO call_statistics SELECT id, id, 1, 'US', 'local', 1, 0, 0, 0, 0, 1 FROM tenants"
            .to_owned(),
    ];
    for (at, status) in words["agents.status"].iter().enumerate() {
        statements.push(format!(
            "INSERT INTO agents (id, tenant_id, name, language, status, token_hash, token_preview, revision,
             synced_revision, refused_revision, sync_error, created_at, updated_at)
             SELECT {}, tenant_id, 'Copy {at}', language, '{status}', '{at:064}', token_preview, 2, 1, 2,
             '{{\"code\":\"VOICE_PROVIDER_REJECTED\",\"message\":\"The voice is unknown.\"}}', created_at, updated_at
             FROM agents WHERE name = 'Inactive'",
            id()
        ));
    }
    let number = "SELECT {id}, tenant_id, agent_id, operation_id, '+1415555{last}', friendly_name, 'PN{last:032}', '{provider}',
        '{kind}', '{status}', voice, sms, mms, country, locality, region, monthly_cost, routing_rules, 0, created_at,
        provisioned_at, {released} FROM phone_numbers WHERE number = {of}";
    let of = "(SELECT number FROM phone_numbers WHERE number LIKE '+1212%')";
    for (at, status) in words["phone_numbers.status"].iter().enumerate() {
        let kinds = &words["phone_numbers.kind"];
        let providers = &words["phone_numbers.provider"];
        let released = if status == "released" { "provisioned_at" } else { "NULL" };
        let last = format!("{:04}", 7000 + at);
        let row = number
            .replace("{id}", &id())
            .replace("{last:032}", &format!("{:032}", 7000 + at))
            .replace("{last}", &last)
            .replace("{provider}", &providers[at % providers.len()])
            .replace("{kind}", &kinds[at % kinds.len()])
            .replace("{status}", status)
            .replace("{released}", released)
            .replace("{of}", of);
        statements.push(format!(
            "INSERT INTO phone_numbers (id, tenant_id, agent_id, operation_id, number, friendly_name, sid, provider, kind,
             status, voice, sms, mms, country, locality, region, monthly_cost, routing_rules, routing_version, created_at,
             provisioned_at, released_at) {row}"
        ));
    }
    let (directions, outcomes) = (&words["calls.direction"], &words["calls.outcome"]);
    let stages = &words["calls.answer_stage"];
    for (at, status) in words["calls.status"].iter().enumerate() {
        let is_live = ["ringing", "in_progress"].contains(&status.as_str());
        statements.push(format!(
            "INSERT INTO calls (id, tenant_id, agent_id, phone_number_id, sid, direction, caller, caller_attestation, called,
             status, outcome, admitted, decision, answer, answer_stage, answered_at, duration_seconds, sequence, started_at, ended_at,
             updated_at) SELECT {}, tenant_id, agent_id, phone_number_id, 'CA{at:032}', '{}', caller, 'A', called, '{status}',
             '{}', false, decision, answer, '{}', answered_at, {at}, 1, started_at, {}, updated_at
             FROM calls WHERE duration_seconds = 42",
            id(),
            directions[at % directions.len()],
            outcomes[at % outcomes.len()],
            stages[at % stages.len()],
            if is_live { "NULL" } else { "ended_at" }
        ));
    }
    let (kinds, states) = (&words["operations.kind"], &words["operations.state"]);
    for (at, step) in words["operations.step"].iter().enumerate() {
        let state = &states[at % states.len()];
        let is_over = ["succeeded", "failed"].contains(&state.as_str());
        statements.push(format!(
            "INSERT INTO operations (id, tenant_id, kind, state, step, attempts, agent_id, phone_number_id, data,
             idempotency_key, input_hash, request_id, run_after, fencing_token, created_at, updated_at, finished_at)
             SELECT {}, tenant_id, '{}', '{state}', '{step}', {at}, agent_id, phone_number_id, data, 'key-{at}', '{at:064}',
             request_id, '{NEVER}', 1, created_at, updated_at, {} FROM operations WHERE kind = 'create_agent' AND id IN
             (SELECT operation_id FROM phone_numbers)",
            id(),
            kinds[at % kinds.len()],
            if is_over { "finished_at" } else { "NULL" }
        ));
    }
    if test.is_postgres() {
        statements.push(format!("INSERT INTO rate_buckets (key, full_at) VALUES ('a tenant', '{NEVER}')"));
    }
    statements
}

/// The operations' ids, as the API spells them.
async fn operations(test: &TestDatabase) -> Value {
    let sql = if test.is_postgres() { "replace(id::text, '-', '')" } else { "lower(hex(id))" };
    let ids = catalogue::texts(test, &format!("SELECT {sql} FROM operations ORDER BY 1")).await;
    ids.iter().map(|id| json!(format!("operation_{id}"))).collect()
}

/// Writes the database into the folder: an SQLite file without free pages, or what `pg_dump` prints without what differs from one
/// version of it to the next.
async fn write(test: &TestDatabase, folder: &Path) {
    if !test.is_postgres() {
        let file = folder.join(SQLITE);
        let _ = std::fs::remove_file(&file);
        let copy = format!("VACUUM INTO '{}'", file.display());
        let mut connection = SqliteConnection::connect(&test.url).await.unwrap();
        sqlx::raw_sql(sqlx::AssertSqlSafe(copy)).execute(&mut connection).await.unwrap();
        let mut connection =
            SqliteConnection::connect(&format!("sqlite://{}", file.display())).await.unwrap();
        // Small pages, of which most tables fill one.
        sqlx::raw_sql("PRAGMA page_size = 512; VACUUM").execute(&mut connection).await.unwrap();
        connection.close().await.unwrap();
        return;
    }
    // The cluster's own role: any other sees no rows.
    let mut url = url::Url::parse(&test.url).unwrap();
    url.set_username("postgres").unwrap();
    let arguments = ["--no-owner", "--no-comments", "--inserts", "--rows-per-insert=100"];
    let dump = Command::new("pg_dump").args(arguments).arg(url.as_str()).output().unwrap();
    assert!(dump.status.success(), "{}", err(&dump));
    let dump = String::from_utf8(dump.stdout).unwrap();
    let mut lines = Vec::new();
    for line in dump.lines() {
        let is_setting =
            line.starts_with("SET ") && line.ends_with(';') && !line.contains("check_function_bodies");
        // `\restrict` is psql's.
        let is_noise = line.starts_with("--") || line.starts_with('\\') || is_setting;
        let is_second_blank = line.is_empty() && lines.last().is_none_or(|last: &&str| last.is_empty());
        if !is_noise && !is_second_blank {
            lines.push(line);
        }
    }
    std::fs::write(folder.join(POSTGRES), lines.join("\n") + "\n").unwrap();
}
