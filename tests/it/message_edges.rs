//! Texts at the edges: what changes while the agent thinks, tenants that text a lot, and what is looked for, counted and repeated later.

use std::time::Duration;

use chrono::TimeDelta;
use futures_util::future::join_all;
use serde_json::{Value, json};
use switchboard::store::{CheckWhen, StoreError};
use uuid::Uuid;

use crate::support::api::create;
use crate::support::practice::{Practice, TENANT};
use crate::support::sql::execute;
use crate::support::wait_until;

const SOON: Duration = Duration::from_secs(40);
const DAY: Duration = Duration::from_secs(24 * 3600);
const PATIENT: &str = "+13125550177";
const OTHER: &str = "+13125550178";
const THREAD: &str = "query($who: String!) { messageThreads(first: 1, filter: {participant: $who}) { nodes {
    id handling consent messages(first: 100) { nodes { direction body status } } } } }";
const ASSIGN: &str = "mutation($input: AssignPhoneNumberInput!) { assignPhoneNumber(input: $input) {
    phoneNumber { id } userErrors { message } } }";
const SEND: &str = "mutation($input: SendMessageInput!) { sendMessage(input: $input) {
    message { body } operation { id state } userErrors { code message field } } }";
const CONSENT: &str = "mutation($input: SetMessagingConsentInput!) { setMessagingConsent(input: $input) {
    thread { consent } userErrors { message field } } }";

async fn text(practice: &Practice, from: &str, body: &str) {
    practice.app.place_text(json!({ "to": practice.number, "from": from, "body": body })).await;
}

async fn thread(practice: &Practice, who: &str) -> Value {
    practice.ask(THREAD, json!({ "who": who })).await["nodes"][0].clone()
}

/// What was sent to somebody, oldest first.
async fn sent(practice: &Practice, who: &str) -> Vec<String> {
    let thread = thread(practice, who).await;
    let messages = thread["messages"]["nodes"].as_array().cloned().unwrap_or_default();
    let outbound = messages.into_iter().rev().filter(|message| message["direction"] == "OUTBOUND");
    outbound.map(|message| message["body"].as_str().unwrap().to_owned()).collect()
}

async fn is_sent(practice: &Practice, who: &str, count: usize) -> Vec<String> {
    wait_until("the answers are stored", SOON, async || {
        Some(sent(practice, who).await).filter(|texts| texts.len() >= count)
    })
    .await
}

/// The next conversations begin so much later.
async fn think(practice: &Practice, ms: u64, times: u32) {
    let path = json!({ "provider": "elevenlabs", "method": "GET", "path_contains": "get-signed-url" });
    practice.app.faults(json!({ "match": path, "action": { "delay_ms": ms }, "times": times })).await;
}

async fn nothing_waits(practice: &Practice) {
    wait_until("nothing waits for an answer", SOON, async || {
        let waiting =
            practice.app.count("SELECT COUNT(*) FROM message_threads WHERE answer_due_at IS NOT NULL");
        (waiting.await == 0).then_some(())
    })
    .await;
}

/// Moves everybody's clock, and starts the server again: its workers begin with a round.
async fn wake_after(practice: &mut Practice, time: Duration) {
    practice.app.advance(time);
    practice.app.advance_providers(time).await;
    practice.token = practice.app.token(TENANT);
    practice.app.restart().await;
}

#[tokio::test]
async fn an_answer_is_dropped_if_the_number_or_its_agent_changed_meanwhile() {
    let practice = Practice::open(json!({ "messaging": "AGENT" })).await;
    let night = json!({ "name": "Night Desk", "messaging": "AGENT", "provisionPhone": false });
    let night = create(&practice.app, &practice.token, night).await["agent"]["id"].clone();
    let number = practice.made["phoneNumber"]["id"].clone();

    // OFF while the agent thinks.
    think(&practice, 1500, 1).await;
    text(&practice, PATIENT, "Is Friday free?").await;
    practice.app.all_faults_have_struck().await;
    practice.update(json!({ "messaging": "OFF" })).await;
    nothing_waits(&practice).await;
    assert_eq!(sent(&practice, PATIENT).await, Vec::<String>::new());

    // Another agent has the number, then nobody.
    practice.update(json!({ "messaging": "AGENT" })).await;
    for to in [night, Value::Null] {
        think(&practice, 1500, 1).await;
        text(&practice, OTHER, "Is Friday free?").await;
        practice.app.all_faults_have_struck().await;
        let moved = practice.ask(ASSIGN, json!({ "input": { "id": number, "agentId": to } })).await;
        assert_eq!(moved["userErrors"], json!([]), "{moved}");
        nothing_waits(&practice).await;
        assert_eq!(sent(&practice, OTHER).await, Vec::<String>::new(), "{to}");
    }
}

#[tokio::test]
async fn an_answer_in_pieces_is_sent_whole() {
    let practice = Practice::open(json!({ "messaging": "AGENT", "prompt": "We are open." })).await;
    text(&practice, PATIENT, "!pause").await;
    let texts = is_sent(&practice, PATIENT, 1).await;
    assert_eq!(texts, ["One moment.\nWe are open. You wrote: !pause"]);
}

#[tokio::test]
async fn start_holds_if_it_comes_while_the_agent_decides_that_texts_are_unwanted() {
    let practice = Practice::open(json!({ "messaging": "AGENT" })).await;
    think(&practice, 1500, 1).await;
    text(&practice, PATIENT, "!enough").await;
    practice.app.all_faults_have_struck().await;
    text(&practice, PATIENT, "START").await;
    nothing_waits(&practice).await;
    assert_eq!(thread(&practice, PATIENT).await["consent"], "OPTED_IN");
    text(&practice, PATIENT, "!enough").await;
    wait_until("the later wish holds", SOON, async || {
        (thread(&practice, PATIENT).await["consent"] == "OPTED_OUT").then_some(())
    })
    .await;
}

#[tokio::test]
async fn a_tenant_with_many_texts_holds_up_no_other() {
    let busy = Practice::open(json!({ "messaging": "AGENT" })).await;
    let token = busy.app.token(Uuid::from_u128(2));
    let quiet =
        create(&busy.app, &token, json!({ "name": "Quiet", "areaCode": "415", "messaging": "AGENT" })).await;
    let number = quiet["phoneNumber"]["number"].clone();
    think(&busy, 8000, 16).await;
    join_all((100..140).map(|n| {
        let busy = &busy;
        async move { text(busy, &format!("+13125550{n}"), "Is Friday free?").await }
    }))
    .await;
    busy.app.all_faults_have_struck().await;
    busy.app.place_text(json!({ "to": number, "from": OTHER, "body": "And Monday?" })).await;
    wait_until("the other tenant's text is answered", SOON, async || {
        let answer = busy.app.graphql(&token, THREAD, json!({ "who": OTHER })).await;
        let messages = answer["data"]["messageThreads"]["nodes"][0]["messages"]["nodes"].clone();
        messages.as_array().is_some_and(|messages| messages.len() == 2).then_some(())
    })
    .await;
    let waiting = "SELECT COUNT(*) FROM messages WHERE awaits_answer IS NOT NULL";
    let waiting = busy.app.count(waiting).await;
    assert!(waiting >= 24, "only {waiting} wait");
    // Sending forty answers takes long on a busy machine.
    wait_until("all are answered", 3 * SOON, async || {
        (busy.app.count("SELECT COUNT(*) FROM messages WHERE awaits_answer IS NOT NULL").await == 0)
            .then_some(())
    })
    .await;
}

#[tokio::test]
async fn help_is_bounded_by_time_however_many_texts_come_between() {
    let practice = Practice::open(json!({ "messaging": "NOTIFY" })).await;
    practice.update(json!({ "helpText": "Northside Dental." })).await;
    text(&practice, PATIENT, "Hilfe").await;
    is_sent(&practice, PATIENT, 1).await;
    for _ in 0..7 {
        join_all((0..10).map(|n| {
            let practice = &practice;
            async move { text(practice, PATIENT, &format!("Text {n}")).await }
        }))
        .await;
    }
    text(&practice, PATIENT, "Hilfe").await;
    nothing_waits(&practice).await;
    assert_eq!(sent(&practice, PATIENT).await, ["Northside Dental."]);
}

#[tokio::test]
async fn what_retention_deleted_is_not_stored_again_and_its_key_still_holds() {
    let mut practice = Practice::open_with(&[("MESSAGE_RETENTION_DAYS", "1")], json!({})).await;
    text(&practice, PATIENT, "Is Friday free?").await;
    let send = json!({ "input": { "phoneNumberId": practice.made["phoneNumber"]["id"], "to": PATIENT,
        "body": "Yes.", "idempotencyKey": "once" } });
    let first = practice.ask(SEND, send.clone()).await;
    assert_eq!((&first["message"]["body"], &first["userErrors"]), (&json!("Yes."), &json!([])), "{first}");
    is_sent(&practice, PATIENT, 1).await;
    wake_after(&mut practice, DAY + Duration::from_secs(2 * 3600)).await;
    let all = "SELECT count(*) FROM messages";
    wait_until("the old texts are deleted", SOON, async || {
        (practice.app.count(all).await == 0).then_some(())
    })
    .await;
    let again = practice.ask(SEND, send.clone()).await;
    assert_eq!((&again["message"], &again["userErrors"]), (&Value::Null, &json!([])), "{again}");
    assert_eq!(again["operation"]["id"], first["operation"]["id"], "{again}");

    // One that was missed meanwhile is found, and the old one is not.
    practice.app.message_rule(json!({ "to": practice.number, "outcome": "lost_webhook", "times": 1 })).await;
    text(&practice, OTHER, "Did you get this?").await;
    wake_after(&mut practice, Duration::from_secs(600)).await;
    wait_until("the missed text is found", SOON, async || (practice.app.count(all).await > 0).then_some(()))
        .await;
    assert_eq!(thread(&practice, OTHER).await["messages"]["nodes"][0]["body"], "Did you get this?");
    assert_eq!(practice.app.count(all).await, 1);
}

#[tokio::test]
async fn an_hour_that_cannot_be_searched_holds_up_no_other() {
    let mut practice = Practice::open(json!({})).await;
    // It does not search before all is prepared.
    practice.app.kill().await;
    practice.app.message_rule(json!({ "to": practice.number, "outcome": "lost_webhook", "times": 2 })).await;
    text(&practice, PATIENT, "Did you get this?").await;
    practice.app.advance(Duration::from_secs(3 * 3600));
    practice.app.advance_providers(Duration::from_secs(3 * 3600)).await;
    text(&practice, OTHER, "And this?").await;
    // The oldest hours of the two days fail.
    let path = json!({ "provider": "twilio", "method": "GET", "path_contains": "/Messages.json" });
    practice.app.faults(json!({ "match": path, "action": { "status": 400 }, "times": 46 })).await;
    wake_after(&mut practice, Duration::from_secs(180)).await;
    wait_until("the later text is found", SOON, async || {
        (thread(&practice, OTHER).await["messages"]["nodes"][0]["body"] == "And this?").then_some(())
    })
    .await;
    // Counted at the end of the pass.
    wait_until("the hours that failed are counted", SOON, async || {
        (practice.app.metric("switchboard_message_sweep_gaps").await > 0.0).then_some(())
    })
    .await;
    assert_eq!(thread(&practice, PATIENT).await, Value::Null);
}

#[tokio::test]
async fn a_check_of_registrations_that_takes_long_is_not_begun_twice() {
    let practice = Practice::open(json!({})).await;
    let system = practice.app.database().system();
    let pause = TimeDelta::minutes(1);
    practice.app.advance(Duration::from_secs(120));
    let begun = async |when| system.begin_registration_check(when, pause).await.unwrap();
    let mut check = wait_until("the check begins here", SOON, async || begun(CheckWhen::Now).await).await;
    for _ in 0..8 {
        practice.app.advance(Duration::from_secs(50));
        check = system.renew_registration_check(check).await.unwrap();
        assert!(begun(CheckWhen::Now).await.is_none() && begun(CheckWhen::Due).await.is_none());
    }
    // A server that has died renews nothing.
    practice.app.advance(Duration::from_secs(61));
    assert!(begun(CheckWhen::Now).await.is_some());
    let lost = system.renew_registration_check(check).await;
    assert!(matches!(lost, Err(StoreError::LeaseLost)), "{lost:?}");
}

#[tokio::test]
async fn an_unreadable_number_is_asked_about_once() {
    let practice = Practice::open(json!({})).await;
    let unasked = "SELECT COUNT(*) FROM phone_numbers WHERE status = 'active' AND id NOT IN \
                   (SELECT phone_number_id FROM messaging_registrations)";
    wait_until("the number was asked about", SOON, async || {
        practice.app.advance(Duration::from_secs(61));
        tokio::time::sleep(Duration::from_millis(500)).await;
        (practice.app.count(unasked).await == 0).then_some(())
    })
    .await;
    let damage = ["DELETE FROM messaging_registrations", "UPDATE phone_numbers SET country = '11'"];
    execute(&practice.app, &damage).await;
    wait_until("the unreadable number is noted", SOON, async || {
        practice.app.advance(Duration::from_secs(61));
        tokio::time::sleep(Duration::from_millis(500)).await;
        (practice.app.count(unasked).await == 0).then_some(())
    })
    .await;
}

#[tokio::test]
async fn consent_of_a_stranger_is_recorded_before_the_first_text() {
    let practice = Practice::open(json!({})).await;
    let number = &practice.made["phoneNumber"]["id"];
    let out = json!({ "phoneNumberId": number, "participant": PATIENT, "consent": "OPTED_OUT" });
    let set = practice.ask(CONSENT, json!({ "input": out })).await;
    assert_eq!(set["userErrors"], json!([]), "{set}");
    let send = json!({ "phoneNumberId": number, "to": PATIENT, "body": "Hello" });
    let refused = practice.ask(SEND, json!({ "input": send })).await;
    assert_eq!(refused["userErrors"][0]["code"], "OPTED_OUT", "{refused}");
}
