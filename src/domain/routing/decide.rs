//! The routing decision for one call.

use chrono::{DateTime, Days, NaiveDate, NaiveDateTime, Utc};
use serde::{Deserialize, Serialize};

use super::{
    CallerId, Cause, Causes, RoutingAction, RoutingCondition, RoutingRule, RoutingRules, When, pattern_of,
};
use crate::domain::CallGroupId;

/// The rule that applies to a call, without its condition: a decision is stored with every call, and a condition may list
/// hundreds of callers and dates. Name and version find the complete rule.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AppliedRule {
    /// Name, unique among the number's rules of that version.
    pub name: String,
    /// How the call is answered.
    pub action: RoutingAction,
    /// Version of the number's rules that contains it; `None` if it was not recorded.
    // Calls and journals of earlier versions have none.
    #[serde(default)]
    pub version: Option<i32>,
}

/// The routing decision for a call, with its reason.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Decision {
    /// The rule that applies; `None` if none does, and the number's agent answers.
    pub rule: Option<AppliedRule>,
    /// The call group that offers the call to one of its members; `None` if the number is in none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub group: Option<CallGroupId>,
    /// Reason for people; no code parses it. [`Causes`] are appended as the call proceeds.
    pub reason: String,
}

impl Decision {
    /// Sets the version of the rules that made the decision.
    #[must_use]
    pub fn of_version(self, version: i32) -> Self {
        let rule = self.rule.map(|rule| AppliedRule { version: Some(version), ..rule });
        Self { rule, ..self }
    }

    /// Appends causes to the reason.
    #[must_use]
    pub fn then(&self, causes: &Causes) -> Self {
        Self { rule: self.rule.clone(), group: self.group, reason: format!("{}; {causes}", self.reason) }
    }

    /// Adds that a call group offers the call to one of its members.
    #[must_use]
    pub fn offered_by(self, group: CallGroupId) -> Self {
        Self { group: Some(group), ..self.then(&Cause::CallGroup.into()) }
    }

    /// Whether a rule rejects the call.
    #[must_use]
    pub fn rejects(&self) -> bool {
        self.rule.as_ref().is_some_and(|rule| rule.action == RoutingAction::Reject)
    }

    /// Whether the call may reach the agent, and so needs one of the plan's call slots.
    #[must_use]
    pub fn needs_slot(&self) -> bool {
        let action = self.rule.as_ref().map(|rule| &rule.action);
        matches!(action, None | Some(RoutingAction::Agent | RoutingAction::ForwardThenAgent { .. }))
    }
}

impl RoutingRules {
    /// Decides how a call that comes in at `at` is answered.
    #[must_use]
    pub fn decide(&self, caller: &CallerId, at: DateTime<Utc>) -> Decision {
        // Lazy: conditions behind the first that holds are not evaluated.
        let mut applying =
            self.0.iter().filter_map(|rule| Some((rule, rule.condition.match_reason(caller, at)?)));
        match applying.next() {
            Some((RoutingRule { name, action, .. }, why)) => {
                let reason = format!("the rule \"{name}\" applies: {why}");
                let rule = AppliedRule { name: name.clone(), action: action.clone(), version: None };
                Decision { rule: Some(rule), group: None, reason }
            }
            None => {
                let reason = match self.0.len() {
                    0 => "the number has no rules".to_owned(),
                    1 => "the number's rule does not apply".to_owned(),
                    rules => format!("none of the number's {rules} rules applies"),
                };
                Decision { rule: None, group: None, reason }
            }
        }
    }
}

impl RoutingCondition {
    /// The reason why the condition matches; `None` if it does not.
    fn match_reason(&self, caller: &CallerId, at: DateTime<Utc>) -> Option<String> {
        let mut why = Vec::new();
        if let Some(when) = &self.when {
            // Without the zone's data the rule does not apply, and the call is still answered.
            let local = when.time_zone.wall_clock(at)?;
            when.day_of(local)?;
            why.push(format!("it is {} in {}", local.format("%A %Y-%m-%d, %H:%M"), when.time_zone));
        }
        if !self.callers.is_empty() {
            let pattern = pattern_of(caller.shown(), &self.callers)?;
            why.push(if pattern.is_hidden() {
                "the caller shows no number".to_owned()
            } else if pattern.is_exact() {
                format!("the caller is {pattern}")
            } else {
                format!("the caller's number begins with {pattern}")
            });
        }
        Some(if why.is_empty() { "it is for every call".to_owned() } else { why.join(", and ") })
    }
}

impl When {
    /// The day to which this local time belongs; `None` if the time is not within the condition.
    fn day_of(&self, local: NaiveDateTime) -> Option<NaiveDate> {
        let (today, time) = (local.date(), local.time());
        let day = match self.window {
            None => today,
            Some(window) if window.is_over_midnight() => {
                if time >= window.from {
                    today
                } else if time < window.to {
                    // The window began yesterday and is still open.
                    today.checked_sub_days(Days::new(1))?
                } else {
                    return None;
                }
            }
            Some(window) => (window.from <= time && time < window.to).then_some(today)?,
        };
        let on_days = self.days.is_empty() || self.days.contains(&chrono::Datelike::weekday(&day));
        let on_dates = self.dates.is_empty() || self.dates.contains(&day);
        (on_days && on_dates).then_some(day)
    }
}

#[cfg(test)]
mod tests {
    use super::super::{ActionDraft, ConditionDraft, RoutingActionKind, RuleDraft};
    use super::*;

    fn rules(conditions: Vec<ConditionDraft>) -> RoutingRules {
        let action = |_| ActionDraft {
            kind: RoutingActionKind::Reject,
            forward_to: None,
            ring_seconds: None,
            message: None,
        };
        let draft = |(at, condition)| RuleDraft { name: format!("R{at}"), condition, action: action(at) };
        let drafts = conditions.into_iter().enumerate().map(draft).collect();
        RoutingRules::check(drafts, &"+12125550100".parse().unwrap()).unwrap()
    }

    fn window(zone: &str, from: &str, to: &str) -> ConditionDraft {
        let text = |text: &str| Some(text.to_owned());
        ConditionDraft { time_zone: text(zone), from: text(from), to: text(to), ..ConditionDraft::default() }
    }

    fn applies(rules: &RoutingRules, at: &str) -> bool {
        rules.decide(&CallerId::Hidden, at.parse().unwrap()).rule.is_some()
    }

    fn assert_applies(rules: &RoutingRules, cases: &[(&str, bool)]) {
        for (at, expected) in cases {
            assert_eq!(applies(rules, at), *expected, "{at}");
        }
    }

    #[test]
    fn a_wall_clock_is_read_when_clocks_go_forward_and_back() {
        // Clocks in Berlin go forward on 29 March 2026 at 01:00 UTC, and back on 25 October at 01:00 UTC.
        let berlin = rules(vec![window("Europe/Berlin", "09:00", "17:00")]);
        assert_applies(
            &berlin,
            &[
                ("2026-03-28T07:59:59Z", false),
                ("2026-03-28T08:00:00Z", true),
                ("2026-03-29T07:00:00Z", true),
                ("2026-03-29T06:59:59Z", false),
                ("2026-03-29T14:59:59Z", true),
                ("2026-03-29T15:00:00Z", false),
                ("2026-10-24T07:00:00Z", true),
                ("2026-10-25T07:59:59Z", false),
                ("2026-10-25T08:00:00Z", true),
            ],
        );
        let skipped = rules(vec![window("Europe/Berlin", "02:00", "03:00")]);
        let repeated =
            ["2026-10-25T00:00:00Z", "2026-10-25T00:59:59Z", "2026-10-25T01:00:00Z", "2026-10-25T01:59:59Z"];
        assert_applies(&skipped, &[("2026-03-29T00:59:59Z", false), ("2026-03-29T01:00:00Z", false)]);
        assert!(repeated.iter().all(|at| applies(&skipped, at)));
        let astride = rules(vec![window("Europe/Berlin", "02:30", "03:30")]);
        assert_applies(
            &astride,
            &[
                ("2026-03-29T00:59:59Z", false),
                ("2026-03-29T01:00:00Z", true),
                ("2026-03-29T01:30:00Z", false),
                ("2026-10-25T00:30:00Z", true),
                ("2026-10-25T01:00:00Z", false),
                ("2026-10-25T01:30:00Z", true),
                ("2026-10-25T02:29:59Z", true),
                ("2026-10-25T02:30:00Z", false),
            ],
        );
        // New York: forward on 8 March 2026 at 07:00 UTC, back on 1 November at 06:00 UTC.
        let new_york = rules(vec![window("America/New_York", "18:00", "08:00")]);
        assert_applies(
            &new_york,
            &[
                ("2026-03-07T12:59:59Z", true),
                ("2026-03-07T13:00:00Z", false),
                ("2026-03-07T23:00:00Z", true),
                ("2026-03-08T11:59:59Z", true),
                ("2026-03-08T12:00:00Z", false),
                ("2026-03-08T21:59:59Z", false),
                ("2026-03-08T22:00:00Z", true),
                ("2026-11-01T12:59:59Z", true),
                ("2026-11-01T13:00:00Z", false),
            ],
        );
    }

    #[test]
    fn a_stored_decision_has_no_condition_and_older_versions_are_read() {
        let condition = ConditionDraft {
            callers: Some((0..500).map(|n| format!("+1212555{n:04}")).collect()),
            ..ConditionDraft::default()
        };
        let (rules, caller) = (rules(vec![condition]), CallerId::read("+12125550123"));
        let decision = rules.decide(&caller, DateTime::UNIX_EPOCH).of_version(7);
        let mut stored = serde_json::to_value(&decision).unwrap();
        assert!(stored.to_string().len() < 200, "{stored}");
        assert_eq!(serde_json::from_value::<Decision>(stored.clone()).unwrap(), decision);
        // The format in a journal of an older version, with the whole rule.
        stored["rule"] = serde_json::to_value(&rules.as_slice()[0]).unwrap();
        let rule = serde_json::from_value::<Decision>(stored).unwrap().rule.unwrap();
        assert_eq!((rule.name.as_str(), rule.action, rule.version), ("R0", RoutingAction::Reject, None));
    }

    #[test]
    fn after_midnight_a_window_belongs_to_the_day_on_which_it_began() {
        let friday_night = ConditionDraft {
            days: Some(vec![chrono::Weekday::Fri]),
            ..window("America/New_York", "18:00", "08:00")
        };
        let christmas_night = ConditionDraft {
            dates: Some(vec!["2025-12-25".to_owned()]),
            ..window("Europe/Berlin", "20:00", "06:00")
        };
        let rules = rules(vec![friday_night, christmas_night]);
        assert_applies(
            &rules,
            &[
                ("2026-07-31T11:00:00Z", false),
                ("2026-07-31T22:00:00Z", true),
                ("2026-08-01T11:59:59Z", true),
                ("2026-08-01T22:00:00Z", false),
                ("2025-12-24T21:00:00Z", false),
                ("2025-12-26T04:59:59Z", true),
                ("2025-12-26T05:00:00Z", false),
            ],
        );
    }

    #[test]
    fn callers_match_by_prefix_and_hidden_ones_by_having_no_number() {
        let callers = ConditionDraft {
            callers: Some(vec!["+1 (212)".to_owned(), "+49 30 1234567".to_owned()]),
            ..ConditionDraft::default()
        };
        let rules = rules(vec![callers]);
        let now = DateTime::UNIX_EPOCH;
        for (caller, expected) in
            [("+12125550123", true), ("+12135550123", false), ("+49301234567", true), ("+49301234568", false)]
        {
            let decision = rules.decide(&CallerId::read(caller), now);
            assert_eq!(decision.rule.is_some(), expected, "{caller}: {}", decision.reason);
        }
        assert_eq!(rules.decide(&CallerId::Hidden, now).reason, "the number's rule does not apply");
        for word in ["anonymous", " Anonymous", "+266696687", "+86282452253"] {
            let callers = Some(vec!["+1900".to_owned(), word.to_owned()]);
            let rules = self::rules(vec![ConditionDraft { callers, ..ConditionDraft::default() }]);
            for hidden in
                ["", "anonymous", "Restricted", "+86282452253", "sip:anonymous@anonymous.invalid;user=x"]
            {
                let decision = rules.decide(&CallerId::read(hidden), now);
                assert_eq!(
                    decision.reason, "the rule \"R0\" applies: the caller shows no number",
                    "{word} {hidden}"
                );
            }
            // A caller without an E.164 number is not hidden.
            for shown in ["+12125550123", "+464", "911", "client:alice", "sip:a@b.example", "é", "+é"] {
                assert!(rules.decide(&CallerId::read(shown), now).rule.is_none(), "{word} {shown}");
            }
        }
        let others = ["+46", "client:alice", "sip:Desk@example.com:5060"].map(str::to_owned).to_vec();
        let others = self::rules(vec![ConditionDraft { callers: Some(others), ..ConditionDraft::default() }]);
        for (caller, expected) in [
            ("+464", Some("begins with +46")),
            ("client:alice", Some("the caller is client:alice")),
            ("sip:Desk@example.com:5060", Some("the caller is sip:Desk")),
            ("client:alic", None),
            ("client:alice2", None),
            ("464", None),
            ("+", None),
        ] {
            let decision = others.decide(&CallerId::read(caller), now);
            assert_eq!(decision.rule.is_some(), expected.is_some(), "{caller}");
            assert!(decision.reason.contains(expected.unwrap_or_default()), "{caller}: {}", decision.reason);
        }
        assert_eq!(RoutingRules::default().decide(&CallerId::Hidden, now).reason, "the number has no rules");
        let stored = serde_json::to_value(&rules).unwrap();
        assert_eq!(serde_json::from_value::<RoutingRules>(stored).unwrap(), rules);
    }
}
