//! The carrier's client against a scripted Twilio: what it sends, and which class each failure is of.

#![expect(clippy::unwrap_used, reason = "a test may end at once when its own setting fails")]

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use chrono::TimeDelta;
use secrecy::SecretString;
use serde_json::{Value, json};
use switchboard::carrier::{
    Carrier, CarrierConfig, CarrierError, NumberSearch, NumberSettings, Purchase, Rejection,
};
use switchboard::domain::{Clock, CountryCode, E164, Entropy, NumberType, TenantId};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use wiremock::matchers::{basic_auth, body_string_contains, method, path, query_param};
use wiremock::{Mock, MockServer, ResponseTemplate};

use crate::support::database::HandClock;
use crate::support::wait_until;

const ACCOUNT: &str = "AC0123456789abcdef0123456789abcdef";
const NUMBERS: &str = "/2010-04-01/Accounts/AC0123456789abcdef0123456789abcdef/IncomingPhoneNumbers.json";
const SID: &str = "PN0123456789abcdef0123456789abcdef";
const NUMBER: &str = "/2010-04-01/Accounts/AC0123456789abcdef0123456789abcdef/IncomingPhoneNumbers/PN0123456789abcdef0123456789abcdef.json";

fn client(base_url: &str, timeout: Duration) -> Carrier {
    client_at(base_url, timeout, Clock::system())
}

fn client_at(base_url: &str, timeout: Duration, clock: Clock) -> Carrier {
    let config = CarrierConfig {
        base_url: base_url.parse().unwrap(),
        account_sid: ACCOUNT.to_owned(),
        auth_token: SecretString::from("its-token"),
        timeout,
    };
    Carrier::new(config, clock, Entropy::system()).unwrap()
}

fn carrier(server: &MockServer) -> Carrier {
    client(&server.uri(), Duration::from_secs(5))
}

fn number(text: &str) -> E164 {
    text.parse().unwrap()
}

const NAME: &str = "switchboard operation_1";

fn settings() -> NumberSettings {
    let url = |path: &str| format!("https://voice.switchboard.example/{path}?a=1&b=2").parse().unwrap();
    NumberSettings {
        friendly_name: Some(NAME.to_owned()),
        voice_url: url("incoming"),
        voice_fallback_url: url("fallback"),
        status_callback: url("status"),
        sms_url: url("message"),
        sms_fallback_url: url("message-fallback"),
    }
}

fn search(kind: NumberType) -> NumberSearch {
    NumberSearch { country: CountryCode::US, kind, area_code: "212".parse().ok(), contains: None, limit: 5 }
}

fn tenant(n: u128) -> TenantId {
    TenantId(uuid::Uuid::from_u128(n))
}

fn owned(sid: &str, number: &str) -> Value {
    json!({
        "sid": sid, "phone_number": number, "friendly_name": "switchboard operation_1", "voice_url": "",
        "voice_fallback_url": null, "status_callback": "https://switchboard.example/s", "trunk_sid": null,
        "voice_application_sid": "", "capabilities": {"voice": true, "SMS": true, "mms": false, "fax": false},
        "date_created": "Thu, 30 Jul 2026 23:19:04 +0000", "beta": false, "new": {"thing": 1},
    })
}

fn refusal(status: u16, code: u32) -> ResponseTemplate {
    ResponseTemplate::new(status).set_body_json(json!({"code": code, "message": "no", "status": status}))
}

async fn answer_all(template: ResponseTemplate) -> MockServer {
    let server = MockServer::start().await;
    Mock::given(wiremock::matchers::any()).respond_with(template).mount(&server).await;
    server
}

async fn buy(server: &MockServer) -> Result<Purchase, CarrierError> {
    carrier(server).buy(&number("+12125550123"), NAME).await
}

fn is_unknown<T>(result: &Result<T, CarrierError>) -> bool {
    matches!(result, Err(CarrierError::OutcomeUnknown { .. }))
}

fn is_unavailable<T>(result: &Result<T, CarrierError>) -> bool {
    matches!(result, Err(CarrierError::Unavailable { .. }))
}

#[tokio::test]
async fn a_purchase_names_its_number_and_changes_nothing_else_of_it() {
    let server = MockServer::start().await;
    Mock::given(method("POST"))
        .and(path(NUMBERS))
        .and(basic_auth(ACCOUNT, "its-token"))
        .respond_with(ResponseTemplate::new(201).set_body_json(owned(SID, "+12125550123")))
        .expect(1)
        .mount(&server)
        .await;
    // The description's number is older than the answer's date.
    let Purchase::Older(bought) = buy(&server).await.unwrap() else { panic!("bought in July") };
    assert_eq!((bought.sid.as_str(), bought.number.as_str()), (SID, "+12125550123"));
    assert_eq!((bought.voice_url, bought.voice_application_sid, bought.trunk_sid), (None, None, None));
    assert!(bought.capabilities.sms && bought.capabilities.voice && !bought.capabilities.mms);
    assert_eq!(bought.created_at.map(|at| at.timestamp()), Some(1_785_453_544));

    let sent = server.received_requests().await.unwrap();
    let body = String::from_utf8(sent[0].body.clone()).unwrap();
    assert_eq!(body, "PhoneNumber=%2B12125550123&FriendlyName=switchboard+operation_1");
}

#[tokio::test]
async fn a_number_is_pointed_without_naming_it_and_the_answer_says_how_it_stands() {
    let server = answer_all(ResponseTemplate::new(200).set_body_json(owned(SID, "+12125550123"))).await;
    let standing = carrier(&server).point(SID, &settings(), true).await.unwrap();
    assert_eq!(standing.friendly_name, "switchboard operation_1");
    let sent = server.received_requests().await.unwrap();
    let body = String::from_utf8(sent[0].body.clone()).unwrap();
    let fields: Vec<_> = url::form_urlencoded::parse(body.as_bytes()).into_owned().collect();
    assert!(!fields.iter().any(|(name, _)| name == "FriendlyName" || name == "PhoneNumber"), "{fields:?}");
    for (name, value) in [
        ("VoiceUrl", "https://voice.switchboard.example/incoming?a=1&b=2"),
        ("VoiceFallbackUrl", "https://voice.switchboard.example/fallback?a=1&b=2"),
        ("StatusCallback", "https://voice.switchboard.example/status?a=1&b=2"),
        ("VoiceMethod", "POST"),
        ("TrunkSid", ""),
    ] {
        assert!(fields.contains(&(name.to_owned(), value.to_owned())), "{name} in {fields:?}");
    }
}

#[tokio::test]
async fn a_refusal_is_named_by_its_code() {
    let cases = [
        (400, 21422, Rejection::NumberNotAvailable),
        (400, 21421, Rejection::NumberNotAvailable),
        (400, 21452, Rejection::NoneInAreaCode),
        (400, 21402, Rejection::WebhookAddress),
        (400, 21404, Rejection::TrialLimit),
        (400, 21631, Rejection::Regulation),
        (400, 21649, Rejection::Regulation),
        (400, 20005, Rejection::Account),
        (401, 20003, Rejection::Account),
        (403, 20008, Rejection::Account),
        (404, 20404, Rejection::NotFound),
        (400, 21999, Rejection::Other { code: 21999, words: "no".to_owned() }),
    ];
    for (status, code, expected) in cases {
        let server = answer_all(refusal(status, code)).await;
        assert_eq!(buy(&server).await, Err(CarrierError::Rejected(expected)), "{status} {code}");
    }
}

#[tokio::test]
async fn the_carriers_words_are_fit_to_be_shown() {
    let words = format!("Number\u{7} of {ACCOUNT} has an emergency address; AC0 {}", "x".repeat(400));
    let body = json!({ "code": 21628, "message": words, "status": 400 });
    let server = answer_all(ResponseTemplate::new(400).set_body_json(body)).await;
    let refused = carrier(&server).release(SID).await.unwrap_err();
    assert!(refused.is_definitive());
    let text = refused.to_string();
    assert!(text.contains("Number of (account) has an emergency address; AC0 x"), "{text}");
    assert!(text.contains("21628") && text.len() < 400, "{text}");
}

#[tokio::test]
async fn a_page_of_a_proxy_is_no_answer_of_the_carriers() {
    let page = |status| ResponseTemplate::new(status).set_body_string("<html>sign in</html>");
    let gateway = |status: u16, body: Value| {
        ResponseTemplate::new(status).set_body_json(body).insert_header("server", "gateway")
    };
    let elsewhere = ResponseTemplate::new(307).insert_header("location", "https://elsewhere.example/");
    let pages = [page(400), page(401), page(403), page(404), page(409), page(503), elsewhere];
    let gateways = [
        gateway(404, json!({ "message": "no Route matched with those values" })),
        gateway(404, json!({ "code": 404, "message": "HTTP 404 Not Found" })),
        gateway(404, json!({ "status": 404, "message": "Not Found" })),
        gateway(400, json!({ "message": "Bad Request" })),
        gateway(401, json!({ "message": "Unauthorized" })),
        gateway(404, json!({ "message": "Not Found", "status": 400 }))
            .insert_header("twilio-request-id", "RQ1"),
    ];
    for answer in pages.into_iter().chain(gateways) {
        let server = answer_all(answer).await;
        let bought = buy(&server).await;
        assert!(is_unknown(&bought) && !bought.unwrap_err().is_definitive());
        assert!(is_unknown(&carrier(&server).release(SID).await));
        assert!(is_unknown(&carrier(&server).update(SID, &settings(), true).await));
        assert!(is_unavailable(&carrier(&server).find(&number("+12125550123")).await));
        assert!(is_unavailable(&carrier(&server).fetch(SID).await));
        assert!(carrier(&server).call("CA1").await.is_err(), "a live call would be taken for unknown");
    }
    let without_code = json!({ "message": "The requested resource was not found", "status": 404 });
    let gone =
        ResponseTemplate::new(404).set_body_json(without_code).insert_header("twilio-request-id", "RQ1");
    assert_eq!(carrier(&answer_all(gone).await).release(SID).await, Ok(()));
    let list = answer_all(refusal(404, 20404)).await;
    assert!(
        is_unavailable(&carrier(&list).find(&number("+12125550123")).await),
        "a look-up gives no verdict"
    );
    let refused = answer_all(refusal(401, 20003)).await;
    assert!(!buy(&refused).await.unwrap_err().is_definitive(), "it speaks of the account");
}

#[tokio::test]
async fn a_number_older_than_the_request_was_not_bought_by_it() {
    let dated = |ago| {
        let at = Clock::system().now() - TimeDelta::seconds(ago);
        let mut owned = owned(SID, "+12125550123");
        owned["date_created"] = json!(at.format("%a, %d %b %Y %H:%M:%S +0000").to_string());
        owned
    };
    for (ago, is_new) in [(0, true), (2, true), (30, false)] {
        let server = answer_all(ResponseTemplate::new(201).set_body_json(dated(ago))).await;
        let bought = buy(&server).await.unwrap();
        assert_eq!(matches!(bought, Purchase::New(_)), is_new, "{ago} s ago: {bought:?}");
    }
    // A carrier that takes long has bought it meanwhile.
    let slow = ResponseTemplate::new(201).set_body_json(dated(4)).set_delay(Duration::from_secs(2));
    let bought = buy(&answer_all(slow).await).await.unwrap();
    assert!(matches!(bought, Purchase::New(_)), "{bought:?}");
}

#[tokio::test]
async fn turned_away_is_not_carried_out() {
    let server = answer_all(refusal(429, 20429).insert_header("retry-after", "7")).await;
    let Err(CarrierError::Unavailable { retry_after, .. }) = buy(&server).await else { panic!() };
    assert_eq!(retry_after, Some(Duration::from_secs(7)));
    let server = answer_all(refusal(429, 20429).insert_header("retry-after", "18446744073709551615")).await;
    let Err(CarrierError::Unavailable { retry_after, .. }) = buy(&server).await else { panic!() };
    assert!(retry_after.unwrap() <= Duration::from_secs(3600));
    let time = HandClock::new();
    let at = time.clock().now() + TimeDelta::seconds(90);
    let date = at.format("%a, %d %b %Y %H:%M:%S GMT").to_string();
    let server = answer_all(refusal(429, 20429).insert_header("retry-after", date.as_str())).await;
    let dated = client_at(&server.uri(), Duration::from_secs(5), time.clock());
    let Err(CarrierError::Unavailable { retry_after, .. }) = dated.fetch(SID).await else { panic!() };
    assert!((89..=90).contains(&retry_after.unwrap().as_secs()), "{date}: {retry_after:?}");

    let closed = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let nobody = client(&format!("http://{closed}"), Duration::from_secs(5));
    assert!(is_unavailable(&nobody.buy(&number("+12125550123"), NAME).await));
}

#[tokio::test]
async fn a_lost_answer_leaves_a_write_open_and_a_read_undone() {
    let answers = [
        ResponseTemplate::new(503).set_body_string("<html>gateway</html>"),
        ResponseTemplate::new(500).set_body_json(json!({"code": 20500, "message": "x", "status": 500})),
        ResponseTemplate::new(201).set_body_string("{\"sid\": \"PN"),
        ResponseTemplate::new(201),
        ResponseTemplate::new(201)
            .set_body_json(owned(SID, "+12125550123"))
            .set_delay(Duration::from_secs(30)),
    ];
    for answer in answers {
        let server = answer_all(answer).await;
        let carrier = client(&server.uri(), Duration::from_millis(300));
        assert!(is_unknown(&carrier.buy(&number("+12125550123"), NAME).await));
        assert!(is_unknown(&carrier.update(SID, &settings(), true).await));
        assert!(is_unavailable(&carrier.search(&search(NumberType::Local), tenant(1)).await));
        assert!(is_unavailable(&carrier.find(&number("+12125550123")).await));
    }
    let server = answer_all(ResponseTemplate::new(502)).await;
    assert!(is_unknown(&carrier(&server).release(SID).await));
}

#[tokio::test]
async fn a_dropped_connection_leaves_a_write_open() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let carrier = client(&format!("http://{}", listener.local_addr().unwrap()), Duration::from_secs(5));
    let hang_up = tokio::spawn(async move {
        loop {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut read = [0; 4096];
            assert!(stream.read(&mut read).await.unwrap() > 0);
        }
    });
    assert!(is_unknown(&carrier.buy(&number("+12125550123"), NAME).await));
    assert!(is_unavailable(&carrier.fetch(SID).await));
    hang_up.abort();
}

#[tokio::test]
async fn another_number_than_asked_for_is_no_purchase() {
    let server = answer_all(ResponseTemplate::new(201).set_body_json(owned(SID, "+12125550124"))).await;
    let Err(CarrierError::OutcomeUnknown { reason }) = buy(&server).await else { panic!() };
    assert!(reason.contains(SID) && !reason.contains("5550124"), "{reason}");
}

#[tokio::test]
async fn a_search_asks_precisely_and_reads_leniently() {
    let server = MockServer::start().await;
    let found = json!({"uri": "/x", "available_phone_numbers": [
        {"phone_number": "+12125550123", "friendly_name": "(212) 555-0123", "locality": "New York", "region": "NY",
         "latitude": "40.7", "longitude": -74.0, "iso_country": "US", "address_requirements": "none",
         "capabilities": {"voice": true, "SMS": true, "MMS": false}},
        {"phone_number": "+18885550123", "friendly_name": null, "locality": null, "region": "", "capabilities": {}},
        {"phone_number": "12345", "friendly_name": "no number", "capabilities": null},
        {"phone_number": null},
    ]});
    Mock::given(method("GET"))
        .and(path(format!("/2010-04-01/Accounts/{ACCOUNT}/AvailablePhoneNumbers/US/Local.json")))
        .and(query_param("AreaCode", "212"))
        .and(query_param("PageSize", "5"))
        .respond_with(ResponseTemplate::new(200).set_body_json(found))
        .mount(&server)
        .await;
    Mock::given(path(format!("/2010-04-01/Accounts/{ACCOUNT}/AvailablePhoneNumbers/US/Mobile.json")))
        .respond_with(refusal(404, 20404))
        .mount(&server)
        .await;
    let carrier = carrier(&server);
    let numbers = carrier.search(&search(NumberType::Local), tenant(1)).await.unwrap();
    assert_eq!(numbers.len(), 2);
    assert_eq!((numbers[0].locality.as_deref(), numbers[0].capabilities.sms), (Some("New York"), true));
    assert_eq!(numbers[0].monthly_cost.to_string(), "1.15");
    assert_eq!((numbers[1].friendly_name.as_str(), numbers[1].region.as_deref()), ("+18885550123", None));
    assert_eq!(carrier.search(&search(NumberType::Mobile), tenant(1)).await, Ok(Vec::new()));
}

#[tokio::test]
async fn all_pages_or_none() {
    let server = MockServer::start().await;
    let next = format!("{NUMBERS}?PageSize=1000&Page=1&PageToken=PAabc%2F1");
    Mock::given(path(NUMBERS))
        .and(query_param("Page", "1"))
        .and(query_param("PageToken", "PAabc/1"))
        .respond_with(ResponseTemplate::new(200).set_body_json(
            json!({"incoming_phone_numbers": [owned("PN2", "+12125550124"), owned("PN3", "4711")], "next_page_uri": null}),
        ))
        .mount(&server)
        .await;
    Mock::given(path(NUMBERS))
        .respond_with(ResponseTemplate::new(200).set_body_json(
            json!({"incoming_phone_numbers": [owned("PN1", "+12125550123")], "next_page_uri": next}),
        ))
        .with_priority(6)
        .mount(&server)
        .await;
    let all = carrier(&server).owned().await.unwrap();
    assert_eq!(all.iter().map(|owned| owned.sid.as_str()).collect::<Vec<_>>(), ["PN1", "PN2"]);

    let elsewhere = MockServer::start().await;
    let server = answer_all(ResponseTemplate::new(200).set_body_json(
        json!({"incoming_phone_numbers": [], "next_page_uri": format!("{}{NUMBERS}", elsewhere.uri())}),
    ))
    .await;
    assert!(is_unavailable(&carrier(&server).owned().await));
    assert!(elsewhere.received_requests().await.unwrap().is_empty(), "the token went to another host");
}

#[tokio::test]
async fn a_number_is_found_by_its_exact_digits() {
    let server = MockServer::start().await;
    Mock::given(path(NUMBERS))
        .and(query_param("PhoneNumber", "+442079460123"))
        .respond_with(ResponseTemplate::new(200).set_body_json(
            json!({"incoming_phone_numbers": [owned("PN1", "+4420794601234"), owned("PN2", "+442079460123")], "next_page_uri": ""}),
        ))
        .mount(&server)
        .await;
    Mock::given(path(NUMBERS))
        .respond_with(ResponseTemplate::new(200).set_body_json(
            json!({"incoming_phone_numbers": [owned("PN1", "+12125550124")], "next_page_uri": null}),
        ))
        .with_priority(6)
        .mount(&server)
        .await;
    let carrier = carrier(&server);
    assert_eq!(carrier.find(&number("+442079460123")).await.unwrap().unwrap().sid, "PN2");
    assert_eq!(carrier.find(&number("+12125550123")).await, Ok(None));
    let sent = server.received_requests().await.unwrap();
    assert!(sent[0].url.query().unwrap().contains("PhoneNumber=%2B442079460123"));
}

#[tokio::test]
async fn an_update_clears_what_shadows_it_and_tells_what_stands() {
    let server = MockServer::start().await;
    Mock::given(method("POST"))
        .and(path(NUMBER))
        .and(body_string_contains("&VoiceApplicationSid=&TrunkSid="))
        .respond_with(ResponseTemplate::new(200).set_body_json(owned(SID, "+12125550123")))
        .mount(&server)
        .await;
    let mut shadowed = owned(SID, "+12125550123");
    shadowed["trunk_sid"] = json!("TK1");
    Mock::given(method("GET"))
        .and(path(NUMBER))
        .respond_with(ResponseTemplate::new(200).set_body_json(shadowed))
        .mount(&server)
        .await;
    let standing = carrier(&server).update(SID, &settings(), true).await.unwrap();
    assert_eq!(standing.trunk_sid.as_deref(), Some("TK1"));
}

#[tokio::test]
async fn gone_at_the_carrier_is_not_gone_on_the_way_there() {
    let server = answer_all(refusal(404, 20404)).await;
    assert_eq!(carrier(&server).release(SID).await, Ok(()));
    assert_eq!(carrier(&server).fetch(SID).await, Ok(None));
    assert_eq!(carrier(&server).call("CA1").await, Ok(None));
    // One that reads oddly is not gone.
    let server = answer_all(ResponseTemplate::new(200).set_body_json(owned(SID, "4711"))).await;
    assert!(is_unavailable(&carrier(&server).fetch(SID).await));
    let server = answer_all(ResponseTemplate::new(204)).await;
    assert_eq!(carrier(&server).release(SID).await, Ok(()));
    // An id that is none is asked of nobody, and counts as nothing done.
    let server = answer_all(ResponseTemplate::new(204)).await;
    for bad in ["", "PN/../Calls", "PN1?x=1", "."] {
        assert!(carrier(&server).release(bad).await.is_err(), "{bad}");
    }
    assert!(server.received_requests().await.unwrap().is_empty());
}

#[tokio::test]
async fn a_call_is_read_as_it_comes() {
    let call = json!({"sid": "CA1", "status": "completed", "duration": "61", "end_time": "Thu, 30 Jul 2026 23:19:04 +0000"});
    let server = answer_all(ResponseTemplate::new(200).set_body_json(call)).await;
    let call = carrier(&server).call("CA1").await.unwrap().unwrap();
    assert_eq!((call.word.as_str(), call.duration_seconds), ("completed", Some(61)));
    assert_eq!(call.ended_at.map(|at| at.timestamp()), Some(1_785_453_544));
}

#[tokio::test]
async fn only_a_handful_of_requests_run_at_once() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let carrier = client(&format!("http://{}", listener.local_addr().unwrap()), Duration::from_secs(20));
    let (now, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let (current, peak) = (now.clone(), most.clone());
    let slow = tokio::spawn(async move {
        loop {
            let (mut stream, _) = listener.accept().await.unwrap();
            let (current, peak) = (current.clone(), peak.clone());
            tokio::spawn(async move {
                assert!(stream.read(&mut [0; 4096]).await.unwrap() > 0);
                peak.fetch_max(current.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
                tokio::time::sleep(Duration::from_millis(100)).await;
                current.fetch_sub(1, Ordering::SeqCst);
                let answer = "HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";
                stream.write_all(answer.as_bytes()).await.unwrap();
            });
        }
    });
    let requests: Vec<_> = (0..15)
        .map(|_| {
            let carrier = carrier.clone();
            tokio::spawn(async move { carrier.fetch(SID).await })
        })
        .collect();
    for request in requests {
        assert!(is_unavailable(&request.await.unwrap()));
    }
    assert_eq!((most.load(Ordering::SeqCst), now.load(Ordering::SeqCst)), (5, 0));
    slow.abort();
}

/// Whether it was refused without being asked.
fn is_left_alone<T>(result: &Result<T, CarrierError>) -> bool {
    matches!(result, Err(CarrierError::Unavailable { breaker_open: true, retry_after: Some(_), .. }))
}

#[tokio::test]
async fn a_carrier_that_stays_down_is_left_alone_until_one_trial_finds_it_back() {
    let time = HandClock::new();
    let server = answer_all(refusal(429, 20429)).await;
    let carrier = client_at(&server.uri(), Duration::from_secs(30), time.clock());
    let asked = async || server.received_requests().await.unwrap().len();
    let answer = async |template: ResponseTemplate| {
        server.reset().await;
        Mock::given(wiremock::matchers::any()).respond_with(template).mount(&server).await;
    };
    for _ in 0..10 {
        assert!(!is_left_alone(&carrier.fetch(SID).await), "whoever turns requests away lives");
    }
    answer(ResponseTemplate::new(503)).await;
    for _ in 0..5 {
        assert!(!is_left_alone(&carrier.clone().release(SID).await));
    }
    assert_eq!(asked().await, 5);
    assert!(is_left_alone(&carrier.release(SID).await) && is_left_alone(&carrier.fetch(SID).await));
    time.advance(TimeDelta::milliseconds(9_999));
    assert!(is_left_alone(&carrier.buy(&number("+12125550123"), NAME).await));
    assert_eq!(asked().await, 5, "it was asked while it was left alone");

    time.advance(TimeDelta::milliseconds(1));
    assert!(is_unknown(&carrier.release(SID).await), "the trial");
    time.advance(TimeDelta::seconds(19));
    assert!(is_left_alone(&carrier.release(SID).await), "for twice as long after a trial that failed");
    assert_eq!(asked().await, 6);

    // A trial that nobody waits for any more makes room for the next.
    answer(ResponseTemplate::new(204).set_delay(Duration::from_secs(60))).await;
    time.advance(TimeDelta::seconds(1));
    let trial = tokio::spawn({
        let carrier = carrier.clone();
        async move { carrier.release(SID).await }
    });
    wait_until("the trial is under way", Duration::from_secs(10), async || {
        (asked().await == 1).then_some(())
    })
    .await;
    assert!(is_left_alone(&carrier.release(SID).await), "one trial at a time");
    trial.abort();
    assert!(trial.await.unwrap_err().is_cancelled());
    answer(ResponseTemplate::new(204)).await;
    for _ in 0..6 {
        assert_eq!(carrier.release(SID).await, Ok(()));
    }
}

#[tokio::test]
async fn a_failed_search_is_retried_shortly() {
    // What is answered first, if anything else than numbers, and how often; how it ends and how often it was asked.
    let browse = async |first: ResponseTemplate, times: u64, timeout: Duration| {
        let server = MockServer::start().await;
        Mock::given(wiremock::matchers::any()).respond_with(first).up_to_n_times(times).mount(&server).await;
        Mock::given(wiremock::matchers::any())
            .respond_with(ResponseTemplate::new(200).set_body_json(json!({"available_phone_numbers": []})))
            .with_priority(6)
            .mount(&server)
            .await;
        let found = client(&server.uri(), timeout).browse(&search(NumberType::Local), tenant(1)).await;
        (found.is_ok(), server.received_requests().await.unwrap().len())
    };
    let enough = Duration::from_secs(10);
    let wait = |seconds: &str| refusal(429, 20429).insert_header("retry-after", seconds);
    assert_eq!(browse(ResponseTemplate::new(503), 2, enough).await, (true, 3));
    assert_eq!(browse(ResponseTemplate::new(503), 3, enough).await, (false, 3));
    let begun = std::time::Instant::now();
    assert_eq!(browse(wait("1"), 1, enough).await, (true, 2));
    assert!(begun.elapsed() >= Duration::from_secs(1), "it asked for a second");
    assert_eq!(browse(wait("3"), 1, enough).await, (false, 1));
    assert_eq!(browse(wait("2"), 1, Duration::from_secs(1)).await, (false, 1), "past the deadline");
    assert_eq!(browse(refusal(400, 21999), 1, enough).await, (false, 1));

    let asked = async |server: &MockServer| server.received_requests().await.unwrap().len();
    let server = answer_all(refusal(429, 20429)).await;
    assert!(is_unavailable(&carrier(&server).owned().await));
    assert_eq!(asked(&server).await, 3);
    assert!(is_unavailable(&carrier(&server).search(&search(NumberType::Local), tenant(1)).await));
    assert!(is_unavailable(&carrier(&server).find(&number("+12125550123")).await));
    assert!(is_unavailable(&carrier(&server).release(SID).await));
    assert_eq!(asked(&server).await, 6, "an operation repeats its steps itself");
}

#[tokio::test]
async fn one_tenants_searches_delay_neither_calls_nor_other_tenants() {
    let server = MockServer::start().await;
    let none = json!({ "available_phone_numbers": [] });
    let slow = Duration::from_millis(400);
    Mock::given(method("GET"))
        .and(wiremock::matchers::path_regex("AvailablePhoneNumbers"))
        .respond_with(ResponseTemplate::new(200).set_body_json(none).set_delay(slow))
        .mount(&server)
        .await;
    Mock::given(method("GET"))
        .and(path(NUMBER))
        .respond_with(ResponseTemplate::new(200).set_body_json(owned(SID, "+12125550123")))
        .mount(&server)
        .await;
    let carrier = carrier(&server);
    let searching = |of: u128| {
        let carrier = carrier.clone();
        tokio::spawn(async move { carrier.browse(&search(NumberType::Local), tenant(of)).await })
    };
    let greedy: Vec<_> = (0..10).map(|_| searching(1)).collect();
    let many: Vec<_> = (3..10).map(searching).collect();
    wait_until("searches are under way", Duration::from_secs(5), async || {
        (server.received_requests().await.unwrap().len() >= 3).then_some(())
    })
    .await;
    let begun = std::time::Instant::now();
    assert!(carrier.fetch(SID).await.unwrap().is_some());
    assert!(begun.elapsed() < slow / 2, "a slot is left for what is no search");
    let other = searching(2);
    for search in many {
        search.await.unwrap().unwrap();
    }
    other.await.unwrap().unwrap();
    let under_way = greedy.iter().filter(|search| !search.is_finished()).count();
    assert!(under_way >= 5, "nine others have had their turns: {under_way} are left of the greedy one's");
    greedy.iter().for_each(tokio::task::JoinHandle::abort);
}
