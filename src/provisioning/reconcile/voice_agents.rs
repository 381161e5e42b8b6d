//! Differences of voice agents between the voice provider and the database.

use std::collections::{HashMap, HashSet};

use super::plan::{Busy, Inventories};
use super::plausibility::{Implausible, plausible};
use super::report::{Difference, DifferenceKind, Repair};
use crate::domain::{Agent, AgentId, AgentStatus};
use crate::store::ExpectedInventory;
use crate::voice::VoiceAgent;

impl Inventories {
    /// The differences of voice agents.
    ///
    /// # Errors
    /// [`Implausible`] if too many are missing.
    pub(super) fn voice_agents(
        &self,
        expected: &ExpectedInventory,
        busy: &Busy,
    ) -> Result<Vec<Difference>, Implausible> {
        let rows: HashMap<AgentId, &Agent> = expected.agents.iter().map(|row| (row.id, row)).collect();
        let there: HashSet<&str> =
            self.voice_agents.iter().map(|there| there.voice_agent_id.as_str()).collect();
        let lost = |row: &Agent| {
            let lives = matches!(row.status, AgentStatus::Active | AgentStatus::Inactive);
            lives && row.voice_agent_id.as_ref().is_some_and(|id| !there.contains(id.as_str()))
        };
        let mut differences = Vec::new();
        for found in &self.voice_agents {
            let created_for = found.created_for();
            differences.extend(match created_for.and_then(|id| rows.get(&id)) {
                _ if created_for.is_some_and(|id| busy.agents.contains(&id)) => None,
                // The agent has lost its voice agent; its restoration adopts this one.
                Some(row) if lost(row) => None,
                Some(row) => listed_voice_agent(found, row, &self.without_tool),
                None => Some(foreign_voice_agent(found)),
            });
        }
        let settled: Vec<&Agent> = expected
            .agents
            .iter()
            .filter(|row| row.voice_agent_id.is_some() && !busy.agents.contains(&row.id))
            .collect();
        let missing: Vec<&&Agent> = settled.iter().filter(|row| lost(row)).collect();
        plausible("voice agents", missing.len(), settled.len())?;
        differences.extend(missing.into_iter().map(|row| missing_voice_agent(row)));
        Ok(differences)
    }
}

/// Compares a listed voice agent with its agent; `None` if it is as it should be.
fn listed_voice_agent(found: &VoiceAgent, row: &Agent, without_tool: &HashSet<String>) -> Option<Difference> {
    let detail = match (&row.voice_agent_id, row.status) {
        (_, AgentStatus::Deleted) => "its agent is deleted".to_owned(),
        (Some(id), _) if *id == found.voice_agent_id => {
            let incomplete = || without_tool.contains(id).then(|| incomplete_voice_agent(found, row));
            return found.archived.then(|| archived_voice_agent(found, row)).or_else(incomplete);
        }
        (Some(id), _) => format!("its agent has another voice agent, {id}"),
        // The creation is under way, or failed and is being rolled back.
        (None, _) => return None,
    };
    let orphan = Difference::new(DifferenceKind::OrphanedVoiceAgent, detail);
    Some(
        orphan
            .voice_agent(&found.voice_agent_id)
            .of(row.tenant_id, row.id)
            .repaired_by(Repair::DeleteVoiceAgent),
    )
}

fn archived_voice_agent(found: &VoiceAgent, row: &Agent) -> Difference {
    let detail = "somebody archived it at the voice provider; calls may not reach it".to_owned();
    Difference::new(DifferenceKind::ArchivedVoiceAgent, detail)
        .voice_agent(&found.voice_agent_id)
        .of(row.tenant_id, row.id)
        .repaired_by(Repair::RestoreVoiceAgent)
}

fn incomplete_voice_agent(found: &VoiceAgent, row: &Agent) -> Difference {
    let detail =
        "it answers texts without the tool opt_out, by which it says that a person wants no more".to_owned();
    Difference::new(DifferenceKind::IncompleteVoiceAgent, detail)
        .voice_agent(&found.voice_agent_id)
        .of(row.tenant_id, row.id)
        .repaired_by(Repair::RestoreVoiceAgent)
}

/// A listed voice agent of an agent that the database does not know.
fn foreign_voice_agent(found: &VoiceAgent) -> Difference {
    let detail = "tagged by another installation of this system: not changed".to_owned();
    Difference::new(DifferenceKind::ForeignVoiceAgent, detail).voice_agent(&found.voice_agent_id)
}

/// An agent with a voice agent that is not listed.
fn missing_voice_agent(row: &Agent) -> Difference {
    let detail = "the voice provider does not list it: it was deleted there or has lost its tags".to_owned();
    let missing = Difference::new(DifferenceKind::MissingVoiceAgent, detail);
    let missing = missing.voice_agent(row.voice_agent_id.as_deref().unwrap_or_default());
    missing.of(row.tenant_id, row.id).repaired_by(Repair::RestoreVoiceAgent)
}
