//! Agents.

use aws_lc_rs::digest;
use sea_orm::ActiveValue::Set;
use sea_orm::sea_query::{Expr, ExprTrait, Func, LikeExpr};
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect, Select};

use super::entities::{self, agent};
use super::page::{self, Cursor, Keyset, PageOf, PageRequest};
use super::{StoreError, SystemStore, TenantStore, dialect};
use crate::domain::{
    Agent, AgentId, AgentName, AgentStatus, AgentToken, E164, FirstMessage, Language, Prompt, VoiceId,
};

/// Which agents.
#[derive(Debug, Clone, Default)]
pub struct AgentFilter {
    /// Only these; without it all but the deleted ones.
    pub status: Option<AgentStatus>,
    /// Only names that hold this text, whatever the case.
    pub name_contains: Option<String>,
}

/// What to change about an agent: `None` keeps, `Some(None)` clears.
#[derive(Debug, Clone, Default)]
pub struct AgentChanges {
    /// The name.
    pub name: Option<AgentName>,
    /// The language.
    pub language: Option<Language>,
    /// The greeting.
    pub first_message: Option<Option<FirstMessage>>,
    /// The prompt.
    pub prompt: Option<Option<Prompt>>,
    /// The voice.
    pub voice_id: Option<Option<VoiceId>>,
    /// The fallback number.
    pub fallback_number: Option<Option<E164>>,
    /// Active or inactive.
    pub status: Option<AgentStatus>,
}

const KEYSET: Keyset<agent::Column> = Keyset { at: agent::Column::CreatedAt, id: agent::Column::Id };

impl TenantStore {
    fn own_agents(&self) -> Select<agent::Entity> {
        agent::Entity::find().filter(agent::Column::TenantId.eq(self.tenant.0))
    }

    /// Writes a new agent down, with its token's hash.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn insert_agent(&self, agent: &Agent, token: &AgentToken) -> Result<(), StoreError> {
        let mut row = agent::ActiveModel::new_row(agent, hash(token));
        row.tenant_id = Set(self.tenant.0);
        agent::Entity::insert(row).exec_without_returning(&self.transaction).await?;
        Ok(())
    }

    /// These agents, in no order; those that are not the tenant's are missing.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn agents_by_id(&self, ids: &[AgentId]) -> Result<Vec<Agent>, StoreError> {
        let wanted = agent::Column::Id.is_in(ids.iter().map(|id| id.0));
        entities::all(self.own_agents().filter(wanted).all(&self.transaction).await?)
    }

    /// One agent, kept from changing until the transaction ends when this is a writing door.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn agent(&self, id: AgentId) -> Result<Option<Agent>, StoreError> {
        let mut query = self.own_agents().filter(agent::Column::Id.eq(id.0));
        if self.is_writing() {
            dialect::lock_rows(&self.transaction, QuerySelect::query(&mut query));
        }
        query.one(&self.transaction).await?.map(Agent::try_from).transpose()
    }

    /// A page of agents, newest first.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn agents(&self, filter: &AgentFilter, page: PageRequest) -> Result<PageOf<Agent>, StoreError> {
        let query = filtered(self.own_agents(), filter);
        page::page(&self.transaction, query, KEYSET, page, |row| {
            Ok((Cursor { at: row.created_at, id: row.id }, row.try_into()?))
        })
        .await
    }

    /// How many agents.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn count_agents(&self, filter: &AgentFilter) -> Result<i64, StoreError> {
        page::count(&self.transaction, filtered(self.own_agents(), filter)).await
    }

    /// Changes an agent; `revision` grows when the voice provider must learn of it. Returns it as it is now.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn update_agent(
        &self,
        id: AgentId,
        changes: AgentChanges,
    ) -> Result<Option<Agent>, StoreError> {
        let Some(before) = self.agent(id).await? else { return Ok(None) };
        let mut after = changes.applied_to(before.clone());
        if after == before {
            return Ok(Some(before));
        }
        // Where calls go instead, and whether they are taken at all, is decided here: the provider knows neither.
        let untold =
            Agent { fallback_number: before.fallback_number.clone(), status: before.status, ..after.clone() };
        if untold != before {
            after.revision += 1;
        }
        after.updated_at = self.shared.clock.now();
        self.write_agent(
            id,
            agent::ActiveModel {
                name: Set(after.name.to_string()),
                language: Set(after.language.code().to_owned()),
                first_message: Set(after.first_message.as_ref().map(ToString::to_string)),
                prompt: Set(after.prompt.as_ref().map(ToString::to_string)),
                voice_id: Set(after.voice_id.as_ref().map(ToString::to_string)),
                fallback_number: Set(after.fallback_number.as_ref().map(ToString::to_string)),
                status: Set(after.status.to_string()),
                revision: Set(after.revision),
                updated_at: Set(after.updated_at),
                ..Default::default()
            },
        )
        .await
    }

    /// Gives an agent another token; the old one is worthless at once.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn set_agent_token(
        &self,
        id: AgentId,
        token: &AgentToken,
    ) -> Result<Option<Agent>, StoreError> {
        self.write_agent(
            id,
            agent::ActiveModel {
                token_hash: Set(hash(token)),
                token_preview: Set(token.preview()),
                updated_at: Set(self.shared.clock.now()),
                ..Default::default()
            },
        )
        .await
    }

    async fn write_agent(&self, id: AgentId, row: agent::ActiveModel) -> Result<Option<Agent>, StoreError> {
        let written = agent::Entity::update_many()
            .set(row)
            .filter(agent::Column::Id.eq(id.0))
            .filter(agent::Column::TenantId.eq(self.tenant.0))
            .exec_with_returning(&self.transaction)
            .await?;
        written.into_iter().next().map(Agent::try_from).transpose()
    }
}

impl SystemStore {
    /// The agent with this token, unless it is deleted.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn agent_by_token(&self, token: &AgentToken) -> Result<Option<Agent>, StoreError> {
        // Looked up by hash: how long a comparison of hashes takes tells nothing about the token.
        let found = agent::Entity::find()
            .filter(agent::Column::TokenHash.eq(hash(token)))
            .filter(agent::Column::Status.ne(AgentStatus::Deleted.as_str()))
            .one(self.db())
            .await?;
        found.map(Agent::try_from).transpose()
    }

    /// An agent, whosever it is.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn agent(&self, id: AgentId) -> Result<Option<Agent>, StoreError> {
        agent::Entity::find_by_id(id.0).one(self.db()).await?.map(Agent::try_from).transpose()
    }

    /// Those of these agents that there are, whosever they are, in no order.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn agents_among(&self, ids: &[AgentId]) -> Result<Vec<Agent>, StoreError> {
        let wanted = agent::Column::Id.is_in(ids.iter().map(|id| id.0));
        entities::all(agent::Entity::find().filter(wanted).all(self.db()).await?)
    }

    /// Active and inactive agents whose changes the voice provider does not have yet, oldest first.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn unsynced_agents(&self, limit: u16) -> Result<Vec<Agent>, StoreError> {
        let live = [AgentStatus::Active.as_str(), AgentStatus::Inactive.as_str()];
        let found = agent::Entity::find()
            .filter(agent::Column::Status.is_in(live))
            .filter(agent::Column::VoiceAgentId.is_not_null())
            .filter(Expr::col(agent::Column::Revision).gt(Expr::col(agent::Column::SyncedRevision)))
            .order_by_asc(agent::Column::UpdatedAt)
            .limit(u64::from(limit));
        entities::all(found.all(self.db()).await?)
    }

    /// The voice provider has this revision of the agent.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn mark_synced(&self, agent: AgentId, revision: i32) -> Result<(), StoreError> {
        agent::Entity::update_many()
            .col_expr(agent::Column::SyncedRevision, Expr::value(revision))
            .filter(agent::Column::Id.eq(agent.0))
            // A slow answer about an older revision must not undo what a newer one told.
            .filter(agent::Column::SyncedRevision.lt(revision))
            .exec(self.db())
            .await?;
        Ok(())
    }
}

impl AgentChanges {
    fn applied_to(self, agent: Agent) -> Agent {
        Agent {
            name: self.name.unwrap_or(agent.name),
            language: self.language.unwrap_or(agent.language),
            first_message: self.first_message.unwrap_or(agent.first_message),
            prompt: self.prompt.unwrap_or(agent.prompt),
            voice_id: self.voice_id.unwrap_or(agent.voice_id),
            fallback_number: self.fallback_number.unwrap_or(agent.fallback_number),
            status: self.status.unwrap_or(agent.status),
            ..agent
        }
    }
}

fn filtered(query: Select<agent::Entity>, filter: &AgentFilter) -> Select<agent::Entity> {
    let query = match filter.status {
        Some(status) => query.filter(agent::Column::Status.eq(status.as_str())),
        None => query.filter(agent::Column::Status.ne(AgentStatus::Deleted.as_str())),
    };
    match &filter.name_contains {
        Some(text) => {
            let escaped = text.to_lowercase().replace('\\', "\\\\").replace('%', "\\%").replace('_', "\\_");
            let pattern = LikeExpr::new(format!("%{escaped}%")).escape('\\');
            query.filter(Expr::expr(Func::lower(Expr::col(agent::Column::Name))).like(pattern))
        }
        None => query,
    }
}

/// A token as it is stored: SHA-256 in hexadecimal. The token holds 256 random bits, so no salt is needed.
fn hash(token: &AgentToken) -> String {
    let digest = digest::digest(&digest::SHA256, token.expose().as_bytes());
    digest.as_ref().iter().map(|byte| format!("{byte:02x}")).collect()
}
