//! REPAIR_NUMBER: compares the settings of a number at the carrier with the expected ones and restores them. Calls do not
//! arrive if another tool changed the webhooks, or if an application or trunk takes precedence over them.
//!
//! There is no undo: a failed repair leaves the number as it was found.

use serde::Serialize;
use tracing::error;

use super::settings::{self, Setting};
use super::{Steps, insert, number_of, present, settled_number_of};
use crate::domain::{
    AgentId, NumberId, Operation, OperationKind, PhoneNumber, Refusal, RefusalCode, Step, mask,
};
use crate::provisioning::Provisioning;
use crate::provisioning::outcome::{Outcome, Patience, Progress, Retry};
use crate::store::{Effect, NewOperation, StoreError, TenantStore};

pub(super) const STEPS: Steps =
    &[(Step::RepairNumber, |driver, operation, _| Box::pin(repair_number(driver, operation)))];

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
        let same = |operation: &Operation| operation.kind == OperationKind::RepairNumber;
        if let Some(under_way) = under_way(store, &number, same).await? {
            return Ok((under_way, number));
        }
        let operation = NewOperation {
            agent_id: Some(number.agent_id),
            number_id: Some(number.id),
            ..self.new_operation(OperationKind::RepairNumber, &NoData {})
        };
        Ok((insert(store, operation).await?, number))
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
    Ok(match settings::restore(driver, &sid, &driver.settings(number.operation_id)).await {
        Ok(Setting::Right) => confirmed(operation, &number),
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
