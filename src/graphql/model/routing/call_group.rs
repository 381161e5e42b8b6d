//! GraphQL type `CallGroup` and its list.

use async_graphql::{Context, Enum, ID, Object};

use crate::domain;
use crate::graphql::context::ContextExt;
use crate::graphql::errors::ApiError;
use crate::graphql::model::paging::{Connection, List, Listed, PageArgs, cost, nothing, wrap};
use crate::graphql::model::scalars::DateTime;
use crate::graphql::model::{Agent, PhoneNumber};
use crate::store::{self, PageOf, PageRequest};

/// Agents that answer the calls to a number together.
#[derive(Debug, Clone)]
pub(crate) struct CallGroup(pub(crate) domain::CallGroup);

/// How a call group chooses the member that takes a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "domain::CallGroupStrategy")]
pub(crate) enum CallGroupStrategy {
    /// By weight: over many calls each member gets its share. If the chosen member has as many calls as its `maxCalls`, another
    /// one is chosen, by weight again.
    Weighted,
    /// The first member, in the order of the list, that has fewer open calls than its `maxCalls`.
    Overflow,
}

/// Agents that answer the calls to a number together. Each call is offered to one of them; a call that is announced again gets
/// the same one. Members that are not ACTIVE are passed over. If none is ACTIVE, or none has room for the call, the fallback
/// number of the member that would be next rings, else the caller hears a message. Text messages to the numbers of a group are
/// stored, and no agent answers them.
#[Object]
impl CallGroup {
    /// Global id, opaque and stable. Pass it to `node`.
    pub(crate) async fn id(&self) -> ID {
        self.0.id.to_string().into()
    }

    /// Your own name for the group.
    async fn name(&self) -> &str {
        self.0.name.as_str()
    }

    /// How the member that takes a call is chosen.
    async fn strategy(&self) -> CallGroupStrategy {
        self.0.strategy.into()
    }

    /// The members, in the order in which OVERFLOW offers them a call: at most 20. A deleted agent is removed. A group that has
    /// no members left answers as the pool does: by the number's routing rules, else with a message.
    #[graphql(complexity = "5 * child_complexity + 1")]
    async fn members(&self) -> Vec<CallGroupMember> {
        self.0.members.iter().copied().map(CallGroupMember).collect()
    }

    /// The numbers whose calls the group answers, newest first.
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
        let filter = store::NumberFilter { group: Some(self.0.id), ..Default::default() };
        Connection::read(ctx, &PageArgs { first, after, last, before }, filter).await
    }

    /// Version of the group, incremented by every `updateCallGroup` and by the deletion of an agent in the group. Pass it as
    /// `expectedVersion` to detect concurrent changes.
    async fn version(&self) -> i32 {
        self.0.version
    }

    /// When the group was created.
    async fn created_at(&self) -> DateTime {
        DateTime(self.0.created_at)
    }
}

/// An agent in a call group.
#[derive(Debug, Clone, Copy)]
pub(crate) struct CallGroupMember(domain::CallGroupMember);

/// An agent in a call group.
#[Object]
impl CallGroupMember {
    /// The agent.
    #[graphql(complexity = "child_complexity + 1")]
    async fn agent(&self, ctx: &Context<'_>) -> Result<Agent, ApiError> {
        let found = Box::pin(ctx.loaders()?.load_one(self.0.agent_id)).await?;
        found.map(Agent::Whole).ok_or_else(|| ApiError::internal(Missing(self.0.agent_id)))
    }

    /// The member's share of the calls, compared with the weights of the others: 1 to 1000. Without effect in a group with
    /// strategy OVERFLOW.
    async fn weight(&self) -> i32 {
        self.0.weight.into()
    }

    /// Maximum open calls of the agent, over all its numbers: at this limit the group offers it no further call. `null`: only
    /// the plan limits it.
    async fn max_calls(&self) -> Option<i32> {
        self.0.max_calls.map(i32::from)
    }
}

/// A defect: a member's agent is not found, although deleted agents leave their groups.
#[derive(Debug, thiserror::Error)]
#[error("the call group's member {0} was not found")]
struct Missing(domain::AgentId);

impl CallGroup {
    /// Loads the group with this id, if the caller may see it.
    pub(crate) async fn load(ctx: &Context<'_>, id: domain::CallGroupId) -> Option<Result<Self, ApiError>> {
        let load = async || Ok(ctx.loaders()?.load_one(id).await?.map(Self));
        Box::pin(load()).await.transpose()
    }
}

impl Listed for CallGroup {
    type Filter = ();
    const LIST: List = List::CallGroups;
    const CONNECTION: &'static str = "CallGroupConnection";
    const EDGE: &'static str = "CallGroupEdge";

    async fn page(ctx: &Context<'_>, (): &Self::Filter, page: PageRequest) -> Result<PageOf<Self>, ApiError> {
        let session = ctx.session()?;
        // Groups belong to the tenant: an agent's token sees none.
        if !session.scope()?.is_whole() {
            return Ok(nothing());
        }
        Ok(wrap(session.reader().await?.call_groups(page).await?, Self))
    }

    async fn count(ctx: &Context<'_>, (): &Self::Filter) -> Result<i64, ApiError> {
        let session = ctx.session()?;
        if !session.scope()?.is_whole() {
            return Ok(0);
        }
        Ok(session.reader().await?.count_call_groups().await?)
    }
}
