//! Who drives an operation. A lease runs out by itself, so that a dead driver's work is taken up by another;
//! its fence grows with every claim, so that a driver that was only slow can no longer write. Whoever takes over from a
//! driver that did not give its lease up cannot know what that one's last request did: the step is in doubt.

use std::time::Duration;

use chrono::{DateTime, Utc};
use sea_orm::sea_query::{CaseStatement, Expr, ExprTrait, Query};
use sea_orm::{ColumnTrait, Condition, EntityTrait, Order, QueryFilter, UpdateMany};

use super::UNFINISHED;
use crate::domain::{Operation, OperationId, OperationState};
use crate::store::entities::operation::{Column, Entity, Model};
use crate::store::{StoreError, SystemStore, dialect};

/// The right to drive one operation, until `until`. The fence tells an old holder from a new one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lease {
    /// The operation.
    pub operation: OperationId,
    /// Who holds it.
    pub owner: uuid::Uuid,
    /// Grows with every claim of this operation and never resets.
    pub fence: i64,
    /// Until when it holds unless renewed.
    pub until: DateTime<Utc>,
}

/// An operation and the right to drive it.
#[derive(Debug, Clone)]
pub struct Claimed {
    /// The operation as it stands.
    pub operation: Operation,
    /// The right to drive it.
    pub lease: Lease,
}

impl SystemStore {
    /// Takes the lease on one operation, unless it is over, must wait, or another holds it.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn claim(
        &self,
        id: OperationId,
        owner: uuid::Uuid,
        lease: Duration,
    ) -> Result<Option<Claimed>, StoreError> {
        let now = self.shared.clock.now();
        let taken = taking(owner, now, now + lease).filter(Column::Id.eq(id.0)).filter(due(now));
        let rows = taken.exec_with_returning(self.db()).await?;
        rows.into_iter().next().map(|row| claimed(row, owner)).transpose()
    }

    /// Takes the leases on operations that wait to be driven or whose driver died, oldest first.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn claim_due(
        &self,
        owner: uuid::Uuid,
        lease: Duration,
        limit: u16,
    ) -> Result<Vec<Claimed>, StoreError> {
        let now = self.shared.clock.now();
        let mut waiting = Query::select()
            .column(Column::Id)
            .from(Entity)
            .cond_where(due(now))
            .order_by(Column::CreatedAt, Order::Asc)
            .limit(u64::from(limit))
            .take();
        dialect::lock_free_rows(self.db(), &mut waiting);
        let taken = taking(owner, now, now + lease).filter(Column::Id.in_subquery(waiting));
        let mut rows = taken.exec_with_returning(self.db()).await?;
        rows.sort_by_key(|row| (row.created_at, row.id));
        rows.into_iter().map(|row| claimed(row, owner)).collect()
    }

    /// Holds the lease longer.
    ///
    /// # Errors
    /// [`StoreError::LeaseLost`].
    pub async fn renew(&self, lease: &Lease, by: Duration) -> Result<Lease, StoreError> {
        let until = self.shared.clock.now() + by;
        let renewed = Entity::update_many()
            .col_expr(Column::LeaseUntil, Expr::value(until))
            .filter(holds(lease))
            .exec(self.db())
            .await?;
        if renewed.rows_affected == 0 {
            return Err(StoreError::LeaseLost);
        }
        Ok(Lease { until, ..lease.clone() })
    }
}

/// Not over, not asleep, and nobody holds it any more.
fn due(now: DateTime<Utc>) -> Condition {
    let unheld = Condition::any().add(Column::LeaseUntil.is_null()).add(Column::LeaseUntil.lte(now));
    Condition::all().add(Column::State.is_in(UNFINISHED)).add(Column::RunAfter.lte(now)).add(unheld)
}

/// Nobody has taken the lease since.
pub(super) fn holds(lease: &Lease) -> Condition {
    Condition::all()
        .add(Column::Id.eq(lease.operation.0))
        .add(Column::LeaseOwner.eq(lease.owner))
        .add(Column::Fence.eq(lease.fence))
}

fn taking(owner: uuid::Uuid, now: DateTime<Utc>, until: DateTime<Utc>) -> UpdateMany<Entity> {
    Entity::update_many()
        .col_expr(Column::State, Expr::value(OperationState::Running.as_str()))
        .col_expr(Column::LeaseOwner, Expr::value(owner))
        .col_expr(Column::LeaseUntil, Expr::value(until))
        .col_expr(Column::Attempts, Expr::col(Column::Attempts).add(1))
        .col_expr(Column::Fence, Expr::col(Column::Fence).add(1))
        .col_expr(
            Column::InDoubtAt,
            CaseStatement::new()
                .case(Expr::col(Column::LeaseOwner).is_not_null(), Expr::value(now))
                .finally(Expr::col(Column::InDoubtAt))
                .into(),
        )
        .col_expr(Column::UpdatedAt, Expr::value(now))
}

fn claimed(row: Model, owner: uuid::Uuid) -> Result<Claimed, StoreError> {
    let until = row.lease_until.ok_or(StoreError::Corrupt { table: "operations", column: "lease_until" })?;
    let lease = Lease { operation: OperationId(row.id), owner, fence: row.fence, until };
    Ok(Claimed { operation: row.try_into()?, lease })
}
