//! Mutations about call groups, and what they share.

mod create_call_group;
mod delete_call_group;
mod update_call_group;

pub(super) use create_call_group::CreateCallGroup;
pub(super) use delete_call_group::DeleteCallGroup;
pub(super) use update_call_group::UpdateCallGroup;

use async_graphql::{ID, InputObject};

use crate::domain::{Agent, AgentId, AgentStatus, CallGroup, CallGroupMember, E164};
use crate::graphql::mutations::input::{Faults, refused};
use crate::graphql::mutations::outcome::Stop;
use crate::store::TenantStore;

/// A member of a call group.
#[derive(Debug, InputObject)]
pub(crate) struct CallGroupMemberInput {
    /// Id of the agent. An agent may be in several groups, and have numbers of its own.
    agent_id: ID,
    /// Its share of the calls, compared with the weights of the others: 1 to 1000. Without effect in a group with strategy
    /// OVERFLOW.
    #[graphql(default = 1)]
    weight: i32,
    /// Maximum open calls of the agent, 1 to 50: at this limit the group offers it no further call. Default: only the plan limits
    /// it.
    max_calls: Option<i32>,
}

/// Checks the members of an input.
fn checked(members: Vec<CallGroupMemberInput>, faults: &mut Faults) -> Option<Vec<CallGroupMember>> {
    let mut read = Vec::with_capacity(members.len().min(CallGroup::MAX_MEMBERS));
    // One more than allowed is enough to reject them.
    for member in members.into_iter().take(CallGroup::MAX_MEMBERS + 1) {
        let agent: AgentId = faults.take("members", member.agent_id.parse())?;
        read.push((agent, member.weight, member.max_calls));
    }
    faults.take("members", CallGroup::check_members(&read))
}

/// Locks the members' agents, which must be able to take calls, and checks that none passes calls on to these numbers.
async fn lock_agents(store: &TenantStore, members: &[CallGroupMember], numbers: &[E164]) -> Result<(), Stop> {
    let mut ids: Vec<AgentId> = members.iter().map(|member| member.agent_id).collect();
    // In one order, so that two changes cannot wait for each other.
    ids.sort_by_key(|id| id.0);
    for id in ids {
        // By its place, as the answer names no id that the tenant may not know.
        let place = members.iter().position(|member| member.agent_id == id).map_or(0, |at| at + 1);
        let missing = || refused("members", &format!("member {place}: no such agent"));
        let agent = store.agent(id).await?.ok_or_else(missing)?;
        may_join(store, &agent, numbers).await?;
    }
    Ok(())
}

async fn may_join(store: &TenantStore, agent: &Agent, numbers: &[E164]) -> Result<(), Stop> {
    if agent.status == AgentStatus::Deleted || store.is_being_deleted(agent.id).await? {
        let why = format!("{}: this agent is deleted, or is being deleted", agent.id);
        return Err(refused("members", &why).into());
    }
    if let Some(fallback) = &agent.fallback_number
        && !numbers.is_empty()
        && store.leads_to(fallback, numbers).await?
    {
        let why = format!(
            "{}: its fallback number passes calls on to a number of the group, so that they would ring each other: change the \
             agent's fallback number first",
            agent.id
        );
        return Err(refused("members", &why).into());
    }
    Ok(())
}
