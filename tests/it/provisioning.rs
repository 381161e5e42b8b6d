//! Durable work against the emulated carriers: what was refused, lost or cut off ends with carrier, voice
//! provider and database in agreement.

use std::time::{Duration, Instant};

use serde_json::{Value, json};
use uuid::Uuid;

use crate::support::calls::verbs;
use crate::support::levers::WRONG_SETTINGS;
use crate::support::{App, wait_until};

const CREATE: &str = r"
mutation Create($input: CreateAgentInput!) {
  createAgent(input: $input) {
    agent { id status elevenlabsAgentId }
    phoneNumber { id number status sid }
    apiToken
    operation { id state step error { code message } }
    userErrors { code message field suggestedAreaCodes }
  }
}";
const OPERATION: &str = r"
query Operation($id: ID!) {
  operation(id: $id) { state step attempts error { code } agent { status } phoneNumber { number status } }
}";
const NUMBERS: &str = "{ phoneNumbers(filter: {}) { nodes { number sid status } totalCount } }";

async fn create(app: &App, token: &str, input: Value) -> Value {
    let answer = app.graphql(token, CREATE, json!({ "input": input })).await;
    assert!(answer["errors"].is_null(), "{answer}");
    answer["data"]["createAgent"].clone()
}

/// Waits until the operation of this payload is over and returns it.
async fn settled(app: &App, token: &str, payload: &Value) -> Value {
    let id = payload["operation"]["id"].clone();
    let mut last = Value::Null;
    for _ in 0..600 {
        let answer = app.graphql(token, OPERATION, json!({ "id": id })).await;
        last = answer["data"]["operation"].clone();
        if matches!(last["state"].as_str(), Some("SUCCEEDED" | "FAILED")) {
            return last;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    panic!("the operation did not settle within a minute: {last}");
}

/// Every number the carrier bills is one that the database holds for this tenant, and the other way round;
/// every voice agent is known. Returns how many numbers there are.
async fn agree(app: &App, token: &str) -> usize {
    let held = app.graphql(token, NUMBERS, json!({})).await;
    let mut held: Vec<String> = held["data"]["phoneNumbers"]["nodes"]
        .as_array()
        .unwrap()
        .iter()
        .map(|number| {
            format!("{} {}", number["number"].as_str().unwrap(), number["sid"].as_str().unwrap_or("-"))
        })
        .collect();
    let state = app.sandbox_state().await;
    let mut owned: Vec<String> = state["numbers"]
        .as_array()
        .unwrap()
        .iter()
        .map(|number| {
            format!("{} {}", number["phone_number"].as_str().unwrap(), number["sid"].as_str().unwrap())
        })
        .collect();
    held.sort();
    owned.sort();
    assert_eq!(held, owned, "the database and the carrier disagree");
    held.len()
}

fn agents_at_provider(state: &Value) -> usize {
    state["agents"].as_array().unwrap().len()
}

#[tokio::test]
async fn a_lost_answer_is_looked_up_and_nothing_is_bought_or_made_twice() {
    for lost in ["before", "after"] {
        for (provider, path) in [("twilio", "IncomingPhoneNumbers"), ("elevenlabs", "/agents/create")] {
            let app = App::start().await;
            let token = app.token(Uuid::from_u128(1));
            app.faults(json!({
                "match": { "provider": provider, "method": "POST", "path_contains": path },
                "action": { "lose": lost },
                "times": 1,
            }))
            .await;
            let payload =
                create(&app, &token, json!({ "name": "Dr. Smith's Office Assistant", "areaCode": "212" }))
                    .await;
            let operation = settled(&app, &token, &payload).await;
            assert_eq!(operation["state"], "SUCCEEDED", "{provider} {lost}: {operation}");
            assert_eq!(agree(&app, &token).await, 1, "{provider} {lost}");
            assert_eq!(agents_at_provider(&app.sandbox_state().await), 1, "{provider} {lost}");
        }
    }
}

#[tokio::test]
async fn an_area_code_without_numbers_leaves_the_agent_and_names_codes_that_have_some() {
    let app = App::start().await;
    let token = app.token(Uuid::from_u128(1));
    let payload = create(&app, &token, json!({ "name": "Northside Dental", "areaCode": "909" })).await;
    assert_eq!(payload["agent"]["status"], "ACTIVE", "{payload}");
    assert!(payload["apiToken"].as_str().unwrap().starts_with("vami_agent_"), "{payload}");
    assert_eq!(payload["phoneNumber"], Value::Null);
    assert_eq!(payload["userErrors"][0]["code"], "NO_AVAILABLE_NUMBERS");
    assert_eq!(payload["userErrors"][0]["field"], json!(["input", "areaCode"]));
    assert!(!payload["userErrors"][0]["suggestedAreaCodes"].as_array().unwrap().is_empty(), "{payload}");
    assert_eq!(agree(&app, &token).await, 0);

    let anywhere =
        json!({ "name": "Northside Dental", "areaCode": "909", "ifUnavailable": "ANY_IN_COUNTRY" });
    let payload = create(&app, &token, anywhere).await;
    assert_eq!(payload["phoneNumber"]["status"], "ACTIVE", "{payload}");
    assert_eq!(agree(&app, &token).await, 1);
}

#[tokio::test]
async fn a_number_sold_meanwhile_is_replaced_by_the_next_candidate() {
    let app = App::start().await;
    let token = app.token(Uuid::from_u128(1));
    app.faults(json!({
        "match": { "provider": "twilio", "method": "POST", "path_contains": "IncomingPhoneNumbers" },
        "action": { "status": 400, "code": 21422 },
        "times": 2,
    }))
    .await;
    let payload = create(&app, &token, json!({ "name": "Northside Dental", "areaCode": "415" })).await;
    assert_eq!(payload["phoneNumber"]["status"], "ACTIVE", "{payload}");
    assert_eq!(agree(&app, &token).await, 1);
}

#[tokio::test]
async fn a_voice_provider_that_refuses_leaves_nothing_behind() {
    let app = App::start().await;
    let token = app.token(Uuid::from_u128(1));
    app.faults(json!({
        "match": { "provider": "elevenlabs", "method": "POST", "path_contains": "/agents/create" },
        "action": { "status": 400 },
        "times": 1,
    }))
    .await;
    let payload = create(&app, &token, json!({ "name": "Northside Dental", "areaCode": "415" })).await;
    assert_eq!(payload["agent"], Value::Null, "{payload}");
    assert_eq!(payload["apiToken"], Value::Null, "{payload}");
    assert_eq!(payload["userErrors"][0]["code"], "VOICE_PROVIDER_REJECTED", "{payload}");
    assert_eq!(agree(&app, &token).await, 0);
    assert_eq!(agents_at_provider(&app.sandbox_state().await), 0);
}

#[tokio::test]
async fn a_carrier_that_stays_down_fails_the_operation_and_keeps_the_agent() {
    let app = App::start().await;
    let token = app.token(Uuid::from_u128(1));
    app.faults(json!({
        "match": { "provider": "twilio", "method": "POST", "path_contains": "IncomingPhoneNumbers" },
        "action": { "status": 429 },
    }))
    .await;
    let payload = create(&app, &token, json!({ "name": "Northside Dental", "areaCode": "415" })).await;
    let operation = settled(&app, &token, &payload).await;
    assert_eq!(operation["state"], "FAILED", "{operation}");
    assert_eq!(operation["error"]["code"], "CARRIER_UNAVAILABLE", "{operation}");
    assert_eq!(operation["agent"]["status"], "ACTIVE", "{operation}");
    assert_eq!(agree(&app, &token).await, 0, "a claim that could not be bought is freed");
}

#[tokio::test]
async fn a_whole_life_ends_with_nothing_at_the_providers() {
    let app = App::start().await;
    let token = app.token(Uuid::from_u128(1));
    let created = create(&app, &token, json!({ "name": "Northside Dental", "areaCode": "305" })).await;
    let number = &created["phoneNumber"];

    let again = r"mutation($input: ProvisionPhoneNumberInput!) {
      provisionPhoneNumber(input: $input) { phoneNumber { id status } userErrors { code field message } } }";
    let agent = created["agent"]["id"].clone();
    let refused = app.graphql(&token, again, json!({ "input": { "agentId": agent } })).await;
    let refused = &refused["data"]["provisionPhoneNumber"]["userErrors"][0];
    assert_eq!(refused["code"], "PHONE_NUMBER_ALREADY_EXISTS", "{refused}");
    let further =
        app.graphql(&token, again, json!({ "input": { "agentId": agent, "additional": true } })).await;
    assert_eq!(further["data"]["provisionPhoneNumber"]["phoneNumber"]["status"], "ACTIVE", "{further}");
    assert_eq!(agree(&app, &token).await, 2);

    let release = r"mutation($input: ReleasePhoneNumberInput!) {
      releasePhoneNumber(input: $input) { phoneNumber { status releasedAt } userErrors { code message } } }";
    let released = app.graphql(&token, release, json!({ "input": { "id": number["id"] } })).await;
    assert_eq!(released["data"]["releasePhoneNumber"]["phoneNumber"]["status"], "RELEASED", "{released}");
    assert_eq!(agree(&app, &token).await, 1);

    let delete = r"mutation($input: DeleteAgentInput!) {
      deleteAgent(input: $input) { agent { status phoneNumber { number } } operation { state } userErrors { code message } } }";
    let deleted = app.graphql(&token, delete, json!({ "input": { "id": agent } })).await;
    assert_eq!(deleted["data"]["deleteAgent"]["agent"]["status"], "DELETED", "{deleted}");
    assert_eq!(agree(&app, &token).await, 0);
    assert_eq!(agents_at_provider(&app.sandbox_state().await), 0);
}

#[tokio::test]
async fn a_number_pointed_elsewhere_is_set_right() {
    let app = App::start().await;
    let token = app.token(Uuid::from_u128(1));
    let created = create(&app, &token, json!({ "name": "Northside Dental", "areaCode": "305" })).await;
    let number = &created["phoneNumber"];
    let settings = async || app.sandbox_state().await["numbers"][0]["settings"].clone();
    let before = settings().await;
    let repair = r"mutation($input: RepairPhoneNumberInput!) {
      repairPhoneNumber(input: $input) { phoneNumber { status } operation { state } userErrors { code message } } }";
    for (setting, name, other) in WRONG_SETTINGS {
        app.as_account_owner(number["sid"].as_str().unwrap(), &[(setting, other)]).await;
        assert_eq!(settings().await[name], other, "{setting}");
        let repaired = app.graphql(&token, repair, json!({ "input": { "id": number["id"] } })).await;
        assert_eq!(repaired["data"]["repairPhoneNumber"]["operation"]["state"], "SUCCEEDED", "{repaired}");
        let after = settings().await;
        for (_, name, _) in WRONG_SETTINGS {
            assert_eq!(after[name], before[name], "{name} after {setting} was changed");
        }
        let called = app.place_call(json!({ "to": number["number"] })).await;
        assert_eq!(verbs(&called), [["Connect"]], "{setting}: {called}");
    }
}

#[tokio::test]
async fn the_same_key_buys_once_and_other_input_is_refused() {
    let app = App::start().await;
    let token = app.token(Uuid::from_u128(1));
    let input = json!({ "name": "Northside Dental", "areaCode": "917", "idempotencyKey": "order-1" });
    let (first, second) =
        tokio::join!(create(&app, &token, input.clone()), create(&app, &token, input.clone()));
    let third = create(&app, &token, input.clone()).await;
    let operations: Vec<_> =
        [&first, &second, &third].iter().filter_map(|payload| payload["operation"]["id"].as_str()).collect();
    assert!(
        !operations.is_empty() && operations.iter().all(|id| *id == operations[0]),
        "{first} {second} {third}"
    );
    let tokens = [&first, &second, &third].iter().filter(|payload| payload["apiToken"].is_string()).count();
    assert_eq!(tokens, 1, "the token is shown once");
    assert_eq!(agree(&app, &token).await, 1);

    let other = json!({ "name": "Southside Dental", "areaCode": "917", "idempotencyKey": "order-1" });
    let refused = create(&app, &token, other).await;
    assert_eq!(refused["userErrors"][0]["code"], "IDEMPOTENCY_KEY_REUSED", "{refused}");
    assert_eq!(refused["userErrors"][0]["field"], json!(["input", "idempotencyKey"]));
    assert_eq!(agree(&app, &token).await, 1);
}

#[tokio::test]
async fn a_number_whose_release_is_rejected_takes_calls_again() {
    let app = App::start().await;
    let token = app.token(Uuid::from_u128(1));
    let created = create(&app, &token, json!({ "name": "Northside Dental", "areaCode": "305" })).await;
    let number = created["phoneNumber"].clone();
    app.faults(json!({
        "match": { "provider": "twilio", "method": "DELETE", "path_contains": "IncomingPhoneNumbers" },
        "action": { "status": 401, "code": 20003 },
        "times": 1,
    }))
    .await;
    let release = r"mutation($input: ReleasePhoneNumberInput!) {
      releasePhoneNumber(input: $input) { operation { state } userErrors { code message } } }";
    let input = json!({ "input": { "id": number["id"] } });
    let refused = app.graphql(&token, release, input.clone()).await;
    let refused = &refused["data"]["releasePhoneNumber"];
    assert_eq!(refused["operation"]["state"], "FAILED", "{refused}");
    assert_eq!(refused["userErrors"][0]["code"], "CARRIER_REJECTED", "{refused}");
    assert_eq!(agree(&app, &token).await, 1);
    let call = app.place_call(json!({ "to": number["number"] })).await;
    assert_eq!(call["agent"]["name"], "Northside Dental", "{call}");

    let released = app.graphql(&token, release, input).await;
    assert_eq!(released["data"]["releasePhoneNumber"]["operation"]["state"], "SUCCEEDED", "{released}");
    assert_eq!(agree(&app, &token).await, 0);
}

#[tokio::test]
async fn no_number_is_bought_for_an_agent_that_may_never_be() {
    let app = App::start_with(&[("OPERATION_WAIT", "0s")]).await;
    let token = app.token(Uuid::from_u128(1));
    app.faults(json!({
        "match": { "provider": "elevenlabs", "method": "POST", "path_contains": "/agents/create" },
        "action": { "delay_ms": 2000 },
        "times": 1,
    }))
    .await;
    let pending = create(&app, &token, json!({ "name": "Northside Dental", "provisionPhone": false })).await;
    assert_eq!(pending["agent"]["status"], "PENDING", "{pending}");
    let provision = r"mutation($input: ProvisionPhoneNumberInput!) {
      provisionPhoneNumber(input: $input) { operation { id } userErrors { code field message } } }";
    let input = json!({ "agentId": pending["agent"]["id"], "additional": true });
    let refused = app.graphql(&token, provision, json!({ "input": input })).await;
    let refused = &refused["data"]["provisionPhoneNumber"];
    assert_eq!(refused["userErrors"][0]["code"], "INVALID_INPUT", "{refused}");
    assert_eq!(refused["userErrors"][0]["field"], json!(["input", "agentId"]), "{refused}");
    assert_eq!(settled(&app, &token, &pending).await["state"], "SUCCEEDED");
}

#[tokio::test]
async fn a_killed_servers_work_is_finished_by_the_next() {
    let mut app = App::start_with(&[("OPERATION_WAIT", "0s"), ("OPERATION_LEASE", "1s")]).await;
    let token = app.token(Uuid::from_u128(1));
    for path in ["/agents/create", "IncomingPhoneNumbers"] {
        app.faults(json!({
            "match": { "method": "POST", "path_contains": path },
            "action": { "delay_ms": 1500 },
            "times": 1,
        }))
        .await;
        let payload = create(&app, &token, json!({ "name": "Northside Dental", "areaCode": "646" })).await;
        wait_until("the request is at the provider", Duration::from_secs(10), async || {
            (app.pending_faults().await == 0).then_some(())
        })
        .await;
        app.restart().await;
        assert_eq!(settled(&app, &token, &payload).await["state"], "SUCCEEDED", "killed at {path}");
    }
    assert_eq!(agree(&app, &token).await, 2);
    assert_eq!(agents_at_provider(&app.sandbox_state().await), 2);
    assert_eq!(app.sandbox_state().await["counters"]["purchases"], 2);
}

#[tokio::test]
async fn while_the_carrier_stays_down_requests_fail_fast_and_what_must_be_done_waits() {
    let app = App::start_with(&[("OPERATION_WAIT", "3s")]).await;
    let token = app.token(Uuid::from_u128(1));
    let with = create(&app, &token, json!({ "name": "Northside Dental", "areaCode": "305" })).await;
    let without = create(&app, &token, json!({ "name": "Southside Dental", "provisionPhone": false })).await;
    app.faults(json!({ "match": { "provider": "twilio" }, "action": { "status": 503 }, "times": 1000 }))
        .await;
    let asked = async || {
        let faults = app.http().get(format!("{}/sandbox/faults", app.sandbox_url())).send().await;
        let faults: Value = faults.unwrap().json().await.unwrap();
        1000 - faults["faults"][0]["times"].as_u64().unwrap()
    };
    let search = r#"{ availablePhoneNumbers(areaCode: "212") { number } }"#;
    for _ in 0..2 {
        let answer = app.graphql(&token, search, json!({})).await;
        assert_eq!(answer["errors"][0]["extensions"]["code"], "CARRIER_UNAVAILABLE", "{answer}");
    }
    assert_eq!(asked().await, 5, "three tries, then two more until it is left alone");

    let provision = r"mutation($input: ProvisionPhoneNumberInput!) {
      provisionPhoneNumber(input: $input) { phoneNumber { status } operation { state attempts } userErrors { code } } }";
    let provision = async || {
        let input = json!({ "agentId": without["agent"]["id"], "areaCode": "212" });
        let answer = app.graphql(&token, provision, json!({ "input": input })).await;
        answer["data"]["provisionPhoneNumber"].clone()
    };
    let begun = Instant::now();
    let refused = provision().await;
    let took = begun.elapsed();
    assert_eq!(refused["operation"], json!({ "state": "FAILED", "attempts": 1 }), "{refused}");
    assert_eq!(refused["userErrors"][0]["code"], "CARRIER_UNAVAILABLE", "{refused}");
    assert!(took < Duration::from_secs(1), "it took {took:?}");

    let release = r"mutation($input: ReleasePhoneNumberInput!) {
      releasePhoneNumber(input: $input) { operation { id state } userErrors { code } } }";
    let input = json!({ "input": { "id": with["phoneNumber"]["id"] } });
    let release = app.graphql(&token, release, input).await["data"]["releasePhoneNumber"].clone();
    assert_eq!(release["operation"]["state"], "RUNNING", "{release}");
    let waiting = app.graphql(&token, OPERATION, json!({ "id": release["operation"]["id"] })).await;
    assert_eq!(waiting["data"]["operation"]["attempts"], 0, "it was not tried: {waiting}");
    assert_eq!(asked().await, 5, "the carrier was asked while it was left alone");

    app.clear_faults().await;
    app.advance(Duration::from_secs(12));
    assert_eq!(settled(&app, &token, &release).await["state"], "SUCCEEDED");
    let bought = provision().await;
    assert_eq!(bought["phoneNumber"]["status"], "ACTIVE", "{bought}");
    assert_eq!(agree(&app, &token).await, 1);
    for state in ["open", "closed"] {
        let counted = format!(r#"switchboard_breaker_changes_total{{provider="carrier",state="{state}"}}"#);
        assert!(app.metric(&counted).await > 0.0, "{counted}");
    }
}

#[tokio::test]
async fn a_voice_provider_that_stays_down_refuses_new_agents_at_once_and_makes_the_begun_ones_later() {
    let app = App::start_with(&[("OPERATION_WAIT", "1s")]).await;
    let token = app.token(Uuid::from_u128(1));
    let made = create(&app, &token, json!({ "name": "Northside Dental", "areaCode": "305" })).await;
    app.faults(json!({
        "match": { "provider": "elevenlabs", "path_contains": "/convai/agents" },
        "action": { "status": 503 },
    }))
    .await;
    // Each may have been made there, and is looked for until that is known.
    let mut begun = Vec::new();
    let refused = loop {
        let input = json!({ "name": "Southside Dental", "provisionPhone": false });
        let payload = create(&app, &token, input).await;
        if payload["operation"]["state"] == "FAILED" {
            break payload;
        }
        begun.push(payload);
        assert!(begun.len() <= 5, "it is still asked");
    };
    assert_eq!(refused["userErrors"][0]["code"], "VOICE_PROVIDER_UNAVAILABLE", "{refused}");
    let call = app.place_call(json!({ "to": made["phoneNumber"]["number"] })).await;
    assert_eq!(call["agent"]["name"], "Northside Dental", "calls are another matter: {call}");

    app.clear_faults().await;
    app.advance(Duration::from_secs(60));
    for payload in &begun {
        assert_eq!(settled(&app, &token, payload).await["state"], "SUCCEEDED");
    }
    assert_eq!(agents_at_provider(&app.sandbox_state().await), 1 + begun.len());
}
