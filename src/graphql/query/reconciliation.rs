//! `reconciliation`.

use async_graphql::{Context, Object};

use crate::graphql::errors::ApiError;
use crate::graphql::model::ReconciliationReport;

/// Questions about the whole estate.
#[derive(Debug, Default)]
pub(super) struct ReconciliationQuery;

#[Object]
impl ReconciliationQuery {
    /// For operators: what the last comparison of the carrier's and the voice provider's inventories with the
    /// database found; null when there was none yet.
    #[graphql(complexity = "child_complexity + 10")]
    async fn reconciliation(&self, ctx: &Context<'_>) -> Option<Result<ReconciliationReport, ApiError>> {
        ReconciliationReport::last(ctx).await.transpose()
    }
}
