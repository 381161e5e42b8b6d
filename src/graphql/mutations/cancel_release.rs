//! `cancelRelease`.

use async_graphql::{Context, ID, InputObject, Object};

use super::input;
use super::outcome::{Outcome, Stop};
use crate::domain::NumberId;
use crate::graphql::context::{ContextExt, Session};
use crate::graphql::errors::ApiError;
use crate::graphql::model::{PhoneNumber, UserError};

/// Which number to keep after all.
#[derive(Debug, InputObject)]
pub(crate) struct CancelReleaseInput {
    /// The number's id.
    id: ID,
}

/// What came of `cancelRelease`.
pub(crate) struct CancelReleasePayload(Outcome<PhoneNumber>);

/// What came of `cancelRelease`.
#[Object]
impl CancelReleasePayload {
    /// The number, which is what it was before. Null when there was nothing to cancel, or it was too late.
    async fn phone_number(&self) -> Option<&PhoneNumber> {
        self.0.accepted()
    }

    /// What you can put right; nothing happened then.
    async fn user_errors(&self) -> Vec<UserError> {
        self.0.user_errors(|_| None)
    }
}

/// The mutation.
#[derive(Debug, Default)]
pub(super) struct CancelRelease;

#[Object]
impl CancelRelease {
    /// Keeps a number whose release is not carried out yet. Possible for as long as the server grants a grace, while
    /// the number is RELEASING; the release's operation ends as FAILED and says that it was cancelled.
    #[graphql(complexity = "child_complexity + 10")]
    async fn cancel_release(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which number.")] input: CancelReleaseInput,
    ) -> Option<Result<CancelReleasePayload, ApiError>> {
        let cancel = async || cancel(ctx.session()?, &input).await;
        Some(Outcome::of(cancel().await).map(CancelReleasePayload))
    }
}

async fn cancel(session: &Session, input: &CancelReleaseInput) -> Result<PhoneNumber, Stop> {
    session.owner()?;
    let id: NumberId = input::id("id", &input.id)?;
    let store = session.writer().await?;
    let number = session.provisioning().cancel_release(&store, id).await?;
    store.audit("cancelRelease", id).await?;
    store.commit().await?;
    Ok(number.into())
}
