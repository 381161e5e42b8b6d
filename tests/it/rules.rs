//! Routing rules and plans through the public API and the emulated carrier: each action as a caller meets it, what is
//! told of it afterwards, and what would be told beforehand.

use std::time::Duration;

use futures_util::future::join_all;
use reqwest::Method;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::support::calls::{CALLER, DESK, twiml, verbs};
use crate::support::practice::{Practice, SIMULATE, TENANT};

const CALLS: &str =
    "{ calls { nodes { status outcome decision { outcome reason ruleName action { kind } } } }
    viewer { activeCalls } }";

fn assert_decided(call: &Value, outcome: &str, rule: &str, words: &str) {
    assert_eq!(call["outcome"], outcome, "{call}");
    assert_eq!(call["decision"]["outcome"], outcome, "{call}");
    assert_eq!(call["decision"]["ruleName"], rule, "{call}");
    assert!(call["decision"]["reason"].as_str().unwrap().contains(words), "{call}");
}

#[tokio::test]
async fn each_action_is_carried_out_and_recorded() {
    let practice = Practice::open(json!({"language": "de", "fallbackNumber": "+12125550177"})).await;

    practice.always(json!({"kind": "REJECT"})).await;
    let call = practice.call(json!({})).await;
    assert_eq!(verbs(&call), [["Reject"]], "{call}");
    assert_decided(&practice.newest().await, "REJECTED", "Always", "the call is rejected");

    practice.always(json!({"kind": "MESSAGE", "message": "Wir haben <Urlaub> & sind bald zurück."})).await;
    let call = practice.call(json!({})).await;
    assert_eq!(verbs(&call), [["Say"]]);
    let said =
        r#"<Say voice="Polly.Vicki" language="de-DE">Wir haben &lt;Urlaub&gt; &amp; sind bald zurück.</Say>"#;
    assert!(twiml(&call, 0).contains(said), "{call}");
    assert_decided(&practice.newest().await, "UNAVAILABLE", "Always", "hears the rule's message");

    practice.always(json!({"kind": "FORWARD", "forwardTo": "+1 (212) 555-0142"})).await;
    let call = practice.call(json!({"dial_result": "completed"})).await;
    assert_eq!(verbs(&call), [["Dial"], ["Hangup"]]);
    assert!(twiml(&call, 0).contains(DESK) && twiml(&call, 0).contains(r#"timeout="20""#), "{call}");
    assert_decided(&practice.newest().await, "FALLBACK", "Always", "forwarded");
    let call = practice.call(json!({"dial_result": "busy"})).await;
    assert_eq!(verbs(&call), [["Dial"], ["Say"]]);
    assert_decided(
        &practice.newest().await,
        "UNAVAILABLE",
        "Always",
        "nobody answered at the dialled number",
    );
    assert_eq!(practice.app.sandbox_state().await["conversations"], json!([]), "no agent was asked so far");

    practice.always(json!({"kind": "FORWARD_THEN_AGENT", "forwardTo": DESK, "ringSeconds": 12})).await;
    let call = practice.call(json!({"dial_result": "completed"})).await;
    assert_eq!(verbs(&call), [["Dial"], ["Hangup"]]);
    assert!(twiml(&call, 0).contains(r#"timeout="12""#), "{call}");
    let call = practice.call(json!({"dial_result": "no-answer"})).await;
    assert_eq!(verbs(&call), [["Dial"], ["Connect"]]);
    assert_eq!(call["agent"]["agent_id"], practice.made["agent"]["elevenlabsAgentId"], "{call}");
    assert_decided(&practice.newest().await, "AGENT", "Always", "nobody answered there; the agent takes it");
    // The agent cannot either: the rest of the ladder.
    let fault = json!({"match": {"provider": "elevenlabs", "path_contains": "register-call"},
        "action": {"status": 500}, "times": 4});
    practice.app.faults(fault).await;
    let call = practice.call(json!({"dial_result": "no-answer"})).await;
    assert_eq!(verbs(&call), [["Dial"], ["Dial"], ["Say"]]);
    assert!(twiml(&call, 1).contains("+12125550177"), "{call}");
    assert_decided(&practice.newest().await, "UNAVAILABLE", "Always", "the voice provider failed");
    practice.app.clear_faults().await;

    assert_eq!(practice.set(json!([]), None).await["userErrors"], json!([]));
    practice.app.advance(Duration::from_secs(120));
    assert_eq!(verbs(&practice.call(json!({})).await), [["Connect"]]);
    let newest = practice.newest().await;
    assert_eq!(newest["decision"]["ruleName"], Value::Null);
    assert_eq!(newest["decision"]["reason"], "the number has no rules; the agent takes it");
}

#[tokio::test]
async fn the_first_rule_that_applies_decides_and_a_simulation_says_so_beforehand() {
    let practice = Practice::open(json!({})).await;
    let agent = json!({"kind": "AGENT"});
    let message = |text: &str| json!({"kind": "MESSAGE", "message": text});
    let rules = json!([
        {"name": "Blocked", "condition": {"callers": ["+1 900", CALLER]}, "action": {"kind": "REJECT"}},
        {"name": "Holidays", "condition": {"timeZone": "Europe/Berlin", "dates": ["2026-12-25"]}, "action": message("Closed.")},
        {"name": "Day", "condition": {"timeZone": "Europe/Berlin", "from": "09:00", "to": "17:00",
            "days": ["MONDAY", "TUESDAY", "WEDNESDAY", "THURSDAY", "FRIDAY"]}, "action": agent},
        {"name": "New York nights", "condition": {"timeZone": "America/New_York", "from": "18:00", "to": "08:00"},
            "action": {"kind": "FORWARD_THEN_AGENT", "forwardTo": DESK, "ringSeconds": 15}},
    ]);
    let set = practice.set(rules, Some(0)).await;
    assert_eq!(set["phoneNumber"]["routingVersion"], 1, "{set}");
    assert_eq!(
        set["phoneNumber"]["routingRules"][0],
        json!({"name": "Blocked", "condition": {"days": null, "from": null, "to": null, "timeZone": null, "dates": null,
            "callers": [CALLER, "+1900"]},
            "action": {"kind": "REJECT", "forwardTo": null, "ringSeconds": null, "message": null}})
    );
    assert_eq!(set["phoneNumber"]["routingRules"][3]["condition"]["to"], "08:00");
    for (from, at, outcome, rule) in [
        (Some(CALLER), "2026-12-25T12:00:00Z", "REJECTED", json!("Blocked")),
        (Some("anonymous"), "2026-12-24T23:00:00Z", "UNAVAILABLE", json!("Holidays")),
        // Berlin's clocks go forward on 29 March and back on 25 October 2026.
        (None, "2026-03-27T08:00:00Z", "AGENT", json!("Day")),
        (None, "2026-03-30T07:00:00Z", "AGENT", json!("Day")),
        (None, "2026-03-30T15:00:00Z", "AGENT", json!(null)),
        (None, "2026-10-23T07:00:00Z", "AGENT", json!("Day")),
        (None, "2026-10-26T15:59:59Z", "AGENT", json!("Day")),
        // New York's on 8 March and on 1 November.
        (Some("+493012345678"), "2026-03-07T23:00:00Z", "FALLBACK", json!("New York nights")),
        (Some("+493012345678"), "2026-03-08T12:00:00Z", "AGENT", json!(null)),
        (Some("+493012345678"), "2026-10-31T22:00:00Z", "FALLBACK", json!("New York nights")),
        (Some("+493012345678"), "2026-11-01T22:30:00Z", "AGENT", json!(null)),
    ] {
        let told = practice.simulate(from, Some(at)).await;
        assert_eq!(
            (&told["outcome"], &told["rule"]["name"]),
            (&json!(outcome), &rule),
            "{at} {from:?}: {told}"
        );
    }
    let why = practice.simulate(None, Some("2026-03-30T07:00:00Z")).await["reason"].clone();
    assert_eq!(
        why,
        "the rule \"Day\" applies: it is Monday 2026-03-30, 09:00 in Europe/Berlin; the agent takes it"
    );
    assert_eq!(
        practice.app.graphql(&practice.token, CALLS, json!({})).await["data"]["calls"]["nodes"],
        json!([])
    );
    assert_eq!(verbs(&practice.call(json!({})).await), [["Reject"]]);
    assert_decided(&practice.newest().await, "REJECTED", "Blocked", &format!("begins with {CALLER}"));
    assert_eq!(practice.active_calls().await, 0);

    let odd = json!({"number": practice.number, "from": "1".repeat(256)});
    let odd = practice.app.graphql(&practice.token, SIMULATE, odd).await;
    assert_eq!(odd["errors"][0]["extensions"]["code"], "BAD_USER_INPUT", "{odd}");
    let foreign = practice.app.token(Uuid::from_u128(2));
    for number in [practice.number.as_str(), "+12125559999"] {
        let answer = practice.app.graphql(&foreign, SIMULATE, json!({ "number": number })).await;
        assert_eq!(answer, json!({"data": {"simulateCall": null}}));
    }
}

#[tokio::test]
async fn invalid_rules_are_rejected_whole_and_one_of_two_concurrent_changes_wins() {
    let practice = Practice::open(json!({})).await;
    let refused = practice
        .set(
            json!([
                {"name": "Nights", "condition": {"from": "18:00", "to": "08:00", "timeZone": "Europe/Atlantis"},
                    "action": {"kind": "AGENT"}},
                {"name": "Nights", "condition": {"days": []},
                    "action": {"kind": "FORWARD_THEN_AGENT", "forwardTo": practice.number}},
            ]),
            Some(7),
        )
        .await;
    let errors = refused["userErrors"].as_array().unwrap();
    assert!(errors.iter().all(|error| error["code"] == "INVALID_INPUT"), "{refused}");
    let fields: Vec<String> = errors
        .iter()
        .map(|error| {
            let path: Vec<_> =
                error["field"].as_array().unwrap().iter().map(|part| part.as_str().unwrap()).collect();
            path.join(".")
        })
        .collect();
    assert_eq!(
        fields,
        [
            "input.expectedVersion",
            "input.rules.0.condition.timeZone",
            "input.rules.1.condition.days",
            "input.rules.1.condition.timeZone",
            "input.rules.1.action.forwardTo",
            "input.rules.1.action.ringSeconds",
            "input.rules.1.name",
        ]
    );
    assert!(errors[0]["message"].as_str().unwrap().contains("version 0"), "{refused}");
    assert_eq!(refused["phoneNumber"], Value::Null);

    let agent = json!({"kind": "AGENT"});
    let hidden = json!([
        {"name": "All", "condition": {}, "action": {"kind": "REJECT"}},
        {"name": "Nights", "condition": {"from": "18:00", "to": "08:00", "timeZone": "UTC"}, "action": agent},
    ]);
    let refused = practice.set(hidden, None).await;
    let message = refused["userErrors"][0]["message"].as_str().unwrap();
    assert!(message.contains("\"Nights\"") && message.contains("\"All\""), "{refused}");

    // All made from version 0: one is kept, and the others are told.
    let at_once = (0..6).map(|n| {
        let rules = json!([{"name": format!("Change {n}"), "condition": {}, "action": agent}]);
        practice.set(rules, Some(0))
    });
    let answers = join_all(at_once).await;
    let kept: Vec<_> = answers.iter().filter(|answer| answer["userErrors"] == json!([])).collect();
    assert_eq!(kept.len(), 1, "{answers:?}");
    assert_eq!(kept[0]["phoneNumber"]["routingVersion"], 1);
    for refused in answers.iter().filter(|answer| answer["userErrors"] != json!([])) {
        assert_eq!(refused["userErrors"][0]["field"], json!(["input", "expectedVersion"]));
        assert!(refused["userErrors"][0]["message"].as_str().unwrap().contains("version 1"), "{refused}");
    }
    let trail = "{ auditEvents { nodes { action subject } } }";
    let trail = practice.app.graphql(&practice.token, trail, json!({})).await;
    let event = &trail["data"]["auditEvents"]["nodes"][0];
    assert_eq!(*event, json!({"action": "setRoutingRules", "subject": practice.made["phoneNumber"]["id"]}));
}

#[tokio::test]
async fn a_plan_of_one_call_takes_one_and_an_operator_makes_room() {
    let practice = Practice::open(json!({})).await;
    let set = practice.plan(TENANT, "Solo", 1, 3).await;
    let usage = json!({"calls": 0});
    assert_eq!(
        set["viewer"],
        json!({"userId": TENANT, "plan": {"name": "Solo"}, "limits": {"concurrentCalls": 1, "phoneNumbers": 3},
            "activeCalls": 0, "usage": usage}),
        "{set}"
    );
    let hold = || practice.call(json!({"hold": true}));
    let first = hold().await;
    assert_eq!(verbs(&first), [["Connect"]]);
    assert_eq!(practice.active_calls().await, 1);
    let told = practice.simulate(None, None).await;
    assert_eq!(told["outcome"], "BUSY", "{told}");
    assert!(told["reason"].as_str().unwrap().contains("concurrent calls are used up"), "{told}");
    assert_eq!(verbs(&hold().await), [["Say"]]);
    let busy = practice.newest().await;
    assert_eq!((&busy["outcome"], practice.active_calls().await), (&json!("BUSY"), json!(1)));
    assert!(busy["decision"]["reason"].as_str().unwrap().contains("concurrent calls are used up"), "{busy}");

    // What the agent has no part in needs no place; what may come to it does, after the other number rang.
    practice.always(json!({"kind": "FORWARD", "forwardTo": DESK})).await;
    assert_eq!(verbs(&practice.call(json!({"dial_result": "completed"})).await), [["Dial"], ["Hangup"]]);
    practice.always(json!({"kind": "FORWARD_THEN_AGENT", "forwardTo": DESK, "ringSeconds": 5})).await;
    assert_eq!(verbs(&practice.call(json!({"dial_result": "no-answer"})).await), [["Dial"], ["Say"]]);
    assert_eq!(practice.newest().await["outcome"], "BUSY");
    assert_eq!(practice.set(json!([]), None).await["userErrors"], json!([]));

    let raised = practice.plan(TENANT, " Duo ", 2, 3).await;
    assert_eq!(raised["viewer"]["activeCalls"], 1, "{raised}");
    assert_eq!(verbs(&hold().await), [["Connect"]]);
    assert_eq!(practice.active_calls().await, 2);
    let sid = first["call_sid"].as_str().unwrap();
    let hang_up = format!("{}/sandbox/calls/{sid}/hangup", practice.app.sandbox_url());
    practice.app.http().request(Method::POST, hang_up).send().await.unwrap().error_for_status().unwrap();
    assert_eq!(practice.active_calls().await, 1);

    for (calls, numbers, name, fields) in [
        (0, 3, "x", json!([["input", "concurrentCalls"]])),
        (51, 70_000, "", json!([["input", "name"], ["input", "concurrentCalls"], ["input", "phoneNumbers"]])),
    ] {
        let refused = practice.plan(TENANT, name, calls, numbers).await;
        let told: Vec<_> =
            refused["userErrors"].as_array().unwrap().iter().map(|e| e["field"].clone()).collect();
        assert_eq!((json!(told), &refused["viewer"]), (fields, &Value::Null));
    }
    let unseen = practice.plan(Uuid::from_u128(77), "Prepaid", 50, 0).await;
    assert_eq!(unseen["viewer"]["limits"], json!({"concurrentCalls": 50, "phoneNumbers": 0}), "{unseen}");
    let own = "{ viewer { plan { name } } auditEvents { nodes { actor action } } }";
    let own = practice.app.graphql(&practice.app.token(Uuid::from_u128(77)), own, json!({})).await;
    let actor = format!("operator:{}", Uuid::from_u128(0xffff));
    assert_eq!(
        own["data"],
        json!({"viewer": {"plan": {"name": "Prepaid"}},
            "auditEvents": {"nodes": [{"actor": actor, "action": "setTenantPlan"}]}})
    );
}

#[tokio::test]
async fn only_a_caller_that_the_carrier_calls_hidden_is_anonymous_and_whoever_is_rung_sees_a_number() {
    let practice = Practice::open(json!({"fallbackNumber": "+12125550177"})).await;
    let set = practice
        .set(
            json!([
                {"name": "Hidden", "condition": {"callers": ["anonymous"]}, "action": {"kind": "REJECT"}},
                {"name": "Short", "condition": {"callers": ["+464", "client:alice", "911", "TELCO-1"]}, "action": {"kind": "MESSAGE", "message": "Hello"}},
                {"name": "Rest", "condition": {}, "action": {"kind": "FORWARD", "forwardTo": DESK}},
            ]),
            None,
        )
        .await;
    assert_eq!(set["userErrors"], json!([]), "{set}");
    let own = practice.number.as_str();
    // Who calls, which rule applies, what the carrier is told to show.
    for (from, rule, shown) in [
        ("anonymous", "Hidden", None),
        ("Restricted", "Hidden", None),
        ("+266696687", "Hidden", None),
        ("sip:anonymous@anonymous.invalid", "Hidden", None),
        ("+464", "Short", None),
        ("client:alice", "Short", None),
        ("client:bob", "Rest", Some(own)),
        ("sip:desk@pbx.example.com", "Rest", Some(own)),
        ("911", "Short", None),
        ("TELCO-1", "Short", None),
        ("9110", "Rest", Some(own)),
        ("+46", "Rest", Some(own)),
        ("not a number", "Rest", Some(own)),
        (CALLER, "Rest", None),
    ] {
        let told = practice.simulate(Some(from), None).await;
        assert_eq!(told["rule"]["name"], rule, "{from}: {told}");
        let call = practice.call(json!({"from": from, "dial_result": "completed"})).await;
        assert_eq!(practice.newest().await["decision"]["ruleName"], rule, "{from}: {call}");
        if rule == "Rest" {
            assert_eq!(call["status"], "completed", "{from}: {call}");
            let document = roxmltree::Document::parse(twiml(&call, 0)).unwrap();
            let dial = document.root_element().first_element_child().unwrap();
            assert_eq!(dial.attribute("callerId"), shown, "{from}");
        }
    }
    // Every way that leads to a number: before the agent, and the fallback after it.
    practice.always(json!({"kind": "FORWARD_THEN_AGENT", "forwardTo": DESK, "ringSeconds": 12})).await;
    let fault = json!({"match": {"provider": "elevenlabs", "path_contains": "register-call"}, "action": {"status": 500}});
    practice.app.faults(fault).await;
    let call = practice.call(json!({"from": "anonymous", "dial_result": "busy"})).await;
    assert_eq!(verbs(&call), [["Dial"], ["Dial"], ["Say"]], "{call}");
    for at in [0, 1] {
        assert!(twiml(&call, at).contains(&format!(r#"callerId="{own}""#)), "{call}");
    }
}
