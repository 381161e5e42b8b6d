//! What operations change about kept numbers.

use sea_orm::ActiveValue::Set;
use sea_orm::sea_query::{Alias, Expr};
use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, QuerySelect};
use serde_json::Value;

use super::Bill;
use crate::domain::{
    KeptNumber, KeptNumberId, KeptNumberState, KeptUpdate, Operation, OperationId, OperationKind,
    OperationState,
};
use crate::store::entities::kept::{ActiveModel, BILL, BILL_TYPE, Column, Entity, ORDER, TABLE};
use crate::store::{Shared, StoreError, SystemStore};

impl SystemStore {
    /// The record of an operation that ports a number; `None` if a later port has replaced it.
    ///
    /// # Errors
    /// [`StoreError`]; [`StoreError::Corrupt`] if a stored value is unreadable.
    pub async fn kept_of_port(&self, operation: OperationId) -> Result<Option<KeptNumber>, StoreError> {
        let found = Entity::find().filter(Column::PortOperationId.eq(operation.0));
        found.one(self.db()).await?.map(KeptNumber::try_from).transpose()
    }

    /// The record of an operation that keeps a number.
    ///
    /// # Errors
    /// [`StoreError`]; [`StoreError::Corrupt`] if a stored value is unreadable.
    pub async fn kept_of_keep(&self, operation: OperationId) -> Result<Option<KeptNumber>, StoreError> {
        let found = Entity::find().filter(Column::OperationId.eq(operation.0));
        found.one(self.db()).await?.map(KeptNumber::try_from).transpose()
    }

    /// The data of a port as it was requested; `None` once the carrier has it.
    ///
    /// # Errors
    /// [`StoreError`] if the query fails.
    pub async fn port_order(&self, id: KeptNumberId) -> Result<Option<Value>, StoreError> {
        let found: Option<Option<Value>> = Entity::find_by_id(id.0)
            .select_only()
            .expr(Expr::col(Alias::new(ORDER)))
            .into_tuple()
            .one(self.db())
            .await?;
        Ok(found.flatten())
    }

    /// The bill of a port; `None` once the carrier has it.
    ///
    /// # Errors
    /// [`StoreError`] if the query fails.
    pub async fn bill(&self, id: KeptNumberId) -> Result<Option<Bill>, StoreError> {
        let found: Option<(Option<Vec<u8>>, Option<String>)> = Entity::find_by_id(id.0)
            .select_only()
            .expr(Expr::col(Alias::new(BILL)))
            .expr(Expr::col(Alias::new(BILL_TYPE)))
            .into_tuple()
            .one(self.db())
            .await?;
        let parts = found.and_then(|(content, content_type)| content.zip(content_type));
        Ok(parts.map(|(content, content_type)| Bill { content_type, content }))
    }
}

/// Writes what a step of a port changed, unless a later port has replaced it.
pub(in crate::store) async fn write(
    db: &impl ConnectionTrait,
    shared: &Shared,
    operation: &Operation,
    change: &KeptUpdate,
) -> Result<(), StoreError> {
    let mut row = ActiveModel { updated_at: Set(shared.clock.now()), ..Default::default() };
    if let Some(state) = change.state {
        row.state = Set(state.to_string());
    }
    if let Some(sid) = &change.port_sid {
        row.port_sid = Set(sid.clone());
    }
    if let Some(word) = &change.carrier_status {
        row.carrier_status = Set(Some(word.clone()));
    }
    if let Some(date) = change.port_date {
        row.port_date = Set(date);
    }
    if let Some(url) = &change.signature_url {
        row.signature_url = Set(url.clone());
    }
    if let Some(detail) = &change.detail {
        row.detail = Set(detail.clone());
    }
    if change.stops_cancel {
        row.is_cancel_wanted = Set(false);
    }
    let mut update = Entity::update_many().set(row);
    if change.forgets_order {
        let none = || Expr::cust("NULL");
        update = update
            .col_expr(Alias::new(ORDER), none())
            .col_expr(Alias::new(BILL), none())
            .col_expr(Alias::new(BILL_TYPE), none());
    }
    update
        .filter(Column::TenantId.eq(operation.tenant_id.0))
        .filter(Column::PortOperationId.eq(operation.id.0))
        .exec(db)
        .await?;
    Ok(())
}

/// Writes what the end of an operation means for its kept number: the target that was bought, or why it failed.
pub(in crate::store) async fn ended(
    db: &impl ConnectionTrait,
    shared: &Shared,
    operation: &Operation,
) -> Result<(), StoreError> {
    if operation.kind == OperationKind::PortNumber && operation.state == OperationState::Failed {
        let detail = Some(operation.error.as_ref().map(|why| why.message.clone()));
        let change = KeptUpdate { detail, forgets_order: true, ..KeptUpdate::default() };
        return write(db, shared, operation, &change).await;
    }
    if operation.kind != OperationKind::KeepNumber || !operation.state.is_final() {
        return Ok(());
    }
    let row = if operation.state == OperationState::Succeeded {
        let target =
            operation.number_id.ok_or(StoreError::Corrupt { table: TABLE, column: "phone_number_id" })?;
        ActiveModel { phone_number_id: Set(Some(target.0)), ..Default::default() }
    } else {
        let why = operation.error.as_ref().map(|why| why.message.clone());
        let state = Set(KeptNumberState::Canceled.to_string());
        ActiveModel { state, detail: Set(why), ..Default::default() }
    };
    Entity::update_many()
        .set(ActiveModel { updated_at: Set(shared.clock.now()), ..row })
        .filter(Column::TenantId.eq(operation.tenant_id.0))
        .filter(Column::OperationId.eq(operation.id.0))
        .exec(db)
        .await?;
    Ok(())
}
