//! Cache of valid documents: parsed and measured once, and not validated again with the same variables.
//!
//! Validation depends on the variables: page sizes count towards the complexity, and values are checked against their
//! types. So a validation is remembered for document, operation name and variables together. Only documents of
//! authenticated callers that the library found valid are cached; nothing of a caller or a response is.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::limits::Document;

/// Maximum number of cached documents.
const MAX_DOCUMENTS: usize = 1_000;

/// Maximum bytes of all parsed documents.
const MAX_DOCUMENT_BYTES: usize = 32 * 1024 * 1024;

/// Maximum number of remembered validations: a document has one for each set of variables.
const MAX_VALID: usize = 4_000;

/// Maximum bytes of all of them.
const MAX_VALID_BYTES: usize = 2 * 1024 * 1024;

/// Maximum length of operation name and variables of a remembered validation.
const MAX_KEY_BYTES: usize = 2 * 1024;

/// Parsed documents and their successful validations. Cheap to clone.
#[derive(Clone)]
pub(super) struct Documents(Arc<Mutex<Caches>>);

struct Caches {
    documents: Recent<Arc<str>, Arc<Document>>,
    valid: Recent<Validated, usize>,
}

/// Key of a validation: document, operation and variables.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Validated {
    document: u64,
    operation: Option<String>,
    variables: String,
}

impl Validated {
    /// Key for this document with these variables, as canonical JSON; `None` if it is too long.
    pub(super) fn new(document: &Document, operation: Option<&str>, variables: String) -> Option<Self> {
        let bytes = variables.len() + operation.map_or(0, str::len);
        let operation = operation.map(str::to_owned);
        (bytes <= MAX_KEY_BYTES).then(|| Self { document: document.id(), operation, variables })
    }

    fn bytes(&self) -> usize {
        size_of::<Self>() + self.variables.len() + self.operation.as_ref().map_or(0, String::len)
    }
}

impl Default for Documents {
    fn default() -> Self {
        Self(Arc::new(Mutex::new(Caches {
            documents: Recent::new(MAX_DOCUMENTS, MAX_DOCUMENT_BYTES),
            valid: Recent::new(MAX_VALID, MAX_VALID_BYTES),
        })))
    }
}

impl Documents {
    /// The cached document with this text.
    pub(super) fn find(&self, text: &str) -> Option<Arc<Document>> {
        self.lock().documents.find(text).cloned()
    }

    /// Complexity found by an earlier, identical validation.
    pub(super) fn complexity(&self, validated: &Validated) -> Option<usize> {
        self.lock().valid.find(validated).copied()
    }

    /// Caches a document and a successful validation with its complexity.
    pub(super) fn keep(&self, document: &Arc<Document>, validated: Option<Validated>, complexity: usize) {
        let mut caches = self.lock();
        let valid = validated.map(|validated| (validated.bytes(), validated));
        let forgotten = (
            caches.documents.keep(Arc::clone(document.text()), Arc::clone(document), document.bytes()),
            valid.map(|(bytes, validated)| caches.valid.keep(validated, complexity, bytes)),
        );
        drop(caches);
        // Outside the lock: a whole generation of documents may be freed.
        drop(forgotten);
    }

    fn lock(&self) -> MutexGuard<'_, Caches> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A cache of two generations. When the younger one is full it becomes the older one, and unused older entries
/// are dropped. So an entry stays as long as it is used at least once in half a cache of new ones.
struct Recent<K, V> {
    young: HashMap<K, (V, usize)>,
    old: HashMap<K, (V, usize)>,
    young_bytes: usize,
    most_young: usize,
    most_young_bytes: usize,
}

impl<K: Eq + Hash, V> Recent<K, V> {
    /// Creates a cache with these maximum entries and bytes.
    fn new(entries: usize, bytes: usize) -> Self {
        let (young, old) = (HashMap::new(), HashMap::new());
        // Half for each generation, so that both together stay within the limits.
        Self { young, old, young_bytes: 0, most_young: entries / 2, most_young_bytes: bytes / 2 }
    }

    fn find<Q>(&mut self, key: &Q) -> Option<&V>
    where
        K: std::borrow::Borrow<Q>,
        Q: Eq + Hash + ?Sized,
    {
        if let Some((key, (value, bytes))) = self.old.remove_entry(key) {
            // Moving it cannot be refused: at worst the generations change, and it is in one of them.
            drop(self.keep(key, value, bytes));
        }
        match self.young.get(key) {
            Some((value, _)) => Some(value),
            None => self.old.get(key).map(|(value, _)| value),
        }
    }

    /// Adds an entry; returns the evicted ones. An entry larger than a generation is not cached.
    fn keep(&mut self, key: K, value: V, bytes: usize) -> HashMap<K, (V, usize)> {
        // It would evict a whole generation for one entry.
        if bytes > self.most_young_bytes {
            return HashMap::new();
        }
        self.old.remove(&key);
        let is_full = self.young.len() >= self.most_young || self.young_bytes + bytes > self.most_young_bytes;
        let forgotten = if is_full && !self.young.contains_key(&key) {
            self.young_bytes = 0;
            std::mem::replace(&mut self.old, std::mem::take(&mut self.young))
        } else {
            HashMap::new()
        };
        self.young_bytes += bytes;
        let replaced = self.young.insert(key, (value, bytes));
        self.young_bytes -= replaced.map_or(0, |(_, bytes)| bytes);
        forgotten
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn document(text: &str) -> Arc<Document> {
        Arc::new(Document::read(text, true).expect("a valid document"))
    }

    fn sizes<K, V>(recent: &Recent<K, V>) -> (usize, usize) {
        let sum = recent.young.values().chain(recent.old.values()).map(|(_, bytes)| bytes).sum();
        (recent.young.len() + recent.old.len(), sum)
    }

    #[test]
    fn memory_is_bounded_and_what_is_used_stays() {
        let documents = Documents::default();
        let used = document("{ viewer { id } }");
        let valid = Validated::new(&used, Some("A"), "{}".to_owned());
        documents.keep(&used, valid.clone(), 2);
        for at in 0..10_000 {
            let other = document(&format!("{{ a{at} }}"));
            let with = format!("{{\"v\":\"{}\"}}", "x".repeat(at % 2_000));
            documents.keep(&other, Validated::new(&other, None, with), at);
            assert!(documents.find("{ viewer { id } }").is_some_and(|found| found.id() == used.id()));
            assert_eq!(documents.complexity(valid.as_ref().unwrap()), Some(2), "{at}");
        }
        assert!(documents.find("{ a0 }").is_none());
        let fields = "a ".repeat(390);
        for at in 0..1_000 {
            let large = document(&format!("{{ {fields} b{at} }}"));
            assert!(large.bytes() > 100_000);
            documents.keep(&large, None, 0);
        }
        let known = documents.lock();
        for (sizes, most) in [
            (sizes(&known.documents), (MAX_DOCUMENTS, MAX_DOCUMENT_BYTES)),
            (sizes(&known.valid), (MAX_VALID, MAX_VALID_BYTES)),
        ] {
            assert!(sizes.0 <= most.0 && sizes.1 <= most.1, "{sizes:?} of {most:?}");
        }
    }

    #[test]
    fn a_validation_is_of_one_document_one_name_and_the_same_variables() {
        let documents = Documents::default();
        let (one, other) = (document("{ a }"), document("{ b }"));
        let with = |document, name, variables: &str| Validated::new(document, name, variables.to_owned());
        documents.keep(&one, with(&one, None, "{}"), 1);
        assert_eq!(documents.complexity(&with(&one, None, "{}").unwrap()), Some(1));
        for different in [with(&other, None, "{}"), with(&one, Some(""), "{}"), with(&one, None, "{\"a\":1}")]
        {
            assert_eq!(documents.complexity(&different.unwrap()), None);
        }
        assert_eq!(with(&one, None, &"x".repeat(MAX_KEY_BYTES + 1)), None);
    }
}
