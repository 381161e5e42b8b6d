//! `reconciliation` and `unreadableRows`.

use async_graphql::{Context, Object};

use crate::graphql::errors::ApiError;
use crate::graphql::model::{ReconciliationReport, UnreadableRow};

/// Queries for operators, about all tenants.
#[derive(Debug, Default)]
pub(super) struct ReconciliationQuery;

#[Object]
impl ReconciliationQuery {
    /// For operators: the report of the last reconciliation; `null` if there was none yet.
    #[graphql(complexity = "child_complexity + 10")]
    async fn reconciliation(&self, ctx: &Context<'_>) -> Option<Result<ReconciliationReport, ApiError>> {
        ReconciliationReport::last(ctx).await.transpose()
    }

    /// For operators: rows of the database that this server cannot read, latest failure first, at most 100.
    /// Other servers may have met others.
    #[graphql(complexity = "20 * child_complexity + 1")]
    async fn unreadable_rows(&self, ctx: &Context<'_>) -> Result<Vec<UnreadableRow>, ApiError> {
        UnreadableRow::all(ctx)
    }
}
