//! Type `ReconciliationReport`.

use std::collections::HashMap;

use async_graphql::{Context, Object};

use super::Agent;
use super::scalars::{DateTime, Decimal};
use crate::domain::{self, AgentId, E164};
use crate::graphql::context::ContextExt;
use crate::graphql::errors::ApiError;
use crate::provisioning::{self, RepairOutcome};

/// Action recorded in a tenant's audit trail when an operator reads its agents here.
const ACTION: &str = "query reconciliation";

/// Report of the last reconciliation.
#[derive(Debug)]
pub(crate) struct ReconciliationReport(provisioning::ReconciliationReport);

impl ReconciliationReport {
    /// Reads the last report.
    ///
    /// # Errors
    /// `FORBIDDEN` for everybody but operators; errors of the read.
    pub(crate) async fn last(ctx: &Context<'_>) -> Result<Option<Self>, ApiError> {
        let session = ctx.session()?;
        session.estate()?;
        Ok(session.services().reconciler.last().await?.map(Self))
    }
}

/// Result of the last reconciliation: the differences between the providers' inventories and the database.
#[Object]
impl ReconciliationReport {
    /// When the reconciliation started.
    async fn started_at(&self) -> DateTime {
        DateTime(self.0.started_at)
    }

    /// When the reconciliation ended.
    async fn finished_at(&self) -> Option<DateTime> {
        Some(DateTime(self.0.finished_at))
    }

    /// Whether both inventories were complete. If not, nothing was concluded: `differences` is empty, but there
    /// may be some.
    async fn complete(&self) -> bool {
        self.0.incomplete.is_none()
    }

    /// Why the inventories were incomplete; `null` if they were complete.
    async fn incomplete_reason(&self) -> Option<&str> {
        self.0.incomplete.as_deref()
    }

    /// The differences, including those that have been corrected since.
    #[graphql(complexity = "20 * child_complexity + 1")]
    async fn differences(&self, ctx: &Context<'_>) -> Result<Vec<Difference<'_>>, ApiError> {
        let mut agents = HashMap::<AgentId, domain::Agent>::new();
        if ctx.look_ahead().field("agent").exists() {
            let ids: Vec<AgentId> = self.0.differences.iter().filter_map(|found| found.agent).collect();
            let session = ctx.session()?;
            let (estate, author) = (session.estate()?, session.author()?);
            // Closed while the audit trails are written: SQLite has one writer.
            let _released = session.release().await;
            let found = estate.agents_shown_to(&author, ACTION, &ids).await?;
            agents = found.into_iter().map(|agent| (agent.id, agent)).collect();
        }
        let with_agent = |found| Difference {
            found,
            agent: found.agent.and_then(|id| agents.get(&id).cloned()).map(Agent::from),
        };
        Ok(self.0.differences.iter().map(with_agent).collect())
    }

    /// Monthly cost in US dollars, by list prices, of numbers that are useless until their differences are
    /// corrected.
    async fn monthly_cost_at_stake(&self) -> Decimal {
        Decimal(self.0.monthly_cost_at_stake())
    }
}

/// A difference.
pub(crate) struct Difference<'a> {
    found: &'a provisioning::Difference,
    agent: Option<Agent>,
}

/// A difference between a provider and the database.
#[Object]
impl Difference<'_> {
    /// Kind of difference: `ORPHANED_NUMBER`, `UNRECORDED_NUMBER`, `FOREIGN_NUMBER`, `MISSING_NUMBER`,
    /// `UNCHECKED_ACCOUNT`, `REPLACED_NUMBER`, `CONTESTED_NUMBER`, `STALLED_RELEASE`, `MISDIRECTED_NUMBER`, `RECOVERED_NUMBER`,
    /// `ORPHANED_VOICE_AGENT`, `FOREIGN_VOICE_AGENT`, `MISSING_VOICE_AGENT`, `ARCHIVED_VOICE_AGENT` or
    /// `INCOMPLETE_VOICE_AGENT`. More may be added. `OTHER` is a kind that only a newer server knows.
    async fn kind(&self) -> &str {
        self.found.kind.as_str()
    }

    /// The number that differs.
    async fn number(&self) -> Option<E164> {
        self.found.number.clone()
    }

    /// Id of the number or the voice agent at the provider.
    async fn sid(&self) -> Option<&str> {
        self.found.sid.as_deref()
    }

    /// The agent that differs. Reading it is recorded in its tenant's audit trail. To read more about it, name
    /// the tenant in the header `X-Tenant-Id`.
    async fn agent(&self) -> Option<&Agent> {
        self.agent.as_ref()
    }

    /// Description of the difference, for display.
    async fn detail(&self) -> &str {
        &self.found.detail
    }

    /// What was done, or what `switchboard reconcile --fix` would do; `null` if a person must decide.
    async fn repair(&self) -> Option<String> {
        let verb = self.found.repair?.verb();
        Some(match &self.found.outcome {
            RepairOutcome::Repaired | RepairOutcome::MarkedInactive => format!("done: {verb}"),
            RepairOutcome::NotAttempted => format!("to do: {verb}"),
            RepairOutcome::Failed(why) => format!("failed: {verb}: {why}"),
        })
    }
}
