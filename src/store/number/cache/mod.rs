//! The routing cache: every number that takes calls, with its routing rules and the agent data needed to answer.
//!
//! A call is decided from the cache. Its record is written only if the change marks of the number's and the
//! agent's rows are still those cached. So a call costs one statement, and two more if something has changed.
//! While the database is unavailable, the cache alone decides where calls go.
//!
//! The cache is filled once, page by page ([`NumberReader`]); then only changes are read. It is also saved to
//! disk ([`saved`]) for a server that starts while the database is unavailable.

mod group;
mod interned;
mod reader;
mod record;
mod saved;
mod state;
mod table;

pub(in crate::store) use group::CachedMember;
pub use reader::NumberReader;

use std::collections::HashSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use chrono::TimeDelta;
use sea_orm::ColumnTrait;

use super::answering;
use crate::domain::{AnsweringAgent, CallGroupId, E164, NumberAccounts, NumberId, RoutingRules};
use crate::store::entities::phone_number;
use crate::store::{StoreError, SystemStore};
use group::CachedGroup;
use state::{CacheState, Found};

/// Time for which the cache is trusted after its last comparison with the database. Far shorter than the
/// quarantine of a released number, so that a stale entry never reaches a number's next tenant.
const TRUSTED_FOR: TimeDelta = TimeDelta::hours(24);

/// Maximum number of numbers followed when looking for a forwarding loop.
pub(super) const MAX_CHAIN: usize = 50;

/// A cached number that takes calls.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::store) struct CachedNumber {
    /// Id of the row: it identifies the number's tenancy, not the E.164 number.
    pub(in crate::store) id: NumberId,
    /// Agent that answers, as far as its row is readable; of a number in the pool or a call group the last one, which answers
    /// nothing.
    pub(in crate::store) agent: AnsweringAgent,
    /// Accounts at the carrier that it may be called from.
    pub(in crate::store) accounts: NumberAccounts,
    /// Routing rules, applied before the agent answers.
    pub(in crate::store) rules: Arc<RoutingRules>,
    /// Version of the rules.
    pub(in crate::store) rules_version: i32,
    /// Change mark of the number's row.
    pub(in crate::store) number_changed: i64,
    /// Change mark of the agent's row.
    pub(in crate::store) agent_changed: i64,
    /// Call group that answers.
    pub(in crate::store) group: Option<Arc<CachedGroup>>,
}

/// Who is offered a call.
#[derive(Debug)]
pub(in crate::store) struct Offer {
    /// The call group that offers it; `None` if none does, or it has no members left.
    pub(in crate::store) group: Option<CallGroupId>,
    /// Who takes it, unless it has as many calls as it may have.
    pub(in crate::store) first: CachedMember,
    /// Who is offered it next.
    pub(in crate::store) rest: Vec<CachedMember>,
}

impl CachedNumber {
    fn marks(&self) -> Marks {
        Marks {
            number: self.number_changed,
            agent: self.agent_changed,
            group: self.group.as_ref().map(|group| group.mark()),
        }
    }

    /// Who is offered this call to the number.
    pub(in crate::store) fn offer(&self, sid: &str) -> Offer {
        if let Some(group) = &self.group {
            let mut offered = group.offers(sid).into_iter();
            if let Some(first) = offered.next() {
                return Offer { group: Some(group.id), first, rest: offered.collect() };
            }
        }
        let (agent, changed) = (self.agent.clone(), self.agent_changed);
        let first = CachedMember { agent, changed, weight: 1, max_calls: None };
        Offer { group: None, first, rest: Vec::new() }
    }

    /// The numbers that a call may be passed on to by rules and fallback numbers.
    fn passed_on_to(self) -> impl Iterator<Item = E164> {
        let members = self.group.iter().flat_map(|group| &group.members);
        let fallbacks: Vec<E164> =
            members.filter_map(|member| member.agent.fallback_number.clone()).collect();
        let forwards: Vec<E164> = self.rules.forwards().cloned().collect();
        forwards.into_iter().chain(self.agent.fallback_number).chain(fallbacks)
    }
}

/// Change marks of a cached number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Marks {
    number: i64,
    agent: i64,
    group: Option<u64>,
}

/// Cache of the numbers that take calls.
#[derive(Debug, Default)]
// Never locked while the database is asked: a slow statement would keep calls waiting.
pub(in crate::store) struct NumberCache(Mutex<CacheState>);

impl NumberCache {
    /// Removes a number that was released.
    pub(in crate::store) fn forget(&self, id: NumberId) {
        self.lock().forget(id);
    }

    fn begin(&self) -> Reading<'_> {
        Reading { cache: self, began: self.lock().begin() }
    }

    fn lock(&self) -> MutexGuard<'_, CacheState> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A read in progress: starts before its statement runs and ends when dropped.
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

    fn resolve(&self, number: &E164) {
        self.cache.lock().resolve(self.began, number.digits());
    }
}

impl Drop for Reading<'_> {
    fn drop(&mut self) {
        self.cache.lock().end(self.began);
    }
}

impl SystemStore {
    /// Whether calls can be routed without the database: all numbers have been read, and the last comparison
    /// with the database is recent enough.
    #[must_use]
    pub fn can_route_from_cache(&self) -> bool {
        self.shared.numbers.lock().is_trusted(self.shared.clock.now())
    }

    /// Number of cached numbers.
    #[must_use]
    pub fn cached_numbers(&self) -> usize {
        self.shared.numbers.lock().len()
    }

    /// Whether a call to `to` may be forwarded until it reaches `called`, by the cached routing rules and
    /// fallback numbers of any tenant. Follows at most [`MAX_CHAIN`] numbers.
    #[must_use]
    pub fn leads_to(&self, to: &E164, called: &E164) -> bool {
        let (mut next, mut seen) = (vec![to.clone()], HashSet::new());
        while let Some(number) = next.pop() {
            if number == *called {
                return true;
            }
            if seen.len() >= MAX_CHAIN || !seen.insert(number.digits()) {
                continue;
            }
            // Locks the cache for one number at a time, so that other calls are routed meanwhile.
            if let Some(cached) = self.cached(&number) {
                next.extend(cached.passed_on_to());
            }
        }
        false
    }

    /// Returns a number from the cache.
    pub(in crate::store) fn cached(&self, number: &E164) -> Option<CachedNumber> {
        self.shared.numbers.lock().get(number.digits())
    }

    /// Reads a number into the cache. Returns whether it takes calls.
    pub(in crate::store) async fn learn_number(&self, number: &E164) -> Result<bool, StoreError> {
        Ok(!self.learn_numbers(std::slice::from_ref(number)).await?.is_empty())
    }

    /// Reads numbers into the cache, in one statement. Returns those that take calls.
    pub(in crate::store) async fn learn_numbers(
        &self,
        numbers: &[E164],
    ) -> Result<HashSet<E164>, StoreError> {
        // Begun before the statement: whatever is learned meanwhile is newer than its result.
        let reading = self.shared.numbers.begin();
        let wanted = phone_number::Column::Number.is_in(numbers.iter().map(E164::as_str));
        let found = reader::read(self, |query| query.cond_where(wanted).cond_where(answering())).await?;
        let mut absent: HashSet<&E164> = numbers.iter().collect();
        if found.has_unreadable() {
            // The unreadable row may belong to any of them, so none may be taken for absent.
            absent.clear();
        }
        let mut ours = HashSet::with_capacity(found.found.len());
        for (number, found) in found.found {
            absent.remove(&number);
            reading.take(found);
            ours.insert(number);
        }
        absent.into_iter().for_each(|number| reading.take_none(number));
        // Last: a conflict is settled only by a completed read that started after it.
        numbers.iter().for_each(|number| reading.resolve(number));
        Ok(ours)
    }
}
