//! The kinds of operations, a file each: what is asked for, its steps, and what undoes them.
//!
//! What a kind writes down, it writes through the tenant's own door, together with whatever the mutation changes:
//! after the commit the operation cannot be forgotten any more.

pub(super) mod create_agent;
pub(super) mod delete_agent;
mod provision_number;
pub(super) mod purchase;
pub(super) mod release_number;
pub(super) mod repair_number;

pub use create_agent::NewAgent;
pub use purchase::WantedNumber;

use aws_lc_rs::digest;
use serde::Serialize;

use super::Provisioning;
use crate::domain::{
    Agent, AgentId, IdempotencyKey, NumberId, NumberStatus, Operation, OperationId, OperationKind,
    PhoneNumber, Refusal, RefusalCode,
};
use crate::store::{Inserted, NewOperation, StoreError, TenantStore};

/// A client's name for a request, and a digest of everything else in it.
type Idempotency = Option<(IdempotencyKey, String)>;

/// The same input gives the same digest; any other another.
fn idempotency(key: Option<IdempotencyKey>, input: &impl Serialize) -> Result<Idempotency, StoreError> {
    let Some(key) = key else { return Ok(None) };
    let input = serde_json::to_vec(input).map_err(|_| unreadable())?;
    let digest = digest::digest(&digest::SHA256, &input);
    Ok(Some((key, digest.as_ref().iter().map(|byte| format!("{byte:02x}")).collect())))
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
    serde_json::from_value(operation.data.clone()).map_err(|_| unreadable())
}

fn write_data(data: &impl Serialize) -> Result<serde_json::Value, StoreError> {
    serde_json::to_value(data).map_err(|_| unreadable())
}

fn unreadable() -> StoreError {
    StoreError::Corrupt { table: "operations", column: "data" }
}

/// A row the operation is about must be there: rows are never deleted.
fn present<T>(row: Option<T>, table: &'static str) -> Result<T, StoreError> {
    row.ok_or(StoreError::Corrupt { table, column: "id" })
}

impl Provisioning {
    fn new_operation_id(&self) -> OperationId {
        OperationId(self.0.entropy.uuid(self.0.clock.now()))
    }
}

/// The tenant's agent, kept from changing until the transaction ends.
async fn agent_of(store: &TenantStore, id: AgentId, field: &str) -> Result<Agent, StoreError> {
    Ok(store.agent(id).await?.ok_or_else(|| Refusal::not_found("agent", field))?)
}

/// The operation that is to give back a number that is RELEASING. `None`: whatever was to do it ended without, and the number
/// is still in service.
async fn given_back_by(store: &TenantStore, number: &PhoneNumber) -> Result<Option<Operation>, StoreError> {
    let unfinished = store.unfinished_operations(number.agent_id).await?;
    Ok(unfinished.into_iter().find(|operation| match operation.kind {
        OperationKind::ReleaseNumber => operation.number_id == Some(number.id),
        OperationKind::DeleteAgent => true,
        OperationKind::CreateAgent | OperationKind::ProvisionNumber | OperationKind::RepairNumber => false,
    }))
}

/// The tenant's number, if it is one that an operation may begin on: bought and not being given back. One whose release
/// stalled is put into service first.
async fn settled_number_of(store: &TenantStore, id: NumberId) -> Result<PhoneNumber, StoreError> {
    let number =
        store.numbers_by_id(&[id]).await?.pop().ok_or_else(|| Refusal::not_found("phone number", "id"))?;
    let why = match number.status {
        NumberStatus::Active | NumberStatus::Inactive => return Ok(number),
        NumberStatus::Pending => "this number is being bought: wait until it is ACTIVE",
        NumberStatus::Releasing => {
            if given_back_by(store, &number).await?.is_none()
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
