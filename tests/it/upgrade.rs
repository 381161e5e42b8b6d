//! A server on a database that the next version has migrated: it works as before, while that happens and after a restart.

use std::time::{Duration, Instant};

use serde_json::{Value, json};
use switchboard::store::StoreError;
use uuid::Uuid;

use crate::support::api::create;
use crate::support::calls::verbs;
use crate::support::database::TestDatabase;
use crate::support::program::{err, finish, out};
use crate::support::sql::{TABLES, execute};
use crate::support::{App, wait_until};

const SOON: Duration = Duration::from_secs(30);
const NEWER: &str = "m20991231_000001_of_a_newer_version";

/// What a migration may do: tables, and columns that are nullable or have a default.
fn migration(is_postgres: bool) -> Vec<String> {
    let mut sql: Vec<String> = TABLES
        .iter()
        .flat_map(|table| {
            [
                format!("ALTER TABLE {table} ADD COLUMN newer_note TEXT"),
                format!("ALTER TABLE {table} ADD COLUMN newer_count BIGINT NOT NULL DEFAULT 7"),
            ]
        })
        .collect();
    sql.push("CREATE TABLE newer_things (id INTEGER PRIMARY KEY, tenant_id CHAR(36) NOT NULL)".to_owned());
    if is_postgres {
        sql.push("ALTER TABLE newer_things ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY".to_owned());
        sql.push(
            "CREATE POLICY system_all ON newer_things TO switchboard_system USING (current_user = 'switchboard_system')"
                .to_owned(),
        );
    }
    sql.push(format!("INSERT INTO seaql_migrations (version, applied_at) VALUES ('{NEWER}', 0)"));
    sql
}

/// All that is done with an agent and its number.
async fn live_once(app: &App) {
    let token = app.token(Uuid::from_u128(1));
    let made = create(app, &token, json!({"name": "Practice", "areaCode": "212"})).await;
    assert_eq!(made["userErrors"], json!([]), "{made}");
    let ask = async |query: &str, id: &Value| {
        let answer = app.graphql(&token, query, json!({ "id": id })).await;
        assert!(answer["errors"].is_null(), "{answer}");
        answer["data"].clone()
    };
    let (agent, number) = (&made["agent"]["id"], &made["phoneNumber"]["id"]);
    let before = app.count("SELECT count(*) FROM calls WHERE status = 'completed'").await;
    let call = app.place_call(json!({"to": made["phoneNumber"]["number"]})).await;
    assert_eq!(verbs(&call), [["Connect"]], "{call}");
    wait_until("the call's end is on record", SOON, async || {
        let ended = app.count("SELECT count(*) FROM calls WHERE status = 'completed'").await;
        (ended == before + 1).then_some(())
    })
    .await;
    let renamed = "mutation($id: ID!) { updateAgent(input: {id: $id, name: \"Other\"}) { agent { syncState } userErrors { message } } }";
    assert_eq!(ask(renamed, agent).await["updateAgent"]["agent"]["syncState"], "SYNCED");
    let lists = "query($id: ID!) { node(id: $id) { id } viewer { usage { calls } activeCalls }
        agents { totalCount nodes { id phoneNumbers { nodes { number } } calls { nodes { sid } } } }
        phoneNumbers { nodes { routingVersion agent { name } } } calls { nodes { status decision { reason } } }
        auditEvents { nodes { action } } }";
    assert_eq!(ask(lists, agent).await["agents"]["totalCount"], 1);
    for (mutation, id) in
        [("repairPhoneNumber", number), ("releasePhoneNumber", number), ("deleteAgent", agent)]
    {
        let query = format!(
            "mutation($id: ID!) {{ {mutation}(input: {{id: $id}}) {{ operation {{ state }} userErrors {{ message }} }} }}"
        );
        let done = ask(&query, id).await[mutation].clone();
        assert_eq!(
            (&done["operation"]["state"], &done["userErrors"]),
            (&json!("SUCCEEDED"), &json!([])),
            "{done}"
        );
    }
}

#[tokio::test]
async fn a_server_works_on_a_database_that_a_newer_version_has_migrated() {
    let mut app = App::start().await;
    // Every statement is prepared by then.
    live_once(&app).await;
    let sql = migration(app.database_url().starts_with("postgres"));
    execute(&app, &sql.iter().map(String::as_str).collect::<Vec<_>>()).await;
    live_once(&app).await;

    app.restart().await;
    live_once(&app).await;
    let ready = app.http().get(format!("{}/readyz", app.base_url())).send().await.unwrap();
    assert_eq!(ready.status(), 200);
    let ready: Value = ready.json().await.unwrap();
    assert_eq!(ready["status"], "ok", "{ready}");
    assert!(ready["note"].as_str().unwrap().contains("newer version"), "{ready}");
    for (arguments, says) in
        [(&["migrate", "status"][..], "works on it"), (&["migrate"], "nothing was changed")]
    {
        let output = finish(app.program(arguments)).await;
        let said = out(&output);
        assert!(output.status.success(), "{}", err(&output));
        assert!(said.contains(&format!("newer {NEWER}")) && said.contains(says), "{said}");
    }

    // One that lacks what this version needs is another matter.
    let last = "DELETE FROM seaql_migrations WHERE version LIKE '%call_totals'";
    execute(&app, &[last]).await;
    app.kill().await;
    assert!(app.cannot_start().await.contains("has 1 pending migration"));
    let output = finish(app.program(&["migrate"])).await;
    assert_eq!(output.status.code(), Some(1));
    assert!(err(&output).contains(NEWER), "{}", err(&output));
}

#[tokio::test]
async fn a_new_table_without_row_level_security_stops_the_server() {
    let app = App::start().await;
    // On SQLite the server's own filter keeps tenants apart.
    if !app.database_url().starts_with("postgres") {
        return;
    }
    execute(&app, &["CREATE TABLE notes (id uuid PRIMARY KEY, tenant_id uuid NOT NULL)"]).await;
    let error = app.cannot_start().await;
    assert!(error.contains("row level security is not forced on notes"), "{error}");
}

#[tokio::test]
async fn a_migration_gives_up_on_a_locked_table_and_changes_nothing() {
    let test = TestDatabase::create().await;
    // SQLite has one writer, for whom everybody waits.
    if !test.is_postgres() {
        return;
    }
    let mut owner = test.raw().await;
    let undo = "DROP TABLE rate_buckets; DROP FUNCTION take_requests(text, int, int, timestamptz);
        DELETE FROM seaql_migrations WHERE version LIKE '%rate_buckets'";
    sqlx::raw_sql(undo).execute(&mut owner).await.unwrap();
    let lock = "BEGIN; LOCK TABLE seaql_migrations IN SHARE MODE";
    sqlx::raw_sql(lock).execute(&mut owner).await.unwrap();
    let database = test.open().await;
    let begun = Instant::now();
    let refused = database.migrate().await;
    assert!(matches!(refused, Err(StoreError::Locked)), "{refused:?}");
    assert!(begun.elapsed() < Duration::from_secs(20), "{:?}", begun.elapsed());
    assert_eq!(database.migrations().await.unwrap().pending.len(), 1);
    sqlx::raw_sql("ROLLBACK").execute(&mut owner).await.unwrap();
    assert_eq!(database.migrate().await.unwrap().len(), 1);
}
