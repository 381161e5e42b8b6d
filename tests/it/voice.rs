//! The voice provider's client against a scripted ElevenLabs: what it sends, and which class each failure is of.

#![expect(clippy::unwrap_used, reason = "a test may end at once when its own setting fails")]

use std::time::{Duration, Instant};

use chrono::{DateTime, TimeDelta};
use secrecy::SecretString;
use serde_json::{Value, json};
use switchboard::domain::{Agent, AgentId, AgentMessaging, AgentStatus, Clock, E164, Entropy, TenantId};
use switchboard::voice::{CallToRegister, RegisteredCall, Rejection, Voice, VoiceConfig, VoiceError};
use tokio::net::TcpListener;
use uuid::Uuid;
use wiremock::matchers::{any, header, method, path, query_param};
use wiremock::{Mock, MockServer, ResponseTemplate};

use crate::support::database::HandClock;

const CREATE: &str = "/v1/convai/agents/create";
const AGENT: &str = "/v1/convai/agents/agent_1";
const REGISTER: &str = "/v1/convai/twilio/register-call";
const TWIML: &str = r#"<?xml version="1.0" encoding="UTF-8"?><Response><Connect><Stream url="wss://voice.example/c"><Parameter name="conversation_id" value="conv_1"/></Stream></Connect></Response>"#;

fn client(base_url: &str, timeout: Duration) -> Voice {
    client_at(base_url, timeout, Clock::system())
}

fn client_at(base_url: &str, timeout: Duration, clock: Clock) -> Voice {
    let api_key = SecretString::from("its-key");
    let config = VoiceConfig { base_url: base_url.parse().unwrap(), api_key, timeout };
    Voice::new(config, clock, Entropy::system()).unwrap()
}

fn voice(server: &MockServer) -> Voice {
    client(&server.uri(), Duration::from_secs(5))
}

fn agent(language: &str) -> Agent {
    Agent {
        id: AgentId(Uuid::from_u128(0x0198_c0de)),
        tenant_id: TenantId(Uuid::from_u128(1)),
        voice_agent_id: None,
        name: "Dr. Smith's Office Assistant".parse().unwrap(),
        language: language.parse().unwrap(),
        first_message: None,
        prompt: None,
        voice_id: None,
        fallback_number: None,
        messaging: AgentMessaging::Notify,
        help_text: None,
        status: AgentStatus::Pending,
        token_preview: String::new(),
        revision: 1,
        synced_revision: 0,
        refused_revision: 0,
        sync_error: None,
        created_at: DateTime::UNIX_EPOCH,
        updated_at: DateTime::UNIX_EPOCH,
    }
}

fn standing(audio: &str) -> Value {
    json!({"agent_id": "agent_1", "name": "x", "tags": ["by-hand"], "conversation_config": {
        "asr": {"user_input_audio_format": audio}, "tts": {"agent_output_audio_format": "ulaw_8000"}}})
}

async fn answer_all(template: ResponseTemplate) -> MockServer {
    let server = MockServer::start().await;
    Mock::given(any()).respond_with(template).mount(&server).await;
    server
}

/// A provider that creates `agent_1` and says that it stands as `audio`.
async fn creating(audio: &str) -> MockServer {
    let server = MockServer::start().await;
    let ok = |body: Value| ResponseTemplate::new(200).set_body_json(body);
    let created = ok(json!({"agent_id": "agent_1"}));
    Mock::given(method("POST"))
        .and(path(CREATE))
        .and(header("xi-api-key", "its-key"))
        .respond_with(created)
        .mount(&server)
        .await;
    Mock::given(method("GET")).and(path(AGENT)).respond_with(ok(standing(audio))).mount(&server).await;
    Mock::given(method("PATCH")).and(path(AGENT)).respond_with(ok(standing(audio))).mount(&server).await;
    Mock::given(method("DELETE"))
        .and(path(AGENT))
        .respond_with(ResponseTemplate::new(200))
        .mount(&server)
        .await;
    server
}

async fn sent(server: &MockServer, verb: &str) -> Value {
    let requests = server.received_requests().await.unwrap();
    let request = requests.iter().rfind(|request| request.method.as_str() == verb).expect(verb);
    serde_json::from_slice(&request.body).unwrap()
}

async fn register(voice: &Voice, deadline: Duration) -> Result<RegisteredCall, VoiceError> {
    let to: E164 = "+12125550123".parse().unwrap();
    let call = CallToRegister { voice_agent_id: "agent_1", from: "+12125550101", to: &to, call_sid: "CA1" };
    voice.register_call(call, deadline).await
}

#[tokio::test]
async fn a_new_agent_gets_telephone_settings() {
    let server = creating("ulaw_8000").await;
    assert_eq!(voice(&server).create_agent(&agent("en")).await.unwrap().voice_agent_id, "agent_1");
    let body = sent(&server, "POST").await;
    let config = &body["conversation_config"];
    assert_eq!(body["name"], "Dr. Smith's Office Assistant");
    assert_eq!(body["tags"], json!(["switchboard", "switchboard:agent_0000000000000000000000000198c0de"]));
    assert_eq!(config["asr"]["user_input_audio_format"], "ulaw_8000");
    assert_eq!(config["tts"]["agent_output_audio_format"], "ulaw_8000");
    assert_eq!(config["tts"]["model_id"], "eleven_flash_v2");
    assert_eq!(config["turn"]["silence_end_call_timeout"], 30);
    let longest = config["conversation"]["max_duration_seconds"].as_u64().unwrap();
    assert!((900..=1800).contains(&longest));
    let end_call = &config["agent"]["prompt"]["built_in_tools"]["end_call"];
    assert_eq!(end_call["params"]["system_tool_type"], "end_call");
    assert_eq!(
        config["agent"]["first_message"],
        "Hello, this is Dr. Smith's Office Assistant. How can I help you?"
    );
    let prompt = config["agent"]["prompt"]["prompt"].as_str().unwrap();
    assert!(prompt.contains("Dr. Smith's Office Assistant") && prompt.contains("English"));
    let platform = &body["platform_settings"];
    assert_eq!(platform["auth"]["enable_auth"], true);
    assert_eq!(platform["call_limits"]["bursting_enabled"], false);
    assert_eq!(platform["privacy"]["retention_days"], 30);
}

#[tokio::test]
async fn another_language_has_a_model_that_speaks_it() {
    for (language, code) in [("de", "de"), ("pt-br", "pt-br"), ("fil", "tl")] {
        let server = creating("ulaw_8000").await;
        voice(&server).create_agent(&agent(language)).await.unwrap();
        let config = sent(&server, "POST").await["conversation_config"].clone();
        assert_eq!(config["tts"]["model_id"], "eleven_flash_v2_5");
        assert_eq!(config["agent"]["language"], code);
        assert!(!config["agent"]["first_message"].as_str().unwrap().starts_with("Hello, this"));
    }
}

#[tokio::test]
async fn text_of_a_tenant_is_never_a_variable() {
    let server = creating("ulaw_8000").await;
    let mut agent = agent("en");
    agent.first_message = "Hi {{caller}}, {{{x}}}".parse().ok();
    agent.prompt = Some("Answer as {{who}}.".parse().unwrap());
    agent.voice_id = Some("voice_1".parse().unwrap());
    voice(&server).create_agent(&agent).await.unwrap();
    let body = sent(&server, "POST").await;
    assert!(!body.to_string().contains("{{"), "{body}");
    assert_eq!(body["conversation_config"]["tts"]["voice_id"], "voice_1");
}

#[tokio::test]
async fn an_agent_stored_with_other_audio_is_refused_and_removed() {
    let server = creating("pcm_16000").await;
    let refused = voice(&server).create_agent(&agent("en")).await;
    assert!(
        matches!(&refused, Err(VoiceError::Rejected(Rejection::Other { message, .. })) if message.contains("pcm_16000")),
        "{refused:?}"
    );
    let verbs: Vec<_> =
        server.received_requests().await.unwrap().iter().map(|request| request.method.to_string()).collect();
    assert_eq!(verbs, ["POST", "GET", "DELETE"]);
    let refused = voice(&server).update_agent("agent_1", &agent("en")).await;
    assert!(matches!(refused, Err(VoiceError::Rejected(_))));
}

#[tokio::test]
async fn an_update_keeps_what_others_set() {
    let server = creating("ulaw_8000").await;
    let mut changed = agent("de");
    changed.first_message = "Guten Tag.".parse().ok();
    voice(&server).update_agent("agent_1", &changed).await.unwrap();
    let body = sent(&server, "PATCH").await;
    assert_eq!(body["tags"][0], "by-hand");
    assert_eq!(body["tags"][2], "switchboard:agent_0000000000000000000000000198c0de");
    assert_eq!(body["conversation_config"]["agent"]["first_message"], "Guten Tag.");
    assert_eq!(body["conversation_config"]["tts"]["model_id"], "eleven_flash_v2_5");
    assert!(body["platform_settings"].get("call_limits").is_none());
    assert!(body["conversation_config"]["agent"]["prompt"].get("tool_ids").is_none());
}

#[tokio::test]
async fn an_incomplete_list_is_an_error() {
    let server = MockServer::start().await;
    let page = json!({"agents": [{"agent_id": "agent_1", "tags": ["switchboard"]}], "has_more": true});
    Mock::given(path("/v1/convai/agents"))
        .respond_with(ResponseTemplate::new(200).set_body_json(page))
        .mount(&server)
        .await;
    let listed = voice(&server).ours().await;
    assert!(matches!(listed, Err(VoiceError::Unavailable { .. })), "{listed:?}");
}

#[tokio::test]
async fn agents_are_found_by_exactly_our_tag_on_every_page() {
    let server = MockServer::start().await;
    let tag = "switchboard:agent_0000000000000000000000000198c0de";
    let page = |agents: Value, cursor: Value, more: bool| {
        ResponseTemplate::new(200)
            .set_body_json(json!({"agents": agents, "next_cursor": cursor, "has_more": more}))
    };
    Mock::given(path("/v1/convai/agents"))
        .and(query_param("tags", tag))
        .and(query_param("cursor", "c+/="))
        .respond_with(page(json!([{"agent_id": "agent_3", "name": "x", "tags": [tag]}]), json!(null), false))
        .mount(&server)
        .await;
    let first = json!([
        {"agent_id": "agent_1", "name": "x", "tags": ["switchboard", tag], "created_at_unix_secs": 1},
        {"agent_id": "agent_2", "name": "x", "tags": [format!("{tag}0")]},
        {"agent_id": "agent_4", "name": "x", "tags": null},
    ]);
    Mock::given(path("/v1/convai/agents"))
        .and(query_param("tags", tag))
        .respond_with(page(first, json!("c+/="), true))
        .with_priority(6)
        .mount(&server)
        .await;
    // The list hides archived agents unless asked for them; `agent_3` was archived between the two lists.
    let archived = json!([
        {"agent_id": "agent_3", "name": "x", "tags": [tag], "archived": true},
        {"agent_id": "agent_5", "name": "x", "tags": [tag], "archived": true},
    ]);
    Mock::given(path("/v1/convai/agents"))
        .and(query_param("tags", tag))
        .and(query_param("archived", "true"))
        .respond_with(page(archived, json!(null), false))
        .with_priority(1)
        .mount(&server)
        .await;
    let found = voice(&server).find(agent("en").id).await.unwrap();
    assert_eq!(
        found.iter().map(|agent| (agent.voice_agent_id.as_str(), agent.archived)).collect::<Vec<_>>(),
        [("agent_1", false), ("agent_3", false), ("agent_5", true)]
    );
}

#[tokio::test]
async fn each_failure_has_its_class() {
    let detail = |detail: Value| json!({ "detail": detail });
    let refusals = [
        (
            401,
            detail(json!({"status": "missing_permissions", "message": "no convai_write"})),
            "missing_permissions: no convai_write",
        ),
        (400, detail(json!({"code": "invalid_agent_config", "message": "no"})), "invalid_agent_config: no"),
        (
            422,
            detail(json!([{"loc": ["body", 0, "name"], "msg": "Field required", "type": "missing"}])),
            "body.0.name: Field required",
        ),
        (403, detail(json!("Plan too small")), "Plan too small"),
        (400, detail(json!(7)), "no reason given"),
    ];
    for (status, body, message) in refusals {
        let server = answer_all(ResponseTemplate::new(status).set_body_json(body)).await;
        let expected = Err(VoiceError::Rejected(Rejection::Other { status, message: message.to_owned() }));
        assert_eq!(voice(&server).create_agent(&agent("en")).await, expected);
    }
    let gone = detail(json!({ "status": "not_found", "message": "no such agent" }));
    let server = answer_all(ResponseTemplate::new(404).set_body_json(gone)).await;
    assert_eq!(
        voice(&server).update_agent("agent_1", &agent("en")).await,
        Err(VoiceError::Rejected(Rejection::NotFound))
    );
    assert_eq!(voice(&server).delete_agent("agent_1").await, Ok(()));

    let server = answer_all(ResponseTemplate::new(429).insert_header("retry-after", "3")).await;
    let Err(VoiceError::Unavailable { retry_after, .. }) = voice(&server).create_agent(&agent("en")).await
    else {
        panic!("429 is not carried out")
    };
    assert_eq!(retry_after, Some(Duration::from_secs(3)));
    let past = "Sun, 06 Nov 1994 08:49:37 GMT";
    let server = answer_all(ResponseTemplate::new(429).insert_header("retry-after", past)).await;
    let Err(VoiceError::Unavailable { retry_after, .. }) = voice(&server).delete_agent("agent_1").await
    else {
        panic!("429 is not carried out")
    };
    assert_eq!(retry_after, Some(Duration::ZERO));

    for lost in [
        ResponseTemplate::new(503).set_body_string("<html>"),
        ResponseTemplate::new(408),
        // The page of a proxy.
        ResponseTemplate::new(401).set_body_string("<html>sign in</html>"),
        ResponseTemplate::new(403),
        ResponseTemplate::new(404).set_body_json(json!("no such page")),
        // An unknown path, in the words of the framework.
        ResponseTemplate::new(404).set_body_json(detail(json!("Not Found"))),
        ResponseTemplate::new(200).set_body_string("not json"),
        ResponseTemplate::new(200).set_delay(Duration::from_secs(30)),
    ] {
        let server = answer_all(lost).await;
        let voice = client(&server.uri(), Duration::from_millis(300));
        let created = voice.create_agent(&agent("en")).await;
        assert!(matches!(created, Err(VoiceError::OutcomeUnknown { .. })), "{created:?}");
        let deleted = voice.delete_agent("agent_1").await;
        let is_success = matches!(deleted, Ok(()));
        assert!(is_success || matches!(deleted, Err(VoiceError::OutcomeUnknown { .. })), "{deleted:?}");
        let found = voice.find(agent("en").id).await;
        assert!(matches!(found, Err(VoiceError::Unavailable { .. })), "{found:?}");
    }
}

#[tokio::test]
async fn an_invalid_id_causes_no_request() {
    let server = answer_all(ResponseTemplate::new(200)).await;
    for bad in ["", "..", "agent_1/../agent_2", "a?force=true", &"a".repeat(65)] {
        assert!(voice(&server).delete_agent(bad).await.is_err(), "{bad}");
    }
    assert!(server.received_requests().await.unwrap().is_empty());
}

#[tokio::test]
async fn a_registered_call_comes_back_as_it_was_answered() {
    let server = MockServer::start().await;
    let answer = ResponseTemplate::new(200).set_body_raw(TWIML, "text/html; charset=utf-8");
    Mock::given(method("POST")).and(path(REGISTER)).respond_with(answer).mount(&server).await;
    let registered = register(&voice(&server), Duration::from_secs(5)).await.unwrap();
    assert_eq!(registered.twiml, TWIML);
    assert_eq!(registered.conversation_id.as_deref(), Some("conv_1"));
    let expected = json!({
        "agent_id": "agent_1", "from_number": "+12125550101", "to_number": "+12125550123", "direction": "inbound",
        "conversation_initiation_client_data": {"dynamic_variables": {"call_sid": "CA1"}},
    });
    assert_eq!(sent(&server, "POST").await, expected);
}

#[tokio::test]
async fn a_registration_is_repeated_once_and_only_in_time() {
    let attempts = |answer: ResponseTemplate, deadline: Duration| async move {
        let server = MockServer::start().await;
        Mock::given(any()).respond_with(answer).up_to_n_times(1).mount(&server).await;
        Mock::given(any())
            .respond_with(ResponseTemplate::new(200).set_body_string(TWIML))
            .with_priority(6)
            .mount(&server)
            .await;
        let result = register(&voice(&server), deadline).await;
        (result.is_ok(), server.received_requests().await.unwrap().len())
    };
    let enough = Duration::from_secs(5);
    assert_eq!(attempts(ResponseTemplate::new(503), enough).await, (true, 2));
    assert_eq!(
        attempts(ResponseTemplate::new(429).insert_header("retry-after", "1"), enough).await,
        (true, 2)
    );
    assert_eq!(
        attempts(ResponseTemplate::new(429).insert_header("retry-after", "9"), enough).await,
        (false, 1)
    );
    assert_eq!(attempts(ResponseTemplate::new(503), Duration::from_millis(600)).await, (false, 1));
    assert_eq!(attempts(ResponseTemplate::new(422), enough).await, (false, 1));
    assert_eq!(attempts(ResponseTemplate::new(404), enough).await, (false, 1));
    assert_eq!(
        attempts(ResponseTemplate::new(200).set_body_string("{\"detail\":\"x\"}"), enough).await,
        (false, 1)
    );

    let server = answer_all(ResponseTemplate::new(500)).await;
    assert!(register(&voice(&server), enough).await.is_err());
    assert_eq!(server.received_requests().await.unwrap().len(), 2);
}

#[tokio::test]
async fn a_registration_ends_by_its_own_deadline() {
    let server = answer_all(ResponseTemplate::new(200).set_delay(Duration::from_secs(30))).await;
    let begun = Instant::now();
    let result = register(&voice(&server), Duration::from_millis(300)).await;
    assert!(matches!(result, Err(VoiceError::OutcomeUnknown { .. })), "{result:?}");
    assert!(begun.elapsed() < Duration::from_secs(3));

    let closed = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let result =
        register(&client(&format!("http://{closed}"), Duration::from_secs(5)), Duration::from_secs(2)).await;
    assert!(matches!(result, Err(VoiceError::Unavailable { .. })), "{result:?}");
}

/// Whether it was refused without being asked.
fn is_left_alone<T>(result: &Result<T, VoiceError>) -> bool {
    matches!(result, Err(VoiceError::Unavailable { breaker_open: true, retry_after: Some(_), .. }))
}

#[tokio::test]
async fn a_caller_does_not_wait_for_a_provider_that_stays_down() {
    let time = HandClock::new();
    let server = creating("ulaw_8000").await;
    let slow = ResponseTemplate::new(200).set_body_string(TWIML).set_delay(Duration::from_secs(60));
    Mock::given(path(REGISTER)).respond_with(slow).up_to_n_times(5).mount(&server).await;
    let answer = ResponseTemplate::new(200).set_body_string(TWIML);
    Mock::given(path(REGISTER)).respond_with(answer).with_priority(6).mount(&server).await;
    let voice = client_at(&server.uri(), Duration::from_secs(30), time.clock());
    for _ in 0..5 {
        let late = register(&voice, Duration::from_millis(200)).await;
        assert!(matches!(late, Err(VoiceError::OutcomeUnknown { .. })), "{late:?}");
    }
    let asked = server.received_requests().await.unwrap().len();
    let begun = Instant::now();
    assert!(is_left_alone(&register(&voice, Duration::from_secs(20)).await));
    assert!(begun.elapsed() < Duration::from_secs(2), "the caller waited {:?}", begun.elapsed());
    assert_eq!(server.received_requests().await.unwrap().len(), asked);

    assert_eq!(voice.update_agent("agent_1", &agent("en")).await, Ok(None), "agents are another matter");
    time.advance(TimeDelta::seconds(10));
    for _ in 0..2 {
        assert!(register(&voice, Duration::from_secs(20)).await.is_ok());
    }
}

#[tokio::test]
async fn failures_to_manage_agents_do_not_affect_calls() {
    let server = MockServer::start().await;
    let answer = ResponseTemplate::new(200).set_body_string(TWIML);
    Mock::given(path(REGISTER)).respond_with(answer).mount(&server).await;
    Mock::given(any()).respond_with(ResponseTemplate::new(503)).with_priority(6).mount(&server).await;
    let voice = voice(&server);
    for _ in 0..5 {
        assert!(!is_left_alone(&voice.delete_agent("agent_1").await));
    }
    assert!(is_left_alone(&voice.delete_agent("agent_1").await));
    assert!(is_left_alone(&voice.create_agent(&agent("en")).await));
    assert!(register(&voice, Duration::from_secs(20)).await.is_ok());
}
