//! Validation of a rule's action.

use super::Faults;
use crate::domain::{E164, Invalid, RoutingAction, RoutingActionKind, is_blank};

const LONGEST_MESSAGE: usize = 500;
// Twilio rings for 5 to 600 s.
const RING_SECONDS: std::ops::RangeInclusive<i32> = 5..=60;

/// An action before validation.
#[derive(Debug, Clone)]
pub struct ActionDraft {
    /// Decides which of the other fields are allowed.
    pub kind: RoutingActionKind,
    /// The number that rings, or why it is invalid.
    pub forward_to: Option<Result<E164, Invalid>>,
    /// Time limit for ringing, 5 to 60 seconds.
    pub ring_seconds: Option<i32>,
    /// The message to speak, 1 to 500 characters.
    pub message: Option<String>,
}

/// Parses an action and records its faults; `None` if no action can be made of it.
pub(super) fn action(
    draft: ActionDraft,
    at: &str,
    number: &E164,
    faults: &mut Faults,
) -> Option<RoutingAction> {
    let kind = draft.kind;
    let forwards = matches!(kind, RoutingActionKind::Forward | RoutingActionKind::ForwardThenAgent);
    let says = kind == RoutingActionKind::Message;
    for (field, is_given, belongs) in [
        ("forwardTo", draft.forward_to.is_some(), forwards),
        ("ringSeconds", draft.ring_seconds.is_some(), forwards),
        ("message", draft.message.is_some(), says),
    ] {
        if is_given && !belongs {
            faults.note(&[at, "action", field], format!("{field} is not allowed with {kind}: leave it out"));
        }
    }
    if says {
        let text = message(draft.message, at, faults)?;
        return Some(RoutingAction::Message { text });
    }
    if !forwards {
        return Some(if kind == RoutingActionKind::Reject {
            RoutingAction::Reject
        } else {
            RoutingAction::Agent
        });
    }
    let to = forward_to(draft.forward_to, kind, at, number, faults);
    let path = [at, "action", "ringSeconds"];
    let ring_seconds = match draft.ring_seconds {
        Some(seconds) if !RING_SECONDS.contains(&seconds) => {
            faults.note(&path, format!("ringSeconds is 5 to 60; got {seconds}"));
            None
        }
        Some(seconds) => u16::try_from(seconds).ok(),
        None => None,
    };
    if kind == RoutingActionKind::Forward {
        return Some(RoutingAction::Forward { to: to?, ring_seconds });
    }
    if draft.ring_seconds.is_none() {
        faults.note(&path, format!("{kind} requires ringSeconds: how long the number rings, 5 to 60"));
    }
    Some(RoutingAction::ForwardThenAgent { to: to?, ring_seconds: ring_seconds? })
}

fn forward_to(
    given: Option<Result<E164, Invalid>>,
    kind: RoutingActionKind,
    at: &str,
    number: &E164,
    faults: &mut Faults,
) -> Option<E164> {
    let path = [at, "action", "forwardTo"];
    let Some(given) = given else {
        faults.note(&path, format!("{kind} requires forwardTo: the number that rings"));
        return None;
    };
    let to = faults.take(&path, given)?;
    if to == *number {
        faults.note(&path, "a number cannot be forwarded to itself: use another number");
    }
    Some(to)
}

fn message(given: Option<String>, at: &str, faults: &mut Faults) -> Option<String> {
    let text = given.unwrap_or_default().trim().to_owned();
    if is_blank(&text) || text.chars().count() > LONGEST_MESSAGE {
        let why = format!("MESSAGE requires a message of 1 to {LONGEST_MESSAGE} characters");
        faults.note(&[at, "action", "message"], why);
        return None;
    }
    // Neither Postgres nor XML accepts them.
    if text.chars().any(|c| c.is_control() && c != '\n' && c != '\t') {
        faults.note(&[at, "action", "message"], "the message must not contain control characters");
        return None;
    }
    Some(text)
}
