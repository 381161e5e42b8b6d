//! A server whose connections to Postgres become silent: none is closed, and none answers.

use std::time::{Duration, Instant};

use futures_util::future::join_all;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::support::api::create;
use crate::support::calls::verbs;
use crate::support::{App, wait_until};

async fn readiness(app: &App) -> Value {
    let answer = app.http().get(format!("{}/readyz", app.base_url())).send().await.unwrap();
    answer.json::<Value>().await.unwrap()["status"].clone()
}

#[tokio::test]
async fn calls_are_answered_the_server_recovers_and_shutdown_ends_in_time() {
    let (mut app, mut line) = App::start_severable(&[("ANSWER_DEADLINE", "2s")]).await;
    if !line.is_whole() {
        println!("left out on SQLite: a file is never silent");
        return;
    }
    let token = app.token(Uuid::from_u128(1));
    let made = create(&app, &token, json!({ "name": "Practice", "areaCode": "212" })).await;
    let number = made["phoneNumber"]["number"].clone();
    wait_until("the number is known", Duration::from_secs(10), async || {
        let system = app.database().system();
        (system.can_route_from_cache() && system.cached_numbers() == 1).then_some(())
    })
    .await;
    let call = async || app.place_call(json!({ "to": number })).await;
    join_all((0..8).map(|_| call())).await;

    line.silence();
    for _ in 0..3 {
        for story in join_all((0..3).map(|_| call())).await {
            assert_eq!(verbs(&story), [["Connect"]], "{story}");
        }
    }
    wait_until("the server says that it is degraded", Duration::from_secs(15), async || {
        (readiness(&app).await == "degraded").then_some(())
    })
    .await;

    line.restore().await;
    let mended = Instant::now();
    let calls = "{ calls(first: 100) { totalCount nodes { status } } }";
    wait_until("every call is on record", Duration::from_secs(15), async || {
        let data = app.graphql(&token, calls, json!({})).await["data"].clone();
        (readiness(&app).await == "ok" && data["calls"]["totalCount"] == 17).then_some(())
    })
    .await;
    println!("well again after {:?}", mended.elapsed());

    line.silence();
    let begun = Instant::now();
    app.stop().await;
    assert!(begun.elapsed() < Duration::from_secs(23), "{:?}", begun.elapsed());
}
