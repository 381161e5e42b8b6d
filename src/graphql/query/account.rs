//! `viewer` and `session`.

use async_graphql::{Context, Object};

use crate::graphql::context::ContextExt;
use crate::graphql::errors::ApiError;
use crate::graphql::model::{Session, Viewer};

/// Queries about the caller.
#[derive(Debug, Default)]
pub(super) struct AccountQuery;

#[Object]
impl AccountQuery {
    /// The tenant of the token, with its plan and usage. Not available with an agent's token.
    #[graphql(complexity = "child_complexity + 1")]
    async fn viewer(&self, ctx: &Context<'_>) -> Result<Viewer, ApiError> {
        Viewer::read(ctx.session()?).await
    }

    /// The caller of this request. Available with every valid token, also with an operator's that names no
    /// tenant.
    async fn session(&self, ctx: &Context<'_>) -> Result<Session, ApiError> {
        Session::read(ctx.session()?)
    }
}
