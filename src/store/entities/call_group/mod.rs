//! Entity of table `call_groups`: agents that answer the calls to a number together.

pub(in crate::store) mod member;

use sea_orm::entity::prelude::*;

use super::read;
use crate::domain::{CallGroup, CallGroupId, CallGroupMember, TenantId};
use crate::store::StoreError;

/// Row of a call group.
#[derive(Debug, Clone, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "call_groups")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    pub tenant_id: Uuid,
    #[sea_orm(column_type = "Text")]
    pub name: String,
    #[sea_orm(column_type = "Text")]
    pub strategy: String,
    pub created_at: DateTimeUtc,
    pub updated_at: DateTimeUtc,
    pub version: i32,
}

/// Empty: joins are written by hand, within one tenant.
#[derive(Debug, Clone, Copy, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

pub(in crate::store) const TABLE: &str = "call_groups";

impl Model {
    /// The group with these members.
    pub(in crate::store) fn with(self, members: Vec<CallGroupMember>) -> Result<CallGroup, StoreError> {
        Ok(CallGroup {
            id: CallGroupId(self.id),
            tenant_id: TenantId(self.tenant_id),
            name: read::text(TABLE, "name", &self.name)?,
            strategy: read::text(TABLE, "strategy", &self.strategy)?,
            members,
            created_at: self.created_at,
            version: self.version,
        })
    }
}
