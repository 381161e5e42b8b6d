//! The journal's file: entries that wait for the database, oldest first. A line holds one entry, or marks a number of
//! earlier entries as done.
//!
//! Entries stay in the file and are read in windows; memory holds a small [`Index`] of their calls. A line is written
//! after the last complete line, so that a partial line (on a full disk) is overwritten and spoils no other. An entry
//! that cannot be written stays in memory, behind those in the file, and is not counted as the file's. It is written
//! as soon as the file accepts it.

use std::collections::VecDeque;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Read, Seek, SeekFrom, Write};
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::Entry;
use super::index::{Index, MOST_INDEXED};
use crate::domain::GivenAnswer;

/// Number of entries in a window.
// As many as the largest group commit writes.
const WINDOW: usize = 256;
/// Maximum number of entries in memory while the file accepts none. Further entries are lost.
const MOST_UNWRITTEN: usize = 10_000;

#[derive(Debug)]
pub(super) struct JournalFile {
    file: Arc<File>,
    /// Offset of the next line.
    end: u64,
    /// The oldest entries, each with the offset at which its line ends.
    window: VecDeque<(Entry, u64)>,
    /// Offset up to which the window was read.
    read: u64,
    /// Number of entries in the file.
    in_file: usize,
    /// Entries that could not be written to the file.
    unwritten: VecDeque<Entry>,
    index: Index,
    unsynced: bool,
}

#[derive(Serialize, Deserialize)]
#[serde(untagged)]
enum Line {
    Done { done: usize },
    Entry { entry: Box<Entry> },
}

impl JournalFile {
    /// Opens a journal with its entries. A last line that a crash cut off is ignored; every other unreadable line
    /// is passed to `unreadable`.
    pub(super) fn open(file: File, unreadable: impl FnMut(&str) -> io::Result<()>) -> io::Result<Self> {
        Self::open_indexing(file, MOST_INDEXED, unreadable)
    }

    fn open_indexing(
        file: File,
        most_indexed: usize,
        mut unreadable: impl FnMut(&str) -> io::Result<()>,
    ) -> io::Result<Self> {
        let (mut entries, mut over, mut end) = (0, 0, 0);
        let mut lines = Lines::from(&file, 0)?;
        while let Some((line, at)) = lines.next_line()? {
            end = at;
            match line {
                Ok(Line::Entry { .. }) => entries += 1,
                Ok(Line::Done { done }) => over += done,
                Err(text) => unreadable(&text)?,
            }
        }
        file.set_len(end)?;
        let mut state = Self {
            file: Arc::new(file),
            end,
            window: VecDeque::new(),
            read: 0,
            in_file: 0,
            unwritten: VecDeque::new(),
            index: Index::of(most_indexed),
            // What a killed server wrote may not have reached the disk.
            unsynced: true,
        };
        // A second pass: how many entries are done is known only at the end of the file.
        let (mut left, mut began) = (over.min(entries), 0);
        let file = Arc::clone(&state.file);
        let mut lines = Lines::from(&file, 0)?;
        while let Some((line, at)) = lines.next_line()? {
            if let Ok(Line::Entry { entry }) = line {
                if left > 0 {
                    left -= 1;
                    state.read = at;
                } else {
                    state.index.add(&entry, Some(began));
                    state.in_file += 1;
                }
            }
            began = at;
        }
        Ok(state)
    }

    /// Size of the file.
    pub(super) fn bytes(&self) -> u64 {
        self.end
    }

    pub(super) fn len(&self) -> usize {
        self.in_file + self.unwritten.len()
    }

    /// Adds an entry to the file, or to memory if the file does not accept it.
    pub(super) fn add(&mut self, entry: &Entry) {
        // Entries in memory first, so that the file keeps the order.
        self.write_unwritten();
        if self.unwritten.is_empty() {
            match self.append(entry) {
                Ok(()) => return,
                Err(error) => tracing::error!(
                    %error,
                    "the journal cannot be written: entries are kept in memory only"
                ),
            }
        }
        if self.unwritten.len() >= MOST_UNWRITTEN {
            tracing::error!(sid = entry.sid(), "entry lost: neither the database nor the journal accepts it");
            return;
        }
        self.index.add(entry, None);
        self.unwritten.push_back(entry.clone());
    }

    /// Returns up to `most` of the oldest entries, in order. Empty only if no entry waits.
    pub(super) fn first(&mut self, most: usize) -> io::Result<Vec<Entry>> {
        if self.window.is_empty() && self.in_file > 0 {
            self.read_window()?;
        }
        Ok(if self.window.is_empty() {
            self.unwritten.iter().take(most).cloned().collect()
        } else {
            self.window.iter().take(most).map(|(entry, _)| entry.clone()).collect()
        })
    }

    /// Removes the first `count` entries that [`Self::first`] returned.
    pub(super) fn done(&mut self, count: usize) {
        let in_file = count.min(self.window.len());
        let over: Vec<Entry> = if self.window.is_empty() {
            self.unwritten.drain(..count.min(self.unwritten.len())).collect()
        } else {
            self.in_file -= in_file;
            self.window.drain(..in_file).map(|(entry, _)| entry).collect()
        };
        for entry in &over {
            self.index.forget(entry.sid());
        }
        let written = if over.is_empty() {
            Ok(())
        } else if self.in_file == 0 {
            self.clear()
        } else if in_file > 0 {
            self.write(&Line::Done { done: in_file }).map(drop)
        } else {
            Ok(())
        };
        if let Err(error) = written {
            tracing::error!(%error, "the journal cannot be written: entries that are done will be written to the database again after a restart");
        }
    }

    pub(super) fn is_about(&self, sid: &str) -> bool {
        self.index.get(sid).is_some()
    }

    /// The latest answer to a call, if it waits here.
    pub(super) fn answer_to(&self, call: &str) -> Option<GivenAnswer> {
        let about = self.index.get(call)?;
        let answer = |entry: &Entry| match entry {
            Entry::Answer { sid, answer, stage, at, .. } if sid == call => {
                Some(GivenAnswer { stage: *stage, answer: answer.clone(), at: *at })
            }
            _ => None,
        };
        if let Some(given) = self.unwritten.iter().rev().find_map(answer) {
            return Some(given);
        }
        let (line, _) = Lines::from(&self.file, about.answer?).ok()?.next_line().ok()??;
        match line {
            Ok(Line::Entry { entry }) => answer(&entry),
            _ => None,
        }
    }

    /// Returns the file if something was written since the last call.
    pub(super) fn take_unsynced(&mut self) -> Option<Arc<File>> {
        self.write_unwritten();
        std::mem::take(&mut self.unsynced).then(|| Arc::clone(&self.file))
    }

    /// Marks the file as possibly not flushed to disk.
    pub(super) fn is_unsynced(&mut self) {
        self.unsynced = true;
    }

    /// Takes over a dead server's entries: they are stored here before they are removed there.
    pub(super) fn take_over(
        &mut self,
        left: File,
        unreadable: impl FnMut(&str) -> io::Result<()>,
    ) -> io::Result<()> {
        let mut left = Self::open(left, unreadable)?;
        loop {
            let entries = left.first(WINDOW)?;
            if entries.is_empty() {
                break;
            }
            for entry in &entries {
                self.append(entry)?;
            }
            left.window.clear();
            left.in_file -= entries.len();
        }
        // On disk here before the other file is cut: a crash of the machine in between keeps them twice.
        self.file.sync_data()?;
        left.clear()
    }

    fn append(&mut self, entry: &Entry) -> io::Result<()> {
        let began = self.write(&Line::Entry { entry: Box::new(entry.clone()) })?;
        self.index.add(entry, Some(began));
        self.in_file += 1;
        Ok(())
    }

    /// Writes a line. Returns the offset at which it begins.
    fn write(&mut self, line: &Line) -> io::Result<u64> {
        let mut line = serde_json::to_vec(line)?;
        line.push(b'\n');
        let began = self.end;
        let mut file = &*self.file;
        file.seek(SeekFrom::Start(began))?;
        if let Err(error) = file.write_all(&line) {
            // If this fails too, the next line overwrites the partial one.
            let _ = file.set_len(began);
            return Err(error);
        }
        self.unsynced = true;
        self.end += line.len() as u64;
        Ok(began)
    }

    fn write_unwritten(&mut self) {
        while let Some(entry) = self.unwritten.pop_front() {
            match self.append(&entry) {
                // Forgotten here because it was counted when it was added.
                Ok(()) => self.index.forget(entry.sid()),
                Err(_) => {
                    self.unwritten.push_front(entry);
                    return;
                }
            }
        }
    }

    fn clear(&mut self) -> io::Result<()> {
        self.window.clear();
        // If the file cannot be cut, its old lines count as read.
        self.read = self.end;
        self.file.set_len(0)?;
        (self.end, self.read) = (0, 0);
        self.unsynced = true;
        Ok(())
    }

    fn read_window(&mut self) -> io::Result<()> {
        let file = Arc::clone(&self.file);
        let mut lines = Lines::from(&file, self.read)?;
        while self.window.len() < WINDOW {
            if self.read >= self.end {
                break;
            }
            let Some((line, at)) = lines.next_line()? else { break };
            self.read = at;
            if let Ok(Line::Entry { entry }) = line {
                self.window.push_back((*entry, at));
            }
        }
        if self.window.is_empty() {
            // Another process has changed the file.
            self.in_file = 0;
            self.index.clear();
            for entry in &self.unwritten {
                self.index.add(entry, None);
            }
            return Err(io::Error::new(io::ErrorKind::UnexpectedEof, "the journal has lost entries"));
        }
        Ok(())
    }
}

/// Iterates over the complete lines of a file, with the offset at which each ends.
struct Lines<'a> {
    lines: BufReader<At<'a>>,
    text: Vec<u8>,
    at: u64,
}

/// Reads a file from an offset, independent of its cursor, which others move.
struct At<'a>(&'a File, u64);

impl Read for At<'_> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        self.0.seek(SeekFrom::Start(self.1))?;
        let length = self.0.read(into)?;
        self.1 += length as u64;
        Ok(length)
    }
}

impl<'a> Lines<'a> {
    fn from(file: &'a File, at: u64) -> io::Result<Self> {
        Ok(Self { lines: BufReader::new(At(file, at)), text: Vec::new(), at })
    }

    /// Returns the next line, or its text if it cannot be parsed.
    fn next_line(&mut self) -> io::Result<Option<(Result<Line, String>, u64)>> {
        self.text.clear();
        let length = self.lines.read_until(b'\n', &mut self.text)?;
        if self.text.last() != Some(&b'\n') {
            return Ok(None);
        }
        self.at += length as u64;
        let line = serde_json::from_slice(&self.text)
            .map_err(|_| String::from_utf8_lossy(&self.text).trim_end().to_owned());
        Ok(Some((line, self.at)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{AnswerStage, CallAnswer, Language};
    use crate::store::private_file;

    fn say(text: &str) -> CallAnswer {
        CallAnswer::Say { text: text.to_owned(), language: Language::default() }
    }

    fn about(sid: &str) -> Entry {
        let (status, at) = ("completed".to_owned(), chrono::DateTime::UNIX_EPOCH);
        Entry::Report { sid: sid.to_owned(), status, duration_seconds: None, at }
    }

    fn open(path: &std::path::Path) -> io::Result<JournalFile> {
        let file = private_file().truncate(false).open(path)?;
        JournalFile::open(file, |line| Err(io::Error::other(line.to_owned())))
    }

    #[test]
    fn a_failed_write_is_not_counted_and_damages_no_line() -> io::Result<()> {
        let folder = tempfile::tempdir()?;
        let path = folder.path().join("journal");
        let mut state = open(&path)?;
        ["first", "second"].iter().for_each(|sid| state.add(&about(sid)));
        // As on a full disk: the file takes part of a line and no more, and cannot be cut.
        let whole = std::mem::replace(&mut state.file, Arc::new(File::open(&path)?));
        std::fs::OpenOptions::new().append(true).open(&path)?.write_all(b"{\"entry\":{\"kind\":\"rep")?;
        ["third", "fourth"].iter().for_each(|sid| state.add(&about(sid)));
        assert_eq!((state.len(), state.in_file, state.is_about("third")), (4, 2, true));
        for sid in ["first", "second", "third"] {
            assert_eq!(state.first(1)?[0].sid(), sid);
            state.done(1);
        }
        assert!(!state.is_about("third") && state.is_about("fourth"));
        // There is room again.
        state.file = whole;
        state.add(&about("fifth"));
        assert_eq!((state.len(), state.in_file), (2, 2));
        drop(state);
        let mut state = open(&path)?;
        let mut left = Vec::new();
        while let Some(entry) = state.first(1)?.pop() {
            left.push(entry.sid().to_owned());
            state.done(1);
        }
        assert_eq!(left[left.len() - 2..], ["fourth", "fifth"], "{left:?}");
        Ok(())
    }

    #[test]
    fn the_index_is_bounded_and_what_leaves_it_is_not_lost() -> io::Result<()> {
        let folder = tempfile::tempdir()?;
        let path = folder.path().join("journal");
        let open = || {
            let file = private_file().truncate(false).open(&path)?;
            JournalFile::open_indexing(file, 3, |line| Err(io::Error::other(line.to_owned())))
        };
        let mut state = open()?;
        let answer = |sid: &str| Entry::Answer {
            sid: sid.to_owned(),
            outcome: "agent".to_owned(),
            decision: crate::domain::Decision { rule: None, group: None, reason: "none".to_owned() },
            answer: say(sid),
            stage: AnswerStage::First,
            at: chrono::DateTime::UNIX_EPOCH,
            keeps_slot: true,
        };
        for sid in ["a", "b", "c", "d", "e"] {
            state.add(&answer(sid));
        }
        let indexed = |state: &JournalFile| ["a", "b", "c", "d", "e"].map(|sid| state.is_about(sid));
        assert_eq!(indexed(&state), [false, false, true, true, true]);
        assert_eq!(
            (state.answer_to("a"), state.answer_to("e").map(|given| given.answer)),
            (None, Some(say("e")))
        );
        // Something more about one that has left: it counts as new, and the oldest makes room.
        state.add(&about("a"));
        assert_eq!(indexed(&state), [true, false, false, true, true]);
        drop(state);
        let mut state = open()?;
        assert_eq!(indexed(&state), [true, false, false, true, true], "after a restart as before");
        let mut left = Vec::new();
        while let Some(entry) = state.first(1)?.pop() {
            left.push(entry.sid().to_owned());
            state.done(1);
            assert!(state.index.is_within_bounds());
        }
        assert_eq!(left, ["a", "b", "c", "d", "e", "a"]);
        // Whatever comes and goes, what it remembers of the order stays bounded.
        for n in 0..100 {
            state.add(&about("first"));
            state.add(&about(&n.to_string()));
            state.first(1)?;
            state.done(1);
            assert!(state.index.is_within_bounds(), "{n}");
        }
        Ok(())
    }
}
