//! GraphQL type `UnreadableRow`, for operators.

use async_graphql::{Context, Object};

use super::scalars::{DateTime, Uuid};
use crate::graphql::context::ContextExt;
use crate::graphql::errors::ApiError;
use crate::store;

/// A row that the server cannot read.
#[derive(Debug)]
pub(crate) struct UnreadableRow(store::UnreadableRow);

impl UnreadableRow {
    /// The unreadable rows that this server has met.
    ///
    /// # Errors
    /// `FORBIDDEN` for everybody but operators.
    pub(crate) fn all(ctx: &Context<'_>) -> Result<Vec<Self>, ApiError> {
        Ok(ctx.session()?.estate()?.unreadable_rows().into_iter().map(Self).collect())
    }
}

/// A row of the database that this server cannot read, because a newer version wrote it or it is damaged. Its
/// own work waits, or continues with what is readable; all other work continues.
#[Object]
impl UnreadableRow {
    /// Name of the table, such as `operations`.
    async fn table(&self) -> &str {
        self.0.table
    }

    /// Id of the row; `null` if it is unreadable as well.
    async fn row_id(&self) -> Option<Uuid> {
        self.0.id.map(Uuid)
    }

    /// The unreadable column; `null` if unknown.
    async fn column(&self) -> Option<&str> {
        self.0.column.as_deref()
    }

    /// When this server first failed to read the row.
    async fn first_met_at(&self) -> DateTime {
        DateTime(self.0.first_met_at)
    }

    /// When this server last failed to read the row.
    async fn last_met_at(&self) -> DateTime {
        DateTime(self.0.last_met_at)
    }
}
