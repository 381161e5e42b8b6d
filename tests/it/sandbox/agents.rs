//! ElevenLabs' side: an agent's life, and what is refused.

use reqwest::Method;
use serde_json::{Value, json};

use crate::support::sandbox::{World, answer, text};

const CREATE: &str = "/v1/convai/agents/create";
const TOOLS: &str = "/v1/convai/tools";

async fn tool(world: &World, name: &str) -> String {
    let config = json!({"type": "client", "name": name, "description": "For a test."});
    let (status, tool) = world.eleven(Method::POST, TOOLS, json!({ "tool_config": config })).await;
    assert_eq!(status, 200, "{tool}");
    text(&tool, "id")
}

#[tokio::test]
async fn tools_are_listed_in_pages_and_agents_have_known_ones_only() {
    let world = World::start().await;
    let mut ids = Vec::new();
    for name in ["opt_out", "opt_out", "opt_out_of_all", "other"] {
        ids.push(tool(&world, name).await);
    }
    let (mut found, mut cursor) = (Vec::new(), String::new());
    loop {
        let path =
            format!("{TOOLS}?search=opt_out&types=client&sort_direction=asc&page_size=1&cursor={cursor}");
        let (status, page) = world.eleven(Method::GET, &path, Value::Null).await;
        assert_eq!(status, 200, "{page}");
        found.extend(page["tools"].as_array().unwrap().iter().map(|tool| text(tool, "id")));
        if page["has_more"] == false {
            break;
        }
        cursor = text(&page, "next_cursor");
    }
    assert_eq!(found, ids[..3]);
    let (_, newest) = world.eleven(Method::GET, &format!("{TOOLS}?page_size=1"), Value::Null).await;
    assert_eq!(newest["tools"][0]["id"], json!(ids[3]));
    for config in [
        json!({"type": "client", "name": "no spaces", "description": ""}),
        json!({"type": "client", "name": "a"}),
        json!({"type": "else", "name": "a", "description": ""}),
        json!({"type": "client", "name": "a", "description": "", "response_timeout_secs": 121}),
    ] {
        let (status, refusal) = world.eleven(Method::POST, TOOLS, json!({ "tool_config": config })).await;
        assert_eq!(status, 422, "{config}: {refusal}");
    }

    let with = |prompt: Value| json!({"conversation_config": {"agent": {"prompt": prompt}}});
    let (status, _) = world.eleven(Method::POST, CREATE, with(json!({"tool_ids": ["tool_unknown"]}))).await;
    assert_eq!(status, 404);
    let inline = json!({"tools": [{"type": "client", "name": "a", "description": ""}]});
    let (status, refusal) = world.eleven(Method::POST, CREATE, with(inline)).await;
    assert_eq!((status.as_u16(), &refusal["detail"]["code"]), (400, &json!("invalid_agent_config")));
    let (_, agent) = world.eleven(Method::POST, CREATE, with(json!({"tool_ids": [ids[0], ids[3]]}))).await;
    let agent = format!("/v1/convai/agents/{}", text(&agent, "agent_id"));
    let one = format!("{TOOLS}/{}", ids[0]);
    assert_eq!(world.eleven(Method::DELETE, &one, Value::Null).await.0, 400, "an agent has it");
    assert_eq!(world.eleven(Method::DELETE, &format!("{one}?force=true"), Value::Null).await.0, 200);
    assert_eq!(world.eleven(Method::GET, &one, Value::Null).await.0, 404);
    let (_, agent) = world.eleven(Method::GET, &agent, Value::Null).await;
    assert_eq!(agent["conversation_config"]["agent"]["prompt"]["tool_ids"], json!([ids[3]]));
}

#[tokio::test]
async fn an_agent_is_created_merged_listed_and_deleted() {
    let world = World::start().await;
    let [a, b, c] = [tool(&world, "a").await, tool(&world, "b").await, tool(&world, "c").await];
    let body = json!({"name": "Reception", "tags": ["agent:1", "tenant:1"], "conversation_config": {
        "agent": {"first_message": "Hello", "prompt": {"tool_ids": [a, b]}}, "misspelt": 1}});
    let (_, created) = world.eleven(Method::POST, CREATE, body).await;
    let path = format!("/v1/convai/agents/{}", text(&created, "agent_id"));
    let (_, agent) = world.eleven(Method::GET, &path, Value::Null).await;
    assert_eq!(agent["conversation_config"]["tts"]["agent_output_audio_format"], "pcm_16000");
    assert_eq!(agent["conversation_config"]["agent"]["first_message"], "Hello");
    assert_eq!(agent["platform_settings"]["auth"]["enable_auth"], false);

    let change = json!({"name": "Desk", "conversation_config": {"agent": {"prompt": {"tool_ids": [c]}}}});
    let (status, changed) = world.eleven(Method::PATCH, &path, change).await;
    assert_eq!(status, 200);
    assert_eq!(changed["conversation_config"]["agent"]["prompt"]["tool_ids"], json!([c]));
    assert_eq!(changed["conversation_config"]["agent"]["first_message"], "Hello");
    assert_ne!(changed["version_id"], agent["version_id"]);

    for name in ["Other", "Third"] {
        world.agent(name, "ulaw_8000").await;
    }
    let by_tag = "/v1/convai/agents?tags=nothing&tags=agent:1";
    let (_, page) = world.eleven(Method::GET, by_tag, Value::Null).await;
    assert_eq!(page["agents"].as_array().unwrap().len(), 1);
    assert_eq!(page["agents"][0]["name"], "Desk");
    let (_, page) = world.eleven(Method::GET, "/v1/convai/agents?page_size=2", Value::Null).await;
    assert_eq!((page["has_more"].as_bool(), &page["agents"][0]["name"]), (Some(true), &json!("Third")));
    let next = format!("/v1/convai/agents?page_size=2&cursor={}", text(&page, "next_cursor"));
    let (_, page) = world.eleven(Method::GET, &next, Value::Null).await;
    assert_eq!((page["has_more"].as_bool(), &page["agents"][0]["name"]), (Some(false), &json!("Desk")));
    let (_, page) = world.eleven(Method::GET, "/v1/convai/agents?search=tHiR", Value::Null).await;
    assert_eq!(page["agents"].as_array().unwrap().len(), 1);

    world.lever(Method::POST, "clock", json!({ "seconds": 3600 })).await;
    let archived = json!({ "platform_settings": { "archived": true } });
    let (_, changed) = world.eleven(Method::PATCH, &path, archived).await;
    let age = |agent: &Value| agent["metadata"]["updated_at_unix_secs"].as_i64().unwrap();
    assert!(age(&changed) >= age(&agent) + 3600, "an update has the time of the sandbox's clock: {changed}");
    let names = async |query: &str| {
        let (_, page) = world.eleven(Method::GET, &format!("/v1/convai/agents{query}"), Value::Null).await;
        page["agents"].as_array().unwrap().iter().map(|agent| text(agent, "name")).collect::<Vec<_>>()
    };
    assert_eq!(names("").await, ["Third", "Other"], "archived agents are hidden");
    assert_eq!(names("?archived=true&tags=agent:1").await, ["Desk"]);

    assert_eq!(world.elevenlabs(Method::DELETE, &path).send().await.unwrap().status(), 200);
    let (status, refusal) = world.eleven(Method::GET, &path, Value::Null).await;
    assert_eq!(status, 404);
    assert!(refusal["detail"]["message"].is_string());
    assert_eq!(world.elevenlabs(Method::DELETE, &path).send().await.unwrap().status(), 404);
    let (status, plan) = world.eleven(Method::GET, "/v1/user/subscription", Value::Null).await;
    assert_eq!((status.as_u16(), &plan["status"]), (200, &json!("active")));
}

#[tokio::test]
async fn invalid_agents_are_rejected_in_the_three_error_formats() {
    let world = World::start().await;
    let (status, refusal) = world.eleven(Method::POST, CREATE, json!({"name": "x"})).await;
    assert_eq!((status.as_u16(), &refusal["detail"][0]["type"]), (422, &json!("missing")));
    let wrong = json!({"tags": "one", "conversation_config": {"asr": {"user_input_audio_format": "mp3"}}});
    let (status, refusal) = world.eleven(Method::POST, CREATE, wrong).await;
    assert_eq!((status.as_u16(), refusal["detail"].as_array().map(Vec::len)), (422, Some(2)), "{refusal}");

    let german = |model: Value| json!({"conversation_config": {"agent": {"language": "de"}, "tts": model}});
    let (status, refusal) = world.eleven(Method::POST, CREATE, german(json!({}))).await;
    assert_eq!((status.as_u16(), &refusal["detail"]["code"]), (400, &json!("invalid_agent_config")));
    let model = json!({"model_id": "eleven_flash_v2_5"});
    let (status, created) = world.eleven(Method::POST, CREATE, german(model)).await;
    assert_eq!(status, 200);
    let path = format!("/v1/convai/agents/{}", text(&created, "agent_id"));
    let back = json!({"name": "lost", "conversation_config": {"tts": {"model_id": "eleven_turbo_v2"}}});
    assert_eq!(world.eleven(Method::PATCH, &path, back).await.0, 400);
    let (_, kept) = world.eleven(Method::GET, &path, Value::Null).await;
    assert_ne!(kept["name"], "lost", "a refused update changes nothing");

    let keyless = world.http.get(format!("{}/v1/convai/agents", world.sandbox.base_url()));
    let (status, refusal) = answer(keyless.send().await.unwrap()).await;
    assert_eq!((status.as_u16(), &refusal["detail"]["status"]), (401, &json!("invalid_api_key")));
    let call =
        json!({"agent_id": "agent_nobody", "from_number": "+13125550199", "to_number": "+12125550100"});
    assert_eq!(world.eleven(Method::POST, "/v1/convai/twilio/register-call", call).await.0, 404);
    let partial = json!({"agent_id": "agent_nobody"});
    assert_eq!(world.eleven(Method::POST, "/v1/convai/twilio/register-call", partial).await.0, 422);
    assert_eq!(world.eleven(Method::GET, "/v1/convai/nothing", Value::Null).await.1["detail"], "Not Found");
}
