//! Differences of voice agents between the voice provider and the database.

use super::report::{Difference, DifferenceKind, Repair};
use crate::domain::{Agent, AgentStatus};
use crate::voice::VoiceAgent;

/// Compares a listed voice agent with its agent; `None` if it is as it should be.
pub(super) fn listed_voice_agent(found: &VoiceAgent, row: &Agent) -> Option<Difference> {
    let detail = match (&row.voice_agent_id, row.status) {
        (_, AgentStatus::Deleted) => "its agent is deleted".to_owned(),
        (Some(id), _) if *id == found.voice_agent_id => {
            return found.archived.then(|| archived_voice_agent(found, row));
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

/// A listed voice agent of an agent that the database does not know.
pub(super) fn foreign_voice_agent(found: &VoiceAgent) -> Difference {
    let detail = "tagged by another installation of this system: not changed".to_owned();
    Difference::new(DifferenceKind::ForeignVoiceAgent, detail).voice_agent(&found.voice_agent_id)
}

/// An agent with a voice agent that is not listed.
pub(super) fn missing_voice_agent(row: &Agent) -> Difference {
    let detail = "the voice provider does not list it: it was deleted there or has lost its tags".to_owned();
    let missing = Difference::new(DifferenceKind::MissingVoiceAgent, detail);
    let missing = missing.voice_agent(row.voice_agent_id.as_deref().unwrap_or_default());
    missing.of(row.tenant_id, row.id).repaired_by(Repair::RestoreVoiceAgent)
}
