//! What operators are told of a server's parts.

use std::time::{Duration, Instant};

use serde_json::{Value, json};
use switchboard::domain::Worker;
use uuid::Uuid;

use crate::support::api::create;
use crate::support::{App, wait_until};

const HEALTH: &str = "{ health { status components { name status detail since } } }";

async fn health(app: &App) -> Value {
    let answer = app.graphql(&app.operator_token(), HEALTH, json!({})).await;
    assert!(answer["errors"].is_null(), "{answer}");
    answer["data"]["health"].clone()
}

fn part<'a>(health: &'a Value, name: &str) -> &'a Value {
    let mut parts = health["components"].as_array().unwrap().iter();
    parts.find(|part| part["name"] == name).unwrap_or_else(|| panic!("{name} is not in {health}"))
}

#[tokio::test]
async fn operators_see_all_components_and_failing_providers_and_workers() {
    let app = App::start_with(&[("PROVIDER_TIMEOUT", "1s")]).await;
    let sound = health(&app).await;
    assert_eq!(sound["status"], "OK", "{sound}");
    for name in [
        "database",
        "carrier",
        "carrier_prices",
        "carrier_media",
        "carrier_senders",
        "carrier_ports",
        "voice_agents",
        "voice_calls",
        "voice_conversations",
        "voice_texts",
        "voice_tools",
        "carrier_requests",
        "journal",
        "worker_operations",
        "worker_sweep",
        "reconciliation",
    ] {
        assert_eq!(part(&sound, name)["status"], "OK", "{name}: {sound}");
    }
    let beaten: chrono::DateTime<chrono::Utc> =
        part(&sound, "worker_operations")["since"].as_str().unwrap().parse().unwrap();
    assert!((app.clock().now() - beaten).num_seconds() < 60, "{sound}");

    let token = app.token(Uuid::from_u128(1));
    let refused = app.graphql(&token, HEALTH, json!({})).await;
    assert_eq!(
        (&refused["data"], &refused["errors"][0]["extensions"]["code"]),
        (&Value::Null, &json!("FORBIDDEN"))
    );

    let failing = json!({"match": {"provider": "twilio"}, "action": {"status": 503}, "times": 100_000});
    app.faults(failing).await;
    let worker = app.workers().enlist(Worker::DatabaseCheck);
    for _ in 0..3 {
        let _in_a_row = worker.end(Instant::now());
    }
    let search = "{ availablePhoneNumbers { number } }";
    let open = wait_until("the carrier's circuit breaker opens", Duration::from_secs(20), async || {
        app.graphql(&token, search, json!({})).await;
        let told = health(&app).await;
        (part(&told, "carrier")["status"] == "DOWN").then_some(told)
    })
    .await;
    assert_eq!(open["status"], "DEGRADED", "{open}");
    assert!(part(&open, "carrier")["detail"].as_str().unwrap().contains("keeps failing"), "{open}");
    assert!(part(&open, "carrier")["since"].is_string(), "{open}");
    assert_eq!(part(&open, "worker_database_check")["status"], "DEGRADED", "{open}");
    assert_eq!(part(&open, "voice_calls")["status"], "OK", "{open}");
}

#[tokio::test]
async fn health_reports_an_unavailable_database_and_waiting_journal_entries() {
    let (app, mut database) = App::start_severable(&[]).await;
    let token = app.token(Uuid::from_u128(1));
    let made = create(&app, &token, json!({"name": "Practice", "areaCode": "212"})).await;
    wait_until("all numbers are known", Duration::from_secs(10), async || {
        app.database().system().can_route_from_cache().then_some(())
    })
    .await;
    database.sever().await;
    app.place_call(json!({"to": made["phoneNumber"]["number"]})).await;
    let told = wait_until("the journal has the call", Duration::from_secs(20), async || {
        let told = health(&app).await;
        (part(&told, "journal")["status"] == "DEGRADED").then_some(told)
    })
    .await;
    assert_eq!(
        (&told["status"], &part(&told, "database")["status"]),
        (&json!("DOWN"), &json!("DOWN")),
        "{told}"
    );
    assert!(part(&told, "journal")["detail"].as_str().unwrap().contains("wait for the database"), "{told}");
    assert!(!told.to_string().contains("postgres") && !told.to_string().contains("sqlite"), "{told}");
}
