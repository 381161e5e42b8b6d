//! `viewer`.

use async_graphql::{Context, Object};

use crate::graphql::context::ContextExt;
use crate::graphql::errors::ApiError;
use crate::graphql::model::Viewer;

/// Questions about the account.
#[derive(Debug, Default)]
pub(super) struct AccountQuery;

#[Object]
impl AccountQuery {
    /// The account whose token it is: its plan, its limits and what it used. Not for an agent's token.
    #[graphql(complexity = "child_complexity + 1")]
    async fn viewer(&self, ctx: &Context<'_>) -> Result<Viewer, ApiError> {
        Viewer::read(ctx.session()?).await
    }
}
