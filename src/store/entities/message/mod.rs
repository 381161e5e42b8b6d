//! Entity of table `messages`: texts to and from the tenants' numbers.

pub(in crate::store) mod consent;
pub(in crate::store) mod media;
pub(in crate::store) mod registration;
pub(in crate::store) mod thread;
pub(in crate::store) mod total;

use rust_decimal::Decimal;
use sea_orm::entity::prelude::*;

use super::operation::read_refusal;
use super::read;
use crate::domain::{AgentId, Message, MessageId, NumberId, OperationId, TenantId, ThreadId};
use crate::store::StoreError;

/// Row of a message.
#[derive(Debug, Clone, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "messages")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    pub tenant_id: Uuid,
    pub thread_id: Uuid,
    pub phone_number_id: Uuid,
    pub agent_id: Uuid,
    pub operation_id: Option<Uuid>,
    #[sea_orm(column_type = "Text", nullable)]
    pub sid: Option<String>,
    #[sea_orm(column_type = "Text")]
    pub direction: String,
    #[sea_orm(column_type = "Text")]
    pub number: String,
    #[sea_orm(column_type = "Text")]
    pub participant: String,
    #[sea_orm(column_type = "Text", nullable)]
    pub body: Option<String>,
    #[sea_orm(column_type = "JsonBinary")]
    pub media: Json,
    #[sea_orm(column_type = "Text")]
    pub status: String,
    #[sea_orm(column_type = "JsonBinary", nullable)]
    pub error: Option<Json>,
    pub segments: Option<i32>,
    #[sea_orm(column_type = "Decimal(Some((12, 5)))", nullable)]
    pub price: Option<Decimal>,
    pub check_due_at: Option<DateTimeUtc>,
    pub created_at: DateTimeUtc,
    pub sent_at: Option<DateTimeUtc>,
    pub updated_at: DateTimeUtc,
    #[sea_orm(column_type = "Text", nullable)]
    pub awaits_answer: Option<String>,
    #[sea_orm(column_type = "Text", nullable)]
    pub automatic_answer: Option<String>,
    /// Position among the messages that the tenant asked to send.
    pub nth: Option<i64>,
    /// When the body is deleted at the carrier; `None` once it was.
    pub redaction_due_at: Option<DateTimeUtc>,
}

/// Empty: joins are written by hand, within one tenant.
#[derive(Debug, Clone, Copy, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

pub(in crate::store) const TABLE: &str = "messages";

impl TryFrom<Model> for Message {
    type Error = StoreError;

    fn try_from(row: Model) -> Result<Self, StoreError> {
        Ok(Self {
            id: MessageId(row.id),
            tenant_id: TenantId(row.tenant_id),
            thread_id: ThreadId(row.thread_id),
            number_id: NumberId(row.phone_number_id),
            agent_id: AgentId(row.agent_id),
            operation_id: row.operation_id.map(OperationId),
            sid: row.sid,
            direction: read::text(TABLE, "direction", &row.direction)?,
            number: read::text(TABLE, "number", &row.number)?,
            participant: read::text(TABLE, "participant", &row.participant)?,
            body: row.body,
            media: read::json(TABLE, "media", row.media)?,
            status: read::text(TABLE, "status", &row.status)?,
            error: row.error.map(|error| read_refusal(TABLE, "error", error)).transpose()?,
            segments: row.segments,
            price: row.price.map(read::money),
            automatic: read::optional(TABLE, "automatic_answer", row.automatic_answer.as_deref())?,
            created_at: row.created_at,
            sent_at: row.sent_at,
        })
    }
}
