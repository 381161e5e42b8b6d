//! Running totals of calls stay exact: after reports in any order, deletions, and concurrent writes.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU32, Ordering};

use chrono::{DateTime, Days, NaiveDate, NaiveTime, TimeDelta, Utc};
use proptest::prelude::*;
use proptest::test_runner::{Config, TestCaseError, TestRunner};
use sqlx::{AssertSqlSafe, Connection, PgConnection, Row, SqliteConnection};
use switchboard::domain::{
    Agent, AgentId, Call, CallDirection, CallOutcome, CallReport, CallStatus, CallerId, Clock,
    ConversationReport, NumberId, PhoneNumber, RoutingRules, TenantId,
};
use switchboard::store::{CallFilter, Database, TenantStore};
use uuid::Uuid;

use crate::support::database::{HandClock, TestDatabase};
use crate::support::fixtures::{self, e164, first};

/// One thing that happens. `call` counts back from the latest call.
#[derive(Debug, Clone)]
enum Step {
    /// A call comes in.
    Admitted { number: usize },
    /// A call that came in earlier is recorded from the journal.
    Recorded { number: usize, agent: usize, hours_ago: i64 },
    /// A status report of the carrier.
    Reported { call: usize, status: CallStatus, seconds: Option<i32> },
    /// A conversation report of the voice provider.
    Conversed { call: usize, failed: Option<CallStatus>, seconds: Option<i32> },
    /// The previous step, repeated.
    Again,
    /// Retention deletes calls that ended before then.
    Forgotten { hours_ago: i64 },
    /// Time passes.
    Passed { hours: i64 },
}

fn step() -> impl Strategy<Value = Step> {
    let seconds = || proptest::option::of(0..400_i32);
    let failed = proptest::option::of(proptest::sample::select(vec![CallStatus::Busy, CallStatus::Failed]));
    // Completed calls are reported again, so that their minutes change.
    let status = prop_oneof![Just(CallStatus::Completed), proptest::sample::select(CallStatus::ALL)];
    prop_oneof![
        4 => (0..3_usize).prop_map(|number| Step::Admitted { number }),
        3 => (0..3_usize, 0..2_usize, 0..800_i64)
            .prop_map(|(number, agent, hours_ago)| Step::Recorded { number, agent, hours_ago }),
        8 => (0..4_usize, status, seconds())
            .prop_map(|(call, status, seconds)| {
                Step::Reported { call, status, seconds: seconds.filter(|_| status.is_final()) }
            }),
        6 => (0..4_usize, failed, seconds())
            .prop_map(|(call, failed, seconds)| Step::Conversed { call, failed, seconds }),
        2 => Just(Step::Again),
        1 => (0..40_i64).prop_map(|hours_ago| Step::Forgotten { hours_ago }),
        2 => (1..30_i64).prop_map(|hours| Step::Passed { hours }),
    ]
}

/// A tenant and every call it ever had, as the domain's rules leave it.
struct Ledger {
    db: Database,
    clock: HandClock,
    tenant: TenantId,
    agents: [Agent; 2],
    numbers: Vec<PhoneNumber>,
    /// Each with whether it still exists.
    calls: Vec<(Call, bool)>,
}

impl Ledger {
    async fn open(db: &Database, clock: &HandClock) -> Self {
        static NUMBERS: AtomicU32 = AtomicU32::new(1000);
        let tenant = fixtures::tenant(db).await;
        let agents = [fixtures::agent(db, tenant).await, fixtures::agent(db, tenant).await];
        let mut numbers = Vec::new();
        for agent in [0, 1, 1] {
            let number = e164(NUMBERS.fetch_add(1, Ordering::Relaxed));
            numbers.push(fixtures::number(db, &agents[agent], &number).await);
        }
        Self { db: db.clone(), clock: clock.clone(), tenant, agents, numbers, calls: Vec::new() }
    }

    async fn carry_out(&mut self, step: &Step) {
        let (system, now) = (self.db.system(), self.clock.clock().now());
        match *step {
            Step::Admitted { number } => {
                let (id, incoming) = fixtures::incoming(&self.numbers[number].number);
                for _ in 0..2 {
                    let route = system.admit_call(id, &incoming).await.unwrap().unwrap();
                    assert_eq!(route.call.id, id);
                    self.calls.retain(|(known, _)| known.id != id);
                    self.calls.push((route.call, true));
                }
            }
            Step::Recorded { number, agent, hours_ago } => {
                let call =
                    call(&self.agents[agent], &self.numbers[number], now - TimeDelta::hours(hours_ago));
                for _ in 0..2 {
                    system.record_call(call.clone(), true).await.unwrap();
                }
                self.calls.push((call, true));
            }
            Step::Reported { call, status, seconds } => {
                let Some((known, kept)) = self.calls.iter_mut().rev().nth(call) else { return };
                let report = CallReport { status, duration_seconds: seconds, at: now };
                let left = system.report_call(&known.sid, report).await.unwrap();
                assert_eq!(left.is_some(), *kept);
                if *kept {
                    *known = known.clone().reported(report);
                }
            }
            Step::Conversed { call, failed, seconds } => {
                let Some((known, kept)) = self.calls.iter_mut().rev().nth(call) else { return };
                let conversation = format!("conv_{}", known.id.0.simple());
                let told = fixtures::over(&conversation, Some(&known.sid), seconds);
                let told = ConversationReport { failed, at: now, ..told };
                let left = system.report_conversation(&told).await.unwrap();
                assert_eq!(left.is_some(), *kept);
                if *kept {
                    *known = known.clone().conversed(&told);
                }
            }
            Step::Again => {}
            Step::Forgotten { hours_ago } => {
                let before = now - TimeDelta::hours(hours_ago);
                system.forget_calls(before, 1000).await.unwrap();
                for (call, kept) in &mut self.calls {
                    *kept &= call.ended_at.is_none_or(|ended| ended >= before);
                }
            }
            Step::Passed { hours } => self.clock.advance(TimeDelta::hours(hours)),
        }
    }

    /// Compares everything that totals answer with the ledger.
    async fn agrees(&self) -> Result<(), TestCaseError> {
        let door = self.db.read_as(self.tenant).await.unwrap();
        let today = self.clock.clock().now().date_naive();
        let day = |ago: u64| today - Days::new(ago);
        for days in [day(60)..day(0) + Days::new(1), day(3)..day(1), day(0)..day(0) + Days::new(1)] {
            let mut expected: HashMap<NumberId, (i64, i64)> =
                self.numbers.iter().map(|number| (number.id, (0, 0))).collect();
            for (call, _) in
                self.calls.iter().filter(|(call, _)| days.contains(&call.started_at.date_naive()))
            {
                let used = expected.entry(call.number_id).or_default();
                used.0 += 1;
                used.1 += i64::from(call.billed_minutes().unwrap_or_default());
            }
            let used = usage(&door, days.clone()).await;
            // A number bought after those days is listed only if it was called.
            expected.retain(|number, used_of_it| used.contains_key(number) || *used_of_it != (0, 0));
            prop_assert_eq!(used, expected, "{:?}", days);
        }

        let midnight = |ago| Some(day(ago).and_time(NaiveTime::MIN).and_utc());
        let all = CallFilter::default();
        let filters = [
            all.clone(),
            CallFilter { agent: Some(self.agents[0].id), ..all.clone() },
            CallFilter { agent: Some(self.agents[1].id), number: Some(self.numbers[0].id), ..all.clone() },
            CallFilter { number: Some(self.numbers[1].id), ..all.clone() },
            CallFilter { started_after: midnight(2), started_before: midnight(0), ..all.clone() },
            CallFilter { started_after: midnight(1).map(|at| at + TimeDelta::minutes(1)), ..all.clone() },
            CallFilter { started_before: Some(self.clock.clock().now()), ..all.clone() },
        ];
        let of_status =
            CallStatus::ALL.iter().map(|status| CallFilter { status: Some(*status), ..all.clone() });
        for filter in filters.into_iter().chain(of_status) {
            let kept = self.calls.iter().filter(|(call, kept)| *kept && finds(&filter, call)).count();
            prop_assert_eq!(door.count_calls(&filter).await.unwrap(), kept as i64, "{:?}", filter);
            let listed = door.calls(&filter, first(100)).await.unwrap().items.len();
            prop_assert_eq!(listed, kept, "{:?}", filter);
        }
        let mut each: HashMap<AgentId, i64> = HashMap::new();
        for (call, _) in self.calls.iter().filter(|(_, kept)| *kept) {
            *each.entry(call.agent_id).or_default() += 1;
        }
        let ids = [self.agents[0].id, self.agents[1].id];
        prop_assert_eq!(door.count_calls_of_each(&ids).await.unwrap(), each);
        Ok(())
    }
}

fn finds(filter: &CallFilter, call: &Call) -> bool {
    filter.agent.is_none_or(|agent| call.agent_id == agent)
        && filter.number.is_none_or(|number| call.number_id == number)
        && filter.status.is_none_or(|status| call.status == status)
        && filter.started_after.is_none_or(|after| call.started_at >= after)
        && filter.started_before.is_none_or(|before| call.started_at < before)
}

fn call(agent: &Agent, number: &PhoneNumber, started_at: DateTime<Utc>) -> Call {
    let (id, incoming) = fixtures::incoming(&number.number);
    Call {
        id,
        tenant_id: agent.tenant_id,
        agent_id: agent.id,
        number_id: number.id,
        sid: incoming.sid,
        direction: CallDirection::Inbound,
        from: incoming.from,
        attestation: None,
        to: incoming.to,
        status: CallStatus::Ringing,
        outcome: CallOutcome::Unavailable,
        decision: RoutingRules::default().decide(&CallerId::Hidden, started_at),
        conversation_id: None,
        duration_seconds: None,
        conversation_seconds: None,
        started_at,
        ended_at: None,
    }
}

async fn usage(door: &TenantStore, days: std::ops::Range<NaiveDate>) -> HashMap<NumberId, (i64, i64)> {
    let used = door.usage(days).await.unwrap();
    used.into_iter().map(|used| (used.number.id, (used.calls, used.minutes))).collect()
}

#[test]
fn totals_equal_the_sum_of_all_calls_after_every_step() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let clock = HandClock::new();
    let (_test, db) = runtime.block_on(async {
        let test = TestDatabase::create().await;
        let db = test.open_with(2, clock.clock()).await;
        (test, db)
    });
    let mut runner = TestRunner::new(Config { cases: 16, failure_persistence: None, ..Config::default() });
    let run = runner.run(&proptest::collection::vec(step(), 20..50), |steps| {
        runtime.block_on(async {
            let mut ledger = Ledger::open(&db, &clock).await;
            let mut last = &Step::Again;
            for step in &steps {
                if !matches!(step, Step::Again) {
                    last = step;
                }
                ledger.carry_out(last).await;
                ledger.agrees().await?;
            }
            Ok(())
        })
    });
    run.unwrap_or_else(|failure| panic!("{failure}"));
}

#[tokio::test]
async fn a_call_cannot_move_to_another_total() {
    let test = TestDatabase::create().await;
    let db = test.open().await;
    let tenant = fixtures::tenant(&db).await;
    let agent = fixtures::agent(&db, tenant).await;
    let number = fixtures::number(&db, &agent, &e164(900)).await;
    db.system().record_call(call(&agent, &number, Clock::system().now()), true).await.unwrap();
    for column in ["tenant_id", "agent_id", "phone_number_id", "started_at"] {
        let sql = format!("UPDATE calls SET {column} = {column}");
        let refused = if test.is_postgres() {
            let mut connection = as_system(&test).await;
            sqlx::query(AssertSqlSafe(sql)).execute(&mut connection).await.map(drop)
        } else {
            let mut connection = SqliteConnection::connect(&test.url).await.unwrap();
            sqlx::query(AssertSqlSafe(sql)).execute(&mut connection).await.map(drop)
        };
        assert!(refused.unwrap_err().to_string().contains("cannot change"), "{column}");
    }
}

async fn as_system(test: &TestDatabase) -> PgConnection {
    let mut connection = test.raw().await;
    sqlx::query("SET ROLE switchboard_system").execute(&mut connection).await.unwrap();
    connection
}

const WRITERS: usize = 4;
const ROUNDS: usize = 12;
const BATCH: usize = 24;

/// Concurrent writers of the same totals, each in its own order; on Postgres with many calls in a statement.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn concurrent_writers_of_the_same_totals_do_not_deadlock_or_lose_calls() {
    let test = TestDatabase::create().await;
    let db = test.open_with(8, Clock::system()).await;
    let tenant = fixtures::tenant(&db).await;
    let agent = fixtures::agent(&db, tenant).await;
    let mut numbers = Vec::new();
    for at in 0..8 {
        numbers.push(fixtures::number(&db, &agent, &e164(910 + at)).await);
    }
    let mut writers = tokio::task::JoinSet::new();
    for writer in 0..WRITERS {
        let connection = if test.is_postgres() { Some(as_system(&test).await) } else { None };
        let (db, agent, numbers) = (db.clone(), agent.clone(), numbers.clone());
        writers.spawn(async move {
            match connection {
                Some(connection) => write_in_batches(connection, writer, &numbers).await,
                None => write_one_by_one(&db, writer, &agent, &numbers).await,
            }
        });
    }
    while let Some(written) = writers.join_next().await {
        written.unwrap();
    }

    // Of each batch, the first half completed after 61 seconds, and the first quarter was deleted.
    let calls = (WRITERS * ROUNDS * BATCH) as i64;
    let door = db.read_as(tenant).await.unwrap();
    let today = Clock::system().now().date_naive();
    let used = usage(&door, today - Days::new(300)..today + Days::new(2)).await;
    assert_eq!(used.values().map(|used| used.0).sum::<i64>(), calls);
    assert_eq!(used.values().map(|used| used.1).sum::<i64>(), calls);
    assert_eq!(door.count_calls(&CallFilter::default()).await.unwrap(), calls / 4 * 3);
    assert_eq!(test.count("SELECT count(*) FROM calls").await, calls / 4 * 3);
}

/// A number and a day (so many days ago), in an order that differs between writers and rounds.
fn mixed(writer: usize, round: usize, at: usize) -> (usize, i64) {
    let mixed = (at * [1, 3, 5, 7][writer % 4] + round * 11 + writer) % BATCH;
    (mixed % 8, (mixed / 8) as i64)
}

async fn write_in_batches(mut connection: PgConnection, writer: usize, numbers: &[PhoneNumber]) {
    for round in 0..ROUNDS {
        let order: Vec<_> = (0..BATCH).map(|at| mixed(writer, round, at)).collect();
        let wanted: Vec<Uuid> = order.iter().map(|(number, _)| numbers[*number].id.0).collect();
        let days: Vec<i64> = order.iter().map(|(_, days)| *days).collect();
        let sql = "INSERT INTO calls (id, tenant_id, agent_id, phone_number_id, sid, direction, caller, called, status, \
                   outcome, admitted, decision, sequence, started_at, updated_at) \
                   SELECT gen_random_uuid(), n.tenant_id, n.agent_id, n.id, 'CA' || gen_random_uuid(), 'inbound', 'x', \
                   n.number, 'ringing', 'agent', true, '{}', 0, now() - ago * interval '1 day', now() \
                   FROM unnest($1, $2) WITH ORDINALITY AS wanted(id, ago, at) JOIN phone_numbers n ON n.id = wanted.id \
                   ORDER BY at RETURNING id";
        let rows = sqlx::query(sql).bind(wanted).bind(days).fetch_all(&mut connection).await.unwrap();
        let ids: Vec<Uuid> = rows.iter().map(|row| row.get(0)).collect();
        assert_eq!(ids.len(), BATCH);
        let sql = "UPDATE calls SET status = 'completed', duration_seconds = 61, ended_at = now() WHERE id = ANY($1)";
        sqlx::query(sql).bind(&ids[..BATCH / 2]).execute(&mut connection).await.unwrap();
        let sql = "DELETE FROM calls WHERE id = ANY($1)";
        sqlx::query(sql).bind(&ids[..BATCH / 4]).execute(&mut connection).await.unwrap();
    }
}

async fn write_one_by_one(db: &Database, writer: usize, agent: &Agent, numbers: &[PhoneNumber]) {
    let system = db.system();
    let long_ago = Clock::system().now() - TimeDelta::days(100);
    for round in 0..ROUNDS {
        for at in 0..BATCH {
            let (number, days) = mixed(writer, round, at);
            // Only the calls to delete ended long ago.
            let days = if at < BATCH / 4 { days + 200 } else { days };
            let started_at = Clock::system().now() - TimeDelta::days(days);
            let call = call(agent, &numbers[number], started_at);
            system.record_call(call.clone(), true).await.unwrap();
            if at < BATCH / 2 {
                let report =
                    CallReport { status: CallStatus::Completed, duration_seconds: Some(61), at: started_at };
                system.report_call(&call.sid, report).await.unwrap().unwrap();
            }
        }
        system.forget_calls(long_ago, 1000).await.unwrap();
    }
}

/// Servers on one database, each with batches of its own. A batch that loses to a deadlock is written again, so only the
/// database tells of it.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn servers_that_report_calls_of_the_same_totals_do_not_deadlock() {
    let test = TestDatabase::create().await;
    let servers = [test.open().await, test.open().await, test.open().await];
    let tenant = fixtures::tenant(&servers[0]).await;
    let agent = fixtures::agent(&servers[0], tenant).await;
    let mut numbers = Vec::new();
    for at in 0..8 {
        numbers.push(fixtures::number(&servers[0], &agent, &e164(930 + at)).await);
    }
    let mut reporters = tokio::task::JoinSet::new();
    for (writer, db) in servers.iter().enumerate() {
        let (db, agent, numbers) = (db.clone(), agent.clone(), numbers.clone());
        reporters.spawn(async move {
            for round in 0..ROUNDS {
                let (mut calls, mut reports) = (Vec::new(), tokio::task::JoinSet::new());
                for at in 0..BATCH {
                    let (number, days) = mixed(writer, round, at);
                    let call = call(&agent, &numbers[number], Clock::system().now() - TimeDelta::days(days));
                    calls.push(call);
                }
                for call in &calls {
                    db.system().record_call(call.clone(), true).await.unwrap();
                }
                for call in calls {
                    let system = db.system();
                    reports.spawn(async move {
                        let report = fixtures::report(CallStatus::Completed, Some(61));
                        system.report_call(&call.sid, report).await.unwrap().unwrap();
                    });
                }
                while let Some(reported) = reports.join_next().await {
                    reported.unwrap();
                }
            }
        });
    }
    while let Some(reported) = reporters.join_next().await {
        reported.unwrap();
    }
    let door = servers[0].read_as(tenant).await.unwrap();
    let today = Clock::system().now().date_naive();
    let used = usage(&door, today - Days::new(7)..today + Days::new(2)).await;
    let calls = (servers.len() * ROUNDS * BATCH) as i64;
    let total = used.values().fold((0, 0), |all, used| (all.0 + used.0, all.1 + used.1));
    assert_eq!(total, (calls, 2 * calls));
    drop(door);
    for db in servers {
        db.close().await;
    }
    if test.is_postgres() {
        let sql = "SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()";
        assert_eq!(test.count(sql).await, 0);
    }
}
