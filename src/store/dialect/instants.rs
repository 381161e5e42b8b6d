//! Instants that Postgres holds and this program does not: `infinity`, `-infinity`, and years that nobody means. The driver
//! panics on those that chrono cannot hold, and arithmetic does on those that it just can.

use sea_orm::sqlx::postgres::{PgColumn, PgRow, PgValueFormat};
use sea_orm::sqlx::{self, Column, Row, TypeInfo, ValueRef};
use sea_orm::{DbErr, QueryResult, RuntimeErr};

/// 2000-01-01, in microseconds before and after which Postgres counts: the beginnings of the years 1 and 10000 from there.
const YEAR_1: i64 = -63_082_281_600_000_000;
const YEAR_10000: i64 = 252_455_616_000_000_000;

/// Whether a row can be decoded without a panic.
///
/// # Errors
/// The driver's own, for the first column that holds such an instant.
pub(in crate::store) fn sound(row: &QueryResult) -> Result<(), DbErr> {
    let Some(row) = row.try_as_pg_row() else { return Ok(()) };
    let Some(column) = row.columns().iter().find(|column| is_impossible(row, column)) else { return Ok(()) };
    let (index, source) = (format!("{:?}", column.name()), "an instant out of range".into());
    Err(DbErr::Query(RuntimeErr::SqlxError(sqlx::Error::ColumnDecode { index, source }.into())))
}

fn is_impossible(row: &PgRow, column: &PgColumn) -> bool {
    if column.type_info().name() != "TIMESTAMPTZ" {
        return false;
    }
    let Ok(value) = row.try_get_raw(column.ordinal()) else { return false };
    if value.is_null() || value.format() != PgValueFormat::Binary {
        return false;
    }
    let bytes = value.as_bytes().ok().and_then(|bytes| bytes.try_into().ok());
    bytes.is_some_and(|bytes| !(YEAR_1..YEAR_10000).contains(&i64::from_be_bytes(bytes)))
}

#[cfg(test)]
mod tests {
    use chrono::{DateTime, Utc};

    use super::*;

    #[test]
    fn the_bounds_are_those_of_the_years() {
        let epoch: DateTime<Utc> = "2000-01-01T00:00:00Z".parse().unwrap();
        let bound = |micros| epoch + chrono::TimeDelta::microseconds(micros);
        assert_eq!(bound(YEAR_1).to_rfc3339(), "0001-01-01T00:00:00+00:00");
        assert_eq!(bound(YEAR_10000 - 1).to_rfc3339(), "9999-12-31T23:59:59.999999+00:00");
    }
}
