//! Reconciliation: compares both providers' full inventories with the database and, on request, repairs differences.
//!
//! Plan and execution are separate: [`plan`] is a pure function of the inventories; [`repair`] reads both sides
//! again before it acts.
//! Guarantees: nothing is concluded from a partial list. Objects without our mark, or with that of another installation, are
//! never changed. Objects of an unfinished operation are left to it. Only one reconciliation runs at a time across all servers.

mod numbers;
mod plan;
mod plausibility;
mod registrations;
mod repair;
mod report;
mod voice_agents;

pub use report::{Difference, DifferenceKind, ReconciliationReport, RepairOutcome};

use std::collections::HashSet;
use std::time::Duration;

use chrono::TimeDelta;
use tokio_util::sync::CancellationToken;
use tracing::{error, info, warn};

use super::{Provisioning, lease};
use crate::domain::{Agent, AgentMessaging, Heartbeat, PhoneNumber, caught};
use crate::store::{CheckWhen, Database, ExpectedInventory, ReconciliationRun, StoreError};
use plan::{AccountInventory, Inventories};
use report::Repair;

/// How long after its server died another reconciliation may start.
const LEASE: Duration = Duration::from_secs(60);
/// An operation counts as unfinished for this long after its end: longer than servers' clocks differ, so that the lists
/// certainly show its result.
const SETTLED: TimeDelta = TimeDelta::seconds(5);
/// How often a server checks whether a reconciliation is due.
const POLL_INTERVAL: Duration = Duration::from_secs(30);

/// What a reconciliation may do about differences.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Act {
    /// Report the differences and change nothing.
    Nothing,
    /// Mark numbers INACTIVE that the carrier no longer has, and ACTIVE when it has them again. Changes nothing at a provider.
    MarkNumbers,
    /// Repair every difference that has a repair.
    Repair,
}

impl Act {
    fn allows(self, difference: &Difference) -> bool {
        match self {
            Self::Nothing => false,
            Self::MarkNumbers => {
                matches!(difference.repair, Some(Repair::MarkInactive { .. } | Repair::MarkActive { .. }))
            }
            Self::Repair => true,
        }
    }
}

/// Why there is no report.
#[derive(Debug, thiserror::Error)]
pub enum ReconcileError {
    /// Another reconciliation is running.
    #[error("a reconciliation is already under way: wait until it ends")]
    UnderWay,
    /// The last report cannot be parsed.
    #[error("the last report was written by another version")]
    Unreadable,
    /// The database failed, or another server took the lease over.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Runs reconciliations. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Reconciler {
    database: Database,
    provisioning: Provisioning,
}

impl Reconciler {
    /// A reconciler over the database and both providers.
    #[must_use]
    pub fn new(database: Database, provisioning: Provisioning) -> Self {
        Self { database, provisioning }
    }

    /// Compares, acts as far as `act` allows, and stores the report.
    ///
    /// # Errors
    /// [`ReconcileError::UnderWay`], or the database failed. A provider failure is no error: the report is incomplete then.
    pub async fn run(&self, act: Act) -> Result<ReconciliationReport, ReconcileError> {
        let owner = self.provisioning.0.owner;
        let run = self.database.system().begin_reconciliation(owner, LEASE, None).await?;
        self.finish(run.ok_or(ReconcileError::UnderWay)?, act).await
    }

    /// The latest report of any server; `None` before the first reconciliation.
    ///
    /// # Errors
    /// [`ReconcileError::Unreadable`] if another version wrote it, or the database failed.
    pub async fn last(&self) -> Result<Option<ReconciliationReport>, ReconcileError> {
        let Some(report) = self.database.system().last_reconciliation().await? else { return Ok(None) };
        serde_json::from_value(report).map(Some).map_err(|_| ReconcileError::Unreadable)
    }

    /// Reconciles every `every` until cancelled. Releases nothing and changes nothing at a provider: it marks numbers INACTIVE
    /// or ACTIVE, and logs the remaining differences as errors.
    pub async fn watch(&self, every: Duration, stop: CancellationToken, heartbeat: Heartbeat) {
        let pause = tokio::time::sleep;
        // An interval shorter than the poll is kept, too.
        while stop.run_until_cancelled(pause(every.min(POLL_INTERVAL))).await.is_some() {
            heartbeat.beat();
            let watched = stop.run_until_cancelled(Box::pin(self.run_if_due(every))).await;
            if let Some(Err(failure)) = watched {
                warn!(error = &failure as &dyn std::error::Error, "reconciliation failed");
            }
        }
    }

    async fn run_if_due(&self, every: Duration) -> Result<(), ReconcileError> {
        let due = self.provisioning.0.clock.now() - TimeDelta::from_std(every).unwrap_or(TimeDelta::MAX);
        let owner = self.provisioning.0.owner;
        match self.database.system().begin_reconciliation(owner, LEASE, Some(due)).await? {
            Some(run) => {
                // Only here: a reconciliation that an operator starts shows its report to the operator.
                raise_alarm(&self.finish(run, Act::MarkNumbers).await?);
            }
            // Another server may have made the last report, and the metrics of all servers should agree.
            None => {
                if let Ok(Some(last)) = self.last().await {
                    count(&last);
                }
            }
        }
        Ok(())
    }

    /// Ends a failed reconciliation as well, so that the next one need not wait for its lease to expire.
    async fn finish(&self, run: ReconciliationRun, act: Act) -> Result<ReconciliationReport, ReconcileError> {
        let finished = self.report(&run, act).await;
        if finished.is_err()
            && let Err(failure) = self.database.system().end_reconciliation(&run).await
        {
            warn!(
                error = &failure as &dyn std::error::Error,
                "failed reconciliation could not be ended; the next one can start after its lease expires"
            );
        }
        finished
    }

    async fn report(
        &self,
        run: &ReconciliationRun,
        act: Act,
    ) -> Result<ReconciliationReport, ReconcileError> {
        let report = tokio::select! {
            report = self.reconcile(run, act) => report?,
            // Another server may be reconciling: stops before any further repair.
            lost = self.hold(run) => return Err(lost.into()),
        };
        let stored = serde_json::to_value(&report).map_err(|_| ReconcileError::Unreadable)?;
        self.database.system().finish_reconciliation(run, stored).await?;
        Ok(report)
    }

    /// Renews the lease for as long as it is polled. Returns once the lease is lost.
    async fn hold(&self, run: &ReconciliationRun) -> StoreError {
        let system = self.database.system();
        lease::hold(LEASE, LEASE / 3, || system.renew_reconciliation(run, LEASE)).await
    }

    async fn reconcile(&self, run: &ReconciliationRun, act: Act) -> Result<ReconciliationReport, StoreError> {
        let mut report = ReconciliationReport {
            started_at: run.started_at,
            finished_at: run.started_at,
            incomplete: None,
            numbers: 0,
            voice_agents: 0,
            differences: Vec::new(),
        };
        match self.differences(run).await {
            Ok((inventories, differences)) => {
                report.numbers = inventories.listed().count();
                report.voice_agents = inventories.voice_agents.len();
                report.differences = differences;
            }
            Err(Inconclusive::Because(why)) => report.incomplete = Some(why),
            Err(Inconclusive::Store(failure)) => return Err(failure),
        }
        for difference in &mut report.differences {
            if act.allows(difference) && caught("repair", self.repair(run, difference)).await.is_none() {
                difference.outcome = RepairOutcome::Failed("the repair panicked: see the log".to_owned());
            }
        }
        report.finished_at = self.provisioning.0.clock.now();
        Ok(report)
    }

    /// Lists the numbers of the tenants' accounts, one after the other. One that is not listed does not keep the others from it.
    async fn accounts(&self) -> Vec<AccountInventory> {
        let accounts = self.provisioning.accounts();
        let mut inventories = Vec::new();
        for account in accounts.all().into_iter().flatten() {
            let listed = async { accounts.carrier(Some(account.id)).await?.owned().await };
            let numbers = match caught("inventory of a carrier account", Box::pin(listed)).await {
                Some(listed) => listed.map_err(|failure| failure.to_string()),
                None => Err("the comparison panicked: see the log".to_owned()),
            };
            inventories.push(AccountInventory { account, numbers });
        }
        inventories
    }

    /// Reads both inventories and compares them with the database.
    async fn differences(
        &self,
        run: &ReconciliationRun,
    ) -> Result<(Inventories, Vec<Difference>), Inconclusive> {
        let Provisioning(parts) = &self.provisioning;
        let (numbers, accounts, voice_agents) =
            tokio::join!(self.provisioning.carrier().owned(), self.accounts(), parts.voice.ours());
        // Both full lists or nothing: what a partial list lacks would count as lost.
        let numbers = numbers.map_err(|failure| Inconclusive::Because(failure.to_string()))?;
        let voice_agents = voice_agents.map_err(|failure| Inconclusive::Because(failure.to_string()))?;
        let mut inventories = Inventories { numbers, accounts, voice_agents, without_tool: HashSet::new() };
        // Afterwards what was told last counts: where texts go is no reason to conclude nothing about calls.
        let checked = self.provisioning.check_registrations(CheckWhen::Now, TimeDelta::zero());
        if let Err(failure) = Box::pin(checked).await {
            warn!(error = &failure as &dyn std::error::Error, "registrations of numbers not read");
        }
        let since = run.started_at - SETTLED;
        // The database is read after the lists, so that an object changed meanwhile belongs to a known operation.
        let expected =
            parts.store.expected_inventory(&inventories.marks(), &inventories.tagged(), since).await?;
        inventories.without_tool = self.without_tool(&expected).await;
        let settings = |row: &PhoneNumber| self.provisioning.settings_of(row);
        let differences =
            inventories.compare(&expected, settings, |voice_url| self.provisioning.is_here(voice_url));
        let differences =
            differences.map_err(|implausible| Inconclusive::Because(implausible.to_string()))?;
        Ok((inventories, differences))
    }

    /// The voice agents that answer texts without the tool `opt_out`, as far as can be read: the rest of the report does not depend
    /// on it.
    async fn without_tool(&self, expected: &ExpectedInventory) -> HashSet<String> {
        match self.provisioning.0.voice.without_opt_out(&answer_texts(expected)).await {
            Ok(lacking) => lacking.into_iter().collect(),
            Err(failure) => {
                warn!(error = &failure as &dyn std::error::Error, "tools of voice agents not read");
                HashSet::new()
            }
        }
    }
}

/// Agents that answer texts and whose latest revision the voice provider has: an earlier one may still be delivered.
fn answer_texts(expected: &ExpectedInventory) -> Vec<&str> {
    let complete =
        |agent: &&Agent| agent.messaging == AgentMessaging::Agent && agent.synced_revision >= agent.revision;
    expected.agents.iter().filter(complete).filter_map(|agent| agent.voice_agent_id.as_deref()).collect()
}

/// Why the inventories could not be compared with the database.
#[derive(Debug)]
enum Inconclusive {
    /// A provider did not list its full inventory, or its list is implausible.
    Because(String),
    Store(StoreError),
}

impl From<StoreError> for Inconclusive {
    fn from(failure: StoreError) -> Self {
        Self::Store(failure)
    }
}

/// Publishes the number of remaining differences by kind, unless the report is incomplete.
fn count(report: &ReconciliationReport) {
    if report.incomplete.is_some() {
        return;
    }
    for kind in DifferenceKind::ALL {
        let remaining = report.remaining().filter(|difference| difference.kind == *kind).count();
        let gauge = metrics::gauge!("switchboard_differences", "kind" => kind.as_str());
        gauge.set(u32::try_from(remaining).unwrap_or(u32::MAX));
    }
}

/// Updates the metrics and logs an error for each remaining difference.
fn raise_alarm(report: &ReconciliationReport) {
    if let Some(why) = &report.incomplete {
        metrics::counter!("switchboard_reconciliations_total", "outcome" => "incomplete").increment(1);
        warn!(why, "reconciliation was inconclusive");
        return;
    }
    metrics::counter!("switchboard_reconciliations_total", "outcome" => "complete").increment(1);
    count(report);
    for difference in report.remaining() {
        let sid = difference.sid.as_deref().unwrap_or_default();
        error!(kind = %difference.kind, sid, "provider and database differ: {}", difference.detail);
    }
    info!(
        numbers = report.numbers,
        voice_agents = report.voice_agents,
        differences = report.differences.len(),
        "reconciliation completed"
    );
}
