//! Routing rules: how a call to a number is answered, by time and caller. The first rule that applies decides; if none applies,
//! the number's agent answers.
//!
//! Times are local times in the rule's time zone: an hour that a clock change skips never occurs, and an hour that
//! it repeats occurs twice.

mod caller;
mod cause;
mod check;
mod decide;
mod reach;

pub use caller::{CallerId, CallerPattern};
pub use cause::{Cause, Causes, NotDialed};
pub use check::{ActionDraft, ConditionDraft, RuleDraft};
pub use decide::{AppliedRule, Decision};

use std::collections::BTreeSet;

use chrono::{NaiveDate, NaiveTime, Weekday};
use serde::{Deserialize, Serialize};

use super::{E164, Zone, text_enum};
use caller::pattern_of;

/// The validated rules of a number, in order. No rule is unreachable behind another.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct RoutingRules(Vec<RoutingRule>);

impl RoutingRules {
    /// The numbers that the rules forward to.
    pub fn forwards(&self) -> impl Iterator<Item = &E164> {
        self.0.iter().filter_map(|rule| rule.action.forwards_to())
    }

    /// The rules in order.
    #[must_use]
    pub fn as_slice(&self) -> &[RoutingRule] {
        &self.0
    }
}

/// One rule: an action for the calls that meet a condition.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct RoutingRule {
    /// Name, unique among the number's rules.
    pub name: String,
    /// The calls to which the rule applies.
    pub condition: RoutingCondition,
    /// How these calls are answered.
    pub action: RoutingAction,
}

/// The condition of a rule. All given parts must hold; an empty condition holds for every call.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
pub struct RoutingCondition {
    /// When the call comes in; any time if `None`.
    pub when: Option<When>,
    /// Who calls: one of these; anybody if empty.
    pub callers: BTreeSet<CallerPattern>,
}

/// Days, dates and times of day. All given parts must hold, and at least one is given.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct When {
    /// Time zone of days, dates and window.
    pub time_zone: Zone,
    /// Days of the week; every day if empty. After midnight a window belongs to the day on which it began.
    pub days: Vec<Weekday>,
    /// Time of day; the whole day if `None`.
    pub window: Option<Window>,
    /// Dates, assigned to windows like `days`; every date if empty.
    pub dates: BTreeSet<NaiveDate>,
}

/// A time of day, from `from` (inclusive) to `to` (exclusive). If `to` is before `from`, the window spans midnight.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Window {
    /// First minute of the window.
    pub from: NaiveTime,
    /// First minute after the window.
    pub to: NaiveTime,
}

impl Window {
    fn is_over_midnight(self) -> bool {
        self.to < self.from
    }
}

/// How a rule answers a call.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum RoutingAction {
    /// The number's agent answers.
    Agent,
    /// Another number rings; if nobody answers, the caller hears the fallback message.
    Forward {
        /// The number that rings.
        to: E164,
        /// Time limit for ringing, in seconds; that of a fallback number if `None`.
        ring_seconds: Option<u16>,
    },
    /// Another number rings; if nobody answers, the agent takes the call.
    ForwardThenAgent {
        /// The number that rings.
        to: E164,
        /// Time limit for ringing, in seconds.
        ring_seconds: u16,
    },
    /// The caller hears a message, and the call ends.
    Message {
        /// The message, in the agent's language.
        text: String,
    },
    /// The call is rejected without being answered.
    Reject,
}

text_enum! {
    /// Kind of a [`RoutingAction`], without its data.
    RoutingActionKind {
        /// The agent answers: [`RoutingAction::Agent`].
        Agent = "AGENT",
        /// Another number rings: [`RoutingAction::Forward`].
        Forward = "FORWARD",
        /// Another number rings, then the agent answers: [`RoutingAction::ForwardThenAgent`].
        ForwardThenAgent = "FORWARD_THEN_AGENT",
        /// The caller hears a message: [`RoutingAction::Message`].
        Message = "MESSAGE",
        /// The call is rejected: [`RoutingAction::Reject`].
        Reject = "REJECT",
    }
}

impl RoutingAction {
    /// The number that rings; `None` if the action forwards to none.
    #[must_use]
    pub fn forwards_to(&self) -> Option<&E164> {
        match self {
            Self::Forward { to, .. } | Self::ForwardThenAgent { to, .. } => Some(to),
            Self::Agent | Self::Message { .. } | Self::Reject => None,
        }
    }

    /// The kind of the action.
    #[must_use]
    pub fn kind(&self) -> RoutingActionKind {
        match self {
            Self::Agent => RoutingActionKind::Agent,
            Self::Forward { .. } => RoutingActionKind::Forward,
            Self::ForwardThenAgent { .. } => RoutingActionKind::ForwardThenAgent,
            Self::Message { .. } => RoutingActionKind::Message,
            Self::Reject => RoutingActionKind::Reject,
        }
    }
}
