//! Reasons why a call does not reach its agent: as the carrier meets each, in the call's record, and in a simulation.

use crate::support::calls::{CALLER, DESK, twiml, verbs};
use crate::support::practice::{Practice, TENANT};
use chrono::TimeDelta;
use futures_util::future::join_all;
use serde_json::json;
use uuid::Uuid;

const FALLBACK: &str = "+12125550177";

impl Practice {
    /// Calls three times: somebody answers at the fallback number, nobody does, and there is none. Each time this is why.
    async fn assert_falls_back(&self, why: &str, without_number: &str) {
        self.update(json!({ "fallbackNumber": FALLBACK })).await;
        for (result, expected, outcome, then) in [
            ("completed", [["Dial"], ["Hangup"]], "FALLBACK", ""),
            ("no-answer", [["Dial"], ["Say"]], "UNAVAILABLE", "nobody answered at the dialled number"),
        ] {
            let call = self.call(json!({ "dial_result": result })).await;
            assert_eq!(verbs(&call), expected, "{why}: {call}");
            assert!(twiml(&call, 0).contains(FALLBACK) && twiml(&call, 0).contains("timeout="), "{call}");
            self.assert_newest(outcome, &[why, then]).await;
        }
        self.update(json!({ "fallbackNumber": null })).await;
        let call = self.call(json!({})).await;
        assert_eq!(verbs(&call), [["Say"]], "{why}: {call}");
        let sentence = twiml(&call, 0);
        assert!(
            sentence.contains(r#"language="de-DE""#) && sentence.contains("Es tut uns leid"),
            "{sentence}"
        );
        self.assert_newest(without_number, &[why]).await;
    }

    async fn assert_newest(&self, outcome: &str, words: &[&str]) {
        let newest = self.newest().await;
        let decision = &newest["decision"];
        assert_eq!(
            (&newest["outcome"], &decision["outcome"]),
            (&json!(outcome), &json!(outcome)),
            "{newest}"
        );
        let reason = decision["reason"].as_str().unwrap();
        assert!(words.iter().all(|words| reason.contains(words)), "{words:?}: {reason}");
        assert_eq!(reason.matches(words[0]).count(), 1, "{reason}");
    }

    async fn assert_simulated(&self, outcome: &str, words: &str) {
        let told = self.simulate(Some(CALLER), None).await;
        assert_eq!(told["outcome"], outcome, "{told}");
        assert!(told["reason"].as_str().unwrap().contains(words), "{told}");
    }
}

#[tokio::test]
async fn each_cause_leads_to_the_fallback_and_has_its_own_reason() {
    let practice = Practice::open(json!({"language": "de"})).await;
    let register = json!({"provider": "elevenlabs", "path_contains": "register-call"});
    for (action, why) in [
        (json!({"status": 500}), "the voice provider failed"),
        (json!({"status": 422}), "the voice provider rejected the call"),
        (json!({"lose": "before"}), "the voice provider did not answer in time"),
    ] {
        practice.app.faults(json!({"match": register, "action": action})).await;
        practice.assert_falls_back(why, "UNAVAILABLE").await;
        practice.app.clear_faults().await;
        // It answers once, so that three failures of each kind are no outage.
        assert_eq!(verbs(&practice.call(json!({})).await), [["Connect"]], "{why}");
    }
    practice.app.faults(json!({"match": register, "action": {"delay_ms": 60_000}, "times": 1})).await;
    assert_eq!(verbs(&practice.call(json!({})).await), [["Say"]]);
    practice.assert_newest("UNAVAILABLE", &["the voice provider did not answer in time"]).await;
    practice.app.clear_faults().await;

    practice.update(json!({"status": "INACTIVE", "fallbackNumber": FALLBACK})).await;
    practice.assert_simulated("FALLBACK", "the agent is inactive; the fallback number rings").await;
    practice.assert_falls_back("the agent is inactive", "UNAVAILABLE").await;
    practice
        .assert_simulated("UNAVAILABLE", "the agent is inactive; the caller hears the fallback message")
        .await;
    practice.update(json!({"status": "ACTIVE"})).await;

    practice.plan(TENANT, "Solo", 1, 3).await;
    assert_eq!(verbs(&practice.call(json!({"hold": true})).await), [["Connect"]]);
    practice.assert_simulated("BUSY", "the plan's concurrent calls are used up").await;
    practice.assert_falls_back("the plan's concurrent calls are used up", "BUSY").await;
    assert_eq!(practice.active_calls().await, 1);

    // Closed for an hour around now; rules know no limit and no agent.
    let around = |by: i64| (practice.app.clock().now() + TimeDelta::minutes(by)).format("%H:%M").to_string();
    let hours = json!({"timeZone": "UTC", "from": around(-30), "to": around(30)});
    let action = json!({"kind": "MESSAGE", "message": "Wir sind morgen wieder da."});
    let set = practice.set(json!([{"name": "Closed", "condition": hours, "action": action}]), None).await;
    assert_eq!(set["userErrors"], json!([]));
    practice.assert_simulated("UNAVAILABLE", "the rule \"Closed\" applies: it is").await;
    let call = practice.call(json!({})).await;
    assert!(twiml(&call, 0).contains("Wir sind morgen wieder da."), "{call}");
    practice
        .assert_newest(
            "UNAVAILABLE",
            &["the rule \"Closed\" applies: it is", "the caller hears the rule's message"],
        )
        .await;
}

#[tokio::test]
async fn callers_who_show_no_number_are_blocked_by_that_word_and_by_no_prefix() {
    let practice = Practice::open(json!({})).await;
    let rule = |name: &str, caller: &str| json!({"name": name, "condition": {"callers": [caller]}, "action": {"kind": "REJECT"}});
    let prefix = practice.set(json!([rule("Keypad", "+26"), rule("Blocked", CALLER)]), None).await;
    assert_eq!(prefix["userErrors"], json!([]), "{prefix}");
    for hidden in ["anonymous", "+266696687", "", "sip:front@desk.example"] {
        assert_eq!(verbs(&practice.call(json!({"from": hidden})).await), [["Connect"]], "{hidden}");
    }
    assert_eq!(verbs(&practice.call(json!({})).await), [["Reject"]]);

    // What the carrier writes for a hidden caller means hidden callers.
    let hidden = practice.set(json!([rule("Hidden", "+266696687")]), Some(1)).await;
    let kept = &hidden["phoneNumber"]["routingRules"][0]["condition"]["callers"];
    assert_eq!(*kept, json!(["anonymous"]), "{hidden}");
    for from in ["anonymous", "+266696687", "+7378742833", ""] {
        assert_eq!(verbs(&practice.call(json!({ "from": from })).await), [["Reject"]], "{from}");
        practice.assert_newest("REJECTED", &["the caller shows no number"]).await;
        let told = practice.simulate(Some(from), None).await;
        assert_eq!(
            (&told["outcome"], &told["rule"]["name"]),
            (&json!("REJECTED"), &json!("Hidden")),
            "{from}"
        );
    }
    assert_eq!(verbs(&practice.call(json!({})).await), [["Connect"]]);
}

#[tokio::test]
async fn a_repeated_announcement_gets_the_same_decision_after_changes() {
    let practice = Practice::open(json!({})).await;
    practice.always(json!({"kind": "MESSAGE", "message": "Closed today."})).await;
    let sid = format!("CA{:032x}", 7);
    let call = async || practice.call(json!({ "call_sid": sid })).await;
    let first = call().await;
    let on_record = practice.newest().await;
    for action in [json!({"kind": "REJECT"}), json!({"kind": "FORWARD", "forwardTo": DESK})] {
        practice.always(action).await;
        let again = call().await;
        assert_eq!(twiml(&again, 0), twiml(&first, 0));
        assert_eq!(practice.newest().await, on_record);
    }
    let count = practice.app.graphql(&practice.token, "{ calls { totalCount } }", json!({})).await;
    assert_eq!(count["data"]["calls"]["totalCount"], 1);
}

#[tokio::test]
async fn concurrent_calls_are_admitted_up_to_the_plans_limit() {
    let practice = Practice::open(json!({})).await;
    practice.plan(TENANT, "Trio", 3, 3).await;
    let blocked = json!({"callers": ["+1900"]});
    let set = practice
        .set(json!([{"name": "Blocked", "condition": blocked, "action": {"kind": "REJECT"}}]), None)
        .await;
    assert_eq!(set["userErrors"], json!([]));
    let callers = (0..16).map(|n| if n % 2 == 0 { CALLER } else { "+19005550199" });
    let calls = join_all(callers.map(|from| practice.call(json!({"from": from, "hold": true})))).await;
    let answered = |verb: &str| calls.iter().filter(|call| verbs(call) == [[verb]]).count();
    assert_eq!((answered("Connect"), answered("Reject"), answered("Say")), (3, 8, 5), "{calls:?}");
    assert_eq!(practice.active_calls().await, 3);

    // What is a plan's is for operators to say, and nobody else.
    let input = json!({"userId": TENANT, "name": "Mine", "concurrentCalls": 50, "phoneNumbers": 50});
    let plan = "mutation($input: SetTenantPlanInput!) { setTenantPlan(input: $input) { viewer { userId } } }";
    for token in [practice.token.clone(), practice.app.token(Uuid::from_u128(2))] {
        let answer = practice.app.graphql(&token, plan, json!({ "input": input })).await;
        assert_eq!(answer["errors"][0]["extensions"]["code"], "FORBIDDEN", "{answer}");
    }
    let limits = "{ viewer { limits { concurrentCalls } } }";
    let limits = practice.app.graphql(&practice.token, limits, json!({})).await;
    assert_eq!(limits["data"]["viewer"]["limits"]["concurrentCalls"], 3);
}

#[tokio::test]
async fn the_rules_that_the_readme_shows_are_taken_and_do_what_it_says() {
    let practice = Practice::open(json!({})).await;
    let readme = include_str!("../../README.md");
    let mut shown = readme.split("```").filter_map(|block| block.strip_prefix("graphql\n"));
    let shown = shown.find(|block| block.contains("setRoutingRules")).unwrap();
    let mutation = shown.replace('…', practice.made["phoneNumber"]["id"].as_str().unwrap());
    let answer = practice.app.graphql(&practice.token, &mutation, json!({})).await;
    let expected = json!({"setRoutingRules": {"phoneNumber": {"routingVersion": 1}, "userErrors": []}});
    assert_eq!(answer["data"], expected, "{answer}");
    for (from, at, outcome, rule) in [
        ("anonymous", "2026-12-24T15:00:00Z", "REJECTED", json!("Blocked")),
        (CALLER, "2026-12-25T15:00:00Z", "UNAVAILABLE", json!("Holidays")),
        (CALLER, "2026-12-24T15:00:00Z", "FALLBACK", json!("Desk first")),
        (CALLER, "2026-12-26T15:00:00Z", "AGENT", json!(null)),
    ] {
        let told = practice.simulate(Some(from), Some(at)).await;
        assert_eq!((&told["outcome"], &told["rule"]["name"]), (&json!(outcome), &rule), "{at}: {told}");
    }
}
