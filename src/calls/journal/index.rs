//! Index of the calls that entries in the journal are about.
//!
//! The index is bounded; the call that has waited longest leaves it first. It serves a call that the carrier announces again,
//! which happens within seconds and gets the same answer. A call that has left the index is answered anew, and later entries
//! about it no longer queue behind earlier ones. No caller and no record is lost by that, because entries about one call may be
//! written in any order: see [`super::super::replay`].

use std::collections::{HashMap, VecDeque};
use std::hash::{BuildHasher, RandomState};

use super::Entry;

/// Maximum number of indexed calls: some 10 MB.
pub(super) const MOST_INDEXED: usize = 100_000;

/// The indexed entries about one call.
#[derive(Debug, Default, Clone, Copy)]
pub(super) struct About {
    entries: u32,
    /// Offset of its latest answer in the file.
    pub(super) answer: Option<u64>,
    /// Sequence number of the call in the index.
    nth: u64,
}

/// The indexed calls, by a hash of the carrier's id.
#[derive(Debug)]
pub(super) struct Index {
    // The hash alone identifies a call. Answers are compared by the id itself, so after a collision one of the two
    // calls is at worst answered anew.
    about: HashMap<u64, About>,
    /// Keys in order of arrival, each with the call's sequence number. Some belong to calls about which nothing waits any more.
    order: VecDeque<(u64, u64)>,
    indexed: u64,
    hasher: RandomState,
    /// Maximum number of calls.
    most: usize,
}

impl Index {
    pub(super) fn of(most: usize) -> Self {
        let (about, order) = (HashMap::new(), VecDeque::new());
        Self { about, order, indexed: 0, hasher: RandomState::new(), most }
    }

    pub(super) fn get(&self, sid: &str) -> Option<&About> {
        self.about.get(&self.hasher.hash_one(sid))
    }

    pub(super) fn add(&mut self, entry: &Entry, at: Option<u64>) {
        let key = self.hasher.hash_one(entry.sid());
        if !self.about.contains_key(&key) {
            self.make_room();
            self.indexed += 1;
            self.order.push_back((key, self.indexed));
            self.about.insert(key, About { nth: self.indexed, ..About::default() });
        }
        let about = self.about.entry(key).or_default();
        about.entries += 1;
        if let (Entry::Answer { .. }, Some(at)) = (entry, at) {
            about.answer = Some(at);
        }
    }

    /// Makes room for one more call.
    fn make_room(&mut self) {
        let Self { about, order, most, .. } = self;
        let is_indexed =
            |about: &HashMap<u64, About>, (key, nth)| about.get(&key).is_some_and(|about| about.nth == nth);
        while about.len() >= *most {
            let Some(oldest) = order.pop_front() else { break };
            if is_indexed(about, oldest) {
                about.remove(&oldest.0);
            }
        }
        // Calls that are done stay in `order`: cleaned up now and then, which costs less than each time.
        if order.len() >= most.saturating_mul(2) {
            order.retain(|call| is_indexed(about, *call));
        }
    }

    pub(super) fn forget(&mut self, sid: &str) {
        let key = self.hasher.hash_one(sid);
        if let Some(about) = self.about.get_mut(&key) {
            about.entries -= 1;
            if about.entries == 0 {
                self.about.remove(&key);
            }
        }
        // The outage is over: the memory is not needed until the next one.
        if self.about.is_empty() {
            self.clear();
        }
    }

    /// Empties the index and frees its memory.
    pub(super) fn clear(&mut self) {
        (self.about, self.order) = (HashMap::new(), VecDeque::new());
    }

    #[cfg(test)]
    pub(super) fn is_within_bounds(&self) -> bool {
        self.about.len() <= self.most && self.order.len() <= 2 * self.most
    }
}
