//! Mending what differs. What an operation can do is done by one, so that it is durable, under a lease and its
//! tenant's to see. What nobody holds any more is given up here, after another look at both sides, and after the
//! intent was written into its last owner's audit trail.
//!
//! A difference that cannot be mended, whatever the reason, costs the others nothing: the report says why.

use tracing::error;

use super::{Difference, Mended, Reconciler, Repair};
use crate::domain::{
    Actor, AgentId, AgentStatus, Author, NumberId, NumberStatus, Operation, OperationId, OperationState,
    TenantId,
};
use crate::provisioning::{operation_of_mark, provider_refusal};
use crate::store::{ReconciliationRun, StoreError, TenantStore};

/// It is not what it was when it was compared: the next comparison tells what it is now.
const CHANGED: &str = "it has changed since it was compared: reconcile again";

impl Reconciler {
    /// Does what can be done about a difference, and writes what became of it into it.
    pub(super) async fn mend(&self, run: &ReconciliationRun, difference: &mut Difference) {
        let (Some(repair), Some(tenant), Some(agent)) =
            (difference.repair, difference.tenant, difference.agent)
        else {
            return;
        };
        let done = match repair {
            Repair::MarkInactive { id } => self.mark_inactive(run, tenant, id).await,
            Repair::MarkActive { id } => {
                self.look_for_number(run, tenant, id).await.map(|done| succeeded(&done))
            }
            Repair::SetRight { id } => self.repair_number(run, tenant, id).await.map(|done| succeeded(&done)),
            Repair::RestoreVoiceAgent => self.restore_voice_agent(run, tenant, agent).await,
            Repair::GiveBack { bought_by } => self.release_orphan(run, difference, tenant, bought_by).await,
            Repair::DeleteVoiceAgent => self.delete_orphan(run, difference, tenant, agent).await,
        };
        difference.mended = match done {
            Ok(Ok(())) if matches!(repair, Repair::MarkInactive { .. }) => Mended::Noted,
            Ok(Ok(())) => Mended::Yes,
            Ok(Err(why)) => Mended::Failed(why),
            // A rule of ours forbids it at this moment.
            Err(StoreError::Refused(refusal)) => Mended::Failed(refusal.message),
            Err(failure) => {
                error!(kind = %difference.kind, %tenant, %agent, error = &failure as &dyn std::error::Error, "a difference could not be mended");
                Mended::Failed(failure.to_string())
            }
        };
    }

    async fn mark_inactive(
        &self,
        run: &ReconciliationRun,
        tenant: TenantId,
        id: NumberId,
    ) -> Result<Result<(), String>, StoreError> {
        let operation = self.look_for_number(run, tenant, id).await?;
        let number = self.database.system().number(id).await?;
        let is_marked = number.is_some_and(|number| number.status == NumberStatus::Inactive);
        Ok(if is_marked { Ok(()) } else { succeeded(&operation) })
    }

    async fn look_for_number(
        &self,
        run: &ReconciliationRun,
        tenant: TenantId,
        id: NumberId,
    ) -> Result<Operation, StoreError> {
        let store = self.door(run, tenant).await?;
        let (operation, _) = self.provisioning.look_for_number(&store, id).await?;
        self.carry_out(store, &operation).await
    }

    async fn repair_number(
        &self,
        run: &ReconciliationRun,
        tenant: TenantId,
        id: NumberId,
    ) -> Result<Operation, StoreError> {
        let store = self.door(run, tenant).await?;
        let (operation, _) = self.provisioning.repair_number(&store, id).await?;
        self.carry_out(store, &operation).await
    }

    async fn restore_voice_agent(
        &self,
        run: &ReconciliationRun,
        tenant: TenantId,
        agent: AgentId,
    ) -> Result<Result<(), String>, StoreError> {
        let store = self.door(run, tenant).await?;
        let operation = self.provisioning.restore_voice_agent(&store, agent).await?;
        Ok(succeeded(&self.carry_out(store, &operation).await?))
    }

    /// Keeps an operation that was queued through this door, and drives it.
    async fn carry_out(&self, store: TenantStore, operation: &Operation) -> Result<Operation, StoreError> {
        store.commit().await?;
        self.provisioning.run(operation.id, self.provisioning.wait_until()).await
    }

    /// A door for writing in the name of this run.
    async fn door(&self, run: &ReconciliationRun, tenant: TenantId) -> Result<TenantStore, StoreError> {
        let author = Author { actor: Actor::System, request_id: run.id.to_string() };
        self.database.write_by(author, tenant).await
    }

    async fn release_orphan(
        &self,
        run: &ReconciliationRun,
        difference: &Difference,
        tenant: TenantId,
        bought_by: OperationId,
    ) -> Result<Result<(), String>, StoreError> {
        let (Some(number), Some(sid)) = (&difference.number, &difference.sid) else {
            return Ok(Err(CHANGED.to_owned()));
        };
        let carrier = self.provisioning.carrier();
        match carrier.fetch(sid).await {
            Ok(None) => return Ok(Ok(())),
            Ok(Some(owned))
                if owned.number == *number && operation_of_mark(&owned.friendly_name) == Some(bought_by) => {}
            Ok(Some(_)) => return Ok(Err(CHANGED.to_owned())),
            Err(failure) => return Ok(Err(provider_refusal(&failure).message)),
        }
        let (system, now) = (self.database.system(), self.provisioning.0.clock.now());
        let is_held = !system.barred_among(std::slice::from_ref(number), tenant, now).await?.is_empty();
        let is_over = system.operation(bought_by).await?.is_some_and(|operation| operation.state.is_final());
        if is_held || !is_over {
            return Ok(Err(CHANGED.to_owned()));
        }
        let store = self.door(run, tenant).await?;
        store.audit_intent("releaseOrphanedNumber", bought_by).await?;
        store.commit().await?;
        Ok(carrier.release(sid).await.map_err(|failure| provider_refusal(&failure).message))
    }

    async fn delete_orphan(
        &self,
        run: &ReconciliationRun,
        difference: &Difference,
        tenant: TenantId,
        agent: AgentId,
    ) -> Result<Result<(), String>, StoreError> {
        let Some(voice_agent) = &difference.sid else { return Ok(Err(CHANGED.to_owned())) };
        match self.provisioning.0.voice.fetch(voice_agent).await {
            Ok(None) => return Ok(Ok(())),
            Ok(Some(found)) if found.created_for() == Some(agent) => {}
            Ok(Some(_)) => return Ok(Err(CHANGED.to_owned())),
            Err(failure) => return Ok(Err(provider_refusal(&failure).message)),
        }
        let store = self.door(run, tenant).await?;
        let is_needed = store.agent(agent).await?.is_none_or(|row| {
            row.status != AgentStatus::Deleted
                && row.voice_agent_id.as_ref().is_none_or(|id| id == voice_agent)
        });
        if is_needed || !store.unfinished_operations(agent).await?.is_empty() {
            return Ok(Err(CHANGED.to_owned()));
        }
        store.audit_intent("deleteOrphanedVoiceAgent", agent).await?;
        store.commit().await?;
        let deleted = self.provisioning.0.voice.delete_agent(voice_agent).await;
        Ok(deleted.map_err(|failure| provider_refusal(&failure).message))
    }
}

fn succeeded(operation: &Operation) -> Result<(), String> {
    match (operation.state, &operation.error) {
        (OperationState::Succeeded, _) => Ok(()),
        (_, Some(refusal)) => Err(refusal.message.clone()),
        (_, None) => Err(match &operation.waits_for {
            Some(waits_for) => format!("{} is still at it: {}", operation.id, waits_for.message),
            None => format!("{} is still at it", operation.id),
        }),
    }
}
