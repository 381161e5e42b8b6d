//! Keyset pagination: a cursor names a position in an order, not a row count, so that pages are stable under inserts.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use sea_orm::sea_query::{Expr, ExprTrait, Query, WindowStatement};
use sea_orm::{
    ColumnTrait, ConnectionTrait, EntityTrait, Order, QueryFilter, QueryOrder, QueryResult, QuerySelect,
    Select, Statement, Value,
};
use uuid::Uuid;

use super::{StoreError, dialect, entities};
use crate::domain::{AgentId, TenantId};

/// Position of a row in a list ordered by creation (newest first), then by id.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cursor {
    /// Creation time of the row.
    pub at: DateTime<Utc>,
    /// Id of the row.
    pub id: Uuid,
}

/// Size of a page, and the end of the list it is taken from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Page {
    /// The first items after the cursor, or from the start of the list.
    First(u16),
    /// The last items before the cursor, or up to the end of the list.
    Last(u16),
}

/// Requested part of a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PageRequest {
    /// Page size and direction.
    pub page: Page,
    /// Only items after this cursor.
    pub after: Option<Cursor>,
    /// Only items before this cursor.
    pub before: Option<Cursor>,
}

impl PageRequest {
    /// Whether no cursor bounds the page, so that it starts at an end of the list.
    #[must_use]
    pub fn is_outermost(&self) -> bool {
        self.after.is_none() && self.before.is_none()
    }
}

/// One page of a list, in the list's order.
#[derive(Debug, Clone)]
pub struct PageOf<T> {
    /// The items with their cursors.
    pub items: Vec<(Cursor, T)>,
    /// Whether items follow the page.
    pub has_next: bool,
    /// Whether items precede the page.
    pub has_previous: bool,
}

/// Columns by which a list is ordered.
#[derive(Debug, Clone, Copy)]
pub(super) struct Keyset<C> {
    /// Column of the creation time.
    pub(super) at: C,
    /// Id, which breaks ties.
    pub(super) id: C,
}

impl<C: ColumnTrait> Keyset<C> {
    fn row<E: EntityTrait>(self) -> Expr {
        Expr::tuple([Expr::col((E::default(), self.at)), Expr::col((E::default(), self.id))])
    }
}

fn position(cursor: Cursor) -> Expr {
    Expr::tuple([Expr::value(cursor.at), Expr::value(cursor.id)])
}

/// Reads one page of `query`. Selects one row more than wanted, to learn whether more follow. Rows on the
/// other side are looked for only if a cursor says that there may be some.
pub(super) async fn page<E, T>(
    db: &impl ConnectionTrait,
    query: Select<E>,
    key: Keyset<E::Column>,
    request: PageRequest,
    read: impl Fn(E::Model) -> Result<(Cursor, T), StoreError>,
) -> Result<PageOf<T>, StoreError>
where
    E: EntityTrait,
{
    page_of_rows(db, query, key, request, |row| read(entities::decoded(row)?).map(Some)).await
}

/// Like [`page`], with undecoded rows. Rows for which `read` returns nothing are left out.
pub(super) async fn page_of_rows<E, T>(
    db: &impl ConnectionTrait,
    query: Select<E>,
    key: Keyset<E::Column>,
    request: PageRequest,
    read: impl Fn(&QueryResult) -> Result<Option<(Cursor, T)>, StoreError>,
) -> Result<PageOf<T>, StoreError>
where
    E: EntityTrait,
{
    let (wanted, order) = match request.page {
        Page::First(wanted) => (usize::from(wanted), Order::Desc),
        Page::Last(wanted) => (usize::from(wanted), Order::Asc),
    };
    let mut window = query.clone();
    if let Some(after) = request.after {
        window = window.filter(key.row::<E>().lt(position(after)));
    }
    if let Some(before) = request.before {
        window = window.filter(key.row::<E>().gt(position(before)));
    }
    let window = window.order_by(key.at, order.clone()).order_by(key.id, order).limit(wanted as u64 + 1);
    let mut rows = entities::found(db, window).await?;
    let more = rows.len() > wanted;
    rows.truncate(wanted);

    let forwards = matches!(request.page, Page::First(_));
    if !forwards {
        rows.reverse();
    }
    let has_previous = !forwards && more
        || exists(db, &query, request.after.map(|c| key.row::<E>().gte(position(c)))).await?;
    let has_next = forwards && more
        || exists(db, &query, request.before.map(|c| key.row::<E>().lte(position(c)))).await?;
    let items = rows.iter().filter_map(|row| read(row).transpose()).collect::<Result<_, _>>()?;
    Ok(PageOf { items, has_next, has_previous })
}

/// Query over a tenant's list, with SQL text built from constants: few distinct statements exist however many
/// requests are served, and the database plans each once.
#[derive(Clone)]
pub(super) struct Listing {
    columns: &'static str,
    /// SQL from `FROM` on, without `ORDER BY` and `LIMIT`.
    rest: String,
    values: Vec<Value>,
    /// Columns of another table, and the `JOIN` that adds them to a page, whose alias is `listed`.
    joined: Option<(&'static str, &'static str)>,
}

impl Listing {
    /// Lists the tenant's rows of a table with columns `tenant_id`, `created_at` and `id`.
    pub(super) fn new(table: &'static str, columns: &'static str, tenant: TenantId) -> Self {
        let rest = format!(" FROM {table} WHERE tenant_id = $1");
        Self { columns, rest, values: vec![tenant.0.into()], joined: None }
    }

    /// Appends columns of another table, which has at most one row for each listed one. `$1` is the tenant.
    pub(super) fn joining(self, columns: &'static str, join: &'static str) -> Self {
        Self { joined: Some((columns, join)), ..self }
    }

    /// Keeps rows that satisfy the condition.
    pub(super) fn and(mut self, condition: &'static str) -> Self {
        self.rest.push_str(" AND ");
        self.rest.push_str(condition);
        self
    }

    /// Keeps rows whose column or expression compares with the value.
    pub(super) fn with(self, column: &'static str, operator: &'static str, value: impl Into<Value>) -> Self {
        self.and(column).compared(operator, [value.into()])
    }

    /// Keeps rows that satisfy a condition with a value in its middle.
    pub(super) fn with_inside(
        mut self,
        before: &'static str,
        value: impl Into<Value>,
        after: &'static str,
    ) -> Self {
        self = self.and(before);
        self.values.push(value.into());
        self.rest.push_str(&format!("${}{after}", self.values.len()));
        self
    }

    /// Keeps rows on one side of a cursor.
    fn beside(self, operator: &'static str, cursor: Cursor) -> Self {
        // A comparison of rows, which both databases serve from one index.
        self.and("(created_at, id)").compared(operator, [cursor.at.into(), cursor.id.into()])
    }

    fn compared<const N: usize>(mut self, operator: &'static str, values: [Value; N]) -> Self {
        let (open, close) = if N > 1 { ("(", ")") } else { ("", "") };
        let first = self.values.len() + 1;
        let parameters: Vec<String> = (first..first + N).map(|at| format!("${at}")).collect();
        self.rest.push_str(&format!(" {operator} {open}{}{close}", parameters.join(", ")));
        self.values.extend(values);
        self
    }

    /// Whether a row exists on this side of the cursor. `false` without a cursor.
    async fn reaches(
        &self,
        db: &impl ConnectionTrait,
        operator: &'static str,
        cursor: Option<Cursor>,
    ) -> Result<bool, StoreError> {
        let Some(cursor) = cursor else { return Ok(false) };
        let beyond = self.clone().beside(operator, cursor);
        let sql = format!("SELECT 1{} LIMIT 1", beyond.rest);
        Ok(!run(db, sql, beyond.values).await?.is_empty())
    }

    /// Returns the first `limit` rows. `order` is `DESC` or `ASC`.
    async fn rows(
        self,
        db: &impl ConnectionTrait,
        order: &'static str,
        limit: usize,
    ) -> Result<Vec<QueryResult>, StoreError> {
        let (columns, rest) = (self.columns, self.rest);
        let mut sql = format!("SELECT {columns}{rest} ORDER BY created_at {order}, id {order} LIMIT {limit}");
        if let Some((others, join)) = self.joined {
            // Joined after the limit, so that the other table is read for the rows of the page only.
            let page = sql;
            sql = format!(
                "SELECT listed.*, {others} FROM ({page}) AS listed {join} \
                 ORDER BY listed.created_at {order}, listed.id {order}"
            );
        }
        run(db, sql, self.values).await
    }

    /// Reads one page, newest first, like the function [`page`].
    pub(super) async fn page<T>(
        self,
        db: &impl ConnectionTrait,
        request: PageRequest,
        read: impl Fn(&QueryResult) -> Result<(Cursor, T), StoreError>,
    ) -> Result<PageOf<T>, StoreError> {
        let (wanted, forwards) = match request.page {
            Page::First(wanted) => (usize::from(wanted), true),
            Page::Last(wanted) => (usize::from(wanted), false),
        };
        let mut window = self.clone();
        if let Some(after) = request.after {
            window = window.beside("<", after);
        }
        if let Some(before) = request.before {
            window = window.beside(">", before);
        }
        let order = if forwards { "DESC" } else { "ASC" };
        // A literal limit from a short list: for a parameter Postgres plans as if many rows were wanted.
        let limit = LIMITS.into_iter().find(|limit| *limit > wanted).unwrap_or(wanted + 1);
        let mut rows = window.rows(db, order, limit).await?;
        let more = rows.len() > wanted;
        rows.truncate(wanted);
        if !forwards {
            rows.reverse();
        }
        // The surplus row answers for the direction of reading; the other side needs a query of its own.
        let has_previous = !forwards && more || self.reaches(db, ">=", request.after).await?;
        let has_next = forwards && more || self.reaches(db, "<=", request.before).await?;
        let items = rows.iter().map(read).collect::<Result<_, _>>()?;
        Ok(PageOf { items, has_next, has_previous })
    }
}

/// Returns a tenant's rows with these ids, in no order. The SQL text does not depend on their number.
pub(super) async fn by_ids(
    db: &impl ConnectionTrait,
    table: &'static str,
    columns: &'static str,
    tenant: TenantId,
    ids: impl Iterator<Item = Uuid>,
) -> Result<Vec<QueryResult>, StoreError> {
    let sql =
        format!("SELECT {columns} FROM {table} WHERE tenant_id = $1 AND {}", dialect::among(db, "id", 2));
    run(db, sql, vec![tenant.0.into(), dialect::ids(db, ids)]).await
}

async fn run(
    db: &impl ConnectionTrait,
    sql: String,
    values: Vec<Value>,
) -> Result<Vec<QueryResult>, StoreError> {
    let statement = Statement::from_sql_and_values(db.get_database_backend(), sql, values);
    let rows = db.query_all_raw(statement).await?;
    // The rows are read by position, where the driver would panic at a timestamp out of range.
    rows.iter().try_for_each(dialect::check_timestamps)?;
    Ok(rows)
}

/// Row limits in use. The smallest that exceeds the page size is taken.
const LIMITS: [usize; 4] = [11, 21, 51, 101];

/// Returns the first or last page of each owner's rows in `query`, such as each agent's, in one statement for all owners. Owners
/// without rows are missing.
pub(super) async fn page_each<E, K, T>(
    db: &impl ConnectionTrait,
    query: Select<E>,
    key: Keyset<E::Column>,
    owner: E::Column,
    page: Page,
    read: impl Fn(E::Model) -> Result<(K, Cursor, T), StoreError>,
) -> Result<HashMap<K, PageOf<T>>, StoreError>
where
    E: EntityTrait,
    K: std::hash::Hash + Eq,
{
    let (wanted, order) = match page {
        Page::First(wanted) => (usize::from(wanted), Order::Desc),
        Page::Last(wanted) => (usize::from(wanted), Order::Asc),
    };
    // Ranks ids only: the wide rows are read afterwards, and only those chosen.
    let mut ranked = query.select_only().column(key.id);
    let mut within_owner = WindowStatement::partition_by((E::default(), owner));
    within_owner.order_by((E::default(), key.at), order.clone()).order_by((E::default(), key.id), order);
    QuerySelect::query(&mut ranked).expr_window_as(Expr::cust("ROW_NUMBER()"), within_owner, "nth");
    let chosen = Query::select()
        .column(key.id)
        .from_subquery(sea_orm::QueryTrait::into_query(ranked), "ranked")
        .and_where(Expr::col("nth").lte(wanted as u64 + 1))
        .take();
    let rows = E::find().filter(key.id.in_subquery(chosen)).order_by_desc(key.at).order_by_desc(key.id);

    let mut pages = HashMap::new();
    for row in &entities::found(db, rows).await? {
        let (owner, at, item) = read(entities::decoded(row)?)?;
        let none = || PageOf { items: Vec::new(), has_next: false, has_previous: false };
        pages.entry(owner).or_insert_with(none).items.push((at, item));
    }
    for found in pages.values_mut() {
        let surplus = found.items.len().saturating_sub(wanted);
        if matches!(page, Page::First(_)) {
            found.has_next = surplus > 0;
            found.items.truncate(wanted);
        } else {
            found.has_previous = surplus > 0;
            found.items.drain(..surplus);
        }
    }
    Ok(pages)
}

/// Counts each agent's rows in `query`, in one statement. Agents without rows are missing.
pub(super) async fn count_each<E: EntityTrait>(
    db: &impl ConnectionTrait,
    query: Select<E>,
    agent: E::Column,
) -> Result<HashMap<AgentId, i64>, StoreError> {
    let counted = query.select_only().column(agent).expr(Expr::cust("COUNT(*)")).group_by(agent);
    let rows: Vec<(Uuid, i64)> = counted.into_tuple().all(db).await?;
    Ok(rows.into_iter().map(|(agent, count)| (AgentId(agent), count)).collect())
}

async fn exists<E: EntityTrait>(
    db: &impl ConnectionTrait,
    query: &Select<E>,
    beyond: Option<Expr>,
) -> Result<bool, StoreError> {
    let Some(beyond) = beyond else { return Ok(false) };
    is_any(db, query.clone().filter(beyond)).await
}

/// Whether `query` finds a row.
pub(super) async fn is_any<E: EntityTrait>(
    db: &impl ConnectionTrait,
    query: Select<E>,
) -> Result<bool, StoreError> {
    let found = query.select_only().expr(Expr::value(1)).limit(1);
    Ok(found.into_tuple::<i32>().one(db).await?.is_some())
}

/// Counts the rows of `query`.
pub(super) async fn count<E: EntityTrait>(
    db: &impl ConnectionTrait,
    query: Select<E>,
) -> Result<i64, StoreError> {
    // Not the paginator of the ORM: it counts a subquery that selects every column.
    let counted = query.select_only().expr(Expr::cust("COUNT(*)")).into_tuple::<i64>().one(db).await?;
    Ok(counted.unwrap_or_default())
}
