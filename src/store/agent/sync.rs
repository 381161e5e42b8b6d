//! Deliveries of agents to the voice provider: one at a time for each agent, whichever server's.
//!
//! A delivery holds the agent's lease. The lease runs out by itself, and its fence grows with every claim, so that a
//! delivery that was taken over writes nothing. It delivers the revision that the agent had when the lease was claimed.

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

/// A row that cannot be read is left alone for so long.
const PUT_ASIDE: TimeDelta = TimeDelta::minutes(5);

/// An agent to be delivered, and the right to do so.
#[derive(Debug, Clone)]
pub struct AgentDelivery {
    /// The agent as it is now.
    pub agent: Agent,
    /// The provider's id of it.
    pub voice_agent_id: String,
    /// How many deliveries came to nothing since the provider had it last, or rejected it.
    pub attempts: i32,
    fence: i64,
}

/// What became of a delivery.
#[derive(Debug, Clone)]
pub enum Delivered {
    /// The provider has this revision.
    Yes,
    /// The provider rejected this revision for its content.
    Rejected(Refusal),
    /// It is to be delivered again.
    NotYet {
        /// What it met.
        because: Refusal,
        /// When it is due again.
        due_at: DateTime<Utc>,
        /// Until when it may still be carried out: nobody delivers before.
        settled_at: Option<DateTime<Utc>>,
    },
}

impl SystemStore {
    /// Takes the lease on an agent whose latest revision the voice provider neither has nor has rejected, even if its next
    /// delivery is not due yet.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn claim_delivery(
        &self,
        id: AgentId,
        lease: Duration,
    ) -> Result<Option<AgentDelivery>, StoreError> {
        let now = self.shared.clock.now();
        let taken = taking(now + lease).filter(Column::Id.eq(id.0)).filter(undelivered(now));
        let claimed = self.claimed(updated(self.db(), taken).await?).await?;
        Ok(claimed.into_iter().next())
    }

    /// Takes the leases on agents whose delivery is due, those that changed first before others. One that cannot be read
    /// is put aside.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn claim_deliveries_due(
        &self,
        lease: Duration,
        limit: u16,
    ) -> Result<Vec<AgentDelivery>, StoreError> {
        let now = self.shared.clock.now();
        let due = Condition::any().add(Column::SyncDueAt.is_null()).add(Column::SyncDueAt.lte(now));
        let mut waiting = Query::select()
            .column(Column::Id)
            .from(Entity)
            .cond_where(undelivered(now).add(due))
            .order_by(Column::UpdatedAt, Order::Asc)
            .limit(u64::from(limit))
            .take();
        dialect::lock_free_rows(self.db(), &mut waiting);
        let taken = taking(now + lease).filter(Column::Id.in_subquery(waiting));
        self.claimed(updated(self.db(), taken).await?).await
    }

    async fn claimed(&self, rows: Vec<QueryResult>) -> Result<Vec<AgentDelivery>, StoreError> {
        let (claimed, unreadable) = self.readable(TABLE, &rows, delivery);
        if !unreadable.is_empty() {
            let row = ActiveModel {
                sync_lease_until: Set(None),
                sync_due_at: Set(Some(self.shared.clock.now() + PUT_ASIDE)),
                ..Default::default()
            };
            Entity::update_many().set(row).filter(Column::Id.is_in(unreadable)).exec(self.db()).await?;
        }
        Ok(claimed)
    }

    /// Holds the lease longer.
    ///
    /// # Errors
    /// [`StoreError::LeaseLost`].
    pub async fn renew_delivery(&self, delivery: &AgentDelivery, lease: Duration) -> Result<(), StoreError> {
        let until = self.shared.clock.now() + lease;
        let row = ActiveModel { sync_lease_until: Set(Some(until)), ..Default::default() };
        self.write_under(delivery, row).await
    }

    /// Writes down what became of a delivery, and gives its lease up. What was told to a voice agent whose place another
    /// has taken meanwhile says nothing about that one.
    ///
    /// # Errors
    /// [`StoreError::LeaseLost`]: nothing is written.
    pub async fn finish_delivery(
        &self,
        delivery: &AgentDelivery,
        outcome: Delivered,
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
            Delivered::Yes => ActiveModel { synced_revision: Set(revision), ..settled },
            Delivered::Rejected(refusal) => ActiveModel {
                refused_revision: Set(revision),
                sync_error: Set(Some(write_refusal(&refusal))),
                ..settled
            },
            Delivered::NotYet { because, due_at, settled_at } => ActiveModel {
                sync_error: Set(Some(write_refusal(&because))),
                sync_attempts: Set(delivery.attempts.saturating_add(1)),
                sync_due_at: Set(Some(due_at)),
                sync_lease_until: Set(settled_at),
                ..Default::default()
            },
        };
        let written = Entity::update_many()
            .set(row)
            .filter(held(delivery))
            .filter(Column::VoiceAgentId.eq(&delivery.voice_agent_id))
            .filter(Column::SyncedRevision.lt(revision))
            .exec(self.db())
            .await?;
        if written.rows_affected > 0 {
            return Ok(());
        }
        let free = ActiveModel { sync_lease_until: Set(None), ..Default::default() };
        self.write_under(delivery, free).await
    }

    async fn write_under(&self, delivery: &AgentDelivery, row: ActiveModel) -> Result<(), StoreError> {
        let written = Entity::update_many().set(row).filter(held(delivery)).exec(self.db()).await?;
        if written.rows_affected == 0 { Err(StoreError::LeaseLost) } else { Ok(()) }
    }
}

/// Exists at the provider, which neither has the latest revision nor has rejected it; and nobody is at it.
fn undelivered(now: DateTime<Utc>) -> Condition {
    let live = [AgentStatus::Active.as_str(), AgentStatus::Inactive.as_str()];
    let unheld = Condition::any().add(Column::SyncLeaseUntil.is_null()).add(Column::SyncLeaseUntil.lte(now));
    Condition::all()
        .add(Column::Status.is_in(live))
        .add(Column::VoiceAgentId.is_not_null())
        .add(Expr::col(Column::Revision).gt(Expr::col(Column::SyncedRevision)))
        .add(Expr::col(Column::Revision).gt(Expr::col(Column::RefusedRevision)))
        // It must be able to grow: one that is at its end would fail the whole batch.
        .add(Column::SyncFence.lt(i64::MAX))
        .add(unheld)
}

fn taking(until: DateTime<Utc>) -> UpdateMany<Entity> {
    Entity::update_many()
        .col_expr(Column::SyncLeaseUntil, Expr::value(until))
        .col_expr(Column::SyncFence, Expr::col(Column::SyncFence).add(1))
}

/// Nobody has taken the lease since.
fn held(delivery: &AgentDelivery) -> Condition {
    Condition::all().add(Column::Id.eq(delivery.agent.id.0)).add(Column::SyncFence.eq(delivery.fence))
}

fn delivery(row: Model) -> Result<AgentDelivery, StoreError> {
    let (attempts, fence) = (row.sync_attempts, row.sync_fence);
    let agent: Agent = row.try_into()?;
    let voice_agent_id = agent.voice_agent_id.clone();
    let voice_agent_id =
        voice_agent_id.ok_or(StoreError::Corrupt { table: "agents", column: "voice_agent_id" })?;
    Ok(AgentDelivery { agent, voice_agent_id, attempts, fence })
}
