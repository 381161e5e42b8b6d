//! Running totals of messages by UTC day, number and agent. Triggers on `messages` maintain them in the transaction that writes the
//! message, so they are exact, and a month's usage is read without reading messages; this module only reads them.

use std::ops::Range;

use chrono::NaiveDate;
use rust_decimal::Decimal;
use sea_orm::sea_query::{Expr, ExprTrait};
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QuerySelect, Select};

use super::super::entities::message::total::{Column, Entity};
use super::super::{StoreError, TenantStore};

/// Decimal places of the stored amounts.
const PLACES: u32 = 5;

/// Messages of some days, in both directions, including messages deleted since. Messages that failed before they were sent are not
/// counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct MessageUsage {
    /// Messages.
    pub messages: i64,
    /// Their segments, as far as the carrier has counted them.
    pub segments: i64,
    /// What the carrier charged for them, in US dollars.
    pub charged: Decimal,
    /// Segments whose price the carrier has not told yet.
    pub unpriced_segments: i64,
}

type Row = (i64, i64, i64, i64);

impl TenantStore {
    fn totals_of_messages(&self, days: &Range<NaiveDate>) -> Select<Entity> {
        let sums = Entity::find()
            .filter(Column::TenantId.eq(self.tenant.0))
            .filter(Column::Day.gte(days.start))
            .filter(Column::Day.lt(days.end))
            .select_only();
        [Column::Messages, Column::Segments, Column::Charged, Column::UnpricedSegments]
            .into_iter()
            .fold(sums, |query, column| query.expr(total(column)))
    }

    /// Messages of these UTC days.
    ///
    /// # Errors
    /// [`StoreError`] if the query fails.
    pub async fn message_usage(&self, days: &Range<NaiveDate>) -> Result<MessageUsage, StoreError> {
        let sums: Option<Row> = self.totals_of_messages(days).into_tuple().one(&self.transaction).await?;
        Ok(sums.map(usage).unwrap_or_default())
    }

    /// Messages of each of these UTC days. Days without messages are missing.
    ///
    /// # Errors
    /// [`StoreError`] if the query fails.
    pub async fn message_usage_by_day(
        &self,
        days: &Range<NaiveDate>,
    ) -> Result<Vec<(NaiveDate, MessageUsage)>, StoreError> {
        let by_day = self.totals_of_messages(days).column(Column::Day).group_by(Column::Day);
        let rows: Vec<(i64, i64, i64, i64, NaiveDate)> = by_day.into_tuple().all(&self.transaction).await?;
        Ok(rows.into_iter().map(|(a, b, c, d, day)| (day, usage((a, b, c, d)))).collect())
    }
}

fn usage((messages, segments, charged, unpriced_segments): Row) -> MessageUsage {
    MessageUsage { messages, segments, charged: Decimal::new(charged, PLACES).normalize(), unpriced_segments }
}

/// Zero without rows. The cast is for Postgres, where a sum of `bigint` is a `numeric`.
fn total(column: Column) -> Expr {
    Expr::col((Entity, column)).sum().if_null(0).cast_as("bigint")
}
