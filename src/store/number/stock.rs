//! The operator's stock: numbers of the tenant [`TenantId::STOCK`], which an operation of another tenant takes instead of buying one.
//!
//! A number that is taken gets a new row, and the row in stock ends. `pooled_at` of a row in stock is set for a number that another
//! tenant released: it is in quarantine from then on.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use sea_orm::ActiveValue::{NotSet, Set};
use sea_orm::{
    ColumnTrait, Condition, ConnectionTrait, EntityTrait, PaginatorTrait, QueryFilter, QueryOrder,
    QuerySelect, Select,
};

use super::claim::{ClaimError, PurchaseRules, own_hour_is_full, plan_is_full};
use crate::domain::{
    Agent, AgentId, AgentMessaging, AgentStatus, AgentToken, AreaCode, CountryCode, Language, NumberId,
    NumberLabel, NumberOrigin, NumberStatus, NumberType, Operation, OperationId, OperationKind,
    OperationState, Step, TenantId,
};
use crate::store::entities::operation as operations;
use crate::store::entities::phone_number::{ActiveModel, Column, Entity, Model, TABLE};
use crate::store::entities::{self};
use crate::store::operation::{self, Lease, OperationUpdate, UNFINISHED};
use crate::store::{Change, Shared, StoreError, SystemStore, dialect};

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

/// Levels of the stock.
#[derive(Debug, Clone, Default)]
pub struct StockLevels {
    /// Numbers that can be taken, by area code.
    pub free: HashMap<AreaCode, u32>,
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
        .filter(Column::CarrierAccountId.is_null())
}

fn of_area_code(numbers: Select<Entity>, code: &AreaCode) -> Select<Entity> {
    numbers.filter(Column::Number.starts_with(format!("+1{code}")))
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
        query = of_area_code(query, code);
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

    /// Reads how the stock is doing. Purchases count as failed a short time ago if they ended after `failed_since`, and numbers as
    /// in quarantine if they were released after `quarantined_since`.
    ///
    /// # Errors
    /// [`StoreError`]; [`StoreError::Corrupt`] if a stored value is unreadable.
    pub async fn stock_levels(
        &self,
        failed_since: DateTime<Utc>,
        quarantined_since: DateTime<Utc>,
    ) -> Result<StockLevels, StoreError> {
        let numbers: Vec<(String, Option<DateTime<Utc>>)> = in_stock()
            .select_only()
            .columns([Column::Number, Column::PooledAt])
            .into_tuple()
            .all(self.db())
            .await?;
        let mut free = HashMap::<AreaCode, u32>::new();
        for (number, rests_since) in numbers {
            let Some(code) = number.get(2..5).and_then(|code| code.parse::<AreaCode>().ok()) else {
                continue;
            };
            if rests_since.is_none_or(|since| since <= quarantined_since) {
                *free.entry(code).or_default() += 1;
            }
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
            free,
            under_way: entities::all(self.db(), under_way).await?,
            failed: entities::all(self.db(), failed).await?,
        })
    }

    /// Counts the numbers of an area code in stock, those in quarantine among them.
    ///
    /// # Errors
    /// [`StoreError`] if the query fails.
    pub async fn count_in_stock(&self, code: &AreaCode) -> Result<u64, StoreError> {
        Ok(of_area_code(in_stock(), code).count(self.db()).await?)
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
        let agent =
            operation.agent_id.ok_or(StoreError::Corrupt { table: "operations", column: "agent_id" })?;
        let place = Place { id, tenant: operation.tenant_id, agent, operation: operation.id, label };
        Entity::insert(moved(stocked, place, now))
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

/// Adds a number to the stock, where it is in quarantine, right after its row was released in the same transaction. It keeps its mark
/// at the carrier.
pub(in crate::store) async fn keep(
    db: &impl ConnectionTrait,
    shared: &Shared,
    released: NumberId,
    id: NumberId,
) -> Result<(), StoreError> {
    let now = shared.clock.now();
    let missing = StoreError::Corrupt { table: TABLE, column: "id" };
    let row = Entity::find_by_id(released.0).one(db).await?.ok_or(missing)?;
    // A row needs an operation of its tenant; this one has bought nothing.
    let operation = OperationId(shared.entropy.uuid(now));
    let stocking = operations::ActiveModel {
        id: Set(operation.0),
        tenant_id: Set(TenantId::STOCK.0),
        kind: Set(OperationKind::ProvisionNumber.to_string()),
        state: Set(OperationState::Succeeded.to_string()),
        step: Set(Step::Done.to_string()),
        attempts: Set(0),
        agent_id: Set(Some(AgentId::STOCK.0)),
        phone_number_id: Set(None),
        data: Set(serde_json::json!({ "purchase": null })),
        error: Set(None),
        idempotency_key: Set(None),
        input_hash: Set(None),
        request_id: Set("stock".to_owned()),
        run_after: Set(now),
        lease_owner: Set(None),
        lease_until: Set(None),
        fencing_token: Set(0),
        outcome_unknown_at: Set(None),
        awaited_event: Set(None),
        created_at: Set(now),
        updated_at: Set(now),
        finished_at: Set(Some(now)),
    };
    operations::Entity::insert(stocking).exec_without_returning(db).await?;
    let place = Place { id, tenant: TenantId::STOCK, agent: AgentId::STOCK, operation, label: None };
    let stocked = ActiveModel { pooled_at: Set(Some(now)), ..moved(row, place, now) };
    Entity::insert(stocked).exec_without_returning(db).await?;
    Ok(())
}

/// Where a number moves to or from the stock.
struct Place {
    id: NumberId,
    tenant: TenantId,
    agent: AgentId,
    operation: OperationId,
    label: Option<NumberLabel>,
}

/// The row of a number in its new place. Its price counts there from now on.
fn moved(from: Model, to: Place, now: DateTime<Utc>) -> ActiveModel {
    ActiveModel {
        id: Set(to.id.0),
        tenant_id: Set(to.tenant.0),
        agent_id: Set(to.agent.0),
        operation_id: Set(to.operation.0),
        number: Set(from.number),
        friendly_name: Set(from.friendly_name),
        sid: Set(from.sid),
        provider: Set(from.provider),
        kind: Set(from.kind),
        status: Set(NumberStatus::Active.to_string()),
        voice: Set(from.voice),
        sms: Set(from.sms),
        mms: Set(from.mms),
        country: Set(from.country),
        locality: Set(from.locality),
        region: Set(from.region),
        monthly_cost: Set(from.monthly_cost),
        routing_version: Set(0),
        created_at: Set(now),
        provisioned_at: Set(Some(now)),
        released_at: Set(None),
        label: Set(to.label.map(|label| label.to_string())),
        pooled_at: Set(None),
        primary_since: Set(None),
        origin: Set(NumberOrigin::Stock.to_string()),
        // Numbers in stock are in the platform's account.
        carrier_account_id: Set(None),
        other_account_id: Set(None),
        moved_at: Set(None),
        is_moving: Set(false),
        call_group_id: Set(None),
        // The mark at the carrier stays that of the purchase.
        marked_by: Set(Some(from.marked_by.unwrap_or(from.operation_id))),
        changed: NotSet,
    }
}
