//! Kept numbers: tenants ask for them here; [`follow`] records what becomes of them, and [`verify`] finds their test calls.

mod follow;
mod ported;
mod verify;

pub(in crate::store) use follow::{ended, write};
pub(in crate::store) use ported::activate;

use chrono::{DateTime, Utc};
use sea_orm::ActiveValue::{NotSet, Set};
use sea_orm::sea_query::{Alias, Expr};
use sea_orm::{
    ColumnTrait, Condition, EntityTrait, QueryFilter, QuerySelect, QueryTrait, Select, UpdateMany,
};
use serde_json::Value;

use super::entities;
use super::entities::kept::{ActiveModel, BILL, BILL_TYPE, Column, Entity, ORDER, TABLE};
use super::page::{self, Cursor, Keyset, PageOf, PageRequest};
use super::{StoreError, TenantStore, dialect};
use crate::domain::{AgentId, E164, KeptNumber, KeptNumberId, KeptNumberState, OperationId};

/// Filter for kept numbers.
#[derive(Debug, Clone, Default)]
pub struct KeptNumberFilter {
    /// Only those of this agent.
    pub agent: Option<AgentId>,
}

/// The bill of the losing carrier.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bill {
    /// `application/pdf`, `image/jpeg` or `image/png`.
    pub content_type: String,
    /// The file.
    pub content: Vec<u8>,
}

/// A request for a port, to be stored by [`TenantStore::request_port`].
#[derive(Debug, Clone)]
pub struct NewPort {
    /// The operation that carries it out.
    pub operation: OperationId,
    /// The request's data, in the form of the operation's kind.
    pub order: Value,
    /// The bill.
    pub bill: Bill,
}

const KEYSET: Keyset<Column> = Keyset { at: Column::CreatedAt, id: Column::Id };

impl TenantStore {
    fn own_kept(&self) -> Select<Entity> {
        Entity::find().filter(Column::TenantId.eq(self.tenant.0))
    }

    fn filtered_kept(&self, filter: &KeptNumberFilter) -> Select<Entity> {
        self.own_kept().apply_if(filter.agent, |query, id| query.filter(Column::AgentId.eq(id.0)))
    }

    /// The kept numbers with these ids, in no particular order.
    ///
    /// # Errors
    /// [`StoreError`]; [`StoreError::Corrupt`] if one of the rows is unreadable, which fails the whole read.
    pub async fn kept_by_id(&self, ids: &[KeptNumberId]) -> Result<Vec<KeptNumber>, StoreError> {
        let wanted = Column::Id.is_in(ids.iter().map(|id| id.0));
        entities::all(&self.transaction, self.own_kept().filter(wanted)).await
    }

    /// A page of kept numbers, newest first.
    ///
    /// # Errors
    /// [`StoreError`]; [`StoreError::Corrupt`] if one of the rows is unreadable, which fails the whole read.
    pub async fn kept_numbers(
        &self,
        filter: &KeptNumberFilter,
        page: PageRequest,
    ) -> Result<PageOf<KeptNumber>, StoreError> {
        page::page(&self.transaction, self.filtered_kept(filter), KEYSET, page, |row| {
            Ok((Cursor { at: row.created_at, id: row.id }, row.try_into()?))
        })
        .await
    }

    /// Counts the kept numbers that match a filter.
    ///
    /// # Errors
    /// [`StoreError`] if the query fails.
    pub async fn count_kept_numbers(&self, filter: &KeptNumberFilter) -> Result<i64, StoreError> {
        page::count(&self.transaction, self.filtered_kept(filter)).await
    }

    /// The record that keeps this number now, if there is one.
    ///
    /// # Errors
    /// [`StoreError`]; [`StoreError::Corrupt`] if a stored value is unreadable.
    pub async fn kept_by_number(&self, number: &E164) -> Result<Option<KeptNumber>, StoreError> {
        let over = KeptNumberState::ALL.iter().filter(|state| state.is_over()).map(|state| state.as_str());
        let found =
            self.own_kept().filter(Column::Number.eq(number.as_str())).filter(Column::State.is_not_in(over));
        found.one(&self.transaction).await?.map(KeptNumber::try_from).transpose()
    }

    /// The record of an operation that keeps or ports a number.
    ///
    /// # Errors
    /// [`StoreError`]; [`StoreError::Corrupt`] if a stored value is unreadable.
    pub async fn kept_by_operation(&self, id: OperationId) -> Result<Option<KeptNumber>, StoreError> {
        let its = Condition::any().add(Column::OperationId.eq(id.0)).add(Column::PortOperationId.eq(id.0));
        self.own_kept().filter(its).one(&self.transaction).await?.map(KeptNumber::try_from).transpose()
    }

    /// A kept number, locked until the transaction ends.
    ///
    /// # Errors
    /// [`StoreError`]; [`StoreError::Corrupt`] if a stored value is unreadable.
    pub async fn kept_number(&self, id: KeptNumberId) -> Result<Option<KeptNumber>, StoreError> {
        let mut query = self.own_kept().filter(Column::Id.eq(id.0));
        if self.is_writing() {
            dialect::lock_rows(&self.transaction, QuerySelect::query(&mut query));
        }
        query.one(&self.transaction).await?.map(KeptNumber::try_from).transpose()
    }

    /// Stores a number to keep. Its operation must be stored before.
    ///
    /// # Errors
    /// [`StoreError`]; the transaction must then be dropped.
    pub async fn keep_number(
        &self,
        id: KeptNumberId,
        agent: AgentId,
        number: &E164,
        operation: OperationId,
    ) -> Result<KeptNumber, StoreError> {
        let now = self.shared.clock.now();
        let row = ActiveModel {
            id: Set(id.0),
            tenant_id: Set(self.tenant.0),
            agent_id: Set(agent.0),
            number: Set(number.to_string()),
            state: Set(KeptNumberState::Forwarding.to_string()),
            operation_id: Set(operation.0),
            is_cancel_wanted: Set(false),
            created_at: Set(now),
            updated_at: Set(now),
            phone_number_id: NotSet,
            port_operation_id: NotSet,
            port_sid: NotSet,
            carrier_status: NotSet,
            port_date: NotSet,
            signature_url: NotSet,
            detail: NotSet,
            test_caller: NotSet,
            test_from: NotSet,
            test_until: NotSet,
        };
        Entity::insert(row).exec_without_returning(&self.transaction).await?;
        self.kept_number(id).await?.ok_or(StoreError::Corrupt { table: TABLE, column: "id" })
    }

    /// Stores a request for a port, with the bill, until the carrier has them. Its operation must be stored before.
    ///
    /// # Errors
    /// [`StoreError`]; the transaction must then be dropped.
    pub async fn request_port(
        &self,
        id: KeptNumberId,
        port: NewPort,
    ) -> Result<Option<KeptNumber>, StoreError> {
        let row = ActiveModel {
            state: Set(KeptNumberState::PortRequested.to_string()),
            port_operation_id: Set(Some(port.operation.0)),
            detail: Set(None),
            is_cancel_wanted: Set(false),
            ..Default::default()
        };
        let requested = Entity::update_many()
            .set(row)
            .col_expr(Alias::new(ORDER), Expr::value(port.order))
            .col_expr(Alias::new(BILL), Expr::value(port.bill.content))
            .col_expr(Alias::new(BILL_TYPE), Expr::value(port.bill.content_type));
        self.change_kept(id, requested).await
    }

    /// Stores that the port is to be canceled.
    ///
    /// # Errors
    /// [`StoreError`]; the transaction must then be dropped.
    pub async fn want_cancel(&self, id: KeptNumberId) -> Result<Option<KeptNumber>, StoreError> {
        let row = ActiveModel { is_cancel_wanted: Set(true), ..Default::default() };
        self.change_kept(id, Entity::update_many().set(row)).await
    }

    /// Stores that a test call is expected from this number.
    ///
    /// # Errors
    /// [`StoreError`]; the transaction must then be dropped.
    pub async fn announce_test(
        &self,
        id: KeptNumberId,
        caller: &E164,
        until: DateTime<Utc>,
        detail: String,
    ) -> Result<Option<KeptNumber>, StoreError> {
        let row = ActiveModel {
            test_caller: Set(Some(caller.to_string())),
            test_from: Set(Some(self.shared.clock.now())),
            test_until: Set(Some(until)),
            detail: Set(Some(detail)),
            ..Default::default()
        };
        self.change_kept(id, Entity::update_many().set(row)).await
    }

    async fn change_kept(
        &self,
        id: KeptNumberId,
        change: UpdateMany<Entity>,
    ) -> Result<Option<KeptNumber>, StoreError> {
        let changed = change
            .col_expr(Column::UpdatedAt, Expr::value(self.shared.clock.now()))
            .filter(Column::Id.eq(id.0))
            .filter(Column::TenantId.eq(self.tenant.0))
            .exec_with_returning(&self.transaction)
            .await?;
        changed.into_iter().next().map(KeptNumber::try_from).transpose()
    }
}
