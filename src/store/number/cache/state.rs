//! Cache contents, and the decision which of two reads of a number is newer.
//!
//! Pages, changes and single numbers are read concurrently. Change marks do not tell which of two rows is
//! newer, since a transaction with a lower id may commit later; the order of events in this process decides.
//! A read is accepted if nothing was learned about the number since the read started. Otherwise the number
//! becomes conflicting and is read again. A release is final in any order: a row known to be released is not cached again.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use chrono::{DateTime, Utc};

use super::table::Table;
use super::{CachedNumber, TRUSTED_FOR};
use crate::domain::NumberId;

/// The numbers that take calls, with the times at which reads learned something about them.
#[derive(Debug, Default)]
pub(super) struct CacheState {
    table: Table,
    /// Number of changes to the table.
    version: u64,
    /// Numbers restored from disk and not read since.
    restored: HashSet<u64>,
    /// When all numbers were last known to match the database; `None` until all have been read.
    confirmed_at: Option<DateTime<Utc>>,
    /// Logical time: counts events.
    now: u64,
    /// Start times of reads in progress. The maps below hold nothing older than the oldest.
    under_way: BTreeSet<u64>,
    /// When something was last learned about a number.
    learned: HashMap<u64, u64>,
    /// When a row was found to be released.
    released: HashMap<NumberId, u64>,
    /// Entries of `learned` and `released` by time, for expiry.
    events: BTreeMap<u64, Event>,
    /// Numbers on which two reads disagreed, and since when.
    conflicting: BTreeMap<u64, u64>,
}

#[derive(Debug, Clone, Copy)]
enum Event {
    Learned(u64),
    Released(NumberId),
}

/// A number as found by a read.
#[derive(Debug, Clone)]
pub(super) struct Found {
    pub(super) number: u64,
    pub(super) id: NumberId,
    pub(super) state: RowState,
}

#[derive(Debug, Clone)]
pub(super) enum RowState {
    TakesCalls(CachedNumber),
    /// Claimed but not bought yet.
    Pending,
    Released,
}

impl CacheState {
    pub(super) fn get(&self, number: u64) -> Option<CachedNumber> {
        self.table.get(number)
    }

    pub(super) fn len(&self) -> usize {
        self.table.len()
    }

    /// Starts a read. Returns its start time.
    pub(super) fn begin(&mut self) -> u64 {
        let began = self.tick();
        self.under_way.insert(began);
        began
    }

    /// Ends a read, and expires what no remaining read needs.
    pub(super) fn end(&mut self, began: u64) {
        self.under_way.remove(&began);
        let oldest = self.under_way.first().copied().unwrap_or(u64::MAX);
        while let Some(entry) = self.events.first_entry().filter(|entry| *entry.key() < oldest) {
            let (at, events) = entry.remove_entry();
            match events {
                Event::Learned(number) if self.learned.get(&number) == Some(&at) => {
                    self.learned.remove(&number);
                }
                Event::Released(id) if self.released.get(&id) == Some(&at) => {
                    self.released.remove(&id);
                }
                Event::Learned(_) | Event::Released(_) => {}
            }
        }
    }

    /// Applies a row found by a read that started at `began`.
    pub(super) fn take(&mut self, began: u64, found: Found) {
        let Found { number, id, state } = found;
        // Whatever it found, the database has been asked about this number since the restart.
        self.restored.remove(&number);
        let is_newest = !self.learned_since(number, began);
        let cached = self.table.marks(number);
        let is_cached = cached.is_some_and(|(cached, _)| cached == id);
        match state {
            RowState::Released => {
                self.note_release(id);
                if is_cached {
                    self.remove(number, Some(began));
                }
            }
            RowState::Pending if is_cached && is_newest => self.remove(number, Some(began)),
            RowState::Pending if is_cached => self.mark_conflicting(number),
            RowState::Pending => {}
            // Released after the read began: the read saw an older row.
            RowState::TakesCalls(_) if self.released.get(&id).is_some_and(|at| *at > began) => {}
            RowState::TakesCalls(found) => match cached {
                // Nothing new, so that it conflicts with no other read.
                Some((_, marks)) if is_cached && marks == found.marks() => {}
                _ if is_newest => {
                    self.table.set(number, &found);
                    self.version += 1;
                    self.note(number, Some(began));
                }
                // One of the two rows is outdated, and may belong to another tenant: neither may answer calls.
                Some(_) if !is_cached => {
                    self.remove(number, Some(began));
                    self.mark_conflicting(number);
                }
                _ => self.mark_conflicting(number),
            },
        }
    }

    /// Applies the absence of a number found by a read that started at `began`.
    pub(super) fn take_none(&mut self, began: u64, number: u64) {
        if self.table.marks(number).is_some() && self.learned_since(number, began) {
            self.mark_conflicting(number);
        } else {
            self.remove(number, Some(began));
        }
    }

    /// Removes a row that was reported as released.
    pub(super) fn forget(&mut self, id: NumberId) {
        self.note_release(id);
        if let Some(number) = self.table.number_of(id) {
            self.remove(number, None);
        }
    }

    /// Records that every number matched the database at `at`.
    pub(super) fn confirm(&mut self, at: DateTime<Utc>) {
        self.confirmed_at = Some(at);
        // A restored number that no read has found may be gone or belong to another tenant.
        for number in std::mem::take(&mut self.restored) {
            self.mark_conflicting(number);
        }
    }

    /// Loads saved numbers into the empty cache, unless `at` is too long ago. Returns whether they were loaded.
    pub(super) fn restore(
        &mut self,
        numbers: Vec<(u64, CachedNumber)>,
        at: DateTime<Utc>,
        now: DateTime<Utc>,
    ) -> bool {
        if now - at >= TRUSTED_FOR {
            return false;
        }
        for (number, cached) in numbers {
            self.table.set(number, &cached);
            self.restored.insert(number);
        }
        // The saved time: a restart does not extend the trust.
        self.confirmed_at = Some(at);
        true
    }

    pub(super) fn confirmed_at(&self) -> Option<DateTime<Utc>> {
        self.confirmed_at
    }

    pub(super) fn version(&self) -> u64 {
        self.version
    }

    /// Returns one part of the numbers; `None` after the last part.
    pub(super) fn part(&self, nth: usize) -> Option<Vec<(u64, CachedNumber)>> {
        self.table.part(nth)
    }

    /// Whether the cache alone may route calls.
    pub(super) fn is_trusted(&self, now: DateTime<Utc>) -> bool {
        self.confirmed_at.is_some_and(|at| now - at < TRUSTED_FOR)
    }

    /// Returns up to `limit` numbers to be read again.
    pub(super) fn conflicting(&self, limit: usize) -> Vec<u64> {
        self.conflicting.keys().copied().take(limit).collect()
    }

    /// Clears a conflict that is older than a read which has just covered the number.
    pub(super) fn resolve(&mut self, began: u64, number: u64) {
        if self.conflicting.get(&number).is_some_and(|since| *since < began) {
            self.conflicting.remove(&number);
        }
    }

    fn learned_since(&self, number: u64, began: u64) -> bool {
        self.learned.get(&number).is_some_and(|at| *at > began)
    }

    fn remove(&mut self, number: u64, reading: Option<u64>) {
        self.version += u64::from(self.table.remove(number));
        // Noted even if nothing was cached: a read in progress may still bring an older row.
        self.note(number, reading);
    }

    fn mark_conflicting(&mut self, number: u64) {
        let at = self.tick();
        self.conflicting.insert(number, at);
    }

    /// Tells the other reads in progress that this one learned something about the number.
    fn note(&mut self, number: u64, reading: Option<u64>) {
        // Only another read in progress compares its start with this event.
        if self.under_way.iter().any(|other| Some(*other) != reading) {
            let at = self.tick();
            self.learned.insert(number, at);
            self.events.insert(at, Event::Learned(number));
        }
    }

    fn note_release(&mut self, id: NumberId) {
        // Only a read in progress may still find the row as it was.
        if !self.under_way.is_empty() {
            let at = self.tick();
            self.released.insert(id, at);
            self.events.insert(at, Event::Released(id));
        }
    }

    fn tick(&mut self) -> u64 {
        self.now += 1;
        self.now
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use proptest::prelude::*;
    use uuid::Uuid;

    use super::*;
    use crate::domain::{AgentId, AgentStatus, AnsweringAgent, Language, TenantId};

    const NUMBERS: usize = 3;
    const READINGS: usize = 4;

    /// A row as the database has it.
    #[derive(Debug, Clone, Copy, PartialEq)]
    struct Lease {
        id: u128,
        /// Like a transaction id: unique, in no order.
        mark: i64,
        is_released: bool,
    }

    #[derive(Debug, Clone, Copy)]
    enum What {
        /// A number on behalf of a call: finds the row that takes calls, or none.
        Number(usize),
        /// A page of all numbers: finds the row that takes calls.
        Page(usize),
        /// Changed rows in any state: finds every row of a number.
        Rows(usize),
    }

    #[derive(Debug, Clone)]
    struct ReadUnderway {
        began: u64,
        what: What,
        /// What its statement saw, once it has run, and when that was.
        saw: Option<(Vec<Lease>, usize)>,
    }

    #[derive(Debug, Clone, Copy)]
    enum Step {
        Buy(usize),
        Change(usize),
        Release(usize),
        /// The release of the number's last row but so many is reported.
        Hear(usize, usize),
        Begin(usize, What),
        Look(usize),
        End(usize),
        /// The read is abandoned.
        Drop(usize),
    }

    fn step() -> impl Strategy<Value = Step> {
        let what = prop_oneof![
            (0..NUMBERS).prop_map(What::Number),
            (0..NUMBERS).prop_map(What::Page),
            (0..NUMBERS).prop_map(What::Rows),
        ];
        prop_oneof![
            2 => (0..NUMBERS).prop_map(Step::Buy),
            3 => (0..NUMBERS).prop_map(Step::Change),
            2 => (0..NUMBERS).prop_map(Step::Release),
            2 => (0..NUMBERS, 0..2_usize).prop_map(|(number, back)| Step::Hear(number, back)),
            4 => (0..READINGS, what).prop_map(|(reading, what)| Step::Begin(reading, what)),
            4 => (0..READINGS).prop_map(Step::Look),
            4 => (0..READINGS).prop_map(Step::End),
            1 => (0..READINGS).prop_map(Step::Drop),
        ]
    }

    fn found(number: usize, lease: Lease) -> Found {
        let state = if lease.is_released {
            RowState::Released
        } else {
            let agent = AnsweringAgent {
                id: AgentId(Uuid::from_u128(1)),
                tenant_id: TenantId(Uuid::from_u128(lease.id)),
                voice_agent_id: None,
                language: Language::default(),
                fallback_number: None,
                status: AgentStatus::Active,
            };
            RowState::TakesCalls(CachedNumber {
                id: NumberId(Uuid::from_u128(lease.id)),
                agent,
                accounts: crate::domain::NumberAccounts::default(),
                rules: Arc::default(),
                rules_version: 0,
                number_changed: lease.mark,
                agent_changed: 0,
                group: None,
            })
        };
        Found { number: number as u64 + 1, id: NumberId(Uuid::from_u128(lease.id)), state }
    }

    /// The database, the cache, and the times of reads.
    #[derive(Default)]
    struct World {
        state: CacheState,
        leases: [Vec<Lease>; NUMBERS],
        /// When each number last changed, and the latest time for which a read is conclusive about it.
        changed: [usize; NUMBERS],
        read: [usize; NUMBERS],
        at: usize,
        heard: Vec<u128>,
        readings: [Option<ReadUnderway>; READINGS],
    }

    impl World {
        fn live(&self, number: usize) -> Option<Lease> {
            self.leases[number].last().copied().filter(|lease| !lease.is_released)
        }

        fn run(&mut self, step: Step, mark: i64) {
            self.at += 1;
            match step {
                Step::Buy(number) if self.live(number).is_none() => {
                    let lease = Lease { id: self.at as u128, mark, is_released: false };
                    self.leases[number].push(lease);
                    self.changed[number] = self.at;
                }
                Step::Change(number) | Step::Release(number) if self.live(number).is_some() => {
                    let lease = self.leases[number].last_mut().unwrap();
                    (lease.mark, lease.is_released) = (mark, matches!(step, Step::Release(_)));
                    self.changed[number] = self.at;
                }
                Step::Hear(number, back) => {
                    if let Some(lease) = self.leases[number].iter().rev().nth(back).filter(|l| l.is_released)
                    {
                        self.state.forget(NumberId(Uuid::from_u128(lease.id)));
                        self.heard.push(lease.id);
                    }
                }
                Step::Begin(reading, what) if self.readings[reading].is_none() => {
                    self.readings[reading] =
                        Some(ReadUnderway { began: self.state.begin(), what, saw: None });
                }
                Step::Look(reading) => {
                    let Some(ReadUnderway { what, .. }) = self.readings[reading].clone() else { return };
                    let saw = match what {
                        What::Number(number) | What::Page(number) => self.live(number).into_iter().collect(),
                        What::Rows(number) => self.leases[number].clone(),
                    };
                    self.readings[reading].as_mut().unwrap().saw.get_or_insert((saw, self.at));
                }
                Step::End(reading) => {
                    if let Some(ReadUnderway { began, what, saw: Some((saw, at)) }) =
                        self.readings[reading].clone()
                    {
                        self.readings[reading] = None;
                        self.finish(began, what, saw, at);
                    }
                }
                Step::Drop(reading) => {
                    if let Some(ReadUnderway { began, .. }) = self.readings[reading].take() {
                        self.state.end(began);
                    }
                }
                _ => {}
            }
        }

        fn finish(&mut self, began: u64, what: What, saw: Vec<Lease>, at: usize) {
            let (What::Number(number) | What::Page(number) | What::Rows(number)) = what;
            if !saw.is_empty() || matches!(what, What::Number(_)) {
                self.read[number] = self.read[number].max(at);
            }
            if saw.is_empty() && matches!(what, What::Number(_)) {
                self.state.take_none(began, number as u64 + 1);
            }
            for lease in saw {
                self.state.take(began, found(number, lease));
            }
            self.state.end(began);
        }

        fn settle(&mut self) {
            for number in self.state.conflicting(NUMBERS) {
                let at = usize::try_from(number).unwrap() - 1;
                let (began, saw) = (self.state.begin(), self.live(at).into_iter().collect());
                self.at += 1;
                self.state.resolve(began, number);
                self.finish(began, What::Number(at), saw, self.at);
            }
        }

        fn cached(&self, number: usize) -> Option<(u128, i64)> {
            let cached = self.state.get(number as u64 + 1)?;
            Some((cached.id.0.as_u128(), cached.number_changed))
        }
    }

    proptest! {
        #[test]
        fn the_latest_read_is_cached_and_released_rows_never_return(
            steps in prop::collection::vec((step(), any::<u32>()), 1..80),
        ) {
            let mut world = World::default();
            for (n, (step, mark)) in steps.iter().enumerate() {
                world.run(*step, i64::from(*mark) << 8 | i64::try_from(n).unwrap());
                for number in 0..NUMBERS {
                    let cached = world.cached(number);
                    prop_assert!(cached.is_none_or(|(id, _)| !world.heard.contains(&id)), "{cached:?} after {step:?}");
                }
            }
            for reading in 0..READINGS {
                world.run(Step::Look(reading), 0);
                world.run(Step::End(reading), 0);
            }
            world.settle();
            prop_assert!(world.state.conflicting(9).is_empty());
            prop_assert!(world.state.learned.is_empty() && world.state.released.is_empty() && world.state.events.is_empty());
            for number in 0..NUMBERS {
                if world.read[number] >= world.changed[number] {
                    let live = world.live(number).map(|lease| (lease.id, lease.mark));
                    prop_assert_eq!(world.cached(number), live, "number {}", number);
                }
            }
        }
    }
}
