//! The mutation `setPrimaryPhoneNumber`: chooses an agent's primary number.

use async_graphql::{Context, ID, InputObject, Object};

use crate::domain::{Invalid, NumberId, Refusal};
use crate::graphql::context::{ContextExt, Session};
use crate::graphql::errors::ApiError;
use crate::graphql::model::{PhoneNumber, UserError};
use crate::graphql::mutations::input;
use crate::graphql::mutations::outcome::{Outcome, Stop};

/// Input of `setPrimaryPhoneNumber`.
#[derive(Debug, InputObject)]
pub(crate) struct SetPrimaryPhoneNumberInput {
    /// Id of the number.
    id: ID,
}

/// Payload of `setPrimaryPhoneNumber`: what was accepted, or why nothing was.
pub(crate) struct SetPrimaryPhoneNumberPayload(Outcome<PhoneNumber>);

/// Result of `setPrimaryPhoneNumber`.
#[Object]
impl SetPrimaryPhoneNumberPayload {
    /// The number; `null` if there are `userErrors`.
    async fn phone_number(&self) -> Option<&PhoneNumber> {
        self.0.accepted()
    }

    /// Errors that the client can correct. If there are any, nothing was changed.
    async fn user_errors(&self) -> Vec<UserError> {
        self.0.user_errors(|_| None)
    }
}

/// Holds the root field `setPrimaryPhoneNumber`; [`super::super::Mutation`] merges it with the others.
#[derive(Debug, Default)]
pub(crate) struct SetPrimaryPhoneNumber;

#[Object]
impl SetPrimaryPhoneNumber {
    /// Makes a number the primary one of its agent, which `Agent.phoneNumber` shows. Without a choice it is the agent's oldest
    /// active number. A number that is assigned to another agent loses this choice.
    #[graphql(complexity = "child_complexity + 10")]
    async fn set_primary_phone_number(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The number.")] input: SetPrimaryPhoneNumberInput,
    ) -> Option<Result<SetPrimaryPhoneNumberPayload, ApiError>> {
        let set = async || set(ctx.session()?, &input).await;
        Some(Outcome::of(set().await).map(SetPrimaryPhoneNumberPayload))
    }
}

async fn set(session: &Session, input: &SetPrimaryPhoneNumberInput) -> Result<PhoneNumber, Stop> {
    session.owner()?;
    let id: NumberId = input::id("id", &input.id)?;
    let store = session.writer().await?;
    let missing = || Refusal::not_found("phone number", "id");
    let number = store.numbers_by_id(&[id]).await?.pop().ok_or_else(missing)?;
    // Locks the agent: of two choices at the same time the later one holds.
    store.agent(number.agent_id).await?;
    let Some(number) = store.make_primary(number.agent_id, id).await? else {
        let why =
            "only an ACTIVE number of an agent can be its primary one: assign it to an agent, or repair it";
        return Err(Refusal::invalid("id", &Invalid(why.to_owned())).into());
    };
    store.audit("setPrimaryPhoneNumber", id).await?;
    store.commit().await?;
    Ok(number.into())
}
