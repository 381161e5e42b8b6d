//! The mutation `updateCallGroup`: changes a call group.

use async_graphql::{Context, ID, InputObject, Object};

use super::{CallGroupMemberInput, checked, lock_agents};
use crate::domain::{CallGroupId, Refusal};
use crate::graphql::context::{ContextExt, Session};
use crate::graphql::errors::ApiError;
use crate::graphql::model::{CallGroup, CallGroupStrategy, UserError};
use crate::graphql::mutations::input::{Faults, refused};
use crate::graphql::mutations::outcome::{Outcome, Stop};
use crate::store::CallGroupChanges;

/// Input of `updateCallGroup`. A field that is `null` or left out stays as it is.
#[derive(Debug, InputObject)]
pub(crate) struct UpdateCallGroupInput {
    /// Id of the group.
    id: ID,
    /// The `version` that these changes are based on: if the group has changed since, the request is rejected. Default: change it
    /// whatever its version is.
    expected_version: Option<i32>,
    /// New name, 1 to 100 characters.
    name: Option<String>,
    /// How the member that takes a call is chosen.
    strategy: Option<CallGroupStrategy>,
    /// New members, 1 to 20, which replace all former ones.
    members: Option<Vec<CallGroupMemberInput>>,
}

impl UpdateCallGroupInput {
    fn check(self) -> Result<(CallGroupId, CallGroupChanges), Stop> {
        let mut faults = Faults::default();
        let id = faults.take("id", self.id.parse());
        let changes = CallGroupChanges {
            name: faults.optional("name", self.name),
            strategy: self.strategy.map(Into::into),
            members: self.members.and_then(|members| checked(members, &mut faults)),
        };
        faults.unless_any(id.map(|id| (id, changes)))
    }
}

/// Payload of `updateCallGroup`: the group, or why it was not changed.
pub(crate) struct UpdateCallGroupPayload(Outcome<CallGroup>);

/// Result of `updateCallGroup`.
#[Object]
impl UpdateCallGroupPayload {
    /// The group; `null` if there are `userErrors`.
    async fn call_group(&self) -> Option<&CallGroup> {
        self.0.accepted()
    }

    /// Errors that the client can correct. If there are any, nothing was changed.
    async fn user_errors(&self) -> Vec<UserError> {
        self.0.user_errors(|_| None)
    }
}

/// Holds the root field `updateCallGroup`; [`super::super::Mutation`] merges it with the others.
#[derive(Debug, Default)]
pub(crate) struct UpdateCallGroup;

#[Object]
impl UpdateCallGroup {
    /// Changes a call group. Applies from the next call; calls under way go on with the agents that took them.
    #[graphql(complexity = "child_complexity + 10")]
    async fn update_call_group(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The group and its changes.")] input: UpdateCallGroupInput,
    ) -> Option<Result<UpdateCallGroupPayload, ApiError>> {
        let update = async || update(ctx.session()?, input).await;
        Some(Outcome::of(update().await).map(UpdateCallGroupPayload))
    }
}

async fn update(session: &Session, input: UpdateCallGroupInput) -> Result<CallGroup, Stop> {
    session.owner()?;
    let expected = input.expected_version;
    let (id, changes) = input.check()?;
    let store = session.writer().await?;
    let missing = || Refusal::not_found("call group", "id");
    if let Some(members) = &changes.members {
        // The agents before the group, as an assignment locks them.
        let numbers: Vec<_> =
            store.numbers_of_call_group(id).await?.into_iter().map(|number| number.number).collect();
        lock_agents(&store, members, &numbers).await?;
    }
    let version = store.call_group(id).await?.ok_or_else(missing)?.version;
    if let Some(expected) = expected.filter(|expected| *expected != version) {
        let why = format!(
            "the call group is at version {version}, not {expected}: read it again before changing it"
        );
        return Err(refused("expectedVersion", &why).into());
    }
    store.update_call_group(id, &changes).await?;
    let group = store.call_group(id).await?.ok_or_else(missing)?;
    store.audit("updateCallGroup", id).await?;
    store.commit().await?;
    Ok(CallGroup(group))
}
