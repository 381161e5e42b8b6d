//! The voice provider's reports of conversations: stored before they are acknowledged, processed after any interruption, fetched if
//! they are missing, and deleted after the retention time.

use std::time::Duration;

use futures_util::future::join_all;
use serde_json::{Value, json};
use switchboard::domain::Webhook;
use uuid::Uuid;

use crate::support::fixtures::over;
use crate::support::practice::Practice;
use crate::support::webhooks::{EVENTS, INCOMING, sid, tell, tell_raw, twiml};
use crate::support::{WEBHOOK_SECRET, wait_until};

const CALLS: &str = "{ viewer { activeCalls } calls { nodes {
    sid status conversationId durationSeconds transcript { speaker text atSeconds } } } }";
const KEPT: &str = "SELECT COUNT(*) FROM voice_events";
const SETTLED: &str = "SELECT COUNT(*) FROM voice_events WHERE call_id IS NOT NULL AND due_at IS NULL";
const TRANSCRIPTS: &str = "SELECT COUNT(*) FROM voice_events WHERE transcript IS NOT NULL";
const SOON: Duration = Duration::from_secs(30);
const DAY: Duration = Duration::from_secs(24 * 3600);

/// The word that a conversation never began.
fn never_began(conversation: &Value, call_sid: &Value, reason: &str) -> Value {
    json!({"type": "call_initiation_failure", "data": {
        "agent_id": "agent_1", "conversation_id": conversation, "failure_reason": reason,
        "metadata": {"type": "twilio", "body": {"CallSid": call_sid}}}})
}

impl Practice {
    /// A call that the agent takes and that is still under way.
    async fn call_under_way(&self) -> Value {
        let call = self.app.place_call(json!({"to": self.number, "hold": true})).await;
        assert_eq!(call["status"], "in-progress", "{call}");
        call
    }

    /// A call that the agent took and that is over.
    async fn talked(&self) -> Value {
        let call = self.call_under_way().await;
        let url =
            format!("{}/sandbox/calls/{}/hangup", self.app.sandbox_url(), call["call_sid"].as_str().unwrap());
        assert!(self.app.http().post(url).send().await.unwrap().status().is_success());
        call
    }

    /// Has the emulated provider tell of a call's conversation; gives the status it was answered with.
    async fn report_from_provider(&self, call: &Value) -> Value {
        let url = format!("{}{EVENTS}", self.app.base_url());
        let order = json!({"conversation_id": call["conversation_id"], "url": url, "secret": WEBHOOK_SECRET});
        let lever = format!("{}/sandbox/post-call", self.app.sandbox_url());
        let answer = self.app.http().post(lever).json(&order).send().await.unwrap();
        answer.json::<Value>().await.unwrap()["status"].clone()
    }

    async fn tell(&self, event: &Value) -> u16 {
        tell(&self.app, event, self.app.clock().now().timestamp()).await
    }

    /// What the API shows: the calls by the carrier's id, and how many are under way.
    async fn shown(&self) -> (Value, Value) {
        let token = self.app.token(Uuid::from_u128(1));
        let answer = self.app.graphql(&token, CALLS, json!({})).await;
        let nodes = answer["data"]["calls"]["nodes"].as_array().unwrap_or_else(|| panic!("{answer}"));
        let by_sid = nodes.iter().map(|call| (call["sid"].as_str().unwrap().to_owned(), call.clone()));
        (Value::Object(by_sid.collect()), answer["data"]["viewer"]["activeCalls"].clone())
    }

    async fn recorded(&self, call: &Value) -> Value {
        self.shown().await.0[call["call_sid"].as_str().unwrap()].clone()
    }

    async fn until_counted(&self, what: &str, sql: &'static str, expected: i64) {
        wait_until(what, SOON, async || (self.app.count(sql).await == expected).then_some(())).await;
    }
}

fn what_was_said() -> Value {
    json!([{"speaker": "AGENT", "text": "Hello, how can I help?", "atSeconds": 0},
           {"speaker": "CALLER", "text": "Are you open today?", "atSeconds": 3}])
}

#[tokio::test]
async fn an_event_counts_once_and_transcripts_are_stored_only_if_configured() {
    for (variables, transcript) in
        [(&[][..], Value::Null), (&[("STORE_TRANSCRIPTS", "true")][..], what_was_said())]
    {
        let practice = Practice::open_with(variables, json!({})).await;
        let call = practice.talked().await;
        for _ in 0..3 {
            assert_eq!(practice.report_from_provider(&call).await, 200);
            practice.until_counted("the event is worked off", SETTLED, 1).await;
        }
        assert_eq!(practice.app.count(KEPT).await, 1);
        assert_eq!(practice.app.count(TRANSCRIPTS).await, i64::from(!transcript.is_null()));
        let shown = practice.recorded(&call).await;
        assert_eq!((&shown["status"], &shown["transcript"]), (&json!("COMPLETED"), &transcript), "{shown}");
        assert_eq!(shown["conversationId"], call["conversation_id"], "{shown}");
    }
}

#[tokio::test]
async fn an_unreported_conversation_is_fetched() {
    let practice = Practice::open_with(&[("STORE_TRANSCRIPTS", "true")], json!({})).await;
    let (lost, held) = (practice.talked().await, practice.call_under_way().await);
    let fetch = json!({"provider": "elevenlabs", "method": "GET", "path_contains": "/conversations/"});
    practice.app.faults(json!({"match": fetch, "action": {"status": 503}, "times": 1})).await;
    practice.app.advance(Duration::from_secs(11 * 60));
    let asked = async || (practice.app.pending_faults().await == 0).then_some(());
    wait_until("the provider is asked, in vain", SOON, asked).await;
    practice.app.advance(Duration::from_secs(12 * 60));
    practice.until_counted("the provider has told", SETTLED, 1).await;
    assert_eq!(practice.recorded(&lost).await["transcript"], what_was_said());
    // Nothing reports that a call was answered: the carrier tells when it is asked about old calls.
    let asked = async || Some(practice.recorded(&held).await).filter(|held| held["status"] == "IN_PROGRESS");
    assert_eq!(wait_until("the held call is known to go on", SOON, asked).await["transcript"], Value::Null);

    // It comes after all.
    let late = json!({"type": "post_call_transcription", "data": {"conversation_id": lost["conversation_id"],
        "transcript": [{"role": "agent", "message": "Hello again", "time_in_call_secs": 0}]}});
    assert_eq!(practice.tell(&late).await, 200);
    assert_eq!((practice.app.count(KEPT).await, practice.app.count(SETTLED).await), (1, 1));
    assert_eq!(practice.recorded(&lost).await["transcript"], what_was_said());
}

#[tokio::test]
async fn acknowledged_events_are_processed_after_a_crash() {
    let mut practice = Practice::open(json!({})).await;
    let held = join_all((0..8).map(|_| practice.call_under_way())).await;
    // Of a call that is written down only after the crash.
    let early = json!(sid(1));
    let failed = never_began(&json!("conv_early"), &early, "unknown");
    assert_eq!(practice.tell(&failed).await, 200);
    let events: Vec<Value> = held
        .iter()
        .map(|call| never_began(&call["conversation_id"], &call["call_sid"], "no-answer"))
        .collect();
    assert_eq!(join_all(events.iter().map(|event| practice.tell(event))).await, [200; 8]);
    practice.app.kill().await;
    practice.app.restart().await;

    let none_left = async || (practice.shown().await.1 == 0).then_some(());
    wait_until("calls that never came about hold no place", SOON, none_left).await;
    let register = json!({"provider": "elevenlabs", "path_contains": "register-call"});
    practice.app.faults(json!({"match": register, "action": {"status": 500}, "times": 4})).await;
    let form = practice.ringing(early.as_str().unwrap());
    assert_eq!(twiml(practice.send(INCOMING, &form).await).await.0, ["Say"]);
    practice.app.advance(Duration::from_secs(60));
    practice.until_counted("all are worked off", SETTLED, 9).await;
    let (calls, under_way) = practice.shown().await;
    assert_eq!(under_way, 0, "{calls}");
    assert_eq!(calls[early.as_str().unwrap()]["status"], "FAILED", "{calls}");
    for call in &held {
        assert_eq!(calls[call["call_sid"].as_str().unwrap()]["status"], "NO_ANSWER", "{calls}");
    }
    // The carrier, which bills, knows better.
    let mut form = practice.ringing(held[0]["call_sid"].as_str().unwrap());
    form.retain(|(name, _)| name != "CallStatus");
    form.extend([("CallStatus", "completed"), ("CallDuration", "7")].map(|(n, v)| (n.into(), v.into())));
    practice.send(Webhook::CallStatus.path(), &form).await;
    let call = practice.recorded(&held[0]).await;
    assert_eq!((&call["status"], &call["durationSeconds"]), (&json!("COMPLETED"), &json!(7)));
}

#[tokio::test]
async fn calls_are_deleted_with_their_conversations_after_the_retention_time() {
    let practice = Practice::open_with(&[("CALL_RETENTION_DAYS", "30")], json!({})).await;
    let (old, held) = (practice.talked().await, practice.call_under_way().await);
    let over = |conversation: &Value| json!({"type": "post_call_transcription", "data": {"conversation_id": conversation}});
    for conversation in [&old["conversation_id"], &json!("conv_of_nobody")] {
        assert_eq!(practice.tell(&over(conversation)).await, 200);
    }
    practice.app.advance(29 * DAY);
    let recent = practice.talked().await;
    assert_eq!(practice.tell(&over(&recent["conversation_id"])).await, 200);
    practice.until_counted("both are worked off", SETTLED, 2).await;
    let sids = async || {
        let (calls, _) = practice.shown().await;
        calls.as_object().unwrap().keys().cloned().collect::<Vec<_>>()
    };
    assert_eq!(sids().await.len(), 3, "none before its time");
    practice.app.advance(2 * DAY);
    practice.until_counted("the old events are gone", KEPT, 1).await;
    let mut left = [&held, &recent].map(|call| call["call_sid"].as_str().unwrap().to_owned());
    left.sort();
    assert_eq!(sids().await, left);
}

#[tokio::test]
async fn conversations_that_cannot_be_fetched_do_not_delay_others() {
    let practice = Practice::open_with(&[("STORE_TRANSCRIPTS", "true")], json!({})).await;
    let (failing, garbled) = (practice.talked().await, practice.talked().await);
    let whole = practice.talked().await;
    let fetch = |call: &Value| json!({"provider": "elevenlabs", "path_contains": call["conversation_id"]});
    practice.app.faults(json!({"match": fetch(&failing), "action": {"status": 500}})).await;
    let garbage = json!({"status": 200, "body": "{"});
    practice.app.faults(json!({"match": fetch(&garbled), "action": garbage})).await;
    practice.app.advance(Duration::from_secs(11 * 60));
    practice.until_counted("the third is told of", SETTLED, 1).await;
    assert_eq!(practice.recorded(&whole).await["transcript"], what_was_said());
    // They are asked about again, not at once but in the end.
    practice.app.clear_faults().await;
    practice.app.advance(Duration::from_secs(12 * 60));
    practice.until_counted("the others are told of", SETTLED, 3).await;
    assert_eq!(practice.recorded(&failing).await["transcript"], what_was_said());
    assert_eq!(practice.recorded(&garbled).await["transcript"], what_was_said());
}

#[tokio::test]
async fn half_a_surrogate_pair_costs_one_character() {
    let practice = Practice::open_with(&[("STORE_TRANSCRIPTS", "true")], json!({})).await;
    let call = practice.talked().await;
    let event = json!({"type": "post_call_transcription", "data": {"conversation_id": call["conversation_id"],
        "transcript": [{"role": "user", "message": "Thanks HALF", "time_in_call_secs": 1}]}});
    let body = event.to_string().replace("HALF", r"\ud83d!");
    assert_eq!(tell_raw(&practice.app, body, practice.app.clock().now().timestamp()).await, 200);
    practice.until_counted("the event is worked off", SETTLED, 1).await;
    let said = json!([{"speaker": "CALLER", "text": "Thanks \u{fffd}!", "atSeconds": 1}]);
    assert_eq!(practice.recorded(&call).await["transcript"], said);
}

#[tokio::test]
async fn an_event_of_any_length_is_acknowledged_if_it_is_signed_and_a_long_transcript_is_fetched() {
    let practice = Practice::open_with(&[("STORE_TRANSCRIPTS", "true")], json!({})).await;
    let call = practice.talked().await;
    let now = practice.app.clock().now().timestamp();
    let audio = format!(
        r#"{{"type":"post_call_audio","data":{{"conversation_id":{},"full_audio":"{}"}}}}"#,
        call["conversation_id"],
        "A".repeat(9 * 1024 * 1024)
    );
    assert_eq!(tell_raw(&practice.app, audio, now).await, 200);
    assert_eq!(tell_raw(&practice.app, "{}".to_owned(), now - 3600).await, 401, "signed too long ago");
    assert_eq!(practice.app.count(KEPT).await, 0);

    let long = json!({"type": "post_call_transcription", "data": {"agent_id": "agent_1",
        "conversation_id": call["conversation_id"],
        "transcript": [{"role": "user", "message": "A".repeat(1_500_000), "time_in_call_secs": 1}]}});
    let fetch = json!({"provider": "elevenlabs", "method": "GET", "path_contains": "/conversations/"});
    practice.app.faults(json!({"match": fetch, "action": {"status": 503}, "times": 1})).await;
    assert_eq!(practice.tell(&long).await, 503, "to be sent again: it is nowhere yet");
    assert_eq!(practice.tell(&long).await, 200);
    practice.until_counted("the event is worked off", SETTLED, 1).await;
    assert_eq!(practice.recorded(&call).await["transcript"], what_was_said());
}

#[tokio::test]
async fn an_event_does_not_wait_for_questions_about_other_conversations() {
    let practice = Practice::open_with(&[("STORE_TRANSCRIPTS", "true")], json!({})).await;
    let missing = join_all((0..6).map(|_| practice.talked())).await;
    let fetch = json!({"provider": "elevenlabs", "method": "GET", "path_contains": "/conversations/"});
    for _ in &missing {
        practice.app.faults(json!({"match": fetch, "action": {"delay_ms": 7000}, "times": 1})).await;
    }
    practice.app.advance(Duration::from_secs(11 * 60));
    wait_until("the provider is asked, a few questions at a time", SOON, async || {
        (practice.app.pending_faults().await < 6).then_some(())
    })
    .await;
    assert!(practice.app.pending_faults().await >= 2, "four at a time");
    let fresh = practice.talked().await;
    let begun = std::time::Instant::now();
    assert_eq!(practice.report_from_provider(&fresh).await, 200);
    practice.until_counted("the event is worked off", SETTLED, 1).await;
    assert!(begun.elapsed() < Duration::from_secs(4), "{:?}", begun.elapsed());
    practice.until_counted("the others are told of", SETTLED, 7).await;
    assert_eq!(practice.recorded(&missing[0]).await["transcript"], what_was_said());
}

#[tokio::test]
async fn a_transcript_without_a_call_is_deleted() {
    let practice = Practice::open_with(&[("STORE_TRANSCRIPTS", "true")], json!({})).await;
    let said = json!({"type": "post_call_transcription", "data": {"conversation_id": "conv_of_nobody",
        "transcript": [{"role": "agent", "message": "Hello", "time_in_call_secs": 0}]}});
    assert_eq!(practice.tell(&said).await, 200);
    practice.until_counted("it is taken down", TRANSCRIPTS, 1).await;
    practice.app.advance(Duration::from_secs(2 * 3600));
    practice.until_counted("it belongs to nobody", TRANSCRIPTS, 0).await;
    // Told again, it is looked for once more.
    assert_eq!(practice.tell(&said).await, 200);
    practice.until_counted("it still belongs to nobody", TRANSCRIPTS, 0).await;
    assert_eq!(practice.app.count(KEPT).await, 1);
}

#[tokio::test]
async fn every_old_event_is_deleted_even_if_no_call_is() {
    let practice = Practice::open_with(&[("CALL_RETENTION_DAYS", "30")], json!({})).await;
    let system = practice.app.database().system();
    let events: Vec<_> = (0..2100).map(|nth| over(&format!("conv_{nth}"), None, None)).collect();
    for some in events.chunks(50) {
        let accepted = join_all(some.iter().map(|event| system.accept_event(event))).await;
        assert!(accepted.iter().all(Result::is_ok), "{accepted:?}");
    }
    practice.app.advance(31 * DAY);
    practice.until_counted("all are gone", KEPT, 0).await;
}
