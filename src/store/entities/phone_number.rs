//! Entity of table `phone_numbers`: phone numbers, held and released.

use sea_orm::QueryResult;
use sea_orm::entity::prelude::*;

use super::read;
use crate::domain::{
    AgentId, CallGroupId, Capabilities, NumberAccounts, NumberId, OperationId, PhoneNumber, TenantId,
};
use crate::store::{NumberSummary, StoreError};

/// Row of a phone number, without its routing rules ([`RULES`]) and former settings
/// ([`FORMER_SETTINGS`]), which are long and rarely needed.
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
    pub routing_version: i32,
    pub created_at: DateTimeUtc,
    pub provisioned_at: Option<DateTimeUtc>,
    pub released_at: Option<DateTimeUtc>,
    #[sea_orm(column_type = "Text", nullable)]
    pub label: Option<String>,
    pub pooled_at: Option<DateTimeUtc>,
    pub primary_since: Option<DateTimeUtc>,
    #[sea_orm(column_type = "Text")]
    pub origin: String,
    pub carrier_account_id: Option<Uuid>,
    pub other_account_id: Option<Uuid>,
    pub moved_at: Option<DateTimeUtc>,
    pub is_moving: bool,
    pub call_group_id: Option<Uuid>,
    pub marked_by: Option<Uuid>,
    /// Change mark, set by a trigger.
    pub changed: i64,
}

/// Empty: joins are written by hand, within one tenant.
#[derive(Debug, Clone, Copy, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

pub(in crate::store) const TABLE: &str = "phone_numbers";

/// Column of the routing rules, as JSON. Read and written separately.
pub(in crate::store) const RULES: &str = "routing_rules";

/// Column of what was set on an imported number before, as JSON. Read and written separately.
pub(in crate::store) const FORMER_SETTINGS: &str = "former_settings";

/// All columns but [`RULES`] and [`FORMER_SETTINGS`], in the order of [`Model`].
pub(in crate::store) const COLUMNS: &str = "id, tenant_id, agent_id, operation_id, number, friendly_name, sid, \
    provider, kind, status, voice, sms, mms, country, locality, region, monthly_cost, \
    routing_version, created_at, provisioned_at, released_at, label, pooled_at, primary_since, origin, \
    carrier_account_id, other_account_id, moved_at, is_moving, call_group_id, marked_by, changed";

/// Number of columns in [`COLUMNS`].
pub(in crate::store) const WIDTH: usize = 32;

/// Columns of a [`NumberSummary`] and the creation time.
pub(in crate::store) const SUMMARY: &str = "id, agent_id, number, status, created_at, pooled_at";

/// Number of columns in [`SUMMARY`].
pub(in crate::store) const SUMMARY_WIDTH: usize = 6;

/// Reads the columns of [`SUMMARY`]. Returns the creation time separately.
pub(in crate::store) fn read_summary(row: &QueryResult) -> Result<(DateTimeUtc, NumberSummary), StoreError> {
    let text = |index| row.try_get_by_index::<String>(index);
    let pooled_at: Option<DateTimeUtc> = row.try_get_by_index(5)?;
    let number = NumberSummary {
        id: NumberId(row.try_get_by_index(0)?),
        assigned_to: pooled_at.is_none().then_some(AgentId(row.try_get_by_index(1)?)),
        number: read::text(TABLE, "number", &text(2)?)?,
        status: read::text(TABLE, "status", &text(3)?)?,
    };
    Ok((row.try_get_by_index(4)?, number))
}

impl Model {
    /// Reads the columns of [`COLUMNS`] by position: looking up each name in each row is slower.
    pub(in crate::store) fn read(row: &QueryResult) -> Result<Self, DbErr> {
        Ok(Self {
            id: row.try_get_by_index(0)?,
            tenant_id: row.try_get_by_index(1)?,
            agent_id: row.try_get_by_index(2)?,
            operation_id: row.try_get_by_index(3)?,
            number: row.try_get_by_index(4)?,
            friendly_name: row.try_get_by_index(5)?,
            sid: row.try_get_by_index(6)?,
            provider: row.try_get_by_index(7)?,
            kind: row.try_get_by_index(8)?,
            status: row.try_get_by_index(9)?,
            voice: row.try_get_by_index(10)?,
            sms: row.try_get_by_index(11)?,
            mms: row.try_get_by_index(12)?,
            country: row.try_get_by_index(13)?,
            locality: row.try_get_by_index(14)?,
            region: row.try_get_by_index(15)?,
            monthly_cost: row.try_get_by_index(16)?,
            routing_version: row.try_get_by_index(17)?,
            created_at: row.try_get_by_index(18)?,
            provisioned_at: row.try_get_by_index(19)?,
            released_at: row.try_get_by_index(20)?,
            label: row.try_get_by_index(21)?,
            pooled_at: row.try_get_by_index(22)?,
            primary_since: row.try_get_by_index(23)?,
            origin: row.try_get_by_index(24)?,
            carrier_account_id: row.try_get_by_index(25)?,
            other_account_id: row.try_get_by_index(26)?,
            moved_at: row.try_get_by_index(27)?,
            is_moving: row.try_get_by_index(28)?,
            call_group_id: row.try_get_by_index(29)?,
            marked_by: row.try_get_by_index(30)?,
            changed: row.try_get_by_index(31)?,
        })
    }
}

impl TryFrom<Model> for PhoneNumber {
    type Error = StoreError;

    fn try_from(row: Model) -> Result<Self, StoreError> {
        Ok(Self {
            id: NumberId(row.id),
            tenant_id: TenantId(row.tenant_id),
            agent_id: AgentId(row.agent_id),
            pooled_at: row.pooled_at,
            call_group_id: row.call_group_id.map(CallGroupId),
            label: read::optional(TABLE, "label", row.label.as_deref())?,
            primary_since: row.primary_since,
            origin: read::text(TABLE, "origin", &row.origin)?,
            accounts: NumberAccounts::stored(
                row.carrier_account_id,
                row.other_account_id,
                row.moved_at.is_some(),
                row.is_moving,
            ),
            operation_id: OperationId(row.operation_id),
            marked_by: row.marked_by.map(OperationId),
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
            routing_version: row.routing_version,
            created_at: row.created_at,
            provisioned_at: row.provisioned_at,
            released_at: row.released_at,
        })
    }
}

#[cfg(test)]
mod tests {
    use sea_orm::Iterable;
    use sea_orm::sea_query::Iden;

    use super::*;

    #[test]
    fn the_columns_match_the_model_in_its_order() {
        let columns: Vec<String> = Column::iter().map(|column| column.unquoted().to_owned()).collect();
        assert_eq!(COLUMNS.split(", ").collect::<Vec<_>>(), columns);
        assert_eq!(WIDTH, columns.len());
        assert_eq!(SUMMARY_WIDTH, SUMMARY.split(", ").count());
    }
}
