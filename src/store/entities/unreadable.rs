//! Rows that could not be read, for operators: which they are, never what is in them.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use chrono::{DateTime, Utc};
use sea_orm::sqlx::Error as SqlxError;
use sea_orm::{DbErr, QueryResult, RuntimeErr};
use uuid::Uuid;

use crate::store::{StoreError, SystemStore};

/// Rows that are remembered: of more, those met longest ago are forgotten.
const MOST: usize = 100;

/// A row that could not be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnreadableRow {
    /// The table.
    pub table: &'static str,
    /// The row's id, unless that cannot be read either.
    pub id: Option<Uuid>,
    /// The column that cannot be read, as far as it is known.
    pub column: Option<String>,
    /// When this server first met it.
    pub first_met_at: DateTime<Utc>,
    /// When this server last met it.
    pub last_met_at: DateTime<Utc>,
}

/// Those that this server has met.
#[derive(Debug, Default)]
pub(in crate::store) struct UnreadableRows(Mutex<HashMap<(&'static str, Option<Uuid>), UnreadableRow>>);

impl UnreadableRows {
    fn lock(&self) -> MutexGuard<'_, HashMap<(&'static str, Option<Uuid>), UnreadableRow>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn note(&self, table: &'static str, id: Option<Uuid>, column: Option<String>, now: DateTime<Utc>) {
        let mut rows = self.lock();
        if let Some(row) = rows.get_mut(&(table, id)) {
            (row.column, row.last_met_at) = (column, now);
            return;
        }
        if rows.len() >= MOST
            && let Some(oldest) = rows.iter().min_by_key(|(_, row)| row.last_met_at).map(|(key, _)| *key)
        {
            rows.remove(&oldest);
        }
        rows.insert((table, id), UnreadableRow { table, id, column, first_met_at: now, last_met_at: now });
    }

    /// A row was read. If the column that could not be read is among those of the row, it can be now.
    fn read(&self, table: &'static str, id: Option<Uuid>, row: &QueryResult) {
        let mut rows = self.lock();
        let Some(known) = rows.get(&(table, id)) else { return };
        let is_read = |column: &String| {
            let names = row.column_names();
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
    /// Rows that this server could not read and that were not mended since, as far as it has noticed: those met last first,
    /// at most 100.
    #[must_use]
    pub fn unreadable_rows(&self) -> Vec<UnreadableRow> {
        let mut rows: Vec<_> = self.shared.unreadable.lock().values().cloned().collect();
        rows.sort_by_key(|row| (std::cmp::Reverse(row.last_met_at), row.table, row.id));
        rows
    }

    /// Notes that a row was read, and reports what of it cannot be.
    pub(in crate::store) fn seen(
        &self,
        table: &'static str,
        id: impl FnOnce() -> Option<Uuid>,
        row: &QueryResult,
        failures: &[StoreError],
    ) {
        let unreadable = &self.shared.unreadable;
        if failures.is_empty() {
            if !unreadable.is_empty() {
                unreadable.read(table, id(), row);
            }
            return;
        }
        let id = id();
        for failure in failures {
            let column = column(failure);
            // The driver's words may quote the row.
            tracing::error!(table, ?id, column, %failure, "unreadable row: a person must mend it, or a newer version reads it");
            unreadable.note(table, id, column, self.shared.clock.now());
        }
        metrics::counter!("switchboard_unreadable_rows_total", "table" => table).increment(1);
    }
}

/// A row's id, if that can be read.
pub(in crate::store) fn id(row: &QueryResult) -> Option<Uuid> {
    row.try_get("", "id").ok()
}

/// The column at fault, if the failure names it.
fn column(failure: &StoreError) -> Option<String> {
    match failure {
        StoreError::Corrupt { column, .. } => Some((*column).to_owned()),
        StoreError::Database(DbErr::Query(RuntimeErr::SqlxError(error))) => match &**error {
            // The driver writes a name in quotes.
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
    fn only_so_many_are_remembered_those_met_last() {
        let rows = UnreadableRows::default();
        let at = |seconds| DateTime::from_timestamp(seconds, 0).unwrap();
        for nth in 0..150_u32 {
            rows.note("calls", Some(Uuid::from_u128(nth.into())), None, at(nth.into()));
        }
        rows.note("calls", Some(Uuid::from_u128(149)), Some("sid".to_owned()), at(500));
        let kept = rows.lock();
        assert_eq!(kept.len(), MOST);
        assert!(kept.values().all(|row| row.first_met_at >= at(50)));
        let last = &kept[&("calls", Some(Uuid::from_u128(149)))];
        assert_eq!((last.first_met_at, last.last_met_at), (at(149), at(500)));
        assert_eq!(last.column.as_deref(), Some("sid"));
    }
}
