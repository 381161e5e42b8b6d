//! Limits are exact, however many ask at once.

use chrono::TimeDelta;
use futures_util::future::join_all;
use switchboard::domain::{Agent, CallId, CallStatus, Operation, RefusalCode, Step, Tenant};
use switchboard::store::{ClaimError, Database, Effect, OperationUpdate};

use crate::support::database::{HandClock, TestDatabase};
use crate::support::fixtures::{self, e164, uuid};

async fn claim(db: &Database, agent: &Agent, last_four: u32, per_hour: u32) -> Result<Operation, ClaimError> {
    let lease = fixtures::claimed(db, agent).await.lease;
    let claim = fixtures::claim_of(&e164(last_four));
    db.system()
        .claim_number(&lease, claim, &fixtures::rules(per_hour), fixtures::update(Step::BuyNumber))
        .await
}

fn limit_reached(refused: &Result<Operation, ClaimError>) -> Option<&str> {
    match refused {
        Err(ClaimError::Limit(refusal)) => {
            assert_eq!(refusal.code, RefusalCode::LimitReached);
            Some(&refusal.message)
        }
        _ => None,
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn twenty_claims_at_once_get_what_the_plan_allows() {
    let test = TestDatabase::create().await;
    let db = test.open_with(8, switchboard::domain::Clock::system()).await;
    let tenant = fixtures::tenant(&db).await;
    test.set_plan(tenant, 1, 5).await;
    let agent = fixtures::agent(&db, tenant).await;
    let results = join_all((0..20).map(|n| {
        let (db, agent) = (db.clone(), agent.clone());
        tokio::spawn(async move { claim(&db, &agent, 200 + n, 1000).await })
    }))
    .await;
    let results: Vec<_> = results.into_iter().map(Result::unwrap).collect();
    assert_eq!(results.iter().filter(|r| r.is_ok()).count(), 5);
    assert!(
        results
            .iter()
            .filter(|r| r.is_err())
            .all(|r| limit_reached(r).unwrap().contains("allows 5 phone numbers"))
    );
    assert_eq!(db.system().numbers_of(agent.id).await.unwrap().len(), 5);
}

#[tokio::test(flavor = "multi_thread")]
async fn of_twenty_tenants_one_gets_the_number_and_the_server_buys_no_more_than_its_guard_allows() {
    let test = TestDatabase::create().await;
    let db = test.open_with(8, switchboard::domain::Clock::system()).await;
    let mut agents = Vec::new();
    for _ in 0..20 {
        let tenant = fixtures::tenant(&db).await;
        agents.push(fixtures::agent(&db, tenant).await);
    }
    let run = async |number_of: fn(u32) -> u32, per_hour: u32| {
        let claims = agents.clone().into_iter().enumerate().map(|(n, agent)| {
            let db = db.clone();
            tokio::spawn(async move { claim(&db, &agent, number_of(n as u32), per_hour).await })
        });
        join_all(claims).await.into_iter().map(Result::unwrap).collect::<Vec<_>>()
    };
    let same = run(|_| 300, 1000).await;
    assert_eq!(same.iter().filter(|r| r.is_ok()).count(), 1);
    assert_eq!(same.iter().filter(|r| matches!(r, Err(ClaimError::Taken))).count(), 19);
    let many = run(|n| 400 + n, 7).await;
    assert_eq!(many.iter().filter(|r| r.is_ok()).count(), 6, "one of seven was bought above");
    assert_eq!(many.iter().filter_map(limit_reached).filter(|m| m.contains("at most 7")).count(), 14);
}

#[tokio::test]
async fn the_guard_forgets_after_an_hour_and_does_not_count_what_was_never_bought() {
    let test = TestDatabase::create().await;
    let time = HandClock::new();
    let db = test.open_with(4, time.clock()).await;
    let tenant = fixtures::tenant(&db).await;
    let agent = fixtures::agent(&db, tenant).await;
    let lease = fixtures::claimed(&db, &agent).await.lease;
    let freed = fixtures::claim_of(&e164(500));
    let id = freed.id;
    db.system()
        .claim_number(&lease, freed, &fixtures::rules(1), fixtures::update(Step::BuyNumber))
        .await
        .unwrap();
    assert!(limit_reached(&claim(&db, &agent, 501, 1).await).is_some());
    let effects = vec![Effect::NumberReleased { number: id }];
    let update = OperationUpdate { effects, number_id: Some(id), ..fixtures::update(Step::Done) };
    db.system().record(&lease, update).await.unwrap();

    time.advance(TimeDelta::minutes(1));
    assert!(claim(&db, &agent, 502, 1).await.is_ok(), "a freed claim cost nothing");
    time.advance(TimeDelta::minutes(59));
    assert!(limit_reached(&claim(&db, &agent, 503, 1).await).unwrap().contains("try again after"));
    time.advance(TimeDelta::minutes(1));
    assert!(claim(&db, &agent, 504, 1).await.is_ok(), "an hour later");
    assert!(limit_reached(&claim(&db, &agent, 505, 0).await).is_some(), "0 is none");
}

#[tokio::test(flavor = "multi_thread")]
async fn concurrent_calls_share_the_call_slots_and_get_one_record_each() {
    let test = TestDatabase::create().await;
    let time = HandClock::new();
    let db = test.open_with(8, time.clock()).await;
    let tenant = fixtures::tenant(&db).await;
    test.set_plan(tenant, 3, 5).await;
    let agent = fixtures::agent(&db, tenant).await;
    let number = fixtures::number(&db, &agent, &e164(600)).await;
    let calls: Vec<_> = (0..12).map(|_| fixtures::incoming(&number.number)).collect();
    // Each is announced twice, at once, under ids of its own.
    let announced = calls.iter().chain(&calls).map(|(_, incoming)| {
        let (system, incoming) = (db.system(), incoming.clone());
        tokio::spawn(async move { system.admit_call(CallId(uuid()), &incoming).await.unwrap().unwrap() })
    });
    let routes: Vec<_> = join_all(announced).await.into_iter().map(Result::unwrap).collect();
    for (first, second) in routes.iter().zip(&routes[12..]) {
        assert_eq!((first.call.id, first.has_slot()), (second.call.id, second.has_slot()));
    }
    let admitted: Vec<_> = routes[..12].iter().filter(|route| route.has_slot()).collect();
    assert_eq!(admitted.len(), 3);
    assert_eq!(
        db.read_as(tenant).await.unwrap().active_calls().await.unwrap(),
        3,
        "the others hold no place"
    );

    let (_, late) = fixtures::incoming(&number.number);
    let busy = db.system().admit_call(CallId(uuid()), &late).await.unwrap().unwrap();
    assert!(!busy.has_slot());
    db.system()
        .report_call(&admitted[0].call.sid, fixtures::report(CallStatus::Completed, Some(5)))
        .await
        .unwrap();
    let again = db.system().admit_call(CallId(uuid()), &late).await.unwrap().unwrap();
    assert!(!again.has_slot(), "a decision stands");
    let (id, next) = fixtures::incoming(&number.number);
    assert!(db.system().admit_call(id, &next).await.unwrap().unwrap().has_slot());

    // However long ago they began, only a report ends calls.
    time.advance(TimeDelta::days(4));
    let (id, later) = fixtures::incoming(&number.number);
    assert!(!db.system().admit_call(id, &later).await.unwrap().unwrap().has_slot());
    let (id, unknown) = fixtures::incoming(&e164(601));
    assert!(db.system().admit_call(id, &unknown).await.unwrap().is_none());
    assert_eq!(db.system().ensure_tenant(tenant).await.unwrap().plan, Tenant::DEFAULT_PLAN);
}
