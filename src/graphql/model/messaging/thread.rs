//! Type `MessageThread`.

use async_graphql::{Context, Enum, ID, InputObject, Object};

use super::Message;
use crate::domain;
use crate::graphql::context::ContextExt;
use crate::graphql::errors::ApiError;
use crate::graphql::loaders::{ConsentOf, MessagesOf};
use crate::graphql::model::paging::{Connection, List, Listed, PageArgs, cost, nothing, wrap};
use crate::graphql::model::scalars::DateTime;
use crate::graphql::model::{Agent, PhoneNumber, read_id};
use crate::store::{self, Page, PageOf, PageRequest};

/// The messages between one of the tenant's numbers and one participant.
#[derive(Debug, Clone)]
pub(crate) struct MessageThread(pub(crate) domain::MessageThread);

/// Who answers a thread.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "domain::ThreadHandling")]
pub(crate) enum ThreadHandling {
    /// The agent.
    Agent,
    /// A person of the tenant, who has taken it over.
    Person,
    /// Nobody: messages are stored and announced.
    Nobody,
    /// A person is needed: the agent could not answer.
    WaitingForPerson,
}

/// Whether a participant wants messages from the tenant. It holds for all of the tenant's numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "domain::MessagingConsent")]
pub(crate) enum MessagingConsent {
    /// Nothing was said.
    Implied,
    /// The participant agreed.
    OptedIn,
    /// The participant asked for no more messages. None is sent.
    OptedOut,
}

/// The messages between one of the tenant's numbers and one participant.
#[Object]
impl MessageThread {
    /// Global id, opaque and stable. Pass it to `node`.
    pub(crate) async fn id(&self) -> ID {
        self.0.id.to_string().into()
    }

    /// The tenant's number. The token of an agent that no longer has it gets the error `FORBIDDEN`.
    #[graphql(complexity = "child_complexity + 1")]
    async fn phone_number(&self, ctx: &Context<'_>) -> Result<PhoneNumber, ApiError> {
        let moved = || Err(ApiError::forbidden("the number of this thread is no longer this agent's"));
        PhoneNumber::load(ctx, self.0.number_id).await.unwrap_or_else(moved)
    }

    /// The agent that has the number now; `null` if the number is in the pool.
    #[graphql(complexity = "child_complexity + 1")]
    async fn agent(&self, ctx: &Context<'_>) -> Option<Result<Agent, ApiError>> {
        let number = match ctx.loaders() {
            Ok(loaders) => Box::pin(loaders.load_one(self.0.number_id)).await,
            Err(failure) => Err(failure),
        };
        match number {
            Ok(Some(number)) => Agent::load(ctx, number.assigned_to()?).await,
            Ok(None) => None,
            Err(failure) => Some(Err(failure)),
        }
    }

    /// The other party: an E.164 number, or what the carrier sends instead, such as a short code.
    async fn participant(&self) -> &str {
        self.0.participant.as_str()
    }

    /// Whether the participant wants messages.
    #[graphql(complexity = "2")]
    async fn consent(&self, ctx: &Context<'_>) -> Result<MessagingConsent, ApiError> {
        let key = ConsentOf(self.0.participant.clone());
        let consent = Box::pin(ctx.loaders()?.load_one(key)).await?;
        Ok(consent.unwrap_or(domain::MessagingConsent::Implied).into())
    }

    /// Who answers.
    async fn handling(&self) -> ThreadHandling {
        self.0.handling.into()
    }

    /// The latest message.
    #[graphql(complexity = "child_complexity + 2")]
    async fn last_message(&self, ctx: &Context<'_>) -> Result<Option<Message>, ApiError> {
        let found = Box::pin(ctx.loaders()?.load_one(MessagesOf(self.0.id, Page::First(1)))).await?;
        Ok(found.and_then(|mut found| found.items.pop()).map(|(_, message)| Message(message)))
    }

    /// The thread's messages, newest first.
    #[graphql(
        complexity = "cost(|arg| __ctx.param_value(__variables_definition, __field, arg, None), child_complexity)"
    )]
    async fn messages(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Page size from the start, or after `after`: 1 to 100. Default 20.")] first: Option<
            i32,
        >,
        #[graphql(desc = "Only items after this cursor.")] after: Option<String>,
        #[graphql(desc = "Page size from the end, or before `before`: 1 to 100. Excludes `first`.")]
        last: Option<i32>,
        #[graphql(desc = "Only items before this cursor.")] before: Option<String>,
    ) -> Result<Connection<Message>, ApiError> {
        let filter = store::MessageFilter { thread: Some(self.0.id), ..Default::default() };
        Connection::read(ctx, &PageArgs { first, after, last, before }, filter).await
    }

    /// When the first message was stored.
    async fn created_at(&self) -> DateTime {
        DateTime(self.0.created_at)
    }

    /// When the last message was stored, or the handling changed.
    async fn updated_at(&self) -> DateTime {
        DateTime(self.0.updated_at)
    }
}

/// Filter for threads. All given conditions must match.
#[derive(Debug, Clone, Default, InputObject)]
pub(crate) struct MessageThreadFilter {
    /// Only threads of this number.
    phone_number_id: Option<ID>,
    /// Only threads of the numbers that this agent has now.
    agent_id: Option<ID>,
    /// Only threads with this participant.
    participant: Option<String>,
    /// Only threads that are handled so.
    handling: Option<ThreadHandling>,
}

impl TryFrom<MessageThreadFilter> for store::ThreadFilter {
    type Error = ApiError;

    fn try_from(filter: MessageThreadFilter) -> Result<Self, ApiError> {
        let participant = |text: String| {
            text.parse().map_err(|why| ApiError::bad_input(format!("filter.participant: {why}")))
        };
        Ok(Self {
            number: filter.phone_number_id.map(|id| read_id("filter.phoneNumberId", &id)).transpose()?,
            agent: filter.agent_id.map(|id| read_id("filter.agentId", &id)).transpose()?,
            participant: filter.participant.map(participant).transpose()?,
            handling: filter.handling.map(Into::into),
        })
    }
}

impl Listed for MessageThread {
    type Filter = store::ThreadFilter;
    const LIST: List = List::MessageThreads;
    const CONNECTION: &'static str = "MessageThreadConnection";
    const EDGE: &'static str = "MessageThreadEdge";

    async fn page(
        ctx: &Context<'_>,
        filter: &Self::Filter,
        page: PageRequest,
    ) -> Result<PageOf<Self>, ApiError> {
        let session = ctx.session()?;
        let Some(agent) = session.scope()?.narrow(filter.agent) else { return Ok(nothing()) };
        let filter = store::ThreadFilter { agent, ..filter.clone() };
        Ok(wrap(session.reader().await?.threads(&filter, page).await?, Self))
    }

    async fn count(ctx: &Context<'_>, filter: &Self::Filter) -> Result<i64, ApiError> {
        let session = ctx.session()?;
        let Some(agent) = session.scope()?.narrow(filter.agent) else { return Ok(0) };
        let filter = store::ThreadFilter { agent, ..filter.clone() };
        Ok(session.reader().await?.count_threads(&filter).await?)
    }
}
