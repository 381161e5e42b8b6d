//! Store errors, and the classification of database error codes.
//!
//! An error blames a row only if the database names the row's contents: a violated constraint or a value it
//! cannot hold. Every other error says nothing about what was to be written. A database that answers but
//! takes no writes (read-only, disk full, I/O error) is as unavailable as one that does not answer, and its
//! writes are kept for later.

use sea_orm::sqlx::Error as SqlxError;
use sea_orm::{DbErr, RuntimeErr};

use super::schema::ForeignSchema;
use crate::domain::{Refusal, RefusalCode};

/// Why a store operation failed.
#[derive(Debug, Clone, thiserror::Error)]
pub enum StoreError {
    /// The database does not answer in time, or takes no writes at the moment.
    #[error("the database is unavailable")]
    Unavailable(#[source] sea_orm::DbErr),
    /// More work was submitted than the database completes in time. Says nothing about whether it answers at all.
    #[error("the database is overloaded")]
    Busy,
    /// A uniqueness rule was violated by the client's input, and the client can correct it.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// Another driver holds the lease now. Nothing was written.
    #[error("the lease has expired or another server has claimed it")]
    LeaseLost,
    /// A stored value violates this program's invariants.
    #[error("table {table}, column {column}: the stored value is invalid")]
    Corrupt {
        /// Name of the table.
        table: &'static str,
        /// Name of the column.
        column: &'static str,
    },
    /// This version cannot migrate the database.
    #[error(transparent)]
    Foreign(#[from] ForeignSchema),
    /// A migration did not get a table's lock in time.
    #[error(
        "a migration waits for a table that another transaction has locked. Nothing was changed: run `switchboard migrate` \
         again when that transaction has ended"
    )]
    Locked,
    /// Any other database error. Its text must never reach a client.
    #[error("the database rejected a statement")]
    Database(#[source] sea_orm::DbErr),
}

impl StoreError {
    /// Whether the database answered and rejected only this statement, or aborted it in favor of another
    /// transaction. The same rows may succeed one at a time, and other statements may succeed too.
    #[must_use]
    pub fn is_limited_to_statement(&self) -> bool {
        match self {
            // Conflicts belong to this class, because they blame neither the row nor the statement.
            Self::Unavailable(_) => self.is_conflict(),
            Self::Busy => false,
            Self::Refused(_)
            | Self::LeaseLost
            | Self::Corrupt { .. }
            | Self::Foreign(_)
            | Self::Locked
            | Self::Database(_) => true,
        }
    }

    /// Whether a retry of the same row would fail the same way. A statement that does not fit the schema or
    /// lacks a privilege is not permanent: it succeeds once the schema is migrated or the privilege granted.
    #[must_use]
    pub fn is_permanent(&self) -> bool {
        match self {
            Self::Unavailable(_) | Self::Busy | Self::LeaseLost | Self::Foreign(_) | Self::Locked => false,
            Self::Refused(_) | Self::Corrupt { .. } => true,
            Self::Database(error) => match driver_error(error) {
                Some(SqlxError::Database(error)) => {
                    error.code().is_some_and(|code| blame(&code) == Blame::Row)
                }
                // Not from the database: the value cannot be converted, and no retry changes that.
                _ => true,
            },
        }
    }

    /// Whether overload may explain the error: no free connection in time, a statement timeout, a lock
    /// timeout. An unreachable database looks the same.
    #[must_use]
    pub fn may_be_overload(&self) -> bool {
        match self {
            Self::Busy => true,
            Self::Unavailable(DbErr::ConnectionAcquire(_)) => true,
            Self::Unavailable(error) => match driver_error(error) {
                Some(SqlxError::PoolTimedOut) => true,
                Some(SqlxError::Database(error)) => error.code().is_some_and(|code| is_overload_code(&code)),
                _ => false,
            },
            _ => false,
        }
    }

    /// Whether a lock was not granted in time.
    pub(super) fn is_lock_timeout(&self) -> bool {
        let Self::Unavailable(error) = self else { return false };
        match driver_error(error) {
            Some(SqlxError::Database(error)) => error.code().is_some_and(|code| code == "55P03"),
            _ => false,
        }
    }

    /// Whether the transaction was aborted in favor of another one. A retry may succeed.
    pub(super) fn is_conflict(&self) -> bool {
        let Self::Unavailable(error) = self else { return false };
        match driver_error(error) {
            Some(SqlxError::Database(error)) => error.code().is_some_and(|code| is_conflict_code(&code)),
            _ => false,
        }
    }
}

/// Whether the connection broke or the server closed it.
pub(super) fn is_broken_connection(error: &DbErr) -> bool {
    match driver_error(error) {
        // Includes a session that its watchdog gave up: see `doors::liveness`.
        Some(SqlxError::Io(_)) => true,
        Some(SqlxError::Database(error)) => {
            // Class 08 also covers what a proxy says about its connection. 57P01, 57P02, 57P05: shutdown,
            // crash, idle too long.
            error.code().is_some_and(|code| {
                code.len() == 5 && (code.starts_with("08") || matches!(&*code, "57P01" | "57P02" | "57P05"))
            })
        }
        _ => false,
    }
}

/// Whether Postgres rejected a write because the session or the server is read-only.
pub(super) fn is_read_only(error: &DbErr) -> bool {
    match driver_error(error) {
        Some(SqlxError::Database(error)) => error.code().as_deref() == Some("25006"),
        _ => false,
    }
}

impl From<DbErr> for StoreError {
    fn from(error: DbErr) -> Self {
        if let Some(refusal) = constraint_refusal(&error) {
            Self::Refused(refusal)
        } else if is_unavailable(&error) {
            Self::Unavailable(error)
        } else {
            Self::Database(error)
        }
    }
}

/// The task that was to begin a transaction was dropped: the runtime is shutting down.
pub(super) fn begin_task_dropped(error: &tokio::task::JoinError) -> StoreError {
    StoreError::Unavailable(DbErr::Conn(RuntimeErr::Internal(error.to_string())))
}

/// Refusal for an idempotency key that is reused with different input.
pub(super) fn key_reused() -> Refusal {
    let message = "this idempotency key was already used with different input: repeat the original request \
                   unchanged, or choose another key";
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

/// Maps a violated uniqueness rule to a refusal. Postgres names the index, SQLite the columns. The message is
/// the same whichever tenant holds the conflicting row, so that it reveals nothing about other tenants.
fn constraint_refusal(error: &DbErr) -> Option<Refusal> {
    let SqlxError::Database(e) = driver_error(error)? else { return None };
    if !e.is_unique_violation() {
        return None;
    }
    let is = |index: &str, columns: &str| e.constraint() == Some(index) || e.message().ends_with(columns);
    if is("phone_numbers_live", ": phone_numbers.number") {
        return Some(Refusal::new(RefusalCode::NumberTaken, "this number is already taken: choose another"));
    }
    is("operations_idempotency", ": operations.tenant_id, operations.idempotency_key").then(key_reused)
}

fn is_unavailable(error: &DbErr) -> bool {
    if matches!(error, DbErr::ConnectionAcquire(_) | DbErr::Conn(_)) {
        return true;
    }
    match driver_error(error) {
        Some(SqlxError::Database(e)) => e.code().is_none_or(|code| blame(&code) == Blame::Neither),
        Some(
            SqlxError::Io(_)
            | SqlxError::Tls(_)
            // Includes an answer that exceeded its time limit: see `doors::liveness`.
            | SqlxError::Protocol(_)
            | SqlxError::PoolTimedOut
            | SqlxError::PoolClosed
            | SqlxError::WorkerCrashed,
        ) => true,
        _ => false,
    }
}

/// What a database error code blames.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Blame {
    /// The row: a retry fails the same way.
    Row,
    /// The statement, or the privileges of its role: a bug here, or somebody changed the schema.
    Statement,
    /// Neither the row nor the statement. A retry may succeed.
    Neither,
}

/// Classifies an error code. Postgres codes have five characters and are classified by their first two. Row:
/// data, integrity, view check, program limit, exception raised by a trigger. Statement: syntax and access
/// rules, unsupported features. SQLite keeps the primary code in the low eight bits. Row: too big,
/// constraint, mismatch, out of range. Statement: error, misuse.
fn blame(code: &str) -> Blame {
    if code.len() == 5 {
        return match code.get(..2) {
            Some("22" | "23" | "44" | "54" | "P0") => Blame::Row,
            Some("42" | "0A") => Blame::Statement,
            _ => Blame::Neither,
        };
    }
    match code.parse::<u32>().map(|code| code & 0xff) {
        Ok(18 | 19 | 20 | 25) => Blame::Row,
        Ok(1 | 21) => Blame::Statement,
        _ => Blame::Neither,
    }
}

/// Postgres: statement timeout, lock timeout, too many connections. SQLite: another process holds the file lock.
fn is_overload_code(code: &str) -> bool {
    matches!(code, "57014" | "55P03" | "53300") || code.parse::<u32>().is_ok_and(|code| code & 0xff == 5)
}

/// Postgres: serialization failure, deadlock, lock timeout.
fn is_conflict_code(code: &str) -> bool {
    matches!(code, "40001" | "40P01" | "55P03")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_codes_about_the_row_are_permanent() {
        let permanent =
            ["22001", "22P05", "23505", "23514", "P0001", "18", "19", "20", "275", "1811", "2067"];
        assert!(permanent.iter().all(|code| blame(code) == Blame::Row));
        let mistakes = ["42P01", "42501", "0A000", "1", "21"];
        assert!(mistakes.iter().all(|code| blame(code) == Blame::Statement));
        // Read-only, disk full, timeouts, shutting down, starting up, lost races, I/O errors, corrupt files.
        let unavailable = [
            "25006", "25P03", "53100", "53300", "55P03", "57014", "57P01", "57P03", "58030", "08006",
            "40001", "XX001", "28P01", "3D000", "5", "6", "8", "10", "11", "13", "14", "26", "266", "1032",
            "778",
        ];
        assert!(unavailable.iter().all(|code| blame(code) == Blame::Neither));
    }
}
