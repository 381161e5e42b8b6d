//! `switchboard repoint`: points every number to the current `WEBHOOK_BASE_URL`. It can be interrupted, or killed, and
//! restarted at any time.

use std::io::IsTerminal;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use tokio_util::sync::CancellationToken;

use super::failure::Failure;
use super::signals::Signals;
use super::{core, print};
use crate::app::Core;
use crate::config::Environment;
use crate::domain::PhoneNumber;
use crate::provisioning::{Repointed, RunEnd};
use crate::telemetry;

const BAR: &str = "{wide_bar} {pos}/{len} numbers [{elapsed}]";

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Only print the numbers that point elsewhere; exit code 3 if there are any
    #[arg(long)]
    dry_run: bool,
}

pub(super) async fn run(args: Args, environment: &Environment) -> Result<(), Failure> {
    if std::io::stderr().is_terminal() && environment.get("RUST_LOG").is_none() {
        // Each number has a line with its failure. A log line in between would tear the progress bar.
        telemetry::start(false, "error", None);
    }
    let (core, config) = core::open(environment).await?;
    let outcome = repoint(&core, args.dry_run, config.webhook_base_url.as_str()).await;
    // Before the result is looked at, so that a failure closes it as well.
    core.database.close().await;
    outcome
}

async fn repoint(core: &Core, dry_run: bool, base_url: &str) -> Result<(), Failure> {
    let numbers = core.provisioning.pointing_elsewhere().await;
    let numbers = numbers.map_err(|error| Failure::from_error(&error))?;
    let total = numbers.len();
    if total == 0 {
        return print::line(format_args!("Every number points to {base_url}: there is nothing to do."));
    }
    if dry_run {
        numbers
            .iter()
            .try_for_each(|number| print::line(format_args!("{:<16}  {}", number.number, number.id)))?;
        return Err(Failure::Differs(format!(
            "{total} point elsewhere than {base_url}; nothing was changed (--dry-run)"
        )));
    }
    let bar = ProgressBar::with_draw_target(Some(total as u64), ProgressDrawTarget::stderr());
    if let Ok(style) = ProgressStyle::with_template(BAR) {
        bar.set_style(style);
    }
    let mut failed = 0;
    let end = point(core, numbers, &bar, |number, came_of| {
        let line = match came_of {
            Repointed::Yes => format!("{:<16}  points here", number.number),
            Repointed::GivenUp => format!("{:<16}  is given up, and left as it is", number.number),
            Repointed::No(why) => {
                failed += 1;
                format!("{:<16}  failed: {why}", number.number)
            }
        };
        // If stdout is closed, printing the summary fails too, and that is reported.
        bar.suspend(|| print::line(line)).ok();
        bar.inc(1);
    })
    .await?;
    bar.finish_and_clear();
    // Counted again: a server that still has the old address may have pointed some numbers back to it meanwhile.
    let left = match core.provisioning.pointing_elsewhere().await {
        Ok(numbers) => numbers.len().max(failed),
        Err(_) => failed + end.not_begun,
    };
    print::line(format_args!("{} of {total} now point to {base_url}.", total.saturating_sub(left)))?;
    if left == 0 {
        return Ok(());
    }
    let why = if end.gave_up { "; too many failed in a row, so the run ended early" } else { "" };
    Err(Failure::new(format!("{left} left{why}: run the command again to continue")))
}

/// Points numbers until all were tried or a signal arrives. A second signal ends the command at once.
async fn point(
    core: &Core,
    numbers: Vec<PhoneNumber>,
    bar: &ProgressBar,
    on_result: impl FnMut(&PhoneNumber, &Repointed),
) -> Result<RunEnd, Failure> {
    let stop = CancellationToken::new();
    let pointing = core.provisioning.repoint(&core.database, numbers, &stop, on_result);
    let notice = || print::notice("Stopping: finishing numbers in progress; a second signal stops at once.");
    Signals::finish_or_stop(pointing, &stop, || bar.suspend(notice), "run the command again to continue")
        .await
}
