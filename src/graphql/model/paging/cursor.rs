//! Cursors: opaque to clients, and valid for one list only.
//!
//! A cursor contains the position of a row in a list's order, so it outlives the row and does not shift when
//! rows are added. It also identifies the list and its filter: a cursor of another list is rejected instead of
//! being read as a meaningless position.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::{DateTime, Datelike};
use uuid::Uuid;

use crate::domain::Invalid;
use crate::store::Cursor;

/// Version of the layout; incremented when it or a list's order changes.
const VERSION: u8 = 1;

/// A list with paging; its number is part of its cursors.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum List {
    /// The tenant's agents, newest first.
    Agents = 1,
    /// The tenant's numbers, newest first.
    Numbers = 2,
    /// The tenant's calls, newest first.
    Calls = 3,
    /// The audit trail, newest first.
    AuditEvents = 4,
    /// Operations, newest first.
    Operations = 5,
    /// Tenants, newest first.
    Tenants = 6,
    /// Messages, newest first.
    Messages = 7,
    /// Threads of messages, the one with the latest change first.
    MessageThreads = 8,
    /// The tenant's call groups, newest first.
    CallGroups = 9,
    /// Kept numbers, newest first.
    KeptNumbers = 12,
}

/// A list with its filter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CursorScope {
    list: List,
    filter: u32,
}

impl CursorScope {
    /// The list with this filter.
    #[must_use]
    pub fn new(list: List, filter: &impl std::fmt::Debug) -> Self {
        // FNV-1a distinguishes filters. It need not resist forgery: a forged cursor discloses nothing.
        let filter = format!("{filter:?}")
            .bytes()
            .fold(0x811c_9dc5_u32, |hash, byte| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193));
        Self { list, filter }
    }

    /// Encodes a row's cursor.
    #[must_use]
    pub fn encode(self, cursor: Cursor) -> String {
        let mut bytes = vec![VERSION, self.list as u8];
        bytes.extend(self.filter.to_be_bytes());
        bytes.extend(cursor.at.timestamp_micros().to_be_bytes());
        bytes.extend(cursor.id.as_bytes());
        URL_SAFE_NO_PAD.encode(bytes)
    }

    /// Decodes a cursor of this list.
    ///
    /// # Errors
    /// The text is not a cursor, or belongs to another list or filter.
    pub fn decode(self, text: &str) -> Result<Cursor, Invalid> {
        if text.is_empty() {
            return Err(Invalid::new("a cursor cannot be empty: leave it out for the first page"));
        }
        let malformed = || Invalid::new("not a cursor: pass one that pageInfo or an edge returned");
        let bytes = URL_SAFE_NO_PAD.decode(text).map_err(|_| malformed())?;
        let (&version, rest) = bytes.split_first().ok_or_else(malformed)?;
        if version != VERSION {
            return Err(malformed());
        }
        let (&list, rest) = rest.split_first().ok_or_else(malformed)?;
        let (filter, rest) = rest.split_first_chunk::<4>().ok_or_else(malformed)?;
        let (at, rest) = rest.split_first_chunk::<8>().ok_or_else(malformed)?;
        let id: [u8; 16] = rest.try_into().map_err(|_| malformed())?;
        if list != self.list as u8 {
            return Err(Invalid::new("the cursor belongs to another list: pass one that this list returned"));
        }
        if u32::from_be_bytes(*filter) != self.filter {
            return Err(Invalid::new(
                "the cursor was returned under another filter: keep the filter while paging, or start again without a cursor",
            ));
        }
        let at = DateTime::from_timestamp_micros(i64::from_be_bytes(*at));
        // No row has such a time, and the databases cannot compare it.
        let at = at.filter(|at| (1970..=9999).contains(&at.year())).ok_or_else(malformed)?;
        Ok(Cursor { at, id: Uuid::from_bytes(id) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn cursor() -> Cursor {
        Cursor { at: DateTime::from_timestamp_micros(1_767_225_600_123_456).unwrap(), id: Uuid::from_u128(7) }
    }

    #[test]
    fn a_cursor_reads_back_in_its_own_list_only() {
        let agents = CursorScope::new(List::Agents, &"all");
        let written = agents.encode(cursor());
        assert_eq!(agents.decode(&written), Ok(cursor()));
        let elsewhere = CursorScope::new(List::Numbers, &"all").decode(&written).unwrap_err();
        assert!(elsewhere.0.contains("another list"), "{elsewhere}");
        let narrowed = CursorScope::new(List::Agents, &"active").decode(&written).unwrap_err();
        assert!(narrowed.0.contains("another filter"), "{narrowed}");
        assert!(agents.decode("").unwrap_err().0.contains("leave it out"));
        for micros in [-219_908_563_200_000_000, -1, 253_402_300_800_000_000, i64::MIN, i64::MAX] {
            let mut bytes = URL_SAFE_NO_PAD.decode(&written).unwrap();
            bytes[6..14].copy_from_slice(&i64::to_be_bytes(micros));
            assert!(agents.decode(&URL_SAFE_NO_PAD.encode(bytes)).is_err(), "{micros}");
        }
    }

    proptest! {
        #[test]
        fn garbage_is_refused(bytes in proptest::collection::vec(any::<u8>(), 0..40)) {
            let scope = CursorScope::new(List::Calls, &"");
            if let Ok(cursor) = scope.decode(&URL_SAFE_NO_PAD.encode(&bytes)) {
                prop_assert_eq!(scope.encode(cursor), URL_SAFE_NO_PAD.encode(&bytes));
            }
        }
    }
}
