//! Lists of operations: a tenant's own, and those of all tenants for operators.
//!
//! During an upgrade, a newer version may have stored a kind or a step that this one does not know. An operation that cannot be
//! read is reported and left out of its page; the others are listed. It still counts in the total.

use std::collections::BTreeSet;
use std::sync::Arc;

use sea_orm::sea_query::{Expr, ExprTrait, Query, SelectStatement};
use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, QueryResult, Select};
use uuid::Uuid;

use crate::domain::{AgentId, Author, NumberId, Operation, OperationKind, OperationState, TenantId};
use crate::store::doors::SystemWork;
use crate::store::entities::operation::{Column, Entity, Model, TABLE};
use crate::store::entities::{agent, phone_number};
use crate::store::page::{self, Cursor, Keyset, PageOf, PageRequest};
use crate::store::{StoreError, SystemStore, TenantStore, audit_event};

const KEYSET: Keyset<Column> = Keyset { at: Column::CreatedAt, id: Column::Id };

/// Filter for operations. All given conditions must match.
#[derive(Debug, Clone, Default)]
pub struct OperationFilter {
    /// Only operations about this agent.
    pub agent: Option<AgentId>,
    /// Only operations about this number.
    pub number: Option<NumberId>,
    /// Only operations of this kind.
    pub kind: Option<OperationKind>,
    /// Only operations in this state.
    pub state: Option<OperationState>,
}

impl OperationFilter {
    fn of<E: QueryFilter>(&self, mut query: E) -> E {
        if let Some(agent) = self.agent {
            query = query.filter(Column::AgentId.eq(agent.0));
        }
        if let Some(number) = self.number {
            query = query.filter(Column::PhoneNumberId.eq(number.0));
        }
        if let Some(kind) = self.kind {
            query = query.filter(Column::Kind.eq(kind.as_str()));
        }
        if let Some(state) = self.state {
            query = query.filter(Column::State.eq(state.as_str()));
        }
        query
    }

    /// The matching operations of all tenants. An agent's or a number's are those of its tenant, so that the tenant's indexes
    /// find them.
    fn of_all_tenants(&self) -> Select<Entity> {
        let mut query = self.of(Entity::find());
        let owner = |of: SelectStatement| Column::TenantId.in_subquery(of);
        if let Some(id) = self.agent {
            query = query.filter(owner(tenant_of(
                agent::Entity,
                agent::Column::TenantId,
                agent::Column::Id,
                id.0,
            )));
        }
        if let Some(id) = self.number {
            use phone_number::{Column as Number, Entity as Numbers};
            query = query.filter(owner(tenant_of(Numbers, Number::TenantId, Number::Id, id.0)));
        }
        query
    }
}

fn tenant_of<E: EntityTrait>(from: E, tenant: E::Column, key: E::Column, id: Uuid) -> SelectStatement {
    Query::select().column(tenant).from(from).and_where(Expr::col(key).eq(id)).take()
}

impl TenantStore {
    /// A page of the tenant's operations, newest first.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn operations(
        &self,
        filter: &OperationFilter,
        page: PageRequest,
    ) -> Result<PageOf<Operation>, StoreError> {
        let system = SystemStore { shared: Arc::clone(&self.shared), work: SystemWork::Background };
        system.operations_page(&self.transaction, filter.of(self.own_operations()), page).await
    }

    /// Counts the tenant's operations that match a filter.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn count_operations(&self, filter: &OperationFilter) -> Result<i64, StoreError> {
        page::count(&self.transaction, filter.of(self.own_operations())).await
    }
}

impl SystemStore {
    /// A page of all tenants' operations, newest first. Writes an audit event for each tenant shown, which names `author`.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn operations_shown_to(
        &self,
        author: &Author,
        action: &str,
        filter: &OperationFilter,
        page: PageRequest,
    ) -> Result<PageOf<Operation>, StoreError> {
        // One transaction: nobody sees an operation without leaving an audit event.
        let transaction = self.begin().await?;
        let page = self.operations_page(&transaction, filter.of_all_tenants(), page).await?;
        let tenants: BTreeSet<TenantId> = page.items.iter().map(|(_, found)| found.tenant_id).collect();
        audit_event::accessed(&transaction, &self.shared, author, action, tenants).await?;
        transaction.commit().await?;
        Ok(page)
    }

    /// Counts all tenants' operations that match a filter.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn count_operations(&self, filter: &OperationFilter) -> Result<i64, StoreError> {
        page::count(self.db(), filter.of_all_tenants()).await
    }

    async fn operations_page(
        &self,
        db: &impl ConnectionTrait,
        query: Select<Entity>,
        page: PageRequest,
    ) -> Result<PageOf<Operation>, StoreError> {
        let read = |row: &QueryResult| {
            let one = std::slice::from_ref(row);
            let (mut readable, _left_out) = self.readable(TABLE, one, |row: Model| {
                Ok((Cursor { at: row.created_at, id: row.id }, Operation::try_from(row)?))
            });
            Ok(readable.pop())
        };
        page::page_of_rows(db, query, KEYSET, page, read).await
    }
}
