//! Entries that arrived before their call: answers and reports about calls that are not on record yet, because another server's
//! journal holds them. They wait in a file of their own, so that nothing queues behind them.
//!
//! No entry is dropped. Unreadable lines, and the oldest entries if too many wait, are moved to `calls.refused`. Only a last
//! line that a crash cut off is ignored.

use std::collections::VecDeque;
use std::fs;
use std::io::{self, Write};
use std::path::PathBuf;

use super::Entry;
use crate::store::{private_file, replace_file};

/// Maximum number of entries.
pub(super) const MOST: usize = 10_000;

#[derive(Debug)]
pub(super) struct Early {
    path: PathBuf,
    waiting: VecDeque<Entry>,
}

impl Early {
    /// Opens a file, if it exists. Unreadable lines are passed to `refuse`.
    pub(super) fn open(path: PathBuf, mut refuse: impl FnMut(&str) -> io::Result<()>) -> io::Result<Self> {
        let text = match fs::read(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => Vec::new(),
            Err(error) => return Err(error),
        };
        let (mut early, mut is_as_saved) = (Self { path, waiting: VecDeque::new() }, true);
        let mut unreadable = Vec::new();
        for line in text.split_inclusive(|byte| *byte == b'\n').filter(|line| *line != b"\n") {
            match serde_json::from_slice(line) {
                Ok(entry) => early.waiting.push_back(entry),
                Err(_) if !line.ends_with(b"\n") => is_as_saved = false,
                Err(_) => unreadable.push(String::from_utf8_lossy(line).trim_end().to_owned()),
            }
        }
        if !unreadable.is_empty() {
            refuse(&unreadable.join("\n"))?;
            is_as_saved = false;
        }
        if !early.make_room(refuse)? || !is_as_saved {
            early.save()?;
        }
        Ok(early)
    }

    /// Takes over a dead server's entries: they are stored here before they are removed there.
    pub(super) fn take_over(
        &mut self,
        left: PathBuf,
        mut refuse: impl FnMut(&str) -> io::Result<()>,
    ) -> io::Result<()> {
        let mut there = Self::open(left, &mut refuse)?;
        self.waiting.append(&mut there.waiting);
        self.make_room(refuse)?;
        self.save()?;
        there.remove()
    }

    /// Passes the oldest entries to `refuse` if too many wait. Returns whether there was room for all.
    fn make_room(&mut self, mut refuse: impl FnMut(&str) -> io::Result<()>) -> io::Result<bool> {
        let too_many = self.waiting.len().saturating_sub(MOST);
        if too_many == 0 {
            return Ok(true);
        }
        let oldest: Result<Vec<String>, _> =
            self.waiting.drain(..too_many).map(|entry| serde_json::to_string(&entry)).collect();
        refuse(&oldest?.join("\n"))?;
        Ok(false)
    }

    pub(super) fn is_full(&self) -> bool {
        self.waiting.len() >= MOST
    }

    pub(super) fn add(&mut self, entry: Entry) -> io::Result<()> {
        let mut line = serde_json::to_vec(&entry)?;
        // Begins with a newline, so that a line written in part before it stays separate.
        line.insert(0, b'\n');
        line.push(b'\n');
        let mut file = private_file().append(true).open(&self.path)?;
        file.write_all(&line)?;
        // The journal's own flush does not cover this file, and the entry is about to be marked as done there.
        file.sync_data()?;
        self.waiting.push_back(entry);
        Ok(())
    }

    /// Returns up to `many` of the oldest entries.
    pub(super) fn first(&self, many: usize) -> Vec<Entry> {
        self.waiting.iter().take(many).cloned().collect()
    }

    /// Concludes a pass over the first `looked_at` entries: those in `over` are removed, the others move to the
    /// end of the queue.
    pub(super) fn over(&mut self, looked_at: usize, over: &[usize]) -> io::Result<()> {
        let looked_at: Vec<Entry> = self.waiting.drain(..looked_at.min(self.waiting.len())).collect();
        let left = looked_at.into_iter().enumerate().filter(|(nth, _)| !over.contains(nth));
        self.waiting.extend(left.map(|(_, entry)| entry));
        // The new order alone is not worth a write: after a crash the old one serves as well.
        if over.is_empty() { Ok(()) } else { self.save() }
    }

    fn save(&self) -> io::Result<()> {
        if self.waiting.is_empty() {
            return self.remove();
        }
        let mut text = Vec::new();
        for entry in &self.waiting {
            serde_json::to_writer(&mut text, entry)?;
            text.push(b'\n');
        }
        replace_file(&self.path, |file| file.write_all(&text).map(|()| true))
    }

    fn remove(&self) -> io::Result<()> {
        match fs::remove_file(&self.path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }
}
