//! Routing rules: what is done with a call to a number, by the time and the caller. The first rule that applies decides;
//! where none does, the number's agent answers.
//!
//! Times are a wall clock's in the rule's time zone: an hour that a change of clocks leaves out never comes, one that it
//! repeats comes twice.

mod check;
mod decide;
mod reach;

pub use check::{ActionDraft, ConditionDraft, RuleDraft};
pub use decide::Decision;

use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;

use chrono::{NaiveDate, NaiveTime, Weekday};
use chrono_tz::Tz;
use serde::{Deserialize, Serialize};

use super::{E164, Invalid, e164::is_withheld, serde_as_text, text_enum};

/// A number's rules, in their order: checked, and each can apply.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct RoutingRules(Vec<RoutingRule>);

impl RoutingRules {
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
    pub time_zone: Tz,
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

/// The word for callers who show no number.
const HIDDEN: &str = "anonymous";

/// Callers: those whose numbers begin like this, `+` and 1 to 15 digits, or those who show none, `anonymous`. A whole
/// number is the longest of its beginnings.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct CallerPattern(String);

impl CallerPattern {
    fn is_hidden(&self) -> bool {
        self.0 == HIDDEN
    }
}

impl FromStr for CallerPattern {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        let kept = text.trim().chars().filter(|c| !matches!(c, ' ' | '-' | '.' | '(' | ')' | '\u{a0}'));
        let pattern: String = kept.collect();
        // Copied from a call on record, what the carrier writes for a hidden caller means hidden callers.
        if pattern.eq_ignore_ascii_case(HIDDEN) || is_withheld(&pattern) {
            return Ok(Self(HIDDEN.to_owned()));
        }
        let digits = pattern.strip_prefix('+').unwrap_or_default();
        let well_formed = (1..=15).contains(&digits.len()) && digits.bytes().all(|b| b.is_ascii_digit());
        if !well_formed || digits.starts_with('0') {
            return Err(Invalid::new(
                "a caller is a number in E.164 form, like +12125550123, or how numbers begin, like +1212, or the word \
                 anonymous for those who show none",
            ));
        }
        Ok(Self(pattern))
    }
}

impl fmt::Display for CallerPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for CallerPattern {
    /// Masked: it may be somebody's whole number.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "CallerPattern({})", super::mask(&self.0))
    }
}

serde_as_text!(CallerPattern);

/// The one of these that means this caller, if any does; a hidden caller is `None`.
fn pattern_of<'a>(caller: Option<&str>, among: &'a BTreeSet<CallerPattern>) -> Option<&'a CallerPattern> {
    let Some(number) = caller else { return among.iter().find(|pattern| pattern.is_hidden()) };
    // Digits and a plus sign: every byte is a character.
    let beginnings = (2..=number.len()).filter_map(|length| number.get(..length));
    beginnings.map(|beginning| CallerPattern(beginning.to_owned())).find_map(|pattern| among.get(&pattern))
}
