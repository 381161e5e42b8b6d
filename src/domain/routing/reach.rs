//! Reachability of rules: whether one earlier rule already applies to every call of a later one. A rule reported as unreachable
//! certainly is. A rule that only several earlier rules together make unreachable is not reported.

use std::collections::BTreeSet;

use chrono::Datelike;

use super::{CallerPattern, RoutingCondition, When, Window};

/// Number of days in a week.
const WEEK: usize = 7;

impl RoutingCondition {
    /// Whether the condition holds for every call.
    pub(super) fn is_always_true(&self) -> bool {
        self.callers.is_empty() && self.when.as_ref().is_none_or(When::is_always)
    }

    /// Whether `other` holds for every call for which this condition holds.
    pub(super) fn implies(&self, other: &Self) -> bool {
        let times = match (&self.when, &other.when) {
            (_, None) => true,
            (_, Some(other)) if other.is_always() => true,
            (Some(own), Some(other)) => own.implies(other),
            (None, Some(_)) => false,
        };
        times
            && (other.callers.is_empty()
                || !self.callers.is_empty() && each_is_within(&self.callers, &other.callers))
    }
}

/// Whether `others` match every caller that `patterns` match. Walks both sets once in order: patterns with a prefix
/// sort directly after it.
fn each_is_within(patterns: &BTreeSet<CallerPattern>, others: &BTreeSet<CallerPattern>) -> bool {
    let is_beginning = |pattern: &&CallerPattern| !pattern.is_hidden() && !pattern.is_exact();
    let mut beginnings = others.iter().filter(is_beginning).peekable();
    // The shortest prefix passed so far that may cover the remaining patterns.
    let mut reached: Option<&str> = None;
    patterns.iter().all(|pattern| {
        if !is_beginning(&pattern) {
            return others.contains(pattern);
        }
        while let Some(next) = beginnings.next_if(|next| *next <= pattern) {
            if reached.is_none_or(|reached| !next.as_str().starts_with(reached)) {
                reached = Some(next.as_str());
            }
        }
        reached.is_some_and(|reached| pattern.as_str().starts_with(reached))
    })
}

impl When {
    /// Every day, at any time.
    fn is_always(&self) -> bool {
        self.window.is_none() && self.is_every_day()
    }

    fn is_every_day(&self) -> bool {
        self.dates.is_empty() && (self.days.is_empty() || self.days.len() == WEEK)
    }

    fn implies(&self, other: &Self) -> bool {
        // Not compared across zones, whose difference changes over the year. At worst an unreachable rule goes unreported.
        if self.time_zone != other.time_zone {
            return false;
        }
        let times = match (self.window, other.window) {
            (_, None) => true,
            (Some(own), Some(window)) => own.is_within(window, other.is_every_day()),
            (None, Some(_)) => false,
        };
        // After midnight, a window that spans midnight belongs to the day before.
        let same_day = match (self.window, other.window) {
            (Some(own), None) => !own.is_over_midnight(),
            _ => true,
        };
        times && (other.is_every_day() || same_day && self.days_imply(other))
    }

    fn days_imply(&self, other: &Self) -> bool {
        let on_days = other.days.is_empty()
            || other.days.len() == WEEK
            || !self.days.is_empty() && self.days.iter().all(|day| other.days.contains(day))
            || !self.dates.is_empty() && self.dates.iter().all(|date| other.days.contains(&date.weekday()));
        let on_dates = other.dates.is_empty() || !self.dates.is_empty() && self.dates.is_subset(&other.dates);
        on_days && on_dates
    }
}

impl Window {
    /// Whether `other` contains every minute of this window, assigned to the same day unless `any_day` is set.
    fn is_within(self, other: Self, any_day: bool) -> bool {
        match (self.is_over_midnight(), other.is_over_midnight()) {
            (false, false) | (true, true) => other.from <= self.from && self.to <= other.to,
            (false, true) => other.from <= self.from || any_day && self.to <= other.to,
            // A window within one day does not span midnight, and the whole day is not written as a window.
            (true, false) => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use chrono::{DateTime, Days, NaiveDate, NaiveTime, TimeDelta, Utc, Weekday};
    use proptest::prelude::*;

    use super::super::{CallerId, RoutingAction, RoutingRule, RoutingRules};
    use super::*;
    use crate::domain::Zone;

    const ZONES: [&str; 2] = ["Europe/Berlin", "America/New_York"];
    const DAYS: [Weekday; 7] =
        [Weekday::Mon, Weekday::Tue, Weekday::Wed, Weekday::Thu, Weekday::Fri, Weekday::Sat, Weekday::Sun];
    const CALLERS: [&str; 8] =
        ["+1", "+1212", "+12125550123", "+49", "+4930", "anonymous", "client:alice", "911"];
    const HOURS: [u32; 6] = [0, 3, 8, 12, 18, 22];

    /// The Friday before clocks go forward in Europe.
    fn first_day() -> NaiveDate {
        NaiveDate::from_ymd_opt(2026, 3, 27).unwrap()
    }

    fn window() -> impl Strategy<Value = Option<Window>> {
        let hour = |at: usize| NaiveTime::from_hms_opt(HOURS[at], 0, 0).unwrap();
        prop::option::of((0..6_usize, 1..6_usize)).prop_map(move |pair| {
            pair.map(|(from, by)| Window { from: hour(from), to: hour((from + by) % 6) })
        })
    }

    fn when() -> impl Strategy<Value = When> {
        let days = prop::collection::vec(0..7_usize, 0..8);
        let dates = prop::collection::btree_set(0..5_u64, 0..4);
        (0..2_usize, days, window(), dates).prop_map(|(zone, days, window, dates)| {
            let days: BTreeSet<_> = days.into_iter().collect();
            When {
                time_zone: Zone::find(ZONES[zone]).unwrap(),
                days: days.into_iter().map(|day| DAYS[day]).collect(),
                window,
                dates: dates.into_iter().map(|days| first_day() + Days::new(days)).collect(),
            }
        })
    }

    fn condition() -> impl Strategy<Value = RoutingCondition> {
        let callers = prop::collection::btree_set(0..CALLERS.len(), 0..3);
        (prop::option::of(when()), callers).prop_map(|(when, callers)| RoutingCondition {
            when,
            callers: callers.into_iter().map(|at| CALLERS[at].parse().unwrap()).collect(),
        })
    }

    fn instant() -> impl Strategy<Value = DateTime<Utc>> {
        let start = first_day().and_time(NaiveTime::MIN).and_utc();
        (0..6 * 24 * 4_i64).prop_map(move |quarters| start + TimeDelta::minutes(15 * quarters))
    }

    fn rules(conditions: Vec<RoutingCondition>) -> RoutingRules {
        let rule =
            |(at, condition)| RoutingRule { name: format!("{at}"), condition, action: RoutingAction::Reject };
        RoutingRules(conditions.into_iter().enumerate().map(rule).collect())
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2000))]

        #[test]
        fn a_rule_reported_as_unreachable_never_applies(
            (earlier, later) in (condition(), condition()),
            at in prop::collection::vec(instant(), 24),
            caller in prop::sample::select(vec!["+12125550123", "+12135550123", "+493012345678", "+33142278186", "", "client:alice", "+4930", "911"]),
        ) {
            let caller = CallerId::read(caller);
            if later.implies(&earlier) {
                let rules = rules(vec![earlier, later]);
                for at in at {
                    let decision = rules.decide(&caller, at);
                    prop_assert!(decision.rule.is_none_or(|rule| rule.name == "0"));
                }
            }
        }

        #[test]
        fn a_condition_covers_itself_and_the_same_at_fewer_times(condition in condition()) {
            prop_assert!(condition.implies(&condition));
            prop_assert!(condition.implies(&RoutingCondition::default()));
            let callers = ["+12125550123".parse().unwrap()].into();
            let narrower = RoutingCondition { callers, ..condition.clone() };
            let anybody = RoutingCondition { callers: BTreeSet::new(), ..condition };
            prop_assert!(narrower.implies(&anybody));
        }
    }
}
