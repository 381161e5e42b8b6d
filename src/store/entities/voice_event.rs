//! Entity of table `voice_events`: events received from the voice provider.

use sea_orm::entity::prelude::*;

use super::read;
use crate::domain::ConversationReport;
use crate::store::StoreError;

/// Row of a voice provider event.
#[derive(Debug, Clone, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "voice_events")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    pub tenant_id: Option<Uuid>,
    pub call_id: Option<Uuid>,
    #[sea_orm(column_type = "Text")]
    pub kind: String,
    #[sea_orm(column_type = "Text")]
    pub conversation_id: String,
    #[sea_orm(column_type = "Text", nullable)]
    pub call_sid: Option<String>,
    #[sea_orm(column_type = "Text", nullable)]
    pub failed: Option<String>,
    pub duration_seconds: Option<i32>,
    #[sea_orm(column_type = "JsonBinary", nullable)]
    pub transcript: Option<Json>,
    pub at: DateTimeUtc,
    pub accepted_at: DateTimeUtc,
    pub due_at: Option<DateTimeUtc>,
}

/// Empty: joins are written by hand, within one tenant.
#[derive(Debug, Clone, Copy, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

pub(in crate::store) const TABLE: &str = "voice_events";

/// The event without its transcript, which is read separately.
impl TryFrom<Model> for ConversationReport {
    type Error = StoreError;

    fn try_from(row: Model) -> Result<Self, StoreError> {
        Ok(Self {
            conversation_id: row.conversation_id,
            news: read::text(TABLE, "kind", &row.kind)?,
            call_sid: row.call_sid,
            failed: read::optional(TABLE, "failed", row.failed.as_deref())?,
            duration_seconds: row.duration_seconds,
            at: row.at,
            transcript: Vec::new(),
        })
    }
}
