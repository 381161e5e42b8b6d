//! Operations: what they may be about, what they wait for, and the words of their check constraints.

use chrono::TimeDelta;
use futures_util::future::join_all;
use serde_json::json;
use switchboard::domain::{EventKey, OperationKind, OperationState, Step};
use switchboard::store::{AuditEventFilter, Inserted, NewOperation, OperationUpdate, Wait};

use crate::support::database::{HandClock, TestDatabase};
use crate::support::fixtures::{self, LEASE, uuid};

#[tokio::test]
async fn an_operation_that_waits_for_an_event_is_woken_by_it_or_runs_at_its_time_limit() {
    let test = TestDatabase::create().await;
    let time = HandClock::new();
    let db = test.open_with(4, time.clock()).await;
    let system = db.system();
    let tenant = fixtures::tenant(&db).await;
    let agent = fixtures::agent(&db, tenant).await;
    let (approval, other): (EventKey, EventKey) =
        ("bundle:BU1".parse().unwrap(), "bundle:BU2".parse().unwrap());
    let park = async |event: &EventKey| {
        let claimed = fixtures::claimed(&db, &agent).await;
        let until = time.clock().now() + TimeDelta::days(30);
        let wait = Wait { until, event: Some(event.clone()), counts: false, outcome_unknown: false };
        let update = OperationUpdate {
            wait: Some(wait),
            data: json!({ "bundle": "BU1" }),
            ..fixtures::update(Step::ClaimNumber)
        };
        let parked = system.record(&claimed.lease, update).await.unwrap();
        assert_eq!((parked.state, parked.awaited_event.as_ref()), (OperationState::Running, Some(event)));
        assert_eq!(parked.attempts, 0, "a wait is no attempt");
        parked.id
    };
    let (one, two, third) = (park(&approval).await, park(&approval).await, park(&other).await);
    assert!(system.claim_due(uuid(), LEASE, 10).await.unwrap().is_empty(), "all of them wait");
    let backlog = system.backlog().await.unwrap();
    assert_eq!(backlog.oldest, None, "one that waits for an event is not late");

    assert_eq!(system.wake(&"bundle:BU3".parse().unwrap()).await.unwrap(), 0, "nobody waits for it");
    assert_eq!(system.wake(&approval).await.unwrap(), 2);
    assert_eq!(system.wake(&approval).await.unwrap(), 0, "announced twice");
    let woken = system.claim_due(uuid(), LEASE, 10).await.unwrap();
    let ids: Vec<_> = woken.iter().map(|claimed| claimed.operation.id).collect();
    assert!(ids.len() == 2 && ids.contains(&one) && ids.contains(&two), "{woken:?}");
    for claimed in &woken {
        let operation = &claimed.operation;
        assert_eq!((operation.awaited_event.as_ref(), operation.attempts), (None, 1));
        assert_eq!((operation.step, &operation.data), (Step::ClaimNumber, &json!({ "bundle": "BU1" })));
        let done = system.record(&claimed.lease, fixtures::update(Step::Done)).await.unwrap();
        assert_eq!((done.state, done.awaited_event), (OperationState::Succeeded, None));
    }

    time.advance(TimeDelta::days(29));
    assert!(system.claim_due(uuid(), LEASE, 10).await.unwrap().is_empty(), "its event has not happened");
    time.advance(TimeDelta::days(1));
    let late = system.claim_due(uuid(), LEASE, 10).await.unwrap().remove(0);
    assert_eq!((late.operation.id, late.operation.awaited_event.as_ref()), (third, Some(&other)));
    // An event that comes while the step runs costs nothing: the step looks by itself.
    assert_eq!(system.wake(&other).await.unwrap(), 1);
    system.record(&late.lease, fixtures::update(Step::Done)).await.unwrap();
    assert_eq!(system.wake(&other).await.unwrap(), 0, "it is over");
}

#[tokio::test]
async fn one_event_wakes_however_many_wait_for_it() {
    let test = TestDatabase::create().await;
    let db = test.open().await;
    let tenant = fixtures::tenant(&db).await;
    let agent = fixtures::agent(&db, tenant).await;
    // More than one statement wakes.
    let rows = (0..501).map(|_| NewOperation { agent_id: None, ..fixtures::new_operation(agent.id) });
    let door = fixtures::write_as(&db, tenant).await;
    for row in rows {
        assert!(matches!(door.insert_operation(row).await.unwrap(), Inserted::New(_)));
    }
    door.commit().await.unwrap();
    test.execute("UPDATE operations SET state = 'running', awaited_event = 'approval'").await;
    let event: EventKey = "approval".parse().unwrap();
    let woken = join_all([db.system().wake(&event), db.system().wake(&event)]).await;
    assert_eq!(woken.into_iter().map(Result::unwrap).sum::<u64>(), 501);
    assert_eq!(test.count("SELECT count(*) FROM operations WHERE awaited_event IS NOT NULL").await, 0);
}

#[tokio::test]
async fn an_operation_may_be_about_neither_a_number_nor_an_agent() {
    let test = TestDatabase::create().await;
    let db = test.open().await;
    let tenant = fixtures::tenant(&db).await;
    let agent = fixtures::agent(&db, tenant).await;
    let door = fixtures::write_as(&db, tenant).await;
    let about_nothing = NewOperation { agent_id: None, ..fixtures::new_operation(agent.id) };
    let id = about_nothing.id;
    let Inserted::New(operation) = door.insert_operation(about_nothing).await.unwrap() else { panic!() };
    door.commit().await.unwrap();
    assert_eq!((operation.agent_id, operation.number_id), (None, None));
    let door = db.read_as(tenant).await.unwrap();
    assert_eq!(door.unfinished_operations(agent.id).await.unwrap(), []);
    let trail = door.audit_events(&AuditEventFilter::default(), fixtures::first(10)).await.unwrap();
    let begun =
        trail.items.iter().map(|(_, event)| event).find(|event| event.action == "provisionPhoneNumber");
    assert_eq!(begun.unwrap().subject, Some(id.to_string()), "the audit trail names the operation itself");
    drop(door);
    let expected = db.system().expected_inventory(&[], &[], operation.created_at).await.unwrap();
    assert_eq!((expected.busy.len(), expected.unreadable.operations.len()), (1, 0));
    let claimed = db.system().claim(id, uuid(), LEASE).await.unwrap().unwrap();
    let done = db.system().record(&claimed.lease, fixtures::update(Step::Done)).await.unwrap();
    assert_eq!(done.state, OperationState::Succeeded);
}

#[tokio::test]
async fn a_step_of_another_kind_is_left_to_the_version_that_stored_it() {
    let test = TestDatabase::create().await;
    let db = test.open().await;
    let tenant = fixtures::tenant(&db).await;
    let agent = fixtures::agent(&db, tenant).await;
    fixtures::operation(&db, &agent).await;
    test.execute("UPDATE operations SET step = 'delete_voice_agent'").await;
    assert!(db.system().claim_due(uuid(), LEASE, 10).await.unwrap().is_empty());
    test.execute("UPDATE operations SET step = 'buy_number'").await;
    assert_eq!(db.system().claim_due(uuid(), LEASE, 10).await.unwrap().len(), 1);
}

#[tokio::test]
async fn the_check_constraints_have_exactly_the_domains_words() {
    let test = TestDatabase::create().await;
    let db = test.open().await;
    let tenant = fixtures::tenant(&db).await;
    let agent = fixtures::agent(&db, tenant).await;
    fixtures::operation(&db, &agent).await;
    let columns: [(&str, Vec<&str>); 3] = [
        ("kind", OperationKind::ALL.iter().map(|kind| kind.as_str()).collect()),
        ("step", Step::ALL.iter().map(|step| step.as_str()).collect()),
        ("state", OperationState::ALL.iter().map(|state| state.as_str()).collect()),
    ];
    for (column, words) in columns {
        for word in &words {
            let is_final = matches!(*word, "succeeded" | "failed");
            let finished = if is_final { "created_at" } else { "NULL" };
            test.execute(&format!("UPDATE operations SET finished_at = {finished}, {column} = '{word}'"))
                .await;
        }
        test.execute("UPDATE operations SET finished_at = NULL, state = 'pending'").await;
        let definition = if test.is_postgres() {
            format!(
                "SELECT pg_get_constraintdef(oid) AS words FROM pg_constraint
                 WHERE conrelid = 'operations'::regclass AND pg_get_constraintdef(oid) LIKE '%(({column} = ANY%'
                 AND pg_get_constraintdef(oid) NOT LIKE '%finished_at%'"
            )
        } else {
            format!(
                "SELECT substr(rest, 1, instr(rest, ')')) AS words FROM (SELECT substr(sql, instr(sql, '\"{column}\" IN (')) AS rest
                 FROM sqlite_master WHERE type = 'table' AND name = 'operations')"
            )
        };
        let count = format!(
            "SELECT CAST((length(words) - length(replace(words, '''', ''))) / 2 AS bigint) FROM ({definition}) AS found"
        );
        assert_eq!(test.count(count.leak()).await, i64::try_from(words.len()).unwrap(), "{column}");
    }
}
