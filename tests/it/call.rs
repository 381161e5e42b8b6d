//! Calls through the public API: listed, narrowed, watched as they come in.

use std::time::Duration;

use serde_json::{Value, json};
use switchboard::domain::{CallId, CallStatus, Clock, Entropy};
use switchboard::store::IncomingCall;
use uuid::Uuid;

use crate::agent::create;
use crate::support::App;

/// Announces a call to the store as the webhook would.
pub(crate) async fn announce(app: &App, sid: &str, to: &Value) {
    let id = CallId(Entropy::system().uuid(Clock::system().now()));
    let call = IncomingCall {
        sid: sid.to_owned(),
        from: "+13055550100".to_owned(),
        from_number: None,
        to: to.as_str().unwrap().parse().unwrap(),
    };
    app.database().system().admit_call(id, &call).await.unwrap().expect("the number is ours");
}

#[tokio::test]
async fn calls_are_listed_newest_first_and_narrowed() {
    let app = App::start().await;
    let token = app.token(Uuid::from_u128(1));
    let made = create(&app, &token, json!({"name": "Practice", "areaCode": "212"})).await;
    let other = create(&app, &token, json!({"name": "Other", "areaCode": "305"})).await;
    announce(&app, "CA0001", &made["phoneNumber"]["number"]).await;
    announce(&app, "CA0002", &other["phoneNumber"]["number"]).await;
    app.database().system().report_call("CA0001", CallStatus::Completed, Some(61)).await.unwrap();

    let query = "query($filter: CallFilter) { calls(filter: $filter) { totalCount nodes { sid from to direction status
        durationSeconds agent { name } phoneNumber { number } } } }";
    let all = app.graphql(&token, query, json!({})).await["data"]["calls"].clone();
    assert_eq!(all["totalCount"], 2);
    assert_eq!(all["nodes"][0]["sid"], "CA0002");
    assert_eq!(all["nodes"][1]["durationSeconds"], 61);
    assert_eq!(all["nodes"][1]["agent"]["name"], "Practice");
    assert_eq!(all["nodes"][1]["to"], made["phoneNumber"]["number"]);
    for (filter, sids) in [
        (json!({"status": "COMPLETED"}), vec!["CA0001"]),
        (json!({"agentId": other["agent"]["id"]}), vec!["CA0002"]),
        (json!({"phoneNumberId": made["phoneNumber"]["id"]}), vec!["CA0001"]),
        (json!({"startedBefore": "2020-01-01T00:00:00Z"}), vec![]),
        (json!({"startedAfter": "2020-01-01T00:00:00+01:00"}), vec!["CA0002", "CA0001"]),
    ] {
        let found = app.graphql(&token, query, json!({ "filter": filter })).await["data"]["calls"].clone();
        let found: Vec<_> =
            found["nodes"].as_array().unwrap().iter().map(|call| call["sid"].as_str().unwrap()).collect();
        assert_eq!(found, sids, "{filter}");
    }
    let viewer = "{ viewer { activeCalls usage { calls minutes estimatedCost { calls } } } }";
    let viewer = app.graphql(&token, viewer, json!({})).await["data"]["viewer"].clone();
    assert_eq!(viewer["activeCalls"], 1);
    assert_eq!(viewer["usage"], json!({"calls": 2, "minutes": "2", "estimatedCost": {"calls": "0.0170"}}));
    let unseen = app.graphql(&app.token(Uuid::from_u128(2)), query, json!({})).await;
    assert_eq!(unseen["data"]["calls"]["totalCount"], 0);
}

#[tokio::test]
async fn a_watcher_sees_its_own_tenants_calls_and_no_others() {
    let app = App::start().await;
    let (token, stranger) = (app.token(Uuid::from_u128(1)), app.token(Uuid::from_u128(2)));
    let theirs = create(&app, &stranger, json!({"name": "Theirs", "areaCode": "305"})).await;
    let mine = create(&app, &token, json!({"name": "Mine", "areaCode": "212"})).await;
    let query = "subscription($agentId: ID) { callUpdated(agentId: $agentId) { sid status agent { name } } }";
    let mut watched = app.watch(&token, query, json!({"agentId": mine["agent"]["id"]})).await;
    let mut calls = 0;
    // The socket does not say when the server has begun to watch: so call until it has.
    let first = loop {
        calls += 1;
        assert!(calls < 60, "no call was seen");
        announce(&app, &format!("CA9{calls:03}"), &theirs["phoneNumber"]["number"]).await;
        announce(&app, &format!("CA0{calls:03}"), &mine["phoneNumber"]["number"]).await;
        if let Ok(event) = tokio::time::timeout(Duration::from_millis(250), watched.next()).await {
            break event.unwrap()["data"]["callUpdated"].clone();
        }
    };
    assert_eq!(first["agent"]["name"], "Mine");
    assert_eq!(first["status"], "RINGING");
    let sid = first["sid"].as_str().unwrap();
    app.database().system().report_call(sid, CallStatus::Completed, Some(5)).await.unwrap();
    let ended = watched.next().await.unwrap()["data"]["callUpdated"].clone();
    assert_eq!((&ended["sid"], &ended["status"]), (&json!(sid), &json!("COMPLETED")));

    let mut refused = app.watch(&token, query, json!({"agentId": theirs["agent"]["id"]})).await;
    let refused = refused.next().await.unwrap();
    assert!(refused["errors"][0]["message"].as_str().unwrap().contains("no agent"), "{refused}");
}
