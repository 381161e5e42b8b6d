//! The mutation `assignPhoneNumber`: assigns a number to an agent or a call group, or puts it into the tenant's pool.

use async_graphql::{Context, ID, InputObject, MaybeUndefined, Object};

use crate::domain::{
    AgentId, CallGroup, NumberId, NumberLabel, NumberStatus, OperationKind, PhoneNumber as Number, Refusal,
    RefusalCode,
};
use crate::graphql::context::{ContextExt, Session};
use crate::graphql::errors::ApiError;
use crate::graphql::model::{PhoneNumber, UserError};
use crate::graphql::mutations::input::{Faults, refused};
use crate::graphql::mutations::outcome::{Outcome, Stop};
use crate::provisioning::kinds::{can_get_numbers, makes_no_loop};
use crate::store::{Assignee, TenantStore};

/// Input of `assignPhoneNumber`. Pass one of `agentId` and `callGroupId`, or neither: the number then goes to the tenant's pool.
#[derive(Debug, InputObject)]
pub(crate) struct AssignPhoneNumberInput {
    /// Id of the number.
    id: ID,
    /// Id of the agent that answers the number's calls from now on.
    agent_id: Option<ID>,
    /// Id of the call group whose members answer the number's calls from now on.
    call_group_id: Option<ID>,
    /// Id of the agent that the number is expected to have now: if it has another or none, or is in a call group, the request is
    /// rejected. Default: no check.
    expected_agent_id: Option<ID>,
    /// Your own name for the number, 1 to 100 characters. `null` removes it. Default: unchanged.
    label: MaybeUndefined<String>,
}

/// The validated input, in the domain's types.
struct Wish {
    id: NumberId,
    to: Assignee,
    expected: Option<AgentId>,
    /// The outer `None`: unchanged.
    label: Option<Option<NumberLabel>>,
}

impl AssignPhoneNumberInput {
    fn check(self) -> Result<Wish, Stop> {
        let mut faults = Faults::default();
        let id = faults.take("id", self.id.parse());
        let to = match (self.agent_id, self.call_group_id) {
            (Some(_), Some(_)) => {
                faults.note("callGroupId", "pass agentId or callGroupId, not both");
                None
            }
            (Some(agent), None) => faults.take("agentId", agent.parse()).map(Assignee::Agent),
            (None, Some(group)) => faults.take("callGroupId", group.parse()).map(Assignee::Group),
            (None, None) => Some(Assignee::Pool),
        };
        let expected = self.expected_agent_id.and_then(|agent| faults.take("expectedAgentId", agent.parse()));
        let label = match self.label {
            MaybeUndefined::Undefined => None,
            MaybeUndefined::Null => Some(None),
            MaybeUndefined::Value(label) => faults.take("label", label.parse()).map(Some),
        };
        faults.unless_any(id.zip(to).map(|(id, to)| Wish { id, to, expected, label }))
    }
}

/// Payload of `assignPhoneNumber`: what was accepted, or why nothing was.
pub(crate) struct AssignPhoneNumberPayload(Outcome<PhoneNumber>);

/// Result of `assignPhoneNumber`.
#[Object]
impl AssignPhoneNumberPayload {
    /// The number with its agent or call group; `null` if there are `userErrors`.
    async fn phone_number(&self) -> Option<&PhoneNumber> {
        self.0.accepted()
    }

    /// Errors that the client can correct. If there are any, nothing was changed.
    async fn user_errors(&self) -> Vec<UserError> {
        self.0.user_errors(|_| None)
    }
}

/// Holds the root field `assignPhoneNumber`; [`super::super::Mutation`] merges it with the others.
#[derive(Debug, Default)]
pub(crate) struct AssignPhoneNumber;

#[Object]
impl AssignPhoneNumber {
    /// Assigns a number to an agent or a call group, or puts it into the tenant's pool. Applies from the next call and text; calls under way go on,
    /// and history stays with the agents that took the calls. The number keeps its routing rules. They come first, and alone answer
    /// the calls to a number in the pool.
    #[graphql(complexity = "child_complexity + 10")]
    async fn assign_phone_number(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The number and its agent.")] input: AssignPhoneNumberInput,
    ) -> Option<Result<AssignPhoneNumberPayload, ApiError>> {
        let assign = async || assign(ctx.session()?, input).await;
        Some(Outcome::of(assign().await).map(AssignPhoneNumberPayload))
    }
}

async fn assign(session: &Session, input: AssignPhoneNumberInput) -> Result<PhoneNumber, Stop> {
    session.owner()?;
    let wish = input.check()?;
    let store = session.writer().await?;
    let mut number = locked(&store, &wish).await?;
    if Assignee::of(&number) != wish.to {
        number = store.assign_number(wish.id, wish.to).await?.ok_or_else(changed)?;
    }
    if let Some(label) = &wish.label {
        number = store.label_number(wish.id, label.as_ref()).await?.ok_or_else(changed)?;
    }
    store.audit("assignPhoneNumber", wish.id).await?;
    store.commit().await?;
    Ok(number.into())
}

/// The number, checked and locked with the agent that it has and the one that it gets.
async fn locked(store: &TenantStore, wish: &Wish) -> Result<Number, Stop> {
    let missing = || Refusal::not_found("phone number", "id");
    // Unlocked, to learn the agent.
    let before = store.numbers_by_id(&[wish.id]).await?.pop().ok_or_else(missing)?;
    // Both agents before the number, and in one order, so that two assignments cannot wait for each other. Nothing else takes a
    // number from an agent, or deletes one, while they are locked.
    let gets = match wish.to {
        Assignee::Agent(agent) => Some(agent),
        Assignee::Group(_) | Assignee::Pool => None,
    };
    let mut agents: Vec<AgentId> = gets.into_iter().chain([before.agent_id]).collect();
    agents.sort_by_key(|agent| agent.0);
    for agent in agents {
        match store.agent(agent).await? {
            Some(agent) if Some(agent.id) == gets => {
                makes_no_loop(store, &agent, &before.number).await?;
                can_get_numbers(store, &agent).await?;
            }
            Some(_) => {}
            None => return Err(Refusal::not_found("agent", "agentId").into()),
        }
    }
    if let Assignee::Group(group) = wish.to {
        // Locked, so that it is not deleted meanwhile.
        let missing = || Refusal::not_found("call group", "callGroupId");
        let group = store.call_group(group).await?.ok_or_else(missing)?;
        may_be_answered_by(store, &group, &before).await?;
    }
    let number = store.number(wish.id).await?.ok_or_else(missing)?;
    if number.agent_id != before.agent_id {
        return Err(changed().into());
    }
    if wish.expected.is_some() && number.assigned_to() != wish.expected {
        let why =
            "the number is assigned to another agent, to a call group or to none: read it again, then decide";
        return Err(refused("expectedAgentId", why).into());
    }
    let brings = [
        OperationKind::CreateAgent,
        OperationKind::ProvisionNumber,
        OperationKind::KeepNumber,
        OperationKind::ImportNumber,
    ];
    let unfinished = store.unfinished_operations(number.agent_id).await?;
    let is_settled = !unfinished
        .iter()
        .any(|operation| operation.number_id == Some(number.id) && brings.contains(&operation.kind));
    match number.status {
        NumberStatus::Active | NumberStatus::Inactive if is_settled => Ok(number),
        NumberStatus::Active | NumberStatus::Inactive | NumberStatus::Pending => {
            Err(refused("id", "this number is being bought or imported: wait until its operation has ended")
                .into())
        }
        NumberStatus::Releasing => {
            Err(refused("id", "this number is being released: cancel the release first").into())
        }
        NumberStatus::Released => {
            Err(refused("id", "this number was released: provision another one").into())
        }
    }
}

/// Whether a call group may get this number.
async fn may_be_answered_by(store: &TenantStore, group: &CallGroup, number: &Number) -> Result<(), Stop> {
    let members: Vec<AgentId> = group.members.iter().map(|member| member.agent_id).collect();
    for member in store.agents_by_id(&members).await? {
        if let Some(fallback) = &member.fallback_number
            && store.leads_to(fallback, std::slice::from_ref(&number.number)).await?
        {
            let why = format!(
                "the fallback number of the member \"{}\" passes calls on to this number, so that they would ring each other: \
                 change it first",
                member.name
            );
            return Err(refused("callGroupId", &why).into());
        }
    }
    Ok(())
}

fn changed() -> Refusal {
    Refusal::new(RefusalCode::InvalidInput, "the number was changed at the same time: try again").at("id")
}
