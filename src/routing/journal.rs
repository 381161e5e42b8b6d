//! What could not be written into the database is kept in a file until it can be: in order, across a crash and a restart.
//!
//! A folder holds a file for each server that ever ran beside another there. A server locks the first that is free for as
//! long as it runs, and takes over what dead ones left in theirs. A line is one entry, or the word that the first so many
//! entries before it are in the database.

use std::collections::{HashMap, VecDeque};
use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, BufRead, BufReader, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use serde::{Deserialize, Serialize};

use super::outage::Entry;

/// More than servers that share a folder.
const MOST_FILES: usize = 64;
/// Where entries go that the database will never take, beside the journal.
const REFUSED: &str = "calls.refused";

/// Entries that wait for the database, oldest first. Writing one is done when the operating system has it: what a
/// crash of the machine itself may cost is bounded by how often [`Self::sync`] is called.
#[derive(Debug)]
pub(super) struct Journal {
    folder: PathBuf,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    file: File,
    waiting: VecDeque<Entry>,
    /// How many of them are about each call.
    about: HashMap<String, usize>,
    unsynced: bool,
}

#[derive(Serialize, Deserialize)]
#[serde(untagged)]
enum Line {
    Done { done: usize },
    Entry { entry: Box<Entry> },
}

impl Journal {
    /// Opens the folder's journal, making the folder when it is missing, with whatever waits in it.
    ///
    /// # Errors
    /// When the folder cannot be made, read or written.
    pub(super) fn open(folder: &Path) -> io::Result<Self> {
        std::fs::create_dir_all(folder)?;
        let mut own: Option<State> = None;
        for path in (0..MOST_FILES).map(|n| folder.join(format!("calls.{n}.journal"))) {
            if own.is_some() && !path.try_exists()? {
                continue;
            }
            let file = options().truncate(false).open(&path)?;
            match file.try_lock() {
                Ok(()) => {}
                Err(TryLockError::WouldBlock) => continue,
                Err(TryLockError::Error(error)) => return Err(error),
            }
            let (waiting, end) = read(&file, folder)?;
            file.set_len(end)?;
            match &mut own {
                None => own = Some(State::new(file, waiting)),
                Some(own) => own.take_over(waiting, &file)?,
            }
        }
        let busy = || io::Error::new(io::ErrorKind::ResourceBusy, "too many servers share the folder");
        Ok(Self { folder: folder.to_owned(), state: Mutex::new(own.ok_or_else(busy)?) })
    }

    /// Keeps an entry.
    pub(super) fn add(&self, entry: Entry) {
        let mut state = self.lock();
        if let Err(error) = state.write(&Line::Entry { entry: Box::new(entry.clone()) }) {
            tracing::error!(%error, "the journal cannot be written: what waits for the database is in memory alone");
        }
        state.push(entry);
        gauge(state.waiting.len());
    }

    /// The entry that has waited longest.
    pub(super) fn first(&self) -> Option<Entry> {
        self.lock().waiting.front().cloned()
    }

    /// The first entry is in the database.
    pub(super) fn done(&self) {
        let mut state = self.lock();
        state.pop();
        let written = if state.waiting.is_empty() {
            state.file.set_len(0)
        } else {
            state.write(&Line::Done { done: 1 })
        };
        if let Err(error) = written {
            tracing::error!(%error, "the journal cannot be written: after a restart its entries are tried again");
        }
        gauge(state.waiting.len());
    }

    /// The database will never take the first entry: it is put aside for somebody to look at.
    pub(super) fn put_aside(&self) {
        let Some(entry) = self.first() else { return };
        let aside = serde_json::to_string(&entry).map_err(io::Error::from);
        if let Err(error) = aside.and_then(|line| put_aside(&self.folder, &line)) {
            tracing::error!(%error, "an entry of the journal that the database refuses could not be put aside");
        }
        self.done();
    }

    /// Whether anything waits about a call, by the carrier's id.
    pub(super) fn is_about(&self, sid: &str) -> bool {
        self.lock().about.contains_key(sid)
    }

    /// What a call was answered with last, if that waits.
    pub(super) fn answer_to(&self, call: &str) -> Option<String> {
        let state = self.lock();
        state.about.get(call)?;
        state.waiting.iter().rev().find_map(|entry| match entry {
            Entry::Answer { sid, twiml, .. } if sid == call => Some(twiml.clone()),
            _ => None,
        })
    }

    /// Makes what was written outlast a crash of the machine.
    pub(super) fn sync(&self) {
        let mut state = self.lock();
        if std::mem::take(&mut state.unsynced)
            && let Err(error) = state.file.sync_data()
        {
            tracing::error!(%error, "the journal may not outlast a crash of this machine");
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn new(file: File, waiting: VecDeque<Entry>) -> Self {
        let mut state = Self { file, waiting: VecDeque::new(), about: HashMap::new(), unsynced: true };
        waiting.into_iter().for_each(|entry| state.push(entry));
        state
    }

    fn push(&mut self, entry: Entry) {
        *self.about.entry(entry.sid().to_owned()).or_default() += 1;
        self.waiting.push_back(entry);
    }

    fn pop(&mut self) {
        let Some(entry) = self.waiting.pop_front() else { return };
        if let Some(count) = self.about.get_mut(entry.sid()) {
            *count -= 1;
            if *count == 0 {
                self.about.remove(entry.sid());
            }
        }
    }

    fn write(&mut self, line: &Line) -> io::Result<()> {
        let mut line = serde_json::to_vec(line)?;
        line.push(b'\n');
        self.unsynced = true;
        self.file.seek(SeekFrom::End(0))?;
        self.file.write_all(&line)
    }

    /// What a dead server left: first kept here, then gone there.
    fn take_over(&mut self, left: VecDeque<Entry>, file: &File) -> io::Result<()> {
        for entry in left {
            self.write(&Line::Entry { entry: Box::new(entry.clone()) })?;
            self.push(entry);
        }
        self.file.sync_data()?;
        file.set_len(0)
    }
}

/// The entries that wait in a file, and where it ends: a line that a crash cut off is none. One that cannot be read is
/// put aside, again at every start until the file is empty.
fn read(file: &File, folder: &Path) -> io::Result<(VecDeque<Entry>, u64)> {
    let mut lines = BufReader::new(file);
    let (mut waiting, mut end, mut line) = (VecDeque::new(), 0, Vec::new());
    loop {
        line.clear();
        let length = lines.read_until(b'\n', &mut line)?;
        if line.last() != Some(&b'\n') {
            return Ok((waiting, end));
        }
        end += length as u64;
        match serde_json::from_slice(&line) {
            Ok(Line::Entry { entry }) => waiting.push_back(*entry),
            Ok(Line::Done { done }) => drop(waiting.drain(..done.min(waiting.len()))),
            Err(error) => {
                tracing::error!(%error, file = REFUSED, "a line of the journal cannot be read and is put aside");
                put_aside(folder, String::from_utf8_lossy(&line).trim_end())?;
            }
        }
    }
}

fn put_aside(folder: &Path, line: &str) -> io::Result<()> {
    let mut file = options().append(true).open(folder.join(REFUSED))?;
    writeln!(file, "{line}")?;
    file.sync_data()
}

/// Callers' numbers are in there: for nobody else's eyes.
fn options() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options
}

fn gauge(waiting: usize) {
    metrics::gauge!("switchboard_journal_entries").set(waiting as f64);
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    fn about(sid: &str) -> Entry {
        let (status, at) = ("completed".to_owned(), chrono::DateTime::UNIX_EPOCH);
        Entry::Report { sid: sid.to_owned(), status, duration_seconds: None, at }
    }

    fn drain(journal: &Journal) -> Vec<String> {
        let mut sids = Vec::new();
        while let Some(entry) = journal.first() {
            assert!(journal.is_about(entry.sid()));
            sids.push(entry.sid().to_owned());
            journal.done();
        }
        assert!(sids.iter().all(|sid| !journal.is_about(sid)));
        sids
    }

    #[test]
    fn what_waits_outlives_its_server_in_order_and_only_once() -> io::Result<()> {
        let folder = tempfile::tempdir()?;
        let journal = Journal::open(folder.path())?;
        for entry in ["a", "b", "c"] {
            journal.add(about(entry));
        }
        journal.done();
        journal.sync();
        assert_eq!([journal.is_about("a"), journal.is_about("c")], [false, true]);
        drop(journal);
        let journal = Journal::open(folder.path())?;
        journal.add(about("d"));
        assert_eq!(drain(&journal), ["b", "c", "d"]);
        drop(journal);
        assert_eq!(fs::metadata(folder.path().join("calls.0.journal"))?.len(), 0);
        assert_eq!(drain(&Journal::open(folder.path())?), [""; 0]);
        Ok(())
    }

    #[test]
    fn servers_share_a_folder_and_take_over_from_the_dead() -> io::Result<()> {
        let folder = tempfile::tempdir()?;
        let (first, second) = (Journal::open(folder.path())?, Journal::open(folder.path())?);
        first.add(about("first"));
        second.add(about("second"));
        assert!(first.is_about("first") && !first.is_about("second"), "each has its own");
        drop(second);
        let third = Journal::open(folder.path())?;
        third.add(about("third"));
        drop((first, third));
        let alone = Journal::open(folder.path())?;
        assert_eq!(drain(&alone), ["first", "second", "third"]);
        Ok(())
    }

    #[test]
    fn a_line_cut_off_by_a_crash_is_none_and_one_nobody_can_read_is_put_aside() -> io::Result<()> {
        let folder = tempfile::tempdir()?;
        let journal = Journal::open(folder.path())?;
        journal.add(about("whole"));
        drop(journal);
        let path = folder.path().join("calls.0.journal");
        let mut text = fs::read_to_string(&path)?;
        text.push_str("{\"entry\":7}\n{\"entry\":\"cut o");
        fs::write(&path, text)?;
        let journal = Journal::open(folder.path())?;
        journal.add(about("next"));
        journal.put_aside();
        let aside = fs::read_to_string(folder.path().join(REFUSED))?;
        assert!(aside.starts_with("{\"entry\":7}\n") && aside.lines().count() == 2, "{aside}");
        assert!(aside.contains("whole"), "{aside}");
        drop(journal);
        assert_eq!(drain(&Journal::open(folder.path())?), ["next"]);
        Ok(())
    }
}
