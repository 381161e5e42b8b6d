//! Entity of table `operations`: durable operations and their leases.

use sea_orm::entity::prelude::*;
use serde::{Deserialize, Serialize};

use super::read;
use crate::domain::{AgentId, NumberId, Operation, OperationId, OperationState, Refusal, TenantId};
use crate::store::StoreError;

/// Row of an operation, including its lease.
#[derive(Debug, Clone, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "operations")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    pub tenant_id: Uuid,
    #[sea_orm(column_type = "Text")]
    pub kind: String,
    #[sea_orm(column_type = "Text")]
    pub state: String,
    #[sea_orm(column_type = "Text")]
    pub step: String,
    pub attempts: i32,
    pub agent_id: Option<Uuid>,
    pub phone_number_id: Option<Uuid>,
    #[sea_orm(column_type = "JsonBinary")]
    pub data: Json,
    #[sea_orm(column_type = "JsonBinary", nullable)]
    pub error: Option<Json>,
    #[sea_orm(column_type = "Text", nullable)]
    pub idempotency_key: Option<String>,
    #[sea_orm(column_type = "Text", nullable)]
    pub input_hash: Option<String>,
    #[sea_orm(column_type = "Text")]
    pub request_id: String,
    pub run_after: DateTimeUtc,
    pub lease_owner: Option<Uuid>,
    pub lease_until: Option<DateTimeUtc>,
    pub fencing_token: i64,
    pub outcome_unknown_at: Option<DateTimeUtc>,
    #[sea_orm(column_type = "Text", nullable)]
    pub awaited_event: Option<String>,
    pub created_at: DateTimeUtc,
    pub updated_at: DateTimeUtc,
    pub finished_at: Option<DateTimeUtc>,
}

/// Empty: joins are written by hand, within one tenant.
#[derive(Debug, Clone, Copy, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

pub(in crate::store) const TABLE: &str = "operations";

impl TryFrom<Model> for Operation {
    type Error = StoreError;

    fn try_from(row: Model) -> Result<Self, StoreError> {
        let state: OperationState = read::text(TABLE, "state", &row.state)?;
        let said = row.error.map(|stored| read_refusal(TABLE, "error", stored)).transpose()?;
        // One column for both: an unfinished operation has no error yet, and a finished one waits for nothing.
        let (error, waits_for) = if state.is_final() { (said, None) } else { (None, said) };
        Ok(Self {
            id: OperationId(row.id),
            tenant_id: TenantId(row.tenant_id),
            kind: read::text(TABLE, "kind", &row.kind)?,
            state,
            step: read::text(TABLE, "step", &row.step)?,
            attempts: row.attempts,
            agent_id: row.agent_id.map(AgentId),
            number_id: row.phone_number_id.map(NumberId),
            data: row.data,
            error,
            waits_for,
            outcome_unknown_at: row.outcome_unknown_at,
            awaited_event: read::optional(TABLE, "awaited_event", row.awaited_event.as_deref())?,
            request_id: row.request_id,
            created_at: row.created_at,
            finished_at: row.finished_at,
        })
    }
}

/// A refusal as stored in a JSON column.
#[derive(Serialize, Deserialize)]
struct StoredRefusal {
    code: String,
    message: String,
    #[serde(default)]
    field: Vec<String>,
    #[serde(default)]
    suggested_area_codes: Vec<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    used_up: Option<String>,
}

/// Serializes a refusal for storage.
pub(in crate::store) fn write_refusal(refusal: &Refusal) -> Json {
    serde_json::json!(StoredRefusal {
        code: refusal.code.to_string(),
        message: refusal.message.clone(),
        field: refusal.field.clone(),
        suggested_area_codes: refusal.suggested_area_codes.iter().map(ToString::to_string).collect(),
        used_up: refusal.used_up.map(|limit| limit.to_string()),
    })
}

/// Parses a stored refusal.
pub(in crate::store) fn read_refusal(
    table: &'static str,
    column: &'static str,
    stored: Json,
) -> Result<Refusal, StoreError> {
    let corrupt = || StoreError::Corrupt { table, column };
    let stored: StoredRefusal = serde_json::from_value(stored).map_err(|_| corrupt())?;
    Ok(Refusal {
        code: read::text(table, column, &stored.code)?,
        message: stored.message,
        field: stored.field,
        suggested_area_codes: stored
            .suggested_area_codes
            .iter()
            .map(|code| read::text(table, column, code))
            .collect::<Result<_, _>>()?,
        used_up: read::optional(table, column, stored.used_up.as_deref())?,
    })
}
