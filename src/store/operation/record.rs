//! Records the result of a step: the next state of its operation and its effects on other rows. They are written together under
//! the lease, or not at all.

use chrono::{DateTime, Utc};
use sea_orm::ActiveValue::{NotSet, Set};
use sea_orm::sea_query::{Alias, CaseStatement, Expr, ExprTrait};
use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, QuerySelect};
use serde_json::Value;

use super::lease::{Lease, is_held};
use crate::domain::{
    AgentId, AgentStatus, Capabilities, CarrierAccountId, EventKey, KeptUpdate, MessageId, MessageReport,
    NumberId, NumberStatus, NumberTransition, Operation, OperationState, Refusal, Step,
};
use crate::store::entities::operation::{ActiveModel, Column, Entity, write_refusal};
use crate::store::entities::{agent, phone_number};
use crate::store::{
    Change, Shared, StoreError, SystemStore, audit_event, carrier_account, dialect, kept, message, number,
};

/// The result of a step, written as a whole under its lease or not at all.
#[derive(Debug, Clone)]
pub struct OperationUpdate {
    /// The state of the operation after the step.
    pub state: OperationState,
    /// The step to run next.
    pub step: Step,
    /// The kind's own data.
    pub data: Value,
    /// The number that the operation concerns, if any.
    pub number_id: Option<NumberId>,
    /// Why the operation failed, or what it waits for.
    pub error: Option<Refusal>,
    /// The pause before the step runs again; `None`: it continues at once.
    pub wait: Option<Wait>,
    /// Changes to other rows.
    pub effects: Vec<Effect>,
}

/// A pause of an operation, which gives up its lease.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wait {
    /// When it continues at the latest.
    pub until: DateTime<Utc>,
    /// The external event that ends the pause early: see [`SystemStore::wake`].
    pub event: Option<EventKey>,
    /// Whether the attempt before the pause is counted.
    pub counts: bool,
    /// Whether the outcome of that attempt is unknown. An unknown outcome of an earlier attempt remains unknown.
    pub outcome_unknown: bool,
}

/// A change that a step makes to another row, in the same transaction.
#[derive(Debug, Clone)]
pub enum Effect {
    /// The voice agent was created at the provider, from this revision of the agent.
    VoiceAgentCreated {
        /// Our id of the agent.
        agent: AgentId,
        /// The voice provider's id of the agent.
        voice_agent_id: String,
        /// The revision from which it was created.
        revision: i32,
    },
    /// The agent's state changed.
    AgentStatus {
        /// Our id of the agent.
        agent: AgentId,
        /// The new state of the agent.
        status: AgentStatus,
    },
    /// The number was bought: it is active from now on, under the carrier's id.
    NumberBought {
        /// Our id of the number.
        number: NumberId,
        /// The carrier's id of the number, `PN…`.
        sid: String,
    },
    /// The number was released, or its claim freed.
    NumberReleased {
        /// Our id of the number.
        number: NumberId,
    },
    /// The number was released, and is kept in stock instead of going back to the carrier.
    NumberStocked {
        /// Our id of the number.
        number: NumberId,
        /// Its id in stock.
        stocked: NumberId,
    },
    /// The carrier rejected the release of the number: it is kept and takes calls again.
    NumberKept {
        /// Our id of the number.
        number: NumberId,
    },
    /// The number goes back from the pool to its last agent, unless it was assigned meanwhile.
    NumberReturned {
        /// Our id of the number.
        number: NumberId,
    },
    /// The carrier has the number with the expected settings: it becomes active.
    NumberConfirmed {
        /// Our id of the number.
        number: NumberId,
    },
    /// The number is missing at the carrier: it becomes inactive.
    NumberLost {
        /// Our id of the number.
        number: NumberId,
    },
    /// The subaccount is there.
    SubaccountCreated {
        /// Our id of the account.
        account: CarrierAccountId,
        /// The carrier's id of the account, `AC…`.
        sid: String,
        /// Its token, encrypted.
        token: String,
    },
    /// The subaccount was not created. Another operation may create one.
    SubaccountAbandoned {
        /// Our id of the account.
        account: CarrierAccountId,
    },
    /// The number is in the account that it was moved to.
    NumberMoved {
        /// Our id of the number.
        number: NumberId,
        /// The account that holds it now; `None`: the platform's.
        to: Option<CarrierAccountId>,
        /// The account that held it before.
        from: Option<CarrierAccountId>,
    },
    /// The number stays in its account.
    NumberStays {
        /// Our id of the number.
        number: NumberId,
    },
    /// A number that is being ported has arrived: it is active from now on, under the carrier's id.
    NumberPorted {
        /// Our id of the number.
        number: NumberId,
        /// The carrier's id of the number, `PN…`.
        sid: String,
        /// What the number can do.
        capabilities: Capabilities,
    },
    /// The state of a port changed.
    KeptNumber(Box<KeptUpdate>),
    /// What was set on an imported number before it was pointed here.
    FormerSettings {
        /// Our id of the number.
        number: NumberId,
        /// The settings.
        settings: Value,
    },
    /// The carrier has the message.
    MessageSent {
        /// Our id of the message.
        message: MessageId,
        /// What the carrier tells of it.
        report: MessageReport,
    },
}

impl SystemStore {
    /// Records the result of a step. A final state or a pause ends the lease.
    ///
    /// # Errors
    /// [`StoreError::LeaseLost`] if another driver holds the lease; nothing is written.
    pub async fn record(&self, lease: &Lease, update: OperationUpdate) -> Result<Operation, StoreError> {
        let transaction = self.begin().await?;
        let operation = write(&transaction, &self.shared, lease, &update).await?;
        transaction.commit().await?;
        // After the commit: a watcher that re-reads earlier would still see the old rows.
        for change in update.effects.iter().filter_map(|effect| moved(&operation, effect)) {
            self.shared.publish(change);
        }
        self.shared.publish(changed(&operation));
        self.publish_message_of(&operation).await;
        Ok(operation)
    }
}

/// The change that an effect makes to what answering calls needs.
fn moved(operation: &Operation, effect: &Effect) -> Option<Change> {
    let tenant = operation.tenant_id;
    Some(match effect {
        Effect::VoiceAgentCreated { agent, .. } | Effect::AgentStatus { agent, .. } => {
            Change::Agent { tenant, id: *agent }
        }
        Effect::NumberReleased { number } | Effect::NumberStocked { number, .. } => {
            Change::Number { tenant, id: *number, is_released: true }
        }
        Effect::NumberBought { number, .. }
        | Effect::NumberPorted { number, .. }
        | Effect::NumberKept { number }
        | Effect::NumberReturned { number }
        | Effect::NumberConfirmed { number }
        | Effect::NumberMoved { number, .. }
        | Effect::NumberStays { number }
        | Effect::NumberLost { number } => Change::Number { tenant, id: *number, is_released: false },
        Effect::FormerSettings { .. } => return None,
        // Published by `publish_message_of`.
        Effect::MessageSent { .. } => return None,
        // Servers follow the table of accounts by themselves.
        Effect::SubaccountCreated { .. } | Effect::SubaccountAbandoned { .. } => return None,
        // Calls are answered without it.
        Effect::KeptNumber(_) => return None,
    })
}

/// The change to announce for an operation.
pub(in crate::store) fn changed(operation: &Operation) -> Change {
    Change::Operation { tenant: operation.tenant_id, id: operation.id }
}

/// Reads the operation under this lease, locked (`FOR NO KEY UPDATE`) until the transaction ends.
pub(in crate::store) async fn held(
    db: &impl ConnectionTrait,
    lease: &Lease,
) -> Result<Operation, StoreError> {
    let mut query = Entity::find().filter(is_held(lease));
    dialect::lock_rows(db, QuerySelect::query(&mut query));
    query.one(db).await?.ok_or(StoreError::LeaseLost)?.try_into()
}

/// Writes the operation and the step's effects, and the end of an operation to the audit trail.
pub(in crate::store) async fn write(
    db: &impl ConnectionTrait,
    shared: &Shared,
    lease: &Lease,
    update: &OperationUpdate,
) -> Result<Operation, StoreError> {
    let now = shared.clock.now();
    // Recording a new step begins it at once, which is its first attempt.
    let uncounted = i32::from(update.wait.as_ref().is_some_and(|wait| !wait.counts));
    let attempts = CaseStatement::new()
        .case(Expr::col(Column::Step).eq(update.step.as_str()), Expr::col(Column::Attempts).sub(uncounted))
        .finally(1);
    let mut row = ActiveModel {
        state: Set(update.state.to_string()),
        step: Set(update.step.to_string()),
        phone_number_id: Set(update.number_id.map(|id| id.0)),
        data: Set(update.data.clone()),
        error: Set(update.error.as_ref().map(write_refusal)),
        run_after: Set(update.wait.as_ref().map_or(now, |wait| wait.until)),
        awaited_event: Set(update
            .wait
            .as_ref()
            .and_then(|wait| wait.event.as_ref())
            .map(EventKey::to_string)),
        updated_at: Set(now),
        finished_at: Set(update.state.is_final().then_some(now)),
        ..Default::default()
    };
    if update.state.is_final() || update.wait.is_some() {
        row.lease_owner = Set(None);
        row.lease_until = Set(None);
    }
    // A result settles the outcome. A pause does not: the next attempt must still look it up.
    row.outcome_unknown_at = match &update.wait {
        None => Set(None),
        Some(wait) if wait.outcome_unknown => Set(Some(now)),
        Some(_) => NotSet,
    };
    // An illegal transition finds no row, like a lost lease: a final state is never left.
    let legal = update.state.reached_from().iter().map(|state| state.as_str());
    let written = Entity::update_many()
        .set(row)
        .col_expr(Column::Attempts, attempts.into())
        .filter(is_held(lease))
        .filter(Column::State.is_in(legal))
        .exec_with_returning(db)
        .await?;
    let operation: Operation = written.into_iter().next().ok_or(StoreError::LeaseLost)?.try_into()?;
    // Before the effects: one that gives a detail of its own counts.
    kept::ended(db, shared, &operation).await?;
    for effect in &update.effects {
        apply(db, shared, &operation, effect).await?;
    }
    if operation.state == OperationState::Failed {
        message::fail(db, shared, &operation).await?;
    }
    // In the same transaction, so that no operation ends without its entry in the audit trail.
    if operation.state.is_final() {
        audit_event::operation_ended(db, shared, &operation).await?;
    }
    Ok(operation)
}

async fn apply(
    db: &impl ConnectionTrait,
    shared: &Shared,
    operation: &Operation,
    effect: &Effect,
) -> Result<(), StoreError> {
    let now = shared.clock.now();
    match effect {
        Effect::VoiceAgentCreated { agent, voice_agent_id, revision } => {
            let row = agent::ActiveModel {
                voice_agent_id: Set(Some(voice_agent_id.clone())),
                // The creation has delivered this revision; a later one is still to be delivered.
                synced_revision: Set(*revision),
                ..Default::default()
            };
            change_agent(db, operation, *agent, row, now).await
        }
        Effect::AgentStatus { agent, status } => {
            let row = agent::ActiveModel { status: Set(status.to_string()), ..Default::default() };
            change_agent(db, operation, *agent, row, now).await?;
            if *status == AgentStatus::Deleted {
                number::remove_agent(db, operation.tenant_id, *agent, now).await?;
            }
            Ok(())
        }
        Effect::NumberBought { number, sid } => {
            let row = phone_number::ActiveModel {
                sid: Set(Some(sid.clone())),
                provisioned_at: Set(Some(now)),
                ..Default::default()
            };
            // Money was spent, so a row in an unexpected state must not be ignored.
            if move_number(db, operation, *number, NumberTransition::Bought, row).await? {
                Ok(())
            } else {
                Err(StoreError::Corrupt { table: "phone_numbers", column: "status" })
            }
        }
        // No error in another state: a repeated step may find the number released already.
        Effect::NumberReleased { number } => release(db, operation, *number, now).await.map(drop),
        Effect::NumberStocked { number, stocked } => {
            if release(db, operation, *number, now).await? {
                number::keep_in_stock(db, shared, *number, *stocked).await?;
            }
            Ok(())
        }
        Effect::NumberKept { number } => {
            let row = phone_number::ActiveModel::default();
            move_number(db, operation, *number, NumberTransition::ReleaseEnded, row).await.map(drop)
        }
        Effect::NumberReturned { number } => return_number(db, operation, *number).await,
        Effect::NumberConfirmed { number } => {
            let row = phone_number::ActiveModel::default();
            // No error in another state: a release that began meanwhile wins.
            move_number(db, operation, *number, NumberTransition::Confirmed, row).await.map(drop)
        }
        Effect::NumberPorted { number, sid, capabilities } => {
            kept::activate(db, shared, operation, (*number, sid, *capabilities)).await
        }
        Effect::KeptNumber(change) => kept::write(db, shared, operation, change).await,
        Effect::FormerSettings { number, settings } => {
            record_former_settings(db, operation, *number, settings).await
        }
        Effect::MessageSent { message, report } => {
            message::report(db, shared, Some(*message), report).await.map(drop)
        }
        Effect::SubaccountCreated { .. }
        | Effect::SubaccountAbandoned { .. }
        | Effect::NumberMoved { .. }
        | Effect::NumberStays { .. } => apply_to_account(db, now, operation, effect).await,
        Effect::NumberLost { number } => {
            let row = phone_number::ActiveModel::default();
            // As above: a number that is being released must not become inactive.
            move_number(db, operation, *number, NumberTransition::Lost, row).await.map(drop)
        }
    }
}

/// Releases a number. Returns whether this did, or it was released before.
async fn release(
    db: &impl ConnectionTrait,
    operation: &Operation,
    number: NumberId,
    now: DateTime<Utc>,
) -> Result<bool, StoreError> {
    let row = phone_number::ActiveModel { released_at: Set(Some(now)), ..Default::default() };
    move_number(db, operation, number, NumberTransition::Released, row).await
}

/// Returns a number from the pool to its last agent, unless it was assigned meanwhile.
async fn return_number(
    db: &impl ConnectionTrait,
    operation: &Operation,
    number: NumberId,
) -> Result<(), StoreError> {
    let agent = operation.agent_id.map(|agent| agent.0);
    let pooled = phone_number::Entity::update_many()
        .col_expr(phone_number::Column::PooledAt, Expr::value(None::<DateTime<Utc>>))
        .filter(phone_number::Column::Id.eq(number.0))
        .filter(phone_number::Column::TenantId.eq(operation.tenant_id.0))
        .filter(phone_number::Column::AgentId.eq(agent))
        .filter(phone_number::Column::CallGroupId.is_null())
        .filter(phone_number::Column::Status.ne(NumberStatus::Released.as_str()));
    pooled.exec(db).await?;
    Ok(())
}

/// Records what was set on a number at the carrier before.
async fn record_former_settings(
    db: &impl ConnectionTrait,
    operation: &Operation,
    number: NumberId,
    settings: &Value,
) -> Result<(), StoreError> {
    let recorded = phone_number::Entity::update_many()
        .col_expr(Alias::new(phone_number::FORMER_SETTINGS), Expr::value(settings.clone()))
        .filter(phone_number::Column::Id.eq(number.0))
        .filter(phone_number::Column::TenantId.eq(operation.tenant_id.0));
    recorded.exec(db).await?;
    Ok(())
}

/// Applies an effect on an account at the carrier, or on the account of a number.
async fn apply_to_account(
    db: &impl ConnectionTrait,
    now: DateTime<Utc>,
    operation: &Operation,
    effect: &Effect,
) -> Result<(), StoreError> {
    match effect {
        Effect::SubaccountCreated { account, sid, token } => {
            let ids = (operation.tenant_id, *account);
            carrier_account::subaccount_created(db, now, ids, (sid.as_str(), token.as_str())).await
        }
        Effect::SubaccountAbandoned { account } => {
            carrier_account::subaccount_abandoned(db, operation.tenant_id, *account).await
        }
        Effect::NumberMoved { number, to, from } => {
            let row = phone_number::ActiveModel {
                carrier_account_id: Set(to.map(|account| account.0)),
                other_account_id: Set(from.map(|account| account.0)),
                is_moving: Set(false),
                ..Default::default()
            };
            end_move(db, operation, *number, row).await
        }
        Effect::NumberStays { number } => {
            let row = phone_number::ActiveModel { is_moving: Set(false), ..Default::default() };
            end_move(db, operation, *number, row).await
        }
        _ => Ok(()),
    }
}

async fn end_move(
    db: &impl ConnectionTrait,
    operation: &Operation,
    id: NumberId,
    row: phone_number::ActiveModel,
) -> Result<(), StoreError> {
    phone_number::Entity::update_many()
        .set(row)
        .filter(phone_number::Column::Id.eq(id.0))
        .filter(phone_number::Column::TenantId.eq(operation.tenant_id.0))
        .filter(phone_number::Column::IsMoving.eq(true))
        .exec(db)
        .await?;
    Ok(())
}

async fn change_agent(
    db: &impl ConnectionTrait,
    operation: &Operation,
    id: AgentId,
    mut row: agent::ActiveModel,
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    row.updated_at = Set(now);
    agent::Entity::update_many()
        .set(row)
        .filter(agent::Column::Id.eq(id.0))
        .filter(agent::Column::TenantId.eq(operation.tenant_id.0))
        .exec(db)
        .await?;
    Ok(())
}

/// Changes the state of a number if the transition is legal from its current state. Returns whether it was.
async fn move_number(
    db: &impl ConnectionTrait,
    operation: &Operation,
    id: NumberId,
    transition: NumberTransition,
    mut row: phone_number::ActiveModel,
) -> Result<bool, StoreError> {
    row.status = Set(transition.to().to_string());
    let moved = phone_number::Entity::update_many()
        .set(row)
        .filter(phone_number::Column::Id.eq(id.0))
        .filter(phone_number::Column::TenantId.eq(operation.tenant_id.0))
        .filter(phone_number::Column::Status.is_in(transition.from().iter().map(|from| from.as_str())))
        .exec(db)
        .await?;
    Ok(moved.rows_affected > 0)
}
