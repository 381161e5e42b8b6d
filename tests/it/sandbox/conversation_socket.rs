//! ElevenLabs' text conversations, over the socket that its clients use.

use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use reqwest::Method;
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};

use crate::support::sandbox::{World, text};
use crate::support::wait_until;

const PATIENCE: Duration = Duration::from_secs(10);

struct Talk(WebSocketStream<MaybeTlsStream<TcpStream>>);

impl Talk {
    async fn open(url: &str) -> Self {
        Self(connect_async(url).await.unwrap().0)
    }

    async fn say(&mut self, message: Value) {
        self.0.send(Message::text(message.to_string())).await.unwrap();
    }

    /// The next event.
    async fn hear(&mut self) -> Value {
        match timeout(PATIENCE, self.0.next()).await {
            Ok(Some(Ok(Message::Text(text)))) => serde_json::from_str(&text).unwrap(),
            other => panic!("no event: {other:?}"),
        }
    }

    /// The code and the reason with which the socket is closed; events before are skipped.
    async fn end(&mut self) -> (u16, String) {
        loop {
            match timeout(PATIENCE, self.0.next()).await {
                Ok(Some(Ok(Message::Close(Some(frame))))) => {
                    return (frame.code.into(), frame.reason.to_string());
                }
                Ok(Some(Ok(_))) => {}
                other => panic!("not closed: {other:?}"),
            }
        }
    }
}

/// An agent for texts, with these members beside.
async fn agent(world: &World, config: Value, settings: Value) -> String {
    let body = json!({"name": "Texts", "conversation_config": config, "platform_settings": settings});
    let (status, created) = world.eleven(Method::POST, "/v1/convai/agents/create", body).await;
    assert_eq!(status, 200, "{created}");
    text(&created, "agent_id")
}

async fn signed_url(world: &World, agent_id: &str) -> String {
    let path = format!("/v1/convai/conversation/get-signed-url?agent_id={agent_id}");
    let (status, answer) = world.eleven(Method::GET, &path, Value::Null).await;
    assert_eq!(status, 200, "{answer}");
    text(&answer, "signed_url")
}

fn initiation(variables: &Value) -> Value {
    json!({"type": "conversation_initiation_client_data", "dynamic_variables": variables})
}

fn user(words: &str) -> Value {
    json!({"type": "user_message", "text": words})
}

#[tokio::test]
async fn an_agent_answers_texts_with_the_events_that_it_lists() {
    let world = World::start().await;
    let config = json!({
        "agent": {"first_message": "", "prompt": {"prompt": "This is {{practice}}. Be brief."}},
        "conversation": {"text_only": true, "client_events":
            ["agent_response", "agent_chat_response_part", "agent_response_complete", "client_error", "ping"]},
    });
    let agent_id = agent(&world, config, json!({"auth": {"enable_auth": true}})).await;
    let mut talk = Talk::open(&signed_url(&world, &agent_id).await).await;
    talk.say(initiation(&json!({"practice": "Smith Dental"}))).await;
    let metadata = talk.hear().await;
    assert_eq!(metadata["type"], "conversation_initiation_metadata");
    let id = text(&metadata["conversation_initiation_metadata_event"], "conversation_id");
    talk.say(user("Are you open?")).await;
    let (mut parts, mut kinds, mut whole) = (String::new(), Vec::new(), Value::Null);
    loop {
        let event = talk.hear().await;
        match event["type"].as_str().unwrap() {
            "ping" => {
                talk.say(json!({"type": "pong", "event_id": event["ping_event"]["event_id"]})).await;
                continue;
            }
            "agent_chat_response_part" => parts.push_str(&text(&event["text_response_part"], "text")),
            "agent_response" => whole = event["agent_response_event"]["agent_response"].clone(),
            _ => {}
        }
        kinds.push(text(&event, "type"));
        if event["type"] == "agent_response_complete" {
            break;
        }
    }
    assert_eq!(whole, "This is Smith Dental. You wrote: Are you open?");
    assert_eq!(parts, whole.as_str().unwrap());
    assert!(kinds.iter().all(|kind| kind.starts_with("agent_")), "{kinds:?}");
    talk.say(user("!error")).await;
    let error = loop {
        let event = talk.hear().await;
        if event["type"] != "ping" {
            break event;
        }
    };
    assert_eq!(error["type"], "client_error");
    talk.0.close(None).await.unwrap();
    drop(talk);
    let path = format!("/v1/convai/conversations/{id}");
    let is_done = async || {
        let (_, conversation) = world.eleven(Method::GET, &path, Value::Null).await;
        Some(conversation).filter(|conversation| conversation["status"] == "done")
    };
    let conversation = wait_until("the conversation is over", PATIENCE, is_done).await;
    assert_eq!(conversation["metadata"]["text_only"], true);
    assert_eq!(conversation["transcript"][0]["message"], "Are you open?");
    assert_eq!(conversation["transcript"][1]["message"], whole);

    // By the default list no answer is sent, only the metadata.
    let quiet = agent(&world, json!({"agent": {"first_message": "Hello"}}), json!({})).await;
    let base = world.sandbox.base_url().replace("http://", "ws://");
    let mut talk = Talk::open(&format!("{base}/v1/convai/conversation?agent_id={quiet}")).await;
    talk.say(initiation(&json!({}))).await;
    assert_eq!(talk.hear().await["type"], "conversation_initiation_metadata");
    talk.say(user("Hello")).await;
    talk.say(user("!close")).await;
    assert_eq!(talk.end().await.0, 1011);
}

#[tokio::test]
async fn the_socket_is_refused_with_1008_and_closed_when_idle_or_without_pongs() {
    let world = World::start().await;
    let base = world.sandbox.base_url().replace("http://", "ws://");
    let config = json!({"agent": {"prompt": {"prompt": "Greet {{name}}."}}});
    let agent_id = agent(&world, config, json!({"auth": {"enable_auth": true}})).await;
    let plain = format!("{base}/v1/convai/conversation?agent_id={agent_id}");
    for url in [plain.clone(), format!("{plain}&conversation_signature=cvtkn_wrong")] {
        assert_eq!(Talk::open(&url).await.end().await.0, 1008, "{url}");
    }
    let url = signed_url(&world, &agent_id).await;
    let mut talk = Talk::open(&url).await;
    talk.say(initiation(&json!({}))).await;
    let (code, reason) = talk.end().await;
    assert!(code == 1008 && reason.contains("name"), "{code} {reason}");
    let mut talk = Talk::open(&url).await;
    let forbidden = json!({"type": "conversation_initiation_client_data", "dynamic_variables": {"name": "Ann"},
                           "conversation_config_override": {"conversation": {"text_only": true}}});
    talk.say(forbidden).await;
    let (code, reason) = talk.end().await;
    assert!(code == 1008 && reason.contains("text_only"), "{code} {reason}");
    world.lever(Method::POST, "clock", json!({"seconds": 901})).await;
    assert_eq!(Talk::open(&url).await.end().await.0, 1008, "a signed URL is valid for 15 minutes");
    let (status, _) = world
        .eleven(Method::GET, "/v1/convai/conversation/get-signed-url?agent_id=agent_x", Value::Null)
        .await;
    assert_eq!(status, 404);

    let idle = json!({"turn": {"silence_end_call_timeout": 1}});
    let idle = agent(&world, idle, json!({})).await;
    let mut talk = Talk::open(&format!("{base}/v1/convai/conversation?agent_id={idle}")).await;
    talk.say(initiation(&json!({}))).await;
    assert_eq!(talk.end().await.0, 1000);
    let silent = agent(&world, json!({"conversation": {"client_events": ["ping"]}}), json!({})).await;
    let mut talk = Talk::open(&format!("{base}/v1/convai/conversation?agent_id={silent}")).await;
    talk.say(initiation(&json!({}))).await;
    assert_eq!(talk.end().await.0, 1011, "pings were not answered");
}
