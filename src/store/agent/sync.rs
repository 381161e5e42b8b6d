//! Delivery of agents to the voice provider: one delivery at a time for each agent, across all servers.
//!
//! A delivery holds a lease on its agent, which expires by itself. The fencing token grows with every claim,
//! so that a delivery which lost its lease writes nothing. A delivery covers the revision that was current
//! when it was claimed.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use sea_orm::ActiveValue::Set;
use sea_orm::sea_query::{Expr, ExprTrait, Query};
use sea_orm::{ColumnTrait, Condition, EntityTrait, Order, QueryFilter, QueryResult, UpdateMany};

use crate::domain::{Agent, AgentId, AgentStatus, Refusal};
use crate::store::entities::agent::{ActiveModel, Column, Entity, Model, TABLE};
use crate::store::entities::operation::write_refusal;
use crate::store::entities::updated;
use crate::store::{StoreError, SystemStore, dialect};

/// Pause before an unreadable row is claimed again.
const UNREADABLE_PAUSE: TimeDelta = TimeDelta::minutes(5);

/// A claimed delivery: the agent and the lease on it.
#[derive(Debug, Clone)]
pub struct AgentDelivery {
    /// The agent at the time of the claim.
    pub agent: Agent,
    /// The voice provider's id of the agent.
    pub voice_agent_id: String,
    /// Failed deliveries of this agent since the voice provider last accepted or rejected a revision.
    pub attempts: i32,
    fencing_token: i64,
}

/// Outcome of a delivery.
#[derive(Debug, Clone)]
pub enum DeliveryOutcome {
    /// The voice provider has accepted this revision.
    Accepted,
    /// The voice provider rejected this revision's content. It is not retried.
    Rejected(Refusal),
    /// The delivery failed and will be retried.
    Retry {
        /// Reason of the failure.
        reason: Refusal,
        /// Earliest time of the next attempt.
        due_at: DateTime<Utc>,
        /// Time until which the request may still take effect at the provider. The lease is kept until then.
        settled_at: Option<DateTime<Utc>>,
    },
}

impl SystemStore {
    /// Claims an agent whose latest revision the voice provider has neither accepted nor rejected, whether or
    /// not its delivery is due. `None` if there is nothing to deliver or another server holds the lease.
    ///
    /// # Errors
    /// [`StoreError`]; the lease may have been taken all the same, and then expires.
    pub async fn claim_delivery(
        &self,
        id: AgentId,
        lease: Duration,
    ) -> Result<Option<AgentDelivery>, StoreError> {
        let now = self.shared.clock.now();
        let taken = claiming(now + lease).filter(Column::Id.eq(id.0)).filter(undelivered(now));
        let claimed = self.claimed(updated(self.db(), taken).await?).await?;
        Ok(claimed.into_iter().next())
    }

    /// Claims agents whose delivery is due, least recently changed first. Unreadable rows are postponed.
    ///
    /// # Errors
    /// [`StoreError`]; leases may have been taken all the same, and then expire.
    pub async fn claim_deliveries_due(
        &self,
        lease: Duration,
        limit: u16,
    ) -> Result<Vec<AgentDelivery>, StoreError> {
        let now = self.shared.clock.now();
        let due = Condition::any().add(Column::SyncDueAt.is_null()).add(Column::SyncDueAt.lte(now));
        let waiting = Query::select()
            .column(Column::Id)
            .from(Entity)
            .cond_where(undelivered(now).add(due))
            // The order of the partial index on undelivered agents.
            .order_by(Column::UpdatedAt, Order::Asc)
            .limit(u64::from(limit))
            .take();
        // Skips rows that another server is claiming, so that servers do not queue behind each other.
        let free = dialect::among_free_rows(self.db(), Expr::col(Column::Id), waiting);
        let taken = claiming(now + lease).filter(free);
        self.claimed(updated(self.db(), taken).await?).await
    }

    async fn claimed(&self, rows: Vec<QueryResult>) -> Result<Vec<AgentDelivery>, StoreError> {
        let (claimed, unreadable) = self.readable(TABLE, &rows, delivery);
        if !unreadable.is_empty() {
            let row = ActiveModel {
                sync_lease_until: Set(None),
                sync_due_at: Set(Some(self.shared.clock.now() + UNREADABLE_PAUSE)),
                ..Default::default()
            };
            Entity::update_many().set(row).filter(Column::Id.is_in(unreadable)).exec(self.db()).await?;
        }
        Ok(claimed)
    }

    /// Extends the lease to this time from now, so that no other server delivers the agent meanwhile.
    ///
    /// # Errors
    /// [`StoreError::LeaseLost`] if another delivery has claimed the agent.
    pub async fn renew_delivery(&self, delivery: &AgentDelivery, lease: Duration) -> Result<(), StoreError> {
        let until = self.shared.clock.now() + lease;
        let row = ActiveModel { sync_lease_until: Set(Some(until)), ..Default::default() };
        self.write_under(delivery, row).await
    }

    /// Records the outcome of a delivery and releases its lease. If the agent has got another voice agent
    /// meanwhile, only the lease is released: the outcome says nothing about the new one.
    ///
    /// # Errors
    /// [`StoreError::LeaseLost`]: nothing was written.
    pub async fn finish_delivery(
        &self,
        delivery: &AgentDelivery,
        outcome: DeliveryOutcome,
    ) -> Result<(), StoreError> {
        let revision = delivery.agent.revision;
        let settled = ActiveModel {
            sync_error: Set(None),
            sync_attempts: Set(0),
            sync_due_at: Set(None),
            sync_lease_until: Set(None),
            ..Default::default()
        };
        let row = match outcome {
            DeliveryOutcome::Accepted => ActiveModel { synced_revision: Set(revision), ..settled },
            DeliveryOutcome::Rejected(refusal) => ActiveModel {
                refused_revision: Set(revision),
                sync_error: Set(Some(write_refusal(&refusal))),
                ..settled
            },
            DeliveryOutcome::Retry { reason, due_at, settled_at } => ActiveModel {
                sync_error: Set(Some(write_refusal(&reason))),
                sync_attempts: Set(delivery.attempts.saturating_add(1)),
                sync_due_at: Set(Some(due_at)),
                sync_lease_until: Set(settled_at),
                ..Default::default()
            },
        };
        let written = Entity::update_many()
            .set(row)
            .filter(lease_held(delivery))
            .filter(Column::VoiceAgentId.eq(&delivery.voice_agent_id))
            // Never backwards: a later revision may have been accepted already.
            .filter(Column::SyncedRevision.lt(revision))
            .exec(self.db())
            .await?;
        if written.rows_affected > 0 {
            return Ok(());
        }
        // Only the outcome no longer fits: the lease may still be ours, and would otherwise keep others away
        // until it expires.
        let free = ActiveModel { sync_lease_until: Set(None), ..Default::default() };
        self.write_under(delivery, free).await
    }

    async fn write_under(&self, delivery: &AgentDelivery, row: ActiveModel) -> Result<(), StoreError> {
        let written = Entity::update_many().set(row).filter(lease_held(delivery)).exec(self.db()).await?;
        if written.rows_affected == 0 { Err(StoreError::LeaseLost) } else { Ok(()) }
    }
}

/// Condition: the agent exists at the provider, its latest revision is neither accepted nor rejected, and no
/// lease is in force.
fn undelivered(now: DateTime<Utc>) -> Condition {
    // The creation of a pending agent delivers it, and a deleted one needs no delivery.
    let live = [AgentStatus::Active.as_str(), AgentStatus::Inactive.as_str()];
    let unheld = Condition::any().add(Column::SyncLeaseUntil.is_null()).add(Column::SyncLeaseUntil.lte(now));
    Condition::all()
        .add(Column::Status.is_in(live))
        .add(Column::VoiceAgentId.is_not_null())
        .add(Expr::col(Column::Revision).gt(Expr::col(Column::SyncedRevision)))
        .add(Expr::col(Column::Revision).gt(Expr::col(Column::RefusedRevision)))
        // A fencing token at its maximum cannot grow; claiming that row would fail the whole batch.
        .add(Column::SyncFencingToken.lt(i64::MAX))
        .add(unheld)
}

fn claiming(until: DateTime<Utc>) -> UpdateMany<Entity> {
    Entity::update_many()
        .col_expr(Column::SyncLeaseUntil, Expr::value(until))
        .col_expr(Column::SyncFencingToken, Expr::col(Column::SyncFencingToken).add(1))
}

/// Condition: the lease has not been claimed by another delivery.
fn lease_held(delivery: &AgentDelivery) -> Condition {
    Condition::all()
        .add(Column::Id.eq(delivery.agent.id.0))
        .add(Column::SyncFencingToken.eq(delivery.fencing_token))
}

fn delivery(row: Model) -> Result<AgentDelivery, StoreError> {
    let (attempts, fencing_token) = (row.sync_attempts, row.sync_fencing_token);
    let agent: Agent = row.try_into()?;
    let voice_agent_id = agent.voice_agent_id.clone();
    let voice_agent_id =
        voice_agent_id.ok_or(StoreError::Corrupt { table: "agents", column: "voice_agent_id" })?;
    Ok(AgentDelivery { agent, voice_agent_id, attempts, fencing_token })
}
