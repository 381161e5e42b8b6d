//! `switchboard migrate` on databases that this version cannot migrate: it says what it found and changes nothing.

use std::process::Output;

use sqlx::{AssertSqlSafe, Connection, Executor, PgConnection, SqliteConnection};

use crate::support::database::TestDatabase;
use crate::support::program::{err, finish, out, switchboard};

const NEWER: &str = "m20991231_000001_of_a_newer_version";

async fn execute(database: &TestDatabase, sql: &str) {
    if database.is_postgres() {
        let mut connection = PgConnection::connect(&database.url).await.unwrap();
        connection.execute(AssertSqlSafe(sql.to_owned())).await.unwrap();
    } else {
        let url = format!("{}?mode=rwc", database.url);
        let mut connection = SqliteConnection::connect(&url).await.unwrap();
        connection.execute(AssertSqlSafe(sql.to_owned())).await.unwrap();
    }
}

/// Every table with its columns, and the recorded migrations.
async fn contents(database: &TestDatabase) -> Vec<String> {
    let (columns, versions) = if database.is_postgres() {
        (
            "SELECT concat_ws(' ', table_name, column_name, data_type) FROM information_schema.columns
             WHERE table_schema = current_schema() ORDER BY 1",
            "SELECT count(*) FROM pg_tables WHERE schemaname = current_schema() AND tablename = 'seaql_migrations'",
        )
    } else {
        (
            "SELECT coalesce(sql, name) FROM sqlite_master ORDER BY 1",
            "SELECT count(*) FROM sqlite_master WHERE name = 'seaql_migrations'",
        )
    };
    let recorded = "SELECT version FROM seaql_migrations ORDER BY version";
    macro_rules! read {
        ($connection:ident) => {{
            let mut connection = $connection::connect(&database.url).await.unwrap();
            let mut contents: Vec<String> =
                sqlx::query_scalar(columns).fetch_all(&mut connection).await.unwrap();
            let has_record: i64 = sqlx::query_scalar(versions).fetch_one(&mut connection).await.unwrap();
            if has_record == 1 {
                let versions: Vec<String> =
                    sqlx::query_scalar(recorded).fetch_all(&mut connection).await.unwrap();
                contents.extend(versions);
            }
            contents
        }};
    }
    if database.is_postgres() { read!(PgConnection) } else { read!(SqliteConnection) }
}

async fn run(database: &TestDatabase, arguments: &[&str]) -> Output {
    let folder = tempfile::tempdir().unwrap();
    let mut command = switchboard(folder.path(), arguments);
    command.env("DATABASE_URL", &database.url);
    finish(command).await
}

/// Both commands fail with these words and leave the database as it was.
async fn is_left_alone(database: &TestDatabase, words: &[&str]) {
    let before = contents(database).await;
    for arguments in [&["migrate", "status"][..], &["migrate"]] {
        let output = run(database, arguments).await;
        let told = err(&output);
        assert_eq!(output.status.code(), Some(1), "{arguments:?}: {told}");
        for word in words.iter().chain(&["Nothing was changed"]) {
            assert!(told.contains(word), "{arguments:?}: no {word:?} in {told}");
        }
    }
    assert_eq!(contents(database).await, before);
}

const RECORD: &str =
    "CREATE TABLE seaql_migrations (version VARCHAR(255) PRIMARY KEY, applied_at BIGINT NOT NULL)";

#[tokio::test]
async fn a_database_of_the_time_before_0_1_0_is_left_alone() {
    let database = TestDatabase::create_empty().await;
    execute(&database, RECORD).await;
    for name in ["m20260101_000001_create_agents", "m20260102_000002_create_phone_numbers"] {
        execute(
            &database,
            &format!("INSERT INTO seaql_migrations (version, applied_at) VALUES ('{name}', 0)"),
        )
        .await;
    }
    execute(&database, "CREATE TABLE agents (id INTEGER PRIMARY KEY)").await;
    let words = ["2 migrations", "m20260101_000001_create_agents", "before version 0.1.0", "empty database"];
    is_left_alone(&database, &words).await;

    // Its tables, without a record of migrations or with an empty one.
    for record in ["", RECORD] {
        let database = TestDatabase::create_empty().await;
        execute(&database, "CREATE TABLE calls (id INTEGER PRIMARY KEY)").await;
        execute(&database, "CREATE TABLE agents (id INTEGER PRIMARY KEY)").await;
        execute(&database, "CREATE TABLE invoices (id INTEGER PRIMARY KEY)").await;
        if !record.is_empty() {
            execute(&database, record).await;
        }
        is_left_alone(&database, &["(agents, calls)", "no record of migrations", "before version 0.1.0"])
            .await;
    }
}

#[tokio::test]
async fn a_database_of_a_diverging_version_is_left_alone() {
    let database = TestDatabase::create().await;
    execute(&database, &format!("INSERT INTO seaql_migrations (version, applied_at) VALUES ('{NEWER}', 0)"))
        .await;
    let before = contents(&database).await;
    let status = run(&database, &["migrate", "status"]).await;
    assert!(status.status.success() && out(&status).contains("this version works on it"), "{}", err(&status));
    let migrated = run(&database, &["migrate"]).await;
    assert!(
        migrated.status.success() && out(&migrated).contains("nothing was changed"),
        "{}",
        err(&migrated)
    );
    assert!(out(&migrated).contains(NEWER), "{}", out(&migrated));
    assert_eq!(contents(&database).await, before);

    execute(&database, "DELETE FROM seaql_migrations WHERE version LIKE '%call_totals'").await;
    is_left_alone(
        &database,
        &[NEWER, "1 migration", "lacks 1 migration", "call_totals", "the version that applied"],
    )
    .await;
}

#[tokio::test]
async fn tables_of_other_programs_do_not_keep_a_database_from_being_migrated() {
    let database = TestDatabase::create_empty().await;
    execute(&database, "CREATE TABLE invoices (id INTEGER PRIMARY KEY)").await;
    let migrated = run(&database, &["migrate"]).await;
    assert!(migrated.status.success(), "{}", err(&migrated));
    assert!(out(&migrated).contains("The database is up to date."), "{}", out(&migrated));
}
