//! Input types of routing rules.

use async_graphql::InputObject;

use super::{RoutingActionKind, Weekday};
use crate::domain::{ActionDraft, ConditionDraft, E164, RuleDraft};
use crate::graphql::model::Checked;

/// A routing rule: calls that match the condition get the action.
#[derive(Debug, InputObject)]
pub(crate) struct RoutingRuleInput {
    /// Name of the rule: 1 to 100 characters, unique among the number's rules.
    name: String,
    /// Which calls the rule applies to. `{}` matches every call.
    condition: RoutingConditionInput,
    /// What happens to those calls.
    action: RoutingActionInput,
}

/// Condition of a routing rule. All given parts must match.
#[derive(Debug, InputObject)]
pub(crate) struct RoutingConditionInput {
    /// Days of the week in `timeZone`. A window that spans midnight belongs to the day on which it starts.
    days: Option<Vec<Weekday>>,
    /// Start of the time window, inclusive: `HH:MM` in `timeZone`. Requires `to`.
    from: Option<String>,
    /// End of the time window, exclusive: `HH:MM` in `timeZone`; midnight is `00:00`. If it is earlier than
    /// `from`, the window spans midnight. Requires `from`.
    to: Option<String>,
    /// IANA time zone name, such as `Europe/Berlin`. Required with `from`, `to`, `days` or `dates`. Daylight
    /// saving is observed: a skipped hour never matches, a repeated one matches twice.
    time_zone: Option<String>,
    /// Dates in `timeZone`, such as holidays: `YYYY-MM-DD`, at most 366. A window that spans midnight belongs
    /// to the date on which it starts.
    dates: Option<Vec<String>>,
    /// Callers, at most 500: E.164 numbers or their prefixes (`+12125550123`, `+1212`); exact addresses, short
    /// codes of 3 to 6 digits or words (`sip:desk@example.com`, `client:alice`, `911`); `anonymous` for callers
    /// that the carrier reports as hidden.
    callers: Option<Vec<String>>,
}

/// Action of a routing rule.
#[derive(Debug, InputObject)]
pub(crate) struct RoutingActionInput {
    /// Kind of action.
    kind: RoutingActionKind,
    /// The number to ring; not the called number itself. Required for FORWARD and FORWARD_THEN_AGENT. Rejected
    /// unless `viewer.limits` allows its country and kind.
    forward_to: Option<Checked<E164>>,
    /// How long to ring, in seconds: 5 to 60. Required for FORWARD_THEN_AGENT; default 20 for FORWARD.
    ring_seconds: Option<i32>,
    /// What the caller hears, in the agent's language: 1 to 500 characters. Required for MESSAGE.
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
                // Valid or not: the check reports an invalid number together with all other faults.
                forward_to: action.forward_to.map(|number| number.0),
                ring_seconds: action.ring_seconds,
                message: action.message,
            },
        }
    }
}
