//! The step that buys the claimed number and points it to this server. Its undo frees the claim.

use std::time::Duration;

use tracing::{error, warn};

use super::ownership::{self, Ownership};
use super::{Purchase, Refused, purchase_of, with_purchase};
use crate::carrier::{self, Carrier, CarrierError, NumberSettings, OwnedNumber, Rejection};
use crate::domain::{Operation, PhoneNumber, Refusal, RefusalCode, Step, mask};
use crate::provisioning::kinds::number_of;
use crate::provisioning::kinds::settings::deviations;
use crate::provisioning::outcome::{Outcome, Patience, Pause, Progress, SETTLING, unsettled_for};
use crate::provisioning::refusals::unsettled;
use crate::provisioning::{Provisioning, mark_of, provider_refusal};
use crate::store::{Effect, StoreError};

/// Number of candidates refused for a missing address or documents after which a purchase fails.
const UNREGULATED_TRIES: u8 = 3;

/// Everything the step works with.
struct Buying<'a> {
    driver: &'a Provisioning,
    /// The account that buys the number.
    carrier: Carrier,
    operation: &'a Operation,
    purchase: Purchase,
    number: PhoneNumber,
    settings: NumberSettings,
    mark: String,
}

/// Step: buy exactly the claimed number and point it to this server.
pub(super) async fn buy_number(driver: &Provisioning, operation: &Operation) -> Result<Outcome, StoreError> {
    let number = number_of(driver, operation).await?;
    let carrier = match driver.carrier_of(&number).await {
        Ok(carrier) => carrier,
        Err(failure) => {
            let freed = vec![Effect::NumberReleased { number: number.id }];
            return Ok(Outcome::failed(operation, &failure, freed, Patience::UntilSettled));
        }
    };
    let purchase = purchase_of(operation)?;
    let (settings, mark) = (driver.settings(operation.id), mark_of(operation.id));
    Buying { driver, carrier, operation, purchase, number, settings, mark }.look_up_or_buy().await
}

impl Buying<'_> {
    async fn look_up_or_buy(self) -> Result<Outcome, StoreError> {
        // Before every request: Twilio has no idempotency key, and buying an owned number again succeeds.
        let found = match self.carrier.find(&self.number.number).await {
            Ok(found) => found,
            Err(failure) => return Ok(self.not_bought(&failure)),
        };
        let found = found.map(|owned| (self.ownership_of(&owned), owned));
        match found {
            Some((Ownership::Ours, owned)) => self.keep(owned).await,
            Some((Ownership::MarkedByMistake, owned)) => self.give_up(&owned).await,
            found => {
                // Not found proves nothing yet: the carrier may still carry out an earlier request.
                if let Some(wait) = unsettled_for(self.operation, self.driver.0.clock.now()) {
                    return Ok(self.waits(Progress::of(self.operation), wait, false));
                }
                if let Some((Ownership::Anothers, owned)) = &found {
                    error!(operation = %self.operation.id, number = mask(self.number.number.as_str()), sid = owned.sid, "number not bought: the carrier account already owns it, but the database does not know it; reconcile");
                    return self.refused(Refused::Sold);
                }
                // An unnamed number may be ours without its mark: the purchase request shows who owns it.
                match self.purchase.refused.clone().filter(|_| found.is_none()) {
                    Some(earlier) => self.refused(earlier),
                    None => self.buy().await,
                }
            }
        }
    }

    fn ownership_of(&self, owned: &OwnedNumber) -> Ownership {
        ownership::of(owned, self.operation, &self.purchase, &self.settings, &self.mark)
    }

    async fn buy(self) -> Result<Outcome, StoreError> {
        match self.carrier.buy(&self.number.number, &self.mark).await {
            // No request of ours came before, so another owner bought it and our mark must go.
            Ok(carrier::Purchase::Older(owned)) if self.operation.outcome_unknown_at.is_none() => {
                self.give_up(&owned).await
            }
            // The outcome of an earlier request is unknown, so that request bought the older number.
            Ok(carrier::Purchase::New(owned) | carrier::Purchase::Older(owned)) => {
                match self.ownership_of(&owned) {
                    Ownership::MarkedByMistake => self.give_up(&owned).await,
                    Ownership::Ours | Ownership::Nobodys | Ownership::Anothers => self.point(owned).await,
                }
            }
            Err(CarrierError::Rejected(rejection))
                if CarrierError::Rejected(rejection.clone()).is_definitive() =>
            {
                let by = Refused::by(&rejection);
                if self.operation.outcome_unknown_at.is_none() {
                    return self.refused(by);
                }
                warn!(operation = %self.operation.id, %rejection, "carrier rejected the purchase of a number that an earlier request may have bought; it will be looked up again");
                let kept = Purchase { refused: Some(by), ..self.purchase.clone() };
                let kept = with_purchase(Progress::of(self.operation), kept);
                Ok(self.waits(kept, SETTLING.to_std().unwrap_or_default(), true))
            }
            Err(failure) => Ok(self.not_bought(&failure)),
        }
    }

    /// The account holds the number under our mark: point it to this server, or release it if its settings were rejected.
    async fn keep(self, owned: OwnedNumber) -> Result<Outcome, StoreError> {
        let Some(refused @ Refused::Settings { .. }) = self.purchase.refused.clone() else {
            return self.point(owned).await;
        };
        // Released before the claim is freed: a crash in between leaves a claim, not a billed number
        // that nobody holds.
        match self.carrier.release(&owned.sid).await {
            Ok(()) => self.refused(refused),
            Err(failure) => Ok(self.retry_setup(provider_refusal(&failure), &failure)),
        }
    }

    /// Points a number under our mark to this server.
    async fn point(self, owned: OwnedNumber) -> Result<Outcome, StoreError> {
        if deviations(&owned, &self.settings).is_empty() {
            return Ok(self.bought(owned.sid));
        }
        match self.carrier.point(&owned.sid, &self.settings, owned.capabilities.sms).await {
            // `point` does not send the name: another name means that the other owner marked it after us.
            Ok(pointed) if pointed.friendly_name != self.mark => {
                error!(operation = %self.operation.id, number = mask(owned.number.as_str()), sid = owned.sid, "number lost to another installation with this carrier account, which bought it at the same time; if its calls arrive here, run repairPhoneNumber or reconcile --fix there");
                self.refused(Refused::Sold)
            }
            Ok(pointed) if deviations(&pointed, &self.settings).is_empty() => Ok(self.bought(pointed.sid)),
            Ok(pointed) => {
                let deviating = deviations(&pointed, &self.settings).join(", ");
                let because = Refusal::new(
                    RefusalCode::CarrierUnavailable,
                    "the carrier sold the number but did not apply its settings: they are being sent again",
                );
                Ok(self.retry_setup(because, &format!("the carrier did not apply {deviating}")))
            }
            Err(failure)
                // `NotFound` does not reject the settings: the next look-up shows whether the account has it.
                if failure.is_definitive() && failure != CarrierError::Rejected(Rejection::NotFound) =>
            {
                error!(operation = %self.operation.id, number = mask(owned.number.as_str()), sid = owned.sid, %failure, "carrier sold a number but rejected its settings; the number will be released");
                // Stored before the release, so that the tenant gets this reason even after a crash.
                let by = Refused::Settings { message: provider_refusal(&failure).message };
                let kept = Purchase { refused: Some(by), ..self.purchase };
                let kept = with_purchase(Progress::of(self.operation), kept);
                Ok(Outcome::retry_endlessly(unsettled::<Rejection>(), kept))
            }
            Err(failure) => Ok(self.retry_setup(provider_refusal(&failure), &failure)),
        }
    }

    /// Leaves a number to its earlier owner. The claim stays until our mark is removed: otherwise reconciliation would take the
    /// number for an orphan of ours and release it.
    async fn give_up(self, owned: &OwnedNumber) -> Result<Outcome, StoreError> {
        match self.carrier.unmark(&owned.sid, &self.mark).await {
            Ok(_) => {
                error!(operation = %self.operation.id, number = mask(owned.number.as_str()), sid = owned.sid, "number not bought: another installation with this carrier account already owned it; it was renamed but not changed otherwise, and its owner must restore the name with repairPhoneNumber or reconcile --fix");
                self.refused(Refused::Sold)
            }
            Err(failure) => Ok(self.retry_setup(provider_refusal(&failure), &failure)),
        }
    }

    fn bought(&self, sid: String) -> Outcome {
        let bought = Effect::NumberBought { number: self.number.id, sid };
        Outcome::Done(Progress::of(self.operation).with([bought]))
    }

    /// A request failed and no number is known to be bought.
    fn not_bought(&self, failure: &CarrierError) -> Outcome {
        Outcome::failed(self.operation, failure, self.freed(), Patience::UntilSettled)
    }

    /// The number is in the account but not set up yet: retry without limit.
    fn retry_setup(&self, because: Refusal, failure: &dyn std::fmt::Display) -> Outcome {
        warn!(operation = %self.operation.id, number = mask(self.number.number.as_str()), %failure, "bought number is not set up yet; it will be retried");
        Outcome::retry_endlessly(because, Progress::of(self.operation))
    }

    /// Waits until the carrier can no longer carry out an earlier request; then the number is looked up again.
    fn waits(&self, progress: Progress, wait: Duration, outcome_unknown: bool) -> Outcome {
        Outcome::WaitUntil(Pause { because: unsettled::<Rejection>(), progress, wait, outcome_unknown })
    }

    /// Undo: frees the claim.
    fn freed(&self) -> Vec<Effect> {
        vec![Effect::NumberReleased { number: self.number.id }]
    }

    /// The outcome once the claimed number certainly cannot be had: try the next candidate, or fail.
    fn refused(self, by: Refused) -> Result<Outcome, StoreError> {
        let progress = Progress::of(self.operation).with(self.freed()).about(None);
        // The rejection was about this candidate only.
        let mut purchase = Purchase { refused: None, ..self.purchase };
        match by {
            Refused::Purchase { message } | Refused::Settings { message } => {
                return Ok(Outcome::Failed(Refusal::new(RefusalCode::CarrierRejected, message), progress));
            }
            Refused::Regulated => {
                purchase.regulated = purchase.regulated.saturating_add(1);
                purchase.candidates.retain(|candidate| !candidate.needs_address);
            }
            Refused::Sold => {}
        }
        if purchase.wanted.number.is_some() || purchase.regulated >= UNREGULATED_TRIES {
            return Ok(Outcome::Failed(purchase.none_left(Vec::new()), progress));
        }
        Ok(Outcome::Next(Step::ClaimNumber, with_purchase(progress, purchase)))
    }
}
