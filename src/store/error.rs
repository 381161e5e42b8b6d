//! How the store can fail, and which failures of the database mean what.

use sea_orm::sqlx::Error as SqlxError;
use sea_orm::{DbErr, RuntimeErr};

use crate::domain::{Refusal, RefusalCode};

/// Why the store could not do as asked.
#[derive(Debug, Clone, thiserror::Error)]
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

impl StoreError {
    /// Whether the database answers and has rejected just this statement, or let another go first. The same rows one by
    /// one may fare better, and so may other statements.
    #[must_use]
    pub fn is_of_one_statement(&self) -> bool {
        match self {
            Self::Unavailable(_) => self.has_lost_a_race(),
            Self::Refused(_) | Self::LeaseLost | Self::Corrupt { .. } | Self::Database(_) => true,
        }
    }

    /// Whether the statement gave way to another transaction: repeated, it may succeed.
    pub(super) fn has_lost_a_race(&self) -> bool {
        let Self::Unavailable(error) = self else { return false };
        match driver_error(error) {
            Some(SqlxError::Database(error)) => error.code().is_some_and(|code| lost_a_race(&code)),
            _ => false,
        }
    }
}

impl From<DbErr> for StoreError {
    fn from(error: DbErr) -> Self {
        if let Some(refusal) = broken_rule(&error) {
            Self::Refused(refusal)
        } else if is_unavailable(&error) {
            Self::Unavailable(error)
        } else {
            Self::Database(error)
        }
    }
}

/// The task that was to begin a transaction is gone: the runtime shuts down.
pub(super) fn begin_was_lost(error: &tokio::task::JoinError) -> StoreError {
    StoreError::Unavailable(DbErr::Conn(RuntimeErr::Internal(error.to_string())))
}

/// The refusal to repeat a key with other input.
pub(super) fn key_reused() -> Refusal {
    let message = "this idempotency key was used before with other input: repeat the first request as it was, or \
                   choose another key";
    Refusal::new(RefusalCode::IdempotencyKeyReused, message).at("idempotencyKey")
}

fn driver_error(error: &DbErr) -> Option<&SqlxError> {
    match error {
        DbErr::Conn(RuntimeErr::SqlxError(e))
        | DbErr::Exec(RuntimeErr::SqlxError(e))
        | DbErr::Query(RuntimeErr::SqlxError(e)) => Some(e),
        _ => None,
    }
}

/// The uniqueness rules that clients can run into. Postgres names the index, SQLite its columns; what is said
/// is the same whoever holds the row in the way.
fn broken_rule(error: &DbErr) -> Option<Refusal> {
    let SqlxError::Database(e) = driver_error(error)? else { return None };
    if !e.is_unique_violation() {
        return None;
    }
    let is = |index: &str, columns: &str| e.constraint() == Some(index) || e.message().ends_with(columns);
    if is("phone_numbers_live", ": phone_numbers.number") {
        return Some(Refusal::new(RefusalCode::NumberTaken, "this number is taken: choose another"));
    }
    is("operations_idempotency", ": operations.tenant_id, operations.idempotency_key").then(key_reused)
}

fn is_unavailable(error: &DbErr) -> bool {
    if matches!(error, DbErr::ConnectionAcquire(_) | DbErr::Conn(_)) {
        return true;
    }
    match driver_error(error) {
        Some(SqlxError::Database(e)) => e.code().is_some_and(|code| is_passing(&code)),
        Some(
            SqlxError::Io(_)
            | SqlxError::Tls(_)
            | SqlxError::Protocol(_)
            | SqlxError::PoolTimedOut
            | SqlxError::PoolClosed
            | SqlxError::WorkerCrashed,
        ) => true,
        _ => false,
    }
}

/// Failures that say nothing about the rows. Postgres: connection exceptions, resources used up (a full disk among them),
/// errors of the system, a time-out, shutting down, starting up, a lost race. SQLite: busy, locked, read-only, input or
/// output failed, full, with their extended codes in the high bits.
fn is_passing(code: &str) -> bool {
    if code.len() == 5 {
        return code.starts_with("08")
            || code.starts_with("53")
            || code.starts_with("58")
            || matches!(code, "57014" | "57P01" | "57P02" | "57P03")
            || lost_a_race(code);
    }
    code.parse::<u32>().is_ok_and(|code| matches!(code & 0xff, 5 | 6 | 8 | 10 | 13))
}

/// Postgres: a conflict that a repeated transaction does not meet, a deadlock, a lock that is held.
fn lost_a_race(code: &str) -> bool {
    matches!(code, "40001" | "40P01" | "55P03")
}
