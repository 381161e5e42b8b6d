//! Text messages, as tenants see them. [`receive`] stores what came in, [`send`] what is to be sent, [`mod@report`] what becomes of
//! it; [`thread`] is about who answers, [`answer`] about answers that nobody has to write, [`consent`] about who wants no texts, and
//! [`media`] about files; [`registration`] says what numbers may send, [`totals`] what was used, and [`retention`] deletes what is
//! old.

mod answer;
mod consent;
mod media;
mod receive;
mod registration;
mod report;
mod retention;
mod send;
mod thread;
mod totals;

pub use answer::{AnswerTask, DueAnswer};
pub use media::{MediaOutcome, MediaTask, MediaWork};
pub use receive::Received;
pub use registration::{CheckWhen, RegistrationCheck};
pub(in crate::store) use report::{fail, write as report};
pub use retention::Forgotten;
pub use send::NewMessage;
pub use thread::ThreadFilter;
pub use totals::MessageUsage;

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect, QueryTrait, Select};

use self::report::LONGEST_WATCH;
use super::entities::{self, message};
use super::page::{self, Cursor, Keyset, Page, PageOf, PageRequest};
use super::{Change, StoreError, TenantStore};
use crate::domain::{
    AgentId, Message, MessageDirection, MessageId, MessageStatus, NumberId, OperationId, ThreadId,
};

/// Filter for messages. All given conditions must match.
#[derive(Debug, Clone, Default)]
pub struct MessageFilter {
    /// Only messages of this thread.
    pub thread: Option<ThreadId>,
    /// Only messages from and to this number.
    pub number: Option<NumberId>,
    /// Only messages whose number this agent had at the time.
    pub agent: Option<AgentId>,
    /// Only messages that came in, or that go out.
    pub direction: Option<MessageDirection>,
    /// Only messages in this status.
    pub status: Option<MessageStatus>,
}

impl MessageFilter {
    fn of(&self, query: Select<message::Entity>) -> Select<message::Entity> {
        use message::Column;
        query
            .apply_if(self.thread, |query, id| query.filter(Column::ThreadId.eq(id.0)))
            .apply_if(self.number, |query, id| query.filter(Column::PhoneNumberId.eq(id.0)))
            .apply_if(self.agent, |query, id| query.filter(Column::AgentId.eq(id.0)))
            .apply_if(self.direction, |query, word| query.filter(Column::Direction.eq(word.as_str())))
            .apply_if(self.status, |query, word| query.filter(Column::Status.eq(word.as_str())))
    }
}

const KEYSET: Keyset<message::Column> = Keyset { at: message::Column::CreatedAt, id: message::Column::Id };

impl TenantStore {
    fn own_messages(&self) -> Select<message::Entity> {
        message::Entity::find().filter(message::Column::TenantId.eq(self.tenant.0))
    }

    /// The messages with these ids, in no particular order.
    ///
    /// # Errors
    /// [`StoreError`]; [`StoreError::Corrupt`] if one of the rows is unreadable, which fails the whole read.
    pub async fn messages_by_id(&self, ids: &[MessageId]) -> Result<Vec<Message>, StoreError> {
        let wanted = message::Column::Id.is_in(ids.iter().map(|id| id.0));
        entities::all(&self.transaction, self.own_messages().filter(wanted)).await
    }

    /// The messages that these operations send, in no particular order.
    ///
    /// # Errors
    /// [`StoreError`]; [`StoreError::Corrupt`] if one of the rows is unreadable, which fails the whole read.
    pub async fn messages_by_operation(&self, ids: &[OperationId]) -> Result<Vec<Message>, StoreError> {
        let wanted = message::Column::OperationId.is_in(ids.iter().map(|id| id.0));
        entities::all(&self.transaction, self.own_messages().filter(wanted)).await
    }

    /// Messages of this thread, or of all, that changed since an instant, in the order of their changes, up to a maximum.
    ///
    /// # Errors
    /// [`StoreError`]; [`StoreError::Corrupt`] if one of the rows is unreadable, which fails the whole read.
    pub async fn messages_changed_since(
        &self,
        since: DateTime<Utc>,
        thread: Option<ThreadId>,
        most: u64,
    ) -> Result<Vec<Message>, StoreError> {
        use message::Column;
        let query = MessageFilter { thread, ..MessageFilter::default() }
            .of(self.own_messages())
            // Uses an index; there is none on the time of a change.
            .filter(Column::CreatedAt.gte(since - LONGEST_WATCH))
            .filter(Column::UpdatedAt.gte(since))
            .order_by_asc(Column::UpdatedAt)
            .limit(most);
        entities::all(&self.transaction, query).await
    }

    /// A page of messages, newest first.
    ///
    /// # Errors
    /// [`StoreError`]; [`StoreError::Corrupt`] if one of the rows is unreadable, which fails the whole read.
    pub async fn messages(
        &self,
        filter: &MessageFilter,
        page: PageRequest,
    ) -> Result<PageOf<Message>, StoreError> {
        page::page(&self.transaction, filter.of(self.own_messages()), KEYSET, page, |row| {
            Ok((Cursor { at: row.created_at, id: row.id }, row.try_into()?))
        })
        .await
    }

    /// Counts the messages that match a filter.
    ///
    /// # Errors
    /// [`StoreError`] if the query fails.
    pub async fn count_messages(&self, filter: &MessageFilter) -> Result<i64, StoreError> {
        page::count(&self.transaction, filter.of(self.own_messages())).await
    }

    /// A page of messages for each of these threads, in one statement. Threads without messages are missing.
    ///
    /// # Errors
    /// [`StoreError`]; [`StoreError::Corrupt`] if one of the rows is unreadable, which fails the whole read.
    pub async fn messages_of_threads(
        &self,
        threads: &[ThreadId],
        page: Page,
    ) -> Result<HashMap<ThreadId, PageOf<Message>>, StoreError> {
        let thread = message::Column::ThreadId;
        let query = self.own_messages().filter(thread.is_in(threads.iter().map(|id| id.0)));
        page::page_each(&self.transaction, query, KEYSET, thread, page, |row| {
            let at = Cursor { at: row.created_at, id: row.id };
            Ok((ThreadId(row.thread_id), at, row.try_into()?))
        })
        .await
    }
}

fn changed(message: &Message) -> Change {
    Change::Message {
        tenant: message.tenant_id,
        id: message.id,
        thread: message.thread_id,
        agent: message.agent_id,
    }
}
