//! `provisionPhoneNumber`.

use async_graphql::{Context, ID, InputObject, Object};

use super::input::{Faults, IfUnavailable};
use super::outcome::{Outcome, Stop, carried_out, now_or, number_now};
use crate::domain::{AgentId, CountryCode, E164, IdempotencyKey};
use crate::graphql::context::{ContextExt, Session};
use crate::graphql::errors::ApiError;
use crate::graphql::model::{Checked, Operation, PhoneNumber, PhoneNumberType, UserError};
use crate::provisioning::kinds::WantedNumber;

/// Which number to buy, for which agent.
#[derive(Debug, InputObject)]
pub(crate) struct ProvisionPhoneNumberInput {
    /// The agent's id.
    agent_id: ID,
    /// The number's country.
    #[graphql(default_with = "Checked(Ok(CountryCode::US))")]
    country: Checked<CountryCode>,
    /// The number's area code, three digits. US and Canada only.
    area_code: Option<String>,
    /// What kind of number.
    #[graphql(name = "type", default_with = "PhoneNumberType::Local")]
    kind: PhoneNumberType,
    /// This number exactly, as found by `availablePhoneNumbers`.
    number: Option<Checked<E164>>,
    /// What to do when no such number is to be had.
    #[graphql(default_with = "IfUnavailable::Fail")]
    if_unavailable: IfUnavailable,
    /// Whether an agent that has a number shall get a further one.
    #[graphql(default = false)]
    additional: bool,
    /// Your name for this request, such as a UUID. Repeating the request with it returns the same operation
    /// instead of buying a second number.
    idempotency_key: Option<String>,
}

/// An input that was read and found right.
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
        let key = faults.optional("idempotencyKey", self.idempotency_key);
        if let (Some(number), Some(code)) = (&number, &area_code)
            && number.area_code() != Some(code.as_str())
        {
            faults.note("areaCode", "the number is not in this area code: leave out one of the two");
        }
        let wish = agent.zip(country).map(|(agent, country)| Wish {
            agent,
            wanted: WantedNumber {
                country,
                area_code,
                kind: self.kind.into(),
                number,
                any_in_country: self.if_unavailable == IfUnavailable::AnyInCountry,
            },
            additional: self.additional,
            key,
        });
        faults.unless_any(wish)
    }
}

/// What came of an accepted request.
struct Accepted {
    number: Option<PhoneNumber>,
    operation: Operation,
}

/// What came of `provisionPhoneNumber`.
pub(crate) struct ProvisionPhoneNumberPayload(Outcome<Accepted>);

/// What came of `provisionPhoneNumber`.
#[Object]
impl ProvisionPhoneNumberPayload {
    /// The number, once it is chosen: PENDING while it is being bought, ACTIVE after. Null when none could be had.
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
pub(super) struct ProvisionPhoneNumber;

#[Object]
impl ProvisionPhoneNumber {
    /// Buys a number for an agent and points it there. Costs money every month until it is released.
    #[graphql(complexity = "child_complexity + 50")]
    async fn provision_phone_number(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which number, for which agent.")] input: ProvisionPhoneNumberInput,
    ) -> Option<Result<ProvisionPhoneNumberPayload, ApiError>> {
        let provision = async || provision(ctx.session()?, input).await;
        Some(Outcome::of(provision().await).map(ProvisionPhoneNumberPayload))
    }
}

async fn provision(session: &Session, input: ProvisionPhoneNumberInput) -> Result<Accepted, Stop> {
    session.owner()?;
    let wish = input.check()?;
    session.count_operation()?;
    let provisioning = session.provisioning();
    let store = session.writer().await?;
    let operation =
        provisioning.provision_number(&store, wish.agent, wish.wanted, wish.additional, wish.key).await?;
    store.commit().await?;
    let operation = carried_out(session, operation).await;
    let number = now_or(number_now(session, operation.number_id).await, None::<PhoneNumber>);
    let number = number.filter(PhoneNumber::is_held);
    Ok(Accepted { number, operation: Operation(operation) })
}
