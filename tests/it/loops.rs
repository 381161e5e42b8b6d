//! Calls that would come back to where they come from: numbers that forward to each other, a desk that forwards to us and
//! is rung by us.

use serde_json::{Value, json};
use switchboard::domain::Webhook;

use crate::support::App;
use crate::support::api::create;
use crate::support::calls::{CALLER, DESK, verbs};
use crate::support::practice::Practice;
use crate::support::webhooks::{ringing, send, sid};

const UPDATE: &str = "mutation($id: ID!, $to: E164) { updateAgent(input: { id: $id, fallbackNumber: $to }) {
    agent { fallbackNumber } userErrors { code field message } } }";
const RULES: &str = "mutation($input: SetRoutingRulesInput!) { setRoutingRules(input: $input) {
    phoneNumber { routingVersion } userErrors { code field } } }";

const SIMULATE: &str = "query($number: E164!, $from: String, $via: E164) {
    simulateCall(number: $number, from: $from, forwardedFrom: $via) { outcome reason } }";

async fn simulate(app: &App, token: &str, variables: Value) -> Value {
    let answer = app.graphql(token, SIMULATE, variables).await;
    assert!(answer["errors"].is_null(), "{answer}");
    answer["data"]["simulateCall"].clone()
}

async fn fall_back(app: &App, token: &str, agent: &Value, to: &Value) -> Value {
    let answer = app.graphql(token, UPDATE, json!({ "id": agent["agent"]["id"], "to": to })).await;
    answer["data"]["updateAgent"].clone()
}

/// The voice provider takes no call for a while.
async fn mute(app: &App) {
    let register = json!({"provider": "elevenlabs", "path_contains": "register-call"});
    app.faults(json!({"match": register, "action": {"status": 500}, "times": 1000})).await;
}

#[tokio::test]
async fn numbers_that_would_ring_each_other_are_refused_and_not_dialled() {
    let practice = Practice::open(json!({"name": "A"})).await;
    let (app, token, a) = (&practice.app, &practice.token, &practice.made);
    let b = create(app, token, json!({"name": "B", "areaCode": "305"})).await;
    let c = create(app, token, json!({"name": "C", "areaCode": "415"})).await;
    let number = |of: &Value| of["phoneNumber"]["number"].clone();
    // A to B to C is a chain; back to A, by a fallback number or a rule, would be a ring.
    for (from, to) in [(a, &b), (&b, &c)] {
        let set = fall_back(app, token, from, &number(to)).await;
        assert_eq!(set["userErrors"], json!([]), "{set}");
    }
    for to in [a, &b, &c] {
        let refused = fall_back(app, token, &c, &number(to)).await;
        assert_eq!(refused["userErrors"][0]["field"], json!(["input", "fallbackNumber"]), "{refused}");
        assert!(refused["agent"].is_null());
    }
    for kind in ["FORWARD", "FORWARD_THEN_AGENT"] {
        let mut action = json!({"kind": kind, "forwardTo": number(a)});
        if kind == "FORWARD_THEN_AGENT" {
            action["ringSeconds"] = json!(20);
        }
        let rules = json!([{"name": "Ring", "condition": {}, "action": action}]);
        let input = json!({"input": {"phoneNumberId": c["phoneNumber"]["id"], "rules": rules}});
        let refused = app.graphql(token, RULES, input).await["data"]["setRoutingRules"].clone();
        let field = json!(["input", "rules", "0", "action", "forwardTo"]);
        assert_eq!(refused["userErrors"], json!([{"code": "INVALID_INPUT", "field": field}]), "{refused}");
    }

    // Whoever gets past that, by two changes at the same moment say, is not dialled.
    mute(app).await;
    let to_b = practice.call(json!({})).await;
    assert_eq!(verbs(&to_b), [["Dial"], ["Say"]], "{to_b}");
    let author = switchboard::domain::Author {
        actor: switchboard::domain::Actor::System,
        request_id: "a test".to_owned(),
    };
    let tenant = switchboard::domain::TenantId(uuid::Uuid::from_u128(1));
    let door = app.database().write_by(author, tenant).await.unwrap();
    let back = Some(Some(number(a).as_str().unwrap().parse().unwrap()));
    let changes = switchboard::store::AgentChanges { fallback_number: back, ..Default::default() };
    let id = c["agent"]["id"].as_str().unwrap().parse().unwrap();
    door.update_agent(id, changes).await.unwrap().unwrap();
    door.commit().await.unwrap();
    for from in [a, &b, &c] {
        crate::support::wait_until("it is not dialled", std::time::Duration::from_secs(10), async || {
            let call = app.place_call(json!({"to": number(from), "from": CALLER})).await;
            (verbs(&call) == [["Say"]]).then_some(())
        })
        .await;
    }

    // The simulation says what the real call met, whether the agent cannot take it or a rule forwards it.
    let inactive =
        "mutation($id: ID!) { updateAgent(input: { id: $id, status: INACTIVE }) { userErrors { message } } }";
    for of in [a, &b, &c] {
        let answer = app.graphql(token, inactive, json!({"id": of["agent"]["id"]})).await;
        assert_eq!(answer["data"]["updateAgent"]["userErrors"], json!([]), "{answer}");
        let foreseen = simulate(app, token, json!({"number": number(of), "from": CALLER})).await;
        assert_eq!(foreseen["outcome"], "UNAVAILABLE", "{foreseen}");
        assert!(foreseen["reason"].as_str().unwrap().contains("would bring the call back"), "{foreseen}");
    }
    practice.always(json!({"kind": "FORWARD", "forwardTo": DESK})).await;
    let foreseen = simulate(app, token, json!({"number": number(a), "from": CALLER})).await;
    assert_eq!(foreseen["outcome"], "FALLBACK", "{foreseen}");
    let foreseen = simulate(app, token, json!({"number": number(a), "via": DESK})).await;
    assert_eq!(foreseen["outcome"], "UNAVAILABLE", "{foreseen}");
}

#[tokio::test]
async fn who_calls_and_who_passed_the_call_on_are_not_rung() {
    let practice = Practice::open(json!({"fallbackNumber": DESK})).await;
    let by_desk = json!({"from": DESK});
    let via_desk = json!({"parameters": {"ForwardedFrom": DESK}});
    let number = practice.made["phoneNumber"]["number"].clone();
    let simulated = async |variables: Value| {
        let mut all = json!({"number": number});
        all.as_object_mut().unwrap().extend(variables.as_object().unwrap().clone());
        simulate(&practice.app, &practice.token, all).await["outcome"].clone()
    };
    for (order, same) in
        [(&by_desk, json!({"from": DESK})), (&via_desk, json!({"via": DESK, "from": CALLER}))]
    {
        practice.always(json!({"kind": "FORWARD_THEN_AGENT", "forwardTo": DESK, "ringSeconds": 20})).await;
        assert_eq!(verbs(&practice.call(order.clone()).await), [["Connect"]], "the agent is the next rung");
        assert_eq!(
            (simulated(same.clone()).await, simulated(json!({})).await),
            (json!("AGENT"), json!("FALLBACK"))
        );
        practice.always(json!({"kind": "FORWARD", "forwardTo": DESK})).await;
        assert_eq!(verbs(&practice.call(order.clone()).await), [["Say"]]);
        assert_eq!(simulated(same).await, "UNAVAILABLE");
    }
    assert_eq!(simulated(json!({"from": CALLER})).await, "FALLBACK");
    assert_eq!(verbs(&practice.call(json!({})).await), [["Dial"], ["Say"]]);
    practice.set(json!([]), None).await;
    mute(&practice.app).await;
    for order in [by_desk, via_desk] {
        assert_eq!(verbs(&practice.call(order).await), [["Say"]]);
    }
    assert_eq!(verbs(&practice.call(json!({})).await), [["Dial"], ["Say"]]);
}

/// Calls the practice as this caller would, at once and without an end: the outcomes, one a call.
async fn round_after_round(practice: &Practice, from: &str, first: u8, rounds: u8) -> Vec<String> {
    let mut answers = Vec::new();
    for nth in first..first + rounds {
        let number = practice.made["phoneNumber"]["number"].as_str().unwrap();
        let mut form = ringing(number, &sid(nth));
        form.retain(|(name, _)| name != "From");
        form.push(("From".to_owned(), from.to_owned()));
        let answer = send(&practice.app, Webhook::IncomingCall.path(), &form).await;
        let document = answer.text().await.unwrap();
        let verb = document.split(['<', '>', ' ']).find(|word| ["Dial", "Say", "Connect"].contains(word));
        answers.push(verb.unwrap_or_else(|| panic!("{document}")).to_owned());
    }
    answers
}

async fn hang_up(practice: &Practice, nth: u8) {
    let number = practice.made["phoneNumber"]["number"].as_str().unwrap();
    let mut form = ringing(number, &sid(nth));
    form.retain(|(name, _)| name != "CallStatus");
    form.extend([("CallStatus", "completed"), ("CallDuration", "7")].map(|(n, v)| (n.into(), v.into())));
    assert!(send(&practice.app, Webhook::CallStatus.path(), &form).await.status().is_success());
}

#[tokio::test]
async fn a_desk_that_sends_calls_back_without_a_word_is_rung_a_bounded_number_of_times() {
    let practice = Practice::open(json!({})).await;
    practice.always(json!({"kind": "FORWARD", "forwardTo": DESK})).await;
    // Each round comes in while those before it still ring.
    let rounds = round_after_round(&practice, CALLER, 1, 8).await;
    assert_eq!(rounds, ["Dial", "Dial", "Dial", "Dial", "Dial", "Say", "Say", "Say"]);
    crate::support::wait_until("the record says why", std::time::Duration::from_secs(10), async || {
        let reason = practice.newest().await["decision"]["reason"].clone();
        reason.as_str().unwrap().contains("already rings for several calls of this caller").then_some(())
    })
    .await;
    assert_eq!(round_after_round(&practice, "+13125550123", 20, 2).await, ["Dial", "Dial"], "others do ring");
    // Who calls twice and hangs up rings again.
    for nth in 1..=8 {
        hang_up(&practice, nth).await;
    }
    assert_eq!(round_after_round(&practice, CALLER, 30, 1).await, ["Dial"]);
    hang_up(&practice, 30).await;

    // The next rung is the agent where the rule says so, and the sentence behind a fallback number.
    practice.always(json!({"kind": "FORWARD_THEN_AGENT", "forwardTo": DESK, "ringSeconds": 20})).await;
    let rounds = round_after_round(&practice, CALLER, 40, 7).await;
    assert_eq!(rounds, ["Dial", "Dial", "Dial", "Dial", "Dial", "Connect", "Connect"]);
    for nth in 40..47 {
        hang_up(&practice, nth).await;
    }
    practice.set(json!([]), None).await;
    let set = fall_back(&practice.app, &practice.token, &practice.made, &json!(DESK)).await;
    assert_eq!(set["userErrors"], json!([]), "{set}");
    mute(&practice.app).await;
    let rounds = round_after_round(&practice, CALLER, 50, 7).await;
    assert_eq!(rounds, ["Dial", "Dial", "Dial", "Dial", "Dial", "Say", "Say"]);

    // Hidden callers may be different people; and we dial for them with the number called.
    let hidden = round_after_round(&practice, "anonymous", 60, 14).await;
    assert_eq!(hidden.iter().filter(|verb| *verb == "Dial").count(), 10, "{hidden:?}");
    let own = practice.made["phoneNumber"]["number"].as_str().unwrap();
    assert_eq!(round_after_round(&practice, own, 80, 1).await, ["Say"]);
}
