//! `agent` and `agents`.

use async_graphql::{Context, ID, Object};

use crate::graphql::errors::ApiError;
use crate::graphql::model::{Agent, AgentFilter, Connection, PageArgs, cost, read_id};

/// Questions about agents.
#[derive(Debug, Default)]
pub(super) struct AgentQuery;

#[Object]
impl AgentQuery {
    /// An agent by its id; null when there is none, or none of yours.
    #[graphql(complexity = "child_complexity + 1")]
    async fn agent(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The agent's id.")] id: ID,
    ) -> Option<Result<Agent, ApiError>> {
        match read_id("id", &id) {
            Ok(id) => Agent::load(ctx, id).await,
            Err(malformed) => Some(Err(malformed)),
        }
    }

    /// Your agents, newest first.
    #[graphql(
        complexity = "cost(|arg| __ctx.param_value(__variables_definition, __field, arg, None), child_complexity)"
    )]
    async fn agents(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "How many, from the beginning or after `after`: 1 to 100, 20 when unset.")]
        first: Option<i32>,
        #[graphql(desc = "Only what comes after this cursor.")] after: Option<String>,
        #[graphql(desc = "How many, from the end or before `before`: 1 to 100.")] last: Option<i32>,
        #[graphql(desc = "Only what comes before this cursor.")] before: Option<String>,
        #[graphql(desc = "Which agents; all but the deleted ones when unset.")] filter: Option<AgentFilter>,
    ) -> Result<Connection<Agent>, ApiError> {
        let page = PageArgs { first, after, last, before };
        Connection::read(ctx, &page, filter.unwrap_or_default().try_into()?).await
    }
}
