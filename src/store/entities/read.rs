//! Reads what a column holds into a type that cannot be wrong.

use std::str::FromStr;

use rust_decimal::Decimal;
use sea_orm::sea_query::{Expr, Query};
use sea_orm::{
    ColumnTrait, ConnectionTrait, EntityTrait, FromQueryResult, Iterable, QueryResult, QueryTrait, Select,
    UpdateMany,
};
use serde::de::DeserializeOwned;
use tracing::error;
use uuid::Uuid;

use crate::store::StoreError;

/// A column whose text has a meaning.
pub(in crate::store) fn text<T: FromStr>(
    table: &'static str,
    column: &'static str,
    text: &str,
) -> Result<T, StoreError> {
    text.parse().map_err(|_| StoreError::Corrupt { table, column })
}

/// The same, where it may be null.
pub(super) fn optional<T: FromStr>(
    table: &'static str,
    column: &'static str,
    value: Option<&str>,
) -> Result<Option<T>, StoreError> {
    value.map(|value| text(table, column, value)).transpose()
}

/// A column of JSON that has a form.
pub(in crate::store) fn json<T: DeserializeOwned>(
    table: &'static str,
    column: &'static str,
    value: serde_json::Value,
) -> Result<T, StoreError> {
    serde_json::from_value(value).map_err(|_| StoreError::Corrupt { table, column })
}

/// A small number that is not negative.
pub(super) fn small(table: &'static str, column: &'static str, number: i32) -> Result<u16, StoreError> {
    u16::try_from(number).map_err(|_| StoreError::Corrupt { table, column })
}

/// An amount in one spelling on both databases: no needless zeros, but cents always.
pub(super) fn money(stored: Decimal) -> Decimal {
    let mut amount = stored.normalize();
    if amount.scale() < 2 {
        amount.rescale(2);
    }
    amount
}

/// Every row.
pub(in crate::store) fn all<M, T: TryFrom<M, Error = StoreError>>(
    rows: Vec<M>,
) -> Result<Vec<T>, StoreError> {
    rows.into_iter().map(T::try_from).collect()
}

/// The rows a query finds, none decoded yet: [`readable`] decodes each by itself.
pub(in crate::store) async fn found<E: EntityTrait>(
    db: &impl ConnectionTrait,
    query: Select<E>,
) -> Result<Vec<QueryResult>, StoreError> {
    Ok(db.query_all_raw(query.build(db.get_database_backend())).await?)
}

/// The same, of rows that an update changes.
pub(in crate::store) async fn updated<E: EntityTrait>(
    db: &impl ConnectionTrait,
    update: UpdateMany<E>,
) -> Result<Vec<QueryResult>, StoreError> {
    let mut update = update.into_query();
    update.returning(
        Query::returning().exprs(E::Column::iter().map(|column| column.select_as(Expr::col(column)))),
    );
    Ok(db.query_all(&update).await?)
}

/// Those rows of a batch that can be read, and the ids of those that cannot, which are reported here: work on many goes
/// on past a row that cannot be read, and whoever claimed such a row puts it aside. SQLite keeps anything in any column, so
/// each row is decoded by itself. One without a readable id can only be passed over.
pub(in crate::store) fn readable<M: FromQueryResult, T>(
    rows: &[QueryResult],
    read: impl Fn(M) -> Result<T, StoreError>,
) -> (Vec<T>, Vec<Uuid>) {
    let (good, bad) = sorted(rows, read);
    (good, bad.into_iter().filter_map(id).collect())
}

/// The same, with the rows themselves that cannot be read: some of their columns may be readable.
pub(in crate::store) fn sorted<M: FromQueryResult, T>(
    rows: &[QueryResult],
    read: impl Fn(M) -> Result<T, StoreError>,
) -> (Vec<T>, Vec<&QueryResult>) {
    let (mut good, mut bad) = (Vec::with_capacity(rows.len()), Vec::new());
    for row in rows {
        match M::from_query_result(row, "").map_err(StoreError::from).and_then(&read) {
            Ok(read) => good.push(read),
            Err(failure) => {
                unreadable(row, &failure);
                bad.push(row);
            }
        }
    }
    (good, bad)
}

/// Reports a row that cannot be read.
pub(in crate::store) fn unreadable(row: &QueryResult, failure: &StoreError) {
    // The driver's words may quote the row.
    error!(id = ?id(row), %failure, "unreadable row put aside: a person must mend it");
    metrics::counter!("switchboard_unreadable_rows_total").increment(1);
}

fn id(row: &QueryResult) -> Option<Uuid> {
    row.try_get("", "id").ok()
}
