//! Agents. Their delivery to the voice provider is in [`sync`].

mod sync;

pub use sync::{AgentDelivery, DeliveryOutcome};

use std::collections::{BTreeSet, HashMap};

use aws_lc_rs::digest;
use chrono::{DateTime, Utc};
use sea_orm::ActiveValue::Set;
use sea_orm::sea_query::{BinOper, Expr, ExprTrait, Func, Query, SelectStatement};
use sea_orm::{
    ColumnTrait, EntityTrait, FromQueryResult, QueryFilter, QueryOrder, QueryResult, QuerySelect, Select,
};
use uuid::Uuid;

use super::entities::{self, agent, operation, phone_number};
use super::operation::UNFINISHED;
use super::page::{self, Cursor, Listing, PageOf, PageRequest};
use super::{Change, StoreError, SystemStore, TenantStore, audit_event, dialect};
use crate::domain::{
    Agent, AgentId, AgentMessaging, AgentName, AgentStatus, AgentToken, AnsweringAgent, Author, E164,
    FirstMessage, Language, MessageBody, NumberStatus, OperationId, OperationKind, Prompt, Refusal,
    SyncState, TenantId, VoiceId, hex,
};

/// Filter for lists of agents.
#[derive(Debug, Clone, Default)]
pub struct AgentFilter {
    /// Only agents in this state. `None`: all but deleted agents.
    pub status: Option<AgentStatus>,
    /// Only agents whose name contains this text, ignoring case.
    pub name_contains: Option<String>,
}

/// An agent as most queries show it: without prompt and voice, which are long and rarely needed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AgentProfile {
    /// Id in this database, not the voice provider's.
    pub id: AgentId,
    /// The voice provider's id; `None` until the agent has been created there.
    pub voice_agent_id: Option<String>,
    /// Name given by the tenant.
    pub name: AgentName,
    /// Language that the agent speaks.
    pub language: Language,
    /// Greeting; `None`: a standard greeting in the agent's language, with its name.
    pub first_message: Option<FirstMessage>,
    /// Number that calls go to when the agent cannot take them.
    pub fallback_number: Option<E164>,
    /// Lifecycle state; only an active agent takes calls.
    pub status: AgentStatus,
    /// First characters of the agent's token, to recognize it by.
    pub token_preview: String,
    /// Time at which the agent was created.
    pub created_at: DateTime<Utc>,
    /// Time of the last change.
    pub updated_at: DateTime<Utc>,
    /// Whether the voice provider has the latest revision.
    pub sync_state: SyncState,
    /// Why the last delivery failed, until the voice provider has the latest revision; `None` if none failed.
    pub sync_error: Option<Refusal>,
    /// What happens to the texts that its numbers receive.
    pub messaging: AgentMessaging,
    /// The answer to a text that asks for help.
    pub help_text: Option<MessageBody>,
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
            messaging: agent.messaging,
            help_text: agent.help_text,
        }
    }
}

/// Changes to an agent. `None` keeps a value, `Some(None)` clears it.
#[derive(Debug, Clone, Default)]
pub struct AgentChanges {
    /// New name; cannot be cleared.
    pub name: Option<AgentName>,
    /// New language; cannot be cleared.
    pub language: Option<Language>,
    /// New greeting; `Some(None)` restores the standard one.
    pub first_message: Option<Option<FirstMessage>>,
    /// New prompt; `Some(None)` removes it.
    pub prompt: Option<Option<Prompt>>,
    /// New voice; `Some(None)` restores the default one.
    pub voice_id: Option<Option<VoiceId>>,
    /// New fallback number; `Some(None)` removes it.
    pub fallback_number: Option<Option<E164>>,
    /// New state: active or inactive.
    pub status: Option<AgentStatus>,
    /// What happens to texts from now on; cannot be cleared.
    pub messaging: Option<AgentMessaging>,
    /// New answer to a text that asks for help; `Some(None)` removes it.
    pub help_text: Option<Option<MessageBody>>,
}

/// An active agent that holds no bought number.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AgentWithoutNumber {
    /// The agent that needs a number.
    pub id: AgentId,
    /// Tenant that owns the agent.
    pub tenant_id: TenantId,
    /// Name given by the tenant.
    pub name: AgentName,
    /// The unfinished operation that may buy it a number; `None` if there is none.
    pub under_way: Option<OperationId>,
}

impl TenantStore {
    fn own_agents(&self) -> Select<agent::Entity> {
        agent::Entity::find().filter(agent::Column::TenantId.eq(self.tenant.0))
    }

    /// Inserts a new agent with the hash of its token.
    ///
    /// # Errors
    /// [`StoreError`]; the transaction must then be dropped.
    pub async fn insert_agent(&self, agent: &Agent, token: &AgentToken) -> Result<(), StoreError> {
        let mut row = agent::ActiveModel::new_row(agent, hash(token));
        // The tenant of the transaction, whatever the caller passes: on SQLite no policy would reject another.
        row.tenant_id = Set(self.tenant.0);
        agent::Entity::insert(row).exec_without_returning(&self.transaction).await?;
        Ok(())
    }

    /// Counts agents created after `since`, including deleted ones. Locks agent creation for this tenant
    /// until the transaction ends, so that the count stays exact.
    ///
    /// # Errors
    /// [`StoreError`], also if the lock is not granted in time.
    pub async fn agents_created_since(&self, since: DateTime<Utc>) -> Result<i64, StoreError> {
        dialect::lock_agent_creation(&self.transaction, self.tenant).await?;
        let created = agent::Entity::find()
            .filter(agent::Column::TenantId.eq(self.tenant.0))
            .filter(agent::Column::CreatedAt.gt(since));
        page::count(&self.transaction, created).await
    }

    /// Returns the agents with these ids, in no order. Agents of other tenants are missing.
    ///
    /// # Errors
    /// [`StoreError`]; [`StoreError::Corrupt`] if one of the rows is unreadable, which fails the whole read.
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

    /// Returns an agent, or `None` if the tenant has none with this id. A read-write transaction locks the row.
    ///
    /// # Errors
    /// [`StoreError`]; [`StoreError::Corrupt`] if a stored value is unreadable.
    pub async fn agent(&self, id: AgentId) -> Result<Option<Agent>, StoreError> {
        let mut query = self.own_agents().filter(agent::Column::Id.eq(id.0));
        if self.is_writing() {
            dialect::lock_rows(&self.transaction, QuerySelect::query(&mut query));
        }
        query.one(&self.transaction).await?.map(Agent::try_from).transpose()
    }

    /// Returns a page of agents, newest first.
    ///
    /// # Errors
    /// [`StoreError`]; [`StoreError::Corrupt`] if one of the rows is unreadable, which fails the whole read.
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
            list = list.with_inside("LOWER(name) LIKE LOWER(", name_pattern(text), ") ESCAPE '!'");
        }
        let read = |row: &QueryResult| {
            let agent = agent::read_profile(row, 0)?;
            Ok((Cursor { at: agent.created_at, id: agent.id.0 }, agent))
        };
        list.page(&self.transaction, page, read).await
    }

    /// Counts the agents that match the filter.
    ///
    /// # Errors
    /// [`StoreError`] if the query fails.
    pub async fn count_agents(&self, filter: &AgentFilter) -> Result<i64, StoreError> {
        page::count(&self.transaction, filtered(self.own_agents(), filter)).await
    }

    /// Changes an agent and returns it; `None` if it does not exist. Increments `revision` if the change
    /// concerns the voice provider.
    ///
    /// # Errors
    /// [`StoreError`]; the transaction must then be dropped.
    pub async fn update_agent(
        &self,
        id: AgentId,
        changes: AgentChanges,
    ) -> Result<Option<Agent>, StoreError> {
        // Locks the row: two simultaneous changes must not both derive their revision from the same one.
        let Some(before) = self.agent(id).await? else { return Ok(None) };
        let mut after = changes.applied_to(before.clone());
        // Nothing is written, so the agent is not delivered again and no server reads its row again.
        if after == before {
            return Ok(Some(before));
        }
        // These take effect in this server: the voice provider does not know them. `messaging` does not either, but an agent of an
        // earlier version can answer texts only after it was delivered again.
        let sent_before = Agent {
            fallback_number: before.fallback_number.clone(),
            status: before.status,
            help_text: before.help_text.clone(),
            ..after.clone()
        };
        if sent_before != before {
            after.revision += 1;
        }
        after.updated_at = self.shared.clock.now();
        // The routing cache and agent streams ignore other changes.
        if AnsweringAgent::from(&after) != AnsweringAgent::from(&before) {
            self.publish_on_commit(Change::Agent { tenant: self.tenant, id });
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
                messaging: Set(after.messaging.to_string()),
                help_text: Set(after.help_text.as_ref().map(|text| text.as_str().to_owned())),
                revision: Set(after.revision),
                updated_at: Set(after.updated_at),
                ..Default::default()
            },
        )
        .await
    }

    /// Replaces an agent's token. The old token becomes invalid immediately.
    ///
    /// # Errors
    /// [`StoreError`]; the transaction must then be dropped.
    pub async fn set_agent_token(
        &self,
        id: AgentId,
        token: &AgentToken,
    ) -> Result<Option<Agent>, StoreError> {
        // Makes WebSocket connections that use the old token close.
        self.publish_on_commit(Change::Agent { tenant: self.tenant, id });
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
        // Filters by tenant itself: Row Level Security does the same on Postgres, but nothing else does on
        // SQLite.
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
    /// Finds the agent with this token, unless it is deleted. Runs on the tenant pool: anybody may present
    /// invented tokens, and the system pool must stay free for answering calls.
    ///
    /// # Errors
    /// [`StoreError`]; [`StoreError::Corrupt`] if a stored value is unreadable.
    pub async fn agent_by_token(&self, token: &AgentToken) -> Result<Option<Agent>, StoreError> {
        // Looked up by hash, so that the duration of the comparison reveals nothing about the token.
        let query = agent::Entity::find()
            .filter(agent::Column::TokenHash.eq(hash(token)))
            .filter(agent::Column::Status.ne(AgentStatus::Deleted.as_str()));
        let found = query.one(&self.begin_read_on_tenant_pool().await?).await?;
        found.map(Agent::try_from).transpose()
    }

    /// Returns an agent of any tenant.
    ///
    /// # Errors
    /// [`StoreError`]; [`StoreError::Corrupt`] if a stored value is unreadable.
    pub async fn agent(&self, id: AgentId) -> Result<Option<Agent>, StoreError> {
        agent::Entity::find_by_id(id.0).one(self.db()).await?.map(Agent::try_from).transpose()
    }

    /// Returns the readable agents among these ids, of any tenant, in no order. Writes an audit event for
    /// each tenant concerned, which names `author`.
    ///
    /// # Errors
    /// [`StoreError`]: nothing was written, unless the answer to `COMMIT` was lost.
    pub async fn agents_shown_to(
        &self,
        author: &Author,
        action: &str,
        ids: &[AgentId],
    ) -> Result<Vec<Agent>, StoreError> {
        // One transaction: nobody sees an agent without leaving an audit event.
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

    /// Returns active agents of all tenants without a bought number, except agents being deleted. Ordered by
    /// id, that is by creation, starting after `after`. Unreadable rows are reported and skipped.
    ///
    /// # Errors
    /// [`StoreError`], but never because of an unreadable row.
    pub async fn agents_without_number(
        &self,
        after: Option<AgentId>,
        limit: u16,
    ) -> Result<Vec<AgentWithoutNumber>, StoreError> {
        let mut query = agent::Entity::find()
            .filter(agent::Column::Status.eq(AgentStatus::Active.as_str()))
            .filter(Expr::exists(bought_number()).not())
            .filter(Expr::exists(deletion_under_way()).not())
            // By id, which never changes: a run over many pages neither skips an agent nor meets it twice.
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

    /// Maps each agent to its unfinished operation that may buy a number. Agents without one are missing.
    async fn purchases_under_way(
        &self,
        agents: impl Iterator<Item = Uuid>,
    ) -> Result<HashMap<Uuid, Uuid>, StoreError> {
        let buying = OperationKind::ALL.iter().filter(|kind| kind.may_buy()).map(|kind| kind.as_str());
        let buying = operation::Entity::find()
            .filter(operation::Column::AgentId.is_in(agents))
            .filter(operation::Column::Kind.is_in(buying))
            .filter(operation::Column::State.is_in(UNFINISHED))
            .select_only()
            .columns([operation::Column::AgentId, operation::Column::Id]);
        let rows = entities::found(self.db(), buying).await?;
        let (found, _left_out) =
            // An unreadable operation is missing here. No second number is bought for that: a new purchase
            // reads all unfinished operations of its agent, and fails on this row.
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
            messaging: self.messaging.unwrap_or(agent.messaging),
            help_text: self.help_text.unwrap_or(agent.help_text),
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
            let pattern = Func::lower(Expr::val(name_pattern(text)))
                .binary(BinOper::Escape, Expr::Constant('!'.into()));
            query.filter(Func::lower(Expr::col(agent::Column::Name)).binary(BinOper::Like, pattern))
        }
        None => query,
    }
}

/// `LIKE` pattern for names that contain this text, with `!` as the escape character.
///
/// The database folds the case of names and pattern alike: SQLite's `LOWER` and that of a Postgres in the locale `C`
/// know ASCII only, so that a pattern folded here would miss `Ärzte`. `LOWER`, because `ILIKE` exists in Postgres only.
fn name_pattern(text: &str) -> String {
    let escaped = text.replace('!', "!!").replace('%', "!%").replace('_', "!_");
    format!("%{escaped}%")
}

/// Subquery for a number of the agent that was bought and not yet released.
fn bought_number() -> SelectStatement {
    let bought = [NumberStatus::Active, NumberStatus::Inactive, NumberStatus::Releasing];
    Query::select()
        .expr(Expr::value(1))
        .from(phone_number::Entity)
        .and_where(
            Expr::col((phone_number::Entity, phone_number::Column::AgentId))
                .equals((agent::Entity, agent::Column::Id)),
        )
        .and_where(Expr::col((phone_number::Entity, phone_number::Column::PooledAt)).is_null())
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

/// Token hash as stored: SHA-256 in hexadecimal. No salt, since a token contains 256 random bits.
fn hash(token: &AgentToken) -> String {
    hex(digest::digest(&digest::SHA256, token.expose().as_bytes()).as_ref())
}
