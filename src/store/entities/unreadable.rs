//! Unreadable rows that this server has met, for operators. Holds their ids, never their content.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use chrono::{DateTime, Utc};
use sea_orm::sqlx::Error as SqlxError;
use sea_orm::{DbErr, QueryResult, RuntimeErr};
use uuid::Uuid;

use crate::store::{StoreError, SystemStore};

/// Maximum number of rows remembered. Rows met longest ago are dropped first.
const MAX_ROWS: usize = 100;

/// A row that could not be decoded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnreadableRow {
    /// Table that contains the row.
    pub table: &'static str,
    /// Id of the row; `None` if it is unreadable too.
    pub id: Option<Uuid>,
    /// Unreadable column; `None` if the error does not name it.
    pub column: Option<String>,
    /// When this server first met the row.
    pub first_met_at: DateTime<Utc>,
    /// When this server last met the row.
    pub last_met_at: DateTime<Utc>,
}

/// Unreadable rows, by table and id.
#[derive(Debug, Default)]
pub(in crate::store) struct UnreadableRows(Mutex<HashMap<(&'static str, Option<Uuid>), UnreadableRow>>);

impl UnreadableRows {
    fn lock(&self) -> MutexGuard<'_, HashMap<(&'static str, Option<Uuid>), UnreadableRow>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn record(&self, table: &'static str, id: Option<Uuid>, column: Option<String>, now: DateTime<Utc>) {
        let mut rows = self.lock();
        if let Some(row) = rows.get_mut(&(table, id)) {
            (row.column, row.last_met_at) = (column, now);
            return;
        }
        if rows.len() >= MAX_ROWS
            && let Some(oldest) = rows.iter().min_by_key(|(_, row)| row.last_met_at).map(|(key, _)| *key)
        {
            rows.remove(&oldest);
        }
        rows.insert((table, id), UnreadableRow { table, id, column, first_met_at: now, last_met_at: now });
    }

    /// Notes that a row was decoded. Clears its entry if the row includes the column that was unreadable.
    fn read(&self, table: &'static str, id: Option<Uuid>, row: &QueryResult) {
        let mut rows = self.lock();
        let Some(known) = rows.get(&(table, id)) else { return };
        let is_read = |column: &String| {
            let names = row.column_names();
            // Joined columns carry the prefix of their table, `agent__`.
            names.iter().any(|name| name.rsplit("__").next() == Some(column))
        };
        if known.column.as_ref().is_none_or(is_read) {
            rows.remove(&(table, id));
        }
    }

    fn is_empty(&self) -> bool {
        self.lock().is_empty()
    }
}

impl SystemStore {
    /// Returns up to 100 rows that this server could not decode and has not decoded since. Most recently met first.
    #[must_use]
    pub fn unreadable_rows(&self) -> Vec<UnreadableRow> {
        let mut rows: Vec<_> = self.shared.unreadable.lock().values().cloned().collect();
        rows.sort_by_key(|row| (std::cmp::Reverse(row.last_met_at), row.table, row.id));
        rows
    }

    /// Records whether a row was decoded. Logs and counts each failure.
    pub(in crate::store) fn report_row(
        &self,
        table: &'static str,
        id: impl FnOnce() -> Option<Uuid>,
        row: &QueryResult,
        failures: &[StoreError],
    ) {
        let unreadable = &self.shared.unreadable;
        if failures.is_empty() {
            // Nearly always empty, and then no row pays for decoding its id.
            if !unreadable.is_empty() {
                unreadable.read(table, id(), row);
            }
            return;
        }
        let id = id();
        for failure in failures {
            let column = column(failure);
            // Does not log the driver's error: it may quote the row's content.
            tracing::error!(table, ?id, column, %failure, "unreadable row: correct it in the database, or run a version that can read it");
            unreadable.record(table, id, column, self.shared.clock.now());
        }
        metrics::counter!("switchboard_unreadable_rows_total", "table" => table).increment(1);
    }
}

/// The row's id, if it is readable.
pub(in crate::store) fn id(row: &QueryResult) -> Option<Uuid> {
    row.try_get("", "id").ok()
}

/// Name of the unreadable column, if the error contains it.
fn column(failure: &StoreError) -> Option<String> {
    match failure {
        StoreError::Corrupt { column, .. } => Some((*column).to_owned()),
        StoreError::Database(DbErr::Query(RuntimeErr::SqlxError(error))) => match &**error {
            // The driver quotes the name.
            SqlxError::ColumnDecode { index, .. } => Some(index.trim_matches('"').to_owned()),
            _ => None,
        },
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_rows_met_last_are_remembered() {
        let rows = UnreadableRows::default();
        let at = |seconds| DateTime::from_timestamp(seconds, 0).unwrap();
        for nth in 0..150_u32 {
            rows.record("calls", Some(Uuid::from_u128(nth.into())), None, at(nth.into()));
        }
        rows.record("calls", Some(Uuid::from_u128(149)), Some("sid".to_owned()), at(500));
        let kept = rows.lock();
        assert_eq!(kept.len(), MAX_ROWS);
        assert!(kept.values().all(|row| row.first_met_at >= at(50)));
        let last = &kept[&("calls", Some(Uuid::from_u128(149)))];
        assert_eq!((last.first_met_at, last.last_met_at), (at(149), at(500)));
        assert_eq!(last.column.as_deref(), Some("sid"));
    }
}
