//! Entity of table `tenants`: tenants and their plans.

use sea_orm::ActiveValue::Set;
use sea_orm::entity::prelude::*;

use super::read;
use crate::domain::{DialingOverride, Limits, Tenant, TenantId};
use crate::store::StoreError;

/// Row of a tenant.
#[derive(Debug, Clone, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "tenants")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    #[sea_orm(column_type = "Text")]
    pub plan: String,
    pub concurrent_calls: i32,
    pub phone_numbers: i32,
    #[sea_orm(column_type = "Text", nullable)]
    pub dial_countries: Option<String>,
    pub dial_premium: Option<bool>,
    pub created_at: DateTimeUtc,
    pub messages_per_day: i32,
}

/// Empty: joins are written by hand, within one tenant.
#[derive(Debug, Clone, Copy, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

pub(in crate::store) const TABLE: &str = "tenants";

impl TryFrom<Model> for Tenant {
    type Error = StoreError;

    fn try_from(row: Model) -> Result<Self, StoreError> {
        let limits = Limits {
            concurrent_calls: read::small(TABLE, "concurrent_calls", row.concurrent_calls)?,
            phone_numbers: read::small(TABLE, "phone_numbers", row.phone_numbers)?,
            messages_per_day: u32::try_from(row.messages_per_day)
                .map_err(|_| StoreError::Corrupt { table: TABLE, column: "messages_per_day" })?,
        };
        let dialing = DialingOverride {
            countries: read::optional(TABLE, "dial_countries", row.dial_countries.as_deref())?,
            premium: row.dial_premium,
        };
        Ok(Self { id: TenantId(row.id), plan: row.plan, limits, dialing, created_at: row.created_at })
    }
}

impl From<&Tenant> for ActiveModel {
    fn from(tenant: &Tenant) -> Self {
        Self {
            id: Set(tenant.id.0),
            plan: Set(tenant.plan.clone()),
            concurrent_calls: Set(tenant.limits.concurrent_calls.into()),
            phone_numbers: Set(tenant.limits.phone_numbers.into()),
            dial_countries: Set(tenant.dialing.countries.as_ref().map(ToString::to_string)),
            dial_premium: Set(tenant.dialing.premium),
            created_at: Set(tenant.created_at),
            // The check of the column bounds it far below.
            messages_per_day: Set(i32::try_from(tenant.limits.messages_per_day).unwrap_or(i32::MAX)),
        }
    }
}
