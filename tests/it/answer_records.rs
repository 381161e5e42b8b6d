//! A caller does not wait until the answer is recorded. It is recorded all the same.

use std::time::Duration;

use futures_util::future::join;
use serde_json::json;
use switchboard::domain::{CallOutcome, CallStatus, ConversationReport};

use crate::support::database::{HandClock, TestDatabase};
use crate::support::fixtures::{self, e164};
use crate::support::practice::Practice;
use crate::support::wait_until;
use crate::support::webhooks::{INCOMING, sid, twiml};

const RECORDED: &str = "SELECT count(*) FROM calls WHERE outcome = 'agent' AND answer ->> 'kind' = 'connect'";

#[tokio::test]
async fn a_caller_does_not_wait_for_the_record_and_a_stopping_server_writes_it() {
    let mut practice = Practice::open(json!({})).await;
    let slow = json!({"match": {"provider": "elevenlabs", "path_contains": "register-call"},
        "action": {"delay_ms": 1500}, "times": 1});
    practice.app.faults(slow).await;
    let announce = || async { twiml(practice.send(INCOMING, &practice.ringing(&sid(1))).await).await };
    let lock = async {
        wait_until("the call is admitted", Duration::from_secs(5), async || {
            (practice.app.count("SELECT count(*) FROM calls").await == 1).then_some(())
        })
        .await;
        practice.app.lock_calls().await
    };
    let (answer, lock) = join(announce(), lock).await;
    assert_eq!(answer.0, ["Connect"], "answered while its record cannot be written");
    assert_eq!(announce().await, answer, "announced again, it hears the same");
    assert_eq!(practice.app.count(RECORDED).await, 0);

    let released = tokio::spawn(async move {
        tokio::time::sleep(Duration::from_millis(1400)).await;
        drop(lock);
    });
    practice.app.stop().await;
    released.await.unwrap();
    assert_eq!(practice.app.count(RECORDED).await, 1);
    assert_eq!(practice.conversations().await, 1, "the voice provider heard of it once");
}

#[tokio::test]
async fn a_conversation_shows_who_answered_a_call_whose_record_a_crash_prevented() {
    let test = TestDatabase::create().await;
    let db = test.open_with(2, HandClock::new().clock()).await;
    let agent = fixtures::agent(&db, fixtures::tenant(&db).await).await;
    fixtures::number(&db, &agent, &e164(105)).await;
    let system = db.system();
    for (failed, outcome) in
        [(None, CallOutcome::Agent), (Some(CallStatus::Failed), CallOutcome::Unavailable)]
    {
        let (id, incoming) = fixtures::incoming(&e164(105));
        system.admit_call(id, &incoming).await.unwrap().unwrap();
        let conversation = format!("conv_{}", id.0.simple());
        let told = fixtures::over(&conversation, Some(&incoming.sid), Some(42));
        let told = ConversationReport { failed, ..told };
        let call = system.report_conversation(&told).await.unwrap().unwrap();
        assert_eq!((call.outcome, call.conversation_id), (outcome, Some(conversation)));
        let found = system.route_by_sid(&incoming.sid).await.unwrap().unwrap().call;
        assert_eq!(found.outcome, outcome);
    }
}
