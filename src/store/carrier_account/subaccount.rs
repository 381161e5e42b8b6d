//! The subaccount of a tenant: one, which an operation creates.

use chrono::{DateTime, Utc};
use sea_orm::sea_query::{Alias, OnConflict, Query};
use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter};

use crate::domain::{CarrierAccountId, CarrierAccountKind, CarrierAccountStatus, OperationId, TenantId};
use crate::store::entities::carrier_account::{Column, Entity, TABLE};
use crate::store::{StoreError, SystemStore, TenantStore};

/// The subaccount of a tenant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TenantSubaccount {
    /// Id of the row.
    pub id: CarrierAccountId,
    /// The operation that creates it.
    pub created_by: Option<OperationId>,
    /// Whether it is there.
    pub is_created: bool,
    /// Its state.
    pub is_active: bool,
}

impl TenantStore {
    /// The tenant's subaccount, whether it is there or being created.
    ///
    /// # Errors
    /// [`StoreError`] if the query fails.
    pub async fn subaccount(&self) -> Result<Option<TenantSubaccount>, StoreError> {
        subaccount_of(&self.transaction, self.tenant).await
    }

    /// Stores that an operation creates the tenant's subaccount. Returns whether none is there or being created.
    ///
    /// # Errors
    /// [`StoreError`]; the transaction must then be dropped.
    pub async fn insert_subaccount(
        &self,
        id: CarrierAccountId,
        created_by: OperationId,
    ) -> Result<bool, StoreError> {
        let now = self.shared.clock.now();
        let mut insert = Query::insert();
        insert
            .into_table(Entity)
            .columns(
                ["id", "tenant_id", "kind", "status", "operation_id", "created_at", "updated_at"]
                    .map(Alias::new),
            )
            .values_panic([
                id.0.into(),
                self.tenant.0.into(),
                CarrierAccountKind::Subaccount.as_str().into(),
                CarrierAccountStatus::Active.as_str().into(),
                created_by.0.into(),
                now.into(),
                now.into(),
            ])
            .on_conflict(OnConflict::new().do_nothing().to_owned());
        Ok(self.transaction.execute(&insert).await?.rows_affected() > 0)
    }
}

impl SystemStore {
    /// The tenant's subaccount, whether it is there or being created.
    ///
    /// # Errors
    /// [`StoreError`] if the query fails.
    pub async fn subaccount_of(&self, tenant: TenantId) -> Result<Option<TenantSubaccount>, StoreError> {
        subaccount_of(self.db(), tenant).await
    }
}

async fn subaccount_of(
    db: &impl ConnectionTrait,
    tenant: TenantId,
) -> Result<Option<TenantSubaccount>, StoreError> {
    let row = Entity::find()
        .filter(Column::TenantId.eq(tenant.0))
        .filter(Column::Kind.eq(CarrierAccountKind::Subaccount.as_str()))
        .filter(Column::DisconnectedAt.is_null())
        .one(db)
        .await?;
    Ok(row.map(|row| TenantSubaccount {
        id: CarrierAccountId(row.id),
        created_by: row.operation_id.map(OperationId),
        is_created: row.sid.is_some(),
        is_active: row.status == CarrierAccountStatus::Active.as_str(),
    }))
}

/// Stores the tokens of a subaccount that was created at the carrier.
pub(in crate::store) async fn subaccount_created(
    db: &impl ConnectionTrait,
    now: DateTime<Utc>,
    (tenant, id): (TenantId, CarrierAccountId),
    (sid, token): (&str, &str),
) -> Result<(), StoreError> {
    let mut update = Query::update();
    update
        .table(Entity)
        .values([
            (Alias::new("sid"), sid.into()),
            (Alias::new("token"), token.into()),
            (Alias::new("checked_at"), now.into()),
            (Alias::new("updated_at"), now.into()),
        ])
        .and_where(Column::Id.eq(id.0))
        .and_where(Column::TenantId.eq(tenant.0));
    // An account is there now, so a missing row must not be ignored.
    if db.execute(&update).await?.rows_affected() == 0 {
        return Err(StoreError::Corrupt { table: TABLE, column: "id" });
    }
    Ok(())
}

/// Removes a subaccount that was not created, so that another operation can create one.
pub(in crate::store) async fn subaccount_abandoned(
    db: &impl ConnectionTrait,
    tenant: TenantId,
    id: CarrierAccountId,
) -> Result<(), StoreError> {
    Entity::delete_many()
        .filter(Column::Id.eq(id.0))
        .filter(Column::TenantId.eq(tenant.0))
        .filter(Column::Sid.is_null())
        .exec(db)
        .await?;
    Ok(())
}
