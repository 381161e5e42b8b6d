//! Repair of differences. Where an operation kind exists, an operation does the repair, so that it is durable, leased and
//! visible to its tenant. Orphans are released or deleted here, after both sides were read again and the intent was written to
//! the audit trail of the last owner.
//!
//! A failed repair does not stop the others; the report shows the reason.

use tracing::error;

use super::{Difference, Reconciler, Repair, RepairOutcome};
use crate::carrier::CarrierError;
use crate::domain::{
    Actor, AgentId, AgentStatus, Author, NumberId, NumberStatus, Operation, OperationId, OperationState,
    TenantId,
};
use crate::provisioning::{operation_of_mark, provider_refusal};
use crate::store::{ReconciliationRun, StoreError, TenantStore};
use crate::voice::VoiceError;

/// Why a difference was not repaired.
#[derive(Debug)]
enum NotRepaired {
    /// The repair is not possible, for this reason.
    Because(String),
    Store(StoreError),
}

impl From<StoreError> for NotRepaired {
    fn from(failure: StoreError) -> Self {
        match failure {
            // A rule forbids the repair at the moment; that is no database failure.
            StoreError::Refused(refusal) => Self::Because(refusal.message),
            other => Self::Store(other),
        }
    }
}

/// The object has changed since the comparison, so the repair may be wrong.
fn changed() -> NotRepaired {
    NotRepaired::Because("it has changed since the comparison: reconcile again".to_owned())
}

impl Reconciler {
    /// Carries out the difference's repair, if it has one, and stores the result in it.
    pub(super) async fn repair(&self, run: &ReconciliationRun, difference: &mut Difference) {
        let (Some(repair), Some(tenant)) = (difference.repair, difference.tenant) else { return };
        let done = match repair {
            Repair::MarkInactive { id } => self.mark_inactive(run, tenant, id).await,
            Repair::MarkActive { id } => self.mark_active(run, tenant, id).await,
            Repair::RestoreSettings { id } => self.repair_number(run, tenant, id).await,
            Repair::RestoreVoiceAgent => self.restore_voice_agent(run, tenant, difference.agent).await,
            Repair::ReleaseNumber { bought_by } => {
                self.release_orphan(run, difference, tenant, bought_by).await
            }
            Repair::DeleteVoiceAgent => self.delete_orphan(run, difference, tenant).await,
        };
        difference.outcome = match done {
            Ok(()) if matches!(repair, Repair::MarkInactive { .. }) => RepairOutcome::MarkedInactive,
            Ok(()) => RepairOutcome::Repaired,
            Err(NotRepaired::Because(why)) => RepairOutcome::Failed(why),
            Err(NotRepaired::Store(failure)) => {
                error!(kind = %difference.kind, %tenant, error = &failure as &dyn std::error::Error, "repair of a difference failed");
                RepairOutcome::Failed(failure.to_string())
            }
        };
    }

    async fn mark_inactive(
        &self,
        run: &ReconciliationRun,
        tenant: TenantId,
        id: NumberId,
    ) -> Result<(), NotRepaired> {
        let checked = self.check_number(run, tenant, id).await?;
        let number = self.database.system().number(id).await?;
        let is_marked = number.is_some_and(|number| number.status == NumberStatus::Inactive);
        if is_marked { Ok(()) } else { succeeded(&checked) }
    }

    async fn mark_active(
        &self,
        run: &ReconciliationRun,
        tenant: TenantId,
        id: NumberId,
    ) -> Result<(), NotRepaired> {
        succeeded(&self.check_number(run, tenant, id).await?)
    }

    async fn check_number(
        &self,
        run: &ReconciliationRun,
        tenant: TenantId,
        id: NumberId,
    ) -> Result<Operation, StoreError> {
        let store = self.door(run, tenant).await?;
        let operation = self.provisioning.check_number(&store, id).await?;
        self.carry_out(store, &operation).await
    }

    async fn repair_number(
        &self,
        run: &ReconciliationRun,
        tenant: TenantId,
        id: NumberId,
    ) -> Result<(), NotRepaired> {
        let store = self.door(run, tenant).await?;
        let (operation, _) = self.provisioning.repair_number(&store, id).await?;
        succeeded(&self.carry_out(store, &operation).await?)
    }

    async fn restore_voice_agent(
        &self,
        run: &ReconciliationRun,
        tenant: TenantId,
        agent: Option<AgentId>,
    ) -> Result<(), NotRepaired> {
        let store = self.door(run, tenant).await?;
        let operation = self.provisioning.restore_voice_agent(&store, agent.ok_or_else(changed)?).await?;
        succeeded(&self.carry_out(store, &operation).await?)
    }

    /// Commits an operation and runs it.
    async fn carry_out(&self, store: TenantStore, operation: &Operation) -> Result<Operation, StoreError> {
        store.commit().await?;
        self.provisioning.run(operation.id, self.provisioning.wait_until()).await
    }

    /// A transaction of the tenant with this run as author.
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
    ) -> Result<(), NotRepaired> {
        let (Some(number), Some(sid)) = (&difference.number, &difference.sid) else {
            return Err(changed());
        };
        let rejected = |failure: CarrierError| NotRepaired::Because(provider_refusal(&failure).message);
        let carrier = self.provisioning.accounts().carrier(difference.account).await.map_err(rejected)?;
        // Read again: the number may have changed since the comparison, and a release cannot be undone.
        let Some(owned) = carrier.fetch(sid).await.map_err(rejected)? else { return Ok(()) };
        if owned.number != *number || operation_of_mark(&owned.friendly_name) != Some(bought_by) {
            return Err(changed());
        }
        let (system, now) = (self.database.system(), self.provisioning.0.clock.now());
        // With `now`, no number is in quarantine: only held ones count.
        let is_held = !system.barred_among(std::slice::from_ref(number), tenant, now).await?.is_empty();
        let is_over = system.operation(bought_by).await?.is_some_and(|operation| operation.state.is_final());
        if is_held || !is_over {
            return Err(changed());
        }
        let store = self.door(run, tenant).await?;
        // Committed before the release: no crash leaves a release without its entry.
        store.audit_intent("releaseOrphanedNumber", bought_by).await?;
        store.commit().await?;
        carrier.release(sid).await.map_err(rejected)
    }

    async fn delete_orphan(
        &self,
        run: &ReconciliationRun,
        difference: &Difference,
        tenant: TenantId,
    ) -> Result<(), NotRepaired> {
        let (Some(voice_agent), Some(agent)) = (&difference.sid, difference.agent) else {
            return Err(changed());
        };
        let voice = &self.provisioning.0.voice;
        let rejected = |failure: VoiceError| NotRepaired::Because(provider_refusal(&failure).message);
        // Read again, as for a number: a deletion cannot be undone either.
        let Some(found) = voice.fetch(voice_agent).await.map_err(rejected)? else { return Ok(()) };
        if found.created_for() != Some(agent) {
            return Err(changed());
        }
        let store = self.door(run, tenant).await?;
        // Locks the agent. Without a row the voice agent may be another installation's.
        let is_needed = store.agent(agent).await?.is_none_or(|row| {
            row.status != AgentStatus::Deleted
                && row.voice_agent_id.as_ref().is_none_or(|id| id == voice_agent)
        });
        if is_needed || !store.unfinished_operations(agent).await?.is_empty() {
            return Err(changed());
        }
        // The commit also frees the lock on the agent: no provider is called while a row is locked.
        store.audit_intent("deleteOrphanedVoiceAgent", agent).await?;
        store.commit().await?;
        voice.delete_agent(voice_agent).await.map_err(rejected)
    }
}

fn succeeded(operation: &Operation) -> Result<(), NotRepaired> {
    let why = match (operation.state, &operation.error, &operation.waits_for) {
        (OperationState::Succeeded, ..) => return Ok(()),
        (_, Some(refusal), _) => refusal.message.clone(),
        (_, None, Some(waits_for)) => format!("{} has not ended yet: {}", operation.id, waits_for.message),
        (_, None, None) => format!("{} has not ended yet", operation.id),
    };
    Err(NotRepaired::Because(why))
}
