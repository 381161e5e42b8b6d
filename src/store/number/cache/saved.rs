//! The cache as it outlives the server: a line about the whole of it and about tenants' dialing, then one for each number. No secret is in there, but
//! numbers and what is said to callers are.
//!
//! What was restored is trusted as long as the cache itself would have been. It is read again as soon as the database
//! answers, and a number that was not found there then is in doubt.

use std::collections::HashMap;
use std::io::{self, BufRead, Write};
use std::sync::Arc;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::CachedNumber;
use crate::domain::{
    AgentId, AgentStatus, AnsweringAgent, DialingOverride, E164, Language, NumberId, RoutingRules, TenantId,
};
use crate::store::SystemStore;

/// Counts up whenever lines are written that older versions would misread.
const FORMAT: u32 = 1;

#[derive(Debug, Serialize, Deserialize)]
struct Whole {
    format: u32,
    /// Which database it is of.
    database: String,
    confirmed_at: DateTime<Utc>,
    #[serde(default)]
    dialings: HashMap<TenantId, DialingOverride>,
}

#[derive(Debug, Serialize, Deserialize)]
struct Saved {
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
}

impl Saved {
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
        })
    }

    /// As from its row ([`super::reader`]), what cannot be read is passed over.
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
            rules: Arc::new(self.rules),
            rules_version: self.rules_version,
            number_changed: self.number_changed,
            agent_changed: self.agent_changed,
        };
        (self.number.digits(), cached)
    }
}

/// What a newer version has written may be unreadable: its default then.
fn as_far_as_readable<'de, T, D>(deserializer: D) -> Result<T, D::Error>
where
    T: serde::de::DeserializeOwned + Default,
    D: serde::Deserializer<'de>,
{
    Ok(serde_json::from_value(serde_json::Value::deserialize(deserializer)?).unwrap_or_default())
}

impl SystemStore {
    /// Counts the changes of what [`Self::save_numbers`] writes.
    #[must_use]
    pub fn numbers_version(&self) -> u64 {
        self.shared.numbers.lock().version() + self.shared.dialings.version()
    }

    /// Writes the cache out, as it is once all numbers were read. Returns whether they were. Calls are answered meanwhile.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn save_numbers(&self, mut into: impl Write) -> io::Result<bool> {
        let Some(confirmed_at) = self.shared.numbers.lock().confirmed_at() else { return Ok(false) };
        let (database, dialings) = (self.shared.place.clone(), self.shared.dialings.all());
        let whole = Whole { format: FORMAT, database, confirmed_at, dialings };
        let mut line = |line: serde_json::Result<Vec<u8>>| {
            into.write_all(&line?)?;
            into.write_all(b"\n")
        };
        line(serde_json::to_vec(&whole))?;
        for part in 0.. {
            let Some(numbers) = self.shared.numbers.lock().part(part) else { break };
            for saved in numbers.iter().filter_map(|(number, cached)| Saved::of(*number, cached)) {
                line(serde_json::to_vec(&saved))?;
            }
        }
        Ok(true)
    }

    /// Reads back what [`Self::save_numbers`] wrote. Returns how many numbers there are. One that cannot be read costs the
    /// others nothing.
    ///
    /// # Errors
    /// When the first line is unreadable, of another format or database, or too old to be trusted: nothing is cached then.
    pub fn restore_numbers(&self, from: impl BufRead) -> io::Result<usize> {
        let mut lines = from.lines();
        let first = lines.next().ok_or(io::ErrorKind::UnexpectedEof)??;
        let whole: Whole = serde_json::from_str(&first)?;
        if whole.format != FORMAT || whole.database != self.shared.place {
            return Err(io::Error::other("the saved routing cache is of another version or database"));
        }
        let (mut restored, mut unreadable) = (Vec::new(), 0_u64);
        for line in lines {
            match serde_json::from_str::<Saved>(&line?) {
                Ok(saved) => restored.push(saved.cached()),
                Err(_) => unreadable += 1,
            }
        }
        if unreadable > 0 {
            tracing::error!(
                unreadable,
                "numbers of the saved routing cache cannot be read and are not answered"
            );
        }
        let count = restored.len();
        let now = self.shared.clock.now();
        if !self.shared.numbers.lock().restore(restored, whole.confirmed_at, now) {
            return Err(io::Error::other("the saved routing cache is too old"));
        }
        self.shared.dialings.restore(whole.dialings);
        Ok(count)
    }
}
