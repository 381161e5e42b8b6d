//! Subscribing at one server while another does the work.

use std::time::Duration;

use serde_json::{Value, json};
use sqlx::{Connection, PgConnection};
use switchboard::domain::{CallReport, CallStatus, Clock};
use uuid::Uuid;

use crate::support::api::create;
use crate::support::calls::announce;
use crate::support::sql::{LISTENING, until_listening};
use crate::support::{App, Watched};

const OPERATION: &str = "subscription ($id: ID!) { operationUpdated(id: $id) { state step } }";
const CALLS: &str = "subscription { callUpdated { sid status } }";

#[tokio::test]
async fn changes_of_one_server_reach_subscribers_of_another_and_a_gap_is_reported() {
    let mut app = App::start_with(&[("OPERATION_WAIT", "0s")]).await;
    if !app.database_url().starts_with("postgres") {
        println!("left out on SQLite: a file has one server, which tells its watchers itself");
        return;
    }
    let other = app.add_server().await;
    until_listening(&app, 2).await;
    let (token, stranger) = (app.token(Uuid::from_u128(1)), app.token(Uuid::from_u128(2)));
    let [number, theirs] = [made(&app, &other, &token).await, made(&app, &other, &stranger).await];

    let mut here = begun(&app, &app.base_url(), &token, &number, "here").await;
    let mut there = begun(&app, &other, &token, &number, "there").await;
    let mut strangers = begun(&app, &other, &stranger, &theirs, "strangers").await;
    announce(&app, "CA-shown", &number).await;
    let at = Clock::system().now();
    let report = CallReport { status: CallStatus::Completed, duration_seconds: Some(5), at };
    app.database().system().report_call("CA-shown", report).await.unwrap();
    announce(&app, "CA-last", &number).await;
    // Whoever is told of a change late sees what came of it.
    let told = statuses_until_last(&mut here).await;
    assert_eq!((told.len(), told.last()), (2, Some(&json!("COMPLETED"))), "each change once: {told:?}");
    assert_eq!(statuses_until_last(&mut there).await.last(), Some(&json!("COMPLETED")));

    // The connections that listen are lost: what happened meanwhile nobody here knows, and whoever watches is told so.
    let mut admin = PgConnection::connect(&app.database_url()).await.unwrap();
    let cut = format!("SELECT count(pg_terminate_backend(pid)) FROM {LISTENING}");
    let cut: i64 = sqlx::query_scalar(sqlx::AssertSqlSafe(cut)).fetch_one(&mut admin).await.unwrap();
    assert_eq!(cut, 2);
    for watched in [&mut there, &mut strangers] {
        let told = watched.next().await.unwrap();
        let message =
            told["errors"][0]["message"].as_str().unwrap_or_else(|| panic!("another's call: {told}"));
        assert!(message.contains("events were missed"), "{told}");
    }
    begun(&app, &other, &token, &number, "again").await;
}

/// An agent's number, its creation watched to the end at the other server.
async fn made(app: &App, other: &str, token: &str) -> Value {
    let made = create(app, token, json!({ "name": "Practice", "ifUnavailable": "ANY_IN_COUNTRY" })).await;
    let mut watched = Watched::at(other, token, OPERATION, json!({ "id": made["operation"]["id"] })).await;
    let mut shown: Vec<Value> = Vec::new();
    while let Some(event) = watched.next().await {
        let operation = event["data"]["operationUpdated"].clone();
        shown.push(operation);
    }
    assert_eq!(shown.last().unwrap()["state"], "SUCCEEDED", "{shown:?}");
    let query = "{ agents { nodes { phoneNumber { number } } } }";
    app.graphql(token, query, json!({})).await["data"]["agents"]["nodes"][0]["phoneNumber"]["number"].clone()
}

/// Watches calls, and returns once it is certain that the server has begun to watch, which the socket does not say: by
/// announcing calls until one is seen.
async fn begun(app: &App, server: &str, token: &str, number: &Value, name: &str) -> Watched {
    let mut watched = Watched::at(server, token, CALLS, json!({})).await;
    for count in 0..60 {
        announce(app, &format!("CA-{name}-{count}"), number).await;
        let event = tokio::time::timeout(Duration::from_millis(250), watched.next()).await;
        if let Ok(event) = event {
            assert!(event.unwrap()["data"]["callUpdated"]["sid"].as_str().unwrap().starts_with("CA-"));
            return watched;
        }
    }
    panic!("no call was seen at {server}");
}

/// What became of `CA-shown`, up to the call after it.
async fn statuses_until_last(watched: &mut Watched) -> Vec<Value> {
    let mut statuses = Vec::new();
    loop {
        let call = watched.next().await.unwrap()["data"]["callUpdated"].clone();
        match call["sid"].as_str() {
            Some("CA-shown") => statuses.push(call["status"].clone()),
            Some("CA-last") => return statuses,
            _ => {}
        }
    }
}
