//! Reconciliation: compares both providers' whole inventories with the database, and on request mends what differs.
//!
//! Plan and execution are apart: [`plan`] is a pure function of the inventories, [`repair`](self::repair) looks again before
//! it acts.
//! Promises: nothing is concluded from a partial list; what does not carry our mark, or carries that of another
//! installation, is never touched; whatever an operation is still at is left to it; one reconciliation at a time,
//! however many servers there are.

mod numbers;
mod plan;
mod plausibility;
mod repair;
mod report;
mod voice_agents;

pub use report::{Difference, DifferenceKind, Mended, ReconciliationReport};

use std::time::Duration;

use chrono::TimeDelta;
use tokio_util::sync::CancellationToken;
use tracing::{error, info, warn};

use super::{Provisioning, lease};
use crate::domain::{Heartbeat, OperationId, caught};
use crate::store::{Database, ReconciliationRun, StoreError};
use plan::Inventories;
use report::Repair;

/// How long after its server died another may begin.
const LEASE: Duration = Duration::from_secs(60);
/// An operation that ended so long before the lists were begun has nothing to do with what they say: more than
/// servers' clocks differ.
const SETTLED: TimeDelta = TimeDelta::seconds(5);
/// How often a server looks whether a reconciliation is due.
const LOOK_EVERY: Duration = Duration::from_secs(30);

/// What a reconciliation may do about what it finds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Act {
    /// Nothing: it reports.
    Nothing,
    /// Marks numbers INACTIVE that the carrier does not have any more, and ACTIVE again; changes nothing at a provider.
    Note,
    /// Whatever can be done.
    Mend,
}

impl Act {
    fn allows(self, difference: &Difference) -> bool {
        match self {
            Self::Nothing => false,
            Self::Note => {
                matches!(difference.repair, Some(Repair::MarkInactive { .. } | Repair::MarkActive { .. }))
            }
            Self::Mend => true,
        }
    }
}

/// Why there is no report.
#[derive(Debug, thiserror::Error)]
pub enum ReconcileError {
    /// Another is at it.
    #[error("a reconciliation is under way already: wait until it is over")]
    UnderWay,
    /// The last report cannot be read.
    #[error("the last report was written by another version")]
    Unreadable,
    /// The database.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Compares and mends. Cheap to clone.
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

    /// Compares, acts as far as it may, and stores the report.
    ///
    /// # Errors
    /// [`ReconcileError::UnderWay`]; the database. A provider that does not answer is told of in the report.
    pub async fn run(&self, act: Act) -> Result<ReconciliationReport, ReconcileError> {
        let owner = self.provisioning.0.owner;
        let run = self.database.system().begin_reconciliation(owner, LEASE, None).await?;
        self.finish(run.ok_or(ReconcileError::UnderWay)?, act).await
    }

    /// The report of the reconciliation that ended last, whichever server's.
    ///
    /// # Errors
    /// [`ReconcileError`].
    pub async fn last(&self) -> Result<Option<ReconciliationReport>, ReconcileError> {
        let Some(report) = self.database.system().last_reconciliation().await? else { return Ok(None) };
        serde_json::from_value(report).map(Some).map_err(|_| ReconcileError::Unreadable)
    }

    /// Reconciles whenever the last time is longer ago than `every`, until told to stop. Gives nothing up and changes
    /// nothing at a provider: it marks numbers that are gone, and raises the alarm.
    pub async fn watch(&self, every: Duration, stop: CancellationToken, heartbeat: Heartbeat) {
        let pause = tokio::time::sleep;
        while stop.run_until_cancelled(pause(every.min(LOOK_EVERY))).await.is_some() {
            heartbeat.beat();
            let watched = stop.run_until_cancelled(Box::pin(self.run_if_due(every))).await;
            if let Some(Err(failure)) = watched {
                warn!(error = &failure as &dyn std::error::Error, "no reconciliation could be made");
            }
        }
    }

    async fn run_if_due(&self, every: Duration) -> Result<(), ReconcileError> {
        let due = self.provisioning.0.clock.now() - TimeDelta::from_std(every).unwrap_or(TimeDelta::MAX);
        let owner = self.provisioning.0.owner;
        match self.database.system().begin_reconciliation(owner, LEASE, Some(due)).await? {
            Some(run) => {
                raise_alarm(&self.finish(run, Act::Note).await?);
            }
            // It may have been another server's, and every server is to tell the same.
            None => {
                if let Ok(Some(last)) = self.last().await {
                    count(&last);
                }
            }
        }
        Ok(())
    }

    /// One that fails is over too: the next need not wait for its lease.
    async fn finish(&self, run: ReconciliationRun, act: Act) -> Result<ReconciliationReport, ReconcileError> {
        let finished = self.report(&run, act).await;
        if finished.is_err()
            && let Err(failure) = self.database.system().end_reconciliation(&run).await
        {
            warn!(
                error = &failure as &dyn std::error::Error,
                "a reconciliation that failed counts as under way until its lease runs out"
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
            lost = self.hold(run) => return Err(lost.into()),
        };
        let stored = serde_json::to_value(&report).map_err(|_| ReconcileError::Unreadable)?;
        self.database.system().finish_reconciliation(run, stored).await?;
        Ok(report)
    }

    /// Renews the lease until it is lost.
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
                report.numbers = inventories.numbers.len();
                report.voice_agents = inventories.voice_agents.len();
                report.differences = differences;
            }
            Err(Inconclusive::Because(why)) => report.incomplete = Some(why),
            Err(Inconclusive::Store(failure)) => return Err(failure),
        }
        for difference in &mut report.differences {
            if act.allows(difference) && caught("repair", self.repair(run, difference)).await.is_none() {
                difference.mended = Mended::Failed("repairing it panicked: the log says more".to_owned());
            }
        }
        report.finished_at = self.provisioning.0.clock.now();
        Ok(report)
    }

    /// The inventories and how they differ from the database.
    async fn differences(
        &self,
        run: &ReconciliationRun,
    ) -> Result<(Inventories, Vec<Difference>), Inconclusive> {
        let Provisioning(parts) = &self.provisioning;
        let (numbers, voice_agents) = tokio::join!(parts.carrier.owned(), parts.voice.ours());
        let numbers = numbers.map_err(|failure| Inconclusive::Because(failure.to_string()))?;
        let voice_agents = voice_agents.map_err(|failure| Inconclusive::Because(failure.to_string()))?;
        let inventories = Inventories { numbers, voice_agents };
        let since = run.started_at - SETTLED;
        // Read after the lists, so that whatever was changed while they were read is known to be busy.
        let expected =
            parts.store.expected_inventory(&inventories.marks(), &inventories.tagged(), since).await?;
        let settings = |bought_by: OperationId| self.provisioning.settings(bought_by);
        let differences =
            inventories.compare(&expected, settings, |voice_url| self.provisioning.is_here(voice_url));
        let differences =
            differences.map_err(|implausible| Inconclusive::Because(implausible.to_string()))?;
        Ok((inventories, differences))
    }
}

/// Why the inventories could not be compared with the database.
#[derive(Debug)]
enum Inconclusive {
    /// A provider did not list its whole inventory.
    Because(String),
    /// The database.
    Store(StoreError),
}

impl From<StoreError> for Inconclusive {
    fn from(failure: StoreError) -> Self {
        Self::Store(failure)
    }
}

/// Counts what is left by kind, if anything was concluded.
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

/// For whoever watches the logs and the metrics: once for each difference that is there still.
fn raise_alarm(report: &ReconciliationReport) {
    if let Some(why) = &report.incomplete {
        metrics::counter!("switchboard_reconciliations_total", "outcome" => "incomplete").increment(1);
        warn!(why, "a reconciliation could conclude nothing");
        return;
    }
    metrics::counter!("switchboard_reconciliations_total", "outcome" => "complete").increment(1);
    count(report);
    for difference in report.remaining() {
        let sid = difference.sid.as_deref().unwrap_or_default();
        error!(kind = %difference.kind, sid, "a provider and the database differ: {}", difference.detail);
    }
    info!(
        numbers = report.numbers,
        voice_agents = report.voice_agents,
        differences = report.differences.len(),
        "reconciled"
    );
}
