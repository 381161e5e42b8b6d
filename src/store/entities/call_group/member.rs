//! Entity of table `call_group_members`: an agent in a call group.

use sea_orm::entity::prelude::*;

use super::super::read;
use crate::domain::{AgentId, CallGroupMember};
use crate::store::StoreError;

/// Row of a member.
#[derive(Debug, Clone, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "call_group_members")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub call_group_id: Uuid,
    #[sea_orm(primary_key, auto_increment = false)]
    pub agent_id: Uuid,
    pub tenant_id: Uuid,
    pub position: i32,
    pub weight: i32,
    pub max_calls: Option<i32>,
}

/// Empty: joins are written by hand, within one tenant.
#[derive(Debug, Clone, Copy, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

pub(in crate::store) const TABLE: &str = "call_group_members";

impl TryFrom<Model> for CallGroupMember {
    type Error = StoreError;

    fn try_from(row: Model) -> Result<Self, StoreError> {
        let max_calls = row.max_calls.map(|most| read::small(TABLE, "max_calls", most)).transpose()?;
        Ok(Self {
            agent_id: AgentId(row.agent_id),
            weight: read::small(TABLE, "weight", row.weight)?,
            max_calls,
        })
    }
}
