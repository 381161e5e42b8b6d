//! Operations. Tenants request them here; [`lease`] decides who drives one, [`record`] writes the result of a step, and
//! [`event`] wakes those that wait for an external event.

mod backlog;
mod event;
mod lease;
mod list;
mod record;

pub use backlog::Backlog;
pub use lease::{Claimed, Lease};
pub use list::OperationFilter;
pub use record::{Effect, OperationUpdate, Wait};
pub(super) use record::{changed, held, write};

use chrono::{DateTime, Utc};
use sea_orm::ActiveValue::Set;
use sea_orm::sea_query::{ExprTrait, OnConflict};
use sea_orm::{ColumnTrait, Condition, EntityTrait, PaginatorTrait, QueryFilter, QueryOrder, Select};

use super::entities::{self, operation};
use super::error::key_reused;
use super::{Change, StoreError, SystemStore, TenantStore, dialect, page};
use crate::domain::{
    AgentId, GivenUpNumbers, IdempotencyKey, NumberId, Operation, OperationId, OperationKind, OperationState,
    PhoneNumber, Refusal, Step,
};

/// A new operation, to be stored by [`TenantStore::insert_operation`].
#[derive(Debug, Clone)]
pub struct NewOperation {
    /// The id of the operation.
    pub id: OperationId,
    /// The kind of work.
    pub kind: OperationKind,
    /// The step at which it starts.
    pub step: Step,
    /// The agent that it concerns, if any.
    pub agent_id: Option<AgentId>,
    /// The number that it concerns; `None` if none is chosen yet.
    pub number_id: Option<NumberId>,
    /// The request's input, in the form that the kind defines.
    pub data: serde_json::Value,
    /// The earliest time at which it may begin; `None`: at once.
    pub not_before: Option<DateTime<Utc>>,
    /// The idempotency key, and the SHA-256 of the request's other input in hexadecimal.
    pub idempotency: Option<(IdempotencyKey, String)>,
}

/// Result of inserting an operation.
#[derive(Debug, Clone)]
pub enum Inserted {
    /// The operation was stored.
    New(Operation),
    /// The operation of an earlier, identical request. Nothing was written.
    Repeated(Operation),
}

/// The states of unfinished operations.
pub(super) const UNFINISHED: [&str; 2] = [OperationState::Pending.as_str(), OperationState::Running.as_str()];

impl TenantStore {
    fn own_operations(&self) -> Select<operation::Entity> {
        operation::Entity::find().filter(operation::Column::TenantId.eq(self.tenant.0))
    }

    /// Stores an operation and records the request in the audit trail, unless an identical request was made before.
    ///
    /// # Errors
    /// `IDEMPOTENCY_KEY_REUSED` as [`StoreError::Refused`] if the key was used with other input.
    pub async fn insert_operation(&self, new: NewOperation) -> Result<Inserted, StoreError> {
        let id = new.id;
        let (kind, idempotency) = (new.kind, new.idempotency.clone());
        let inserted = operation::Entity::insert(self.new_row(new)?)
            // On Postgres an error would abort the whole transaction, with the look-up below.
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
        // Missing only if the conflict was about the id itself, which is random.
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

    /// Finds the operation of an earlier request with this key, if its kind and input were the same. The key is locked until
    /// this transaction ends, so that of two simultaneous requests one comes first.
    ///
    /// # Errors
    /// `IDEMPOTENCY_KEY_REUSED` as [`StoreError::Refused`] if they were different.
    pub async fn repeated_operation(
        &self,
        kind: OperationKind,
        key: &IdempotencyKey,
        input_hash: &str,
    ) -> Result<Option<Operation>, StoreError> {
        // Before the read: the earlier request may not have committed yet.
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

    /// The operations with these ids, in no particular order.
    ///
    /// # Errors
    /// [`StoreError`]; [`StoreError::Corrupt`] if one of the rows is unreadable, which fails the whole read.
    pub async fn operations_by_id(&self, ids: &[OperationId]) -> Result<Vec<Operation>, StoreError> {
        let wanted = operation::Column::Id.is_in(ids.iter().map(|id| id.0));
        entities::all(&self.transaction, self.own_operations().filter(wanted)).await
    }

    /// Cancels the release of a number if it has not begun. Returns whether it did. A driver that claims the operation at the
    /// same moment either comes first or finds it ended.
    ///
    /// # Errors
    /// [`StoreError`]; the transaction must then be dropped.
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
            // A claim sets RUNNING, so this matches only a release that no driver has begun.
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

    /// The unfinished operations of this agent, oldest first, without those that send messages.
    ///
    /// # Errors
    /// [`StoreError`]; [`StoreError::Corrupt`] if one of the rows is unreadable, which fails the whole read.
    pub async fn unfinished_operations(&self, agent: AgentId) -> Result<Vec<Operation>, StoreError> {
        let found = self
            .own_operations()
            .filter(operation::Column::AgentId.eq(agent.0))
            .filter(operation::Column::State.is_in(UNFINISHED))
            // Texts are sent by a number that is there: neither waits for the other.
            .filter(operation::Column::Kind.ne(OperationKind::SendMessage.as_str()))
            .order_by_asc(operation::Column::CreatedAt);
        entities::all(&self.transaction, found).await
    }

    /// Whether an unfinished operation deletes this agent.
    ///
    /// # Errors
    /// [`StoreError`] if the query fails.
    pub async fn is_being_deleted(&self, agent: AgentId) -> Result<bool, StoreError> {
        let deletions = self
            .own_operations()
            .filter(operation::Column::AgentId.eq(agent.0))
            .filter(operation::Column::State.is_in(UNFINISHED))
            .filter(operation::Column::Kind.eq(OperationKind::DeleteAgent.as_str()));
        Ok(deletions.count(&self.transaction).await? > 0)
    }
}

impl SystemStore {
    /// The operation with this id, of any tenant; `None` if it does not exist.
    ///
    /// # Errors
    /// [`StoreError`]; [`StoreError::Corrupt`] if a stored value is unreadable.
    pub async fn operation(&self, id: OperationId) -> Result<Option<Operation>, StoreError> {
        operation::Entity::find_by_id(id.0).one(self.db()).await?.map(Operation::try_from).transpose()
    }

    /// Whether a repair or a port may still point this number to this server: it is unfinished, or ended after `ended_after`, so that
    /// the carrier may still carry out a request of it.
    ///
    /// # Errors
    /// [`StoreError`] if the query fails.
    pub async fn may_be_pointed_here(
        &self,
        number: NumberId,
        ended_after: DateTime<Utc>,
    ) -> Result<bool, StoreError> {
        let pointing = [OperationKind::RepairNumber, OperationKind::PortNumber].map(OperationKind::as_str);
        let may_follow = Condition::any()
            .add(operation::Column::State.is_in(UNFINISHED))
            .add(operation::Column::FinishedAt.gt(ended_after));
        let pointing = operation::Entity::find()
            .filter(operation::Column::PhoneNumberId.eq(number.0))
            .filter(operation::Column::Kind.is_in(pointing))
            .filter(may_follow);
        page::is_any(self.db(), pointing).await
    }

    /// Whether an operation that gives this number up has begun and not ended. One that waits for the end of a grace period has not
    /// begun.
    ///
    /// # Errors
    /// [`StoreError`] if the query fails.
    pub async fn is_being_given_up(&self, number: &PhoneNumber) -> Result<bool, StoreError> {
        let kinds = |gives_up| {
            let kinds = OperationKind::ALL.iter().filter(move |kind| kind.gives_up() == gives_up);
            operation::Column::Kind.is_in(kinds.map(|kind| kind.as_str()))
        };
        let of_number = kinds(GivenUpNumbers::Own).and(operation::Column::PhoneNumberId.eq(number.id.0));
        let of_agent = number
            .assigned_to()
            .map(|agent| kinds(GivenUpNumbers::OfItsAgent).and(operation::Column::AgentId.eq(agent.0)));
        let begun = operation::Entity::find()
            .filter(operation::Column::State.eq(OperationState::Running.as_str()))
            .filter(Condition::any().add(of_number).add_option(of_agent));
        page::is_any(self.db(), begun).await
    }
}
