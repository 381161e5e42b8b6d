//! Pages by keyset: a cursor names a place in an order, not a row count, so pages are stable under inserts.

use chrono::{DateTime, Utc};
use uuid::Uuid;

/// The place of a row in a list ordered by creation, newest first, then by id.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cursor {
    /// The row's creation.
    pub at: DateTime<Utc>,
    /// The row's id.
    pub id: Uuid,
}

/// Which part of a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Page {
    /// The first so many after the cursor, or from the beginning.
    First(u16),
    /// The last so many before the cursor, or to the end.
    Last(u16),
}

/// Which part of a list, between which places.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PageRequest {
    /// How many, from which end.
    pub page: Page,
    /// Only what comes after this place.
    pub after: Option<Cursor>,
    /// Only what comes before this place.
    pub before: Option<Cursor>,
}

/// A part of a list, in the list's order.
#[derive(Debug, Clone)]
pub struct PageOf<T> {
    /// The items, each with its place.
    pub items: Vec<(Cursor, T)>,
    /// Whether more follow.
    pub has_next: bool,
    /// Whether more precede.
    pub has_previous: bool,
}
