//! Calls through the public API: listed, narrowed, watched as they come in.

use std::time::Duration;

use futures_util::future::join_all;
use serde_json::{Value, json};
use switchboard::domain::{CallReport, CallStatus, Clock, Webhook};
use uuid::Uuid;

use crate::support::api::create;
use crate::support::calls::{announce, verbs};
use crate::support::practice::Practice;
use crate::support::webhooks::{INCOMING, sid};
use crate::support::{App, Levers, wait_until};

fn completed(seconds: i32) -> CallReport {
    let at = Clock::system().now();
    CallReport { status: CallStatus::Completed, duration_seconds: Some(seconds), at }
}

#[tokio::test]
async fn calls_are_listed_newest_first_and_narrowed() {
    let app = App::start().await;
    let token = app.token(Uuid::from_u128(1));
    let made = create(&app, &token, json!({"name": "Practice", "areaCode": "212"})).await;
    let other = create(&app, &token, json!({"name": "Other", "areaCode": "305"})).await;
    announce(&app, "CA0001", &made["phoneNumber"]["number"]).await;
    announce(&app, "CA0002", &other["phoneNumber"]["number"]).await;
    app.database().system().report_call("CA0001", completed(61)).await.unwrap();

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
    app.database().system().report_call(sid, completed(5)).await.unwrap();
    let ended = watched.next().await.unwrap()["data"]["callUpdated"].clone();
    assert_eq!((&ended["sid"], &ended["status"]), (&json!(sid), &json!("COMPLETED")));

    let mut refused = app.watch(&token, query, json!({"agentId": theirs["agent"]["id"]})).await;
    let refused = refused.next().await.unwrap();
    assert!(refused["errors"][0]["message"].as_str().unwrap().contains("no agent"), "{refused}");
}

/// The calls that are under way, by the carrier and by our own count.
async fn under_way(app: &App, tenant: Uuid) -> (usize, i64) {
    let state = app.sandbox_state().await;
    let calls = state["calls"].as_array().unwrap();
    let at_carrier = calls.iter().filter(|call| call["status"] == "in-progress").count();
    let token = app.token(tenant);
    let answer = app.graphql(&token, "{ viewer { activeCalls } }", json!({})).await;
    (at_carrier, answer["data"]["viewer"]["activeCalls"].as_i64().unwrap_or_else(|| panic!("{answer}")))
}

#[tokio::test]
async fn after_a_crash_the_carrier_is_asked_and_only_it_says_which_calls_have_ended() {
    // It asks until something has changed, which may take a slow machine many requests.
    let mut app = App::start_with(&[("RATE_LIMIT_PER_MINUTE", "0")]).await;
    let tenant = Uuid::from_u128(1);
    let token = app.token(tenant);
    let made = create(&app, &token, json!({"name": "Practice", "areaCode": "212"})).await;
    let number = &made["phoneNumber"]["number"];
    let held = async |levers: &Levers| levers.place_call(json!({"to": number, "hold": true})).await;
    let hang_up = async |app: &App, call: &Value| {
        let url =
            format!("{}/sandbox/calls/{}/hangup", app.sandbox_url(), call["call_sid"].as_str().unwrap());
        assert!(app.http().post(url).send().await.unwrap().status().is_success());
    };
    let (first, second) = (held(&app).await, held(&app).await);
    announce(&app, "CAdead", number).await;

    // Killed while calls come in: what the caller's end and ours know of them differs.
    let levers = Levers::of(app.sandbox_url());
    let load = join_all((0..6).map(|_| held(&levers)));
    let killed = async {
        tokio::time::sleep(Duration::from_millis(30)).await;
        app.kill().await;
    };
    let (load, ()) = tokio::join!(load, killed);
    hang_up(&app, &first).await;
    if let Some(call) = load.iter().find(|call| call["status"] == "in-progress") {
        hang_up(&app, call).await;
    }
    for times in [2, 1000] {
        app.faults(json!({
            "match": { "provider": "twilio", "method": "GET", "path_contains": "/Calls/" },
            "action": { "status": 503 }, "times": times,
        }))
        .await;
    }
    app.restart().await;
    let (at_carrier, ours) = under_way(&app, tenant).await;
    assert!(ours > i64::try_from(at_carrier).unwrap(), "{ours} and {at_carrier}: nothing was lost");

    // A carrier that does not answer closes nothing, however long ago the calls began.
    app.advance(Duration::from_secs(5 * 3600));
    let asked = async || {
        let was_pending = app.pending_faults().await > 1;
        assert!(!was_pending || under_way(&app, tenant).await.1 == ours);
        (!was_pending).then_some(())
    };
    wait_until("the carrier is asked", Duration::from_secs(30), asked).await;
    assert_eq!(under_way(&app, tenant).await.1, ours);
    app.clear_faults().await;
    let exact = async || {
        let (at_carrier, ours) = under_way(&app, tenant).await;
        (i64::try_from(at_carrier) == Ok(ours)).then_some(ours)
    };
    let left = wait_until("the count is exact", Duration::from_secs(60), exact).await;
    assert!(left >= 1, "a call that is talked on is left alone");
    let states = "{ calls { nodes { sid status durationSeconds } } }";
    let states = app.graphql(&app.token(tenant), states, json!({})).await["data"]["calls"]["nodes"].clone();
    let status_of = |sid: &Value| {
        let call = states.as_array().unwrap().iter().find(|call| call["sid"] == *sid);
        call.unwrap_or_else(|| panic!("{sid}: {states}"))["status"].clone()
    };
    assert_eq!(status_of(&first["call_sid"]), "COMPLETED");
    assert_eq!(status_of(&json!("CAdead")), "FAILED", "the carrier does not know it");
    hang_up(&app, &second).await;
    let (at_carrier, ours) = under_way(&app, tenant).await;
    assert_eq!((at_carrier, ours), (usize::try_from(left).unwrap() - 1, left - 1), "told at once");
}

#[tokio::test]
async fn a_status_that_makes_no_sense_is_acknowledged_and_changes_nothing() {
    const STATUS: &str = Webhook::CallStatus.path();
    let practice = Practice::open(json!({})).await;
    assert_eq!(practice.send(INCOMING, &practice.ringing(&sid(1))).await.status(), 200);
    let before = practice.calls().await;
    assert_eq!(before.len(), 1);
    let about = |call: u8, told: &[(&str, &str)]| {
        let mut form = practice.ringing(&sid(call));
        form.retain(|(name, _)| name != "CallStatus");
        form.extend(told.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
        form
    };
    for odd in [
        about(1, &[]),
        about(1, &[("CallStatus", "")]),
        about(1, &[("CallStatus", "parked")]),
        about(1, &[("CallStatus", "completed"), ("CallStatus", "busy")]),
        // A call we never took.
        about(2, &[("CallStatus", "completed")]),
    ] {
        assert_eq!(practice.send(STATUS, &odd).await.status(), 200, "{odd:?}");
        assert_eq!(practice.calls().await, before, "{odd:?}");
    }
    let twice = about(
        1,
        &[
            ("CallDuration", "5"),
            ("CallDuration", "5"),
            ("CallStatus", "completed"),
            ("CallStatus", "completed"),
        ],
    );
    assert_eq!(practice.send(STATUS, &twice).await.status(), 200);
    let call = practice.calls().await[0].clone();
    assert_eq!((&call["status"], &call["durationSeconds"]), (&json!("COMPLETED"), &json!(5)));
}

#[tokio::test]
async fn a_plan_full_of_calls_whose_ends_were_lost_has_room_for_the_next_caller() {
    let mut app = App::start().await;
    let tenant = Uuid::from_u128(1);
    let token = app.token(tenant);
    let made = create(&app, &token, json!({"name": "Practice", "areaCode": "212"})).await;
    let number = &made["phoneNumber"]["number"];
    let plan =
        "mutation($input: SetTenantPlanInput!) { setTenantPlan(input: $input) { userErrors { message } } }";
    let input = json!({"userId": tenant, "name": "Small", "concurrentCalls": 2, "phoneNumbers": 5});
    let set = app.graphql(&app.operator_token(), plan, json!({ "input": input })).await;
    assert_eq!(set["data"]["setTenantPlan"]["userErrors"], json!([]), "{set}");
    let mut lost = Vec::new();
    for _ in 0..2 {
        let held = app.place_call(json!({"to": number, "hold": true})).await;
        assert_eq!(verbs(&held), [["Connect"]], "{held}");
        lost.push(held);
    }
    let connected = async |app: &App| {
        let call = app.place_call(json!({"to": number, "hold": true})).await;
        (verbs(&call) == [["Connect"]]).then_some(call)
    };
    assert!(connected(&app).await.is_none(), "nobody asks about calls that have just begun");

    // The server is away for a moment when both end.
    app.kill().await;
    for call in &lost {
        let url =
            format!("{}/sandbox/calls/{}/hangup", app.sandbox_url(), call["call_sid"].as_str().unwrap());
        app.http().post(url).send().await.unwrap();
    }
    app.restart().await;
    app.advance(Duration::from_secs(30));
    // The carrier does not tell of one of them: that keeps nobody from asking about the other.
    app.faults(json!({
        "match": { "provider": "twilio", "method": "GET", "path_contains": lost[0]["call_sid"] },
        "action": { "status": 500 }, "times": 1000,
    }))
    .await;
    assert!(connected(&app).await.is_some());
    assert!(connected(&app).await.is_none(), "the plan holds");
    app.clear_faults().await;
    app.advance(Duration::from_secs(30));
    assert!(connected(&app).await.is_some());
}
