//! What the carrier tells of messages: reports come late, twice and in any order, and a status never goes back.

use chrono::{DateTime, TimeDelta, Utc};
use sea_orm::ActiveValue::Set;
use sea_orm::sea_query::Expr;
use sea_orm::{ColumnTrait, Condition, ConnectionTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect};

use super::super::entities::message::{ActiveModel, Column, Entity, TABLE};
use super::super::entities::operation::write_refusal;
use super::super::entities::{self, message};
use super::super::{Shared, StoreError, SystemStore, audit_event, dialect};
use super::{changed, consent, registration};
use crate::domain::{
    Message, MessageId, MessageReport, MessageStatus, MessagingConsent, Operation, OperationKind, Refusal,
    RefusalCode,
};

/// How long after a message was stored the carrier is asked about it, if it has not told everything by then.
pub(super) const FIRST_CHECK: TimeDelta = TimeDelta::minutes(3);
/// How long the carrier is asked about a message. Not every network confirms a delivery.
pub(super) const LONGEST_WATCH: TimeDelta = TimeDelta::days(3);
/// Pause before an unreadable row is tried again.
const UNREADABLE_PAUSE: TimeDelta = TimeDelta::minutes(5);

impl SystemStore {
    /// Applies a report about a message that is known by the carrier's id or by ours: a report may come before the answer that
    /// tells us the carrier's. `None` if there is no such message.
    ///
    /// # Errors
    /// [`StoreError`]: nothing was written, unless the answer to `COMMIT` was lost.
    pub async fn report_message(
        &self,
        id: Option<MessageId>,
        report: &MessageReport,
    ) -> Result<Option<Message>, StoreError> {
        let transaction = self.begin().await?;
        let message = write(&transaction, &self.shared, id, report).await?;
        transaction.commit().await?;
        Ok(message.map(|(message, is_changed)| {
            if is_changed {
                self.publish_all(&[changed(&message)]);
            }
            message
        }))
    }

    /// Tells watchers that the message which this operation sends has changed.
    pub(in crate::store) async fn publish_message_of(&self, operation: &Operation) {
        if operation.kind == OperationKind::SendMessage
            && let Ok(Some(message)) = self.message_of_operation(operation.id).await
        {
            self.publish_all(&[changed(&message)]);
        }
    }

    /// Messages about which the carrier is to be asked, longest due first. An unreadable one is put aside.
    ///
    /// # Errors
    /// [`StoreError`], but never because of an unreadable row.
    pub async fn messages_due(&self, limit: u64) -> Result<Vec<Message>, StoreError> {
        let due = Entity::find()
            .filter(Column::CheckDueAt.lte(self.shared.clock.now()))
            .order_by_asc(Column::CheckDueAt)
            .limit(limit);
        let rows = entities::found(self.db(), due).await?;
        let (due, unreadable) = self.readable(TABLE, &rows, |row: message::Model| row.try_into());
        for message in unreadable {
            self.check_message(MessageId(message), Some(self.shared.clock.now() + UNREADABLE_PAUSE)).await?;
        }
        Ok(due)
    }

    /// Says when the carrier is asked about a message next; `None`: never again.
    ///
    /// # Errors
    /// [`StoreError`]; after [`StoreError::Unavailable`] the change may have been committed all the same.
    pub async fn check_message(&self, id: MessageId, at: Option<DateTime<Utc>>) -> Result<(), StoreError> {
        Entity::update_many()
            .col_expr(Column::CheckDueAt, Expr::value(at))
            .filter(Column::Id.eq(id.0))
            .exec(self.db())
            .await?;
        Ok(())
    }
}

/// Writes what a report adds to a message, and the end of consent if the participant wants no texts. Returns the message and
/// whether it changed.
pub(in crate::store) async fn write(
    db: &impl ConnectionTrait,
    shared: &Shared,
    id: Option<MessageId>,
    report: &MessageReport,
) -> Result<Option<(Message, bool)>, StoreError> {
    // By our own id first: of two equal messages, the other one may have taken this id of the carrier's for its own. Then the
    // write below fails, and whoever sends this one looks it up again.
    let own = match id {
        Some(id) => {
            let same = Condition::any().add(Column::Sid.is_null()).add(Column::Sid.eq(&report.sid));
            locked(db, Condition::all().add(Column::Id.eq(id.0)).add(same)).await?
        }
        None => None,
    };
    let row = match own {
        Some(row) => Some(row),
        None => locked(db, Condition::all().add(Column::Sid.eq(&report.sid))).await?,
    };
    let Some(row) = row else { return Ok(None) };
    let before = Message::try_from(row)?;
    let mut after = before.clone();
    after.sid = Some(report.sid.clone());
    after.status = before.status.after(report.status);
    if after.status != before.status || after.error.is_none() {
        after.error = report.error.clone().or(after.error).filter(|_| !is_fine(after.status));
    }
    after.segments = report.segments.or(before.segments);
    after.price = report.price.or(before.price);
    after.sent_at = before.sent_at.or(report.sent_at);
    let now = shared.clock.now();
    let row = ActiveModel {
        sid: Set(after.sid.clone()),
        status: Set(after.status.to_string()),
        error: Set(after.error.as_ref().map(write_refusal)),
        segments: Set(after.segments),
        price: Set(after.price),
        sent_at: Set(after.sent_at),
        check_due_at: Set(next_check(&after, now)),
        updated_at: Set(now),
        ..Default::default()
    };
    Entity::update_many().set(row).filter(Column::Id.eq(after.id.0)).exec(db).await?;
    let opted_out = after.error.as_ref().is_some_and(|error| error.code == RefusalCode::OptedOut);
    // Once: a report that is repeated later must not undo a START in between.
    if opted_out && after.error != before.error {
        end_consent(db, shared, &after, &report.sid).await?;
    }
    if after.error != before.error {
        check_registrations_after(db, shared, after.error.as_ref()).await?;
    }
    let is_changed = after != before;
    Ok(Some((after, is_changed)))
}

/// Reads a message, locked from read to write: of two simultaneous reports the second would undo the first.
async fn locked(db: &impl ConnectionTrait, which: Condition) -> Result<Option<message::Model>, StoreError> {
    let mut query = Entity::find().filter(which);
    dialect::lock_rows(db, QuerySelect::query(&mut query));
    Ok(query.one(db).await?)
}

/// Marks the message of an operation that failed before the carrier had it.
pub(in crate::store) async fn fail(
    db: &impl ConnectionTrait,
    shared: &Shared,
    operation: &Operation,
) -> Result<(), StoreError> {
    let now = shared.clock.now();
    let row = ActiveModel {
        status: Set(MessageStatus::Failed.to_string()),
        error: Set(operation.error.as_ref().map(write_refusal)),
        updated_at: Set(now),
        ..Default::default()
    };
    let failed = Entity::update_many()
        .set(row)
        .filter(Column::OperationId.eq(operation.id.0))
        .filter(Column::Status.eq(MessageStatus::Pending.as_str()))
        .exec_with_returning(db)
        .await?;
    if !failed.is_empty() {
        check_registrations_after(db, shared, operation.error.as_ref()).await?;
    }
    let opted_out = operation.error.as_ref().is_some_and(|error| error.code == RefusalCode::OptedOut);
    for message in failed.into_iter().filter(|_| opted_out) {
        let message = Message::try_from(message)?;
        end_consent(db, shared, &message, &operation.request_id).await?;
    }
    Ok(())
}

/// Has the numbers' registrations read again soon if this error says that one has changed.
async fn check_registrations_after(
    db: &impl ConnectionTrait,
    shared: &Shared,
    error: Option<&Refusal>,
) -> Result<(), StoreError> {
    if error.is_some_and(|error| error.code == RefusalCode::NotRegistered) {
        registration::check_soon(db, shared).await?;
    }
    Ok(())
}

/// Stores that the participant of a message wants no texts, because the carrier refused it for that reason.
async fn end_consent(
    db: &impl ConnectionTrait,
    shared: &Shared,
    message: &Message,
    request: &str,
) -> Result<(), StoreError> {
    let (tenant, out) = (message.tenant_id, MessagingConsent::OptedOut);
    // The refusal may be told late: a START since the message was written holds.
    if consent::write(db, tenant, &message.participant, out, message.created_at).await? {
        let (about, action) = ((tenant, message.thread_id), audit_event::CONSENT_CHANGED);
        audit_event::changed_by_text(db, shared, about, action, request).await?;
    }
    Ok(())
}

/// Whether a message in this status needs no explanation.
const fn is_fine(status: MessageStatus) -> bool {
    !matches!(status, MessageStatus::Failed | MessageStatus::Undelivered)
}

/// When the carrier is asked next: later and later, until it has told everything or the message is old.
fn next_check(message: &Message, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
    let is_told = message.status.is_final()
        && (message.price.is_some()
            || matches!(message.status, MessageStatus::Failed | MessageStatus::Canceled))
        && message.segments.is_some();
    let age = now - message.created_at;
    // Without the carrier's id there is nothing to ask about.
    let is_open = !is_told && age < LONGEST_WATCH && message.sid.is_some();
    is_open.then(|| now + FIRST_CHECK.max(age))
}
