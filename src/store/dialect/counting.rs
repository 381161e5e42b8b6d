//! SQL for counting calls for statistics.

use sea_orm::{ConnectionTrait, DbBackend, DbErr, Statement};

use super::has_policies;

/// The quarter hour of a timestamp in this column, counted from 1970 in UTC.
pub(in crate::store) fn quarter_hour(db: &impl ConnectionTrait, column: &str) -> String {
    if has_policies(db) {
        format!("quarter_hour({column})")
    } else {
        // The first 19 characters are the whole seconds: SQLite would round the rest up.
        format!("unixepoch(substr({column}, 1, 19)) / 900")
    }
}

/// SQL for the later of two instants, neither of which is null.
pub(in crate::store) fn later_of(db: &impl ConnectionTrait, one: &str, other: &str) -> String {
    let later = if has_policies(db) { "greatest" } else { "max" };
    format!("{later}({one}, {other})")
}

/// SQL for the table expression `c`: all tenants' calls that started from `$1` on and before `$2`. Both databases search an index
/// of calls once for each tenant: none is by time alone, which would cost every call an entry. `OFFSET 0` keeps Postgres
/// from joining all calls instead, when it planned the statement while there were few.
pub(in crate::store) fn calls_of_all_tenants(db: &impl ConnectionTrait) -> &'static str {
    if has_policies(db) {
        "tenants AS t CROSS JOIN LATERAL (SELECT tenant_id, agent_id, phone_number_id, started_at, outcome, status, \
         duration_seconds, conversation_seconds FROM calls \
         WHERE calls.tenant_id = t.id AND calls.started_at >= $1 AND calls.started_at < $2 OFFSET 0) AS c"
    } else {
        "tenants AS t CROSS JOIN calls AS c ON c.tenant_id = t.id AND c.started_at >= $1 AND c.started_at < $2"
    }
}

/// SQL for the end of the last quarter hour that ended 30 minutes ago, as `until`, and for the id of this transaction. Postgres
/// reads the clock at `BEGIN`, before it assigns the id. SQLite, with one writer at a time, needs no id.
pub(in crate::store) fn countable_until(db: &impl ConnectionTrait) -> &'static str {
    if has_policies(db) {
        "SELECT date_bin('15 minutes', now() - interval '30 minutes', timestamptz 'epoch') AS until, \
         CAST(CAST(pg_current_xact_id() AS text) AS bigint) AS transaction_id"
    } else {
        "SELECT strftime('%Y-%m-%dT%H:%M:%S+00:00', (unixepoch() - 1800) / 900 * 900, 'unixepoch') AS until, \
         0 AS transaction_id"
    }
}

/// Whether a writing transaction with a lower id is still open. Never on SQLite.
pub(in crate::store) async fn is_open_before(
    db: &impl ConnectionTrait,
    transaction_id: i64,
) -> Result<bool, DbErr> {
    if !has_policies(db) {
        return Ok(false);
    }
    let sql = "SELECT CAST(CAST(pg_snapshot_xmin(pg_current_snapshot()) AS text) AS bigint) < $1 AS is_open";
    let asked = Statement::from_sql_and_values(DbBackend::Postgres, sql, [transaction_id.into()]);
    let row = db.query_one_raw(asked).await?;
    Ok(row.map(|row| row.try_get("", "is_open")).transpose()?.unwrap_or(true))
}
