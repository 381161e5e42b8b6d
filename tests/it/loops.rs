//! Calls that would come back to where they come from: numbers that forward to each other, a desk that forwards to us and
//! is rung by us.

use serde_json::{Value, json};

use crate::agent::create;
use crate::rules::{CALLER, DESK, Practice, verbs};
use crate::support::App;

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
