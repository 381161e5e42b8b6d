//! Conversion of stored values to domain types.

use std::str::FromStr;

use rust_decimal::Decimal;
use sea_orm::sea_query::{Expr, Query};
use sea_orm::{
    ColumnTrait, ConnectionTrait, EntityTrait, FromQueryResult, Iterable, QueryResult, QuerySelect,
    QueryTrait, Select, UpdateMany,
};
use serde::de::DeserializeOwned;
use uuid::Uuid;

use super::unreadable::id;
use crate::store::{StoreError, SystemStore, dialect};

/// Parses a text column.
pub(in crate::store) fn text<T: FromStr>(
    table: &'static str,
    column: &'static str,
    text: &str,
) -> Result<T, StoreError> {
    text.parse().map_err(|_| StoreError::Corrupt { table, column })
}

/// Parses a nullable text column.
pub(super) fn optional<T: FromStr>(
    table: &'static str,
    column: &'static str,
    value: Option<&str>,
) -> Result<Option<T>, StoreError> {
    value.map(|value| text(table, column, value)).transpose()
}

/// Parses a JSON column.
pub(in crate::store) fn json<T: DeserializeOwned>(
    table: &'static str,
    column: &'static str,
    value: serde_json::Value,
) -> Result<T, StoreError> {
    serde_json::from_value(value).map_err(|_| StoreError::Corrupt { table, column })
}

/// Converts a stored integer that must fit `u16`.
pub(super) fn small(table: &'static str, column: &'static str, number: i32) -> Result<u16, StoreError> {
    u16::try_from(number).map_err(|_| StoreError::Corrupt { table, column })
}

/// Normalizes an amount so that both databases return the same: no trailing zeros beyond two decimals.
pub(in crate::store) fn money(stored: Decimal) -> Decimal {
    let mut amount = stored.normalize();
    if amount.scale() < 2 {
        amount.rescale(2);
    }
    amount
}

/// Returns every row that a query finds. One unreadable row fails all, so use it only for one tenant or one object.
pub(in crate::store) async fn all<E: EntityTrait, T: TryFrom<E::Model, Error = StoreError>>(
    db: &impl ConnectionTrait,
    query: Select<E>,
) -> Result<Vec<T>, StoreError> {
    found(db, query).await?.iter().map(|row| decoded::<E::Model>(row)?.try_into()).collect()
}

/// Decodes a row. Values on which SeaORM's own `all` would panic are errors here.
pub(in crate::store) fn decoded<M: FromQueryResult>(row: &QueryResult) -> Result<M, StoreError> {
    dialect::check_timestamps(row)?;
    Ok(M::from_query_result(row, "")?)
}

/// Returns the undecoded rows of a query. [`SystemStore::readable`] decodes each separately.
pub(in crate::store) async fn found<E: EntityTrait>(
    db: &impl ConnectionTrait,
    query: Select<E>,
) -> Result<Vec<QueryResult>, StoreError> {
    Ok(db.query_all_raw(query.build(db.get_database_backend())).await?)
}

/// Runs an update and returns the undecoded rows that it changed.
pub(in crate::store) async fn updated<E: EntityTrait>(
    db: &impl ConnectionTrait,
    update: UpdateMany<E>,
) -> Result<Vec<QueryResult>, StoreError> {
    // The ORM would decode the rows itself, and one unreadable row would fail all.
    let mut update = update.into_query();
    update.returning(
        Query::returning().exprs(E::Column::iter().map(|column| column.select_as(Expr::col(column)))),
    );
    Ok(db.query_all(&update).await?)
}

#[derive(FromQueryResult)]
struct IdRow {
    id: Uuid,
}

impl SystemStore {
    /// The ids of the rows that a query finds. Rows without a readable id are left out. `id` is the table's column of that name.
    pub(in crate::store) async fn ids_of<E: EntityTrait>(
        &self,
        table: &'static str,
        id: E::Column,
        query: Select<E>,
    ) -> Result<Vec<Uuid>, StoreError> {
        let rows = found(self.db(), query.select_only().column(id)).await?;
        let (ids, _left_out) = self.readable(table, &rows, |row: IdRow| Ok(row.id));
        Ok(ids)
    }

    /// Decodes a batch of rows. Returns the readable ones, and the ids of the others, which are logged and
    /// counted. Work on many rows thus continues past an unreadable one, and whoever claimed that row
    /// postpones it. Decoding each row separately is necessary: SQLite stores any value in any column, and
    /// Postgres stores timestamps that chrono cannot hold. A row without a readable id is only skipped.
    pub(in crate::store) fn readable<M: FromQueryResult, T>(
        &self,
        table: &'static str,
        rows: &[QueryResult],
        read: impl Fn(M) -> Result<T, StoreError>,
    ) -> (Vec<T>, Vec<Uuid>) {
        let (good, bad) = self.split_readable(table, rows, read);
        (good, bad.into_iter().filter_map(id).collect())
    }

    /// Like [`Self::readable`], but returns the unreadable rows themselves: some of their columns may be readable.
    pub(in crate::store) fn split_readable<'a, M: FromQueryResult, T>(
        &self,
        table: &'static str,
        rows: &'a [QueryResult],
        read: impl Fn(M) -> Result<T, StoreError>,
    ) -> (Vec<T>, Vec<&'a QueryResult>) {
        let (mut good, mut bad) = (Vec::with_capacity(rows.len()), Vec::new());
        for row in rows {
            match decoded(row).and_then(&read) {
                Ok(read) => {
                    // A row that was unreadable before leaves the list that operators see.
                    self.report_row(table, || id(row), row, &[]);
                    good.push(read);
                }
                Err(failure) => {
                    self.report_row(table, || id(row), row, &[failure]);
                    bad.push(row);
                }
            }
        }
        (good, bad)
    }
}
