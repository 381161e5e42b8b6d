//! The mutation `cancelRelease`: keeps a number whose release has not begun at the carrier.

use async_graphql::{Context, ID, InputObject, Object};

use crate::domain::NumberId;
use crate::graphql::context::{ContextExt, Session};
use crate::graphql::errors::ApiError;
use crate::graphql::model::{PhoneNumber, UserError};
use crate::graphql::mutations::input;
use crate::graphql::mutations::outcome::{Outcome, Stop};

/// Input of `cancelRelease`.
#[derive(Debug, InputObject)]
pub(crate) struct CancelReleaseInput {
    /// Id of the number.
    id: ID,
}

/// Payload of `cancelRelease`: what was accepted, or why nothing was.
pub(crate) struct CancelReleasePayload(Outcome<PhoneNumber>);

/// Result of `cancelRelease`.
#[Object]
impl CancelReleasePayload {
    /// The number in its previous state; `null` if it was not being released, or too late.
    async fn phone_number(&self) -> Option<&PhoneNumber> {
        self.0.accepted()
    }

    /// Errors that the client can correct. If there are any, nothing was changed.
    async fn user_errors(&self) -> Vec<UserError> {
        self.0.user_errors(|_| None)
    }
}

/// Holds the root field `cancelRelease`; [`super::super::Mutation`] merges it with the others.
#[derive(Debug, Default)]
pub(crate) struct CancelRelease;

#[Object]
impl CancelRelease {
    /// Cancels a release. Possible while the number is RELEASING and the server's grace period
    /// (`RELEASE_GRACE`) lasts. The release's operation then ends as FAILED and says that it was cancelled.
    #[graphql(complexity = "child_complexity + 10")]
    async fn cancel_release(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The number.")] input: CancelReleaseInput,
    ) -> Option<Result<CancelReleasePayload, ApiError>> {
        let cancel = async || cancel(ctx.session()?, &input).await;
        Some(Outcome::of(cancel().await).map(CancelReleasePayload))
    }
}

async fn cancel(session: &Session, input: &CancelReleaseInput) -> Result<PhoneNumber, Stop> {
    session.owner()?;
    let id: NumberId = input::id("id", &input.id)?;
    // No operation: the carrier knows nothing of the release yet, so one transaction undoes it.
    let store = session.writer().await?;
    let number = session.provisioning().cancel_release(&store, id).await?;
    // In the same transaction: there is no entry without the change, and no change without the entry.
    store.audit("cancelRelease", id).await?;
    store.commit().await?;
    Ok(number.into())
}
