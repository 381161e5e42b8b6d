//! A voice agent: who answers a practice's calls.

mod token;

pub use token::AgentToken;

use std::fmt;
use std::str::FromStr;

use chrono::{DateTime, Utc};

use super::{AgentId, E164, Invalid, Language, Refusal, TenantId, is_blank, text_enum};

text_enum! {
    /// Where an agent is in its life.
    AgentStatus {
        /// Being created at the voice provider.
        Pending = "pending",
        /// Takes calls.
        Active = "active",
        /// Exists, but takes no calls: they go to the fallback number. Set by its owner, or while it is deleted.
        Inactive = "inactive",
        /// Gone at the voice provider; kept as history.
        Deleted = "deleted",
    }
}

text_enum! {
    /// Whether the voice provider has an agent as it is here.
    SyncState {
        /// It has.
        Synced = "synced",
        /// The latest change is still to be delivered.
        Pending = "pending",
        /// The provider rejected the latest change. It is not delivered again; the next change is.
        Rejected = "rejected",
    }
}

impl SyncState {
    /// The state of an agent at `revision`.
    #[must_use]
    pub fn of(revision: i32, synced_revision: i32, refused_revision: i32) -> Self {
        if synced_revision >= revision {
            Self::Synced
        } else if refused_revision >= revision {
            Self::Rejected
        } else {
            Self::Pending
        }
    }
}

/// A voice agent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Agent {
    /// Its id here.
    pub id: AgentId,
    /// Whose it is.
    pub tenant_id: TenantId,
    /// Its id at the voice provider, once it exists there.
    pub voice_agent_id: Option<String>,
    /// The practice's name, as callers hear it.
    pub name: AgentName,
    /// What it speaks.
    pub language: Language,
    /// What it says first; without one it greets in its language with its name.
    pub first_message: Option<FirstMessage>,
    /// How it should behave.
    pub prompt: Option<Prompt>,
    /// The provider's voice; without one, the provider's stock voice.
    pub voice_id: Option<VoiceId>,
    /// Where a call goes when the voice agent cannot take it.
    pub fallback_number: Option<E164>,
    /// Where it is in its life.
    pub status: AgentStatus,
    /// The first characters of its token, for telling tokens apart.
    pub token_preview: String,
    /// Counts changes to what the voice provider knows.
    pub revision: i32,
    /// The last revision the voice provider is known to have.
    pub synced_revision: i32,
    /// The last revision that the voice provider rejected for its content.
    pub refused_revision: i32,
    /// Why the voice provider does not have the latest revision: what the last delivery met.
    pub sync_error: Option<Refusal>,
    /// When it was asked for.
    pub created_at: DateTime<Utc>,
    /// When anything about it last changed.
    pub updated_at: DateTime<Utc>,
}

impl Agent {
    /// Whether the voice provider has it as it is here.
    #[must_use]
    pub fn sync_state(&self) -> SyncState {
        SyncState::of(self.revision, self.synced_revision, self.refused_revision)
    }

    /// What it says first.
    #[must_use]
    pub fn greeting(&self) -> String {
        match &self.first_message {
            Some(message) => message.to_string(),
            None => self.language.greeting(self.name.as_str()),
        }
    }
}

/// As much of an agent as answering a call needs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AnsweringAgent {
    /// The agent.
    pub id: AgentId,
    /// The tenant that owns it.
    pub tenant_id: TenantId,
    /// Its id at the voice provider; `None` until it exists there.
    pub voice_agent_id: Option<String>,
    /// The language it speaks.
    pub language: Language,
    /// Where a call goes when the voice agent cannot take it.
    pub fallback_number: Option<E164>,
    /// Lifecycle state. Only an active agent takes calls.
    pub status: AgentStatus,
}

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

macro_rules! bounded_text {
    ($(#[$doc:meta])* $name:ident, $what:literal, $max:literal) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq)]
        pub struct $name(String);

        impl $name {
            /// The longest it may be, in characters.
            pub const MAX_CHARS: usize = $max;

            /// The text, without white space at its ends.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl FromStr for $name {
            type Err = Invalid;

            fn from_str(text: &str) -> Result<Self, Invalid> {
                let text = text.trim();
                let length = text.chars().count();
                if length == 0 || length > Self::MAX_CHARS {
                    return Err(Invalid::new(format!(
                        concat!("the ", $what, " has 1 to {} characters, this one has {}"),
                        Self::MAX_CHARS, length
                    )));
                }
                if is_blank(text) {
                    return Err(Invalid::new(concat!("the ", $what, " has no visible character: write some")));
                }
                if text.chars().any(|c| c.is_control() && c != '\n' && c != '\t') {
                    return Err(Invalid::new(concat!("the ", $what, " must not hold control characters")));
                }
                Ok(Self(text.to_owned()))
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

bounded_text! {
    /// An agent's name: 1 to 100 characters, as callers hear it.
    AgentName, "name", 100
}
bounded_text! {
    /// What an agent says first: 1 to 2000 characters.
    FirstMessage, "first message", 2000
}
bounded_text! {
    /// How an agent should behave: 1 to 20 000 characters.
    Prompt, "prompt", 20000
}
bounded_text! {
    /// A voice at the voice provider: opaque, 1 to 64 characters.
    VoiceId, "voice id", 64
}
