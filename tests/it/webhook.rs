//! What the carrier and the voice provider call: proven or refused, and always with an answer a caller can hear.

use std::time::{Duration, Instant};

use aws_lc_rs::{digest, hmac};
use reqwest::Method;
use serde_json::{Value, json};
use switchboard::accounts::{Accounts, AccountsConfig};
use switchboard::calls::{CallRecords, Conversations, KeptNumbers, Sweep};
use switchboard::carrier::{Carrier, CarrierConfig};
use switchboard::domain::{Clock, Dialing, Entropy, Webhook};
use switchboard::messages::Inbox;
use switchboard::routing::{Routing, RoutingConfig};
use switchboard::sandbox::Credentials;
use switchboard::store::{Database, DatabaseConfig};
use switchboard::voice::{Voice, VoiceConfig};
use switchboard::webhooks::{self, Receivers, WebhookConfig};
use tokio::net::TcpListener;

use crate::support::calls::{CALLER, verbs};
use crate::support::practice::Practice;
use crate::support::wait_until;
use crate::support::webhooks::{FORM, INCOMING, client, encoded, post, sid, signature, twiml};

/// A public address that numbers were bought for and that the server had before.
const PREVIOUS_URL: &str = "https://calls.example.org";

#[tokio::test]
async fn a_call_reaches_its_agent_and_its_end_is_recorded() {
    let practice = Practice::open(json!({})).await;
    let stir = "TN-Validation-Passed-A";
    let order = json!({"to": practice.number, "from": CALLER, "duration_seconds": 42, "stir": stir});
    let call = practice.app.place_call(order).await;
    assert_eq!(call["agent"]["agent_id"], practice.made["agent"]["elevenlabsAgentId"], "{call}");
    assert_eq!(verbs(&call), [["Connect"]]);
    let expected = json!({
        "sid": call["call_sid"], "from": CALLER, "callerAttestation": stir, "to": practice.number,
        "status": "COMPLETED", "outcome": "AGENT", "estimatedCost": "0.0085",
        "durationSeconds": 42, "conversationId": call["conversation_id"], "agent": {"id": practice.made["agent"]["id"]},
    });
    assert_eq!(practice.calls().await, [expected]);

    // What comes late, twice or from nowhere changes nothing and is no error.
    let sid = call["call_sid"].as_str().unwrap();
    for (about, status) in [(sid, "ringing"), (sid, "completed"), (sid, "parked"), ("CA00", "completed")] {
        let mut form = practice.ringing(about);
        form.retain(|(name, _)| name != "CallStatus");
        form.push(("CallStatus".to_owned(), status.to_owned()));
        assert_eq!(
            twiml(practice.send(Webhook::CallStatus.path(), &form).await).await.0,
            [""; 0],
            "{status}"
        );
    }
    assert_eq!(practice.calls().await[0]["status"], "COMPLETED");
}

#[tokio::test]
async fn what_proves_nothing_is_refused_and_leaves_no_trace() {
    let practice = Practice::open(json!({})).await;
    let url = format!("{}{INCOMING}", practice.app.base_url());
    let token = Credentials::development().auth_token;
    let form = practice.ringing(&sid(1));
    let good = signature(&token, &url, &form);
    let mut foreign = form.clone();
    foreign.iter_mut().filter(|(name, _)| name == "AccountSid").for_each(|(_, value)| {
        *value = "AC00000000000000000000000000000001".to_owned();
    });
    let mut more = form.clone();
    more.push(("ForwardedFrom".to_owned(), CALLER.to_owned()));
    let json_body = json!({"CallSid": sid(1), "To": practice.number}).to_string();
    let refused = [
        (403, FORM, None, encoded(&form)),
        (403, FORM, Some(String::new()), encoded(&form)),
        (403, FORM, Some(signature("another token", &url, &form)), encoded(&form)),
        (403, FORM, Some(signature(&token, &format!("{url}/"), &form)), encoded(&form)),
        (403, FORM, Some(good.clone()), encoded(&more)),
        (403, FORM, Some(signature(&token, &url, &foreign)), encoded(&foreign)),
        (403, "application/json", Some(signature(&token, &url, &[])), json_body),
        (415, "text/plain", Some(good.clone()), encoded(&form)),
        (413, FORM, Some(good.clone()), "a=".to_owned() + &"x".repeat(70_000)),
    ];
    for (status, content_type, signature, body) in refused {
        let start: String = body.chars().take(80).collect();
        let answer = post(&url, content_type, signature.as_deref(), body).await;
        assert_eq!(answer.status(), status, "{content_type} {signature:?} {start}");
    }
    for path in ["incoming", "fallback", "dial", "status"] {
        let url = format!("{}/api/webhooks/call/{path}", practice.app.base_url());
        assert_eq!(post(&url, FORM, Some("AAAA"), encoded(&form)).await.status(), 403, "{path}");
        let get = client().request(Method::GET, &url).query(&form).send().await.unwrap();
        assert_eq!(get.status(), 403, "{path}");
        let query = format!("{url}?{}", encoded(&form));
        let head = client().request(Method::HEAD, &query).header("content-type", FORM);
        let head = head.header("x-twilio-signature", signature(&token, &query, &[])).send().await.unwrap();
        assert_eq!(
            (head.status().as_u16(), &head.headers()["allow"]),
            (405, &"GET, POST".parse().unwrap()),
            "{path}"
        );
        let put = client().request(Method::PUT, &url).query(&form).send().await.unwrap();
        assert_eq!(put.status(), 405, "{path}");
    }
    assert_eq!(practice.calls().await, [json!(null); 0]);
    assert_eq!(twiml(practice.send(INCOMING, &form).await).await.0, ["Connect"]);
}

#[tokio::test]
async fn json_is_taken_with_the_hash_of_its_body() {
    let practice = Practice::open(json!({})).await;
    let body: serde_json::Map<_, _> =
        practice.ringing(&sid(2)).into_iter().map(|(name, value)| (name, json!(value))).collect();
    let body = Value::Object(body).to_string();
    let hash: String = digest::digest(&digest::SHA256, body.as_bytes())
        .as_ref()
        .iter()
        .map(|b| format!("{b:02x}"))
        .collect();
    let url = format!("{}{INCOMING}?source=proxy&bodySHA256={hash}", practice.app.base_url());
    let signature = signature(&Credentials::development().auth_token, &url, &[]);
    let other = post(&url, "application/json", Some(&signature), body.replace("ringing", "queued")).await;
    assert_eq!(other.status(), 403);
    let answer = post(&url, "application/json; charset=utf-8", Some(&signature), body).await;
    assert_eq!(twiml(answer).await.0, ["Connect"]);
    assert_eq!(practice.calls().await[0]["sid"], sid(2));
}

#[tokio::test]
async fn a_repeated_call_is_answered_as_before() {
    let practice = Practice::open(json!({})).await;
    let form = practice.ringing(&sid(3));
    let at_once = (0..8).map(|_| async { twiml(practice.send(INCOMING, &form).await).await.1 });
    let mut given = futures_util::future::join_all(at_once).await;
    given.push(twiml(practice.send(INCOMING, &form).await).await.1);
    practice.update(json!({"status": "INACTIVE"})).await;
    given.push(twiml(practice.send(INCOMING, &form).await).await.1);
    assert!(given.iter().all(|twiml| *twiml == given[0]), "{given:?}");
    assert_eq!((practice.conversations().await, practice.calls().await.len()), (1, 1));
}

#[tokio::test]
async fn without_its_agent_a_call_goes_to_the_fallback_number_or_hears_a_sentence() {
    let practice = Practice::open(json!({"language": "de"})).await;
    let call = || practice.app.place_call(json!({"to": practice.number}));
    let outcome = async || practice.calls().await[0]["outcome"].clone();

    practice.update(json!({"status": "INACTIVE"})).await;
    let heard = call().await;
    assert_eq!(verbs(&heard), [["Say"]]);
    let sentence = heard["answered_with"][0]["twiml"].as_str().unwrap();
    assert!(sentence.contains(r#"language="de-DE""#) && sentence.contains("Es tut uns leid"), "{sentence}");
    assert_eq!(outcome().await, "UNAVAILABLE");

    practice.update(json!({"fallbackNumber": "+1 212 555 0142"})).await;
    let reached = practice.app.place_call(json!({"to": practice.number, "dial_result": "completed"})).await;
    assert_eq!(verbs(&reached), [["Dial"], ["Hangup"]]);
    assert!(reached["answered_with"][0]["twiml"].as_str().unwrap().contains("+12125550142"), "{reached}");
    assert_eq!(outcome().await, "FALLBACK");
    let unanswered =
        practice.app.place_call(json!({"to": practice.number, "dial_result": "no-answer"})).await;
    assert_eq!(verbs(&unanswered), [["Dial"], ["Say"]]);
    assert_eq!(outcome().await, "UNAVAILABLE");

    // A fallback number that is the number called would ring for ever.
    practice.update(json!({"fallbackNumber": null})).await;
    assert_eq!(verbs(&call().await), [["Say"]]);
    assert_eq!(practice.conversations().await, 0);
}

#[tokio::test]
async fn a_plan_that_is_used_up_is_busy() {
    let practice = Practice::open(json!({})).await;
    let hold = || practice.app.place_call(json!({"to": practice.number, "hold": true}));
    let mut held = Vec::new();
    for _ in 0..10 {
        held.push(hold().await);
    }
    assert!(held.iter().all(|call| verbs(call) == [["Connect"]]), "{held:?}");
    assert_eq!(verbs(&hold().await), [["Say"]]);
    assert_eq!(practice.calls().await[0]["outcome"], "BUSY");
    practice.update(json!({"fallbackNumber": "+12125550142"})).await;
    assert_eq!(verbs(&hold().await)[0], ["Dial"]);

    let sid = held[0]["call_sid"].as_str().unwrap();
    let hang_up = format!("{}/sandbox/calls/{sid}/hangup", practice.app.sandbox_url());
    assert!(client().post(hang_up).send().await.unwrap().status().is_success());
    assert_eq!(verbs(&hold().await), [["Connect"]]);
}

#[tokio::test]
async fn a_failing_or_slow_provider_costs_the_caller_seconds_and_no_more() {
    let practice = Practice::open(json!({"fallbackNumber": "+12125550142"})).await;
    let register = json!({"provider": "elevenlabs", "path_contains": "register-call"});
    let faults = [
        json!({"status": 500}),
        json!({"status": 429, "code": "concurrent_limit_exceeded"}),
        json!({"status": 502, "body": "<html>Bad Gateway</html>"}),
        json!({"lose": "before"}),
        json!({"delay_ms": 60_000}),
    ];
    for (at, action) in faults.into_iter().enumerate() {
        practice.app.faults(json!({"match": register, "action": action, "times": 4})).await;
        let form = practice.ringing(&sid(40 + u8::try_from(at).unwrap()));
        let asked = Instant::now();
        let (verbs, text) = twiml(practice.send(INCOMING, &form).await).await;
        assert!(asked.elapsed() < Duration::from_secs(8), "{action}: {:?}", asked.elapsed());
        assert_eq!(verbs, ["Dial"], "{action}: {text}");
        // On a busy machine the answer may wait in the journal for a moment.
        wait_until("the answer is on record", Duration::from_secs(10), async || {
            (practice.calls().await[0]["outcome"] == "FALLBACK").then_some(())
        })
        .await;
        practice.app.clear_faults().await;
    }
    assert_eq!(twiml(practice.send(INCOMING, &practice.ringing(&sid(60))).await).await.0, ["Connect"]);
}

#[tokio::test]
async fn a_provider_that_stays_down_costs_the_caller_nothing_and_is_tried_again_later() {
    let practice = Practice::open(json!({"fallbackNumber": "+12125550142"})).await;
    let register = json!({"provider": "elevenlabs", "path_contains": "register-call"});
    practice.app.faults(json!({"match": register, "action": {"status": 503}})).await;
    for at in 0..3 {
        let form = practice.ringing(&sid(70 + at));
        assert_eq!(twiml(practice.send(INCOMING, &form).await).await.0, ["Dial"]);
    }
    practice.app.clear_faults().await;
    practice.app.faults(json!({"match": register, "action": {"delay_ms": 60_000}, "times": 1})).await;
    let asked = Instant::now();
    assert_eq!(twiml(practice.send(INCOMING, &practice.ringing(&sid(80))).await).await.0, ["Dial"]);
    assert!(asked.elapsed() < Duration::from_secs(2), "the caller waited {:?}", asked.elapsed());
    assert_eq!(practice.app.pending_faults().await, 1, "the provider was asked");
    practice.app.clear_faults().await;
    practice.app.advance(Duration::from_secs(10));
    assert_eq!(twiml(practice.send(INCOMING, &practice.ringing(&sid(81))).await).await.0, ["Connect"]);
}

#[tokio::test]
async fn an_answer_that_failed_at_the_carrier_is_not_tried_again() {
    let practice = Practice::open(json!({"fallbackNumber": "+12125550142"})).await;
    assert_eq!(twiml(practice.send(INCOMING, &practice.ringing(&sid(5))).await).await.0, ["Connect"]);
    let form = practice.ringing(&sid(5));
    assert_eq!(twiml(practice.send(Webhook::CallFallback.path(), &form).await).await.0, ["Dial"]);
    practice.update(json!({"fallbackNumber": null})).await;
    let form = practice.ringing(&sid(6));
    assert_eq!(twiml(practice.send(Webhook::CallFallback.path(), &form).await).await.0, ["Say"]);
    assert_eq!((practice.conversations().await, practice.calls().await.len()), (1, 2));
}

#[tokio::test]
async fn an_odd_request_still_gets_an_answer_a_caller_can_hear() {
    let practice = Practice::open(json!({})).await;
    let odd: [(&str, Option<&str>); 6] = [
        ("To", Some("+13055550111")),
        ("To", Some("client:reception")),
        ("To", Some("")),
        ("To", None),
        ("CallSid", Some("../../etc")),
        ("CallSid", None),
    ];
    for (name, value) in odd {
        let mut form = practice.ringing(&sid(7));
        form.retain(|(other, _)| other != name);
        form.extend(value.map(|value| (name.to_owned(), value.to_owned())));
        for path in [INCOMING, Webhook::CallFallback.path()] {
            let (verbs, text) = twiml(practice.send(path, &form).await).await;
            assert_eq!(verbs, ["Say"], "{name} {value:?}: {text}");
        }
    }
    let form = practice.ringing(&sid(7));
    assert_eq!(twiml(practice.send(Webhook::DialEnded.path(), &form).await).await.0, ["Say"]);
    assert_eq!(practice.calls().await, [json!(null); 0]);
    let mut hidden = practice.ringing(&sid(8));
    hidden.iter_mut().filter(|(name, _)| name == "From").for_each(|(_, from)| *from = "anonymous".to_owned());
    assert_eq!(twiml(practice.send(INCOMING, &hidden).await).await.0, ["Connect"]);
    assert_eq!(practice.calls().await[0]["from"], "anonymous");
}

/// The routes alone, over a database without a practice and a voice provider that is not there.
struct Bare {
    database: Database,
    folder: tempfile::TempDir,
}

impl Bare {
    async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let settings = DatabaseConfig {
            url: format!("sqlite://{}", folder.path().join("bare.db").display()).into(),
            listen_url: None,
            max_connections: 2,
            acquire_timeout: Duration::from_secs(1),
        };
        let database = Database::connect(&settings, Clock::system()).await.unwrap();
        database.migrate().await.unwrap();
        Self { database, folder }
    }

    /// Serves the routes and gives their address, without a slash at the end.
    async fn serve(&self, auth_tokens: &[&str], elevenlabs_secrets: &[&str]) -> String {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        let base_url: url::Url = address.parse().unwrap();
        let nobody = "http://127.0.0.1:1".parse().unwrap();
        let voice = VoiceConfig { base_url: nobody, api_key: "k".into(), timeout: Duration::from_secs(1) };
        let voice = Voice::new(voice, Clock::system(), Entropy::system()).unwrap();
        let conversations = Conversations::new(self.database.system(), voice.clone(), Clock::system(), false);
        let carrier = CarrierConfig {
            base_url: "http://127.0.0.1:1".parse().unwrap(),
            account_sid: Credentials::development().account_sid,
            auth_token: "t".into(),
            timeout: Duration::from_secs(1),
        };
        let carrier = Carrier::new(carrier, Clock::system(), Entropy::system()).unwrap();
        let accounts = AccountsConfig {
            platform_token: auth_tokens[0].into(),
            platform_token_previous: auth_tokens.get(1).map(|token| (*token).into()),
            subaccounts: false,
            encryption_key: None,
            encryption_key_previous: None,
            state_dir: self.folder.path().join("state"),
        };
        let accounts = Accounts::new(accounts, carrier, self.database.system(), Clock::system()).unwrap();
        let sweep = Sweep::new(self.database.system(), accounts.clone(), Clock::system());
        let (state_dir, answer_deadline) = (self.folder.path().join("state"), Duration::from_secs(1));
        let records =
            CallRecords::open(&state_dir, answer_deadline, self.database.system(), Clock::system()).unwrap();
        let routing = Routing::new(
            RoutingConfig { answer_deadline, state_dir, dialing: Dialing { countries: None, premium: true } },
            self.database.system(),
            voice,
            records.clone(),
            sweep,
            Clock::system(),
            Entropy::system(),
        );
        let inbox = Inbox::open(self.database.system(), self.folder.path().join("messages"), Clock::system())
            .unwrap();
        let config = WebhookConfig {
            base_url,
            previous_base_url: Some(PREVIOUS_URL.parse().unwrap()),
            elevenlabs_secrets: elevenlabs_secrets.iter().map(|secret| (*secret).into()).collect(),
        };
        let kept = KeptNumbers::new(self.database.system());
        let clock = Clock::system();
        let receivers = Receivers { routing, records, conversations, inbox, kept };
        let router = webhooks::router(config, accounts, receivers, clock);
        tokio::spawn(async move { axum::serve(listener, router).await });
        address
    }
}

#[tokio::test]
async fn two_tokens_are_good_and_without_a_database_a_caller_still_hears_a_sentence() {
    let bare = Bare::new().await;
    let url = format!("{}{INCOMING}", bare.serve(&["new", "previous"], &[]).await);
    let account = Credentials::development().account_sid;
    let pairs = [("AccountSid", account.as_str()), ("CallSid", "CA1"), ("To", "+12125550123")];
    let form = pairs.map(|(name, value)| (name.to_owned(), value.to_owned()));
    let send = async |token| post(&url, FORM, Some(&signature(token, &url, &form)), encoded(&form)).await;
    for token in ["new", "previous"] {
        assert_eq!(twiml(send(token).await).await.0, ["Say"], "{token}");
    }
    assert_eq!(send("older").await.status(), 403);
    // Numbers that do not point to the new address yet are signed for with the old one.
    let other = |base: &str| signature("new", &format!("{base}{INCOMING}"), &form);
    let previous = post(&url, FORM, Some(&other(PREVIOUS_URL)), encoded(&form)).await;
    assert_eq!(twiml(previous).await.0, ["Say"]);
    let elsewhere = post(&url, FORM, Some(&other("https://elsewhere.example.org")), encoded(&form)).await;
    assert_eq!(elsewhere.status(), 403);
    bare.database.clone().close().await;
    assert_eq!(twiml(send("new").await).await.0, ["Say"]);
    let dial = url.replace("incoming", "dial");
    let mut form = form.to_vec();
    form.push(("DialCallStatus".to_owned(), "busy".to_owned()));
    let answer = post(&dial, FORM, Some(&signature("new", &dial, &form)), encoded(&form)).await;
    assert_eq!(twiml(answer).await.0, ["Say"]);
}

#[tokio::test]
async fn events_of_the_voice_provider_are_proven_and_sent_again_when_they_cannot_be_kept() {
    let bare = Bare::new().await;
    let serve = async |secrets| format!("{}/api/webhooks/elevenlabs", bare.serve(&["t"], secrets).await);
    let send = async |url: &str, secret: &str, body: Value, age: i64| {
        let (at, body) = (Clock::system().now().timestamp() - age, body.to_string());
        let key = hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes());
        let digest = hmac::sign(&key, format!("{at}.{body}").as_bytes());
        let digest: String = digest.as_ref().iter().map(|b| format!("{b:02x}")).collect();
        let signature = format!("t={at},v0={digest}");
        let request = client().post(url).header("ElevenLabs-Signature", signature).body(body);
        request.send().await.unwrap().status().as_u16()
    };
    let ended =
        || json!({"type": "post_call_transcription", "data": {"conversation_id": "conv_1", "metadata": {}}});

    let unconfigured = serve(&[]).await;
    assert_eq!(send(&unconfigured, "wsec_1", ended(), 0).await, 404);
    let url = serve(&["wsec_1", "wsec_0"]).await;
    assert_eq!(send(&url, "wsec_2", ended(), 0).await, 401);
    assert_eq!(send(&url, "wsec_0", ended(), 0).await, 200, "the secret before");
    assert_eq!(send(&url, "wsec_1", ended(), 3600).await, 401);
    assert_eq!(client().post(&url).body(ended().to_string()).send().await.unwrap().status(), 401);
    assert_eq!(client().get(&url).send().await.unwrap().status(), 405);
    let long = json!({"padding": "x".repeat(1_100_000)});
    assert_eq!(send(&url, "wsec_1", long.clone(), 0).await, 200);
    assert_eq!(send(&url, "wsec_2", long, 0).await, 401);
    for known in [ended(), json!({"type": "voice_removal_notice"}), json!({"no": "type"}), json!([])] {
        assert_eq!(send(&url, "wsec_1", known.clone(), 0).await, 200, "{known}");
    }
    bare.database.clone().close().await;
    assert_eq!(send(&url, "wsec_1", ended(), 0).await, 503);
}

#[tokio::test]
async fn a_number_that_is_set_to_get_is_answered_all_the_same() {
    let practice = Practice::open(json!({})).await;
    let form = practice.ringing(&sid(1));
    let url = format!("{}{INCOMING}?{}", practice.app.base_url(), encoded(&form));
    let get = async |url: &str, signature: &str| {
        client().get(url).header("X-Twilio-Signature", signature).send().await.unwrap()
    };
    let signed = signature(&Credentials::development().auth_token, &url, &[]);
    assert_eq!(twiml(get(&url, &signed).await).await.0, ["Connect"]);
    // What is signed is the whole address, not a form.
    let as_form = format!("{}{INCOMING}", practice.app.base_url());
    let as_form = signature(&Credentials::development().auth_token, &as_form, &form);
    assert_eq!(get(&url, &as_form).await.status(), 403);
    assert_eq!(get(&format!("{url}&x=1"), &signed).await.status(), 403);
    assert_eq!(practice.calls().await.len(), 1);
}
