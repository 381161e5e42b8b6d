//! Routing rules and routing decisions.

mod call_group;
mod input;

pub(crate) use call_group::{CallGroup, CallGroupStrategy};
pub(crate) use input::RoutingRuleInput;

use async_graphql::{Context, Enum, Object, SimpleObject};

use super::call::CallOutcome;
use crate::domain::{self, E164};
use crate::graphql::context::ContextExt;
use crate::graphql::errors::ApiError;
use crate::graphql::loaders::RulesOf;

/// A routing rule of a number. Rules are evaluated in order; the first whose condition matches decides. If none
/// matches, the agent answers.
#[derive(Debug, Clone, SimpleObject)]
pub(crate) struct RoutingRule {
    /// Name of the rule, unique among the number's rules.
    name: String,
    /// Which calls the rule applies to.
    condition: RoutingCondition,
    /// What happens to those calls.
    action: RoutingAction,
}

/// Condition of a routing rule. All parts that are not `null` must match; without any, every call matches.
#[derive(Debug, Clone, SimpleObject)]
pub(crate) struct RoutingCondition {
    /// Days of the week in `timeZone`. A window that spans midnight belongs to the day on which it starts.
    days: Option<Vec<Weekday>>,
    /// Start of the time window, inclusive: `HH:MM` in `timeZone`.
    from: Option<String>,
    /// End of the time window, exclusive: `HH:MM` in `timeZone`. If it is earlier than `from`, the window spans
    /// midnight.
    to: Option<String>,
    /// IANA time zone name. Daylight saving is observed.
    time_zone: Option<String>,
    /// Dates in `timeZone`: `YYYY-MM-DD`. A window that spans midnight belongs to the date on which it starts.
    dates: Option<Vec<String>>,
    /// Callers: numbers or prefixes of numbers, exact addresses, short codes or words; `anonymous` for callers
    /// that the carrier reports as hidden.
    callers: Option<Vec<String>>,
}

/// Action of a routing rule.
#[derive(Debug, Clone, SimpleObject)]
pub(crate) struct RoutingAction {
    /// Kind of action.
    kind: RoutingActionKind,
    /// The number to ring; `null` unless the action forwards.
    forward_to: Option<E164>,
    /// How long to ring, in seconds. `null`: 20 for FORWARD.
    ring_seconds: Option<i32>,
    /// What the caller hears; `null` unless the action is MESSAGE.
    message: Option<String>,
}

/// Kind of a routing action.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "crate::domain::RoutingActionKind")]
pub(crate) enum RoutingActionKind {
    /// The agent answers, as without rules.
    Agent,
    /// The number `forwardTo` rings. If nobody answers, the caller hears a message. Takes no call slot.
    Forward,
    /// The number `forwardTo` rings for `ringSeconds`. If nobody answers, the agent does.
    ForwardThenAgent,
    /// The caller hears `message` in the agent's language, and the call ends. Takes no call slot.
    Message,
    /// The call is not answered and costs nothing. Takes no call slot.
    Reject,
}

/// A day of the week.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "chrono::Weekday")]
pub(crate) enum Weekday {
    /// Monday.
    #[graphql(name = "MONDAY")]
    Mon,
    /// Tuesday.
    #[graphql(name = "TUESDAY")]
    Tue,
    /// Wednesday.
    #[graphql(name = "WEDNESDAY")]
    Wed,
    /// Thursday.
    #[graphql(name = "THURSDAY")]
    Thu,
    /// Friday.
    #[graphql(name = "FRIDAY")]
    Fri,
    /// Saturday.
    #[graphql(name = "SATURDAY")]
    Sat,
    /// Sunday.
    #[graphql(name = "SUNDAY")]
    Sun,
}

/// Approximate bytes of rules in a response.
pub(crate) fn size_of_rules(rules: &domain::RoutingRules) -> usize {
    rules.as_slice().iter().map(size_of_rule).sum()
}

fn size_of_rule(rule: &domain::RoutingRule) -> usize {
    // With two quotes and a comma each, as for the ten characters of a date.
    let callers: usize = rule.condition.callers.iter().map(|caller| caller.as_str().len() + 3).sum();
    let dates = rule.condition.when.as_ref().map_or(0, |when| when.dates.len()) * 13;
    let message = if let domain::RoutingAction::Message { text } = &rule.action { text.len() } else { 0 };
    250 + rule.name.len() + callers + dates + message
}

impl From<&domain::RoutingRule> for RoutingRule {
    fn from(rule: &domain::RoutingRule) -> Self {
        let domain::RoutingRule { name, condition, action } = rule;
        Self { name: name.clone(), condition: condition.into(), action: action.into() }
    }
}

impl From<&domain::RoutingCondition> for RoutingCondition {
    fn from(condition: &domain::RoutingCondition) -> Self {
        fn some<T>(list: Vec<T>) -> Option<Vec<T>> {
            Some(list).filter(|list| !list.is_empty())
        }
        let when = condition.when.as_ref();
        let window = when.and_then(|when| when.window);
        Self {
            days: when.and_then(|when| some(when.days.iter().map(|day| (*day).into()).collect())),
            from: window.map(|window| window.from.format("%H:%M").to_string()),
            to: window.map(|window| window.to.format("%H:%M").to_string()),
            time_zone: when.map(|when| when.time_zone.name().to_owned()),
            dates: when.and_then(|when| some(when.dates.iter().map(ToString::to_string).collect())),
            callers: some(condition.callers.iter().map(ToString::to_string).collect()),
        }
    }
}

impl From<&domain::RoutingAction> for RoutingAction {
    fn from(action: &domain::RoutingAction) -> Self {
        let bare = Self { kind: action.kind().into(), forward_to: None, ring_seconds: None, message: None };
        match action {
            domain::RoutingAction::Agent | domain::RoutingAction::Reject => bare,
            domain::RoutingAction::Forward { to, ring_seconds } => {
                Self { forward_to: Some(to.clone()), ring_seconds: ring_seconds.map(Into::into), ..bare }
            }
            domain::RoutingAction::ForwardThenAgent { to, ring_seconds } => {
                let ring_seconds = Some((*ring_seconds).into());
                Self { forward_to: Some(to.clone()), ring_seconds, ..bare }
            }
            domain::RoutingAction::Message { text } => Self { message: Some(text.clone()), ..bare },
        }
    }
}

/// A routing decision, of a recorded or of a simulated call.
#[derive(Debug, Clone)]
pub(crate) struct CallDecision {
    /// Who or what answers.
    pub(crate) outcome: domain::CallOutcome,
    /// The rule and the reason.
    pub(crate) decision: domain::Decision,
    /// The called number, which has the rules.
    pub(crate) number: domain::NumberId,
}

/// A routing decision: who answers a call, by which rule, and why.
#[Object]
impl CallDecision {
    /// Who or what answers.
    async fn outcome(&self) -> CallOutcome {
        self.outcome.into()
    }

    /// Explanation for people: the rule that applied, and what happened since.
    async fn reason(&self) -> &str {
        &self.decision.reason
    }

    /// Name of the rule that applied; `null` if none did.
    async fn rule_name(&self) -> Option<&str> {
        self.decision.rule.as_ref().map(|rule| rule.name.as_str())
    }

    /// Action of the rule that applied; `null` if none did.
    async fn action(&self) -> Option<RoutingAction> {
        self.decision.rule.as_ref().map(|rule| (&rule.action).into())
    }

    /// The `routingVersion` at the time of the decision; `null` if no rule applied, or if it was not recorded.
    async fn routing_version(&self) -> Option<i32> {
        self.decision.rule.as_ref().and_then(|rule| rule.version)
    }

    /// The complete rule; `null` if none applied, or if the number has other rules by now. `ruleName`, `action`
    /// and `reason` remain.
    #[graphql(complexity = "child_complexity + 1")]
    async fn rule(&self, ctx: &Context<'_>) -> Result<Option<RoutingRule>, ApiError> {
        let Some(applied) = &self.decision.rule else { return Ok(None) };
        let Some(version) = applied.version else { return Ok(None) };
        let found = Box::pin(ctx.loaders()?.load_one(RulesOf(self.number))).await?;
        let Some(found) = found.filter(|found| found.0 == version) else { return Ok(None) };
        let Some(rule) = found.1.as_slice().iter().find(|rule| rule.name == applied.name) else {
            return Ok(None);
        };
        ctx.session()?.spend(size_of_rule(rule))?;
        Ok(Some(rule.into()))
    }
}
