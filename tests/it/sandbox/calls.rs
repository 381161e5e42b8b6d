//! Calls placed as the carrier places them, against a receiver that works out the signature for itself.

use std::sync::{Arc, Mutex};

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

use crate::support::sandbox::{World, text};

/// The path of a request and its form fields.
type Asked = (String, Vec<(String, String)>);

/// A number's owner: what it was asked, and what it answers next to each path.
#[derive(Clone)]
struct Receiver {
    base: String,
    auth_token: String,
    asked: Arc<Mutex<Vec<Asked>>>,
    answers: Arc<Mutex<Vec<(String, StatusCode, String)>>>,
    raw: Arc<Mutex<Vec<(HeaderMap, Bytes)>>>,
}

impl Receiver {
    async fn start(auth_token: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let receiver = Self {
            base: format!("http://{}", listener.local_addr().unwrap()),
            auth_token: auth_token.to_owned(),
            asked: Arc::default(),
            answers: Arc::default(),
            raw: Arc::default(),
        };
        let router = Router::new().fallback(any(answer)).with_state(receiver.clone());
        tokio::spawn(async move { axum::serve(listener, router).await });
        receiver
    }

    fn says(&self, path: &str, status: u16, body: &str) {
        let mut answers = self.answers.lock().unwrap();
        answers.retain(|(known, ..)| known != path);
        answers.push((path.to_owned(), StatusCode::from_u16(status).unwrap(), body.to_owned()));
    }

    /// The requests since the last time, as path and fields.
    fn asked(&self) -> Vec<Asked> {
        std::mem::take(&mut *self.asked.lock().unwrap())
    }

    async fn number(&self, world: &World) -> Value {
        let (voice, fallback, status) = (
            format!("{}/voice?x=1", self.base),
            format!("{}/fallback", self.base),
            format!("{}/status", self.base),
        );
        let urls = [("VoiceUrl", &*voice), ("VoiceFallbackUrl", &*fallback), ("StatusCallback", &*status)];
        world.buy(&[&[("AreaCode", "415")], &urls[..]].concat()).await
    }
}

async fn answer(
    State(receiver): State<Receiver>,
    OriginalUri(uri): OriginalUri,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let mut fields: Vec<(String, String)> = form_urlencoded::parse(&body).into_owned().collect();
    fields.sort();
    let mut text = format!("{}{uri}", receiver.base);
    fields.iter().for_each(|(name, value)| text.extend([name.as_str(), value.as_str()]));
    let key = hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, receiver.auth_token.as_bytes());
    let expected = STANDARD.encode(hmac::sign(&key, text.as_bytes()));
    receiver.raw.lock().unwrap().push((headers.clone(), body));
    if uri.path() != "/event" && headers.get("x-twilio-signature").is_none_or(|given| *given != *expected) {
        return StatusCode::FORBIDDEN.into_response();
    }
    receiver.asked.lock().unwrap().push((uri.path().to_owned(), fields));
    let answers = receiver.answers.lock().unwrap();
    match answers.iter().find(|(path, ..)| path == uri.path()) {
        Some((_, status, body)) => (*status, [("content-type", "text/xml")], body.clone()).into_response(),
        None => StatusCode::NO_CONTENT.into_response(),
    }
}

fn field<'a>(fields: &'a [(String, String)], name: &str) -> &'a str {
    fields.iter().find(|(known, _)| known == name).map_or("", |(_, value)| value)
}

async fn registered(world: &World, agent_id: &str, to: &str) -> String {
    let body = json!({"agent_id": agent_id, "from_number": "+13125550199", "to_number": to});
    let (status, twiml) = world.eleven(Method::POST, "/v1/convai/twilio/register-call", body).await;
    assert_eq!(status, 200);
    twiml.as_str().unwrap().to_owned()
}

#[tokio::test]
async fn a_signed_call_reaches_the_agent_and_its_end_is_reported() {
    let world = World::start().await;
    let receiver = Receiver::start(&world.credentials.auth_token).await;
    let number = receiver.number(&world).await;
    let to = text(&number, "phone_number");
    let agent_id = world.agent("Reception", "ulaw_8000").await;
    receiver.says("/voice", 200, &registered(&world, &agent_id, &to).await);

    let order = json!({"to": to, "from": "+13125550142", "duration_seconds": 61, "stir": "TN-Validation-Passed-A",
                       "parameters": {"CallerName": "Žofie & Söhne + x"}});
    let (status, call) = world.lever(Method::POST, "calls", order).await;
    assert_eq!(status, 200, "{call}");
    assert_eq!((&call["status"], &call["duration_seconds"]), (&json!("completed"), &json!(61)));
    assert_eq!(call["agent"]["agent_id"], agent_id);
    assert!(
        call["heard"][0].as_str().unwrap().starts_with("connected to agent Reception (conversation conv_")
    );
    assert_eq!(call["status_callback"]["status"], 204);

    let asked = receiver.asked();
    let [(first, voice), (second, end)] = &asked[..] else { panic!("{asked:?}") };
    assert_eq!((first.as_str(), second.as_str()), ("/voice", "/status"));
    assert_eq!((field(voice, "CallStatus"), field(voice, "To")), ("ringing", to.as_str()));
    assert_eq!(field(voice, "StirVerstat"), "TN-Validation-Passed-A");
    assert_eq!((field(end, "CallStatus"), field(end, "CallDuration")), ("completed", "61"));
    assert_eq!((field(end, "CallSid"), field(end, "Duration")), (field(voice, "CallSid"), "2"));

    let (_, logged) = world.read(&format!("Calls/{}.json", text(&call, "call_sid"))).await;
    assert_eq!((&logged["duration"], &logged["price"]), (&json!("61"), &json!("-0.0170")));
    let path = format!("/v1/convai/conversations/{}", text(&call, "conversation_id"));
    let (_, conversation) = world.eleven(Method::GET, &path, Value::Null).await;
    assert_eq!(
        (&conversation["status"], &conversation["metadata"]["call_duration_secs"]),
        (&json!("done"), &json!(61))
    );
    let (_, list) = world
        .eleven(Method::GET, &format!("/v1/convai/conversations?agent_id={agent_id}"), Value::Null)
        .await;
    assert_eq!(list["conversations"].as_array().unwrap().len(), 1);

    let event = json!({"conversation_id": call["conversation_id"], "url": format!("{}/event", receiver.base),
                       "secret": "wsec_test"});
    assert_eq!(world.lever(Method::POST, "post-call", event).await.1["status"], 204);
    let (headers, body) = receiver.raw.lock().unwrap().last().cloned().unwrap();
    let header = headers["elevenlabs-signature"].to_str().unwrap();
    let (time, digest) = header.strip_prefix("t=").unwrap().split_once(",v0=").unwrap();
    let key = hmac::Key::new(hmac::HMAC_SHA256, b"wsec_test");
    let expected = hmac::sign(&key, &[time.as_bytes(), b".", &body].concat());
    let expected: String = expected.as_ref().iter().map(|byte| format!("{byte:02x}")).collect();
    assert_eq!(digest, expected);
    let event: Value = serde_json::from_slice(&body).unwrap();
    assert_eq!(event["data"], conversation);
    assert_eq!(world.lever(Method::POST, "calls", json!({"to": "+12125550101"})).await.0, 404);
}

#[tokio::test]
async fn a_held_call_is_in_progress_until_it_is_hung_up() {
    let world = World::start().await;
    let receiver = Receiver::start(&world.credentials.auth_token).await;
    let number = receiver.number(&world).await;
    let to = text(&number, "phone_number");
    let agent_id = world.agent("Reception", "pcm_16000").await;
    for by_carrier in [false, true] {
        receiver.says("/voice", 200, &registered(&world, &agent_id, &to).await);
        let (_, call) = world.lever(Method::POST, "calls", json!({"to": to, "hold": true})).await;
        assert_eq!(call["status"], "in-progress");
        assert!(call["heard"][0].as_str().unwrap().contains("noise"), "{call}");
        assert_eq!(receiver.asked().len(), 1, "no status callback yet");
        let sid = text(&call, "call_sid");
        let path = format!("Calls/{sid}.json");
        if by_carrier {
            assert_eq!(world.form(&path, &[("Status", "completed")]).await.1["status"], "completed");
            assert_eq!(world.form(&path, &[("Status", "completed")]).await.1["code"], 21220);
        } else {
            let (_, ended) = world.lever(Method::POST, &format!("calls/{sid}/hangup"), Value::Null).await;
            assert_eq!(ended["status_callback"]["status"], 204);
            assert_eq!(world.lever(Method::POST, &format!("calls/{sid}/hangup"), Value::Null).await.0, 404);
            assert_eq!(receiver.asked().len(), 1);
        }
    }
    let (_, listed) = world.read("Calls.json?Status=completed&PageSize=1").await;
    assert_eq!(listed["calls"].as_array().unwrap().len(), 1);
    assert!(listed["next_page_uri"].as_str().unwrap().contains("Status=completed"));
}

#[tokio::test]
async fn twiml_is_executed_and_a_failed_response_leads_to_the_fallback() {
    let world = World::start().await;
    let receiver = Receiver::start(&world.credentials.auth_token).await;
    let number = receiver.number(&world).await;
    let to = text(&number, "phone_number");
    let place = async |order: Value| {
        let mut whole = json!({"to": to});
        whole.as_object_mut().unwrap().extend(order.as_object().unwrap().clone());
        world.lever(Method::POST, "calls", whole).await.1
    };
    let dial = "<Response><Say>One moment &amp; wait</Say><Dial action=\"/after?a=1&amp;b=2\"><Number>+13125550101\
                </Number></Dial><Say>never</Say></Response>";
    receiver.says("/voice", 200, dial);
    receiver.says("/after", 200, "<Response><Redirect>/last</Redirect></Response>");
    receiver.says("/last", 200, "<Response><Say>Nobody is here</Say><Hangup/></Response>");
    let call = place(json!({"dial_result": "busy"})).await;
    assert_eq!(
        call["heard"],
        json!(["say: One moment & wait", "dial +13125550101: busy", "say: Nobody is here", "hangup"])
    );
    let asked = receiver.asked();
    let paths: Vec<&str> = asked.iter().map(|(path, _)| path.as_str()).collect();
    assert_eq!(paths, ["/voice", "/after", "/last", "/status"]);
    assert_eq!(field(&asked[1].1, "DialCallStatus"), "busy");
    assert_eq!(field(&asked[1].1, "CallStatus"), "in-progress");

    receiver.says("/fallback", 200, "<Response><Say>Sorry</Say></Response>");
    let broken = [(500, "<Response/>", "11200"), (200, "<Response>", "12100"), (200, "<html/>", "12100")];
    for (status, body, code) in broken {
        receiver.says("/voice", status, body);
        let call = place(json!({})).await;
        assert_eq!(
            (&call["status"], &call["heard"]),
            (&json!("completed"), &json!(["say: Sorry"])),
            "{call}"
        );
        let asked = receiver.asked();
        assert_eq!((asked[1].0.as_str(), field(&asked[1].1, "ErrorCode")), ("/fallback", code));
    }
    receiver.says("/fallback", 502, "");
    assert_eq!(place(json!({})).await["status"], "failed");
    receiver.says("/voice", 200, "<Response><Redirect>/voice</Redirect></Response>");
    assert_eq!(place(json!({})).await["status"], "failed", "an endless redirect ends");
    receiver.says("/voice", 200, "<Response><Reject reason=\"busy\"/></Response>");
    assert_eq!(place(json!({})).await["status"], "busy");

    let agent_id = world.agent("Reception", "ulaw_8000").await;
    let change = json!({"conversation_config": {"agent": {"first_message": "Hello {{caller}}"}}});
    world.eleven(Method::PATCH, &format!("/v1/convai/agents/{agent_id}"), change).await;
    receiver.says("/voice", 200, &registered(&world, &agent_id, &to).await);
    let call = place(json!({})).await;
    assert!(call["heard"][0].as_str().unwrap().contains("caller has no value"), "{call}");
    assert_eq!(call["agent"], Value::Null);

    let path = format!("IncomingPhoneNumbers/{}.json", text(&number, "sid"));
    world.form(&path, &[("VoiceApplicationSid", &format!("AP{}", "0".repeat(32)))]).await;
    receiver.asked();
    assert_eq!(place(json!({})).await["status"], "failed");
    assert!(receiver.asked().iter().all(|(path, _)| path == "/status"), "a shadowed voice URL is not asked");
}
