//! Messages in both directions, against an owner that works out the signatures for itself.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use aws_lc_rs::hmac;
use axum::{
    Router,
    body::Bytes,
    extract::{OriginalUri, State},
    http::{HeaderMap, StatusCode},
    response::{IntoResponse, Response},
    routing::any,
};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use reqwest::Method;
use serde_json::{Value, json};
use tokio::net::TcpListener;

use crate::support::program::{err, finish, out, switchboard};
use crate::support::sandbox::{World, text};
use crate::support::wait_until;

const PERSON: &str = "+13125550142";
const DEADLINE: Duration = Duration::from_secs(20);

type Fields = Vec<(String, String)>;

/// Path, status, content type and body of an answer.
type Answer = (String, u16, &'static str, String);

/// A number's owner: what it was asked, and what it answers at each path.
#[derive(Clone)]
struct Owner {
    base: String,
    auth_token: String,
    asked: Arc<Mutex<Vec<(String, Fields)>>>,
    answers: Arc<Mutex<Vec<Answer>>>,
}

impl Owner {
    async fn start(world: &World) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let owner = Self {
            base: format!("http://{}", listener.local_addr().unwrap()),
            auth_token: world.credentials.auth_token.clone(),
            asked: Arc::default(),
            answers: Arc::default(),
        };
        let router = Router::new().fallback(any(answer)).with_state(owner.clone());
        tokio::spawn(async move { axum::serve(listener, router).await });
        owner
    }

    fn says(&self, path: &str, status: u16, kind: &'static str, body: &str) {
        let mut answers = self.answers.lock().unwrap();
        answers.retain(|(known, ..)| known != path);
        answers.push((path.to_owned(), status, kind, body.to_owned()));
    }

    fn url(&self, path: &str) -> String {
        format!("{}{path}", self.base)
    }

    /// The requests since the last time, as path and fields.
    fn asked(&self) -> Vec<(String, Fields)> {
        std::mem::take(&mut *self.asked.lock().unwrap())
    }

    /// The path of the first request since the last time that is no status callback.
    fn reached(&self) -> Option<String> {
        self.asked().into_iter().map(|(path, _)| path).find(|path| path != "/status")
    }

    /// Waits for as many requests, and returns them.
    async fn asked_times(&self, count: usize) -> Vec<(String, Fields)> {
        let is_there = async || (self.asked.lock().unwrap().len() >= count).then_some(());
        wait_until("the owner is asked", DEADLINE, is_there).await;
        self.asked()
    }

    async fn number(&self, world: &World, area: &str) -> Value {
        let (sms, fallback) = (self.url("/sms?x=1"), self.url("/fallback"));
        world.buy(&[("AreaCode", area), ("SmsUrl", &sms), ("SmsFallbackUrl", &fallback)]).await
    }
}

async fn answer(
    State(owner): State<Owner>,
    OriginalUri(uri): OriginalUri,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    if uri.path().ends_with(".png") {
        return ([("content-type", "image/png")], "picture").into_response();
    }
    let mut fields: Fields = form_urlencoded::parse(&body).into_owned().collect();
    fields.sort();
    let mut signed = format!("{}{uri}", owner.base);
    fields.iter().for_each(|(name, value)| signed.extend([name.as_str(), value.as_str()]));
    let key = hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, owner.auth_token.as_bytes());
    let expected = STANDARD.encode(hmac::sign(&key, signed.as_bytes()));
    if headers.get("x-twilio-signature").is_none_or(|given| *given != *expected) {
        return StatusCode::FORBIDDEN.into_response();
    }
    owner.asked.lock().unwrap().push((uri.path().to_owned(), fields));
    let answers = owner.answers.lock().unwrap();
    match answers.iter().find(|(path, ..)| path == uri.path()) {
        Some((_, status, kind, body)) => {
            (StatusCode::from_u16(*status).unwrap(), [("content-type", *kind)], body.clone()).into_response()
        }
        None => StatusCode::NO_CONTENT.into_response(),
    }
}

fn field<'a>(fields: &'a [(String, String)], name: &str) -> &'a str {
    fields.iter().find(|(known, _)| known == name).map_or("", |(_, value)| value)
}

/// A world whose deliveries take little time, with an owner and a number.
async fn quick() -> (World, Owner, Value) {
    let world = World::start().await;
    settings(&world, json!({"sent_after_ms": 10, "delivered_after_ms": 10, "priced_after_ms": 10})).await;
    let owner = Owner::start(&world).await;
    let number = owner.number(&world, "415").await;
    (world, owner, number)
}

async fn settings(world: &World, order: Value) {
    let (status, answer) = world.lever(Method::POST, "messaging", order).await;
    assert_eq!(status, 200, "{answer}");
}

async fn rule(world: &World, order: Value) {
    let (status, answer) = world.lever(Method::POST, "message-rules", order).await;
    assert_eq!(status, 201, "{answer}");
}

async fn send(world: &World, from: &str, body: &str, more: &[(&str, &str)]) -> Value {
    let fields = [&[("From", from), ("To", PERSON), ("Body", body)], more].concat();
    let (status, message) = world.form("Messages.json", &fields).await;
    assert_eq!(status, 201, "{message}");
    message
}

/// The message, once it has this status.
async fn becomes(world: &World, message: &Value, status: &str) -> Value {
    let path = format!("Messages/{}.json", text(message, "sid"));
    let with_status = async || Some(world.read(&path).await.1).filter(|message| message["status"] == status);
    wait_until(status, DEADLINE, with_status).await
}

async fn receive(world: &World, order: Value) -> Value {
    let (status, report) = world.lever(Method::POST, "texts", order).await;
    assert_eq!(status, 200, "{report}");
    report
}

fn statuses(asked: &[(String, Fields)]) -> Vec<&str> {
    asked.iter().map(|(_, fields)| field(fields, "MessageStatus")).collect()
}

#[tokio::test]
async fn a_message_is_sent_reported_priced_redacted_and_deleted() {
    let (world, owner, number) = quick().await;
    let from = text(&number, "phone_number");
    // Long enough that the answers below come before the next status.
    settings(&world, json!({"sent_after_ms": 1500})).await;
    let callback = owner.url("/status?a=b");
    let body = "x".repeat(161);
    let message = send(&world, &from, &body, &[("StatusCallback", &callback)]).await;
    assert_eq!((&message["status"], &message["direction"]), (&json!("queued"), &json!("outbound-api")));
    assert_eq!((&message["num_segments"], &message["num_media"]), (&json!("2"), &json!("0")));
    assert_eq!((&message["price"], &message["error_code"]), (&Value::Null, &Value::Null));
    assert!(text(&message, "sid").starts_with("SM"));
    let path = format!("Messages/{}.json", text(&message, "sid"));
    let refused = world.twilio(Method::DELETE, &path).send().await.unwrap();
    assert_eq!(refused.status(), 409);
    assert_eq!(world.form(&path, &[("Body", "")]).await.1["code"], 20009);
    assert_eq!(world.form(&path, &[("Status", "canceled")]).await.1["code"], 30409);

    let asked = owner.asked_times(2).await;
    assert_eq!(statuses(&asked), ["sent", "delivered"]);
    let (_, delivered) = &asked[1];
    assert_eq!(field(delivered, "MessageSid"), text(&message, "sid"));
    assert_eq!((field(delivered, "From"), field(delivered, "To")), (from.as_str(), PERSON));
    assert_eq!(field(delivered, "RawDlrDoneDate").len(), 10);
    assert!(field(delivered, "ErrorCode").is_empty());
    becomes(&world, &message, "delivered").await;
    let priced = async || Some(world.read(&path).await.1).filter(|message| !message["price"].is_null());
    let priced = wait_until("the price", DEADLINE, priced).await;
    assert_eq!(priced["price"], "-0.01660");
    let bill = &world.state().await["bill"];
    assert_eq!((&bill["messages"][0]["amount"], &bill["total"]), (&json!("0.01660"), &json!("1.16660")));

    assert_eq!(world.form(&path, &[("Body", "other words")]).await.1["code"], 20001);
    let (status, redacted) = world.form(&path, &[("Body", "")]).await;
    assert_eq!(
        (status.as_u16(), &redacted["body"], &redacted["num_segments"]),
        (200, &json!(""), &json!("2"))
    );
    assert_eq!(world.twilio(Method::DELETE, &path).send().await.unwrap().status(), 204);
    assert_eq!(world.read(&path).await.1["code"], 20404);
    assert_eq!(world.state().await["bill"]["total"], "1.16660", "a deleted message stays on the bill");
}

#[tokio::test]
async fn rules_decide_which_status_callbacks_come_and_in_which_order() {
    let (world, owner, number) = quick().await;
    let from = text(&number, "phone_number");
    let callback = owner.url("/status");
    for (order, expected, code) in [
        (json!({"shuffled": true}), vec!["delivered", "sent"], None),
        (json!({"doubled": true}), vec!["sent", "sent", "delivered", "delivered"], None),
        (json!({"outcome": "no_receipt"}), vec!["sent"], None),
        (json!({"outcome": "failed", "code": 30007}), vec!["failed"], Some(30007)),
        (json!({"outcome": "undelivered", "code": 30005}), vec!["sent", "undelivered"], Some(30005)),
    ] {
        let mut once = order.clone();
        once["to"] = json!(PERSON);
        once["times"] = json!(1);
        rule(&world, once).await;
        let message = send(&world, &from, "Hello", &[("StatusCallback", &callback)]).await;
        let asked = owner.asked_times(expected.len()).await;
        assert_eq!(statuses(&asked), expected, "{order}");
        let last = if order.get("shuffled").is_some() { "delivered" } else { expected[expected.len() - 1] };
        let message = becomes(&world, &message, last).await;
        assert_eq!(message["error_code"], json!(code), "{order}");
        let told = asked.iter().map(|(_, fields)| field(fields, "ErrorCode")).find(|code| !code.is_empty());
        assert_eq!(told.map(str::to_owned), code.map(|code| code.to_string()), "{order}");
    }
    assert_eq!(world.lever(Method::GET, "message-rules", Value::Null).await.1["rules"], json!([]));
    let refused = world.lever(Method::POST, "message-rules", json!({"outcome": "sent"})).await;
    assert_eq!(refused.0, 400);
}

#[tokio::test]
async fn a_full_queue_refuses_and_a_message_outlives_no_validity_period() {
    let (world, _owner, number) = quick().await;
    let from = text(&number, "phone_number");
    settings(&world, json!({"sent_after_ms": 3000, "most_queued": 2})).await;
    let expires = send(&world, &from, "One", &[("ValidityPeriod", "1")]).await;
    let lasts = send(&world, &from, "Two", &[("ValidityPeriod", "10")]).await;
    let (status, refusal) =
        world.form("Messages.json", &[("To", PERSON), ("Body", "Three"), ("From", &from)]).await;
    assert_eq!((status.as_u16(), &refusal["code"]), (400, &json!(21611)), "{refusal}");
    assert_eq!(becomes(&world, &expires, "failed").await["error_code"], 30036);
    send(&world, &from, "Three", &[]).await;
    becomes(&world, &lasts, "delivered").await;
}

#[tokio::test]
async fn refusals_have_twilios_codes() {
    let (world, owner, number) = quick().await;
    let from = text(&number, "phone_number");
    let bundle = format!("BU{}", "0".repeat(32));
    let german = world.buy(&[("PhoneNumber", "+493023125100"), ("BundleSid", &bundle)]).await;
    let german = text(&german, "phone_number");
    let service = world.form("/v1/Services", &[("FriendlyName", "empty")]).await.1;
    let (service, unknown) = (text(&service, "sid"), format!("MG{}", "0".repeat(32)));
    settings(&world, json!({"countries": ["US"], "landlines": ["+13125550111"]})).await;
    let long = "é".repeat(1601);
    let picture = owner.url("/a.png");
    let many: Vec<(&str, &str)> = vec![("MediaUrl", &*picture); 11];
    let good = [("To", PERSON), ("Body", "Hi"), ("From", &*from)];
    let mut cases: Vec<(Vec<(&str, &str)>, u64)> = vec![
        (vec![("Body", "Hi"), ("From", &from)], 21604),
        (vec![("To", "3125550142"), ("Body", "Hi"), ("From", &from)], 21211),
        (vec![("To", "+1312555014"), ("Body", "Hi"), ("From", &from)], 21211),
        (vec![("To", PERSON), ("Body", "Hi")], 21603),
        (vec![("To", PERSON), ("Body", "Hi"), ("From", "+12125550199")], 21660),
        (vec![("To", PERSON), ("Body", "Hi"), ("From", &german)], 21606),
        (vec![("To", "+447700900123"), ("Body", "Hi"), ("From", &from)], 21408),
        (vec![("To", "+13125550111"), ("Body", "Hi"), ("From", &from)], 21635),
        (vec![("To", PERSON), ("Body", &long), ("From", &from)], 21617),
        (vec![("To", PERSON), ("From", &from)], 21619),
        (vec![("To", PERSON), ("Body", ""), ("From", &from)], 21619),
        (vec![("To", PERSON), ("MediaUrl", "ftp://example.com/a.png"), ("From", &from)], 21620),
        ([&good[..], &many[..]].concat(), 21623),
        ([&good[..], &[("ValidityPeriod", "36001")]].concat(), 21624),
        ([&good[..], &[("StatusCallback", "https://my_host.example/")]].concat(), 21609),
        (vec![("To", PERSON), ("Body", "Hi"), ("MessagingServiceSid", &service)], 21704),
        (vec![("To", PERSON), ("Body", "Hi"), ("MessagingServiceSid", &unknown)], 21701),
        (vec![("To", PERSON), ("Body", "Hi"), ("MessagingServiceSid", "MG1")], 21705),
        ([&good[..], &[("ScheduleType", "fixed")]].concat(), 35118),
    ];
    for (sender, code) in [("+15005550001", 21212), ("+15005550007", 21606), ("+15005550008", 21611)] {
        cases.push((vec![("To", PERSON), ("Body", "Hi"), ("From", sender)], code));
    }
    for (to, code) in [
        ("+15005550001", 21211),
        ("+15005550002", 21612),
        ("+15005550003", 21408),
        ("+15005550004", 21610),
        ("+15005550009", 21614),
    ] {
        cases.push((vec![("To", to), ("Body", "Hi"), ("From", &from)], code));
    }
    for (fields, code) in &cases {
        let (status, refusal) = world.form("Messages.json", fields).await;
        assert_eq!((status.as_u16(), refusal["code"].as_u64()), (400, Some(*code)), "{fields:?}: {refusal}");
    }
    settings(&world, json!({"countries": null})).await;
    let (_, refusal) =
        world.form("Messages.json", &[("To", "+493023125101"), ("Body", "Hi"), ("From", &from)]).await;
    assert_eq!(refusal["code"], 21614, "a landline in stock");
    let magic = [("To", PERSON), ("Body", "Hi"), ("From", "+15005550006")];
    assert_eq!(world.form("Messages.json", &magic).await.0, 201);
    let counters = &world.state().await["counters"];
    assert_eq!(
        (&counters["messages_accepted"], &counters["messages_refused"]),
        (&json!(1), &json!(cases.len() + 1))
    );
    // The number's own settings.
    let path = format!("IncomingPhoneNumbers/{}.json", text(&number, "sid"));
    let (_, refusal) = world.form(&path, &[("SmsUrl", "")]).await;
    assert_eq!(refusal["code"], 21406, "a fallback URL needs a URL");
    let (_, changed) =
        world.form(&path, &[("SmsUrl", ""), ("SmsFallbackUrl", ""), ("SmsMethod", "GET")]).await;
    assert_eq!((&changed["sms_url"], &changed["sms_method"]), (&json!(""), &json!("GET")));
}

#[tokio::test]
async fn messages_are_listed_by_number_and_date_on_complete_pages() {
    let (world, _, number) = quick().await;
    let from = text(&number, "phone_number");
    let mut sids = Vec::new();
    for index in 0..5 {
        sids.insert(0, text(&send(&world, &from, &format!("number {index}"), &[]).await, "sid"));
    }
    let elsewhere = [("From", from.as_str()), ("To", "+13125550143"), ("Body", "Hi")];
    world.form("Messages.json", &elsewhere).await;
    let query = format!("Messages.json?To=%2B{}&From=%2B{}&PageSize=2", &PERSON[1..], &from[1..]);
    let (mut path, mut found) = (query.clone(), Vec::new());
    loop {
        let (status, page) = world.read(&path).await;
        assert_eq!(status, 200, "{page}");
        found.extend(page["messages"].as_array().unwrap().iter().map(|message| text(message, "sid")));
        // A message that is added meanwhile shifts no page.
        send(&world, &from, "between", &[]).await;
        match page["next_page_uri"].as_str() {
            Some(next) => path = next.to_owned(),
            None => break,
        }
    }
    assert_eq!(found, sids);
    // The clock moves once everything is sent.
    let last = send(&world, &from, "last", &[]).await;
    becomes(&world, &last, "delivered").await;

    world.lever(Method::POST, "clock", json!({"seconds": 3 * 24 * 3600})).await;
    let late = send(&world, &from, "three days later", &[]).await;
    let day = |message: &Value| {
        chrono::DateTime::parse_from_rfc2822(&text(message, "date_created"))
            .unwrap()
            .format("%Y-%m-%d")
            .to_string()
    };
    let count = async |filter: &str| {
        let (status, page) = world.read(&format!("Messages.json?{filter}")).await;
        assert_eq!(status, 200, "{page}");
        page["messages"].as_array().unwrap().len()
    };
    let today = day(&late);
    assert_eq!(count(&format!("DateSent={today}")).await, 1);
    assert_eq!(count(&format!("DateSent%3E={today}")).await, 1);
    assert_eq!(count(&format!("DateSent%3E={today}T00:00:00Z&To=%2B13125550199")).await, 0);
    assert_eq!(count(&format!("DateSent%3C={today}")).await, 10);
    assert_eq!(world.read("Messages.json?DateSent=yesterday").await.1["code"], 20001);
}

#[tokio::test]
async fn an_inbound_text_is_answered_by_twiml_plain_text_or_nothing() {
    let (world, owner, number) = quick().await;
    let to = text(&number, "phone_number");
    let text_to = async |body: &str| receive(&world, json!({"to": to, "from": PERSON, "body": body})).await;

    let report = text_to("Can I move my appointment? 😀").await;
    assert_eq!((&report["seen"], &report["auto_reply"]), (&json!([]), &Value::Null));
    assert_eq!(report["answered_with"][0]["error"], Value::Null, "{report}");
    let asked = owner.asked();
    let [(path, fields)] = &asked[..] else { panic!("{asked:?}") };
    assert_eq!((path.as_str(), field(fields, "From"), field(fields, "To")), ("/sms", PERSON, to.as_str()));
    assert_eq!((field(fields, "Body"), field(fields, "NumMedia")), ("Can I move my appointment? 😀", "0"));
    assert_eq!((field(fields, "SmsStatus"), field(fields, "FromCountry")), ("received", "US"));
    assert_eq!(field(fields, "ToCity"), "SAN FRANCISCO");
    assert!(!fields.iter().any(|(name, _)| name == "OptOutType" || name == "MessagingServiceSid"));
    let sid = text(&report, "message_sid");
    let (_, listed) = world.read(&format!("Messages/{sid}.json")).await;
    assert_eq!((&listed["direction"], &listed["status"]), (&json!("inbound"), &json!("received")));

    let status = owner.url("/status");
    owner.says(
        "/sms",
        200,
        "text/xml",
        &format!(
            "<Response><Message statusCallback=\"{status}\">One &amp; two</Message><Message><Body>Three</Body>\
             <Media>/a.png</Media></Message><Redirect>/more</Redirect><Message>never</Message></Response>"
        ),
    );
    owner.says("/more", 200, "text/plain", "Four");
    let report = text_to("Hello").await;
    assert_eq!(report["seen"], json!(["One & two", "Three [image/png]", "Four"]), "{report}");
    let first = &report["replies"][0];
    assert_eq!(first["direction"], "outbound-reply");
    owner.asked_times(4).await;

    owner.says("/sms", 200, "text/xml", "<Response><Message action=\"/after\">Hi</Message></Response>");
    owner.says("/after", 200, "text/xml", "<Response/>");
    text_to("Hello").await;
    let asked = owner.asked();
    assert_eq!((asked[1].0.as_str(), field(&asked[1].1, "MessageStatus")), ("/after", "queued"));

    owner.says("/fallback", 200, "text/xml", "<Response><Message>Sorry</Message></Response>");
    for (status, kind, body, code) in [
        (500, "text/xml", "<Response/>", "11200"),
        (200, "application/json", "{}", "12300"),
        (200, "text/xml", "<Response>", "12100"),
    ] {
        owner.says("/sms", status, kind, body);
        let report = text_to("Hello").await;
        assert_eq!(report["seen"], json!(["Sorry"]), "{report}");
        assert!(text(&report["answered_with"][0], "error").starts_with(code), "{report}");
        let asked = owner.asked();
        assert_eq!((asked[1].0.as_str(), field(&asked[1].1, "ErrorCode")), ("/fallback", code));
    }
    owner.says("/fallback", 500, "text/xml", "");
    assert_eq!(text_to("Hello").await["seen"], json!([]));
    assert_eq!(owner.asked().len(), 2, "the fallback is requested once");

    let many = "<Message>again</Message>".repeat(12);
    owner.says("/sms", 200, "text/xml", &format!("<Response>{many}</Response>"));
    let report = receive(&world, json!({"to": to, "from": "+13125550177", "body": "Hello"})).await;
    assert_eq!(report["replies"].as_array().unwrap().len(), 10, "{report}");
    assert!(text(&report["answered_with"][0], "error").starts_with("14109"));

    owner.asked();
    let repeat = json!({"to": to, "from": PERSON, "body": "Hello", "message_sid": report["message_sid"]});
    let again = receive(&world, repeat.clone()).await;
    assert_eq!(
        (&again["message_sid"], owner.asked().len()),
        (&report["message_sid"], 1),
        "a repeated webhook"
    );
    let mut outbound = repeat;
    outbound["message_sid"] = report["replies"][0]["message_sid"].clone();
    assert_eq!(world.lever(Method::POST, "texts", outbound).await.0, 400);
    rule(&world, json!({"outcome": "lost_webhook", "from": PERSON, "times": 1})).await;
    owner.asked();
    let lost = text_to("nobody hears of this").await;
    assert_eq!((&lost["answered_with"], owner.asked().len()), (&json!([]), 0));
    let (_, listed) = world.read(&format!("Messages/{}.json", text(&lost, "message_sid"))).await;
    assert_eq!(listed["body"], "nobody hears of this");
    for (order, status) in [
        (json!({"to": "+14155550199", "body": "Hi"}), 404),
        (json!({"to": to}), 400),
        (json!({"to": to, "body": "x".repeat(1601)}), 400),
        (json!({"to": to, "media": ["gif"]}), 400),
        (json!({"to": to, "body": "Hi", "surprise": 1}), 400),
    ] {
        assert_eq!(world.lever(Method::POST, "texts", order.clone()).await.0, status, "{order}");
    }
}

#[tokio::test]
async fn stop_blocks_a_pair_until_start_and_the_webhook_is_still_called() {
    let (world, owner, number) = quick().await;
    let to = text(&number, "phone_number");
    let text_to = async |body: &str| receive(&world, json!({"to": to, "from": PERSON, "body": body})).await;
    let help = text_to(" help ").await;
    assert!(text(&help, "auto_reply").starts_with("Reply STOP"), "{help}");
    assert_eq!(text_to("STOP please").await["auto_reply"], Value::Null);

    owner.says("/sms", 200, "text/xml", "<Response><Message>You are unsubscribed</Message></Response>");
    let stopped = text_to("Stop").await;
    assert!(text(&stopped, "auto_reply").contains("unsubscribed"));
    assert_eq!(stopped["seen"].as_array().unwrap().len(), 1, "a reply to STOP is not delivered: {stopped}");
    assert_eq!(
        (&stopped["replies"][0]["status"], &stopped["replies"][0]["error_code"]),
        (&json!("failed"), &json!(21610))
    );
    let asked = owner.asked();
    assert_eq!((asked.len(), field(&asked[2].1, "Body"), field(&asked[2].1, "OptOutType")), (3, "Stop", ""));
    assert_eq!(world.state().await["opt_outs"], json!([{"person": PERSON, "sender": to}]));
    owner.says("/sms", 200, "text/xml", "<Response/>");
    assert_eq!(text_to("HELP").await["auto_reply"], Value::Null, "who has opted out gets no help");

    let fields = [("From", to.as_str()), ("To", PERSON), ("Body", "Hi")];
    assert_eq!(world.form("Messages.json", &fields).await.1["code"], 21610);
    let other = [("From", to.as_str()), ("To", "+13125550143"), ("Body", "Hi")];
    assert_eq!(world.form("Messages.json", &other).await.0, 201, "another person is not blocked");
    assert!(text(&text_to("yes").await, "auto_reply").contains("re-subscribed"));
    send(&world, &to, "Welcome back", &[]).await;

    let toll_free = world.buy(&[("PhoneNumber", "+18885550100")]).await;
    let toll_free = text(&toll_free, "phone_number");
    let text_toll_free =
        async |body: &str| receive(&world, json!({"to": toll_free, "from": PERSON, "body": body})).await;
    assert!(text(&text_toll_free("STOP").await, "auto_reply").starts_with("NETWORK MSG"));
    assert_eq!(
        text_toll_free("YES").await["auto_reply"],
        Value::Null,
        "YES restores nothing on toll-free numbers"
    );
    let fields = [("From", toll_free.as_str()), ("To", PERSON), ("Body", "Hi")];
    assert_eq!(world.form("Messages.json", &fields).await.1["code"], 21610);
    assert!(text(&text_toll_free("UNSTOP").await, "auto_reply").starts_with("NETWORK MSG"));
    assert_eq!(world.form("Messages.json", &fields).await.0, 201);
}

#[tokio::test]
async fn pictures_are_served_by_their_url_and_deleted_with_their_message() {
    let (world, owner, number) = quick().await;
    let to = text(&number, "phone_number");
    let given = json!({"content_type": "image/gif", "base64": STANDARD.encode("GIF89a")});
    let report = receive(&world, json!({"to": to, "from": PERSON, "media": ["png", "jpeg", given]})).await;
    let sid = text(&report, "message_sid");
    assert!(sid.starts_with("MM"));
    let (_, fields) = owner.asked().remove(0);
    assert_eq!((field(&fields, "NumMedia"), field(&fields, "Body")), ("3", ""));
    assert!(fields.iter().any(|(name, _)| name == "Body"));
    let kinds =
        ["MediaContentType0", "MediaContentType1", "MediaContentType2"].map(|name| field(&fields, name));
    assert_eq!(kinds, ["image/png", "image/jpeg", "image/gif"]);
    let url = field(&fields, "MediaUrl2").to_owned();
    let file = world.http.get(&url).send().await.unwrap();
    assert!(file.url().path().starts_with("/storage/"), "the URL redirects to storage: {}", file.url());
    assert_eq!(file.headers()["content-type"], "image/gif");
    assert_eq!(file.text().await.unwrap(), "GIF89a");

    settings(&world, json!({"media_auth": true})).await;
    assert_eq!(world.http.get(&url).send().await.unwrap().status(), 401);
    let credentials = &world.credentials;
    let with = world.http.get(&url).basic_auth(&credentials.account_sid, Some(&credentials.auth_token));
    assert_eq!(with.send().await.unwrap().status(), 200);

    let list = format!("Messages/{sid}/Media.json");
    let (_, listed) = world.read(&list).await;
    assert_eq!(listed["media_list"].as_array().unwrap().len(), 3);
    let media = text(&listed["media_list"][0], "sid");
    let path = format!("Messages/{sid}/Media/{media}.json");
    assert_eq!(world.read(&path).await.1["content_type"], "image/gif");
    assert_eq!(world.twilio(Method::DELETE, &path).send().await.unwrap().status(), 204);
    assert_eq!(world.read(&path).await.0, 404);
    assert_eq!(world.read(&list).await.1["media_list"].as_array().unwrap().len(), 2);
    let first = field(&fields, "MediaUrl0").to_owned();
    let path = format!("Messages/{sid}.json");
    assert_eq!(world.twilio(Method::DELETE, &path).send().await.unwrap().status(), 204);
    let gone = world.http.get(&first).basic_auth(&credentials.account_sid, Some(&credentials.auth_token));
    assert_eq!(gone.send().await.unwrap().status(), 404);

    let sent = send(&world, &to, "", &[("MediaUrl", &owner.url("/a.png"))]).await;
    assert_eq!((&sent["num_media"], &sent["num_segments"]), (&json!("1"), &json!("1")));
    becomes(&world, &sent, "delivered").await;
    let (_, listed) = world.read(&format!("Messages/{}/Media.json", text(&sent, "sid"))).await;
    assert_eq!(listed["media_list"][0]["content_type"], "image/png");
    owner.says("/missing", 404, "text/plain", "");
    let failed = send(&world, &to, "", &[("MediaUrl", &owner.url("/missing"))]).await;
    assert_eq!(becomes(&world, &failed, "failed").await["error_code"], 11200);
}

#[tokio::test]
async fn a_messaging_service_chooses_senders_receives_and_schedules() {
    let (world, owner, number) = quick().await;
    let (to, pn) = (text(&number, "phone_number"), text(&number, "sid"));
    let (status, service) = world.form("/v1/Services", &[("FriendlyName", "Practice")]).await;
    assert_eq!((status.as_u16(), &service["use_inbound_webhook_on_number"]), (201, &json!(false)));
    let mg = text(&service, "sid");
    let pool = format!("/v1/Services/{mg}/PhoneNumbers");
    let (status, member) = world.form(&pool, &[("PhoneNumberSid", &pn)]).await;
    assert_eq!((status.as_u16(), &member["capabilities"]), (201, &json!(["MMS", "SMS", "Voice"])));
    assert_eq!(world.form(&pool, &[("PhoneNumberSid", &pn)]).await.1["code"], 21710);
    let other = text(&world.form("/v1/Services", &[("FriendlyName", "Other")]).await.1, "sid");
    let elsewhere = format!("/v1/Services/{other}/PhoneNumbers");
    assert_eq!(world.form(&elsewhere, &[("PhoneNumberSid", &pn)]).await.1["code"], 21712);
    let (_, listed) = world.read("/v1/Services?PageSize=1").await;
    assert_eq!((&listed["services"][0]["sid"], &listed["meta"]["key"]), (&json!(other), &json!("services")));
    assert!(text(&listed["meta"], "next_page_url").starts_with("https://messaging.twilio.com/v1/Services?"));

    let hello = json!({"to": to, "from": PERSON, "body": "Hello"});
    let report = receive(&world, hello.clone()).await;
    assert_eq!((&report["message_sid"], owner.asked().len()), (&Value::Null, 0), "receiving is off");
    let update = format!("/v1/Services/{mg}");
    let urls = [("InboundRequestUrl", owner.url("/service")), ("StatusCallback", owner.url("/status"))];
    let urls: Vec<(&str, &str)> = urls.iter().map(|(name, url)| (*name, url.as_str())).collect();
    assert_eq!(world.form(&update, &urls).await.0, 200);
    receive(&world, hello.clone()).await;
    let asked = owner.asked();
    assert_eq!((asked[0].0.as_str(), field(&asked[0].1, "MessagingServiceSid")), ("/service", mg.as_str()));

    let fields = [("To", PERSON), ("Body", "Hi"), ("MessagingServiceSid", &*mg)];
    rule(&world, json!({"sent_after_ms": 600, "times": 1})).await;
    let (_, sent) = world.form("Messages.json", &fields).await;
    assert_eq!(
        (&sent["status"], &sent["from"], &sent["num_segments"]),
        (&json!("accepted"), &Value::Null, &json!("0"))
    );
    let asked = owner.asked_times(3).await;
    assert_eq!(statuses(&asked), ["queued", "sent", "delivered"], "the service's callback is used");
    assert_eq!(becomes(&world, &sent, "delivered").await["from"], to);

    settings(&world, json!({"advanced_opt_out": [mg]})).await;
    receive(&world, json!({"to": to, "from": PERSON, "body": "STOP"})).await;
    assert_eq!(field(&owner.asked()[0].1, "OptOutType"), "STOP");
    let (status, blocked) = world.form("Messages.json", &fields).await;
    assert_eq!(status, 201, "a service accepts and fails later");
    assert_eq!(becomes(&world, &blocked, "failed").await["error_code"], 21610);
    receive(&world, json!({"to": to, "from": PERSON, "body": "START"})).await;

    let now = chrono::DateTime::parse_from_rfc2822(&text(&blocked, "date_created")).unwrap().to_utc();
    let at =
        |minutes: i64| (now + chrono::TimeDelta::minutes(minutes)).format("%Y-%m-%dT%H:%M:%SZ").to_string();
    let scheduled = async |at: &str| {
        let more = [("ScheduleType", "fixed"), ("SendAt", at)];
        world.form("Messages.json", &[&fields[..], &more].concat()).await
    };
    assert_eq!(scheduled(&at(5)).await.1["code"], 35114);
    let (_, first) = scheduled(&at(60)).await;
    let (_, second) = scheduled(&at(60)).await;
    assert_eq!((&first["status"], &first["date_sent"]), (&json!("scheduled"), &Value::Null));
    let path = format!("Messages/{}.json", text(&first, "sid"));
    assert_eq!(world.form(&path, &[("Status", "canceled")]).await.1["status"], "canceled");
    world.lever(Method::POST, "clock", json!({"seconds": 3700})).await;
    becomes(&world, &second, "delivered").await;
    assert_eq!(world.read(&path).await.1["status"], "canceled");

    world.form(&update, &[("UseInboundWebhookOnNumber", "true")]).await;
    owner.asked();
    receive(&world, hello.clone()).await;
    assert_eq!(owner.reached().as_deref(), Some("/sms"), "the number's own URL");
    let application = [("FriendlyName", "texts"), ("SmsUrl", &*owner.url("/application"))];
    let (_, application) = world.form("Applications.json", &application).await;
    let number_path = format!("IncomingPhoneNumbers/{pn}.json");
    world.form(&number_path, &[("SmsApplicationSid", &text(&application, "sid"))]).await;
    receive(&world, hello.clone()).await;
    assert_eq!(
        owner.reached().as_deref(),
        Some("/application"),
        "an application takes the place of the number's URLs"
    );

    let member = format!("{pool}/{pn}");
    assert_eq!(world.twilio(Method::DELETE, &member).send().await.unwrap().status(), 204);
    assert_eq!(world.read(&member).await.0, 404);
    assert_eq!(world.twilio(Method::DELETE, &update).send().await.unwrap().status(), 204);
}

#[tokio::test]
async fn enforced_registration_needs_a_verified_campaign_or_toll_free_verification() {
    let (world, _, number) = quick().await;
    let from = text(&number, "phone_number");
    let toll_free = world.buy(&[("PhoneNumber", "+18885550100")]).await;
    let free = text(&toll_free, "phone_number");
    becomes(&world, &send(&world, &from, "Hi", &[]).await, "delivered").await;
    settings(&world, json!({"registration": "enforced"})).await;
    assert_eq!(becomes(&world, &send(&world, &from, "Hi", &[]).await, "failed").await["error_code"], 30034);
    assert_eq!(becomes(&world, &send(&world, &free, "Hi", &[]).await, "failed").await["error_code"], 30032);

    let bundle = format!("BU{}", "0".repeat(32));
    let brand = [
        ("CustomerProfileBundleSid", &*bundle),
        ("A2PProfileBundleSid", &*bundle),
        ("BrandType", "STANDARD"),
    ];
    let (_, brand) = world.form("/v1/a2p/BrandRegistrations", &brand).await;
    assert_eq!(brand["status"], "PENDING");
    let brand = text(&brand, "sid");
    let mg = text(&world.form("/v1/Services", &[("FriendlyName", "Practice")]).await.1, "sid");
    world
        .form(&format!("/v1/Services/{mg}/PhoneNumbers"), &[("PhoneNumberSid", &text(&number, "sid"))])
        .await;
    let campaigns = format!("/v1/Services/{mg}/Compliance/Usa2p");
    let (words, sample) =
        ("Reminders of appointments that patients have made.", "Your appointment is tomorrow at 5.");
    let campaign = [
        ("BrandRegistrationSid", &*brand),
        ("Description", words),
        ("MessageFlow", words),
        ("MessageSamples", sample),
        ("MessageSamples", "Your appointment was moved to Friday."),
        ("UsAppToPersonUsecase", "CUSTOMER_CARE"),
        ("HasEmbeddedLinks", "false"),
        ("HasEmbeddedPhone", "false"),
    ];
    assert_eq!(world.form(&campaigns, &campaign).await.0, 400, "the brand is not approved");
    let review = async |sid: &str, status: &str, members: Value| {
        let order = json!({"sid": sid, "status": status, "members": members});
        world.lever(Method::POST, "registrations", order).await
    };
    assert_eq!(review(&brand, "APPROVED", json!({})).await.0, 200);
    assert_eq!(world.form(&campaigns, &campaign[..4]).await.0, 400, "one sample is not enough");
    let (status, pending) = world.form(&campaigns, &campaign).await;
    assert_eq!((status.as_u16(), &pending["campaign_status"]), (201, &json!("PENDING")), "{pending}");
    assert_eq!(becomes(&world, &send(&world, &from, "Hi", &[]).await, "failed").await["error_code"], 30034);
    let qe = text(&pending, "sid");
    let one = format!("{campaigns}/{qe}");
    assert_eq!(world.form(&one, &campaign).await.0, 400, "only a failed campaign is edited");
    review(&qe, "FAILED", json!({"errors": [{"error_code": 30896}]})).await;
    assert_eq!(world.read(&one).await.1["errors"][0]["error_code"], 30896);
    assert_eq!(world.form(&one, &campaign).await.1["campaign_status"], "PENDING");
    assert_eq!(review(&qe, "TWILIO_APPROVED", json!({})).await.0, 400);
    review(&qe, "VERIFIED", json!({})).await;
    becomes(&world, &send(&world, &from, "Hi", &[]).await, "delivered").await;
    assert_eq!(world.read(&format!("/v1/Services/{mg}")).await.1["us_app_to_person_registered"], true);

    let sid = text(&toll_free, "sid");
    let verification = [
        ("BusinessName", "Practice"),
        ("BusinessWebsite", "https://example.com"),
        ("NotificationEmail", "desk@example.com"),
        ("UseCaseCategories", "CUSTOMER_CARE"),
        ("UseCaseSummary", words),
        ("ProductionMessageSample", sample),
        ("OptInImageUrls", "https://example.com/form.png"),
        ("OptInType", "WEB_FORM"),
        ("MessageVolume", "1,000"),
        ("TollfreePhoneNumberSid", &*sid),
    ];
    assert_eq!(world.form("/v1/Tollfree/Verifications", &verification[1..]).await.0, 400);
    let (status, verification) = world.form("/v1/Tollfree/Verifications", &verification).await;
    assert_eq!((status.as_u16(), &verification["status"]), (201, &json!("PENDING_REVIEW")), "{verification}");
    let hh = text(&verification, "sid");
    let one = format!("/v1/Tollfree/Verifications/{hh}");
    review(&hh, "TWILIO_REJECTED", json!({"rejection_reason": "opt-in", "edit_allowed": true})).await;
    assert_eq!(world.read(&one).await.1["rejection_reason"], "opt-in");
    let (status, edited) = world.form(&one, &[("OptInType", "VERBAL")]).await;
    assert_eq!(
        (status.as_u16(), &edited["status"], &edited["rejection_reason"]),
        (202, &json!("PENDING_REVIEW"), &Value::Null)
    );
    review(&hh, "TWILIO_APPROVED", json!({})).await;
    becomes(&world, &send(&world, &free, "Hi", &[]).await, "delivered").await;
}

#[tokio::test]
async fn faults_apply_and_a_restarted_sandbox_goes_on_with_deliveries() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("sandbox.json");
    let world = World::start_with(Some(file.clone())).await;
    let owner = Owner::start(&world).await;
    let from = text(&owner.number(&world, "415").await, "phone_number");
    let fields = [
        ("From", from.as_str()),
        ("To", PERSON),
        ("Body", "lost"),
        ("StatusCallback", &*owner.url("/status")),
    ];
    world.fault(json!({"match": {"method": "POST", "path_contains": "/Messages.json"}, "action": {"lose": "after"}, "times": 1})).await;
    let lost = world.twilio(Method::POST, "Messages.json").form(&fields).send().await;
    assert!(lost.is_err(), "{lost:?}");
    let (_, listed) = world.read(&format!("Messages.json?To=%2B{}", &PERSON[1..])).await;
    assert_eq!(listed["messages"].as_array().unwrap().len(), 1, "the effect of a lost answer");
    world
        .fault(json!({"match": {"path_contains": "/v1/Services"}, "action": {"status": 503}, "times": 1}))
        .await;
    let (status, refusal) = world.read("/v1/Services").await;
    assert_eq!((status.as_u16(), &refusal["code"]), (503, &json!(20500)), "in Twilio's form");
    owner.asked_times(2).await;

    settings(&world, json!({"sent_after_ms": 2000})).await;
    let message = send(&world, &from, "under way", &[("StatusCallback", &owner.url("/status"))]).await;
    // Dropped, not stopped: nothing may depend on a last word at the end.
    drop(world);
    let world = World::start_with(Some(file)).await;
    assert_eq!(statuses(&owner.asked_times(2).await), ["sent", "delivered"]);
    becomes(&world, &message, "delivered").await;
    let (_, listed) = world.read("Messages.json").await;
    assert_eq!(listed["messages"].as_array().unwrap().len(), 2);
    world.sandbox.stop().await;
}

#[tokio::test]
async fn the_command_text_prints_what_the_person_sees() {
    let (world, owner, number) = quick().await;
    let to = text(&number, "phone_number");
    owner.says("/sms", 200, "text/xml", "<Response><Message>See you on Friday</Message></Response>");
    let folder = tempfile::tempdir().unwrap();
    let command = |words: &str, number: &str| {
        let arguments = ["text", "--to", number, "--from", PERSON, words];
        let mut command = switchboard(folder.path(), &arguments);
        command.env("TWILIO_API_BASE_URL", world.sandbox.base_url());
        finish(command)
    };
    let printed = command("Can I come on Friday?", &to).await;
    let story = out(&printed);
    assert!(printed.status.success(), "{story}{}", err(&printed));
    assert!(story.starts_with("Text SM") && story.contains("/sms?x=1 -> 200\n  <Response>"), "{story}");
    assert!(story.contains("\nSeen   See you on Friday\n"), "{story}");
    let stopped = out(&command("STOP", &to).await);
    assert!(stopped.contains("Seen   You have successfully been unsubscribed"), "{stopped}");
    assert!(stopped.contains("Lost   See you on Friday (failed, error 21610)"), "{stopped}");
    owner.says("/sms", 500, "text/xml", "");
    owner.says("/fallback", 500, "text/xml", "");
    let failed = command("START", &to).await;
    assert_eq!(failed.status.code(), Some(1), "{}", out(&failed));
    assert!(err(&failed).contains("no webhook answer was valid"), "{}", err(&failed));
    let unknown = command("Hello", "+14155550199").await;
    assert!(err(&unknown).contains("no text to +14155550199: the account does not own"), "{}", err(&unknown));
}
