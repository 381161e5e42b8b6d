//! `tenants` and `health`.

use async_graphql::{Context, Object};

use crate::graphql::context::ContextExt;
use crate::graphql::errors::ApiError;
use crate::graphql::model::{Connection, Health, PageArgs, Tenant, TenantFilter, cost};

/// Queries for operators, about all tenants and the server itself.
#[derive(Debug, Default)]
pub(super) struct EstateQuery;

#[Object]
impl EstateQuery {
    /// For operators: all tenants, newest first. Everybody with a valid token is a tenant, and so is everybody
    /// with a plan.
    #[graphql(
        complexity = "cost(|arg| __ctx.param_value(__variables_definition, __field, arg, None), child_complexity)"
    )]
    async fn tenants(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Page size from the start, or after `after`: 1 to 100. Default 20.")] first: Option<
            i32,
        >,
        #[graphql(desc = "Only items after this cursor.")] after: Option<String>,
        #[graphql(desc = "Page size from the end, or before `before`: 1 to 100. Excludes `first`.")]
        last: Option<i32>,
        #[graphql(desc = "Only items before this cursor.")] before: Option<String>,
        #[graphql(desc = "Filter. Default: all tenants.")] filter: Option<TenantFilter>,
    ) -> Result<Connection<Tenant>, ApiError> {
        // Before the arguments: who may not list tenants is not told what is wrong with them.
        ctx.session()?.estate()?;
        let page = PageArgs { first, after, last, before };
        Connection::read(ctx, &page, filter.unwrap_or_default().try_into()?).await
    }

    /// For operators: how this server and the providers are. Answered also while the database is down, unless the
    /// request names a tenant.
    #[graphql(complexity = "child_complexity + 10")]
    async fn health(&self, ctx: &Context<'_>) -> Result<Health, ApiError> {
        Box::pin(Health::read(ctx)).await
    }
}
