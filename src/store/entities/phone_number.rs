//! Table `phone_numbers`.

use sea_orm::entity::prelude::*;

use super::read;
use crate::domain::{AgentId, Capabilities, NumberId, OperationId, PhoneNumber, TenantId};
use crate::store::StoreError;

/// A telephone number.
#[derive(Debug, Clone, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "phone_numbers")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    pub tenant_id: Uuid,
    pub agent_id: Uuid,
    pub operation_id: Uuid,
    #[sea_orm(column_type = "Text")]
    pub number: String,
    #[sea_orm(column_type = "Text")]
    pub friendly_name: String,
    #[sea_orm(column_type = "Text", nullable)]
    pub sid: Option<String>,
    #[sea_orm(column_type = "Text")]
    pub provider: String,
    #[sea_orm(column_type = "Text")]
    pub kind: String,
    #[sea_orm(column_type = "Text")]
    pub status: String,
    pub voice: bool,
    pub sms: bool,
    pub mms: bool,
    #[sea_orm(column_type = "Text")]
    pub country: String,
    #[sea_orm(column_type = "Text", nullable)]
    pub locality: Option<String>,
    #[sea_orm(column_type = "Text", nullable)]
    pub region: Option<String>,
    #[sea_orm(column_type = "Decimal(Some((12, 4)))")]
    pub monthly_cost: Decimal,
    #[sea_orm(column_type = "JsonBinary")]
    pub routing_rules: Json,
    pub routing_version: i32,
    pub created_at: DateTimeUtc,
    pub provisioned_at: Option<DateTimeUtc>,
    pub released_at: Option<DateTimeUtc>,
    /// The change mark, set by a trigger.
    pub changed: i64,
}

/// None: rows are joined by hand, within one tenant.
#[derive(Debug, Clone, Copy, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

const TABLE: &str = "phone_numbers";

impl TryFrom<Model> for PhoneNumber {
    type Error = StoreError;

    fn try_from(row: Model) -> Result<Self, StoreError> {
        Ok(Self {
            id: NumberId(row.id),
            tenant_id: TenantId(row.tenant_id),
            agent_id: AgentId(row.agent_id),
            operation_id: OperationId(row.operation_id),
            number: read::text(TABLE, "number", &row.number)?,
            friendly_name: row.friendly_name,
            sid: row.sid,
            provider: read::text(TABLE, "provider", &row.provider)?,
            kind: read::text(TABLE, "kind", &row.kind)?,
            status: read::text(TABLE, "status", &row.status)?,
            capabilities: Capabilities { voice: row.voice, sms: row.sms, mms: row.mms },
            country: read::text(TABLE, "country", &row.country)?,
            locality: row.locality,
            region: row.region,
            monthly_cost: read::money(row.monthly_cost),
            routing_rules: read::json(TABLE, "routing_rules", row.routing_rules)?,
            routing_version: row.routing_version,
            created_at: row.created_at,
            provisioned_at: row.provisioned_at,
            released_at: row.released_at,
        })
    }
}
