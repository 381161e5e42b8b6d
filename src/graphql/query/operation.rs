//! `operation` and `operations`.

use async_graphql::{Context, ID, Object};

use crate::domain::OperationId;
use crate::graphql::context::ContextExt;
use crate::graphql::errors::ApiError;
use crate::graphql::model::{Connection, Operation, OperationFilter, PageArgs, cost, read_id};

/// Queries about operations.
#[derive(Debug, Default)]
pub(super) struct OperationQuery;

#[Object]
impl OperationQuery {
    /// An operation by its id; `null` if the tenant has no such operation.
    #[graphql(complexity = "child_complexity + 1")]
    async fn operation(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Id of the operation, as returned by a mutation.")] id: ID,
    ) -> Option<Result<Operation, ApiError>> {
        let load = async || {
            let id: OperationId = read_id("id", &id)?;
            Ok(ctx.loaders()?.load_one(id).await?.map(Operation))
        };
        load().await.transpose()
    }

    /// The tenant's operations, newest first. An operator who names no tenant gets those of all tenants; each
    /// tenant whose operations are shown finds that in its audit trail.
    #[graphql(
        complexity = "cost(|arg| __ctx.param_value(__variables_definition, __field, arg, None), child_complexity)"
    )]
    async fn operations(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Page size from the start, or after `after`: 1 to 100. Default 20.")] first: Option<
            i32,
        >,
        #[graphql(desc = "Only items after this cursor.")] after: Option<String>,
        #[graphql(desc = "Page size from the end, or before `before`: 1 to 100. Excludes `first`.")]
        last: Option<i32>,
        #[graphql(desc = "Only items before this cursor.")] before: Option<String>,
        #[graphql(desc = "Filter. Default: all operations.")] filter: Option<OperationFilter>,
    ) -> Result<Connection<Operation>, ApiError> {
        let page = PageArgs { first, after, last, before };
        Connection::read(ctx, &page, filter.unwrap_or_default().try_into()?).await
    }
}
