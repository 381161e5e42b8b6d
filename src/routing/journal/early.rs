//! What came before its call: answers and reports of calls that are not on record yet, since another server's journal has
//! them. They wait in a file of their own, so that nothing waits behind them.

use std::collections::VecDeque;
use std::fs;
use std::io::{self, Write};
use std::path::PathBuf;

use super::super::outage::Entry;
use super::options;

/// Entries that are kept.
pub(super) const MOST: usize = 10_000;

#[derive(Debug)]
pub(super) struct Early {
    path: PathBuf,
    waiting: VecDeque<Entry>,
}

impl Early {
    /// What waits in a file, if there is one; lines that cannot be read are none.
    pub(super) fn open(path: PathBuf) -> io::Result<Self> {
        let text = match fs::read(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => Vec::new(),
            Err(error) => return Err(error),
        };
        let waiting = text.split(|byte| *byte == b'\n').filter_map(|line| serde_json::from_slice(line).ok());
        Ok(Self { path, waiting: waiting.take(MOST).collect() })
    }

    /// Takes over what a dead server left: first kept here, then gone there.
    pub(super) fn take_over(&mut self, left: PathBuf) -> io::Result<()> {
        let mut there = Self::open(left)?;
        self.waiting.append(&mut there.waiting);
        self.waiting.truncate(MOST);
        self.save()?;
        there.remove()
    }

    pub(super) fn is_full(&self) -> bool {
        self.waiting.len() >= MOST
    }

    pub(super) fn add(&mut self, entry: Entry) -> io::Result<()> {
        let mut line = serde_json::to_vec(&entry)?;
        // A line of its own even behind one that was written in part.
        line.insert(0, b'\n');
        line.push(b'\n');
        options().append(true).open(&self.path)?.write_all(&line)?;
        self.waiting.push_back(entry);
        Ok(())
    }

    /// The first so many.
    pub(super) fn first(&self, many: usize) -> Vec<Entry> {
        self.waiting.iter().take(many).cloned().collect()
    }

    /// The first `looked_at` were looked at, and of them these are over. The others wait behind the rest.
    pub(super) fn over(&mut self, looked_at: usize, over: &[usize]) -> io::Result<()> {
        let looked_at: Vec<Entry> = self.waiting.drain(..looked_at.min(self.waiting.len())).collect();
        let left = looked_at.into_iter().enumerate().filter(|(nth, _)| !over.contains(nth));
        self.waiting.extend(left.map(|(_, entry)| entry));
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
        super::replace(&self.path, |file| file.write_all(&text).map(|()| true))
    }

    fn remove(&self) -> io::Result<()> {
        match fs::remove_file(&self.path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }
}
