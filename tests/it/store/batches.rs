//! Writes about calls are gathered: those that wait at the same time share a statement, and each has its own outcome.

use std::collections::HashSet;

use chrono::TimeDelta;
use futures_util::future::join_all;
use switchboard::domain::{Call, CallId, CallOutcome, CallReport, CallStatus, Clock, Decision, IncomingCall};
use switchboard::store::{Change, StoreError, Topic};

use crate::support::database::TestDatabase;
use crate::support::fixtures::{self, e164, uuid};

/// How many calls come at the same moment.
const AT_ONCE: usize = 64;

#[tokio::test]
async fn concurrent_writes_share_statements_and_get_results_call_by_call() {
    let test = TestDatabase::create().await;
    let db = test.open_with(8, Clock::system()).await;
    let tenant = fixtures::tenant(&db).await;
    test.set_plan(tenant, 10, 5).await;
    let agent = fixtures::agent(&db, tenant).await;
    let number = fixtures::number(&db, &agent, &e164(700)).await;
    let (system, mut changes) = (db.system(), db.watch(Topic::All));
    system.admit_call(CallId(uuid()), &fixtures::incoming(&number.number).1).await.unwrap();
    changes.recv().await.unwrap();

    let calls: Vec<IncomingCall> = (0..AT_ONCE).map(|_| fixtures::incoming(&number.number).1).collect();
    let before = db.statements();
    // Every call is announced twice, as a carrier that hears nothing does.
    let announced = calls.iter().chain(&calls).map(|call| system.admit_call(CallId(uuid()), call));
    let routes: Vec<_> = join_all(announced).await.into_iter().map(|route| route.unwrap().unwrap()).collect();
    let (first, again) = routes.split_at(AT_ONCE);
    for (first, again) in first.iter().zip(again) {
        assert_eq!((&first.call, first.has_slot()), (&again.call, again.has_slot()));
    }
    assert_eq!(first.iter().filter(|route| route.has_slot()).count(), 9, "one of ten slots was taken before");
    // Each call announced again is looked up, with its agent. The rest are batches.
    let cost = db.statements() - before - 2 * AT_ONCE as u64;
    assert!(cost <= 8, "{cost} statements for {AT_ONCE} calls");

    let before = db.statements();
    let answered = first.iter().map(|route| {
        let Call { sid, decision, started_at, .. } = &route.call;
        system.record_answer(fixtures::answer(
            (sid, CallOutcome::Agent),
            decision,
            None,
            "<Response/>",
            *started_at,
        ))
    });
    assert!(join_all(answered).await.into_iter().all(|recorded| recorded.is_ok()));
    let ended = CallReport {
        status: CallStatus::Completed,
        duration_seconds: Some(61),
        at: first[0].call.started_at,
    };
    let reported = join_all(first.iter().map(|route| system.report_call(&route.call.sid, ended))).await;
    assert!(reported.into_iter().all(|call| call.unwrap().unwrap().status == CallStatus::Completed));
    let cost = db.statements() - before;
    assert!(cost <= 8, "{cost} statements for {AT_ONCE} answers and as many reports");

    let mut told: Vec<CallId> = Vec::new();
    while told.len() < 3 * AT_ONCE {
        if let Change::Call { id, .. } = changes.recv().await.unwrap() {
            told.push(id);
        }
    }
    let expected: HashSet<CallId> = first.iter().map(|route| route.call.id).collect();
    assert!(told.iter().all(|id| expected.contains(id)), "each when it came, was answered and ended");
    assert_eq!(db.read_as(tenant).await.unwrap().active_calls().await.unwrap(), 1);
}

#[tokio::test]
async fn a_row_that_the_database_rejects_fails_alone() {
    let test = TestDatabase::create().await;
    let db = test.open().await;
    let agent = fixtures::agent(&db, fixtures::tenant(&db).await).await;
    let number = fixtures::number(&db, &agent, &e164(710)).await;
    let system = db.system();
    let calls: Vec<IncomingCall> = (0..9).map(|_| fixtures::incoming(&number.number).1).collect();
    let admitted = join_all(calls.iter().map(|call| system.admit_call(CallId(uuid()), call))).await;
    assert!(admitted.into_iter().all(|route| route.unwrap().is_some()));

    // No call lasts less than nothing: the tables say so.
    let report = |nth: usize| CallReport {
        status: CallStatus::Completed,
        duration_seconds: Some(if nth == 4 { -1 } else { 30 }),
        at: Clock::system().now(),
    };
    let reported = calls.iter().enumerate().map(|(nth, call)| system.report_call(&call.sid, report(nth)));
    for (nth, reported) in join_all(reported).await.into_iter().enumerate() {
        match reported {
            Ok(call) => assert_eq!((nth == 4, call.unwrap().duration_seconds), (false, Some(30))),
            Err(error) => assert!(nth == 4 && matches!(error, StoreError::Database(_)), "{nth}: {error}"),
        }
    }
    let tenant = db.read_as(number.tenant_id).await.unwrap();
    assert_eq!(tenant.active_calls().await.unwrap(), 1, "the rejected one is under way still");
}

#[tokio::test]
async fn the_last_of_several_answers_wins_and_other_tenants_change_nothing() {
    let test = TestDatabase::create().await;
    let db = test.open().await;
    let agent = fixtures::agent(&db, fixtures::tenant(&db).await).await;
    let number = fixtures::number(&db, &agent, &e164(720)).await;
    let system = db.system();
    let (id, call) = fixtures::incoming(&number.number);
    let route = system.admit_call(id, &call).await.unwrap().unwrap();
    let answers = [("CA-nobodys", "<A/>"), (&call.sid, "<B/>"), (&call.sid, "<C/>")];
    let recorded = answers.map(|(sid, twiml)| {
        let Call { decision, started_at, .. } = &route.call;
        system.record_answer(fixtures::answer(
            (sid, CallOutcome::Fallback),
            decision,
            Some("conv_1"),
            twiml,
            *started_at,
        ))
    });
    assert!(join_all(recorded).await.into_iter().all(|recorded| recorded.is_ok()));
    let again = system.admit_call(CallId(uuid()), &call).await.unwrap().unwrap();
    let answered = again.answered.map(|given| given.answer);
    assert_eq!(answered, Some(fixtures::connect(Some("conv_1"), "<C/>")));
    assert_eq!(again.call.outcome, CallOutcome::Fallback);
    let unknown = CallReport { status: CallStatus::Busy, duration_seconds: None, at: Clock::system().now() };
    assert_eq!(system.report_call("CA-nobodys", unknown).await.unwrap(), None);
}

#[tokio::test]
async fn an_answer_given_earlier_overwrites_none_whichever_is_written_last() {
    let test = TestDatabase::create().await;
    let db = test.open().await;
    let agent = fixtures::agent(&db, fixtures::tenant(&db).await).await;
    let number = fixtures::number(&db, &agent, &e164(740)).await;
    let system = &db.system();
    // The agent was connected first; then its answer failed at the carrier.
    let given = [(0, CallOutcome::Agent, Some("conv_a"), "<A/>"), (5, CallOutcome::Fallback, None, "<B/>")];
    for (nth, order) in [[0, 1], [1, 0]].into_iter().enumerate() {
        for is_one_batch in [false, true] {
            let (id, incoming) = fixtures::incoming(&number.number);
            let Call { sid, decision, started_at, .. } =
                &system.admit_call(id, &incoming).await.unwrap().unwrap().call;
            let record = |at: usize| {
                let (seconds, outcome, conversation, twiml) = given[at];
                let decision =
                    Decision { reason: format!("{}; {twiml}", decision.reason), ..decision.clone() };
                async move {
                    let at = *started_at + TimeDelta::milliseconds(seconds * 1001);
                    system
                        .record_answer(fixtures::answer((sid, outcome), &decision, conversation, twiml, at))
                        .await
                        .unwrap()
                }
            };
            if is_one_batch {
                assert_eq!(join_all(order.map(record)).await, [true, true]);
            } else {
                for at in order {
                    assert!(record(at).await, "{nth}: an answer that changes nothing has its call on record");
                }
            }
            let left = system.admit_call(CallId(uuid()), &incoming).await.unwrap().unwrap();
            let reason = &left.call.decision.reason;
            let answered = left.answered.map(|given| given.answer);
            assert_eq!(answered, Some(fixtures::connect(None, "<B/>")));
            assert_eq!(left.call.outcome, CallOutcome::Fallback);
            assert!(reason.ends_with("<B/>"), "{reason}");
            if !is_one_batch {
                assert_eq!(left.call.conversation_id.as_deref(), Some("conv_a"), "{order:?}");
            }
        }
    }
}

#[tokio::test]
async fn an_admission_whose_caller_stopped_waiting_is_not_written() {
    let test = TestDatabase::create().await;
    let db = test.open_with(2, Clock::system()).await;
    let agent = fixtures::agent(&db, fixtures::tenant(&db).await).await;
    let number = fixtures::number(&db, &agent, &e164(730)).await;
    let system = db.system();
    system.admit_call(CallId(uuid()), &fixtures::incoming(&number.number).1).await.unwrap();
    let [given_up, kept] = [(); 2].map(|()| fixtures::incoming(&number.number).1);
    {
        // Polled once, so that it waits in its queue, and dropped before its batch begins.
        let waiting = system.admit_call(CallId(uuid()), &given_up);
        let mut waiting = Box::pin(waiting);
        assert!(futures_util::poll!(&mut waiting).is_pending());
    }
    assert!(system.admit_call(CallId(uuid()), &kept).await.unwrap().is_some());
    let unknown = CallReport { status: CallStatus::Busy, duration_seconds: None, at: Clock::system().now() };
    assert_eq!(system.report_call(&given_up.sid, unknown).await.unwrap(), None);
    assert!(system.report_call(&kept.sid, unknown).await.unwrap().is_some());
}

#[tokio::test]
async fn a_tenant_with_a_locked_row_does_not_delay_others() {
    let test = TestDatabase::create().await;
    if !test.is_postgres() {
        println!("skipped: on SQLite there is one writer, and no lock on a row");
        return;
    }
    let db = test.open_with(8, Clock::system()).await;
    let [locked, free] = [fixtures::tenant(&db).await, fixtures::tenant(&db).await];
    let mut numbers = Vec::new();
    for (nth, tenant) in [locked, free].into_iter().enumerate() {
        let agent = fixtures::agent(&db, tenant).await;
        numbers.push(fixtures::number(&db, &agent, &e164(740 + u32::try_from(nth).unwrap())).await);
    }
    let mut holder = test.raw().await;
    let lock = format!(
        "SET ROLE switchboard_system; BEGIN; SELECT FROM tenants WHERE id = '{}' FOR UPDATE",
        locked.0
    );
    sqlx::raw_sql(sqlx::AssertSqlSafe(lock)).execute(&mut holder).await.unwrap();
    let system = db.system();
    let calls = numbers.iter().map(|number| fixtures::incoming(&number.number).1).collect::<Vec<_>>();
    let admitted = join_all(calls.iter().map(|call| system.admit_call(CallId(uuid()), call))).await;
    assert!(matches!(admitted[0], Err(StoreError::Unavailable(_))), "{:?}", admitted[0]);
    assert!(admitted[1].as_ref().unwrap().as_ref().unwrap().has_slot());
    sqlx::raw_sql("ROLLBACK").execute(&mut holder).await.unwrap();
    assert!(system.admit_call(CallId(uuid()), &calls[0]).await.unwrap().unwrap().has_slot());
}
