//! Reads what a column holds into a type that cannot be wrong.

use std::str::FromStr;

use rust_decimal::Decimal;
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

/// Those rows of a batch that can be read, and the ids of those that cannot, which are reported here: work on many goes
/// on past a row that cannot be read, and whoever claimed such a row puts it aside.
pub(in crate::store) fn readable<M, T>(
    rows: Vec<M>,
    id: impl Fn(&M) -> Uuid,
    read: impl Fn(M) -> Result<T, StoreError>,
) -> (Vec<T>, Vec<Uuid>) {
    let (mut good, mut bad) = (Vec::with_capacity(rows.len()), Vec::new());
    for row in rows {
        let id = id(&row);
        match read(row) {
            Ok(read) => good.push(read),
            Err(failure) => {
                error!(%id, error = &failure as &dyn std::error::Error, "unreadable row put aside: a person must mend it");
                metrics::counter!("switchboard_unreadable_rows_total").increment(1);
                bad.push(id);
            }
        }
    }
    (good, bad)
}
