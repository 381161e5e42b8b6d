//! REPAIR_NUMBER: compares the settings of a number at the carrier with the expected ones and restores them. Calls do not
//! arrive if another tool changed the webhooks, or if an application or trunk takes precedence over them.
//!
//! Texts do not arrive either if a Messaging Service sends them elsewhere: that is reported, with what to do at the carrier.
//!
//! There is no undo: a failed repair leaves the number as it was found.

use std::time::Duration;

use chrono::TimeDelta;
use serde::Serialize;
use tracing::{error, warn};

use super::settings::{self, Setting};
use super::{Steps, insert, number_of, present, settled_number_of};
use crate::carrier::CarrierError;
use crate::domain::{
    AgentId, NumberId, NumberStatus, Operation, OperationKind, PhoneNumber, Refusal, RefusalCode, Step, mask,
};
use crate::provisioning::Provisioning;
use crate::provisioning::outcome::{Outcome, Patience, Progress, Retry, StepError};
use crate::store::{CheckWhen, Effect, NewOperation, StoreError, TenantStore};

pub(super) const STEPS: Steps =
    &[(Step::RepairNumber, |driver, operation, _| Box::pin(repair_number(driver, operation)))];

/// Age of a check of registrations that is not repeated: many numbers may be repaired at once.
const JUST_CHECKED: TimeDelta = TimeDelta::seconds(10);

/// Pause before it is asked again whether a move has ended.
const MOVED: Duration = Duration::from_secs(1);

/// Data of a kind that needs none beyond the row of its number or agent.
#[derive(Serialize)]
pub(super) struct NoData {}

impl Provisioning {
    /// Stores a repair of a number's settings. Returns the repair already under way for the number, if there is one: it has not
    /// ended, so it also restores the settings after this request.
    ///
    /// # Errors
    /// [`StoreError`]; refusals as [`StoreError::Refused`].
    pub async fn repair_number(
        &self,
        store: &TenantStore,
        id: NumberId,
    ) -> Result<(Operation, PhoneNumber), StoreError> {
        let number = settled_number_of(store, id).await?;
        Ok((self.begin_repair(store, &number).await?, number))
    }

    /// Stores a repair as [`Self::repair_number`] does, also of a number that is being released. Do not use it for a number that was
    /// bought: once the carrier has released that number, its repair would report it as lost.
    ///
    /// # Errors
    /// [`StoreError`]; refusals as [`StoreError::Refused`].
    pub(in crate::provisioning) async fn begin_repair(
        &self,
        store: &TenantStore,
        number: &PhoneNumber,
    ) -> Result<Operation, StoreError> {
        let same = |operation: &Operation| operation.kind == OperationKind::RepairNumber;
        if let Some(under_way) = under_way(store, number, same).await? {
            return Ok(under_way);
        }
        let operation = NewOperation {
            agent_id: Some(number.agent_id),
            number_id: Some(number.id),
            ..self.new_operation(OperationKind::RepairNumber, &NoData {})
        };
        insert(store, operation).await
    }
}

/// The unfinished operation on a number that satisfies `does_it`. Locks the agent, so that of two concurrent requests the
/// second finds the operation of the first.
pub(super) async fn under_way(
    store: &TenantStore,
    number: &PhoneNumber,
    does_it: impl Fn(&Operation) -> bool,
) -> Result<Option<Operation>, StoreError> {
    let agent: AgentId = number.agent_id;
    present(store.agent(agent).await?, "agents")?;
    // After the lock: an operation that another request has just stored is visible now.
    let mut unfinished = store.unfinished_operations(agent).await?.into_iter();
    Ok(unfinished.find(|operation| operation.number_id == Some(number.id) && does_it(operation)))
}

/// Step: compare and restore.
async fn repair_number(driver: &Provisioning, operation: &Operation) -> Result<Outcome, StoreError> {
    let number = number_of(driver, operation).await?;
    let sid = present(number.sid.clone(), "phone_numbers")?;
    if let Some(wait) = until_moved(operation, &number) {
        return Ok(wait);
    }
    if is_given_back(driver, operation, &number).await? {
        // The release waits until the carrier can no longer carry out an earlier request of this repair.
        let why = "the number is being given up or was released: it is no longer pointed to this server";
        let because = Refusal::new(RefusalCode::InvalidInput, why);
        return Ok(Outcome::Failed(because, Progress::of(operation)));
    }
    Ok(match settings::restore(driver.carrier_of(&number).await, &sid, &driver.settings_of(&number)).await {
        Ok(Setting::Right) => match misdirection(driver, &number).await? {
            None => confirmed(operation, &number),
            Some(why) => misdirected(operation, &number, &why),
        },
        // Twilio answers with success even if it ignores a parameter.
        Ok(Setting::Different) => Outcome::Retry(Retry {
            because: Refusal::new(
                RefusalCode::CarrierRejected,
                "the carrier did not apply the settings of the number: try again later",
            ),
            progress: Progress::of(operation),
            undo: Vec::new(),
            retry_after: None,
            breaker_open: false,
            outcome_unknown: false,
            patience: Patience::Bounded,
        }),
        Ok(Setting::Gone) => gone(operation, &number),
        Err(failure) => Outcome::failed(operation, &failure, Vec::new(), Patience::Bounded),
    })
}

/// Waits while the number is moved: an account that it has left would say that it is gone.
pub(super) fn until_moved(operation: &Operation, number: &PhoneNumber) -> Option<Outcome> {
    number.accounts.is_moving.then(|| {
        let why = "the number is being moved to another account";
        let because = Refusal::new(RefusalCode::CarrierUnavailable, why);
        waiting(operation, StepError::Obstructed(because, MOVED))
    })
}

fn waiting(operation: &Operation, why: StepError<CarrierError>) -> Outcome {
    Outcome::of_error(operation, why, Vec::new(), Patience::Bounded)
}

/// Whether the number's settings are no longer this server's: it was not bought here, and is being given up. While its release is
/// ahead it takes calls, and the release waits for the end of the repair.
async fn is_given_back(
    driver: &Provisioning,
    operation: &Operation,
    number: &PhoneNumber,
) -> Result<bool, StoreError> {
    Ok(!number.origin.is_bought()
        && match number.status {
            NumberStatus::Releasing => {
                driver.0.store.is_being_given_up(number).await?
                    // Read afterwards: a release that has ended since has left its result in the number.
                    || number_of(driver, operation).await?.status == NumberStatus::Released
            }
            NumberStatus::Released => true,
            NumberStatus::Pending | NumberStatus::Active | NumberStatus::Inactive => false,
        })
}

/// Why texts to the number do not reach this server although its settings are right. If the carrier does not tell now, what it told
/// last counts.
async fn misdirection(driver: &Provisioning, number: &PhoneNumber) -> Result<Option<String>, StoreError> {
    if !number.capabilities.sms {
        return Ok(None);
    }
    if let Err(failure) = driver.check_registrations(CheckWhen::Now, JUST_CHECKED).await {
        warn!(error = &failure as &dyn std::error::Error, "registrations of numbers not read");
    }
    driver.0.store.misdirection_of(number.id).await
}

/// The outcome if a Messaging Service sends the number's texts elsewhere. It is not changed: it may belong to another system.
fn misdirected(operation: &Operation, number: &PhoneNumber, why: &str) -> Outcome {
    let why =
        format!("the settings of the number are right, and calls reach the agent, but texts do not: {why}");
    let confirmed = Effect::NumberConfirmed { number: number.id };
    Outcome::Failed(
        Refusal::new(RefusalCode::CarrierRejected, why),
        Progress::of(operation).with([confirmed]),
    )
}

/// The outcome if the carrier has the number with the expected settings.
pub(super) fn confirmed(operation: &Operation, number: &PhoneNumber) -> Outcome {
    Outcome::Done(Progress::of(operation).with([Effect::NumberConfirmed { number: number.id }]))
}

/// The outcome if the carrier no longer has the number.
pub(super) fn gone(operation: &Operation, number: &PhoneNumber) -> Outcome {
    let sid = number.sid.as_deref().unwrap_or_default();
    error!(number = mask(number.number.as_str()), sid, "number lost: the carrier no longer has it");
    let why = "the carrier no longer has the number, so it cannot be repaired: release it and provision another one";
    let lost = Effect::NumberLost { number: number.id };
    Outcome::Failed(Refusal::new(RefusalCode::CarrierRejected, why), Progress::of(operation).with([lost]))
}
