//! `reconciliation` and `unreadableRows`.

use async_graphql::{Context, Object};

use crate::graphql::errors::ApiError;
use crate::graphql::model::{ReconciliationReport, UnreadableRow};

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

    /// For operators: rows of the database that this server could not read and, as far as it has noticed, still cannot: those
    /// met last first, at most 100. Other servers may have met others.
    #[graphql(complexity = "20 * child_complexity + 1")]
    async fn unreadable_rows(&self, ctx: &Context<'_>) -> Result<Vec<UnreadableRow>, ApiError> {
        UnreadableRow::all(ctx)
    }
}
