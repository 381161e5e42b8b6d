//! The mutation `restorePhoneNumber`: puts the former settings of an imported number back, and gives it up.

use async_graphql::{Context, ID, InputObject, Object};

use crate::domain::NumberId;
use crate::graphql::context::{ContextExt, Session};
use crate::graphql::errors::ApiError;
use crate::graphql::model::{Operation, PhoneNumber, UserError};
use crate::graphql::mutations::input;
use crate::graphql::mutations::outcome::{Accepted, Outcome, Stop};

/// Input of `restorePhoneNumber`.
#[derive(Debug, InputObject)]
pub(crate) struct RestorePhoneNumberInput {
    /// Id of an imported or hosted number.
    id: ID,
}

/// Payload of `restorePhoneNumber`: what was accepted, or why nothing was.
pub(crate) struct RestorePhoneNumberPayload(Outcome<Accepted<PhoneNumber>>);

/// Result of `restorePhoneNumber`.
#[Object]
impl RestorePhoneNumberPayload {
    /// The number; RELEASING until the carrier has its former settings, then RELEASED.
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

/// Holds the root field `restorePhoneNumber`; [`super::super::Mutation`] merges it with the others.
#[derive(Debug, Default)]
pub(crate) struct RestorePhoneNumber;

#[Object]
impl RestorePhoneNumber {
    /// Puts back what was set on an imported number before, and gives the number up, at once and without a grace period. It takes
    /// calls until the carrier has the former settings. It stays in the carrier account.
    #[graphql(complexity = "child_complexity + 50")]
    async fn restore_phone_number(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The number.")] input: RestorePhoneNumberInput,
    ) -> Option<Result<RestorePhoneNumberPayload, ApiError>> {
        let restore = async || restore(ctx.session()?, &input).await;
        Some(Outcome::of(restore().await).map(RestorePhoneNumberPayload))
    }
}

async fn restore(session: &Session, input: &RestorePhoneNumberInput) -> Result<Accepted<PhoneNumber>, Stop> {
    session.owner()?;
    let id: NumberId = input::id("id", &input.id)?;
    session.count_operation()?;
    let provisioning = session.provisioning();
    let store = session.writer().await?;
    let (operation, number) = provisioning.restore_number(&store, id).await?;
    // Committed before the carrier is asked: if this server dies, another one restores the number.
    store.commit().await?;
    Ok(Accepted::of_number(session, operation, number).await)
}
