//! Deduplicated values: values shared by many cached numbers are stored once and referenced by a small key.

use std::hash::{BuildHasher, Hash, RandomState};

use hashbrown::HashTable;
use slab::Slab;

/// Values with reference counts. A value is dropped with its last reference.
#[derive(Debug)]
pub(super) struct Interned<T> {
    values: Slab<(T, u32)>,
    /// Keys only, hashed by the value they stand for: no value is stored twice.
    index: HashTable<u32>,
    // Keyed at random: tenants choose the content of their rules, and must not be able to aim at one bucket.
    hasher: RandomState,
}

impl<T> Default for Interned<T> {
    fn default() -> Self {
        Self { values: Slab::new(), index: HashTable::new(), hasher: RandomState::new() }
    }
}

impl<T: Hash + Eq> Interned<T> {
    /// Returns the value of a key.
    pub(super) fn get(&self, key: u32) -> Option<&T> {
        self.values.get(key as usize).map(|(value, _)| value)
    }

    /// Adds a reference to a value and returns its key.
    pub(super) fn acquire(&mut self, value: T) -> u32 {
        let Self { values, index, hasher } = self;
        let hash = hasher.hash_one(&value);
        let is_it = |key: &u32| values.get(*key as usize).is_some_and(|(known, _)| *known == value);
        if let Some(key) = index.find(hash, is_it).copied() {
            if let Some((_, users)) = values.get_mut(key as usize) {
                *users += 1;
            }
            return key;
        }
        // Cannot overflow: each value is used by a cached number, and the slots of those fit in `u32`.
        let key = u32::try_from(values.insert((value, 1))).unwrap_or(u32::MAX);
        let hash_of = |key: &u32| values.get(*key as usize).map_or(0, |(value, _)| hasher.hash_one(value));
        index.insert_unique(hash, key, hash_of);
        key
    }

    /// Removes a reference; the last one drops the value.
    pub(super) fn release(&mut self, key: u32) {
        let Self { values, index, hasher } = self;
        let Some((value, users)) = values.get_mut(key as usize) else { return };
        *users -= 1;
        if *users == 0 {
            if let Ok(entry) = index.find_entry(hasher.hash_one(&*value), |known| *known == key) {
                entry.remove();
            }
            values.remove(key as usize);
        }
    }

    /// Number of distinct values.
    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        assert_eq!(self.values.len(), self.index.len());
        self.values.len()
    }
}
