//! `operation`.

use async_graphql::{Context, ID, Object};

use crate::domain::OperationId;
use crate::graphql::context::ContextExt;
use crate::graphql::errors::ApiError;
use crate::graphql::model::{Operation, read_id};

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
}
