//! Fills the cache, and keeps it as the database has it.

use chrono::{DateTime, Utc};
use sea_orm::sea_query::{Alias, Expr, ExprTrait, Order, Query, SelectStatement};
use sea_orm::{ColumnTrait, ConnectionTrait, IdenStatic, QueryResult};
use uuid::Uuid;

use super::state::{Found, Standing};
use super::{CachedNumber, Reading, answering};
use crate::domain::{AgentId, E164, NumberId, NumberStatus, RoutingRules};
use crate::store::dialect::{self, Horizon};
use crate::store::entities::phone_number::TABLE;
use crate::store::entities::{self, agent, phone_number};
use crate::store::{StoreError, SystemStore};

/// Numbers read in one statement.
const PAGE: u64 = 2000;
/// Changed agents whose numbers are read in one statement.
const AGENTS: u64 = 500;
/// What the agent's columns are called beside the number's.
const OF_AGENT: &str = "agent__";

/// A number's row, joined with as much of its agent's as answering a call needs.
struct Row {
    number: E164,
    agent: AgentId,
    found: Found,
    /// Columns that cannot be read, by table.
    unreadable: Vec<(&'static str, &'static str)>,
}

impl Row {
    /// What the row says. A number whose rules or whose agent's columns cannot be read, since a newer version has written
    /// them, say, takes calls all the same, by what can be read: without rules its agent answers.
    fn read(row: &QueryResult) -> Result<Self, StoreError> {
        let id = NumberId(row.try_get("", "id")?);
        let number: E164 = entities::text(TABLE, "number", &row.try_get::<String>("", "number")?)?;
        let (agent, of_agent) = agent::as_far_as_readable(row, OF_AGENT)?;
        let (agent_id, mut unreadable) = (agent.id, Vec::new());
        let standing = match entities::text(TABLE, "status", &row.try_get::<String>("", "status")?)? {
            NumberStatus::Released => Standing::Released,
            NumberStatus::Pending => Standing::Pending,
            NumberStatus::Active | NumberStatus::Inactive | NumberStatus::Releasing => {
                unreadable.extend(of_agent.into_iter().map(|column| (agent::TABLE, column)));
                let rules = row.try_get("", phone_number::RULES).ok();
                let rules = rules.and_then(|rules| serde_json::from_value::<RoutingRules>(rules).ok());
                if rules.is_none() {
                    unreadable.push((TABLE, phone_number::RULES));
                }
                Standing::TakesCalls(CachedNumber {
                    id,
                    agent,
                    rules: rules.unwrap_or_default().into(),
                    rules_version: row.try_get("", "routing_version").unwrap_or_else(|_| {
                        unreadable.push((TABLE, "routing_version"));
                        0
                    }),
                    number_changed: row.try_get("", "changed")?,
                    agent_changed: row.try_get(OF_AGENT, agent::Column::Changed.as_str())?,
                })
            }
        };
        let found = Found { number: number.digits(), id, standing };
        Ok(Self { number, agent: agent_id, found, unreadable })
    }

    /// Reports what cannot be read.
    fn report(&self, store: &SystemStore, row: &QueryResult) {
        for (table, id) in [(TABLE, self.found.id.0), (agent::TABLE, self.agent.0)] {
            let its = self.unreadable.iter().filter(|(of, _)| *of == table);
            let failures: Vec<_> = its.map(|(table, column)| StoreError::Corrupt { table, column }).collect();
            store.seen(table, || Some(id), row, &failures);
        }
    }
}

/// Numbers with their agents, as many as `narrowed` leaves. What cannot be read is reported.
pub(super) async fn read(
    store: &SystemStore,
    narrowed: impl FnOnce(&mut SelectStatement) -> &mut SelectStatement,
) -> Result<Rows, StoreError> {
    use phone_number::Column::{Changed, Id, Number, RoutingVersion, Status};
    let mut query = Query::select();
    query.from(phone_number::Entity);
    query.columns([Id, Number, Status, RoutingVersion, Changed].map(|column| (phone_number::Entity, column)));
    query.column((phone_number::Entity, Alias::new(phone_number::RULES)));
    for column in agent::AnsweringRow::COLUMNS.into_iter().chain([agent::Column::Changed]) {
        query.expr_as(
            Expr::col((agent::Entity, column)),
            Alias::new(format!("{OF_AGENT}{}", column.as_str())),
        );
    }
    let agent_of_number = of_agent(agent::Column::Id).eq(of_number(phone_number::Column::AgentId));
    query.inner_join(agent::Entity, agent_of_number);
    narrowed(&mut query);
    let rows = store.db().query_all(&query).await?;
    let mut read = Rows { found: Vec::with_capacity(rows.len()), count: rows.len() as u64, last: None };
    for row in &rows {
        read.last = place(row).or(read.last);
        match Row::read(row) {
            Ok(found) => {
                found.report(store, row);
                read.found.push((found.number, found.found));
            }
            Err(failure) => store.seen(TABLE, || entities::id(row), row, &[failure]),
        }
    }
    Ok(read)
}

/// What one statement found.
#[derive(Debug)]
pub(super) struct Rows {
    /// Those that could be read.
    pub(super) found: Vec<(E164, Found)>,
    /// How many there were.
    count: u64,
    /// The place of the last.
    last: Option<(i64, Uuid)>,
}

impl Rows {
    /// Whether some row could not be read.
    pub(super) fn has_unreadable(&self) -> bool {
        self.count > self.found.len() as u64
    }

    /// The place of the last of a full page: more may follow.
    fn full(&self, page: u64) -> Option<(i64, Uuid)> {
        self.last.filter(|_| self.count >= page)
    }
}

/// Mark and id of a row.
fn place(row: &QueryResult) -> Option<(i64, Uuid)> {
    Some((row.try_get("", "changed").ok()?, row.try_get("", "id").ok()?))
}

fn of_number(column: phone_number::Column) -> Expr {
    Expr::col((phone_number::Entity, column))
}

fn of_agent(column: agent::Column) -> Expr {
    Expr::col((agent::Entity, column))
}

/// Reads all numbers into the cache, and then what changed. Whatever fails is begun again where it stands.
#[derive(Debug)]
pub struct NumberReader {
    store: SystemStore,
    /// How far changes were read; `None` at first.
    seen: Option<Horizon>,
    whole: Whole,
    changes: Option<Changes>,
}

/// The reading of all numbers.
#[derive(Debug, Clone, Copy)]
enum Whole {
    /// Those after this one are to be read.
    After(Uuid),
    Done,
}

/// A reading of what changed.
#[derive(Debug, Clone)]
struct Changes {
    until: Horizon,
    began: DateTime<Utc>,
    at: At,
}

/// A place among what changed: after the row with this mark and id.
#[derive(Debug, Clone, Copy)]
enum At {
    Numbers(i64, Uuid),
    Agents(i64, Uuid),
    Doubts,
}

impl SystemStore {
    /// A reader for the cache. One is enough for a server.
    #[must_use]
    pub fn number_reader(&self) -> NumberReader {
        let whole = Whole::After(Uuid::nil());
        NumberReader { store: self.clone(), seen: None, whole, changes: None }
    }
}

impl NumberReader {
    /// Whether all numbers have been read.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        matches!(self.whole, Whole::Done)
    }

    /// Reads the next page of all numbers.
    ///
    /// # Errors
    /// [`StoreError`]: the same page is next.
    pub async fn read_page(&mut self) -> Result<(), StoreError> {
        let Whole::After(last) = self.whole else { return Ok(()) };
        let cache = &self.store.shared.numbers;
        if self.seen.is_none() {
            // Whatever is written from here on is found as a change, on whichever page it would have been.
            let seen = dialect::horizon(self.store.db()).await?;
            self.store.read_dialings().await?;
            self.seen = Some(seen);
        }
        let began = self.store.shared.clock.now();
        let reading = cache.begin();
        let rows = read(&self.store, |query| {
            query
                .cond_where(answering())
                .and_where(of_number(phone_number::Column::Id).gt(last))
                .order_by((phone_number::Entity, phone_number::Column::Id), Order::Asc)
                .limit(PAGE)
        })
        .await?;
        let last = rows.full(PAGE).map(|(_, id)| id);
        take(&reading, rows);
        drop(reading);
        self.whole = last.map_or(Whole::Done, Whole::After);
        if self.is_complete() {
            cache.lock().confirm(began);
        }
        Ok(())
    }

    /// Reads what changed since it was last read: one page of it. Returns whether that was all.
    ///
    /// # Errors
    /// [`StoreError`]: the same page is next.
    pub async fn read_changes(&mut self) -> Result<bool, StoreError> {
        let Some(seen) = self.seen.clone() else { return Ok(true) };
        let changes = match self.changes.clone() {
            Some(changes) => changes,
            None => {
                let (began, until) =
                    (self.store.shared.clock.now(), dialect::horizon(self.store.db()).await?);
                if until != seen {
                    self.store.read_dialings().await?;
                }
                if until.is_behind(&seen) {
                    tracing::warn!("the database is back at an earlier state: all numbers are read again");
                    (self.seen, self.whole) = (Some(until), Whole::After(Uuid::nil()));
                    return Ok(true);
                }
                let at = if until == seen { At::Doubts } else { At::Numbers(0, Uuid::nil()) };
                Changes { until, began, at }
            }
        };
        let next = match changes.at {
            At::Numbers(mark, id) => self.read_numbers(&seen, &changes.until, (mark, id)).await?,
            At::Agents(mark, id) => self.read_agents(&seen, &changes.until, (mark, id)).await?,
            At::Doubts => self.settle().await?,
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

    /// Reads changed numbers, whatever became of them.
    async fn read_numbers(
        &self,
        seen: &Horizon,
        until: &Horizon,
        (mark, id): (i64, Uuid),
    ) -> Result<Option<At>, StoreError> {
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
        let last = rows.full(PAGE).map(|(mark, id)| At::Numbers(mark, id));
        take(&reading, rows);
        Ok(Some(last.unwrap_or(At::Agents(0, Uuid::nil()))))
    }

    /// Reads the numbers of changed agents.
    async fn read_agents(
        &self,
        seen: &Horizon,
        until: &Horizon,
        (mark, id): (i64, Uuid),
    ) -> Result<Option<At>, StoreError> {
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
        let changed: Vec<(i64, Uuid)> = rows.iter().filter_map(place).collect();
        if !changed.is_empty() {
            let reading = self.store.shared.numbers.begin();
            let theirs = phone_number::Column::AgentId.is_in(changed.iter().map(|(_, id)| *id));
            take(
                &reading,
                read(&self.store, |query| query.cond_where(theirs).cond_where(answering())).await?,
            );
        }
        let last = changed.last().filter(|_| rows.len() as u64 >= AGENTS);
        Ok(Some(last.map_or(At::Doubts, |(mark, id)| At::Agents(*mark, *id))))
    }

    /// Reads numbers again of which two readings said different things.
    async fn settle(&self) -> Result<Option<At>, StoreError> {
        let cache = &self.store.shared.numbers;
        let doubtful = cache.lock().doubtful(PAGE as usize);
        if doubtful.is_empty() {
            return Ok(None);
        }
        let numbers: Vec<_> = doubtful.into_iter().filter_map(E164::from_digits).collect();
        self.store.learn_numbers(&numbers).await?;
        Ok(Some(At::Doubts))
    }
}

fn take(reading: &Reading<'_>, rows: Rows) {
    rows.found.into_iter().for_each(|(_, found)| reading.take(found));
}

/// In the order of mark and id, after this place.
fn after(columns: [Expr; 2], mark: i64, id: Uuid) -> Expr {
    Expr::tuple(columns).gt(Expr::tuple([Expr::val(mark), Expr::val(id)]))
}
