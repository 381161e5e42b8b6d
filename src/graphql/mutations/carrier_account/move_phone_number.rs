//! The mutation `movePhoneNumber`: moves a number between accounts at the carrier.

use async_graphql::{Context, ID, InputObject, Object};

use crate::domain::{CarrierAccountId, NumberId};
use crate::graphql::context::{ContextExt, Session};
use crate::graphql::errors::ApiError;
use crate::graphql::model::{Operation, PhoneNumber, UserError};
use crate::graphql::mutations::input;
use crate::graphql::mutations::outcome::{Accepted, Outcome, Stop};

/// Input of `movePhoneNumber`.
#[derive(Debug, InputObject)]
pub(crate) struct MovePhoneNumberInput {
    /// Id of the number.
    id: ID,
    /// Id of the account that it moves to: the platform's, or the tenant's subaccount.
    carrier_account_id: ID,
}

/// Payload of `movePhoneNumber`: what was accepted, or why nothing was.
pub(crate) struct MovePhoneNumberPayload(Outcome<Accepted<PhoneNumber>>);

/// Result of `movePhoneNumber`.
#[Object]
impl MovePhoneNumberPayload {
    /// The number.
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

/// Holds the root field `movePhoneNumber`; [`super::super::Mutation`] merges it with the others.
#[derive(Debug, Default)]
pub(crate) struct MovePhoneNumber;

#[Object]
impl MovePhoneNumber {
    /// Moves a number between the platform's account and the tenant's subaccount. It keeps its id, its settings and its history, and
    /// takes calls throughout. Undo it by moving back. Numbers do not move to or from an account of the tenant's own.
    #[graphql(complexity = "child_complexity + 50")]
    async fn move_phone_number(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The number and the account.")] input: MovePhoneNumberInput,
    ) -> Option<Result<MovePhoneNumberPayload, ApiError>> {
        let moved = async || move_to(ctx.session()?, &input).await;
        Some(Outcome::of(moved().await).map(MovePhoneNumberPayload))
    }
}

async fn move_to(session: &Session, input: &MovePhoneNumberInput) -> Result<Accepted<PhoneNumber>, Stop> {
    session.owner()?;
    let id: NumberId = input::id("id", &input.id)?;
    let to: CarrierAccountId = input::id("carrierAccountId", &input.carrier_account_id)?;
    session.count_operation()?;
    let provisioning = session.provisioning();
    let store = session.writer().await?;
    let (operation, number) = provisioning.move_number(&store, id, to).await?;
    store.commit().await?;
    Ok(Accepted::of_number(session, operation, number).await)
}
