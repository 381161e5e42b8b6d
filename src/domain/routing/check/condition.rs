//! Validation of a rule's condition.

use std::collections::BTreeSet;

use chrono::{Datelike, NaiveDate, NaiveTime, Weekday};

use super::Faults;
use crate::domain::{CallerPattern, Invalid, RoutingCondition, When, Window, Zone};

// As many as a comparison of all rules with each other allows.
const MOST_DATES: usize = 366;
const MOST_CALLERS: usize = 500;

/// A condition before validation.
#[derive(Debug, Clone, Default)]
pub struct ConditionDraft {
    /// Days of the week; every day if `None`.
    pub days: Option<Vec<Weekday>>,
    /// Start of the window, `HH:MM`, inclusive.
    pub from: Option<String>,
    /// End of the window, `HH:MM`, exclusive.
    pub to: Option<String>,
    /// Name in the IANA time zone database.
    pub time_zone: Option<String>,
    /// Dates, each `YYYY-MM-DD`, at most 366.
    pub dates: Option<Vec<String>>,
    /// Caller patterns, at most 500.
    pub callers: Option<Vec<String>>,
}

/// Parses a condition as far as possible and records its faults.
pub(super) fn condition(draft: &ConditionDraft, at: &str, faults: &mut Faults) -> RoutingCondition {
    RoutingCondition { when: when(draft, at, faults), callers: callers(draft, at, faults) }
}

fn callers(draft: &ConditionDraft, at: &str, faults: &mut Faults) -> BTreeSet<CallerPattern> {
    let given = few(draft.callers.as_deref(), &[at, "condition", "callers"], MOST_CALLERS, faults);
    let mut callers = BTreeSet::new();
    for (nth, caller) in given.iter().enumerate() {
        let path = [at, "condition", "callers", &nth.to_string()];
        callers.extend(faults.take(&path, caller.parse::<CallerPattern>()));
    }
    callers
}

/// An optional list, which must not be empty or longer than `most`.
fn few<'a, T>(given: Option<&'a [T]>, path: &[&str], most: usize, faults: &mut Faults) -> &'a [T] {
    match given {
        None => &[],
        Some([]) => {
            faults.note(path, "an empty list never applies: leave it out, or give at least one value");
            &[]
        }
        Some(list) if list.len() > most => {
            faults.note(path, format!("at most {most} values are allowed; got {}", list.len()));
            &[]
        }
        Some(list) => list,
    }
}

fn when(draft: &ConditionDraft, at: &str, faults: &mut Faults) -> Option<When> {
    let mut days = Vec::new();
    for day in few(draft.days.as_deref(), &[at, "condition", "days"], usize::MAX, faults) {
        if !days.contains(day) {
            days.push(*day);
        }
    }
    let window = window(draft, at, faults);
    let mut dates = BTreeSet::new();
    let given = few(draft.dates.as_deref(), &[at, "condition", "dates"], MOST_DATES, faults);
    for (nth, date) in given.iter().enumerate() {
        dates.extend(faults.take(&[at, "condition", "dates", &nth.to_string()], read_date(date)));
    }
    let no_such_date = !days.is_empty() && dates.iter().all(|date| !days.contains(&date.weekday()));
    if no_such_date && !dates.is_empty() {
        faults.note(
            &[at, "condition", "dates"],
            "none of these dates falls on one of the days: leave the days out",
        );
    }
    let is_about_time =
        [draft.from.is_some(), draft.to.is_some(), draft.days.is_some(), draft.dates.is_some()];
    let path = [at, "condition", "timeZone"];
    match (&draft.time_zone, is_about_time.contains(&true)) {
        (None, false) => None,
        (None, true) => {
            faults.note(&path, "from, to, days and dates need a time zone, like Europe/Berlin");
            None
        }
        (Some(_), false) => {
            faults
                .note(&path, "a time zone needs from, to, days or dates: give one of these, or leave it out");
            None
        }
        (Some(zone), true) => {
            let time_zone = faults.take(&path, Zone::find(zone))?;
            Some(When { time_zone, days, window, dates })
        }
    }
}

fn window(draft: &ConditionDraft, at: &str, faults: &mut Faults) -> Option<Window> {
    let (from, to) = match (&draft.from, &draft.to) {
        (None, None) => return None,
        (Some(_), None) => {
            faults.note(&[at, "condition", "to"], "from requires to, like 18:00; midnight is 00:00");
            return None;
        }
        (None, Some(_)) => {
            faults.note(&[at, "condition", "from"], "to requires from, like 09:00; midnight is 00:00");
            return None;
        }
        (Some(from), Some(to)) => (
            faults.take(&[at, "condition", "from"], read_time(from)),
            faults.take(&[at, "condition", "to"], read_time(to)),
        ),
    };
    let (from, to) = (from?, to?);
    if from == to {
        faults.note(&[at, "condition", "to"], "to equals from: leave both out for the whole day");
        return None;
    }
    Some(Window { from, to })
}

fn read_time(text: &str) -> Result<NaiveTime, Invalid> {
    let well_formed =
        text.len() == 5 && text.bytes().enumerate().all(|(at, b)| at == 2 || b.is_ascii_digit());
    // `%H` and `%M` also accept a single digit.
    let time = NaiveTime::parse_from_str(text, "%H:%M").ok().filter(|_| well_formed);
    time.ok_or_else(|| Invalid::new("a time has the format HH:MM, from 00:00 to 23:59"))
}

fn read_date(text: &str) -> Result<NaiveDate, Invalid> {
    let well_formed =
        text.len() == 10 && text.bytes().enumerate().all(|(at, b)| at == 4 || at == 7 || b.is_ascii_digit());
    let date = NaiveDate::parse_from_str(text, "%Y-%m-%d").ok().filter(|_| well_formed);
    date.ok_or_else(|| Invalid::new("a date has the format YYYY-MM-DD and must exist, like 2026-12-25"))
}
