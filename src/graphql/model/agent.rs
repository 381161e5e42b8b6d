//! GraphQL type `Agent`, its filter and its list.

use std::sync::Arc;

use async_graphql::{Context, Enum, ID, InputObject, Object};

use super::paging::{Connection, List, Listed, PageArgs, cost, nothing, wrap};
use super::scalars::DateTime;
use super::{Call, Message, NotRead, PhoneNumber, UserError};
use crate::domain::{self, E164};
use crate::graphql::context::{ContextExt, Session};
use crate::graphql::errors::ApiError;
use crate::graphql::loaders::FirstNumberOf;
use crate::store::{self, Cursor, PageOf, PageRequest};

/// A voice agent. It answers the calls to its numbers.
#[derive(Debug, Clone)]
pub(crate) enum Agent {
    /// As read with a list of numbers, if only [`SUMMARY_FIELDS`] are selected.
    Summary(Arc<store::AgentSummary>),
    /// All fields, as read by id or returned by a mutation.
    Whole(Arc<store::AgentProfile>),
}

/// Lifecycle state of an agent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "crate::domain::AgentStatus")]
pub(crate) enum AgentStatus {
    /// Being created at the voice provider. Takes no calls yet.
    Pending,
    /// Answers calls.
    Active,
    /// Takes no calls: they go to its fallback number. Also the state of an agent that is being deleted.
    Inactive,
    /// Deleted. Kept for the history of its calls.
    Deleted,
}

/// Whether the voice provider has the agent's latest change.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "crate::domain::SyncState")]
pub(crate) enum AgentSyncState {
    /// The voice provider has the latest change.
    Synced,
    /// The latest change is not delivered yet. Delivery is retried until the voice provider accepts or rejects
    /// it.
    Pending,
    /// The voice provider rejected the latest change and keeps the previous version. Change the agent to try
    /// again.
    Rejected,
}

/// What happens to the text messages that an agent's numbers receive. They are stored in every case.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "crate::domain::AgentMessaging")]
pub(crate) enum AgentMessaging {
    /// Texts are only stored. New threads have the handling NOBODY, and nothing is answered.
    Off,
    /// New threads have the handling PERSON. A text that asks for help gets `helpText`.
    Notify,
    /// The agent answers new threads. A text that asks for help gets `helpText`.
    Agent,
}

/// A voice agent. It answers the calls to its numbers.
#[Object]
impl Agent {
    /// Global id, opaque and stable. Pass it to `node`.
    pub(crate) async fn id(&self) -> ID {
        self.key().to_string().into()
    }

    /// Id of the agent at ElevenLabs; `null` until it is created there.
    async fn elevenlabs_agent_id(&self) -> Result<Option<&str>, ApiError> {
        Ok(self.whole()?.voice_agent_id.as_deref())
    }

    /// Name of the practice, as callers hear it.
    async fn name(&self) -> &str {
        match self {
            Self::Summary(agent) => agent.name.as_str(),
            Self::Whole(agent) => agent.name.as_str(),
        }
    }

    /// Language code: `en`, `de`, `pt-br`.
    async fn language(&self) -> Result<&str, ApiError> {
        Ok(self.whole()?.language.code())
    }

    /// The first sentence that the caller hears. `null`: a greeting with the name, in the agent's language.
    async fn first_message(&self) -> Result<Option<&str>, ApiError> {
        Ok(self.whole()?.first_message.as_ref().map(domain::FirstMessage::as_str))
    }

    /// The number that rings if the agent cannot take a call. `null`: the caller hears a message instead.
    async fn fallback_number(&self) -> Result<Option<&E164>, ApiError> {
        Ok(self.whole()?.fallback_number.as_ref())
    }

    /// Lifecycle state.
    async fn status(&self) -> AgentStatus {
        self.state().into()
    }

    /// Whether the voice provider has the agent's latest change.
    async fn sync_state(&self) -> Result<AgentSyncState, ApiError> {
        Ok(self.whole()?.sync_state.into())
    }

    /// Result of the last delivery to the voice provider, if it failed. `null` if `syncState` is SYNCED, or if
    /// the latest change was not delivered yet.
    async fn sync_error(&self) -> Result<Option<UserError>, ApiError> {
        Ok(self.whole()?.sync_error.clone().map(UserError))
    }

    /// First characters of the agent's token, to recognize it. The token itself is returned only when it is
    /// created.
    async fn token_preview(&self) -> Result<&str, ApiError> {
        Ok(&self.whole()?.token_preview)
    }

    /// The agent's primary number, by default its oldest active one; `null` if it has none. See `setPrimaryPhoneNumber`.
    #[graphql(complexity = "child_complexity + 1")]
    async fn phone_number(&self, ctx: &Context<'_>) -> Option<Result<PhoneNumber, ApiError>> {
        let load =
            async || Ok(ctx.loaders()?.load_one(FirstNumberOf(self.key())).await?.map(PhoneNumber::from));
        Box::pin(load()).await.transpose()
    }

    /// The agent's numbers, without released ones, newest first.
    #[graphql(
        complexity = "cost(|arg| __ctx.param_value(__variables_definition, __field, arg, None), child_complexity)"
    )]
    async fn phone_numbers(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Page size from the start, or after `after`: 1 to 100. Default 20.")] first: Option<
            i32,
        >,
        #[graphql(desc = "Only items after this cursor.")] after: Option<String>,
        #[graphql(desc = "Page size from the end, or before `before`: 1 to 100. Excludes `first`.")]
        last: Option<i32>,
        #[graphql(desc = "Only items before this cursor.")] before: Option<String>,
    ) -> Result<Connection<PhoneNumber>, ApiError> {
        let filter = store::NumberFilter { agent: Some(self.key()), ..Default::default() };
        Connection::read(ctx, &PageArgs { first, after, last, before }, filter).await
    }

    /// Calls to the agent's numbers, newest first.
    #[graphql(
        complexity = "cost(|arg| __ctx.param_value(__variables_definition, __field, arg, None), child_complexity)"
    )]
    async fn calls(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Page size from the start, or after `after`: 1 to 100. Default 20.")] first: Option<
            i32,
        >,
        #[graphql(desc = "Only items after this cursor.")] after: Option<String>,
        #[graphql(desc = "Page size from the end, or before `before`: 1 to 100. Excludes `first`.")]
        last: Option<i32>,
        #[graphql(desc = "Only items before this cursor.")] before: Option<String>,
    ) -> Result<Connection<Call>, ApiError> {
        let filter = store::CallFilter { agent: Some(self.key()), ..Default::default() };
        Connection::read(ctx, &PageArgs { first, after, last, before }, filter).await
    }

    /// What happens to the text messages that the agent's numbers receive.
    async fn messaging(&self) -> Result<AgentMessaging, ApiError> {
        Ok(self.whole()?.messaging.into())
    }

    /// The answer to a text that asks for help, where the carrier does not answer it. `null`: no answer.
    async fn help_text(&self) -> Result<Option<&str>, ApiError> {
        Ok(self.whole()?.help_text.as_ref().map(domain::MessageBody::as_str))
    }

    /// Text messages from and to the agent's numbers, newest first.
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
        let filter = store::MessageFilter { agent: Some(self.key()), ..Default::default() };
        Connection::read(ctx, &PageArgs { first, after, last, before }, filter).await
    }

    /// When the agent was created.
    async fn created_at(&self) -> Result<DateTime, ApiError> {
        Ok(DateTime(self.whole()?.created_at))
    }

    /// When the agent was last changed.
    async fn updated_at(&self) -> Result<DateTime, ApiError> {
        Ok(DateTime(self.whole()?.updated_at))
    }
}

impl From<store::AgentProfile> for Agent {
    fn from(profile: store::AgentProfile) -> Self {
        Self::Whole(Arc::new(profile))
    }
}

impl From<store::ListedAgent> for Agent {
    fn from(listed: store::ListedAgent) -> Self {
        match listed {
            store::ListedAgent::Summary(agent) => Self::Summary(Arc::new(agent)),
            store::ListedAgent::Whole(agent) => Self::Whole(Arc::new(agent)),
        }
    }
}

impl From<domain::Agent> for Agent {
    fn from(agent: domain::Agent) -> Self {
        store::AgentProfile::from(agent).into()
    }
}

/// Fields that a summary of an agent contains.
// The last three are read by loaders and need the id only.
pub(super) const SUMMARY_FIELDS: [&str; 7] =
    ["__typename", "id", "name", "status", "phoneNumber", "phoneNumbers", "calls"];

impl Agent {
    fn key(&self) -> domain::AgentId {
        match self {
            Self::Summary(agent) => agent.id,
            Self::Whole(agent) => agent.id,
        }
    }

    /// The lifecycle state, which a summary contains too.
    pub(crate) fn state(&self) -> domain::AgentStatus {
        match self {
            Self::Summary(agent) => agent.status,
            Self::Whole(agent) => agent.status,
        }
    }

    fn whole(&self) -> Result<&store::AgentProfile, ApiError> {
        match self {
            Self::Whole(agent) => Ok(agent),
            Self::Summary(agent) => Err(NotRead::of(agent.id)),
        }
    }

    /// Loads the agent with this id, if the caller may see it.
    pub(crate) async fn load(ctx: &Context<'_>, id: domain::AgentId) -> Option<Result<Self, ApiError>> {
        let load = async || Ok(ctx.loaders()?.load_one(id).await?.map(Self::Whole));
        Box::pin(load()).await.transpose()
    }
}

/// Filter for agents. All given conditions must match.
#[derive(Debug, Clone, Default, InputObject)]
pub(crate) struct AgentFilter {
    /// Only agents in this state. Default: all except DELETED.
    status: Option<AgentStatus>,
    /// Only agents whose name contains this text, ignoring case. At most 100 characters.
    name_contains: Option<String>,
}

impl TryFrom<AgentFilter> for store::AgentFilter {
    type Error = ApiError;

    /// Rejects text that no name can contain, such as characters that the databases reject.
    fn try_from(filter: AgentFilter) -> Result<Self, ApiError> {
        let part = filter.name_contains;
        let most = domain::AgentName::MAX_CHARS;
        if part.as_ref().is_some_and(|part| part.chars().count() > most) {
            return Err(ApiError::bad_input(format!(
                "nameContains: at most {most} characters are allowed, as in a name"
            )));
        }
        if part.as_ref().is_some_and(|part| part.chars().any(char::is_control)) {
            return Err(ApiError::bad_input("nameContains: control characters are not allowed"));
        }
        Ok(Self { status: filter.status.map(Into::into), name_contains: part })
    }
}

impl Listed for Agent {
    type Filter = store::AgentFilter;
    const LIST: List = List::Agents;
    const CONNECTION: &'static str = "AgentConnection";
    const EDGE: &'static str = "AgentEdge";

    async fn page(
        ctx: &Context<'_>,
        filter: &Self::Filter,
        page: PageRequest,
    ) -> Result<PageOf<Self>, ApiError> {
        let session = ctx.session()?;
        match session.scope()?.agent() {
            None => Ok(wrap(session.reader().await?.agents(filter, page).await?, Self::from)),
            Some(only) => {
                // One row, so it is read by its id, and filter and cursors are applied here.
                let Some(agent) = the_one(session, filter, only).await? else { return Ok(nothing()) };
                let at = Cursor { at: agent.created_at, id: agent.id.0 };
                let position = |cursor: Cursor| (cursor.at, cursor.id);
                // Newest first, so an item after a cursor is older than it.
                let reached = page.after.is_none_or(|after| position(at) < position(after))
                    && page.before.is_none_or(|before| position(at) > position(before));
                let items = if reached { vec![(at, Self::from(agent))] } else { Vec::new() };
                Ok(PageOf { items, has_next: false, has_previous: false })
            }
        }
    }

    async fn count(ctx: &Context<'_>, filter: &Self::Filter) -> Result<i64, ApiError> {
        let session = ctx.session()?;
        match session.scope()?.agent() {
            None => Ok(session.reader().await?.count_agents(filter).await?),
            Some(only) => Ok(i64::from(the_one(session, filter, only).await?.is_some())),
        }
    }
}

/// The only agent that an agent's token may see, if it matches the filter.
async fn the_one(
    session: &Session,
    filter: &store::AgentFilter,
    only: domain::AgentId,
) -> Result<Option<store::AgentProfile>, ApiError> {
    let agent = session.reader().await?.agents_by_id(&[only]).await?.pop();
    // As the database compares it: without case.
    let part = filter.name_contains.as_ref().map(|part| part.to_lowercase());
    Ok(agent.filter(|agent| {
        let listed = match filter.status {
            Some(status) => agent.status == status,
            None => agent.status != domain::AgentStatus::Deleted,
        };
        listed && part.is_none_or(|part| agent.name.as_str().to_lowercase().contains(&part))
    }))
}
