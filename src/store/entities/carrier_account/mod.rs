//! Entity of table `carrier_accounts`: accounts at the carrier that belong to a tenant.

use sea_orm::entity::prelude::*;

use super::read;
use crate::domain::{CarrierAccount, CarrierAccountId, TenantId};
use crate::store::StoreError;

/// Row of an account, without its tokens and the secret of its API key ([`TOKENS`]), which the tenant's role may not read.
#[derive(Debug, Clone, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "carrier_accounts")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    pub tenant_id: Uuid,
    #[sea_orm(column_type = "Text", nullable)]
    pub sid: Option<String>,
    #[sea_orm(column_type = "Text")]
    pub kind: String,
    #[sea_orm(column_type = "Text")]
    pub status: String,
    #[sea_orm(column_type = "Text", nullable)]
    pub detail: Option<String>,
    pub operation_id: Option<Uuid>,
    #[sea_orm(column_type = "Text", nullable)]
    pub api_key_sid: Option<String>,
    pub checked_at: Option<DateTimeUtc>,
    pub created_at: DateTimeUtc,
    pub updated_at: DateTimeUtc,
    pub disconnected_at: Option<DateTimeUtc>,
}

/// Empty: joins are written by hand, within one tenant.
#[derive(Debug, Clone, Copy, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

pub(in crate::store) const TABLE: &str = "carrier_accounts";

/// Columns of the encrypted tokens, until when the previous one is accepted, and of the encrypted secret of the API key.
pub(in crate::store) const TOKENS: [&str; 4] =
    ["token", "previous_token", "previous_until", "api_key_secret"];

impl TryFrom<Model> for CarrierAccount {
    type Error = StoreError;

    fn try_from(row: Model) -> Result<Self, StoreError> {
        Ok(Self {
            id: CarrierAccountId(row.id),
            tenant_id: TenantId(row.tenant_id),
            // Lists leave out an account that is not created yet.
            sid: row.sid.ok_or(StoreError::Corrupt { table: TABLE, column: "sid" })?,
            kind: read::text(TABLE, "kind", &row.kind)?,
            api_key_sid: row.api_key_sid,
            status: read::text(TABLE, "status", &row.status)?,
            detail: row.detail,
            checked_at: row.checked_at,
            created_at: row.created_at,
        })
    }
}
