//! Entity of table `agents`: voice agents and their delivery state.

use sea_orm::ActiveValue::{NotSet, Set};
use sea_orm::entity::prelude::*;
use sea_orm::{FromQueryResult, QueryResult};

use super::operation::read_refusal;
use super::read;
use crate::domain::{
    Agent, AgentId, AgentStatus, AnsweringAgent, E164, Language, Refusal, SyncState, TenantId,
};
use crate::store::{AgentProfile, AgentSummary, Extent, ListedAgent, StoreError};

/// Row of a voice agent, including its synchronization with the voice provider.
#[derive(Debug, Clone, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "agents")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    pub tenant_id: Uuid,
    #[sea_orm(column_type = "Text", nullable)]
    pub voice_agent_id: Option<String>,
    #[sea_orm(column_type = "Text")]
    pub name: String,
    #[sea_orm(column_type = "Text")]
    pub language: String,
    #[sea_orm(column_type = "Text", nullable)]
    pub first_message: Option<String>,
    #[sea_orm(column_type = "Text", nullable)]
    pub prompt: Option<String>,
    #[sea_orm(column_type = "Text", nullable)]
    pub voice_id: Option<String>,
    #[sea_orm(column_type = "Text", nullable)]
    pub fallback_number: Option<String>,
    #[sea_orm(column_type = "Text")]
    pub status: String,
    #[sea_orm(column_type = "Text")]
    pub token_hash: String,
    #[sea_orm(column_type = "Text")]
    pub token_preview: String,
    pub revision: i32,
    pub synced_revision: i32,
    pub refused_revision: i32,
    #[sea_orm(column_type = "JsonBinary", nullable)]
    pub sync_error: Option<Json>,
    /// Failed deliveries of the current revision.
    pub sync_attempts: i32,
    /// Earliest time of the next delivery; null: due now.
    pub sync_due_at: Option<DateTimeUtc>,
    /// End of the lease on the delivery.
    pub sync_lease_until: Option<DateTimeUtc>,
    /// Fencing token: grows with every claim of the lease.
    pub sync_fencing_token: i64,
    pub created_at: DateTimeUtc,
    pub updated_at: DateTimeUtc,
    /// Change mark, set by a trigger.
    pub changed: i64,
    #[sea_orm(column_type = "Text")]
    pub messaging: String,
    #[sea_orm(column_type = "Text", nullable)]
    pub help_text: Option<String>,
}

/// Empty: joins are written by hand, within one tenant.
#[derive(Debug, Clone, Copy, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

pub(in crate::store) const TABLE: &str = "agents";

/// Columns of [`AgentProfile`]: without the prompt, which is long, and the token's hash.
pub(in crate::store) const PROFILE: &str = "id, voice_agent_id, name, language, first_message, fallback_number, \
    status, token_preview, created_at, updated_at, revision, synced_revision, refused_revision, sync_attempts, sync_error, \
    messaging, help_text";

/// Joins each listed number with the agent that it is assigned to.
pub(in crate::store) const JOIN: &str =
    // By tenant as well: on SQLite nothing else keeps the agent of another tenant out.
    "LEFT JOIN agents AS agent ON agent.tenant_id = $1 AND agent.id = listed.agent_id AND listed.pooled_at IS NULL";

/// Columns of the joined agent.
pub(in crate::store) fn joined(extent: Extent) -> &'static str {
    match extent {
        Extent::Summary => "agent.id, agent.name, agent.status",
        Extent::Whole => {
            "agent.id, agent.voice_agent_id, agent.name, agent.language, agent.first_message, agent.fallback_number, \
             agent.status, agent.token_preview, agent.created_at, agent.updated_at, agent.revision, \
             agent.synced_revision, agent.refused_revision, agent.sync_attempts, agent.sync_error, agent.messaging, \
             agent.help_text"
        }
    }
}

/// Reads the columns of [`joined`], starting at column `from`. `None` if the number has no agent.
pub(in crate::store) fn read_joined(
    row: &QueryResult,
    from: usize,
    extent: Extent,
) -> Result<Option<ListedAgent>, StoreError> {
    let Some(id) = row.try_get_by_index::<Option<Uuid>>(from)? else { return Ok(None) };
    Ok(Some(match extent {
        Extent::Whole => ListedAgent::Whole(read_profile(row, from)?),
        Extent::Summary => ListedAgent::Summary(AgentSummary {
            id: AgentId(id),
            name: read::text(TABLE, "name", &row.try_get_by_index::<String>(from + 1)?)?,
            status: read::text(TABLE, "status", &row.try_get_by_index::<String>(from + 2)?)?,
        }),
    }))
}

/// Reads the columns of [`PROFILE`], starting at column `from`.
pub(in crate::store) fn read_profile(row: &QueryResult, from: usize) -> Result<AgentProfile, StoreError> {
    let text = |index| row.try_get_by_index::<Option<String>>(from + index);
    let number = |index| row.try_get_by_index::<i32>(from + index);
    let sync_state = SyncState::of(number(10)?, number(11)?, number(12)?);
    Ok(AgentProfile {
        id: AgentId(row.try_get_by_index(from)?),
        voice_agent_id: text(1)?,
        name: read::text(TABLE, "name", &row.try_get_by_index::<String>(from + 2)?)?,
        language: read::text(TABLE, "language", &row.try_get_by_index::<String>(from + 3)?)?,
        first_message: read::optional(TABLE, "first_message", text(4)?.as_deref())?,
        fallback_number: read::optional(TABLE, "fallback_number", text(5)?.as_deref())?,
        status: read::text(TABLE, "status", &row.try_get_by_index::<String>(from + 6)?)?,
        token_preview: row.try_get_by_index(from + 7)?,
        created_at: row.try_get_by_index(from + 8)?,
        updated_at: row.try_get_by_index(from + 9)?,
        sync_state,
        sync_error: sync_error(sync_state, number(13)?, row.try_get_by_index(from + 14)?)?,
        messaging: read::text(TABLE, "messaging", &row.try_get_by_index::<String>(from + 15)?)?,
        help_text: read::optional(TABLE, "help_text", text(16)?.as_deref())?,
    })
}

/// The error of the last delivery, as long as the agent is not in step. While a delivery is due, it may be that of an earlier
/// revision: the next attempt replaces it.
fn sync_error(state: SyncState, attempts: i32, stored: Option<Json>) -> Result<Option<Refusal>, StoreError> {
    let is_current = state == SyncState::Rejected || (state == SyncState::Pending && attempts > 0);
    stored.filter(|_| is_current).map(|stored| read_refusal(TABLE, "sync_error", stored)).transpose()
}

impl TryFrom<Model> for Agent {
    type Error = StoreError;

    fn try_from(row: Model) -> Result<Self, StoreError> {
        let state = SyncState::of(row.revision, row.synced_revision, row.refused_revision);
        Ok(Self {
            id: AgentId(row.id),
            tenant_id: TenantId(row.tenant_id),
            voice_agent_id: row.voice_agent_id,
            name: read::text(TABLE, "name", &row.name)?,
            language: read::text(TABLE, "language", &row.language)?,
            first_message: read::optional(TABLE, "first_message", row.first_message.as_deref())?,
            prompt: read::optional(TABLE, "prompt", row.prompt.as_deref())?,
            voice_id: read::optional(TABLE, "voice_id", row.voice_id.as_deref())?,
            fallback_number: read::optional(TABLE, "fallback_number", row.fallback_number.as_deref())?,
            messaging: read::text(TABLE, "messaging", &row.messaging)?,
            help_text: read::optional(TABLE, "help_text", row.help_text.as_deref())?,
            status: read::text(TABLE, "status", &row.status)?,
            token_preview: row.token_preview,
            revision: row.revision,
            synced_revision: row.synced_revision,
            refused_revision: row.refused_revision,
            sync_error: sync_error(state, row.sync_attempts, row.sync_error)?,
            created_at: row.created_at,
            updated_at: row.updated_at,
        })
    }
}

/// Columns that answering a call needs.
#[derive(Debug, Clone, FromQueryResult)]
pub struct AnsweringRow {
    pub id: Uuid,
    pub tenant_id: Uuid,
    pub voice_agent_id: Option<String>,
    pub language: String,
    pub fallback_number: Option<String>,
    pub status: String,
}

impl AnsweringRow {
    /// The same columns for a query.
    pub const COLUMNS: [Column; 6] = [
        Column::Id,
        Column::TenantId,
        Column::VoiceAgentId,
        Column::Language,
        Column::FallbackNumber,
        Column::Status,
    ];
}

/// Reads the columns of [`AnsweringRow`] behind this prefix as far as possible, and names the unreadable ones.
/// Without a readable status an agent takes no calls; without a readable language it speaks the default one.
pub(in crate::store) fn as_far_as_readable(
    row: &QueryResult,
    prefix: &str,
) -> Result<(AnsweringAgent, Vec<&'static str>), DbErr> {
    let mut unreadable = Vec::new();
    let mut text = |column, is_good: &dyn Fn(&str) -> bool| {
        let read: Result<Option<String>, _> = row.try_get(prefix, column);
        let good = read.ok().filter(|text| text.as_deref().is_none_or(is_good));
        if good.is_none() {
            unreadable.push(column);
        }
        good.flatten()
    };
    let voice_agent_id = text("voice_agent_id", &|_| true);
    let language = text("language", &|text| text.parse::<Language>().is_ok());
    let fallback_number = text("fallback_number", &|text| text.parse::<E164>().is_ok());
    let status = text("status", &|text| text.parse::<AgentStatus>().is_ok());
    let agent = AnsweringAgent {
        id: AgentId(row.try_get(prefix, "id")?),
        tenant_id: TenantId(row.try_get(prefix, "tenant_id")?),
        voice_agent_id,
        language: language.and_then(|text| text.parse().ok()).unwrap_or_default(),
        fallback_number: fallback_number.and_then(|text| text.parse().ok()),
        status: status.and_then(|text| text.parse().ok()).unwrap_or(AgentStatus::Inactive),
    };
    Ok((agent, unreadable))
}

impl TryFrom<AnsweringRow> for AnsweringAgent {
    type Error = StoreError;

    fn try_from(row: AnsweringRow) -> Result<Self, StoreError> {
        Ok(Self {
            id: AgentId(row.id),
            tenant_id: TenantId(row.tenant_id),
            voice_agent_id: row.voice_agent_id,
            language: read::text(TABLE, "language", &row.language)?,
            fallback_number: read::optional(TABLE, "fallback_number", row.fallback_number.as_deref())?,
            status: read::text(TABLE, "status", &row.status)?,
        })
    }
}

impl ActiveModel {
    /// A row for a new agent, with the hash of its token.
    pub(in crate::store) fn new_row(agent: &Agent, token_hash: String) -> Self {
        Self {
            id: Set(agent.id.0),
            tenant_id: Set(agent.tenant_id.0),
            voice_agent_id: Set(agent.voice_agent_id.clone()),
            name: Set(agent.name.to_string()),
            language: Set(agent.language.code().to_owned()),
            first_message: Set(agent.first_message.as_ref().map(ToString::to_string)),
            prompt: Set(agent.prompt.as_ref().map(ToString::to_string)),
            voice_id: Set(agent.voice_id.as_ref().map(ToString::to_string)),
            fallback_number: Set(agent.fallback_number.as_ref().map(ToString::to_string)),
            status: Set(agent.status.to_string()),
            token_hash: Set(token_hash),
            token_preview: Set(agent.token_preview.clone()),
            revision: Set(agent.revision),
            synced_revision: Set(agent.synced_revision),
            refused_revision: Set(agent.refused_revision),
            sync_error: Set(None),
            sync_attempts: Set(0),
            sync_due_at: Set(None),
            sync_lease_until: Set(None),
            sync_fencing_token: Set(0),
            created_at: Set(agent.created_at),
            updated_at: Set(agent.updated_at),
            // Set by a trigger: only the database knows the transaction's id, or on SQLite the next count.
            changed: NotSet,
            messaging: Set(agent.messaging.to_string()),
            help_text: Set(agent.help_text.as_ref().map(|text| text.as_str().to_owned())),
        }
    }
}
