//! `calls`.

use async_graphql::{Context, Object};

use crate::graphql::errors::ApiError;
use crate::graphql::model::{Call, CallFilter, Connection, PageArgs, cost};

/// Questions about calls.
#[derive(Debug, Default)]
pub(super) struct CallQuery;

#[Object]
impl CallQuery {
    /// The calls to your numbers, newest first.
    #[graphql(
        complexity = "cost(|arg| __ctx.param_value(__variables_definition, __field, arg, None), child_complexity)"
    )]
    async fn calls(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "How many, from the beginning or after `after`: 1 to 100, 20 when unset.")]
        first: Option<i32>,
        #[graphql(desc = "Only what comes after this cursor.")] after: Option<String>,
        #[graphql(desc = "How many, from the end or before `before`: 1 to 100.")] last: Option<i32>,
        #[graphql(desc = "Only what comes before this cursor.")] before: Option<String>,
        #[graphql(desc = "Which calls; all when unset.")] filter: Option<CallFilter>,
    ) -> Result<Connection<Call>, ApiError> {
        let page = PageArgs { first, after, last, before };
        Connection::read(ctx, &page, filter.unwrap_or_default().try_into()?).await
    }
}
