//! Call groups: which member a call goes to, decided as for real calls.

use std::collections::HashMap;
use std::time::Duration;

use futures_util::StreamExt;
use futures_util::stream;
use switchboard::domain::{
    Agent, AgentId, AgentStatus, CallGroup, CallGroupMember, CallGroupStrategy, CallId, CallStatus,
    IncomingCall, PhoneNumber, Step, TenantId,
};
use switchboard::store::{
    AgentChanges, Assignee, CallGroupChanges, Database, Effect, OperationUpdate, Route, StoreError,
};

use crate::support::database::TestDatabase;
use crate::support::fixtures::{self, e164, uuid};

/// An agent that answers calls.
async fn ready(db: &Database, tenant: TenantId) -> Agent {
    let agent = fixtures::agent(db, tenant).await;
    let claimed = fixtures::claimed(db, &agent).await;
    let voice_agent_id = format!("agent_{}", &uuid().simple().to_string()[..28]);
    let created = Effect::VoiceAgentCreated { agent: agent.id, voice_agent_id, revision: 1 };
    let update = OperationUpdate { effects: vec![created], ..fixtures::update(Step::Done) };
    db.system().record(&claimed.lease, update).await.unwrap();
    agent
}

fn member(agent: &Agent, weight: u16, max_calls: Option<u16>) -> CallGroupMember {
    CallGroupMember { agent_id: agent.id, weight, max_calls }
}

/// A group that answers the calls to a number.
async fn group(
    db: &Database,
    number: &PhoneNumber,
    strategy: CallGroupStrategy,
    members: Vec<CallGroupMember>,
) -> CallGroup {
    let door = fixtures::write_as(db, number.tenant_id).await;
    let group = door.insert_call_group("Front desk".parse().unwrap(), strategy, members).await.unwrap();
    door.assign_number(number.id, Assignee::Group(group.id)).await.unwrap().unwrap();
    door.commit().await.unwrap();
    group
}

fn call(number: &PhoneNumber, nth: usize) -> IncomingCall {
    let (_, call) = fixtures::incoming(&number.number);
    IncomingCall { sid: format!("CA{nth:032x}"), ..call }
}

async fn admit(db: &Database, call: &IncomingCall) -> Route {
    loop {
        match db.system().admit_call(CallId(uuid()), call).await {
            // Many calls at once on a machine that is busy otherwise: nothing was asked of the database.
            Err(StoreError::Busy) => tokio::time::sleep(Duration::from_millis(50)).await,
            admitted => return admitted.unwrap().unwrap(),
        }
    }
}

async fn end(db: &Database, route: &Route) {
    db.system().report_call(&route.call.sid, fixtures::report(CallStatus::Completed, Some(1))).await.unwrap();
}

async fn fill_cache(db: &Database) {
    let mut reader = db.system().number_reader();
    while !reader.is_complete() {
        reader.read_page().await.unwrap();
    }
}

#[tokio::test]
async fn ten_thousand_calls_are_shared_by_weight_with_the_database_and_without() {
    const CALLS: usize = 10_000;
    let test = TestDatabase::create().await;
    let db = test.open().await;
    let tenant = fixtures::tenant(&db).await;
    let owner = fixtures::agent(&db, tenant).await;
    let number = fixtures::number(&db, &owner, &e164(810)).await;
    let (one, three, six) = (ready(&db, tenant).await, ready(&db, tenant).await, ready(&db, tenant).await);
    let members = vec![member(&one, 1, None), member(&three, 3, None), member(&six, 6, None)];
    group(&db, &number, CallGroupStrategy::Weighted, members).await;
    fill_cache(&db).await;

    let statements = db.statements();
    let decided: Vec<(AgentId, AgentId)> = stream::iter(0..CALLS)
        .map(|nth| {
            let (db, call) = (&db, call(&number, nth));
            async move {
                let by_cache = db.system().route_from_memory(CallId(uuid()), &call).unwrap();
                let route = admit(db, &call).await;
                assert_eq!(route.call.agent_id, route.agent.id);
                (route.agent.id, by_cache.agent.id)
            }
        })
        .buffer_unordered(100)
        .collect()
        .await;
    let cost = db.statements() - statements;
    assert!(cost <= CALLS as u64 + 10, "{cost} statements: a call costs one at most");
    let mut shares = HashMap::<AgentId, usize>::new();
    for (agent, by_cache) in &decided {
        assert_eq!(agent, by_cache, "an outage changes no choice");
        *shares.entry(*agent).or_default() += 1;
    }
    // Five standard deviations of the largest share.
    for (agent, expected) in [(&one, 1000), (&three, 3000), (&six, 6000)] {
        assert!(shares[&agent.id].abs_diff(expected) < 250, "{shares:?}");
    }
    // A repeated call is on record with its member.
    let again = admit(&db, &call(&number, 77)).await;
    let by_cache = db.system().route_from_memory(CallId(uuid()), &call(&number, 77)).unwrap();
    assert_eq!((again.agent.id, again.agent.status), (by_cache.agent.id, AgentStatus::Active));

    // A server that starts without the database decides alike.
    let mut saved = Vec::new();
    assert!(db.system().save_numbers(&mut saved).unwrap());
    let other = test.open().await;
    other.system().restore_numbers(saved.as_slice()).unwrap();
    for nth in 0..100 {
        let restored = other.system().route_from_memory(CallId(uuid()), &call(&number, nth)).unwrap();
        let known = db.system().route_from_memory(CallId(uuid()), &call(&number, nth)).unwrap();
        assert_eq!(restored.agent, known.agent);
    }
}

#[tokio::test]
async fn an_overflowing_call_goes_to_the_first_member_with_room() {
    let test = TestDatabase::create().await;
    let db = test.open().await;
    let tenant = fixtures::tenant(&db).await;
    test.set_plan(tenant, 6, 5).await;
    let owner = fixtures::agent(&db, tenant).await;
    let number = fixtures::number(&db, &owner, &e164(811)).await;
    let (first, second) = (ready(&db, tenant).await, ready(&db, tenant).await);
    let members = vec![member(&first, 1, Some(1)), member(&second, 1, Some(2))];
    let group = group(&db, &number, CallGroupStrategy::Overflow, members).await;
    let taken = async |nth| {
        let route = admit(&db, &call(&number, nth)).await;
        (route.agent.id, route.has_slot(), route)
    };
    let mut open = Vec::new();
    for (nth, expected) in [(0, &first), (1, &second), (2, &second)] {
        let (agent, has_slot, route) = taken(nth).await;
        assert_eq!((agent, has_slot), (expected.id, true), "call {nth}");
        open.push(route);
    }
    let (agent, has_slot, waiting) = taken(3).await;
    assert_eq!((agent, has_slot), (first.id, false), "its fallback number rings");
    assert!(
        !db.system().admit_after_all(&waiting.call).await.unwrap(),
        "the plan has room, the member has not"
    );
    // A call that ends makes room at once, and the first member comes first again.
    end(&db, &open[0]).await;
    assert!(db.system().admit_after_all(&waiting.call).await.unwrap());
    end(&db, &open[1]).await;
    let (agent, has_slot, _) = taken(4).await;
    assert_eq!((agent, has_slot), (second.id, true));
    let (again, has_slot, _) = taken(2).await;
    assert_eq!((again, has_slot), (second.id, true), "a repeated call keeps its member");

    // The plan's limit holds for all members together.
    let door = fixtures::write_as(&db, tenant).await;
    let unlimited = vec![member(&first, 1, None)];
    let changes = CallGroupChanges { members: Some(unlimited), ..Default::default() };
    door.update_call_group(group.id, &changes).await.unwrap();
    door.commit().await.unwrap();
    for nth in 10..13 {
        assert!(taken(nth).await.1, "call {nth}");
    }
    let (agent, has_slot, _) = taken(13).await;
    assert_eq!((agent, has_slot), (first.id, false), "six calls are open");
}

#[tokio::test]
async fn no_member_gets_more_calls_than_it_may_have_however_many_come_at_once() {
    let test = TestDatabase::create().await;
    let (db, other) = (test.open().await, test.open().await);
    let tenant = fixtures::tenant(&db).await;
    test.set_plan(tenant, 50, 5).await;
    let owner = fixtures::agent(&db, tenant).await;
    let number = fixtures::number(&db, &owner, &e164(812)).await;
    let mut agents = Vec::new();
    for _ in 0..3 {
        agents.push(ready(&db, tenant).await);
    }
    for strategy in CallGroupStrategy::ALL {
        let members = agents.iter().map(|agent| member(agent, 1, Some(3))).collect();
        group(&db, &number, *strategy, members).await;
        let routes: Vec<Route> = stream::iter(0..30)
            .map(|nth| {
                let (server, (_, call)) =
                    (if nth % 2 == 0 { &db } else { &other }, fixtures::incoming(&number.number));
                async move { admit(server, &call).await }
            })
            .buffer_unordered(30)
            .collect()
            .await;
        for agent in &agents {
            let theirs = routes.iter().filter(|route| route.agent.id == agent.id && route.has_slot());
            assert_eq!(theirs.count(), 3, "{strategy}");
        }
        for route in &routes {
            end(&db, route).await;
        }
    }
}

#[tokio::test]
async fn members_that_are_not_ready_are_passed_over() {
    let test = TestDatabase::create().await;
    let db = test.open().await;
    let tenant = fixtures::tenant(&db).await;
    let owner = fixtures::agent(&db, tenant).await;
    let number = fixtures::number(&db, &owner, &e164(813)).await;
    let (first, second) = (ready(&db, tenant).await, ready(&db, tenant).await);
    let unborn = fixtures::agent(&db, tenant).await;
    let members = vec![member(&unborn, 1000, None), member(&first, 1000, None), member(&second, 1, None)];
    group(&db, &number, CallGroupStrategy::Overflow, members).await;
    fill_cache(&db).await;
    assert_eq!(admit(&db, &call(&number, 1)).await.agent.id, first.id);
    // Another server takes the first out of service: this one learns of it when it admits the next call.
    let other = test.open().await;
    let set = async |agent: &Agent, status| {
        let door = fixtures::write_as(&other, tenant).await;
        let changes = AgentChanges { status: Some(status), ..Default::default() };
        door.update_agent(agent.id, changes).await.unwrap().unwrap();
        door.commit().await.unwrap();
    };
    set(&first, AgentStatus::Inactive).await;
    assert_eq!(admit(&db, &call(&number, 2)).await.agent.id, second.id);
    // Nobody is ready: the first that is left says where the call goes.
    set(&second, AgentStatus::Inactive).await;
    let route = admit(&db, &call(&number, 3)).await;
    assert_eq!(route.agent.id, unborn.id);
    assert!(route.call.decision.group.is_some());
}
