//! How the store can fail.

use crate::domain::Refusal;

/// Why the store could not do as asked.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The database does not answer, or not in time.
    #[error("the database is not available")]
    Unavailable(#[source] sea_orm::DbErr),
    /// A rule of ours, held by the database, forbids it: the client can put it right.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// The lease was lost to another driver: whatever was to be written is not.
    #[error("the lease on this operation is held by another")]
    LeaseLost,
    /// A row holds what it must not.
    #[error("table {table}, column {column} holds an impossible value")]
    Corrupt {
        /// Which table.
        table: &'static str,
        /// Which column.
        column: &'static str,
    },
    /// Any other error of the database; never shown to a client.
    #[error("the database refused a statement")]
    Database(#[source] sea_orm::DbErr),
}
