//! Plans the answer to a call before any provider is asked. Real calls and simulated ones use the same plan.
//!
//! - A number that would only bring the call back is not dialled: the number called, the caller, the number that forwarded
//!   the call ([`is_at_the_other_end`]), and any of our numbers whose rules or fallback number lead back to the number called.
//!   Such numbers would ring each other, and each round would be billed.
//! - A number that is not allowed is not dialled ([`Dialing`]).
//! - In both cases the next possibility applies: the agent, the fallback number, a message.
//!
//! A desk may forward our calls back to us without saying so (no `ForwardedFrom`). The same call then comes in again and
//! again, each time as a new one. A call that shows the number called as its caller is such a call, because we dial with that
//! number for hidden callers. Otherwise, before a number is dialled, the open calls to the number called that ring the same
//! number are counted. With [`MOST_OF_ONE_CALLER`] others of the same caller it is not dialled, so the sixth call is the first
//! that does not ring. Where callers are hidden the limit is [`MOST_HIDDEN`], because they may be different people.

use crate::domain::{
    AgentStatus, AnsweringAgent, CallOutcome, CallerId, Cause, Causes, Decision, Dialing, E164, Limits,
    NotDialed, RoutingAction,
};
use crate::store::{CallSlot, Route};

/// Maximum number of one caller's calls that may ring the same number at the same time.
const MOST_OF_ONE_CALLER: usize = 5;
/// Maximum number of hidden callers' calls that may ring the same number at the same time.
const MOST_HIDDEN: usize = 10;

/// Whether the tenant's plan has a free call slot.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Room {
    /// A slot is free, or none is needed.
    Free,
    /// All slots are held.
    UsedUp,
    /// All slots are held, or no member of the call group has room.
    MembersBusy,
    /// Unknown: the database was too busy to count them.
    NotCounted,
}

impl Room {
    /// The room of a plan while this many calls hold a slot.
    #[must_use]
    pub fn counted(limits: Limits, held: i64) -> Self {
        if limits.has_free_call_slot(held) { Self::Free } else { Self::UsedUp }
    }

    pub(super) fn of(route: &Route) -> Self {
        match route.slot {
            _ if !route.is_busy() => Self::Free,
            CallSlot::NotCounted => Self::NotCounted,
            CallSlot::Held | CallSlot::None if route.call.decision.group.is_some() => Self::MembersBusy,
            CallSlot::Held | CallSlot::None => Self::UsedUp,
        }
    }
}

/// How a call will be answered.
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
    /// The outcome if everything goes as planned. Falling back depends on the agent's fallback number.
    pub(super) fn outcome(self) -> CallOutcome {
        match self {
            Self::Agent { .. } => CallOutcome::Agent,
            Self::Forward { .. } | Self::ForwardThenAgent { .. } => CallOutcome::Fallback,
            Self::Message { .. } | Self::FallBack { .. } => CallOutcome::Unavailable,
            Self::Reject => CallOutcome::Rejected,
        }
    }

    /// The cause recorded with the call.
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

/// Plans the answer to a decision. `why_not` returns why a number must not be dialled. The next possibility then applies; if
/// that is the agent, the reason is returned beside the plan.
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

/// Plans the agent if it can take a call, else the fallback.
pub(super) fn to_agent(agent: &AnsweringAgent, room: Room) -> Plan<'_> {
    let cause = match (&agent.voice_agent_id, agent.status) {
        (Some(voice_agent_id), AgentStatus::Active) => match room {
            Room::Free => return Plan::Agent { voice_agent_id },
            Room::UsedUp => Cause::SlotsUsedUp,
            Room::MembersBusy => Cause::MembersBusy,
            Room::NotCounted => Cause::SlotsNotCounted,
        },
        (_, AgentStatus::Pending) | (None, AgentStatus::Active) => Cause::AgentPending,
        (_, AgentStatus::Inactive) => Cause::AgentInactive,
        (_, AgentStatus::Deleted) => Cause::AgentDeleted,
    };
    Plan::FallBack { cause }
}

/// The agent's fallback number if it may be dialled; if it may not, the reason why.
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

/// Whether a number already takes part in the call: the number called, the caller, or the number that forwarded it. If the
/// caller is the number called, we dialled the call ourselves, and any number leads back.
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

/// Whether a number already rings for as many calls of this caller as allowed. `others`: the callers of the open
/// calls that ring it.
pub(super) fn rings_already(caller: &CallerId, others: &[String]) -> bool {
    let mut others = others.iter().map(|other| CallerId::read(other));
    match caller {
        CallerId::Number(_) => others.filter(|other| other == caller).count() >= MOST_OF_ONE_CALLER,
        CallerId::Hidden | CallerId::Other(_) => {
            others.by_ref().filter(|other| !matches!(other, CallerId::Number(_))).count() >= MOST_HIDDEN
        }
    }
}

/// The outcome of falling back.
pub(super) fn fallback_outcome(number: Option<&E164>, needs_slot: bool, room: Room) -> CallOutcome {
    match number {
        Some(_) => CallOutcome::Fallback,
        // Only a call that a free slot would have led to the agent counts as busy.
        None if needs_slot && matches!(room, Room::UsedUp | Room::MembersBusy) => CallOutcome::Busy,
        None => CallOutcome::Unavailable,
    }
}

/// A simulated call: it is planned, but nobody is called and nothing is recorded.
#[derive(Debug)]
pub struct Imagined<'a> {
    /// The decision of the number's rules.
    pub decision: &'a Decision,
    /// The agent of the number called.
    pub agent: &'a AnsweringAgent,
    /// The number called, in E.164.
    pub called: &'a E164,
    /// The caller as the carrier would send it.
    pub caller: &'a CallerId,
    /// The number that forwarded the call, if any.
    pub forwarded_from: Option<&'a E164>,
    /// Whether the plan has a free call slot.
    pub room: Room,
    /// Which numbers may be dialled for the tenant.
    pub dialing: &'a Dialing,
}

impl Imagined<'_> {
    /// The numbers that may be dialled for the call.
    pub fn dials(&self) -> impl Iterator<Item = &E164> {
        let action = self.decision.rule.as_ref().map(|rule| &rule.action);
        action.and_then(RoutingAction::forwards_to).into_iter().chain(&self.agent.fallback_number)
    }

    /// Simulates the call, assuming that both providers work. The decision's reason then covers every step. `leading_back`:
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
