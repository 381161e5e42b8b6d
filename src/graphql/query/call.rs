//! `calls` and `simulateCall`.

use async_graphql::{Context, Object};

use crate::domain::{AnsweringAgent, CallerId, E164, NumberStatus, PhoneNumber, RoutingRules};
use crate::graphql::context::{ContextExt, Session};
use crate::graphql::errors::ApiError;
use crate::graphql::model::{Call, CallDecision, CallFilter, Connection, DateTime, PageArgs, cost};
use crate::routing::{Imagined, Room};

/// As much of a caller's name as the carrier sends.
const LONGEST_CALLER: usize = 255;

/// Questions about calls.
#[derive(Debug, Default)]
pub(super) struct CallQuery;

#[Object]
impl CallQuery {
    /// The calls to your numbers, newest first.
    #[graphql(
        complexity = "cost(|arg| __ctx.param_value(__variables_definition, __field, arg, None), child_complexity)"
    )]
    async fn calls(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "How many, from the beginning or after `after`: 1 to 100, 20 when unset.")]
        first: Option<i32>,
        #[graphql(desc = "Only what comes after this cursor.")] after: Option<String>,
        #[graphql(desc = "How many, from the end or before `before`: 1 to 100.")] last: Option<i32>,
        #[graphql(desc = "Only what comes before this cursor.")] before: Option<String>,
        #[graphql(desc = "Which calls; all when unset.")] filter: Option<CallFilter>,
    ) -> Result<Connection<Call>, ApiError> {
        let page = PageArgs { first, after, last, before };
        Connection::read(ctx, &page, filter.unwrap_or_default().try_into()?).await
    }

    /// What would happen to a call to one of your numbers, and why; null when none of those that take calls is this one.
    /// Nothing is recorded and nobody is called. The number's rules, the agent's state and the plan's concurrent calls
    /// count as they are now; that both providers do their part is taken for granted. A number that would bring the call
    /// back is not dialled, as in a real call: the caller's, the one that passed the call on, and one of yours that leads back
    /// to the number called. Other tenants' numbers are not looked into. Not for an agent's token.
    #[graphql(complexity = "child_complexity + 5")]
    async fn simulate_call(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The number called: one that takes calls.")] number: E164,
        #[graphql(
            desc = "The caller as the carrier would send it: a number in E.164 form, an address like `sip:…`, a word such as `anonymous`; a hidden caller when unset."
        )]
        from: Option<String>,
        #[graphql(desc = "When; now when unset.")] at: Option<DateTime>,
        #[graphql(
            desc = "The number that passed the call on to yours, as the carrier tells of it; a direct call when unset."
        )]
        forwarded_from: Option<E164>,
    ) -> Option<Result<CallDecision, ApiError>> {
        let asked = Asked { number: &number, from: from.as_deref(), forwarded_from: forwarded_from.as_ref() };
        let simulate = async || simulate(ctx.session()?, asked, at).await;
        Box::pin(simulate()).await.transpose()
    }
}

/// The call that is asked about.
struct Asked<'a> {
    number: &'a E164,
    from: Option<&'a str>,
    forwarded_from: Option<&'a E164>,
}

async fn simulate(
    session: &Session,
    asked: Asked<'_>,
    at: Option<DateTime>,
) -> Result<Option<CallDecision>, ApiError> {
    session.owner()?;
    let caller = asked.from.map_or(Ok(CallerId::Hidden), read_caller)?;
    let at = at.map_or_else(|| session.services().clock.now(), |at| at.0);
    let store = session.reader().await?;
    let takes_calls = |number: &PhoneNumber| NumberStatus::TAKING_CALLS.contains(&number.status);
    let found = store.number_by_e164(asked.number).await?.filter(takes_calls);
    let Some(number) = found else { return Ok(None) };
    let Some(agent) = store.agent(number.agent_id).await? else { return Ok(None) };
    let tenant = store.tenant().await?;
    let dialing = session.provisioning().dialing().for_tenant(&tenant.dialing);
    let room = Room::counted(tenant.limits, store.active_calls().await?);
    let rules = store.routing_rules(&[number.id]).await?.remove(&number.id);
    let (version, rules) = rules.unwrap_or((number.routing_version, RoutingRules::default()));
    let decision = rules.decide(&caller, at).of_version(version);
    let call = Imagined {
        decision: &decision,
        agent: &AnsweringAgent::from(&agent),
        called: &number.number,
        caller: &caller,
        forwarded_from: asked.forwarded_from,
        room,
        dialing: &dialing,
    };
    let mut leading_back = Vec::new();
    for dialled in call.dials() {
        if store.leads_to(dialled, std::slice::from_ref(&number.number)).await? {
            leading_back.push(dialled.clone());
        }
    }
    let (outcome, decision) = call.foresee(&leading_back);
    Ok(Some(CallDecision { outcome, decision, number: number.id }))
}

fn read_caller(from: &str) -> Result<CallerId, ApiError> {
    if from.chars().count() > LONGEST_CALLER {
        return Err(ApiError::bad_input(format!("from: a caller has at most {LONGEST_CALLER} characters")));
    }
    Ok(CallerId::read(from))
}
