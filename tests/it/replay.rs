//! What the carrier and the voice provider signed once, sent again: by them, who may, or by somebody who overheard it.

use std::time::Duration;
use switchboard::domain::Webhook;

use crate::support::practice::Practice;
use crate::support::webhooks::{INCOMING, sid, tell, twiml};
use futures_util::future::join_all;
use serde_json::{Value, json};
use uuid::Uuid;

const STATUS: &str = Webhook::CallStatus.path();
const DIAL: &str = Webhook::DialEnded.path();
const FALLBACK: &str = Webhook::CallFallback.path();

type Form = Vec<(String, String)>;

/// All that a webhook could have changed.
async fn all_there_is(practice: &Practice, token: &str) -> Value {
    let query = "{ viewer { activeCalls usage { calls } } auditEvents { totalCount }
        calls { totalCount nodes { sid status outcome durationSeconds conversationId startedAt endedAt } }
        phoneNumbers { nodes { number status } } agents { nodes { id name status } } }";
    let answer = practice.app.graphql(token, query, json!({})).await;
    assert!(answer.get("errors").is_none(), "{answer}");
    let sandbox = practice.app.sandbox_state().await;
    json!([answer, practice.conversations().await, sandbox["numbers"], sandbox["bill"]])
}

/// The event that ends a conversation, signed at this time.
async fn event(practice: &Practice, conversation: &Value, seconds: i64, signed_at: i64) -> u16 {
    let body = json!({"type": "post_call_transcription", "data": {
        "conversation_id": conversation, "metadata": {"call_duration_secs": seconds}}});
    tell(&practice.app, &body, signed_at).await
}

#[tokio::test]
async fn what_was_signed_once_changes_nothing_when_it_comes_again() {
    let practice = Practice::open(json!({"fallbackNumber": "+12125550142"})).await;
    let (served, passed_on, missed) = (sid(1), sid(2), sid(3));
    let about = |sid: &str, more: &[(&str, &str)]| -> Form {
        let mut form = practice.ringing(sid);
        form.retain(|(name, _)| more.iter().all(|(other, _)| name != other));
        form.extend(more.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
        form
    };
    let ended = [("CallStatus", "completed"), ("CallDuration", "30")];
    // One call with the agent, one that the voice provider could not take, one whose answer never arrived.
    let story: Vec<(&str, Form)> = vec![
        (INCOMING, about(&served, &[])),
        (STATUS, about(&served, &ended)),
        (INCOMING, about(&passed_on, &[])),
        (DIAL, about(&passed_on, &[("CallStatus", "in-progress"), ("DialCallStatus", "completed")])),
        (STATUS, about(&passed_on, &ended)),
        (FALLBACK, about(&missed, &[("ErrorCode", "11200")])),
        (STATUS, about(&missed, &[("CallStatus", "no-answer"), ("CallDuration", "0")])),
    ];
    let mut first_answers = Vec::new();
    for (at, (path, form)) in story.iter().enumerate() {
        if at == 2 {
            let register = json!({"provider": "elevenlabs", "path_contains": "register-call"});
            practice.app.faults(json!({"match": register, "action": {"status": 500}, "times": 4})).await;
        }
        first_answers.push(twiml(practice.send(path, form).await).await.0);
    }
    practice.app.clear_faults().await;
    assert_eq!(
        first_answers,
        [vec!["Connect"], vec![], vec!["Dial"], vec!["Hangup"], vec![], vec!["Dial"], vec![]]
    );
    let calls = practice.calls().await;
    let conversation = &calls[2]["conversationId"];
    assert!(conversation.is_string(), "{calls:?}");
    let now = practice.app.clock().now().timestamp();
    assert_eq!(event(&practice, conversation, 31, now).await, 200);
    let before = all_there_is(&practice, &practice.token).await;
    assert_eq!(before[0]["data"]["calls"]["totalCount"], 3, "{before}");
    assert_eq!(before[0]["data"]["viewer"]["activeCalls"], 0, "{before}");

    // Each again, then backwards, then all at once.
    for at in (0..story.len()).chain((0..story.len()).rev()) {
        let (path, form) = &story[at];
        assert_eq!(twiml(practice.send(path, form).await).await.0, first_answers[at], "{path} {form:?}");
        assert_eq!(event(&practice, conversation, 31, now).await, 200);
    }
    let at_once = (0..6).flat_map(|_| &story).map(|(path, form)| practice.send(path, form));
    assert!(join_all(at_once).await.iter().all(|answer| answer.status() == 200));
    assert_eq!(all_there_is(&practice, &practice.token).await, before);

    // A day later, and when the number is given back.
    practice.app.advance(Duration::from_secs(24 * 3600));
    assert_eq!(event(&practice, conversation, 31, now).await, 401);
    let token = practice.app.token(Uuid::from_u128(1));
    let number = "query($number: E164!) { phoneNumber(number: $number) { id status } }";
    let number = practice.app.graphql(&token, number, json!({"number": practice.number})).await;
    let release = "mutation($id: ID!) { releasePhoneNumber(input: {id: $id}) { operation { state } userErrors { message } } }";
    let released =
        practice.app.graphql(&token, release, json!({"id": number["data"]["phoneNumber"]["id"]})).await;
    assert_eq!(released["data"]["releasePhoneNumber"]["operation"]["state"], "SUCCEEDED", "{released}");
    let before = all_there_is(&practice, &token).await;
    for (path, form) in &story {
        assert_eq!(practice.send(path, form).await.status(), 200, "{path}");
    }
    assert_eq!(all_there_is(&practice, &token).await, before);
}
