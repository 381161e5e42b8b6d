//! What texts cost, to the cent what the carrier bills; how long they are kept, here and at the carrier; and that counting them does
//! not read them.

use std::time::{Duration, Instant};

use chrono::Datelike;
use reqwest::Method;
use rust_decimal::Decimal;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::support::practice::{Practice, TENANT};
use crate::support::wait_until;

const SOON: Duration = Duration::from_secs(30);
const DAY: Duration = Duration::from_secs(24 * 3600);
const PATIENT: &str = "+13125550177";
const OTHER: &str = "+13125550178";
const USAGE: &str = "query($month: String) { viewer { usage(month: $month) { messages messageSegments
    estimatedCost { phoneNumbers calls messages total }
    byDay { date messages messageSegments estimatedCost { messages total } } } } }";
const SEND: &str = "mutation($input: SendMessageInput!) { sendMessage(input: $input) {
    message { id status } userErrors { code } } }";

fn money(amount: &Value) -> Decimal {
    amount.as_str().unwrap_or_else(|| panic!("{amount}")).parse().unwrap()
}

impl Practice {
    async fn usage_of(&self, month: &str) -> Value {
        self.ask(USAGE, json!({ "month": month })).await["usage"].clone()
    }

    async fn sends_text(&self, to: &str, body: &str) -> Value {
        let input = json!({ "phoneNumberId": self.made["phoneNumber"]["id"], "to": to, "body": body });
        self.ask(SEND, json!({ "input": input })).await
    }

    async fn gets_text(&self, from: &str, body: &str) {
        self.app.place_text(json!({ "to": self.number, "from": from, "body": body })).await;
    }

    /// Moves everybody's clock, and starts the server again: its workers begin with a round.
    async fn wakes_after(&mut self, time: Duration) {
        self.app.advance(time);
        self.app.advance_providers(time).await;
        self.token = self.app.token(TENANT);
        self.app.restart().await;
    }
}

#[tokio::test]
async fn texts_cost_what_the_carrier_bills() {
    let mut practice = Practice::open_with(&[("TWILIO_MESSAGE_PRICE", "0.01")], json!({})).await;
    let url = format!("{}/sandbox/messaging", practice.app.sandbox_url());
    let late = json!({ "priced_after_ms": 3000 });
    practice.app.http().post(url).json(&late).send().await.unwrap().error_for_status().unwrap();
    let month = practice.app.clock().now().format("%Y-%m").to_string();
    let failing = json!({ "to": OTHER, "outcome": "failed", "code": 30005, "times": 1 });
    practice.app.message_rule(failing).await;
    let undelivered = json!({ "to": OTHER, "outcome": "undelivered", "code": 30003, "times": 1 });
    practice.app.message_rule(undelivered).await;
    practice.gets_text(PATIENT, "Is Friday free? 🙂").await;
    practice.gets_text(OTHER, &"Long ".repeat(60)).await;
    let long = "Your appointment is on Friday. ".repeat(12);
    for (to, body) in
        [(OTHER, "Never leaves."), (OTHER, "Never arrives."), (PATIENT, "Yes."), (PATIENT, long.as_str())]
    {
        let sent = practice.sends_text(to, body).await;
        assert_eq!(sent["userErrors"], json!([]), "{sent}");
    }
    // One of them failed; it counts until then, if it was handed over.
    let estimated = wait_until("the texts are counted", SOON, async || {
        let used = practice.usage_of(&month).await;
        let segments = Decimal::from(used["messageSegments"].as_i64().unwrap());
        let by_price = money(&used["estimatedCost"]["messages"]) == segments * Decimal::new(1, 2);
        (used["messages"] == 5 && by_price).then_some(used)
    })
    .await;
    assert_eq!(estimated["messageSegments"], 1 + 2 + 1 + 1 + 3, "{estimated}");

    let bill = wait_until("the carrier has its prices", SOON, async || {
        let listed = practice.app.at_carrier(Method::GET, "Messages", &[]).await;
        let mut texts = listed["messages"].as_array().unwrap().iter();
        let is_done = texts.all(|text| text["price"].is_string() || text["status"] == "failed");
        let bill = practice.app.sandbox_state().await["bill"]["messages"].clone();
        is_done.then_some(bill)
    })
    .await;
    // Prices are told to nobody who does not ask.
    practice.wakes_after(Duration::from_secs(600)).await;
    let lines = bill.as_array().unwrap();
    let billed: Decimal = lines.iter().map(|line| money(&line["amount"])).sum();
    let used = wait_until("the bill and our count agree", SOON, async || {
        let used = practice.usage_of(&month).await;
        (money(&used["estimatedCost"]["messages"]) == billed).then_some(used)
    })
    .await;
    assert_eq!(used["messages"], lines.len(), "{used}");
    let segments: i64 = lines.iter().map(|line| line["segments"].as_i64().unwrap()).sum();
    assert_eq!(used["messageSegments"], segments, "{used}");
    let cost = &used["estimatedCost"];
    let parts = ["phoneNumbers", "calls", "messages"].map(|part| money(&cost[part]));
    assert_eq!(money(&cost["total"]), parts.iter().sum::<Decimal>(), "{cost}");
    let days = used["byDay"].as_array().unwrap();
    assert_eq!(days.iter().map(|day| money(&day["estimatedCost"]["messages"])).sum::<Decimal>(), billed);
    assert_eq!(days.iter().map(|day| day["messages"].as_u64().unwrap()).sum::<u64>(), lines.len() as u64);

    // What is deleted was used all the same, and another tenant used nothing.
    practice.app.execute("DELETE FROM messages").await;
    assert_eq!(practice.usage_of(&month).await, used);
    let stranger = practice.app.token(Uuid::from_u128(77));
    let theirs = practice.app.graphql(&stranger, USAGE, json!({ "month": month })).await;
    assert_eq!(theirs["data"]["viewer"]["usage"]["messages"], 0, "{theirs}");
}

#[tokio::test]
async fn a_large_tenants_usage_and_limit_are_read_without_its_messages() {
    let practice = Practice::open(json!({})).await;
    practice.gets_text(PATIENT, "First").await;
    practice.sends_text(PATIENT, "Second").await;
    let is_postgres = practice.app.database_url().starts_with("postgres");
    // 200,000 texts of the last 23 hours: as many as two tenths of what a plan may allow in a day.
    let (id, at) = if is_postgres {
        ("gen_random_uuid()", "now() - i * interval '0.4 seconds'")
    } else {
        ("randomblob(16)", "strftime('%Y-%m-%dT%H:%M:%f+00:00', 'now', '-' || (i * 0.4) || ' seconds')")
    };
    let fill = format!(
        "WITH RECURSIVE series(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM series WHERE i < 200000)
         INSERT INTO messages (id, tenant_id, thread_id, phone_number_id, agent_id, operation_id, sid, direction, number,
            participant, body, media, status, segments, price, created_at, updated_at, nth)
         SELECT {id}, m.tenant_id, m.thread_id, m.phone_number_id, m.agent_id, NULL, 'SM' || i, 'inbound', m.number,
            '+1312' || (5550000 + i % 9999), 'x', m.media, 'received', 1, 0.0083, {at}, {at}, 200001 - i
         FROM series, (SELECT * FROM messages WHERE direction = 'inbound') AS m"
    );
    let last = "UPDATE messages SET nth = 200001 WHERE direction = 'outbound'";
    for sql in [fill.as_str(), last, "ANALYZE"] {
        practice.app.execute(sql).await;
    }

    let now = practice.app.clock().now();
    let begun = Instant::now();
    let mut messages = 0;
    for month in [now, now - chrono::TimeDelta::days(i64::from(now.day()))] {
        messages += practice.usage_of(&month.format("%Y-%m").to_string()).await["messages"].as_i64().unwrap();
    }
    let usage = begun.elapsed();
    assert_eq!(messages, 200_002);
    // The plan's limit of 1000 is used up many times over; a higher one is not.
    let begun = Instant::now();
    let refused = practice.sends_text(OTHER, "Third").await;
    let limit = begun.elapsed();
    assert_eq!(refused["userErrors"][0]["code"], "LIMIT_REACHED", "{refused}");
    let plan =
        "mutation($input: SetTenantPlanInput!) { setTenantPlan(input: $input) { userErrors { message } } }";
    for (allowed, code) in [(200_001, json!("LIMIT_REACHED")), (200_002, Value::Null)] {
        let input = json!({ "userId": TENANT, "name": "Large", "concurrentCalls": 5, "phoneNumbers": 5, "messagesPerDay": allowed });
        let set = practice.app.graphql(&practice.app.operator_token(), plan, json!({ "input": input })).await;
        assert_eq!(set["data"]["setTenantPlan"]["userErrors"], json!([]), "{set}");
        let sent = practice.sends_text(OTHER, "Third").await;
        assert_eq!(sent["userErrors"][0]["code"], code, "{allowed}: {sent}");
    }
    println!("usage of two months: {usage:?}; limit: {limit:?}");
    assert!(usage < Duration::from_secs(1) && limit < Duration::from_secs(1), "{usage:?} {limit:?}");
}

const THREADS: &str = "{ messageThreads { nodes { participant consent messages { totalCount } } } }";

impl Practice {
    /// Participants of the threads, each with the number of messages.
    async fn kept_threads(&self) -> Vec<(String, u64)> {
        let threads = self.ask(THREADS, json!({})).await;
        let mut kept: Vec<_> = threads["nodes"]
            .as_array()
            .unwrap()
            .iter()
            .map(|thread| {
                let participant = thread["participant"].as_str().unwrap().to_owned();
                (participant, thread["messages"]["totalCount"].as_u64().unwrap())
            })
            .collect();
        kept.sort();
        kept
    }
}

#[tokio::test]
async fn old_texts_and_their_threads_are_deleted_and_consents_stay() {
    let mut practice = Practice::open_with(&[("MESSAGE_RETENTION_DAYS", "30")], json!({})).await;
    practice.gets_text(PATIENT, "Is Friday free?").await;
    practice.gets_text(OTHER, "Please stop texting me").await;
    practice.sends_text(PATIENT, "Yes.").await;
    let month = practice.app.clock().now().format("%Y-%m").to_string();
    practice.app.advance(29 * DAY);
    practice.token = practice.app.token(TENANT);
    practice.gets_text(PATIENT, "See you.").await;
    let (patient, other) = (PATIENT.to_owned(), OTHER.to_owned());
    assert_eq!(practice.kept_threads().await, [(patient.clone(), 3), (other, 1)]);
    let used = practice.usage_of(&month).await["messages"].clone();
    assert_eq!(used, 3);
    practice.app.advance(2 * DAY);
    practice.token = practice.app.token(TENANT);
    wait_until("the old texts are gone", SOON, async || {
        (practice.kept_threads().await == [(patient.clone(), 1)]).then_some(())
    })
    .await;
    assert_eq!(practice.usage_of(&month).await["messages"], used);
    let refused = practice.sends_text(OTHER, "Hello").await;
    assert_eq!(refused["userErrors"][0]["code"], "OPTED_OUT", "{refused}");
    practice.wakes_after(Duration::from_secs(60)).await;
    assert_eq!(practice.kept_threads().await, [(patient, 1)]);
}

impl Practice {
    /// Texts at the carrier, oldest first.
    async fn bodies_at_carrier(&self) -> Vec<String> {
        let listed = self.app.at_carrier(Method::GET, "Messages", &[]).await;
        let bodies = listed["messages"].as_array().unwrap().iter().rev();
        bodies.map(|text| text["body"].as_str().unwrap().to_owned()).collect()
    }
}

#[tokio::test]
async fn texts_are_deleted_at_the_carrier_once_nothing_needs_them_there() {
    let variables = [("REDACT_AT_CARRIER", "true"), ("MESSAGE_RETENTION_DAYS", "1")];
    let mut practice = Practice::open_with(&variables, json!({})).await;
    practice.gets_text(PATIENT, "Is Friday free?").await;
    let sent = practice.sends_text(PATIENT, "Yes.").await;
    assert_eq!(sent["userErrors"], json!([]), "{sent}");
    practice.wakes_after(2 * DAY).await;
    // Here the text goes in time; its row stays, for the carrier's id in it.
    wait_until("the texts are emptied here", SOON, async || {
        (practice.app.count("SELECT count(*) FROM messages WHERE body IS NULL").await == 2).then_some(())
    })
    .await;
    assert_eq!(practice.bodies_at_carrier().await, ["Is Friday free?", "Yes."]);
    // The carrier fails once, and a redaction that no answer came to is repeated.
    let path = json!({ "provider": "twilio", "method": "POST", "path_contains": "/Messages/" });
    let lost = json!({ "match": path, "action": { "lose": "after" }, "times": 1 });
    practice.app.faults(lost).await;
    practice.wakes_after(DAY + Duration::from_secs(3600)).await;
    practice.app.all_faults_have_struck().await;
    let open = "SELECT count(*) FROM messages WHERE redaction_due_at IS NOT NULL";
    wait_until("one is put off and the other is done", SOON, async || {
        (practice.app.count(open).await == 1).then_some(())
    })
    .await;
    practice.wakes_after(Duration::from_secs(600)).await;
    wait_until("the texts are deleted at the carrier", SOON, async || {
        (practice.bodies_at_carrier().await == ["", ""]).then_some(())
    })
    .await;
    wait_until("the redactions are on record", SOON, async || {
        (practice.app.count(open).await == 0).then_some(())
    })
    .await;
    practice.wakes_after(Duration::from_secs(2 * 3600)).await;
    wait_until("the rows are gone", SOON, async || {
        (practice.app.count("SELECT count(*) FROM messages").await == 0).then_some(())
    })
    .await;
}
