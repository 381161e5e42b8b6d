//! Entity of table `message_threads`: a number and one participant.

use sea_orm::entity::prelude::*;

use crate::domain::{MessageThread, NumberId, TenantId, ThreadId};
use crate::store::StoreError;
use crate::store::entities::read;

/// Row of a thread.
#[derive(Debug, Clone, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "message_threads")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    pub tenant_id: Uuid,
    pub phone_number_id: Uuid,
    #[sea_orm(column_type = "Text")]
    pub participant: String,
    #[sea_orm(column_type = "Text")]
    pub handling: String,
    pub created_at: DateTimeUtc,
    pub updated_at: DateTimeUtc,
    pub handling_set: bool,
    /// When an answer is due, or the lease of the attempt ends; null: nothing waits for an answer.
    pub answer_due_at: Option<DateTimeUtc>,
    /// When a person is to answer instead.
    pub answer_deadline_at: Option<DateTimeUtc>,
    pub answer_lease: Option<Uuid>,
    pub answer_attempts: i32,
}

/// Empty: joins are written by hand, within one tenant.
#[derive(Debug, Clone, Copy, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

pub(in crate::store) const TABLE: &str = "message_threads";

impl TryFrom<Model> for MessageThread {
    type Error = StoreError;

    fn try_from(row: Model) -> Result<Self, StoreError> {
        Ok(Self {
            id: ThreadId(row.id),
            tenant_id: TenantId(row.tenant_id),
            number_id: NumberId(row.phone_number_id),
            participant: read::text(TABLE, "participant", &row.participant)?,
            handling: read::text(TABLE, "handling", &row.handling)?,
            is_handling_set: row.handling_set,
            created_at: row.created_at,
            updated_at: row.updated_at,
        })
    }
}
