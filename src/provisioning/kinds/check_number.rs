//! CHECK_NUMBER: looks up whether the carrier still has a number, and marks it `ACTIVE` or `INACTIVE`. Changes nothing at the
//! carrier, so there is nothing to undo. Reconciliation starts it when a number is missing from the carrier's list, or is back.

use super::repair_number::{NoData, confirmed, gone, under_way, until_moved};
use super::settings::{self, Setting};
use super::{Steps, insert, number_of, present, settled_number_of};
use crate::domain::{NumberId, Operation, OperationKind, Refusal, RefusalCode, Step};
use crate::provisioning::Provisioning;
use crate::provisioning::outcome::{Outcome, Patience, Progress};
use crate::store::{NewOperation, StoreError, TenantStore};

pub(super) const STEPS: Steps =
    &[(Step::CheckNumber, |driver, operation, _| Box::pin(check_number(driver, operation)))];

impl Provisioning {
    /// Stores a check of a number. Returns the check or repair that is already under way for it, if there is one.
    ///
    /// # Errors
    /// [`StoreError`]; refusals as [`StoreError::Refused`].
    pub(in crate::provisioning) async fn check_number(
        &self,
        store: &TenantStore,
        id: NumberId,
    ) -> Result<Operation, StoreError> {
        let number = settled_number_of(store, id).await?;
        let looks = |operation: &Operation| {
            matches!(operation.kind, OperationKind::CheckNumber | OperationKind::RepairNumber)
        };
        if let Some(under_way) = under_way(store, &number, looks).await? {
            return Ok(under_way);
        }
        let operation = NewOperation {
            agent_id: Some(number.agent_id),
            number_id: Some(number.id),
            ..self.new_operation(OperationKind::CheckNumber, &NoData {})
        };
        insert(store, operation).await
    }
}

/// Step: read the number's settings at the carrier.
async fn check_number(driver: &Provisioning, operation: &Operation) -> Result<Outcome, StoreError> {
    let number = number_of(driver, operation).await?;
    let sid = present(number.sid.clone(), "phone_numbers")?;
    if let Some(wait) = until_moved(operation, &number) {
        return Ok(wait);
    }
    Ok(match settings::check(driver.carrier_of(&number).await, &sid, &driver.settings_of(&number)).await {
        Ok(Setting::Right) => confirmed(operation, &number),
        Ok(Setting::Different) => {
            let why = "the number has different settings at the carrier: restore them with repairPhoneNumber";
            Outcome::Failed(Refusal::new(RefusalCode::CarrierRejected, why), Progress::of(operation))
        }
        Ok(Setting::Gone) => gone(operation, &number),
        // A failed check costs nothing: the next reconciliation starts another.
        Err(failure) => Outcome::failed(operation, &failure, Vec::new(), Patience::Bounded),
    })
}
