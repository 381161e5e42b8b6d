//! What will be done with a call, before anybody outside is asked: the same for a call that comes in and for one that is
//! only imagined.

use std::borrow::Cow;

use crate::domain::{AgentStatus, AnsweringAgent, CallOutcome, Decision, Dialing, E164, RoutingAction};

pub(super) const AGENT_TAKES_IT: &str = "the agent takes it";
pub(super) const LEADS_BACK: &str = "the call would only come back from the number it is forwarded to";
pub(super) const NOT_ALLOWED: &str = "the number it is forwarded to is not allowed";

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

/// What the decision comes to. `why_not` says of a number why it is not dialled: then the next rung takes the call, and
/// where that is the agent, the reason stands beside it.
pub(super) fn of<'a>(
    decision: &'a Decision,
    agent: &'a AnsweringAgent,
    has_room: bool,
    why_not: impl Fn(&E164) -> Option<&'static str>,
) -> (Plan<'a>, Option<&'static str>) {
    let plan = match decision.rule.as_ref().map(|rule| &rule.action) {
        None | Some(RoutingAction::Agent) => to_agent(agent, has_room),
        Some(RoutingAction::Forward { to, ring_seconds }) => match why_not(to) {
            Some(why) => Plan::FallBack { why },
            None => Plan::Forward { to, ring_seconds: *ring_seconds },
        },
        Some(RoutingAction::ForwardThenAgent { to, ring_seconds }) => match why_not(to) {
            Some(why) => return (to_agent(agent, has_room), Some(why)),
            None => Plan::ForwardThenAgent { to, ring_seconds: *ring_seconds },
        },
        Some(RoutingAction::Message { text }) => Plan::Message { text },
        Some(RoutingAction::Reject) => Plan::Reject,
    };
    (plan, None)
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

/// The agent's fallback number if it is dialled, and the reason for falling back, with why it is not.
pub(super) fn fallback_number<'a>(
    agent: &'a AnsweringAgent,
    reason: &'static str,
    why_not: impl Fn(&E164) -> Option<&'static str>,
) -> (Option<&'a E164>, Cow<'static, str>) {
    match agent.fallback_number.as_ref().map(|number| (number, why_not(number))) {
        Some((_, Some(NOT_ALLOWED))) => {
            (None, format!("{reason}; the fallback number is not allowed").into())
        }
        Some((_, Some(_))) | None => (None, reason.into()),
        Some((number, None)) => (Some(number), reason.into()),
    }
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
    dialing: &Dialing,
) -> (CallOutcome, Decision) {
    let why_not = |number: &E164| {
        let is_itself = (number == called).then_some(LEADS_BACK);
        is_itself.or_else(|| dialing.check(number).is_err().then_some(NOT_ALLOWED))
    };
    let (plan, passed_over) = of(decision, agent, has_room, why_not);
    let decision = &passed_over.map_or_else(|| decision.clone(), |why| decision.then(why));
    let Plan::FallBack { why } = plan else {
        return (plan.outcome(), decision.then(plan.reason()));
    };
    let (number, why) = fallback_number(agent, why, why_not);
    let next = if number.is_some() { "the fallback number rings" } else { "the caller hears a sentence" };
    let is_busy = decision.needs_a_place() && !has_room;
    (fallback_outcome(number, is_busy), decision.then(&why).then(next))
}
