//! What is written reads back, and the database refuses what must not be.

use chrono::TimeDelta;
use sqlx::{AssertSqlSafe, Connection, SqliteConnection};
use switchboard::domain::{
    AgentStatus, AgentToken, AnsweringAgent, CallOutcome, CallStatus, Clock, Entropy, IdempotencyKey,
    NumberStatus, OperationKind, RefusalCode, TenantId,
};
use switchboard::store::{
    AgentChanges, AgentFilter, CallFilter, Change, Database, DatabaseConfig, Inserted, NewOperation,
    NumberFilter, StoreError, Topic,
};

use crate::support::database::TestDatabase;
use crate::support::fixtures::{self, e164, first, uuid};

#[tokio::test]
async fn migrating_twice_changes_nothing() {
    let test = TestDatabase::create_empty().await;
    let db = test.open_with(1, Clock::system()).await;
    let waiting = db.migrations().await.unwrap().pending;
    assert_eq!(db.migrate().await.unwrap(), waiting);
    assert!(waiting.len() >= 11, "those of 0.1.0: {waiting:?}");
    assert!(db.migrations().await.unwrap().pending.is_empty());
    assert!(db.migrate().await.unwrap().is_empty());
    assert_eq!(db.isolation_faults().await.unwrap(), Vec::<String>::new());
    db.ping().await.unwrap();
}

#[tokio::test]
async fn a_database_that_does_not_answer_is_unavailable_within_the_time_allowed() {
    for url in ["postgresql://nobody@127.0.0.1:1/none", "sqlite:///nowhere/at/all.db"] {
        let config = DatabaseConfig {
            url: url.into(),
            listen_url: None,
            max_connections: 1,
            acquire_timeout: std::time::Duration::from_millis(200),
        };
        let begun = std::time::Instant::now();
        let refused = Database::connect(&config, Clock::system()).await;
        assert!(matches!(refused, Err(StoreError::Unavailable(_))), "{url}: {refused:?}");
        assert!(begun.elapsed().as_secs() < 5, "{url}");
    }
}

#[tokio::test]
async fn an_agent_reads_back_with_changes_and_is_found_by_its_newest_token_only() {
    let test = TestDatabase::create().await;
    let db = test.open().await;
    let tenant = fixtures::tenant(&db).await;
    let token = AgentToken::generate(&Entropy::system());
    let mut agent = fixtures::new_agent(tenant, &token);
    agent.prompt = Some("Be brief.".parse().unwrap());
    agent.fallback_number = Some(e164(100));
    let door = fixtures::write_as(&db, tenant).await;
    door.insert_agent(&agent, &token).await.unwrap();
    assert_eq!(door.agent(agent.id).await.unwrap().as_ref(), Some(&agent));
    door.commit().await.unwrap();
    assert_eq!(db.system().agent_by_token(&token).await.unwrap().as_ref(), Some(&agent));

    let door = fixtures::write_as(&db, tenant).await;
    let same = AgentChanges { name: Some(agent.name.clone()), ..Default::default() };
    assert_eq!(door.update_agent(agent.id, same).await.unwrap().as_ref(), Some(&agent), "nothing to change");
    let untold = AgentChanges { fallback_number: Some(None), ..Default::default() };
    let after = door.update_agent(agent.id, untold).await.unwrap().unwrap();
    assert_eq!((after.fallback_number, after.revision), (None, 1), "the provider need not know");
    let told = AgentChanges { prompt: Some(None), status: Some(AgentStatus::Inactive), ..Default::default() };
    let after = door.update_agent(agent.id, told).await.unwrap().unwrap();
    assert_eq!((after.prompt, after.revision, after.status), (None, 2, AgentStatus::Inactive));
    let second = AgentToken::generate(&Entropy::system());
    door.set_agent_token(agent.id, &second).await.unwrap().unwrap();
    door.commit().await.unwrap();

    assert_eq!(db.system().agent_by_token(&token).await.unwrap(), None);
    assert_eq!(db.system().agent_by_token(&second).await.unwrap().unwrap().id, agent.id);
}

#[tokio::test]
async fn a_search_takes_wildcards_as_they_are_written() {
    let test = TestDatabase::create().await;
    let db = test.open().await;
    let tenant = fixtures::tenant(&db).await;
    let door = fixtures::write_as(&db, tenant).await;
    for name in ["100% Dental", "100 Dental", "a_b", "aXb", "back\\slash"] {
        let token = AgentToken::generate(&Entropy::system());
        let agent = fixtures::new_agent(tenant, &token);
        door.insert_agent(&switchboard::domain::Agent { name: name.parse().unwrap(), ..agent }, &token)
            .await
            .unwrap();
    }
    for (text, found) in [("dental", 2), ("0% D", 1), ("a_b", 1), ("\\", 1), ("", 5), ("'", 0)] {
        let filter = AgentFilter { name_contains: Some(text.to_owned()), ..Default::default() };
        assert_eq!(door.count_agents(&filter).await.unwrap(), found, "{text}");
        assert_eq!(door.agents(&filter, first(10)).await.unwrap().items.len() as i64, found, "{text}");
    }
}

#[tokio::test]
async fn a_number_lives_from_claim_to_release_and_may_be_held_again() {
    let test = TestDatabase::create().await;
    let db = test.open().await;
    let tenant = fixtures::tenant(&db).await;
    let agent = fixtures::agent(&db, tenant).await;
    let number = fixtures::number(&db, &agent, &e164(101)).await;
    assert_eq!(number.status, NumberStatus::Active);
    assert_eq!(number.monthly_cost.to_string(), "1.15");
    let long_ago = number.created_at - TimeDelta::days(90);
    let barred =
        async |tenant| db.system().barred_among(&[e164(101), e164(102)], tenant, long_ago).await.unwrap();
    assert_eq!(barred(tenant).await, [e164(101)]);
    assert_eq!(db.system().numbers_of(agent.id).await.unwrap(), vec![number.clone()]);

    let door = fixtures::write_as(&db, tenant).await;
    assert_eq!(door.first_numbers(&[agent.id]).await.unwrap()[&agent.id], number);
    assert_eq!(door.begin_release(number.id).await.unwrap().unwrap().status, NumberStatus::Releasing);
    assert_eq!(door.begin_release(number.id).await.unwrap(), None, "once");
    door.commit().await.unwrap();

    let claimed = fixtures::claimed(&db, &agent).await;
    let released = switchboard::store::Effect::NumberReleased { number: number.id };
    let update = switchboard::store::OperationUpdate {
        effects: vec![released],
        number_id: Some(number.id),
        ..fixtures::update(switchboard::domain::Step::Done)
    };
    db.system().record(&claimed.lease, update).await.unwrap();
    let stranger = fixtures::tenant(&db).await;
    assert_eq!(barred(tenant).await, [], "it may have its own number back");
    assert_eq!(barred(stranger).await, [e164(101)], "patients still dial it");
    let again = fixtures::number(&db, &agent, &e164(101)).await;
    let door = db.read_as(tenant).await.unwrap();
    assert_eq!(
        door.number_by_e164(&e164(101)).await.unwrap().unwrap().id,
        again.id,
        "the one held, not the history"
    );
    assert_eq!(door.count_numbers(&NumberFilter::default()).await.unwrap(), 1);
    let all = door.numbers_by_id(&[number.id, again.id]).await.unwrap();
    assert_eq!(all.iter().filter(|n| n.released_at.is_some()).count(), 1);
}

#[tokio::test]
async fn a_request_repeated_with_its_key_is_the_same_operation() {
    let test = TestDatabase::create().await;
    let db = test.open().await;
    let (tenant, other) = (fixtures::tenant(&db).await, fixtures::tenant(&db).await);
    let agent = fixtures::agent(&db, tenant).await;
    let key: IdempotencyKey = "order-1".parse().unwrap();
    let with_key = |hash: &str| NewOperation {
        idempotency: Some((key.clone(), hash.to_owned())),
        ..fixtures::new_operation(agent.id)
    };
    let door = fixtures::write_as(&db, tenant).await;
    let Inserted::New(operation) = door.insert_operation(with_key("aa")).await.unwrap() else { panic!() };
    door.commit().await.unwrap();

    let door = fixtures::write_as(&db, tenant).await;
    let Inserted::Repeated(same) = door.insert_operation(with_key("aa")).await.unwrap() else { panic!() };
    assert_eq!(same, operation);
    let reused = [
        door.insert_operation(with_key("bb")).await.map(drop),
        door.repeated_operation(OperationKind::CreateAgent, &key, "aa").await.map(drop),
    ];
    for refused in reused {
        let Err(StoreError::Refused(refusal)) = refused else { panic!("{refused:?}") };
        assert_eq!(refusal.code, RefusalCode::IdempotencyKeyReused);
    }
    assert_eq!(door.unfinished_operations(agent.id).await.unwrap(), [operation]);
    drop(door);

    let others_agent = fixtures::agent(&db, other).await;
    let door = fixtures::write_as(&db, other).await;
    let of_other = NewOperation { agent_id: Some(others_agent.id), ..with_key("aa") };
    assert!(
        matches!(door.insert_operation(of_other).await.unwrap(), Inserted::New(_)),
        "a key is its tenant's own"
    );
}

#[tokio::test]
async fn a_call_moves_forward_only_and_its_watchers_are_notified() {
    let test = TestDatabase::create().await;
    let db = test.open().await;
    let tenant = fixtures::tenant(&db).await;
    let agent = fixtures::agent(&db, tenant).await;
    fixtures::number(&db, &agent, &e164(103)).await;
    let mut changes = db.watch(Topic::All);
    let system = db.system();
    let (id, incoming) = fixtures::incoming(&e164(103));
    let route = system.admit_call(id, &incoming).await.unwrap().unwrap();
    assert!(route.has_slot() && route.agent == AnsweringAgent::from(&agent) && route.answered.is_none());
    let call = Change::Call { tenant, id, agent: agent.id };
    assert_eq!(changes.recv().await.unwrap(), call);

    let decision = route.call.decision.then(&switchboard::domain::Cause::Agent.into());
    let (sid, answer) = (incoming.sid.as_str(), "<Response/>");
    let at = route.call.started_at;
    system
        .record_answer(fixtures::answer((sid, CallOutcome::Agent), &decision, Some("conv_1"), answer, at))
        .await
        .unwrap();
    let again = system.admit_call(switchboard::domain::CallId(uuid()), &incoming).await.unwrap().unwrap();
    let answered = again.answered.map(|given| given.answer);
    assert_eq!((again.call.id, answered), (id, Some(fixtures::connect(Some("conv_1"), "<Response/>"))));
    for (reported, duration, then) in [
        (CallStatus::InProgress, None, CallStatus::InProgress),
        (CallStatus::Ringing, None, CallStatus::InProgress),
        (CallStatus::Completed, Some(61), CallStatus::Completed),
        (CallStatus::Failed, Some(5), CallStatus::Completed),
    ] {
        let call =
            system.report_call(&incoming.sid, fixtures::report(reported, duration)).await.unwrap().unwrap();
        assert_eq!(call.status, then, "after {reported}");
    }
    let call = system.report_conversation(&fixtures::over("conv_1", None, Some(7))).await.unwrap().unwrap();
    assert_eq!(call.lasted_seconds(), Some(61), "the carrier's count stands");
    assert_eq!(call.decision, decision);
    let found = system.route_by_sid(&incoming.sid).await.unwrap().unwrap();
    assert_eq!((found.call, found.agent), (call.clone(), AnsweringAgent::from(&agent)));
    assert!(call.ended_at.is_some());
    for unknown in [
        system.report_call("CA0", fixtures::report(CallStatus::Busy, None)).await,
        system.report_conversation(&fixtures::over("conv_0", Some("CA0"), None)).await,
    ] {
        assert_eq!(unknown.unwrap(), None);
    }

    let door = db.read_as(tenant).await.unwrap();
    let now = Clock::system().now();
    let day = call.started_at.date_naive();
    let usage = door.usage(day..day.succ_opt().unwrap()).await.unwrap();
    assert_eq!(usage.iter().map(|used| (used.calls, used.minutes)).collect::<Vec<_>>(), [(1, 2)]);
    let before = door.usage(day.pred_opt().unwrap()..day).await.unwrap();
    assert_eq!(before, []);
    let filter = CallFilter { agent: Some(call.agent_id), started_before: Some(now), ..Default::default() };
    assert_eq!(door.count_calls(&filter).await.unwrap(), 1);
    assert_eq!(door.active_calls().await.unwrap(), 0);
}

/// Runs SQL past every door: on Postgres as the system's role, since the login role may touch nothing.
async fn refused_by_database(test: &TestDatabase, sql: &str) -> bool {
    if test.is_postgres() {
        let mut connection = test.raw().await;
        sqlx::query("SET ROLE switchboard_system").execute(&mut connection).await.unwrap();
        return refused(sqlx::query(AssertSqlSafe(sql)).execute(&mut connection).await.map(drop));
    }
    let mut connection = SqliteConnection::connect(&test.url).await.unwrap();
    refused(sqlx::query(AssertSqlSafe(sql)).execute(&mut connection).await.map(drop))
}

fn refused(result: Result<(), sqlx::Error>) -> bool {
    match result {
        Ok(()) => false,
        Err(sqlx::Error::Database(e)) => {
            let constraint =
                e.is_check_violation() || e.is_unique_violation() || e.is_foreign_key_violation();
            assert!(constraint, "{e}");
            true
        }
        Err(e) => panic!("{e}"),
    }
}

#[tokio::test]
async fn the_database_itself_refuses_impossible_rows() {
    let test = TestDatabase::create().await;
    let db = test.open().await;
    let (tenant, other) = (fixtures::tenant(&db).await, fixtures::tenant(&db).await);
    let agent = fixtures::agent(&db, tenant).await;
    let others_agent = fixtures::agent(&db, other).await;
    fixtures::number(&db, &agent, &e164(104)).await;
    fixtures::number(&db, &agent, &e164(105)).await;
    fixtures::operation(&db, &agent).await;
    let id = |TenantId(id): TenantId| {
        if test.is_postgres() { format!("'{id}'") } else { format!("X'{}'", id.simple()) }
    };
    let (tenant, other, others_agent) = (id(tenant), id(other), id(TenantId(others_agent.id.0)));
    for sql in [
        "UPDATE phone_numbers SET number = '2125550104' WHERE number = '+12125550104'".to_owned(),
        "UPDATE phone_numbers SET number = '+0125550104' WHERE number = '+12125550104'".to_owned(),
        "UPDATE phone_numbers SET number = '+1212555010x' WHERE number = '+12125550104'".to_owned(),
        "UPDATE phone_numbers SET number = '+12125550105' WHERE number = '+12125550104'".to_owned(),
        "UPDATE phone_numbers SET status = 'sold'".to_owned(),
        "UPDATE phone_numbers SET status = 'released'".to_owned(),
        "UPDATE phone_numbers SET monthly_cost = -1".to_owned(),
        format!("UPDATE phone_numbers SET agent_id = {others_agent}"),
        format!("UPDATE phone_numbers SET tenant_id = {other}"),
        format!("UPDATE operations SET agent_id = {others_agent}"),
        "UPDATE operations SET state = 'lost'".to_owned(),
        "UPDATE operations SET attempts = -1".to_owned(),
        "UPDATE operations SET state = 'pending', finished_at = NULL, lease_until = created_at".to_owned(),
        "UPDATE agents SET fallback_number = '911'".to_owned(),
        "UPDATE agents SET voice_agent_id = 'one'".to_owned(),
        "UPDATE agents SET status = 'retired'".to_owned(),
        format!("UPDATE tenants SET concurrent_calls = -1 WHERE id = {tenant}"),
    ] {
        assert!(refused_by_database(&test, &sql).await, "{sql}");
    }
    assert!(!refused_by_database(&test, "UPDATE agents SET fallback_number = '+12125550199'").await);
}
