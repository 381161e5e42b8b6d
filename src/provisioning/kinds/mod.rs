//! The kinds of operations, one file each: the request, the data, what runs each step, and what undoes it.
//!
//! A kind's file declares `STEPS`, the driver's table of that kind. The names of the kind and of its steps stand in the list
//! in [`crate::domain::OperationKind`]; a test compares both. A step that cannot be done returns the effects that undo it with
//! its [`Outcome::Failed`].
//!
//! A kind stores its operation through the tenant's own door, together with whatever the mutation changes: after the commit
//! the operation cannot be lost.

mod check_number;
mod create_agent;
mod delete_agent;
mod provision_number;
mod purchase;
mod release_number;
mod repair_number;
mod restore_voice_agent;
mod settings;
mod voice_agent;

pub use create_agent::NewAgent;
pub use purchase::WantedNumber;
pub(super) use settings::{Setting, deviations, restore};

use aws_lc_rs::digest;
use futures_util::future::BoxFuture;
use serde::Serialize;

use super::Provisioning;
use super::outcome::Outcome;
use crate::domain::{
    Agent, AgentId, IdempotencyKey, NumberId, NumberStatus, Operation, OperationId, OperationKind,
    PhoneNumber, Refusal, RefusalCode, Step,
};
use crate::store::{Inserted, Lease, NewOperation, StoreError, TenantStore};

/// Runs one step of an operation.
pub(super) type Runner =
    for<'a> fn(&'a Provisioning, &'a Operation, &'a Lease) -> BoxFuture<'a, Result<Outcome, StoreError>>;

/// The driver's table of one kind: its steps, and what runs each.
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
    }
}

/// What runs this step of this kind; `None` if the kind has no such step.
pub(super) fn runner(kind: OperationKind, step: Step) -> Option<Runner> {
    steps_of(kind).iter().find(|(known, _)| *known == step).map(|(_, runner)| *runner)
}

/// An idempotency key, and a digest of everything else in the request.
type Idempotency = Option<(IdempotencyKey, String)>;

/// The same input gives the same digest; any other another.
fn idempotency(key: Option<IdempotencyKey>, input: &impl Serialize) -> Idempotency {
    let key = key?;
    let input = serde_json::to_vec(input).expect("a request has text for keys and serializes without fail");
    let digest = digest::digest(&digest::SHA256, &input);
    Some((key, digest.as_ref().iter().map(|byte| format!("{byte:02x}")).collect()))
}

/// The operation of the same request made before, if it was.
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

/// Writes an operation down. A request with the same key that slipped in between makes this one fail whole:
/// nothing of it may be kept.
async fn insert(store: &TenantStore, operation: NewOperation) -> Result<Operation, StoreError> {
    match store.insert_operation(operation).await? {
        Inserted::New(operation) => Ok(operation),
        Inserted::Repeated(_) => Err(Refusal::new(
            RefusalCode::IdempotencyKeyReused,
            "the same request is being accepted at this moment: repeat it to get its result",
        )
        .at("idempotencyKey")
        .into()),
    }
}

/// The operation's own data, as it was stored.
fn read_data<T: serde::de::DeserializeOwned>(operation: &Operation) -> Result<T, StoreError> {
    serde_json::from_value(operation.data.clone())
        .map_err(|_| StoreError::Corrupt { table: "operations", column: "data" })
}

fn write_data(data: &impl Serialize) -> serde_json::Value {
    serde_json::to_value(data).expect("the kinds' data has text for keys and serializes without fail")
}

/// A row that the operation is about must be there: rows are never deleted.
fn present<T>(row: Option<T>, table: &'static str) -> Result<T, StoreError> {
    row.ok_or(StoreError::Corrupt { table, column: "id" })
}

/// The agent of an operation whose kind is about one.
fn agent_id_of(operation: &Operation) -> Result<AgentId, StoreError> {
    operation.agent_id.ok_or(StoreError::Corrupt { table: "operations", column: "agent_id" })
}

/// The number of an operation whose kind is about one.
async fn number_of(driver: &Provisioning, operation: &Operation) -> Result<PhoneNumber, StoreError> {
    let missing = StoreError::Corrupt { table: "operations", column: "phone_number_id" };
    let id = operation.number_id.ok_or(missing)?;
    present(driver.0.store.number(id).await?, "phone_numbers")
}

impl Provisioning {
    /// An operation of this kind that begins at once with its first step.
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

/// The tenant's agent, locked until the transaction ends.
async fn agent_of(store: &TenantStore, id: AgentId, field: &str) -> Result<Agent, StoreError> {
    Ok(store.agent(id).await?.ok_or_else(|| Refusal::not_found("agent", field))?)
}

/// The operation that releases a number that is `RELEASING`. `None`: that operation ended without effect, and the number is
/// still in service.
async fn released_by(store: &TenantStore, number: &PhoneNumber) -> Result<Option<Operation>, StoreError> {
    let unfinished = store.unfinished_operations(number.agent_id).await?;
    Ok(unfinished.into_iter().find(|operation| match operation.kind {
        OperationKind::ReleaseNumber => operation.number_id == Some(number.id),
        OperationKind::DeleteAgent => true,
        OperationKind::CreateAgent
        | OperationKind::ProvisionNumber
        | OperationKind::RepairNumber
        | OperationKind::CheckNumber
        | OperationKind::RestoreVoiceAgent => false,
    }))
}

/// The tenant's number, if an operation may begin on it: bought and not being released. One whose release stalled is put
/// into service first.
async fn settled_number_of(store: &TenantStore, id: NumberId) -> Result<PhoneNumber, StoreError> {
    let number =
        store.numbers_by_id(&[id]).await?.pop().ok_or_else(|| Refusal::not_found("phone number", "id"))?;
    let why = match number.status {
        NumberStatus::Active | NumberStatus::Inactive => return Ok(number),
        NumberStatus::Pending => "this number is being bought: wait until it is ACTIVE",
        NumberStatus::Releasing => {
            if released_by(store, &number).await?.is_none()
                && let Some(kept) = store.end_release(id, NumberStatus::Active).await?
            {
                return Ok(kept);
            }
            "this number is being released already"
        }
        NumberStatus::Released => "this number has been released already",
    };
    Err(Refusal::new(RefusalCode::InvalidInput, why).at("id").into())
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
