//! The audit trail is written with the change it tells of, and never changed after.

use serde_json::json;
use sqlx::{AssertSqlSafe, Connection, Executor, PgConnection, Row, SqliteConnection};
use switchboard::domain::{
    Actor, AgentId, AuditEvent, Author, OperationState, Refusal, RefusalCode, Step, TenantId,
};
use switchboard::store::{AuditEventFilter, Database, OperationUpdate, StoreError};
use uuid::Uuid;

use crate::support::database::TestDatabase;
use crate::support::fixtures::{self, first};

async fn trail(db: &Database, tenant: TenantId) -> Vec<AuditEvent> {
    let page = db
        .read_as(tenant)
        .await
        .unwrap()
        .audit_events(&AuditEventFilter::default(), first(100))
        .await
        .unwrap();
    page.items.into_iter().map(|(_, event)| event).collect()
}

#[tokio::test]
async fn an_event_stands_and_falls_with_its_change_and_is_its_tenants_alone() {
    let test = TestDatabase::create().await;
    let db = test.open().await;
    let (mine, theirs) = (fixtures::tenant(&db).await, fixtures::tenant(&db).await);
    let agent = fixtures::agent(&db, mine).await;
    let request_id = "request-1".to_owned();
    let author = Author { actor: Actor::Operator(Uuid::from_u128(7)), request_id };
    let door = db.write_by(author.clone(), mine).await.unwrap();
    door.audit("updateAgent", agent.id).await.unwrap();
    drop(door);
    assert_eq!(trail(&db, mine).await, vec![], "without a commit");
    let door = db.write_by(author, mine).await.unwrap();
    door.audit("updateAgent", agent.id).await.unwrap();
    door.insert_operation(fixtures::new_operation(agent.id)).await.unwrap();
    door.commit().await.unwrap();

    let claimed = db.system().claim_due(Uuid::from_u128(1), fixtures::LEASE, 1).await.unwrap().remove(0);
    let why = Refusal::new(RefusalCode::CarrierRejected, "the carrier said no");
    let failed = OperationUpdate {
        state: OperationState::Failed,
        error: Some(why),
        ..fixtures::update(Step::ClaimNumber)
    };
    let (operation, lease) = (claimed.operation.id, claimed.lease);
    db.system().record(&lease, failed.clone()).await.unwrap();
    assert!(matches!(db.system().record(&lease, failed).await, Err(StoreError::LeaseLost)));

    let seen = trail(&db, mine).await;
    let told: Vec<_> = seen
        .iter()
        .map(|event| json!([event.actor, event.action, event.subject, event.outcome, event.request_id]))
        .collect();
    let (operator, agent) = (format!("operator:{}", Uuid::from_u128(7)), agent.id.to_string());
    let expected = [
        json!([
            "system",
            "provisionPhoneNumber",
            operation.to_string(),
            "failed: CARRIER_REJECTED",
            "request-1"
        ]),
        json!([operator, "provisionPhoneNumber", agent, "accepted", "request-1"]),
        json!([operator, "updateAgent", agent, "succeeded", "request-1"]),
    ];
    assert_eq!(told, expected);
    let ids: Vec<_> = seen.iter().map(|event| event.id).collect();
    let door = db.read_as(theirs).await.unwrap();
    assert_eq!(door.audit_events_by_id(&ids).await.unwrap(), vec![]);
    assert_eq!(
        (door.count_audit_events(&AuditEventFilter::default()).await.unwrap(), trail(&db, theirs).await),
        (0, vec![])
    );
    assert!(door.audit("updateAgent", AgentId(Uuid::nil())).await.is_err(), "a reading door");
}

/// Each way to change what happened, with the place where it is refused.
const FORGERIES: [&str; 3] = [
    "UPDATE audit_events SET actor = 'nobody'",
    "UPDATE audit_events SET at = at WHERE outcome = 'succeeded'",
    "DELETE FROM audit_events",
];

#[tokio::test]
async fn nobody_changes_or_deletes_what_happened() {
    let test = TestDatabase::create().await;
    let db = test.open().await;
    let (mine, theirs) = (fixtures::tenant(&db).await, fixtures::tenant(&db).await);
    for tenant in [mine, theirs] {
        let door = fixtures::write_as(&db, tenant).await;
        door.audit("updateAgent", AgentId(Uuid::nil())).await.unwrap();
        door.commit().await.unwrap();
    }
    let before = (trail(&db, mine).await, trail(&db, theirs).await);
    assert_eq!((before.0.len(), before.1.len()), (1, 1));
    if test.is_postgres() {
        refused_to_every_role(&mut test.raw().await, mine, theirs).await;
    } else {
        let mut connection = SqliteConnection::connect(&test.url).await.unwrap();
        let replaced = "INSERT OR REPLACE INTO audit_events SELECT id, tenant_id, 'nobody', action, subject, outcome, \
                        request_id, at FROM audit_events";
        for sql in FORGERIES.into_iter().chain([replaced]) {
            let refused = connection.execute(AssertSqlSafe(sql)).await.unwrap_err().to_string();
            assert!(refused.contains("append-only"), "{sql}: {refused}");
        }
    }
    assert_eq!((trail(&db, mine).await, trail(&db, theirs).await), before);
}

/// As the login role, which owns the table, and through both doors.
async fn refused_to_every_role(connection: &mut PgConnection, mine: TenantId, theirs: TenantId) {
    let claims = format!("{{\"sub\":\"{}\"}}", mine.0);
    for (role, claims, sees) in
        [("none", "", 0), ("switchboard_tenant", claims.as_str(), 1), ("switchboard_system", "", 2)]
    {
        let become_role = format!(
            "SELECT set_config('role', '{role}', false), set_config('request.jwt.claims', '{claims}', false)"
        );
        connection.execute(AssertSqlSafe(become_role)).await.unwrap();
        let seen: i64 = connection.fetch_one("SELECT count(*) FROM audit_events").await.unwrap().get(0);
        assert_eq!(seen, sees, "{role}");
        for sql in FORGERIES.into_iter().chain(["TRUNCATE audit_events"]) {
            let refused = connection.execute(AssertSqlSafe(sql)).await.unwrap_err().to_string();
            let why = ["append-only", "permission denied"];
            assert!(why.iter().any(|why| refused.contains(why)), "{role}: {sql}: {refused}");
        }
        let insert = |tenant: TenantId| {
            format!(
                "INSERT INTO audit_events VALUES (gen_random_uuid(), '{}', 'a', 'b', NULL, 'c', 'd', now())",
                tenant.0
            )
        };
        if role != "switchboard_system" {
            assert!(
                connection.execute(AssertSqlSafe(insert(theirs))).await.is_err(),
                "{role}: another's trail"
            );
        }
    }
    connection.execute("RESET role").await.unwrap();
}
