//! Agents; their delivery to the voice provider is [`sync`]'s.

mod sync;

pub use sync::{AgentDelivery, Delivered};

use std::collections::{BTreeSet, HashMap};

use aws_lc_rs::digest;
use chrono::{DateTime, Utc};
use sea_orm::ActiveValue::Set;
use sea_orm::sea_query::{Expr, ExprTrait, Func, LikeExpr, Query, SelectStatement};
use sea_orm::{
    ColumnTrait, EntityTrait, FromQueryResult, QueryFilter, QueryOrder, QueryResult, QuerySelect, Select,
};
use uuid::Uuid;

use super::entities::{self, agent, operation, phone_number};
use super::operation::UNFINISHED;
use super::page::{self, Cursor, Listing, PageOf, PageRequest};
use super::{Change, StoreError, SystemStore, TenantStore, audit_event, dialect};
use crate::domain::{
    Agent, AgentId, AgentName, AgentStatus, AgentToken, AnsweringAgent, Author, E164, FirstMessage, Language,
    NumberStatus, OperationId, OperationKind, Prompt, Refusal, Step, SyncState, TenantId, VoiceId,
};

/// Which agents.
#[derive(Debug, Clone, Default)]
pub struct AgentFilter {
    /// Only these; without it all but the deleted ones.
    pub status: Option<AgentStatus>,
    /// Only names that hold this text, whatever the case.
    pub name_contains: Option<String>,
}

/// What is shown of an agent: all but its prompt and its voice.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AgentProfile {
    /// The id.
    pub id: AgentId,
    /// The voice provider's id, once it exists there.
    pub voice_agent_id: Option<String>,
    /// The name.
    pub name: AgentName,
    /// The language.
    pub language: Language,
    /// The greeting.
    pub first_message: Option<FirstMessage>,
    /// The fallback number.
    pub fallback_number: Option<E164>,
    /// The lifecycle state.
    pub status: AgentStatus,
    /// The first characters of its token.
    pub token_preview: String,
    /// When it was created.
    pub created_at: DateTime<Utc>,
    /// When it last changed.
    pub updated_at: DateTime<Utc>,
    /// Whether the voice provider has it as it is here.
    pub sync_state: SyncState,
    /// Why it does not.
    pub sync_error: Option<Refusal>,
}

impl From<Agent> for AgentProfile {
    fn from(agent: Agent) -> Self {
        Self {
            sync_state: agent.sync_state(),
            sync_error: agent.sync_error,
            id: agent.id,
            voice_agent_id: agent.voice_agent_id,
            name: agent.name,
            language: agent.language,
            first_message: agent.first_message,
            fallback_number: agent.fallback_number,
            status: agent.status,
            token_preview: agent.token_preview,
            created_at: agent.created_at,
            updated_at: agent.updated_at,
        }
    }
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

/// An active agent that no number was ever bought for, or none that it still has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AgentWithoutNumber {
    /// The agent.
    pub id: AgentId,
    /// Whose it is.
    pub tenant_id: TenantId,
    /// Its name.
    pub name: AgentName,
    /// The unfinished operation that buys it a number, where there is one.
    pub under_way: Option<OperationId>,
}

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

    /// How many agents the tenant has created since, deleted ones too. Until this transaction ends it creates no others, so
    /// that the count is exact.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn agents_created_since(&self, since: DateTime<Utc>) -> Result<i64, StoreError> {
        dialect::create_agents_alone(&self.transaction, self.tenant).await?;
        let created = agent::Entity::find()
            .filter(agent::Column::TenantId.eq(self.tenant.0))
            .filter(agent::Column::CreatedAt.gt(since));
        page::count(&self.transaction, created).await
    }

    /// These agents, in no order; those that are not the tenant's are missing.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn agents_by_id(&self, ids: &[AgentId]) -> Result<Vec<AgentProfile>, StoreError> {
        let found = page::by_ids(
            &self.transaction,
            agent::TABLE,
            agent::PROFILE,
            self.tenant,
            ids.iter().map(|id| id.0),
        );
        found.await?.iter().map(|row| agent::read_profile(row, 0)).collect()
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
    pub async fn agents(
        &self,
        filter: &AgentFilter,
        page: PageRequest,
    ) -> Result<PageOf<AgentProfile>, StoreError> {
        let mut list = Listing::new(agent::TABLE, agent::PROFILE, self.tenant);
        list = match filter.status {
            Some(status) => list.with("status", "=", status.as_str()),
            None => list.and("status <> 'deleted'"),
        };
        if let Some(text) = &filter.name_contains {
            list = list.with("LOWER(name)", "LIKE", name_pattern(text)).escaped();
        }
        let read = |row: &QueryResult| {
            let agent = agent::read_profile(row, 0)?;
            Ok((Cursor { at: agent.created_at, id: agent.id.0 }, agent))
        };
        list.page(&self.transaction, page, read).await
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
        if AnsweringAgent::from(&after) != AnsweringAgent::from(&before) {
            self.tell_later(Change::Agent { tenant: self.tenant, id });
        }
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
        // Sockets that were opened with the old one are closed.
        self.tell_later(Change::Agent { tenant: self.tenant, id });
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
    /// The agent with this token, unless it is deleted. Anybody can ask with a token that they made up, so this is asked on the
    /// tenants' connections: those of the system answer calls.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn agent_by_token(&self, token: &AgentToken) -> Result<Option<Agent>, StoreError> {
        // Looked up by hash: how long a comparison of hashes takes tells nothing about the token.
        let query = agent::Entity::find()
            .filter(agent::Column::TokenHash.eq(hash(token)))
            .filter(agent::Column::Status.ne(AgentStatus::Deleted.as_str()));
        let found = query.one(&self.read_beside_calls().await?).await?;
        found.map(Agent::try_from).transpose()
    }

    /// An agent, whosever it is.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn agent(&self, id: AgentId) -> Result<Option<Agent>, StoreError> {
        agent::Entity::find_by_id(id.0).one(self.db()).await?.map(Agent::try_from).transpose()
    }

    /// Those of these agents that exist and can be read, whichever tenants own them, in no order. Each of those tenants' audit
    /// trails says that `author` has read them.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn agents_shown_to(
        &self,
        author: &Author,
        action: &str,
        ids: &[AgentId],
    ) -> Result<Vec<Agent>, StoreError> {
        let transaction = self.begin().await?;
        let wanted = agent::Column::Id.is_in(ids.iter().map(|id| id.0));
        let rows = entities::found(&transaction, agent::Entity::find().filter(wanted)).await?;
        let (agents, _left_out) =
            self.readable(agent::TABLE, &rows, |row: agent::Model| Agent::try_from(row));
        let tenants: BTreeSet<TenantId> = agents.iter().map(|agent| agent.tenant_id).collect();
        audit_event::accessed(&transaction, &self.shared, author, action, tenants).await?;
        transaction.commit().await?;
        Ok(agents)
    }

    /// Active agents without a bought number, whosever they are, but not those being deleted; oldest first, those after
    /// `after`. An agent's id holds its creation. Those that cannot be read are reported and left out.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn agents_without_number(
        &self,
        after: Option<AgentId>,
        limit: u16,
    ) -> Result<Vec<AgentWithoutNumber>, StoreError> {
        let mut query = agent::Entity::find()
            .filter(agent::Column::Status.eq(AgentStatus::Active.as_str()))
            .filter(Expr::exists(bought_number()).not())
            .filter(Expr::exists(deletion_under_way()).not())
            .order_by_asc(agent::Column::Id)
            .limit(u64::from(limit));
        if let Some(after) = after {
            query = query.filter(agent::Column::Id.gt(after.0));
        }
        let columns = [agent::Column::Id, agent::Column::TenantId, agent::Column::Name];
        let rows = entities::found(self.db(), query.select_only().columns(columns)).await?;
        let (mut agents, _left_out) = self.readable(agent::TABLE, &rows, |row: NamedRow| {
            Ok(AgentWithoutNumber {
                id: AgentId(row.id),
                tenant_id: TenantId(row.tenant_id),
                name: entities::text("agents", "name", &row.name)?,
                under_way: None,
            })
        });
        let under_way = self.purchases_under_way(agents.iter().map(|agent| agent.id.0)).await?;
        for agent in &mut agents {
            agent.under_way = under_way.get(&agent.id.0).copied().map(OperationId);
        }
        Ok(agents)
    }

    /// The unfinished operation of each of these agents that may buy it a number, where there is one.
    async fn purchases_under_way(
        &self,
        agents: impl Iterator<Item = Uuid>,
    ) -> Result<HashMap<Uuid, Uuid>, StoreError> {
        let buying = [OperationKind::CreateAgent.as_str(), OperationKind::ProvisionNumber.as_str()];
        let buying = operation::Entity::find()
            .filter(operation::Column::AgentId.is_in(agents))
            .filter(operation::Column::Kind.is_in(buying))
            // An active agent at this step is being given another voice agent: nothing is bought for it.
            .filter(operation::Column::Step.ne(Step::CreateVoiceAgent.as_str()))
            .filter(operation::Column::State.is_in(UNFINISHED))
            .select_only()
            .columns([operation::Column::AgentId, operation::Column::Id]);
        let rows = entities::found(self.db(), buying).await?;
        let (found, _left_out) =
            self.readable(operation::TABLE, &rows, |row: PurchaseRow| Ok((row.agent_id, row.id)));
        Ok(found.into_iter().collect())
    }
}

#[derive(FromQueryResult)]
struct NamedRow {
    id: Uuid,
    tenant_id: Uuid,
    name: String,
}

#[derive(FromQueryResult)]
struct PurchaseRow {
    id: Uuid,
    agent_id: Uuid,
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
            let pattern = LikeExpr::new(name_pattern(text)).escape('\\');
            query.filter(Expr::expr(Func::lower(Expr::col(agent::Column::Name))).like(pattern))
        }
        None => query,
    }
}

/// What a name that holds this text matches, whatever the case.
fn name_pattern(text: &str) -> String {
    let escaped = text.to_lowercase().replace('\\', "\\\\").replace('%', "\\%").replace('_', "\\_");
    format!("%{escaped}%")
}

/// A number of the agent's that was bought and is not given back yet.
fn bought_number() -> SelectStatement {
    let bought = [NumberStatus::Active, NumberStatus::Inactive, NumberStatus::Releasing];
    Query::select()
        .expr(Expr::value(1))
        .from(phone_number::Entity)
        .and_where(
            Expr::col((phone_number::Entity, phone_number::Column::AgentId))
                .equals((agent::Entity, agent::Column::Id)),
        )
        .and_where(phone_number::Column::Status.is_in(bought.map(NumberStatus::as_str)))
        .take()
}

fn deletion_under_way() -> SelectStatement {
    Query::select()
        .expr(Expr::value(1))
        .from(operation::Entity)
        .and_where(
            Expr::col((operation::Entity, operation::Column::AgentId))
                .equals((agent::Entity, agent::Column::Id)),
        )
        .and_where(operation::Column::Kind.eq(OperationKind::DeleteAgent.as_str()))
        .and_where(operation::Column::State.is_in(UNFINISHED))
        .take()
}

/// A token as it is stored: SHA-256 in hexadecimal. The token holds 256 random bits, so no salt is needed.
fn hash(token: &AgentToken) -> String {
    let digest = digest::digest(&digest::SHA256, token.expose().as_bytes());
    digest.as_ref().iter().map(|byte| format!("{byte:02x}")).collect()
}
