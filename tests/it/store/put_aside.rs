//! One row that cannot be read costs the others of its batch nothing: it is put aside, and comes up again later.

use std::collections::HashSet;

use chrono::TimeDelta;
use uuid::Uuid;

use super::fixtures::{self, LEASE, over, uuid};
use super::number_cache::run;
use crate::support::database::{HandClock, TestDatabase};

/// The last of them, as SQL names it on either database.
fn literal(test: &TestDatabase, id: Uuid) -> String {
    if test.is_postgres() { format!("'{id}'") } else { format!("x'{}'", id.simple()) }
}

#[tokio::test]
async fn an_unreadable_row_is_put_aside_and_the_others_of_its_batch_run() {
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
        run(&test, &format!("UPDATE agents SET voice_agent_id = 'agent_{at}' WHERE id = {agent}")).await;
    }
    let (bad_operation, bad_agent) = (literal(&test, operations[0].0), literal(&test, agents[0].0));
    run(&test, &format!("UPDATE operations SET error = '{unheard_of}' WHERE id = {bad_operation}")).await;
    run(
        &test,
        &format!("UPDATE agents SET sync_error = '{unheard_of}', sync_attempts = 1 WHERE id = {bad_agent}"),
    )
    .await;
    for conversation in ["conv_0", "conv_1", "conv_2"] {
        assert!(system.accept_event(&over(conversation, None, None)).await.unwrap());
    }
    run(&test, "UPDATE voice_events SET failed = 'unheard-of' WHERE conversation_id = 'conv_0'").await;

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

    run(&test, "UPDATE operations SET error = NULL").await;
    run(&test, "UPDATE agents SET sync_error = NULL").await;
    run(&test, "UPDATE voice_events SET failed = NULL").await;
    time.advance(TimeDelta::minutes(6));
    assert!(claimed().await.contains(&operations[0]));
    assert!(delivered().await.contains(&agents[0]));
    assert_eq!(told().await, 3);
}
