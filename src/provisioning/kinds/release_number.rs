//! RELEASE_NUMBER: releases a number to the carrier. A released number cannot be bought again for certain, so the intent is
//! stored first, and a number that the carrier does not know any more counts as released. While the outcome of a release is
//! unknown, no rejection ends the operation: the number is kept only if the carrier still has it once that request can no
//! longer be carried out, and rejects the release then. The undo puts it into service again.
//!
//! Where the server grants a grace period, the operation begins when it is over. Until then the number is `RELEASING` and still
//! takes calls, and the release can be cancelled.

use serde::{Deserialize, Serialize};
use tracing::{error, warn};

use super::{Steps, insert, number_of, read_data, released_by, settled_number_of};
use crate::carrier::{CarrierError, OwnedNumber};
use crate::domain::{
    NumberId, NumberStatus, Operation, OperationKind, PhoneNumber, Refusal, RefusalCode, Step, mask,
};
use crate::provisioning::outcome::{Outcome, Patience, Progress, StepError, unsettled_for};
use crate::provisioning::{Provisioning, operation_of_mark};
use crate::store::{Effect, NewOperation, StoreError, TenantStore};

pub(super) const STEPS: Steps =
    &[(Step::ReleaseNumber, |driver, operation, _| Box::pin(release_number(driver, operation)))];

impl Provisioning {
    /// Marks a number as about to be released and stores the operation; it begins when the grace period is over.
    ///
    /// # Errors
    /// [`StoreError`]; refusals as [`StoreError::Refused`].
    pub async fn release_number(
        &self,
        store: &TenantStore,
        id: NumberId,
    ) -> Result<(Operation, PhoneNumber), StoreError> {
        let was = settled_number_of(store, id).await?.status;
        let number = store.begin_release(id).await?.ok_or_else(being_released)?;
        let operation = NewOperation {
            agent_id: Some(number.agent_id),
            number_id: Some(number.id),
            not_before: Some(self.0.clock.now() + self.0.config.release_grace),
            ..self.new_operation(OperationKind::ReleaseNumber, &ReleaseData { was })
        };
        Ok((insert(store, operation).await?, number))
    }

    /// Cancels a release that is not carried out yet: the number is what it was before.
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
                return Err(refused("this number is not being released: there is nothing to cancel"));
            }
        }
        let cancelled = Refusal::new(RefusalCode::InvalidInput, "the release was cancelled by cancelRelease");
        let too_late = || refused("it is too late: the number is being given back to the carrier");
        let Some(release) = released_by(store, &number).await? else {
            return store.end_release(id, NumberStatus::Active).await?.ok_or_else(too_late);
        };
        if release.kind == OperationKind::DeleteAgent {
            return Err(too_late());
        }
        if !store.take_back_release(id, &cancelled).await? {
            return Err(too_late());
        }
        let was = read_data::<ReleaseData>(&release)?.was;
        store.end_release(id, was).await?.ok_or_else(too_late)
    }
}

/// The kind's own data.
#[derive(Serialize, Deserialize)]
struct ReleaseData {
    /// What the number was before.
    was: NumberStatus,
}

fn being_released() -> StoreError {
    Refusal::new(RefusalCode::InvalidInput, "this number is being released already").at("id").into()
}

/// Step: give it back.
async fn release_number(driver: &Provisioning, operation: &Operation) -> Result<Outcome, StoreError> {
    let number = number_of(driver, operation).await?;
    Ok(match give_back(driver, operation, &number).await {
        Ok(()) => Outcome::Done(Progress::of(operation).with([Effect::NumberReleased { number: number.id }])),
        // The carrier still has the number: it answers again.
        Err(why) => {
            let kept = vec![Effect::NumberKept { number: number.id }];
            Outcome::of_error(operation, why, kept, Patience::Endless)
        }
    })
}

/// Gives a number back, unless it bears the mark of another installation, which holds it then.
pub(super) async fn give_back(
    driver: &Provisioning,
    operation: &Operation,
    number: &PhoneNumber,
) -> Result<(), StepError<CarrierError>> {
    if number.status == NumberStatus::Released {
        return Ok(());
    }
    let Some(sid) = to_give_back(driver, number).await? else { return Ok(()) };
    match driver.carrier().release(&sid).await {
        Err(refusal) if refusal.is_verdict() => Err(match unsettled_for(operation, driver.0.clock.now()) {
            Some(wait) => StepError::Unsettled(wait),
            None => StepError::Rejected(refusal),
        }),
        done => Ok(done?),
    }
}

/// The carrier's id of a number that it still has and that nobody else holds; a number without the carrier's id is looked up by
/// its digits.
async fn to_give_back(driver: &Provisioning, number: &PhoneNumber) -> Result<Option<String>, CarrierError> {
    if let Some(sid) = &number.sid {
        let owned = driver.carrier().fetch(sid).await?;
        if owned.as_ref().is_some_and(|owned| is_marked_by_another(owned, number)) {
            error!(
                number = mask(number.number.as_str()),
                sid, "not given back: another installation with this carrier account holds the number"
            );
            return Ok(None);
        }
        return Ok(owned.map(|_| sid.clone()));
    }
    let owned = driver.carrier().find(&number.number).await?;
    let mark = driver.settings(number.operation_id).friendly_name;
    if let Some(other) = owned.as_ref().filter(|owned| owned.friendly_name != mark) {
        warn!(
            number = mask(number.number.as_str()),
            sid = other.sid,
            "not given back: the carrier's number does not carry our mark"
        );
        return Ok(None);
    }
    Ok(owned.map(|owned| owned.sid))
}

fn is_marked_by_another(owned: &OwnedNumber, number: &PhoneNumber) -> bool {
    operation_of_mark(&owned.friendly_name).is_some_and(|mark| mark != number.operation_id)
}
