//! RESTORE_NUMBER: puts back what was set on a number before it was taken over, then gives the number up. It takes calls until the
//! carrier has confirmed the settings, so that every call is answered by one side or the other.
//!
//! A release of such a number, and the deletion of its agent, do the same: the number belongs to whoever brought it. A number without
//! former settings, which was ported, loses its webhooks.
//!
//! If the carrier rejects the former settings, the number is kept and takes calls again.

use std::time::Duration;

use serde_json::json;
use tracing::{error, info};

use crate::carrier::{CarrierError, EmergencyAddress, FormerSettings};
use crate::domain::{
    NumberId, NumberOrigin, Operation, OperationKind, PhoneNumber, Refusal, RefusalCode, Step, mask,
};
use crate::provisioning::Provisioning;
use crate::provisioning::kinds::release_number::{
    REMOVAL, being_released, being_removed, is_marked_by_another, may_be_released, may_leave_its_account,
    not_done, release_at_carrier,
};
use crate::provisioning::kinds::{Steps, insert, number_of, present, settled_number_of};
use crate::provisioning::outcome::{Outcome, Patience, Progress, SETTLING, StepError};
use crate::store::{Effect, NewOperation, StoreError, TenantStore};

pub(super) const STEPS: Steps =
    &[(Step::RestoreSettings, |driver, operation, _| Box::pin(restore_settings(driver, operation)))];

/// Pause before it is asked again whether another operation on the number has ended.
const POINTED: Duration = Duration::from_secs(1);
/// Attempts after which settings that the carrier accepts but does not apply count as rejected.
pub(super) const MOST_TRIES: i32 = 5;

impl Provisioning {
    /// Marks an imported number `RELEASING` and stores the operation, which begins at once.
    ///
    /// # Errors
    /// [`StoreError`]; refusals as [`StoreError::Refused`].
    pub async fn restore_number(
        &self,
        store: &TenantStore,
        id: NumberId,
    ) -> Result<(Operation, PhoneNumber), StoreError> {
        let number = settled_number_of(store, id).await?;
        if !number.origin.is_taken_over() {
            let why = "only an imported number has former settings: give this one up with releasePhoneNumber";
            return Err(Refusal::new(RefusalCode::InvalidInput, why).at("id").into());
        }
        may_leave_its_account(&number)?;
        let number = store.begin_release(id).await?.ok_or_else(being_released)?;
        let operation = NewOperation {
            agent_id: Some(number.agent_id),
            number_id: Some(number.id),
            ..self.new_operation(OperationKind::RestoreNumber, &json!({}))
        };
        Ok((insert(store, operation).await?, number))
    }
}

/// Step: put the former settings back, and give the number up.
async fn restore_settings(driver: &Provisioning, operation: &Operation) -> Result<Outcome, StoreError> {
    let number = number_of(driver, operation).await?;
    Ok(match let_go(driver, operation, &number, false).await? {
        Ok(()) => Outcome::Done(Progress::of(operation).with([Effect::NumberReleased { number: number.id }])),
        Err(why) => {
            let kept = vec![Effect::NumberKept { number: number.id }];
            Outcome::of_error(operation, why, kept, Patience::Endless)
        }
    })
}

/// Gives a number up at the carrier: one that was bought is released, any other one gets its former settings back.
pub(in crate::provisioning::kinds) async fn let_go(
    driver: &Provisioning,
    operation: &Operation,
    number: &PhoneNumber,
    clear_emergency_address: bool,
) -> Result<Result<(), StepError<CarrierError>>, StoreError> {
    if number.origin.is_bought() {
        return Ok(release_at_carrier(driver, operation, number, clear_emergency_address).await);
    }
    // Otherwise its requests could follow ours, and calls would go on arriving for a number that nobody holds.
    if driver.0.store.may_be_pointed_here(number.id, driver.0.clock.now() - SETTLING).await? {
        let why = "another operation is setting up the number: it is given up afterwards";
        return Ok(Err(StepError::Obstructed(Refusal::new(RefusalCode::CarrierUnavailable, why), POINTED)));
    }
    let former = former_settings(driver, number).await?;
    let mut back = put_back(driver, operation, number, &former).await;
    // That of an imported number was there before, and stays.
    if back.is_ok() && number.origin == NumberOrigin::Ported && clear_emergency_address {
        back = clear_address(driver, operation, number).await;
    }
    if back.is_ok() {
        info!(
            number = mask(number.number.as_str()),
            origin = %number.origin,
            "number given up with its former settings; it stays in the carrier account, which goes on paying for it"
        );
    }
    Ok(back)
}

/// Removes the emergency address, for which the carrier charges as long as the number has it. The number is no longer pointed to this
/// server by then: no rejection keeps it, and what the carrier does not remove is left to the operator.
async fn clear_address(
    driver: &Provisioning,
    operation: &Operation,
    number: &PhoneNumber,
) -> Result<(), StepError<CarrierError>> {
    let Some(sid) = number.sid.as_deref() else { return Ok(()) };
    let carrier = driver.carrier_of(number).await.map_err(passing)?;
    let owned = carrier.fetch(sid).await.map_err(passing)?;
    let Some(owned) = owned.filter(|owned| !is_marked_by_another(owned, number)) else { return Ok(()) };
    match owned.emergency_address {
        EmergencyAddress::None => return Ok(()),
        EmergencyAddress::NotRemoved => {
            error!(
                number = mask(number.number.as_str()),
                sid,
                "the carrier could not remove the emergency address of a number that was given up, and goes on charging for it: \
                 ask its support to remove it"
            );
            return Ok(());
        }
        EmergencyAddress::BeingRegistered | EmergencyAddress::BeingRemoved => {
            return may_be_released(&owned, true);
        }
        EmergencyAddress::Registered(_) | EmergencyAddress::NotRegistered | EmergencyAddress::Unclear => {}
    }
    let asked = carrier.clear_emergency_address(sid).await;
    match asked.map_err(|failure| not_done(driver, operation, failure)) {
        // Looked at again until it is gone.
        Ok(()) => Err(StepError::Obstructed(being_removed(), REMOVAL)),
        Err(StepError::Rejected(failure)) => {
            error!(
                number = mask(number.number.as_str()),
                sid,
                %failure,
                "the carrier refused to remove the emergency address of a number that was given up, and goes on charging for it: \
                 remove it there"
            );
            Ok(())
        }
        Err(StepError::Unclear(failure)) => Err(passing(failure).into()),
        Err(other) => Err(other),
    }
}

/// A failure that ends no release: a rejection, of the account perhaps, counts as one that passes.
fn passing(failure: CarrierError) -> CarrierError {
    match failure {
        rejected @ CarrierError::Rejected(_) => CarrierError::unavailable(rejected.to_string()),
        other => other,
    }
}

/// What was set on a number before; nothing if it was ported.
pub(super) async fn former_settings(
    driver: &Provisioning,
    number: &PhoneNumber,
) -> Result<FormerSettings, StoreError> {
    let corrupt = |_| StoreError::Corrupt { table: "phone_numbers", column: "former_settings" };
    match driver.0.store.former_settings(number.id).await? {
        Some(stored) => serde_json::from_value(stored).map_err(corrupt),
        None => Ok(FormerSettings::default()),
    }
}

/// Puts former settings back, unless the carrier no longer has the number or another installation has claimed it meanwhile.
pub(super) async fn put_back(
    driver: &Provisioning,
    operation: &Operation,
    number: &PhoneNumber,
    former: &FormerSettings,
) -> Result<(), StepError<CarrierError>> {
    let missing = || CarrierError::unavailable("its id of the number is not known");
    let sid = present(number.sid.as_deref(), "phone_numbers").map_err(|_| missing())?;
    let carrier = driver.carrier_of(number).await?;
    let Some(owned) = carrier.fetch(sid).await? else { return Ok(()) };
    if is_marked_by_another(&owned, number) {
        error!(
            number = mask(number.number.as_str()),
            sid,
            "former settings not put back: another installation with this carrier account holds the number"
        );
        return Ok(());
    }
    if former.are_set_on(&owned) {
        return Ok(());
    }
    let not_applied = "the carrier did not apply the former settings of the number";
    match carrier.put_back(sid, former, owned.capabilities.sms).await {
        Ok(owned) if former.are_set_on(&owned) => Ok(()),
        // Twilio answers with success even if it ignores a parameter.
        Ok(_) if operation.attempts < MOST_TRIES => {
            Err(CarrierError::OutcomeUnknown { reason: not_applied.to_owned() }.into())
        }
        Ok(_) => {
            let why = format!("{not_applied}: set them at the carrier, then try again");
            Err(StepError::Refused(Refusal::new(RefusalCode::CarrierRejected, why)))
        }
        Err(failure) => Err(not_done(driver, operation, failure)),
    }
}
