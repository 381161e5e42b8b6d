//! `calls` and `simulateCall`.

use std::collections::HashMap;

use async_graphql::{Context, Object};

use crate::domain::{
    AgentId, AnsweringAgent, CallGroupId, CallGroupMember, CallerId, E164, NumberStatus, PhoneNumber,
    RoutingRules, TenantId,
};
use crate::graphql::context::{ContextExt, Session};
use crate::graphql::errors::ApiError;
use crate::graphql::model::{Call, CallDecision, CallFilter, Connection, DateTime, PageArgs, cost};
use crate::routing::{Imagined, Room};
use crate::store::{AgentProfile, TenantStore};

/// Maximum length of a caller, as the carrier sends it.
const LONGEST_CALLER: usize = 255;

/// Queries about calls.
#[derive(Debug, Default)]
pub(super) struct CallQuery;

#[Object]
impl CallQuery {
    /// Calls to the tenant's numbers, newest first.
    #[graphql(
        complexity = "cost(|arg| __ctx.param_value(__variables_definition, __field, arg, None), child_complexity)"
    )]
    async fn calls(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Page size from the start, or after `after`: 1 to 100. Default 20.")] first: Option<
            i32,
        >,
        #[graphql(desc = "Only items after this cursor.")] after: Option<String>,
        #[graphql(desc = "Page size from the end, or before `before`: 1 to 100. Excludes `first`.")]
        last: Option<i32>,
        #[graphql(desc = "Only items before this cursor.")] before: Option<String>,
        #[graphql(desc = "Filter. Default: all calls.")] filter: Option<CallFilter>,
    ) -> Result<Connection<Call>, ApiError> {
        let page = PageArgs { first, after, last, before };
        Connection::read(ctx, &page, filter.unwrap_or_default().try_into()?).await
    }

    /// Returns what would happen to a call to one of the tenant's numbers, and why; `null` if the tenant has no
    /// such number that takes calls. Nothing is recorded and nobody is called. The simulation uses the current
    /// rules, agent state and call slots, and assumes that both providers work. As in a real call, a number
    /// that would lead back to the caller is not dialled; other tenants' numbers are not considered. Not
    /// available with an agent's token.
    #[graphql(complexity = "child_complexity + 5")]
    async fn simulate_call(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The called number: one of the tenant's that takes calls.")] number: E164,
        #[graphql(
            desc = "The caller, as the carrier would send it: an E.164 number, an address like `sip:…`, or a word like `anonymous`. Default: a hidden caller."
        )]
        from: Option<String>,
        #[graphql(desc = "Time of the call. Default: now.")] at: Option<DateTime>,
        #[graphql(
            desc = "The number that forwarded the call, as the carrier reports it. Default: a direct call."
        )]
        forwarded_from: Option<E164>,
    ) -> Option<Result<CallDecision, ApiError>> {
        let asked = Asked { number: &number, from: from.as_deref(), forwarded_from: forwarded_from.as_ref() };
        let simulate = async || simulate(ctx.session()?, asked, at).await;
        Box::pin(simulate()).await.transpose()
    }
}

/// The simulated call.
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
    // The tenant also finds numbers that it has released, which may be another tenant's by now.
    let takes_calls = |number: &PhoneNumber| NumberStatus::TAKING_CALLS.contains(&number.status);
    let found = store.number_by_e164(asked.number).await?.filter(takes_calls);
    let Some(number) = found else { return Ok(None) };
    let Some(agent) = store.agent(number.agent_id).await? else { return Ok(None) };
    let agent = AnsweringAgent::from(&agent);
    let agent = if number.assigned_to().is_some() { agent } else { agent.withdrawn() };
    let tenant = store.tenant().await?;
    let dialing = session.provisioning().dialing().for_tenant(&tenant.dialing);
    let room = Room::counted(tenant.limits, store.active_calls().await?);
    let offered = match number.call_group_id {
        Some(group) => offered(session, &store, group).await?,
        None => None,
    };
    let rules = store.routing_rules(&[number.id]).await?.remove(&number.id);
    let (version, rules) = rules.unwrap_or((number.routing_version, RoutingRules::default()));
    let decision = rules.decide(&caller, at).of_version(version);
    let (decision, agent, room) = match offered {
        Some(Offered { group, agent, has_room }) => {
            let room = if has_room && room == Room::Free { Room::Free } else { Room::MembersBusy };
            (decision.offered_by(group), agent, room)
        }
        None => (decision, agent, room),
    };
    let call = Imagined {
        decision: &decision,
        agent: &agent,
        called: &number.number,
        caller: &caller,
        forwarded_from: asked.forwarded_from,
        room,
        dialing: &dialing,
    };
    // Asked beforehand, since the decision itself reads no database.
    let mut leading_back = Vec::new();
    for dialled in call.dials() {
        if store.leads_to(dialled, std::slice::from_ref(&number.number)).await? {
            leading_back.push(dialled.clone());
        }
    }
    let (outcome, decision) = call.foresee(&leading_back);
    Ok(Some(CallDecision { outcome, decision, number: number.id }))
}

/// The member of a call group that a call is offered to.
struct Offered {
    group: CallGroupId,
    agent: AnsweringAgent,
    has_room: bool,
}

/// Offers an imagined call to the members of a group, as a real one with an id of its own. `None` if no member is left.
async fn offered(
    session: &Session,
    store: &TenantStore,
    group: CallGroupId,
) -> Result<Option<Offered>, ApiError> {
    let Some(group) = store.call_groups_by_id(&[group]).await?.pop() else { return Ok(None) };
    let ids: Vec<AgentId> = group.members.iter().map(|member| member.agent_id).collect();
    let open = store.open_calls_of(&ids).await?;
    let read = store.agents_by_id(&ids).await?;
    let mut agents: HashMap<AgentId, AnsweringAgent> =
        read.into_iter().map(|agent| (agent.id, answering(agent, group.tenant_id))).collect();
    let in_order =
        group.members.iter().filter_map(|member| Some((*member, agents.remove(&member.agent_id)?)));
    let members: Vec<(CallGroupMember, AnsweringAgent)> = in_order.collect();
    let sid = format!("{:?}", session.services().clock.now());
    let offered = group.strategy.offers(&sid, &members, |(member, agent)| (agent, member.weight));
    let has_room = |member: &CallGroupMember| {
        let calls = open.get(&member.agent_id).copied().unwrap_or_default();
        member.max_calls.is_none_or(|most| calls < i64::from(most))
    };
    let free = offered.iter().find(|(member, _)| has_room(member));
    Ok(free.or(offered.first()).map(|(_, agent)| Offered {
        group: group.id,
        agent: agent.clone(),
        // A limit holds only for those that can answer.
        has_room: free.is_some() || !agent.is_ready(),
    }))
}

fn answering(agent: AgentProfile, tenant_id: TenantId) -> AnsweringAgent {
    AnsweringAgent {
        id: agent.id,
        tenant_id,
        voice_agent_id: agent.voice_agent_id,
        language: agent.language,
        fallback_number: agent.fallback_number,
        status: agent.status,
    }
}

fn read_caller(from: &str) -> Result<CallerId, ApiError> {
    if from.chars().count() > LONGEST_CALLER {
        return Err(ApiError::bad_input(format!("from: at most {LONGEST_CALLER} characters are allowed")));
    }
    Ok(CallerId::read(from))
}
