//! Routing rules as a client writes them.

use async_graphql::InputObject;

use super::{RoutingActionKind, Weekday};
use crate::domain::{ActionDraft, ConditionDraft, E164, RuleDraft};
use crate::graphql::model::Checked;

/// What is done with a call, by its time and its caller.
#[derive(Debug, InputObject)]
pub(crate) struct RoutingRuleInput {
    /// Its name: 1 to 100 characters, the only one of this name among the number's rules.
    name: String,
    /// Which calls it is for. `{}`: every call.
    condition: RoutingConditionInput,
    /// What is done with them.
    action: RoutingActionInput,
}

/// Which calls a rule is for: everything given must hold.
#[derive(Debug, InputObject)]
pub(crate) struct RoutingConditionInput {
    /// On these days of the week, in `timeZone`. A window over midnight belongs to the day on which it began.
    days: Option<Vec<Weekday>>,
    /// From this minute of the day on, `HH:MM` in `timeZone`; needs `to` beside it.
    from: Option<String>,
    /// Before this minute of the day, `HH:MM` in `timeZone`; needs `from` beside it. Earlier than `from`: the window runs
    /// over midnight. Midnight is `00:00`.
    to: Option<String>,
    /// The time zone whose clock is read, by its name in the IANA database: `Europe/Berlin`. Needed with `from`, `to`,
    /// `days` and `dates`. Its daylight saving is followed: an hour that is left out never comes, one that is repeated comes
    /// twice.
    time_zone: Option<String>,
    /// On these dates, such as holidays, `YYYY-MM-DD` in `timeZone`; at most 366. A window over midnight belongs to the
    /// date on which it began.
    dates: Option<Vec<String>>,
    /// From these numbers in E.164 form, or numbers that begin so: `+12125550123`, `+1212`; or from callers who show
    /// exactly this address, short code (3 to 6 digits) or word: `sip:desk@example.com`, `client:alice`, `911`; at most 500.
    /// `anonymous`: from callers whom the carrier calls hidden.
    callers: Option<Vec<String>>,
}

/// What is done with a call.
#[derive(Debug, InputObject)]
pub(crate) struct RoutingActionInput {
    /// What is done.
    kind: RoutingActionKind,
    /// Which number rings: needed for FORWARD and FORWARD_THEN_AGENT, and not the number itself. Refused unless `viewer.limits`
    /// allows its country and its kind.
    forward_to: Option<Checked<E164>>,
    /// For how long it rings, 5 to 60 seconds: needed for FORWARD_THEN_AGENT; 20 for FORWARD when unset.
    ring_seconds: Option<i32>,
    /// What the caller hears, 1 to 500 characters in the agent's language: needed for MESSAGE.
    message: Option<String>,
}

impl From<RoutingRuleInput> for RuleDraft {
    fn from(input: RoutingRuleInput) -> Self {
        let RoutingRuleInput { name, condition, action } = input;
        Self {
            name,
            condition: ConditionDraft {
                days: condition.days.map(|days| days.into_iter().map(Into::into).collect()),
                from: condition.from,
                to: condition.to,
                time_zone: condition.time_zone,
                dates: condition.dates,
                callers: condition.callers,
            },
            action: ActionDraft {
                kind: action.kind.into(),
                forward_to: action.forward_to.map(|number| number.0),
                ring_seconds: action.ring_seconds,
                message: action.message,
            },
        }
    }
}
