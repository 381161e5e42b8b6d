//! What the last reconciliation found.

use std::collections::HashMap;

use async_graphql::{Context, Object};

use super::Agent;
use super::scalars::{DateTime, Decimal};
use crate::domain::{self, AgentId, E164};
use crate::graphql::context::ContextExt;
use crate::graphql::errors::ApiError;
use crate::provisioning::{self, Mended};

/// What the trails of tenants say when an operator reads their agents here.
const ACTION: &str = "query reconciliation";

/// What the last reconciliation found.
#[derive(Debug)]
pub(crate) struct ReconciliationReport(provisioning::ReconciliationReport);

impl ReconciliationReport {
    /// Reads the last report.
    ///
    /// # Errors
    /// `FORBIDDEN` for everybody but operators; what reading may fail with.
    pub(crate) async fn last(ctx: &Context<'_>) -> Result<Option<Self>, ApiError> {
        let session = ctx.session()?;
        session.estate()?;
        Ok(session.services().reconciler.last().await?.map(Self))
    }
}

/// What the last comparison of both providers' inventories with the database found.
#[Object]
impl ReconciliationReport {
    /// When it began.
    async fn started_at(&self) -> DateTime {
        DateTime(self.0.started_at)
    }

    /// When it ended.
    async fn finished_at(&self) -> Option<DateTime> {
        Some(DateTime(self.0.finished_at))
    }

    /// Whether both providers gave their whole list. Otherwise nothing was concluded: there are no differences here,
    /// which does not mean that there are none.
    async fn complete(&self) -> bool {
        self.0.incomplete.is_none()
    }

    /// Why it is not complete; null when it is.
    async fn incomplete_reason(&self) -> Option<&str> {
        self.0.incomplete.as_deref()
    }

    /// What differed, those included that were mended meanwhile.
    #[graphql(complexity = "20 * child_complexity + 1")]
    async fn differences(&self, ctx: &Context<'_>) -> Result<Vec<Difference<'_>>, ApiError> {
        let mut agents = HashMap::<AgentId, domain::Agent>::new();
        if ctx.look_ahead().field("agent").exists() {
            let ids: Vec<AgentId> = self.0.differences.iter().filter_map(|found| found.agent).collect();
            let session = ctx.session()?;
            let (estate, author) = (session.estate()?, session.author()?);
            // Closed while it is written into the trails: SQLite has one writer.
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

    /// US dollars a month, by list prices, that the carrier bills for numbers that are of no use until their
    /// differences are mended.
    async fn monthly_cost_at_stake(&self) -> Decimal {
        Decimal(self.0.monthly_cost_at_stake())
    }
}

/// Something that differs.
pub(crate) struct Difference<'a> {
    found: &'a provisioning::Difference,
    agent: Option<Agent>,
}

/// Something that differs between a provider and the database.
#[Object]
impl Difference<'_> {
    /// How: `ORPHANED_NUMBER`, `UNRECORDED_NUMBER`, `FOREIGN_NUMBER`, `MISSING_NUMBER`, `REPLACED_NUMBER`,
    /// `CONTESTED_NUMBER`, `STALLED_RELEASE`, `MISDIRECTED_NUMBER`, `RECOVERED_NUMBER`, `ORPHANED_VOICE_AGENT`, `FOREIGN_VOICE_AGENT`, `MISSING_VOICE_AGENT`. More may be added.
    async fn kind(&self) -> &str {
        self.found.kind.as_str()
    }

    /// The number it is about.
    async fn number(&self) -> Option<E164> {
        self.found.number.clone()
    }

    /// The provider's id of the number or the voice agent.
    async fn sid(&self) -> Option<&str> {
        self.found.sid.as_deref()
    }

    /// The agent it is about; asking for it stands in its client's audit trail. What belongs to its client is read by naming the client in the header `X-Tenant-Id`.
    async fn agent(&self) -> Option<&Agent> {
        self.agent.as_ref()
    }

    /// What is known, for people.
    async fn detail(&self) -> &str {
        &self.found.detail
    }

    /// What was done about it, or what `switchboard reconcile --fix` would do; null when a person must decide.
    async fn repair(&self) -> Option<String> {
        let verb = self.found.repair?.verb();
        Some(match &self.found.mended {
            Mended::Yes | Mended::Noted => format!("done: {verb}"),
            Mended::No => format!("to do: {verb}"),
            Mended::Failed(why) => format!("failed: {verb}: {why}"),
        })
    }
}
