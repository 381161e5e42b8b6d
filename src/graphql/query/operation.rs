//! `operation`.

use async_graphql::{Context, ID, Object};

use crate::domain::OperationId;
use crate::graphql::context::ContextExt;
use crate::graphql::errors::ApiError;
use crate::graphql::model::{Operation, read_id};

/// Questions about operations.
#[derive(Debug, Default)]
pub(super) struct OperationQuery;

#[Object]
impl OperationQuery {
    /// An operation by its id; null when there is none, or none of yours.
    #[graphql(complexity = "child_complexity + 1")]
    async fn operation(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The operation's id, as a mutation returned it.")] id: ID,
    ) -> Option<Result<Operation, ApiError>> {
        let load = async || {
            let id: OperationId = read_id("id", &id)?;
            Ok(ctx.loaders()?.load_one(id).await?.map(Operation))
        };
        load().await.transpose()
    }
}
