//! Connections to Postgres that stay open while nothing answers: nobody waits for one for good, and none is used again.

use std::time::{Duration, Instant};

use futures_util::future::join_all;
use switchboard::domain::{CallStatus, Clock};
use switchboard::store::{AgentChanges, Database, DatabaseConfig, StoreError};
use tokio::time::timeout;

use crate::support::database::TestDatabase;
use crate::support::fixtures::{self, LEASE, e164, first, over, report, uuid, write_as};
use crate::support::severable::Severable;

/// Two seconds until there are doubts, three until they are settled, and what a busy machine takes.
const LONGEST: Duration = Duration::from_secs(8);

async fn open(url: &str) -> Database {
    let config = DatabaseConfig {
        url: url.to_owned().into(),
        listen_url: None,
        max_connections: 4,
        acquire_timeout: Duration::from_secs(3),
    };
    Database::connect(&config, Clock::system()).await.unwrap()
}

#[tokio::test]
async fn a_silent_connection_costs_no_statement_and_is_replaced_in_the_pool() {
    let test = TestDatabase::create().await;
    if !test.is_postgres() {
        return;
    }
    let mut line = Severable::before(&test.server_url()).await;
    let db = open(&line.url).await;
    let system = db.for_calls();
    let (tenant, other) = (fixtures::tenant(&db).await, fixtures::tenant(&db).await);
    let agent = fixtures::agent(&db, tenant).await;
    let number = fixtures::number(&db, &agent, &e164(101)).await;
    let all_at_once = async || {
        // Two tenants: one may hold half of the connections.
        let doors = join_all([tenant, other, tenant, other].map(|tenant| db.read_as(tenant))).await;
        for door in &doors {
            door.as_ref().unwrap().agents(&Default::default(), first(1)).await.unwrap();
        }
        join_all((0..2).map(|_| system.agent(agent.id))).await;
    };
    for kind in 0..7 {
        all_at_once().await;
        line.silence();
        line.restore().await;
        let each = |nth: usize| {
            let (db, system, agent, number) = (&db, &system, &agent, &number);
            async move {
                match kind {
                    0 => system.agent(agent.id).await.map(drop),
                    1 => system.accept_event(&over(&format!("conv_{nth}"), None, None)).await.map(drop),
                    2 => db.ping().await,
                    3 => system.claim_due(uuid(), LEASE, 1).await.map(drop),
                    4 => {
                        let (id, call) = fixtures::incoming(&number.number);
                        system.admit_call(id, &call).await.map(drop)
                    }
                    5 => system.report_call("CA0", report(CallStatus::Completed, None)).await.map(drop),
                    _ => match db.read_as(tenant).await {
                        Ok(door) => door.agents(&Default::default(), first(10)).await.map(drop),
                        Err(error) => Err(error),
                    },
                }
            }
        };
        let begun = Instant::now();
        let all = timeout(LONGEST, join_all((0..8).map(each))).await;
        for done in all.unwrap_or_else(|_| panic!("{kind}: still waiting")) {
            done.unwrap_or_else(|error| panic!("{kind}: {error:?}"));
        }
        println!("{kind}: {:?}", begun.elapsed());
    }
    assert_eq!(test.count("SELECT count(*) FROM voice_events").await, 8, "none is written twice");
    assert_eq!(test.count("SELECT count(*) FROM calls").await, 8);

    // In the middle of a transaction: it fails, and is not kept.
    let door = write_as(&db, tenant).await;
    let renamed = || AgentChanges { name: Some("Lost".parse().unwrap()), ..Default::default() };
    door.update_agent(agent.id, renamed()).await.unwrap();
    let read = db.read_as(tenant).await.unwrap();
    let abandoned = db.read_as(other).await.unwrap();
    line.silence();
    line.restore().await;
    drop(abandoned);
    let commit = timeout(LONGEST, door.commit()).await.expect("COMMIT waits");
    assert!(matches!(commit, Err(StoreError::Unavailable(_))), "{commit:?}");
    let told = timeout(LONGEST, read.agents(&Default::default(), first(1))).await.expect("a read waits");
    assert!(matches!(told, Err(StoreError::Unavailable(_))), "{told:?}");
    drop(read);
    timeout(LONGEST, all_at_once()).await.expect("a place in the pool did not come back");
    timeout(LONGEST, all_at_once()).await.expect("a place in the pool did not come back");
}

#[tokio::test]
async fn a_database_that_went_silent_is_unavailable_and_closing_it_waits_for_nothing() {
    let test = TestDatabase::create().await;
    if !test.is_postgres() {
        return;
    }
    let mut line = Severable::before(&test.server_url()).await;
    let db = open(&line.url).await;
    let tenant = fixtures::tenant(&db).await;
    let held = db.read_as(tenant).await.unwrap();
    let listening = tokio::spawn({
        let db = db.clone();
        async move { db.receive_changes().await }
    });
    line.silence();
    for _ in 0..2 {
        let told = timeout(LONGEST, db.ping()).await.expect("the ping waits");
        assert!(matches!(told, Err(StoreError::Unavailable(_))), "{told:?}");
    }
    let opened = timeout(LONGEST, db.read_as(tenant)).await.expect("a door waits");
    assert!(matches!(opened, Err(StoreError::Unavailable(_))));
    let busy = tokio::spawn({
        let db = db.clone();
        async move { db.system().countries_with_numbers().await.map(drop) }
    });
    timeout(Duration::from_secs(3), db.close()).await.expect("closing waits");
    drop(held);
    let told = timeout(LONGEST, busy).await.expect("a statement waits").unwrap();
    assert!(matches!(told, Err(StoreError::Unavailable(_))), "{told:?}");
    listening.abort();
}

#[tokio::test]
async fn a_statement_that_the_server_works_on_is_not_taken_for_lost() {
    let test = TestDatabase::create().await;
    if !test.is_postgres() {
        return;
    }
    let db = open(&test.server_url()).await;
    let tenant = fixtures::tenant(&db).await;
    let agent = fixtures::agent(&db, tenant).await;
    let mut raw = test.raw().await;
    sqlx::raw_sql("SET ROLE switchboard_system; BEGIN; SELECT FROM agents FOR UPDATE")
        .execute(&mut raw)
        .await
        .unwrap();
    let waiting = tokio::spawn({
        let db = db.clone();
        async move {
            let door = write_as(&db, tenant).await;
            door.update_agent(agent.id, AgentChanges::default()).await?;
            door.commit().await
        }
    });
    // Longer than it takes to have doubts twice.
    tokio::time::sleep(Duration::from_secs(6)).await;
    assert!(!waiting.is_finished());
    sqlx::raw_sql("COMMIT").execute(&mut raw).await.unwrap();
    waiting.await.unwrap().unwrap();
}

#[tokio::test]
async fn of_several_hosts_the_one_that_answers_is_used() {
    let test = TestDatabase::create().await;
    if !test.is_postgres() {
        return;
    }
    let (mut one, mut other) =
        (Severable::before(&test.server_url()).await, Severable::before(&test.server_url()).await);
    let address = |line: &Severable| {
        let url = url::Url::parse(&line.url).unwrap();
        format!("{}:{}", url.host_str().unwrap(), url.port().unwrap())
    };
    let url = url::Url::parse(&test.url).unwrap();
    let (user, database) = (url.username(), url.path());
    let several = format!(
        "postgres://{user}:hunter2@{},{}{database}?target_session_attrs=read-write",
        address(&one),
        address(&other)
    );
    other.sever().await;
    let db = open(&several).await;
    let tenant = fixtures::tenant(&db).await;
    for round in 0..4 {
        let (from, to) = if round % 2 == 0 { (&mut one, &mut other) } else { (&mut other, &mut one) };
        // Reset, and silent.
        if round < 2 {
            from.sever().await;
        } else {
            from.silence();
        }
        to.restore().await;
        let begun = Instant::now();
        let written = timeout(Duration::from_secs(10), async {
            while let Err(error) = write_as_or_error(&db, tenant).await {
                assert!(matches!(error, StoreError::Unavailable(_)), "{error:?}");
            }
        });
        written.await.unwrap_or_else(|_| panic!("round {round}: no write within ten seconds"));
        println!("round {round}: {:?}", begun.elapsed());
    }
    one.sever().await;
    other.sever().await;
    let gone = db.ping().await.unwrap_err();
    let text = format!("{gone:?}");
    assert!(text.contains(&address(&one)) && text.contains(&address(&other)), "{text}");
    assert!(!text.contains("hunter2"), "{text}");
}

async fn write_as_or_error(db: &Database, tenant: switchboard::domain::TenantId) -> Result<(), StoreError> {
    let author = switchboard::domain::Author {
        actor: switchboard::domain::Actor::System,
        request_id: "a test".to_owned(),
    };
    db.write_by(author, tenant).await?.commit().await
}

#[tokio::test]
async fn a_database_that_is_read_only_will_not_do_at_the_start() {
    let test = TestDatabase::create().await;
    if !test.is_postgres() {
        return;
    }
    let name = url::Url::parse(&test.url).unwrap().path().trim_start_matches('/').to_owned();
    let set = format!("ALTER DATABASE {name} SET default_transaction_read_only = on");
    sqlx::raw_sql(sqlx::AssertSqlSafe(set)).execute(&mut test.raw().await).await.unwrap();
    let config = DatabaseConfig {
        url: test.server_url().into(),
        listen_url: None,
        max_connections: 4,
        acquire_timeout: Duration::from_secs(3),
    };
    let refused = Database::connect(&config, Clock::system()).await.unwrap_err();
    assert!(matches!(refused, StoreError::Unavailable(_)), "{refused:?}");
    assert!(format!("{refused:?}").contains("read-only"), "{refused:?}");
}
