//! Output of `switchboard import`: the list of numbers, the progress bar, a line for each number, and the summary.

use std::collections::HashMap;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use serde_json::{Value, json};

use crate::cli::failure::Failure;
use crate::cli::print;
use crate::domain::{AgentId, E164, NumberLabel};
use crate::provisioning::{EstateNumber, Imported, PlannedImport, RunEnd};

const BAR: &str = "{wide_bar} {pos}/{len} numbers [{elapsed}]";

/// Prints these numbers: what is set on each, who holds it, and who would.
pub(super) fn list(
    numbers: &[EstateNumber],
    owners: &HashMap<&E164, &PlannedImport>,
    as_json: bool,
) -> Result<(), Failure> {
    for number in numbers {
        let planned = owners.get(&number.number).copied();
        if as_json {
            print::line(listed_as_json(number, planned))?;
        } else {
            print::line(listed_as_text(number, planned))?;
        }
    }
    Ok(())
}

fn listed_as_json(number: &EstateNumber, planned: Option<&PlannedImport>) -> Value {
    let holder = number.holder.map(|holder| {
        json!({
            "tenant": holder.tenant.0,
            "agent": holder.agent.map(|agent| agent.to_string()),
            "status": holder.status.as_str(),
        })
    });
    let planned = planned.map(|planned| {
        json!({
            "tenant": planned.tenant.0,
            "agent": planned.agent.map(|agent| agent.to_string()),
            "label": planned.label.as_ref().map(NumberLabel::as_str),
        })
    });
    json!({
        "number": number.number.as_str(),
        "sid": number.sid,
        "name": number.name,
        "settings": number.elsewhere,
        "here": number.is_here,
        "bought": number.is_marked,
        "holder": holder,
        "planned": planned,
    })
}

fn listed_as_text(number: &EstateNumber, planned: Option<&PlannedImport>) -> String {
    let settings = match (number.elsewhere.as_slice(), number.is_here) {
        ([], true) => "this server".to_owned(),
        ([], false) => "not in use".to_owned(),
        (elsewhere, _) => elsewhere.join(", "),
    };
    let agent = |id: Option<AgentId>| id.map_or_else(|| "the pool".to_owned(), |id| id.to_string());
    let owner = match (planned, number.holder) {
        (Some(planned), _) => {
            format!("  ->  {} of {}", agent(planned.agent), planned.tenant.0)
        }
        (None, Some(holder)) => {
            format!("  held by {} of {}", agent(holder.agent), holder.tenant.0)
        }
        (None, None) => String::new(),
    };
    format!("{:<16}  {settings}{owner}", number.number)
}

/// The results so far.
pub(super) struct Report {
    bar: ProgressBar,
    as_json: bool,
    total: usize,
    imported: usize,
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
    /// Starts a report for this many numbers.
    pub(super) fn new(total: usize, as_json: bool) -> Self {
        let bar = ProgressBar::with_draw_target(Some(total as u64), ProgressDrawTarget::stderr());
        if let Ok(style) = ProgressStyle::with_template(BAR) {
            bar.set_style(style);
        }
        Self { bar, as_json, total, imported: 0 }
    }

    pub(super) fn notices(&self) -> Notices {
        Notices(self.bar.clone())
    }

    /// Reports a number's result.
    pub(super) fn note(&mut self, planned: &PlannedImport, imported: &Imported) {
        let number = &planned.number;
        let line = match imported {
            Imported::Yes => {
                self.imported += 1;
                match self.as_json {
                    true => json!({ "number": number.as_str(), "imported": true, "why": null }).to_string(),
                    false => format!("{number:<16}  imported"),
                }
            }
            Imported::No { why, .. } if self.as_json => {
                json!({ "number": number.as_str(), "imported": false, "why": why }).to_string()
            }
            Imported::No { why, .. } => format!("{number:<16}  failed: {why}"),
        };
        // If stdout is closed, printing the summary fails too, and that is reported.
        self.bar.suspend(|| print::line(line)).ok();
        self.bar.inc(1);
    }

    /// Prints the summary; fails if some numbers were not imported.
    pub(super) fn sum_up(self, end: &RunEnd) -> Result<(), Failure> {
        self.bar.finish_and_clear();
        if !self.as_json {
            print::line(format_args!("{} of {} numbers imported.", self.imported, self.total))?;
        }
        let left = self.total.saturating_sub(self.imported);
        if left == 0 {
            return Ok(());
        }
        let why = if end.gave_up { "; too many failed in a row, so the run ended early" } else { "" };
        Err(Failure::new(format!("{left} left{why}: run the command again to continue")))
    }
}
