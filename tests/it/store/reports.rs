//! Reports about a call, in any order and repeated, leave the same record.

use chrono::{DateTime, TimeDelta, Utc};
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use switchboard::domain::{Call, CallOutcome, CallReport, CallStatus, ConversationReport, IncomingCall};
use switchboard::store::Database;

use crate::support::database::{HandClock, TestDatabase};
use crate::support::fixtures::{self, e164};

/// A report about a call that has been announced.
#[derive(Debug, Clone)]
enum Report {
    /// Our own record of the answer.
    Answered,
    ByCarrier {
        status: CallStatus,
        seconds: Option<i32>,
        minute: i64,
    },
    ByVoiceProvider {
        failed: Option<CallStatus>,
        seconds: Option<i32>,
        minute: i64,
    },
}

fn report() -> impl Strategy<Value = Report> {
    let seconds = || proptest::option::of(0..600_i32);
    let failed = proptest::option::of(proptest::sample::select(vec![CallStatus::Busy, CallStatus::Failed]));
    prop_oneof![
        4 => (proptest::sample::select(CallStatus::ALL), seconds(), 0..3_i64).prop_map(
            |(status, seconds, minute)| {
                let seconds = seconds.filter(|_| status.is_final());
                Report::ByCarrier { status, seconds, minute }
            }
        ),
        1 => (failed, seconds(), 0..3_i64).prop_map(
            |(failed, seconds, minute)| Report::ByVoiceProvider { failed, seconds, minute }
        ),
    ]
}

/// Reports, and the same reports in another order, some of them twice.
fn twice() -> impl Strategy<Value = (Vec<Report>, Vec<Report>)> {
    proptest::collection::vec(report(), 1..6).prop_flat_map(|mut first| {
        first.push(Report::Answered);
        let repeated = proptest::sample::subsequence(first.clone(), 0..=first.len());
        let all = first.clone();
        let second = repeated.prop_map(move |repeated| [all.clone(), repeated].concat()).prop_shuffle();
        (Just(first), second)
    })
}

/// The record of a new call after these reports, without its ids.
async fn left_of(db: &Database, all: &[Report]) -> Call {
    let (id, incoming) = fixtures::incoming(&e164(104));
    let IncomingCall { sid, .. } = &incoming;
    let system = db.system();
    let admitted = system.admit_call(id, &incoming).await.unwrap().unwrap().call;
    let (began, decision): (DateTime<Utc>, _) = (admitted.started_at, admitted.decision);
    let conversation = format!("conv_{}", id.0.simple());
    for report in all {
        match report {
            Report::Answered => {
                system
                    .record_answer(fixtures::answer(
                        (sid, CallOutcome::Agent),
                        &decision,
                        Some(&conversation),
                        "<Response/>",
                        began,
                    ))
                    .await
                    .unwrap();
            }
            Report::ByCarrier { status, seconds, minute } => {
                let at = began + TimeDelta::minutes(*minute);
                let report = CallReport { status: *status, duration_seconds: *seconds, at };
                assert!(system.report_call(sid, report).await.unwrap().is_some());
            }
            Report::ByVoiceProvider { failed, seconds, minute } => {
                let at = began + TimeDelta::minutes(*minute);
                let report = fixtures::over(&conversation, Some(sid), *seconds);
                let report = ConversationReport { failed: *failed, at, ..report };
                let found = system.report_conversation(&report).await.unwrap();
                assert!(found.is_some());
            }
        }
    }
    let call = system.route_by_sid(sid).await.unwrap().unwrap().call;
    assert_eq!(call.conversation_id, Some(conversation));
    Call {
        id: switchboard::domain::CallId(uuid::Uuid::nil()),
        sid: String::new(),
        conversation_id: None,
        ..call
    }
}

#[test]
fn the_order_of_reports_and_their_repetition_change_nothing() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let (_test, db) = runtime.block_on(async {
        let test = TestDatabase::create().await;
        let db = test.open_with(2, HandClock::new().clock()).await;
        let tenant = fixtures::tenant(&db).await;
        let agent = fixtures::agent(&db, tenant).await;
        fixtures::number(&db, &agent, &e164(104)).await;
        (test, db)
    });
    let mut runner = TestRunner::new(Config { cases: 64, failure_persistence: None, ..Config::default() });
    let run = runner.run(&twice(), |(first, second)| {
        let (left, other) =
            runtime.block_on(async { (left_of(&db, &first).await, left_of(&db, &second).await) });
        prop_assert_eq!(&left, &other);
        let reported = |wanted: fn(CallStatus) -> bool| {
            first.iter().any(|report| match report {
                Report::Answered => false,
                Report::ByCarrier { status, .. } => wanted(*status),
                Report::ByVoiceProvider { failed, .. } => failed.is_some_and(wanted),
            })
        };
        prop_assert_eq!(left.status.is_final(), reported(CallStatus::is_final));
        prop_assert_eq!(left.ended_at.is_some(), left.status.is_final());
        let completed = reported(|status| status == CallStatus::Completed);
        prop_assert_eq!(left.status == CallStatus::Completed, completed);
        Ok(())
    });
    run.unwrap_or_else(|failure| panic!("{failure}"));
}
