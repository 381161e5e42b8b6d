//! Reconciliation runs: the lease that admits one at a time, the expected inventory, and the reports.

use std::collections::{HashMap, HashSet};
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
/// Time for which finished reconciliations are kept.
const REPORT_RETENTION: TimeDelta = TimeDelta::days(90);
/// Values in one statement. SQLite allows 32,766.
const IDS_PER_STATEMENT: usize = 1000;

/// A reconciliation in progress, with the lease on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ReconciliationRun {
    /// Id of the run and its report.
    pub id: Uuid,
    /// Start time by the database's clock.
    pub started_at: DateTime<Utc>,
    owner: Uuid,
}

/// The numbers and agents that the providers should hold according to the database.
#[derive(Debug, Clone, Default)]
pub struct ExpectedInventory {
    /// All numbers that are not released, oldest first.
    pub numbers: Vec<PhoneNumber>,
    /// All agents that are not deleted, and the deleted ones requested by id.
    pub agents: Vec<Agent>,
    /// The operations requested by id.
    pub operations: Vec<Operation>,
    /// Operations that were unfinished at any time since the requested instant. Their numbers and agents may
    /// have changed on either side.
    pub busy: Vec<Operation>,
    /// Why texts to numbers do not reach this server, whatever the numbers' own settings say.
    pub misdirected: HashMap<NumberId, String>,
    /// Subjects of unreadable rows. No conclusion may be drawn about them.
    pub unreadable: Unreadable,
}

/// Subjects of unreadable rows.
#[derive(Debug, Clone, Default)]
pub struct Unreadable {
    /// E.164 numbers and carrier ids in unreadable rows of `phone_numbers`.
    pub held: HashSet<String>,
    /// Numbers of unreadable operations.
    pub numbers: HashSet<NumberId>,
    /// Unreadable agents, and agents of unreadable operations.
    pub agents: HashSet<AgentId>,
    /// Unreadable operations, and operations that bought unreadable numbers.
    pub operations: HashSet<OperationId>,
}

impl Unreadable {
    fn number(&mut self, row: &QueryResult) -> Result<(), StoreError> {
        let sid: Option<String> = column(row, "sid").flatten();
        let marked_by: Option<Uuid> = column(row, "marked_by").flatten();
        let bought_by = marked_by.or_else(|| column(row, "operation_id")).map(OperationId);
        // The number itself may be unreadable. Then only the carrier's id or the operation's mark shows which
        // number must be left alone.
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
        let agent: Option<Uuid> = column(row, "agent_id").ok_or_else(|| corrupt("agent_id"))?;
        let number: Option<Uuid> =
            column(row, "phone_number_id").ok_or_else(|| corrupt("phone_number_id"))?;
        self.operations.insert(OperationId(id));
        self.agents.extend(agent.map(AgentId));
        self.numbers.extend(number.map(NumberId));
        Ok(())
    }
}

fn column<T: TryGetable>(row: &QueryResult, name: &str) -> Option<T> {
    row.try_get("", name).ok()
}

impl SystemStore {
    /// Starts a reconciliation. `None` if one is in progress or one started after `not_since`. Deletes
    /// reports older than 90 days.
    ///
    /// # Errors
    /// [`StoreError`]; the run may have been stored all the same, and its lease then expires.
    pub async fn begin_reconciliation(
        &self,
        owner: Uuid,
        lease: Duration,
        not_since: Option<DateTime<Utc>>,
    ) -> Result<Option<ReconciliationRun>, StoreError> {
        let now = self.shared.clock.now();
        let transaction = self.begin().await?;
        // Serializes starts: two servers could otherwise both find that no run is in progress.
        dialect::lock_reconciliations(&transaction).await?;
        // Instants in the far future are not written by this program and must not block reconciliation.
        let leased = Column::LeaseUntil.gt(now).and(Column::LeaseUntil.lte(now + lease + DAY));
        let under_way = Condition::all().add(Column::FinishedAt.is_null()).add(leased);
        let recent =
            not_since.map(|instant| Column::StartedAt.gt(instant).and(Column::StartedAt.lte(now + DAY)));
        let blocking = Condition::any().add(under_way).add_option(recent);
        if Entity::find().filter(blocking).count(&transaction).await? > 0 {
            return Ok(None);
        }
        Entity::delete_many().filter(Column::StartedAt.lt(now - REPORT_RETENTION)).exec(&transaction).await?;
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

    /// Extends the lease to this time from now, so that no other reconciliation starts meanwhile.
    ///
    /// # Errors
    /// [`StoreError::LeaseLost`] if the lease has expired.
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

    /// Ends a reconciliation and stores its report.
    ///
    /// # Errors
    /// [`StoreError::LeaseLost`] if the lease has expired; nothing was written.
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

    /// Ends a failed reconciliation without a report, so that another may start.
    ///
    /// # Errors
    /// [`StoreError`]; the lease then expires by itself.
    pub async fn end_reconciliation(&self, run: &ReconciliationRun) -> Result<(), StoreError> {
        let now = self.shared.clock.now();
        Entity::update_many()
            .col_expr(Column::LeaseUntil, Expr::value(now))
            .filter(held(run, now))
            .exec(self.db())
            .await?;
        Ok(())
    }

    /// Returns the report of the reconciliation that finished last.
    ///
    /// # Errors
    /// [`StoreError`] if the query fails.
    pub async fn last_reconciliation(&self) -> Result<Option<Value>, StoreError> {
        let last = Entity::find().filter(Column::FinishedAt.is_not_null()).order_by_desc(Column::FinishedAt);
        Ok(last.one(self.db()).await?.and_then(|row| row.report))
    }

    /// Reads the expected inventory, with the operations named by `marks` on numbers and the agents named by
    /// `tagged` voice agents. Busy operations are read last, so that nothing read before can have changed
    /// unnoticed. Unreadable rows are represented by their subjects.
    ///
    /// # Errors
    /// [`StoreError`], also if an unreadable row does not even reveal its subject.
    pub async fn expected_inventory(
        &self,
        marks: &[OperationId],
        tagged: &[AgentId],
        since: DateTime<Utc>,
    ) -> Result<ExpectedInventory, StoreError> {
        let (db, mut unreadable) = (self.db(), Unreadable::default());
        let numbers = phone_number::Entity::find()
            .filter(phone_number::Column::Status.ne(NumberStatus::Released.as_str()))
            .order_by_asc(phone_number::Column::CreatedAt);
        let rows = entities::found(db, numbers).await?;
        let (numbers, bad) =
            self.split_readable(phone_number::TABLE, &rows, |row: phone_number::Model| row.try_into());
        bad.into_iter().try_for_each(|row| unreadable.number(row))?;
        let live = agent::Entity::find().filter(agent::Column::Status.ne(AgentStatus::Deleted.as_str()));
        let mut rows = entities::found(db, live.order_by_asc(agent::Column::CreatedAt)).await?;
        // Deleted agents are kept forever: only those that a voice agent still names are read.
        for tagged in tagged.chunks(IDS_PER_STATEMENT) {
            let deleted = agent::Entity::find()
                .filter(agent::Column::Status.eq(AgentStatus::Deleted.as_str()))
                .filter(agent::Column::Id.is_in(tagged.iter().map(|id| id.0)));
            rows.extend(entities::found(db, deleted).await?);
        }
        let (agents, bad) = self.split_readable(agent::TABLE, &rows, |row: agent::Model| row.try_into());
        bad.into_iter().try_for_each(|row| unreadable.agent(row))?;
        let mut rows = Vec::new();
        for marks in marks.chunks(IDS_PER_STATEMENT) {
            let marked =
                operation::Entity::find().filter(operation::Column::Id.is_in(marks.iter().map(|id| id.0)));
            rows.extend(entities::found(db, marked).await?);
        }
        let (operations, bad) =
            self.split_readable(operation::TABLE, &rows, |row: operation::Model| row.try_into());
        bad.into_iter().try_for_each(|row| unreadable.operation(row))?;
        let recent = Condition::any()
            .add(operation::Column::State.is_in(UNFINISHED))
            .add(operation::Column::FinishedAt.gte(since));
        let rows = entities::found(db, operation::Entity::find().filter(recent)).await?;
        let (busy, bad) =
            self.split_readable(operation::TABLE, &rows, |row: operation::Model| row.try_into());
        bad.into_iter().try_for_each(|row| unreadable.operation(row))?;
        let misdirected = self.misdirected_numbers().await?;
        Ok(ExpectedInventory { numbers, agents, operations, busy, misdirected, unreadable })
    }
}

fn held(run: &ReconciliationRun, now: DateTime<Utc>) -> Condition {
    Condition::all()
        .add(Column::Id.eq(run.id))
        .add(Column::Owner.eq(run.owner))
        .add(Column::FinishedAt.is_null())
        // An expired lease is lost at once, unlike an operation's: the next run is a new row, whose start this
        // run would not notice.
        .add(Column::LeaseUntil.gt(now))
}
