//! Shares: how much of something scarce each key may hold at the same time.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use tokio::sync::Semaphore;

/// Keys remembered before those that hold nothing are looked for and forgotten.
const FEW_KEYS: usize = 1024;

/// One semaphore of the same size for each key. A key that holds nothing is forgotten. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Shares<K> {
    size: usize,
    keys: Arc<Mutex<Keys<K>>>,
}

#[derive(Debug)]
struct Keys<K> {
    /// Each semaphore lives as long as somebody uses it.
    semaphores: HashMap<K, Weak<Semaphore>>,
    /// Keys in use when the others were last forgotten.
    in_use: usize,
}

impl<K: Eq + Hash> Shares<K> {
    /// Each key may hold `size` permits.
    #[must_use]
    pub fn new(size: usize) -> Self {
        let keys = Keys { semaphores: HashMap::new(), in_use: 0 };
        Self { size, keys: Arc::new(Mutex::new(keys)) }
    }

    /// The semaphore of a key.
    #[must_use]
    pub fn of(&self, key: K) -> Arc<Semaphore> {
        // Held for the look-up alone: who waits for a permit waits at the semaphore, outside this lock.
        let mut keys = self.keys.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(semaphore) = keys.semaphores.get(&key).and_then(Weak::upgrade) {
            return semaphore;
        }
        // A sweep scans all keys. At twice the keys in use, its cost spreads over as many new keys.
        if keys.semaphores.len() >= FEW_KEYS.max(2 * keys.in_use) {
            keys.semaphores.retain(|_, semaphore| semaphore.strong_count() > 0);
            keys.in_use = keys.semaphores.len();
        }
        // Held weakly: the permits keep it alive, and a key without any is only a dead entry.
        let semaphore = Arc::new(Semaphore::new(self.size));
        keys.semaphores.insert(key, Arc::downgrade(&semaphore));
        semaphore
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_has_its_share_whatever_others_hold_and_is_removed_when_idle() {
        let shares = Shares::new(2);
        let held = [(); 2].map(|()| shares.of(0).try_acquire_owned().unwrap());
        assert!(shares.of(0).try_acquire_owned().is_err());
        for key in 1..10 * FEW_KEYS {
            drop(shares.of(key).try_acquire_owned().unwrap());
        }
        assert!(shares.keys.lock().unwrap().semaphores.len() <= FEW_KEYS);
        assert!(shares.of(0).try_acquire_owned().is_err(), "what is held is not forgotten");
        drop(held);
        drop(shares.of(0).try_acquire_owned().unwrap());
    }
}
