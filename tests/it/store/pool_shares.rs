//! What one tenant, or background work, may hold of the connections to Postgres, so that others find some free.

use std::time::Duration;

use futures_util::future::join_all;
use sqlx::{AssertSqlSafe, Connection, Executor};
use switchboard::domain::{Actor, Author, Clock, DialingChange, Limits, Tenant, TenantId};
use tokio::time::timeout;

use crate::support::database::TestDatabase;
use crate::support::fixtures::{self, e164};
use crate::support::wait_until;

const AT_ONCE: Duration = Duration::from_secs(5);

#[tokio::test]
async fn one_tenant_uses_at_most_half_of_the_connections_for_tenants() {
    let test = TestDatabase::create().await;
    if !test.is_postgres() {
        // SQLite's pool has no shares: its writers take turns.
        return;
    }
    let db = test.open_with(4, Clock::system()).await;
    let (loud, other) = (fixtures::tenant(&db).await, fixtures::tenant(&db).await);
    let mut held = join_all((0..2).map(|_| db.read_as(loud))).await;
    timeout(Duration::from_millis(300), db.read_as(loud))
        .await
        .expect_err("a third connection of one tenant");
    // A write counts like a read, and whoever waits in vain takes nothing away.
    timeout(Duration::from_millis(300), fixtures::write_as(&db, loud))
        .await
        .expect_err("a write beside them");
    let others = join_all((0..2).map(|_| db.read_as(other)));
    for door in timeout(AT_ONCE, others).await.expect("another tenant finds the other half free") {
        door.unwrap();
    }
    held.pop().unwrap().unwrap();
    timeout(AT_ONCE, db.read_as(loud)).await.expect("what a tenant gives back, it may have again").unwrap();
}

#[tokio::test]
async fn a_call_is_admitted_while_background_work_waits_for_the_database() {
    let test = TestDatabase::create().await;
    if !test.is_postgres() {
        return;
    }
    let db = test.open_with(4, Clock::system()).await;
    let locked = fixtures::tenant(&db).await;
    let agent = fixtures::agent(&db, fixtures::tenant(&db).await).await;
    let number = fixtures::number(&db, &agent, &e164(611)).await;
    let mut raw = test.raw().await;
    let mut lock = raw.begin().await.unwrap();
    lock.execute("SET LOCAL ROLE switchboard_system").await.unwrap();
    let TenantId(id) = locked;
    lock.execute(AssertSqlSafe(format!("SELECT 1 FROM tenants WHERE id = '{id}' FOR UPDATE"))).await.unwrap();
    // More of it than the system's pool has connections.
    let background: Vec<_> = (0..4)
        .map(|n| {
            let db = db.clone();
            tokio::spawn(async move {
                let author = Author { actor: Actor::System, request_id: "a test".to_owned() };
                let limits = Limits { concurrent_calls: 1, phone_numbers: 1, ..Tenant::DEFAULT_LIMITS };
                let plan = format!("plan {n}");
                db.system()
                    .set_plan(&author, locked, &plan, limits, None, DialingChange::default())
                    .await
                    .unwrap();
            })
        })
        .collect();
    wait_until("background work waits for the lock", AT_ONCE, async || {
        (db.pools()[1].in_use > 0).then_some(())
    })
    .await;
    for _ in 0..3 {
        let (id, call) = fixtures::incoming(&number.number);
        let admitted = timeout(AT_ONCE, db.for_calls().admit_call(id, &call)).await;
        assert!(admitted.expect("a call waits for background work").unwrap().unwrap().has_slot());
    }
    assert!(background.iter().all(|task| !task.is_finished()), "it still waits");
    lock.rollback().await.unwrap();
    for task in background {
        timeout(AT_ONCE, task).await.expect("it goes on once the lock is gone").unwrap();
    }
}
