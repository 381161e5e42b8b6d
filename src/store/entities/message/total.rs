//! Entity of table `message_totals`: messages and segments by day.

use sea_orm::entity::prelude::*;

/// Totals of one UTC day's messages of one number with one agent. Written only by triggers on `messages`.
#[derive(Debug, Clone, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "message_totals")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub tenant_id: Uuid,
    #[sea_orm(primary_key, auto_increment = false)]
    pub day: Date,
    #[sea_orm(primary_key, auto_increment = false)]
    pub phone_number_id: Uuid,
    #[sea_orm(primary_key, auto_increment = false)]
    pub agent_id: Uuid,
    /// Messages that came in or were sent, including messages deleted since.
    pub messages: i64,
    /// Segments of those messages.
    pub segments: i64,
    /// What the carrier charged, in hundred-thousandths of a US dollar.
    pub charged: i64,
    /// Segments of those messages whose price is not known yet.
    pub unpriced_segments: i64,
}

/// Empty: joins are written by hand, within one tenant.
#[derive(Debug, Clone, Copy, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
