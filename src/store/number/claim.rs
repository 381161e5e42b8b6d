//! Claims of numbers: a row is written before the purchase, so that nobody else takes the number, and only
//! within the limits of the plan and of purchases an hour.

use chrono::{DateTime, TimeDelta, Utc};
use sea_orm::ActiveValue::{NotSet, Set};
use sea_orm::sea_query::{Expr, OnConflict};
use sea_orm::{
    ColumnTrait, Condition, EntityTrait, PaginatorTrait, QueryFilter, QueryOrder, QuerySelect, Select,
};

use crate::domain::{
    AgentId, Capabilities, CarrierAccountId, CountryCode, E164, NumberId, NumberLabel, NumberOrigin,
    NumberStatus, NumberType, Operation, Provider, Refusal, TenantId, UsedUp,
};
use crate::store::doors::Transaction;
use crate::store::entities::phone_number::{ActiveModel, Column, Entity};
use crate::store::operation::{self, Lease, OperationUpdate};
use crate::store::{StoreError, SystemStore, dialect, tenant};

/// Origins of numbers that count as purchases. A test compares them with the domain's.
const BOUGHT: [NumberOrigin; 2] = [NumberOrigin::Purchased, NumberOrigin::Stock];

/// A number about to be bought, or taken over.
#[derive(Debug, Clone)]
pub struct NumberClaim {
    /// Id of the new row.
    pub id: NumberId,
    /// The number in E.164 format.
    pub number: E164,
    /// The number formatted for people.
    pub friendly_name: String,
    /// Number type, such as local or toll-free.
    pub kind: NumberType,
    /// Voice, SMS and MMS capabilities.
    pub capabilities: Capabilities,
    /// Country of the number.
    pub country: CountryCode,
    /// City, if the carrier names one.
    pub locality: Option<String>,
    /// State or region, if the carrier names one.
    pub region: Option<String>,
    /// Monthly price in US dollars.
    pub monthly_cost: rust_decimal::Decimal,
    /// The tenant's own name for it.
    pub label: Option<NumberLabel>,
    /// The account at the carrier that buys it; `None`: the platform's.
    pub account: Option<CarrierAccountId>,
}

/// Limits on purchases besides the tenant's plan.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PurchaseRules {
    /// Maximum purchases in any hour by all tenants together. 0 disables purchases.
    pub purchases_per_hour: u32,
    /// Maximum purchases in any hour by one tenant.
    pub tenant_purchases_per_hour: u32,
    /// Numbers released by another tenant after this instant are in quarantine.
    pub quarantined_since: DateTime<Utc>,
}

/// Why a number could not be claimed.
#[derive(Debug, Clone, thiserror::Error)]
pub enum ClaimError {
    /// Another row holds it, this tenant's or another's, or another tenant released it less than the quarantine ago.
    #[error("the number is taken or in quarantine")]
    Taken,
    /// The tenant's plan, or its or the server's purchases an hour, are used up.
    #[error(transparent)]
    Limit(Refusal),
    /// The database, or [`StoreError::LeaseLost`].
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl From<sea_orm::DbErr> for ClaimError {
    fn from(error: sea_orm::DbErr) -> Self {
        Self::Store(error.into())
    }
}

impl SystemStore {
    /// Claims a number for an operation and records the operation's next step, in one transaction. Limits are
    /// counted under a lock, so that they are exact across tenants and servers.
    ///
    /// # Errors
    /// [`ClaimError`]: nothing is written.
    pub async fn claim_number(
        &self,
        lease: &Lease,
        claim: NumberClaim,
        rules: &PurchaseRules,
        update: OperationUpdate,
    ) -> Result<Operation, ClaimError> {
        let now = self.shared.clock.now();
        let transaction = self.begin().await?;
        let operation = operation::held(&transaction, lease).await?;
        // The tenant's row is locked before the lock on all purchases, so that nobody waits for a tenant while
        // holding up every other purchase.
        if let Some(refusal) = plan_is_full(&transaction, &operation).await? {
            return Err(ClaimError::Limit(refusal));
        }
        if let Some(refusal) = hour_is_full(&transaction, &operation, now, rules).await? {
            return Err(ClaimError::Limit(refusal));
        }
        let update = OperationUpdate { number_id: Some(claim.id), ..update };
        let number = claim.number.clone();
        insert_unless_held(&transaction, row(&operation, claim, now)?).await?;
        // Checked after the insert, which waits for a concurrent release of the same number: its commit is visible then.
        let served = Entity::find()
            .filter(Column::Number.eq(number.as_str()))
            .filter(super::in_quarantine(operation.tenant_id, rules.quarantined_since))
            .count(&transaction)
            .await?;
        if served > 0 {
            return Err(ClaimError::Taken);
        }
        let operation = operation::write(&transaction, &self.shared, lease, &update).await?;
        transaction.commit().await?;
        // No change of the number is published: a number that is only claimed takes no calls.
        self.shared.publish(operation::changed(&operation));
        Ok(operation)
    }
}

/// Inserts the row of a number. A unique index on numbers that are not released decides between two rows of one number.
///
/// # Errors
/// [`ClaimError::Taken`] if another row holds the number.
pub(in crate::store) async fn insert_unless_held(
    transaction: &Transaction,
    row: ActiveModel,
) -> Result<(), ClaimError> {
    let inserted = Entity::insert(row)
        // As an error, a conflict would abort the transaction.
        .on_conflict(OnConflict::new().do_nothing().to_owned())
        .exec_without_returning(transaction)
        .await?;
    if inserted == 0 { Err(ClaimError::Taken) } else { Ok(()) }
}

pub(super) fn row(
    operation: &Operation,
    claim: NumberClaim,
    now: DateTime<Utc>,
) -> Result<ActiveModel, StoreError> {
    // Every number has an agent: a purchase is stored with one.
    let agent_id =
        operation.agent_id.ok_or(StoreError::Corrupt { table: "operations", column: "agent_id" })?;
    Ok(pending_row(operation, agent_id, claim, now))
}

/// The row of a number that an operation is about to get for an agent.
pub(in crate::store) fn pending_row(
    operation: &Operation,
    agent_id: AgentId,
    claim: NumberClaim,
    now: DateTime<Utc>,
) -> ActiveModel {
    ActiveModel {
        id: Set(claim.id.0),
        tenant_id: Set(operation.tenant_id.0),
        agent_id: Set(agent_id.0),
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
        label: Set(claim.label.map(|label| label.to_string())),
        pooled_at: Set(None),
        primary_since: Set(None),
        origin: Set(NumberOrigin::Purchased.to_string()),
        carrier_account_id: Set(claim.account.map(|account| account.0)),
        other_account_id: Set(None),
        moved_at: Set(None),
        is_moving: Set(false),
        call_group_id: Set(None),
        marked_by: Set(None),
        changed: NotSet,
    }
}

/// Numbers of all other operations: a repeated step must not count its own claim.
fn numbers_of_others(operation: &Operation) -> Select<Entity> {
    Entity::find().filter(Column::OperationId.ne(operation.id.0))
}

pub(super) async fn plan_is_full(
    transaction: &Transaction,
    operation: &Operation,
) -> Result<Option<Refusal>, StoreError> {
    let tenant = tenant::find_locked(transaction, operation.tenant_id).await?;
    // The configuration says how many numbers are in stock.
    if tenant.id == TenantId::STOCK {
        return Ok(None);
    }
    let held = numbers_of_others(operation)
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

/// Checks the purchases of the last hour, by the tenant and by all tenants. Released claims that were never
/// bought cost nothing and do not count.
async fn hour_is_full(
    transaction: &Transaction,
    operation: &Operation,
    now: DateTime<Utc>,
    rules: &PurchaseRules,
) -> Result<Option<Refusal>, StoreError> {
    dialect::lock_purchases(transaction).await?;
    if let Some(refusal) = own_hour_is_full(transaction, operation, now, rules).await? {
        return Ok(Some(refusal));
    }
    let limit = rules.purchases_per_hour;
    // A number from stock was counted when it was bought.
    let bought = Column::Origin.ne(NumberOrigin::Stock.as_str());
    Ok(retry_advice(transaction, operation, now, bought, limit).await?.map(|advice| {
        let message = if limit == 0 {
            "this server buys no numbers: its operator has set the limit to 0 numbers an hour".to_owned()
        } else {
            format!("this server buys at most {limit} numbers an hour, all tenants together: {advice}")
        };
        Refusal::limit_reached(UsedUp::PurchasesPerHour, message)
    }))
}

/// Checks the numbers that the tenant has bought, or taken from stock, in the last hour.
pub(super) async fn own_hour_is_full(
    transaction: &Transaction,
    operation: &Operation,
    now: DateTime<Utc>,
    rules: &PurchaseRules,
) -> Result<Option<Refusal>, StoreError> {
    let own = Column::TenantId.eq(operation.tenant_id.0);
    let limit = rules.tenant_purchases_per_hour;
    Ok(retry_advice(transaction, operation, now, own, limit).await?.map(|advice| {
        let message = format!("this tenant may buy at most {limit} numbers an hour: {advice}");
        Refusal::limit_reached(UsedUp::TenantPurchasesPerHour, message)
    }))
}

/// Advice on when to retry, for the error message. `None` if another purchase is allowed now.
async fn retry_advice(
    transaction: &Transaction,
    operation: &Operation,
    now: DateTime<Utc>,
    scope: Expr,
    limit: u32,
) -> Result<Option<String>, StoreError> {
    let Some(before_limit) = limit.checked_sub(1) else {
        return Ok(Some("ask the operator for a higher limit".to_owned()));
    };
    let bought = Condition::any()
        .add(Column::Status.ne(NumberStatus::Released.as_str()))
        .add(Column::ProvisionedAt.is_not_null());
    let hour = TimeDelta::hours(1);
    // Newest first: once the purchase at the limit's position is an hour old, another one is allowed.
    let at_the_limit: Option<DateTime<Utc>> = numbers_of_others(operation)
        // By the time of the claim: purchases under way have no other, and many at once would all pass the
        // limit.
        .filter(Column::CreatedAt.gt(now - hour))
        .filter(Column::Origin.is_in(BOUGHT.map(NumberOrigin::as_str)))
        .filter(bought)
        .filter(scope)
        .order_by_desc(Column::CreatedAt)
        .select_only()
        .column(Column::CreatedAt)
        .offset(u64::from(before_limit))
        .limit(1)
        .into_tuple()
        .one(transaction)
        .await?;
    Ok(at_the_limit.map(|at| format!("try again after {} UTC", (at + hour).format("%H:%M:%S"))))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exactly_bought_numbers_count_as_purchases() {
        for origin in NumberOrigin::ALL {
            assert_eq!(BOUGHT.contains(origin), origin.is_bought(), "{origin}");
        }
    }
}
