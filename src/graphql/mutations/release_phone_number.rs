//! `releasePhoneNumber`.

use async_graphql::{Context, ID, InputObject, Object};

use super::input;
use super::outcome::{Outcome, Stop, carried_out, now_or, number_now};
use crate::domain::NumberId;
use crate::graphql::context::{ContextExt, Session};
use crate::graphql::errors::ApiError;
use crate::graphql::model::{Operation, PhoneNumber, UserError};

/// Which number to release.
#[derive(Debug, InputObject)]
pub(crate) struct ReleasePhoneNumberInput {
    /// The number's id.
    id: ID,
}

/// What came of an accepted request.
struct Accepted {
    number: Option<PhoneNumber>,
    operation: Operation,
}

/// What came of `releasePhoneNumber`.
pub(crate) struct ReleasePhoneNumberPayload(Outcome<Accepted>);

/// What came of `releasePhoneNumber`.
#[Object]
impl ReleasePhoneNumberPayload {
    /// The number: RELEASING while the work goes on, RELEASED after.
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
pub(super) struct ReleasePhoneNumber;

#[Object]
impl ReleasePhoneNumber {
    /// Gives a number back to the carrier. It stops costing money, and cannot be had again for sure. Where the server
    /// grants a grace, the number stays RELEASING and answers until that is over, and `cancelRelease` keeps it.
    #[graphql(complexity = "child_complexity + 50")]
    async fn release_phone_number(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which number.")] input: ReleasePhoneNumberInput,
    ) -> Option<Result<ReleasePhoneNumberPayload, ApiError>> {
        let release = async || release(ctx.session()?, &input).await;
        Some(Outcome::of(release().await).map(ReleasePhoneNumberPayload))
    }
}

async fn release(session: &Session, input: &ReleasePhoneNumberInput) -> Result<Accepted, Stop> {
    session.owner()?;
    let id: NumberId = input::id("id", &input.id)?;
    session.count_operation()?;
    let provisioning = session.provisioning();
    let store = session.writer().await?;
    let (operation, number) = provisioning.release_number(&store, id).await?;
    store.commit().await?;
    let operation = carried_out(session, operation).await;
    let number = now_or(number_now(session, Some(id)).await, Some(number));
    Ok(Accepted { number, operation: Operation(operation) })
}
