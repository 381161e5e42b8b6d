//! Automatic persisted queries, as in Apollo Client: documents that clients send by hash after having sent them once.
//!
//! A stored document replaces its hash before anything else examines the request, so the guard and every rule
//! apply each time. It is stored only if it is valid and the caller is authenticated. Everybody who knows its
//! hash may execute it, with their own permissions.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use aws_lc_rs::digest::{SHA256, digest};

use super::errors::ApiError;
use crate::domain::hex;

/// Maximum number of persisted documents, of all callers together.
const MAX_DOCUMENTS: usize = 1_000;

/// Maximum bytes of all documents.
const MAX_BYTES: usize = 4 * 1024 * 1024;

/// Persisted documents, least recently used evicted first. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub(super) struct Persisted(Arc<Mutex<Documents>>);

#[derive(Debug, Default)]
struct Documents {
    by_hash: HashMap<String, Document>,
    bytes: usize,
    uses: u64,
}

#[derive(Debug)]
struct Document {
    text: Arc<str>,
    last_use: u64,
}

/// A document to persist once it is valid, with its hash.
#[derive(Debug, Clone)]
pub(super) struct Offer {
    hash: String,
    text: Arc<str>,
}

impl Persisted {
    /// Resolves the document from `query` and the hash sent with it, and what to persist.
    ///
    /// # Errors
    /// `PERSISTED_QUERY_NOT_FOUND`: the client then sends the whole document. `BAD_USER_INPUT` if hash and
    /// document do not match.
    pub(super) fn resolve(&self, query: String, hash: &str) -> Result<(String, Option<Offer>), ApiError> {
        // Hexadecimal digits in either case name the same document.
        let hash = hash.to_ascii_lowercase();
        let mut documents = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if query.is_empty() {
            let text = documents.recall(&hash).ok_or(ApiError::PersistedQueryNotFound)?;
            return Ok((text.to_string(), None));
        }
        // Otherwise a client could store its own document under the hash of another client's.
        if sha256(&query) != hash {
            return Err(ApiError::bad_input(
                "provided sha does not match query: send the query's own SHA-256",
            ));
        }
        // Recalled also when it comes with its text: a document in use is not evicted.
        let known = documents.recall(&hash).is_some();
        let offer = (!known).then(|| Offer { hash, text: query.as_str().into() });
        Ok((query, offer))
    }

    /// Persists a document that was found valid, and evicts the least recently used if there are too many.
    pub(super) fn keep(&self, offer: Offer) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).keep(offer);
    }
}

impl Documents {
    fn recall(&mut self, hash: &str) -> Option<Arc<str>> {
        let document = self.by_hash.get_mut(hash)?;
        self.uses += 1;
        document.last_use = self.uses;
        Some(Arc::clone(&document.text))
    }

    fn keep(&mut self, Offer { hash, text }: Offer) {
        self.uses += 1;
        self.bytes += text.len();
        let replaced = self.by_hash.insert(hash, Document { text, last_use: self.uses });
        self.bytes -= replaced.map_or(0, |document| document.text.len());
        while self.by_hash.len() > MAX_DOCUMENTS || self.bytes > MAX_BYTES {
            // A scan, but of a thousand entries at most, and only when a new document is stored.
            let oldest = self.by_hash.iter().min_by_key(|(_, document)| document.last_use);
            let Some(hash) = oldest.map(|(hash, _)| hash.clone()) else { return };
            self.bytes -= self.by_hash.remove(&hash).map_or(0, |document| document.text.len());
        }
    }
}

fn sha256(text: &str) -> String {
    hex(digest(&SHA256, text.as_bytes()).as_ref())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_is_bounded_and_what_is_used_stays() {
        let persisted = Persisted::default();
        let offer = |query: &str| {
            let (_, offer) = persisted.resolve(query.to_owned(), &sha256(query)).expect("the right hash");
            persisted.keep(offer.expect("a new document"));
        };
        offer("{ viewer { id } }");
        let long = "x".repeat(10_000);
        for at in 0..3_000 {
            offer(&format!("{{ a{at} }}"));
            assert!(persisted.resolve(String::new(), &sha256("{ viewer { id } }")).is_ok(), "{at}");
        }
        assert!(persisted.resolve(String::new(), &sha256("{ a0 }")).is_err());
        assert_eq!(persisted.0.lock().expect("no panic").by_hash.len(), MAX_DOCUMENTS);
        for at in 0..1_000 {
            offer(&format!("{{ {long}{at} }}"));
        }
        let documents = persisted.0.lock().expect("no panic");
        let sum: usize = documents.by_hash.values().map(|document| document.text.len()).sum();
        assert_eq!(documents.bytes, sum);
        assert!(sum <= MAX_BYTES, "{sum}");
    }
}
