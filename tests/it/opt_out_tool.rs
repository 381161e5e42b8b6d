//! The tool by which an agent ends texts by its own judgement: created once, given to agents that answer texts, and no condition for
//! anything else.

use std::time::Duration;

use reqwest::Method;
use serde_json::{Value, json};
use switchboard::sandbox::Credentials;

use crate::support::api::create;
use crate::support::practice::{Practice, TENANT};
use crate::support::program::{err, finish, out};
use crate::support::wait_until;

const SOON: Duration = Duration::from_secs(40);
const PATIENT: &str = "+13125550177";
const THREAD: &str = "query($who: String!) { messageThreads(first: 1, filter: {participant: $who}) { nodes {
    consent messages(first: 100) { nodes { direction body } } } } }";
const SYNC: &str = "query($id: ID!) { agent(id: $id) { syncState syncError { message } } }";

async fn thread(practice: &Practice) -> Value {
    practice.ask(THREAD, json!({ "who": PATIENT })).await["nodes"][0].clone()
}

async fn text(practice: &Practice, body: &str) {
    practice.app.place_text(json!({ "to": practice.number, "from": PATIENT, "body": body })).await;
}

/// The provider's tools named `opt_out`.
async fn tools(practice: &Practice) -> Vec<String> {
    let state = practice.app.sandbox_state().await;
    let tools = state["tools"].as_array().unwrap().iter();
    let named = tools.filter(|tool| tool["config"]["name"] == "opt_out");
    named.map(|tool| tool["id"].as_str().unwrap().to_owned()).collect()
}

/// The tools of the practice's agent.
async fn tools_of(practice: &Practice) -> Value {
    let state = practice.app.sandbox_state().await;
    let id = &practice.made["agent"]["elevenlabsAgentId"];
    let agent = state["agents"].as_array().unwrap().iter().find(|agent| agent["agent_id"] == *id).unwrap();
    agent["conversation_config"]["agent"]["prompt"]["tool_ids"].clone()
}

async fn gets_the_tool(practice: &Practice) {
    wait_until("the agent has the only tool", SOON, async || {
        let tools = tools(practice).await;
        (tools.len() == 1 && tools_of(practice).await == json!(tools)).then_some(())
    })
    .await;
    wait_until("the agent is delivered", SOON, async || {
        let synced = json!({ "syncState": "SYNCED", "syncError": null });
        (practice.ask(SYNC, json!({ "id": practice.made["agent"]["id"] })).await == synced).then_some(())
    })
    .await;
}

fn about_tools(method: &str, action: &Value) -> Value {
    json!({ "match": { "provider": "elevenlabs", "method": method, "path_contains": "/convai/tools" },
            "action": action, "times": 1 })
}

async fn at_provider(practice: &Practice, method: Method, path: &str, body: Value) -> Value {
    let url = format!("{}/v1/convai/{path}", practice.app.sandbox_url());
    let key = Credentials::development().api_key;
    let request = practice.app.http().request(method, url).header("xi-api-key", key).json(&body);
    let answer = request.send().await.unwrap();
    assert!(answer.status().is_success(), "{path}: {}", answer.status());
    answer.json().await.unwrap()
}

#[tokio::test]
async fn an_agent_that_answers_texts_ends_them_by_its_own_judgement() {
    let practice = Practice::open(json!({ "messaging": "AGENT", "prompt": "We are open." })).await;
    gets_the_tool(&practice).await;
    text(&practice, "!enough").await;
    wait_until("the participant has opted out", SOON, async || {
        (thread(&practice).await["consent"] == "OPTED_OUT").then_some(())
    })
    .await;
    let messages = thread(&practice).await["messages"]["nodes"].clone();
    assert_eq!(messages, json!([{ "direction": "INBOUND", "body": "!enough" }]), "nothing is sent");
    let trail = "{ auditEvents(filter: {action: \"setMessagingConsent\"}) { nodes { actor requestId } } }";
    let trail = practice.ask(trail, json!({})).await;
    assert_eq!(trail["nodes"][0]["actor"], "system", "{trail}");
    assert!(trail["nodes"][0]["requestId"].as_str().unwrap().starts_with("SM"), "{trail}");

    // Others use the same tool; an agent for calls has none, until it answers texts.
    let other =
        create(&practice.app, &practice.token, json!({ "name": "Other", "provisionPhone": false })).await;
    let mut other = Practice { made: other, ..practice };
    assert!(matches!(tools_of(&other).await, Value::Null), "{}", tools_of(&other).await);
    other.update(json!({ "messaging": "AGENT" })).await;
    gets_the_tool(&other).await;
    // It stays, and an update sends no list of tools.
    let by_hand =
        json!({ "tool_config": { "type": "client", "name": "open_door", "description": "Opens the door." } });
    let by_hand = at_provider(&other, Method::POST, "tools", by_hand).await["id"].clone();
    let both = json!([by_hand, tools(&other).await[0]]);
    let agent = format!("agents/{}", other.made["agent"]["elevenlabsAgentId"].as_str().unwrap());
    let given = json!({ "conversation_config": { "agent": { "prompt": { "tool_ids": both } } } });
    at_provider(&other, Method::PATCH, &agent, given).await;
    other.update(json!({ "name": "Another", "messaging": "NOTIFY" })).await;
    assert_eq!(tools_of(&other).await, both);

    // A new server finds it.
    other.app.restart().await;
    let third = json!({ "name": "Third", "messaging": "AGENT", "provisionPhone": false });
    let third = create(&other.app, &other.app.token(TENANT), third).await;
    let third = Practice { made: third, ..other };
    gets_the_tool(&third).await;
}

#[tokio::test]
async fn without_the_tool_an_agent_is_created_and_gets_it_later() {
    for (method, action) in [
        ("GET", json!({ "status": 500 })),
        ("POST", json!({ "status": 401 })),
        ("POST", json!({ "status": 422 })),
        ("POST", json!({ "lose": "before" })),
        ("POST", json!({ "lose": "after" })),
    ] {
        let mut practice = Practice::open(json!({ "messaging": "NOTIFY" })).await;
        practice.app.faults(about_tools(method, &action)).await;
        let wanted = json!({ "name": "Texts", "messaging": "AGENT", "provisionPhone": false });
        practice.made = create(&practice.app, &practice.token, wanted).await;
        assert_eq!(practice.made["userErrors"], json!([]), "{method} {action}");
        assert_eq!(practice.made["agent"]["status"], "ACTIVE", "{method} {action}");
        practice.app.all_faults_have_struck().await;
        // Until then the change is waiting to be delivered again.
        wait_until("the agent has the tool", SOON, async || {
            practice.app.advance(Duration::from_secs(10));
            (tools_of(&practice).await.as_array().is_some_and(|ids| ids.len() == 1)).then_some(())
        })
        .await;
        practice.token = practice.app.token(TENANT);
        gets_the_tool(&practice).await;
    }
}

#[tokio::test]
async fn a_tool_that_is_gone_holds_up_no_change_and_is_replaced() {
    let mut practice = Practice::open(json!({ "messaging": "AGENT" })).await;
    gets_the_tool(&practice).await;
    let first = tools(&practice).await.remove(0);
    at_provider(&practice, Method::DELETE, &format!("tools/{first}?force=true"), Value::Null).await;
    assert_eq!(tools_of(&practice).await, json!([]));
    let rename = "mutation($input: UpdateAgentInput!) { updateAgent(input: $input) { agent { name } } }";
    let input = json!({ "id": practice.made["agent"]["id"], "name": "Renamed" });
    practice.ask(rename, json!({ "input": input })).await;
    wait_until("the name has arrived", SOON, async || {
        let state = practice.app.sandbox_state().await;
        (state["agents"][0]["name"] == "Renamed").then_some(())
    })
    .await;
    practice.app.advance(Duration::from_secs(10));
    practice.token = practice.app.token(TENANT);
    gets_the_tool(&practice).await;
    assert_ne!(tools(&practice).await[0], first);
}

#[tokio::test]
async fn reconciliation_reports_and_repairs_an_agent_that_lost_the_tool() {
    let practice = Practice::open_with(&[("RECONCILE_EVERY", "0s")], json!({ "messaging": "AGENT" })).await;
    gets_the_tool(&practice).await;
    let agent = format!("agents/{}", practice.made["agent"]["elevenlabsAgentId"].as_str().unwrap());
    let lost = json!({ "conversation_config": { "agent": { "prompt": { "tool_ids": [] } } } });
    at_provider(&practice, Method::PATCH, &agent, lost).await;
    let report = async |arguments: &[&str]| -> Value {
        let output = finish(practice.app.program(&[&["reconcile", "--json"], arguments].concat())).await;
        serde_json::from_str(&out(&output)).unwrap_or_else(|_| panic!("{}", err(&output)))
    };
    let kinds = |report: &Value| {
        let differences = report["differences"].as_array().unwrap().iter();
        differences.map(|difference| difference["kind"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    wait_until("it is reported", SOON, async || {
        kinds(&report(&[]).await).contains(&"INCOMPLETE_VOICE_AGENT".to_owned()).then_some(())
    })
    .await;
    report(&["--fix"]).await;
    gets_the_tool(&practice).await;
}

#[tokio::test]
async fn two_servers_create_one_tool() {
    let mut practice = Practice::open(json!({})).await;
    if !practice.app.database().has_other_servers() {
        return;
    }
    let other = practice.app.add_server().await;
    let query = "mutation($input: CreateAgentInput!) { createAgent(input: $input) { agent { id } userErrors { message } } }";
    let input = json!({ "input": { "name": "Texts", "messaging": "AGENT", "provisionPhone": false } });
    practice.app.faults(about_tools("POST", &json!({ "delay_ms": 500 }))).await;
    let (first, second) = (practice.app.base_url(), other);
    let ask = |server: String| {
        let (app, token, input) = (&practice.app, &practice.token, input.clone());
        async move { app.ask(&server, token, query, input).await }
    };
    let made = tokio::join!(ask(first), ask(second));
    for made in [made.0, made.1] {
        assert_eq!(made["data"]["createAgent"]["userErrors"], json!([]), "{made}");
    }
    assert_eq!(tools(&practice).await.len(), 1);
}
