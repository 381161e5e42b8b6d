//! An unknown outcome at a provider is looked up until it is known, and never taken for a failure. Meanwhile the operation says
//! what it waits for.

use std::time::Duration;

use futures_util::future::join_all;
use reqwest::Method;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::support::api::{CREATE, PROVISION};
use crate::support::practice::{DEADLINE, DELETE, HELD, NUMBERS, Practice, RELEASE};
use crate::support::wait_until;

/// Answers that say nothing about what an earlier request did.
fn no_verdicts(provider: &str) -> Vec<Value> {
    let own = if provider == "twilio" {
        vec![
            json!({ "status": 403, "code": 20003 }),
            json!({ "status": 404, "body": { "message": "no Route matched with those values" } }),
            json!({ "status": 400, "body": { "message": "Bad Request" } }),
        ]
    } else {
        vec![
            json!({ "status": 401, "code": "invalid_api_key" }),
            json!({ "status": 404, "body": { "detail": "Not Found" } }),
            json!({ "status": 400, "body": { "detail": "Bad Request" } }),
            json!({ "status": 400, "code": "invalid_parameters" }),
        ]
    };
    let pages = [
        json!({ "status": 401, "body": "<html>sign in</html>" }),
        json!({ "status": 404, "body": "<html>no such page</html>" }),
        json!({ "status": 502, "body": "<html>bad gateway</html>" }),
    ];
    own.into_iter().chain(pages).collect()
}

/// The carrier's own refusals of a list, which say nothing about the number either.
fn refused_lists() -> [Value; 2] {
    [json!({ "status": 404, "code": 20404 }), json!({ "status": 400, "code": 20001 })]
}

#[tokio::test]
async fn a_purchase_with_an_unknown_outcome_survives_a_rejected_look_up() {
    let answers = no_verdicts("twilio").into_iter().chain(refused_lists());
    join_all(answers.map(async |answer| {
        let practice = Practice::in_background().await;
        // The look before the purchase passes.
        practice.fault("twilio", "POST", NUMBERS, json!({ "lose": "after" })).await;
        practice.fault_in_turn("twilio", "GET", NUMBERS, answer.clone()).await;
        let made = practice.create(json!({ "name": "Northside Dental", "areaCode": "305" })).await;
        let waiting = practice.waiting(&made).await;
        assert!(waiting["waitsFor"]["message"].as_str().unwrap().contains("carrier"), "{waiting}");
        assert_eq!(practice.over(&made).await["state"], "SUCCEEDED", "{answer}");
        practice.agree(1, 1).await;
    }))
    .await;
}

#[tokio::test]
async fn a_rejected_repetition_of_a_purchase_settles_nothing() {
    let answers = no_verdicts("twilio").into_iter();
    join_all(answers.map(async |answer| {
        let practice = Practice::in_background().await;
        practice.fault("twilio", "POST", NUMBERS, json!({ "lose": "before" })).await;
        practice.fault("twilio", "POST", NUMBERS, answer.clone()).await;
        let made = practice.create(json!({ "name": "Northside Dental", "areaCode": "305" })).await;
        practice.waiting(&made).await;
        assert_eq!(practice.over(&made).await["state"], "SUCCEEDED", "{answer}");
        practice.agree(1, 1).await;
    }))
    .await;
}

#[tokio::test]
async fn a_release_with_an_unknown_outcome_survives_a_rejected_look_up() {
    let answers = no_verdicts("twilio").into_iter().chain([json!({ "status": 400, "code": 20001 })]);
    join_all(answers.map(async |answer| {
        let practice = Practice::in_background().await;
        let made = practice.with_number().await;
        practice.fault("twilio", "DELETE", NUMBERS, json!({ "lose": "after" })).await;
        practice.fault_in_turn("twilio", "GET", NUMBERS, answer.clone()).await;
        let release = practice.ask(RELEASE, json!({ "id": made["number"]["id"] })).await;
        practice.waiting(&release).await;
        assert_eq!(practice.over(&release).await["state"], "SUCCEEDED", "{answer}");
        practice.agree(0, 1).await;
    }))
    .await;
}

#[tokio::test]
async fn a_release_carried_out_late_is_found_although_its_repetition_was_rejected() {
    let answers = no_verdicts("twilio").into_iter().chain([json!({ "status": 400, "code": 21628 })]);
    join_all(answers.map(async |answer| {
        for (mutation, what) in [(RELEASE, "number"), (DELETE, "agent")] {
            let practice = Practice::in_background().await;
            let made = practice.with_number().await;
            practice.fault("twilio", "DELETE", NUMBERS, json!({ "delay_ms": 3500 })).await;
            practice.fault("twilio", "DELETE", NUMBERS, answer.clone()).await;
            let id = made[what].get("id").unwrap_or(&made[what]);
            let ended = practice.ask(mutation, json!({ "id": id })).await;
            practice.waiting(&ended).await;
            assert_eq!(practice.over(&ended).await["state"], "SUCCEEDED", "{answer}");
            practice.agree(0, usize::from(what == "number")).await;
        }
    }))
    .await;
}

#[tokio::test]
async fn a_gateways_not_found_does_not_mean_that_a_number_or_an_agent_is_gone() {
    let practice = Practice::in_background().await;
    let made = practice.with_number().await;
    let no_route = json!({ "status": 404, "body": { "message": "no Route matched with those values" } });
    practice.fault("twilio", "GET", NUMBERS, no_route.clone()).await;
    let repair = "mutation($id: ID!) { repairPhoneNumber(input: {id: $id}) { operation { id state } userErrors { message } } }";
    let repaired = practice.ask(repair, json!({ "id": made["number"]["id"] })).await;
    assert_eq!(practice.over(&repaired).await["state"], "SUCCEEDED");
    practice.fault("twilio", "DELETE", NUMBERS, no_route).await;
    let unknown_path = json!({ "status": 404, "body": { "detail": "Not Found" } });
    practice.fault("elevenlabs", "DELETE", "/convai/agents/", unknown_path).await;
    let deleted = practice.ask(DELETE, json!({ "id": made["agent"] })).await;
    assert_eq!(practice.over(&deleted).await["state"], "SUCCEEDED");
    practice.agree(0, 0).await;
}

#[tokio::test]
async fn an_agent_with_an_unknown_outcome_is_looked_up_until_it_is_found() {
    let answers = no_verdicts("elevenlabs").into_iter();
    join_all(answers.map(async |answer| {
        // Created, and not read back; then the search for it is refused.
        let practice = Practice::in_background().await;
        practice.fault("elevenlabs", "GET", "/convai/agents/", answer.clone()).await;
        practice.fault("elevenlabs", "GET", "/convai/agents", answer.clone()).await;
        let made = practice.create(json!({ "name": "Northside Dental", "provisionPhone": false })).await;
        practice.waiting(&made).await;
        assert_eq!(practice.over(&made).await["state"], "SUCCEEDED", "{answer}");
        practice.agree(0, 1).await;
        // The same for its end.
        practice.fault("elevenlabs", "DELETE", "/convai/agents/", json!({ "lose": "after" })).await;
        practice.fault("elevenlabs", "DELETE", "/convai/agents/", answer.clone()).await;
        let deleted = practice.ask(DELETE, json!({ "id": made["agent"]["id"] })).await;
        practice.waiting(&deleted).await;
        assert_eq!(practice.over(&deleted).await["state"], "SUCCEEDED", "{answer}");
        practice.agree(0, 0).await;
    }))
    .await;
}

#[tokio::test]
async fn an_agent_archived_before_its_look_up_is_adopted() {
    let practice = Practice::in_background().await;
    practice.fault("elevenlabs", "POST", "/convai/agents/create", json!({ "lose": "after" })).await;
    let search = json!({ "provider": "elevenlabs", "method": "GET", "path_contains": "/convai/agents" });
    practice.app.faults(json!({ "match": search, "action": { "status": 503 } })).await;
    let made = practice.create(json!({ "name": "Northside Dental", "provisionPhone": false })).await;
    let id = wait_until("the agent exists at the voice provider", DEADLINE, async || {
        let state = practice.app.sandbox_state().await;
        state["agents"][0]["agent_id"].as_str().map(str::to_owned)
    })
    .await;
    let archived = json!({ "platform_settings": { "archived": true } });
    practice.app.at_voice_provider(Method::PATCH, &id, archived).await;
    practice.app.clear_faults().await;
    assert_eq!(practice.over(&made).await["state"], "SUCCEEDED");
    practice.agree(0, 1).await;
    let state = practice.app.sandbox_state().await;
    assert_eq!(state["agents"][0]["platform_settings"]["archived"], false, "{state}");
}

#[tokio::test]
async fn a_rejection_before_any_effect_fails_at_once() {
    let practice = Practice::in_background().await;
    practice.fault("twilio", "POST", NUMBERS, json!({ "status": 401, "code": 20003 })).await;
    let made = practice.create(json!({ "name": "Northside Dental", "areaCode": "305" })).await;
    let ended = practice.over(&made).await;
    assert_eq!((&ended["state"], &ended["attempts"]), (&json!("FAILED"), &json!(1)), "{ended}");
    assert_eq!(ended["error"]["code"], "CARRIER_REJECTED", "{ended}");
    assert!(ended["waitsFor"].is_null(), "{ended}");
    practice.agree(0, 1).await;
}

#[tokio::test]
async fn a_purchase_carried_out_late_is_found_although_its_repetition_was_rejected() {
    let refusals = [21422, 21404].into_iter();
    join_all(refusals.map(async |refusal| {
        let practice = Practice::in_background().await;
        practice.fault("twilio", "POST", NUMBERS, json!({ "delay_ms": 4500 })).await;
        practice.fault("twilio", "POST", NUMBERS, json!({ "status": 400, "code": refusal })).await;
        let made = practice.create(json!({ "name": "Northside Dental", "areaCode": "305" })).await;
        practice.waiting_for_the_first_look(&made).await;
        // The repetition is sent while the first request is still on its way.
        practice.app.advance(Duration::from_secs(6));
        practice.waiting(&made).await;
        assert_eq!(practice.app.sandbox_state().await["counters"]["purchases"], 0, "the scene is not set");
        assert_eq!(practice.over(&made).await["state"], "SUCCEEDED", "{refusal}");
        assert_eq!(practice.app.sandbox_state().await["counters"]["purchases"], 1, "{refusal}");
        practice.agree(1, 1).await;
    }))
    .await;
}

#[tokio::test]
async fn a_purchase_that_never_arrived_and_is_rejected_frees_its_claim() {
    let practice = Practice::in_background().await;
    practice.fault("twilio", "POST", NUMBERS, json!({ "lose": "before" })).await;
    practice.fault("twilio", "POST", NUMBERS, json!({ "status": 400, "code": 21422 })).await;
    let made = practice.create(json!({ "name": "Northside Dental", "areaCode": "907" })).await;
    assert_eq!(practice.over(&made).await["state"], "SUCCEEDED");
    practice.agree(1, 1).await;
    let number = practice.app.sandbox_state().await["numbers"][0]["phone_number"].clone();
    assert_eq!(number, "+19075550101", "the second of two");
}

#[tokio::test]
async fn a_rejected_account_during_a_deletion_leaves_the_agent_as_it_was() {
    let practice = Practice::in_background().await;
    let made = practice.with_number().await;
    practice.fault("twilio", "DELETE", NUMBERS, json!({ "status": 401, "code": 20003 })).await;
    let deleted = practice.ask(DELETE, json!({ "id": made["agent"] })).await;
    let ended = practice.over(&deleted).await;
    assert_eq!((&ended["state"], &ended["agent"]["status"]), (&json!("FAILED"), &json!("ACTIVE")), "{ended}");
    let held = practice.app.graphql(&practice.token, HELD, json!({})).await;
    assert_eq!(held["data"]["phoneNumbers"]["nodes"][0]["status"], "ACTIVE", "{held}");
}

#[tokio::test]
async fn a_candidate_that_needs_an_address_is_skipped() {
    let practice = Practice::in_background().await;
    let offered = json!({ "status": 200, "body": { "available_phone_numbers": [
        { "phone_number": "+61255500110", "iso_country": "AU", "address_requirements": "any", "capabilities": { "voice": true } },
        { "phone_number": "+13055550100", "iso_country": "US", "capabilities": { "voice": true } },
        { "phone_number": "+13055550101", "iso_country": "US", "address_requirements": "none", "capabilities": { "voice": true } },
    ] } });
    practice.fault("twilio", "GET", "AvailablePhoneNumbers", offered).await;
    // Its requirements were not told.
    practice.fault("twilio", "POST", NUMBERS, json!({ "status": 400, "code": 21649 })).await;
    let made = practice.create(json!({ "name": "Northside Dental", "areaCode": "305" })).await;
    assert_eq!(practice.over(&made).await["state"], "SUCCEEDED");
    assert_eq!(practice.app.sandbox_state().await["numbers"][0]["phone_number"], "+13055550101");
    assert_eq!(
        practice.app.sandbox_state().await["counters"]["purchases_refused"],
        0,
        "none was tried in vain"
    );

    let abroad = practice.create(json!({ "name": "Northside Dental", "country": "AU" })).await;
    let ended = practice.over(&abroad).await;
    assert!(ended["error"]["message"].as_str().unwrap().contains("address or documents"), "{ended}");
    let refused = practice.app.sandbox_state().await["counters"]["purchases_refused"].as_u64().unwrap();
    assert_eq!(refused, 1, "the others need one too");
}

#[tokio::test]
async fn numbers_in_quarantine_do_not_hide_those_behind_them() {
    let practice = Practice::in_background().await;
    let made = practice.with_number().await;
    let mut ids = vec![];
    for _ in 0..22 {
        let input = json!({ "agentId": made["agent"], "additional": true, "areaCode": "646" });
        let bought = practice.ask(PROVISION, json!({ "input": input })).await;
        assert_eq!(practice.over(&bought).await["state"], "SUCCEEDED");
        ids.push(bought["operation"]["id"].clone());
    }
    let held = practice.app.graphql(&practice.token, HELD, json!({})).await;
    for number in held["data"]["phoneNumbers"]["nodes"].as_array().unwrap() {
        let release = practice.ask(RELEASE, json!({ "id": number["id"] })).await;
        assert_eq!(practice.over(&release).await["state"], "SUCCEEDED");
    }
    let other = practice.app.token(Uuid::from_u128(2));
    let input = json!({ "input": { "name": "Southside Dental", "areaCode": "646" } });
    let created = practice.app.graphql(&other, CREATE, input).await["data"]["createAgent"].clone();
    let query = "query($id: ID!) { operation(id: $id) { state error { message } phoneNumber { number } } }";
    let ended = wait_until("it is over", DEADLINE, async || {
        let id = json!({ "id": created["operation"]["id"] });
        let operation = practice.app.graphql(&other, query, id).await["data"]["operation"].clone();
        matches!(operation["state"].as_str(), Some("SUCCEEDED" | "FAILED")).then_some(operation)
    })
    .await;
    assert_eq!(ended["phoneNumber"]["number"], "+16465550122", "{ended}");
    // Neither do they when another area code would do: this one has numbers on sale still.
    let elsewhere =
        json!({ "name": "Eastside Dental", "areaCode": "646", "ifUnavailable": "ANY_IN_COUNTRY" });
    let created = practice.app.graphql(&other, CREATE, json!({ "input": elsewhere })).await;
    let created = created["data"]["createAgent"].clone();
    let ended = wait_until("it is over", DEADLINE, async || {
        let id = json!({ "id": created["operation"]["id"] });
        let operation = practice.app.graphql(&other, query, id).await["data"]["operation"].clone();
        matches!(operation["state"].as_str(), Some("SUCCEEDED" | "FAILED")).then_some(operation)
    })
    .await;
    assert_eq!(ended["phoneNumber"]["number"], "+16465550123", "{ended}");
}
