//! The mutation `importPhoneNumber`: takes over a number that the carrier account holds already.

use async_graphql::{Context, ID, InputObject, Object};

use crate::auth::Principal;
use crate::domain::{AgentId, CarrierAccountId, E164, IdempotencyKey, Invalid, NumberId, Refusal, TenantId};
use crate::graphql::context::{ContextExt, Session};
use crate::graphql::errors::ApiError;
use crate::graphql::model::{Checked, Operation, PhoneNumber, UserError};
use crate::graphql::mutations::input::Faults;
use crate::graphql::mutations::outcome::{Accepted, Outcome, Stop, carried_out, now_or};
use crate::provisioning::kinds::WantedImport;

/// Input of `importPhoneNumber`.
#[derive(Debug, InputObject)]
pub(crate) struct ImportPhoneNumberInput {
    /// The number, which the carrier account must hold.
    number: Checked<E164>,
    /// Id of the tenant's own carrier account. Absent: the platform's account, from which only operators can import.
    carrier_account_id: Option<ID>,
    /// Id of the agent that answers the number's calls. Absent: the number goes to the tenant's pool. Required from an operator who
    /// names no tenant in `X-Tenant-Id`.
    agent_id: Option<ID>,
    /// Your own name for the number, 1 to 100 characters.
    label: Option<String>,
    /// Whether to take the number over even if its calls or texts go to another system: a trunk, an application, a Messaging Service,
    /// or a URL of another host. Without it such a number is refused, and the error says what is set.
    #[graphql(default = false)]
    replace_settings: bool,
    /// Idempotency key: any string that is unique to this request, such as a UUID. A repeated request with the same key returns the
    /// same operation.
    idempotency_key: Option<String>,
}

/// The validated input, in the domain's types.
struct Wish {
    agent: Option<AgentId>,
    wanted: WantedImport,
    key: Option<IdempotencyKey>,
}

impl ImportPhoneNumberInput {
    fn check(self) -> Result<Wish, Stop> {
        let mut faults = Faults::default();
        let number = faults.take("number", self.number.0);
        let agent = self.agent_id.and_then(|agent| faults.take("agentId", agent.parse()));
        let account: Option<CarrierAccountId> =
            self.carrier_account_id.and_then(|id| faults.take("carrierAccountId", id.parse()));
        let label = faults.optional("label", self.label);
        let key = faults.optional("idempotencyKey", self.idempotency_key);
        let replace_settings = self.replace_settings;
        faults.unless_any(number.map(|number| Wish {
            agent,
            wanted: WantedImport {
                number,
                account: account.and_then(CarrierAccountId::of_tenant),
                label,
                replace_settings,
            },
            key,
        }))
    }
}

/// Payload of `importPhoneNumber`: what was accepted, or why nothing was.
pub(crate) struct ImportPhoneNumberPayload(Outcome<Accepted<PhoneNumber>>);

/// Result of `importPhoneNumber`.
#[Object]
impl ImportPhoneNumberPayload {
    /// The number, which is ACTIVE before the carrier sends its calls here. `null` until it is stored, or if it was refused.
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

/// Holds the root field `importPhoneNumber`; [`super::super::Mutation`] merges it with the others.
#[derive(Debug, Default)]
pub(crate) struct ImportPhoneNumber;

#[Object]
impl ImportPhoneNumber {
    /// Takes over a number that the carrier account holds already. Every call meanwhile is answered by its former system or by this
    /// server. What is set on the number is kept, and `restorePhoneNumber` puts it back. The number counts in the plan's limit, but not
    /// as a purchase, and is never deleted at the carrier.
    #[graphql(complexity = "child_complexity + 50")]
    async fn import_phone_number(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The number and its new owner.")] input: ImportPhoneNumberInput,
    ) -> Option<Result<ImportPhoneNumberPayload, ApiError>> {
        let import = async || import(ctx.session()?, input).await;
        Some(Outcome::of(import().await).map(ImportPhoneNumberPayload))
    }
}

async fn import(session: &Session, input: ImportPhoneNumberInput) -> Result<Accepted<PhoneNumber>, Stop> {
    let principal = session.principal()?;
    // An operator who names no tenant names an agent; everybody else must own the tenant.
    if !matches!(principal, Principal::Operator { acting_for: None, .. }) {
        session.owner()?;
    }
    let wish = input.check()?;
    let tenant = match wish.wanted.account {
        // A tenant's own: the tenant is the caller's.
        Some(_) => session.owner()?,
        None => new_owner(session, principal, wish.agent).await?,
    };
    session.count_operation()?;
    let provisioning = session.provisioning();
    let store = session.writer_of(tenant).await?;
    let operation = provisioning.import_number(&store, wish.agent, wish.wanted, wish.key).await?;
    // Committed before anything is changed at the carrier: the import then survives the death of this server.
    store.commit().await?;
    let operation = carried_out(session, operation).await;
    let number = now_or(number_of(session, tenant, operation.number_id).await, None::<PhoneNumber>);
    // A number that was given up again is history, not the number of this request.
    Ok(Accepted { subject: number.filter(PhoneNumber::is_held), operation: Operation(operation) })
}

/// The tenant that gets the number.
async fn new_owner(
    session: &Session,
    principal: Principal,
    agent: Option<AgentId>,
) -> Result<TenantId, Stop> {
    match principal {
        Principal::Operator { acting_for: Some(tenant), .. } => Ok(tenant),
        Principal::Operator { acting_for: None, .. } => {
            let Some(agent) = agent else {
                let why = "an operator must say who gets the number: name an agent, or the tenant in the header X-Tenant-Id";
                return Err(Refusal::invalid("agentId", &Invalid(why.to_owned())).into());
            };
            // One request holds one connection at a time.
            let _released = session.release().await;
            let found = session.estate()?.agent(agent).await?;
            Ok(found.ok_or_else(|| Refusal::not_found("agent", "agentId"))?.tenant_id)
        }
        Principal::Tenant(_) | Principal::Agent { .. } => Err(ApiError::forbidden(
            "only an operator may import a number from the platform's carrier account: name an account of your own in carrierAccountId",
        )
        .into()),
    }
}

async fn number_of(
    session: &Session,
    tenant: TenantId,
    id: Option<NumberId>,
) -> Result<Option<PhoneNumber>, ApiError> {
    let Some(id) = id else { return Ok(None) };
    Ok(session.reader_of(tenant).await?.numbers_by_id(&[id]).await?.pop().map(PhoneNumber::from))
}
