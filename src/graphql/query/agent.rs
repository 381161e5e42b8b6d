//! `agent` and `agents`.

use async_graphql::{Context, ID, Object};

use crate::graphql::errors::ApiError;
use crate::graphql::model::{Agent, AgentFilter, Connection, PageArgs, cost, read_id};

/// Queries about agents.
#[derive(Debug, Default)]
pub(super) struct AgentQuery;

#[Object]
impl AgentQuery {
    /// An agent by its id; `null` if the tenant has no such agent.
    #[graphql(complexity = "child_complexity + 1")]
    async fn agent(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Id of the agent.")] id: ID,
    ) -> Option<Result<Agent, ApiError>> {
        match read_id("id", &id) {
            Ok(id) => Agent::load(ctx, id).await,
            Err(malformed) => Some(Err(malformed)),
        }
    }

    /// The tenant's agents, newest first.
    #[graphql(
        complexity = "cost(|arg| __ctx.param_value(__variables_definition, __field, arg, None), child_complexity)"
    )]
    async fn agents(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Page size from the start, or after `after`: 1 to 100. Default 20.")] first: Option<
            i32,
        >,
        #[graphql(desc = "Only items after this cursor.")] after: Option<String>,
        #[graphql(desc = "Page size from the end, or before `before`: 1 to 100. Excludes `first`.")]
        last: Option<i32>,
        #[graphql(desc = "Only items before this cursor.")] before: Option<String>,
        #[graphql(desc = "Filter. Default: all agents except deleted ones.")] filter: Option<AgentFilter>,
    ) -> Result<Connection<Agent>, ApiError> {
        let page = PageArgs { first, after, last, before };
        Connection::read(ctx, &page, filter.unwrap_or_default().try_into()?).await
    }
}
