//! The routing cache: filled once, page by page, and then kept by what changed, whoever changed it.

use std::time::Duration;

use sqlx::{AssertSqlSafe, Connection, PgConnection, Row, SqliteConnection};
use switchboard::domain::{
    ActionDraft, Agent, AgentStatus, CallId, ConditionDraft, E164, NumberId, RoutingActionKind, RoutingRules,
    RuleDraft, Step,
};
use switchboard::store::{AgentChanges, Database, Effect, NumberReader, OperationUpdate, Route};

use crate::support::database::TestDatabase;
use crate::support::fixtures::{self, e164, uuid};
use crate::support::wait_until;

/// Numbers read in one statement.
const PAGE: u32 = 2000;

/// Where a call goes by the cache alone.
fn by_cache(db: &Database, number: &E164) -> Option<Route> {
    let (_, call) = fixtures::incoming(number);
    db.system().route_from_memory(CallId(uuid()), &call)
}

async fn fill(reader: &mut NumberReader) {
    while !reader.is_complete() {
        reader.read_page().await.unwrap();
    }
}

/// Reads what changed; returns the count of statements.
async fn poll(db: &Database, reader: &mut NumberReader) -> u64 {
    let before = db.statements();
    while !reader.read_changes().await.unwrap() {}
    db.statements() - before
}

/// An idle poll: one statement, or four where another database of the same cluster has used a transaction id meanwhile.
async fn assert_nothing_to_read(db: &Database, reader: &mut NumberReader) {
    let statements = poll(db, reader).await;
    assert!(matches!(statements, 1 | 4), "{statements} statements");
}

/// A server with a full cache.
async fn server(test: &TestDatabase) -> (Database, NumberReader) {
    let db = test.open().await;
    let mut reader = db.system().number_reader();
    fill(&mut reader).await;
    (db, reader)
}

/// So many numbers more, as this one.
async fn multiply(test: &TestDatabase, number: &E164, count: u32) {
    let (id, series) = if test.is_postgres() {
        ("gen_random_uuid()", format!("generate_series(1, {count}) n"))
    } else {
        (
            "randomblob(16)",
            format!(
                "(WITH RECURSIVE s(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM s WHERE n < {count}) SELECT n FROM s)"
            ),
        )
    };
    let rest = "tenant_id, agent_id, operation_id, friendly_name, provider, kind, status, voice, sms, mms, country, \
                monthly_cost, routing_rules, routing_version, created_at, provisioned_at";
    let sql = format!(
        "INSERT INTO phone_numbers (id, number, sid, {rest})
         SELECT {id}, '+1312' || (2000000 + n), 'PN' || n, {rest} FROM phone_numbers, {series} WHERE number = '{number}'"
    );
    test.execute(&sql).await;
}

fn multiplied(n: u32) -> E164 {
    format!("+1312{}", 2_000_000 + n).parse().unwrap()
}

async fn set_fallback(db: &Database, agent: &Agent, fallback: &str) {
    let door = fixtures::write_as(db, agent.tenant_id).await;
    let fallback_number = Some(Some(fallback.parse().unwrap()));
    door.update_agent(agent.id, AgentChanges { fallback_number, ..Default::default() })
        .await
        .unwrap()
        .unwrap();
    door.commit().await.unwrap();
}

async fn release(db: &Database, agent: &Agent, number: NumberId) {
    let lease = fixtures::claimed(db, agent).await.lease;
    let effects = vec![Effect::NumberReleased { number }];
    let update = OperationUpdate { effects, number_id: Some(number), ..fixtures::update(Step::Done) };
    db.system().record(&lease, update).await.unwrap();
}

#[tokio::test]
async fn what_another_server_changes_is_cached_by_the_next_poll_and_an_idle_poll_costs_one_statement() {
    let test = TestDatabase::create().await;
    let other = test.open().await;
    let agent = fixtures::agent(&other, fixtures::tenant(&other).await).await;
    let number = fixtures::number(&other, &agent, &e164(700)).await;
    let db = test.open().await;
    let mut reader = db.system().number_reader();
    assert!(by_cache(&db, &number.number).is_none() && !db.system().can_route_from_cache());
    fill(&mut reader).await;
    assert!(db.system().can_route_from_cache());
    assert_eq!(by_cache(&db, &number.number).unwrap().agent.fallback_number, None);
    poll(&db, &mut reader).await;
    assert_nothing_to_read(&db, &mut reader).await;

    set_fallback(&other, &agent, "+4930123456").await;
    let rule = RuleDraft {
        name: "Closed".to_owned(),
        condition: ConditionDraft::default(),
        action: ActionDraft {
            kind: RoutingActionKind::Reject,
            forward_to: None,
            ring_seconds: None,
            message: None,
        },
    };
    let rules = RoutingRules::check(vec![rule], &number.number).unwrap();
    let door = fixtures::write_as(&other, agent.tenant_id).await;
    door.set_routing_rules(number.id, &rules).await.unwrap().unwrap();
    door.update_agent(agent.id, AgentChanges { status: Some(AgentStatus::Inactive), ..Default::default() })
        .await
        .unwrap();
    door.commit().await.unwrap();
    let bought = fixtures::number(&other, &agent, &e164(701)).await;
    assert_eq!(poll(&db, &mut reader).await, 5, "marks, dialing, numbers, agents, and the numbers of agents");
    let route = by_cache(&db, &number.number).unwrap();
    assert_eq!(route.agent.fallback_number, Some("+4930123456".parse().unwrap()));
    assert_eq!(route.agent.status, AgentStatus::Inactive);
    assert_eq!(route.call.decision.rule.unwrap().name, "Closed");
    assert_eq!(by_cache(&db, &bought.number).unwrap().call.number_id, bought.id);
    assert_eq!(db.system().cached_numbers(), 2);

    release(&other, &agent, number.id).await;
    assert!(by_cache(&db, &number.number).is_some());
    poll(&db, &mut reader).await;
    assert!(by_cache(&db, &number.number).is_none());
    assert_eq!(db.system().cached_numbers(), 1);
    assert_nothing_to_read(&db, &mut reader).await;
}

#[tokio::test]
async fn a_page_that_fails_is_read_again_and_not_those_before_it() {
    let test = TestDatabase::create().await;
    let db = test.open().await;
    let agent = fixtures::agent(&db, fixtures::tenant(&db).await).await;
    let number = fixtures::number(&db, &agent, &e164(710)).await;
    multiply(&test, &number.number, 2 * PAGE + 10).await;
    let mut reader = db.system().number_reader();
    reader.read_page().await.unwrap();
    assert_eq!(db.system().cached_numbers(), PAGE as usize);
    let owner = async |sql: &'static str| {
        if test.is_postgres() {
            sqlx::raw_sql(sql).execute(&mut test.raw().await).await.unwrap();
        } else {
            test.execute(sql).await;
        }
    };
    owner("ALTER TABLE agents RENAME TO away").await;
    for _ in 0..3 {
        reader.read_page().await.unwrap_err();
    }
    assert!(!db.system().can_route_from_cache() && by_cache(&db, &multiplied(1)).is_none());
    owner("ALTER TABLE away RENAME TO agents").await;
    let before = db.statements();
    fill(&mut reader).await;
    assert_eq!(db.statements() - before, 2, "two pages were left");
    assert_eq!(db.system().cached_numbers(), 2 * PAGE as usize + 11);
    assert!(db.system().can_route_from_cache() && by_cache(&db, &multiplied(1)).is_some());
    // The agent's numbers all change at once, over more than a page.
    test.execute("UPDATE phone_numbers SET routing_version = routing_version + 1").await;
    set_fallback(&db, &agent, "+4930123456").await;
    poll(&db, &mut reader).await;
    assert!(by_cache(&db, &multiplied(4000)).unwrap().agent.fallback_number.is_some());
    assert_nothing_to_read(&db, &mut reader).await;
}

#[tokio::test]
async fn a_change_that_commits_late_is_found_though_its_mark_is_low() {
    let test = TestDatabase::create().await;
    if !test.is_postgres() {
        println!("skipped: writers on SQLite take turns");
        return;
    }
    let other = test.open().await;
    let tenant = fixtures::tenant(&other).await;
    let (slow, quick) = (fixtures::agent(&other, tenant).await, fixtures::agent(&other, tenant).await);
    let slow_number = fixtures::number(&other, &slow, &e164(720)).await.number;
    let quick_number = fixtures::number(&other, &quick, &e164(721)).await.number;
    let (db, mut reader) = server(&test).await;

    let mut late = test.raw().await;
    sqlx::raw_sql("SET ROLE switchboard_system; BEGIN").execute(&mut late).await.unwrap();
    let sql = format!("UPDATE agents SET fallback_number = '+4930111111' WHERE id = '{}'", slow.id.0);
    sqlx::raw_sql(AssertSqlSafe(sql)).execute(&mut late).await.unwrap();
    for fallback in ["+4930222222", "+4930333333"] {
        set_fallback(&other, &quick, fallback).await;
        poll(&db, &mut reader).await;
        assert_eq!(by_cache(&db, &quick_number).unwrap().agent.fallback_number, fallback.parse().ok());
    }
    assert_eq!(by_cache(&db, &slow_number).unwrap().agent.fallback_number, None);
    // What was read is not read again while the transaction goes on.
    assert_nothing_to_read(&db, &mut reader).await;
    sqlx::raw_sql("COMMIT").execute(&mut late).await.unwrap();
    poll(&db, &mut reader).await;
    assert_eq!(by_cache(&db, &slow_number).unwrap().agent.fallback_number, "+4930111111".parse().ok());
}

#[tokio::test]
async fn rows_with_marks_of_the_future_are_not_read_at_each_poll() {
    let test = TestDatabase::create().await;
    if !test.is_postgres() {
        println!("skipped: marks on SQLite go with the file");
        return;
    }
    let other = test.open().await;
    let agent = fixtures::agent(&other, fixtures::tenant(&other).await).await;
    let number = fixtures::number(&other, &agent, &e164(730)).await.number;
    // As a dump from a cluster with higher transaction ids restores them.
    let restore = "ALTER TABLE agents DISABLE TRIGGER mark; ALTER TABLE phone_numbers DISABLE TRIGGER mark;
        SET ROLE switchboard_system;
        UPDATE agents SET changed = 1::bigint << 40; UPDATE phone_numbers SET changed = 1::bigint << 40;
        RESET ROLE; ALTER TABLE agents ENABLE TRIGGER mark; ALTER TABLE phone_numbers ENABLE TRIGGER mark";
    sqlx::raw_sql(restore).execute(&mut test.raw().await).await.unwrap();
    let (db, mut reader) = server(&test).await;
    for _ in 0..3 {
        fixtures::tenant(&other).await;
        assert_eq!(poll(&db, &mut reader).await, 4, "marks, dialing, numbers, agents; no agent's numbers");
    }
    // A call is admitted by such marks, and a change gives the row a mark of the present.
    let (id, call) = fixtures::incoming(&number);
    assert!(db.system().admit_call(id, &call).await.unwrap().unwrap().has_slot());
    set_fallback(&other, &agent, "+4930123456").await;
    poll(&db, &mut reader).await;
    assert!(by_cache(&db, &number).unwrap().agent.fallback_number.is_some());
}

/// How often each index was read, and how many rows of a table without one.
async fn scans(connection: &mut PgConnection) -> Vec<(String, i64)> {
    let sql = "SELECT indexrelname::text, idx_scan FROM pg_stat_user_indexes WHERE indexrelname ~ '_(changed|pkey)$'
               UNION ALL SELECT relname::text, seq_tup_read FROM pg_stat_user_tables
               WHERE relname IN ('agents', 'phone_numbers') ORDER BY 1";
    let rows = sqlx::query(sql).fetch_all(connection).await.unwrap();
    rows.iter().map(|row| (row.get(0), row.get(1))).collect()
}

#[tokio::test]
async fn pages_and_polls_are_read_by_their_indexes() {
    let test = TestDatabase::create().await;
    if !test.is_postgres() {
        let sql =
            "EXPLAIN QUERY PLAN SELECT id FROM phone_numbers WHERE changed > 7 AND (changed, id) > (0, x'00')
                   ORDER BY changed, id LIMIT 2000";
        let mut connection = SqliteConnection::connect(&test.url).await.unwrap();
        let plan: String = sqlx::query(sql).fetch_one(&mut connection).await.unwrap().get("detail");
        assert!(plan.contains("INDEX phone_numbers_changed"), "{plan}");
        return;
    }
    let other = test.open().await;
    let agent = fixtures::agent(&other, fixtures::tenant(&other).await).await;
    let number = fixtures::number(&other, &agent, &e164(740)).await;
    let small = fixtures::agent(&other, agent.tenant_id).await;
    fixtures::number(&other, &small, &e164(741)).await;
    multiply(&test, &number.number, 20 * PAGE).await;
    let agents = "INSERT INTO agents (id, tenant_id, name, language, status, token_hash, token_preview, revision,
            synced_revision, created_at, updated_at)
        SELECT gen_random_uuid(), tenant_id, name, language, status, md5(n::text) || md5((-n)::text), token_preview,
            revision, synced_revision, created_at, updated_at
        FROM (SELECT * FROM agents LIMIT 1) one, generate_series(1, 40000) n";
    test.execute(agents).await;
    let mut connection = test.raw().await;
    sqlx::raw_sql("ANALYZE agents; ANALYZE phone_numbers").execute(&mut connection).await.unwrap();
    // What these sessions read is counted by the time they are gone.
    other.close().await;
    wait_until("no other session is left", Duration::from_secs(10), async || {
        let sql = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()";
        let left: i64 = sqlx::query(sql).fetch_one(&mut test.raw().await).await.unwrap().get(0);
        (left <= 1).then_some(())
    })
    .await;
    // Whatever was written while an older transaction ran, even one of another database, is read again until that has
    // ended: one quiet round is enough.
    for round in 1.. {
        let before = scans(&mut connection).await;
        let (db, mut reader) = server(&test).await;
        for fallback in ["+4930222222", "+4930333333"] {
            // In sessions of their own: one that knew the tables when they were small would read all of them.
            test.execute(&format!(
                "UPDATE agents SET fallback_number = '{fallback}' WHERE id = '{}'",
                small.id.0
            ))
            .await;
            test.execute(&format!(
                "UPDATE phone_numbers SET routing_version = 7 WHERE id = '{}'",
                number.id.0
            ))
            .await;
            poll(&db, &mut reader).await;
        }
        // What a session read is counted when it ends.
        db.close().await;
        let (read, polls) = wait_until("the scans are counted", Duration::from_secs(10), async || {
            let after = scans(&mut test.raw().await).await;
            let grown = |name: &str| {
                let of = |counts: &[(String, i64)]| {
                    counts.iter().find(|(known, _)| known == name).map_or(0, |(_, n)| *n)
                };
                of(&after) - of(&before)
            };
            let are_counted = grown("phone_numbers_changed") >= 2 && grown("phone_numbers_pkey") >= 20;
            are_counted.then(|| (grown("phone_numbers").max(grown("agents")), grown("agents_changed")))
        })
        .await;
        if read < 1_000 && polls >= 2 {
            return;
        }
        assert!(round < 20, "{read} rows were read, {polls} times the index of changes");
    }
}
