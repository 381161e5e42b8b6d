//! The lists that clients read most use their indexes, however many rows there are.

use sqlx::{AssertSqlSafe, Connection, Executor, PgConnection, Row, SqliteConnection};
use switchboard::domain::{AgentId, Clock, TenantId};
use switchboard::store::{
    AgentFilter, Cursor, Database, Extent, ListExtent, NumberFilter, Page, PageRequest,
};
use uuid::Uuid;

use crate::support::database::TestDatabase;
use crate::support::fixtures::first;

/// Tenants, and rows of each table; every tenant has as many as every other.
const TENANTS: i64 = 100;
const ROWS: i64 = 100_000;

fn id(table: u128, position: u128) -> Uuid {
    Uuid::from_u128(0x0190_0000_0000_7000_8000_0000_0000_0000 + (table << 96) + position)
}

/// The rows, in the SQL of one database: how it makes a row for each `n` below a number, an id and a time.
async fn fill<C>(connection: &mut C, rows: impl Fn(i64) -> String, id: impl Fn(u8, &str) -> String, at: &str)
where
    for<'c> &'c mut C: Executor<'c>,
{
    let tenant = format!("n % {TENANTS}");
    let (all, few) = (rows(ROWS), rows(TENANTS));
    for sql in [
        format!(
            "INSERT INTO tenants (id, plan, concurrent_calls, phone_numbers, created_at)
             SELECT {}, 'Large', 1000, 1000, {at} FROM {few}",
            id(0, "n")
        ),
        format!(
            "INSERT INTO agents (id, tenant_id, name, language, status, token_hash, token_preview, revision,
                 synced_revision, created_at, updated_at)
             SELECT {}, {}, 'Practice ' || n, 'en', 'active', CAST(1000000 + n AS text) || '{hash}', 'vst_', 1, 1, {at}, {at} FROM {all}",
            id(1, "n"),
            id(0, &tenant),
            hash = "0".repeat(57),
        ),
        format!(
            "INSERT INTO operations (id, tenant_id, kind, state, step, attempts, agent_id, data, request_id, run_after,
                 fencing_token, created_at, updated_at, finished_at)
             SELECT {}, {}, 'create_agent', 'succeeded', 'done', 1, {}, '{{}}', 'fill', {at}, 0, {at}, {at}, {at} FROM {few}",
            id(2, "n"),
            id(0, "n"),
            id(1, "n")
        ),
        format!(
            "INSERT INTO phone_numbers (id, tenant_id, agent_id, operation_id, number, friendly_name, sid, provider,
                 kind, status, voice, sms, mms, country, monthly_cost, routing_rules, routing_version, created_at,
                 provisioned_at)
             SELECT {}, {}, {}, {}, '+' || (12122000000 + n), 'Practice', 'PN' || n, 'twilio', 'local', 'active', TRUE,
                 TRUE, TRUE, 'US', 1.15, '[]', 0, {at}, {at} FROM {all}",
            id(3, "n"),
            id(0, &tenant),
            id(1, "n"),
            id(2, &tenant)
        ),
        "ANALYZE".to_owned(),
    ] {
        connection.execute(AssertSqlSafe(sql)).await.unwrap_or_else(|error| panic!("{error}"));
    }
}

const WHOLE: ListExtent = ListExtent { numbers: Extent::Whole, agents: None };

/// A page after another, which is also read.
async fn pages(db: &Database, tenant: TenantId) -> [PageRequest; 3] {
    let door = db.read_as(tenant).await.unwrap();
    let page = door.numbers(&NumberFilter::default(), first(20), WHOLE).await.unwrap();
    assert_eq!((page.items.len(), page.has_next), (20, true));
    let after: Option<Cursor> = page.items.last().map(|(at, _)| *at);
    [
        first(20),
        PageRequest { after, ..first(20) },
        PageRequest { page: Page::Last(20), after: None, before: after },
    ]
}

#[tokio::test]
async fn the_lists_read_most_use_their_indexes_at_100_000_rows() {
    let test = TestDatabase::create().await;
    let tenant = TenantId(id(0, 7));
    if test.is_postgres() {
        let mut connection = test.raw().await;
        connection.execute("SET ROLE switchboard_system").await.unwrap();
        let rows = |rows| format!("generate_series(0, {rows} - 1) AS n");
        let id = |table: u8, n: &str| {
            format!("('0190000{table}-0000-7000-8000-' || lpad(to_hex({n}), 12, '0'))::uuid")
        };
        fill(&mut connection, rows, id, "now() - interval '1 day' + n * interval '1 millisecond'").await;
        // Only the tables' owner may.
        connection.execute("RESET ROLE").await.unwrap();
        connection.execute("ANALYZE").await.unwrap();
        let db = test.open_with(1, Clock::system()).await;
        for (statement, parameters) in sent(&test, &db, tenant).await {
            let plan = postgres_plan(&mut connection, tenant, &statement, &parameters).await;
            assert!(plan.contains("Index") && !plan.contains("Seq Scan"), "{statement}\n{plan}");
            assert!(!plan.contains("Sort"), "{statement}\n{plan}");
        }
    } else {
        let mut connection = SqliteConnection::connect(&test.url).await.unwrap();
        let rows = |rows| {
            format!(
                "(WITH RECURSIVE row(n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM row WHERE n + 1 < {rows}) SELECT n FROM row)"
            )
        };
        let id = |table: u8, n: &str| format!("unhex('0190000{table}000070008000' || printf('%012x', {n}))");
        let at = "strftime('%Y-%m-%dT%H:%M:%f+00:00', 'now', '-1 day', (n / 1000.0) || ' seconds')";
        fill(&mut connection, rows, id, at).await;
        let db = test.open().await;
        pages(&db, tenant).await;
        for (statement, index) in [
            (
                "SELECT id, name FROM agents WHERE tenant_id = $1 AND id IN (SELECT unhex(value) FROM json_each($2))",
                "",
            ),
            (
                "SELECT id, number FROM phone_numbers WHERE tenant_id = $1 AND status <> 'released' \
                 ORDER BY created_at DESC, id DESC LIMIT 21",
                "phone_numbers_page",
            ),
            (
                "SELECT id, number FROM phone_numbers WHERE tenant_id = $1 AND status <> 'released' \
                 AND (created_at, id) < ($2, $3) ORDER BY created_at DESC, id DESC LIMIT 21",
                "phone_numbers_page",
            ),
            (
                "SELECT listed.*, agent.name FROM (SELECT id, agent_id, created_at FROM phone_numbers \
                 WHERE tenant_id = $1 AND status <> 'released' ORDER BY created_at DESC, id DESC LIMIT 21) AS listed \
                 LEFT JOIN agents AS agent ON agent.tenant_id = $1 AND agent.id = listed.agent_id",
                "phone_numbers_page",
            ),
        ] {
            let explain = format!("EXPLAIN QUERY PLAN {statement}");
            let steps = sqlx::query(AssertSqlSafe(explain)).fetch_all(&mut connection).await.unwrap();
            let plan: Vec<String> = steps.iter().map(|step| step.get("detail")).collect();
            let plan = plan.join("\n");
            assert!(plan.contains("INDEX") && plan.contains(index), "{statement}\n{plan}");
            assert!(
                !plan.contains("SCAN agents") && !plan.contains("SCAN phone_numbers"),
                "{statement}\n{plan}"
            );
            assert!(!plan.contains("ORDER BY"), "{statement}\n{plan}");
        }
    }
}

/// The statements as the store sends them: what the door's connection ran last. Each with parameters for a plan.
async fn sent(test: &TestDatabase, db: &Database, tenant: TenantId) -> Vec<(String, String)> {
    let mut watcher = test.raw().await;
    let mut statements = Vec::new();
    let (tenant_text, moment) = (format!("'{}'", tenant.0), format!("now(), '{}'", id(3, 7)));
    for (page, parameters) in pages(db, tenant).await.into_iter().zip(["", moment.as_str(), moment.as_str()])
    {
        let parameters =
            if parameters.is_empty() { tenant_text.clone() } else { format!("{tenant_text}, {parameters}") };
        let door = db.read_as(tenant).await.unwrap();
        // Of a page with a cursor it is the look at what lies behind it.
        door.numbers(&NumberFilter::default(), page, WHOLE).await.unwrap();
        statements.push((last(&mut watcher).await, parameters.clone()));
        if page.is_outermost() {
            for extent in [Extent::Summary, Extent::Whole] {
                let extent = ListExtent { numbers: extent, agents: Some(extent) };
                door.numbers(&NumberFilter::default(), page, extent).await.unwrap();
                statements.push((last(&mut watcher).await, parameters.clone()));
            }
        }
        door.agents(&AgentFilter::default(), page).await.unwrap();
        statements.push((last(&mut watcher).await, parameters));
    }
    let door = db.read_as(tenant).await.unwrap();
    let some: Vec<AgentId> = (0..20).map(|n| AgentId(id(1, n * 100 + 7))).collect();
    assert_eq!(door.agents_by_id(&some).await.unwrap().len(), 20);
    statements.push((last(&mut watcher).await, format!("{tenant_text}, '{{{}}}'", id(1, 7))));
    statements
}

async fn last(watcher: &mut PgConnection) -> String {
    let sql = "SELECT query FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid() \
               AND state = 'idle in transaction'";
    sqlx::query(sql).fetch_one(watcher).await.unwrap().get(0)
}

/// The plan that serves every later execution, as the tenant's role.
async fn postgres_plan(
    connection: &mut PgConnection,
    tenant: TenantId,
    statement: &str,
    parameters: &str,
) -> String {
    let claims = format!("SET LOCAL request.jwt.claims = '{{\"sub\":\"{}\"}}'", tenant.0);
    for sql in [
        "BEGIN; SET LOCAL ROLE switchboard_tenant; SET LOCAL plan_cache_mode = force_generic_plan".to_owned(),
        claims,
        format!("PREPARE list AS {statement}"),
    ] {
        sqlx::raw_sql(AssertSqlSafe(sql)).execute(&mut *connection).await.unwrap();
    }
    let explain = format!("EXPLAIN EXECUTE list ({parameters})");
    let rows = sqlx::raw_sql(AssertSqlSafe(explain)).fetch_all(&mut *connection).await.unwrap();
    sqlx::raw_sql("ROLLBACK; DEALLOCATE list").execute(&mut *connection).await.unwrap();
    let lines: Vec<String> = rows.iter().map(|row| row.get(0)).collect();
    lines.join("\n")
}
