//! What will be done with a call, before anybody outside is asked: the same for a call that comes in and for one that is
//! only imagined.

use crate::domain::{AgentStatus, AnsweringAgent, CallOutcome, Decision, E164, RoutingAction};

pub(super) const AGENT_TAKES_IT: &str = "the agent takes it";

/// What will be done.
#[derive(Debug, Clone, Copy)]
pub(super) enum Plan<'a> {
    Agent { voice_agent_id: &'a str },
    Forward { to: &'a E164, ring_seconds: Option<u16> },
    ForwardThenAgent { to: &'a E164, ring_seconds: u16 },
    Message { text: &'a str },
    Reject,
    FallBack { why: &'static str },
}

impl Plan<'_> {
    /// How the call is answered if it goes as planned; falling back depends on the agent's number.
    pub(super) fn outcome(self) -> CallOutcome {
        match self {
            Self::Agent { .. } => CallOutcome::Agent,
            Self::Forward { .. } | Self::ForwardThenAgent { .. } => CallOutcome::Fallback,
            Self::Message { .. } | Self::FallBack { .. } => CallOutcome::Unavailable,
            Self::Reject => CallOutcome::Rejected,
        }
    }

    /// Why, as the record and the log say it.
    pub(super) fn reason(self) -> &'static str {
        match self {
            Self::Agent { .. } => AGENT_TAKES_IT,
            Self::Forward { .. } => "the call is forwarded",
            Self::ForwardThenAgent { .. } => "another number rings first",
            Self::Message { .. } => "the caller hears the rule's message",
            Self::Reject => "the call is rejected",
            Self::FallBack { why } => why,
        }
    }
}

/// What the decision comes to.
pub(super) fn of<'a>(decision: &'a Decision, agent: &'a AnsweringAgent, has_room: bool) -> Plan<'a> {
    match decision.rule.as_ref().map(|rule| &rule.action) {
        None | Some(RoutingAction::Agent) => to_agent(agent, has_room),
        Some(RoutingAction::Forward { to, ring_seconds }) => {
            Plan::Forward { to, ring_seconds: *ring_seconds }
        }
        Some(RoutingAction::ForwardThenAgent { to, ring_seconds }) => {
            Plan::ForwardThenAgent { to, ring_seconds: *ring_seconds }
        }
        Some(RoutingAction::Message { text }) => Plan::Message { text },
        Some(RoutingAction::Reject) => Plan::Reject,
    }
}

/// The agent, if it can take a call.
pub(super) fn to_agent(agent: &AnsweringAgent, has_room: bool) -> Plan<'_> {
    let why = match (&agent.voice_agent_id, agent.status) {
        (Some(voice_agent_id), AgentStatus::Active) if has_room => return Plan::Agent { voice_agent_id },
        (Some(_), AgentStatus::Active) => "the plan's concurrent calls are used up",
        (_, AgentStatus::Pending) | (None, AgentStatus::Active) => "the agent does not exist yet",
        (_, AgentStatus::Inactive) => "the agent is inactive",
        (_, AgentStatus::Deleted) => "the agent is deleted",
    };
    Plan::FallBack { why }
}

/// The agent's fallback number, unless dialling it would only call ourselves again.
pub(super) fn fallback_number<'a>(agent: &'a AnsweringAgent, called: &E164) -> Option<&'a E164> {
    agent.fallback_number.as_ref().filter(|number| *number != called)
}

/// What falling back comes to.
pub(super) fn fallback_outcome(number: Option<&E164>, is_busy: bool) -> CallOutcome {
    match number {
        Some(_) => CallOutcome::Fallback,
        None if is_busy => CallOutcome::Busy,
        None => CallOutcome::Unavailable,
    }
}

/// What would come of a call to `called` for which this was decided, if both providers do their part; the decision's
/// reason then says it whole.
#[must_use]
pub fn foresee(
    decision: &Decision,
    agent: &AnsweringAgent,
    called: &E164,
    has_room: bool,
) -> (CallOutcome, Decision) {
    let plan = of(decision, agent, has_room);
    let Plan::FallBack { why } = plan else {
        return (plan.outcome(), decision.then(plan.reason()));
    };
    let number = fallback_number(agent, called);
    let next = if number.is_some() { "the fallback number rings" } else { "the caller hears a sentence" };
    let is_busy = decision.needs_a_place() && !has_room;
    (fallback_outcome(number, is_busy), decision.then(why).then(next))
}
