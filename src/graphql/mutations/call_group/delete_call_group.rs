//! The mutation `deleteCallGroup`: deletes a call group.

use async_graphql::{Context, ID, InputObject, Object};

use crate::domain::{CallGroupId, Refusal};
use crate::graphql::context::{ContextExt, Session};
use crate::graphql::errors::ApiError;
use crate::graphql::model::{CallGroup, UserError};
use crate::graphql::mutations::input;
use crate::graphql::mutations::outcome::{Outcome, Stop};

/// Input of `deleteCallGroup`.
#[derive(Debug, InputObject)]
pub(crate) struct DeleteCallGroupInput {
    /// Id of the group.
    id: ID,
}

/// Payload of `deleteCallGroup`: the deleted group, or why it was not deleted.
pub(crate) struct DeleteCallGroupPayload(Outcome<CallGroup>);

/// Result of `deleteCallGroup`.
#[Object]
impl DeleteCallGroupPayload {
    /// The group as it was; `null` if there are `userErrors`.
    async fn call_group(&self) -> Option<&CallGroup> {
        self.0.accepted()
    }

    /// Errors that the client can correct. If there are any, nothing was changed.
    async fn user_errors(&self) -> Vec<UserError> {
        self.0.user_errors(|_| None)
    }
}

/// Holds the root field `deleteCallGroup`; [`super::super::Mutation`] merges it with the others.
#[derive(Debug, Default)]
pub(crate) struct DeleteCallGroup;

#[Object]
impl DeleteCallGroup {
    /// Deletes a call group. Its numbers go to the tenant's pool, and its agents stay. Calls under way go on.
    #[graphql(complexity = "child_complexity + 10")]
    async fn delete_call_group(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The group.")] input: DeleteCallGroupInput,
    ) -> Option<Result<DeleteCallGroupPayload, ApiError>> {
        let delete = async || delete(ctx.session()?, &input).await;
        Some(Outcome::of(delete().await).map(DeleteCallGroupPayload))
    }
}

async fn delete(session: &Session, input: &DeleteCallGroupInput) -> Result<CallGroup, Stop> {
    session.owner()?;
    let id: CallGroupId = input::id("id", &input.id)?;
    let store = session.writer().await?;
    let group = store.call_group(id).await?.ok_or_else(|| Refusal::not_found("call group", "id"))?;
    store.delete_call_group(id).await?;
    store.audit("deleteCallGroup", id).await?;
    store.commit().await?;
    Ok(CallGroup(group))
}
