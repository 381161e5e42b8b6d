//! A row that the server cannot read.

use async_graphql::{Context, Object};

use super::scalars::{DateTime, Uuid};
use crate::graphql::context::ContextExt;
use crate::graphql::errors::ApiError;
use crate::store;

/// A row that the server cannot read.
#[derive(Debug)]
pub(crate) struct UnreadableRow(store::UnreadableRow);

impl UnreadableRow {
    /// Those that this server has met.
    ///
    /// # Errors
    /// `FORBIDDEN` for everybody but operators.
    pub(crate) fn all(ctx: &Context<'_>) -> Result<Vec<Self>, ApiError> {
        Ok(ctx.session()?.estate()?.unreadable_rows().into_iter().map(Self).collect())
    }
}

/// A row of the database that the server cannot read: a newer version has written it, or it is damaged. The work it is about
/// waits, or goes on by what can be read of it; all other work goes on.
#[Object]
impl UnreadableRow {
    /// The table, such as `operations`.
    async fn table(&self) -> &str {
        self.0.table
    }

    /// The row's id in the table; null if it cannot be read either.
    async fn row_id(&self) -> Option<Uuid> {
        self.0.id.map(Uuid)
    }

    /// The column that cannot be read; null if that is not known.
    async fn column(&self) -> Option<&str> {
        self.0.column.as_deref()
    }

    /// When this server first met the row.
    async fn first_met_at(&self) -> DateTime {
        DateTime(self.0.first_met_at)
    }

    /// When this server last met the row.
    async fn last_met_at(&self) -> DateTime {
        DateTime(self.0.last_met_at)
    }
}
