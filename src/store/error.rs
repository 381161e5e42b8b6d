//! How the store can fail, and which failures of the database mean what.
//!
//! An error is a verdict on the row only if the database names the row's own contents: a broken constraint, a value it
//! cannot hold. Any other error says nothing about what was to be written: a database that answers but takes no writes
//! (read-only, its disk full, an I/O error) is as unavailable as one that is gone, and what it did not take is kept.

use sea_orm::sqlx::Error as SqlxError;
use sea_orm::{DbErr, RuntimeErr};

use super::schema::ForeignSchema;
use crate::domain::{Refusal, RefusalCode};

/// Why the store could not do as asked.
#[derive(Debug, Clone, thiserror::Error)]
pub enum StoreError {
    /// The database does not answer, not in time, or takes no writes at the moment.
    #[error("the database is not available")]
    Unavailable(#[source] sea_orm::DbErr),
    /// More is asked of the database than it does in time; whether it answers at all is for others to find out.
    #[error("the database is too busy")]
    Busy,
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
    /// This version cannot migrate the database.
    #[error(transparent)]
    Foreign(#[from] ForeignSchema),
    /// A migration did not get the lock of a table in time.
    #[error(
        "a migration waits for a table that another transaction has locked. Nothing was changed: run `switchboard migrate` \
         again when that transaction has ended"
    )]
    Locked,
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
            Self::Busy => false,
            Self::Refused(_)
            | Self::LeaseLost
            | Self::Corrupt { .. }
            | Self::Foreign(_)
            | Self::Locked
            | Self::Database(_) => true,
        }
    }

    /// Whether the same row would be rejected again, however often it is tried. A statement that does not fit the tables, or
    /// may not run, is no such verdict: it fits once they are migrated or the right is granted.
    #[must_use]
    pub fn is_verdict(&self) -> bool {
        match self {
            Self::Unavailable(_) | Self::Busy | Self::LeaseLost | Self::Foreign(_) | Self::Locked => false,
            Self::Refused(_) | Self::Corrupt { .. } => true,
            Self::Database(error) => match driver_error(error) {
                Some(SqlxError::Database(error)) => {
                    error.code().is_some_and(|code| meaning(&code) == Meaning::Verdict)
                }
                _ => true,
            },
        }
    }

    /// Whether the database may be there and only have too much to do: no connection was free in time, a statement took too
    /// long, a lock was not had. A database that is silent looks the same.
    #[must_use]
    pub fn may_be_overload(&self) -> bool {
        match self {
            Self::Busy => true,
            Self::Unavailable(DbErr::ConnectionAcquire(_)) => true,
            Self::Unavailable(error) => match driver_error(error) {
                Some(SqlxError::PoolTimedOut) => true,
                Some(SqlxError::Database(error)) => error.code().is_some_and(|code| is_overload(&code)),
                _ => false,
            },
            _ => false,
        }
    }

    /// Whether a lock was not had in time.
    pub(super) fn is_of_a_lock(&self) -> bool {
        let Self::Unavailable(error) = self else { return false };
        match driver_error(error) {
            Some(SqlxError::Database(error)) => error.code().is_some_and(|code| code == "55P03"),
            _ => false,
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

/// Whether the connection broke, or was ended by the server.
pub(super) fn has_broken(error: &DbErr) -> bool {
    match driver_error(error) {
        Some(SqlxError::Io(_)) => true,
        Some(SqlxError::Database(error)) => {
            // Shut down, crashed, idle for too long; whatever a proxy in between says of the connection.
            error.code().is_some_and(|code| {
                code.len() == 5 && (code.starts_with("08") || matches!(&*code, "57P01" | "57P02" | "57P05"))
            })
        }
        _ => false,
    }
}

/// Whether Postgres refused a write because the session or its server is read-only.
pub(super) fn is_read_only(error: &DbErr) -> bool {
    match driver_error(error) {
        Some(SqlxError::Database(error)) => error.code().as_deref() == Some("25006"),
        _ => false,
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
        Some(SqlxError::Database(e)) => e.code().is_none_or(|code| meaning(&code) == Meaning::Unavailable),
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

/// What an error code of the database tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Meaning {
    /// The row is at fault.
    Verdict,
    /// The statement is at fault, or the rights of whoever runs it: a mistake of ours, or somebody changed the database.
    Mistake,
    /// Neither is.
    Unavailable,
}

/// Postgres, by class. Verdicts: data, integrity, a view's check, program limits, an exception that a trigger raises. Mistakes:
/// syntax and access rules, features that it lacks. SQLite, whose extended codes are in the high bits. Verdicts: too
/// big, constraint, mismatch, out of range. Mistakes: error, misuse.
fn meaning(code: &str) -> Meaning {
    if code.len() == 5 {
        return match code.get(..2) {
            Some("22" | "23" | "44" | "54" | "P0") => Meaning::Verdict,
            Some("42" | "0A") => Meaning::Mistake,
            _ => Meaning::Unavailable,
        };
    }
    match code.parse::<u32>().map(|code| code & 0xff) {
        Ok(18 | 19 | 20 | 25) => Meaning::Verdict,
        Ok(1 | 21) => Meaning::Mistake,
        _ => Meaning::Unavailable,
    }
}

/// Postgres: a statement or a lock that took too long, too many connections. SQLite: another process holds the file.
fn is_overload(code: &str) -> bool {
    matches!(code, "57014" | "55P03" | "53300") || code.parse::<u32>().is_ok_and(|code| code & 0xff == 5)
}

/// Postgres: a conflict that a repeated transaction does not meet, a deadlock, a lock that is held.
fn lost_a_race(code: &str) -> bool {
    matches!(code, "40001" | "40P01" | "55P03")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_names_the_row_is_a_verdict_and_a_database_that_takes_no_writes_is_unavailable() {
        let verdicts = ["22001", "22P05", "23505", "23514", "P0001", "18", "19", "20", "275", "1811", "2067"];
        assert!(verdicts.iter().all(|code| meaning(code) == Meaning::Verdict));
        let mistakes = ["42P01", "42501", "0A000", "1", "21"];
        assert!(mistakes.iter().all(|code| meaning(code) == Meaning::Mistake));
        // Read-only, disk full, time-outs, shutting down, starting up, lost races, I/O errors, corrupt files.
        let unavailable = [
            "25006", "25P03", "53100", "53300", "55P03", "57014", "57P01", "57P03", "58030", "08006",
            "40001", "XX001", "28P01", "3D000", "5", "6", "8", "10", "11", "13", "14", "26", "266", "1032",
            "778",
        ];
        assert!(unavailable.iter().all(|code| meaning(code) == Meaning::Unavailable));
    }
}
