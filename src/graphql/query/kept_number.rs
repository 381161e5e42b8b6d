//! `keptNumbers` and `portability`.

use async_graphql::{Context, Object};

use crate::domain::E164;
use crate::graphql::context::ContextExt;
use crate::graphql::errors::ApiError;
use crate::graphql::model::{Connection, KeptNumber, PageArgs, Portability, cost};
use crate::store::KeptNumberFilter;

/// Queries about numbers of other carriers.
#[derive(Debug, Default)]
pub(super) struct KeptNumberQuery;

#[Object]
impl KeptNumberQuery {
    /// Numbers of other carriers that the tenant keeps, newest first.
    #[graphql(
        complexity = "cost(|arg| __ctx.param_value(__variables_definition, __field, arg, None), child_complexity)"
    )]
    async fn kept_numbers(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Page size from the start, or after `after`: 1 to 100. Default 20.")] first: Option<
            i32,
        >,
        #[graphql(desc = "Only items after this cursor.")] after: Option<String>,
        #[graphql(desc = "Page size from the end, or before `before`: 1 to 100. Excludes `first`.")]
        last: Option<i32>,
        #[graphql(desc = "Only items before this cursor.")] before: Option<String>,
    ) -> Result<Connection<KeptNumber>, ApiError> {
        let page = PageArgs { first, after, last, before };
        Connection::read(ctx, &page, KeptNumberFilter::default()).await
    }

    /// Whether a number of another carrier can be ported, as the carrier tells now.
    #[graphql(complexity = "child_complexity + 10")]
    async fn portability(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The number.")] number: E164,
    ) -> Result<Portability, ApiError> {
        let session = ctx.session()?;
        session.owner()?;
        // No transaction stays open while the carrier answers, which may take seconds.
        let _released = session.release().await;
        let known = session.provisioning().portability(&number).await?;
        Ok(Portability { number, known })
    }
}
