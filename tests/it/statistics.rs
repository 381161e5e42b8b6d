//! Statistics of calls: exact for hours and days of every time zone, and whatever becomes of a call afterwards.

use std::time::{Duration, Instant};

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::{Value, json};
use switchboard::domain::Entropy;
use uuid::Uuid;

use crate::support::api::create;
use crate::support::practice::TENANT;
use crate::support::{App, wait_until};

const STATISTICS: &str =
    "query($from: DateTime!, $to: DateTime!, $by: StatisticsInterval, $agent: ID, $zone: String) {
    callStatistics(from: $from, to: $to, by: $by, agentId: $agent, timeZone: $zone) {
        start calls answeredByAgent fallback busy unavailable rejected minutes estimatedCost } }";

/// A server whose price list is the configured one.
async fn server() -> App {
    let app = App::start_with(&[("TWILIO_NUMBER_PRICE", "1.00"), ("TWILIO_MINUTE_PRICE", "0.02")]).await;
    let unreadable = json!({
        "match": { "provider": "twilio", "path_contains": "/Countries/" },
        "action": { "status": 503 }, "times": 100_000,
    });
    app.faults(unreadable).await;
    app
}

/// Records an ended call to this number.
async fn called(app: &App, number: &Value, at: &str, outcome: &str, seconds: u32) {
    let id = if app.database_url().starts_with("postgres") { "gen_random_uuid()" } else { "randomblob(16)" };
    let status = if seconds > 0 { "completed" } else { "no_answer" };
    let sid = Entropy::system().uuid(app.clock().now());
    let number = number.as_str().unwrap();
    app.execute(&format!(
        "INSERT INTO calls (id, tenant_id, agent_id, phone_number_id, sid, direction, caller, called, status, outcome, admitted, \
         decision, duration_seconds, sequence, started_at, ended_at, updated_at) \
         SELECT {id}, tenant_id, agent_id, id, '{sid}', 'inbound', 'anonymous', number, '{status}', '{outcome}', false, \
         '{{}}', {seconds}, 0, '{at}', '{at}', '{at}' FROM phone_numbers WHERE number = '{number}'"
    ))
    .await;
}

async fn ask(app: &App, token: &str, arguments: Value) -> Vec<Value> {
    let answer = app.graphql(token, STATISTICS, arguments).await;
    assert!(answer["errors"].is_null(), "{answer}");
    answer["data"]["callStatistics"].as_array().unwrap().clone()
}

/// Start, calls and minutes of each bucket.
fn shown(buckets: &[Value]) -> Vec<String> {
    let text =
        |value: &Value| value.as_str().map_or_else(|| value.to_string(), |text| text.replace(":00.000Z", ""));
    let one = |bucket: &Value| ["start", "calls", "minutes"].map(|field| text(&bucket[field])).join(" ");
    buckets.iter().map(one).collect()
}

#[tokio::test]
async fn calls_count_in_the_hours_and_days_of_the_viewers_zone() {
    let app = server().await;
    let token = app.token(TENANT);
    let desk = create(&app, &token, json!({"name": "Desk", "areaCode": "212"})).await;
    let night = create(&app, &token, json!({"name": "Night", "areaCode": "305"})).await;
    let theirs =
        create(&app, &app.token(Uuid::from_u128(2)), json!({"name": "Theirs", "areaCode": "415"})).await;
    let [desk_number, night_number, their_number] =
        [&desk, &night, &theirs].map(|made| &made["phoneNumber"]["number"]);
    // At the edges of the days on which New York's clocks go forward and back.
    for (number, at, outcome, seconds) in [
        (desk_number, "2026-03-08T04:59:59.999999+00:00", "agent", 61),
        (desk_number, "2026-03-08T05:00:00+00:00", "fallback", 60),
        (night_number, "2026-03-09T03:59:59.999900+00:00", "agent", 1),
        (desk_number, "2026-03-09T04:00:00+00:00", "busy", 0),
        (night_number, "2026-11-01T04:00:00+00:00", "unavailable", 30),
        (desk_number, "2026-11-02T04:59:59+00:00", "rejected", 0),
        (their_number, "2026-03-08T12:00:00+00:00", "agent", 3600),
    ] {
        called(&app, number, at, outcome, seconds).await;
    }
    let days = |from: &str, to: &str, zone: &str| json!({"from": from, "to": to, "by": "DAY", "zone": zone});
    let forward = days("2026-03-07T12:00:00Z", "2026-03-09T12:00:00Z", "america/new_york");
    let found = ask(&app, &token, forward.clone()).await;
    assert_eq!(shown(&found), ["2026-03-07T05:00 1 2", "2026-03-08T05:00 2 2", "2026-03-09T04:00 1 0"]);
    assert_eq!(
        found[1],
        json!({"start": "2026-03-08T05:00:00.000Z", "calls": 2, "answeredByAgent": 1, "fallback": 1, "busy": 0,
            "unavailable": 0, "rejected": 0, "minutes": "2", "estimatedCost": "0.04"})
    );
    let back =
        ask(&app, &token, days("2026-10-31T12:00:00Z", "2026-11-02T05:00:00Z", "America/New_York")).await;
    assert_eq!(shown(&back), ["2026-10-31T04:00 0 0", "2026-11-01T04:00 2 1"], "25 hours");
    let (from, to) = ("2026-03-07T12:00:00Z", "2026-03-09T12:00:00Z");
    let in_utc = ["2026-03-07T00:00 0 0", "2026-03-08T00:00 2 3", "2026-03-09T00:00 2 1"];
    assert_eq!(shown(&ask(&app, &token, days(from, to, "UTC")).await), in_utc);
    assert_eq!(shown(&ask(&app, &token, json!({"from": from, "to": to})).await), in_utc, "the defaults");
    let nepal =
        ask(&app, &token, days("2026-03-08T05:00:00Z", "2026-03-08T05:30:00Z", "Asia/Kathmandu")).await;
    assert_eq!(shown(&nepal), ["2026-03-07T18:15 2 3"]);
    let hours = json!({"from": "2026-03-08T04:30:00Z", "to": "2026-03-08T06:10:00Z", "by": "HOUR", "zone": "Asia/Kolkata"});
    let hours = ask(&app, &token, hours).await;
    assert_eq!(shown(&hours), ["2026-03-08T04:30 2 3", "2026-03-08T05:30 0 0"]);
    // An hour in quarters, that is a call a quarter hour before the end of the hour is not one of the next.
    let hours = json!({"from": "2026-03-08T04:00:00Z", "to": "2026-03-08T06:00:00Z", "by": "HOUR"});
    assert_eq!(shown(&ask(&app, &token, hours).await), ["2026-03-08T04:00 1 2", "2026-03-08T05:00 1 1"]);

    // To one agent, of the tenant only, and by an agent's token of its own only.
    let of = |made: &Value| {
        let mut asked = forward.clone();
        asked["agent"] = made["agent"]["id"].clone();
        asked
    };
    let calls = |buckets: &[Value]| -> Vec<i64> {
        buckets.iter().map(|one| one["calls"].as_i64().unwrap()).collect()
    };
    assert_eq!(calls(&ask(&app, &token, of(&desk)).await), [1, 1, 1]);
    assert_eq!(calls(&ask(&app, &token, of(&night)).await), [0, 1, 0]);
    assert_eq!(calls(&ask(&app, &token, of(&theirs)).await), [0, 0, 0]);
    let mut nobody = forward.clone();
    nobody["agent"] = json!(format!("agent_{}", "0".repeat(32)));
    assert_eq!(calls(&ask(&app, &token, nobody).await), [0, 0, 0]);
    let as_agent = [("X-Agent-Token", night["apiToken"].as_str().unwrap())];
    for (asked, expected) in [(forward.clone(), [0, 1, 0]), (of(&night), [0, 1, 0]), (of(&desk), [0, 0, 0])] {
        let seen = app.graphql_with(&as_agent, STATISTICS, asked).await;
        assert_eq!(calls(seen["data"]["callStatistics"].as_array().unwrap()), expected, "{seen}");
    }
    assert_eq!(calls(&ask(&app, &app.token(Uuid::from_u128(3)), forward.clone()).await), [0, 0, 0]);
    let operator = app.graphql(&app.operator_token(), STATISTICS, forward.clone()).await;
    assert_eq!(operator["errors"][0]["extensions"]["code"], "FORBIDDEN", "{operator}");
    assert_eq!(app.graphql_for(TENANT, STATISTICS, forward).await["data"]["callStatistics"], json!(found));
}

#[tokio::test]
async fn a_call_counts_by_what_is_known_of_it_now_and_stays_counted_when_it_is_deleted() {
    let app = server().await;
    let token = app.token(TENANT);
    let made = create(&app, &token, json!({"name": "Desk", "areaCode": "212"})).await;
    let now = app.clock().now();
    let counts = async |agent: Value, at: DateTime<Utc>| {
        let asked = json!({"from": at, "to": at + TimeDelta::seconds(1), "by": "HOUR", "agent": agent});
        let hours = ask(&app, &token, asked).await;
        let sum = |field: &str| hours.iter().map(|hour| hour[field].as_i64().unwrap()).sum::<i64>();
        let minutes: i64 =
            hours.iter().map(|hour| hour["minutes"].as_str().unwrap().parse::<i64>().unwrap()).sum();
        [sum("calls"), sum("answeredByAgent"), sum("unavailable"), minutes]
    };
    let agent = made["agent"]["id"].clone();
    let both = async |at: DateTime<Utc>, expected: [i64; 4]| {
        for agent in [Value::Null, agent.clone()] {
            assert_eq!(counts(agent, at).await, expected, "at {at}");
        }
    };
    let call = app.place_call(json!({"to": made["phoneNumber"]["number"], "hold": true})).await;
    both(now, [1, 1, 0, 0]).await;
    let sid = call["call_sid"].as_str().unwrap();
    let url = format!("{}/sandbox/calls/{sid}/hangup", app.sandbox_url());
    assert!(app.http().post(url).send().await.unwrap().status().is_success());
    wait_until("the end is recorded", Duration::from_secs(10), async || {
        (app.count("SELECT count(*) FROM calls WHERE status = 'completed'").await == 1).then_some(())
    })
    .await;
    wait_until("the worker has begun", Duration::from_secs(20), async || {
        let counted =
            "SELECT count(*) FROM call_statistics_progress WHERE counted_until > '2026-01-01T00:00:00+00:00'";
        (app.count(counted).await == 1).then_some(())
    })
    .await;
    // Behind the worker, which counts only later calls from now on.
    let before = now - TimeDelta::hours(3);
    called(&app, &made["phoneNumber"]["number"], &before.to_rfc3339(), "agent", 60).await;
    both(before, [1, 1, 0, 1]).await;
    // Reports that come late, in any order.
    let later = async |sql: &str, expected: [i64; 4]| {
        app.execute(sql).await;
        for at in [now, before] {
            both(at, expected).await;
        }
    };
    later("UPDATE calls SET duration_seconds = 61", [1, 1, 0, 2]).await;
    let changed = "UPDATE calls SET outcome = 'unavailable', duration_seconds = 180, sequence = sequence + 1";
    later(changed, [1, 0, 1, 3]).await;
    later("UPDATE calls SET updated_at = ended_at", [1, 0, 1, 3]).await;
    later("UPDATE calls SET status = 'failed'", [1, 0, 1, 0]).await;
    later("UPDATE calls SET status = 'completed'", [1, 0, 1, 3]).await;
    later("DELETE FROM calls", [1, 0, 1, 3]).await;
}

#[tokio::test]
async fn a_range_that_cannot_be_answered_is_refused_by_the_name_of_its_argument() {
    let app = App::start().await;
    let token = app.token(TENANT);
    let asked = |from: &str, to: &str, by: &str| json!({"from": from, "to": to, "by": by});
    let with = |name: &str, value: Value| {
        let mut asked = asked("2026-01-01T00:00:00Z", "2026-01-02T00:00:00Z", "DAY");
        asked[name] = value;
        asked
    };
    for (arguments, says) in [
        (asked("2026-01-02T00:00:00Z", "2026-01-01T00:00:00Z", "DAY"), "to: must be later"),
        (asked("2026-01-01T00:00:00Z", "2026-01-01T00:00:00Z", "HOUR"), "to: must be later"),
        (asked("2026-01-01T00:00:00Z", "2026-02-01T00:00:00.001Z", "HOUR"), "to: at most 744 hours"),
        (asked("2026-01-01T00:00:00Z", "2027-02-05T00:00:01Z", "DAY"), "to: at most 400 days"),
        (asked("0001-01-01T00:00:00Z", "9999-12-31T23:59:59Z", "HOUR"), "to: at most 744 hours"),
        (asked("9999-12-31T23:00:00Z", "9999-12-31T23:59:59Z", "DAY"), "ends of the calendar"),
        (with("zone", json!("Mars/Olympus")), "timeZone: \"Mars/Olympus\" is not a time zone"),
        (with("zone", json!("")), "timeZone: "),
        (with("zone", json!("../../etc/passwd")), "timeZone: "),
        (with("zone", json!("UTC'; DROP TABLE calls; --")), "timeZone: "),
        (with("agent", json!("number_00000000000000000000000000000000")), "agentId: "),
        (with("agent", json!("")), "agentId: malformed id"),
    ] {
        let answer = app.graphql(&token, STATISTICS, arguments.clone()).await;
        let error = &answer["errors"][0];
        assert_eq!(error["extensions"]["code"], "BAD_USER_INPUT", "{arguments}: {answer}");
        assert!(error["message"].as_str().unwrap().contains(says), "{arguments}: {answer}");
    }
    let most = asked("2026-01-01T00:00:00Z", "2026-02-01T00:00:00Z", "HOUR");
    let hours = ask(&app, &token, most).await;
    assert_eq!(hours.len(), 744);
    assert!(
        hours.iter().all(|hour| hour["calls"] == 0 && hour["minutes"] == "0" && hour["estimatedCost"] == "0")
    );
    assert_eq!(
        ask(&app, &token, asked("2026-01-01T00:00:00Z", "2027-02-05T00:00:00Z", "DAY")).await.len(),
        400
    );
    assert_eq!(
        ask(&app, &token, asked("0001-01-01T12:00:00Z", "0001-01-01T12:00:01Z", "DAY")).await.len(),
        1
    );
}

/// Not a test: how long the answer takes for a million calls of one tenant in 400 days, to ten agents. `scripts/bench` has the
/// rest. Run it with `--release --ignored --nocapture`.
#[tokio::test]
#[ignore = "takes minutes: a measurement"]
async fn a_million_calls() {
    let app = server().await;
    let token = app.token(TENANT);
    for agent in 0..10 {
        create(&app, &token, json!({"name": format!("Agent {agent}"), "areaCode": "212"})).await;
    }
    let is_postgres = app.database_url().starts_with("postgres");
    let (id, at, json) = if is_postgres {
        ("gen_random_uuid()", "timestamptz '2025-10-01T00:00:00Z' + i * interval '34 seconds'", "jsonb")
    } else {
        (
            "randomblob(16)",
            "strftime('%Y-%m-%dT%H:%M:%S+00:00', '2025-10-01', (i * 34) || ' seconds')",
            "text",
        )
    };
    for part in 0..20 {
        let (first, last) = (part * 50_000, (part + 1) * 50_000 - 1);
        app.execute(&format!(
            "WITH RECURSIVE n (i) AS (SELECT {first} UNION ALL SELECT i + 1 FROM n WHERE i < {last}), \
             numbers AS (SELECT number, id, tenant_id, agent_id, row_number() OVER (ORDER BY number) - 1 AS nth FROM phone_numbers) \
             INSERT INTO calls (id, tenant_id, agent_id, phone_number_id, sid, direction, caller, called, status, outcome, admitted, \
             decision, duration_seconds, sequence, started_at, ended_at, updated_at) \
             SELECT {id}, tenant_id, agent_id, numbers.id, 'CA' || i, 'inbound', 'anonymous', number, 'completed', \
             CASE WHEN i % 7 < 4 THEN 'agent' WHEN i % 7 = 4 THEN 'fallback' WHEN i % 7 = 5 THEN 'busy' ELSE 'unavailable' END, \
             false, CAST('{{}}' AS {json}), i % 300, 0, {at}, {at}, {at} FROM n JOIN numbers ON numbers.nth = (i / 7) % 10"
        ))
        .await;
    }
    let agent = app.graphql(&token, "{ agents(first: 1) { nodes { id } } }", json!({})).await;
    let agent = agent["data"]["agents"]["nodes"][0]["id"].clone();
    let year = |zone: &str, agent: &Value| json!({"from": "2025-10-01T12:00:00Z", "to": "2026-11-02T12:00:00Z", "by": "DAY", "zone": zone, "agent": agent});
    let hours =
        json!({"from": "2026-01-01T00:00:00Z", "to": "2026-02-01T00:00:00Z", "by": "HOUR", "zone": "UTC"});
    for (what, asked) in [
        ("398 days, UTC", year("UTC", &Value::Null)),
        ("398 days, New York", year("America/New_York", &Value::Null)),
        ("398 days, Kathmandu, one agent", year("Asia/Kathmandu", &agent)),
        ("744 hours", hours),
    ] {
        let mut times: Vec<Duration> = Vec::new();
        let mut calls = 0;
        for _ in 0..15 {
            let began = Instant::now();
            let buckets = ask(&app, &token, asked.clone()).await;
            times.push(began.elapsed());
            calls = buckets.iter().map(|bucket| bucket["calls"].as_i64().unwrap()).sum();
        }
        times.sort();
        println!(
            "postgres {is_postgres}: {what}: {calls} calls, median {:?}, slowest {:?}",
            times[7], times[14]
        );
    }
    let usage = "{ viewer { usage(month: \"2026-01\") { calls byDay { calls } byAgent { calls } } } }";
    let mut times: Vec<Duration> = Vec::new();
    for _ in 0..15 {
        let began = Instant::now();
        let answer = app.graphql(&token, usage, json!({})).await;
        assert!(answer["errors"].is_null(), "{answer}");
        times.push(began.elapsed());
    }
    times.sort();
    println!(
        "postgres {is_postgres}: usage by day and agent: median {:?}, slowest {:?}",
        times[7], times[14]
    );
}
