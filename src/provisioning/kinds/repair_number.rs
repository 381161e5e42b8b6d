//! REPAIR_NUMBER: compares the settings of a number at the carrier with what they should be, and restores them. For numbers
//! whose calls do not arrive: another tool pointed them elsewhere, or an application or trunk shadows their webhooks.
//!
//! There is nothing to undo: a repair that fails leaves the number as it was found.

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

/// The kind has no data: everything it needs is in the row of the number.
#[derive(Serialize)]
pub(super) struct NoData {}

impl Provisioning {
    /// Stores a repair of the settings of a number. One that is under way for the number is returned instead of a second: it
    /// has not ended, so the settings are restored after this request as well.
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

/// The unfinished operation on a number that does what is wanted. Locks the agent: of two requests at the same time, the second
/// finds the operation of the first.
pub(super) async fn under_way(
    store: &TenantStore,
    number: &PhoneNumber,
    does_it: impl Fn(&Operation) -> bool,
) -> Result<Option<Operation>, StoreError> {
    let agent: AgentId = number.agent_id;
    present(store.agent(agent).await?, "agents")?;
    let mut unfinished = store.unfinished_operations(agent).await?.into_iter();
    Ok(unfinished.find(|operation| operation.number_id == Some(number.id) && does_it(operation)))
}

/// Step: compare and restore.
async fn repair_number(driver: &Provisioning, operation: &Operation) -> Result<Outcome, StoreError> {
    let number = number_of(driver, operation).await?;
    let sid = present(number.sid.clone(), "phone_numbers")?;
    Ok(match settings::restore(driver, &sid, &driver.settings(number.operation_id)).await {
        Ok(Setting::Right) => confirmed(operation, &number),
        Ok(Setting::Different) => Outcome::Retry(Retry {
            because: Refusal::new(
                RefusalCode::CarrierRejected,
                "the carrier has not taken the settings of the number: try again later",
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

/// The carrier has the number, set as it should be.
pub(super) fn confirmed(operation: &Operation, number: &PhoneNumber) -> Outcome {
    Outcome::Done(Progress::of(operation).with([Effect::NumberConfirmed { number: number.id }]))
}

/// The carrier does not have the number any more.
pub(super) fn gone(operation: &Operation, number: &PhoneNumber) -> Outcome {
    let sid = number.sid.as_deref().unwrap_or_default();
    error!(number = mask(number.number.as_str()), sid, "a number is gone at the carrier");
    let why =
        "the number is gone at the carrier and cannot be repaired: release it and provision another one";
    let lost = Effect::NumberLost { number: number.id };
    Outcome::Failed(Refusal::new(RefusalCode::CarrierRejected, why), Progress::of(operation).with([lost]))
}
