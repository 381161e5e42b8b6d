//! Lists in pages: Relay connections and their cursors.

mod connection;
mod cursor;

pub(crate) use connection::{Connection, Listed, PageArgs, cost, nothing, wrap};
pub use cursor::{CursorScope, List};
