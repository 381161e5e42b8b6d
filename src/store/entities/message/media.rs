//! Entity of table `message_media`: the files of incoming messages.

use sea_orm::entity::prelude::*;

use crate::domain::{MediaFile, MediaId, MessageId, NumberId, TenantId};
use crate::store::StoreError;
use crate::store::entities::read;

/// Row of a file.
#[derive(Debug, Clone, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "message_media")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    pub tenant_id: Uuid,
    pub message_id: Uuid,
    pub phone_number_id: Uuid,
    pub position: i32,
    #[sea_orm(column_type = "Text")]
    pub url: String,
    #[sea_orm(column_type = "Text")]
    pub state: String,
    #[sea_orm(column_type = "Text", nullable)]
    pub reason: Option<String>,
    #[sea_orm(column_type = "Text", nullable)]
    pub content_type: Option<String>,
    pub size_bytes: Option<i32>,
    pub is_at_carrier: bool,
    pub due_at: Option<DateTimeUtc>,
    pub purge_at: Option<DateTimeUtc>,
    pub attempts: i32,
    pub fencing_token: i64,
    pub created_at: DateTimeUtc,
}

/// Empty: joins are written by hand, within one tenant.
#[derive(Debug, Clone, Copy, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

pub(in crate::store) const TABLE: &str = "message_media";

impl TryFrom<Model> for MediaFile {
    type Error = StoreError;

    fn try_from(row: Model) -> Result<Self, StoreError> {
        Ok(Self {
            id: MediaId(row.id),
            tenant_id: TenantId(row.tenant_id),
            message_id: MessageId(row.message_id),
            number_id: NumberId(row.phone_number_id),
            url: row.url,
            state: read::text(TABLE, "state", &row.state)?,
            reason: row.reason,
            content_type: row.content_type,
            size_bytes: row.size_bytes,
        })
    }
}
