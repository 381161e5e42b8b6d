//! Reports of the voice provider on a conversation that has ended or never began.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::CallStatus;
use crate::domain::text_enum;

text_enum! {
    /// Type of a report, by the name of the voice provider's event.
    ConversationNews {
        /// The conversation has ended.
        Over = "post_call_transcription",
        /// The conversation never began: the call could not be initiated.
        NeverBegan = "call_initiation_failure",
    }
}

/// A report of the voice provider on a conversation. The same report may arrive more than once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConversationReport {
    /// The voice provider's id of the conversation.
    pub conversation_id: String,
    /// Type of the report.
    pub news: ConversationNews,
    /// The carrier's id of the registered call. Finds the call if its conversation id was not recorded.
    pub call_sid: Option<String>,
    /// Final status of a call that could not be initiated; `None` if the conversation began.
    pub failed: Option<CallStatus>,
    /// Duration of the conversation in seconds.
    pub duration_seconds: Option<i32>,
    /// Time of the report.
    pub at: DateTime<Utc>,
    /// Lines of the transcript, in order.
    pub transcript: Vec<TranscriptLine>,
}

/// One line of a transcript.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TranscriptLine {
    /// Whether the agent said it; otherwise the caller did.
    pub by_agent: bool,
    /// The words, as the voice provider transcribed them.
    pub text: String,
    /// Seconds since the start of the conversation.
    pub at_seconds: i32,
}
