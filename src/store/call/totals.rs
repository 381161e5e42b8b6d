//! Running totals of calls by UTC day, number and agent. Triggers on `calls` maintain them in the transaction that writes
//! the call, so they are exact; this module only reads them.

use std::collections::HashMap;
use std::ops::Range;

use chrono::{DateTime, NaiveDate, NaiveTime, Utc};
use sea_orm::sea_query::{Expr, ExprTrait};
use sea_orm::{
    ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, QueryOrder, QueryResult, QuerySelect, Select,
    Statement, Value,
};
use uuid::Uuid;

use super::CallFilter;
use crate::domain::{AgentId, CountryCode, NumberType};
use crate::store::entities::call_total::{Column, Entity};
use crate::store::entities::{self, phone_number};
use crate::store::{StoreError, TenantStore, dialect};

/// Usage of the numbers of one country and kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KindUsage {
    /// Country of the numbers.
    pub country: CountryCode,
    /// Kind of the numbers.
    pub kind: NumberType,
    /// Inbound calls, including calls deleted since.
    pub calls: i64,
    /// Billed minutes of these calls.
    pub minutes: i64,
}

impl TenantStore {
    fn own_totals(&self) -> Select<Entity> {
        Entity::find().filter(Column::TenantId.eq(self.tenant.0))
    }

    /// Calls to each number on these UTC days and their billed minutes, including calls deleted since. A number
    /// without calls is missing.
    pub(in crate::store) async fn calls_and_minutes(
        &self,
        days: &Range<NaiveDate>,
    ) -> Result<HashMap<Uuid, (i64, i64)>, StoreError> {
        let rows: Vec<(Uuid, i64, i64)> =
            self.totals_by_number(days).into_tuple().all(&self.transaction).await?;
        Ok(rows.into_iter().map(|(number, calls, minutes)| (number, (calls, minutes))).collect())
    }

    fn totals_by_number(&self, days: &Range<NaiveDate>) -> Select<Entity> {
        self.own_totals()
            .filter(Column::Day.gte(days.start))
            .filter(Column::Day.lt(days.end))
            .select_only()
            .column(Column::PhoneNumberId)
            .expr(total(Column::Calls))
            .expr(total(Column::Minutes))
            .group_by(Column::PhoneNumberId)
    }

    /// Calls and minutes of each of these UTC days, by country and kind of the numbers. Days without calls are missing.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn usage_by_day(
        &self,
        days: &Range<NaiveDate>,
    ) -> Result<Vec<(NaiveDate, KindUsage)>, StoreError> {
        let rows = self.usage_by("day", "", days, Vec::new()).await?;
        rows.iter().map(|row| Ok((row.try_get("", "day")?, kind_usage(row)?))).collect()
    }

    /// Calls and minutes on these UTC days of the `most` agents with most calls, by country and kind of the numbers.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn usage_by_agent(
        &self,
        days: &Range<NaiveDate>,
        most: u16,
    ) -> Result<Vec<(AgentId, KindUsage)>, StoreError> {
        let ranked: Vec<(Uuid, i64)> = self
            .own_totals()
            .filter(Column::Day.gte(days.start))
            .filter(Column::Day.lt(days.end))
            .select_only()
            .column(Column::AgentId)
            .expr(total(Column::Calls))
            .group_by(Column::AgentId)
            .order_by_desc(total(Column::Calls))
            .order_by_asc(Column::AgentId)
            .limit(u64::from(most))
            .into_tuple()
            .all(&self.transaction)
            .await?;
        let among = dialect::among(&self.transaction, "t.agent_id", 4);
        let ids = dialect::ids(&self.transaction, ranked.iter().map(|(agent, _)| *agent));
        let rows = self.usage_by("agent_id", &format!("AND {among}"), days, vec![ids]).await?;
        rows.iter().map(|row| Ok((AgentId(row.try_get("", "agent_id")?), kind_usage(row)?))).collect()
    }

    async fn usage_by(
        &self,
        key: &'static str,
        condition: &str,
        days: &Range<NaiveDate>,
        further: Vec<Value>,
    ) -> Result<Vec<QueryResult>, StoreError> {
        let sql = format!(
            "SELECT t.{key}, n.country, n.kind, CAST(SUM(t.calls) AS bigint) AS calls, CAST(SUM(t.minutes) AS bigint) AS minutes \
             FROM call_totals AS t JOIN phone_numbers AS n ON n.tenant_id = t.tenant_id AND n.id = t.phone_number_id \
             WHERE t.tenant_id = $1 AND t.day >= $2 AND t.day < $3 {condition} GROUP BY t.{key}, n.country, n.kind"
        );
        let mut values: Vec<Value> = vec![self.tenant.0.into(), days.start.into(), days.end.into()];
        values.extend(further);
        let backend = self.transaction.get_database_backend();
        Ok(self.transaction.query_all_raw(Statement::from_sql_and_values(backend, sql, values)).await?)
    }

    /// Number of calls that match a filter; `None` if the totals cannot tell: the filter asks for a status or for part of
    /// a day.
    pub(super) async fn count_by_totals(&self, filter: &CallFilter) -> Result<Option<i64>, StoreError> {
        let Some(query) = self.totals_of(filter) else { return Ok(None) };
        let kept = query.select_only().expr(total(Column::Kept));
        let kept = kept.into_tuple::<Option<i64>>().one(&self.transaction).await?;
        Ok(Some(kept.flatten().unwrap_or_default()))
    }

    /// Number of calls of each agent. Agents without calls are missing.
    pub(super) async fn count_each_by_totals(
        &self,
        agents: &[AgentId],
    ) -> Result<HashMap<AgentId, i64>, StoreError> {
        let rows: Vec<(Uuid, i64)> = self
            .own_totals()
            .filter(Column::AgentId.is_in(agents.iter().map(|id| id.0)))
            // Totals outlive their calls, because usage counts deleted calls, too.
            .filter(Column::Kept.gt(0))
            .select_only()
            .column(Column::AgentId)
            .expr(total(Column::Kept))
            .group_by(Column::AgentId)
            .into_tuple()
            .all(&self.transaction)
            .await?;
        Ok(rows.into_iter().map(|(agent, kept)| (AgentId(agent), kept)).collect())
    }

    fn totals_of(&self, filter: &CallFilter) -> Option<Select<Entity>> {
        // Destructured in full: a new condition does not compile until it is handled here.
        let CallFilter { agent, number, status: None, started_after, started_before } = filter else {
            return None;
        };
        let mut query = self.own_totals();
        if let Some(agent) = agent {
            query = query.filter(Column::AgentId.eq(agent.0));
        }
        if let Some(number) = number {
            query = query.filter(Column::PhoneNumberId.eq(number.0));
        }
        if let Some(after) = started_after {
            query = query.filter(Column::Day.gte(begins(*after)?));
        }
        if let Some(before) = started_before {
            query = query.filter(Column::Day.lt(begins(*before)?));
        }
        Some(query)
    }
}

fn kind_usage(row: &QueryResult) -> Result<KindUsage, StoreError> {
    let text = |column: &'static str| row.try_get::<String>("", column);
    Ok(KindUsage {
        country: entities::text(phone_number::TABLE, "country", &text("country")?)?,
        kind: entities::text(phone_number::TABLE, "kind", &text("kind")?)?,
        calls: row.try_get("", "calls")?,
        minutes: row.try_get("", "minutes")?,
    })
}

/// The UTC day that begins at this instant; `None` if it is not midnight.
fn begins(at: DateTime<Utc>) -> Option<NaiveDate> {
    (at.time() == NaiveTime::MIN).then(|| at.date_naive())
}

/// The cast is for Postgres, where a sum of `bigint` is a `numeric`.
fn total(column: Column) -> Expr {
    Expr::col((Entity, column)).sum().cast_as("bigint")
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use sea_orm::{Condition, DbBackend, Order, QueryTrait};

    use super::*;
    use crate::domain::{CallStatus, Clock, TenantId};
    use crate::store::entities::call;
    use crate::store::{Database, DatabaseConfig};

    /// SQLite's query plan of a statement with parameters, one step a line.
    async fn plan(door: &TenantStore, query: impl QueryTrait) -> String {
        let mut statement = query.build(DbBackend::Sqlite);
        statement.sql = format!("EXPLAIN QUERY PLAN {}", statement.sql);
        let steps = door.transaction.query_all_raw(statement).await.unwrap();
        let steps: Vec<String> = steps.iter().map(|step| step.try_get("", "detail").unwrap()).collect();
        steps.join("\n")
    }

    #[tokio::test]
    async fn sqlite_finds_the_indexes() {
        let folder = tempfile::tempdir().unwrap();
        let url = format!("sqlite://{}", folder.path().join("switchboard.db").display());
        let config = DatabaseConfig {
            url: url.into(),
            listen_url: None,
            max_connections: 1,
            acquire_timeout: Duration::from_secs(5),
        };
        let db = Database::connect(&config, Clock::system()).await.unwrap();
        db.migrate().await.unwrap();
        let door = db.read_as(TenantId(Uuid::nil())).await.unwrap();

        let now = Clock::system().now();
        let (today, tomorrow) = (now.date_naive(), now.date_naive().succ_opt().unwrap());
        let found = plan(&door, door.totals_by_number(&(today..tomorrow))).await;
        assert!(found.contains("(tenant_id=? AND day>? AND day<?)"), "{found}");
        let found = plan(&door, door.totals_of(&CallFilter::default()).unwrap()).await;
        assert!(found.contains("(tenant_id=?)"), "{found}");

        for status in CallStatus::ALL {
            let filter = CallFilter { status: Some(*status), ..Default::default() };
            let query = super::super::filtered(door.own_calls(), &filter);
            let query = query
                .order_by(call::Column::StartedAt, Order::Desc)
                .order_by(call::Column::Id, Order::Desc)
                .limit(11);
            let found = plan(&door, query).await;
            let index = match status {
                CallStatus::Ringing | CallStatus::InProgress => "calls_live (tenant_id=?)",
                CallStatus::Completed => "calls_page (tenant_id=?)",
                _ => "calls_unsuccessful (tenant_id=? AND status=?)",
            };
            assert!(found.contains(index) && !found.contains("TEMP B-TREE"), "{status}: {found}");
        }

        let ended = call::Entity::find().filter(call::Column::EndedAt.lt(now));
        let found = plan(&door, ended).await;
        assert!(found.contains("calls_by_end (ended_at<?)"), "{found}");
        let by_sid =
            Condition::all().add(call::Column::Sid.eq("CA1")).add(call::Column::ConversationId.is_null());
        let either = Condition::any().add(call::Column::ConversationId.eq("conv_1")).add(by_sid);
        let found = plan(&door, call::Entity::find().filter(either)).await;
        assert!(found.contains("calls_by_conversation (conversation_id=?)"), "{found}");
        assert!(!found.contains("SCAN"), "{found}");
    }
}
