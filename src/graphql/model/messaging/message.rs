//! Type `Message`.

use async_graphql::{Context, Enum, ID, InputObject, Object};

use super::{MessageMedia, MessageThread};
use crate::domain;
use crate::graphql::context::ContextExt;
use crate::graphql::errors::ApiError;
use crate::graphql::loaders::{MediaOf, MessagesOf};
use crate::graphql::model::paging::{List, Listed, nothing, wrap};
use crate::graphql::model::scalars::{DateTime, Decimal};
use crate::graphql::model::{Operation, UserError, read_id};
use crate::store::{self, PageOf, PageRequest};

/// A text message from or to one of the tenant's numbers.
#[derive(Debug, Clone)]
pub(crate) struct Message(pub(crate) domain::Message);

/// Direction of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "domain::MessageDirection")]
pub(crate) enum MessageDirection {
    /// Sent to one of the tenant's numbers.
    Inbound,
    /// Sent from one of the tenant's numbers.
    Outbound,
}

/// State of a message, as the carrier reports it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "domain::MessageStatus")]
pub(crate) enum MessageStatus {
    /// It came in.
    Received,
    /// Stored; the carrier does not have it yet.
    Pending,
    /// The carrier has it.
    Queued,
    /// The carrier is handing it to the network.
    Sending,
    /// The network has it. Not every network confirms the delivery, so this is often the last state.
    Sent,
    /// The network or the handset confirmed the delivery.
    Delivered,
    /// The network reported that it could not be delivered: see `error`.
    Undelivered,
    /// It never left: see `error`.
    Failed,
    /// Canceled before it was sent.
    Canceled,
}

/// A text message from or to one of the tenant's numbers.
#[Object]
impl Message {
    /// Global id, opaque and stable. Pass it to `node`.
    pub(crate) async fn id(&self) -> ID {
        self.0.id.to_string().into()
    }

    /// The carrier's id of the message, `SM…` or `MM…`; `null` until the carrier has it.
    async fn sid(&self) -> Option<&str> {
        self.0.sid.as_deref()
    }

    /// Direction of the message.
    async fn direction(&self) -> MessageDirection {
        self.0.direction.into()
    }

    /// Who sent it: an E.164 number, or what the carrier sends instead, such as a short code.
    async fn from(&self) -> &str {
        match self.0.direction {
            domain::MessageDirection::Inbound => self.0.participant.as_str(),
            domain::MessageDirection::Outbound => self.0.number.as_str(),
        }
    }

    /// Whom it was sent to.
    async fn to(&self) -> &str {
        match self.0.direction {
            domain::MessageDirection::Inbound => self.0.number.as_str(),
            domain::MessageDirection::Outbound => self.0.participant.as_str(),
        }
    }

    /// The text, empty for media alone; `null` once it was deleted.
    async fn body(&self, ctx: &Context<'_>) -> Result<Option<&str>, ApiError> {
        ctx.session()?.spend(self.0.body.as_ref().map_or(0, String::len))?;
        Ok(self.0.body.as_deref())
    }

    /// State of the message.
    async fn status(&self) -> MessageStatus {
        self.0.status.into()
    }

    /// Why it did not arrive, and what to do; `null` unless it is FAILED or UNDELIVERED.
    async fn error(&self) -> Option<UserError> {
        self.0.error.clone().map(UserError)
    }

    /// Segments that the carrier counted; each is charged like a text of its own. `null` until it tells.
    async fn segments(&self) -> Option<i32> {
        self.0.segments
    }

    /// What the carrier charged in US dollars, without fees of the networks; `null` until it tells.
    async fn price(&self) -> Option<Decimal> {
        self.0.price.map(Decimal)
    }

    /// Its pictures and other files, at most ten.
    #[graphql(complexity = "10 * child_complexity + 1")]
    async fn media(&self, ctx: &Context<'_>) -> Result<Vec<MessageMedia>, ApiError> {
        let session = ctx.session()?;
        if self.0.direction == domain::MessageDirection::Outbound {
            session.spend(self.0.media.iter().map(|file| file.url.len()).sum())?;
            let sent = self.0.media.iter().cloned();
            return Ok(sent.map(|file| MessageMedia::sent(file.url, file.content_type)).collect());
        }
        // Most messages have none, which needs no look at the database.
        if self.0.media.is_empty() {
            return Ok(Vec::new());
        }
        let files = Box::pin(ctx.loaders()?.load_one(MediaOf(self.0.id))).await?.unwrap_or_default();
        // A link has some 200 bytes.
        session.spend(200 * files.len())?;
        let (links, now) = (&session.services().media_links, session.services().clock.now());
        let link = |file: domain::MediaFile| {
            let url = links.link(file.tenant_id, file.id, now)?;
            Some(MessageMedia::received(file, url))
        };
        Ok(files.into_iter().filter_map(link).collect())
    }

    /// The messages with the same participant at the same number.
    #[graphql(complexity = "child_complexity + 1")]
    async fn thread(&self, ctx: &Context<'_>) -> Result<MessageThread, ApiError> {
        let found = Box::pin(ctx.loaders()?.load_one(self.0.thread_id)).await?;
        found.map(MessageThread).ok_or_else(|| ApiError::internal(NoThread))
    }

    /// The operation that sends it; `null` for a message that came in.
    #[graphql(complexity = "child_complexity + 1")]
    async fn operation(&self, ctx: &Context<'_>) -> Result<Option<Operation>, ApiError> {
        let Some(id) = self.0.operation_id else { return Ok(None) };
        Ok(Box::pin(ctx.loaders()?.load_one(id)).await?.map(Operation))
    }

    /// When it came in, or was requested.
    async fn created_at(&self) -> DateTime {
        DateTime(self.0.created_at)
    }

    /// When it was sent; `null` until then.
    async fn sent_at(&self) -> Option<DateTime> {
        self.0.sent_at.map(DateTime)
    }
}

/// A message's thread was not found: a defect.
#[derive(Debug, thiserror::Error)]
#[error("the thread of a message was not found")]
struct NoThread;

/// Filter for messages. All given conditions must match.
#[derive(Debug, Clone, Default, InputObject)]
pub(crate) struct MessageFilter {
    /// Only messages of this thread.
    thread_id: Option<ID>,
    /// Only messages from and to this number.
    phone_number_id: Option<ID>,
    /// Only messages whose number this agent had at the time.
    agent_id: Option<ID>,
    /// Only messages in this direction.
    direction: Option<MessageDirection>,
    /// Only messages in this state.
    status: Option<MessageStatus>,
}

impl TryFrom<MessageFilter> for store::MessageFilter {
    type Error = ApiError;

    fn try_from(filter: MessageFilter) -> Result<Self, ApiError> {
        Ok(Self {
            thread: filter.thread_id.map(|id| read_id("filter.threadId", &id)).transpose()?,
            number: filter.phone_number_id.map(|id| read_id("filter.phoneNumberId", &id)).transpose()?,
            agent: filter.agent_id.map(|id| read_id("filter.agentId", &id)).transpose()?,
            direction: filter.direction.map(Into::into),
            status: filter.status.map(Into::into),
        })
    }
}

/// The thread, if the filter selects exactly all of its messages.
fn all_of(filter: &store::MessageFilter) -> Option<domain::ThreadId> {
    match filter {
        store::MessageFilter {
            thread: Some(thread),
            number: None,
            agent: None,
            direction: None,
            status: None,
        } => Some(*thread),
        _ => None,
    }
}

impl Listed for Message {
    type Filter = store::MessageFilter;
    const LIST: List = List::Messages;
    const CONNECTION: &'static str = "MessageConnection";
    const EDGE: &'static str = "MessageEdge";

    async fn page(
        ctx: &Context<'_>,
        filter: &Self::Filter,
        page: PageRequest,
    ) -> Result<PageOf<Self>, ApiError> {
        let session = ctx.session()?;
        // Without a cursor, one statement serves all threads of a page.
        if let (Some(thread), true, true) = (all_of(filter), page.is_outermost(), session.scope()?.is_whole())
        {
            let found = ctx.loaders()?.load_one(MessagesOf(thread, page.page)).await?;
            return Ok(found.map_or_else(nothing, |found| wrap(found, Self)));
        }
        let Some(agent) = session.scope()?.narrow(filter.agent) else { return Ok(nothing()) };
        let filter = store::MessageFilter { agent, ..filter.clone() };
        Ok(wrap(session.reader().await?.messages(&filter, page).await?, Self))
    }

    async fn count(ctx: &Context<'_>, filter: &Self::Filter) -> Result<i64, ApiError> {
        let session = ctx.session()?;
        let Some(agent) = session.scope()?.narrow(filter.agent) else { return Ok(0) };
        let filter = store::MessageFilter { agent, ..filter.clone() };
        Ok(session.reader().await?.count_messages(&filter).await?)
    }
}
