//! Table `call_totals`.

use sea_orm::entity::prelude::*;

/// Totals of the calls of one UTC day to one number with one agent. Written by triggers on `calls` only.
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
    /// Calls that came in, including calls deleted since.
    pub calls: i64,
    /// Billed minutes of those calls.
    pub minutes: i64,
    /// Calls that are not deleted.
    pub kept: i64,
}

/// None: rows are joined by hand, within one tenant.
#[derive(Debug, Clone, Copy, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
