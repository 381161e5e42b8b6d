//! Reconciliations: who compares the providers' inventories with the database, one at a time; what the database says
//! to compare them with; and what was found.

use std::collections::HashSet;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use sea_orm::ActiveValue::Set;
use sea_orm::sea_query::{Expr, ExprTrait};
use sea_orm::{
    ColumnTrait, Condition, EntityTrait, PaginatorTrait, QueryFilter, QueryOrder, QueryResult, TryGetable,
};
use serde_json::Value;
use uuid::Uuid;

use super::entities::reconciliation::{ActiveModel, Column, Entity};
use super::entities::{self, agent, operation, phone_number};
use super::operation::UNFINISHED;
use super::{StoreError, SystemStore, dialect};
use crate::domain::{
    Agent, AgentId, AgentStatus, NumberId, NumberStatus, Operation, OperationId, PhoneNumber,
};

const DAY: TimeDelta = TimeDelta::days(1);
/// How long reports are kept.
const KEPT: TimeDelta = TimeDelta::days(90);
/// Values in one statement; SQLite takes 32,766 at most.
const AT_ONCE: usize = 1000;

/// A reconciliation under way, and the right to go on with it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ReconciliationRun {
    /// Its id.
    pub id: Uuid,
    /// When it began.
    pub started_at: DateTime<Utc>,
    owner: Uuid,
}

/// What the database says that providers should hold.
#[derive(Debug, Clone, Default)]
pub struct Standing {
    /// Every number that is not released, oldest first.
    pub numbers: Vec<PhoneNumber>,
    /// Every agent that is not deleted, and the deleted ones that were asked for.
    pub agents: Vec<Agent>,
    /// The operations that were asked for.
    pub operations: Vec<Operation>,
    /// Operations that were not over at some time since the instant asked for: what they are about may have changed
    /// since, on either side.
    pub busy: Vec<Operation>,
    /// What rows are about that cannot be read. Nothing may be concluded of it.
    pub unreadable: Unreadable,
}

/// What rows are about that cannot be read.
#[derive(Debug, Clone, Default)]
pub struct Unreadable {
    /// Numbers that rows of numbers hold, and the carrier's ids of them.
    pub held: HashSet<String>,
    /// Numbers that unfinished operations are about.
    pub numbers: HashSet<NumberId>,
    /// Agents, and those that operations are about.
    pub agents: HashSet<AgentId>,
    /// Operations, and those that bought numbers.
    pub operations: HashSet<OperationId>,
}

impl Unreadable {
    fn number(&mut self, row: &QueryResult) -> Result<(), StoreError> {
        let sid: Option<String> = column(row, "sid").flatten();
        let bought_by = column(row, "operation_id").map(OperationId);
        if sid.is_none() && bought_by.is_none() {
            return Err(StoreError::Corrupt { table: "phone_numbers", column: "operation_id" });
        }
        self.held.extend(column(row, "number"));
        self.held.extend(sid);
        self.operations.extend(bought_by);
        Ok(())
    }

    fn agent(&mut self, row: &QueryResult) -> Result<(), StoreError> {
        let id = column(row, "id").ok_or(StoreError::Corrupt { table: "agents", column: "id" })?;
        self.agents.insert(AgentId(id));
        Ok(())
    }

    fn operation(&mut self, row: &QueryResult) -> Result<(), StoreError> {
        let corrupt = |column| StoreError::Corrupt { table: "operations", column };
        let id = column(row, "id").ok_or_else(|| corrupt("id"))?;
        let agent = column(row, "agent_id").ok_or_else(|| corrupt("agent_id"))?;
        let number: Option<Uuid> =
            column(row, "phone_number_id").ok_or_else(|| corrupt("phone_number_id"))?;
        self.operations.insert(OperationId(id));
        self.agents.insert(AgentId(agent));
        self.numbers.extend(number.map(NumberId));
        Ok(())
    }
}

fn column<T: TryGetable>(row: &QueryResult, name: &str) -> Option<T> {
    row.try_get("", name).ok()
}

impl SystemStore {
    /// Begins a reconciliation, unless one is under way, or began after `not_since`: then `None`. Reports older than
    /// 90 days are dropped.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn begin_reconciliation(
        &self,
        owner: Uuid,
        lease: Duration,
        not_since: Option<DateTime<Utc>>,
    ) -> Result<Option<ReconciliationRun>, StoreError> {
        let now = self.shared.clock.now();
        let transaction = self.begin().await?;
        dialect::reconcile_alone(&transaction).await?;
        // Instants of a far future, which no server of ours writes, keep nobody from it.
        let leased = Column::LeaseUntil.gt(now).and(Column::LeaseUntil.lte(now + lease + DAY));
        let under_way = Condition::all().add(Column::FinishedAt.is_null()).add(leased);
        let lately =
            not_since.map(|instant| Column::StartedAt.gt(instant).and(Column::StartedAt.lte(now + DAY)));
        let in_the_way = Condition::any().add(under_way).add_option(lately);
        if Entity::find().filter(in_the_way).count(&transaction).await? > 0 {
            return Ok(None);
        }
        Entity::delete_many().filter(Column::StartedAt.lt(now - KEPT)).exec(&transaction).await?;
        let run = ReconciliationRun { id: self.shared.entropy.uuid(now), started_at: now, owner };
        let row = ActiveModel {
            id: Set(run.id),
            owner: Set(owner),
            lease_until: Set(now + lease),
            started_at: Set(now),
            finished_at: Set(None),
            report: Set(None),
        };
        Entity::insert(row).exec_without_returning(&transaction).await?;
        transaction.commit().await?;
        Ok(Some(run))
    }

    /// Goes on for longer.
    ///
    /// # Errors
    /// [`StoreError::LeaseLost`] when it ran out.
    pub async fn renew_reconciliation(
        &self,
        run: &ReconciliationRun,
        lease: Duration,
    ) -> Result<(), StoreError> {
        let now = self.shared.clock.now();
        let renewed = Entity::update_many()
            .col_expr(Column::LeaseUntil, Expr::value(now + lease))
            .filter(held(run, now))
            .exec(self.db())
            .await?;
        if renewed.rows_affected == 0 { Err(StoreError::LeaseLost) } else { Ok(()) }
    }

    /// Ends a reconciliation with its report.
    ///
    /// # Errors
    /// [`StoreError::LeaseLost`] when it ran out: nothing is written.
    pub async fn finish_reconciliation(
        &self,
        run: &ReconciliationRun,
        report: Value,
    ) -> Result<(), StoreError> {
        let now = self.shared.clock.now();
        let row =
            ActiveModel { finished_at: Set(Some(now)), report: Set(Some(report)), ..Default::default() };
        let finished = Entity::update_many().set(row).filter(held(run, now)).exec(self.db()).await?;
        if finished.rows_affected == 0 { Err(StoreError::LeaseLost) } else { Ok(()) }
    }

    /// Ends a reconciliation that failed, without a report: another may begin.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn end_reconciliation(&self, run: &ReconciliationRun) -> Result<(), StoreError> {
        let now = self.shared.clock.now();
        Entity::update_many()
            .col_expr(Column::LeaseUntil, Expr::value(now))
            .filter(held(run, now))
            .exec(self.db())
            .await?;
        Ok(())
    }

    /// The report of the reconciliation that ended last.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn last_reconciliation(&self) -> Result<Option<Value>, StoreError> {
        let last = Entity::find().filter(Column::FinishedAt.is_not_null()).order_by_desc(Column::FinishedAt);
        Ok(last.one(self.db()).await?.and_then(|row| row.report))
    }

    /// What providers should hold: all of it, with the operations that numbers there are marked with and the agents
    /// that voice agents there are tagged with. What is busy is read last, so that nothing else read here can have
    /// changed unnoticed. A row that cannot be read is told of by what it is about.
    ///
    /// # Errors
    /// [`StoreError`], also when a row does not even tell what it is about.
    pub async fn standing(
        &self,
        marks: &[OperationId],
        tagged: &[AgentId],
        since: DateTime<Utc>,
    ) -> Result<Standing, StoreError> {
        let (db, mut unreadable) = (self.db(), Unreadable::default());
        let numbers = phone_number::Entity::find()
            .filter(phone_number::Column::Status.ne(NumberStatus::Released.as_str()))
            .order_by_asc(phone_number::Column::CreatedAt);
        let rows = entities::found(db, numbers).await?;
        let (numbers, bad) =
            self.sorted(phone_number::TABLE, &rows, |row: phone_number::Model| row.try_into());
        bad.into_iter().try_for_each(|row| unreadable.number(row))?;
        let live = agent::Entity::find().filter(agent::Column::Status.ne(AgentStatus::Deleted.as_str()));
        let mut rows = entities::found(db, live.order_by_asc(agent::Column::CreatedAt)).await?;
        for tagged in tagged.chunks(AT_ONCE) {
            let deleted = agent::Entity::find()
                .filter(agent::Column::Status.eq(AgentStatus::Deleted.as_str()))
                .filter(agent::Column::Id.is_in(tagged.iter().map(|id| id.0)));
            rows.extend(entities::found(db, deleted).await?);
        }
        let (agents, bad) = self.sorted(agent::TABLE, &rows, |row: agent::Model| row.try_into());
        bad.into_iter().try_for_each(|row| unreadable.agent(row))?;
        let mut rows = Vec::new();
        for marks in marks.chunks(AT_ONCE) {
            let marked =
                operation::Entity::find().filter(operation::Column::Id.is_in(marks.iter().map(|id| id.0)));
            rows.extend(entities::found(db, marked).await?);
        }
        let (operations, bad) = self.sorted(operation::TABLE, &rows, |row: operation::Model| row.try_into());
        bad.into_iter().try_for_each(|row| unreadable.operation(row))?;
        let lately = Condition::any()
            .add(operation::Column::State.is_in(UNFINISHED))
            .add(operation::Column::FinishedAt.gte(since));
        let rows = entities::found(db, operation::Entity::find().filter(lately)).await?;
        let (busy, bad) = self.sorted(operation::TABLE, &rows, |row: operation::Model| row.try_into());
        bad.into_iter().try_for_each(|row| unreadable.operation(row))?;
        Ok(Standing { numbers, agents, operations, busy, unreadable })
    }
}

fn held(run: &ReconciliationRun, now: DateTime<Utc>) -> Condition {
    Condition::all()
        .add(Column::Id.eq(run.id))
        .add(Column::Owner.eq(run.owner))
        .add(Column::FinishedAt.is_null())
        .add(Column::LeaseUntil.gt(now))
}
