//! The numbers that take calls, as they were last read: whose each is, who answers, and by which rules.
//!
//! A call is decided before its record is written, by the rules known here; the record is written only if they still
//! hold. So a call costs one statement, and a few more when its number's rules have changed since the last one. While
//! the database does not answer, this alone says where calls go.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use chrono::{DateTime, TimeDelta, Utc};
use sea_orm::{ColumnTrait, Condition, EntityTrait, QueryFilter, QueryOrder, QuerySelect};

use super::{answering, takes_calls};
use crate::domain::{AnsweringAgent, E164, NumberId, PhoneNumber, RoutingRules};
use crate::store::entities::{self, agent, phone_number};
use crate::store::{StoreError, SystemStore};

/// For so long after all numbers were last read they are trusted. Far shorter than a number rests, once it is given back,
/// before it serves another client.
const KNOWN_FOR: TimeDelta = TimeDelta::hours(24);
/// Numbers read in one statement.
const AT_ONCE: u64 = 1000;

/// A number that takes calls.
#[derive(Debug, Clone)]
pub(in crate::store) struct KnownNumber {
    pub(in crate::store) id: NumberId,
    pub(in crate::store) agent: AnsweringAgent,
    pub(in crate::store) rules: RoutingRules,
    version: i32,
}

/// The numbers that take calls.
#[derive(Debug, Default)]
pub(in crate::store) struct KnownNumbers(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    numbers: HashMap<E164, Arc<KnownNumber>>,
    /// When all of them were last read.
    read_at: Option<DateTime<Utc>>,
    /// Those of which something was learnt since a reading of all began, which may know older things of them.
    learnt: HashSet<E164>,
}

/// What must hold of the number's row for a decision by these rules to stand; of a number that is not known it is held
/// that it has none.
pub(in crate::store) fn still_holds(known: Option<&KnownNumber>) -> Condition {
    let version = phone_number::Column::RoutingVersion;
    match known {
        Some(known) => {
            Condition::all().add(phone_number::Column::Id.eq(known.id.0)).add(version.eq(known.version))
        }
        None => Condition::all().add(version.eq(0)),
    }
}

impl KnownNumbers {
    pub(in crate::store) fn of(&self, number: &E164) -> Option<Arc<KnownNumber>> {
        self.lock().numbers.get(number).cloned()
    }

    /// The number has been given back.
    pub(in crate::store) fn forget(&self, id: NumberId) {
        let mut state = self.lock();
        let State { numbers, learnt, .. } = &mut *state;
        learnt.extend(numbers.extract_if(|_, known| known.id == id).map(|(number, _)| number));
    }

    /// A call was let in by the rules known here: its agent is the one the database has.
    pub(in crate::store) fn met(&self, number: &E164, id: NumberId, agent: &AnsweringAgent) {
        let mut state = self.lock();
        let known = match state.numbers.get(number) {
            Some(known) if known.agent == *agent => return,
            Some(known) => KnownNumber { agent: agent.clone(), ..KnownNumber::clone(known) },
            None => KnownNumber { id, agent: agent.clone(), rules: RoutingRules::default(), version: 0 },
        };
        state.learn(number.clone(), Some(known));
    }

    fn learn(&self, number: E164, read: Option<KnownNumber>) {
        self.lock().learn(number, read);
    }

    /// A reading of all begins.
    fn begin(&self) {
        self.lock().learnt.clear();
    }

    /// A reading of all that began at `at` is complete.
    fn replace(&self, read: HashMap<E164, Arc<KnownNumber>>, at: DateTime<Utc>) {
        let mut state = self.lock();
        let State { numbers, read_at, learnt } = &mut *state;
        let newer: Vec<_> = learnt
            .drain()
            .map(|number| {
                let known = numbers.remove(&number);
                (number, known)
            })
            .collect();
        *numbers = read;
        for (number, known) in newer {
            match known {
                Some(known) => drop(numbers.insert(number, known)),
                None => drop(numbers.remove(&number)),
            }
        }
        *read_at = Some(at);
    }

    fn are_good(&self, now: DateTime<Utc>) -> bool {
        self.lock().read_at.is_some_and(|read_at| now - read_at < KNOWN_FOR)
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn learn(&mut self, number: E164, read: Option<KnownNumber>) {
        match read {
            Some(known) => drop(self.numbers.insert(number.clone(), Arc::new(known))),
            None => drop(self.numbers.remove(&number)),
        }
        self.learnt.insert(number);
    }
}

impl SystemStore {
    /// Whether calls can be routed without the database: all numbers were read, and not too long ago.
    #[must_use]
    pub fn knows_numbers(&self) -> bool {
        self.shared.known.are_good(self.shared.clock.now())
    }

    /// Reads every number that takes calls.
    ///
    /// # Errors
    /// [`StoreError`]: what was known before is kept.
    pub async fn learn_numbers(&self) -> Result<(), StoreError> {
        let (began, mut read, mut after) = (self.shared.clock.now(), HashMap::new(), None);
        self.shared.known.begin();
        loop {
            let rows = phone_number::Entity::find()
                .filter(answering())
                .filter(Condition::all().add_option(after.map(|id| phone_number::Column::Id.gt(id))))
                .order_by_asc(phone_number::Column::Id)
                .limit(AT_ONCE)
                .all(self.db())
                .await?;
            let Some(last) = rows.last() else { break };
            after = Some(last.id);
            let known = self.with_agents(entities::all(rows)?).await?;
            read.extend(known.into_iter().map(|(number, known)| (number, Arc::new(known))));
        }
        self.shared.known.replace(read, began);
        Ok(())
    }

    /// Reads a number; whether it is one of ours that takes calls.
    pub(in crate::store) async fn learn_number(&self, number: &E164) -> Result<bool, StoreError> {
        let rows = phone_number::Entity::find().filter(takes_calls(number)).all(self.db()).await?;
        let known = self.with_agents(entities::all(rows)?).await?.pop();
        let takes_calls = known.is_some();
        self.shared.known.learn(number.clone(), known.map(|(_, known)| known));
        Ok(takes_calls)
    }

    /// Reads a number that changed.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn learn_changed_number(&self, id: NumberId) -> Result<(), StoreError> {
        if let Some(changed) = self.number(id).await? {
            self.learn_number(&changed.number).await?;
        }
        Ok(())
    }

    async fn with_agents(&self, numbers: Vec<PhoneNumber>) -> Result<Vec<(E164, KnownNumber)>, StoreError> {
        let ids = numbers.iter().map(|number| number.agent_id.0);
        let rows = agent::Entity::find()
            .filter(agent::Column::Id.is_in(ids))
            .select_only()
            .columns(agent::AnsweringRow::COLUMNS)
            .into_model::<agent::AnsweringRow>()
            .all(self.db())
            .await?;
        let agents: HashMap<_, AnsweringAgent> =
            entities::all(rows)?.into_iter().map(|agent: AnsweringAgent| (agent.id, agent)).collect();
        let with_agent = |number: PhoneNumber| {
            let agent = agents.get(&number.agent_id)?.clone();
            let PhoneNumber { id, number, routing_rules, routing_version, .. } = number;
            Some((number, KnownNumber { id, agent, rules: routing_rules, version: routing_version }))
        };
        Ok(numbers.into_iter().filter_map(with_agent).collect())
    }
}
