//! Calls while the database is away: answered all the same, and accounted for once it is back.

use std::time::Duration;

use futures_util::future::join_all;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::agent::create;
use crate::rules::{DESK, verbs};
use crate::support::{App, wait_until};
use crate::webhook::{INCOMING, ringing, send, sid, twiml};

const CALLS: &str =
    "{ calls(first: 100) { totalCount nodes { sid status outcome durationSeconds agent { name }
    decision { reason rule { name } } } } viewer { activeCalls } }";

async fn call(app: &App, to: &Value, order: Value) -> Value {
    let mut whole = json!({ "to": to });
    whole.as_object_mut().unwrap().extend(order.as_object().unwrap().clone());
    app.place_call(whole).await
}

async fn number_of(app: &App, token: &str, input: Value) -> Value {
    create(app, token, input).await["phoneNumber"].clone()
}

/// The calls once so many are on record and none is under way.
async fn settled(app: &App, token: &str, count: usize) -> Vec<Value> {
    wait_until("every call is on record", Duration::from_secs(30), async || {
        let data = app.graphql(token, CALLS, json!({})).await["data"].clone();
        let calls = data["calls"]["nodes"].as_array().cloned().unwrap_or_default();
        let ended = calls.iter().all(|call| call["status"] == "COMPLETED");
        (calls.len() == count && ended && data["viewer"]["activeCalls"] == 0).then_some(calls)
    })
    .await
}

#[tokio::test]
async fn calls_to_known_numbers_are_answered_and_on_record_afterwards_even_across_a_restart() {
    let (mut app, mut database) = App::start_severable(&[("ANSWER_DEADLINE", "2s")]).await;
    let (token, other) = (app.token(Uuid::from_u128(1)), app.token(Uuid::from_u128(2)));
    let number = number_of(&app, &token, json!({ "name": "Practice", "areaCode": "212" })).await;
    let ruled = number_of(&app, &token, json!({ "name": "Ruled", "areaCode": "305" })).await;
    let theirs = number_of(&app, &other, json!({ "name": "Theirs", "areaCode": "212" })).await;
    let set = "mutation($input: SetRoutingRulesInput!) { setRoutingRules(input: $input) { userErrors { message } } }";
    let action = json!({ "kind": "FORWARD", "forwardTo": DESK });
    let rules = json!([{ "name": "Desk", "condition": {}, "action": action }]);
    let input = json!({ "input": { "phoneNumberId": ruled["id"], "rules": rules } });
    let answer = app.graphql(&token, set, input).await;
    assert_eq!(answer["data"]["setRoutingRules"]["userErrors"], json!([]), "{answer}");
    let release = "mutation($input: ReleasePhoneNumberInput!) { releasePhoneNumber(input: $input) { userErrors { message } } }";
    let input = json!({ "input": { "id": theirs["id"] } });
    let answer = app.graphql(&other, release, input).await;
    assert_eq!(answer["data"]["releasePhoneNumber"]["userErrors"], json!([]), "{answer}");
    // None of these numbers was called before: what is known was read, not met.
    wait_until("the numbers are known", Duration::from_secs(10), async || {
        app.database().system().knows_numbers().then_some(())
    })
    .await;

    database.sever().await;
    let to = &number["number"];
    let stories = join_all((0..5).map(|_| call(&app, to, json!({})))).await;
    for story in &stories {
        assert_eq!(verbs(story), [["Connect"]], "{story}");
    }
    let desk = call(&app, &ruled["number"], json!({ "dial_result": "no-answer" })).await;
    assert_eq!(verbs(&desk), [["Dial"], ["Say"]], "{desk}");
    let gone = app.http().get(format!("{}/readyz", app.base_url())).send().await.unwrap();
    if database.is_whole() {
        assert_eq!(gone.status(), 200);
        assert_eq!(gone.json::<Value>().await.unwrap()["status"], "degraded");
    }
    let answer = app.graphql(&token, CALLS, json!({})).await;
    assert!(answer["data"].is_null() || !database.is_whole(), "{answer}");

    // The server dies before the database is back. Nothing of this is lost, and nothing is there twice.
    app.kill().await;
    database.mend().await;
    app.restart().await;
    let calls = settled(&app, &token, 6).await;
    let (forwarded, to_agent): (Vec<_>, Vec<_>) =
        calls.iter().partition(|call| !call["decision"]["rule"].is_null());
    assert_eq!((forwarded.len(), to_agent.len()), (1, 5), "{calls:?}");
    assert_eq!(
        (&forwarded[0]["outcome"], &forwarded[0]["decision"]["rule"]["name"]),
        (&json!("UNAVAILABLE"), &json!("Desk"))
    );
    for call in &to_agent {
        assert_eq!((&call["outcome"], &call["agent"]["name"]), (&json!("AGENT"), &json!("Practice")));
        assert!(call["durationSeconds"].is_number(), "{call}");
    }
    let without = calls
        .iter()
        .filter(|call| call["decision"]["reason"].as_str().unwrap().contains("the database did not answer"));
    assert_eq!(without.count(), 6, "{calls:?}");
    let empty = app.graphql(&other, CALLS, json!({})).await;
    assert_eq!(empty["data"]["calls"]["totalCount"], 0);
}

#[tokio::test]
async fn a_released_number_is_not_routed_from_memory_and_records_come_back_without_a_restart() {
    let (app, mut database) = App::start_severable(&[("ANSWER_DEADLINE", "2s")]).await;
    let token = app.token(Uuid::from_u128(1));
    let number = number_of(&app, &token, json!({ "name": "Practice", "areaCode": "212" })).await;
    let given_back = number_of(&app, &token, json!({ "name": "Other", "areaCode": "305" })).await;
    assert_eq!(verbs(&call(&app, &given_back["number"], json!({})).await), [["Connect"]]);
    wait_until("the numbers are known", Duration::from_secs(10), async || {
        app.database().system().knows_numbers().then_some(())
    })
    .await;
    let release = "mutation($input: ReleasePhoneNumberInput!) { releasePhoneNumber(input: $input) { userErrors { message } } }";
    let input = json!({ "input": { "id": given_back["id"] } });
    let answer = app.graphql(&token, release, input).await;
    assert_eq!(answer["data"]["releasePhoneNumber"]["userErrors"], json!([]), "{answer}");

    database.sever().await;
    let held = call(&app, &number["number"], json!({ "hold": true })).await;
    assert_eq!(verbs(&held), [["Connect"]], "{held}");
    let to_nobody = ringing(given_back["number"].as_str().unwrap(), &sid(7));
    assert_eq!(twiml(send(&app, INCOMING, &to_nobody).await).await.0, ["Say"]);
    database.mend().await;
    wait_until("the held call is on record", Duration::from_secs(30), async || {
        let data = app.graphql(&token, CALLS, json!({})).await["data"].clone();
        (data["calls"]["totalCount"] == 2 && data["viewer"]["activeCalls"] == 1).then_some(())
    })
    .await;
}

#[tokio::test]
async fn what_another_server_changes_is_in_the_cache_within_a_second_or_by_the_next_poll() {
    let app = App::start().await;
    let token = app.token(Uuid::from_u128(1));
    let number = number_of(&app, &token, json!({ "name": "Practice", "areaCode": "212" })).await;
    let called: switchboard::domain::E164 = number["number"].as_str().unwrap().parse().unwrap();
    let system = app.database().system();
    let by_cache = || {
        let (from, sid) = ("+13105550199".to_owned(), sid(1));
        let call = switchboard::store::IncomingCall { sid, from, attestation: None, to: called.clone() };
        system.route_from_memory(switchboard::domain::CallId(Uuid::from_u128(1)), &call)
    };
    let agent = wait_until("the number is cached", Duration::from_secs(10), async || by_cache()).await.agent;
    let config = switchboard::store::DatabaseConfig {
        url: app.database_url().into(),
        max_connections: 2,
        acquire_timeout: Duration::from_secs(5),
    };
    let other = switchboard::store::Database::connect(&config, app.clock().clone()).await.unwrap();
    let author = switchboard::domain::Author {
        actor: switchboard::domain::Actor::System,
        request_id: "a test".to_owned(),
    };
    let door = other.write_by(author, agent.tenant_id).await.unwrap();
    let fallback_number = Some(Some(DESK.parse().unwrap()));
    let changes = switchboard::store::AgentChanges { fallback_number, ..Default::default() };
    door.update_agent(agent.id, changes).await.unwrap();
    door.commit().await.unwrap();
    // SQLite tells no other process: there it is the next poll that finds the change.
    let patience = if app.database_url().starts_with("postgres") { 1 } else { 6 };
    wait_until("the fallback number is cached", Duration::from_secs(patience), async || {
        by_cache().filter(|route| route.agent.fallback_number.is_some())
    })
    .await;
    // Servers in one process share the gauge.
    let gauge = app.http().get(format!("{}/metrics", app.base_url())).send().await.unwrap();
    let gauge = gauge.text().await.unwrap();
    assert!(gauge.contains("switchboard_cached_numbers "), "{gauge}");
}
