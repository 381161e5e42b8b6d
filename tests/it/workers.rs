//! Background workers: their heartbeats are measured, and one that makes no progress is reported.

use std::time::{Duration, Instant};

use serde_json::{Value, json};
use switchboard::domain::Worker;

use crate::support::{App, wait_until};

async fn readiness(app: &App) -> (u16, Value) {
    let answer = app.http().get(format!("{}/readyz", app.base_url())).send().await.unwrap();
    (answer.status().as_u16(), answer.json().await.unwrap())
}

#[tokio::test]
async fn each_worker_has_a_heartbeat_and_readiness_names_a_failing_one() {
    let app = App::start_with(&[
        ("CALL_RETENTION_DAYS", "30"),
        ("MESSAGE_RETENTION_DAYS", "30"),
        ("STOCK", "212:1"),
    ])
    .await;
    let running = Worker::ALL.iter().filter(|worker| {
        let is_for_others = **worker == Worker::Changes && !app.database_url().starts_with("postgres");
        !matches!(worker, Worker::Keys | Worker::DatabaseCheck) && !is_for_others
    });
    for worker in running {
        let beats = format!("switchboard_worker_heartbeat_timestamp_seconds{{worker=\"{worker}\"}} ");
        wait_until(&beats, Duration::from_secs(10), async || {
            let metrics = app.http().get(format!("{}/metrics", app.base_url())).send().await.unwrap();
            let metrics = metrics.text().await.unwrap();
            let at = metrics.lines().find_map(|line| line.strip_prefix(&beats))?.parse::<f64>().unwrap();
            (at > 1e9).then_some(())
        })
        .await;
    }
    assert_eq!(readiness(&app).await, (200, json!({"status": "ok"})));

    let failing = app.workers().enlist(Worker::DatabaseCheck);
    let ends = [(); 3].map(|()| failing.end(Instant::now()));
    assert_eq!(ends, [1, 2, 3]);
    let (status, told) = readiness(&app).await;
    assert_eq!((status, &told["status"]), (200, &json!("degraded")), "{told}");
    assert!(told["reason"].as_str().unwrap().contains("\"database_check\""), "{told}");
    app.workers().dismiss(Worker::DatabaseCheck);
    assert_eq!(readiness(&app).await, (200, json!({"status": "ok"})));
}

/// Only Postgres: a file that is held can still be read.
#[tokio::test]
async fn a_probe_is_answered_in_time_while_the_database_hangs() {
    let (app, mut database) = App::start_severable(&[]).await;
    if !database.is_whole() {
        return;
    }
    wait_until("all numbers are known", Duration::from_secs(10), async || {
        app.database().system().can_route_from_cache().then_some(())
    })
    .await;
    assert_eq!(readiness(&app).await.0, 200);
    database.silence();
    let mut said = Vec::new();
    wait_until("the server says that it is degraded", Duration::from_secs(20), async || {
        let begun = Instant::now();
        let (status, told) = readiness(&app).await;
        said.push(begun.elapsed());
        assert_eq!(status, 200, "{told}");
        (told["status"] == "degraded").then_some(())
    })
    .await;
    assert!(said.iter().all(|took| *took < Duration::from_millis(1500)), "{said:?}");
}
