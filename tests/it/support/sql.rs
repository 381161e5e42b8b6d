//! What tests do to a server's database behind its back.

use std::time::Duration;

use serde_json::Value;
use sqlx::{AssertSqlSafe, Connection, Executor, PgConnection, SqliteConnection};

use super::{App, wait_until};

/// The tables that hold tenants' rows.
pub(crate) const TABLES: [&str; 19] = [
    "carrier_accounts",
    "call_statistics",
    "tenants",
    "agents",
    "operations",
    "phone_numbers",
    "calls",
    "call_totals",
    "audit_events",
    "voice_events",
    "message_threads",
    "messages",
    "message_totals",
    "messaging_registrations",
    "messaging_consents",
    "message_media",
    "call_groups",
    "call_group_members",
    "kept_numbers",
];

/// Runs statements past every door, in a session that may write.
pub(crate) async fn execute(app: &App, statements: &[&str]) {
    let url = app.database_url();
    if url.starts_with("postgres") {
        let mut connection = PgConnection::connect(&url).await.unwrap();
        connection.execute("SET default_transaction_read_only = off").await.unwrap();
        for sql in statements {
            connection.execute(AssertSqlSafe((*sql).to_owned())).await.unwrap();
        }
    } else {
        let mut connection = SqliteConnection::connect(&url).await.unwrap();
        for sql in statements {
            connection.execute(AssertSqlSafe((*sql).to_owned())).await.unwrap();
        }
    }
}

/// Has the database refuse writes to a table, past every door, while this holds of the new row.
pub(crate) async fn refuse(app: &App, table: &str, writes: &str, condition: &str) {
    if app.database_url().starts_with("postgres") {
        let function = "CREATE OR REPLACE FUNCTION no_such_row() RETURNS trigger LANGUAGE plpgsql AS \
            $$ BEGIN RAISE EXCEPTION 'no'; END $$";
        let trigger = format!(
            "CREATE TRIGGER no_such_row BEFORE {writes} ON {table} FOR EACH ROW WHEN ({condition}) \
             EXECUTE FUNCTION no_such_row()"
        );
        execute(app, &[function, &trigger]).await;
    } else {
        let trigger = format!(
            "CREATE TRIGGER no_such_row BEFORE {writes} ON {table} WHEN {condition} \
             BEGIN SELECT RAISE(ABORT, 'no'); END"
        );
        execute(app, &[&trigger]).await;
    }
}

/// An id of the public API, as SQL names it on either database.
pub(crate) fn literal(app: &App, id: &Value) -> String {
    let hex = id.as_str().unwrap().rsplit_once('_').unwrap().1;
    if app.database_url().starts_with("postgres") { format!("'{hex}'") } else { format!("x'{hex}'") }
}

/// The sessions of servers that listen for changes.
pub(crate) const LISTENING: &str = "pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid() AND query LIKE 'LISTEN%'";

/// Waits until so many servers listen.
pub(crate) async fn until_listening(app: &App, servers: i64) {
    let mut admin = PgConnection::connect(&app.database_url()).await.unwrap();
    let sql = format!("SELECT count(*) FROM {LISTENING}");
    wait_until("the servers listen", Duration::from_secs(10), async || {
        let query = sqlx::query_scalar(sqlx::AssertSqlSafe(sql.clone()));
        let found: i64 = query.fetch_one(&mut admin).await.unwrap();
        (found == servers).then_some(())
    })
    .await;
}
