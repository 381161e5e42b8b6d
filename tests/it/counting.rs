//! Calls are counted for statistics half an hour after they started, each of them once, and statistics are exact meanwhile.

use std::ops::RangeInclusive;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use sqlx::Executor;
use switchboard::domain::{Clock, TenantId};
use switchboard::store::{CallCounts, Counting, CountingRound, SystemStore};

use crate::support::catalogue::texts;
use crate::support::database::TestDatabase;
use crate::support::practice::TENANT;
use crate::support::released::versions;
use crate::support::wait_until;

const NEW_YEAR: &str = "2026-01-01T00:00:00Z";

/// SQL for ended calls of the tenant, one every seven minutes from an instant on, to a number that is there.
fn many_calls(test: &TestDatabase, from: &str, which: RangeInclusive<u32>, prefix: &str) -> String {
    let (id, at, json) = if test.is_postgres() {
        ("gen_random_uuid()", format!("timestamptz '{from}' + i * interval '7 minutes'"), "jsonb")
    } else {
        (
            "randomblob(16)",
            format!("strftime('%Y-%m-%dT%H:%M:%S+00:00', '{from}', (i * 7) || ' minutes')"),
            "text",
        )
    };
    let (first, last) = which.into_inner();
    format!(
        "WITH RECURSIVE n (i) AS (SELECT {first} UNION ALL SELECT i + 1 FROM n WHERE i < {last}) \
         INSERT INTO calls (id, tenant_id, agent_id, phone_number_id, sid, direction, caller, called, status, outcome, admitted, \
         decision, duration_seconds, sequence, started_at, ended_at, updated_at) \
         SELECT {id}, number.tenant_id, number.agent_id, number.id, '{prefix}' || i, 'inbound', 'anonymous', number.number, 'completed', \
         CASE i % 5 WHEN 0 THEN 'agent' WHEN 1 THEN 'fallback' WHEN 2 THEN 'busy' WHEN 3 THEN 'unavailable' ELSE 'rejected' END, \
         false, CAST('{{}}' AS {json}), i % 300, 0, {at}, {at}, {at} FROM n \
         CROSS JOIN (SELECT * FROM phone_numbers WHERE status = 'active' LIMIT 1) AS number"
    )
}

/// Counts until a round is finished.
async fn count_all(system: &SystemStore, round: &mut CountingRound) {
    wait_until("all is counted", Duration::from_secs(60), async || {
        loop {
            match system.count_calls(round).await.unwrap() {
                Counting::Finished => return Some(()),
                Counting::More => {}
                // A transaction of another test, perhaps.
                Counting::Waiting => return None,
            }
        }
    })
    .await;
}

/// How many quarter hours of how many subjects differ between the calls and what is counted of them.
async fn differences(test: &TestDatabase) -> String {
    let quarter = if test.is_postgres() {
        "quarter_hour(started_at)"
    } else {
        "unixepoch(substr(started_at, 1, 19)) / 900"
    };
    let counts = "sum(CASE WHEN outcome = 'agent' THEN 1 ELSE 0 END) AS agents, count(*) AS calls, \
        sum(CASE WHEN status = 'completed' THEN coalesce((coalesce(duration_seconds, conversation_seconds) + 59) / 60, 0) ELSE 0 END) \
        AS minutes";
    let sql = format!(
        "SELECT CAST(count(*) AS text) FROM ( \
            SELECT tenant_id AS subject, {quarter} AS quarter, {counts} FROM calls GROUP BY 1, 2 \
            UNION ALL SELECT agent_id, {quarter}, {counts} FROM calls GROUP BY 1, 2 \
         ) AS live FULL JOIN ( \
            SELECT subject_id AS subject, quarter, sum(agent_calls) AS agents, sum(minutes) AS minutes, \
                sum(agent_calls + fallback_calls + busy_calls + unavailable_calls + rejected_calls) AS calls \
            FROM call_statistics GROUP BY 1, 2 \
         ) AS kept ON live.subject = kept.subject AND live.quarter = kept.quarter \
         WHERE live.calls IS DISTINCT FROM kept.calls OR live.agents IS DISTINCT FROM kept.agents \
             OR live.minutes IS DISTINCT FROM kept.minutes"
    );
    texts(test, &sql).await.remove(0)
}

/// How many days of how many agents differ between the totals, which count each call when it is written, and statistics, at one
/// instant.
async fn deviations(test: &TestDatabase) -> String {
    let (quarter, day) = if test.is_postgres() {
        ("quarter_hour(started_at)", "(to_timestamp(quarter * 900) AT TIME ZONE 'UTC')::date")
    } else {
        ("unixepoch(substr(started_at, 1, 19)) / 900", "date(quarter * 900, 'unixepoch')")
    };
    let sql = format!(
        "SELECT CAST(count(*) AS text) FROM ( \
            SELECT agent_id, day, sum(calls) AS calls, sum(minutes) AS minutes FROM call_totals GROUP BY 1, 2 \
         ) AS total FULL JOIN ( \
            SELECT agent_id, {day} AS day, sum(calls) AS calls, sum(minutes) AS minutes FROM ( \
                SELECT subject_id AS agent_id, quarter, minutes, \
                    agent_calls + fallback_calls + busy_calls + unavailable_calls + rejected_calls AS calls \
                FROM call_statistics WHERE subject_id <> tenant_id \
                UNION ALL \
                SELECT agent_id, {quarter}, CASE WHEN status = 'completed' \
                    THEN coalesce((coalesce(duration_seconds, conversation_seconds) + 59) / 60, 0) ELSE 0 END, 1 \
                FROM calls WHERE started_at >= (SELECT counted_until FROM call_statistics_progress) \
            ) AS counted GROUP BY 1, 2 \
         ) AS statistic ON total.agent_id = statistic.agent_id AND total.day = statistic.day \
         WHERE total.calls IS DISTINCT FROM statistic.calls OR total.minutes IS DISTINCT FROM statistic.minutes"
    );
    texts(test, &sql).await.remove(0)
}

fn sums(counts: &[CallCounts]) -> [i64; 6] {
    counts.iter().fold([0; 6], |sums, one| {
        let more = [one.agent, one.fallback, one.busy, one.unavailable, one.rejected, one.minutes];
        [0, 1, 2, 3, 4, 5].map(|at| sums[at] + more[at])
    })
}

#[tokio::test]
async fn calls_of_a_released_version_count_from_the_first_moment_and_each_of_them_once() {
    let test = TestDatabase::restore(versions().first().unwrap()).await;
    test.execute(&many_calls(&test, NEW_YEAR, 1..=12_000, "old")).await;
    let database = test.open().await;
    database.migrate().await.unwrap();
    let system = database.system();
    let start: DateTime<Utc> = "2025-12-01T00:00:00Z".parse().unwrap();
    let bounds: Vec<_> = (0..14).map(|month| start + TimeDelta::days(30 * month)).collect();
    let now = async || {
        let door = database.read_as(TenantId(TENANT)).await.unwrap();
        sums(&door.call_statistics(None, &bounds).await.unwrap())
    };
    let before = now().await;
    assert!(before[0] > 2400 && before[..5].iter().sum::<i64>() > 12_000, "{before:?}");
    assert_eq!(test.count("SELECT count(*) FROM call_statistics").await, 0);
    let mut expected = before;
    let mut batches = 0;
    let mut round = system.begin_counting().await.unwrap();
    let mut has_changed = false;
    loop {
        match system.count_calls(&mut round).await.unwrap() {
            Counting::Finished => break,
            Counting::Waiting => tokio::time::sleep(Duration::from_millis(20)).await,
            Counting::More => batches += 1,
        }
        assert_eq!(now().await, expected, "after {batches} batches");
        assert!(batches < 40, "the batches do not end");
        if has_changed || test.count("SELECT count(*) FROM call_statistics").await == 0 {
            continue;
        }
        has_changed = true;
        // Of the oldest, which are counted, and the newest, which are not: one is changed, one is deleted, and ten arrive late.
        for (at, (changed, deleted)) in [("old5", "old6"), ("old11995", "old11996")].into_iter().enumerate() {
            test.execute(&format!(
                "UPDATE calls SET outcome = 'busy', duration_seconds = 6000 WHERE sid = '{changed}'"
            ))
            .await;
            test.execute(&format!("DELETE FROM calls WHERE sid = '{deleted}'")).await;
            let late = [1, 11_901][at];
            test.execute(&many_calls(&test, NEW_YEAR, late..=late + 9, &format!("late{at}-"))).await;
            let minutes = |i: u32| i64::from((i % 300).div_ceil(60));
            expected[0] -= 1;
            expected[2] += 1;
            expected[5] += 100 - minutes([5, 11_995][at]);
            (0..5).for_each(|outcome| expected[outcome] += 2);
            expected[5] += (late..=late + 9).map(minutes).sum::<i64>();
            assert_eq!(now().await, expected, "{changed} and {deleted}");
        }
    }
    assert!(has_changed && batches >= 3, "{batches}");
    assert_eq!(now().await, expected);
    assert_eq!(differences(&test).await, "4", "the quarter hours of the two deleted calls, twice each");
    assert_eq!(deviations(&test).await, "0");
    database.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn while_calls_are_counted_others_arrive_change_and_are_deleted_and_statistics_are_exact_at_every_instant()
 {
    let test = TestDatabase::restore(versions().first().unwrap()).await;
    test.execute(&many_calls(&test, NEW_YEAR, 1..=11_000, "old")).await;
    let database = test.open_with(8, Clock::system()).await;
    database.migrate().await.unwrap();
    // From old ones to those that are counted last, and on to those that are too young to be counted.
    let lately =
        (Clock::system().now() - TimeDelta::hours(1)).to_rfc3339_opts(chrono::SecondsFormat::Secs, true);
    let writers = AtomicU32::new(2);
    let writing = async |of: u32| {
        for round in 0..12 {
            let sql = format!(
                "UPDATE calls SET duration_seconds = {}, outcome = CASE outcome WHEN 'agent' THEN 'fallback' ELSE 'agent' END, \
                 sequence = sequence + 1 WHERE sid LIKE '%{of}'",
                60 * round + 1
            );
            test.execute(&sql).await;
            let first = 900 * round + of;
            test.execute(&many_calls(&test, NEW_YEAR, first..=first + 19, &format!("late{of}-{round}-")))
                .await;
            test.execute(&many_calls(&test, &lately, 1..=19, &format!("new{of}-{round}-"))).await;
            test.execute(&format!("DELETE FROM calls WHERE sid LIKE '%{round}{of}'")).await;
        }
        writers.fetch_sub(1, Ordering::SeqCst);
    };
    let counting = async || {
        let system = database.system();
        while writers.load(Ordering::SeqCst) > 0 {
            let mut round = system.begin_counting().await.unwrap();
            count_all(&system, &mut round).await;
            // SQLite's writers would not get a turn.
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    let reading = async || {
        let mut readings = 0;
        while writers.load(Ordering::SeqCst) > 0 {
            assert_eq!(deviations(&test).await, "0", "after {readings} readings");
            readings += 1;
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        assert!(readings > 5, "{readings}");
    };
    tokio::join!(writing(3), writing(7), counting(), counting(), reading());
    assert_eq!(deviations(&test).await, "0");
    database.close().await;
}

/// Postgres only: SQLite has one writer at a time.
#[tokio::test]
async fn counting_waits_for_transactions_that_began_before_and_for_those_with_late_calls() {
    let test = TestDatabase::restore(versions().first().unwrap()).await;
    if !test.is_postgres() {
        return;
    }
    let database = test.open().await;
    database.migrate().await.unwrap();
    let system = database.system();
    // On different days, so that the transactions do not wait for each other's totals.
    let [now, then] = [0, 2].map(|days| {
        (Clock::system().now() + TimeDelta::days(days)).to_rfc3339_opts(chrono::SecondsFormat::Secs, true)
    });
    let begin = async |from: &str, prefix: &str| {
        let mut connection = test.raw().await;
        let sql = format!("SET ROLE switchboard_system; BEGIN; {}", many_calls(&test, from, 1..=5, prefix));
        connection.execute(sqlx::AssertSqlSafe(sql)).await.unwrap();
        connection
    };
    let mut earlier = begin(&now, "earlier").await;
    let mut round = system.begin_counting().await.unwrap();
    let mut later = begin(&then, "later").await;
    for _ in 0..3 {
        assert_eq!(system.count_calls(&mut round).await.unwrap(), Counting::Waiting);
    }
    earlier.execute("COMMIT").await.unwrap();
    // The one that began later is not waited for, unless it has late calls.
    let mut late = begin(NEW_YEAR, "late").await;
    let (until, waiting) = tokio::sync::oneshot::channel();
    let counting = async {
        count_all(&system, &mut round).await;
        until.send(()).unwrap();
    };
    let committing = async {
        let lock = "SELECT count(*) FROM pg_locks JOIN pg_stat_activity USING (pid) \
            WHERE datname = current_database() AND NOT granted";
        wait_until("counting waits for the lock", Duration::from_secs(20), async || {
            (test.count(lock).await >= 1).then_some(())
        })
        .await;
        late.execute("COMMIT").await.unwrap();
        waiting.await.unwrap();
    };
    tokio::join!(counting, committing);
    assert_eq!(deviations(&test).await, "0");
    assert_eq!(
        test.count("SELECT count(*) FROM call_statistics WHERE subject_id = tenant_id AND agent_calls = 1")
            .await,
        1
    );
    later.execute("COMMIT").await.unwrap();
    assert_eq!(deviations(&test).await, "0");
    database.close().await;
}
