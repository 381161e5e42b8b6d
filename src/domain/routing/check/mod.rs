//! Validation of routing rules. Reports all faults at once, each with the path of its field.

mod action;
mod condition;

pub use action::ActionDraft;
pub use condition::ConditionDraft;

use std::collections::HashMap;

use super::{RoutingAction, RoutingRule, RoutingRules};
use crate::domain::{E164, Invalid, Refusal, RefusalCode, is_blank};
use action::action;
use condition::condition;

// Rules are compared pairwise: this bound, and those of a condition, keep the comparison of the longest ones well under two
// seconds.
const MOST_RULES: usize = 50;
const LONGEST_NAME: usize = 100;

/// A rule before validation.
#[derive(Debug, Clone)]
pub struct RuleDraft {
    /// Must be unique, 1 to 100 characters.
    pub name: String,
    /// The calls to which the rule applies.
    pub condition: ConditionDraft,
    /// How these calls are answered.
    pub action: ActionDraft,
}

impl RoutingRules {
    /// Validates the rules of a number.
    ///
    /// # Errors
    /// All faults, each with its path, which begins with `input.rules`.
    pub fn check(drafts: Vec<RuleDraft>, number: &E164) -> Result<Self, Vec<Refusal>> {
        let mut faults = Faults(Vec::new());
        if drafts.len() > MOST_RULES {
            faults.note(&[], format!("at most {MOST_RULES} rules are allowed; got {}", drafts.len()));
            return Err(faults.0);
        }
        let read: Vec<_> =
            drafts.into_iter().enumerate().map(|(at, draft)| rule(draft, at, number, &mut faults)).collect();
        faults.twins(&read);
        faults.out_of_reach(&read);
        if faults.0.is_empty() { Ok(Self(read)) } else { Err(faults.0) }
    }
}

struct Faults(Vec<Refusal>);

impl Faults {
    fn note(&mut self, path: &[&str], why: impl Into<String>) {
        let whole = ["input", "rules"].iter().chain(path).map(|part| (*part).to_owned()).collect();
        self.0.push(Refusal { field: whole, ..Refusal::new(RefusalCode::InvalidInput, why) });
    }

    fn take<T>(&mut self, path: &[&str], read: Result<T, Invalid>) -> Option<T> {
        read.map_err(|why| self.note(path, why.0)).ok()
    }

    fn twins(&mut self, rules: &[RoutingRule]) {
        let mut first = HashMap::new();
        for (at, rule) in rules.iter().enumerate().filter(|(_, rule)| !rule.name.is_empty()) {
            if let Some(other) = first.insert(rule.name.as_str(), at) {
                let why =
                    format!("rule {} is also named \"{}\": give each its own name", other + 1, rule.name);
                self.note(&[&at.to_string(), "name"], why);
            }
        }
    }

    /// Runs only if there is no other fault: an unreadable part would look like a missing condition.
    fn out_of_reach(&mut self, rules: &[RoutingRule]) {
        if !self.0.is_empty() {
            return;
        }
        for (at, rule) in rules.iter().enumerate() {
            let before = rules.iter().take(at).enumerate();
            let mut covering = before.filter(|(_, earlier)| rule.condition.implies(&earlier.condition));
            let Some((other, earlier)) = covering.next() else { continue };
            let why = if earlier.condition.is_always_true() {
                "is for every call"
            } else {
                "applies to all of its calls"
            };
            let why = format!(
                "rule {} \"{}\" can never apply: rule {} \"{}\" stands before it and {why}. Put the narrower rule first, or remove one",
                at + 1,
                rule.name,
                other + 1,
                earlier.name
            );
            self.note(&[&at.to_string()], why);
        }
    }
}

/// Parses a rule as far as possible and records its faults.
fn rule(draft: RuleDraft, at: usize, number: &E164, faults: &mut Faults) -> RoutingRule {
    let at = at.to_string();
    let name = draft.name.trim().to_owned();
    if is_blank(&name) || name.chars().count() > LONGEST_NAME || name.chars().any(char::is_control) {
        let why = format!("a rule's name has 1 to {LONGEST_NAME} characters, one of them visible");
        faults.note(&[&at, "name"], why);
    }
    let condition = condition(&draft.condition, &at, faults);
    let action = action(draft.action, &at, number, faults);
    RoutingRule { name, condition, action: action.unwrap_or(RoutingAction::Agent) }
}

#[cfg(test)]
mod tests {
    use chrono::Weekday;

    use super::*;
    use crate::domain::RoutingActionKind;

    fn draft(name: &str, condition: ConditionDraft) -> RuleDraft {
        let action = ActionDraft {
            kind: RoutingActionKind::Agent,
            forward_to: None,
            ring_seconds: None,
            message: None,
        };
        RuleDraft { name: name.to_owned(), condition, action }
    }

    fn faults(drafts: Vec<RuleDraft>) -> Vec<(String, String)> {
        let refused = RoutingRules::check(drafts, &"+12125550100".parse().unwrap()).err().unwrap_or_default();
        refused.into_iter().map(|fault| (fault.field.join("."), fault.message)).collect()
    }

    fn fields(drafts: Vec<RuleDraft>) -> Vec<String> {
        faults(drafts).into_iter().map(|(field, _)| field).collect()
    }

    fn text(text: &str) -> Option<String> {
        Some(text.to_owned())
    }

    #[test]
    fn every_fault_of_a_condition_is_named_with_its_path() {
        let cases = [
            (
                ConditionDraft {
                    time_zone: text("Mars/Olympus"),
                    from: text("9:00"),
                    to: text("24:00"),
                    ..Default::default()
                },
                vec!["from", "to", "timeZone"],
            ),
            (
                ConditionDraft { from: text("09:00"), to: text("17:00"), ..Default::default() },
                vec!["timeZone"],
            ),
            (ConditionDraft { time_zone: text("UTC"), ..Default::default() }, vec!["timeZone"]),
            (
                ConditionDraft { time_zone: text("UTC"), from: text("09:00"), ..Default::default() },
                vec!["to"],
            ),
            (
                ConditionDraft {
                    time_zone: text("UTC"),
                    from: text("09:00"),
                    to: text("09:00"),
                    ..Default::default()
                },
                vec!["to"],
            ),
            (
                ConditionDraft { time_zone: text("UTC"), days: Some(vec![]), ..Default::default() },
                vec!["days"],
            ),
            (
                ConditionDraft {
                    time_zone: text("UTC"),
                    dates: Some(vec!["2026-02-30".into(), "2026-2-3".into()]),
                    ..Default::default()
                },
                vec!["dates.0", "dates.1"],
            ),
            (
                ConditionDraft {
                    time_zone: text("UTC"),
                    days: Some(vec![Weekday::Mon]),
                    dates: Some(vec!["2026-12-25".into()]),
                    ..Default::default()
                },
                vec!["dates"],
            ),
            (
                ConditionDraft {
                    callers: Some(vec!["+1212".into(), "212".into(), "+0".into(), "".into()]),
                    ..Default::default()
                },
                vec!["callers.1", "callers.2", "callers.3"],
            ),
        ];
        for (condition, expected) in cases {
            let expected: Vec<_> =
                expected.iter().map(|field| format!("input.rules.1.condition.{field}")).collect();
            let first = ConditionDraft { callers: Some(vec!["+999".into()]), ..Default::default() };
            let told = format!("{condition:?}");
            assert_eq!(fields(vec![draft("first", first), draft("second", condition)]), expected, "{told}");
        }
    }

    #[test]
    fn an_action_takes_only_its_own_fields() {
        let number: E164 = "+12125550199".parse().unwrap();
        let cases = [
            (
                RoutingActionKind::Reject,
                Some(number.clone()),
                Some(9),
                text("Hi"),
                vec!["forwardTo", "ringSeconds", "message"],
            ),
            (RoutingActionKind::Forward, None, Some(4), None, vec!["forwardTo", "ringSeconds"]),
            (RoutingActionKind::Forward, Some(number.clone()), None, None, vec![]),
            (
                RoutingActionKind::Forward,
                Some("+12125550100".parse().unwrap()),
                None,
                None,
                vec!["forwardTo"],
            ),
            (RoutingActionKind::ForwardThenAgent, Some(number.clone()), None, None, vec!["ringSeconds"]),
            (RoutingActionKind::ForwardThenAgent, Some(number), Some(61), None, vec!["ringSeconds"]),
            (RoutingActionKind::Message, None, None, None, vec!["message"]),
            (RoutingActionKind::Message, None, None, text("a\0b"), vec!["message"]),
            (RoutingActionKind::Message, None, None, text("one\ntwo"), vec![]),
            (RoutingActionKind::Message, None, None, Some("x".repeat(501)), vec!["message"]),
        ];
        for (kind, forward_to, ring_seconds, message, expected) in cases {
            let action = ActionDraft { kind, forward_to: forward_to.map(Ok), ring_seconds, message };
            let told = format!("{action:?}");
            let rule = RuleDraft { action, ..draft("one", ConditionDraft::default()) };
            let expected: Vec<_> =
                expected.iter().map(|field| format!("input.rules.0.action.{field}")).collect();
            assert_eq!(fields(vec![rule]), expected, "{told}");
        }
    }

    #[test]
    fn names_are_unique_and_an_unreachable_rule_is_rejected_with_both_names() {
        let callers = |callers: &[&str]| ConditionDraft {
            callers: Some(callers.iter().map(|&caller| caller.to_owned()).collect()),
            ..Default::default()
        };
        assert_eq!(
            fields(vec![
                draft("A", callers(&["+1"])),
                draft(" A ", callers(&["+2"])),
                draft("", callers(&["+3"]))
            ]),
            ["input.rules.2.name", "input.rules.1.name"]
        );
        let narrow_first = vec![draft("Narrow", callers(&["+1212"])), draft("Wide", callers(&["+1"]))];
        assert_eq!(faults(narrow_first), []);
        let wide_first = vec![draft("Wide", callers(&["+1"])), draft("Narrow", callers(&["+1212", "+1415"]))];
        let told = faults(wide_first);
        assert_eq!(told[0].0, "input.rules.1");
        assert!(told[0].1.contains("rule 2 \"Narrow\" can never apply: rule 1 \"Wide\""), "{told:?}");
        let after_all = faults(vec![draft("All", ConditionDraft::default()), draft("One", callers(&["+1"]))]);
        assert!(after_all[0].1.contains("\"All\" stands before it and is for every call"), "{after_all:?}");
        let many = (0..51).map(|n| draft(&n.to_string(), callers(&["+1"]))).collect();
        assert_eq!(fields(many), ["input.rules"]);
    }

    #[test]
    fn the_longest_rules_are_checked_in_a_moment() {
        let rule = |rule: usize| {
            let callers = (0..500).map(|n| format!("+1{n:03}{}", n / 499 * (rule + 10))).collect();
            draft(&rule.to_string(), ConditionDraft { callers: Some(callers), ..Default::default() })
        };
        // The most work that a client can cause: each rule is compared with all rules before it.
        let begun = std::time::Instant::now();
        assert_eq!(faults((0..50).map(rule).collect()), []);
        assert!(begun.elapsed() < std::time::Duration::from_secs(2), "{:?}", begun.elapsed());
    }
}
