//! `setRoutingRules`.

use async_graphql::{Context, ID, InputObject, Object};

use super::input;
use super::outcome::{Outcome, Stop};
use crate::domain::{self, E164, Invalid, NumberId, NumberStatus, Refusal, RefusalCode, RoutingRules};
use crate::graphql::context::{ContextExt, Session};
use crate::graphql::errors::ApiError;
use crate::graphql::model::{PhoneNumber, RoutingRuleInput, UserError};

/// A number's rules, all of them: what is not among them is gone.
#[derive(Debug, InputObject)]
pub(crate) struct SetRoutingRulesInput {
    /// The number's id.
    phone_number_id: ID,
    /// The `routingVersion` these rules are made from: when another change came between, they are refused. Unset: they
    /// replace whatever is there.
    expected_version: Option<i32>,
    /// The rules, at most 50; the first that applies decides. None: the agent answers every call. One that cannot apply
    /// behind those before it is refused.
    rules: Vec<RoutingRuleInput>,
}

/// What came of `setRoutingRules`.
pub(crate) struct SetRoutingRulesPayload(Outcome<PhoneNumber>);

/// What came of `setRoutingRules`.
#[Object]
impl SetRoutingRulesPayload {
    /// The number with its new rules. Null when nothing was changed because of `userErrors`.
    async fn phone_number(&self) -> Option<&PhoneNumber> {
        self.0.accepted()
    }

    /// What you can put right, each with its field's path: `["input", "rules", "2", "condition", "timeZone"]` is about
    /// the third rule. The old rules hold then.
    async fn user_errors(&self) -> Vec<UserError> {
        self.0.user_errors(|_| None)
    }
}

/// The mutation.
#[derive(Debug, Default)]
pub(super) struct SetRoutingRules;

#[Object]
impl SetRoutingRules {
    /// Says what is done with calls to a number, by their time and their caller. Holds from the next call on.
    #[graphql(complexity = "child_complexity + 10")]
    async fn set_routing_rules(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which number, and its rules.")] input: SetRoutingRulesInput,
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
    let present = store.number(id).await?.ok_or_else(no_number)?;
    let mut refusals = conflicts(&present, input.expected_version);
    refusals.extend(faults);
    let Some(rules) = rules.filter(|_| refusals.is_empty()) else { return Err(Stop::Refused(refusals)) };
    let dialing = session.provisioning().dialing().for_tenant(&store.tenant().await?.dialing);
    for (nth, rule) in rules.as_slice().iter().enumerate() {
        let Some(to) = rule.action.forwards_to() else { continue };
        let why = if let Err(Invalid(why)) = dialing.check(to) {
            why
        } else if store.leads_to(to, std::slice::from_ref(&present.number)).await? {
            "this number passes calls on to the one with these rules, so that they would ring each other: name another"
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

/// Checks rules for this number, which may take a while: with no transaction open, and beside the tasks that answer calls.
async fn check(session: &Session, rules: Vec<RoutingRuleInput>, number: E164) -> Result<RoutingRules, Stop> {
    drop(session.release().await);
    let drafts = rules.into_iter().map(Into::into).collect();
    let checking = tokio::task::spawn_blocking(move || RoutingRules::check(drafts, &number));
    checking.await.map_err(ApiError::internal)?.map_err(Stop::Refused)
}

/// What is wrong with changing this number's rules now, made from that version.
fn conflicts(number: &domain::PhoneNumber, expected: Option<i32>) -> Vec<Refusal> {
    let mut refusals = Vec::new();
    if number.status == NumberStatus::Released {
        let why = "this number was given back: it takes no calls any more".to_owned();
        refusals.push(Refusal::invalid("phoneNumberId", &Invalid(why)));
    }
    let version = number.routing_version;
    if let Some(expected) = expected.filter(|expected| *expected != version) {
        let why =
            format!("the rules are at version {version}, not {expected}: read them again, then change them");
        refusals.push(Refusal::invalid("expectedVersion", &Invalid(why)));
    }
    refusals
}
