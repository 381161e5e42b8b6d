//! The routing cache: every number that takes calls, with its rules and as much of its agent as answering needs.
//!
//! A call is decided by what is cached, and its record is written only if the change marks of the number's and the agent's
//! rows are still those cached. So a call costs one statement, and two more when something has changed since. While the
//! database is unavailable, the cache alone says where calls go.
//!
//! The cache is filled once, page by page ([`NumberReader`]); from then on only what changed is read. It is kept on disk
//! ([`saved`]), for a server that starts while the database is unavailable.

mod interned;
mod reader;
mod record;
mod saved;
mod state;
mod table;

pub use reader::NumberReader;

use std::collections::HashSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use chrono::TimeDelta;
use sea_orm::ColumnTrait;

use super::answering;
use crate::domain::{AnsweringAgent, E164, NumberId, RoutingRules};
use crate::store::entities::phone_number;
use crate::store::{StoreError, SystemStore};
use state::{Found, State};

/// How long the cache is trusted after it was last compared with the database. Far shorter than a released number's
/// quarantine.
const KNOWN_FOR: TimeDelta = TimeDelta::hours(24);

/// Numbers that are followed from one to the next.
pub(super) const LONGEST_CHAIN: usize = 50;

/// A number that takes calls, as it is cached.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::store) struct CachedNumber {
    /// Its lease.
    pub(in crate::store) id: NumberId,
    /// The agent that answers.
    pub(in crate::store) agent: AnsweringAgent,
    /// What is done with calls before the agent answers.
    pub(in crate::store) rules: Arc<RoutingRules>,
    /// The version of those.
    pub(in crate::store) rules_version: i32,
    /// The change mark of the number's row.
    pub(in crate::store) number_changed: i64,
    /// The change mark of the agent's row.
    pub(in crate::store) agent_changed: i64,
}

impl CachedNumber {
    fn marks(&self) -> (i64, i64) {
        (self.number_changed, self.agent_changed)
    }
}

/// The numbers that take calls.
#[derive(Debug, Default)]
pub(in crate::store) struct NumberCache(Mutex<State>);

impl NumberCache {
    /// The number was released.
    pub(in crate::store) fn forget(&self, id: NumberId) {
        self.lock().forget(id);
    }

    fn begin(&self) -> Reading<'_> {
        Reading { cache: self, began: self.lock().begin() }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A reading under way: begun before its statement runs, over when it is dropped.
#[derive(Debug)]
struct Reading<'a> {
    cache: &'a NumberCache,
    began: u64,
}

impl Reading<'_> {
    fn take(&self, found: Found) {
        self.cache.lock().take(self.began, found);
    }

    fn take_none(&self, number: &E164) {
        self.cache.lock().take_none(self.began, number.digits());
    }

    fn trust(&self, number: &E164) {
        self.cache.lock().trust(self.began, number.digits());
    }
}

impl Drop for Reading<'_> {
    fn drop(&mut self) {
        self.cache.lock().end(self.began);
    }
}

impl SystemStore {
    /// Whether calls can be routed without the database: all numbers were read, and the cache was compared with the
    /// database not too long ago.
    #[must_use]
    pub fn knows_numbers(&self) -> bool {
        self.shared.numbers.lock().is_good(self.shared.clock.now())
    }

    /// How many numbers are cached.
    #[must_use]
    pub fn cached_numbers(&self) -> usize {
        self.shared.numbers.lock().len()
    }

    /// Whether a call that rings at `to` may be passed on until it rings at `called`, by the rules of our own numbers and
    /// the fallback numbers of their agents, as they are cached.
    #[must_use]
    pub fn leads_to(&self, to: &E164, called: &E164) -> bool {
        let (mut next, mut seen) = (vec![to.clone()], HashSet::new());
        while let Some(number) = next.pop() {
            if number == *called {
                return true;
            }
            if seen.len() >= LONGEST_CHAIN || !seen.insert(number.digits()) {
                continue;
            }
            if let Some(cached) = self.cached(&number) {
                next.extend(cached.rules.forwards().cloned());
                next.extend(cached.agent.fallback_number);
            }
        }
        false
    }

    /// A number as it is cached.
    pub(in crate::store) fn cached(&self, number: &E164) -> Option<CachedNumber> {
        self.shared.numbers.lock().get(number.digits())
    }

    /// Reads a number into the cache; returns whether it takes calls.
    pub(in crate::store) async fn learn_number(&self, number: &E164) -> Result<bool, StoreError> {
        Ok(!self.learn_numbers(std::slice::from_ref(number)).await?.is_empty())
    }

    /// Reads numbers into the cache, in one statement; returns those that take calls.
    pub(in crate::store) async fn learn_numbers(
        &self,
        numbers: &[E164],
    ) -> Result<HashSet<E164>, StoreError> {
        let reading = self.shared.numbers.begin();
        let wanted = phone_number::Column::Number.is_in(numbers.iter().map(E164::as_str));
        let found = reader::read(self, |query| query.cond_where(wanted).cond_where(answering())).await?;
        let mut absent: HashSet<&E164> = numbers.iter().collect();
        if found.has_unreadable() {
            // It may be of any of them.
            absent.clear();
        }
        let mut ours = HashSet::with_capacity(found.found.len());
        for (number, found) in found.found {
            absent.remove(&number);
            reading.take(found);
            ours.insert(number);
        }
        absent.into_iter().for_each(|number| reading.take_none(number));
        numbers.iter().for_each(|number| reading.trust(number));
        Ok(ours)
    }
}
