//! `switchboard import`: lists the numbers that an account at the carrier holds, and takes over those that a file assigns to tenants.
//! It can be interrupted, or killed, and restarted at any time: what is held already is skipped.

mod map;
mod report;

use std::collections::HashMap;
use std::io::IsTerminal;
use std::path::{Path, PathBuf};

use clap::ValueEnum;
use tokio_util::sync::CancellationToken;

use super::failure::Failure;
use super::signals::Signals;
use super::{core, print};
use crate::app::Core;
use crate::config::Environment;
use crate::domain::{E164, is_account_sid};
use crate::provisioning::{EstateAccount, EstateAccountError, EstateNumber, PlannedImport, RunEnd};
use crate::telemetry;
use map::Map;
use report::Report;

/// Where the numbers are.
#[derive(Debug, Clone, Copy, ValueEnum)]
enum Source {
    /// A Twilio account
    Twilio,
}

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Carrier that holds the numbers
    #[arg(long, value_name = "CARRIER")]
    from: Source,
    /// Account that holds the numbers, which may be a tenant's own or its subaccount [default: TWILIO_ACCOUNT_SID]
    #[arg(long, value_name = "AC...", value_parser = account)]
    account: Option<String>,
    /// CSV file that names the new owners: number,tenant,agent,label; without an agent a number goes to its tenant's pool
    #[arg(long, value_name = "FILE")]
    map: Option<PathBuf>,
    /// Only print what would be taken over
    #[arg(long)]
    dry_run: bool,
    /// Do not ask for confirmation
    #[arg(long)]
    yes: bool,
    /// Print one JSON object a line, for machines
    #[arg(long)]
    json: bool,
}

fn account(text: &str) -> Result<String, String> {
    if is_account_sid(text) { Ok(text.to_owned()) } else { Err("AC and 32 hexadecimal digits".to_owned()) }
}

pub(super) async fn run(args: Args, environment: &Environment) -> Result<(), Failure> {
    let Source::Twilio = args.from;
    // Read before anything is opened: a wrong file needs neither database nor carrier.
    let map = args.map.as_deref().map(Map::read).transpose()?;
    let is_asked = map.is_some() && !args.dry_run && !args.yes;
    if is_asked && !std::io::stdin().is_terminal() {
        let why = "nobody can be asked for confirmation: add --yes to take the numbers over, or --dry-run to list them";
        return Err(Failure::Usage(why.to_owned()));
    }
    if std::io::stderr().is_terminal() && environment.get("RUST_LOG").is_none() {
        // Each number has a line with its failure. A log line in between would tear the progress bar.
        telemetry::start(false, "error", None);
    }
    let (core, _) = core::open(environment).await?;
    let outcome = Box::pin(import(&core, &args, map)).await;
    // Before the result is looked at, so that a failure closes it as well.
    core.database.close().await;
    outcome
}

async fn import(core: &Core, args: &Args, map: Option<(Map, map::Faults)>) -> Result<(), Failure> {
    let account = core.provisioning.estate_account(args.account.as_deref()).await.map_err(failure_of)?;
    let estate = core.provisioning.estate(&account).await.map_err(|error| Failure::from_error(&error))?;
    let Some((map, mut faults)) = map else {
        report::list(&estate, &HashMap::new(), args.json)?;
        return if args.json { Ok(()) } else { print::line(hint(estate.len())) };
    };
    let path = args.map.as_deref().unwrap_or(Path::new(""));
    let found = core.provisioning.faults_of(&map.plan, &account, &estate).await;
    map.add_faults(found.map_err(|error| Failure::from_error(&error))?, &mut faults);
    let map = faults.unless_any(path, map)?;
    let owners: HashMap<&E164, &PlannedImport> =
        map.plan.iter().map(|planned| (&planned.number, planned)).collect();
    let (named, others): (Vec<_>, Vec<_>) =
        estate.into_iter().partition(|number| owners.contains_key(&number.number));
    let (done, left): (Vec<_>, Vec<_>) = named.into_iter().partition(is_done);
    if args.dry_run || !args.yes {
        report::list(&left, &owners, args.json)?;
    }
    let counts = format!(
        "{} to take over, {} held already, {} not in {}.",
        left.len(),
        done.len(),
        others.len(),
        path.display()
    );
    if !args.json {
        print::line(&counts)?;
    }
    if args.dry_run || left.is_empty() {
        let why = if args.dry_run { "Nothing was changed (--dry-run)." } else { "There is nothing to do." };
        return if args.json { Ok(()) } else { print::line(why) };
    }
    if !args.yes && !is_confirmed(left.len())? {
        return Err(Failure::new("nothing was changed"));
    }
    let plan = left.iter().filter_map(|number| owners.get(&number.number).copied().cloned()).collect();
    take_over(core, &account, plan, args.json).await
}

fn failure_of(error: EstateAccountError) -> Failure {
    match error {
        EstateAccountError::Refused(why) => Failure::Usage(why),
        other => Failure::from_error(&other),
    }
}

/// Whether the number needs nothing more: its tenant holds it, and its calls come here.
fn is_done(number: &EstateNumber) -> bool {
    number.holder.is_some() && number.is_here
}

fn hint(count: usize) -> String {
    let s = if count == 1 { "" } else { "s" };
    format!(
        "{count} number{s}. Nothing was changed: name their owners in a file ({}) with --map.",
        map::HEADER
    )
}

fn is_confirmed(count: usize) -> Result<bool, Failure> {
    print::notice(&format!(
        "Take over {count} numbers? What is set on them now is kept, and restorePhoneNumber puts it back. [y/N]"
    ));
    let mut answer = String::new();
    std::io::stdin().read_line(&mut answer).map_err(|error| Failure::from_error(&error))?;
    Ok(matches!(answer.trim(), "y" | "Y" | "yes"))
}

async fn take_over(
    core: &Core,
    account: &EstateAccount,
    plan: Vec<PlannedImport>,
    as_json: bool,
) -> Result<(), Failure> {
    let mut report = Report::new(plan.len(), as_json);
    let end = until_stopped(core, account, plan, &mut report).await?;
    report.sum_up(&end)
}

/// Takes numbers over until all were tried or a signal arrives. A second signal ends the command at once.
async fn until_stopped(
    core: &Core,
    account: &EstateAccount,
    plan: Vec<PlannedImport>,
    report: &mut Report,
) -> Result<RunEnd, Failure> {
    let stop = CancellationToken::new();
    let notices = report.notices();
    let on_result = |planned: &_, imported: &_| report.note(planned, imported);
    let taking = core.provisioning.take_over(&core.database, account, plan, &stop, on_result);
    let on_first = || notices.say("Stopping: finishing numbers in progress; a second signal stops at once.");
    let at_once = "a running server, or the next run of this command, completes the numbers in progress";
    Signals::finish_or_stop(taking, &stop, on_first, at_once).await
}
