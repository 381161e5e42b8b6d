//! Claiming a number: writing down which one is about to be bought, so that nobody else takes it, and never
//! more of them than the plan and the server's guard allow.

use chrono::{DateTime, TimeDelta, Utc};
use sea_orm::ActiveValue::{NotSet, Set};
use sea_orm::sea_query::{Expr, OnConflict};
use sea_orm::{
    ColumnTrait, Condition, EntityTrait, PaginatorTrait, QueryFilter, QueryOrder, QuerySelect, Select,
};

use crate::domain::{
    Capabilities, CountryCode, E164, NumberId, NumberStatus, NumberType, Operation, Provider, Refusal, UsedUp,
};
use crate::store::doors::Transaction;
use crate::store::entities::phone_number::{ActiveModel, Column, Entity};
use crate::store::operation::{self, Lease, OperationUpdate};
use crate::store::{StoreError, SystemStore, dialect, tenant};

/// A number about to be bought.
#[derive(Debug, Clone)]
pub struct NumberClaim {
    /// Its new id.
    pub id: NumberId,
    /// The number.
    pub number: E164,
    /// As people read it.
    pub friendly_name: String,
    /// What kind it is.
    pub kind: NumberType,
    /// What it can carry.
    pub capabilities: Capabilities,
    /// Its country.
    pub country: CountryCode,
    /// Its place.
    pub locality: Option<String>,
    /// Its state or region.
    pub region: Option<String>,
    /// US dollars a month.
    pub monthly_cost: rust_decimal::Decimal,
}

/// What every purchase is held to, besides the tenant's plan.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PurchaseRules {
    /// Purchases in any hour, all tenants together.
    pub purchases_per_hour: u32,
    /// Purchases of one tenant in any hour.
    pub tenant_purchases_per_hour: u32,
    /// A number that another tenant gave back after this instant is not to be had yet.
    pub quarantined_since: DateTime<Utc>,
}

/// Why a number could not be claimed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ClaimRefused {
    /// Another row holds it, this tenant's or another's, or another tenant gave it back too lately.
    Taken,
    /// The tenant's plan, or its or the server's purchases an hour, are used up.
    Limit(Refusal),
}

impl SystemStore {
    /// Claims a number for an operation and records its next step, in one transaction: the tenant's limits and the
    /// server's purchases an hour are counted under a lock, so that they are exact.
    ///
    /// # Errors
    /// [`StoreError::LeaseLost`].
    pub async fn claim_number(
        &self,
        lease: &Lease,
        claim: NumberClaim,
        rules: &PurchaseRules,
        update: OperationUpdate,
    ) -> Result<Result<Operation, ClaimRefused>, StoreError> {
        let now = self.shared.clock.now();
        let transaction = self.begin().await?;
        let operation = operation::held(&transaction, lease).await?;
        if let Some(refusal) = plan_is_full(&transaction, &operation).await? {
            return Ok(Err(ClaimRefused::Limit(refusal)));
        }
        if let Some(refusal) = hour_is_full(&transaction, &operation, now, rules).await? {
            return Ok(Err(ClaimRefused::Limit(refusal)));
        }
        let update = OperationUpdate { number_id: Some(claim.id), ..update };
        let number = claim.number.clone();
        let inserted = Entity::insert(row(&operation, claim, now))
            .on_conflict(OnConflict::new().do_nothing().to_owned())
            .exec_without_returning(&transaction)
            .await?;
        // Looked for after the insert, which waits for a release under way: what was given back by then is seen.
        let served = Entity::find()
            .filter(Column::Number.eq(number.as_str()))
            .filter(super::in_quarantine(operation.tenant_id, rules.quarantined_since))
            .count(&transaction)
            .await?;
        if inserted == 0 || served > 0 {
            return Ok(Err(ClaimRefused::Taken));
        }
        let operation = operation::write(&transaction, &self.shared, lease, &update).await?;
        transaction.commit().await?;
        self.shared.tell(operation::changed(&operation));
        Ok(Ok(operation))
    }
}

fn row(operation: &Operation, claim: NumberClaim, now: DateTime<Utc>) -> ActiveModel {
    ActiveModel {
        id: Set(claim.id.0),
        tenant_id: Set(operation.tenant_id.0),
        agent_id: Set(operation.agent_id.0),
        operation_id: Set(operation.id.0),
        number: Set(claim.number.to_string()),
        friendly_name: Set(claim.friendly_name),
        sid: Set(None),
        provider: Set(Provider::Twilio.to_string()),
        kind: Set(claim.kind.to_string()),
        status: Set(NumberStatus::Pending.to_string()),
        voice: Set(claim.capabilities.voice),
        sms: Set(claim.capabilities.sms),
        mms: Set(claim.capabilities.mms),
        country: Set(claim.country.to_string()),
        locality: Set(claim.locality),
        region: Set(claim.region),
        monthly_cost: Set(claim.monthly_cost),
        routing_version: Set(0),
        created_at: Set(now),
        provisioned_at: Set(None),
        released_at: Set(None),
        changed: NotSet,
    }
}

/// Numbers of other operations: a step that is run again does not count its own.
fn numbers_but_of(operation: &Operation) -> Select<Entity> {
    Entity::find().filter(Column::OperationId.ne(operation.id.0))
}

async fn plan_is_full(
    transaction: &Transaction,
    operation: &Operation,
) -> Result<Option<Refusal>, StoreError> {
    let tenant = tenant::find_locked(transaction, operation.tenant_id).await?;
    let held = numbers_but_of(operation)
        .filter(Column::TenantId.eq(tenant.id.0))
        .filter(Column::Status.ne(NumberStatus::Released.as_str()))
        .count(transaction)
        .await?;
    let limit = tenant.limits.phone_numbers;
    Ok((held >= u64::from(limit)).then(|| {
        let message = format!(
            "the plan \"{}\" allows {limit} phone numbers and all are in use: release one, or ask for a larger plan",
            tenant.plan
        );
        Refusal::limit_reached(UsedUp::Plan, message)
    }))
}

/// Counts what was bought or is about to be within the hour, by the tenant and by all together; a claim that was freed
/// unbought cost nothing.
async fn hour_is_full(
    transaction: &Transaction,
    operation: &Operation,
    now: DateTime<Utc>,
    rules: &PurchaseRules,
) -> Result<Option<Refusal>, StoreError> {
    dialect::claim_alone(transaction).await?;
    let own = Column::TenantId.eq(operation.tenant_id.0);
    let own_limit = rules.tenant_purchases_per_hour;
    if let Some(again) = room_again(transaction, operation, now, Some(own), own_limit).await? {
        let message = format!("you may buy at most {own_limit} numbers an hour and have done so: {again}");
        return Ok(Some(Refusal::limit_reached(UsedUp::TenantPurchasesPerHour, message)));
    }
    let limit = rules.purchases_per_hour;
    Ok(room_again(transaction, operation, now, None, limit).await?.map(|again| {
        let message = if limit == 0 {
            "this server buys no numbers: its operator has set the purchases an hour to 0".to_owned()
        } else {
            format!("this server buys at most {limit} numbers an hour and has done so: {again}")
        };
        Refusal::limit_reached(UsedUp::PurchasesPerHour, message)
    }))
}

/// When there is room for another purchase, for people; `None` when there is.
async fn room_again(
    transaction: &Transaction,
    operation: &Operation,
    now: DateTime<Utc>,
    whose: Option<Expr>,
    limit: u32,
) -> Result<Option<String>, StoreError> {
    let Some(before_the_last) = limit.checked_sub(1) else {
        return Ok(Some("ask the operator for more".to_owned()));
    };
    let bought = Condition::any()
        .add(Column::Status.ne(NumberStatus::Released.as_str()))
        .add(Column::ProvisionedAt.is_not_null());
    let hour = TimeDelta::hours(1);
    // The newest first: when the one at the limit's place turns an hour old, there is room again.
    let holds_the_last_place: Option<DateTime<Utc>> = numbers_but_of(operation)
        .filter(Column::CreatedAt.gt(now - hour))
        .filter(bought)
        .filter(Condition::all().add_option(whose))
        .order_by_desc(Column::CreatedAt)
        .select_only()
        .column(Column::CreatedAt)
        .offset(u64::from(before_the_last))
        .limit(1)
        .into_tuple()
        .one(transaction)
        .await?;
    Ok(holds_the_last_place.map(|at| format!("try again after {} UTC", (at + hour).format("%H:%M:%S"))))
}
