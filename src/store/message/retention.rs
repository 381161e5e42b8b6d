//! Deletes old messages here, and their bodies at the carrier. What was used stays in the totals, and what participants said about
//! consent stays as well.

use chrono::{DateTime, TimeDelta, Utc};
use sea_orm::ActiveValue::Set;
use sea_orm::sea_query::{Expr, ExprTrait, Query};
use sea_orm::{ColumnTrait, Condition, EntityTrait, QueryFilter, QueryOrder, QuerySelect};

use super::super::entities::message::{Column, Entity, TABLE, thread};
use super::super::entities::{self, message};
use super::super::{StoreError, SystemStore};
use crate::domain::{Message, MessageId, MessageStatus};

/// Age at which the body of a message may be deleted at the carrier. By then it has told the last status; missed messages are
/// looked for in the two days before; and the outcome of a send that is still unknown concerns a message whose id at the carrier
/// is not known here, so that its body is never deleted.
pub(super) const REDACTED_AFTER: TimeDelta = TimeDelta::days(3);

/// What became of old messages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Forgotten {
    /// Messages that were deleted.
    pub deleted: u64,
    /// Messages that lost their text and files.
    pub emptied: u64,
}

impl SystemStore {
    /// Deletes up to `limit` messages from before `before`. A message that is still to be sent stays. With `redacts`, so does one
    /// whose body is still to be deleted at the carrier, for which its id is needed: up to `limit` of them are emptied.
    ///
    /// # Errors
    /// [`StoreError`]; after [`StoreError::Unavailable`] the change may have been committed all the same.
    pub async fn forget_messages(
        &self,
        before: DateTime<Utc>,
        redacts: bool,
        limit: u64,
    ) -> Result<Forgotten, StoreError> {
        let old = || {
            Entity::find()
                .filter(Column::CreatedAt.lt(before))
                .filter(Column::Status.ne(MessageStatus::Pending.as_str()))
        };
        let is_at_carrier =
            || Condition::all().add(Column::RedactionDueAt.is_not_null()).add(Column::Sid.is_not_null());
        let (mut emptied, mut gone) = (0, old());
        if redacts {
            // Ids are read first: changing a bounded batch by id keeps locks short.
            let kept = old().filter(is_at_carrier()).filter(Column::Body.is_not_null()).limit(limit);
            let kept = self.ids_of(TABLE, Column::Id, kept).await?;
            super::media::purge_files_of(self.db(), &kept, self.shared.clock.now()).await?;
            let row = message::ActiveModel {
                body: Set(None),
                media: Set(serde_json::json!([])),
                ..Default::default()
            };
            let kept = Entity::update_many().set(row).filter(Column::Id.is_in(kept)).exec(self.db()).await?;
            emptied = kept.rows_affected;
            gone = gone.filter(is_at_carrier().not());
        }
        let gone = self.ids_of(TABLE, Column::Id, gone.limit(limit)).await?;
        // Before the messages: whatever happens then, their files are deleted.
        super::media::purge_files_of(self.db(), &gone, self.shared.clock.now()).await?;
        let deleted = Entity::delete_many().filter(Column::Id.is_in(gone)).exec(self.db()).await?;
        Ok(Forgotten { deleted: deleted.rows_affected, emptied })
    }

    /// Deletes up to `limit` threads that nothing has happened in since `before` and that have no message. Returns how many were
    /// deleted.
    ///
    /// # Errors
    /// [`StoreError`]; after [`StoreError::Unavailable`] the change may have been committed all the same.
    pub async fn forget_threads(&self, before: DateTime<Utc>, limit: u64) -> Result<u64, StoreError> {
        let of_thread = Query::select()
            .expr(Expr::val(1))
            .from(Entity)
            .and_where(Expr::col((Entity, Column::ThreadId)).equals((thread::Entity, thread::Column::Id)))
            .to_owned();
        let old = thread::Entity::find()
            .filter(thread::Column::UpdatedAt.lt(before))
            .filter(Expr::exists(of_thread).not())
            .limit(limit);
        let old = self.ids_of(thread::TABLE, thread::Column::Id, old).await?;
        let forgotten = thread::Entity::delete_many()
            .filter(thread::Column::Id.is_in(old))
            // A message that came meanwhile has touched its thread, which it keeps.
            .filter(thread::Column::UpdatedAt.lt(before))
            .exec(self.db())
            .await?;
        Ok(forgotten.rows_affected)
    }

    /// Messages whose bodies are to be deleted at the carrier, longest due first.
    ///
    /// # Errors
    /// [`StoreError`], but never because of an unreadable row.
    pub async fn messages_to_redact(&self, limit: u64) -> Result<Vec<Message>, StoreError> {
        let now = self.shared.clock.now();
        let due = Entity::find()
            .filter(Column::RedactionDueAt.lte(now))
            .order_by_asc(Column::RedactionDueAt)
            .limit(limit);
        let rows = entities::found(self.db(), due).await?;
        let (due, unreadable) = self.readable(TABLE, &rows, |row: message::Model| row.try_into());
        for message in unreadable {
            self.redact_message_at(MessageId(message), Some(now + TimeDelta::days(1))).await?;
        }
        Ok(due)
    }

    /// Says when the body of a message is deleted at the carrier; `None`: it was, or it is left there.
    ///
    /// # Errors
    /// [`StoreError`]; after [`StoreError::Unavailable`] the change may have been committed all the same.
    pub async fn redact_message_at(
        &self,
        id: MessageId,
        at: Option<DateTime<Utc>>,
    ) -> Result<(), StoreError> {
        Entity::update_many()
            .col_expr(Column::RedactionDueAt, Expr::value(at))
            .filter(Column::Id.eq(id.0))
            .exec(self.db())
            .await?;
        Ok(())
    }
}
