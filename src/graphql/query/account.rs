//! `viewer`.

use async_graphql::{Context, Object};

use crate::graphql::context::ContextExt;
use crate::graphql::errors::ApiError;
use crate::graphql::model::Viewer;

/// Queries about the tenant.
#[derive(Debug, Default)]
pub(super) struct AccountQuery;

#[Object]
impl AccountQuery {
    /// The tenant of the token, with its plan and usage. Not available with an agent's token.
    #[graphql(complexity = "child_complexity + 1")]
    async fn viewer(&self, ctx: &Context<'_>) -> Result<Viewer, ApiError> {
        Viewer::read(ctx.session()?).await
    }
}
