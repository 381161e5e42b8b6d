//! One unreadable row does not affect the others of its batch: it is deferred and tried again later.

use std::collections::HashSet;

use chrono::TimeDelta;
use uuid::Uuid;

use crate::support::database::{HandClock, TestDatabase};
use crate::support::fixtures::{self, LEASE, over, uuid};

/// The last of them, as SQL names it on either database.
fn literal(test: &TestDatabase, id: Uuid) -> String {
    if test.is_postgres() { format!("'{id}'") } else { format!("x'{}'", id.simple()) }
}

#[tokio::test]
async fn an_unreadable_row_is_deferred_and_the_others_of_its_batch_run() {
    let test = TestDatabase::create().await;
    let time = HandClock::new();
    let db = test.open_with(4, time.clock()).await;
    let system = db.system();
    let tenant = fixtures::tenant(&db).await;
    let (mut operations, mut agents) = (Vec::new(), Vec::new());
    for _ in 0..3 {
        let agent = fixtures::agent(&db, tenant).await;
        operations.push(fixtures::operation(&db, &agent).await.id);
        agents.push(agent.id);
    }
    let unheard_of = r#"{"code":"UNHEARD_OF","message":""}"#;
    for (at, agent) in agents.iter().enumerate() {
        let agent = literal(&test, agent.0);
        test.execute(&format!("UPDATE agents SET voice_agent_id = 'agent_{at}' WHERE id = {agent}")).await;
    }
    let (bad_operation, bad_agent) = (literal(&test, operations[0].0), literal(&test, agents[0].0));
    test.execute(&format!("UPDATE operations SET error = '{unheard_of}' WHERE id = {bad_operation}")).await;
    test.execute(&format!(
        "UPDATE agents SET sync_error = '{unheard_of}', sync_attempts = 1 WHERE id = {bad_agent}"
    ))
    .await;
    for conversation in ["conv_0", "conv_1", "conv_2"] {
        assert!(system.accept_event(&over(conversation, None, None)).await.unwrap());
    }
    test.execute("UPDATE voice_events SET failed = 'unheard-of' WHERE conversation_id = 'conv_0'").await;

    let claimed = async || {
        let due = system.claim_due(uuid(), LEASE, 10).await.unwrap();
        due.into_iter().map(|claimed| claimed.operation.id).collect::<HashSet<_>>()
    };
    let delivered = async || {
        let due = system.claim_deliveries_due(LEASE, 10).await.unwrap();
        due.into_iter().map(|delivery| delivery.agent.id).collect::<HashSet<_>>()
    };
    let told = async || system.events_due(10).await.unwrap().len();
    assert_eq!(claimed().await, operations[1..].iter().copied().collect());
    assert_eq!(delivered().await, agents[1..].iter().copied().collect());
    assert_eq!((told().await, told().await), (2, 2));
    assert_eq!(
        (claimed().await.len(), delivered().await.len()),
        (0, 0),
        "put aside, not looked at again and again"
    );

    test.execute("UPDATE operations SET error = NULL").await;
    test.execute("UPDATE agents SET sync_error = NULL").await;
    test.execute("UPDATE voice_events SET failed = NULL").await;
    time.advance(TimeDelta::minutes(6));
    assert!(claimed().await.contains(&operations[0]));
    assert!(delivered().await.contains(&agents[0]));
    assert_eq!(told().await, 3);
}

/// SQLite keeps anything in any column.
#[tokio::test]
async fn a_row_with_an_invalid_value_does_not_affect_the_others() {
    let test = TestDatabase::create().await;
    if test.is_postgres() {
        return;
    }
    let time = HandClock::new();
    let db = test.open_with(4, time.clock()).await;
    let system = db.system();
    let tenant = fixtures::tenant(&db).await;
    let (mut agents, mut numbers) = (Vec::new(), Vec::new());
    for nth in 0..3 {
        let agent = fixtures::agent(&db, tenant).await;
        numbers.push(fixtures::number(&db, &agent, &fixtures::e164(101 + nth)).await);
        agents.push(agent);
    }
    let mut operations = Vec::new();
    for agent in &agents {
        operations.push(fixtures::operation(&db, agent).await.id);
        let (voice, conversation) = (format!("agent_{}", agent.id.0), format!("conv_{}", agent.id.0));
        let id = literal(&test, agent.id.0);
        test.execute(&format!("UPDATE agents SET voice_agent_id = '{voice}' WHERE id = {id}")).await;
        assert!(system.accept_event(&over(&conversation, None, None)).await.unwrap());
    }
    let mut sids = Vec::new();
    for number in [&numbers[0], &numbers[1], &numbers[1], &numbers[2]] {
        let (id, call) = fixtures::incoming(&number.number);
        system.admit_call(id, &call).await.unwrap().unwrap();
        sids.push(call.sid);
    }
    let garbage = "x'ff00'";
    let bad = [
        format!("UPDATE operations SET created_at = 'garbage' WHERE id = {}", literal(&test, operations[0].0)),
        format!("UPDATE agents SET created_at = 'garbage' WHERE id = {}", literal(&test, agents[0].id.0)),
        format!("UPDATE voice_events SET duration_seconds = 'garbage' WHERE conversation_id LIKE '%{}'", agents[0].id.0),
        format!("UPDATE phone_numbers SET country = {garbage}, monthly_cost = 'garbage', routing_version = 'garbage'
                 WHERE id = {}", literal(&test, numbers[0].id.0)),
        format!("UPDATE calls SET sid = {garbage} WHERE sid = '{}'", sids[1]),
        format!("UPDATE calls SET conversation_id = 'conv', ended_at = started_at, status = 'completed',
                 conversation_due_at = started_at WHERE sid IN ('{}', '{}')", sids[0], sids[3]),
        format!("UPDATE calls SET conversation_id = {garbage} WHERE sid = '{}'", sids[0]),
    ];
    for sql in &bad {
        test.execute(&format!("PRAGMA ignore_check_constraints = 1; {sql}")).await;
    }
    time.advance(TimeDelta::minutes(1));
    let now = time.clock().now();

    let due = system.claim_due(uuid(), LEASE, 10).await.unwrap();
    let due: HashSet<_> = due.into_iter().map(|claimed| claimed.operation.id).collect();
    assert_eq!(due, operations[1..].iter().copied().collect());
    let due = system.claim_deliveries_due(LEASE, 10).await.unwrap();
    let due: HashSet<_> = due.into_iter().map(|delivery| delivery.agent.id).collect();
    assert_eq!(due, agents[1..].iter().map(|agent| agent.id).collect());
    assert_eq!(system.events_due(10).await.unwrap().len(), 2);
    let missing = system.missing_conversations(now, 10).await.unwrap();
    assert_eq!(missing.len(), 1, "{missing:?}");
    assert_eq!(system.calls_unheard_of(now, 10).await.unwrap(), [sids[2].as_str()]);
    assert_eq!(system.longest_held_slots(tenant, now, 10).await.unwrap(), [sids[2].as_str()]);
    assert_eq!(system.countries_with_numbers().await.unwrap().len(), 1);
    // Each is put aside: the first of a batch of one is a good one.
    assert_eq!(system.claim_due(uuid(), LEASE, 1).await.unwrap().len(), 0);
    assert_eq!(system.missing_conversations(now, 1).await.unwrap(), missing);
    assert_eq!(system.calls_unheard_of(now, 1).await.unwrap(), [sids[2].as_str()]);
    assert_eq!(system.events_due(1).await.unwrap().len(), 1);

    let expected = system.expected_inventory(&[operations[0], operations[1]], &[], now).await.unwrap();
    assert_eq!((expected.numbers.len(), expected.agents.len(), expected.operations.len()), (2, 2, 1));
    let unreadable = expected.unreadable;
    assert!(unreadable.held.contains(numbers[0].number.as_str()));
    assert!(unreadable.held.contains(numbers[0].sid.as_deref().unwrap()));
    assert!(unreadable.operations.contains(&operations[0]));
    assert!(unreadable.operations.contains(&numbers[0].operation_id));
    assert!(unreadable.agents.contains(&agents[0].id));

    // A server that has met none of the numbers so far.
    let fresh = test.open_with(2, time.clock()).await.system();
    let mut reader = fresh.number_reader();
    while !reader.is_complete() {
        reader.read_page().await.unwrap();
    }
    assert_eq!(fresh.cached_numbers(), 3, "it takes calls by what can be read of it");
    let since = now + TimeDelta::days(1);
    assert_eq!(system.forget_calls(since, 10).await.unwrap(), 2, "whatever their columns hold");
}

/// Postgres keeps instants that the program cannot hold, and numbers at their type's end, which cannot grow.
#[tokio::test]
async fn a_value_out_of_range_does_not_affect_the_others() {
    let test = TestDatabase::create().await;
    let time = HandClock::new();
    let db = test.open_with(4, time.clock()).await;
    let system = db.system();
    let tenant = fixtures::tenant(&db).await;
    let (mut agents, mut numbers, mut operations, mut sids) = (vec![], vec![], vec![], vec![]);
    for nth in 0..6 {
        let agent = fixtures::agent(&db, tenant).await;
        let number = fixtures::number(&db, &agent, &fixtures::e164(101 + nth)).await;
        operations.push(fixtures::operation(&db, &agent).await.id);
        let voice = format!("agent_{}", agent.id.0);
        let id = literal(&test, agent.id.0);
        test.execute(&format!("UPDATE agents SET voice_agent_id = '{voice}' WHERE id = {id}")).await;
        assert!(system.accept_event(&over(&format!("conv_{nth}"), None, None)).await.unwrap());
        let (id, call) = fixtures::incoming(&number.number);
        system.admit_call(id, &call).await.unwrap().unwrap();
        sids.push(call.sid);
        agents.push(agent);
        numbers.push(number);
    }
    let instants = if test.is_postgres() {
        ["'-infinity'", "'infinity'", "'294000-01-01'", "'4000-01-01 BC'"]
    } else {
        ["'-infinity'", "9223372036854775807", "'294000-01-01'", "-1e300"]
    };
    for (nth, instant) in instants.iter().enumerate() {
        let [operation, agent, number] =
            [operations[nth].0, agents[nth].id.0, numbers[nth].id.0].map(|id| literal(&test, id));
        let sid = &sids[nth];
        for sql in [
            format!(
                "UPDATE operations SET created_at = {instant}, outcome_unknown_at = {instant} WHERE id = {operation}"
            ),
            format!("UPDATE agents SET created_at = {instant} WHERE id = {agent}"),
            format!("UPDATE phone_numbers SET provisioned_at = {instant} WHERE id = {number}"),
            format!("UPDATE voice_events SET accepted_at = {instant} WHERE conversation_id = 'conv_{nth}'"),
            format!(
                "UPDATE calls SET answer = '{{\"kind\":\"reject\"}}', answer_stage = 'first', answered_at = {instant}
                    WHERE sid = '{sid}'"
            ),
        ] {
            test.execute(&sql).await;
        }
    }
    let [last, last_agent] = [operations[4].0, agents[4].id.0].map(|id| literal(&test, id));
    test.execute(&format!("UPDATE operations SET attempts = 2147483647 WHERE id = {last}")).await;
    test.execute(&format!("UPDATE agents SET sync_attempts = 2147483647 WHERE id = {last_agent}")).await;

    let due = system.claim_due(uuid(), LEASE, 10).await.unwrap();
    let due: HashSet<_> = due.into_iter().map(|claimed| claimed.operation.id).collect();
    assert_eq!(due, operations[4..].iter().copied().collect());
    assert!(system.claim(operations[0], uuid(), LEASE).await.unwrap().is_none());
    let due = system.claim_deliveries_due(LEASE, 10).await.unwrap();
    let due: HashSet<_> = due.into_iter().map(|delivery| delivery.agent.id).collect();
    assert_eq!(due, agents[4..].iter().map(|agent| agent.id).collect());
    assert_eq!(system.events_due(10).await.unwrap().len(), 2);
    let expected = system.expected_inventory(&[], &[], time.clock().now()).await.unwrap();
    assert_eq!((expected.numbers.len(), expected.agents.len()), (2, 2));
    assert_eq!(expected.busy.len(), 2 + numbers.len(), "those that bought the numbers, too");
    // Written in one batch, but for those that cannot be read.
    let told = fixtures::report(switchboard::domain::CallStatus::Completed, Some(7));
    let reported = sids.iter().map(|sid| system.report_call(sid, told));
    let reported = futures_util::future::join_all(reported).await;
    let written: Vec<_> = reported.iter().map(Result::is_ok).collect();
    assert_eq!(written, [false, false, false, false, true, true], "{reported:?}");
    assert!(
        reported[..4]
            .iter()
            .all(|refused| refused.as_ref().is_err_and(switchboard::store::StoreError::is_permanent))
    );
    for sid in &sids[..4] {
        assert!(system.route_by_sid(sid).await.is_err(), "an error, and no panic");
    }

    let told = system.unreadable_rows();
    let has = |table: &str, id: Uuid, column: &str| {
        told.iter()
            .any(|row| row.table == table && row.id == Some(id) && row.column.as_deref() == Some(column))
    };
    for nth in 0..4 {
        assert!(
            has("operations", operations[nth].0, "outcome_unknown_at")
                || has("operations", operations[nth].0, "created_at")
        );
        assert!(has("agents", agents[nth].id.0, "created_at"), "{told:?}");
        assert!(has("phone_numbers", numbers[nth].id.0, "provisioned_at"), "{told:?}");
    }
    assert_eq!(told.iter().filter(|row| row.table == "voice_events").count(), 4);
    // Whose numbers are at their type's end is claimed as often as any other.
    time.advance(TimeDelta::minutes(10));
    let again = system.claim(operations[4], uuid(), LEASE).await.unwrap().unwrap();
    assert_eq!(again.operation.attempts, i32::MAX);
    test.execute(&format!("UPDATE operations SET fencing_token = 9223372036854775807, lease_owner = NULL, lease_until = NULL WHERE id = {last}")).await;
    time.advance(TimeDelta::minutes(10));
    let due = system.claim_due(uuid(), LEASE, 10).await.unwrap();
    assert_eq!(due.len(), 1, "{due:?}");
}
