//! Calls that the database rejected: entries about them can never be recorded. They are read from
//! `calls.refused` after a restart.

use std::collections::HashSet;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::path::Path;

use chrono::{DateTime, Utc};

use super::Entry;

/// Maximum number of calls in memory. Entries about any other call wait a day, as if another server's journal held the call.
const MOST: usize = 100_000;
/// The longest line that is read, in bytes; an entry is far shorter.
const MOST_BYTES: u64 = 256 * 1024;

/// The carrier's ids of rejected calls.
#[derive(Debug, Default)]
pub(super) struct Refused(HashSet<String>);

impl Refused {
    /// Reads the calls in the file, if it exists, that came in after `since`. Unreadable lines are ignored.
    pub(super) fn open(path: &Path, since: DateTime<Utc>) -> io::Result<Self> {
        let mut refused = Self::default();
        let mut lines = match File::open(path) {
            Ok(file) => BufReader::new(file),
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(refused),
            Err(error) => return Err(error),
        };
        let mut line = Vec::new();
        // Bounded, because a damaged file may hold no line end.
        while lines.by_ref().take(MOST_BYTES).read_until(b'\n', &mut line)? > 0 {
            if let Ok(entry) = serde_json::from_slice::<Entry>(&line)
                && entry.at() > since
            {
                refused.note(&entry);
            }
            line.clear();
        }
        Ok(refused)
    }

    /// Remembers the entry's call, if the entry is a call.
    pub(super) fn note(&mut self, entry: &Entry) {
        if let Entry::Call { sid, .. } = entry
            && self.0.len() < MOST
        {
            self.0.insert(sid.clone());
        }
    }

    pub(super) fn contains(&self, sid: &str) -> bool {
        self.0.contains(sid)
    }
}
