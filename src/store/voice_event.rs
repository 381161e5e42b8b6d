//! Voice provider events: stored before the webhook is acknowledged, processed afterwards, and
//! fetched if none arrives.

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

/// Pause before an unreadable row is tried again.
const UNREADABLE_PAUSE: TimeDelta = TimeDelta::minutes(5);

/// A stored event that has not been processed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AcceptedEvent {
    /// Event id in the database.
    pub id: Uuid,
    /// Time at which the event was received.
    pub accepted_at: DateTime<Utc>,
    /// Content of the event without the transcript, which stays in the database.
    pub report: ConversationReport,
}

/// An ended call's conversation about which no event has been received.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MissingConversation {
    /// The call in which the conversation took place.
    pub call: CallId,
    /// The voice provider's id of the conversation.
    pub conversation_id: String,
    /// Time at which the call ended.
    pub ended_at: DateTime<Utc>,
}

#[derive(FromQueryResult)]
struct MissingConversationRow {
    id: Uuid,
    conversation_id: String,
    ended_at: DateTime<Utc>,
}

impl TenantStore {
    /// Returns the transcripts of these calls, in one statement. Calls without a transcript are missing.
    ///
    /// # Errors
    /// [`StoreError`]; [`StoreError::Corrupt`] if one of the rows is unreadable, which fails the whole read.
    pub async fn transcripts(
        &self,
        calls: &[CallId],
    ) -> Result<HashMap<CallId, Vec<TranscriptLine>>, StoreError> {
        let stored = Entity::find()
            .filter(Column::TenantId.eq(self.tenant.0))
            .filter(Column::CallId.is_in(calls.iter().map(|id| id.0)))
            .filter(Column::Transcript.is_not_null());
        let corrupt = |_| StoreError::Corrupt { table: "voice_events", column: "transcript" };
        let read = |row: voice_event::Model| {
            let (Some(call), Some(said)) = (row.call_id, row.transcript) else { return Ok(None) };
            Ok(Some((CallId(call), serde_json::from_value(said).map_err(corrupt)?)))
        };
        let rows = entities::found(&self.transaction, stored).await?;
        rows.iter().filter_map(|row| entities::decoded(row).and_then(read).transpose()).collect()
    }
}

impl SystemStore {
    /// Stores an event with its transcript, once for each conversation and kind. Returns whether it must be
    /// processed: it is new, or no call was found for it before. The transcript is then stored again, since
    /// [`Self::complete_event`] deletes it if there is no call.
    ///
    /// # Errors
    /// [`StoreError`]; the sender should send the event again, which is harmless if it was stored.
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
        // A repeated event reopens its row only while no call has been found for it.
        let known = OnConflict::columns([Column::Kind, Column::ConversationId])
            .update_columns([Column::DueAt, Column::Transcript])
            .action_and_where(Expr::col((Entity, Column::CallId)).is_null())
            .to_owned();
        let written = Entity::insert(row).on_conflict(known).exec_without_returning(self.db()).await?;
        Ok(written > 0)
    }

    /// Returns events due for processing, longest due first. Unreadable events are postponed.
    ///
    /// # Errors
    /// [`StoreError`], but never because of an unreadable row.
    pub async fn events_due(&self, limit: u64) -> Result<Vec<AcceptedEvent>, StoreError> {
        // No lease: servers may process the same event at once, because each writes the same.
        let due =
            Entity::find().filter(Column::DueAt.lte(self.shared.clock.now())).order_by_asc(Column::DueAt);
        let rows = entities::found(self.db(), due.limit(limit)).await?;
        let read = |row: voice_event::Model| {
            Ok(AcceptedEvent { id: row.id, accepted_at: row.accepted_at, report: row.try_into()? })
        };
        let (due, unreadable) = self.readable(voice_event::TABLE, &rows, read);
        for event in unreadable {
            self.postpone_event(event, self.shared.clock.now() + UNREADABLE_PAUSE).await?;
        }
        Ok(due)
    }

    /// Marks an event as processed. With a call, assigns the event to it and cancels the query for its
    /// conversation. Without one, deletes the transcript, since it belongs to no tenant.
    ///
    /// # Errors
    /// [`StoreError`]: nothing was written, unless the answer to `COMMIT` was lost.
    pub async fn complete_event(&self, event: Uuid, call: Option<&Call>) -> Result<(), StoreError> {
        // One transaction, so that no conversation is queried although its event has arrived.
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

    /// Postpones the processing of an event.
    ///
    /// # Errors
    /// [`StoreError`]; after [`StoreError::Unavailable`] the change may have been committed all the same.
    pub async fn postpone_event(&self, event: Uuid, until: DateTime<Utc>) -> Result<(), StoreError> {
        let row = ActiveModel { due_at: Set(Some(until)), ..Default::default() };
        Entity::update_many().set(row).filter(Column::Id.eq(event)).exec(self.db()).await?;
        Ok(())
    }

    /// Returns conversations that are due for a query at the voice provider: the call ended before
    /// `over_before`, and no event has arrived. Longest due first. Unreadable rows are postponed.
    ///
    /// # Errors
    /// [`StoreError`], but never because of an unreadable row.
    pub async fn missing_conversations(
        &self,
        over_before: DateTime<Utc>,
        limit: u64,
    ) -> Result<Vec<MissingConversation>, StoreError> {
        let missing = call::Entity::find()
            .filter(call::Column::ConversationDueAt.lte(self.shared.clock.now()))
            .filter(call::Column::EndedAt.lt(over_before))
            .filter(call::Column::ConversationId.is_not_null())
            .order_by_asc(call::Column::ConversationDueAt)
            .limit(limit)
            .select_only()
            .column(call::Column::Id)
            .column(call::Column::ConversationId)
            .column(call::Column::EndedAt);
        let rows = entities::found(self.db(), missing).await?;
        let (missing, unreadable) = self.readable(call::TABLE, &rows, |row: MissingConversationRow| {
            Ok(MissingConversation {
                call: CallId(row.id),
                conversation_id: row.conversation_id,
                ended_at: row.ended_at,
            })
        });
        for call in unreadable {
            self.ask_about_conversation(CallId(call), Some(self.shared.clock.now() + UNREADABLE_PAUSE))
                .await?;
        }
        Ok(missing)
    }

    /// Schedules the query for a call's conversation, which an arriving event cancels. `None` cancels it.
    ///
    /// # Errors
    /// [`StoreError`]; after [`StoreError::Unavailable`] the change may have been committed all the same.
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

    /// Deletes up to `limit` calls that ended before `ended_before`, with their events. Returns how many were deleted.
    ///
    /// # Errors
    /// [`StoreError`]; after [`StoreError::Unavailable`] the change may have been committed all the same.
    pub async fn forget_calls(&self, ended_before: DateTime<Utc>, limit: u64) -> Result<u64, StoreError> {
        // Ids are read first: deleting a bounded batch by id keeps locks short.
        let old = call::Entity::find().filter(call::Column::EndedAt.lt(ended_before)).limit(limit);
        let old = self.ids_of(call::TABLE, call::Column::Id, old).await?;
        let forgotten =
            call::Entity::delete_many().filter(call::Column::Id.is_in(old)).exec(self.db()).await?;
        Ok(forgotten.rows_affected)
    }

    /// Deletes up to `limit` events received before `accepted_before`. Returns how many were deleted.
    ///
    /// # Errors
    /// [`StoreError`]; after [`StoreError::Unavailable`] the change may have been committed all the same.
    pub async fn forget_events(&self, accepted_before: DateTime<Utc>, limit: u64) -> Result<u64, StoreError> {
        // In no order: any old ones will do, and the next batch takes others.
        let old = Entity::find().filter(Column::AcceptedAt.lt(accepted_before)).limit(limit);
        let old = self.ids_of(voice_event::TABLE, Column::Id, old).await?;
        let forgotten = Entity::delete_many().filter(Column::Id.is_in(old)).exec(self.db()).await?;
        Ok(forgotten.rows_affected)
    }
}
