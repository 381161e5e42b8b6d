//! Phone numbers: queries of both stores. Claiming a number for purchase is in [`claim`].

mod assign;
mod cache;
mod chain;
mod claim;
mod group;
mod import;
mod listed;
mod stock;

pub use assign::Assignee;
pub use cache::NumberReader;
pub(super) use cache::{CachedMember, CachedNumber, NumberCache, Offer};
pub use claim::{ClaimError, NumberClaim, PurchaseRules};
pub(super) use claim::{insert_unless_held, pending_row};
pub use group::CallGroupChanges;
pub(super) use group::{has_room, remove_agent};
pub use import::{AgentOwner, Holder, NumberImport};
pub use listed::{AgentSummary, Extent, ListExtent, ListedAgent, ListedNumber, NumberSummary};
pub(super) use stock::keep as keep_in_stock;
pub use stock::{StockLevels, WantedFromStock};

use std::collections::HashMap;
use std::collections::hash_map::Entry;

use chrono::{DateTime, Utc};
use rust_decimal::Decimal;
use sea_orm::sea_query::{Alias, Expr, ExprTrait};
use sea_orm::{
    ColumnTrait, Condition, ConnectionTrait, EntityTrait, FromQueryResult, Order, QueryFilter, QueryOrder,
    QueryResult, QuerySelect, Select, Statement, UpdateMany,
};

use super::entities::{self, agent, phone_number};
use super::page::{self, Cursor, Keyset, Listing, Page, PageOf, PageRequest};
use super::{Change, StoreError, SystemStore, TenantStore, dialect};
use crate::domain::{
    AgentId, CallGroupId, CountryCode, E164, NumberId, NumberStatus, NumberTransition, NumberType,
    PhoneNumber, RoutingRules, TenantId,
};

/// Filter for lists of numbers.
#[derive(Debug, Clone, Default)]
pub struct NumberFilter {
    /// Only numbers in this state. `None`: all but released numbers.
    pub status: Option<NumberStatus>,
    /// Only numbers of this agent.
    pub agent: Option<AgentId>,
    /// Only numbers that are assigned to an agent or a call group, or only those in the pool.
    pub is_assigned: Option<bool>,
    /// Only numbers of this call group.
    pub group: Option<CallGroupId>,
    /// Only numbers of this country.
    pub country: Option<CountryCode>,
}

const KEYSET: Keyset<phone_number::Column> =
    Keyset { at: phone_number::Column::CreatedAt, id: phone_number::Column::Id };

impl TenantStore {
    fn own_numbers(&self) -> Select<phone_number::Entity> {
        phone_number::Entity::find().filter(phone_number::Column::TenantId.eq(self.tenant.0))
    }

    /// Returns the numbers with these ids, in no order. Numbers of other tenants are missing.
    ///
    /// # Errors
    /// [`StoreError`]; [`StoreError::Corrupt`] if one of the rows is unreadable, which fails the whole read.
    pub async fn numbers_by_id(&self, ids: &[NumberId]) -> Result<Vec<PhoneNumber>, StoreError> {
        let found = page::by_ids(
            &self.transaction,
            phone_number::TABLE,
            phone_number::COLUMNS,
            self.tenant,
            ids.iter().map(|id| id.0),
        );
        found.await?.iter().map(|row| phone_number::Model::read(row)?.try_into()).collect()
    }

    /// Returns the routing rules of these numbers with their versions. Numbers of other tenants are missing.
    ///
    /// # Errors
    /// [`StoreError`]; [`StoreError::Corrupt`] if one of the rows is unreadable, which fails the whole read.
    pub async fn routing_rules(
        &self,
        ids: &[NumberId],
    ) -> Result<HashMap<NumberId, (i32, RoutingRules)>, StoreError> {
        let columns = "id, routing_version, routing_rules";
        let ids = ids.iter().map(|id| id.0);
        let rows = page::by_ids(&self.transaction, phone_number::TABLE, columns, self.tenant, ids).await?;
        rows.iter()
            .map(|row| {
                let rules =
                    entities::json(phone_number::TABLE, phone_number::RULES, row.try_get_by_index(2)?)?;
                Ok((NumberId(row.try_get_by_index(0)?), (row.try_get_by_index(1)?, rules)))
            })
            .collect()
    }

    /// Returns the tenant's number with this E.164: the one it holds, else the one it held last.
    ///
    /// # Errors
    /// [`StoreError`]; [`StoreError::Corrupt`] if a stored value is unreadable.
    pub async fn number_by_e164(&self, number: &E164) -> Result<Option<PhoneNumber>, StoreError> {
        let released = Expr::col(phone_number::Column::Status).eq(NumberStatus::Released.as_str());
        let found = self
            .own_numbers()
            .filter(phone_number::Column::Number.eq(number.as_str()))
            // `false` sorts before `true`: the held row comes first.
            .order_by(released, Order::Asc)
            .order_by_desc(phone_number::Column::CreatedAt)
            .one(&self.transaction)
            .await?;
        found.map(PhoneNumber::try_from).transpose()
    }

    /// Returns the countries and kinds of the tenant's numbers with their monthly prices at the purchase, each once, in
    /// order. Released numbers are left out.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn kinds_of_numbers(&self) -> Result<Vec<(CountryCode, NumberType, Decimal)>, StoreError> {
        use phone_number::Column as Number;
        let kinds = self
            .own_numbers()
            .filter(Number::Status.ne(NumberStatus::Released.as_str()))
            .select_only()
            .columns([Number::Country, Number::Kind, Number::MonthlyCost])
            .distinct()
            .order_by_asc(Number::Country)
            .order_by_asc(Number::Kind)
            .order_by_asc(Number::MonthlyCost);
        let rows: Vec<(String, String, Decimal)> = kinds.into_tuple().all(&self.transaction).await?;
        rows.into_iter()
            .map(|(country, kind, cost)| {
                let country = entities::text(phone_number::TABLE, "country", &country)?;
                Ok((country, entities::text(phone_number::TABLE, "kind", &kind)?, entities::money(cost)))
            })
            .collect()
    }

    /// Returns the primary number of each agent, which is an active one. Agents without one are missing.
    ///
    /// # Errors
    /// [`StoreError`]; [`StoreError::Corrupt`] if one of the rows is unreadable, which fails the whole read.
    pub async fn first_numbers(
        &self,
        agents: &[AgentId],
    ) -> Result<HashMap<AgentId, PhoneNumber>, StoreError> {
        let active = self
            .own_numbers()
            .filter(phone_number::Column::AgentId.is_in(agents.iter().map(|id| id.0)))
            .filter(phone_number::Column::PooledAt.is_null())
            .filter(phone_number::Column::Status.eq(NumberStatus::Active.as_str()));
        // Picked here: `DISTINCT ON` exists in Postgres only.
        let mut first: HashMap<AgentId, PhoneNumber> = HashMap::new();
        for number in entities::all::<_, PhoneNumber>(&self.transaction, active).await? {
            match first.entry(number.agent_id) {
                Entry::Vacant(none) => drop(none.insert(number)),
                Entry::Occupied(mut other) if number.precedes(other.get()) => drop(other.insert(number)),
                Entry::Occupied(_) => {}
            }
        }
        Ok(first)
    }

    /// Returns an agent's numbers that are not released, oldest first.
    ///
    /// # Errors
    /// [`StoreError`]; [`StoreError::Corrupt`] if one of the rows is unreadable, which fails the whole read.
    pub async fn held_numbers(&self, agent: AgentId) -> Result<Vec<PhoneNumber>, StoreError> {
        entities::all(&self.transaction, held_by(self.own_numbers(), agent)).await
    }

    /// Returns a page of numbers, newest first, with the requested columns of each number and its
    /// agent, in one statement.
    ///
    /// # Errors
    /// [`StoreError`]; [`StoreError::Corrupt`] if one of the rows is unreadable, which fails the whole read.
    pub async fn numbers(
        &self,
        filter: &NumberFilter,
        page: PageRequest,
        extent: ListExtent,
    ) -> Result<PageOf<(ListedNumber, Option<ListedAgent>)>, StoreError> {
        let (columns, width) = match extent.numbers {
            Extent::Summary => (phone_number::SUMMARY, phone_number::SUMMARY_WIDTH),
            Extent::Whole => (phone_number::COLUMNS, phone_number::WIDTH),
        };
        let mut list = self.listing(filter, columns);
        if let Some(extent) = extent.agents {
            list = list.joining(agent::joined(extent), agent::JOIN);
        }
        let read = |row: &QueryResult| {
            let (at, number) = match extent.numbers {
                Extent::Summary => {
                    let (created_at, number) = phone_number::read_summary(row)?;
                    (Cursor { at: created_at, id: number.id.0 }, ListedNumber::Summary(number))
                }
                Extent::Whole => {
                    let number = phone_number::Model::read(row)?;
                    (Cursor { at: number.created_at, id: number.id }, ListedNumber::Whole(number.try_into()?))
                }
            };
            let agent = extent.agents.map(|extent| agent::read_joined(row, width, extent));
            Ok((at, (number, agent.transpose()?.flatten())))
        };
        list.page(&self.transaction, page, read).await
    }

    fn listing(&self, filter: &NumberFilter, columns: &'static str) -> Listing {
        let mut list = Listing::new(phone_number::TABLE, columns, self.tenant);
        list = match filter.status {
            Some(status) => list.with("status", "=", status.as_str()),
            None => list.and("status <> 'released'"),
        };
        if let Some(agent) = filter.agent {
            list = list.with("agent_id", "=", agent.0).and("pooled_at IS NULL");
        }
        match filter.is_assigned {
            Some(true) => list = list.and("(pooled_at IS NULL OR call_group_id IS NOT NULL)"),
            Some(false) => list = list.and("pooled_at IS NOT NULL AND call_group_id IS NULL"),
            None => {}
        }
        if let Some(group) = filter.group {
            list = list.with("call_group_id", "=", group.0);
        }
        if let Some(country) = filter.country {
            list = list.with("country", "=", country.as_str());
        }
        list
    }

    /// Counts the numbers that match the filter.
    ///
    /// # Errors
    /// [`StoreError`] if the query fails.
    pub async fn count_numbers(&self, filter: &NumberFilter) -> Result<i64, StoreError> {
        page::count(&self.transaction, filtered(self.own_numbers(), filter)).await
    }

    /// Returns a page of each agent's numbers, in one statement. Agents without numbers are missing.
    ///
    /// # Errors
    /// [`StoreError`]; [`StoreError::Corrupt`] if one of the rows is unreadable, which fails the whole read.
    pub async fn numbers_of_each(
        &self,
        agents: &[AgentId],
        page: Page,
    ) -> Result<HashMap<AgentId, PageOf<PhoneNumber>>, StoreError> {
        let (query, agent) = (self.held_by_any(agents), phone_number::Column::AgentId);
        page::page_each(&self.transaction, query, KEYSET, agent, page, |row| {
            let at = Cursor { at: row.created_at, id: row.id };
            Ok((AgentId(row.agent_id), at, row.try_into()?))
        })
        .await
    }

    /// Counts each agent's numbers, in one statement. Agents without numbers are missing.
    ///
    /// # Errors
    /// [`StoreError`] if the query fails.
    pub async fn count_numbers_of_each(
        &self,
        agents: &[AgentId],
    ) -> Result<HashMap<AgentId, i64>, StoreError> {
        page::count_each(&self.transaction, self.held_by_any(agents), phone_number::Column::AgentId).await
    }

    fn held_by_any(&self, agents: &[AgentId]) -> Select<phone_number::Entity> {
        filtered(self.own_numbers(), &NumberFilter::default())
            .filter(phone_number::Column::AgentId.is_in(agents.iter().map(|id| id.0)))
            .filter(phone_number::Column::PooledAt.is_null())
    }

    /// Returns a number, or `None` if the tenant has none with this id. A read-write transaction locks the row.
    ///
    /// # Errors
    /// [`StoreError`]; [`StoreError::Corrupt`] if a stored value is unreadable.
    pub async fn number(&self, id: NumberId) -> Result<Option<PhoneNumber>, StoreError> {
        let mut query = self.own_numbers().filter(phone_number::Column::Id.eq(id.0));
        if self.is_writing() {
            dialect::lock_rows(&self.transaction, QuerySelect::query(&mut query));
        }
        query.one(&self.transaction).await?.map(PhoneNumber::try_from).transpose()
    }

    /// Moves an active or inactive number to releasing. `None` if the tenant has no such number in one of these states.
    ///
    /// # Errors
    /// [`StoreError`]; the transaction must then be dropped.
    pub async fn begin_release(&self, id: NumberId) -> Result<Option<PhoneNumber>, StoreError> {
        self.move_number(id, NumberTransition::ReleaseBegun).await
    }

    /// Cancels a release: moves a releasing number back to `was`, active or inactive. `None` if the tenant
    /// has no such number in this state.
    ///
    /// # Errors
    /// [`StoreError`]; the transaction must then be dropped.
    pub async fn end_release(
        &self,
        id: NumberId,
        was: NumberStatus,
    ) -> Result<Option<PhoneNumber>, StoreError> {
        self.move_number(id, NumberTransition::release_ended(was)).await
    }

    /// Replaces a number's routing rules and increments their version. `None` if the tenant has no such number.
    ///
    /// # Errors
    /// [`StoreError`]; the transaction must then be dropped.
    pub async fn set_routing_rules(
        &self,
        id: NumberId,
        rules: &RoutingRules,
    ) -> Result<Option<PhoneNumber>, StoreError> {
        let version = phone_number::Column::RoutingVersion;
        let written = phone_number::Entity::update_many()
            // Not a column of the entity, so that no list reads the rules.
            .col_expr(Alias::new(phone_number::RULES), Expr::value(serde_json::json!(rules)))
            // Counted by the database, so that two simultaneous changes get different versions.
            .col_expr(version, Expr::col(version).add(1));
        self.publish_on_commit(Change::Number { tenant: self.tenant, id, is_released: false });
        self.change_number(id, written).await
    }

    async fn move_number(
        &self,
        id: NumberId,
        transition: NumberTransition,
    ) -> Result<Option<PhoneNumber>, StoreError> {
        let from = transition.from().iter().map(|status| status.as_str());
        let moved = phone_number::Entity::update_many()
            .col_expr(phone_number::Column::Status, Expr::value(transition.to().as_str()))
            // A concurrent change of the state wins: this update then finds no row.
            .filter(phone_number::Column::Status.is_in(from));
        self.publish_on_commit(Change::Number { tenant: self.tenant, id, is_released: false });
        self.change_number(id, moved).await
    }

    /// Changes one of the tenant's numbers. `None` if the tenant has no such number, or another condition of the change does not hold.
    async fn change_number(
        &self,
        id: NumberId,
        change: UpdateMany<phone_number::Entity>,
    ) -> Result<Option<PhoneNumber>, StoreError> {
        let changed = change
            .filter(phone_number::Column::Id.eq(id.0))
            .filter(phone_number::Column::TenantId.eq(self.tenant.0))
            .exec_with_returning(&self.transaction)
            .await?;
        changed.into_iter().next().map(PhoneNumber::try_from).transpose()
    }
}

/// Jumps from one country to the next in the index. `DISTINCT` would read every number.
const COUNTRIES: &str = "WITH RECURSIVE next (country) AS (
    SELECT min(country) FROM phone_numbers
    UNION ALL
    SELECT (SELECT min(country) FROM phone_numbers WHERE country > next.country) FROM next WHERE next.country IS NOT NULL
) SELECT country FROM next WHERE country IS NOT NULL";

#[derive(FromQueryResult)]
struct CountryRow {
    country: String,
}

impl SystemStore {
    /// Returns the countries of all numbers, also released ones, of all tenants. Unreadable rows are reported and skipped.
    ///
    /// # Errors
    /// [`StoreError`], but never because of an unreadable row.
    pub async fn countries_with_numbers(&self) -> Result<Vec<CountryCode>, StoreError> {
        let statement = Statement::from_string(self.db().get_database_backend(), COUNTRIES);
        let rows = self.db().query_all_raw(statement).await?;
        let read = |row: CountryRow| entities::text("phone_numbers", "country", &row.country);
        Ok(self.readable(phone_number::TABLE, &rows, read).0)
    }

    /// Returns a number of any tenant.
    ///
    /// # Errors
    /// [`StoreError`]; [`StoreError::Corrupt`] if a stored value is unreadable.
    pub async fn number(&self, id: NumberId) -> Result<Option<PhoneNumber>, StoreError> {
        phone_number::Entity::find_by_id(id.0).one(self.db()).await?.map(PhoneNumber::try_from).transpose()
    }

    /// Returns an agent's numbers that are not released, oldest first.
    ///
    /// # Errors
    /// [`StoreError`]; [`StoreError::Corrupt`] if one of the rows is unreadable, which fails the whole read.
    pub async fn numbers_of(&self, agent: AgentId) -> Result<Vec<PhoneNumber>, StoreError> {
        entities::all(self.db(), held_by(phone_number::Entity::find(), agent)).await
    }

    /// Returns the numbers among these that the tenant cannot have: held by anybody, or released by another tenant
    /// after the instant `quarantined_since`.
    ///
    /// # Errors
    /// [`StoreError`]; [`StoreError::Corrupt`] if a number is unreadable.
    pub async fn barred_among(
        &self,
        numbers: &[E164],
        tenant: TenantId,
        quarantined_since: DateTime<Utc>,
    ) -> Result<Vec<E164>, StoreError> {
        let held = phone_number::Column::Status.ne(NumberStatus::Released.as_str());
        let found: Vec<String> = phone_number::Entity::find()
            // Without a lock, as a first filter only: the claim checks the same again under its locks.
            .filter(phone_number::Column::Number.is_in(numbers.iter().map(E164::as_str)))
            .filter(Condition::any().add(held).add(in_quarantine(tenant, quarantined_since)))
            .select_only()
            // Selects nothing else, so that an unreadable column does not matter.
            .column(phone_number::Column::Number)
            .into_tuple()
            .all(self.db())
            .await?;
        found.iter().map(|number| entities::text("phone_numbers", "number", number)).collect()
    }
}

/// Condition: in quarantine. Another tenant held the number until recently, and its callers may still dial it.
fn in_quarantine(tenant: TenantId, since: DateTime<Utc>) -> Condition {
    Condition::all()
        .add(phone_number::Column::TenantId.ne(tenant.0))
        // A number in stock served nobody.
        .add(phone_number::Column::TenantId.ne(TenantId::STOCK.0))
        // A claim that was freed before the purchase never rang for anybody.
        .add(phone_number::Column::ProvisionedAt.is_not_null())
        .add(phone_number::Column::ReleasedAt.gt(since))
}

/// Condition: the number takes calls.
fn answering() -> Expr {
    phone_number::Column::Status.is_in(NumberStatus::TAKING_CALLS.map(NumberStatus::as_str))
}

fn held_by(numbers: Select<phone_number::Entity>, agent: AgentId) -> Select<phone_number::Entity> {
    numbers
        .filter(phone_number::Column::AgentId.eq(agent.0))
        .filter(phone_number::Column::PooledAt.is_null())
        .filter(phone_number::Column::Status.ne(NumberStatus::Released.as_str()))
        .order_by_asc(phone_number::Column::CreatedAt)
        .order_by_asc(phone_number::Column::Id)
}

fn filtered(mut query: Select<phone_number::Entity>, filter: &NumberFilter) -> Select<phone_number::Entity> {
    use phone_number::Column;
    query = match filter.status {
        Some(status) => query.filter(Column::Status.eq(status.as_str())),
        None => query.filter(Column::Status.ne(NumberStatus::Released.as_str())),
    };
    if let Some(agent) = filter.agent {
        query = query.filter(Column::AgentId.eq(agent.0)).filter(Column::PooledAt.is_null());
    }
    match filter.is_assigned {
        Some(true) => {
            let is_assigned = Condition::any().add(Column::PooledAt.is_null());
            query = query.filter(is_assigned.add(Column::CallGroupId.is_not_null()));
        }
        Some(false) => {
            query = query.filter(Column::PooledAt.is_not_null()).filter(Column::CallGroupId.is_null());
        }
        None => {}
    }
    if let Some(group) = filter.group {
        query = query.filter(Column::CallGroupId.eq(group.0));
    }
    if let Some(country) = filter.country {
        query = query.filter(Column::Country.eq(country.as_str()));
    }
    query
}
