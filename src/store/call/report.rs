//! Records what the carrier and the voice provider report about calls.

use std::collections::{BTreeSet, HashMap};

use chrono::{DateTime, Utc};
use sea_orm::ActiveValue::Set;
use sea_orm::sea_query::{Expr, ExprTrait, IntoCondition};
use sea_orm::{
    ColumnTrait, Condition, ConnectionTrait, EntityTrait, FromQueryResult, QueryFilter, QueryOrder,
    QueryResult, QuerySelect, Select,
};
use serde::Serialize;

use super::answer::instant;
use super::{changed, holds_slot, under_way};
use crate::domain::{Call, CallReport, ConversationReport, TenantId};
use crate::store::entities::{self, call};
use crate::store::group_commit::{Batched, CommitQueue};
use crate::store::{Shared, StoreError, SystemStore, dialect};

impl SystemStore {
    /// Applies a report of the carrier ([`Call::reported`]). `None` if the call is unknown.
    ///
    /// # Errors
    /// [`StoreError`]; [`StoreError::Busy`] if it would wait too long for its batch.
    pub async fn report_call(&self, sid: &str, report: CallReport) -> Result<Option<Call>, StoreError> {
        self.write_batched(CarrierReport { sid: sid.to_owned(), report }).await
    }

    /// Applies a report of the voice provider on a conversation ([`Call::conversed`]). It belongs to the call that was answered
    /// with the conversation, or, while that answer is not recorded yet, to the call with the carrier's id. `None` if it
    /// belongs to no call.
    ///
    /// # Errors
    /// [`StoreError`]: nothing was written, unless the answer to `COMMIT` was lost.
    pub async fn report_conversation(&self, report: &ConversationReport) -> Result<Option<Call>, StoreError> {
        let answered_with = call::Column::ConversationId.eq(&report.conversation_id);
        let unanswered = |sid: &str| {
            Condition::all().add(call::Column::Sid.eq(sid)).add(call::Column::ConversationId.is_null())
        };
        let which =
            Condition::any().add(answered_with).add_option(report.call_sid.as_deref().map(unanswered));
        self.report(which, |before| before.conversed(report)).await
    }

    /// The carrier's ids of open calls without a report since `heard_before`, oldest report first. An unreadable row is put
    /// aside: it counts as reported now, so that it does not block the others.
    ///
    /// # Errors
    /// [`StoreError`], but never because of an unreadable row.
    pub async fn calls_unheard_of(
        &self,
        heard_before: DateTime<Utc>,
        limit: u64,
    ) -> Result<Vec<String>, StoreError> {
        self.longest_unheard(call::Entity::find().filter(under_way()), heard_before, limit).await
    }

    /// The carrier's ids of a tenant's calls that hold call slots and were last reported before
    /// `heard_before`, oldest report first.
    ///
    /// # Errors
    /// [`StoreError`], but never because of an unreadable row.
    pub async fn longest_held_slots(
        &self,
        tenant: TenantId,
        heard_before: DateTime<Utc>,
        limit: u64,
    ) -> Result<Vec<String>, StoreError> {
        let theirs = call::Entity::find().filter(call::Column::TenantId.eq(tenant.0)).filter(holds_slot());
        self.longest_unheard(theirs, heard_before, limit).await
    }

    async fn longest_unheard(
        &self,
        calls: Select<call::Entity>,
        heard_before: DateTime<Utc>,
        limit: u64,
    ) -> Result<Vec<String>, StoreError> {
        let unheard = calls
            .filter(call::Column::UpdatedAt.lt(heard_before))
            .order_by_asc(call::Column::UpdatedAt)
            .limit(limit)
            .select_only()
            // Nothing else, so that a call with another unreadable column is still asked about.
            .columns([call::Column::Id, call::Column::Sid]);
        let rows = entities::found(self.db(), unheard).await?;
        let (sids, unreadable) = self.readable(call::TABLE, &rows, |row: SidRow| Ok(row.sid));
        // With the oldest reports, they would come first in every sweep.
        if !unreadable.is_empty() {
            self.heard_of(call::Column::Id.is_in(unreadable)).await?;
        }
        Ok(sids)
    }

    async fn heard_of(&self, which: Expr) -> Result<(), StoreError> {
        call::Entity::update_many()
            .col_expr(call::Column::UpdatedAt, Expr::value(self.shared.clock.now()))
            .filter(which)
            .exec(self.db())
            .await?;
        Ok(())
    }

    /// Returns which of these calls, by the carrier's ids, are on record.
    ///
    /// # Errors
    /// [`StoreError`] if the query fails.
    pub async fn calls_on_record(&self, sids: &[&str]) -> Result<Vec<String>, StoreError> {
        let found = call::Entity::find()
            .filter(call::Column::Sid.is_in(sids.iter().copied()))
            .select_only()
            .column(call::Column::Sid)
            .into_tuple();
        Ok(found.all(self.db()).await?)
    }

    /// Records that the carrier reported a call as still under way.
    ///
    /// # Errors
    /// [`StoreError`]; after [`StoreError::Unavailable`] the change may have been committed all the same.
    pub async fn call_goes_on(&self, sid: &str) -> Result<(), StoreError> {
        self.heard_of(call::Column::Sid.eq(sid)).await
    }

    async fn report(
        &self,
        which: impl IntoCondition,
        change: impl FnOnce(Call) -> Call,
    ) -> Result<Option<Call>, StoreError> {
        let transaction = self.begin().await?;
        let mut query = call::Entity::find().filter(which);
        // Locked from read to write: of two simultaneous reports the second would undo the first.
        dialect::lock_rows(&transaction, QuerySelect::query(&mut query));
        let Some(row) = query.one(&transaction).await? else { return Ok(None) };
        let before = Call::try_from(row)?;
        let after = change(before.clone());
        if after == before {
            return Ok(Some(before));
        }
        let row = call::ActiveModel {
            status: Set(after.status.to_string()),
            outcome: Set(after.outcome.to_string()),
            conversation_id: Set(after.conversation_id.clone()),
            ended_at: Set(after.ended_at),
            duration_seconds: Set(after.duration_seconds),
            conversation_seconds: Set(after.conversation_seconds),
            ..Default::default()
        };
        update(&transaction, call::Column::Id.eq(after.id.0), row, self.shared.clock.now()).await?;
        transaction.commit().await?;
        self.publish_all(&[changed(&after)]);
        Ok(Some(after))
    }
}

#[derive(FromQueryResult)]
struct SidRow {
    sid: String,
}

async fn update(
    db: &impl ConnectionTrait,
    which: Expr,
    mut row: call::ActiveModel,
    now: DateTime<Utc>,
) -> Result<Option<Call>, StoreError> {
    row.updated_at = Set(now);
    let written = call::Entity::update_many()
        .set(row)
        // Counted by the database: no writer needs to have read the last value.
        .col_expr(call::Column::Sequence, Expr::col(call::Column::Sequence).add(1))
        .filter(which)
        .exec_with_returning(db)
        .await?;
    written.into_iter().next().map(Call::try_from).transpose()
}

/// A report of the carrier on one call.
#[derive(Debug)]
pub(in crate::store) struct CarrierReport {
    sid: String,
    report: CallReport,
}

/// The columns of a call that the carrier's report changes.
#[derive(Debug, Serialize)]
struct ReportRow {
    id: uuid::fmt::Simple,
    status: &'static str,
    ended_at: Option<String>,
    duration_seconds: Option<i32>,
    at: String,
}

impl Batched for CarrierReport {
    /// The updated call; `None` if it is unknown.
    type Done = Option<Call>;

    fn queue(shared: &Shared) -> &CommitQueue<Self> {
        &shared.reports
    }

    async fn write(store: &SystemStore, batch: &[Self]) -> Result<Vec<Option<Call>>, StoreError> {
        let _turn = store.writer_turn().await;
        let transaction = store.begin().await?;
        // A set: the batch may hold several reports about one call, and a row is locked once.
        let sids: BTreeSet<&str> = batch.iter().map(|entry| entry.sid.as_str()).collect();
        let statement = dialect::LOCK_CALLS.with_rows(&transaction, &sids)?;
        let read = |row: &QueryResult| {
            let call = Call::try_from(entities::decoded::<call::Model>(row)?)?;
            Ok::<_, StoreError>((call.sid.clone(), call))
        };
        let rows = transaction.query_all_raw(statement).await?;
        let before: HashMap<String, Call> = rows.iter().map(read).collect::<Result<_, _>>()?;
        // Reports about one call in a batch build on each other; each row is written once.
        let mut after = before.clone();
        for entry in batch {
            if let Some(call) = after.get_mut(&entry.sid) {
                *call = call.clone().reported(entry.report);
            }
        }
        let changed: Vec<&Call> = after.values().filter(|call| before.get(&call.sid) != Some(call)).collect();
        if !changed.is_empty() {
            let at = instant(store.shared.clock.now());
            let rows: Vec<ReportRow> = changed.iter().map(|call| ReportRow::of(call, &at)).collect();
            transaction.execute_raw(dialect::RECORD_REPORTS.with_rows(&transaction, &rows)?).await?;
            transaction.commit().await?;
            // After the commit: a watcher that re-reads earlier would still see the old row.
            store.publish_all(&changed.into_iter().map(super::changed).collect::<Vec<_>>());
        }
        Ok(batch.iter().map(|entry| after.get(&entry.sid).cloned()).collect())
    }
}

impl ReportRow {
    fn of(call: &Call, at: &str) -> Self {
        Self {
            id: call.id.0.simple(),
            status: call.status.as_str(),
            ended_at: call.ended_at.map(instant),
            duration_seconds: call.duration_seconds,
            at: at.to_owned(),
        }
    }
}
