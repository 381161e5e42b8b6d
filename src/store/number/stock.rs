//! The operator's stock: numbers of the tenant [`TenantId::STOCK`], which an operation of another tenant takes instead of buying one.
//!
//! A number that is taken gets a new row, and the row in stock ends. `pooled_at` of a row in stock is set for a number that another
//! tenant released: it is in quarantine from then on.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use sea_orm::ActiveValue::{NotSet, Set};
use sea_orm::{ColumnTrait, Condition, EntityTrait, QueryFilter, QueryOrder, QuerySelect, Select};

use super::claim::{ClaimError, PurchaseRules, own_hour_is_full, plan_is_full};
use crate::domain::{
    Agent, AgentId, AgentMessaging, AgentStatus, AgentToken, AreaCode, CountryCode, Language, NumberId,
    NumberLabel, NumberOrigin, NumberStatus, NumberType, Operation, OperationKind, OperationState, TenantId,
};
use crate::store::entities::operation as operations;
use crate::store::entities::phone_number::{ActiveModel, Column, Entity, Model};
use crate::store::entities::{self};
use crate::store::operation::{self, Lease, OperationUpdate, UNFINISHED};
use crate::store::{Change, StoreError, SystemStore, dialect};

/// A local number that is wanted from stock.
#[derive(Debug, Clone)]
pub struct WantedFromStock {
    /// Country of the number.
    pub country: CountryCode,
    /// Its area code; `None`: any.
    pub area_code: Option<AreaCode>,
    /// Numbers that another tenant released after this instant are in quarantine.
    pub quarantined_since: DateTime<Utc>,
}

/// How the stock is doing.
#[derive(Debug, Clone, Default)]
pub struct StockLevels {
    /// Numbers by area code, those in quarantine among them.
    pub held: HashMap<AreaCode, u32>,
    /// Purchases under way.
    pub under_way: Vec<Operation>,
    /// Purchases that failed a short time ago.
    pub failed: Vec<Operation>,
}

fn in_stock() -> Select<Entity> {
    Entity::find()
        .filter(Column::TenantId.eq(TenantId::STOCK.0))
        .filter(Column::Status.eq(NumberStatus::Active.as_str()))
        .filter(Column::Kind.eq(NumberType::Local.as_str()))
}

fn matching(wanted: &WantedFromStock) -> Select<Entity> {
    let is_free =
        Condition::any().add(Column::PooledAt.is_null()).add(Column::PooledAt.lte(wanted.quarantined_since));
    let mut query = in_stock()
        .filter(Column::Country.eq(wanted.country.as_str()))
        .filter(is_free)
        // The oldest first: its month ends first.
        .order_by_asc(Column::CreatedAt)
        .limit(1);
    if let Some(code) = &wanted.area_code {
        query = query.filter(Column::Number.starts_with(format!("+1{code}")));
    }
    query
}

impl SystemStore {
    /// Stores the tenant and the agent of the numbers in stock, unless they are there.
    ///
    /// # Errors
    /// [`StoreError`], also if another server stores them at the same time.
    pub async fn ensure_stock(&self) -> Result<(), StoreError> {
        if self.agent(AgentId::STOCK).await?.is_some() {
            return Ok(());
        }
        self.ensure_tenant(TenantId::STOCK).await?;
        let token = AgentToken::generate(&self.shared.entropy);
        let now = self.shared.clock.now();
        let agent = Agent {
            id: AgentId::STOCK,
            tenant_id: TenantId::STOCK,
            voice_agent_id: None,
            name: "Stock".parse().map_err(|_| StoreError::Corrupt { table: "agents", column: "name" })?,
            language: Language::default(),
            first_message: None,
            prompt: None,
            voice_id: None,
            fallback_number: None,
            messaging: AgentMessaging::Off,
            help_text: None,
            // It is never created at the voice provider.
            status: AgentStatus::Inactive,
            token_preview: token.preview(),
            revision: 1,
            synced_revision: 1,
            refused_revision: 0,
            sync_error: None,
            created_at: now,
            updated_at: now,
        };
        let door = self.write_as(TenantId::STOCK, "stock".to_owned()).await?;
        door.insert_agent(&agent, &token).await?;
        door.commit().await
    }

    /// Reads how the stock is doing. Purchases count as failed a short time ago if they ended after `failed_since`.
    ///
    /// # Errors
    /// [`StoreError`]; [`StoreError::Corrupt`] if a stored value is unreadable.
    pub async fn stock_levels(&self, failed_since: DateTime<Utc>) -> Result<StockLevels, StoreError> {
        let numbers: Vec<String> =
            in_stock().select_only().column(Column::Number).into_tuple().all(self.db()).await?;
        let mut held = HashMap::<AreaCode, u32>::new();
        for code in numbers.iter().filter_map(|number| number.get(2..5)?.parse::<AreaCode>().ok()) {
            *held.entry(code).or_default() += 1;
        }
        let of_stock = || {
            operations::Entity::find()
                .filter(operations::Column::AgentId.eq(AgentId::STOCK.0))
                .filter(operations::Column::Kind.eq(OperationKind::ProvisionNumber.as_str()))
        };
        let under_way = of_stock().filter(operations::Column::State.is_in(UNFINISHED));
        let failed = of_stock()
            .filter(operations::Column::State.eq(OperationState::Failed.as_str()))
            .filter(operations::Column::FinishedAt.gte(failed_since));
        Ok(StockLevels {
            held,
            under_way: entities::all(self.db(), under_way).await?,
            failed: entities::all(self.db(), failed).await?,
        })
    }

    /// Whether a number in stock matches. Another operation may take it at any moment.
    ///
    /// # Errors
    /// [`StoreError`] if the query fails.
    pub async fn has_in_stock(&self, wanted: &WantedFromStock) -> Result<bool, StoreError> {
        let found = matching(wanted).select_only().column(Column::Id).into_tuple::<uuid::Uuid>();
        Ok(found.one(self.db()).await?.is_some())
    }

    /// Takes a number from stock for an operation, and records the operation's end, in one transaction: the number is the
    /// operation's agent's and takes calls. `None`, and nothing is written, if no number matches.
    ///
    /// # Errors
    /// [`ClaimError`]: nothing is written.
    pub async fn take_from_stock(
        &self,
        lease: &Lease,
        wanted: &WantedFromStock,
        (id, label): (NumberId, Option<NumberLabel>),
        rules: &PurchaseRules,
        update: OperationUpdate,
    ) -> Result<Option<Operation>, ClaimError> {
        let now = self.shared.clock.now();
        let transaction = self.begin().await?;
        let operation = operation::held(&transaction, lease).await?;
        // Locks the tenant's row: what its operations take and buy is counted one after the other.
        if let Some(refusal) = plan_is_full(&transaction, &operation).await? {
            return Err(ClaimError::Limit(refusal));
        }
        if let Some(refusal) = own_hour_is_full(&transaction, &operation, now, rules).await? {
            return Err(ClaimError::Limit(refusal));
        }
        let mut query = matching(wanted);
        // A number that another operation is taking is passed over.
        dialect::lock_free_rows(&transaction, QuerySelect::query(&mut query));
        let Some(stocked) = query.one(&transaction).await.map_err(StoreError::from)? else { return Ok(None) };
        let ended = ActiveModel {
            status: Set(NumberStatus::Released.to_string()),
            released_at: Set(Some(now)),
            ..Default::default()
        };
        // First: a unique index allows one row of a number that is not released.
        Entity::update_many()
            .set(ended)
            .filter(Column::Id.eq(stocked.id))
            .exec(&transaction)
            .await
            .map_err(StoreError::from)?;
        let stock_id = NumberId(stocked.id);
        Entity::insert(taken(stocked, &operation, (id, label), now)?)
            .exec_without_returning(&transaction)
            .await
            .map_err(StoreError::from)?;
        let update = OperationUpdate { number_id: Some(id), ..update };
        let operation = operation::write(&transaction, &self.shared, lease, &update).await?;
        transaction.commit().await?;
        let tenant = operation.tenant_id;
        self.shared.publish(Change::Number { tenant: TenantId::STOCK, id: stock_id, is_released: true });
        self.shared.publish(Change::Number { tenant, id, is_released: false });
        self.shared.publish(operation::changed(&operation));
        Ok(Some(operation))
    }
}

/// The row of a number that an operation takes from stock. Its price counts for the tenant from now on.
fn taken(
    stocked: Model,
    operation: &Operation,
    (id, label): (NumberId, Option<NumberLabel>),
    now: DateTime<Utc>,
) -> Result<ActiveModel, StoreError> {
    let agent_id =
        operation.agent_id.ok_or(StoreError::Corrupt { table: "operations", column: "agent_id" })?;
    Ok(ActiveModel {
        id: Set(id.0),
        tenant_id: Set(operation.tenant_id.0),
        agent_id: Set(agent_id.0),
        operation_id: Set(operation.id.0),
        number: Set(stocked.number),
        friendly_name: Set(stocked.friendly_name),
        sid: Set(stocked.sid),
        provider: Set(stocked.provider),
        kind: Set(stocked.kind),
        status: Set(NumberStatus::Active.to_string()),
        voice: Set(stocked.voice),
        sms: Set(stocked.sms),
        mms: Set(stocked.mms),
        country: Set(stocked.country),
        locality: Set(stocked.locality),
        region: Set(stocked.region),
        monthly_cost: Set(stocked.monthly_cost),
        routing_version: Set(0),
        created_at: Set(now),
        provisioned_at: Set(Some(now)),
        released_at: Set(None),
        label: Set(label.map(|label| label.to_string())),
        pooled_at: Set(None),
        primary_since: Set(None),
        origin: Set(NumberOrigin::Stock.to_string()),
        call_group_id: Set(None),
        // The mark at the carrier stays that of the purchase.
        marked_by: Set(Some(stocked.marked_by.unwrap_or(stocked.operation_id))),
        changed: NotSet,
    })
}
