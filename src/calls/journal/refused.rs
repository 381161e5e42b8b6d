//! Calls that the database refused: what else is told of them never comes on record. The file of what was put aside says
//! which they are, also after a restart.

use std::collections::HashSet;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::path::Path;

use chrono::{DateTime, Utc};

use super::Entry;

/// Calls that are remembered. What is told of any other waits a day, as it does for a call in another server's journal.
const MOST: usize = 100_000;
/// The longest line that is looked at; an entry is far shorter.
const MOST_BYTES: u64 = 256 * 1024;

/// The carrier's ids of refused calls.
#[derive(Debug, Default)]
pub(super) struct Refused(HashSet<String>);

impl Refused {
    /// The calls in the file, if there is one, that came in after `since`. Lines that cannot be read are none.
    pub(super) fn open(path: &Path, since: DateTime<Utc>) -> io::Result<Self> {
        let mut refused = Self::default();
        let mut lines = match File::open(path) {
            Ok(file) => BufReader::new(file),
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(refused),
            Err(error) => return Err(error),
        };
        let mut line = Vec::new();
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

    /// Remembers a call, if the entry is one.
    pub(super) fn note(&mut self, entry: &Entry) {
        if let Entry::Call { sid, .. } = entry
            && self.0.len() < MOST
        {
            self.0.insert(sid.clone());
        }
    }

    pub(super) fn holds(&self, sid: &str) -> bool {
        self.0.contains(sid)
    }
}
