//! What the voice provider tells of a conversation once it is over, or never began.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::CallStatus;
use crate::domain::text_enum;

text_enum! {
    /// What was told of a conversation, by the name the voice provider's event has.
    ConversationNews {
        /// It is over.
        Over = "post_call_transcription",
        /// It never began: the call for it did not come about.
        NeverBegan = "call_initiation_failure",
    }
}

/// The voice provider's word on a conversation. The same news of the same conversation may come more than once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConversationReport {
    /// The voice provider's id of the conversation.
    pub conversation_id: String,
    /// What is told.
    pub news: ConversationNews,
    /// The carrier's id of the call, as it was registered: the way to the call when its conversation is unknown.
    pub call_sid: Option<String>,
    /// How the call ended, where it did not come about.
    pub failed: Option<CallStatus>,
    /// How long the two talked.
    pub duration_seconds: Option<i32>,
    /// When that was.
    pub at: DateTime<Utc>,
    /// What was said.
    pub transcript: Vec<TranscriptLine>,
}

/// Something that was said in a conversation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TranscriptLine {
    /// Whether the agent said it; else the caller did.
    pub by_agent: bool,
    /// The words.
    pub text: String,
    /// When, counted from the conversation's beginning.
    pub at_seconds: i32,
}
