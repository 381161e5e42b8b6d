//! The mutation `createCallGroup`: creates a group of agents that answer calls together.

use async_graphql::{Context, InputObject, Object};

use super::{CallGroupMemberInput, checked, lock_agents};
use crate::domain::{CallGroup as Group, CallGroupMember, CallGroupName, Refusal, UsedUp};
use crate::graphql::context::{ContextExt, Session};
use crate::graphql::errors::ApiError;
use crate::graphql::model::{CallGroup, CallGroupStrategy, UserError};
use crate::graphql::mutations::input::Faults;
use crate::graphql::mutations::outcome::{Outcome, Stop};

/// Input of `createCallGroup`.
#[derive(Debug, InputObject)]
pub(crate) struct CreateCallGroupInput {
    /// Your own name for the group, 1 to 100 characters.
    name: String,
    /// How the member that takes a call is chosen.
    strategy: CallGroupStrategy,
    /// The members, 1 to 20, in the order in which OVERFLOW offers them a call.
    members: Vec<CallGroupMemberInput>,
}

impl CreateCallGroupInput {
    fn check(self) -> Result<(CallGroupName, Vec<CallGroupMember>), Stop> {
        let mut faults = Faults::default();
        let name = faults.take("name", self.name.parse());
        let members = checked(self.members, &mut faults);
        faults.unless_any(name.zip(members))
    }
}

/// Payload of `createCallGroup`: the group, or why there is none.
pub(crate) struct CreateCallGroupPayload(Outcome<CallGroup>);

/// Result of `createCallGroup`.
#[Object]
impl CreateCallGroupPayload {
    /// The group; `null` if there are `userErrors`.
    async fn call_group(&self) -> Option<&CallGroup> {
        self.0.accepted()
    }

    /// Errors that the client can correct. If there are any, nothing was changed.
    async fn user_errors(&self) -> Vec<UserError> {
        self.0.user_errors(|_| None)
    }
}

/// Holds the root field `createCallGroup`; [`super::super::Mutation`] merges it with the others.
#[derive(Debug, Default)]
pub(crate) struct CreateCallGroup;

#[Object]
impl CreateCallGroup {
    /// Creates a call group: agents that answer the calls to a number together. Numbers are assigned to it by
    /// `assignPhoneNumber`. A tenant has at most 100 groups.
    #[graphql(complexity = "child_complexity + 10")]
    async fn create_call_group(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The group.")] input: CreateCallGroupInput,
    ) -> Option<Result<CreateCallGroupPayload, ApiError>> {
        let create = async || create(ctx.session()?, input).await;
        Some(Outcome::of(create().await).map(CreateCallGroupPayload))
    }
}

async fn create(session: &Session, input: CreateCallGroupInput) -> Result<CallGroup, Stop> {
    session.owner()?;
    let strategy = input.strategy.into();
    let (name, members) = input.check()?;
    let store = session.writer().await?;
    store.lock_call_groups().await?;
    let most = Group::MAX_PER_TENANT;
    if store.count_call_groups().await?.unsigned_abs() >= most {
        let why = format!("at most {most} call groups are allowed: delete one that is no longer used");
        return Err(Refusal::limit_reached(UsedUp::Plan, why).into());
    }
    lock_agents(&store, &members, &[]).await?;
    let group = store.insert_call_group(name, strategy, members).await?;
    store.audit("createCallGroup", group.id).await?;
    store.commit().await?;
    Ok(CallGroup(group))
}
