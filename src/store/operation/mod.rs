//! Operations: a tenant requests them here. [`lease`] decides who runs one, [`record`] writes what a step leaves behind, and
//! [`event`] wakes those that wait for an external event.

mod backlog;
mod event;
mod lease;
mod record;

pub use backlog::Backlog;
pub use lease::{Claimed, Lease};
pub use record::{Effect, OperationUpdate, Wait};
pub(super) use record::{changed, held, write};

use chrono::{DateTime, Utc};
use sea_orm::ActiveValue::Set;
use sea_orm::sea_query::OnConflict;
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QueryOrder, Select};

use super::entities::{self, operation};
use super::error::key_reused;
use super::{Change, StoreError, SystemStore, TenantStore, dialect};
use crate::domain::{
    AgentId, IdempotencyKey, NumberId, Operation, OperationId, OperationKind, OperationState, Refusal, Step,
};

/// An operation to be written down.
#[derive(Debug, Clone)]
pub struct NewOperation {
    /// Its id.
    pub id: OperationId,
    /// What it does.
    pub kind: OperationKind,
    /// Its first step.
    pub step: Step,
    /// The agent it is about, if it is about one.
    pub agent_id: Option<AgentId>,
    /// The number it is about, when there is one already.
    pub number_id: Option<NumberId>,
    /// What was asked for.
    pub data: serde_json::Value,
    /// When it may begin; `None`: at once.
    pub not_before: Option<DateTime<Utc>>,
    /// The client's name for the request, and the SHA-256 of the request's other input in hexadecimal.
    pub idempotency: Option<(IdempotencyKey, String)>,
}

/// What became of a new operation.
#[derive(Debug, Clone)]
pub enum Inserted {
    /// It was written down.
    New(Operation),
    /// The same request was made before: this is its operation. Nothing was written.
    Repeated(Operation),
}

/// The states of operations that are not over.
pub(super) const UNFINISHED: [&str; 2] = [OperationState::Pending.as_str(), OperationState::Running.as_str()];

impl TenantStore {
    fn own_operations(&self) -> Select<operation::Entity> {
        operation::Entity::find().filter(operation::Column::TenantId.eq(self.tenant.0))
    }

    /// Writes an operation down, and in the audit trail that it was asked for, unless the same request was made before.
    ///
    /// # Errors
    /// `IDEMPOTENCY_KEY_REUSED` as [`StoreError::Refused`] when the key was used with other input.
    pub async fn insert_operation(&self, new: NewOperation) -> Result<Inserted, StoreError> {
        let id = new.id;
        let (kind, idempotency) = (new.kind, new.idempotency.clone());
        let inserted = operation::Entity::insert(self.new_row(new)?)
            .on_conflict(OnConflict::new().do_nothing().to_owned())
            .exec_without_returning(&self.transaction)
            .await?;
        if inserted == 0
            && let Some((key, input_hash)) = idempotency
            && let Some(earlier) = self.repeated_operation(kind, &key, &input_hash).await?
        {
            return Ok(Inserted::Repeated(earlier));
        }
        let row = self.own_operations().filter(operation::Column::Id.eq(id.0)).one(&self.transaction).await?;
        let row = row.ok_or(StoreError::Corrupt { table: "operations", column: "id" })?;
        let operation: Operation = row.try_into()?;
        self.audit_begun(&operation).await?;
        self.publish_on_commit(Change::Operation { tenant: self.tenant, id });
        Ok(Inserted::New(operation))
    }

    fn new_row(&self, new: NewOperation) -> Result<operation::ActiveModel, StoreError> {
        let now = self.shared.clock.now();
        let (key, input_hash) = new.idempotency.map(|(key, hash)| (key.to_string(), hash)).unzip();
        Ok(operation::ActiveModel {
            id: Set(new.id.0),
            tenant_id: Set(self.tenant.0),
            kind: Set(new.kind.to_string()),
            state: Set(OperationState::Pending.to_string()),
            step: Set(new.step.to_string()),
            attempts: Set(0),
            agent_id: Set(new.agent_id.map(|id| id.0)),
            phone_number_id: Set(new.number_id.map(|id| id.0)),
            data: Set(new.data),
            error: Set(None),
            idempotency_key: Set(key),
            input_hash: Set(input_hash),
            request_id: Set(self.author()?.request_id.clone()),
            run_after: Set(new.not_before.unwrap_or(now)),
            lease_owner: Set(None),
            lease_until: Set(None),
            fencing_token: Set(0),
            outcome_unknown_at: Set(None),
            awaited_event: Set(None),
            created_at: Set(now),
            updated_at: Set(now),
            finished_at: Set(None),
        })
    }

    /// The operation of an earlier request with this key, if its kind and input were the same. Until this
    /// transaction ends no other request with the key is answered, so that of two at once one is the first.
    ///
    /// # Errors
    /// `IDEMPOTENCY_KEY_REUSED` as [`StoreError::Refused`] when they were not.
    pub async fn repeated_operation(
        &self,
        kind: OperationKind,
        key: &IdempotencyKey,
        input_hash: &str,
    ) -> Result<Option<Operation>, StoreError> {
        dialect::lock_idempotency_key(&self.transaction, self.tenant, key).await?;
        let same_key = operation::Column::IdempotencyKey.eq(key.as_str());
        let Some(row) = self.own_operations().filter(same_key).one(&self.transaction).await? else {
            return Ok(None);
        };
        if row.kind == kind.as_str() && row.input_hash.as_deref() == Some(input_hash) {
            Ok(Some(row.try_into()?))
        } else {
            Err(key_reused().into())
        }
    }

    /// These operations, in no order.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn operations_by_id(&self, ids: &[OperationId]) -> Result<Vec<Operation>, StoreError> {
        let wanted = operation::Column::Id.is_in(ids.iter().map(|id| id.0));
        entities::all(&self.transaction, self.own_operations().filter(wanted)).await
    }

    /// Ends the release of this number, if nobody has begun it; says whether that was so. A driver that takes it up at
    /// the same moment either comes first, or finds it over.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn take_back_release(&self, number: NumberId, why: &Refusal) -> Result<bool, StoreError> {
        let now = self.shared.clock.now();
        let row = operation::ActiveModel {
            state: Set(OperationState::Failed.to_string()),
            error: Set(Some(operation::write_refusal(why))),
            updated_at: Set(now),
            finished_at: Set(Some(now)),
            ..Default::default()
        };
        let ended = operation::Entity::update_many()
            .set(row)
            .filter(operation::Column::TenantId.eq(self.tenant.0))
            .filter(operation::Column::PhoneNumberId.eq(number.0))
            .filter(operation::Column::Kind.eq(OperationKind::ReleaseNumber.as_str()))
            .filter(operation::Column::State.eq(OperationState::Pending.as_str()))
            .exec_with_returning(&self.transaction)
            .await?;
        let was_so = !ended.is_empty();
        for ended in ended {
            let ended: Operation = ended.try_into()?;
            self.audit_ended(&ended).await?;
            self.publish_on_commit(changed(&ended));
        }
        Ok(was_so)
    }

    /// The unfinished operations on this agent, oldest first.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn unfinished_operations(&self, agent: AgentId) -> Result<Vec<Operation>, StoreError> {
        let found = self
            .own_operations()
            .filter(operation::Column::AgentId.eq(agent.0))
            .filter(operation::Column::State.is_in(UNFINISHED))
            .order_by_asc(operation::Column::CreatedAt);
        entities::all(&self.transaction, found).await
    }
}

impl SystemStore {
    /// An operation, whosever it is.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn operation(&self, id: OperationId) -> Result<Option<Operation>, StoreError> {
        operation::Entity::find_by_id(id.0).one(self.db()).await?.map(Operation::try_from).transpose()
    }
}
