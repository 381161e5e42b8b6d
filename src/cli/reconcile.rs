//! `switchboard reconcile`: compares the inventories of carrier and voice provider with the database, and prints the differences.
//! Changes nothing without `--fix`.

use serde_json::{Value, json};

use super::failure::Failure;
use super::{core, print};
use crate::config::Environment;
use crate::provisioning::{Act, Difference, ReconciliationReport, RepairOutcome};

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Repair what can be repaired: point numbers here, mark missing ones, recreate missing voice agents, and permanently release or
    /// delete what this system bought or created and no tenant holds
    #[arg(long)]
    fix: bool,
    /// Print one JSON object, for machines
    #[arg(long)]
    json: bool,
}

pub(super) async fn run(args: Args, environment: &Environment) -> Result<(), Failure> {
    let (core, _) = core::open(environment).await?;
    let act = if args.fix { Act::Repair } else { Act::Nothing };
    let report = core.reconciler.run(act).await.map_err(|error| Failure::from_error(&error));
    // Before the result is looked at, so that a failure closes it as well.
    core.database.close().await;
    let report = report?;
    // Printed in any case: a script reads `complete` and the reason from it.
    print::line(if args.json { as_json(&report).to_string() } else { as_text(&report) })?;
    if let Some(why) = &report.incomplete {
        return Err(Failure::new(format!("nothing was compared and nothing changed: {why}")));
    }
    match report.remaining().count() {
        0 => Ok(()),
        1 => Err(Failure::Differs("1 difference remains".to_owned())),
        remaining => Err(Failure::Differs(format!("{remaining} differences remain"))),
    }
}

fn as_json(report: &ReconciliationReport) -> Value {
    let differences: Vec<Value> = report.differences.iter().map(difference_as_json).collect();
    json!({
        "startedAt": report.started_at,
        "finishedAt": report.finished_at,
        "complete": report.incomplete.is_none(),
        "incompleteReason": report.incomplete,
        "compared": { "numbers": report.numbers, "voiceAgents": report.voice_agents },
        "differences": differences,
        "remaining": report.remaining().count(),
        "monthlyCostAtStake": report.monthly_cost_at_stake(),
    })
}

fn difference_as_json(found: &Difference) -> Value {
    let failure = match &found.outcome {
        RepairOutcome::Failed(why) => Some(why),
        RepairOutcome::NotAttempted | RepairOutcome::Repaired | RepairOutcome::MarkedInactive => None,
    };
    json!({
        "kind": found.kind,
        "number": found.number,
        "sid": found.sid,
        "tenant": found.tenant.map(|tenant| tenant.0),
        "agent": found.agent,
        "detail": found.detail,
        "monthlyCost": found.monthly_cost,
        "repair": found.repair.map(|repair| repair.verb()),
        "mended": !found.remains(),
        "failure": failure,
    })
}

fn as_text(report: &ReconciliationReport) -> String {
    if report.incomplete.is_some() {
        return "Nothing was compared.".to_owned();
    }
    let compared = format!(
        "Compared with the database: {} numbers, {} voice agents.",
        report.numbers, report.voice_agents
    );
    let mut lines = vec![compared];
    for found in &report.differences {
        lines.push(String::new());
        lines.extend(difference_as_text(found));
    }
    lines.push(String::new());
    let at_stake = report.monthly_cost_at_stake();
    lines.push(match report.remaining().count() {
        0 if report.differences.is_empty() => "No differences.".to_owned(),
        0 => "No differences remain.".to_owned(),
        remaining => {
            let open = report
                .remaining()
                .filter(|found| found.outcome == RepairOutcome::NotAttempted && found.repair.is_some())
                .count();
            let hint = if open > 0 {
                format!(" `switchboard reconcile --fix` repairs {open}.")
            } else {
                String::new()
            };
            format!("Differences: {remaining}. Cost at stake: {at_stake:.2} USD a month.{hint}")
        }
    });
    lines.join("\n")
}

fn difference_as_text(found: &Difference) -> Vec<String> {
    let number = found.number.as_ref().map(ToString::to_string).unwrap_or_default();
    let sid = found.sid.as_deref().unwrap_or_default();
    let mut lines = vec![format!("{:<20}  {number:<16}  {sid}", found.kind.as_str())];
    lines.push(format!("  {}", found.detail));
    if let Some(agent) = found.agent {
        lines.push(format!("  agent {agent}"));
    }
    if !found.monthly_cost.is_zero() {
        lines.push(format!("  {:.2} USD a month", found.monthly_cost));
    }
    lines.extend(match (&found.outcome, found.repair) {
        (RepairOutcome::Repaired | RepairOutcome::MarkedInactive, Some(repair)) => {
            Some(format!("  done: {}", repair.verb()))
        }
        (RepairOutcome::Failed(why), _) => Some(format!("  failed: {why}")),
        (_, Some(repair)) => Some(format!("  --fix would {}", repair.verb())),
        (_, None) => None,
    });
    lines
}
