//! Tenants are kept apart: through the doors on both databases, on Postgres also by the database alone.

use std::future::Future;
use std::pin::pin;
use std::task::{Context, Waker};
use std::time::Duration;

use sqlx::{AssertSqlSafe, Connection, PgConnection, Row};
use switchboard::domain::{
    Agent, AgentToken, CallGroupMember, CallGroupStrategy, Clock, Entropy, IncomingMessage, KeptNumberId,
    MediaReference, MessagingConsent, TenantId, TextReading,
};
use switchboard::store::Received;
use switchboard::store::{
    AgentChanges, AgentFilter, CallFilter, Database, NumberFilter, StoreError, TenantStore,
};

use crate::support::catalogue;
use crate::support::database::TestDatabase;
use crate::support::fixtures::{self, e164, first};
use crate::support::sql::TABLES;
use crate::support::{App, wait_until};

/// A tenant with a row in every table.
async fn practice(db: &Database, last_four: u32) -> Agent {
    let tenant = fixtures::tenant(db).await;
    let agent = fixtures::agent(db, tenant).await;
    let number = fixtures::number(db, &agent, &e164(last_four)).await;
    let (id, incoming) = fixtures::incoming(&number.number);
    db.system().admit_call(id, &incoming).await.unwrap().unwrap();
    let told = fixtures::over(&format!("conv_{last_four}"), Some(&incoming.sid), None);
    db.system().accept_event(&told).await.unwrap();
    let call = db.system().report_conversation(&told).await.unwrap();
    let event = db.system().events_due(1).await.unwrap().remove(0);
    db.system().complete_event(event.id, call.as_ref()).await.unwrap();
    let text = IncomingMessage {
        sid: format!("SM{last_four}"),
        from: "+13125550177".parse().unwrap(),
        to: number.number.clone(),
        body: "Hello".to_owned(),
        media: vec![MediaReference { url: "https://api.twilio.com/a".to_owned(), content_type: None }],
        segments: None,
        opt_out_type: None,
        received_at: number.created_at + chrono::TimeDelta::minutes(1),
        sent_at: None,
    };
    let received = db
        .system()
        .receive_message(&text, |_, _| TextReading {
            consent: Some(MessagingConsent::OptedIn),
            ..TextReading::default()
        })
        .await
        .unwrap();
    assert_eq!(received, Received::New);
    db.system().note_unknown_registrations(std::slice::from_ref(&number)).await.unwrap();
    let door = fixtures::write_as(db, tenant).await;
    let kept = KeptNumberId(fixtures::uuid());
    door.keep_number(kept, agent.id, &e164(last_four + 1000), number.operation_id).await.unwrap();
    door.audit("updateAgent", agent.id).await.unwrap();
    let member = CallGroupMember { agent_id: agent.id, weight: 1, max_calls: None };
    let (name, strategy) = ("Front desk".parse().unwrap(), CallGroupStrategy::Weighted);
    door.insert_call_group(name, strategy, vec![member]).await.unwrap();
    door.commit().await.unwrap();
    agent
}

#[tokio::test]
async fn a_door_shows_one_tenants_rows_and_touches_no_other() {
    let test = TestDatabase::create().await;
    let db = test.open().await;
    let (mine, theirs) = (practice(&db, 700).await, practice(&db, 701).await);
    let number = db.system().numbers_of(theirs.id).await.unwrap().remove(0);
    let door = fixtures::write_as(&db, mine.tenant_id).await;
    assert_eq!((door.tenant_id(), door.tenant().await.unwrap().id), (mine.tenant_id, mine.tenant_id));
    assert_eq!(door.agents_by_id(&[mine.id, theirs.id]).await.unwrap(), vec![mine.clone().into()]);
    assert_eq!(door.agent(theirs.id).await.unwrap(), None);
    assert_eq!(door.number_by_e164(&number.number).await.unwrap(), None);
    assert_eq!(door.numbers_by_id(&[number.id]).await.unwrap(), vec![]);
    assert!(door.first_numbers(&[theirs.id]).await.unwrap().is_empty());
    assert_eq!(door.operations_by_id(&[number.operation_id]).await.unwrap(), vec![]);
    let calls = door.calls(&CallFilter::default(), first(10)).await.unwrap();
    assert!(calls.items.iter().all(|(_, call)| call.tenant_id == mine.tenant_id) && calls.items.len() == 1);
    assert_eq!(door.count_agents(&AgentFilter::default()).await.unwrap(), 1);
    assert_eq!(door.count_numbers(&NumberFilter::default()).await.unwrap(), 1);
    assert_eq!(
        door.count_calls(&CallFilter { agent: Some(theirs.id), ..Default::default() }).await.unwrap(),
        0
    );
    assert_eq!(door.active_calls().await.unwrap(), 1);

    let name = AgentChanges { name: Some("Mine".parse().unwrap()), ..Default::default() };
    assert_eq!(door.update_agent(theirs.id, name).await.unwrap(), None);
    let token = AgentToken::generate(&Entropy::system());
    assert_eq!(door.set_agent_token(theirs.id, &token).await.unwrap(), None);
    assert_eq!(door.begin_release(number.id).await.unwrap(), None);
    // A foreign agent can be named, but nothing can be hung on it.
    assert!(door.insert_operation(fixtures::new_operation(theirs.id)).await.is_err());
    drop(door);
    assert_eq!(db.system().agent(theirs.id).await.unwrap(), Some(theirs));
}

#[tokio::test]
async fn a_door_that_is_dropped_keeps_nothing_and_a_reading_one_writes_nothing() {
    let test = TestDatabase::create().await;
    let db = test.open_with(1, Clock::system()).await;
    let agent = practice(&db, 702).await;
    let name = AgentChanges { name: Some("Other".parse().unwrap()), ..Default::default() };
    let door = fixtures::write_as(&db, agent.tenant_id).await;
    assert_eq!(door.update_agent(agent.id, name.clone()).await.unwrap().unwrap().name.as_str(), "Other");
    drop(door);
    let door = db.read_as(agent.tenant_id).await.unwrap();
    assert_eq!(door.agent(agent.id).await.unwrap().unwrap(), agent);
    if test.is_postgres() {
        assert!(matches!(door.update_agent(agent.id, name).await, Err(StoreError::Database(_))));
    }
}

/// Postgres only: the rest of this file asks the database itself.
#[expect(clippy::print_stdout, reason = "who reads the test's output learns what did not run")]
async fn on_postgres() -> Option<TestDatabase> {
    let test = TestDatabase::create().await;
    if !test.is_postgres() {
        println!("skipped: SQLite has no row level security");
        return None;
    }
    Some(test)
}

async fn run(connection: &mut PgConnection, sql: &str) -> Result<u64, sqlx::Error> {
    Ok(sqlx::query(AssertSqlSafe(sql)).execute(connection).await?.rows_affected())
}

async fn seen(connection: &mut PgConnection, table: &str) -> i64 {
    let sql = format!("SELECT count(*) FROM {table}");
    sqlx::query(AssertSqlSafe(sql)).fetch_one(connection).await.unwrap().get(0)
}

async fn become_tenant(connection: &mut PgConnection, tenant: TenantId) {
    let sql = format!(
        "SELECT set_config('role', 'switchboard_tenant', false), \
         set_config('request.jwt.claims', '{{\"sub\":\"{}\"}}', false)",
        tenant.0
    );
    run(connection, &sql).await.unwrap();
}

#[tokio::test]
async fn every_table_with_rows_of_tenants_is_looked_at() {
    let mut listed = TABLES.map(str::to_owned);
    listed.sort();
    assert_eq!(catalogue::tables_of_tenants(&TestDatabase::create().await).await, listed);
}

#[tokio::test]
async fn the_database_shows_a_tenant_its_own_rows_whatever_is_asked() {
    let Some(test) = on_postgres().await else { return };
    let db = test.open().await;
    let (mine, theirs) = (practice(&db, 703).await, practice(&db, 704).await);
    test.execute(
        "INSERT INTO call_statistics SELECT id, id, 1, 'US', 'local', 1, 0, 0, 0, 0, 1 FROM tenants",
    )
    .await;
    test.execute(
        "INSERT INTO carrier_accounts (id, tenant_id, sid, kind, status, token, created_at, updated_at) \
         SELECT gen_random_uuid(), id, 'AC' || id, 'own', 'active', 'sealed', now(), now() FROM tenants",
    )
    .await;
    let mut connection = test.raw().await;
    for table in TABLES {
        assert_eq!(seen(&mut connection, table).await, 0, "{table}: the login role opens no door");
    }
    become_tenant(&mut connection, mine.tenant_id).await;
    for table in TABLES {
        let (count, foreign) = (seen(&mut connection, table).await, theirs.tenant_id.0);
        assert!(count >= 1, "{table}");
        let key = if table == "tenants" { "id" } else { "tenant_id" };
        let of_theirs = format!("(SELECT {key} FROM {table} WHERE {key} = '{foreign}') t");
        assert_eq!(seen(&mut connection, &of_theirs).await, 0, "{table}");
    }
    assert_eq!(seen(&mut connection, "call_statistics_progress").await, 1, "the same row for all tenants");
    assert_eq!(run(&mut connection, "UPDATE agents SET name = 'x'").await.unwrap(), 1, "without a WHERE");
    let rules = "UPDATE phone_numbers SET routing_rules = '[]', routing_version = 1";
    assert_eq!(run(&mut connection, rules).await.unwrap(), 1, "its own number's");
    let ended = "UPDATE operations SET state = 'failed'";
    assert_eq!(
        run(&mut connection, ended).await.unwrap(),
        0,
        "only a release that nobody began is taken back"
    );
    for (why, sql) in [
        ("its plan", "UPDATE tenants SET phone_numbers = 9".to_owned()),
        ("another's agent", format!("UPDATE agents SET tenant_id = '{}'", theirs.tenant_id.0)),
        ("the provider's word", "UPDATE agents SET synced_revision = revision".to_owned()),
        ("the token of its carrier account", "SELECT token FROM carrier_accounts".to_owned()),
        ("the API key of its carrier account", "SELECT api_key_secret FROM carrier_accounts".to_owned()),
        ("whose a carrier account is", "UPDATE carrier_accounts SET sid = 'AC1'".to_owned()),
        ("the account of its number", "UPDATE phone_numbers SET carrier_account_id = NULL".to_owned()),
        ("a number's owner", "UPDATE phone_numbers SET number = '+12125550999'".to_owned()),
        (
            "another's rules",
            format!("UPDATE phone_numbers SET tenant_id = '{}', routing_version = 9", theirs.tenant_id.0),
        ),
        ("a call's decision", "UPDATE calls SET decision = '{}'".to_owned()),
        ("an operation's way", "UPDATE operations SET step = 'done'".to_owned()),
        ("a call", "UPDATE calls SET duration_seconds = 0".to_owned()),
        ("what it used", "UPDATE call_totals SET minutes = 0".to_owned()),
        ("what it texted", "UPDATE message_totals SET messages = 0".to_owned()),
        ("its registration", "UPDATE messaging_registrations SET status = 'ready'".to_owned()),
        ("when registrations are read", "UPDATE registration_checks SET due_at = now()".to_owned()),
        ("that a port is done", "UPDATE kept_numbers SET state = 'done'".to_owned()),
        ("the carrier's port", "UPDATE kept_numbers SET port_sid = 'KW1'".to_owned()),
        ("its statistics", "UPDATE call_statistics SET minutes = 0".to_owned()),
        (
            "until when calls are counted",
            "UPDATE call_statistics_progress SET counted_until = now()".to_owned(),
        ),
        ("what was said", "UPDATE voice_events SET transcript = '[]'".to_owned()),
        ("the trail", "UPDATE audit_events SET actor = 'x'".to_owned()),
        ("the trail", "DELETE FROM audit_events".to_owned()),
        ("history", "DELETE FROM agents".to_owned()),
        ("a tenant", "INSERT INTO tenants SELECT gen_random_uuid(), 'x', 1, 1, now()".to_owned()),
        (
            "another's trail",
            format!(
                "INSERT INTO audit_events VALUES (gen_random_uuid(), '{}', 'a', 'b', NULL, 'c', 'd', now())",
                theirs.tenant_id.0
            ),
        ),
        ("the migrations", "SELECT * FROM seaql_migrations".to_owned()),
        ("what is about all tenants", "SELECT * FROM reconciliations".to_owned()),
    ] {
        assert!(run(&mut connection, &sql).await.is_err(), "a tenant wrote {why}: {sql}");
    }
    run(&mut connection, "SELECT set_config('request.jwt.claims', '', false)").await.unwrap();
    for table in ["agents", "call_statistics_progress"] {
        assert_eq!(seen(&mut connection, table).await, 0, "{table}: a role without claims");
    }
    run(&mut connection, "SELECT set_config('role', 'switchboard_system', false)").await.unwrap();
    assert_eq!(seen(&mut connection, "agents").await, 2);
    for sql in
        ["DELETE FROM audit_events", "UPDATE audit_events SET actor = 'x'", "DELETE FROM seaql_migrations"]
    {
        assert!(run(&mut connection, sql).await.is_err(), "{sql}");
    }
}

#[tokio::test]
async fn each_isolation_fault_is_found_and_its_remedy_repairs_it() {
    let Some(test) = on_postgres().await else { return };
    let db = test.open().await;
    let tenant = practice(&db, 705).await.tenant_id.0;
    let one_for_all = format!(
        "CREATE OR REPLACE FUNCTION auth.uid() RETURNS uuid LANGUAGE sql STABLE AS 'SELECT ''{tenant}''::uuid'"
    );
    assert_eq!(db.isolation_faults().await.unwrap(), Vec::<String>::new());
    let mut connection = test.raw().await;
    for broken in [
        "ALTER TABLE agents NO FORCE ROW LEVEL SECURITY",
        "ALTER TABLE calls DISABLE ROW LEVEL SECURITY",
        "DROP POLICY system_all ON agents; CREATE POLICY system_all ON agents TO switchboard_system USING (true)",
        "DROP POLICY tenant_isolation ON calls; CREATE POLICY tenant_isolation ON calls TO switchboard_tenant USING (true)",
        "CREATE POLICY everybody ON tenants USING (true)",
        "DROP POLICY tenant_isolation ON tenants; DROP POLICY system_all ON tenants",
        "DROP POLICY system_all ON reconciliations",
        "ALTER TABLE audit_events DISABLE TRIGGER append_only",
        "GRANT DELETE ON audit_events TO switchboard_tenant",
        "CREATE POLICY tenants_too ON reconciliations TO switchboard_tenant USING (auth.uid() IS NOT NULL)",
        "DROP POLICY tenants_read ON call_statistics_progress; CREATE POLICY tenants_read ON call_statistics_progress \
         FOR SELECT TO switchboard_tenant USING (true)",
        "CREATE POLICY tenants_write ON call_statistics_progress TO switchboard_tenant USING (auth.uid() IS NOT NULL)",
        one_for_all.as_str(),
        // Whatever a later migration adds is looked at as well.
        "CREATE TABLE notes (id uuid PRIMARY KEY, tenant_id uuid NOT NULL)",
        "CREATE TABLE \"Odd names\" (id uuid PRIMARY KEY); GRANT SELECT ON \"Odd names\" TO switchboard_tenant",
    ] {
        sqlx::raw_sql(AssertSqlSafe(broken)).execute(&mut connection).await.unwrap();
        let mut remedies = Vec::new();
        // A new table lacks two things, of which the second is told once the first is there.
        while let Some(fault) = db.isolation_faults().await.unwrap().into_iter().next() {
            let remedy = fault.split_once(": ").unwrap().1.to_owned();
            let remedied = sqlx::raw_sql(AssertSqlSafe(remedy.clone())).execute(&mut connection).await;
            remedied.unwrap_or_else(|error| panic!("{remedy}: {error}"));
            remedies.push(remedy);
            assert!(remedies.len() <= 2, "{broken}: {remedies:#?}");
        }
        assert!(!remedies.is_empty(), "not found: {broken}");
    }
}

#[tokio::test]
async fn a_server_without_tenant_isolation_is_not_ready_until_it_is_restored() {
    if on_postgres().await.is_none() {
        return;
    }
    let app = App::start().await;
    let mut connection = PgConnection::connect(&app.database_url()).await.unwrap();
    run(&mut connection, "ALTER TABLE calls NO FORCE ROW LEVEL SECURITY").await.unwrap();
    let ready = async || {
        let answer = app.http().get(format!("{}/readyz", app.base_url())).send().await.unwrap();
        (answer.status().as_u16(), answer.text().await.unwrap())
    };
    let (status, why) = ready().await;
    assert_eq!(status, 503, "{why}");
    assert!(why.contains("no longer isolates tenants") && !why.contains("calls"), "{why}");
    run(&mut connection, "ALTER TABLE calls FORCE ROW LEVEL SECURITY").await.unwrap();
    wait_until("the server is ready again", Duration::from_secs(20), async || {
        (ready().await.0 == 200).then_some(())
    })
    .await;
}

/// Neither role nor claims nor an open transaction may stay behind on the pool's only connection.
async fn nothing_leaked(test: &TestDatabase, db: &Database, after: &str) {
    // As the login role, every table is empty: a role that stayed behind would show rows here.
    assert_eq!(db.isolation_faults().await.unwrap(), Vec::<String>::new(), "after {after}");
    let mut connection = test.raw().await;
    no_transaction_is_open(&mut connection, after).await;
    connection.close().await.unwrap();
}

/// An abandoned transaction ends by itself, and soon; one that nobody knows of stays.
async fn no_transaction_is_open(connection: &mut PgConnection, after: &str) {
    let sql = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid() \
               AND xact_start IS NOT NULL";
    let deadline = tokio::time::Instant::now() + Duration::from_secs(5);
    loop {
        let open: i64 = sqlx::query(sql).fetch_one(&mut *connection).await.unwrap().get(0);
        if open == 0 {
            break;
        }
        assert!(tokio::time::Instant::now() < deadline, "{open} transactions are left open after {after}");
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
}

#[tokio::test]
async fn a_connection_is_returned_clean_however_its_transaction_ends() {
    let Some(test) = on_postgres().await else { return };
    let db = test.open_with(1, Clock::system()).await;
    let agent = practice(&db, 706).await;
    let tenant = agent.tenant_id;
    fixtures::write_as(&db, tenant).await.commit().await.unwrap();
    nothing_leaked(&test, &db, "a commit").await;
    drop(db.read_as(tenant).await.unwrap());
    nothing_leaked(&test, &db, "a drop").await;
    let door = fixtures::write_as(&db, tenant).await;
    let token = AgentToken::generate(&Entropy::system());
    assert!(door.insert_agent(&agent, &token).await.is_err(), "the id is taken");
    assert!(door.agents(&AgentFilter::default(), first(1)).await.is_err(), "the transaction is spoilt");
    drop(door);
    nothing_leaked(&test, &db, "an error").await;
    let door = db.read_as(tenant).await.unwrap();
    let panicking = tokio::spawn(async move {
        let held: TenantStore = door;
        held.tenant().await.unwrap();
        panic!("on purpose");
    });
    assert!(panicking.await.unwrap_err().is_panic());
    nothing_leaked(&test, &db, "a panic").await;
    // A time-out while the database works on a statement: another holds the row.
    let mut holder = test.raw().await;
    become_tenant(&mut holder, tenant).await;
    run(&mut holder, "BEGIN").await.unwrap();
    run(&mut holder, "UPDATE agents SET name = name").await.unwrap();
    let waiting = async {
        let door = fixtures::write_as(&db, tenant).await;
        let name = AgentChanges { name: Some("Late".parse().unwrap()), ..Default::default() };
        door.update_agent(agent.id, name).await.unwrap();
        door.commit().await.unwrap();
    };
    assert!(tokio::time::timeout(Duration::from_millis(300), waiting).await.is_err());
    holder.close().await.unwrap();
    nothing_leaked(&test, &db, "a time-out").await;
    // The connection is lost under an open door.
    let door = fixtures::write_as(&db, tenant).await;
    let mut killer = test.raw().await;
    let kill = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() \
                AND pid <> pg_backend_pid() AND xact_start IS NOT NULL";
    assert_eq!(run(&mut killer, kill).await.unwrap(), 1);
    assert!(matches!(door.tenant().await, Err(StoreError::Unavailable(_))));
    drop(door);
    nothing_leaked(&test, &db, "a lost connection").await;
    let found = db.read_as(tenant).await.unwrap().agent(agent.id).await.unwrap().unwrap();
    assert_eq!(found.name, agent.name, "what was given up was not kept");
}

/// Polls a future so many times, `pause` apart, so that it gets on meanwhile, and drops it where it then is.
async fn abandon_after(polls: usize, pause: Duration, future: impl Future<Output = impl Sized>) -> bool {
    let mut future = pin!(future);
    for _ in 0..polls {
        if future.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_ready() {
            return true;
        }
        let until = std::time::Instant::now() + pause;
        while std::time::Instant::now() < until {
            tokio::task::yield_now().await;
        }
    }
    false
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_given_up_at_any_instant_leaves_nothing_behind() {
    let Some(test) = on_postgres().await else { return };
    let db = test.open_with(1, Clock::system()).await;
    let (mine, theirs) = (practice(&db, 707).await, practice(&db, 708).await);
    let mut watcher = test.raw().await;
    let mut finished = 0;
    for turn in 0..300 {
        let opening = async {
            let door = db.read_as(mine.tenant_id).await.unwrap();
            door.agents(&AgentFilter::default(), first(5)).await.unwrap();
            door.tenant().await.unwrap()
        };
        let pause = Duration::from_micros(20 + turn % 7 * 30);
        finished += usize::from(abandon_after(turn as usize % 20, pause, opening).await);
        no_transaction_is_open(&mut watcher, &format!("giving up, turn {turn}")).await;
        // The next borrower is another tenant, and sees its own rows only.
        let door = db.read_as(theirs.tenant_id).await.unwrap();
        let seen = door.agents(&AgentFilter::default(), first(5)).await.unwrap();
        assert!(seen.items.iter().map(|(_, agent)| agent).eq([&theirs.clone().into()]));
    }
    assert!(finished < 300, "none was given up under way");
    for micros in 0..300 {
        let (other, tenant) = (db.clone(), mine.tenant_id);
        let task = tokio::spawn(async move { fixtures::write_as(&other, tenant).await.commit().await });
        let until = std::time::Instant::now() + Duration::from_micros(micros * 5);
        while std::time::Instant::now() < until {
            tokio::task::yield_now().await;
        }
        task.abort();
        let _ = task.await;
        no_transaction_is_open(&mut watcher, &format!("an abort after {} microseconds", micros * 5)).await;
    }
    nothing_leaked(&test, &db, "all of it").await;
}
