//! Compact form of a cached number: a server may hold a million.

use slab::Slab;
use uuid::Uuid;

use crate::domain::{AgentId, AgentStatus, AnsweringAgent, E164, Language, TenantId};

/// Form of most ids of the voice provider: the prefix, then 28 lower-case letters and digits.
const USUAL_PREFIX: &str = "agent_";
const USUAL_LENGTH: usize = 28;
const ALPHABET: &[u8; 36] = b"0123456789abcdefghijklmnopqrstuvwxyz";
/// Each character takes six bits.
const PACKED_LENGTH: usize = USUAL_LENGTH * 6 / 8;
/// Values of the first byte that no packed id has: an index of 63 does not occur in the alphabet.
const NO_ID: u8 = 0xff;
const UNUSUAL_ID: u8 = 0xfe;

/// An unsigned integer of `N` bytes, without alignment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Bytes<const N: usize>([u8; N]);

impl<const N: usize> Bytes<N> {
    /// Keeps the low `N` bytes.
    pub(super) fn new(number: u64) -> Self {
        let mut bytes = [0; N];
        bytes.copy_from_slice(&number.to_be_bytes()[8 - N..]);
        Self(bytes)
    }

    pub(super) fn get(self) -> u64 {
        self.0.iter().fold(0, |number, byte| number << 8 | u64::from(*byte))
    }
}

/// Packs a change mark. Transaction ids stay below 48 bits for 89 years at 100,000 a second.
fn mark(changed: i64) -> Bytes<6> {
    Bytes::new(changed.unsigned_abs())
}

fn unmark(mark: Bytes<6>) -> i64 {
    i64::try_from(mark.get()).unwrap_or_default()
}

/// A number that takes calls and its agent. All fields are byte arrays, so that no padding is needed.
#[derive(Debug, Clone, Copy)]
pub(super) struct Record {
    // E.164 has at most 15 digits, and 10^15 is below 2^56.
    pub(super) number: Bytes<7>,
    number_changed: Bytes<6>,
    agent_changed: Bytes<6>,
    /// Fallback number as digits; 0 if there is none.
    fallback: Bytes<7>,
    tenant: Bytes<4>,
    rules: Bytes<4>,
    agent: Uuid,
    voice_agent_id: [u8; PACKED_LENGTH],
    language: u8,
    status: u8,
}

/// Keys of values shared with other numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct SharedKeys {
    pub(super) tenant: u32,
    /// Key of the routing rules with their version.
    pub(super) rules: u32,
}

/// Voice agent ids in an unusual form.
pub(super) type UnusualIds = Slab<Box<str>>;

impl Record {
    /// Packs a number. An unusual voice agent id is stored in `unusual`.
    pub(super) fn pack(
        number: u64,
        shared: SharedKeys,
        agent: &AnsweringAgent,
        (number_changed, agent_changed): (i64, i64),
        unusual: &mut UnusualIds,
    ) -> Self {
        Self {
            number: Bytes::new(number),
            number_changed: mark(number_changed),
            agent_changed: mark(agent_changed),
            fallback: Bytes::new(agent.fallback_number.as_ref().map_or(0, E164::digits)),
            tenant: Bytes::new(shared.tenant.into()),
            rules: Bytes::new(shared.rules.into()),
            agent: agent.id.0,
            voice_agent_id: pack_id(agent.voice_agent_id.as_deref(), unusual),
            language: position(Language::all(), &agent.language),
            status: position(AgentStatus::ALL.iter().copied(), &agent.status),
        }
    }

    /// Returns the agent, which belongs to `tenant_id`.
    pub(super) fn agent(&self, tenant_id: TenantId, unusual: &UnusualIds) -> AnsweringAgent {
        let fallback = self.fallback.get();
        AnsweringAgent {
            id: AgentId(self.agent),
            tenant_id,
            voice_agent_id: unpack_id(&self.voice_agent_id, unusual),
            language: Language::all().nth(usize::from(self.language)).unwrap_or_default(),
            fallback_number: (fallback > 0).then(|| E164::from_digits(fallback)).flatten(),
            status: AgentStatus::ALL.get(usize::from(self.status)).copied().unwrap_or(AgentStatus::Inactive),
        }
    }

    /// Returns the keys of shared values.
    pub(super) fn shared(&self) -> SharedKeys {
        let key = |bytes: Bytes<4>| u32::from_be_bytes(bytes.0);
        SharedKeys { tenant: key(self.tenant), rules: key(self.rules) }
    }

    /// Returns the change marks of the number's and the agent's rows.
    pub(super) fn marks(&self) -> (i64, i64) {
        (unmark(self.number_changed), unmark(self.agent_changed))
    }

    /// Removes the unusual id that the record refers to, if any. Call it before dropping the record.
    pub(super) fn discard(&self, unusual: &mut UnusualIds) {
        if let Some(key) = unusual_key(&self.voice_agent_id) {
            unusual.try_remove(key);
        }
    }
}

fn position<T: PartialEq>(mut among: impl Iterator<Item = T>, value: &T) -> u8 {
    // Always found: both lists hold every value, and have fewer than 256.
    among.position(|one| one == *value).and_then(|at| u8::try_from(at).ok()).unwrap_or_default()
}

fn pack_id(id: Option<&str>, unusual: &mut UnusualIds) -> [u8; PACKED_LENGTH] {
    let mut packed = [0; PACKED_LENGTH];
    let Some(id) = id else {
        packed[0] = NO_ID;
        return packed;
    };
    if let Some(usual) = pack_usual(id) {
        return usual;
    }
    packed[0] = UNUSUAL_ID;
    packed[1..9].copy_from_slice(&(unusual.insert(id.into()) as u64).to_be_bytes());
    packed
}

fn pack_usual(id: &str) -> Option<[u8; PACKED_LENGTH]> {
    let rest = id.strip_prefix(USUAL_PREFIX).filter(|rest| rest.len() == USUAL_LENGTH)?;
    let mut packed = [0; PACKED_LENGTH];
    // Four characters of six bits fill three bytes.
    for (four, three) in rest.as_bytes().chunks_exact(4).zip(packed.chunks_exact_mut(3)) {
        let mut bits = 0_u32;
        for byte in four {
            let code = ALPHABET.iter().position(|known| known == byte)?;
            bits = bits << 6 | u32::try_from(code).ok()?;
        }
        three.copy_from_slice(&bits.to_be_bytes()[1..]);
    }
    Some(packed)
}

fn unpack_id(packed: &[u8; PACKED_LENGTH], unusual: &UnusualIds) -> Option<String> {
    if packed[0] == NO_ID {
        return None;
    }
    if let Some(key) = unusual_key(packed) {
        return unusual.get(key).map(ToString::to_string);
    }
    let mut id = String::with_capacity(USUAL_PREFIX.len() + USUAL_LENGTH);
    id.push_str(USUAL_PREFIX);
    for three in packed.chunks_exact(3) {
        let bits = three.iter().fold(0_usize, |bits, byte| bits << 8 | usize::from(*byte));
        for shift in [18, 12, 6, 0] {
            id.push(char::from(ALPHABET.get(bits >> shift & 63).copied().unwrap_or(b'?')));
        }
    }
    Some(id)
}

fn unusual_key(packed: &[u8; PACKED_LENGTH]) -> Option<usize> {
    let key = Bytes::<8>(packed.get(1..9)?.try_into().ok()?).get();
    (packed[0] == UNUSUAL_ID).then(|| usize::try_from(key).ok()).flatten()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_record_takes_73_bytes() {
        assert_eq!(size_of::<Record>(), 73);
    }

    proptest! {
        #[test]
        fn unpacking_restores_what_was_packed(
            voice_agent_id in prop_oneof![Just(None), "agent_[0-9a-z]{28}".prop_map(Some), "\\PC{0,40}".prop_map(Some)],
            fallback in prop::option::of("\\+49[0-9]{5,13}"),
            status in prop::sample::select(AgentStatus::ALL),
            language in prop::sample::select(Language::all().collect::<Vec<_>>()),
            marks in (0..1_i64 << 48, 0..1_i64 << 48),
        ) {
            let agent = AnsweringAgent {
                id: AgentId(Uuid::from_u128(7)),
                tenant_id: TenantId(Uuid::from_u128(8)),
                voice_agent_id,
                language,
                fallback_number: fallback.map(|number| number.parse().unwrap()),
                status,
            };
            let mut unusual = UnusualIds::default();
            let shared = SharedKeys { tenant: 70_000, rules: 9 };
            let record = Record::pack(4_930_123_456, shared, &agent, marks, &mut unusual);
            prop_assert_eq!(record.agent(agent.tenant_id, &unusual), agent);
            prop_assert_eq!((record.number.get(), record.shared()), (4_930_123_456, shared));
            prop_assert_eq!(record.marks(), marks);
            record.discard(&mut unusual);
            prop_assert!(unusual.is_empty());
        }
    }
}
