//! The mutation `repairPhoneNumber`: restores the settings of a number at the carrier.

use async_graphql::{Context, ID, InputObject, Object};

use crate::domain::NumberId;
use crate::graphql::context::{ContextExt, Session};
use crate::graphql::errors::ApiError;
use crate::graphql::model::{Operation, PhoneNumber, UserError};
use crate::graphql::mutations::input;
use crate::graphql::mutations::outcome::{Accepted, Outcome, Stop};

/// Input of `repairPhoneNumber`.
#[derive(Debug, InputObject)]
pub(crate) struct RepairPhoneNumberInput {
    /// Id of the number.
    id: ID,
}

/// Payload of `repairPhoneNumber`: what was accepted, or why nothing was.
pub(crate) struct RepairPhoneNumberPayload(Outcome<Accepted<PhoneNumber>>);

/// Result of `repairPhoneNumber`.
#[Object]
impl RepairPhoneNumberPayload {
    /// The number; ACTIVE if it is in order, INACTIVE if it is missing at the carrier.
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

/// Holds the root field `repairPhoneNumber`; [`super::super::Mutation`] merges it with the others.
#[derive(Debug, Default)]
pub(crate) struct RepairPhoneNumber;

#[Object]
impl RepairPhoneNumber {
    /// Compares a number's settings at the carrier with the expected ones and corrects them. Use it if calls do
    /// not arrive, or arrive elsewhere. A correct number is not changed.
    #[graphql(complexity = "child_complexity + 50")]
    async fn repair_phone_number(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The number.")] input: RepairPhoneNumberInput,
    ) -> Option<Result<RepairPhoneNumberPayload, ApiError>> {
        let repair = async || repair(ctx.session()?, &input).await;
        Some(Outcome::of(repair().await).map(RepairPhoneNumberPayload))
    }
}

async fn repair(session: &Session, input: &RepairPhoneNumberInput) -> Result<Accepted<PhoneNumber>, Stop> {
    session.owner()?;
    let id: NumberId = input::id("id", &input.id)?;
    session.count_operation()?;
    let provisioning = session.provisioning();
    let store = session.writer().await?;
    // A repair that is under way is returned instead of a second one.
    let (operation, number) = provisioning.repair_number(&store, id).await?;
    store.commit().await?;
    Ok(Accepted::of_number(session, operation, number).await)
}
