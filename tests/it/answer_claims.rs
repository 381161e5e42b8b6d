//! A call that is announced to several servers: one of them answers it, and the others repeat its answer.

use std::time::{Duration, Instant};

use futures_util::future::{join_all, join3};
use serde_json::json;
use switchboard::domain::Webhook;

use crate::support::calls::DESK;
use crate::support::practice::Practice;
use crate::support::wait_until;
use crate::support::webhooks::{INCOMING, ringing, send_to, sid, signature, twiml};

const FORWARDED: &str = Webhook::ForwardEnded.path();
const SET: &str =
    "mutation($input: SetRoutingRulesInput!) { setRoutingRules(input: $input) { userErrors { message } } }";

fn slow_register(delay_ms: u64) -> serde_json::Value {
    let register = json!({"provider": "elevenlabs", "path_contains": "register-call"});
    json!({"match": register, "action": {"delay_ms": delay_ms}})
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_announced_to_three_servers_at_once_is_registered_once_and_gets_one_answer() {
    let mut practice = Practice::open(json!({})).await;
    let servers = [practice.app.base_url(), practice.app.add_server().await, practice.app.add_server().await];
    // Longer than a claim holds without being renewed, for some.
    for (round, delay_ms) in (0..).zip([0, 300, 2600]) {
        practice.app.clear_faults().await;
        practice.app.faults(slow_register(delay_ms)).await;
        let before = practice.conversations().await;
        let calls = (0..3_u8).map(|n| practice.ringing(&sid(10 * round + n)));
        let answers = calls.map(async |form| {
            let [first, second, third] =
                servers.each_ref().map(|server| send_to(&practice.app, server, INCOMING, &form));
            let given = join3(first, second, third).await;
            [twiml(given.0).await, twiml(given.1).await, twiml(given.2).await]
        });
        for given in join_all(answers).await {
            assert_eq!(given[0].0, ["Connect"], "{given:?}");
            assert!(given.iter().all(|answer| answer == &given[0]), "{given:?}");
        }
        assert_eq!(practice.conversations().await - before, 3, "delay {delay_ms}");
    }
    assert_eq!(practice.calls().await.len(), 9);
}

#[tokio::test(flavor = "multi_thread")]
async fn when_the_server_that_answers_a_call_dies_another_takes_the_call_over() {
    let mut practice = Practice::open(json!({})).await;
    let other = practice.app.add_server().await;
    let form = practice.ringing(&sid(1));
    practice
        .app
        .faults(json!({"match": {"provider": "elevenlabs"}, "action": {"delay_ms": 4000}, "times": 1}))
        .await;
    let (first, path) = (practice.app.base_url(), INCOMING.to_owned());
    let signed = format!("{first}{INCOMING}");
    let client = practice.app.http().clone();
    let signature = signature(&switchboard::sandbox::Credentials::development().auth_token, &signed, &form);
    let body: String = form_urlencoded::Serializer::new(String::new()).extend_pairs(&form).finish();
    let request = client
        .post(format!("{first}{path}"))
        .header("content-type", "application/x-www-form-urlencoded")
        .header("x-twilio-signature", signature)
        .body(body);
    let lost = tokio::spawn(request.send());
    wait_until("the first server is at it", Duration::from_secs(5), async || {
        (practice.app.pending_faults().await == 0).then_some(())
    })
    .await;
    practice.app.kill().await;
    assert!(lost.await.unwrap().is_err(), "the first server answered");
    let asked = Instant::now();
    let (verbs, text) = twiml(send_to(&practice.app, &other, INCOMING, &form).await).await;
    assert_eq!(verbs, ["Connect"], "{text}");
    assert!(asked.elapsed() < Duration::from_secs(4), "{:?}", asked.elapsed());
    let again = twiml(send_to(&practice.app, &other, INCOMING, &form).await).await;
    assert_eq!(again.1, text);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_agent_after_a_forwarded_call_is_registered_once_by_whichever_server() {
    let mut practice = Practice::open(json!({})).await;
    let other = practice.app.add_server().await;
    let number = practice.app.graphql(&practice.token, "{ phoneNumbers { nodes { id } } }", json!({})).await;
    let id = &number["data"]["phoneNumbers"]["nodes"][0]["id"];
    let action = json!({"kind": "FORWARD_THEN_AGENT", "forwardTo": DESK, "ringSeconds": 10});
    let input = json!({"phoneNumberId": id, "rules": [{"name": "Desk", "condition": {}, "action": action}]});
    let answer = practice.app.graphql(&practice.token, SET, json!({ "input": input })).await;
    assert_eq!(answer["data"]["setRoutingRules"]["userErrors"], json!([]), "{answer}");
    practice.app.faults(slow_register(300)).await;
    let first = practice.app.base_url();
    for n in 0..5 {
        let mut form = ringing(&practice.number, &sid(n));
        let rung = twiml(practice.send(INCOMING, &form).await).await;
        assert_eq!(rung.0, ["Dial"], "{rung:?}");
        form.extend([("DialCallStatus".to_owned(), "no-answer".to_owned())]);
        let told = [&first, &other].map(|server| send_to(&practice.app, server, FORWARDED, &form));
        let given = join_all(join_all(told).await.into_iter().map(twiml)).await;
        assert_eq!(given[0].0, ["Connect"], "{given:?}");
        assert_eq!(given[0], given[1]);
    }
    assert_eq!(practice.conversations().await, 5);
}

/// What a stored answer is for: whatever is asked again gets the bytes it got, from any server.
#[tokio::test(flavor = "multi_thread")]
async fn every_stage_of_a_call_is_answered_once_and_repeated_as_it_was() {
    let mut practice = Practice::open(json!({"fallbackNumber": "+12125550142"})).await;
    let other = practice.app.add_server().await;
    let number = practice.app.graphql(&practice.token, "{ phoneNumbers { nodes { id } } }", json!({})).await;
    let id = &number["data"]["phoneNumbers"]["nodes"][0]["id"];
    let action = json!({"kind": "FORWARD_THEN_AGENT", "forwardTo": DESK, "ringSeconds": 10});
    let input = json!({"phoneNumberId": id, "rules": [{"name": "Desk", "condition": {}, "action": action}]});
    let answer = practice.app.graphql(&practice.token, SET, json!({ "input": input })).await;
    assert_eq!(answer["data"]["setRoutingRules"]["userErrors"], json!([]), "{answer}");
    let register = json!({"provider": "elevenlabs", "path_contains": "register-call"});
    practice.app.faults(json!({"match": register, "action": {"status": 500}, "times": 2})).await;

    let first = practice.app.base_url();
    let form = practice.ringing(&sid(1));
    let mut unanswered = form.clone();
    unanswered.push(("DialCallStatus".to_owned(), "no-answer".to_owned()));
    let told = [
        (Webhook::IncomingCall, &form, "Dial", Webhook::ForwardEnded.path()),
        // The voice provider fails, so the fallback number rings.
        (Webhook::ForwardEnded, &unanswered, "Dial", Webhook::DialEnded.path()),
        (Webhook::DialEnded, &unanswered, "Say", ""),
        (Webhook::CallFallback, &form, "Dial", Webhook::DialEnded.path()),
    ];
    for (webhook, form, verb, action) in told {
        let (verbs, text) = twiml(send_to(&practice.app, &first, webhook.path(), form).await).await;
        assert_eq!(verbs, [verb], "{webhook:?}: {text}");
        assert!(text.contains(action), "{webhook:?}: {text}");
        if webhook == Webhook::CallFallback {
            // What was answered is repeated, not worked out again.
            practice.update(json!({"fallbackNumber": null})).await;
        }
        for server in [&other, &first] {
            let again = twiml(send_to(&practice.app, server, webhook.path(), form).await).await;
            assert_eq!(again.1, text, "{webhook:?}, repeated");
        }
    }
    let calls = practice.calls().await;
    assert_eq!(calls.len(), 1, "{calls:?}");
    assert_eq!(calls[0]["outcome"], "FALLBACK", "{calls:?}");
    assert_eq!(practice.conversations().await, 0);
}
