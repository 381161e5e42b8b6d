//! ElevenLabs: the client of its REST API for agents, calls and conversations, text conversations, and the signature of its events.
//!
//! An agent at ElevenLabs carries our agent id in its tags, so that it can be found after an unknown outcome of its creation.
//! Every request has a deadline, and every failure belongs to one of three classes ([`VoiceError`]).

mod agents;
mod calls;
mod client;
mod conversations;
mod endpoint;
mod error;
mod events;
mod profile;
mod prompt;
mod signature;
mod texts;
mod tools;

pub use agents::CreatedAgent;
pub use client::{Voice, VoiceConfig};
pub use conversations::Conversation;
pub use error::{Rejection, VoiceError};
pub use events::{EventHead, VoiceEvent};
pub use signature::EventSignature;
pub use texts::{TextAnswer, TextsToAnswer};

use crate::domain::{AgentId, E164};

/// An agent in the voice provider's list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VoiceAgent {
    /// The provider's id of the agent.
    pub voice_agent_id: String,
    /// Its name at the provider.
    pub name: String,
    /// Its tags, including ours.
    pub tags: Vec<String>,
    /// Whether somebody archived it at the provider.
    pub archived: bool,
}

impl VoiceAgent {
    /// Our agent that it was created for, read from its tags.
    #[must_use]
    pub fn created_for(&self) -> Option<AgentId> {
        self.tags.iter().find_map(|tag| profile::agent_of(tag))
    }
}

/// A call to connect to an agent.
#[derive(Debug, Clone)]
pub struct CallToRegister<'a> {
    /// The provider's id of the agent.
    pub voice_agent_id: &'a str,
    /// The caller, as the carrier sent it.
    pub from: &'a str,
    /// The number called, in E.164.
    pub to: &'a E164,
    /// The carrier's id of the call, sent as a dynamic variable.
    pub call_sid: &'a str,
}

/// How to connect a registered call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RegisteredCall {
    /// The TwiML to answer with, unchanged. It is XML with a `Response` root.
    pub twiml: String,
    /// The conversation's id, if the TwiML contains it.
    pub conversation_id: Option<String>,
}
