//! Entity of table `messaging_registrations`: what numbers may send.

use sea_orm::entity::prelude::*;

use super::super::read;
use crate::domain::{MessagingRegistration, NumberId};
use crate::store::StoreError;

/// What the carrier told last about one number.
#[derive(Debug, Clone, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "messaging_registrations")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub phone_number_id: Uuid,
    pub tenant_id: Uuid,
    #[sea_orm(column_type = "Text")]
    pub status: String,
    #[sea_orm(column_type = "Text", nullable)]
    pub reason: Option<String>,
    #[sea_orm(column_type = "Text", nullable)]
    pub misdirected: Option<String>,
    pub checked_at: DateTimeUtc,
}

/// Empty: joins are written by hand, within one tenant.
#[derive(Debug, Clone, Copy, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

pub(in crate::store) const TABLE: &str = "messaging_registrations";

impl TryFrom<Model> for (NumberId, MessagingRegistration) {
    type Error = StoreError;

    fn try_from(row: Model) -> Result<Self, StoreError> {
        let status = read::text(TABLE, "status", &row.status)?;
        let known = MessagingRegistration { status, reason: row.reason, misdirected: row.misdirected };
        Ok((NumberId(row.phone_number_id), known))
    }
}
