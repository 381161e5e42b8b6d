//! Text messages to and from a number, as a tenant sees them.

use std::collections::BTreeSet;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use chrono::TimeDelta;
use futures_util::future::join_all;
use reqwest::Method;
use serde_json::{Value, json};
use switchboard::domain::{IncomingMessage, MessagingConsent, TextReading};
use switchboard::store::Received;
use uuid::Uuid;

use crate::support::App;
use crate::support::api::create;
use crate::support::practice::{Practice, RELEASE, TENANT};
use crate::support::socket::Socket;
use crate::support::wait_until;

const SOON: Duration = Duration::from_secs(20);
const PATIENT: &str = "+13125550177";

const THREADS: &str = "query($filter: MessageThreadFilter) { messageThreads(first: 5, filter: $filter) { totalCount nodes {
    id participant consent handling phoneNumber { number } agent { name }
    lastMessage { body } messages(first: 10) { totalCount nodes { direction from to body status segments price error { code message } } } } } }";
const SEND: &str = "mutation($input: SendMessageInput!) { sendMessage(input: $input) {
    message { id sid status body error { code } thread { id } } operation { id state error { code } }
    userErrors { code message field } } }";

impl Practice {
    fn own_number(&self) -> (Value, Value) {
        (self.made["phoneNumber"]["id"].clone(), json!(self.number))
    }

    /// A text from a person to the practice's number, as the emulated carrier delivers it.
    async fn receives(&self, number: &Value, body: &str) -> Value {
        self.receives_so(json!({ "to": number, "from": PATIENT, "body": body })).await
    }

    async fn receives_so(&self, text: Value) -> Value {
        self.app.place_text(text).await
    }

    async fn threads(&self) -> Value {
        self.ask(THREADS, json!({})).await
    }

    async fn sends(&self, input: Value) -> Value {
        self.ask(SEND, json!({ "input": input })).await
    }
}

#[tokio::test]
async fn a_text_is_stored_once_in_its_thread_and_answered_by_a_person() {
    let practice = Practice::open(json!({})).await;
    let (id, number) = practice.own_number();
    let report = practice.receives(&number, "Is Friday free? 🙂").await;
    // The carrier delivers the same text again.
    let sid = report["message_sid"].clone();
    practice
        .receives_so(
            json!({ "to": number, "from": PATIENT, "body": "Is Friday free? 🙂", "message_sid": sid }),
        )
        .await;
    let threads = practice.threads().await;
    assert_eq!(threads["totalCount"], 1, "{threads}");
    let thread = &threads["nodes"][0];
    assert_eq!(
        (&thread["participant"], &thread["consent"], &thread["handling"]),
        (&json!(PATIENT), &json!("IMPLIED"), &json!("PERSON")),
        "{thread}"
    );
    assert_eq!(thread["messages"]["totalCount"], 1, "{thread}");
    let received = &thread["messages"]["nodes"][0];
    assert_eq!((&received["direction"], &received["status"]), (&json!("INBOUND"), &json!("RECEIVED")));
    assert_eq!((&received["from"], &received["to"]), (&json!(PATIENT), &number));

    let sent = practice.sends(json!({ "phoneNumberId": id, "to": PATIENT, "body": "Yes, at ten." })).await;
    assert_eq!(sent["userErrors"], json!([]), "{sent}");
    assert_eq!(sent["operation"]["state"], "SUCCEEDED", "{sent}");
    assert_eq!(sent["message"]["thread"]["id"], thread["id"], "{sent}");
    let delivered = wait_until("the text is delivered", SOON, async || {
        let threads = practice.threads().await;
        let last = threads["nodes"][0]["messages"]["nodes"][0].clone();
        (last["status"] == "DELIVERED").then_some(last)
    })
    .await;
    assert_eq!((&delivered["from"], &delivered["to"]), (&number, &json!(PATIENT)), "{delivered}");

    // Another tenant sees nothing of it, by no way.
    let stranger = practice.app.token(Uuid::from_u128(77));
    let theirs = practice.app.graphql(&stranger, THREADS, json!({})).await;
    assert_eq!(theirs["data"]["messageThreads"]["totalCount"], 0, "{theirs}");
    let node = "query($id: ID!) { node(id: $id) { id } }";
    for id in [&thread["id"], &sent["message"]["id"]] {
        let found = practice.app.graphql(&stranger, node, json!({ "id": id })).await;
        assert_eq!(found["data"]["node"], Value::Null, "{found}");
        let found = practice.app.graphql(&practice.token, node, json!({ "id": id })).await;
        assert_eq!(&found["data"]["node"]["id"], id, "{found}");
    }
}

#[tokio::test]
async fn stop_ends_texts_from_all_numbers_until_start() {
    let practice = Practice::open(json!({})).await;
    let (id, number) = practice.own_number();
    for (word, consent) in
        [("  Stop. ", "OPTED_OUT"), ("start", "OPTED_IN"), ("Please stop texting me", "OPTED_OUT")]
    {
        practice.receives(&number, word).await;
        let threads = practice.threads().await;
        assert_eq!(threads["nodes"][0]["consent"], consent, "{word}: {threads}");
        let sent = practice.sends(json!({ "phoneNumberId": id, "to": PATIENT, "body": "Hello" })).await;
        if consent == "OPTED_OUT" {
            assert_eq!(sent["userErrors"][0]["code"], "OPTED_OUT", "{word}: {sent}");
            assert_eq!(sent["userErrors"][0]["field"], json!(["input", "to"]), "{sent}");
            assert_eq!(sent["message"], Value::Null, "{sent}");
        } else {
            assert_eq!(sent["userErrors"], json!([]), "{word}: {sent}");
        }
    }
    // By hand, for a wish that came by telephone.
    let consent = "mutation($input: SetMessagingConsentInput!) { setMessagingConsent(input: $input) {
        thread { consent } userErrors { message } } }";
    let input = json!({ "phoneNumberId": id, "participant": PATIENT, "consent": "OPTED_IN" });
    let set = practice.ask(consent, json!({ "input": input })).await;
    assert_eq!(set["thread"]["consent"], "OPTED_IN", "{set}");
    let trail = "{ auditEvents(filter: {action: \"setMessagingConsent\"}) { nodes { actor } } }";
    let trail = practice.ask(trail, json!({})).await;
    let actors: Vec<_> =
        trail["nodes"].as_array().unwrap().iter().map(|entry| entry["actor"].clone()).collect();
    assert_eq!(actors.len(), 4, "{trail}");
    assert_eq!(actors.iter().filter(|actor| *actor == "system").count(), 3, "{trail}");
}

#[tokio::test]
async fn what_cannot_be_sent_is_refused_at_its_field_before_the_carrier_is_asked() {
    let practice = Practice::open(json!({})).await;
    let (id, number) = practice.own_number();
    let long = "x".repeat(1601);
    for (input, field) in [
        (json!({ "to": PATIENT, "body": "" }), "body"),
        (json!({ "to": PATIENT, "body": " \u{200b} " }), "body"),
        (json!({ "to": PATIENT }), "body"),
        (json!({ "to": PATIENT, "body": long }), "body"),
        (json!({ "to": PATIENT, "body": "x".repeat(100_000) }), "body"),
        (json!({ "to": PATIENT, "body": "a\u{0}b" }), "body"),
        (json!({ "to": "72345", "body": "Hi" }), "to"),
        (json!({ "to": "tomorrow", "body": "Hi" }), "to"),
        (json!({ "to": number, "body": "Hi" }), "to"),
        (json!({ "to": "+19005550100", "body": "Hi" }), "to"),
        (json!({ "to": PATIENT, "mediaUrls": ["http://127.0.0.1/a.png"] }), "mediaUrls"),
        (json!({ "to": PATIENT, "mediaUrls": vec!["https://example.com/a.png"; 11] }), "mediaUrls"),
    ] {
        let mut input = input;
        input["phoneNumberId"] = id.clone();
        let refused = practice.sends(input).await;
        let expected = json!(["input", field]);
        assert_eq!(refused["userErrors"][0]["field"], expected, "{refused}");
        assert_eq!(refused["operation"], Value::Null, "{refused}");
    }
    assert_eq!(practice.app.sandbox_state().await["messages"], json!([]));
    // The carrier's own refusal reads as one.
    practice.fault("twilio", "POST", "Messages", json!({ "status": 400, "code": 21614 })).await;
    let refused = practice.sends(json!({ "phoneNumberId": id, "to": PATIENT, "body": "Hi" })).await;
    assert!(refused["userErrors"][0]["message"].as_str().unwrap().contains("landline"), "{refused}");
    assert_eq!(refused["operation"]["state"], "FAILED", "{refused}");
    assert_eq!(refused["message"]["status"], "FAILED", "{refused}");

    // The same key sends once.
    let once = json!({ "phoneNumberId": id, "to": PATIENT, "body": "Once", "idempotencyKey": "k" });
    let first = practice.sends(once.clone()).await;
    let second = practice.sends(once).await;
    assert_eq!(first["message"]["id"], second["message"]["id"], "{second}");
    let state = practice.app.sandbox_state().await;
    let sent =
        state["messages"].as_array().unwrap().iter().filter(|message| message["body"] == "Once").count();
    assert_eq!(sent, 1, "{state}");
}

#[tokio::test]
async fn a_subscriber_hears_of_texts_in_and_out() {
    let practice = Practice::open(json!({})).await;
    let (id, number) = practice.own_number();
    let mut socket = Socket::ready(&practice.app, &practice.token).await;
    socket.subscribe("texts", "subscription { messageUpdated { direction body status } }").await;
    socket.watches("texts").await;
    practice.receives(&number, "Hello?").await;
    let event = socket.next().await;
    assert_eq!(event["payload"]["data"]["messageUpdated"]["body"], "Hello?", "{event}");
    practice.sends(json!({ "phoneNumberId": id, "to": PATIENT, "body": "Good morning" })).await;
    let mut seen = Vec::new();
    while seen.last() != Some(&json!("DELIVERED")) {
        let event = socket.next().await;
        let message = &event["payload"]["data"]["messageUpdated"];
        assert_eq!(message["body"], "Good morning", "{event}");
        seen.push(message["status"].clone());
    }
    assert_eq!(seen[0], "PENDING", "{seen:?}");
}

#[tokio::test]
async fn a_text_whose_answer_was_lost_is_sent_once_and_known_by_its_id() {
    let practice = Practice::open_with(&[("PROVIDER_TIMEOUT", "1s")], json!({})).await;
    let (id, _) = practice.own_number();
    for (nth, action) in [
        json!({ "lose": "after" }),
        json!({ "lose": "before" }),
        json!({ "status": 503 }),
        json!({ "delay_ms": 1500 }),
    ]
    .into_iter()
    .enumerate()
    {
        // The report of the text must not tell its id before the look-up does.
        practice.fault("twilio", "POST", "Messages", action.clone()).await;
        let body = format!("Number {nth}");
        let sent = practice.sends(json!({ "phoneNumberId": id, "to": PATIENT, "body": body })).await;
        let over = practice.over(&sent).await;
        assert_eq!(over["state"], "SUCCEEDED", "{action}: {over}");
        let state = practice.app.sandbox_state().await;
        let alike: Vec<&Value> =
            state["messages"].as_array().unwrap().iter().filter(|message| message["body"] == body).collect();
        assert_eq!(alike.len(), 1, "{action}: {alike:?}");
        let stored = practice.threads().await["nodes"][0]["messages"]["nodes"][0].clone();
        assert_eq!(stored["body"], body, "{stored}");
    }
}

#[tokio::test]
async fn equal_texts_in_doubt_are_told_apart() {
    let practice = Practice::in_background().await;
    let id = practice.with_number().await["number"]["id"].clone();
    // Of four equal texts, two answers are lost after the carrier has sent them and one before.
    for action in [json!({ "lose": "after" }), json!({ "lose": "before" }), json!({ "lose": "after" })] {
        practice.fault("twilio", "POST", "Messages", action).await;
    }
    let asked =
        (0..4).map(|_| practice.sends(json!({ "phoneNumberId": id, "to": PATIENT, "body": "Reminder" })));
    for sent in join_all(asked).await {
        assert_eq!(practice.over(&sent).await["state"], "SUCCEEDED", "{sent}");
    }
    let ids = |list: &Value, name: &str| {
        let alike = list.as_array().unwrap().iter().filter(|message| message["body"] == "Reminder");
        alike.map(|message| message[name].as_str().unwrap().to_owned()).collect::<BTreeSet<_>>()
    };
    let stored = practice.ask("{ messages { nodes { sid body } } }", json!({})).await;
    let state = practice.app.sandbox_state().await;
    assert_eq!(ids(&state["messages"], "message_sid").len(), 4, "{}", state["messages"]);
    assert_eq!(ids(&stored["nodes"], "sid"), ids(&state["messages"], "message_sid"));
}

/// The folder, and everything in it.
fn files_in(folder: &Path) -> Vec<PathBuf> {
    let mut found = vec![folder.to_owned()];
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() { found.extend(files_in(&path)) } else { found.push(path) }
    }
    found
}

#[tokio::test]
async fn texts_that_come_while_the_database_is_away_are_acknowledged_and_stored_afterwards() {
    let (mut app, mut database) = App::start_severable(&[]).await;
    let token = app.token(Uuid::from_u128(1));
    let made = create(&app, &token, json!({ "name": "Practice", "areaCode": "212" })).await;
    let number = &made["phoneNumber"]["number"];
    database.sever().await;
    for nth in 0..5 {
        let story =
            app.place_text(json!({ "to": number, "from": PATIENT, "body": format!("Text {nth}") })).await;
        let answered = &story["answered_with"];
        assert!(answered.as_array().is_some_and(|answers| answers.len() == 1), "no fallback: {story}");
    }
    app.kill().await;
    // Only the server's own user reads what patients write.
    let waiting = files_in(app.state_dir());
    assert!(waiting.len() >= 5, "{waiting:?}");
    for path in waiting {
        let mode = std::fs::metadata(&path).unwrap().permissions().mode();
        assert_eq!(mode & 0o077, 0, "{}: {mode:o}", path.display());
    }
    // Neither a restart nor the way back loses or doubles one.
    database.restore().await;
    app.restart().await;
    let texts = wait_until("every text is stored", SOON, async || {
        let answer = app.graphql(&token, "{ messages(first: 100) { nodes { body } } }", json!({})).await;
        let texts = answer["data"]["messages"]["nodes"].as_array().cloned().unwrap_or_default();
        (texts.len() >= 5).then_some(texts)
    })
    .await;
    let mut bodies: Vec<_> = texts.iter().map(|text| text["body"].as_str().unwrap()).collect();
    bodies.sort_unstable();
    assert_eq!(bodies, ["Text 0", "Text 1", "Text 2", "Text 3", "Text 4"]);
}

#[tokio::test]
async fn a_text_whose_webhook_never_came_is_found_in_the_carriers_list() {
    let mut practice = Practice::open(json!({})).await;
    let (_, number) = practice.own_number();
    practice.app.message_rule(json!({ "to": number, "outcome": "lost_webhook", "times": 1 })).await;
    practice.receives(&number, "Did you get this?").await;
    assert_eq!(practice.threads().await["totalCount"], 0);
    // The server looks at its start, for what is not just on its way.
    let later = Duration::from_secs(180);
    practice.app.advance(later);
    practice.app.advance_providers(later).await;
    practice.token = practice.app.token(TENANT);
    practice.app.restart().await;
    let threads = wait_until("the text is found", SOON, async || {
        let threads = practice.threads().await;
        (threads["totalCount"] == 1).then_some(threads)
    })
    .await;
    let texts = &threads["nodes"][0]["messages"];
    assert_eq!((&texts["totalCount"], &texts["nodes"][0]["body"]), (&json!(1), &json!("Did you get this?")));
}

#[tokio::test]
async fn what_was_said_last_holds_and_a_text_belongs_to_who_had_the_number_then() {
    let practice = Practice::open(json!({})).await;
    let system = practice.app.database().system();
    let now = practice.app.clock().now();
    let text = |sid: &str, seconds: i64| IncomingMessage {
        sid: sid.to_owned(),
        from: PATIENT.parse().unwrap(),
        to: practice.number.parse().unwrap(),
        body: sid.to_owned(),
        media: Vec::new(),
        segments: None,
        opt_out_type: None,
        received_at: now + TimeDelta::seconds(seconds),
        sent_at: None,
    };
    // As texts are stored that waited for the database, or were missed: in any order.
    for (sid, seconds, wish, holds) in [
        ("SMstop", 20, MessagingConsent::OptedOut, "OPTED_OUT"),
        ("SMstart", 10, MessagingConsent::OptedIn, "OPTED_OUT"),
        ("SMstop-again", 40, MessagingConsent::OptedOut, "OPTED_OUT"),
        ("SMstart-between", 30, MessagingConsent::OptedIn, "OPTED_OUT"),
        ("SMstart-at-last", 50, MessagingConsent::OptedIn, "OPTED_IN"),
    ] {
        let received = system
            .receive_message(&text(sid, seconds), |_, _| TextReading {
                consent: Some(wish),
                ..TextReading::default()
            })
            .await
            .unwrap();
        assert_eq!(received, Received::New, "{sid}");
        assert_eq!(practice.threads().await["nodes"][0]["consent"], holds, "{sid}");
    }
    // Before the tenant had the number, it was somebody else's.
    let before =
        system.receive_message(&text("SMbefore", -3600), |_, _| TextReading::default()).await.unwrap();
    assert_eq!(before, Received::Unclaimed);
    let release = json!({ "id": practice.made["phoneNumber"]["id"] });
    practice.over(&practice.ask(RELEASE, release).await).await;
    let after = system.receive_message(&text("SMafter", 3600), |_, _| TextReading::default()).await.unwrap();
    assert_eq!(after, Received::Unclaimed);
    let late = system.receive_message(&text("SMlate", 0), |_, _| TextReading::default()).await.unwrap();
    assert_eq!(late, Received::New, "sent while the number was held");
}

#[tokio::test]
async fn one_message_that_nobody_can_tell_about_does_not_hold_up_the_others() {
    let mut practice = Practice::open(json!({})).await;
    let (id, _) = practice.own_number();
    for body in ["First", "Second", "Third"] {
        practice.sends(json!({ "phoneNumberId": id, "to": PATIENT, "body": body })).await;
    }
    let sid = wait_until("the carrier knows the prices", SOON, async || {
        let list = practice.app.at_carrier(Method::GET, "Messages", &[]).await;
        let messages = list["messages"].as_array().unwrap();
        let first = messages.iter().find(|message| message["body"] == "First").unwrap();
        let sid = first["sid"].as_str().unwrap().to_owned();
        messages.iter().all(|message| message["price"].is_string()).then_some(sid)
    })
    .await;
    let broken = json!({ "provider": "twilio", "method": "GET", "path_contains": format!("Messages/{sid}") });
    practice.app.faults(json!({ "match": broken, "action": { "status": 500 } })).await;
    // Prices are told to nobody who does not ask. The server looks at its start.
    let later = Duration::from_secs(600);
    practice.app.advance(later);
    practice.app.advance_providers(later).await;
    practice.token = practice.app.token(TENANT);
    practice.app.restart().await;
    wait_until("the others have their prices", SOON, async || {
        let threads = practice.threads().await;
        let texts = threads["nodes"][0]["messages"]["nodes"].as_array().unwrap().clone();
        let priced = |body| texts.iter().any(|text| text["body"] == body && text["price"].is_string());
        (priced("Second") && priced("Third") && !priced("First")).then_some(())
    })
    .await;
}
