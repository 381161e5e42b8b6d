//! `repairPhoneNumber`.

use async_graphql::{Context, ID, InputObject, Object};

use super::input;
use super::outcome::{Outcome, Stop, carried_out, now_or, number_now};
use crate::domain::NumberId;
use crate::graphql::context::{ContextExt, Session};
use crate::graphql::errors::ApiError;
use crate::graphql::model::{Operation, PhoneNumber, UserError};

/// Which number to repair.
#[derive(Debug, InputObject)]
pub(crate) struct RepairPhoneNumberInput {
    /// The number's id.
    id: ID,
}

/// What came of an accepted request.
struct Accepted {
    number: Option<PhoneNumber>,
    operation: Operation,
}

/// What came of `repairPhoneNumber`.
pub(crate) struct RepairPhoneNumberPayload(Outcome<Accepted>);

/// What came of `repairPhoneNumber`.
#[Object]
impl RepairPhoneNumberPayload {
    /// The number: ACTIVE when it is in order, INACTIVE when it is gone at the carrier.
    async fn phone_number(&self) -> Option<&PhoneNumber> {
        self.0.accepted().and_then(|accepted| accepted.number.as_ref())
    }

    /// The work itself: watch it when it is still RUNNING.
    async fn operation(&self) -> Option<&Operation> {
        self.0.accepted().map(|accepted| &accepted.operation)
    }

    /// What you can put right. Without an operation beside it, nothing happened.
    async fn user_errors(&self) -> Vec<UserError> {
        self.0.user_errors(|accepted| accepted.operation.0.error.as_ref())
    }
}

/// The mutation.
#[derive(Debug, Default)]
pub(super) struct RepairPhoneNumber;

#[Object]
impl RepairPhoneNumber {
    /// Compares a number at the carrier with what it should be and sets it right: for a number that rings nowhere,
    /// or whose calls go elsewhere. Changes nothing about a number in order.
    #[graphql(complexity = "child_complexity + 50")]
    async fn repair_phone_number(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which number.")] input: RepairPhoneNumberInput,
    ) -> Option<Result<RepairPhoneNumberPayload, ApiError>> {
        let repair = async || repair(ctx.session()?, &input).await;
        Some(Outcome::of(repair().await).map(RepairPhoneNumberPayload))
    }
}

async fn repair(session: &Session, input: &RepairPhoneNumberInput) -> Result<Accepted, Stop> {
    session.owner()?;
    let id: NumberId = input::id("id", &input.id)?;
    session.count_operation()?;
    let provisioning = session.provisioning();
    let store = session.writer().await?;
    let (operation, number) = provisioning.repair_number(&store, id).await?;
    store.commit().await?;
    let operation = carried_out(session, operation).await;
    let number = now_or(number_now(session, Some(id)).await, Some(number));
    Ok(Accepted { number, operation: Operation(operation) })
}
