//! Causes: the steps of a routing decision after its rules, each with its text.

use std::fmt;

/// Why a number is not dialled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NotDialed {
    /// It would lead the call back.
    LeadsBack,
    /// It already rings for several calls of this caller.
    RingsAlready,
    /// The dialling policy does not allow it.
    NotAllowed,
}

/// One step of a decision.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cause {
    /// The database did not answer, so the routing cache decided.
    DatabaseUnavailable,
    /// A call group offers the call to one of its members.
    CallGroup,
    /// No member of the call group has room for the call.
    MembersBusy,
    /// The agent takes the call.
    Agent,
    /// A rule's number rings.
    Forward,
    /// A rule's number rings, and then the agent.
    ForwardThenAgent,
    /// The caller hears a rule's message.
    Message,
    /// A rule rejects the call.
    Reject,
    /// A rule rejects the call again after its first answer failed.
    RejectAgain,
    /// All call slots of the plan are held.
    SlotsUsedUp,
    /// The database was too busy to count the held call slots.
    SlotsNotCounted,
    /// The agent is being created.
    AgentPending,
    /// The agent is inactive.
    AgentInactive,
    /// The agent is deleted.
    AgentDeleted,
    /// The rule's number is not dialled.
    ForwardNotDialed(NotDialed),
    /// The fallback number is not dialled.
    FallbackNotDialed(NotDialed),
    /// The voice provider's circuit breaker is open.
    VoiceProviderSkipped,
    /// The voice provider failed.
    VoiceProviderFailed,
    /// The voice provider did not answer in time.
    VoiceProviderLate,
    /// The voice provider rejected the call.
    VoiceProviderRejected,
    /// The carrier could not fetch or carry out the first answer.
    AnswerFailed,
    /// Nobody answered at the number that rang before the agent.
    ForwardUnanswered,
    /// Nobody answered at the number that rang last.
    DialUnanswered,
    /// Another server had claimed the answer and did not give it in time.
    OtherServerLate,
    /// The fallback number rings.
    FallbackNumber,
    /// The caller hears that nobody can take the call.
    Apology,
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::DatabaseUnavailable => "the database did not answer",
            Self::CallGroup => "the call group offers it to a member",
            Self::MembersBusy => {
                "no member of the call group is free, or the plan's concurrent calls are used up"
            }
            Self::Agent => "the agent takes it",
            Self::Forward => "the call is forwarded",
            Self::ForwardThenAgent => "another number rings first",
            Self::Message => "the caller hears the rule's message",
            Self::Reject => "the call is rejected",
            Self::RejectAgain => "the call is rejected again",
            Self::SlotsUsedUp => "the plan's concurrent calls are used up",
            Self::SlotsNotCounted => "the database was too busy to count the plan's concurrent calls",
            Self::AgentPending => "the agent does not exist yet",
            Self::AgentInactive => "the agent is inactive",
            Self::AgentDeleted => "the number has no agent, or the agent is deleted",
            Self::ForwardNotDialed(NotDialed::LeadsBack) => {
                "the number it is forwarded to would bring the call back"
            }
            Self::ForwardNotDialed(NotDialed::RingsAlready) => {
                "the number it is forwarded to already rings for several calls of this caller"
            }
            Self::ForwardNotDialed(NotDialed::NotAllowed) => "the number it is forwarded to is not allowed",
            Self::FallbackNotDialed(NotDialed::LeadsBack) => "the fallback number would bring the call back",
            Self::FallbackNotDialed(NotDialed::RingsAlready) => {
                "the fallback number already rings for several calls of this caller"
            }
            Self::FallbackNotDialed(NotDialed::NotAllowed) => "the fallback number is not allowed",
            Self::VoiceProviderSkipped => "the voice provider has failed repeatedly and was not called",
            Self::VoiceProviderFailed => "the voice provider failed",
            Self::VoiceProviderLate => "the voice provider did not answer in time",
            Self::VoiceProviderRejected => "the voice provider rejected the call",
            Self::AnswerFailed => "the first answer failed at the carrier",
            Self::ForwardUnanswered => "nobody answered there",
            Self::DialUnanswered => {
                "nobody answered at the dialled number, and the caller hears the fallback message"
            }
            Self::OtherServerLate => "another server did not answer the call in time",
            Self::FallbackNumber => "the fallback number rings",
            Self::Apology => "the caller hears the fallback message",
        })
    }
}

/// The steps of a decision, in order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Causes(Vec<Cause>);

impl Causes {
    /// Adds a step before the others.
    #[must_use]
    pub fn after(mut self, cause: Option<Cause>) -> Self {
        self.0.splice(0..0, cause);
        self
    }

    /// Adds a step after the others.
    #[must_use]
    pub fn then(mut self, cause: Option<Cause>) -> Self {
        self.0.extend(cause);
        self
    }
}

impl From<Cause> for Causes {
    fn from(cause: Cause) -> Self {
        Self(vec![cause])
    }
}

impl fmt::Display for Causes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (nth, cause) in self.0.iter().enumerate() {
            let separator = if nth == 0 { "" } else { "; " };
            write!(f, "{separator}{cause}")?;
        }
        Ok(())
    }
}
