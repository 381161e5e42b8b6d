//! Entity of table `audit_events`: the audit trail.

use sea_orm::entity::prelude::*;

use crate::domain::{AuditEvent, AuditEventId};

/// Row of an audit event.
#[derive(Debug, Clone, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "audit_events")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    pub tenant_id: Uuid,
    #[sea_orm(column_type = "Text")]
    pub actor: String,
    #[sea_orm(column_type = "Text")]
    pub action: String,
    #[sea_orm(column_type = "Text", nullable)]
    pub subject: Option<String>,
    #[sea_orm(column_type = "Text")]
    pub outcome: String,
    #[sea_orm(column_type = "Text")]
    pub request_id: String,
    pub at: DateTimeUtc,
}

/// Empty: joins are written by hand, within one tenant.
#[derive(Debug, Clone, Copy, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

impl From<Model> for AuditEvent {
    fn from(row: Model) -> Self {
        Self {
            id: AuditEventId(row.id),
            // As text: an entry with words of another version must stay readable, since nobody may correct it.
            actor: row.actor,
            action: row.action,
            subject: row.subject,
            outcome: row.outcome,
            request_id: row.request_id,
            at: row.at,
        }
    }
}
