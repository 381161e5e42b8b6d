//! Progress and summary of a run: a bar if stderr is a terminal, and a line for each agent unless both stderr
//! and stdout are terminals.

use std::io::IsTerminal;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use rust_decimal::Decimal;

use crate::cli::failure::Failure;
use crate::cli::print;
use crate::domain::{AreaCode, Refusal, RefusalCode};
use crate::provisioning::{AgentWithoutNumber, BulkEnd, EndedEarly, NumberGiven};

const BAR: &str = "{wide_bar} {pos}/{len} agents, {msg} [{elapsed}]";
const TICK: Duration = Duration::from_millis(200);

/// The results so far.
pub(super) struct Report {
    bar: ProgressBar,
    /// Whether to print a line for each agent on stdout.
    lines: bool,
    in_area_code: bool,
    bought: usize,
    monthly_cost: Decimal,
    under_way: usize,
    without: usize,
    /// Agents without a number, by reason, in order of appearance.
    reasons: Vec<(String, Vec<String>)>,
}

/// Prints messages between updates of the bar.
pub(super) struct Notices(ProgressBar);

impl Notices {
    /// Prints a message on stderr without breaking the bar.
    pub(super) fn say(&self, text: &str) {
        self.0.suspend(|| print::notice(text));
    }
}

impl Report {
    /// Starts a report for this many agents.
    pub(super) fn new(agents: usize, in_area_code: bool) -> Self {
        let bar = ProgressBar::with_draw_target(Some(agents as u64), ProgressDrawTarget::stderr());
        if let Ok(style) = ProgressStyle::with_template(BAR) {
            bar.set_style(style);
        }
        // Without a terminal the bar draws nothing.
        let watched = !bar.is_hidden();
        if watched {
            bar.enable_steady_tick(TICK);
        }
        let lines = !(watched && std::io::stdout().is_terminal());
        let report = Self {
            bar,
            lines,
            in_area_code,
            bought: 0,
            monthly_cost: Decimal::ZERO,
            under_way: 0,
            without: 0,
            reasons: Vec::new(),
        };
        report.bar.set_message(report.summary());
        report
    }

    pub(super) fn notices(&self) -> Notices {
        Notices(self.bar.clone())
    }

    /// Reports an agent's result.
    pub(super) fn note(&mut self, agent: &AgentWithoutNumber, given: &NumberGiven) {
        let line = match given {
            NumberGiven::Bought(number) => {
                self.bought += 1;
                self.monthly_cost += number.monthly_cost;
                format!("{:<16}  {}", number.number, named(agent))
            }
            NumberGiven::Without(refusal) => self.left_without("none", agent, self.reason(refusal)),
            NumberGiven::Failed(failure) => self.left_without("failed", agent, failure.to_string()),
            NumberGiven::UnderWay(operation) => {
                self.under_way += 1;
                format!("{:<16}  {}: see {operation}", "in progress", named(agent))
            }
            NumberGiven::NotNeeded(refusal) => {
                format!("{:<16}  {}: {}", "not needed", named(agent), refusal.message)
            }
        };
        if self.lines {
            // If stdout is closed, printing the summary fails too, and that is reported.
            let _ = print::line(line);
        }
        self.bar.inc(1);
        self.bar.set_message(self.summary());
    }

    fn left_without(&mut self, what: &str, agent: &AgentWithoutNumber, why: String) -> String {
        self.without += 1;
        let line = format!("{what:<16}  {}: {why}", named(agent));
        match self.reasons.iter_mut().find(|(known, _)| *known == why) {
            Some((_, agents)) => agents.push(named(agent)),
            None => self.reasons.push((why, vec![named(agent)])),
        }
        line
    }

    /// Prints the summary; fails if some agents have no number. `longest`: the time limit for a purchase.
    pub(super) fn sum_up(self, end: &BulkEnd, longest: &str) -> Result<(), Failure> {
        self.bar.finish_and_clear();
        print::line(match self.bought {
            0 => "No number was bought.".to_owned(),
            bought => format!("{} bought, for {} USD a month.", counted(bought, "number"), self.monthly_cost),
        })?;
        for (why, agents) in &self.reasons {
            print::line(format_args!("\n{} left without a number: {why}", counted(agents.len(), "agent")))?;
            agents.iter().try_for_each(|agent| print::line(format_args!("  {agent}")))?;
        }
        if self.under_way > 0 {
            print::line(format_args!(
                "\n{} not finished after {longest}: a running server, or the next run of this command, completes it.",
                counted(self.under_way, "purchase")
            ))?;
        }
        if let Some(because) = end.because.as_ref().filter(|_| end.not_begun > 0) {
            let because = match because {
                EndedEarly::Stopped => "it was interrupted".to_owned(),
                EndedEarly::Refused(refusal) => refusal.message.clone(),
                EndedEarly::Failed(failure) => Failure::from_error(failure).to_string(),
            };
            print::line(format_args!(
                "\nThe run ended early: {because}. {} not started; run the command again to continue.",
                counted(end.not_begun, "agent")
            ))?;
        }
        match self.without + self.under_way + end.not_begun {
            0 => Ok(()),
            left => Err(Failure::new(format!("{} without a number", counted(left, "agent")))),
        }
    }

    fn summary(&self) -> String {
        format!("{} bought, {} without", self.bought, self.without + self.under_way)
    }

    /// Why an agent got no number, with the options that help.
    fn reason(&self, refusal: &Refusal) -> String {
        if refusal.code != RefusalCode::NoAvailableNumbers || !self.in_area_code {
            return refusal.message.clone();
        }
        let suggested: Vec<_> = refusal.suggested_area_codes.iter().map(AreaCode::as_str).collect();
        let such_as = match suggested.as_slice() {
            [] => String::new(),
            codes => format!(", such as {}", codes.join(", ")),
        };
        format!(
            "the area code has no numbers for sale: choose another{such_as}, or remove --area-code for any number in the country"
        )
    }
}

/// An agent on one line: its id, its tenant's id, its name.
fn named(agent: &AgentWithoutNumber) -> String {
    let name: Vec<_> = agent.name.as_str().split_whitespace().collect();
    format!("{}  {}  {}", agent.id, agent.tenant_id.0, name.join(" "))
}

/// A count with its noun: `1 agent`, `2 agents`.
pub(super) fn counted(count: usize, what: &str) -> String {
    format!("{count} {what}{}", if count == 1 { "" } else { "s" })
}
