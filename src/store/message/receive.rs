//! Stores what participants send, once, however often the carrier tells of it.

use chrono::TimeDelta;
use sea_orm::ActiveValue::Set;
use sea_orm::sea_query::OnConflict;
use sea_orm::{ColumnTrait, Condition, ConnectionTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect};

use super::super::entities::message::{ActiveModel, Column, Entity};
use super::super::entities::phone_number;
use super::super::{StoreError, SystemStore, audit_event};
use super::retention::REDACTED_AFTER;
use super::{answer, changed, consent, media, thread};
use crate::domain::{
    IncomingMessage, Message, MessageDirection, MessageStatus, MessagingConsent, PhoneNumber, TextReading,
};

/// What became of a message that the carrier told of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Received {
    /// It is stored now.
    New,
    /// It was stored before.
    Known,
    /// No tenant had the number at that time.
    Unclaimed,
}

impl SystemStore {
    /// Stores a message that came in, its thread, what it says about consent, and that an answer is due, in one transaction.
    /// `read` reads the message, given the number that it was sent to and the consent so far.
    ///
    /// # Errors
    /// [`StoreError`]: nothing was stored, unless the answer to `COMMIT` was lost. It may be repeated in any case.
    pub async fn receive_message(
        &self,
        incoming: &IncomingMessage,
        read: impl FnOnce(&PhoneNumber, MessagingConsent) -> TextReading,
    ) -> Result<Received, StoreError> {
        let transaction = self.begin().await?;
        let Some(number) = number_reached(&transaction, incoming).await? else {
            return Ok(Received::Unclaimed);
        };
        let thread = thread::find_or_insert(&transaction, &self.shared, &number, &incoming.from).await?;
        let now = self.shared.clock.now();
        let row = ActiveModel {
            id: Set(self.shared.entropy.uuid(incoming.received_at)),
            tenant_id: Set(number.tenant_id.0),
            thread_id: Set(thread.id.0),
            phone_number_id: Set(number.id.0),
            agent_id: Set(number.agent_id.0),
            sid: Set(Some(incoming.sid.clone())),
            direction: Set(MessageDirection::Inbound.to_string()),
            number: Set(incoming.to.to_string()),
            participant: Set(incoming.from.as_str().to_owned()),
            body: Set(Some(incoming.body.clone())),
            media: Set(serde_json::json!(incoming.media)),
            status: Set(MessageStatus::Received.to_string()),
            segments: Set(incoming.segments),
            // Its price is known later.
            check_due_at: Set(Some(now + super::report::FIRST_CHECK)),
            created_at: Set(incoming.received_at),
            sent_at: Set(incoming.sent_at),
            updated_at: Set(now),
            awaits_answer: Set(None),
            automatic_answer: Set(None),
            redaction_due_at: Set(Some(incoming.received_at + REDACTED_AFTER)),
            ..Default::default()
        };
        let once = OnConflict::column(Column::Sid).do_nothing().to_owned();
        let inserted = Entity::insert(row).on_conflict(once).exec_without_returning(&transaction).await?;
        let is_new = inserted > 0;
        // What the carrier says of a known text counts all the same: its list, where it may have been found first, does not tell.
        if !is_new && incoming.opt_out_type.is_none() {
            return Ok(Received::Known);
        }
        let stored = Entity::find().filter(Column::Sid.eq(&incoming.sid)).one(&transaction).await?;
        let stored = stored.ok_or(StoreError::Corrupt { table: "messages", column: "sid" })?;
        // A repeated announcement says nothing new: later words of the participant hold.
        let at = stored.created_at;
        let before = consent::read(&transaction, number.tenant_id, &incoming.from).await?;
        let TextReading { consent: wish, reply } = read(&number, before);
        if let Some(wish) = wish
            && consent::write(&transaction, number.tenant_id, &incoming.from, wish, at).await?
        {
            let about = (number.tenant_id, thread.id);
            let action = audit_event::CONSENT_CHANGED;
            audit_event::changed_by_text(&transaction, &self.shared, about, action, &incoming.sid).await?;
        }
        if is_new {
            media::insert(&transaction, &self.shared, &stored, &incoming.media).await?;
            thread::touch(&transaction, &self.shared, thread.id).await?;
            let texting = thread::texting_of(&transaction, &number).await?;
            let thread = thread::following(&transaction, texting, thread).await?;
            answer::enqueue(&transaction, &self.shared, (texting, &thread), &stored, reply).await?;
        }
        transaction.commit().await?;
        let message = Message::try_from(stored)?;
        self.publish_all(&[changed(&message)]);
        Ok(if is_new { Received::New } else { Received::Known })
    }

    /// Which of these numbers are or were a tenant's.
    ///
    /// # Errors
    /// [`StoreError`] if the query fails.
    pub async fn known_numbers(&self, numbers: &[&str]) -> Result<Vec<String>, StoreError> {
        let found = phone_number::Entity::find()
            .filter(phone_number::Column::Number.is_in(numbers.iter().copied()))
            .select_only()
            .column(phone_number::Column::Number)
            .distinct()
            .into_tuple();
        Ok(found.all(self.db()).await?)
    }

    /// Which of these messages, by the carrier's ids, are stored.
    ///
    /// # Errors
    /// [`StoreError`] if the query fails.
    pub async fn messages_on_record(&self, sids: &[&str]) -> Result<Vec<String>, StoreError> {
        let found = Entity::find()
            .filter(Column::Sid.is_in(sids.iter().copied()))
            .select_only()
            .column(Column::Sid)
            .into_tuple();
        let found: Vec<Option<String>> = found.all(self.db()).await?;
        Ok(found.into_iter().flatten().collect())
    }
}

/// The number that a message was sent to, as whoever had it at that time: it may be somebody else's by now, or nobody's.
async fn number_reached(
    db: &impl ConnectionTrait,
    incoming: &IncomingMessage,
) -> Result<Option<PhoneNumber>, StoreError> {
    use phone_number::Column;
    let at = incoming.received_at;
    // The carrier's list tells whole seconds.
    let held_since = at + TimeDelta::seconds(2);
    let not_given_back = Condition::any().add(Column::ReleasedAt.is_null()).add(Column::ReleasedAt.gt(at));
    let number = phone_number::Entity::find()
        .filter(Column::Number.eq(incoming.to.as_str()))
        // From the claim, which comes before the purchase and so before the first text.
        .filter(Column::CreatedAt.lte(held_since))
        .filter(Column::ProvisionedAt.is_not_null())
        .filter(not_given_back)
        .order_by_desc(Column::CreatedAt)
        .one(db)
        .await?;
    number.map(PhoneNumber::try_from).transpose()
}
