//! Entity of table `calls`: calls.

use sea_orm::entity::prelude::*;

use super::read;
use crate::domain::{AgentId, Call, CallId, GivenAnswer, NumberId, TenantId};
use crate::store::StoreError;

/// Row of a call.
#[derive(Debug, Clone, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "calls")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    pub tenant_id: Uuid,
    pub agent_id: Uuid,
    pub phone_number_id: Uuid,
    #[sea_orm(column_type = "Text")]
    pub sid: String,
    #[sea_orm(column_type = "Text")]
    pub direction: String,
    #[sea_orm(column_type = "Text")]
    pub caller: String,
    #[sea_orm(column_type = "Text", nullable)]
    pub caller_attestation: Option<String>,
    #[sea_orm(column_type = "Text")]
    pub called: String,
    #[sea_orm(column_type = "Text")]
    pub status: String,
    #[sea_orm(column_type = "Text")]
    pub outcome: String,
    pub admitted: bool,
    #[sea_orm(column_type = "JsonBinary")]
    pub decision: Json,
    #[sea_orm(column_type = "Text", nullable)]
    pub conversation_id: Option<String>,
    pub conversation_due_at: Option<DateTimeUtc>,
    #[sea_orm(column_type = "JsonBinary", nullable)]
    pub answer: Option<Json>,
    #[sea_orm(column_type = "Text", nullable)]
    pub answer_stage: Option<String>,
    pub answered_at: Option<DateTimeUtc>,
    pub answering_by: Option<Uuid>,
    pub answering_until: Option<DateTimeUtc>,
    pub duration_seconds: Option<i32>,
    pub conversation_seconds: Option<i32>,
    pub sequence: i64,
    pub started_at: DateTimeUtc,
    pub ended_at: Option<DateTimeUtc>,
    pub updated_at: DateTimeUtc,
}

/// Empty: joins are written by hand, within one tenant.
#[derive(Debug, Clone, Copy, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

pub(in crate::store) const TABLE: &str = "calls";

impl Model {
    /// The answer that the call was given last.
    pub(in crate::store) fn take_answer(&mut self) -> Result<Option<GivenAnswer>, StoreError> {
        // Written together: without one of the three, the call has no answer yet.
        let (Some(answer), Some(stage), Some(at)) =
            (self.answer.take(), &self.answer_stage, self.answered_at)
        else {
            return Ok(None);
        };
        let stage = read::text(TABLE, "answer_stage", stage)?;
        Ok(Some(GivenAnswer { stage, answer: read::json(TABLE, "answer", answer)?, at }))
    }
}

impl TryFrom<Model> for Call {
    type Error = StoreError;

    fn try_from(row: Model) -> Result<Self, StoreError> {
        Ok(Self {
            id: CallId(row.id),
            tenant_id: TenantId(row.tenant_id),
            agent_id: AgentId(row.agent_id),
            number_id: NumberId(row.phone_number_id),
            sid: row.sid,
            direction: read::text(TABLE, "direction", &row.direction)?,
            from: row.caller,
            attestation: row.caller_attestation,
            to: read::text(TABLE, "called", &row.called)?,
            status: read::text(TABLE, "status", &row.status)?,
            outcome: read::text(TABLE, "outcome", &row.outcome)?,
            decision: read::json(TABLE, "decision", row.decision)?,
            conversation_id: row.conversation_id,
            duration_seconds: row.duration_seconds,
            conversation_seconds: row.conversation_seconds,
            started_at: row.started_at,
            ended_at: row.ended_at,
        })
    }
}
