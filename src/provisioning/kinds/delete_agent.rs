//! DELETE_AGENT: releases the numbers of the agent, then deletes it at the voice provider. Numbers that were not bought here get their
//! former settings back instead.
//!
//! If the carrier rejects the release of a number, the other numbers are still released. The rejected number is kept and takes
//! calls again, so the undo restores the agent as it was, and the operation fails with the carrier's reason.

use serde::{Deserialize, Serialize};
use tracing::warn;

use super::adopted::let_go;
use super::release_number::{kept_in_stock, may_be_released, owned_to_release};
use super::{Steps, agent_id_of, agent_of, insert, present, read_data, write_data};
use crate::carrier::CarrierError;
use crate::domain::{
    Agent, AgentId, AgentStatus, NumberId, Operation, OperationKind, PhoneNumber, Refusal, RefusalCode, Step,
    mask,
};
use crate::provisioning::outcome::{Outcome, Patience, Progress, StepError, unsettled_for};
use crate::provisioning::{Provisioning, provider_refusal};
use crate::store::{AgentChanges, Effect, NewOperation, StoreError, TenantStore};
use crate::voice::VoiceError;

pub(super) const STEPS: Steps = &[
    (Step::ReleaseNumber, |driver, operation, _| Box::pin(release_next_number(driver, operation))),
    (Step::DeleteVoiceAgent, |driver, operation, _| Box::pin(delete_voice_agent(driver, operation))),
];

impl Provisioning {
    /// Takes an agent out of service and stores its deletion. The agent's numbers go to the tenant's pool if they are to be kept;
    /// else they are released first, without a grace period.
    /// Refused while another operation is under way for the agent; the deletion replaces releases in their grace period.
    ///
    /// # Errors
    /// [`StoreError`]; refusals as [`StoreError::Refused`].
    pub async fn delete_agent(
        &self,
        store: &TenantStore,
        id: AgentId,
        Leaving { keep_numbers, clear_emergency_addresses }: Leaving,
    ) -> Result<(Operation, Agent), StoreError> {
        let refused = |why: String| StoreError::from(Refusal::new(RefusalCode::InvalidInput, why).at("id"));
        // Locks the agent: no purchase or repair can start for it between the check below and the commit.
        let agent = agent_of(store, id, "id").await?;
        if agent.status == AgentStatus::Deleted {
            return Err(refused("this agent is already deleted".to_owned()));
        }
        let held = store.held_numbers(id).await?;
        let is_held = |number: &NumberId| held.iter().any(|held| held.id == *number);
        for busy in store.unfinished_operations(id).await? {
            // Of a number that stays: it is no longer the agent's, or goes to the pool.
            let stays = |number: NumberId| keep_numbers || !is_held(&number);
            if ABOUT_A_NUMBER.contains(&busy.kind) && busy.number_id.is_some_and(stays) {
                continue;
            }
            if !superseded(store, &busy).await? {
                return Err(refused(format!(
                    "{} is still under way for this agent: wait until it ends",
                    busy.id
                )));
            }
        }
        let was = agent.status;
        // In the same transaction: once the deletion is accepted, no call reaches the agent.
        let out_of_service = AgentChanges { status: Some(AgentStatus::Inactive), ..AgentChanges::default() };
        let agent = present(store.update_agent(id, out_of_service).await?, "agents")?;
        let pooled = if keep_numbers { store.pool_numbers_of(id).await? } else { Vec::new() };
        for number in held.iter().filter(|number| !pooled.contains(&number.id)) {
            // No effect on a number that is being released already: the deletion goes on with it.
            store.begin_release(number.id).await?;
        }
        let data = DeleteData {
            was,
            kept: Vec::new(),
            why: None,
            pooled,
            clear_emergency_addresses,
            is_checked: false,
        };
        let operation =
            NewOperation { agent_id: Some(id), ..self.new_operation(OperationKind::DeleteAgent, &data) };
        Ok((insert(store, operation).await?, agent))
    }
}

/// Operations on a number that do not need its agent.
const ABOUT_A_NUMBER: [OperationKind; 4] = [
    OperationKind::ReleaseNumber,
    OperationKind::RestoreNumber,
    OperationKind::RepairNumber,
    OperationKind::CheckNumber,
];

/// Data of a DELETE_AGENT operation.
#[derive(Serialize, Deserialize)]
struct DeleteData {
    /// Status of the agent before the deletion; the undo restores it.
    was: AgentStatus,
    /// Numbers with a rejected release.
    kept: Vec<NumberId>,
    /// Reason of the last rejected release.
    why: Option<String>,
    /// Numbers that went to the pool; the undo gives them back.
    #[serde(default)]
    pooled: Vec<NumberId>,
    /// Whether emergency addresses are removed first.
    #[serde(default)]
    clear_emergency_addresses: bool,
    /// Whether all numbers are known to be such as can be released.
    #[serde(default)]
    is_checked: bool,
}

/// What becomes of the numbers of a deleted agent.
#[derive(Debug, Clone, Copy, Default)]
pub struct Leaving {
    /// They go to the tenant's pool. Otherwise they are released.
    pub keep_numbers: bool,
    /// Their emergency addresses are removed, so that they can be released.
    pub clear_emergency_addresses: bool,
}

/// Ends a release that is still in its grace period; the deletion releases the number instead. Returns whether it did.
async fn superseded(store: &TenantStore, operation: &Operation) -> Result<bool, StoreError> {
    let Some(number) = operation.number_id.filter(|_| operation.kind == OperationKind::ReleaseNumber) else {
        return Ok(false);
    };
    let why = "the agent was deleted before the release was due: its deletion releases the number";
    store.take_back_release(number, &Refusal::new(RefusalCode::InvalidInput, why)).await
}

/// Step, repeated for each number: release one.
async fn release_next_number(driver: &Provisioning, operation: &Operation) -> Result<Outcome, StoreError> {
    let (agent, mut data) = (agent_id_of(operation)?, read_data::<DeleteData>(operation)?);
    // Read anew for each number: one that was released is no longer among them, also after a crash.
    let numbers = driver.0.store.numbers_of(agent).await?;
    let Some(number) = numbers.iter().find(|number| !data.kept.contains(&number.id)) else {
        return Ok(match &data.why {
            None => Outcome::Next(Step::DeleteVoiceAgent, Progress::of(operation)),
            Some(why) => {
                let undo = restored(agent, &data, &[]);
                Outcome::Failed(not_all(data.kept.len(), why), Progress::of(operation).with(undo))
            }
        });
    };
    // One number is checked before it is released. Of several, none is to be released if another one cannot be.
    if !data.is_checked && numbers.len() > 1 {
        return Ok(match check_all(driver, &numbers, data.clear_emergency_addresses).await {
            Ok(()) => {
                data.is_checked = true;
                let checked = Progress { data: write_data(&data), ..Progress::of(operation) };
                Outcome::Next(Step::ReleaseNumber, checked)
            }
            Err(why) => {
                Outcome::of_error(operation, why, restored(agent, &data, &numbers), Patience::Endless)
            }
        });
    }
    if let Some(stocked) = kept_in_stock(driver, operation, number).await? {
        return Ok(Outcome::Next(Step::ReleaseNumber, Progress::of(operation).with([stocked])));
    }
    let clear = data.clear_emergency_addresses;
    let why = match let_go(driver, operation, number, clear).await? {
        Ok(()) => {
            let released = Effect::NumberReleased { number: number.id };
            return Ok(Outcome::Next(Step::ReleaseNumber, Progress::of(operation).with([released])));
        }
        Err(StepError::Rejected(rejected)) => provider_refusal(&rejected).message,
        Err(StepError::Refused(refusal)) => refusal.message,
        // The look-up before the release was rejected. That keeps the number, as a rejected release does.
        Err(StepError::Unclear(failure))
            if failure.is_definitive() && operation.outcome_unknown_at.is_none() =>
        {
            provider_refusal(&failure).message
        }
        Err(why) => {
            let undo = restored(agent, &data, &numbers);
            return Ok(Outcome::of_error(operation, why, undo, Patience::Endless));
        }
    };
    warn!(operation = %operation.id, number = mask(number.number.as_str()), why, "carrier rejected the release of a number; the agent's other numbers are still released");
    data.kept.push(number.id);
    data.why = Some(why);
    let kept = Progress { data: write_data(&data), ..Progress::of(operation) };
    Ok(Outcome::Next(Step::ReleaseNumber, kept.with([Effect::NumberKept { number: number.id }])))
}

/// Whether each of these numbers can be released, perhaps once its emergency address is removed.
async fn check_all(
    driver: &Provisioning,
    numbers: &[PhoneNumber],
    clear_emergency_addresses: bool,
) -> Result<(), StepError<CarrierError>> {
    // Nothing stands in the way of the others: they stay in the carrier account.
    for number in numbers.iter().filter(|number| number.origin.is_bought()) {
        let Some(owned) = owned_to_release(driver, number).await? else { continue };
        match may_be_released(&owned, clear_emergency_addresses) {
            Ok(()) | Err(StepError::Obstructed(..)) => {}
            refused => return refused,
        }
    }
    Ok(())
}

fn not_all(kept: usize, why: &str) -> Refusal {
    let message = format!(
        "the agent is kept, because the carrier rejected the release of {kept} of its numbers: {why}; fix the cause, then \
         delete the agent again"
    );
    Refusal::new(RefusalCode::CarrierRejected, message)
}

/// Undo: restores the agent's status, puts those of these numbers that it still holds into service, and gives back those in the
/// pool.
fn restored(agent: AgentId, data: &DeleteData, numbers: &[PhoneNumber]) -> Vec<Effect> {
    let agent = Effect::AgentStatus { agent, status: data.was };
    let numbers = numbers.iter().map(|number| Effect::NumberKept { number: number.id });
    let pooled = data.pooled.iter().map(|number| Effect::NumberReturned { number: *number });
    std::iter::once(agent).chain(numbers).chain(pooled).collect()
}

/// Step: delete the voice agent. Without a known id, it is looked up by its tag.
async fn delete_voice_agent(driver: &Provisioning, operation: &Operation) -> Result<Outcome, StoreError> {
    let agent = present(driver.0.store.agent(agent_id_of(operation)?).await?, "agents")?;
    Ok(match delete_at_provider(driver, operation, &agent).await {
        Ok(()) => {
            let deleted = Effect::AgentStatus { agent: agent.id, status: AgentStatus::Deleted };
            Outcome::Done(Progress::of(operation).with([deleted]))
        }
        Err(why) => Outcome::of_error(operation, why, Vec::new(), Patience::Endless),
    })
}

async fn delete_at_provider(
    driver: &Provisioning,
    operation: &Operation,
    agent: &Agent,
) -> Result<(), StepError<VoiceError>> {
    let voice = &driver.0.voice;
    let there = match &agent.voice_agent_id {
        Some(id) => vec![id.clone()],
        // The answer to its creation may have been lost, and a repeated creation may have left several.
        None => voice.find(agent.id).await?.into_iter().map(|found| found.voice_agent_id).collect(),
    };
    for id in there {
        match voice.delete_agent(&id).await {
            // An earlier request may have deleted it, and this one may be rejected for that reason.
            Err(refusal) if refusal.is_definitive() && operation.outcome_unknown_at.is_some() => {
                if let Some(wait) = unsettled_for(operation, driver.0.clock.now()) {
                    return Err(StepError::Unsettled(wait));
                }
                if voice.fetch(&id).await?.is_some() {
                    return Err(StepError::Rejected(refusal));
                }
            }
            done => done?,
        }
    }
    Ok(())
}
