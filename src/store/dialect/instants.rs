//! Guards against timestamps that Postgres can hold and chrono cannot: `infinity`, `-infinity` and extreme
//! years. Decoding them panics in the driver, and arithmetic panics on the extremes that chrono just holds.

use sea_orm::sqlx::postgres::{PgColumn, PgRow, PgValueFormat};
use sea_orm::sqlx::{self, Column, Row, TypeInfo, ValueRef};
use sea_orm::{DbErr, QueryResult, RuntimeErr};

/// Years 1 and 10000 in microseconds from 2000-01-01, the epoch of Postgres timestamps.
const YEAR_1: i64 = -63_082_281_600_000_000;
const YEAR_10000: i64 = 252_455_616_000_000_000;

/// Checks that a row can be decoded without a panic.
///
/// # Errors
/// [`sqlx::Error::ColumnDecode`] for the first column with a timestamp out of range.
pub(in crate::store) fn check_timestamps(row: &QueryResult) -> Result<(), DbErr> {
    let Some(row) = row.try_as_pg_row() else { return Ok(()) };
    let Some(column) = row.columns().iter().find(|column| is_impossible(row, column)) else { return Ok(()) };
    let (index, source) = (format!("{:?}", column.name()), "timestamp out of range".into());
    Err(DbErr::Query(RuntimeErr::SqlxError(sqlx::Error::ColumnDecode { index, source }.into())))
}

fn is_impossible(row: &PgRow, column: &PgColumn) -> bool {
    if column.type_info().name() != "TIMESTAMPTZ" {
        return false;
    }
    let Ok(value) = row.try_get_raw(column.ordinal()) else { return false };
    // In text form the driver parses the value, which fails without a panic.
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
    fn the_bounds_are_the_years_1_and_10000() {
        let epoch: DateTime<Utc> = "2000-01-01T00:00:00Z".parse().unwrap();
        let bound = |micros| epoch + chrono::TimeDelta::microseconds(micros);
        assert_eq!(bound(YEAR_1).to_rfc3339(), "0001-01-01T00:00:00+00:00");
        assert_eq!(bound(YEAR_10000 - 1).to_rfc3339(), "9999-12-31T23:59:59.999999+00:00");
    }
}
