//! Storage of cached numbers: records in chunks with an index by number, and shared values stored once.

use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};
use std::sync::Arc;

use hashbrown::HashTable;
use uuid::Uuid;

use super::group::CachedGroup;
use super::interned::Interned;
use super::record::{Record, SharedKeys, UnusualIds};
use super::{CachedNumber, Marks};
use crate::domain::{NumberAccounts, NumberId, RoutingRules, TenantId};

/// Records in a chunk. A chunk is allocated at once, so that growth neither copies nor doubles memory. Its
/// ids and records take 56 and 256 KiB, which are size classes of the allocator.
const CHUNK: usize = 3584;
/// Shards of the index. Each grows separately, so that a resize holds the cache's lock only briefly.
const PARTS: usize = 64;

/// Table of the numbers that take calls.
#[derive(Debug)]
pub(super) struct Table {
    chunks: Vec<Chunk>,
    /// Slots without a record.
    free: Vec<u32>,
    /// Slot of each number, in shards.
    // Slots only, because each record holds its number: an entry takes four bytes and a control byte.
    index: Vec<HashTable<u32>>,
    hasher: RandomState,
    /// Tenants with the accounts of their numbers: most tenants have all their numbers in one.
    tenants: Interned<(TenantId, NumberAccounts)>,
    /// Routing rules with their versions.
    rules: Interned<(Arc<RoutingRules>, i32)>,
    unusual: UnusualIds,
    /// Call groups by number: few numbers have one.
    groups: HashMap<u64, Arc<CachedGroup>>,
}

#[derive(Debug)]
struct Chunk {
    /// Ids are kept apart from records, so that a search by id reads little memory. Nil in a free slot.
    ids: Vec<Uuid>,
    records: Vec<Record>,
}

impl Default for Table {
    fn default() -> Self {
        Self {
            chunks: Vec::new(),
            free: Vec::new(),
            index: (0..PARTS).map(|_| HashTable::new()).collect(),
            hasher: RandomState::new(),
            tenants: Interned::default(),
            rules: Interned::default(),
            unusual: UnusualIds::default(),
            groups: HashMap::new(),
        }
    }
}

impl Table {
    pub(super) fn len(&self) -> usize {
        self.index.iter().map(HashTable::len).sum()
    }

    /// Unpacks the entry of a number.
    pub(super) fn get(&self, number: u64) -> Option<CachedNumber> {
        let (id, record) = self.at(self.slot_of(number)?)?;
        let (number_changed, agent_changed) = record.marks();
        let shared = record.shared();
        let (tenant, accounts) = self.tenants.get(shared.tenant)?;
        let (rules, rules_version) = self.rules.get(shared.rules)?;
        Some(CachedNumber {
            id: NumberId(id),
            agent: record.agent(*tenant, &self.unusual),
            accounts: *accounts,
            rules: Arc::clone(rules),
            rules_version: *rules_version,
            number_changed,
            agent_changed,
            group: self.groups.get(&number).cloned(),
        })
    }

    /// Returns the numbers in a chunk; `None` after the last chunk.
    pub(super) fn part(&self, nth: usize) -> Option<Vec<(u64, CachedNumber)>> {
        let chunk = self.chunks.get(nth)?;
        let taken = chunk.ids.iter().zip(&chunk.records).filter(|(id, _)| !id.is_nil());
        let numbers = taken.map(|(_, record)| record.number.get());
        Some(numbers.filter_map(|number| Some((number, self.get(number)?))).collect())
    }

    /// Returns the row id and the change marks of a number.
    pub(super) fn marks(&self, number: u64) -> Option<(NumberId, Marks)> {
        let (id, record) = self.at(self.slot_of(number)?)?;
        let (of_number, agent) = record.marks();
        let group = self.groups.get(&number).map(|group| group.mark());
        Some((NumberId(id), Marks { number: of_number, agent, group }))
    }

    /// Finds the number of a row. Scans all ids, which is acceptable because only releases need it.
    pub(super) fn number_of(&self, id: NumberId) -> Option<u64> {
        self.chunks.iter().find_map(|chunk| {
            let at = chunk.ids.iter().position(|known| *known == id.0)?;
            chunk.records.get(at).map(|record| record.number.get())
        })
    }

    /// Inserts or replaces a number.
    pub(super) fn set(&mut self, number: u64, cached: &CachedNumber) {
        let shared = SharedKeys {
            tenant: self.tenants.acquire((cached.agent.tenant_id, cached.accounts)),
            rules: self.rules.acquire((Arc::clone(&cached.rules), cached.rules_version)),
        };
        let marks = (cached.number_changed, cached.agent_changed);
        let record = Record::pack(number, shared, &cached.agent, marks, &mut self.unusual);
        match &cached.group {
            Some(group) => self.groups.insert(number, Arc::clone(group)),
            None => self.groups.remove(&number),
        };
        let id = cached.id.0;
        // The old values are released after the new ones were acquired: a value that both share stays stored.
        if let Some(slot) = self.slot_of(number) {
            self.discard(slot);
            self.put(slot, id, record);
            return;
        }
        let slot = match self.free.pop() {
            Some(slot) => {
                self.put(slot, id, record);
                slot
            }
            None => self.push(id, record),
        };
        let Self { chunks, index, hasher, .. } = self;
        let hash = hasher.hash_one(number);
        let number_at = |slot: &u32| at(chunks, *slot).map_or(0, |(_, record)| record.number.get());
        if let Some(part) = index.get_mut(part(hash)) {
            part.insert_unique(hash, slot, |slot| hasher.hash_one(number_at(slot)));
        }
    }

    /// Removes a number. Returns whether it was present.
    pub(super) fn remove(&mut self, number: u64) -> bool {
        let hash = self.hasher.hash_one(number);
        let Self { chunks, index, .. } = self;
        let is_it = |slot: &u32| at(chunks, *slot).is_some_and(|(_, record)| record.number.get() == number);
        let found =
            index.get_mut(part(hash)).and_then(|part| Some(part.find_entry(hash, is_it).ok()?.remove().0));
        let Some(slot) = found else { return false };
        self.groups.remove(&number);
        self.discard(slot);
        if let Some(id) = self.id_mut(slot) {
            *id = Uuid::nil();
        }
        self.free.push(slot);
        true
    }

    fn slot_of(&self, number: u64) -> Option<u32> {
        let hash = self.hasher.hash_one(number);
        let is_it = |slot: &u32| self.at(*slot).is_some_and(|(_, record)| record.number.get() == number);
        self.index.get(part(hash))?.find(hash, is_it).copied()
    }

    fn at(&self, slot: u32) -> Option<(Uuid, &Record)> {
        at(&self.chunks, slot)
    }

    fn id_mut(&mut self, slot: u32) -> Option<&mut Uuid> {
        let (chunk, at) = position(slot);
        self.chunks.get_mut(chunk)?.ids.get_mut(at)
    }

    fn put(&mut self, slot: u32, id: Uuid, record: Record) {
        let (chunk, at) = position(slot);
        if let Some(Chunk { ids, records }) = self.chunks.get_mut(chunk)
            && let (Some(old_id), Some(old)) = (ids.get_mut(at), records.get_mut(at))
        {
            (*old_id, *old) = (id, record);
        }
    }

    fn push(&mut self, id: Uuid, record: Record) -> u32 {
        if self.chunks.last().is_none_or(|chunk| chunk.ids.len() == CHUNK) {
            let (ids, records) = (Vec::with_capacity(CHUNK), Vec::with_capacity(CHUNK));
            self.chunks.push(Chunk { ids, records });
        }
        let full = (self.chunks.len() - 1) * CHUNK;
        let Some(Chunk { ids, records }) = self.chunks.last_mut() else { return 0 };
        let slot = full + ids.len();
        ids.push(id);
        records.push(record);
        // Cannot overflow: there are fewer than four billion phone numbers in use.
        u32::try_from(slot).unwrap_or(u32::MAX)
    }

    /// Releases the shared values and the unusual id that the record in a slot refers to.
    fn discard(&mut self, slot: u32) {
        let Some((_, record)) = at(&self.chunks, slot) else { return };
        let shared = record.shared();
        record.discard(&mut self.unusual);
        self.tenants.release(shared.tenant);
        self.rules.release(shared.rules);
    }
}

fn at(chunks: &[Chunk], slot: u32) -> Option<(Uuid, &Record)> {
    let (chunk, at) = position(slot);
    let chunk = chunks.get(chunk)?;
    Some((*chunk.ids.get(at)?, chunk.records.get(at)?))
}

fn position(slot: u32) -> (usize, usize) {
    let slot = slot as usize;
    (slot / CHUNK, slot % CHUNK)
}

/// Selects the shard by bits that the shard's own hash table does not use for its buckets.
fn part(hash: u64) -> usize {
    (hash >> 40) as usize % PARTS
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{AgentId, AgentStatus, AnsweringAgent, Language, TenantId};

    fn rules(name: &str) -> Arc<RoutingRules> {
        let rule = serde_json::json!([{ "name": name, "condition": { "when": null, "callers": [] },
            "action": { "kind": "reject" } }]);
        Arc::new(serde_json::from_value(rule).unwrap())
    }

    fn cached(id: u128, rules: Arc<RoutingRules>, voice_agent_id: &str) -> CachedNumber {
        let agent = AnsweringAgent {
            id: AgentId(Uuid::from_u128(id)),
            tenant_id: TenantId(Uuid::from_u128(id % 50)),
            voice_agent_id: Some(voice_agent_id.to_owned()),
            language: Language::default(),
            fallback_number: None,
            status: AgentStatus::Active,
        };
        CachedNumber {
            id: NumberId(Uuid::from_u128(id)),
            agent,
            accounts: NumberAccounts::default(),
            rules,
            rules_version: 3,
            number_changed: 1,
            agent_changed: 2,
            group: None,
        }
    }

    #[test]
    fn entries_are_inserted_replaced_and_removed_without_leaks() {
        let mut table = Table::default();
        for n in 1..=5000_u64 {
            let rules = if n % 2 == 0 { Arc::default() } else { rules(&format!("R{}", n % 10)) };
            table.set(n, &cached(n.into(), rules, &format!("odd {n}")));
        }
        assert_eq!((table.len(), table.rules.len(), table.unusual.len()), (5000, 6, 5000));
        assert_eq!(table.tenants.len(), 50);
        for n in (1..=5000_u64).rev() {
            let found = table.get(n).unwrap();
            assert_eq!(
                (found.id.0.as_u128(), found.agent.tenant_id.0.as_u128(), found.agent.voice_agent_id),
                (n.into(), u128::from(n % 50), Some(format!("odd {n}")))
            );
            assert_eq!(table.number_of(NumberId(Uuid::from_u128(n.into()))), Some(n));
            table.set(n, &cached(u128::from(n) + 9000, Arc::default(), "odd"));
        }
        assert_eq!((table.len(), table.rules.len(), table.tenants.len()), (5000, 1, 50));
        assert_eq!(table.number_of(NumberId(Uuid::from_u128(1))), None);
        for n in 1..=5000 {
            assert!(table.remove(n) && !table.remove(n) && table.get(n).is_none());
        }
        assert_eq!((table.len(), table.unusual.len(), table.free.len()), (0, 0, 5000));
        assert_eq!((table.rules.len(), table.tenants.len()), (0, 0));
        table.set(7, &cached(7, rules("R"), "odd"));
        assert_eq!((table.chunks.len(), table.get(7).unwrap().rules), (2, rules("R")));
    }
}
