//! The mutation `setRoutingRules`: replaces the routing rules of a number.

use async_graphql::{Context, ID, InputObject, Object};

use crate::domain::{self, E164, Invalid, NumberId, NumberStatus, Refusal, RefusalCode, RoutingRules};
use crate::graphql::context::{ContextExt, Session};
use crate::graphql::errors::ApiError;
use crate::graphql::model::{PhoneNumber, RoutingRuleInput, UserError};
use crate::graphql::mutations::input;
use crate::graphql::mutations::outcome::{Outcome, Stop};

/// Input of `setRoutingRules`.
#[derive(Debug, InputObject)]
pub(crate) struct SetRoutingRulesInput {
    /// Id of the number.
    phone_number_id: ID,
    /// The `routingVersion` that these rules are based on: if the rules have changed since, the request is
    /// rejected. Default: replace whatever is there.
    expected_version: Option<i32>,
    /// All rules of the number, at most 50, in the order of evaluation; existing rules are replaced. An empty
    /// list: the agent answers every call. A rule that can never apply because of earlier ones is rejected.
    rules: Vec<RoutingRuleInput>,
}

/// Payload of `setRoutingRules`: what was accepted, or why nothing was.
pub(crate) struct SetRoutingRulesPayload(Outcome<PhoneNumber>);

/// Result of `setRoutingRules`.
#[Object]
impl SetRoutingRulesPayload {
    /// The number with its new rules; `null` if there are `userErrors`.
    async fn phone_number(&self) -> Option<&PhoneNumber> {
        self.0.accepted()
    }

    /// Errors that the client can correct. If there are any, the old rules remain. `field` is a path:
    /// `["input", "rules", "2", "condition", "timeZone"]` is the third rule's time zone.
    async fn user_errors(&self) -> Vec<UserError> {
        self.0.user_errors(|_| None)
    }
}

/// Holds the root field `setRoutingRules`; [`super::super::Mutation`] merges it with the others.
#[derive(Debug, Default)]
pub(crate) struct SetRoutingRules;

#[Object]
impl SetRoutingRules {
    /// Replaces a number's routing rules, which decide by time and caller what happens to its calls. Applies
    /// from the next call.
    #[graphql(complexity = "child_complexity + 10")]
    async fn set_routing_rules(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The number and its rules.")] input: SetRoutingRulesInput,
    ) -> Option<Result<SetRoutingRulesPayload, ApiError>> {
        let set = async || set(ctx.session()?, input).await;
        Some(Outcome::of(set().await).map(SetRoutingRulesPayload))
    }
}

async fn set(session: &Session, input: SetRoutingRulesInput) -> Result<PhoneNumber, Stop> {
    session.owner()?;
    let id: NumberId = input::id("phoneNumberId", &input.phone_number_id)?;
    let no_number = || Refusal::not_found("phone number", "phoneNumberId");
    let present = session.reader().await?.number(id).await?.ok_or_else(no_number)?;
    let checked = check(session, input.rules, present.number).await;
    let (rules, faults) = match checked {
        Ok(rules) => (Some(rules), Vec::new()),
        Err(Stop::Refused(faults)) => (None, faults),
        Err(broken) => return Err(broken),
    };
    let store = session.writer().await?;
    // Read again in this transaction: the number may have changed during the check.
    let present = store.number(id).await?.ok_or_else(no_number)?;
    let mut refusals = conflicts(&present, input.expected_version);
    refusals.extend(faults);
    let Some(rules) = rules.filter(|_| refusals.is_empty()) else { return Err(Stop::Refused(refusals)) };
    // Last, since it queries for each rule: rules that are rejected anyway cost no query.
    let dialing = session.provisioning().dialing().for_tenant(&store.tenant().await?.dialing);
    for (nth, rule) in rules.as_slice().iter().enumerate() {
        let Some(to) = rule.action.forwards_to() else { continue };
        let why = if let Err(Invalid(why)) = dialing.check(to) {
            why
        } else if store.leads_to(to, std::slice::from_ref(&present.number)).await? {
            "this number forwards calls to the number with these rules, so they would ring each other: choose another number"
                .to_owned()
        } else {
            continue;
        };
        let path = ["input", "rules", &nth.to_string(), "action", "forwardTo"].map(str::to_owned);
        refusals.push(Refusal { field: path.into(), ..Refusal::new(RefusalCode::InvalidInput, why) });
    }
    if !refusals.is_empty() {
        return Err(Stop::Refused(refusals));
    }
    let number = store.set_routing_rules(id, &rules).await?.ok_or_else(no_number)?;
    store.audit("setRoutingRules", id).await?;
    store.commit().await?;
    Ok(number.into())
}

/// Checks rules for this number. This may take long, so no transaction is open, and it runs apart from the
/// tasks that answer calls.
async fn check(session: &Session, rules: Vec<RoutingRuleInput>, number: E164) -> Result<RoutingRules, Stop> {
    drop(session.release().await);
    let drafts = rules.into_iter().map(Into::into).collect();
    let checking = tokio::task::spawn_blocking(move || RoutingRules::check(drafts, &number));
    checking.await.map_err(ApiError::internal)?.map_err(Stop::Refused)
}

/// Errors in changing this number's rules now, based on that version.
fn conflicts(number: &domain::PhoneNumber, expected: Option<i32>) -> Vec<Refusal> {
    let mut refusals = Vec::new();
    if number.status == NumberStatus::Released {
        let why = "this number was released and takes no calls".to_owned();
        refusals.push(Refusal::invalid("phoneNumberId", &Invalid(why)));
    }
    let version = number.routing_version;
    if let Some(expected) = expected.filter(|expected| *expected != version) {
        let why = format!(
            "the rules are at version {version}, not {expected}: read them again before changing them"
        );
        refusals.push(Refusal::invalid("expectedVersion", &Invalid(why)));
    }
    refusals
}
