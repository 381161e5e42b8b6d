//! Routing rules: what is done with a call to a number, by the time and the caller. The first rule that applies decides;
//! where none does, the number's agent answers.
//!
//! Times are a wall clock's in the rule's time zone: an hour that a change of clocks leaves out never comes, one that it
//! repeats comes twice.

mod caller;
mod cause;
mod check;
mod decide;
mod reach;
mod zone;

pub use caller::{CallerId, CallerPattern};
pub use cause::{Cause, Causes, NotDialed};
pub use check::{ActionDraft, ConditionDraft, RuleDraft};
pub use decide::{AppliedRule, Decision};
pub use zone::{Zone, ZoneData};

use std::collections::BTreeSet;

use chrono::{NaiveDate, NaiveTime, Weekday};
use serde::{Deserialize, Serialize};

use super::{E164, text_enum};
use caller::pattern_of;

/// A number's rules, in their order: checked, and each can apply.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct RoutingRules(Vec<RoutingRule>);

impl RoutingRules {
    /// The numbers that calls are forwarded to.
    pub fn forwards(&self) -> impl Iterator<Item = &E164> {
        self.0.iter().filter_map(|rule| rule.action.forwards_to())
    }

    /// The rules, in their order.
    #[must_use]
    pub fn as_slice(&self) -> &[RoutingRule] {
        &self.0
    }
}

/// What is done with the calls of a condition.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct RoutingRule {
    /// Its name, the only one of this name among a number's rules.
    pub name: String,
    /// Which calls.
    pub condition: RoutingCondition,
    /// What is done with them.
    pub action: RoutingAction,
}

/// Which calls: everything given must hold. With nothing given, every call.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
pub struct RoutingCondition {
    /// When they come in.
    pub when: Option<When>,
    /// Who calls: one of these; anybody when empty.
    pub callers: BTreeSet<CallerPattern>,
}

/// A time of the week or of the year. Everything given must hold, and something is.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct When {
    /// Whose clock is read.
    pub time_zone: Zone,
    /// On these days; on all when empty. After midnight a window still belongs to the day on which it began.
    pub days: Vec<Weekday>,
    /// At this time of the day.
    pub window: Option<Window>,
    /// On these dates, read as `days` is; on all when empty.
    pub dates: BTreeSet<NaiveDate>,
}

/// A time of the day: from one minute on, and before another. One that ends before it begins runs over midnight.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Window {
    /// Its first minute.
    pub from: NaiveTime,
    /// The minute after its last.
    pub to: NaiveTime,
}

impl Window {
    fn is_over_midnight(self) -> bool {
        self.to < self.from
    }
}

/// What is done with a call.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum RoutingAction {
    /// The number's agent answers.
    Agent,
    /// Another number rings; when nobody answers there, the caller hears a sentence.
    Forward {
        /// Which number.
        to: E164,
        /// For how long, in seconds; as long as a fallback number when unset.
        ring_seconds: Option<u16>,
    },
    /// Another number rings; when nobody answers there, the agent does.
    ForwardThenAgent {
        /// Which number.
        to: E164,
        /// For how long, in seconds.
        ring_seconds: u16,
    },
    /// The caller hears this, and the call ends.
    Message {
        /// What is said, in the agent's language.
        text: String,
    },
    /// The call is not answered.
    Reject,
}

text_enum! {
    /// What is done with a call, without its particulars.
    RoutingActionKind {
        /// [`RoutingAction::Agent`].
        Agent = "AGENT",
        /// [`RoutingAction::Forward`].
        Forward = "FORWARD",
        /// [`RoutingAction::ForwardThenAgent`].
        ForwardThenAgent = "FORWARD_THEN_AGENT",
        /// [`RoutingAction::Message`].
        Message = "MESSAGE",
        /// [`RoutingAction::Reject`].
        Reject = "REJECT",
    }
}

impl RoutingAction {
    /// The number that rings.
    #[must_use]
    pub fn forwards_to(&self) -> Option<&E164> {
        match self {
            Self::Forward { to, .. } | Self::ForwardThenAgent { to, .. } => Some(to),
            Self::Agent | Self::Message { .. } | Self::Reject => None,
        }
    }

    /// Its kind.
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
