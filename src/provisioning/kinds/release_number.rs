//! RELEASE_NUMBER: releases a number to the carrier. A released number may be impossible to buy again, so the intent is stored
//! first. A number unknown to the carrier counts as released. While the outcome of a release is unknown, no rejection ends the
//! operation. The number is kept only if the carrier, once it can no longer carry out that request, still has the number and
//! rejects another release. The undo puts it into service again.
//!
//! The carrier releases no number that has an emergency address. It is removed first if the request says so, which takes minutes;
//! otherwise the operation fails before anything was changed.
//!
//! A number that was not bought here is not released to the carrier: it gets its former settings back ([`super::adopted`]).
//!
//! The operation starts when the grace period ends. Until then the number is `RELEASING` and still takes calls, and
//! the release can be cancelled.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use tracing::{error, warn};

use super::adopted::let_go;
use super::settings::deviations;
use super::{Steps, insert, number_of, read_data, released_by, settled_number_of};
use crate::carrier::{CarrierError, EmergencyAddress, OwnedNumber, Rejection};
use crate::domain::{
    NumberId, NumberStatus, NumberType, Operation, OperationKind, PhoneNumber, Refusal, RefusalCode, Step,
    TenantId, mask,
};
use crate::provisioning::outcome::{Outcome, Patience, Progress, StepError, unsettled_for};
use crate::provisioning::{Provisioning, mark_of, operation_of_mark};
use crate::store::{Effect, NewOperation, StoreError, TenantStore};

pub(super) const STEPS: Steps =
    &[(Step::ReleaseNumber, |driver, operation, _| Box::pin(release_number(driver, operation)))];

impl Provisioning {
    /// Marks a number `RELEASING` and stores the operation, which is due at the end of the grace period.
    ///
    /// # Errors
    /// [`StoreError`]; refusals as [`StoreError::Refused`].
    pub async fn release_number(
        &self,
        store: &TenantStore,
        id: NumberId,
        clear_emergency_address: bool,
    ) -> Result<(Operation, PhoneNumber), StoreError> {
        let settled = settled_number_of(store, id).await?;
        may_leave_its_account(&settled)?;
        let was = settled.status;
        let number = store.begin_release(id).await?.ok_or_else(being_released)?;
        let operation = NewOperation {
            agent_id: Some(number.agent_id),
            number_id: Some(number.id),
            not_before: Some(self.0.clock.now() + self.0.config.release_grace),
            ..self.new_operation(OperationKind::ReleaseNumber, &ReleaseData { was, clear_emergency_address })
        };
        Ok((insert(store, operation).await?, number))
    }

    /// Cancels a release that has not started and restores the number's status.
    ///
    /// # Errors
    /// [`StoreError`]; refusals as [`StoreError::Refused`].
    pub async fn cancel_release(&self, store: &TenantStore, id: NumberId) -> Result<PhoneNumber, StoreError> {
        let refused = |why: &str| StoreError::from(Refusal::new(RefusalCode::InvalidInput, why).at("id"));
        let number = store.numbers_by_id(&[id]).await?.pop();
        let number = number.ok_or_else(|| Refusal::not_found("phone number", "id"))?;
        match number.status {
            NumberStatus::Releasing => {}
            NumberStatus::Released => {
                return Err(refused("this number has been released already: provision another one"));
            }
            NumberStatus::Pending | NumberStatus::Active | NumberStatus::Inactive => {
                return Err(refused("this number is not being released: no release can be cancelled"));
            }
        }
        let cancelled = Refusal::new(RefusalCode::InvalidInput, "the release was cancelled by cancelRelease");
        let too_late = || refused("it is too late to cancel the release: it has started at the carrier");
        let Some(release) = released_by(store, &number).await? else {
            // Without an operation nobody knows what it was before. An active number takes calls, and
            // reconciliation corrects it.
            return store.end_release(id, NumberStatus::Active).await?.ok_or_else(too_late);
        };
        // Neither has a grace period.
        if matches!(release.kind, OperationKind::DeleteAgent | OperationKind::RestoreNumber) {
            return Err(too_late());
        }
        // Matches only a release that no driver has claimed: a claimed one may be at the carrier already.
        if !store.take_back_release(id, &cancelled).await? {
            return Err(too_late());
        }
        let was = read_data::<ReleaseData>(&release)?.was;
        store.end_release(id, was).await?.ok_or_else(too_late)
    }
}

/// Data of a RELEASE_NUMBER operation.
#[derive(Serialize, Deserialize)]
struct ReleaseData {
    /// Status of the number before the release; a cancellation restores it.
    was: NumberStatus,
    /// Whether an emergency address is removed first.
    #[serde(default)]
    clear_emergency_address: bool,
}

/// Refuses to give up a number while it is being moved.
pub(super) fn may_leave_its_account(number: &PhoneNumber) -> Result<(), StoreError> {
    if number.accounts.is_moving {
        let why = "this number is being moved to another account: wait until movePhoneNumber has ended";
        return Err(Refusal::new(RefusalCode::InvalidInput, why).at("id").into());
    }
    Ok(())
}

pub(super) fn being_released() -> StoreError {
    Refusal::new(RefusalCode::InvalidInput, "this number is already being released").at("id").into()
}

/// Step: release the number at the carrier.
async fn release_number(driver: &Provisioning, operation: &Operation) -> Result<Outcome, StoreError> {
    let number = number_of(driver, operation).await?;
    let data: ReleaseData = read_data(operation)?;
    if let Some(stocked) = kept_in_stock(driver, operation, &number).await? {
        return Ok(Outcome::Done(Progress::of(operation).with([stocked])));
    }
    Ok(match let_go(driver, operation, &number, data.clear_emergency_address).await? {
        Ok(()) => Outcome::Done(Progress::of(operation).with([Effect::NumberReleased { number: number.id }])),
        // A failed release leaves the number at the carrier, so it takes calls again.
        Err(why) => {
            let kept = vec![Effect::NumberKept { number: number.id }];
            Outcome::of_error(operation, why, kept, Patience::Endless)
        }
    })
}

/// The effect that moves a released number to the operator's stock, if fewer numbers of its area code are there than wished for: the
/// carrier would charge a new month for another one. `None`: it goes back to the carrier.
pub(super) async fn kept_in_stock(
    driver: &Provisioning,
    operation: &Operation,
    number: &PhoneNumber,
) -> Result<Option<Effect>, StoreError> {
    let may_stay = number.status == NumberStatus::Releasing
        && number.sid.is_some()
        && number.origin.is_bought()
        // The stock is in the platform's account.
        && number.accounts.owner.is_none()
        && number.kind == NumberType::Local
        // An earlier request to release it may still be carried out.
        && operation.outcome_unknown_at.is_none()
        && number.tenant_id != TenantId::STOCK;
    if !may_stay || !driver.wants_in_stock(&number.number).await? {
        return Ok(None);
    }
    // Only a number that is there, as it should be. Anything else is found out on the way to the carrier.
    let settings = driver.settings_of(number);
    let is_right = |owned: &OwnedNumber| {
        owned.emergency_address == EmergencyAddress::None && deviations(owned, &settings).is_empty()
    };
    Ok(match owned_to_release(driver, number).await {
        Ok(Some(owned)) if is_right(&owned) => {
            driver.0.store.ensure_stock().await?;
            let stocked = NumberId(driver.0.entropy.uuid(driver.0.clock.now()));
            Some(Effect::NumberStocked { number: number.id, stocked })
        }
        Ok(_) | Err(_) => None,
    })
}

/// Pause before the carrier is asked again whether it has removed an emergency address, which takes it minutes.
pub(super) const REMOVAL: Duration = Duration::from_secs(10);

/// Releases a number, unless it has the mark of another installation, which holds it then. An emergency address is removed
/// before, if it may be.
pub(super) async fn release_at_carrier(
    driver: &Provisioning,
    operation: &Operation,
    number: &PhoneNumber,
    clear_emergency_address: bool,
) -> Result<(), StepError<CarrierError>> {
    if number.status == NumberStatus::Released {
        return Ok(());
    }
    let Some(owned) = owned_to_release(driver, number).await? else { return Ok(()) };
    may_be_released(&owned, clear_emergency_address)?;
    let carrier = driver.carrier_of(number).await?;
    if owned.emergency_address.is_removable() {
        let asked = carrier.clear_emergency_address(&owned.sid).await;
        asked.map_err(|failure| not_done(driver, operation, failure))?;
        return Err(StepError::Obstructed(being_removed(), REMOVAL));
    }
    let asked = carrier.release(&owned.sid).await;
    asked.map_err(|failure| not_done(driver, operation, failure))
}

/// What the failure of a request means. While an earlier request may still be carried out, that may explain a rejection.
pub(super) fn not_done(
    driver: &Provisioning,
    operation: &Operation,
    failure: CarrierError,
) -> StepError<CarrierError> {
    if failure == CarrierError::Rejected(Rejection::NotFound) {
        // Gone since it was read, which the next attempt sees.
        return CarrierError::unavailable("it no longer shows the number").into();
    }
    if !failure.is_definitive() {
        return failure.into();
    }
    match unsettled_for(operation, driver.0.clock.now()) {
        Some(wait) => StepError::Unsettled(wait),
        None => StepError::Rejected(failure),
    }
}

/// Whether nothing stands in the way of a release, or nothing but an emergency address that may be removed.
pub(super) fn may_be_released(
    owned: &OwnedNumber,
    clear_emergency_address: bool,
) -> Result<(), StepError<CarrierError>> {
    let refused = |why: String| StepError::Refused(Refusal::new(RefusalCode::CarrierRejected, why));
    let address = &owned.emergency_address;
    if !clear_emergency_address && (address.is_removable() || *address == EmergencyAddress::BeingRegistered) {
        return Err(refused(format!(
            "{} has an emergency address, and the carrier releases no number that has one: repeat the request with \
             clearEmergencyAddress (deleteAgent: clearEmergencyAddresses) to have it removed first",
            owned.number
        )));
    }
    match address {
        EmergencyAddress::NotRemoved => Err(refused(format!(
            "the carrier could not remove the emergency address of {}: ask the carrier's support, then release the number again",
            owned.number
        ))),
        EmergencyAddress::BeingRemoved => Err(StepError::Obstructed(being_removed(), REMOVAL)),
        EmergencyAddress::BeingRegistered => Err(StepError::Obstructed(being_registered(), REMOVAL)),
        EmergencyAddress::None
        | EmergencyAddress::Registered(_)
        | EmergencyAddress::NotRegistered
        | EmergencyAddress::Unclear => Ok(()),
    }
}

pub(super) fn being_removed() -> Refusal {
    let why = "the carrier is removing the number's emergency address, which takes minutes: the number is released afterwards";
    Refusal::new(RefusalCode::CarrierUnavailable, why)
}

fn being_registered() -> Refusal {
    let why = "the carrier is registering the number's emergency address, which takes minutes: the address is removed afterwards";
    Refusal::new(RefusalCode::CarrierUnavailable, why)
}

/// A number to release, as the carrier has it; `None` if the carrier no longer has it or another installation holds it. A number
/// without a known id is looked up by its digits.
pub(super) async fn owned_to_release(
    driver: &Provisioning,
    number: &PhoneNumber,
) -> Result<Option<OwnedNumber>, CarrierError> {
    let carrier = driver.carrier_of(number).await?;
    if let Some(sid) = &number.sid {
        // Read before the release: another installation with this account may hold the number by now.
        let owned = carrier.fetch(sid).await?;
        if owned.as_ref().is_some_and(|owned| is_marked_by_another(owned, number)) {
            error!(
                number = mask(number.number.as_str()),
                sid, "number not released: another installation with this carrier account holds it"
            );
            return Ok(None);
        }
        return Ok(owned);
    }
    let owned = carrier.find(&number.number).await?;
    // Only the mark shows that this purchase bought it: the digits alone may be the operator's own number.
    let mark = mark_of(number.mark());
    if let Some(other) = owned.as_ref().filter(|owned| owned.friendly_name != mark) {
        warn!(
            number = mask(number.number.as_str()),
            sid = other.sid,
            "number not released: it does not have this operation's mark at the carrier"
        );
        return Ok(None);
    }
    Ok(owned)
}

pub(super) fn is_marked_by_another(owned: &OwnedNumber, number: &PhoneNumber) -> bool {
    operation_of_mark(&owned.friendly_name).is_some_and(|mark| mark != number.mark())
}
