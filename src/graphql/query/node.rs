//! `node` and `nodes`.

use async_graphql::{Context, ID, Object};
use futures_util::future::join_all;

use crate::graphql::errors::ApiError;
use crate::graphql::model::{Node, read_id};

/// Maximum ids of one `nodes` field.
const MAX_NODES: usize = 100;

/// Queries by global id.
#[derive(Debug, Default)]
pub(super) struct NodeQuery;

#[Object]
impl NodeQuery {
    /// An object by its global id; `null` if the tenant has no such object.
    #[graphql(complexity = "child_complexity + 1")]
    async fn node(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "A global id, as returned by the API.")] id: ID,
    ) -> Option<Result<Node, ApiError>> {
        find(ctx, "id", &id).await
    }

    /// Objects by their global ids, in the given order; `null` for each that the tenant does not have.
    #[graphql(complexity = "ids.len().saturating_mul(child_complexity) + 1")]
    async fn nodes(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Global ids, at most 100.")] ids: Vec<ID>,
    ) -> Result<Vec<Option<Result<Node, ApiError>>>, ApiError> {
        if ids.len() > MAX_NODES {
            return Err(ApiError::bad_input(format!(
                "ids: at most {MAX_NODES} are allowed; got {}. Send several requests",
                ids.len()
            )));
        }
        // At the same time, so that the loaders read all ids of a kind in one statement.
        Ok(join_all(ids.iter().map(|id| find(ctx, "ids", id))).await)
    }
}

async fn find(ctx: &Context<'_>, argument: &str, id: &ID) -> Option<Result<Node, ApiError>> {
    match read_id(argument, id) {
        Ok(id) => Node::find(ctx, id).await.transpose(),
        Err(malformed) => Some(Err(malformed)),
    }
}
