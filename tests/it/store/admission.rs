//! Admission of a call costs one statement, and checks the rules in force when it is written.

use futures_util::future::join_all;
use switchboard::domain::{
    ActionDraft, AnsweringAgent, CallId, CallStatus, Clock, ConditionDraft, IncomingCall, Limits,
    PhoneNumber, RoutingActionKind, RoutingRules, RuleDraft, Step, Tenant,
};
use switchboard::store::{CallSlot, Database, Effect, OperationUpdate, Route};

use crate::support::database::TestDatabase;
use crate::support::fixtures::{self, e164, uuid};

/// Rejects callers whose numbers begin so, and gives the change's version.
async fn block(db: &Database, number: &PhoneNumber, callers: &[&str]) -> i32 {
    let block = |(at, caller): (usize, &&str)| RuleDraft {
        name: format!("Block {at}"),
        condition: ConditionDraft { callers: Some(vec![(*caller).to_owned()]), ..Default::default() },
        action: ActionDraft {
            kind: RoutingActionKind::Reject,
            forward_to: None,
            ring_seconds: None,
            message: None,
        },
    };
    let rules = RoutingRules::check(callers.iter().enumerate().map(block).collect(), &number.number).unwrap();
    let door = fixtures::write_as(db, number.tenant_id).await;
    let changed = door.set_routing_rules(number.id, &rules).await.unwrap().unwrap();
    door.commit().await.unwrap();
    changed.routing_version
}

fn call_from(caller: &str, number: &PhoneNumber) -> IncomingCall {
    let (_, call) = fixtures::incoming(&number.number);
    IncomingCall { from: caller.to_owned(), ..call }
}

/// Where it goes, and what that cost.
async fn admit(db: &Database, call: &IncomingCall) -> (Route, u64) {
    let before = db.statements();
    let route = db.system().admit_call(CallId(uuid()), call).await.unwrap().unwrap();
    (route, db.statements() - before)
}

#[tokio::test]
async fn a_call_costs_one_statement_and_three_more_when_its_rules_have_changed() {
    let test = TestDatabase::create().await;
    let (db, other) = (test.open().await, test.open().await);
    let tenant = fixtures::tenant(&db).await;
    let agent = fixtures::agent(&db, tenant).await;
    let number = fixtures::number(&db, &agent, &e164(610)).await;
    let caller = "+13105550199";
    let is_rejected = |route: &Route| !route.has_slot() && route.call.decision.rule.is_some();

    let first = call_from(caller, &number);
    let (admitted, cost) = admit(&db, &first).await;
    assert!(admitted.has_slot() && admitted.agent == AnsweringAgent::from(&agent));
    assert_eq!((cost, admitted.call.decision.rule.clone()), (2, None), "read into the cache, and admitted");

    assert_eq!(block(&other, &number, &["+1310"]).await, 1);
    let (rejected, cost) = admit(&db, &call_from(caller, &number)).await;
    assert!(is_rejected(&rejected), "another server changed the rules: {rejected:?}");
    assert_eq!(cost, 4, "turned away, not on record, read again, and admitted");
    let (rejected, cost) = admit(&db, &call_from(caller, &number)).await;
    assert!(is_rejected(&rejected));
    assert_eq!(cost, 1);

    for server in [&db, &other] {
        let (again, _) = admit(server, &first).await;
        assert_eq!((&again.call, again.has_slot()), (&admitted.call, true), "it was decided already");
    }
    assert_eq!(block(&other, &number, &[]).await, 2);
    let (admitted, cost) = admit(&db, &call_from(caller, &number)).await;
    assert!(admitted.has_slot() && cost == 4, "{cost}");
    assert_eq!(db.read_as(tenant).await.unwrap().active_calls().await.unwrap(), 2);
    let nobodys = IncomingCall { to: e164(611), ..call_from(caller, &number) };
    assert!(db.system().admit_call(CallId(uuid()), &nobodys).await.unwrap().is_none());
}

/// The rule stands in the domain and, since calls are counted where they are written, in the statements of either database.
#[tokio::test]
async fn a_call_gets_a_slot_exactly_when_the_domain_says_that_one_is_free() {
    let test = TestDatabase::create().await;
    let db = test.open().await;
    let tenant = fixtures::tenant(&db).await;
    let number = fixtures::number(&db, &fixtures::agent(&db, tenant).await, &e164(650)).await;
    let system = db.system();
    let held = async || db.read_as(tenant).await.unwrap().active_calls().await.unwrap();
    let mut under_way: Vec<Route> = Vec::new();
    for concurrent_calls in [0, 1, 3, 2, 4] {
        test.set_plan(tenant, concurrent_calls.into(), 5).await;
        let limits = Limits { concurrent_calls, phone_numbers: 5, ..Tenant::DEFAULT_LIMITS };
        for refused in under_way.iter_mut().filter(|route| !route.has_slot()) {
            let is_free = limits.has_free_call_slot(held().await);
            assert_eq!(system.admit_after_all(&refused.call).await.unwrap(), is_free);
            refused.slot = if is_free { CallSlot::Held } else { CallSlot::None };
        }
        for _ in 0..3 {
            let is_free = limits.has_free_call_slot(held().await);
            let (route, _) = admit(&db, &call_from("+13105550199", &number)).await;
            assert_eq!(route.has_slot(), is_free, "{concurrent_calls} allowed, {} held", held().await);
            under_way.push(route);
        }
    }
    assert_eq!(held().await, 4);
    // Only what ends a call frees its slot.
    test.set_plan(tenant, 100, 5).await;
    for status in CallStatus::ALL {
        let (route, _) = admit(&db, &call_from("+13105550199", &number)).await;
        let before = held().await;
        system.report_call(&route.call.sid, fixtures::report(*status, Some(1))).await.unwrap();
        assert_eq!(held().await < before, status.is_final(), "{status}");
        test.set_plan(tenant, i32::try_from(before).unwrap(), 5).await;
        let (next, _) = admit(&db, &call_from("+13105550199", &number)).await;
        assert_eq!(next.has_slot(), status.is_final(), "{status}");
        test.set_plan(tenant, 100, 5).await;
    }
}

#[tokio::test]
async fn a_number_that_has_changed_hands_knows_nothing_of_its_former_rules() {
    let test = TestDatabase::create().await;
    let db = test.open().await;
    let former = fixtures::agent(&db, fixtures::tenant(&db).await).await;
    let number = fixtures::number(&db, &former, &e164(630)).await;
    block(&db, &number, &["+1310"]).await;
    let call = call_from("+13105550199", &number);
    let (rejected, _) = admit(&db, &call).await;
    assert!(rejected.call.decision.rule.is_some());

    let lease = fixtures::claimed(&db, &former).await.lease;
    let effects = vec![Effect::NumberReleased { number: number.id }];
    let update = OperationUpdate { effects, number_id: Some(number.id), ..fixtures::update(Step::Done) };
    db.system().record(&lease, update).await.unwrap();
    let (again, _) = admit(&db, &call).await;
    assert_eq!(
        (again.call, again.agent),
        (rejected.call, AnsweringAgent::from(&former)),
        "it was decided before the release"
    );
    assert!(
        db.system().admit_call(CallId(uuid()), &call_from("+13105550199", &number)).await.unwrap().is_none()
    );

    let next = fixtures::agent(&db, fixtures::tenant(&db).await).await;
    let same = fixtures::number(&db, &next, &number.number).await;
    let (admitted, _) = admit(&db, &call_from("+13105550199", &same)).await;
    assert!(admitted.has_slot() && admitted.call.decision.rule.is_none());
    assert_eq!((admitted.call.tenant_id, admitted.agent), (next.tenant_id, AnsweringAgent::from(&next)));
}

#[tokio::test(flavor = "multi_thread")]
async fn blocked_calls_take_no_call_slot() {
    let test = TestDatabase::create().await;
    let db = test.open_with(8, Clock::system()).await;
    let tenant = fixtures::tenant(&db).await;
    test.set_plan(tenant, 4, 5).await;
    let agent = fixtures::agent(&db, tenant).await;
    let number = fixtures::number(&db, &agent, &e164(620)).await;
    block(&db, &number, &["+1900"]).await;
    let calls = (0..24).map(|n| {
        let caller = if n % 2 == 0 { "+19005550199" } else { "+13105550199" };
        (n % 2 == 0, call_from(caller, &number))
    });
    let servers = [db.clone(), test.open_with(8, Clock::system()).await];
    let at_once = calls.enumerate().map(|(n, (is_blocked, call))| {
        let db = servers[n / 12].clone();
        tokio::spawn(async move { (is_blocked, admit(&db, &call).await.0) })
    });
    let routes: Vec<_> = join_all(at_once).await.into_iter().map(Result::unwrap).collect();
    for (is_blocked, route) in &routes {
        assert_eq!(route.call.decision.rule.is_some(), *is_blocked);
        assert!(!(*is_blocked && (route.has_slot() || route.is_busy())));
    }
    assert_eq!(routes.iter().filter(|(_, route)| route.has_slot()).count(), 4);
    assert_eq!(routes.iter().filter(|(_, route)| route.is_busy()).count(), 8);
    assert_eq!(db.read_as(tenant).await.unwrap().active_calls().await.unwrap(), 4);
}
