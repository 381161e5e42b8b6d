//! What will be done with a call, before anybody outside is asked: the same for a call that comes in and for one that is
//! only imagined.
//!
//! A number that would only bring the call back is never dialled: not the number called, the caller, or who passed the call
//! on to us ([`is_at_the_other_end`]), and none of ours whose rules or fallback number lead back to the number called. Such
//! numbers would ring each other, and each round would be billed. Neither is a number that is not allowed ([`Dialing`]). The next
//! rung takes the call.
//!
//! A desk may forward our calls back to us without telling so (no `ForwardedFrom`): the same call then comes in again and again,
//! each time as a new one. A call that shows the number called as its caller is such a call, since we dial with that number
//! for hidden callers. Else the open calls to the number called that ring the same number are counted when it is about to
//! be dialled: with [`MOST_OF_ONE_CALLER`] others of the same caller it is not dialled, so from the sixth one on; with
//! [`MOST_HIDDEN`] others where the callers are hidden, since those may be different people.

use crate::domain::{
    AgentStatus, AnsweringAgent, CallOutcome, CallerId, Cause, Causes, Decision, Dialing, E164, Limits,
    NotDialed, RoutingAction,
};
use crate::store::{CallSlot, Route};

/// Calls of one caller that may ring the same number at the same time.
const MOST_OF_ONE_CALLER: usize = 5;
/// The same, of callers that are hidden.
const MOST_HIDDEN: usize = 10;

/// Whether the tenant's plan has room for a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Room {
    /// It has, or none is needed.
    Free,
    /// Its concurrent calls are used up.
    UsedUp,
    /// Nobody knows: the database was too busy to count them.
    NotCounted,
}

impl Room {
    /// The room that a plan has while so many calls hold a slot.
    #[must_use]
    pub fn counted(limits: Limits, held: i64) -> Self {
        if limits.has_free_call_slot(held) { Self::Free } else { Self::UsedUp }
    }

    pub(super) fn of(route: &Route) -> Self {
        match route.slot {
            _ if !route.is_busy() => Self::Free,
            CallSlot::NotCounted => Self::NotCounted,
            CallSlot::Held | CallSlot::None => Self::UsedUp,
        }
    }
}

/// What will be done.
#[derive(Debug, Clone, Copy)]
pub(super) enum Plan<'a> {
    Agent { voice_agent_id: &'a str },
    Forward { to: &'a E164, ring_seconds: Option<u16> },
    ForwardThenAgent { to: &'a E164, ring_seconds: u16 },
    Message { text: &'a str },
    Reject,
    FallBack { cause: Cause },
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

    /// Why.
    pub(super) fn cause(self) -> Cause {
        match self {
            Self::Agent { .. } => Cause::Agent,
            Self::Forward { .. } => Cause::Forward,
            Self::ForwardThenAgent { .. } => Cause::ForwardThenAgent,
            Self::Message { .. } => Cause::Message,
            Self::Reject => Cause::Reject,
            Self::FallBack { cause } => cause,
        }
    }
}

/// What the decision comes to. `why_not` says of a number why it is not dialled: then the next rung takes the call, and
/// where that is the agent, the reason stands beside it.
pub(super) fn of<'a>(
    decision: &'a Decision,
    agent: &'a AnsweringAgent,
    room: Room,
    why_not: impl Fn(&E164) -> Option<NotDialed>,
) -> (Plan<'a>, Option<Cause>) {
    let plan = match decision.rule.as_ref().map(|rule| &rule.action) {
        None | Some(RoutingAction::Agent) => to_agent(agent, room),
        Some(RoutingAction::Forward { to, ring_seconds }) => match why_not(to) {
            Some(why) => Plan::FallBack { cause: Cause::ForwardNotDialed(why) },
            None => Plan::Forward { to, ring_seconds: *ring_seconds },
        },
        Some(RoutingAction::ForwardThenAgent { to, ring_seconds }) => match why_not(to) {
            Some(why) => return (to_agent(agent, room), Some(Cause::ForwardNotDialed(why))),
            None => Plan::ForwardThenAgent { to, ring_seconds: *ring_seconds },
        },
        Some(RoutingAction::Message { text }) => Plan::Message { text },
        Some(RoutingAction::Reject) => Plan::Reject,
    };
    (plan, None)
}

/// The agent, if it can take a call.
pub(super) fn to_agent(agent: &AnsweringAgent, room: Room) -> Plan<'_> {
    let cause = match (&agent.voice_agent_id, agent.status) {
        (Some(voice_agent_id), AgentStatus::Active) => match room {
            Room::Free => return Plan::Agent { voice_agent_id },
            Room::UsedUp => Cause::SlotsUsedUp,
            Room::NotCounted => Cause::SlotsNotCounted,
        },
        (_, AgentStatus::Pending) | (None, AgentStatus::Active) => Cause::AgentPending,
        (_, AgentStatus::Inactive) => Cause::AgentInactive,
        (_, AgentStatus::Deleted) => Cause::AgentDeleted,
    };
    Plan::FallBack { cause }
}

/// The agent's fallback number if it is dialled, and why not if it has one that is not.
pub(super) fn fallback_number(
    agent: &AnsweringAgent,
    why_not: impl Fn(&E164) -> Option<NotDialed>,
) -> (Option<&E164>, Option<Cause>) {
    let number = agent.fallback_number.as_ref();
    match number.and_then(why_not) {
        Some(why) => (None, Some(Cause::FallbackNotDialed(why))),
        None => (number, None),
    }
}

/// Whether a number is already on the line: the number called, the caller, or who passed the call on. With the number called
/// as its own caller, the call was dialled by us, and any number leads back.
pub(super) fn is_at_the_other_end(
    number: &E164,
    called: &E164,
    caller: &CallerId,
    forwarded_from: Option<&E164>,
) -> bool {
    let is_caller = match caller {
        CallerId::Number(caller) => caller == number || caller == called,
        CallerId::Hidden | CallerId::Other(_) => false,
    };
    number == called || is_caller || forwarded_from == Some(number)
}

/// Whether a number rings already for as many calls of this caller as it may. `others`: the callers of the open calls that
/// ring it.
pub(super) fn rings_already(caller: &CallerId, others: &[String]) -> bool {
    let mut others = others.iter().map(|other| CallerId::read(other));
    match caller {
        CallerId::Number(_) => others.filter(|other| other == caller).count() >= MOST_OF_ONE_CALLER,
        CallerId::Hidden | CallerId::Other(_) => {
            others.by_ref().filter(|other| !matches!(other, CallerId::Number(_))).count() >= MOST_HIDDEN
        }
    }
}

/// What falling back comes to.
pub(super) fn fallback_outcome(number: Option<&E164>, needs_slot: bool, room: Room) -> CallOutcome {
    match number {
        Some(_) => CallOutcome::Fallback,
        None if needs_slot && room == Room::UsedUp => CallOutcome::Busy,
        None => CallOutcome::Unavailable,
    }
}

/// A call that is only imagined.
#[derive(Debug)]
pub struct Imagined<'a> {
    /// What the number's rules say to it.
    pub decision: &'a Decision,
    /// The number's agent.
    pub agent: &'a AnsweringAgent,
    /// The number called.
    pub called: &'a E164,
    /// The caller.
    pub caller: &'a CallerId,
    /// The number that passed the call on.
    pub forwarded_from: Option<&'a E164>,
    /// Whether the plan has a free call slot.
    pub room: Room,
    /// Which numbers are dialled for the tenant.
    pub dialing: &'a Dialing,
}

impl Imagined<'_> {
    /// The numbers that may be dialled for it.
    pub fn dials(&self) -> impl Iterator<Item = &E164> {
        let action = self.decision.rule.as_ref().map(|rule| &rule.action);
        action.and_then(RoutingAction::forwards_to).into_iter().chain(&self.agent.fallback_number)
    }

    /// What would come of it, if both providers do their part; the decision's reason then says it whole. `leading_back` are
    /// those of [`Self::dials`] from which a call would come back to the number called.
    #[must_use]
    pub fn foresee(&self, leading_back: &[E164]) -> (CallOutcome, Decision) {
        let Self { decision, agent, called, caller, forwarded_from, room, dialing } = *self;
        let why_not = |number: &E164| {
            if dialing.check(number).is_err() {
                return Some(NotDialed::NotAllowed);
            }
            let leads_back =
                is_at_the_other_end(number, called, caller, forwarded_from) || leading_back.contains(number);
            leads_back.then_some(NotDialed::LeadsBack)
        };
        let (plan, passed_over) = of(decision, agent, room, why_not);
        let causes = Causes::from(plan.cause()).after(passed_over);
        if !matches!(plan, Plan::FallBack { .. }) {
            return (plan.outcome(), decision.then(&causes));
        }
        let (number, not_dialed) = fallback_number(agent, why_not);
        let next = if number.is_some() { Cause::FallbackNumber } else { Cause::Apology };
        let causes = causes.then(not_dialed).then(Some(next));
        (fallback_outcome(number, decision.needs_slot(), room), decision.then(&causes))
    }
}
