//! `callGroups`.

use async_graphql::{Context, Object};

use crate::graphql::errors::ApiError;
use crate::graphql::model::{CallGroup, Connection, PageArgs, cost};

/// Queries about call groups.
#[derive(Debug, Default)]
pub(super) struct CallGroupQuery;

#[Object]
impl CallGroupQuery {
    /// The tenant's call groups, newest first: at most 100. None with an agent's token.
    #[graphql(
        complexity = "cost(|arg| __ctx.param_value(__variables_definition, __field, arg, None), child_complexity)"
    )]
    async fn call_groups(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Page size from the start, or after `after`: 1 to 100. Default 20.")] first: Option<
            i32,
        >,
        #[graphql(desc = "Only items after this cursor.")] after: Option<String>,
        #[graphql(desc = "Page size from the end, or before `before`: 1 to 100. Excludes `first`.")]
        last: Option<i32>,
        #[graphql(desc = "Only items before this cursor.")] before: Option<String>,
    ) -> Result<Connection<CallGroup>, ApiError> {
        Connection::read(ctx, &PageArgs { first, after, last, before }, ()).await
    }
}
