//! What is remembered over a restart, and faults on demand.

use std::time::{Duration, Instant};

use reqwest::Method;
use serde_json::{Value, json};
use switchboard::sandbox::{Credentials, Options, SandboxError, start};
use tokio::net::TcpListener;

use crate::support::sandbox::{World, answer};

#[tokio::test]
async fn a_killed_sandbox_keeps_every_answered_effect() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("deeper/sandbox.json");
    let world = World::start_with(Some(file.clone())).await;
    world.buy(&[("AreaCode", "212"), ("VoiceUrl", "http://127.0.0.1:9/")]).await;
    world.agent("Reception", "ulaw_8000").await;
    let before = world.state().await;
    // Dropped, not stopped: nothing may depend on a last word at the end.
    drop(world);
    let world = World::start_with(Some(file.clone())).await;
    assert_eq!(world.state().await, before);
    let taken = world.for_sale("US/Local.json?AreaCode=212").await;
    assert_eq!(taken.len(), 19);
    world.sandbox.stop().await;

    for nonsense in ["not json", "{}", r#"{"version": 99}"#, r#"{"version": 1, "numbers": 3}"#] {
        std::fs::write(&file, nonsense).unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let options = Options { credentials: Credentials::development(), state_file: Some(file.clone()) };
        let refusal = start(options, listener).await.err();
        assert!(matches!(refusal, Some(SandboxError::Unreadable { .. })), "{nonsense}");
        assert_eq!(std::fs::read_to_string(&file).unwrap(), nonsense, "an unreadable file is left alone");
    }
}

#[tokio::test]
async fn a_lost_response_closes_the_connection_before_or_after_the_effect() {
    let world = World::start().await;
    let purchase = || {
        let fields = [("PhoneNumber", "+12125550103")];
        world.twilio(Method::POST, "IncomingPhoneNumbers.json").form(&fields).send()
    };
    for (lose, bought) in [("before", 0), ("after", 1)] {
        let matching = json!({"provider": "twilio", "method": "post", "path_contains": "IncomingPhone"});
        world.fault(json!({"match": matching, "action": {"lose": lose}, "times": 1})).await;
        let lost = purchase().await.expect_err("no answer comes");
        assert!(!lost.is_timeout() && lost.status().is_none(), "{lost:?}");
        assert_eq!(world.state().await["counters"]["purchases"], bought, "{lose}");
    }
    assert_eq!(purchase().await.unwrap().status(), 201, "the fault was for one request");
    assert_eq!(world.state().await["numbers"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn faults_delay_or_replace_responses_until_cleared() {
    let world = World::start().await;
    let twilio = json!({"provider": "twilio"});
    world.fault(json!({"match": twilio, "action": {"status": 429, "retry_after": 2}})).await;
    let refused = world.twilio(Method::GET, "Calls.json").send().await.unwrap();
    assert_eq!(refused.status(), 429);
    assert_eq!(refused.headers()["retry-after"], "2");
    assert_eq!(answer(refused).await.1["code"], 20429);
    let (status, _) = world.eleven(Method::GET, "/v1/convai/agents", Value::Null).await;
    assert_eq!(status, 200, "the other provider is well");
    world.lever(Method::DELETE, "faults", Value::Null).await;
    assert_eq!(world.read("Calls.json").await.0, 200);

    world.fault(json!({"action": {"delay_ms": 200, "status": 503, "body": "<html>"}, "times": 2})).await;
    let before = Instant::now();
    let (status, body) = world.eleven(Method::GET, "/v1/convai/agents", Value::Null).await;
    assert_eq!((status.as_u16(), body), (503, json!("<html>")));
    assert!(before.elapsed() >= Duration::from_millis(200));
    assert_eq!(world.read("Calls.json").await.0, 503);
    assert_eq!(world.read("Calls.json").await.0, 200);
    for nonsense in
        [json!({"action": {}}), json!({"acton": {"status": 500}}), json!({"action": {"status": 200}})]
    {
        assert_eq!(world.lever(Method::POST, "faults", nonsense).await.0, 400);
    }
}

#[tokio::test]
async fn a_purchase_takes_effect_although_its_client_stops_waiting() {
    let world = World::start().await;
    world.fault(json!({"match": {"method": "POST"}, "action": {"delay_ms": 300}, "times": 1})).await;
    let fields = [("PhoneNumber", "+12125550104")];
    let purchase = world.twilio(Method::POST, "IncomingPhoneNumbers.json").form(&fields);
    let gone = purchase.timeout(Duration::from_millis(50)).send().await.expect_err("too slow");
    assert!(gone.is_timeout());
    assert_eq!(world.state().await["counters"]["purchases"], 0);
    let deadline = Instant::now() + Duration::from_secs(10);
    while world.state().await["counters"]["purchases"] == 0 {
        assert!(Instant::now() < deadline, "the purchase was never carried out");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}
