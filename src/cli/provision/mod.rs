//! `switchboard provision --missing`: buys a number for every agent that has none. It can be interrupted, or killed, and
//! restarted at any time.

mod report;

use std::io::IsTerminal;
use std::time::Duration;

use rust_decimal::Decimal;
use tokio_util::sync::CancellationToken;

use super::failure::Failure;
use super::signals::Signals;
use super::{core, print};
use crate::app::Core;
use crate::config::Environment;
use crate::domain::{AreaCode, CountryCode, NumberType};
use crate::provisioning::kinds::WantedNumber;
use crate::provisioning::{self, AgentWithoutNumber, BulkEnd};
use crate::telemetry;
use report::{Report, counted};

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Required: buy a number for every active agent of every tenant that has none
    #[arg(long, required = true)]
    missing: bool,
    /// Only print how many agents would get a number and the monthly cost
    #[arg(long)]
    dry_run: bool,
    /// Maximum number of agents, oldest first
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    limit: Option<u32>,
    /// Area code of the numbers [default: any in the country]
    #[arg(long, value_name = "NNN")]
    area_code: Option<AreaCode>,
    /// Country of the numbers
    #[arg(long, value_name = "CODE", default_value = "US")]
    country: CountryCode,
}

impl Args {
    fn wanted(&self) -> Result<WantedNumber, Failure> {
        let country = self.country;
        if self.area_code.is_some() && !country.has_area_codes() {
            return Err(Failure::Usage(format!(
                "--area-code applies to the US and Canada only: remove it to buy numbers in {country}"
            )));
        }
        if let Some(code) = &self.area_code {
            let read = country.area_code(NumberType::Local, code.as_str());
            read.map_err(|why| Failure::Usage(why.to_string()))?;
        }
        Ok(WantedNumber {
            country,
            area_code: self.area_code.clone(),
            kind: NumberType::Local,
            number: None,
            // An area code on the command line is meant: another one would be a wrong purchase.
            any_in_country: self.area_code.is_none(),
            label: None,
        })
    }
}

pub(super) async fn run(args: Args, environment: &Environment) -> Result<(), Failure> {
    let wanted = args.wanted()?;
    if std::io::stderr().is_terminal() && environment.get("RUST_LOG").is_none() {
        // The report names the cause of each failed purchase. A log line in between would tear the progress bar.
        telemetry::start(false, "error", None);
    }
    let (core, config) = core::open(environment).await?;
    let agents = core.provisioning.agents_without_number().await;
    let mut agents = agents.map_err(|error| Failure::from_error(&error))?;
    if agents.is_empty() {
        return print::line("Every active agent has a number: there is nothing to do.");
    }
    let found = lacking(&agents);
    // After `found` was counted: it reports all agents that lack a number.
    agents.truncate(args.limit.and_then(|limit| usize::try_from(limit).ok()).unwrap_or(usize::MAX));
    if args.dry_run {
        return print::line(forecast(&found, &wanted, agents.len(), config.hourly.purchases));
    }
    let mut report = Report::new(agents.len(), wanted.area_code.is_some());
    let longest = core.provisioning.longest_purchase();
    let longest = humantime::format_duration(Duration::from_secs(longest.as_secs())).to_string();
    let end = give_numbers(&core, agents, &wanted, &longest, &mut report).await?;
    core.database.close().await;
    report.sum_up(&end, &longest)
}

/// Buys numbers until all agents have one or a signal arrives. A second signal ends the command at once.
async fn give_numbers(
    core: &Core,
    agents: Vec<AgentWithoutNumber>,
    wanted: &WantedNumber,
    longest: &str,
    report: &mut Report,
) -> Result<BulkEnd, Failure> {
    let stop = CancellationToken::new();
    let notices = report.notices();
    let on_result = |agent: &_, given: &_| report.note(agent, given);
    let buying = core.provisioning.give_numbers(&core.database, agents, wanted, &stop, on_result);
    let on_first = || {
        notices.say(&format!(
            "Stopping: no further purchase is started. Waiting for purchases in progress, at most {longest}; a second signal stops at once."
        ));
    };
    let at_once = "a running server, or the next run of this command, completes the purchases in progress";
    Signals::finish_or_stop(buying, &stop, on_first, at_once).await
}

/// `12 agents of 3 tenants have no number.`
fn lacking(agents: &[AgentWithoutNumber]) -> String {
    let mut tenants: Vec<_> = agents.iter().map(|agent| agent.tenant_id).collect();
    tenants.sort_unstable();
    tenants.dedup();
    let have = if agents.len() == 1 { "has" } else { "have" };
    format!("{} of {} {have} no number.", counted(agents.len(), "agent"), counted(tenants.len(), "tenant"))
}

/// Describes what a run would buy.
fn forecast(found: &str, wanted: &WantedNumber, agents: usize, per_hour: u32) -> String {
    let price = provisioning::list_price(wanted.kind);
    let place = match &wanted.area_code {
        Some(code) => format!("{}, area code {code},", wanted.country),
        None => wanted.country.to_string(),
    };
    let cost = price * Decimal::from(agents);
    let numbers = counted(agents, "local number");
    let mut text = format!("{found} {numbers} in {place} at {price} USD: {cost} USD a month.");
    if agents > usize::try_from(per_hour).unwrap_or(usize::MAX) {
        text.push_str(&format!(" This server buys at most {per_hour} an hour (PURCHASES_PER_HOUR)."));
    }
    text + " Nothing was bought (--dry-run)."
}
