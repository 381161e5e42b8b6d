//! The lease on an operation. It expires by itself, so that another driver takes over the work of a dead one. Its fencing token
//! grows with every claim, so that a driver that was only slow can no longer write. A driver that takes over an expired lease
//! does not know the result of the former holder's last request: the outcome of the step is unknown.
//!
//! Only kinds and steps that this version knows are claimed. An operation that cannot be read does not fail its batch: it is
//! reported and deferred, and the attempt does not count.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use sea_orm::sea_query::{CaseStatement, Expr, ExprTrait, Query};
use sea_orm::{ColumnTrait, Condition, EntityTrait, Order, QueryFilter, QueryResult, UpdateMany};

use super::UNFINISHED;
use crate::domain::{Operation, OperationId, OperationKind, OperationState};
use crate::store::entities::operation::{Column, Entity, Model, TABLE};
use crate::store::entities::updated;
use crate::store::{StoreError, SystemStore, dialect};

/// Attempts are counted up to this number.
const MOST_ATTEMPTS: i32 = 1_000_000;
/// How long an unreadable operation is deferred.
const UNREADABLE_DELAY: TimeDelta = TimeDelta::minutes(5);

/// The right to run one operation until `until`. The fencing token distinguishes holders.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lease {
    /// The operation that the lease is on.
    pub operation: OperationId,
    /// The driver that holds the lease.
    pub owner: uuid::Uuid,
    /// Grows with every claim of this operation and never resets.
    pub fencing_token: i64,
    /// When it expires unless renewed.
    pub until: DateTime<Utc>,
}

/// An operation and its lease.
#[derive(Debug, Clone)]
pub struct Claimed {
    /// The operation in its current state.
    pub operation: Operation,
    /// The lease on it.
    pub lease: Lease,
}

impl SystemStore {
    /// Takes the lease on one operation. `None` if the operation has ended, must wait, or is leased.
    ///
    /// # Errors
    /// [`StoreError`]; the lease may have been taken all the same, and then expires.
    pub async fn claim(
        &self,
        id: OperationId,
        owner: uuid::Uuid,
        lease: Duration,
    ) -> Result<Option<Claimed>, StoreError> {
        let now = self.shared.clock.now();
        // One statement: of two drivers that claim at once, the second finds the lease taken.
        let taken = taking(owner, now, now + lease).filter(Column::Id.eq(id.0)).filter(due(now));
        let rows = updated(self.db(), taken).await?;
        Ok(self.readable_claims(rows, owner).await?.into_iter().next())
    }

    /// Takes the leases on due operations that no driver runs or whose lease has expired, oldest first. Unreadable operations
    /// are deferred.
    ///
    /// # Errors
    /// [`StoreError`]; leases may have been taken all the same, and then expire.
    pub async fn claim_due(
        &self,
        owner: uuid::Uuid,
        lease: Duration,
        limit: u16,
    ) -> Result<Vec<Claimed>, StoreError> {
        let now = self.shared.clock.now();
        let waiting = Query::select()
            .column(Column::Id)
            .from(Entity)
            .cond_where(due(now))
            .order_by(Column::CreatedAt, Order::Asc)
            .limit(u64::from(limit))
            .take();
        // Skips rows that another worker is claiming: after a wait they would no longer be due.
        let free = dialect::among_free_rows(self.db(), Expr::col(Column::Id), waiting);
        let taken = taking(owner, now, now + lease).filter(free);
        let rows = updated(self.db(), taken).await?;
        let mut claimed = self.readable_claims(rows, owner).await?;
        // The updated rows are returned in no order.
        claimed.sort_by_key(|claimed| (claimed.operation.created_at, claimed.operation.id.0));
        Ok(claimed)
    }

    async fn readable_claims(
        &self,
        rows: Vec<QueryResult>,
        owner: uuid::Uuid,
    ) -> Result<Vec<Claimed>, StoreError> {
        let (readable, unreadable) = self.readable(TABLE, &rows, |row| claimed(row, owner));
        if !unreadable.is_empty() {
            let none = || Expr::cust("NULL");
            Entity::update_many()
                .col_expr(Column::LeaseOwner, none())
                .col_expr(Column::LeaseUntil, none())
                .col_expr(Column::Attempts, Expr::col(Column::Attempts).sub(1))
                .col_expr(Column::RunAfter, Expr::value(self.shared.clock.now() + UNREADABLE_DELAY))
                .filter(Column::Id.is_in(unreadable))
                // Another driver may have claimed it since: its lease stays.
                .filter(Column::LeaseOwner.eq(owner))
                .exec(self.db())
                .await?;
        }
        Ok(readable)
    }

    /// Extends the lease to `by` from now, also one that has expired but was not taken over.
    ///
    /// # Errors
    /// [`StoreError::LeaseLost`] if another driver has claimed the operation since.
    pub async fn renew(&self, lease: &Lease, by: Duration) -> Result<Lease, StoreError> {
        let until = self.shared.clock.now() + by;
        let renewed = Entity::update_many()
            .col_expr(Column::LeaseUntil, Expr::value(until))
            .filter(is_held(lease))
            .exec(self.db())
            .await?;
        if renewed.rows_affected == 0 {
            return Err(StoreError::LeaseLost);
        }
        Ok(Lease { until, ..lease.clone() })
    }
}

/// Increments a column up to a maximum. A row at the end of its type's range would fail the whole batch.
fn one_more(column: Column, most: i32) -> Expr {
    CaseStatement::new()
        .case(Expr::col(column).lt(most), Expr::col(column).add(1))
        .finally(Expr::col(column))
        .into()
}

/// Unfinished, due, [`supported`] and without a valid lease. What a newer version has written is left to it: it is neither claimed
/// nor counted.
fn due(now: DateTime<Utc>) -> Condition {
    let unheld = Condition::any().add(Column::LeaseUntil.is_null()).add(Column::LeaseUntil.lte(now));
    Condition::all()
        .add(Column::State.is_in(UNFINISHED))
        // The column of the partial index on unfinished operations.
        .add(Column::RunAfter.lte(now))
        // Leaves room for the increment.
        .add(Column::FencingToken.lt(i64::MAX))
        .add(supported())
        .add(unheld)
}

/// Of a kind that this version knows, at one of that kind's steps.
fn supported() -> Condition {
    OperationKind::ALL.iter().fold(Condition::any(), |supported, kind| {
        let steps = kind.steps().iter().map(|step| step.as_str());
        supported.add(Condition::all().add(Column::Kind.eq(kind.as_str())).add(Column::Step.is_in(steps)))
    })
}

/// Whether nobody else has taken the lease since.
pub(super) fn is_held(lease: &Lease) -> Condition {
    Condition::all()
        .add(Column::Id.eq(lease.operation.0))
        // An expired lease still counts until somebody takes it: nobody has repeated the work yet.
        .add(Column::LeaseOwner.eq(lease.owner))
        .add(Column::FencingToken.eq(lease.fencing_token))
}

fn taking(owner: uuid::Uuid, now: DateTime<Utc>, until: DateTime<Utc>) -> UpdateMany<Entity> {
    Entity::update_many()
        .col_expr(Column::State, Expr::value(OperationState::Running.as_str()))
        .col_expr(Column::LeaseOwner, Expr::value(owner))
        .col_expr(Column::LeaseUntil, Expr::value(until))
        .col_expr(Column::Attempts, one_more(Column::Attempts, MOST_ATTEMPTS))
        .col_expr(Column::FencingToken, Expr::col(Column::FencingToken).add(1))
        .col_expr(
            // The row still has its former holder here: one that did not give up its lease may have sent a
            // request whose answer nobody recorded.
            Column::OutcomeUnknownAt,
            CaseStatement::new()
                .case(Expr::col(Column::LeaseOwner).is_not_null(), Expr::value(now))
                .finally(Expr::col(Column::OutcomeUnknownAt))
                .into(),
        )
        .col_expr(Column::UpdatedAt, Expr::value(now))
}

fn claimed(row: Model, owner: uuid::Uuid) -> Result<Claimed, StoreError> {
    let until = row.lease_until.ok_or(StoreError::Corrupt { table: TABLE, column: "lease_until" })?;
    let lease = Lease { operation: OperationId(row.id), owner, fencing_token: row.fencing_token, until };
    Ok(Claimed { operation: row.try_into()?, lease })
}
