//! Connections that broke, that were left in a transaction, or whose session is read-only: none is used again, none costs a
//! request, and nothing that is written afterwards is lost.

use std::collections::BTreeSet;
use std::time::Duration;

use futures_util::future::join_all;
use sqlx::{AssertSqlSafe, Executor, PgConnection};
use switchboard::domain::{Actor, Author, CallStatus, Clock, DialingChange, Limits, Tenant, TenantId};
use switchboard::store::{Database, DatabaseConfig, StoreError};

use crate::support::database::TestDatabase;
use crate::support::fixtures::{self, LEASE, e164, first, over, report, uuid, write_as};
use crate::support::severable::Severable;
use crate::support::wait_until;

const OTHERS: &str = "FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()";

/// The sessions of servers.
async fn sessions(raw: &mut PgConnection) -> BTreeSet<i32> {
    let pids = sqlx::query_scalar(AssertSqlSafe(format!("SELECT pid {OTHERS}"))).fetch_all(raw).await;
    pids.unwrap().into_iter().collect()
}

/// Ends every session of servers and returns once they are gone.
async fn end_sessions(raw: &mut PgConnection) {
    raw.execute(AssertSqlSafe(format!("SELECT pg_terminate_backend(pid, 5000) {OTHERS}"))).await.unwrap();
}

async fn set_plan(db: &Database, plan: &str) -> Result<(), StoreError> {
    let author = Author { actor: Actor::System, request_id: "a test".to_owned() };
    let limits = Limits { concurrent_calls: 1, phone_numbers: 1, ..Tenant::DEFAULT_LIMITS };
    db.system()
        .set_plan(&author, TenantId(uuid()), plan, limits, None, DialingChange::default())
        .await
        .map(drop)
}

#[tokio::test]
async fn a_session_whose_commit_failed_has_left_its_transaction_or_is_closed_and_what_follows_is_kept() {
    let test = TestDatabase::create().await;
    if !test.is_postgres() {
        // SQLite's is tested beside the pool.
        return;
    }
    let mut raw = test.raw().await;
    raw.execute(
        "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$
         BEGIN IF NEW.plan = 'refused' THEN RAISE EXCEPTION 'refused at COMMIT'; END IF; RETURN NEW; END $$;
         CREATE CONSTRAINT TRIGGER refuse AFTER INSERT ON tenants DEFERRABLE INITIALLY DEFERRED
         FOR EACH ROW EXECUTE FUNCTION refuse()",
    )
    .await
    .unwrap();
    // One connection a pool: whoever comes next gets the one that failed, or a new one.
    let db = test.open_with(1, Clock::system()).await;
    let tenant = fixtures::tenant(&db).await;
    let agent = fixtures::agent(&db, tenant).await;
    for kept in 1..4 {
        let refused = set_plan(&db, "refused").await.unwrap_err();
        assert!(matches!(refused, StoreError::Database(_)), "{refused:?}");
        set_plan(&db, "kept").await.unwrap();
        assert_eq!(test.count("SELECT count(*) FROM tenants WHERE plan = 'kept'").await, kept);
    }

    wait_until("no session is in a transaction", Duration::from_secs(5), async || {
        let idle = format!("SELECT bool_and(state = 'idle') {OTHERS}");
        sqlx::query_scalar::<_, bool>(AssertSqlSafe(idle)).fetch_one(&mut raw).await.unwrap().then_some(())
    })
    .await;

    // Ended between a statement and its COMMIT.
    let door = write_as(&db, tenant).await;
    let changes =
        switchboard::store::AgentChanges { name: Some("Lost".parse().unwrap()), ..Default::default() };
    door.update_agent(agent.id, changes).await.unwrap();
    end_sessions(&mut raw).await;
    let lost = door.commit().await.unwrap_err();
    assert!(matches!(lost, StoreError::Unavailable(_)), "{lost:?}");
    fixtures::agent(&db, tenant).await;
    assert_eq!(test.count("SELECT count(*) FROM agents").await, 2);
    assert_eq!(test.count("SELECT count(*) FROM agents WHERE name = 'Lost'").await, 0);
}

#[tokio::test]
async fn sessions_that_are_read_only_are_replaced_once_one_of_them_refuses_a_write() {
    let test = TestDatabase::create().await;
    if !test.is_postgres() {
        return;
    }
    let mut raw = test.raw().await;
    let name = url::Url::parse(&test.url).unwrap().path().trim_start_matches('/').to_owned();
    let db = test.open_with(4, Clock::system()).await;
    let (tenant, other) = (fixtures::tenant(&db).await, fixtures::tenant(&db).await);
    let agent = fixtures::agent(&db, tenant).await;
    let open_all = async || {
        // Two tenants: one may hold half of the connections.
        let doors = join_all([tenant, other, tenant, other].map(|tenant| db.read_as(tenant))).await;
        let system = db.for_calls();
        let (one, other) = tokio::join!(system.agent(agent.id), system.countries_with_numbers());
        one.unwrap().unwrap();
        other.unwrap();
        drop(doors);
    };
    let write = async || -> Result<(), StoreError> {
        let author = Author { actor: Actor::System, request_id: "a test".to_owned() };
        let door = db.write_by(author, tenant).await?;
        door.update_agent(agent.id, switchboard::store::AgentChanges::default()).await?;
        door.commit().await
    };
    // Each kind of write, and the ping of the one who waits for the database to take writes again.
    for kind in 0..4 {
        raw.execute(AssertSqlSafe(format!("ALTER DATABASE {name} SET default_transaction_read_only = on")))
            .await
            .unwrap();
        end_sessions(&mut raw).await;
        open_all().await;
        raw.execute(AssertSqlSafe(format!("ALTER DATABASE {name} RESET default_transaction_read_only")))
            .await
            .unwrap();
        let refused = match kind {
            0 => set_plan(&db, "refused").await,
            1 => db.system().accept_event(&over("conv_refused", None, None)).await.map(drop),
            2 => db.ping().await,
            _ => db.system().ping().await,
        };
        assert!(matches!(refused, Err(StoreError::Unavailable(_))), "{kind}: {refused:?}");
        for written in join_all((0..8).map(|_| write())).await {
            written.unwrap();
        }
        for planned in join_all((0..4).map(|_| set_plan(&db, "kept"))).await {
            planned.unwrap();
        }
        db.ping().await.unwrap();
        db.system().ping().await.unwrap();
    }
    assert_eq!(test.count("SELECT count(*) FROM tenants WHERE plan = 'kept'").await, 16);
}

#[tokio::test]
async fn a_broken_connection_costs_no_statement_and_none_is_carried_out_twice() {
    let test = TestDatabase::create().await;
    if !test.is_postgres() {
        return;
    }
    let mut line = Severable::before(&test.url).await;
    let config = DatabaseConfig {
        url: line.url.clone().into(),
        listen_url: None,
        max_connections: 4,
        acquire_timeout: Duration::from_secs(10),
    };
    let db = Database::connect(&config, Clock::system()).await.unwrap();
    let system = db.for_calls();
    let (tenant, other) = (fixtures::tenant(&db).await, fixtures::tenant(&db).await);
    let agent = fixtures::agent(&db, tenant).await;
    let number = fixtures::number(&db, &agent, &e164(101)).await;
    let mut raw = test.raw().await;
    let pooled = async || {
        let doors = join_all([tenant, other, tenant, other].map(|tenant| db.read_as(tenant))).await;
        join_all((0..2).map(|_| system.agent(agent.id))).await;
        drop(doors);
    };
    let kinds = 14;
    for round in 0..kinds * 2 {
        pooled().await;
        if round % 2 == 0 {
            end_sessions(&mut raw).await;
        } else {
            // No word from the database: the line is cut.
            line.sever().await;
            wait_until("the sessions have ended", Duration::from_secs(10), async || {
                sessions(&mut raw).await.is_empty().then_some(())
            })
            .await;
            line.restore().await;
        }
        let each = |nth: usize| {
            let (db, system, agent, number) = (&db, &system, &agent, &number);
            async move {
                match round / 2 {
                    0 => system.agent(agent.id).await.map(|found| assert!(found.is_some())),
                    1 => system.accept_event(&over(&format!("conv_{round}_{nth}"), None, None)).await.map(
                        |is_news| {
                            assert!(is_news, "written twice");
                        },
                    ),
                    2 => system.ensure_tenant(TenantId(uuid())).await.map(drop),
                    3 => db.ping().await,
                    4 => system.ping().await,
                    5 => db.migrations().await.map(drop),
                    6 => db.isolation_faults().await.map(drop),
                    7 => system.number(number.id).await.map(drop),
                    8 => system.claim_due(uuid(), LEASE, 1).await.map(drop),
                    9 => {
                        let (id, call) = fixtures::incoming(&number.number);
                        system.admit_call(id, &call).await.map(|route| assert!(route.is_some()))
                    }
                    10 => system.report_call("CA0", report(CallStatus::Completed, None)).await.map(drop),
                    11 => match db.read_as(tenant).await {
                        Ok(door) => door.agents(&Default::default(), first(10)).await.map(drop),
                        Err(error) => Err(error),
                    },
                    12 => set_plan(db, &format!("plan {round} {nth}")).await,
                    _ => system.expected_inventory(&[], &[], Clock::system().now()).await.map(drop),
                }
            }
        };
        for (nth, done) in join_all((0..8).map(each)).await.into_iter().enumerate() {
            done.unwrap_or_else(|error| panic!("{round}, {nth}: {error:?}"));
        }
    }
    assert_eq!(test.count("SELECT count(*) FROM voice_events").await, 16);
    assert_eq!(test.count("SELECT count(*) FROM tenants WHERE plan LIKE 'plan %'").await, 16);
    assert_eq!(test.count("SELECT count(*) FROM calls").await, 16);
}
