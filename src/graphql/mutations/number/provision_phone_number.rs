//! The mutation `provisionPhoneNumber`: buys a number for an agent.

use async_graphql::{Context, ID, InputObject, Object};

use crate::domain::{AgentId, CountryCode, E164, IdempotencyKey};
use crate::graphql::context::{ContextExt, Session};
use crate::graphql::errors::ApiError;
use crate::graphql::model::{Checked, Operation, PhoneNumber, PhoneNumberType, UserError};
use crate::graphql::mutations::input::{Faults, IfUnavailable};
use crate::graphql::mutations::outcome::{Accepted, Outcome, Stop, carried_out, now_or, number_now};
use crate::provisioning::kinds::WantedNumber;

/// Input of `provisionPhoneNumber`.
#[derive(Debug, InputObject)]
pub(crate) struct ProvisionPhoneNumberInput {
    /// Id of the agent.
    agent_id: ID,
    /// Country of the number.
    #[graphql(default_with = "Checked(Ok(CountryCode::US))")]
    country: Checked<CountryCode>,
    /// Area code of the number: three digits. Only for the United States and Canada.
    area_code: Option<String>,
    /// Kind of number.
    #[graphql(name = "type", default_with = "PhoneNumberType::Local")]
    kind: PhoneNumberType,
    /// Exactly this number, from `availablePhoneNumbers`.
    number: Option<Checked<E164>>,
    /// What to do if no such number is for sale.
    #[graphql(default_with = "IfUnavailable::Fail")]
    if_unavailable: IfUnavailable,
    /// Your own name for the number, 1 to 100 characters.
    label: Option<String>,
    /// Whether to buy another number for an agent that already has one.
    #[graphql(default = false)]
    additional: bool,
    /// Idempotency key: any string that is unique to this request, such as a UUID. A repeated request with the
    /// same key returns the same operation instead of buying a second number.
    idempotency_key: Option<String>,
}

/// The validated input, in the domain's types.
struct Wish {
    agent: AgentId,
    wanted: WantedNumber,
    additional: bool,
    key: Option<IdempotencyKey>,
}

impl ProvisionPhoneNumberInput {
    fn check(self) -> Result<Wish, Stop> {
        let mut faults = Faults::default();
        let agent = faults.take("agentId", self.agent_id.parse());
        let country = faults.take("country", self.country.0);
        let area_code = faults.area_code(country, self.kind.into(), self.area_code);
        let number = faults.scalar("number", self.number);
        let label = faults.optional("label", self.label);
        let key = faults.optional("idempotencyKey", self.idempotency_key);
        // The carrier is asked for the number alone, so a code that contradicts it would be ignored.
        if let (Some(number), Some(code)) = (&number, &area_code)
            && number.area_code() != Some(code.as_str())
        {
            faults.note("areaCode", "the number is not in this area code: leave one of the two out");
        }
        let wish = agent.zip(country).map(|(agent, country)| Wish {
            agent,
            wanted: WantedNumber {
                country,
                area_code,
                kind: self.kind.into(),
                number,
                any_in_country: self.if_unavailable == IfUnavailable::AnyInCountry,
                label,
            },
            additional: self.additional,
            key,
        });
        faults.unless_any(wish)
    }
}

/// Payload of `provisionPhoneNumber`: what was accepted, or why nothing was.
pub(crate) struct ProvisionPhoneNumberPayload(Outcome<Accepted<PhoneNumber>>);

/// Result of `provisionPhoneNumber`.
#[Object]
impl ProvisionPhoneNumberPayload {
    /// The number; PENDING while it is being bought, then ACTIVE. `null` until one is chosen, or if none is
    /// available.
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

/// Holds the root field `provisionPhoneNumber`; [`super::super::Mutation`] merges it with the others.
#[derive(Debug, Default)]
pub(crate) struct ProvisionPhoneNumber;

#[Object]
impl ProvisionPhoneNumber {
    /// Buys a number for an agent. It is billed every month until it is released.
    #[graphql(complexity = "child_complexity + 50")]
    async fn provision_phone_number(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The number and its agent.")] input: ProvisionPhoneNumberInput,
    ) -> Option<Result<ProvisionPhoneNumberPayload, ApiError>> {
        let provision = async || provision(ctx.session()?, input).await;
        Some(Outcome::of(provision().await).map(ProvisionPhoneNumberPayload))
    }
}

async fn provision(
    session: &Session,
    input: ProvisionPhoneNumberInput,
) -> Result<Accepted<PhoneNumber>, Stop> {
    session.owner()?;
    let wish = input.check()?;
    session.count_operation()?;
    let provisioning = session.provisioning();
    let store = session.writer().await?;
    let operation =
        provisioning.provision_number(&store, wish.agent, wish.wanted, wish.additional, wish.key).await?;
    // Committed before anything is bought: the purchase then survives the death of this server.
    store.commit().await?;
    let operation = carried_out(session, operation).await;
    let number = now_or(number_now(session, operation.number_id).await, None::<PhoneNumber>);
    // A claim that was freed again is history, not the number of this request.
    Ok(Accepted { subject: number.filter(PhoneNumber::is_held), operation: Operation(operation) })
}
