//! Threads: the texts between a number and one participant.

use sea_orm::ActiveValue::{NotSet, Set};
use sea_orm::sea_query::OnConflict;
use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, QuerySelect, QueryTrait, Select};

use super::super::audit_event;
use super::super::entities::message::thread::{ActiveModel, Column, Entity};
use super::super::entities::{self, agent, phone_number};
use super::super::page::{self, Cursor, Keyset, PageOf, PageRequest};
use super::super::{Shared, StoreError, TenantStore, dialect};
use crate::domain::{
    AgentId, AgentMessaging, MessageThread, NumberId, Participant, PhoneNumber, ThreadHandling, ThreadId,
};

/// Filter for threads. All given conditions must match.
#[derive(Debug, Clone, Default)]
pub struct ThreadFilter {
    /// Only threads of this number.
    pub number: Option<NumberId>,
    /// Only threads of the numbers that this agent has now.
    pub agent: Option<AgentId>,
    /// Only threads with this participant.
    pub participant: Option<Participant>,
    /// Only threads that are handled so.
    pub handling: Option<ThreadHandling>,
}

const KEYSET: Keyset<Column> = Keyset { at: Column::UpdatedAt, id: Column::Id };

impl TenantStore {
    fn own_threads(&self) -> Select<Entity> {
        Entity::find().filter(Column::TenantId.eq(self.tenant.0))
    }

    fn filtered(&self, filter: &ThreadFilter) -> Select<Entity> {
        self.own_threads()
            .apply_if(filter.number, |query, id| query.filter(Column::PhoneNumberId.eq(id.0)))
            .apply_if(filter.agent, |query, id| {
                let theirs = phone_number::Entity::find()
                    .select_only()
                    .column(phone_number::Column::Id)
                    .filter(phone_number::Column::TenantId.eq(self.tenant.0))
                    .filter(phone_number::Column::AgentId.eq(id.0))
                    .filter(phone_number::Column::PooledAt.is_null())
                    .into_query();
                query.filter(Column::PhoneNumberId.in_subquery(theirs))
            })
            .apply_if(filter.participant.as_ref(), |query, participant| {
                query.filter(Column::Participant.eq(participant.as_str()))
            })
            .apply_if(filter.handling, |query, word| query.filter(Column::Handling.eq(word.as_str())))
    }

    /// The threads with these ids, in no particular order.
    ///
    /// # Errors
    /// [`StoreError`]; [`StoreError::Corrupt`] if one of the rows is unreadable, which fails the whole read.
    pub async fn threads_by_id(&self, ids: &[ThreadId]) -> Result<Vec<MessageThread>, StoreError> {
        let wanted = Column::Id.is_in(ids.iter().map(|id| id.0));
        entities::all(&self.transaction, self.own_threads().filter(wanted)).await
    }

    /// A page of threads, the one with the latest message or change first.
    ///
    /// # Errors
    /// [`StoreError`]; [`StoreError::Corrupt`] if one of the rows is unreadable, which fails the whole read.
    pub async fn threads(
        &self,
        filter: &ThreadFilter,
        page: PageRequest,
    ) -> Result<PageOf<MessageThread>, StoreError> {
        page::page(&self.transaction, self.filtered(filter), KEYSET, page, |row| {
            Ok((Cursor { at: row.updated_at, id: row.id }, row.try_into()?))
        })
        .await
    }

    /// Counts the threads that match a filter.
    ///
    /// # Errors
    /// [`StoreError`] if the query fails.
    pub async fn count_threads(&self, filter: &ThreadFilter) -> Result<i64, StoreError> {
        page::count(&self.transaction, self.filtered(filter)).await
    }

    /// The thread of a number and a participant, stored now if it is the first that either hears of the other. Locked until the
    /// transaction ends.
    ///
    /// # Errors
    /// [`StoreError`]; the transaction must then be dropped.
    pub async fn thread_with(
        &self,
        number: &PhoneNumber,
        participant: &Participant,
    ) -> Result<MessageThread, StoreError> {
        find_or_insert(&self.transaction, &self.shared, number, participant).await
    }

    /// Sets who answers a thread. `None` if the tenant has no such thread.
    ///
    /// # Errors
    /// [`StoreError`]; the transaction must then be dropped.
    pub async fn set_handling(
        &self,
        id: ThreadId,
        handling: ThreadHandling,
    ) -> Result<Option<MessageThread>, StoreError> {
        let Some(before) = self.own_threads().filter(Column::Id.eq(id.0)).one(&self.transaction).await?
        else {
            return Ok(None);
        };
        let number = phone_number::Entity::find_by_id(before.phone_number_id).one(&self.transaction).await?;
        let messaging = match number {
            Some(number) => texting_of(&self.transaction, &number.try_into()?).await?.messaging,
            None => AgentMessaging::Off,
        };
        // A thread that is handed back follows the agent's setting again.
        let follows = handling == ThreadHandling::Agent && messaging == AgentMessaging::Agent;
        let row = ActiveModel {
            handling: Set(handling.to_string()),
            handling_set: Set(!follows),
            updated_at: Set(self.shared.clock.now()),
            ..Default::default()
        };
        let written = Entity::update_many()
            .set(row)
            .filter(Column::TenantId.eq(self.tenant.0))
            .filter(Column::Id.eq(id.0))
            .exec_with_returning(&self.transaction)
            .await?;
        let Some(thread) = written.into_iter().next() else { return Ok(None) };
        if handling != ThreadHandling::Agent {
            self.drop_answers(id).await?;
        }
        self.audit(audit_event::HANDLING_CHANGED, id).await?;
        Ok(Some(thread.try_into()?))
    }
}

/// Reads the thread locked, or stores it with the handling that the number's agent asks for.
pub(super) async fn find_or_insert(
    db: &impl ConnectionTrait,
    shared: &Shared,
    number: &PhoneNumber,
    participant: &Participant,
) -> Result<MessageThread, StoreError> {
    let find = || {
        let mut query = Entity::find()
            .filter(Column::PhoneNumberId.eq(number.id.0))
            .filter(Column::Participant.eq(participant.as_str()));
        dialect::lock_rows(db, QuerySelect::query(&mut query));
        query
    };
    if let Some(known) = find().one(db).await? {
        return known.try_into();
    }
    let messaging = texting_of(db, number).await?.messaging;
    let now = shared.clock.now();
    let row = ActiveModel {
        id: Set(shared.entropy.uuid(now)),
        tenant_id: Set(number.tenant_id.0),
        phone_number_id: Set(number.id.0),
        participant: Set(participant.as_str().to_owned()),
        handling: Set(messaging.handling().to_string()),
        created_at: Set(now),
        updated_at: Set(now),
        handling_set: Set(false),
        answer_due_at: NotSet,
        answer_deadline_at: NotSet,
        answer_lease: NotSet,
        answer_attempts: NotSet,
    };
    // Two first messages at once: the second finds the thread of the first.
    let once = OnConflict::columns([Column::PhoneNumberId, Column::Participant]).do_nothing().to_owned();
    Entity::insert(row).on_conflict(once).exec_without_returning(db).await?;
    let stored = find().one(db).await?;
    stored.ok_or(StoreError::Corrupt { table: "message_threads", column: "id" })?.try_into()
}

/// The thread as it is handled now: one whose handling nobody has set follows its agent's setting.
pub(super) async fn following(
    db: &impl ConnectionTrait,
    texting: Texting,
    thread: MessageThread,
) -> Result<MessageThread, StoreError> {
    let handling = texting.messaging.handling();
    if thread.is_handling_set || thread.handling == handling {
        return Ok(thread);
    }
    let row = ActiveModel { handling: Set(handling.to_string()), ..Default::default() };
    Entity::update_many().set(row).filter(Column::Id.eq(thread.id.0)).exec(db).await?;
    Ok(MessageThread { handling, ..thread })
}

/// What the agent of a number does with texts.
#[derive(Debug, Clone, Copy)]
pub(super) struct Texting {
    pub(super) messaging: AgentMessaging,
    pub(super) has_help_text: bool,
}

/// What the agent that a number is assigned to does with texts. Nobody is told of those to a number in the pool.
pub(super) async fn texting_of(
    db: &impl ConnectionTrait,
    number: &PhoneNumber,
) -> Result<Texting, StoreError> {
    let none = Texting { messaging: AgentMessaging::Off, has_help_text: false };
    let Some(agent) = number.assigned_to() else { return Ok(none) };
    // Without the prompt, which is long.
    let found: Option<(String, Option<String>)> = agent::Entity::find_by_id(agent.0)
        .select_only()
        .columns([agent::Column::Messaging, agent::Column::HelpText])
        .into_tuple()
        .one(db)
        .await?;
    let Some((messaging, help_text)) = found else { return Ok(none) };
    Ok(Texting {
        messaging: entities::text(agent::TABLE, "messaging", &messaging)?,
        has_help_text: help_text.is_some(),
    })
}

/// Notes that a thread has a new message.
pub(super) async fn touch(
    db: &impl ConnectionTrait,
    shared: &Shared,
    id: ThreadId,
) -> Result<(), StoreError> {
    let row = ActiveModel { updated_at: Set(shared.clock.now()), ..Default::default() };
    Entity::update_many().set(row).filter(Column::Id.eq(id.0)).exec(db).await?;
    Ok(())
}
