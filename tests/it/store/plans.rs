//! Queries over many calls read few rows. On Postgres, its statistics show which indexes served the store's own statements;
//! SQLite's query plans are tested beside the statements.

use std::collections::BTreeMap;
use std::time::Duration;

use chrono::{DateTime, Days, TimeDelta};
use sqlx::{AssertSqlSafe, Connection, PgConnection, Row, SqliteConnection};
use switchboard::domain::{CallStatus, CallerId, Clock, RoutingRules, TenantId};
use switchboard::store::{CallFilter, Counting, Database};

use crate::support::database::TestDatabase;
use crate::support::fixtures::{self, e164, first};
use crate::support::wait_until;

const CALLS: i64 = 100_000;
const NUMBERS: u32 = 20;
/// Enough for Postgres to consider a generic plan, which does not know the parameters.
const TIMES: i64 = 8;

/// Two tenants with 100,000 calls in 116 days: one in fifty failed, ten ring, the others completed. None was busy.
async fn filled(test: &TestDatabase, db: &Database) -> TenantId {
    let mut tenants = Vec::new();
    for tenant in 0..2 {
        let agent = fixtures::agent(db, fixtures::tenant(db).await).await;
        for number in 0..NUMBERS / 2 {
            fixtures::number(db, &agent, &e164(tenant * 1000 + number)).await;
        }
        tenants.push(agent.tenant_id);
    }
    let series = "WITH RECURSIVE series(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM series WHERE i < 100000), \
                  numbers AS (SELECT *, row_number() OVER (ORDER BY id) - 1 AS place FROM phone_numbers)";
    let columns = "(id, tenant_id, agent_id, phone_number_id, sid, direction, caller, called, status, outcome, admitted, \
                   decision, conversation_id, duration_seconds, sequence, started_at, ended_at, updated_at)";
    let status = "CASE WHEN i <= 10 THEN 'ringing' WHEN i % 50 = 0 THEN 'failed' ELSE 'completed' END";
    let decision =
        serde_json::json!(RoutingRules::default().decide(&CallerId::Hidden, Clock::system().now()));
    let (id, instant) = if test.is_postgres() {
        ("gen_random_uuid()", "now() - i * interval '100 seconds'")
    } else {
        let instant = "strftime('%Y-%m-%dT%H:%M:%f+00:00', 'now', '-' || (i * 100) || ' seconds')";
        ("randomblob(16)", instant)
    };
    let sql = format!(
        "{series} INSERT INTO calls {columns} SELECT {id}, tenant_id, agent_id, n.id, 'CA' || i, 'inbound', 'x', number, \
         {status}, 'agent', true, {decision}, 'conv_' || i, CASE WHEN i > 10 THEN i % 600 END, 0, {instant}, \
         CASE WHEN i > 10 THEN {instant} END, {instant} FROM series JOIN numbers n ON place = i % {NUMBERS}",
        decision = if test.is_postgres() { format!("'{decision}'::jsonb") } else { format!("'{decision}'") },
    );
    if test.is_postgres() {
        let mut connection = test.raw().await;
        for sql in [
            "SET ROLE switchboard_system",
            &sql,
            "RESET ROLE",
            "ANALYZE calls",
            "ANALYZE call_totals",
            "SELECT pg_stat_force_next_flush()",
        ] {
            sqlx::query(AssertSqlSafe(sql)).execute(&mut connection).await.unwrap();
        }
        connection.close().await.unwrap();
    } else {
        let mut connection = SqliteConnection::connect(&test.url).await.unwrap();
        sqlx::query(AssertSqlSafe(sql)).execute(&mut connection).await.unwrap();
    }
    assert_eq!(test.count("SELECT count(*) FROM calls").await, CALLS);
    tenants[0]
}

/// Scans of each index of `calls` and `call_totals`, and rows read without an index.
async fn reads(connection: &mut PgConnection) -> BTreeMap<String, i64> {
    let sql = "SELECT indexrelname::text, idx_scan FROM pg_stat_user_indexes WHERE relname IN ('calls', 'call_totals') \
               UNION ALL SELECT 'rows of ' || relname, seq_tup_read FROM pg_stat_user_tables \
               WHERE relname IN ('calls', 'call_totals')";
    let rows = sqlx::query(sql).fetch_all(connection).await.unwrap();
    rows.iter().map(|row| (row.get(0), row.get::<Option<i64>, _>(1).unwrap_or_default())).collect()
}

/// Asserts that only this index served a query, each time. SQLite keeps no such statistics: there, `ask` checks the answer.
async fn served_by(test: &TestDatabase, index: &str, ask: impl AsyncFn(&Database)) {
    if !test.is_postgres() {
        return ask(&test.open().await).await;
    }
    let mut connection = test.raw().await;
    let before = reads(&mut connection).await;
    // One connection, so that each time it is the same prepared statement. Closing it reports its statistics.
    let db = test.open_with(1, Clock::system()).await;
    for _ in 0..TIMES {
        ask(&db).await;
    }
    db.close().await;
    let used = wait_until("the statistics are there", Duration::from_secs(10), async || {
        let after = reads(&mut connection).await;
        let used = after.into_iter().map(|(name, now)| (name.clone(), now - before[&name]));
        let used: BTreeMap<_, _> = used.filter(|(_, more)| *more > 0).collect();
        (used.values().sum::<i64>() >= TIMES).then_some(used)
    })
    .await;
    assert!(used.keys().all(|name| name.contains(index)), "{index}: {used:?}");
}

#[tokio::test]
async fn queries_over_many_calls_read_few_rows() {
    let test = TestDatabase::create().await;
    let db = test.open().await;
    let tenant = filled(&test, &db).await;
    db.close().await;
    let mine = CALLS / 2;
    let by_status = |status| CallFilter { status: Some(status), ..Default::default() };

    let month = Clock::system().now().date_naive() - Days::new(60);
    served_by(&test, "call_totals_pkey", async |db| {
        let door = db.read_as(tenant).await.unwrap();
        let used = door.usage(month..month + Days::new(30)).await.unwrap();
        assert_eq!(used.iter().map(|used| used.calls).sum::<i64>(), 30 * 24 * 36 / 2);
    })
    .await;
    // Half of the table: with or without its index.
    served_by(&test, "call_totals", async |db| {
        let door = db.read_as(tenant).await.unwrap();
        assert_eq!(door.count_calls(&CallFilter::default()).await.unwrap(), mine);
    })
    .await;
    served_by(&test, "calls_unsuccessful", async |db| {
        let door = db.read_as(tenant).await.unwrap();
        let page = door.calls(&by_status(CallStatus::Busy), first(10)).await.unwrap();
        assert_eq!(page.items.len(), 0);
    })
    .await;
    served_by(&test, "calls_unsuccessful", async |db| {
        let door = db.read_as(tenant).await.unwrap();
        assert_eq!(door.count_calls(&by_status(CallStatus::Failed)).await.unwrap(), CALLS / 50 / 2);
    })
    .await;
    served_by(&test, "calls_live", async |db| {
        let door = db.read_as(tenant).await.unwrap();
        let page = door.calls(&by_status(CallStatus::Ringing), first(10)).await.unwrap();
        assert_eq!(page.items.len(), 9);
        assert_eq!(door.active_calls().await.unwrap(), 9);
    })
    .await;
    served_by(&test, "calls_page", async |db| {
        let door = db.read_as(tenant).await.unwrap();
        let after = Some(Clock::system().now() - TimeDelta::hours(5) - TimeDelta::seconds(50));
        let lately = CallFilter { started_after: after, ..Default::default() };
        assert_eq!(door.count_calls(&lately).await.unwrap(), 5 * 36 / 2);
    })
    .await;
    // Nothing is counted yet: statistics are read from the calls, by tenant or by its few numbers.
    served_by(&test, "calls_", async |db| {
        let now = Clock::system().now();
        let quarter = now.timestamp().div_euclid(900);
        let bounds = [-20, 4].map(|more| DateTime::from_timestamp((quarter + more) * 900, 0).unwrap());
        let door = db.read_as(tenant).await.unwrap();
        let calls: i64 = door.call_statistics(None, &bounds).await.unwrap().iter().map(|one| one.agent).sum();
        let started = now.signed_duration_since(bounds[0]).num_seconds() / 200;
        assert!((calls - started).abs() <= i64::from(NUMBERS), "{calls} of {started}");
    })
    .await;
    let count = async |db: &Database| {
        let mut round = db.system().begin_counting().await.unwrap();
        while db.system().count_calls(&mut round).await.unwrap() != Counting::Finished {}
    };
    count(&test.open().await).await;
    served_by(&test, "calls_page", async |db| {
        if test.is_postgres() {
            test.execute("UPDATE call_statistics_progress SET counted_until = now() - interval '3 hours'")
                .await;
        }
        count(db).await;
    })
    .await;
    served_by(&test, "calls_by_end", async |db| {
        let long_ago = Clock::system().now() - TimeDelta::days(300);
        assert_eq!(db.system().forget_calls(long_ago, 1000).await.unwrap(), 0);
    })
    .await;
    served_by(&test, "calls_by_conversation", async |db| {
        let unknown = fixtures::over("conv_0", None, None);
        assert_eq!(db.system().report_conversation(&unknown).await.unwrap(), None);
    })
    .await;
}
