//! Ports: portability, documents, requests, and weeks of the carriers' time in a moment.

use std::time::Duration;

use reqwest::Method;
use serde_json::{Value, json};

use crate::support::carrier::{Hook, Login, Receiver, advance, call, subaccount};
use crate::support::sandbox::{World, answer, text};
use crate::support::wait_until;

const DAY: i64 = 24 * 3600;
const DEADLINE: Duration = Duration::from_secs(20);

async fn upload(world: &World, login: &Login, document_type: &str, content: &[u8]) -> (u16, Value) {
    let head = format!(
        "--limit\r\nContent-Disposition: form-data; name=\"document_type\"\r\n\r\n{document_type}\r\n--limit\r\n\
         Content-Disposition: form-data; name=\"friendly_name\"\r\n\r\nbill.pdf\r\n--limit\r\n\
         Content-Disposition: form-data; name=\"File\"; filename=\"bill.pdf\"\r\nContent-Type: application/pdf\r\n\r\n"
    );
    let body = [head.as_bytes(), content, b"\r\n--limit--\r\n"].concat();
    let request = login.request(world, Method::POST, "/v1/Documents");
    let request = request.header("content-type", "multipart/form-data; boundary=limit").body(body);
    let (status, body) = answer(request.send().await.unwrap()).await;
    (status.as_u16(), body)
}

/// A practice that ports its numbers.
struct Practice {
    world: World,
    login: Login,
    receiver: Receiver,
    document: String,
}

impl Practice {
    async fn start() -> Self {
        let world = World::start().await;
        let (login, receiver) = (Login::main(&world), Receiver::start().await);
        let hook = json!({"port_in_target_url": receiver.url("/porting?a=b")});
        let (status, set) = login.json(&world, "/v1/Porting/Configuration/Webhook", &hook).await;
        assert_eq!((status, &set["notifications_of"]), (201, &json!([])), "{set}");
        let (status, document) = upload(&world, &login, "utility_bill", b"%PDF-1.7 \r\n--no limit").await;
        assert_eq!((status, &document["mime_type"]), (201, &json!("application/pdf")), "{document}");
        Self { document: text(&document, "sid"), world, login, receiver }
    }

    fn order(&self, numbers: &[&str]) -> Value {
        let numbers: Vec<Value> = numbers.iter().map(|number| json!({"phone_number": number})).collect();
        json!({
            "account_sid": self.login.user, "documents": [self.document], "phone_numbers": numbers,
            "losing_carrier_information": {
                "customer_type": "Business", "customer_name": "Dr. Oak", "account_number": "12345",
                "account_telephone_number": numbers.first().map(|number| &number["phone_number"]),
                "authorized_representative": "Olivia Oak", "authorized_representative_email": "olivia@oak.example",
                "address": {"street": "12 Main Street", "city": "New York", "state": "NY", "zip": "10001", "country": "US"},
            },
        })
    }

    async fn create(&self, order: &Value) -> (u16, Value) {
        self.login.json(&self.world, "/v1/Porting/PortIn", order).await
    }

    /// Requests a port. Returns its SID.
    async fn port(&self, numbers: &[&str]) -> String {
        let (status, created) = self.create(&self.order(numbers)).await;
        assert_eq!(status, 202, "{created}");
        text(&created, "port_in_request_sid")
    }

    async fn get(&self, sid: &str) -> Value {
        self.login.get(&self.world, &format!("/v1/Porting/PortIn/{sid}")).await.1
    }

    async fn act(&self, sid: &str, order: Value) -> Value {
        let (status, port) = self.world.lever(Method::POST, &format!("ports/{sid}"), order).await;
        assert_eq!(status, 200, "{port}");
        port
    }

    async fn delete(&self, path: &str) -> u16 {
        self.login.send(&self.world, Method::DELETE, &format!("/v1/Porting/PortIn/{path}"), &[]).await.0
    }

    /// Waits for as many webhooks, and returns their events with the bodies.
    async fn events(&self, count: usize) -> Vec<(String, Value)> {
        wait_until("webhooks", DEADLINE, async || (self.receiver.count() >= count).then_some(())).await;
        let hooks = self.receiver.take();
        assert!(hooks.iter().all(|hook| hook.is_signed_with(&self.login.password)), "{hooks:?}");
        let bodies = hooks.iter().map(Hook::json);
        bodies.map(|body| (text(&body, "event_type").replace("PortIn", ""), body)).collect()
    }

    async fn owned(&self) -> Vec<Value> {
        let (_, list) = self.login.get(&self.world, "IncomingPhoneNumbers.json").await;
        list["incoming_phone_numbers"].as_array().unwrap().clone()
    }
}

fn names(events: &[(String, Value)]) -> Vec<&str> {
    events.iter().map(|(name, _)| name.as_str()).collect()
}

fn statuses(port: &Value) -> Vec<String> {
    let word = |number: &Value| text(number, "port_in_phone_number_status");
    port["phone_numbers"].as_array().unwrap().iter().map(word).collect()
}

#[tokio::test]
async fn a_number_arrives_without_urls_at_the_port_minute_and_not_before() {
    let practice = Practice::start().await;
    let world = &practice.world;
    let number = "+12125550142";
    let sid = practice.port(&[number]).await;
    let port = practice.get(&sid).await;
    assert_eq!(
        (&port["port_in_request_status"], &port["signature_request_url"]),
        (&json!("In review"), &Value::Null)
    );
    assert_eq!(
        practice.get(&sid).await["phone_numbers"][0]["port_date"],
        Value::Null,
        "nobody has confirmed one"
    );

    advance(world, DAY + 1).await;
    let events = practice.events(2).await;
    assert_eq!(names(&events), ["PhoneNumberWaitingForSignature", "WaitingForSignature"]);
    assert_eq!(events[1].1["status"], "waiting_for_signature");
    assert!(practice.get(&sid).await["signature_request_url"].is_string());
    practice.act(&sid, json!({"action": "sign"})).await;
    let events = practice.events(2).await;
    assert_eq!(names(&events), ["PhoneNumberSubmitted", "InProgress"]);
    assert_eq!(practice.get(&sid).await["port_in_request_status"], "In progress");
    advance(world, 2 * DAY).await;
    let events = practice.events(1).await;
    assert_eq!(names(&events), ["PhoneNumberPending"]);
    let port = practice.get(&sid).await;
    assert_eq!(events[0].1["port_date"], port["phone_numbers"][0]["port_date"]);
    assert_eq!(events[0].1["phone_number"], number);
    let path = format!(
        "/v1/Porting/PortIn/{sid}/PhoneNumber/{}",
        text(&port["phone_numbers"][0], "port_in_phone_number_sid")
    );
    let (_, one) = practice.login.get(world, &path).await;
    assert_eq!(
        (&one["port_in_phone_number_status"], &one["phone_number"]),
        (&json!("port_pending"), &json!(number))
    );

    // The losing carrier moves the date; until then it has the calls.
    let now: chrono::DateTime<chrono::Utc> =
        world.lever(Method::POST, "clock", json!({"seconds": 0})).await.1["now"]
            .as_str()
            .unwrap()
            .parse()
            .unwrap();
    let date = now + chrono::TimeDelta::hours(3);
    practice.act(&sid, json!({"action": "date", "port_date": date})).await;
    practice.events(1).await;
    advance(world, 3 * 3600 - 60).await;
    assert!(practice.owned().await.is_empty());
    assert_eq!(world.lever(Method::POST, "calls", json!({"to": number})).await.0, 404);
    advance(world, 61).await;
    let owned = practice.owned().await;
    assert_eq!((owned[0]["phone_number"].as_str(), &owned[0]["voice_url"]), (Some(number), &json!("")));
    assert_eq!(names(&practice.events(2).await), ["PhoneNumberCompleted", "Completed"]);
    assert_eq!(practice.get(&sid).await["port_in_request_status"], "Completed");
    assert_eq!(call(world, number).await["status"], "failed", "it has no URL yet");
    let voice = practice.receiver.url("/voice");
    let path = format!("IncomingPhoneNumbers/{}.json", text(&owned[0], "sid"));
    practice.login.post(world, &path, &[("VoiceUrl", &voice)]).await;
    assert_eq!(call(world, number).await["status"], "completed");
    assert_eq!(practice.delete(&sid).await, 409, "too late");
    assert_eq!(world.state().await["counters"]["ports"], 1);
}

#[tokio::test]
async fn one_number_of_three_is_rejected_and_submitted_again() {
    let practice = Practice::start().await;
    let all = ["+12125550140", "+12125550141", "+12125550142"];
    let sid = practice.port(&all).await;
    practice.act(&sid, json!({"action": "advance"})).await;
    practice.act(&sid, json!({"action": "advance"})).await;
    practice.events(8).await;
    let port = practice.act(&sid, json!({"action": "reject", "code": 22156, "numbers": [all[1]]})).await;
    assert_eq!(port["port_in_request_status"], "Action Required");
    assert_eq!(statuses(&port), ["Submitted", "Rejected", "Submitted"]);
    let rejected = &port["phone_numbers"][1];
    assert_eq!(
        (&rejected["rejection_reason"], &rejected["rejection_reason_code"]),
        (&json!("Account number does not match"), &json!(22156))
    );
    let events = practice.events(2).await;
    assert_eq!(names(&events), ["PhoneNumberRejected", "ActionRequired"]);
    assert_eq!(events[0].1["rejection_reason_code"], 22156);

    advance(&practice.world, 30 * DAY).await;
    assert_eq!(practice.owned().await.len(), 2, "the others arrive");
    let port = practice.get(&sid).await;
    assert_eq!(
        (statuses(&port), &port["port_in_request_status"]),
        (vec!["Completed".into(), "Rejected".into(), "Completed".into()], &json!("Action Required"))
    );
    practice.events(4).await;
    let port = practice.act(&sid, json!({"action": "resubmit"})).await;
    assert_eq!(
        (statuses(&port)[1].as_str(), &port["port_in_request_status"]),
        ("Submitted", &json!("In progress"))
    );
    practice.act(&sid, json!({"action": "advance"})).await;
    let port = practice.act(&sid, json!({"action": "advance"})).await;
    assert_eq!(port["port_in_request_status"], "Completed");
    assert_eq!(practice.owned().await.len(), 3);
    let (status, _) =
        practice.world.lever(Method::POST, &format!("ports/{sid}"), json!({"action": "sign"})).await;
    assert_eq!(status, 400);
}

#[tokio::test]
async fn a_request_is_cancelled_until_shortly_before_the_port_and_expires_without_a_signature() {
    let practice = Practice::start().await;
    let sid = practice.port(&["+12125550140", "+12125550141"]).await;
    let port = practice.get(&sid).await;
    let first = format!("{sid}/PhoneNumber/{}", text(&port["phone_numbers"][0], "port_in_phone_number_sid"));
    assert_eq!(practice.delete(&first).await, 204);
    assert_eq!(practice.delete(&first).await, 409);
    assert_eq!(statuses(&practice.get(&sid).await), ["Canceled", "In review"]);
    assert_eq!(practice.delete(&sid).await, 204);
    let port = practice.get(&sid).await;
    assert_eq!(
        (&port["port_in_request_status"], &port["order_cancellation_reason"]),
        (&json!("Canceled"), &json!("Customer request"))
    );
    let events = practice.events(3).await;
    assert_eq!(names(&events), ["PhoneNumberCanceled", "PhoneNumberCanceled", "Canceled"]);
    assert_eq!(events[2].1["order_cancellation_reason"], "Customer request");
    assert_eq!(practice.delete(&format!("KW{}", "0".repeat(32))).await, 404);

    let sid = practice.port(&["+12125550140"]).await;
    for _ in 0..3 {
        practice.act(&sid, json!({"action": "advance"})).await;
    }
    let port = practice.get(&sid).await;
    let date: chrono::DateTime<chrono::Utc> = text(&port["phone_numbers"][0], "port_date").parse().unwrap();
    let now: chrono::DateTime<chrono::Utc> =
        practice.world.lever(Method::POST, "clock", json!({"seconds": 0})).await.1["now"]
            .as_str()
            .unwrap()
            .parse()
            .unwrap();
    advance(&practice.world, (date - now).num_seconds() - DAY).await;
    assert_eq!(practice.delete(&sid).await, 409, "the losing carrier has begun");
    practice.act(&sid, json!({"action": "cancel", "reason": "The customer stays"})).await;
    assert_eq!(practice.get(&sid).await["order_cancellation_reason"], "The customer stays");
    advance(&practice.world, 3 * DAY).await;
    assert!(practice.owned().await.is_empty());

    let sid = practice.port(&["+12125550141"]).await;
    advance(&practice.world, 40 * DAY).await;
    assert_eq!(practice.get(&sid).await["port_in_request_status"], "Expired");
    assert_eq!(practice.delete(&sid).await, 409);
}

#[tokio::test]
async fn portability_tells_why_a_number_cannot_come() {
    let practice = Practice::start().await;
    let world = &practice.world;
    let sub = Login::of(&subaccount(world, "Practice").await);
    practice.login.buy(world, &[("PhoneNumber", "+12125550100")]).await;
    sub.buy(world, &[("PhoneNumber", "+12125550101")]).await;
    let (_, stranger) = world.lever(Method::POST, "accounts", json!({})).await;
    world
        .lever(
            Method::POST,
            "numbers",
            json!({"phone_number": "+12125550180", "account_sid": stranger["sid"]}),
        )
        .await;
    practice.port(&["+12125550143"]).await;
    world.lever(Method::POST, "porting", json!({"not_portable": {"+12125550160": 22151}})).await;
    for (number, code, kind) in [
        ("+12125550142", None, "LOCAL"),
        ("+19175550150", None, "MOBILE"),
        ("+12125550100", Some(22131), "LOCAL"),
        ("+12125550101", Some(22136), "LOCAL"),
        ("+12125550180", Some(22132), "LOCAL"),
        ("+12125550143", Some(22137), "LOCAL"),
        ("+19075550150", Some(22130), "LOCAL"),
        ("+493023125199", Some(22130), "UNKNOWN"),
        ("+18005550199", Some(22133), "TOLL-FREE"),
        ("+12125550160", Some(22151), "LOCAL"),
    ] {
        let path = format!("/v1/Porting/Portability/PhoneNumber/{}", number.replace('+', "%2B"));
        let (status, found) = practice.login.get(world, &path).await;
        assert_eq!(status, 200, "{number}: {found}");
        assert_eq!(found["not_portable_reason_code"].as_u64(), code, "{number}: {found}");
        assert_eq!(
            (&found["portable"], &found["number_type"]),
            (&json!(code.is_none()), &json!(kind)),
            "{number}"
        );
        assert_eq!(found["pin_and_account_number_required"], kind == "MOBILE");
        let is_known = matches!(code, Some(22131 | 22136));
        assert_eq!(found["account_sid"].is_string(), is_known, "{number}: nothing of other customers");
    }
    let (status, refused) = practice.login.get(world, "/v1/Porting/Portability/PhoneNumber/%2B1212").await;
    assert_eq!((status, refused["code"].as_u64()), (400, Some(22102)));
}

#[tokio::test]
async fn a_request_that_cannot_be_ported_is_refused_whole() {
    let practice = Practice::start().await;
    let sub = Login::of(&subaccount(&practice.world, "Practice").await);
    let (_, stranger) = practice.world.lever(Method::POST, "accounts", json!({})).await;
    practice.port(&["+12125550143"]).await;
    let good = practice.order(&["+12125550142"]);
    let with = |pointer: &str, value: Value| {
        let mut order = good.clone();
        *order.pointer_mut(pointer).unwrap() = value;
        order
    };
    let carrier = "/losing_carrier_information";
    let mobile = json!([{"phone_number": "+19175550150"}]);
    let soon = json!("2026-01-01");
    let mut early = good.clone();
    early["target_port_in_date"] = soon;
    for (order, code) in [
        (with("/account_sid", stranger["sid"].clone()), 22171),
        (with("/documents", json!([])), 22171),
        (with("/documents", json!([format!("RD{}", "0".repeat(32))])), 22171),
        (with("/phone_numbers", json!([])), 22171),
        (with("/phone_numbers", json!([{"phone_number": "+493023125100"}])), 22172),
        (with("/phone_numbers", json!([{"phone_number": "2125550142"}])), 22172),
        (with("/phone_numbers", mobile), 22171),
        (with("/phone_numbers", json!([{"phone_number": "+12125550143"}])), 22137),
        (with("/phone_numbers", json!([{"phone_number": "+18005550199"}])), 22133),
        (with(&format!("{carrier}/customer_name"), json!("")), 22171),
        (with(&format!("{carrier}/authorized_representative_email"), json!("nobody")), 22171),
        (with(&format!("{carrier}/address/zip"), json!("")), 22173),
        (with(&format!("{carrier}/address/country"), json!("DE")), 22173),
        (early, 22158),
    ] {
        let (status, refused) = practice.create(&order).await;
        assert_eq!((status, refused["code"].as_u64()), (400, Some(code)), "{order}: {refused}");
    }
    assert_eq!(practice.world.state().await["ports"].as_array().unwrap().len(), 1);
    assert_eq!(
        sub.json(&practice.world, "/v1/Porting/PortIn", &good).await.0,
        400,
        "not a subaccount for its parent"
    );

    // A part of the numbers can be ported: the others are said to be not portable.
    let (status, mixed) = practice.create(&practice.order(&["+12125550144", "+18005550199"])).await;
    assert_eq!(status, 202, "{mixed}");
    assert_eq!(
        (&mixed["phone_numbers"][0]["portable"], &mixed["phone_numbers"][1]["not_portability_reason_code"]),
        (&json!(true), &json!(22133))
    );
    let sid = text(&mixed, "port_in_request_sid");
    for _ in 0..4 {
        practice.act(&sid, json!({"action": "advance"})).await;
    }
    assert_eq!(practice.get(&sid).await["port_in_request_status"], "Completed");
    assert_eq!(practice.owned().await.len(), 1);

    let file = |start: &[u8], letter: u8, size: usize| [start, &vec![letter; size]].concat();
    const MB: usize = 1024 * 1024;
    for (kind, content, status) in [
        ("utility_bill", file(b"MZ", b' ', 10), 400),
        ("passport", file(b"%PDF", b' ', 10), 400),
        ("utility_bill", file(b"%PDF", b'a', 10 * MB), 413),
        ("utility_bill", file(b"%PDF", b'\r', 11 * MB), 413),
        ("utility_bill", file(b"\x89PNG", b'\r', 9 * MB), 201),
    ] {
        assert_eq!(upload(&practice.world, &practice.login, kind, &content).await.0, status, "{kind}");
    }
}

#[tokio::test]
async fn a_subaccounts_port_is_seen_by_its_parent_and_both_hear_of_it() {
    let practice = Practice::start().await;
    let world = &practice.world;
    let (sub, other) = (subaccount(world, "Practice").await, subaccount(world, "Other").await);
    let (sub, other) = (Login::of(&sub), Login::of(&other));
    let theirs = Receiver::start().await;
    let hook = json!({"port_in_target_url": theirs.url("/p"), "notifications_of": ["PortInCompleted"]});
    sub.json(world, "/v1/Porting/Configuration/Webhook", &hook).await;
    assert_eq!(
        sub.json(world, "/v1/Porting/Configuration/Webhook", &json!({"notifications_of": ["Nonsense"]}))
            .await
            .0,
        400
    );
    let mut order = practice.order(&["+12125550142"]);
    order["account_sid"] = json!(sub.user);
    let (status, created) = practice.create(&order).await;
    assert_eq!(status, 202, "{created}");
    let sid = text(&created, "port_in_request_sid");
    let path = format!("/v1/Porting/PortIn/{sid}");
    assert_eq!((sub.get(world, &path).await.0, other.get(world, &path).await.0), (200, 404));
    for _ in 0..4 {
        practice.act(&sid, json!({"action": "advance"})).await;
    }
    practice.events(7).await;
    wait_until("the subaccount's webhook", DEADLINE, async || (theirs.count() == 1).then_some(())).await;
    let hook = theirs.one();
    assert!(hook.is_signed_with(&sub.password), "signed for the account that configured it");
    assert_eq!(hook.json()["event_type"], "PortInCompleted");
    let (_, list) = sub.get(world, "IncomingPhoneNumbers.json").await;
    assert_eq!(list["incoming_phone_numbers"][0]["phone_number"], "+12125550142");
    assert!(practice.owned().await.is_empty());
    let delete = "/v1/Porting/Configuration/Webhook/PORT_IN";
    assert_eq!(sub.send(world, Method::DELETE, delete, &[]).await.0, 204);
    assert_eq!(sub.send(world, Method::DELETE, delete, &[]).await.0, 404);
    let letter =
        json!({"product": "Porting", "country": "US", "email_subject": "Please sign", "logo_sid": null});
    assert_eq!(sub.json(world, "/v1/SigningRequest/Configuration", &letter).await.0, 201);
    let (_, letters) = sub.get(world, "/v1/SigningRequest/Configuration?Country=US").await;
    assert_eq!(letters["configurations"][0]["email_subject"], "Please sign");
}

#[tokio::test]
async fn lists_have_pages_and_status_words_many_spellings() {
    let practice = Practice::start().await;
    let world = &practice.world;
    let mut sids = Vec::new();
    for line in 40..45 {
        sids.insert(0, practice.port(&[&format!("+121255501{line}")]).await);
    }
    let mut seen = Vec::new();
    let mut token = String::new();
    loop {
        let path = format!("/v1/Porting/PortIn/PortInRequests?Size=2{token}");
        let (_, page) = practice.login.get(world, &path).await;
        seen.extend(
            page["port_in_requests"].as_array().unwrap().iter().map(|port| text(port, "port_in_request_sid")),
        );
        match page["meta"]["next_token"].as_str() {
            Some(next) => token = format!("&Token={next}"),
            None => break,
        }
    }
    assert_eq!(seen, sids);
    practice.act(&sids[0], json!({"action": "advance"})).await;
    practice.act(&sids[0], json!({"action": "sign"})).await;
    for (spelling, request, number) in [
        ("mixed", "In progress", "Submitted"),
        ("documentation", "In progress", "Submitted"),
        ("title", "In Progress", "Submitted"),
        ("snake", "in_progress", "submitted"),
        ("prefixed", "in_progress", "port_submitted"),
    ] {
        world.lever(Method::POST, "porting", json!({"spelling": spelling})).await;
        let port = practice.get(&sids[0]).await;
        assert_eq!(
            (text(&port, "port_in_request_status").as_str(), statuses(&port)[0].as_str()),
            (request, number)
        );
        let filter = request.replace(' ', "%20");
        let path = format!("/v1/Porting/PortIn/PortInRequests?PortInRequestStatus={filter}");
        let (_, list) = practice.login.get(world, &path).await;
        assert_eq!(list["port_in_requests"].as_array().unwrap().len(), 1, "{spelling}");
    }
    let port = practice.act(&sids[0], json!({"action": "word", "word": "carrier hold"})).await;
    assert_eq!(port["port_in_request_status"], "carrier hold");
    practice.events(4).await;

    // Doubled and out of order, as webhooks may come.
    world.lever(Method::POST, "porting", json!({"doubled": true, "shuffled": true})).await;
    practice.act(&sids[1], json!({"action": "advance"})).await;
    let events = practice.events(4).await;
    let signature = ["WaitingForSignature", "PhoneNumberWaitingForSignature"];
    assert_eq!(names(&events), [signature[0], signature[0], signature[1], signature[1]]);
    assert_eq!(world.lever(Method::DELETE, "porting", Value::Null).await.0, 204);
    assert_eq!(world.lever(Method::GET, "porting", Value::Null).await.1["review_seconds"], DAY);
}

#[tokio::test]
async fn a_port_goes_on_after_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("sandbox.json");
    let practice = Practice::start().await;
    let order = practice.order(&["+12125550142"]);
    let world = World::start_with(Some(file.clone())).await;
    let login = Login::main(&world);
    let (_, document) = upload(&world, &login, "utility_bill", b"%PDF").await;
    let mut order = order;
    order["documents"] = json!([document["sid"]]);
    let (status, created) = login.json(&world, "/v1/Porting/PortIn", &order).await;
    assert_eq!(status, 202, "{created}");
    drop(world);
    let world = World::start_with(Some(file)).await;
    advance(&world, DAY + 1).await;
    let path = format!("/v1/Porting/PortIn/{}", text(&created, "port_in_request_sid"));
    assert_eq!(login.get(&world, &path).await.1["port_in_request_status"], "Waiting for Signature");
}
