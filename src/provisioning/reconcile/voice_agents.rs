//! How a voice agent at the voice provider, or in the database, differs from what it should be.

use super::report::{Difference, DifferenceKind, Repair};
use crate::domain::{Agent, AgentStatus};
use crate::voice::VoiceAgent;

/// A voice agent whose agent is known: `None` when it is the agent's one.
pub(super) fn surplus(found: &VoiceAgent, row: &Agent) -> Option<Difference> {
    let detail = match (&row.voice_agent_id, row.status) {
        (_, AgentStatus::Deleted) => "its agent is deleted".to_owned(),
        (Some(id), _) if *id == found.voice_agent_id => return None,
        (Some(id), _) => format!("its agent has another one, {id}"),
        // Its creation is under way, or ended badly and is being cleaned up.
        (None, _) => return None,
    };
    let orphan = Difference::new(DifferenceKind::OrphanedVoiceAgent, detail);
    Some(
        orphan
            .voice_agent(&found.voice_agent_id)
            .of(row.tenant_id, row.id)
            .mended_by(Repair::DeleteVoiceAgent),
    )
}

/// A voice agent whose agent the database does not know.
pub(super) fn foreign_voice_agent(found: &VoiceAgent) -> Difference {
    let detail = "tagged by another installation of this system: it is left alone".to_owned();
    Difference::new(DifferenceKind::ForeignVoiceAgent, detail).voice_agent(&found.voice_agent_id)
}

/// An agent whose voice agent is not listed.
pub(super) fn missing_voice_agent(row: &Agent) -> Difference {
    let detail = "the voice provider does not list it: deleted there, or without its tags".to_owned();
    let missing = Difference::new(DifferenceKind::MissingVoiceAgent, detail);
    let missing = missing.voice_agent(row.voice_agent_id.as_deref().unwrap_or_default());
    missing.of(row.tenant_id, row.id).mended_by(Repair::RestoreVoiceAgent)
}
