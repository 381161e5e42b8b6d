//! Entity of table `call_totals`: calls and minutes by day.

use sea_orm::entity::prelude::*;

/// Totals of one UTC day's calls to one number with one agent. Written only by triggers on `calls`.
#[derive(Debug, Clone, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "call_totals")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub tenant_id: Uuid,
    #[sea_orm(primary_key, auto_increment = false)]
    pub day: Date,
    #[sea_orm(primary_key, auto_increment = false)]
    pub phone_number_id: Uuid,
    #[sea_orm(primary_key, auto_increment = false)]
    pub agent_id: Uuid,
    /// Inbound calls, including calls deleted since.
    pub calls: i64,
    /// Billed minutes of those calls.
    pub minutes: i64,
    /// Inbound calls that have not been deleted.
    pub kept: i64,
}

/// Empty: joins are written by hand, within one tenant.
#[derive(Debug, Clone, Copy, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
