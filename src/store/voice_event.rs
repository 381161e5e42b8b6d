//! The voice provider's events: taken down before it is told that they arrived, worked off afterwards, and fetched
//! where they never came.

use std::collections::HashMap;

use chrono::{DateTime, TimeDelta, Utc};
use sea_orm::ActiveValue::Set;
use sea_orm::sea_query::{Expr, ExprTrait, OnConflict};
use sea_orm::{ColumnTrait, EntityTrait, FromQueryResult, QueryFilter, QueryOrder, QuerySelect};
use uuid::Uuid;

use super::entities::voice_event::{ActiveModel, Column, Entity};
use super::entities::{self, call, voice_event};
use super::{StoreError, SystemStore, TenantStore};
use crate::domain::{Call, CallId, ConversationReport, TranscriptLine};

/// An event that cannot be read is left alone for so long.
const PUT_ASIDE: TimeDelta = TimeDelta::minutes(5);

/// An event that was taken down and is to be worked off.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AcceptedEvent {
    /// Its id here.
    pub id: Uuid,
    /// When it came.
    pub accepted_at: DateTime<Utc>,
    /// What it tells; what was said is left in the database.
    pub report: ConversationReport,
}

/// A conversation of which the voice provider has not told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Untold {
    /// The call it was had in.
    pub call: CallId,
    /// The voice provider's id.
    pub conversation_id: String,
    /// When the call ended.
    pub ended_at: DateTime<Utc>,
}

#[derive(FromQueryResult)]
struct UntoldRow {
    id: Uuid,
    conversation_id: String,
    ended_at: DateTime<Utc>,
}

#[derive(FromQueryResult)]
struct IdRow {
    id: Uuid,
}

impl TenantStore {
    /// What was said in these calls, in one statement; a call of which nothing is kept is missing.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn transcripts(
        &self,
        calls: &[CallId],
    ) -> Result<HashMap<CallId, Vec<TranscriptLine>>, StoreError> {
        let kept = Entity::find()
            .filter(Column::TenantId.eq(self.tenant.0))
            .filter(Column::CallId.is_in(calls.iter().map(|id| id.0)))
            .filter(Column::Transcript.is_not_null());
        let corrupt = |_| StoreError::Corrupt { table: "voice_events", column: "transcript" };
        let read = |row: voice_event::Model| {
            let (Some(call), Some(said)) = (row.call_id, row.transcript) else { return Ok(None) };
            Ok(Some((CallId(call), serde_json::from_value(said).map_err(corrupt)?)))
        };
        let rows = entities::found(&self.transaction, kept).await?;
        rows.iter().filter_map(|row| entities::decoded(row).and_then(read).transpose()).collect()
    }
}

impl SystemStore {
    /// Takes down what the voice provider tells, what was said included; the same news of the same conversation once.
    /// Whether it is to be worked off: it is news, or no call was found for it so far. Then what was said is taken down
    /// again, since [`Self::settle_event`] drops it where there is no call.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn accept_event(&self, report: &ConversationReport) -> Result<bool, StoreError> {
        let now = self.shared.clock.now();
        let said = Some(&report.transcript).filter(|lines| !lines.is_empty());
        let row = ActiveModel {
            id: Set(self.shared.entropy.uuid(now)),
            tenant_id: Set(None),
            call_id: Set(None),
            kind: Set(report.news.to_string()),
            conversation_id: Set(report.conversation_id.clone()),
            call_sid: Set(report.call_sid.clone()),
            failed: Set(report.failed.map(|status| status.to_string())),
            duration_seconds: Set(report.duration_seconds),
            transcript: Set(said.map(|lines| serde_json::json!(lines))),
            at: Set(report.at),
            accepted_at: Set(now),
            due_at: Set(Some(now)),
        };
        let known = OnConflict::columns([Column::Kind, Column::ConversationId])
            .update_columns([Column::DueAt, Column::Transcript])
            .action_and_where(Expr::col((Entity, Column::CallId)).is_null())
            .to_owned();
        let written = Entity::insert(row).on_conflict(known).exec_without_returning(self.db()).await?;
        Ok(written > 0)
    }

    /// Events that wait to be worked off, the oldest first. One that cannot be read is put aside.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn events_due(&self, limit: u64) -> Result<Vec<AcceptedEvent>, StoreError> {
        let due =
            Entity::find().filter(Column::DueAt.lte(self.shared.clock.now())).order_by_asc(Column::DueAt);
        let rows = entities::found(self.db(), due.limit(limit)).await?;
        let read = |row: voice_event::Model| {
            Ok(AcceptedEvent { id: row.id, accepted_at: row.accepted_at, report: row.try_into()? })
        };
        let (due, unreadable) = self.readable(voice_event::TABLE, &rows, read);
        for event in unreadable {
            self.put_event_off(event, self.shared.clock.now() + PUT_ASIDE).await?;
        }
        Ok(due)
    }

    /// Writes down that an event was worked off: what it tells is recorded of this call, or it is about no call of ours: then
    /// what was said is dropped, since it belongs to no tenant. The voice provider need not be asked about that call any more.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn settle_event(&self, event: Uuid, call: Option<&Call>) -> Result<(), StoreError> {
        let transaction = self.begin().await?;
        let mut row = ActiveModel { due_at: Set(None), ..Default::default() };
        if let Some(call) = call {
            row.tenant_id = Set(Some(call.tenant_id.0));
            row.call_id = Set(Some(call.id.0));
            call::Entity::update_many()
                .col_expr(call::Column::ConversationDueAt, Expr::cust("NULL"))
                .filter(call::Column::Id.eq(call.id.0))
                .exec(&transaction)
                .await?;
        } else {
            row.transcript = Set(None);
        }
        Entity::update_many().set(row).filter(Column::Id.eq(event)).exec(&transaction).await?;
        Ok(transaction.commit().await?)
    }

    /// Leaves an event alone until then.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn put_event_off(&self, event: Uuid, until: DateTime<Utc>) -> Result<(), StoreError> {
        let row = ActiveModel { due_at: Set(Some(until)), ..Default::default() };
        Entity::update_many().set(row).filter(Column::Id.eq(event)).exec(self.db()).await?;
        Ok(())
    }

    /// Conversations whose call was over before then and of which the voice provider has not told: those that are due
    /// to be asked about, the longest due first. One that cannot be read is put aside.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn conversations_untold(
        &self,
        over_before: DateTime<Utc>,
        limit: u64,
    ) -> Result<Vec<Untold>, StoreError> {
        let untold = call::Entity::find()
            .filter(call::Column::ConversationDueAt.lte(self.shared.clock.now()))
            .filter(call::Column::EndedAt.lt(over_before))
            .filter(call::Column::ConversationId.is_not_null())
            .order_by_asc(call::Column::ConversationDueAt)
            .limit(limit)
            .select_only()
            .column(call::Column::Id)
            .column(call::Column::ConversationId)
            .column(call::Column::EndedAt);
        let rows = entities::found(self.db(), untold).await?;
        let (untold, unreadable) = self.readable(call::TABLE, &rows, |row: UntoldRow| {
            Ok(Untold { call: CallId(row.id), conversation_id: row.conversation_id, ended_at: row.ended_at })
        });
        for call in unreadable {
            self.ask_about_conversation(CallId(call), Some(self.shared.clock.now() + PUT_ASIDE)).await?;
        }
        Ok(untold)
    }

    /// Has the voice provider asked about a call's conversation then, unless it tells before; `None`: not at all.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn ask_about_conversation(
        &self,
        call: CallId,
        at: Option<DateTime<Utc>>,
    ) -> Result<(), StoreError> {
        call::Entity::update_many()
            .col_expr(call::Column::ConversationDueAt, Expr::value(at))
            .filter(call::Column::Id.eq(call.0))
            .exec(self.db())
            .await?;
        Ok(())
    }

    /// Deletes calls that ended before then, with all that was told of them, at most so many. Returns how many.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn forget_calls(&self, ended_before: DateTime<Utc>, limit: u64) -> Result<u64, StoreError> {
        let old = call::Entity::find().filter(call::Column::EndedAt.lt(ended_before)).limit(limit);
        let rows = entities::found(self.db(), old.select_only().column(call::Column::Id)).await?;
        let (old, _left_out) = self.readable(call::TABLE, &rows, |row: IdRow| Ok(row.id));
        let forgotten =
            call::Entity::delete_many().filter(call::Column::Id.is_in(old)).exec(self.db()).await?;
        Ok(forgotten.rows_affected)
    }

    /// Deletes events that came before then, at most so many, whatever they are about. Returns how many.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn forget_events(&self, accepted_before: DateTime<Utc>, limit: u64) -> Result<u64, StoreError> {
        let old = Entity::find().filter(Column::AcceptedAt.lt(accepted_before)).limit(limit);
        let rows = entities::found(self.db(), old.select_only().column(Column::Id)).await?;
        let (old, _left_out) = self.readable(voice_event::TABLE, &rows, |row: IdRow| Ok(row.id));
        let forgotten = Entity::delete_many().filter(Column::Id.is_in(old)).exec(self.db()).await?;
        Ok(forgotten.rows_affected)
    }
}
