//! Leases: one driver at a time, and one that lost its lease writes nothing.

use std::collections::HashSet;
use std::time::Duration;

use chrono::TimeDelta;
use futures_util::future::join_all;
use serde_json::json;
use switchboard::domain::{AgentStatus, Clock, OperationState, Refusal, RefusalCode, Step};
use switchboard::store::{
    Change, ClaimError, Database, Effect, OperationUpdate, PurchaseRules, StoreError, Topic, Wait,
};

use crate::support::database::{HandClock, TestDatabase};
use crate::support::fixtures::{self, LEASE, uuid};

#[tokio::test]
async fn only_one_reconciliation_runs_and_a_dead_servers_lease_is_taken_over() {
    let test = TestDatabase::create().await;
    let time = HandClock::new();
    let db = test.open_with(4, time.clock()).await;
    let system = db.system();
    let begun = join_all((0..6).map(|_| system.begin_reconciliation(uuid(), LEASE, None))).await;
    let begun: Vec<_> = begun.into_iter().filter_map(Result::unwrap).collect();
    assert_eq!(begun.len(), 1, "however many begin at once");
    let first = begun[0];
    time.advance(TimeDelta::seconds(59));
    system.renew_reconciliation(&first, LEASE).await.unwrap();
    time.advance(TimeDelta::seconds(59));
    assert_eq!(system.begin_reconciliation(uuid(), LEASE, None).await.unwrap(), None, "renewed");
    time.advance(TimeDelta::seconds(2));
    let second = system.begin_reconciliation(uuid(), LEASE, None).await.unwrap().unwrap();
    let late = system.finish_reconciliation(&first, json!("late")).await;
    assert!(matches!(late, Err(StoreError::LeaseLost)));
    assert!(matches!(system.renew_reconciliation(&first, LEASE).await, Err(StoreError::LeaseLost)));
    assert_eq!(system.last_reconciliation().await.unwrap(), None);
    system.finish_reconciliation(&second, json!("done")).await.unwrap();
    assert_eq!(system.last_reconciliation().await.unwrap(), Some(json!("done")));

    time.advance(TimeDelta::minutes(59));
    let an_hour_ago = || Some(time.clock().now() - TimeDelta::hours(1));
    assert_eq!(system.begin_reconciliation(uuid(), LEASE, an_hour_ago()).await.unwrap(), None, "not due");
    time.advance(TimeDelta::minutes(2));
    assert!(system.begin_reconciliation(uuid(), LEASE, an_hour_ago()).await.unwrap().is_some());
}

#[tokio::test]
async fn a_driver_that_lost_its_lease_writes_nothing() {
    let test = TestDatabase::create().await;
    let time = HandClock::new();
    let db = test.open_with(4, time.clock()).await;
    let system = db.system();
    let tenant = fixtures::tenant(&db).await;
    let agent = fixtures::agent(&db, tenant).await;
    let operation = fixtures::operation(&db, &agent).await;
    let (one, two) = (uuid(), uuid());

    let first = system.claim(operation.id, one, LEASE).await.unwrap().unwrap();
    assert_eq!((first.operation.state, first.operation.attempts), (OperationState::Running, 1));
    assert!(system.claim(operation.id, two, LEASE).await.unwrap().is_none(), "held");
    time.advance(TimeDelta::seconds(59));
    let renewed = system.renew(&first.lease, LEASE).await.unwrap();
    time.advance(TimeDelta::seconds(59));
    assert!(system.claim_due(two, LEASE, 10).await.unwrap().is_empty(), "renewed");
    time.advance(TimeDelta::seconds(2));

    let second = system.claim_due(two, LEASE, 10).await.unwrap().remove(0);
    assert_eq!(second.operation.attempts, 2);
    assert!(second.lease.fencing_token > renewed.fencing_token);
    let effects = vec![Effect::AgentStatus { agent: agent.id, status: AgentStatus::Deleted }];
    let late = OperationUpdate { effects, ..fixtures::update(Step::Done) };
    assert!(matches!(system.record(&renewed, late.clone()).await, Err(StoreError::LeaseLost)));
    assert!(matches!(system.renew(&renewed, LEASE).await, Err(StoreError::LeaseLost)));
    let claim = fixtures::claim_of(&fixtures::e164(110));
    let lost =
        system.claim_number(&renewed, claim, &fixtures::rules(10), fixtures::update(Step::BuyNumber)).await;
    assert!(matches!(lost, Err(ClaimError::Store(StoreError::LeaseLost))));
    assert_eq!(system.agent(agent.id).await.unwrap().unwrap().status, AgentStatus::Active);
    assert_eq!(system.operation(operation.id).await.unwrap(), Some(second.operation.clone()));
    assert!(system.numbers_of(agent.id).await.unwrap().is_empty());

    // The very same words, under the lease that holds.
    let mut changes = db.watch(Topic::All);
    let done = system.record(&second.lease, late.clone()).await.unwrap();
    assert_eq!(changes.recv().await.unwrap(), Change::Agent { tenant, id: agent.id });
    assert_eq!(changes.recv().await.unwrap(), Change::Operation { tenant, id: operation.id });
    assert_eq!((done.state, done.finished_at.is_some()), (OperationState::Succeeded, true));
    assert_eq!(system.agent(agent.id).await.unwrap().unwrap().status, AgentStatus::Deleted);
    assert!(system.claim(operation.id, one, LEASE).await.unwrap().is_none(), "over");
    assert!(matches!(system.record(&second.lease, late).await, Err(StoreError::LeaseLost)), "given up");
}

#[tokio::test]
async fn a_step_that_failed_for_now_waits_and_counts_its_attempts() {
    let test = TestDatabase::create().await;
    let time = HandClock::new();
    let db = test.open_with(4, time.clock()).await;
    let system = db.system();
    let tenant = fixtures::tenant(&db).await;
    let agent = fixtures::agent(&db, tenant).await;
    let claimed = fixtures::claimed(&db, &agent).await;
    let in_thirty = |counts| {
        let until = time.clock().now() + TimeDelta::seconds(30);
        Some(Wait { until, event: None, counts, outcome_unknown: false })
    };
    let again = OperationUpdate {
        wait: in_thirty(true),
        data: json!({ "tried": [1] }),
        ..fixtures::update(Step::ClaimNumber)
    };
    let waiting = system.record(&claimed.lease, again).await.unwrap();
    assert_eq!((waiting.attempts, waiting.data.clone()), (1, json!({ "tried": [1] })));
    assert!(system.claim_due(uuid(), LEASE, 10).await.unwrap().is_empty(), "not yet");
    time.advance(TimeDelta::seconds(30));
    let due = system.claim_due(uuid(), LEASE, 10).await.unwrap().remove(0);
    assert_eq!(due.operation.attempts, 2, "the same step");
    let uncounted = OperationUpdate { wait: in_thirty(false), ..fixtures::update(Step::ClaimNumber) };
    assert_eq!(system.record(&due.lease, uncounted).await.unwrap().attempts, 1, "as if it had not begun");
    time.advance(TimeDelta::seconds(30));
    let due = system.claim_due(uuid(), LEASE, 10).await.unwrap().remove(0);
    assert_eq!(due.operation.attempts, 2, "the same attempt");
    let next = system.record(&due.lease, fixtures::update(Step::BuyNumber)).await.unwrap();
    assert_eq!((next.attempts, next.step), (1, Step::BuyNumber), "begun by whoever recorded it");

    let mut refusal = Refusal::new(RefusalCode::NoAvailableNumbers, "none").at("areaCode");
    refusal.suggested_area_codes = vec!["415".parse().unwrap()];
    let failed = OperationUpdate {
        state: OperationState::Failed,
        error: Some(refusal.clone()),
        ..fixtures::update(Step::Done)
    };
    system.record(&due.lease, failed).await.unwrap();
    let door = db.read_as(tenant).await.unwrap();
    let read = door.operations_by_id(&[due.operation.id]).await.unwrap().remove(0);
    assert_eq!((read.state, read.error), (OperationState::Failed, Some(refusal)));
    assert_eq!(door.unfinished_operations(agent.id).await.unwrap(), []);
}

#[tokio::test(flavor = "multi_thread")]
async fn each_operation_is_claimed_by_one_of_many_workers() {
    let test = TestDatabase::create().await;
    let db = test.open().await;
    let tenant = fixtures::tenant(&db).await;
    let agent = fixtures::agent(&db, tenant).await;
    for _ in 0..30 {
        fixtures::operation(&db, &agent).await;
    }
    let workers = (0..6).map(|_| {
        let system = db.system();
        tokio::spawn(async move {
            let (owner, mut taken) = (uuid(), Vec::new());
            loop {
                let some = system.claim_due(owner, Duration::from_secs(600), 3).await.unwrap();
                if some.is_empty() {
                    return taken;
                }
                taken.extend(some.iter().map(|claimed| claimed.operation.id));
            }
        })
    });
    let mut all = Vec::new();
    for taken in join_all(workers).await {
        all.extend(taken.unwrap());
    }
    // A worker may find nothing while others hold the rows' locks; what is left is taken by the next look.
    while let Some(claimed) = db.system().claim_due(uuid(), LEASE, 1).await.unwrap().pop() {
        all.push(claimed.operation.id);
    }
    assert_eq!((all.len(), all.iter().collect::<HashSet<_>>().len()), (30, 30));
}

#[tokio::test]
async fn servers_with_different_clocks_use_the_databases_time() {
    let test = TestDatabase::create().await;
    if !test.is_postgres() {
        return;
    }
    let wrong_by = |seconds| {
        let right = Clock::system();
        Clock::of_machine(move || right.now() + TimeDelta::seconds(seconds))
    };
    let [right, ahead, behind] = [0, 3600, -3600].map(wrong_by);
    let one = test.open_with(2, right.clone()).await;
    let fast = test.open_with(2, ahead.clone()).await;
    let slow = test.open_with(2, behind.clone()).await;
    for clock in [&right, &ahead, &behind] {
        let off = (clock.now() - Clock::system().now()).abs();
        assert!(off < TimeDelta::seconds(1), "set by the database: {off}");
    }
    assert!(ahead.unset().now() - right.now() > TimeDelta::minutes(59), "the machine's own time is kept");

    let tenant = fixtures::tenant(&one).await;
    let agent = fixtures::agent(&one, tenant).await;
    let claimed = fixtures::claimed(&one, &agent).await;
    assert!(fast.system().claim_due(uuid(), LEASE, 10).await.unwrap().is_empty(), "the lease is live");
    // Its own operations are due at once, for everybody.
    let new = fixtures::operation(&slow, &agent).await;
    assert_eq!(one.system().claim_due(uuid(), LEASE, 10).await.unwrap()[0].operation.id, new.id);
    // A lease that the slow one takes is live for the others, and runs for its whole length.
    let next = fixtures::operation(&fast, &agent).await;
    slow.system().claim(next.id, uuid(), LEASE).await.unwrap().unwrap();
    assert!(one.system().claim(next.id, uuid(), LEASE).await.unwrap().is_none());
    one.system().record(&claimed.lease, fixtures::update(Step::Done)).await.unwrap();

    // The hour of purchases, and quarantine.
    let rules = |clock: &Clock| PurchaseRules {
        quarantined_since: clock.now() - TimeDelta::minutes(30),
        ..fixtures::rules(1)
    };
    let bought = fixtures::number(&slow, &agent, &fixtures::e164(110)).await;
    let refused = async |db: &Database, clock: &Clock, last_four| {
        let lease = fixtures::claimed(db, &agent).await.lease;
        let claim = fixtures::claim_of(&fixtures::e164(last_four));
        let update = fixtures::update(Step::BuyNumber);
        db.system().claim_number(&lease, claim, &rules(clock), update).await.unwrap_err()
    };
    assert!(matches!(refused(&fast, &ahead, 111).await, ClaimError::Limit(_)), "within the hour");
    let lease = fixtures::claimed(&slow, &agent).await.lease;
    let released = Effect::NumberReleased { number: bought.id };
    let update = OperationUpdate { effects: vec![released], ..fixtures::update(Step::Done) };
    slow.system().record(&lease, update).await.unwrap();
    let number = [fixtures::e164(110)];
    let stranger = fixtures::tenant(&one).await;
    let barred =
        fast.system().barred_among(&number, stranger, rules(&ahead).quarantined_since).await.unwrap();
    assert_eq!(barred, number, "it was given back a moment ago");
}

#[tokio::test]
async fn a_claim_takes_no_more_rows_than_its_limit_whatever_the_planner_chooses() {
    const LIMIT: u16 = 3;
    let test = TestDatabase::create().await;
    if test.is_postgres() {
        // What is left is a plan that runs the inner query for each row.
        for way in ["hashagg", "hashjoin", "mergejoin", "sort", "material", "memoize"] {
            test.execute(&format!(
                "RESET ROLE; DO $$ BEGIN EXECUTE format('ALTER DATABASE %I SET enable_{way} = off', current_database()); END $$"
            ))
            .await;
        }
    }
    let db = test.open().await;
    let tenant = fixtures::tenant(&db).await;
    for nth in 0..10 {
        let agent = fixtures::agent(&db, tenant).await;
        fixtures::operation(&db, &agent).await;
        let changed = format!(
            "UPDATE agents SET status = 'active', voice_agent_id = 'agent_{nth}', revision = synced_revision + 1 \
             WHERE voice_agent_id IS NULL"
        );
        test.execute(&changed).await;
    }
    let system = db.system();
    let operations = system.claim_due(uuid(), LEASE, LIMIT).await.unwrap();
    assert_eq!(operations.len(), usize::from(LIMIT));
    let deliveries = system.claim_deliveries_due(LEASE, LIMIT).await.unwrap();
    assert_eq!(deliveries.len(), usize::from(LIMIT));
}
