//! Messages to send: stored with their operation, before the carrier is asked.

use chrono::{DateTime, Utc};
use sea_orm::ActiveValue::Set;
use sea_orm::{ColumnTrait, Condition, EntityTrait, QueryFilter, QueryOrder, QuerySelect, QueryTrait};

use super::super::entities::message::{ActiveModel, Column, Entity};
use super::super::entities::operation;
use super::super::operation::UNFINISHED;
use super::super::{StoreError, SystemStore, TenantStore, dialect, page};
use super::retention::REDACTED_AFTER;
use super::{changed, thread};
use crate::domain::{
    AutomaticAnswer, MediaReference, Message, MessageDirection, MessageStatus, MessageThread, OperationId,
    OperationKind, Participant, PhoneNumber,
};

/// A message to send.
#[derive(Debug, Clone)]
pub struct NewMessage<'a> {
    /// The operation that sends it.
    pub operation: OperationId,
    /// Our number.
    pub number: &'a PhoneNumber,
    /// The thread that it belongs to.
    pub thread: &'a MessageThread,
    /// The text; empty for media alone.
    pub body: &'a str,
    /// Files that the carrier fetches.
    pub media: Vec<MediaReference>,
    /// Who wrote it by itself; `None`: a user of the API.
    pub automatic: Option<AutomaticAnswer>,
}

impl TenantStore {
    /// Stores a message to send.
    ///
    /// # Errors
    /// [`StoreError`]; the transaction must then be dropped.
    pub async fn insert_message(&self, new: NewMessage<'_>) -> Result<Message, StoreError> {
        let now = self.shared.clock.now();
        let row = ActiveModel {
            id: Set(self.shared.entropy.uuid(now)),
            tenant_id: Set(self.tenant.0),
            thread_id: Set(new.thread.id.0),
            phone_number_id: Set(new.number.id.0),
            agent_id: Set(new.number.agent_id.0),
            operation_id: Set(Some(new.operation.0)),
            direction: Set(MessageDirection::Outbound.to_string()),
            number: Set(new.number.number.to_string()),
            participant: Set(new.thread.participant.as_str().to_owned()),
            body: Set(Some(new.body.to_owned())),
            media: Set(serde_json::json!(new.media)),
            status: Set(MessageStatus::Pending.to_string()),
            automatic_answer: Set(new.automatic.map(|by| by.to_string())),
            created_at: Set(now),
            updated_at: Set(now),
            nth: Set(Some(self.messages_sent().await? + 1)),
            redaction_due_at: Set(Some(now + REDACTED_AFTER)),
            ..Default::default()
        };
        let stored = Entity::insert(row).exec_with_returning(&self.transaction).await?;
        thread::touch(&self.transaction, &self.shared, new.thread.id).await?;
        let message = Message::try_from(stored)?;
        self.publish_on_commit(changed(&message));
        Ok(message)
    }

    /// Whether the tenant has asked to send so many messages since then, and how many to this participant. Locks other requests
    /// to send out until the transaction ends, so that both stay exact. Reads one message of the tenant's, however many there
    /// are, and those to the participant.
    ///
    /// # Errors
    /// [`StoreError`], also if the lock is not granted in time.
    pub async fn messages_sent_since(
        &self,
        since: DateTime<Utc>,
        limit: u32,
        participant: &Participant,
    ) -> Result<(bool, i64), StoreError> {
        dialect::lock_sending(&self.transaction, self.tenant).await?;
        let last = self.messages_sent().await?;
        // The first of the latest `limit` messages: if it is recent, all of them are.
        let first_of_them = self
            .own_messages()
            .filter(Column::Nth.eq(last - i64::from(limit) + 1))
            .filter(Column::CreatedAt.gte(since));
        let is_used_up = limit == 0 || page::is_any(&self.transaction, first_of_them).await?;
        let to_participant = self
            .own_messages()
            .filter(Column::Nth.is_not_null())
            .filter(Column::Participant.eq(participant.as_str()))
            .filter(Column::CreatedAt.gte(since));
        Ok((is_used_up, page::count(&self.transaction, to_participant).await?))
    }

    /// Position of the last message that the tenant asked to send; 0 if there is none.
    async fn messages_sent(&self) -> Result<i64, StoreError> {
        let last = self
            .own_messages()
            .filter(Column::Nth.is_not_null())
            .select_only()
            .column(Column::Nth)
            .order_by_desc(Column::Nth)
            .limit(1);
        let last: Option<Option<i64>> = last.into_tuple().one(&self.transaction).await?;
        Ok(last.flatten().unwrap_or_default())
    }
}

impl SystemStore {
    /// The message that an operation sends; `None` if it sends none.
    ///
    /// # Errors
    /// [`StoreError`]; [`StoreError::Corrupt`] if a stored value is unreadable.
    pub async fn message_of_operation(&self, id: OperationId) -> Result<Option<Message>, StoreError> {
        let found = Entity::find().filter(Column::OperationId.eq(id.0)).one(self.db()).await?;
        found.map(Message::try_from).transpose()
    }

    /// Whether a message to the same participant was asked for before this one, is still being sent, and must be sent first: one with
    /// the same text, or of two automatic ones the earlier, since an answer may have several parts. Files are not compared: the
    /// carrier's list does not tell them apart.
    ///
    /// # Errors
    /// [`StoreError`] if the query fails.
    pub async fn must_follow_another(&self, message: &Message) -> Result<bool, StoreError> {
        let unfinished = operation::Entity::find()
            .select_only()
            .column(operation::Column::Id)
            .filter(operation::Column::TenantId.eq(message.tenant_id.0))
            .filter(operation::Column::Kind.eq(OperationKind::SendMessage.as_str()))
            .filter(operation::Column::State.is_in(UNFINISHED));
        let earlier = Condition::any().add(Column::CreatedAt.lt(message.created_at)).add(
            Condition::all().add(Column::CreatedAt.eq(message.created_at)).add(Column::Id.lt(message.id.0)),
        );
        let mut first = Condition::any().add(Column::Body.eq(message.body.as_deref()));
        if message.automatic.is_some() {
            first = first.add(Column::AutomaticAnswer.is_not_null());
        }
        let others = Entity::find()
            .filter(Column::ThreadId.eq(message.thread_id.0))
            .filter(first)
            .filter(Column::Sid.is_null())
            .filter(earlier)
            .filter(Column::OperationId.in_subquery(unfinished.into_query()));
        page::is_any(self.db(), others).await
    }
}
