//! `switchboard provision --missing`: numbers for every agent that has none. It may be stopped, or killed, and started
//! again at any instant.

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
    /// Buy a number for every active agent of every client that has none
    #[arg(long, required = true)]
    missing: bool,
    /// Only tell how many agents would get a number and what that costs a month
    #[arg(long)]
    dry_run: bool,
    /// So many agents at most, the oldest first
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    limit: Option<u32>,
    /// Only numbers of this area code; without it, any of the country
    #[arg(long, value_name = "NNN")]
    area_code: Option<AreaCode>,
    /// The numbers' country
    #[arg(long, value_name = "CODE", default_value = "US")]
    country: CountryCode,
}

impl Args {
    fn wanted(&self) -> Result<WantedNumber, Failure> {
        let country = self.country;
        if self.area_code.is_some() && !country.has_area_codes() {
            return Err(Failure::Usage(format!(
                "numbers in {country} are not bought by area code: leave --area-code out"
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
            any_in_country: self.area_code.is_none(),
        })
    }
}

pub(super) async fn run(args: Args, environment: &Environment) -> Result<(), Failure> {
    let wanted = args.wanted()?;
    if std::io::stderr().is_terminal() && environment.get("RUST_LOG").is_none() {
        // What a purchase fails of is told at the end; in between it would only tear the bar.
        telemetry::start(false, "error", None);
    }
    let (core, config) = core::open(environment).await?;
    let agents = core.provisioning.agents_without_number().await;
    let mut agents = agents.map_err(|error| Failure::from_error(&error))?;
    if agents.is_empty() {
        return print::line("Every active agent has a number: there is nothing to do.");
    }
    let found = lacking(&agents);
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

/// Buys, until all have a number or a signal says to stop. A second signal does not wait for anything.
async fn give_numbers(
    core: &Core,
    agents: Vec<AgentWithoutNumber>,
    wanted: &WantedNumber,
    longest: &str,
    report: &mut Report,
) -> Result<BulkEnd, Failure> {
    let mut signals = Signals::listen()?;
    let stop = CancellationToken::new();
    let notices = report.notices();
    let tell = |agent: &_, given: &_| report.note(agent, given);
    let buying = core.provisioning.give_numbers(&core.database, agents, wanted, &stop, tell);
    let mut buying = Box::pin(buying);
    tokio::select! {
        end = &mut buying => return Ok(end),
        () = signals.next() => stop.cancel(),
    }
    notices.say(&format!(
        "Stopping: no further agent is begun. Waiting for what is under way, {longest} at most; a second signal ends at once."
    ));
    tokio::select! {
        end = buying => Ok(end),
        () = signals.next() => Err(Failure::new(
            "ended at once: what was under way is seen through by a running server, or by the next run of this command",
        )),
    }
}

/// `12 agents of 3 clients have no number.`
fn lacking(agents: &[AgentWithoutNumber]) -> String {
    let mut clients: Vec<_> = agents.iter().map(|agent| agent.tenant_id).collect();
    clients.sort_unstable();
    clients.dedup();
    let have = if agents.len() == 1 { "has" } else { "have" };
    format!("{} of {} {have} no number.", counted(agents.len(), "agent"), counted(clients.len(), "client"))
}

/// What a run would do.
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
