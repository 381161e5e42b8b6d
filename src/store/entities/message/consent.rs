//! Entity of table `messaging_consents`: what participants have said about texts from a tenant.

use sea_orm::entity::prelude::*;

/// Row of a participant's consent. Without a row, nothing was said.
#[derive(Debug, Clone, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "messaging_consents")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub tenant_id: Uuid,
    #[sea_orm(primary_key, auto_increment = false, column_type = "Text")]
    pub participant: String,
    #[sea_orm(column_type = "Text")]
    pub consent: String,
    pub changed_at: DateTimeUtc,
}

/// Empty: joins are written by hand, within one tenant.
#[derive(Debug, Clone, Copy, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

pub(in crate::store) const TABLE: &str = "messaging_consents";
