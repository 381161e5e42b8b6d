//! Calls, and how reports change them.

mod answer;
mod conversation;
mod group;
mod webhook;

pub use answer::{AnswerStage, CallAnswer, GivenAnswer, IfUnanswered};
pub use conversation::{ConversationNews, ConversationReport, TranscriptLine};
pub use group::{CallGroup, CallGroupMember, CallGroupName, CallGroupStrategy};
pub use webhook::Webhook;

use chrono::{DateTime, Utc};

use super::{AgentId, CallId, Decision, E164, NumberId, TenantId, text_enum};

text_enum! {
    /// Direction of a call.
    CallDirection {
        /// A call to a tenant's number.
        Inbound = "inbound",
        /// A call placed by an agent.
        Outbound = "outbound",
    }
}

text_enum! {
    /// Status of a call, as the carrier reports it.
    CallStatus {
        /// The call rings and is not answered yet.
        Ringing = "ringing",
        /// The call is answered and under way.
        InProgress = "in_progress",
        /// Ended after being answered.
        Completed = "completed",
        /// Ended with a busy signal.
        Busy = "busy",
        /// The carrier could not connect it.
        Failed = "failed",
        /// Ended without an answer.
        NoAnswer = "no_answer",
        /// The caller hung up before an answer.
        Canceled = "canceled",
    }
}

impl CallStatus {
    /// The statuses of a call that has not ended. An admitted call holds its call slot meanwhile.
    pub const UNDER_WAY: [Self; 2] = [Self::Ringing, Self::InProgress];

    /// Whether the call has ended.
    #[must_use]
    pub fn is_final(self) -> bool {
        !Self::UNDER_WAY.contains(&self)
    }

    /// Rank of a report: the higher-ranked report wins, in whatever order reports arrive. A completed call was answered, so
    /// `Completed` outranks every status of an unanswered call.
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
    /// What answered the call.
    CallOutcome {
        /// The caller was connected to the agent.
        Agent = "agent",
        /// The fallback number, or the number that a rule forwards to.
        Fallback = "fallback",
        /// All call slots of the tenant's plan were held.
        Busy = "busy",
        /// A spoken message: a rule's, or the fallback message because neither the agent nor a number could take the call.
        Unavailable = "unavailable",
        /// A rule rejected the call.
        Rejected = "rejected",
    }
}

/// An incoming call, as the carrier announces it.
#[derive(Debug, Clone)]
pub struct IncomingCall {
    /// The carrier's id of the call.
    pub sid: String,
    /// The caller: E.164, an address, or what the carrier sends for a hidden number.
    pub from: String,
    /// The carrier's verification of the caller's number (`StirVerstat`); `None` if it sends none.
    pub attestation: Option<String>,
    /// The called number of the tenant.
    pub to: E164,
}

/// A call as recorded, with what reports have said about it so far.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Call {
    /// Id of the row, not of the call at the carrier.
    pub id: CallId,
    /// The tenant that owns the called number.
    pub tenant_id: TenantId,
    /// The agent of the called number.
    pub agent_id: AgentId,
    /// Row of the called number.
    pub number_id: NumberId,
    /// The carrier's id of the call.
    pub sid: String,
    /// Always inbound so far.
    pub direction: CallDirection,
    /// The caller: E.164, an address, or what the carrier sends for a hidden number. Never logged in full.
    pub from: String,
    /// The carrier's verification of the caller's number (`StirVerstat`); `None` if it sends none.
    pub attestation: Option<String>,
    /// The called number of the tenant.
    pub to: E164,
    /// The highest-ranked status reported so far.
    pub status: CallStatus,
    /// What answered the call.
    pub outcome: CallOutcome,
    /// The routing decision, with its reason.
    pub decision: Decision,
    /// The voice provider's id of the conversation; `None` if the agent did not answer.
    pub conversation_id: Option<String>,
    /// Duration in seconds, as the carrier counts and bills; `None` until reported.
    pub duration_seconds: Option<i32>,
    /// Duration of the conversation in seconds, as the voice provider counts; `None` until reported.
    pub conversation_seconds: Option<i32>,
    /// When the call came in.
    pub started_at: DateTime<Utc>,
    /// When the call ended; `None` until then.
    pub ended_at: Option<DateTime<Utc>>,
}

/// A report of the carrier on a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CallReport {
    /// Status at the time of the report.
    pub status: CallStatus,
    /// Duration in seconds, not negative; `None` until the call has ended.
    pub duration_seconds: Option<i32>,
    /// Time of the report.
    pub at: DateTime<Utc>,
}

impl Call {
    /// Applies a report of the carrier. Reports arrive late, twice, out of order or never; the result does not
    /// depend on their order.
    #[must_use]
    pub fn reported(self, report: CallReport) -> Self {
        let (known, reported) = (self.status.weight(), report.status.weight());
        if reported < known || !report.status.is_final() {
            // A report before the end says nothing of duration and end.
            let status = if reported < known { self.status } else { report.status };
            return Self { status, ..self };
        }
        // The carrier's clock may be behind ours.
        let at = report.at.max(self.started_at);
        // A higher-ranked end replaces the duration too: the lower one described another end of the call.
        let (ended_at, duration_seconds) = if reported > known {
            (at, report.duration_seconds)
        } else {
            (
                // Of two reports of one status, the earlier end and the longer duration hold, whichever came first.
                self.ended_at.map_or(at, |ended| ended.min(at)),
                // `None` sorts before every number, so a report without a duration takes none away.
                self.duration_seconds.max(report.duration_seconds),
            )
        };
        Self { status: report.status, ended_at: Some(ended_at), duration_seconds, ..self }
    }

    /// Applies a report of the voice provider. The result does not depend on the order or repetition of reports. If the
    /// conversation never began, the call failed, unless a higher-ranked report of the carrier says otherwise. A conversation on
    /// a call without a recorded answer proves that the agent answered: the server stopped before it could record that.
    #[must_use]
    pub fn conversed(self, report: &ConversationReport) -> Self {
        // Admission writes `Unavailable`, which stands until the answer is recorded.
        let is_unrecorded = self.conversation_id.is_none() && self.outcome == CallOutcome::Unavailable;
        let outcome =
            if is_unrecorded && report.failed.is_none() { CallOutcome::Agent } else { self.outcome };
        let conversed = Self {
            outcome,
            conversation_id: self.conversation_id.clone().or_else(|| Some(report.conversation_id.clone())),
            conversation_seconds: self.conversation_seconds.max(report.duration_seconds),
            ..self
        };
        match report.failed {
            Some(status) => conversed.reported(CallReport { status, duration_seconds: None, at: report.at }),
            None => conversed,
        }
    }

    /// The minutes that the carrier bills for an inbound call: each started minute of a completed call. `None` until the call has
    /// ended. SQL repeats this rule: the triggers of the tables `call_totals` and `call_statistics` in `migration/`, and the
    /// count of calls by time in `store/call/statistics.rs`. The tests
    /// `store::totals`, `statistics` and `counting` hold all of them together.
    #[must_use]
    pub fn billed_minutes(&self) -> Option<i32> {
        if self.status == CallStatus::Completed {
            return self.lasted_seconds().map(|seconds| seconds.saturating_add(59) / 60);
        }
        // The carrier bills answered calls only, and an answered call ends as `Completed`.
        self.status.is_final().then_some(0)
    }

    /// Duration of an ended call in seconds: the carrier's count, which is billed, else the voice provider's. `None`
    /// until the call has ended.
    #[must_use]
    pub fn lasted_seconds(&self) -> Option<i32> {
        self.duration_seconds.or(self.conversation_seconds).filter(|_| self.status.is_final())
    }
}
