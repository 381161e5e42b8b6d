//! Takes a number from the operator's stock instead of buying one. It is at the carrier already, with its settings, so that nothing
//! is asked of the carrier: one transaction gives it to the agent and ends the operation.
//!
//! The number keeps the mark of the operation that bought it for the stock.

use tracing::warn;

use super::{FromStock, Purchase, with_purchase};
use crate::domain::{NumberId, NumberType, Operation, OperationState, Step, TenantId};
use crate::provisioning::Provisioning;
use crate::provisioning::outcome::{Outcome, Progress};
use crate::store::{ClaimError, Lease, StoreError, WantedFromStock};

/// Whether a number in stock matches the purchase.
pub(super) async fn has_one_for(driver: &Provisioning, purchase: &Purchase, tenant: TenantId) -> bool {
    let wanted = &purchase.wanted;
    // With subaccounts a tenant's numbers are in its own.
    let may_take = tenant != TenantId::STOCK
        && !driver.0.accounts.has_subaccounts()
        && purchase.stock == FromStock::Untried
        && purchase.refused.is_none()
        && wanted.number.is_none()
        && wanted.kind == NumberType::Local
        && wanted.country.has_area_codes();
    if !may_take {
        return false;
    }
    // A failure only means that a number is bought.
    driver.0.store.has_in_stock(&request(driver, purchase, tenant)).await.unwrap_or_else(|failure| {
        warn!(error = &failure as &dyn std::error::Error, "stock of numbers not read");
        false
    })
}

fn request(driver: &Provisioning, purchase: &Purchase, tenant: TenantId) -> WantedFromStock {
    WantedFromStock {
        country: purchase.wanted.country,
        area_code: purchase.wanted.area_code.clone(),
        quarantined_since: driver.purchase_rules(tenant).quarantined_since,
    }
}

/// Takes a number; if there is none any more, goes on with the search.
pub(super) async fn take(
    driver: &Provisioning,
    operation: &Operation,
    lease: &Lease,
    mut purchase: Purchase,
) -> Result<Outcome, StoreError> {
    let wanted = request(driver, &purchase, operation.tenant_id);
    let id = NumberId(driver.0.entropy.uuid(driver.0.clock.now()));
    let rules = driver.purchase_rules(operation.tenant_id);
    let progress = Progress::of(operation).about(Some(id));
    let update = progress.into_update(OperationState::Succeeded, Step::Done, None);
    let label = purchase.wanted.label.clone();
    match driver.0.store.take_from_stock(lease, &wanted, (id, label), &rules, update).await {
        Ok(Some(recorded)) => Ok(Outcome::Recorded(recorded)),
        Ok(None) | Err(ClaimError::Taken) => {
            purchase.stock = FromStock::Unavailable;
            Ok(Outcome::Next(Step::SearchNumbers, with_purchase(Progress::of(operation), purchase)))
        }
        Err(ClaimError::Limit(refusal)) => Ok(Outcome::Failed(refusal, Progress::of(operation))),
        Err(ClaimError::Store(failure)) => Err(failure),
    }
}
