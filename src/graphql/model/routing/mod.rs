//! Routing rules, and what they decide.

mod input;

pub(crate) use input::RoutingRuleInput;

use async_graphql::{Context, Enum, Object, SimpleObject};

use super::call::CallOutcome;
use crate::domain::{self, E164};
use crate::graphql::context::ContextExt;
use crate::graphql::errors::ApiError;
use crate::graphql::loaders::RulesOf;

/// What is done with a call, by its time and its caller. A number's rules are read from the first on, and the first that
/// applies decides; where none does, the agent answers.
#[derive(Debug, Clone, SimpleObject)]
pub(crate) struct RoutingRule {
    /// Its name, the only one of this name among the number's rules.
    name: String,
    /// Which calls it is for.
    condition: RoutingCondition,
    /// What is done with them.
    action: RoutingAction,
}

/// Which calls a rule is for: everything that is not null must hold. With nothing given, every call.
#[derive(Debug, Clone, SimpleObject)]
pub(crate) struct RoutingCondition {
    /// On these days of the week, in `timeZone`. A window over midnight belongs to the day on which it began.
    days: Option<Vec<Weekday>>,
    /// From this minute of the day on, `HH:MM` in `timeZone`.
    from: Option<String>,
    /// Before this minute of the day, `HH:MM` in `timeZone`. Earlier than `from`: the window runs over midnight.
    to: Option<String>,
    /// The time zone whose clock is read, by its name in the IANA database. Its daylight saving is followed.
    time_zone: Option<String>,
    /// On these dates, `YYYY-MM-DD` in `timeZone`. A window over midnight belongs to the date on which it began.
    dates: Option<Vec<String>>,
    /// From numbers that are these or begin with them, or from callers who show exactly these addresses, short codes or
    /// words; `anonymous`: from callers whom the carrier calls hidden.
    callers: Option<Vec<String>>,
}

/// What is done with a call.
#[derive(Debug, Clone, SimpleObject)]
pub(crate) struct RoutingAction {
    /// What is done.
    kind: RoutingActionKind,
    /// Which number rings.
    forward_to: Option<E164>,
    /// For how long it rings, in seconds; 20 when null.
    ring_seconds: Option<i32>,
    /// What the caller hears.
    message: Option<String>,
}

/// What is done with a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "crate::domain::RoutingActionKind")]
pub(crate) enum RoutingActionKind {
    /// The agent answers, as without rules.
    Agent,
    /// The number `forwardTo` rings; when nobody answers there, the caller hears a sentence. Takes none of the plan's
    /// concurrent calls.
    Forward,
    /// The number `forwardTo` rings for `ringSeconds`; when nobody answers there, the agent does.
    ForwardThenAgent,
    /// The caller hears `message`, in the agent's language, and the call ends. Takes none of the plan's concurrent calls.
    Message,
    /// The call is not answered; it costs nothing. Takes none of the plan's concurrent calls.
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

/// Bytes that rules take in an answer, more or less.
pub(crate) fn size_of_rules(rules: &domain::RoutingRules) -> usize {
    rules.as_slice().iter().map(size_of_rule).sum()
}

fn size_of_rule(rule: &domain::RoutingRule) -> usize {
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

/// What was, or would be, decided for a call.
#[derive(Debug, Clone)]
pub(crate) struct CallDecision {
    /// Who or what answers.
    pub(crate) outcome: domain::CallOutcome,
    /// By which rule, and why.
    pub(crate) decision: domain::Decision,
    /// The number called, which has the rules.
    pub(crate) number: domain::NumberId,
}

/// What was decided for a call, or would be: by which rule, and what came of it.
#[Object]
impl CallDecision {
    /// Who or what answers.
    async fn outcome(&self) -> CallOutcome {
        self.outcome.into()
    }

    /// Why, in plain words: which rule applies, and each step since.
    async fn reason(&self) -> &str {
        &self.decision.reason
    }

    /// The name of the rule that applies; null when none did and the agent was to answer.
    async fn rule_name(&self) -> Option<&str> {
        self.decision.rule.as_ref().map(|rule| rule.name.as_str())
    }

    /// What that rule does.
    async fn action(&self) -> Option<RoutingAction> {
        self.decision.rule.as_ref().map(|rule| (&rule.action).into())
    }

    /// The `routingVersion` of the rules it is one of; null when no rule applies, or when that was not kept.
    async fn routing_version(&self) -> Option<i32> {
        self.decision.rule.as_ref().and_then(|rule| rule.version)
    }

    /// The rule that applies, whole; null when none did, and once the number has other rules: `ruleName`, `action` and
    /// `reason` stay.
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
