//! Entity of table `kept_numbers`: numbers of other carriers that tenants keep.

use sea_orm::entity::prelude::*;

use super::read;
use crate::domain::{AgentId, KeptNumber, KeptNumberId, NumberId, OperationId, TenantId};
use crate::store::StoreError;

/// Row of a kept number, without the data of a port ([`ORDER`] and [`BILL`]), which are read once only.
#[derive(Debug, Clone, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "kept_numbers")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    pub tenant_id: Uuid,
    pub agent_id: Uuid,
    #[sea_orm(column_type = "Text")]
    pub number: String,
    #[sea_orm(column_type = "Text")]
    pub state: String,
    pub operation_id: Uuid,
    pub phone_number_id: Option<Uuid>,
    pub port_operation_id: Option<Uuid>,
    #[sea_orm(column_type = "Text", nullable)]
    pub port_sid: Option<String>,
    #[sea_orm(column_type = "Text", nullable)]
    pub carrier_status: Option<String>,
    pub port_date: Option<DateTimeUtc>,
    #[sea_orm(column_type = "Text", nullable)]
    pub signature_url: Option<String>,
    #[sea_orm(column_type = "Text", nullable)]
    pub detail: Option<String>,
    #[sea_orm(column_type = "Text", nullable)]
    pub test_caller: Option<String>,
    pub test_from: Option<DateTimeUtc>,
    pub test_until: Option<DateTimeUtc>,
    pub is_cancel_wanted: bool,
    pub created_at: DateTimeUtc,
    pub updated_at: DateTimeUtc,
}

/// Empty: joins are written by hand, within one tenant.
#[derive(Debug, Clone, Copy, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

pub(in crate::store) const TABLE: &str = "kept_numbers";

/// Column of the data of a port, as JSON.
pub(in crate::store) const ORDER: &str = "port_order";
/// Column of the bill.
pub(in crate::store) const BILL: &str = "bill";
/// Column of the bill's content type.
pub(in crate::store) const BILL_TYPE: &str = "bill_type";

impl TryFrom<Model> for KeptNumber {
    type Error = StoreError;

    fn try_from(row: Model) -> Result<Self, StoreError> {
        Ok(Self {
            id: KeptNumberId(row.id),
            tenant_id: TenantId(row.tenant_id),
            agent_id: AgentId(row.agent_id),
            number: read::text(TABLE, "number", &row.number)?,
            state: read::text(TABLE, "state", &row.state)?,
            operation_id: OperationId(row.operation_id),
            target_id: row.phone_number_id.map(NumberId),
            port_operation_id: row.port_operation_id.map(OperationId),
            port_sid: row.port_sid,
            carrier_status: row.carrier_status,
            port_date: row.port_date,
            signature_url: row.signature_url,
            detail: row.detail,
            test_until: row.test_until,
            is_cancel_wanted: row.is_cancel_wanted,
            created_at: row.created_at,
            updated_at: row.updated_at,
        })
    }
}
