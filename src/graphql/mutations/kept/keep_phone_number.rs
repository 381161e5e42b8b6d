//! The mutation `keepPhoneNumber`: keeps a number of another carrier, at first by forwarding.

use async_graphql::{Context, ID, InputObject, Object};

use super::kept_now;
use crate::domain::{E164, IdempotencyKey, NumberType};
use crate::graphql::context::{ContextExt, Session};
use crate::graphql::errors::ApiError;
use crate::graphql::model::{Checked, KeptNumber, Operation, UserError};
use crate::graphql::mutations::input::Faults;
use crate::graphql::mutations::outcome::{Accepted, Outcome, Stop, carried_out, now_or};
use crate::provisioning::kinds::WantedToKeep;

/// Input of `keepPhoneNumber`.
#[derive(Debug, InputObject)]
pub(crate) struct KeepPhoneNumberInput {
    /// The number at another carrier.
    number: Checked<E164>,
    /// Id of the agent that is to answer its calls.
    agent_id: ID,
    /// Area code of the number that calls are forwarded to: three digits. Default: that of `number`. If none is for sale there, one
    /// of the country is bought.
    area_code: Option<String>,
    /// Idempotency key: any string that is unique to this request, such as a UUID. A repeated request with the
    /// same key returns the same kept number and operation.
    idempotency_key: Option<String>,
}

impl KeepPhoneNumberInput {
    fn check(self) -> Result<(WantedToKeep, Option<IdempotencyKey>), Stop> {
        let mut faults = Faults::default();
        let number = faults.take("number", self.number.0);
        let agent = faults.take("agentId", self.agent_id.parse());
        let country = number.as_ref().and_then(E164::country);
        let area_code = faults.area_code(country, NumberType::Local, self.area_code);
        let key = faults.optional("idempotencyKey", self.idempotency_key);
        let wanted =
            number.zip(agent).map(|(number, agent)| (WantedToKeep { number, agent, area_code }, key));
        faults.unless_any(wanted)
    }
}

/// Payload of `keepPhoneNumber`: what was accepted, or why nothing was.
pub(crate) struct KeepPhoneNumberPayload(Outcome<Accepted<KeptNumber>>);

/// Result of `keepPhoneNumber`.
#[Object]
impl KeepPhoneNumberPayload {
    /// The kept number; FORWARDING. Its target is `null` until it is bought.
    async fn kept_number(&self) -> Option<&KeptNumber> {
        self.0.subject()
    }

    /// The operation that buys the target. If it is RUNNING, follow it with `operationUpdated`.
    async fn operation(&self) -> Option<&Operation> {
        self.0.operation()
    }

    /// Errors that the client can correct. If `operation` is `null`, nothing was changed.
    async fn user_errors(&self) -> Vec<UserError> {
        self.0.errors()
    }
}

/// Holds the root field `keepPhoneNumber`; [`super::super::Mutation`] merges it with the others.
#[derive(Debug, Default)]
pub(crate) struct KeepPhoneNumber;

#[Object]
impl KeepPhoneNumber {
    /// Keeps a number of another carrier: buys a number for the agent, to which the calls of the kept number are to be forwarded.
    /// The bought number is billed every month until it is released. `requestPort` then ports the number itself.
    #[graphql(complexity = "child_complexity + 50")]
    async fn keep_phone_number(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The number and the agent.")] input: KeepPhoneNumberInput,
    ) -> Option<Result<KeepPhoneNumberPayload, ApiError>> {
        let keep = async || keep(ctx.session()?, input).await;
        Some(Outcome::of(keep().await).map(KeepPhoneNumberPayload))
    }
}

async fn keep(session: &Session, input: KeepPhoneNumberInput) -> Result<Accepted<KeptNumber>, Stop> {
    session.owner()?;
    let (wanted, key) = input.check()?;
    session.count_operation()?;
    let store = session.writer().await?;
    let (operation, kept) = session.provisioning().keep_number(&store, wanted, key).await?;
    // Committed before anything is bought: the purchase then survives the death of this server.
    store.commit().await?;
    let operation = carried_out(session, operation).await;
    let subject = now_or(kept_now(session, kept.id).await, Some(KeptNumber(kept)));
    Ok(Accepted { subject, operation: Operation(operation) })
}
