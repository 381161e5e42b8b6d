//! A call, and how its state may change.

use chrono::{DateTime, Utc};

use super::{AgentId, CallId, Decision, E164, NumberId, TenantId, text_enum};

text_enum! {
    /// Who called whom.
    CallDirection {
        /// Somebody called one of our numbers.
        Inbound = "inbound",
        /// One of our agents called somebody.
        Outbound = "outbound",
    }
}

text_enum! {
    /// Where a call is, in the carrier's words.
    CallStatus {
        /// Rings.
        Ringing = "ringing",
        /// Somebody talks.
        InProgress = "in_progress",
        /// Ended after being answered.
        Completed = "completed",
        /// Refused as busy.
        Busy = "busy",
        /// Could not be carried.
        Failed = "failed",
        /// Nobody answered.
        NoAnswer = "no_answer",
        /// The caller gave up.
        Canceled = "canceled",
    }
}

impl CallStatus {
    /// Whether the call is over: nothing changes it any more.
    #[must_use]
    pub const fn is_final(self) -> bool {
        !matches!(self, Self::Ringing | Self::InProgress)
    }

    /// The state after the carrier reported `reported`: late and repeated reports change nothing.
    #[must_use]
    pub const fn then(self, reported: Self) -> Self {
        match (self, reported) {
            (current, _) if current.is_final() => current,
            (Self::InProgress, Self::Ringing) => Self::InProgress,
            (_, reported) => reported,
        }
    }

    /// Reads the carrier's `CallStatus` (`in-progress`, `no-answer` …); `None` for a word it does not document.
    #[must_use]
    pub fn from_carrier(word: &str) -> Option<Self> {
        Some(match word {
            "queued" | "initiated" | "ringing" => Self::Ringing,
            "in-progress" => Self::InProgress,
            "completed" => Self::Completed,
            "busy" => Self::Busy,
            "failed" => Self::Failed,
            "no-answer" => Self::NoAnswer,
            "canceled" => Self::Canceled,
            _ => return None,
        })
    }
}

text_enum! {
    /// Who or what answered.
    CallOutcome {
        /// The voice agent.
        Agent = "agent",
        /// A person's number: the practice's fallback number, or the one that a rule forwards to.
        Fallback = "fallback",
        /// The tenant's concurrent calls were used up.
        Busy = "busy",
        /// A spoken sentence: a rule's, or because neither agent nor a person's number could take it.
        Unavailable = "unavailable",
        /// Refused.
        Rejected = "rejected",
    }
}

/// A call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Call {
    /// Its id here.
    pub id: CallId,
    /// Whose number was called.
    pub tenant_id: TenantId,
    /// Who answers that number.
    pub agent_id: AgentId,
    /// The number called.
    pub number_id: NumberId,
    /// The carrier's id.
    pub sid: String,
    /// Who called whom.
    pub direction: CallDirection,
    /// The caller: E.164, or what the carrier sends for a hidden one. Never logged in full.
    pub from: String,
    /// The number called.
    pub to: E164,
    /// Where the call is.
    pub status: CallStatus,
    /// Who or what answered.
    pub outcome: CallOutcome,
    /// What was decided for it, and why.
    pub decision: Decision,
    /// The voice provider's id of the conversation.
    pub conversation_id: Option<String>,
    /// How long it lasted, as the carrier counts.
    pub duration_seconds: Option<i32>,
    /// When it came in.
    pub started_at: DateTime<Utc>,
    /// When it ended.
    pub ended_at: Option<DateTime<Utc>>,
}
