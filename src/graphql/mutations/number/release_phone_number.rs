//! The mutation `releasePhoneNumber`: gives a number back to the carrier.

use async_graphql::{Context, ID, InputObject, Object};

use crate::domain::NumberId;
use crate::graphql::context::{ContextExt, Session};
use crate::graphql::errors::ApiError;
use crate::graphql::model::{Operation, PhoneNumber, UserError};
use crate::graphql::mutations::input;
use crate::graphql::mutations::outcome::{Accepted, Outcome, Stop};

/// Input of `releasePhoneNumber`.
#[derive(Debug, InputObject)]
pub(crate) struct ReleasePhoneNumberInput {
    /// Id of the number.
    id: ID,
    /// Whether an emergency address that is registered for a bought number is removed first, which takes minutes. Without it the
    /// release of such a number fails and changes nothing. From a ported number, which stays in the carrier account, the address is
    /// removed last; without it the carrier goes on charging for it. An imported or hosted number keeps its address.
    #[graphql(default = false)]
    clear_emergency_address: bool,
}

/// Payload of `releasePhoneNumber`: what was accepted, or why nothing was.
pub(crate) struct ReleasePhoneNumberPayload(Outcome<Accepted<PhoneNumber>>);

/// Result of `releasePhoneNumber`.
#[Object]
impl ReleasePhoneNumberPayload {
    /// The number; RELEASING while it is being released, then RELEASED.
    async fn phone_number(&self) -> Option<&PhoneNumber> {
        self.0.subject()
    }

    /// The operation that does the work. If it is RUNNING, follow it with `operationUpdated`.
    async fn operation(&self) -> Option<&Operation> {
        self.0.operation()
    }

    /// Errors that the client can correct. If `operation` is `null`, nothing was changed.
    async fn user_errors(&self) -> Vec<UserError> {
        self.0.errors()
    }
}

/// Holds the root field `releasePhoneNumber`; [`super::super::Mutation`] merges it with the others.
#[derive(Debug, Default)]
pub(crate) struct ReleasePhoneNumber;

#[Object]
impl ReleasePhoneNumber {
    /// Releases a number to the carrier. It is no longer billed, and may not be available again. A number that was not bought here is
    /// not deleted there: an imported or hosted one gets its former settings back, as by `restorePhoneNumber`, a ported one loses its
    /// webhooks, and each stays in the carrier account, which goes on paying for it. If the server
    /// has a grace period (`RELEASE_GRACE`), the number stays RELEASING and takes calls until it ends;
    /// `cancelRelease` keeps it.
    #[graphql(complexity = "child_complexity + 50")]
    async fn release_phone_number(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The number.")] input: ReleasePhoneNumberInput,
    ) -> Option<Result<ReleasePhoneNumberPayload, ApiError>> {
        let release = async || release(ctx.session()?, &input).await;
        Some(Outcome::of(release().await).map(ReleasePhoneNumberPayload))
    }
}

async fn release(session: &Session, input: &ReleasePhoneNumberInput) -> Result<Accepted<PhoneNumber>, Stop> {
    session.owner()?;
    let id: NumberId = input::id("id", &input.id)?;
    // Before the transaction: a request that may start no further operation takes no connection.
    session.count_operation()?;
    let provisioning = session.provisioning();
    let store = session.writer().await?;
    let (operation, number) = provisioning.release_number(&store, id, input.clear_emergency_address).await?;
    // Committed before the carrier is asked: if this server dies, another one releases the number.
    store.commit().await?;
    Ok(Accepted::of_number(session, operation, number).await)
}
