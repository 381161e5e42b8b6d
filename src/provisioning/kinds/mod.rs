//! The kinds of operations, one file each: the request, the data, the steps and their undo.
//!
//! The file of a kind declares `STEPS`, the driver's table of that kind. [`crate::domain::OperationKind`]
//! lists the names of kinds and steps; a test compares both. A step that fails for good returns the effects
//! that undo it with [`Outcome::Failed`].
//!
//! A kind stores its operation in the tenant's transaction, together with the other changes of the mutation, so that no
//! crash after the commit loses the operation.

mod account;
mod adopted;
mod check_number;
mod create_agent;
mod delete_agent;
mod keep;
mod provision_number;
mod purchase;
mod release_number;
mod repair_number;
mod restore_voice_agent;
mod send_message;
mod settings;
mod voice_agent;

pub use adopted::WantedImport;
pub use create_agent::NewAgent;
pub use delete_agent::Leaving;
pub use keep::{PortData, WantedPort, WantedToKeep};
pub use purchase::WantedNumber;
pub(super) use purchase::area_code_of;
pub use send_message::WantedMessage;
pub(super) use settings::{Setting, deviations, restore};

use aws_lc_rs::digest;
use futures_util::future::BoxFuture;
use serde::Serialize;

use super::Provisioning;
use super::outcome::Outcome;
use crate::domain::{
    Agent, AgentId, AgentStatus, E164, GivenUpNumbers, IdempotencyKey, NumberId, NumberStatus, Operation,
    OperationId, OperationKind, PhoneNumber, Refusal, RefusalCode, Step, hex,
};
use crate::store::{Inserted, Lease, NewOperation, StoreError, TenantStore};

/// Runs one step of an operation.
pub(super) type Runner =
    for<'a> fn(&'a Provisioning, &'a Operation, &'a Lease) -> BoxFuture<'a, Result<Outcome, StoreError>>;

/// The driver's table of one kind: each step with its runner.
type Steps = &'static [(Step, Runner)];

const fn steps_of(kind: OperationKind) -> Steps {
    match kind {
        OperationKind::CreateAgent => create_agent::STEPS,
        OperationKind::ProvisionNumber => provision_number::STEPS,
        OperationKind::ReleaseNumber => release_number::STEPS,
        OperationKind::RepairNumber => repair_number::STEPS,
        OperationKind::CheckNumber => check_number::STEPS,
        OperationKind::DeleteAgent => delete_agent::STEPS,
        OperationKind::RestoreVoiceAgent => restore_voice_agent::STEPS,
        OperationKind::ImportNumber => adopted::IMPORT_STEPS,
        OperationKind::RestoreNumber => adopted::RESTORE_STEPS,
        OperationKind::SendMessage => send_message::STEPS,
        OperationKind::CreateCarrierAccount => account::CREATE_STEPS,
        OperationKind::MoveNumber => account::MOVE_STEPS,
        OperationKind::KeepNumber => keep::STEPS,
        OperationKind::PortNumber => keep::PORT_STEPS,
    }
}

/// The runner of a step; `None` if the kind has no such step.
pub(super) fn runner(kind: OperationKind, step: Step) -> Option<Runner> {
    steps_of(kind).iter().find(|(known, _)| *known == step).map(|(_, runner)| *runner)
}

/// An idempotency key and a SHA-256 digest of the rest of the request, in hex.
type Idempotency = Option<(IdempotencyKey, String)>;

/// Adds the digest of the input to a key. Equal inputs have equal digests.
fn idempotency(key: Option<IdempotencyKey>, input: &impl Serialize) -> Idempotency {
    let key = key?;
    let input = serde_json::to_vec(input).expect("a request has text for keys and serializes without fail");
    let digest = digest::digest(&digest::SHA256, &input);
    Some((key, hex(digest.as_ref())))
}

/// The operation of an earlier request with the same key, if there is one.
async fn repeated(
    store: &TenantStore,
    kind: OperationKind,
    idempotency: &Idempotency,
) -> Result<Option<Operation>, StoreError> {
    match idempotency {
        Some((key, hash)) => store.repeated_operation(kind, key, hash).await,
        None => Ok(None),
    }
}

/// Stores an operation. If a concurrent request with the same key was stored first, this request fails and its transaction
/// must not be committed.
async fn insert(store: &TenantStore, operation: NewOperation) -> Result<Operation, StoreError> {
    match store.insert_operation(operation).await? {
        Inserted::New(operation) => Ok(operation),
        Inserted::Repeated(_) => Err(Refusal::new(
            RefusalCode::IdempotencyKeyReused,
            "the same request is being processed concurrently: repeat it to get its result",
        )
        .at("idempotencyKey")
        .into()),
    }
}

/// Parses the operation's data.
fn read_data<T: serde::de::DeserializeOwned>(operation: &Operation) -> Result<T, StoreError> {
    serde_json::from_value(operation.data.clone())
        .map_err(|_| StoreError::Corrupt { table: "operations", column: "data" })
}

fn write_data(data: &impl Serialize) -> serde_json::Value {
    serde_json::to_value(data).expect("the kinds' data has text for keys and serializes without fail")
}

/// Unwraps a row that must exist, because rows of this kind are never deleted.
fn present<T>(row: Option<T>, table: &'static str) -> Result<T, StoreError> {
    row.ok_or(StoreError::Corrupt { table, column: "id" })
}

/// The agent id of an operation that must have one.
fn agent_id_of(operation: &Operation) -> Result<AgentId, StoreError> {
    operation.agent_id.ok_or(StoreError::Corrupt { table: "operations", column: "agent_id" })
}

/// The number of an operation that must have one.
async fn number_of(driver: &Provisioning, operation: &Operation) -> Result<PhoneNumber, StoreError> {
    let missing = StoreError::Corrupt { table: "operations", column: "phone_number_id" };
    let id = operation.number_id.ok_or(missing)?;
    present(driver.0.store.number(id).await?, "phone_numbers")
}

impl Provisioning {
    /// A new operation of this kind, due now, at its first step.
    fn new_operation(&self, kind: OperationKind, data: &impl Serialize) -> NewOperation {
        NewOperation {
            id: OperationId(self.0.entropy.uuid(self.0.clock.now())),
            kind,
            step: kind.steps().first().copied().unwrap_or(Step::Done),
            agent_id: None,
            number_id: None,
            data: write_data(data),
            not_before: None,
            idempotency: None,
        }
    }
}

/// The tenant's agent, locked until the transaction ends; `NOT_FOUND` at `field` if it does not exist.
async fn agent_of(store: &TenantStore, id: AgentId, field: &str) -> Result<Agent, StoreError> {
    Ok(store.agent(id).await?.ok_or_else(|| Refusal::not_found("agent", field))?)
}

/// Refuses an agent that is deleted, being deleted or being created: it gets no number.
///
/// # Errors
/// [`StoreError`]; the refusal, at `agentId`, as [`StoreError::Refused`].
pub(crate) async fn can_get_numbers(store: &TenantStore, agent: &Agent) -> Result<(), StoreError> {
    let why = match agent.status {
        AgentStatus::Active | AgentStatus::Inactive if !store.is_being_deleted(agent.id).await? => {
            return Ok(());
        }
        AgentStatus::Active | AgentStatus::Inactive | AgentStatus::Deleted => {
            "this agent is deleted, or is being deleted: choose another one"
        }
        AgentStatus::Pending => "this agent is still being created: wait for its operation, then try again",
    };
    Err(Refusal::new(RefusalCode::InvalidInput, why).at("agentId").into())
}

/// Refuses a number to which the agent's fallback number passes calls on.
///
/// # Errors
/// [`StoreError`]; the refusal, at `agentId`, as [`StoreError::Refused`].
pub(crate) async fn makes_no_loop(
    store: &TenantStore,
    agent: &Agent,
    number: &E164,
) -> Result<(), StoreError> {
    if let Some(fallback) = &agent.fallback_number
        && store.leads_to(fallback, std::slice::from_ref(number)).await?
    {
        let why = "the agent's fallback number passes calls on to this number, so that they would ring each other: change the \
                   agent's fallback number first";
        return Err(Refusal::new(RefusalCode::InvalidInput, why).at("agentId").into());
    }
    Ok(())
}

/// The operation that releases a `RELEASING` number; `None` if it ended without effect, so that the number still takes calls.
pub(super) async fn released_by(
    store: &TenantStore,
    number: &PhoneNumber,
) -> Result<Option<Operation>, StoreError> {
    let unfinished = store.unfinished_operations(number.agent_id).await?;
    Ok(unfinished.into_iter().find(|operation| match operation.kind.gives_up() {
        GivenUpNumbers::Own => operation.number_id == Some(number.id),
        GivenUpNumbers::OfItsAgent => number.assigned_to().is_some(),
        GivenUpNumbers::None => false,
    }))
}

/// The tenant's number, if it is bought and not being released, so that an operation may start on it. A number with a stalled
/// release is put into service first.
async fn settled_number_of(store: &TenantStore, id: NumberId) -> Result<PhoneNumber, StoreError> {
    let number =
        // Not locked: whatever changes the status checks it again in its update.
        store.numbers_by_id(&[id]).await?.pop().ok_or_else(|| Refusal::not_found("phone number", "id"))?;
    let why = match number.status {
        NumberStatus::Active | NumberStatus::Inactive
            if import_under_way(store, &number).await?.is_some() =>
        {
            "this number is being imported: wait until its operation has ended"
        }
        NumberStatus::Active | NumberStatus::Inactive => return Ok(number),
        NumberStatus::Pending => "this number is being bought: wait until it is ACTIVE",
        NumberStatus::Releasing => {
            // Without an operation nothing would ever end this release.
            if released_by(store, &number).await?.is_none()
                && let Some(kept) = store.end_release(id, NumberStatus::Active).await?
            {
                return Ok(kept);
            }
            "this number is already being released"
        }
        NumberStatus::Released => "this number has been released already",
    };
    Err(Refusal::new(RefusalCode::InvalidInput, why).at("id").into())
}

/// The operation that takes the number over, unless it has ended.
pub(super) async fn import_under_way(
    store: &TenantStore,
    number: &PhoneNumber,
) -> Result<Option<Operation>, StoreError> {
    if !number.origin.is_taken_over() {
        return Ok(None);
    }
    let unfinished = store.unfinished_operations(number.agent_id).await?;
    Ok(unfinished.into_iter().find(|operation| {
        operation.kind == OperationKind::ImportNumber && operation.number_id == Some(number.id)
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_drivers_table_has_exactly_the_steps_of_every_kind() {
        for kind in OperationKind::ALL {
            let run: Vec<Step> = steps_of(*kind).iter().map(|(step, _)| *step).collect();
            assert_eq!(run, kind.steps(), "{kind}");
        }
    }
}
