//! Running totals of calls by UTC day, number and agent. Triggers on `calls` keep them, exactly and in the transaction
//! that writes the call; here they are only read.

use std::collections::HashMap;
use std::ops::Range;

use chrono::{DateTime, NaiveDate, NaiveTime, Utc};
use sea_orm::sea_query::{Expr, ExprTrait};
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QuerySelect, Select};
use uuid::Uuid;

use super::CallFilter;
use crate::domain::AgentId;
use crate::store::entities::call_total::{Column, Entity};
use crate::store::{StoreError, TenantStore};

impl TenantStore {
    fn own_totals(&self) -> Select<Entity> {
        Entity::find().filter(Column::TenantId.eq(self.tenant.0))
    }

    /// Calls to each number on these UTC days and their billed minutes, deleted calls included; a number without calls
    /// is missing.
    pub(in crate::store) async fn calls_and_minutes(
        &self,
        days: &Range<NaiveDate>,
    ) -> Result<HashMap<Uuid, (i64, i64)>, StoreError> {
        let rows: Vec<(Uuid, i64, i64)> = self
            .own_totals()
            .filter(Column::Day.gte(days.start))
            .filter(Column::Day.lt(days.end))
            .select_only()
            .column(Column::PhoneNumberId)
            .expr(total(Column::Calls))
            .expr(total(Column::Minutes))
            .group_by(Column::PhoneNumberId)
            .into_tuple()
            .all(&self.transaction)
            .await?;
        Ok(rows.into_iter().map(|(number, calls, minutes)| (number, (calls, minutes))).collect())
    }

    /// How many calls there are that a filter finds; `None`: the totals do not tell, since the filter asks for a status
    /// or for part of a day.
    pub(super) async fn count_by_totals(&self, filter: &CallFilter) -> Result<Option<i64>, StoreError> {
        let Some(query) = self.totals_of(filter) else { return Ok(None) };
        let kept = query.select_only().expr(total(Column::Kept));
        let kept = kept.into_tuple::<Option<i64>>().one(&self.transaction).await?;
        Ok(Some(kept.flatten().unwrap_or_default()))
    }

    /// How many calls there are of each agent; an agent without any is missing.
    pub(super) async fn count_each_by_totals(
        &self,
        agents: &[AgentId],
    ) -> Result<HashMap<AgentId, i64>, StoreError> {
        let rows: Vec<(Uuid, i64)> = self
            .own_totals()
            .filter(Column::AgentId.is_in(agents.iter().map(|id| id.0)))
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
        // Named one by one: a condition that is added must be thought of here.
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

/// The day that begins at this instant, if one does.
fn begins(at: DateTime<Utc>) -> Option<NaiveDate> {
    (at.time() == NaiveTime::MIN).then(|| at.date_naive())
}

/// Cast, since Postgres adds `bigint`s up to a `numeric`.
fn total(column: Column) -> Expr {
    Expr::col((Entity, column)).sum().cast_as("bigint")
}
