//! Statistics of calls: how many had which outcome, by quarter hour. Calls that started before `call_statistics_progress` are
//! counted in `call_statistics`, and a query counts the others from the calls themselves. One statement reads all three, so it is
//! exact at every instant, whatever is counted meanwhile.
//!
//! A worker on any server counts a call half an hour after its start. Triggers on `calls` count what happens afterwards: a call
//! that is recorded late, a change, a deletion. Deleting a call does not change statistics. The migration says why no call is
//! missed or counted twice, whatever runs at the same time: [`SystemStore::begin_counting`] is a part of that.

use chrono::{DateTime, TimeDelta, Utc};
use sea_orm::{ConnectionTrait, FromQueryResult, Statement, Value};

use crate::domain::{AgentId, CountryCode, NumberType};
use crate::store::doors::Transaction;
use crate::store::entities;
use crate::store::{StoreError, SystemStore, TenantStore, dialect};

const TABLE: &str = "call_statistics";
/// Seconds of a quarter hour.
const QUARTER: i64 = 900;
/// Calls that are counted in one transaction, at most, unless more start within [`SHORTEST`].
const BATCH: i64 = 5000;
/// The shortest time whose calls are counted together.
const SHORTEST: TimeDelta = TimeDelta::seconds(1);

/// Calls of one bucket to numbers of one country and kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CallCounts {
    /// Index of the bucket.
    pub bucket: usize,
    /// Country of the numbers.
    pub country: CountryCode,
    /// Kind of the numbers.
    pub kind: NumberType,
    /// Calls that an agent answered.
    pub agent: i64,
    /// Calls that went to a person.
    pub fallback: i64,
    /// Calls for which no call slot was free.
    pub busy: i64,
    /// Calls that heard a message.
    pub unavailable: i64,
    /// Calls that were rejected.
    pub rejected: i64,
    /// Billed minutes of these calls.
    pub minutes: i64,
}

#[derive(Debug, FromQueryResult)]
struct Row {
    nth: i64,
    country: String,
    kind: String,
    agent_calls: i64,
    fallback_calls: i64,
    busy_calls: i64,
    unavailable_calls: i64,
    rejected_calls: i64,
    minutes: i64,
}

/// Consecutive buckets of the same length, which one statement reads.
#[derive(Debug, PartialEq, Eq)]
struct Run {
    first: usize,
    start: i64,
    length: i64,
    buckets: i64,
}

impl Run {
    fn end(&self) -> i64 {
        self.start + self.length * self.buckets
    }

    /// Whether this is the next bucket, and of the same length. An empty one between them has taken an index.
    fn goes_on_with(&self, bucket: usize, start: i64, end: i64) -> bool {
        let is_next = usize::try_from(self.buckets).is_ok_and(|buckets| self.first + buckets == bucket);
        is_next && self.end() == start && self.length == end - start
    }
}

/// Groups buckets by these bounds into runs. All bounds of today's time zones are whole quarter hours; those of a zone's
/// distant past, when no call was counted, are rounded down.
fn runs(bounds: &[DateTime<Utc>]) -> Vec<Run> {
    let mut runs: Vec<Run> = Vec::new();
    for (bucket, pair) in bounds.windows(2).enumerate() {
        let [start, end] = [pair[0], pair[1]].map(quarter_of);
        match runs.last_mut() {
            _ if end <= start => {}
            Some(run) if run.goes_on_with(bucket, start, end) => run.buckets += 1,
            _ => runs.push(Run { first: bucket, start, length: end - start, buckets: 1 }),
        }
    }
    runs
}

fn quarter_of(at: DateTime<Utc>) -> i64 {
    at.timestamp().div_euclid(QUARTER)
}

/// The start of a quarter hour; the furthest possible instant for one that is out of range.
fn start_of(quarter: i64) -> DateTime<Utc> {
    let latest = DateTime::from_timestamp(253_402_300_799, 0).unwrap_or_default();
    DateTime::from_timestamp(quarter.saturating_mul(QUARTER), 0).map_or(latest, |at| at.min(latest))
}

/// The counts of a group of calls, as columns. `c` is `calls`.
const COUNTS_OF_CALLS: &str = "SUM(CASE WHEN c.outcome = 'agent' THEN 1 ELSE 0 END) AS agent_calls, \
    SUM(CASE WHEN c.outcome = 'fallback' THEN 1 ELSE 0 END) AS fallback_calls, \
    SUM(CASE WHEN c.outcome = 'busy' THEN 1 ELSE 0 END) AS busy_calls, \
    SUM(CASE WHEN c.outcome = 'unavailable' THEN 1 ELSE 0 END) AS unavailable_calls, \
    SUM(CASE WHEN c.outcome = 'rejected' THEN 1 ELSE 0 END) AS rejected_calls, \
    SUM(CASE WHEN c.status = 'completed' THEN \
        COALESCE((CAST(COALESCE(c.duration_seconds, c.conversation_seconds) AS bigint) + 59) / 60, 0) ELSE 0 END) AS minutes";

/// The sums of rows with counts, as columns. The casts are for Postgres, where a sum of `bigint` is a `numeric`.
const SUMS: &str = "CAST(SUM(agent_calls) AS bigint) AS agent_calls, CAST(SUM(fallback_calls) AS bigint) AS fallback_calls, \
    CAST(SUM(busy_calls) AS bigint) AS busy_calls, CAST(SUM(unavailable_calls) AS bigint) AS unavailable_calls, \
    CAST(SUM(rejected_calls) AS bigint) AS rejected_calls, CAST(SUM(minutes) AS bigint) AS minutes";

const COUNTED: &str = "SELECT quarter, country, kind, agent_calls, fallback_calls, busy_calls, unavailable_calls, rejected_calls, \
    minutes FROM call_statistics WHERE tenant_id = $1 AND subject_id = $2 AND quarter >= $3 AND quarter < $5";

const COUNTED_UNTIL: &str = "SELECT counted_until FROM call_statistics_progress";

/// Calls that [`SystemStore::count_calls`] counts: those that started long enough before the round began.
#[derive(Debug)]
pub struct CountingRound {
    until: DateTime<Utc>,
    /// Transactions with a lower id may have written such calls without counting them.
    transaction_id: i64,
    /// Time whose calls are likely to be one batch.
    span: TimeDelta,
}

/// What a batch of a [`CountingRound`] achieved.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Counting {
    /// All calls of the round are counted.
    Finished,
    /// There may be more.
    More,
    /// Nothing: a transaction that was open when the round began has not ended yet.
    Waiting,
}

impl TenantStore {
    /// Counts the calls in each bucket between consecutive bounds, to one agent or to all of them. Buckets without calls are
    /// missing.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn call_statistics(
        &self,
        agent: Option<AgentId>,
        bounds: &[DateTime<Utc>],
    ) -> Result<Vec<CallCounts>, StoreError> {
        let not_counted = self.not_counted(agent);
        let sql = format!(
            "SELECT (quarter - $3) / $4 AS nth, country, kind, {SUMS} FROM ({COUNTED} UNION ALL {not_counted}) AS counts \
             GROUP BY 1, 2, 3"
        );
        let mut counts = Vec::new();
        for run in runs(bounds) {
            let values: Vec<Value> = vec![
                self.tenant.0.into(),
                agent.map_or(self.tenant.0, |agent| agent.0).into(),
                run.start.into(),
                run.length.into(),
                run.end().into(),
                start_of(run.start).into(),
                start_of(run.end()).into(),
            ];
            let rows = self.transaction.query_all_raw(statement(&self.transaction, &sql, values)).await?;
            for row in &rows {
                counts.push(read(&run, &entities::decoded(row)?)?);
            }
        }
        Ok(counts)
    }

    /// SQL for the calls that are not counted yet, in the columns of [`COUNTED`].
    fn not_counted(&self, agent: Option<AgentId>) -> String {
        let quarter = dialect::quarter_hour(&self.transaction, "c.started_at");
        // One lower bound: SQLite would search its index by only one of two.
        let from = dialect::later_of(&self.transaction, "$6", &format!("({COUNTED_UNTIL})"));
        let of_agent = if agent.is_some() { " AND c.agent_id = $2" } else { "" };
        format!(
            "SELECT {quarter} AS quarter, n.country, n.kind, {COUNTS_OF_CALLS} FROM calls AS c \
             JOIN phone_numbers AS n ON n.tenant_id = c.tenant_id AND n.id = c.phone_number_id \
             WHERE c.tenant_id = $1{of_agent} AND c.started_at >= {from} AND c.started_at < $7 \
             GROUP BY {quarter}, n.country, n.kind"
        )
    }
}

impl SystemStore {
    /// Begins a round of counting, for [`Self::count_calls`]: all quarter hours that ended 30 minutes ago by the database's clock.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn begin_counting(&self) -> Result<CountingRound, StoreError> {
        let transaction = self.begin().await?;
        let sql = dialect::countable_until(&transaction);
        let found = transaction.query_one_raw(statement(&transaction, sql, Vec::new())).await?;
        let found = found.ok_or(NO_PROGRESS)?;
        let until: DateTime<Utc> = found.try_get("", "until")?;
        let transaction_id = found.try_get("", "transaction_id")?;
        transaction.commit().await?;
        Ok(CountingRound { until, transaction_id, span: until - DateTime::UNIX_EPOCH })
    }

    /// Counts a batch of a round's calls, oldest first. Every server may do so at the same time.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn count_calls(&self, round: &mut CountingRound) -> Result<Counting, StoreError> {
        let transaction = self.begin().await?;
        let from = counted_until(&transaction, "").await?;
        if from >= round.until {
            return Ok(Counting::Finished);
        }
        if dialect::is_open_before(&transaction, round.transaction_id).await? {
            return Ok(Counting::Waiting);
        }
        // Before the lock, so that triggers do not wait for it.
        let until = batch_end(&transaction, from, round).await?;
        if counted_until(&transaction, dialect::locking(&transaction)).await? != from {
            // Another server was faster.
            return Ok(Counting::More);
        }
        let quarter = dialect::quarter_hour(&transaction, "c.started_at");
        let calls = dialect::calls_of_all_tenants(&transaction);
        let count = format!(
            "INSERT INTO call_statistics AS total (tenant_id, subject_id, quarter, country, kind, agent_calls, fallback_calls, \
                 busy_calls, unavailable_calls, rejected_calls, minutes) \
             SELECT c.tenant_id, CASE WHEN level.of_agent = 1 THEN c.agent_id ELSE c.tenant_id END, {quarter}, n.country, n.kind, \
                 {COUNTS_OF_CALLS} \
             FROM {calls} JOIN phone_numbers AS n ON n.tenant_id = c.tenant_id AND n.id = c.phone_number_id \
             CROSS JOIN (SELECT 0 AS of_agent UNION ALL SELECT 1) AS level \
             WHERE TRUE GROUP BY 1, 2, 3, 4, 5 \
             ON CONFLICT (tenant_id, subject_id, quarter, country, kind) DO UPDATE SET \
                 agent_calls = total.agent_calls + excluded.agent_calls, \
                 fallback_calls = total.fallback_calls + excluded.fallback_calls, \
                 busy_calls = total.busy_calls + excluded.busy_calls, \
                 unavailable_calls = total.unavailable_calls + excluded.unavailable_calls, \
                 rejected_calls = total.rejected_calls + excluded.rejected_calls, \
                 minutes = total.minutes + excluded.minutes"
        );
        let values = vec![from.into(), until.into()];
        transaction.execute_raw(statement(&transaction, &count, values)).await?;
        let advance = "UPDATE call_statistics_progress SET counted_until = $1";
        transaction.execute_raw(statement(&transaction, advance, vec![until.into()])).await?;
        transaction.commit().await?;
        round.span = (until - from) * 2;
        Ok(Counting::More)
    }
}

const NO_PROGRESS: StoreError =
    StoreError::Corrupt { table: "call_statistics_progress", column: "counted_until" };

async fn counted_until(transaction: &Transaction, locking: &str) -> Result<DateTime<Utc>, StoreError> {
    let sql = format!("{COUNTED_UNTIL}{locking}");
    let found = transaction.query_one_raw(statement(transaction, &sql, Vec::new())).await?;
    Ok(found.ok_or(NO_PROGRESS)?.try_get("", "counted_until")?)
}

/// The end of the next batch. A span with too many calls is halved until they are few enough.
async fn batch_end(
    transaction: &Transaction,
    from: DateTime<Utc>,
    round: &CountingRound,
) -> Result<DateTime<Utc>, StoreError> {
    let calls = dialect::calls_of_all_tenants(transaction);
    let sql = format!("SELECT count(*) AS calls FROM (SELECT 1 FROM {calls} LIMIT $3) AS batch");
    let mut span = round.span.min(round.until - from);
    while span > SHORTEST {
        let values = vec![from.into(), (from + span).into(), (BATCH + 1).into()];
        let found = transaction.query_one_raw(statement(transaction, &sql, values)).await?;
        let calls: i64 = found.map(|row| row.try_get("", "calls")).transpose()?.unwrap_or_default();
        if calls <= BATCH {
            break;
        }
        span = TimeDelta::seconds(span.num_seconds() / 2).max(SHORTEST);
    }
    Ok(from + span)
}

fn statement(db: &impl ConnectionTrait, sql: &str, values: Vec<Value>) -> Statement {
    Statement::from_sql_and_values(db.get_database_backend(), sql, values)
}

fn read(run: &Run, row: &Row) -> Result<CallCounts, StoreError> {
    let nth =
        usize::try_from(row.nth).map_err(|_| StoreError::Corrupt { table: TABLE, column: "quarter" })?;
    Ok(CallCounts {
        bucket: run.first + nth,
        country: entities::text(TABLE, "country", &row.country)?,
        kind: entities::text(TABLE, "kind", &row.kind)?,
        agent: row.agent_calls,
        fallback: row.fallback_calls,
        busy: row.busy_calls,
        unavailable: row.unavailable_calls,
        rejected: row.rejected_calls,
        minutes: row.minutes,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn buckets_of_one_length_are_read_together() {
        let bounds = |quarters: &[i64]| -> Vec<_> { quarters.iter().map(|at| start_of(*at)).collect() };
        let run = |first, start, length, buckets| Run { first, start, length, buckets };
        assert_eq!(
            runs(&bounds(&[0, 96, 192, 284, 380])),
            [run(0, 0, 96, 2), run(2, 192, 92, 1), run(3, 284, 96, 1)]
        );
        // Two bounds in one quarter hour.
        let odd = [start_of(0), start_of(4), start_of(4) + chrono::TimeDelta::seconds(30), start_of(8)];
        assert_eq!(runs(&odd), [run(0, 0, 4, 1), run(2, 4, 4, 1)]);
        assert_eq!(runs(&[]), []);
    }
}
