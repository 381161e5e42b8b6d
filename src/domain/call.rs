//! A call, and how its state may change.

mod answer;
mod conversation;
mod webhook;

pub use answer::{AnswerStage, CallAnswer, GivenAnswer, IfUnanswered};
pub use conversation::{ConversationNews, ConversationReport, TranscriptLine};
pub use webhook::Webhook;

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
    /// The call is not over: if it was admitted, it holds a call slot.
    pub const UNDER_WAY: [Self; 2] = [Self::Ringing, Self::InProgress];

    /// Whether the call is over.
    #[must_use]
    pub fn is_final(self) -> bool {
        !Self::UNDER_WAY.contains(&self)
    }

    /// How much a report of this says: of any two the one that says more holds, whichever came first. A call that
    /// was completed was answered, so that beats every word for one that was not.
    const fn weight(self) -> u8 {
        match self {
            Self::Ringing => 0,
            Self::InProgress => 1,
            Self::Failed => 2,
            Self::Canceled => 3,
            Self::NoAnswer => 4,
            Self::Busy => 5,
            Self::Completed => 6,
        }
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

/// A call as the carrier announces it.
#[derive(Debug, Clone)]
pub struct IncomingCall {
    /// The carrier's id.
    pub sid: String,
    /// The caller.
    pub from: String,
    /// The carrier's word on that number, where it has one.
    pub attestation: Option<String>,
    /// The number called.
    pub to: E164,
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
    /// The carrier's word on whether that number is really the caller's, where it has one: `StirVerstat`.
    pub attestation: Option<String>,
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
    /// How long it lasted, as the carrier counts and bills.
    pub duration_seconds: Option<i32>,
    /// How long the conversation lasted, as the voice provider counts.
    pub conversation_seconds: Option<i32>,
    /// When it came in.
    pub started_at: DateTime<Utc>,
    /// When it ended.
    pub ended_at: Option<DateTime<Utc>>,
}

/// What the carrier says of a call at some moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CallReport {
    /// Where the call is.
    pub status: CallStatus,
    /// How long it lasted, once it is over; not negative.
    pub duration_seconds: Option<i32>,
    /// When that was.
    pub at: DateTime<Utc>,
}

impl Call {
    /// The call as the carrier's report leaves it. Reports come late, twice, out of order or not at all: in whatever
    /// order the same ones come, the same is left.
    #[must_use]
    pub fn reported(self, report: CallReport) -> Self {
        let (known, told) = (self.status.weight(), report.status.weight());
        if told < known || !report.status.is_final() {
            let status = if told < known { self.status } else { report.status };
            return Self { status, ..self };
        }
        let at = report.at.max(self.started_at);
        let (ended_at, duration_seconds) = if told > known {
            (at, report.duration_seconds)
        } else {
            (
                self.ended_at.map_or(at, |ended| ended.min(at)),
                self.duration_seconds.max(report.duration_seconds),
            )
        };
        Self { status: report.status, ended_at: Some(ended_at), duration_seconds, ..self }
    }

    /// The call as the voice provider's word on its conversation leaves it, in whatever order and however often that
    /// comes. One whose conversation never began did not come about, unless the carrier knows better. A conversation on a
    /// call without a recorded answer shows who answered: the server stopped before it could record that.
    #[must_use]
    pub fn conversed(self, report: &ConversationReport) -> Self {
        let is_unrecorded = self.conversation_id.is_none() && self.outcome == CallOutcome::Unavailable;
        let outcome =
            if is_unrecorded && report.failed.is_none() { CallOutcome::Agent } else { self.outcome };
        let told = Self {
            outcome,
            conversation_id: self.conversation_id.clone().or_else(|| Some(report.conversation_id.clone())),
            conversation_seconds: self.conversation_seconds.max(report.duration_seconds),
            ..self
        };
        match report.failed {
            Some(status) => told.reported(CallReport { status, duration_seconds: None, at: report.at }),
            None => told,
        }
    }

    /// The minutes that the carrier bills for an inbound call: each begun minute of a completed call. `None` until it is over. The
    /// triggers of the table `call_totals` compute the same in SQL; a test of the totals compares both databases with this function.
    #[must_use]
    pub fn billed_minutes(&self) -> Option<i32> {
        if self.status == CallStatus::Completed {
            return self.lasted_seconds().map(|seconds| seconds.saturating_add(59) / 60);
        }
        self.status.is_final().then_some(0)
    }

    /// How long a call that is over lasted: the carrier's count, which is billed, else the voice provider's.
    #[must_use]
    pub fn lasted_seconds(&self) -> Option<i32> {
        self.duration_seconds.or(self.conversation_seconds).filter(|_| self.status.is_final())
    }
}
