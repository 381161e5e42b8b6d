//! Files of incoming messages: what is known of them, and what is to be done.
//!
//! A file's row has one due time for whatever comes next. A server that works on the file holds a lease: it moves the due time
//! ahead, so that others leave the file alone until the lease ends by itself. The fencing token grows with every claim, so that a
//! server which lost its lease writes nothing.

use std::collections::HashMap;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use sea_orm::ActiveValue::{NotSet, Set};
use sea_orm::sea_query::{Expr, ExprTrait, Query};
use sea_orm::{ColumnTrait, Condition, ConnectionTrait, EntityTrait, Order, QueryFilter, QueryOrder, Select};
use uuid::Uuid;

use super::super::entities::message::media::{ActiveModel, Column, Entity, Model, TABLE};
use super::super::entities::{self, message, updated};
use super::super::{Shared, StoreError, SystemStore, TenantStore, dialect};
use super::changed;
use crate::domain::{MediaFile, MediaId, MediaReference, MediaState, MediaType, Message, MessageId};

/// Pause before an unreadable row is claimed again.
const UNREADABLE_PAUSE: TimeDelta = TimeDelta::minutes(5);

/// What is due for a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MediaWork {
    /// Fetch it from the carrier and store it.
    Fetch,
    /// Delete it at the carrier: it is stored here.
    DeleteAtCarrier,
    /// Delete it with everything about it, because its message was deleted.
    Purge {
        /// Whether the carrier may still have it.
        is_at_carrier: bool,
    },
}

/// A file on which this server works, and its lease.
#[derive(Debug, Clone)]
pub struct MediaTask {
    /// The file.
    pub file: MediaFile,
    /// What is due.
    pub work: MediaWork,
    /// How often it was begun, this time included.
    pub attempts: u32,
    fencing_token: i64,
}

/// What became of a [`MediaTask`].
#[derive(Debug, Clone)]
pub enum MediaOutcome {
    /// The file is stored.
    Stored {
        /// What it is.
        kind: MediaType,
        /// Its size in bytes.
        size: i32,
        /// Whether it is to be deleted at the carrier now.
        then_delete: bool,
    },
    /// It will never be stored.
    GivenUp {
        /// `Refused` or `Failed`.
        state: MediaState,
        /// Why, for people.
        reason: String,
    },
    /// The carrier does not have it any more.
    DeletedAtCarrier,
    /// Nothing more is to be done with it, though it was not.
    LeftAtCarrier,
    /// It is deleted everywhere.
    Purged,
    /// It has to be done again.
    Again {
        /// The earliest time.
        at: DateTime<Utc>,
        /// Whether this attempt counts.
        counts: bool,
    },
}

impl TenantStore {
    fn own_media(&self) -> Select<Entity> {
        // One whose message was deleted is gone for its tenant, also while its content waits to be deleted.
        Entity::find().filter(Column::TenantId.eq(self.tenant.0)).filter(Column::PurgeAt.is_null())
    }

    /// The files of these messages, in the carrier's order. Messages without files are missing.
    ///
    /// # Errors
    /// [`StoreError`]; [`StoreError::Corrupt`] if one of the rows is unreadable, which fails the whole read.
    pub async fn media_of(
        &self,
        messages: &[MessageId],
    ) -> Result<HashMap<MessageId, Vec<MediaFile>>, StoreError> {
        let found = self
            .own_media()
            .filter(Column::MessageId.is_in(messages.iter().map(|id| id.0)))
            .order_by_asc(Column::MessageId)
            .order_by_asc(Column::Position);
        let mut files = HashMap::<MessageId, Vec<MediaFile>>::new();
        for file in entities::all::<_, MediaFile>(&self.transaction, found).await? {
            files.entry(file.message_id).or_default().push(file);
        }
        Ok(files)
    }

    /// A file; `None` if the tenant has no such file.
    ///
    /// # Errors
    /// [`StoreError`]; [`StoreError::Corrupt`] if a stored value is unreadable.
    pub async fn media_file(&self, id: MediaId) -> Result<Option<MediaFile>, StoreError> {
        let found = self.own_media().filter(Column::Id.eq(id.0));
        Ok(entities::all(&self.transaction, found).await?.pop())
    }
}

impl SystemStore {
    /// Claims files for which something is due, longest due first. Unreadable rows are postponed.
    ///
    /// # Errors
    /// [`StoreError`]; leases may have been taken all the same, and then expire.
    pub async fn claim_media(&self, lease: Duration, limit: u64) -> Result<Vec<MediaTask>, StoreError> {
        let now = self.shared.clock.now();
        let due = Query::select()
            .column(Column::Id)
            .from(Entity)
            .cond_where(Column::DueAt.lte(now))
            // Neither may grow beyond its type: that would fail the whole batch.
            .cond_where(Column::FencingToken.lt(i64::MAX).and(Column::Attempts.lt(i32::MAX)))
            .order_by(Column::DueAt, Order::Asc)
            .limit(limit)
            .take();
        let free = dialect::among_free_rows(self.db(), Expr::col(Column::Id), due);
        let claim = Entity::update_many()
            .col_expr(Column::DueAt, Expr::value(now + lease))
            .col_expr(Column::Attempts, Expr::col(Column::Attempts).add(1))
            .col_expr(Column::FencingToken, Expr::col(Column::FencingToken).add(1))
            .filter(free);
        let rows = updated(self.db(), claim).await?;
        let (mut claimed, unreadable) = self.readable(TABLE, &rows, task);
        if !unreadable.is_empty() {
            let row = ActiveModel { due_at: Set(Some(now + UNREADABLE_PAUSE)), ..Default::default() };
            Entity::update_many().set(row).filter(Column::Id.is_in(unreadable)).exec(self.db()).await?;
        }
        claimed.sort_by_key(|task| task.file.id);
        Ok(claimed)
    }

    /// Records what became of a file and ends its lease.
    ///
    /// # Errors
    /// [`StoreError::LeaseLost`] if another server has claimed the file since: nothing was written.
    pub async fn finish_media(&self, task: &MediaTask, outcome: MediaOutcome) -> Result<(), StoreError> {
        let held = Condition::all()
            .add(Column::Id.eq(task.file.id.0))
            .add(Column::FencingToken.eq(task.fencing_token));
        let now = self.shared.clock.now();
        let is_news = matches!(outcome, MediaOutcome::Stored { .. } | MediaOutcome::GivenUp { .. });
        let idle = ActiveModel { due_at: Set(None), attempts: Set(0), ..Default::default() };
        let row = match outcome {
            MediaOutcome::Purged => {
                let deleted = Entity::delete_many().filter(held).exec(self.db()).await?;
                return if deleted.rows_affected == 0 { Err(StoreError::LeaseLost) } else { Ok(()) };
            }
            MediaOutcome::Stored { kind, size, then_delete } => ActiveModel {
                state: Set(MediaState::Stored.to_string()),
                content_type: Set(Some(kind.name.to_owned())),
                size_bytes: Set(Some(size)),
                // In the same write, so that a crash forgets nothing.
                due_at: Set(then_delete.then_some(now)),
                ..idle
            },
            MediaOutcome::GivenUp { state, reason } => {
                ActiveModel { state: Set(state.to_string()), reason: Set(Some(reason)), ..idle }
            }
            MediaOutcome::DeletedAtCarrier => ActiveModel { is_at_carrier: Set(false), ..idle },
            MediaOutcome::LeftAtCarrier => idle,
            MediaOutcome::Again { at, counts } => {
                let before = i32::try_from(task.attempts.saturating_sub(1)).unwrap_or(i32::MAX);
                let attempts = if counts { NotSet } else { Set(before) };
                ActiveModel { due_at: Set(Some(at)), attempts, ..Default::default() }
            }
        };
        let written = Entity::update_many().set(row).filter(held).exec(self.db()).await?;
        if written.rows_affected == 0 {
            return Err(StoreError::LeaseLost);
        }
        if is_news { self.tell_of_media(task.file.message_id).await } else { Ok(()) }
    }

    /// Tells watchers of a message that one of its files has changed.
    async fn tell_of_media(&self, id: MessageId) -> Result<(), StoreError> {
        let row = message::ActiveModel { updated_at: Set(self.shared.clock.now()), ..Default::default() };
        let touched = message::Entity::update_many()
            .set(row)
            .filter(message::Column::Id.eq(id.0))
            .exec_with_returning(self.db())
            .await?;
        let touched: Result<Vec<Message>, StoreError> = touched.into_iter().map(Message::try_from).collect();
        let changes: Vec<_> = touched?.iter().map(changed).collect();
        self.publish_all(&changes);
        Ok(())
    }

    /// Makes files due whose message was deleted: those that retention has given a `purge_at` and on which nobody works. Returns
    /// how many.
    ///
    /// # Errors
    /// [`StoreError`]; after [`StoreError::Unavailable`] the change may have been committed all the same.
    pub async fn media_to_purge(&self) -> Result<u64, StoreError> {
        let now = self.shared.clock.now();
        let row = ActiveModel { due_at: Set(Some(now)), attempts: Set(0), ..Default::default() };
        let made_due = Entity::update_many()
            .set(row)
            .filter(Column::PurgeAt.lte(now))
            .filter(Column::DueAt.is_null())
            .exec(self.db())
            .await?;
        Ok(made_due.rows_affected)
    }
}

/// Has the files of these messages deleted from now on.
pub(super) async fn purge_files_of(
    db: &impl ConnectionTrait,
    messages: &[Uuid],
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    let row = ActiveModel { purge_at: Set(Some(now)), ..Default::default() };
    Entity::update_many()
        .set(row)
        .filter(Column::MessageId.is_in(messages.iter().copied()))
        .filter(Column::PurgeAt.is_null())
        .exec(db)
        .await?;
    Ok(())
}

/// Stores the files of a new message, to be fetched at once.
pub(super) async fn insert(
    db: &impl ConnectionTrait,
    shared: &Shared,
    message: &message::Model,
    media: &[MediaReference],
) -> Result<(), StoreError> {
    if media.is_empty() {
        return Ok(());
    }
    let now = shared.clock.now();
    let rows = (0..).zip(media).map(|(position, file)| ActiveModel {
        id: Set(shared.entropy.uuid(now)),
        tenant_id: Set(message.tenant_id),
        message_id: Set(message.id),
        phone_number_id: Set(message.phone_number_id),
        position: Set(position),
        url: Set(file.url.clone()),
        state: Set(MediaState::Pending.to_string()),
        reason: Set(None),
        content_type: Set(file.content_type.clone()),
        size_bytes: Set(None),
        is_at_carrier: Set(true),
        due_at: Set(Some(now)),
        purge_at: Set(None),
        attempts: Set(0),
        fencing_token: Set(0),
        created_at: Set(now),
    });
    Entity::insert_many(rows).exec_without_returning(db).await?;
    Ok(())
}

fn task(row: Model) -> Result<MediaTask, StoreError> {
    let (attempts, fencing_token) = (row.attempts.unsigned_abs(), row.fencing_token);
    let (is_purged, is_at_carrier) = (row.purge_at.is_some(), row.is_at_carrier);
    let file = MediaFile::try_from(row)?;
    let work = if is_purged {
        MediaWork::Purge { is_at_carrier }
    } else if file.state == MediaState::Pending {
        MediaWork::Fetch
    } else {
        MediaWork::DeleteAtCarrier
    };
    Ok(MediaTask { file, work, attempts, fencing_token })
}
