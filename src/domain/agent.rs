//! Voice agents, which answer the calls of a tenant's numbers.

mod token;

pub use token::AgentToken;

use chrono::{DateTime, Utc};

use super::{
    AgentId, AgentMessaging, E164, Language, MessageBody, Refusal, TenantId, bounded_text, text_enum,
};

text_enum! {
    /// Lifecycle state of an agent.
    AgentStatus {
        /// The voice provider's agent is being created.
        Pending = "pending",
        /// Answers the calls to its numbers.
        Active = "active",
        /// Answers no calls: they go to the fallback number or message. Set by the tenant, and while the agent is being deleted.
        Inactive = "inactive",
        /// Deleted at the voice provider. The record is kept as history.
        Deleted = "deleted",
    }
}

text_enum! {
    /// Whether the voice provider has the latest revision of an agent.
    SyncState {
        /// The provider has the latest revision.
        Synced = "synced",
        /// The latest change is not delivered yet. Delivery is retried until it succeeds or is rejected.
        Pending = "pending",
        /// The provider rejected the latest change. It is not retried; the next change is delivered.
        Rejected = "rejected",
    }
}

impl SyncState {
    /// The state of an agent at `revision`. The provider confirmed `synced_revision` and rejected `refused_revision` last.
    #[must_use]
    pub fn of(revision: i32, synced_revision: i32, refused_revision: i32) -> Self {
        // Confirmed before rejected: an agent that was created again has the revision for which an
        // earlier delivery was rejected.
        if synced_revision >= revision {
            Self::Synced
        } else if refused_revision >= revision {
            Self::Rejected
        } else {
            Self::Pending
        }
    }
}

/// A voice agent and its configuration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Agent {
    /// Identifier in this system.
    pub id: AgentId,
    /// The tenant that owns it.
    pub tenant_id: TenantId,
    /// Identifier at the voice provider; `None` until the agent exists there.
    pub voice_agent_id: Option<String>,
    /// The practice's name. The default greeting speaks it.
    pub name: AgentName,
    /// The language of greeting, speech recognition and speech.
    pub language: Language,
    /// The first sentence of a call; `None`: the language's default greeting.
    pub first_message: Option<FirstMessage>,
    /// Instructions for the language model; `None`: the default instructions.
    pub prompt: Option<Prompt>,
    /// The voice provider's voice id; `None`: a stock voice.
    pub voice_id: Option<VoiceId>,
    /// The number a call is forwarded to when the agent cannot take it; `None`: the fallback message is spoken.
    pub fallback_number: Option<E164>,
    /// What happens to the texts that its numbers receive.
    pub messaging: AgentMessaging,
    /// The answer to a text that asks for help; `None`: there is none.
    pub help_text: Option<MessageBody>,
    /// Lifecycle state. The tenant may switch between `Active` and `Inactive`.
    pub status: AgentStatus,
    /// The first characters of the agent's token, to tell tokens apart.
    pub token_preview: String,
    /// Increases with every change that the voice provider must learn of.
    pub revision: i32,
    /// The latest revision that the voice provider has confirmed.
    pub synced_revision: i32,
    /// The latest revision whose content the voice provider rejected.
    pub refused_revision: i32,
    /// The error of the last delivery; `None` once the provider has the latest revision.
    pub sync_error: Option<Refusal>,
    /// Time of the request that created it.
    pub created_at: DateTime<Utc>,
    /// Time of the last change to the record.
    pub updated_at: DateTime<Utc>,
}

impl Agent {
    /// Whether the voice provider has the latest revision.
    #[must_use]
    pub fn sync_state(&self) -> SyncState {
        SyncState::of(self.revision, self.synced_revision, self.refused_revision)
    }

    /// The first sentence of a call: the tenant's own, or the language's default greeting with the agent's name.
    #[must_use]
    pub fn greeting(&self) -> String {
        match &self.first_message {
            Some(message) => message.to_string(),
            None => self.language.greeting(self.name.as_str()),
        }
    }
}

/// The part of an agent that answering a call needs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AnsweringAgent {
    /// Identifier in this system.
    pub id: AgentId,
    /// The tenant that owns it.
    pub tenant_id: TenantId,
    /// Identifier at the voice provider; `None` until the agent exists there.
    pub voice_agent_id: Option<String>,
    /// The language of the fallback message.
    pub language: Language,
    /// The number a call is forwarded to when the agent cannot take it.
    pub fallback_number: Option<E164>,
    /// Lifecycle state. Only an active agent answers calls.
    pub status: AgentStatus,
}

impl AnsweringAgent {
    /// Whether it can answer a call.
    #[must_use]
    pub fn is_ready(&self) -> bool {
        self.status == AgentStatus::Active && self.voice_agent_id.is_some()
    }

    /// The agent as a number in the tenant's pool has it, whose last agent it was: it answers no call.
    #[must_use]
    pub fn withdrawn(self) -> Self {
        Self { voice_agent_id: None, fallback_number: None, status: AgentStatus::Deleted, ..self }
    }
}

// Name, greeting and prompt are left out: the routing cache holds every agent in memory, and a prompt may be long.
impl From<&Agent> for AnsweringAgent {
    fn from(agent: &Agent) -> Self {
        Self {
            id: agent.id,
            tenant_id: agent.tenant_id,
            voice_agent_id: agent.voice_agent_id.clone(),
            language: agent.language,
            fallback_number: agent.fallback_number.clone(),
            status: agent.status,
        }
    }
}

bounded_text! {
    /// An agent's name: 1 to 100 characters. The default greeting speaks it.
    AgentName, "name", 100
}
bounded_text! {
    /// The first sentence of a call: 1 to 2,000 characters.
    FirstMessage, "first message", 2000
}
bounded_text! {
    /// Instructions for the language model: 1 to 20,000 characters.
    Prompt, "prompt", 20000
}
bounded_text! {
    /// A voice id at the voice provider: opaque, 1 to 64 characters.
    VoiceId, "voice id", 64
}
