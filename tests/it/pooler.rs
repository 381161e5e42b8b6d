//! Behind a connection pooler, which lends sessions out by the transaction or refuses what a session would begin with. What
//! the rest of the suite tests holds there too: `scripts/test pooler` runs a part of it through PgBouncer in each mode.

use std::time::Duration;

use serde_json::json;
use switchboard::store::Database;
use uuid::Uuid;

use crate::support::api::create;
use crate::support::calls::announce;
use crate::support::database::{TestDatabase, pooler};
use crate::support::{App, Watched};

/// Two rounds of reading again, and what a busy machine takes.
const PATIENCE: Duration = Duration::from_secs(20);

#[tokio::test]
async fn what_another_server_does_is_learnt_also_where_no_session_hears_the_database() {
    if pooler().is_none() {
        println!("left out: SWITCHBOARD_TEST_POOLER names no pooler");
        return;
    }
    let mut app = App::start_with(&[("DATABASE_LISTEN_URL", ""), ("OPERATION_WAIT", "0s")]).await;
    let other = app.add_server().await;
    let token = app.token(Uuid::from_u128(1));
    let made = create(&app, &token, json!({ "name": "Practice", "ifUnavailable": "ANY_IN_COUNTRY" })).await;
    let operation = "subscription ($id: ID!) { operationUpdated(id: $id) { state } }";
    let mut watched = Watched::at(&other, &token, operation, json!({ "id": made["operation"]["id"] })).await;
    let to_its_end = async {
        let mut last = json!(null);
        while let Some(event) = watched.next().await {
            assert!(event["errors"].is_null(), "{event}");
            last = event["data"]["operationUpdated"]["state"].clone();
        }
        last
    };
    assert_eq!(tokio::time::timeout(PATIENCE, to_its_end).await.expect("no end"), "SUCCEEDED");

    let agents = "{ agents { nodes { phoneNumber { number } } } }";
    let number =
        app.graphql(&token, agents, json!({})).await["data"]["agents"]["nodes"][0]["phoneNumber"]["number"]
            .clone();
    let calls = "subscription { callUpdated { sid } }";
    let mut watched = Watched::at(&other, &token, calls, json!({})).await;
    // The socket does not say when watching begins.
    tokio::time::sleep(Duration::from_secs(1)).await;
    for sid in ["CA-first", "CA-second"] {
        announce(&app, sid, &number).await;
        let shown = async {
            loop {
                let event = watched.next().await.expect("the watcher was let go");
                assert!(event["errors"].is_null(), "{event}");
                if event["data"]["callUpdated"]["sid"] == sid {
                    return;
                }
            }
        };
        tokio::time::timeout(PATIENCE, shown).await.expect("the call was not shown");
    }
}

#[tokio::test]
async fn migrations_run_and_tenants_are_kept_apart() {
    let test = TestDatabase::create_empty().await;
    let (one, other): (Database, Database) = (test.open().await, test.open().await);
    let (first, second) = if test.is_postgres() {
        tokio::join!(one.migrate(), other.migrate())
    } else {
        (one.migrate().await, other.migrate().await)
    };
    let (first, second) = (first.unwrap(), second.unwrap());
    assert!(first.is_empty() != second.is_empty(), "{first:?} {second:?}");
    for database in [&one, &other] {
        assert!(database.migrations().await.unwrap().pending.is_empty());
        assert_eq!(database.isolation_faults().await.unwrap(), Vec::<String>::new());
    }
}
