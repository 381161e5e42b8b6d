//! Two installations with one carrier account, and numbers that somebody else owns there: nobody's number is taken, and none
//! that is paid for is left to nobody.

use std::time::Duration;

use futures_util::future::join_all;
use reqwest::Method;
use serde_json::{Value, json};
use switchboard::domain::OperationId;
use uuid::Uuid;

use crate::support::api::CREATE;
use crate::support::practice::{DEADLINE, HELD, NUMBERS, Practice, RELEASE};
use crate::support::{App, wait_until};

const FIRST: &str = "+19075550100";
const SECOND: &str = "+19075550101";
const REPAIR: &str = "mutation($id: ID!) { repairPhoneNumber(input: {id: $id}) { userErrors { message } } }";

impl Practice {
    /// The next search offers both numbers of the area, and the next look shows none of the account's: as if they had been bought
    /// in between.
    async fn offer_but_not_list(&self) {
        let offered = json!({ "status": 200, "body": { "available_phone_numbers": [
            { "phone_number": FIRST, "iso_country": "US", "capabilities": { "voice": true } },
            { "phone_number": SECOND, "iso_country": "US", "capabilities": { "voice": true } },
        ] } });
        self.fault("twilio", "GET", "AvailablePhoneNumbers", offered).await;
        let unlisted =
            json!({ "status": 200, "body": { "incoming_phone_numbers": [], "next_page_uri": null } });
        self.fault("twilio", "GET", NUMBERS, unlisted).await;
    }

    async fn at_the_carrier(&self, number: &str) -> Value {
        let state = self.app.sandbox_state().await;
        let mut owned = state["numbers"].as_array().unwrap().iter();
        owned.find(|owned| owned["phone_number"] == number).unwrap_or_else(|| panic!("{state}")).clone()
    }

    async fn only_number(&self) -> Value {
        let held = self.app.graphql(&self.token, HELD, json!({})).await;
        let numbers = held["data"]["phoneNumbers"]["nodes"].as_array().unwrap();
        assert_eq!(numbers.len(), 1, "{held}");
        numbers[0].clone()
    }
}

fn mark_of_another() -> String {
    format!("switchboard:{}", OperationId(Uuid::from_u128(99)))
}

#[tokio::test]
async fn two_installations_with_one_carrier_account_buy_two_numbers() {
    let practice = Practice::in_background().await;
    let sandbox = practice.app.sandbox_url();
    let other =
        App::start_with(&[("TWILIO_API_BASE_URL", &sandbox), ("ELEVENLABS_API_BASE_URL", &sandbox)]).await;
    // Its search is over long before its purchase.
    practice.fault("elevenlabs", "POST", "/agents/create", json!({ "delay_ms": 900 })).await;
    let slow = practice.create(json!({ "name": "Northside Dental", "areaCode": "907" })).await;
    wait_until("it has searched", DEADLINE, async || {
        (practice.app.pending_faults().await == 0).then_some(())
    })
    .await;
    let theirs = other.token(Uuid::from_u128(2));
    let input = json!({ "input": { "name": "Southside Dental", "areaCode": "907" } });
    let quick = other.graphql(&theirs, CREATE, input).await["data"]["createAgent"].clone();
    assert_eq!(quick["phoneNumber"]["status"], "ACTIVE", "{quick}");
    assert_eq!(practice.over(&slow).await["state"], "SUCCEEDED");
    let state = practice.app.sandbox_state().await;
    assert_eq!(state["counters"]["purchases"], 2, "{state}");
    assert_eq!(state["counters"]["repurchases"], 0, "{state}");
    let call = practice.app.place_call(json!({ "to": quick["phoneNumber"]["number"] })).await;
    assert_eq!(call["agent"]["name"], "Southside Dental", "{call}");
}

#[tokio::test]
async fn a_number_with_an_earlier_owner_is_left_to_that_owner() {
    let practice = Practice::in_background().await;
    let theirs = [
        ("PhoneNumber", "+19075550100"),
        ("FriendlyName", "Front desk"),
        ("VoiceUrl", "https://desk.example.com/"),
    ];
    practice.app.at_carrier(Method::POST, NUMBERS, &theirs).await;
    practice.app.advance_providers(Duration::from_secs(60)).await;
    practice.offer_but_not_list().await;
    let made = practice.create(json!({ "name": "Northside Dental", "areaCode": "907" })).await;
    assert_eq!(practice.over(&made).await["state"], "SUCCEEDED");
    let held = practice.app.graphql(&practice.token, HELD, json!({})).await;
    assert_eq!(held["data"]["phoneNumbers"]["nodes"][0]["number"], "+19075550101", "{held}");
    let state = practice.app.sandbox_state().await;
    let owned = state["numbers"].as_array().unwrap();
    assert_eq!(owned.len(), 2, "{state}");
    let desk = owned.iter().find(|number| number["phone_number"] == "+19075550100").unwrap();
    assert_eq!(desk["settings"]["friendly_name"], "+19075550100", "it does not bear our mark: {desk}");
    assert_eq!(desk["settings"]["voice_url"], "https://desk.example.com/", "it rings where it rang: {desk}");
}

#[tokio::test]
async fn a_number_that_another_installation_bought_in_between_goes_on_taking_their_calls() {
    let mishaps = [
        None,
        // The answer to the purchase is lost; taking our mark off again fails.
        Some((NUMBERS, json!({ "lose": "after" }))),
        Some(("IncomingPhoneNumbers/PN", json!({ "status": 503 }))),
        Some(("IncomingPhoneNumbers/PN", json!({ "lose": "before" }))),
    ];
    join_all(mishaps.into_iter().map(async |mishap| {
        let practice = Practice::in_background().await;
        let sandbox = practice.app.sandbox_url();
        let beside = [("TWILIO_API_BASE_URL", &*sandbox), ("ELEVENLABS_API_BASE_URL", &*sandbox)];
        let other = App::start_with(&beside).await;
        let theirs = other.token(Uuid::from_u128(2));
        let input = json!({ "input": { "name": "Southside Dental", "areaCode": "907" } });
        let bought = other.graphql(&theirs, CREATE, input).await["data"]["createAgent"].clone();
        assert_eq!(bought["phoneNumber"]["number"], FIRST, "{bought}");
        let before = practice.at_the_carrier(FIRST).await;

        practice.offer_but_not_list().await;
        if let Some((path, action)) = &mishap {
            practice.fault("twilio", "POST", path, action.clone()).await;
        }
        let made = practice.create(json!({ "name": "Northside Dental", "areaCode": "907" })).await;
        assert_eq!(practice.over(&made).await["state"], "SUCCEEDED", "{mishap:?}");
        assert_eq!(practice.only_number().await["number"], SECOND, "{mishap:?}");
        let counters = practice.app.sandbox_state().await["counters"].clone();
        assert_eq!(
            (&counters["purchases"], &counters["repurchases"]),
            (&json!(2), &json!(1)),
            "the scene is not set"
        );
        let after = practice.at_the_carrier(FIRST).await;
        let mut settings = before["settings"].clone();
        settings["friendly_name"] = json!(FIRST);
        assert_eq!(after["settings"], settings, "only its name was lost: {mishap:?}");
        let call = practice.app.place_call(json!({ "to": FIRST })).await;
        assert_eq!(call["agent"]["name"], "Southside Dental", "{call}");

        let id = json!({ "id": bought["phoneNumber"]["id"] });
        let repaired = other.graphql(&theirs, REPAIR, id).await;
        assert_eq!(repaired["data"]["repairPhoneNumber"]["userErrors"], json!([]), "{repaired}");
        assert_eq!(practice.at_the_carrier(FIRST).await["settings"], before["settings"]);
    }))
    .await;
}

#[tokio::test]
async fn a_number_that_another_installation_marks_before_it_is_pointed_is_left_to_them() {
    let practice = Practice::in_background().await;
    practice.fault("twilio", "POST", "IncomingPhoneNumbers/PN", json!({ "delay_ms": 800 })).await;
    let made = practice.create(json!({ "name": "Northside Dental", "areaCode": "907" })).await;
    wait_until("it is about to be pointed", DEADLINE, async || {
        (practice.app.pending_faults().await == 0).then_some(())
    })
    .await;
    let theirs = [("PhoneNumber", FIRST), ("FriendlyName", &mark_of_another())];
    practice.app.at_carrier(Method::POST, NUMBERS, &theirs).await;
    assert_eq!(practice.over(&made).await["state"], "SUCCEEDED");
    assert_eq!(practice.only_number().await["number"], SECOND);
    assert_eq!(practice.at_the_carrier(FIRST).await["settings"]["friendly_name"], json!(mark_of_another()));
}

#[tokio::test]
async fn a_number_of_ours_that_another_installation_took_the_mark_off_is_found_again() {
    let practice = Practice::in_background().await;
    practice.fault("twilio", "POST", NUMBERS, json!({ "lose": "after" })).await;
    let made = practice.create(json!({ "name": "Northside Dental", "areaCode": "907" })).await;
    wait_until("it is bought", DEADLINE, async || (practice.app.pending_faults().await == 0).then_some(()))
        .await;
    let sid = practice.at_the_carrier(FIRST).await["sid"].as_str().unwrap().to_owned();
    practice.app.as_account_owner(&sid, &[("FriendlyName", FIRST)]).await;
    assert_eq!(practice.over(&made).await["state"], "SUCCEEDED");
    assert_eq!(practice.only_number().await["sid"], json!(sid));
    practice.agree(1, 1).await;
}

#[tokio::test]
async fn a_number_whose_settings_are_rejected_is_released() {
    for is_answer_lost in [false, true] {
        let practice = Practice::in_background().await;
        let refused = json!({ "status": 400, "code": 21402 });
        practice.fault("twilio", "POST", "IncomingPhoneNumbers/PN", refused).await;
        if is_answer_lost {
            practice.fault("twilio", "DELETE", NUMBERS, json!({ "lose": "after" })).await;
        }
        let made = practice.create(json!({ "name": "Northside Dental", "areaCode": "907" })).await;
        let ended = practice.over(&made).await;
        assert_eq!(
            (&ended["state"], &ended["error"]["code"]),
            (&json!("FAILED"), &json!("CARRIER_REJECTED"))
        );
        assert!(ended["error"]["message"].as_str().unwrap().contains("WEBHOOK_BASE_URL"), "{ended}");
        practice.agree(0, 1).await;
        let counters = practice.app.sandbox_state().await["counters"].clone();
        assert_eq!((&counters["purchases"], &counters["releases"]), (&json!(1), &json!(1)), "{counters}");
    }
}

#[tokio::test]
async fn a_number_that_is_bought_is_set_up_however_often_that_fails() {
    let answers =
        [json!({ "status": 401, "code": 20003 }), json!({ "status": 503 }), json!({ "status": 429 })];
    join_all(answers.map(async |answer| {
        let practice = Practice::in_background().await;
        let matching =
            json!({ "provider": "twilio", "method": "POST", "path_contains": "IncomingPhoneNumbers/PN" });
        practice.app.faults(json!({ "match": matching, "action": answer, "times": 3 })).await;
        let made = practice.create(json!({ "name": "Northside Dental", "areaCode": "907" })).await;
        assert_eq!(practice.over(&made).await["state"], "SUCCEEDED", "{answer}");
        practice.agree(1, 1).await;
        let number = practice.only_number().await["number"].clone();
        let call = practice.app.place_call(json!({ "to": number })).await;
        assert_eq!(call["agent"]["name"], "Northside Dental", "{call}");
    }))
    .await;
}

#[tokio::test]
async fn a_number_of_another_installation_is_not_released() {
    let practice = Practice::in_background().await;
    let made = practice.with_number().await;
    let sid = made["number"]["sid"].as_str().unwrap();
    practice.app.as_account_owner(sid, &[("FriendlyName", &mark_of_another())]).await;
    let release = practice.ask(RELEASE, json!({ "id": made["number"]["id"] })).await;
    assert_eq!(practice.over(&release).await["state"], "SUCCEEDED");
    assert_eq!(practice.app.sandbox_state().await["numbers"][0]["sid"], json!(sid), "it is theirs");
}
