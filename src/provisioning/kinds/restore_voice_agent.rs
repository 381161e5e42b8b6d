//! RESTORE_VOICE_AGENT: replaces a voice agent that the voice provider has lost. Reconciliation starts it.
//!
//! There is no undo: the agent stays, and calls to its numbers take the fallback until it has a voice agent again.

use super::repair_number::NoData;
use super::{Steps, agent_id_of, agent_of, insert, present, voice_agent};
use crate::domain::{AgentId, AgentStatus, Operation, OperationKind, Refusal, RefusalCode, Step};
use crate::provisioning::Provisioning;
use crate::provisioning::outcome::{Outcome, Patience, Progress};
use crate::store::{NewOperation, StoreError, TenantStore};

pub(super) const STEPS: Steps =
    &[(Step::CreateVoiceAgent, |driver, operation, _| Box::pin(restore_voice_agent(driver, operation)))];

impl Provisioning {
    /// Stores the replacement of an agent's voice agent.
    ///
    /// # Errors
    /// [`StoreError`]; refusals as [`StoreError::Refused`].
    pub(in crate::provisioning) async fn restore_voice_agent(
        &self,
        store: &TenantStore,
        id: AgentId,
    ) -> Result<Operation, StoreError> {
        let agent = agent_of(store, id, "id").await?;
        // A creation or deletion under way works on the same voice agent.
        let exists = matches!(agent.status, AgentStatus::Active | AgentStatus::Inactive);
        if !exists || !store.unfinished_operations(id).await?.is_empty() {
            let why = "an operation is under way for this agent: wait until it ends";
            return Err(Refusal::new(RefusalCode::InvalidInput, why).at("id").into());
        }
        let operation = NewOperation {
            agent_id: Some(id),
            ..self.new_operation(OperationKind::RestoreVoiceAgent, &NoData {})
        };
        insert(store, operation).await
    }
}

/// Step: find the voice agent, or create another.
async fn restore_voice_agent(driver: &Provisioning, operation: &Operation) -> Result<Outcome, StoreError> {
    let agent = present(driver.0.store.agent(agent_id_of(operation)?).await?, "agents")?;
    Ok(match voice_agent::ensure(driver, &agent, operation).await {
        Ok(restored) => Outcome::Done(Progress::of(operation).with([restored])),
        Err(why) => Outcome::of_error(operation, why, Vec::new(), Patience::UntilSettled),
    })
}
