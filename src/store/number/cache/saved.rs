//! The routing cache on disk: one line about the whole cache and tenants' dialing rules, then one line for
//! each number. Contains no credentials, but does contain phone numbers and routing rules.
//!
//! Restored entries are trusted as long as the cache itself would have been. They are read again once the
//! database answers, and a number that is not found then becomes conflicting.

use std::collections::HashMap;
use std::io::{self, BufRead, Write};
use std::sync::Arc;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::CachedNumber;
use super::group::{CachedGroup, CachedMember};
use crate::domain::{
    AgentId, AgentStatus, AnsweringAgent, CallGroupId, CallGroupStrategy, CarrierAccountId, DialingOverride,
    E164, Language, NumberAccounts, NumberId, RoutingRules, TenantId,
};
use crate::store::SystemStore;

/// Format version. Incremented when older versions would misread the lines.
const FORMAT: u32 = 1;

#[derive(Debug, Serialize, Deserialize)]
struct Header {
    format: u32,
    /// Host and name of the database that the cache belongs to.
    database: String,
    confirmed_at: DateTime<Utc>,
    #[serde(default)]
    dialings: HashMap<TenantId, DialingOverride>,
}

#[derive(Debug, Serialize, Deserialize)]
struct Entry {
    number: E164,
    id: Uuid,
    number_changed: i64,
    agent: Uuid,
    tenant: Uuid,
    voice_agent_id: Option<String>,
    language: String,
    #[serde(deserialize_with = "as_far_as_readable")]
    fallback_number: Option<E164>,
    status: String,
    agent_changed: i64,
    #[serde(default, deserialize_with = "as_far_as_readable")]
    rules: RoutingRules,
    #[serde(default)]
    rules_version: i32,
    /// The account at the carrier that holds the number; missing: the platform's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    account: Option<Uuid>,
    /// The other account while it is being moved.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    other_account: Option<Uuid>,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    is_moving: bool,
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "as_far_as_readable")]
    group: Option<SavedGroup>,
}

#[derive(Debug, Serialize, Deserialize)]
struct SavedGroup {
    id: Uuid,
    strategy: String,
    members: Vec<SavedMember>,
}

#[derive(Debug, Serialize, Deserialize)]
struct SavedMember {
    agent: Uuid,
    voice_agent_id: Option<String>,
    language: String,
    fallback_number: Option<E164>,
    status: String,
    changed: i64,
    weight: u16,
    max_calls: Option<u16>,
}

impl SavedGroup {
    fn of(group: &CachedGroup) -> Self {
        let member = |member: &CachedMember| SavedMember {
            agent: member.agent.id.0,
            voice_agent_id: member.agent.voice_agent_id.clone(),
            language: member.agent.language.to_string(),
            fallback_number: member.agent.fallback_number.clone(),
            status: member.agent.status.to_string(),
            changed: member.changed,
            weight: member.weight,
            max_calls: member.max_calls,
        };
        Self {
            id: group.id.0,
            strategy: group.strategy.to_string(),
            members: group.members.iter().map(member).collect(),
        }
    }

    fn cached(self, tenant: Uuid) -> CachedGroup {
        let member = |member: SavedMember| CachedMember {
            agent: AnsweringAgent {
                id: AgentId(member.agent),
                tenant_id: TenantId(tenant),
                voice_agent_id: member.voice_agent_id,
                language: member.language.parse().unwrap_or_default(),
                fallback_number: member.fallback_number,
                status: member.status.parse().unwrap_or(AgentStatus::Inactive),
            },
            changed: member.changed,
            weight: member.weight,
            max_calls: member.max_calls,
        };
        CachedGroup {
            id: CallGroupId(self.id),
            strategy: self.strategy.parse().unwrap_or(CallGroupStrategy::Overflow),
            members: self.members.into_iter().map(member).collect(),
        }
    }
}

impl Entry {
    fn of(number: u64, cached: &CachedNumber) -> Option<Self> {
        let agent = &cached.agent;
        Some(Self {
            number: E164::from_digits(number)?,
            id: cached.id.0,
            number_changed: cached.number_changed,
            agent: agent.id.0,
            tenant: agent.tenant_id.0,
            voice_agent_id: agent.voice_agent_id.clone(),
            language: agent.language.to_string(),
            fallback_number: agent.fallback_number.clone(),
            status: agent.status.to_string(),
            agent_changed: cached.agent_changed,
            rules: RoutingRules::clone(&cached.rules),
            rules_version: cached.rules_version,
            account: cached.accounts.owner.map(|account| account.0),
            other_account: cached.accounts.other.flatten().map(|account| account.0),
            is_moving: cached.accounts.is_moving,
            group: cached.group.as_deref().map(SavedGroup::of),
        })
    }

    /// As when reading rows ([`super::reader`]), unreadable values are replaced by defaults.
    fn cached(self) -> (u64, CachedNumber) {
        let language: Language = self.language.parse().unwrap_or_default();
        let status: AgentStatus = self.status.parse().unwrap_or(AgentStatus::Inactive);
        let cached = CachedNumber {
            id: NumberId(self.id),
            agent: AnsweringAgent {
                id: AgentId(self.agent),
                tenant_id: TenantId(self.tenant),
                voice_agent_id: self.voice_agent_id,
                language,
                fallback_number: self.fallback_number,
                status,
            },
            accounts: NumberAccounts {
                owner: self.account.map(CarrierAccountId),
                other: self.is_moving.then_some(self.other_account.map(CarrierAccountId)),
                is_moving: self.is_moving,
            },
            rules: Arc::new(self.rules),
            rules_version: self.rules_version,
            number_changed: self.number_changed,
            agent_changed: self.agent_changed,
            group: self.group.map(|group| Arc::new(group.cached(self.tenant))),
        };
        (self.number.digits(), cached)
    }
}

/// Replaces values that only a newer version can read by their default.
fn as_far_as_readable<'de, T, D>(deserializer: D) -> Result<T, D::Error>
where
    T: serde::de::DeserializeOwned + Default,
    D: serde::Deserializer<'de>,
{
    Ok(serde_json::from_value(serde_json::Value::deserialize(deserializer)?).unwrap_or_default())
}

impl SystemStore {
    /// Number of changes so far to what [`Self::save_numbers`] writes.
    #[must_use]
    pub fn numbers_version(&self) -> u64 {
        self.shared.numbers.lock().version() + self.shared.dialings.version()
    }

    /// Writes the cache, if all numbers have been read. Returns whether they have. Locks only one part at a
    /// time, so that calls are answered meanwhile.
    ///
    /// # Errors
    /// The error of the writer.
    pub fn save_numbers(&self, mut into: impl Write) -> io::Result<bool> {
        // Read first: the numbers below may be newer than it says, but never older.
        let Some(confirmed_at) = self.shared.numbers.lock().confirmed_at() else { return Ok(false) };
        let (database, dialings) = (self.shared.location.clone(), self.shared.dialings.all());
        let header = Header { format: FORMAT, database, confirmed_at, dialings };
        let mut line = |line: serde_json::Result<Vec<u8>>| {
            into.write_all(&line?)?;
            into.write_all(b"\n")
        };
        line(serde_json::to_vec(&header))?;
        for part in 0.. {
            let Some(numbers) = self.shared.numbers.lock().part(part) else { break };
            for saved in numbers.iter().filter_map(|(number, cached)| Entry::of(*number, cached)) {
                line(serde_json::to_vec(&saved))?;
            }
        }
        Ok(true)
    }

    /// Loads what [`Self::save_numbers`] wrote. Returns the number of entries. An unreadable entry is skipped.
    ///
    /// # Errors
    /// The first line is unreadable, of another format or database, or too old to be trusted. Nothing is cached then.
    pub fn restore_numbers(&self, from: impl BufRead) -> io::Result<usize> {
        let mut lines = from.lines();
        let first = lines.next().ok_or(io::ErrorKind::UnexpectedEof)??;
        let header: Header = serde_json::from_str(&first)?;
        // Another database may give the same number to another tenant.
        if header.format != FORMAT || header.database != self.shared.location {
            return Err(io::Error::other("the saved routing cache is from another version or database"));
        }
        // Skipped, not fatal: a newer version may have written the file, and its other numbers can still be
        // answered.
        let (mut restored, mut unreadable) = (Vec::new(), 0_u64);
        for line in lines {
            match serde_json::from_str::<Entry>(&line?) {
                Ok(saved) => restored.push(saved.cached()),
                Err(_) => unreadable += 1,
            }
        }
        if unreadable > 0 {
            tracing::error!(
                unreadable,
                "skipped unreadable entries of the saved routing cache: calls to these numbers are not answered"
            );
        }
        let count = restored.len();
        let now = self.shared.clock.now();
        if !self.shared.numbers.lock().restore(restored, header.confirmed_at, now) {
            return Err(io::Error::other("the saved routing cache is too old"));
        }
        self.shared.dialings.restore(header.dialings);
        Ok(count)
    }
}
