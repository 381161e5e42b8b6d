//! Reads what a column holds into a type that cannot be wrong.

use std::str::FromStr;

use rust_decimal::Decimal;
use sea_orm::sea_query::{Expr, Query};
use sea_orm::{
    ColumnTrait, ConnectionTrait, EntityTrait, FromQueryResult, Iterable, QueryResult, QueryTrait, Select,
    UpdateMany,
};
use serde::de::DeserializeOwned;
use uuid::Uuid;

use super::unreadable::id;
use crate::store::{StoreError, SystemStore, dialect};

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

/// Every row that a query finds; one that cannot be read fails all of them. For what is one tenant's, or one thing.
pub(in crate::store) async fn all<E: EntityTrait, T: TryFrom<E::Model, Error = StoreError>>(
    db: &impl ConnectionTrait,
    query: Select<E>,
) -> Result<Vec<T>, StoreError> {
    found(db, query).await?.iter().map(|row| decoded::<E::Model>(row)?.try_into()).collect()
}

/// A row as the query's model has it. What SeaORM's own `all` would panic on is an error here.
pub(in crate::store) fn decoded<M: FromQueryResult>(row: &QueryResult) -> Result<M, StoreError> {
    dialect::sound(row)?;
    Ok(M::from_query_result(row, "")?)
}

/// The rows a query finds, none decoded yet: [`SystemStore::readable`] decodes each by itself.
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

impl SystemStore {
    /// Those rows of a batch that can be read, and the ids of those that cannot, which are reported here: work on many goes
    /// on past a row that cannot be read, and whoever claimed such a row puts it aside. SQLite keeps anything in any column,
    /// and Postgres instants that we cannot hold, so each row is decoded by itself. One without a readable id can only be
    /// passed over.
    pub(in crate::store) fn readable<M: FromQueryResult, T>(
        &self,
        table: &'static str,
        rows: &[QueryResult],
        read: impl Fn(M) -> Result<T, StoreError>,
    ) -> (Vec<T>, Vec<Uuid>) {
        let (good, bad) = self.sorted(table, rows, read);
        (good, bad.into_iter().filter_map(id).collect())
    }

    /// The same, with the rows themselves that cannot be read: some of their columns may be readable.
    pub(in crate::store) fn sorted<'a, M: FromQueryResult, T>(
        &self,
        table: &'static str,
        rows: &'a [QueryResult],
        read: impl Fn(M) -> Result<T, StoreError>,
    ) -> (Vec<T>, Vec<&'a QueryResult>) {
        let (mut good, mut bad) = (Vec::with_capacity(rows.len()), Vec::new());
        for row in rows {
            match decoded(row).and_then(&read) {
                Ok(read) => {
                    self.seen(table, || id(row), row, &[]);
                    good.push(read);
                }
                Err(failure) => {
                    self.seen(table, || id(row), row, &[failure]);
                    bad.push(row);
                }
            }
        }
        (good, bad)
    }
}
