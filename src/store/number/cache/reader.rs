//! Fills the cache and keeps it in step with the database.

use chrono::{DateTime, Utc};
use sea_orm::sea_query::{Alias, Expr, ExprTrait, Order, Query, SelectStatement, UnionType};
use sea_orm::{ColumnTrait, ConnectionTrait, IdenStatic, QueryResult};
use uuid::Uuid;

use super::super::group::groups_of;
use super::state::{Found, RowState};
use super::{CachedNumber, Reading, answering, group};
use crate::domain::{AgentId, E164, NumberAccounts, NumberId, NumberStatus, RoutingRules};
use crate::store::dialect::{self, Horizon};
use crate::store::entities::phone_number::TABLE;
use crate::store::entities::{self, agent, phone_number};
use crate::store::{StoreError, SystemStore};

/// Numbers read in one statement.
const PAGE: u64 = 2000;
/// Changed agents whose numbers are read in one statement.
const AGENTS: u64 = 500;
/// Prefix of the agent's columns in the joined row.
const OF_AGENT: &str = "agent__";

/// A number's row joined with the agent columns needed to answer a call.
struct Row {
    number: E164,
    agent: AgentId,
    group: Option<Uuid>,
    found: Found,
    /// Unreadable columns with their tables.
    unreadable: Vec<(&'static str, &'static str)>,
}

impl Row {
    /// Decodes a row as far as possible. A number with unreadable rules or agent columns, written by a newer
    /// version for example, still takes calls by its readable columns: without rules its agent answers.
    fn read(row: &QueryResult) -> Result<Self, StoreError> {
        let id = NumberId(row.try_get("", "id")?);
        let number: E164 = entities::text(TABLE, "number", &row.try_get::<String>("", "number")?)?;
        let (mut agent, of_agent) = agent::as_far_as_readable(row, OF_AGENT)?;
        if row.try_get::<Option<DateTime<Utc>>>("", "pooled_at")?.is_some() {
            agent = agent.withdrawn();
        }
        let (agent_id, mut unreadable) = (agent.id, Vec::new());
        let group = row.try_get("", "call_group_id")?;
        let state = match entities::text(TABLE, "status", &row.try_get::<String>("", "status")?)? {
            NumberStatus::Released => RowState::Released,
            NumberStatus::Pending => RowState::Pending,
            NumberStatus::Active | NumberStatus::Inactive | NumberStatus::Releasing => {
                unreadable.extend(of_agent.into_iter().map(|column| (agent::TABLE, column)));
                let rules = row.try_get("", phone_number::RULES).ok();
                let rules = rules.and_then(|rules| serde_json::from_value::<RoutingRules>(rules).ok());
                if rules.is_none() {
                    unreadable.push((TABLE, phone_number::RULES));
                }
                RowState::TakesCalls(CachedNumber {
                    id,
                    agent,
                    accounts: accounts(row)?,
                    rules: rules.unwrap_or_default().into(),
                    rules_version: row.try_get("", "routing_version").unwrap_or_else(|_| {
                        unreadable.push((TABLE, "routing_version"));
                        0
                    }),
                    number_changed: row.try_get("", "changed")?,
                    agent_changed: row.try_get(OF_AGENT, agent::Column::Changed.as_str())?,
                    // Read afterwards, for all rows at once.
                    group: None,
                })
            }
        };
        let found = Found { number: number.digits(), id, state };
        Ok(Self { number, agent: agent_id, group, found, unreadable })
    }

    /// Reports the unreadable columns.
    fn report(&self, store: &SystemStore, row: &QueryResult) {
        for (table, id) in [(TABLE, self.found.id.0), (agent::TABLE, self.agent.0)] {
            let its = self.unreadable.iter().filter(|(of, _)| *of == table);
            let failures: Vec<_> = its.map(|(table, column)| StoreError::Corrupt { table, column }).collect();
            store.report_row(table, || Some(id), row, &failures);
        }
    }
}

fn accounts(row: &QueryResult) -> Result<NumberAccounts, StoreError> {
    let [owner, other] = ["carrier_account_id", "other_account_id"].map(|column| row.try_get("", column));
    let was_moved = row.try_get::<Option<DateTime<Utc>>>("", "moved_at")?.is_some();
    Ok(NumberAccounts::stored(owner?, other?, was_moved, row.try_get("", "is_moving")?))
}

/// Reads numbers with their agents, restricted by `narrowed`. Reports unreadable rows and columns.
pub(super) async fn read(
    store: &SystemStore,
    narrowed: impl FnOnce(&mut SelectStatement) -> &mut SelectStatement,
) -> Result<Rows, StoreError> {
    use phone_number::Column::{
        CallGroupId, CarrierAccountId, Changed, Id, IsMoving, MovedAt, Number, OtherAccountId, PooledAt,
        RoutingVersion, Status,
    };
    let mut query = Query::select();
    query.from(phone_number::Entity);
    query.columns(
        [
            Id,
            Number,
            Status,
            PooledAt,
            CallGroupId,
            RoutingVersion,
            Changed,
            CarrierAccountId,
            OtherAccountId,
            MovedAt,
            IsMoving,
        ]
        .map(|column| (phone_number::Entity, column)),
    );
    query.column((phone_number::Entity, Alias::new(phone_number::RULES)));
    for column in agent::AnsweringRow::COLUMNS.into_iter().chain([agent::Column::Changed]) {
        query.expr_as(
            Expr::col((agent::Entity, column)),
            Alias::new(format!("{OF_AGENT}{}", column.as_str())),
        );
    }
    let agent_of_number = of_agent(agent::Column::Id).eq(of_number(phone_number::Column::AgentId));
    // Inner: a foreign key gives every number an agent.
    query.inner_join(agent::Entity, agent_of_number);
    narrowed(&mut query);
    let rows = store.db().query_all(&query).await?;
    let mut read = Rows { found: Vec::with_capacity(rows.len()), count: rows.len() as u64, last: None };
    let mut of_groups = Vec::new();
    for row in &rows {
        read.last = position(row).or(read.last);
        match Row::read(row) {
            Ok(found) => {
                found.report(store, row);
                of_groups.extend(found.group.map(|group| (read.found.len(), group)));
                read.found.push((found.number, found.found));
            }
            Err(failure) => store.report_row(TABLE, || entities::id(row), row, &[failure]),
        }
    }
    // After the numbers: a group changed in between is at least as new as the marks of its numbers, which are read again.
    let groups = group::read(store, of_groups.iter().map(|(_, group)| *group).collect()).await?;
    for (nth, group) in of_groups {
        if let Some((_, Found { state: RowState::TakesCalls(cached), .. })) = read.found.get_mut(nth) {
            cached.group = groups.get(&group).cloned();
        }
    }
    Ok(read)
}

/// Result of one statement.
#[derive(Debug)]
pub(super) struct Rows {
    /// Readable rows, keyed by number.
    pub(super) found: Vec<(E164, Found)>,
    /// Number of rows, readable or not.
    count: u64,
    /// Position of the last row.
    last: Option<(i64, Uuid)>,
}

impl Rows {
    /// Whether a row was unreadable.
    pub(super) fn has_unreadable(&self) -> bool {
        self.count > self.found.len() as u64
    }

    /// Position of the last row if the page is full, so that more rows may follow.
    fn full(&self, page: u64) -> Option<(i64, Uuid)> {
        self.last.filter(|_| self.count >= page)
    }
}

/// Change mark and id of a row.
fn position(row: &QueryResult) -> Option<(i64, Uuid)> {
    Some((row.try_get("", "changed").ok()?, row.try_get("", "id").ok()?))
}

fn of_number(column: phone_number::Column) -> Expr {
    Expr::col((phone_number::Entity, column))
}

fn of_agent(column: agent::Column) -> Expr {
    Expr::col((agent::Entity, column))
}

/// Reads all numbers into the cache, then changes. After an error the same part is read again.
#[derive(Debug)]
pub struct NumberReader {
    store: SystemStore,
    /// How far changes have been read; `None` before the first page.
    seen: Option<Horizon>,
    full_read: FullRead,
    changes: Option<Changes>,
}

/// Progress of reading all numbers.
#[derive(Debug, Clone, Copy)]
enum FullRead {
    /// Numbers after this id remain.
    After(Uuid),
    Done,
}

/// Progress of reading changes up to `until`.
#[derive(Debug, Clone)]
struct Changes {
    until: Horizon,
    began: DateTime<Utc>,
    at: Position,
}

/// Position among changes: after the row with this mark and id.
#[derive(Debug, Clone, Copy)]
enum Position {
    Numbers(i64, Uuid),
    Agents(i64, Uuid),
    Conflicting,
}

impl SystemStore {
    /// Creates a reader for the cache. A server needs one.
    #[must_use]
    pub fn number_reader(&self) -> NumberReader {
        let full_read = FullRead::After(Uuid::nil());
        NumberReader { store: self.clone(), seen: None, full_read, changes: None }
    }
}

impl NumberReader {
    /// Whether all numbers have been read.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        matches!(self.full_read, FullRead::Done)
    }

    /// Reads the next page of all numbers.
    ///
    /// # Errors
    /// [`StoreError`]: the next call reads the same page.
    pub async fn read_page(&mut self) -> Result<(), StoreError> {
        let FullRead::After(last) = self.full_read else { return Ok(()) };
        let cache = &self.store.shared.numbers;
        if self.seen.is_none() {
            // Read before the first page: later writes are then found as changes, whichever page they belong to.
            let seen = dialect::horizon(self.store.db()).await?;
            self.store.read_dialing_overrides().await?;
            self.seen = Some(seen);
        }
        let began = self.store.shared.clock.now();
        let reading = cache.begin();
        let rows = read(&self.store, |query| {
            query
                .cond_where(answering())
                // By id, which never changes. A mark grows with each change, so that a busy row would be read
                // again and again.
                .and_where(of_number(phone_number::Column::Id).gt(last))
                .order_by((phone_number::Entity, phone_number::Column::Id), Order::Asc)
                .limit(PAGE)
        })
        .await?;
        let last = rows.full(PAGE).map(|(_, id)| id);
        take(&reading, rows);
        drop(reading);
        self.full_read = last.map_or(FullRead::Done, FullRead::After);
        if self.is_complete() {
            cache.lock().confirm(began);
        }
        Ok(())
    }

    /// Reads the next page of changes. Returns whether it was the last.
    ///
    /// # Errors
    /// [`StoreError`]: the next call reads the same page.
    pub async fn read_changes(&mut self) -> Result<bool, StoreError> {
        let Some(seen) = self.seen.clone() else { return Ok(true) };
        let changes = match self.changes.clone() {
            Some(changes) => changes,
            None => {
                // The clock first: the cache counts as confirmed for no longer than it is.
                let (began, until) =
                    (self.store.shared.clock.now(), dialect::horizon(self.store.db()).await?);
                // Nothing was written otherwise, and an idle poll stays at one statement.
                if until != seen {
                    self.store.read_dialing_overrides().await?;
                }
                if until.is_behind(&seen) {
                    tracing::warn!(
                        "the database has returned to an earlier state: reading all numbers again"
                    );
                    (self.seen, self.full_read) = (Some(until), FullRead::After(Uuid::nil()));
                    return Ok(true);
                }
                let at =
                    if until == seen { Position::Conflicting } else { Position::Numbers(0, Uuid::nil()) };
                Changes { until, began, at }
            }
        };
        let next = match changes.at {
            Position::Numbers(mark, id) => self.read_numbers(&seen, &changes.until, (mark, id)).await?,
            Position::Agents(mark, id) => self.read_agents(&seen, &changes.until, (mark, id)).await?,
            Position::Conflicting => self.reread_conflicting().await?,
        };
        if let Some(at) = next {
            self.changes = Some(Changes { at, ..changes });
            return Ok(false);
        }
        self.changes = None;
        self.seen = Some(changes.until);
        if self.is_complete() {
            self.store.shared.numbers.lock().confirm(changes.began);
        }
        Ok(true)
    }

    /// Reads a page of changed numbers, in any state.
    async fn read_numbers(
        &self,
        seen: &Horizon,
        until: &Horizon,
        (mark, id): (i64, Uuid),
    ) -> Result<Option<Position>, StoreError> {
        use phone_number::Column::{Changed, Id};
        let reading = self.store.shared.numbers.begin();
        let rows = read(&self.store, |query| {
            query
                .cond_where(dialect::changed_since(&of_number(Changed), seen, until))
                .and_where(after([of_number(Changed), of_number(Id)], mark, id))
                .order_by((phone_number::Entity, Changed), Order::Asc)
                .order_by((phone_number::Entity, Id), Order::Asc)
                .limit(PAGE)
        })
        .await?;
        let last = rows.full(PAGE).map(|(mark, id)| Position::Numbers(mark, id));
        take(&reading, rows);
        Ok(Some(last.unwrap_or(Position::Agents(0, Uuid::nil()))))
    }

    /// Reads the numbers of a page of changed agents.
    async fn read_agents(
        &self,
        seen: &Horizon,
        until: &Horizon,
        (mark, id): (i64, Uuid),
    ) -> Result<Option<Position>, StoreError> {
        use agent::Column::{Changed, Id};
        let mut query = Query::select();
        query
            .columns([(agent::Entity, Id), (agent::Entity, Changed)])
            .from(agent::Entity)
            .cond_where(dialect::changed_since(&of_agent(Changed), seen, until))
            .and_where(after([of_agent(Changed), of_agent(Id)], mark, id))
            .order_by((agent::Entity, Changed), Order::Asc)
            .order_by((agent::Entity, Id), Order::Asc)
            .limit(AGENTS);
        let rows = self.store.db().query_all(&query).await?;
        let changed: Vec<(i64, Uuid)> = rows.iter().filter_map(position).collect();
        if !changed.is_empty() {
            let reading = self.store.shared.numbers.begin();
            // The cache has no agents of its own: each number holds what it needs of its agent.
            let ids: Vec<Uuid> = changed.iter().map(|(_, id)| *id).collect();
            let theirs = phone_number::Column::Id.in_subquery(numbers_of(&ids));
            take(
                &reading,
                read(&self.store, |query| query.cond_where(theirs).cond_where(answering())).await?,
            );
        }
        let last = changed.last().filter(|_| rows.len() as u64 >= AGENTS);
        Ok(Some(last.map_or(Position::Conflicting, |(mark, id)| Position::Agents(*mark, *id))))
    }

    /// Re-reads numbers on which two reads disagreed.
    async fn reread_conflicting(&self) -> Result<Option<Position>, StoreError> {
        let cache = &self.store.shared.numbers;
        let conflicting = cache.lock().conflicting(PAGE as usize);
        if conflicting.is_empty() {
            return Ok(None);
        }
        let numbers: Vec<_> = conflicting.into_iter().filter_map(E164::from_digits).collect();
        self.store.learn_numbers(&numbers).await?;
        Ok(Some(Position::Conflicting))
    }
}

/// The numbers that these agents answer: their own, and those of their call groups.
// A union and not an `OR`, which no index serves.
fn numbers_of(agents: &[Uuid]) -> SelectStatement {
    let numbers = |of: Expr| {
        let mut query = Query::select();
        query.column(phone_number::Column::Id).from(phone_number::Entity).and_where(of);
        query
    };
    let own = phone_number::Column::AgentId.is_in(agents.iter().copied());
    let through_groups = phone_number::Column::CallGroupId.in_subquery(groups_of(agents));
    numbers(own).union(UnionType::All, numbers(through_groups)).take()
}

fn take(reading: &Reading<'_>, rows: Rows) {
    rows.found.into_iter().for_each(|(_, found)| reading.take(found));
}

/// Condition: after this position in the order of mark and id.
fn after(columns: [Expr; 2], mark: i64, id: Uuid) -> Expr {
    Expr::tuple(columns).gt(Expr::tuple([Expr::val(mark), Expr::val(id)]))
}
