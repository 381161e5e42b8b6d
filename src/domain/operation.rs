//! An operation: one durable piece of work at the providers. It may be about a number, an agent, or neither.

mod event;
mod kind;

pub use event::EventKey;
pub(crate) use kind::operation_kinds;
pub use kind::{OperationKind, Step};

use std::fmt;
use std::str::FromStr;

use chrono::{DateTime, Utc};

use super::{AgentId, Invalid, NumberId, OperationId, Refusal, TenantId, text_enum};

text_enum! {
    /// How far an operation is. [`OperationState::reached_from`] holds the legal transitions.
    OperationState {
        /// Stored, not begun.
        Pending = "pending",
        /// Begun. It runs, waits to be tried again, or waits for an event.
        Running = "running",
        /// Completed.
        Succeeded = "succeeded",
        /// Failed. Partial work was rolled back.
        Failed = "failed",
    }
}

impl OperationState {
    /// Whether the operation is over.
    #[must_use]
    pub const fn is_final(self) -> bool {
        matches!(self, Self::Succeeded | Self::Failed)
    }

    /// The states from which this one may be reached: the table of legal transitions.
    ///
    /// A pending operation fails when its request is withdrawn. Everything else happens under a lease, and taking the lease
    /// makes the operation `RUNNING`.
    #[must_use]
    pub const fn reached_from(self) -> &'static [Self] {
        match self {
            Self::Pending => &[],
            Self::Running => &[Self::Pending, Self::Running],
            Self::Succeeded => &[Self::Running],
            Self::Failed => &[Self::Pending, Self::Running],
        }
    }
}

/// One durable piece of work at the providers: what it is doing, how it ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Operation {
    /// Its id.
    pub id: OperationId,
    /// Whose it is.
    pub tenant_id: TenantId,
    /// What it does.
    pub kind: OperationKind,
    /// How far it is.
    pub state: OperationState,
    /// What it does next.
    pub step: Step,
    /// How often the present step was begun.
    pub attempts: i32,
    /// The agent it is about, if it is about one.
    pub agent_id: Option<AgentId>,
    /// The number it is about, once there is one.
    pub number_id: Option<NumberId>,
    /// What it was asked for, and what it found on its way: its kind's own, as JSON.
    pub data: serde_json::Value,
    /// Why it failed.
    pub error: Option<Refusal>,
    /// What it waits for before the present step is begun again; `None` once it is over.
    pub waits_for: Option<Refusal>,
    /// When a request of the present step was last sent, or its driver lost, without its outcome being known; `None` when
    /// the outcome of every request is known.
    pub outcome_unknown_at: Option<DateTime<Utc>>,
    /// The external event that it waits for, if it does.
    pub awaited_event: Option<EventKey>,
    /// The request in which it was asked for.
    pub request_id: String,
    /// When it was asked for.
    pub created_at: DateTime<Utc>,
    /// When it ended.
    pub finished_at: Option<DateTime<Utc>>,
}

/// An idempotency key: a request that is repeated with it is carried out once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IdempotencyKey(String);

impl IdempotencyKey {
    /// The key.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for IdempotencyKey {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        let fits = (1..=255).contains(&text.len()) && text.bytes().all(|b| (0x21..0x7f).contains(&b));
        if fits {
            Ok(Self(text.to_owned()))
        } else {
            Err(Invalid::new(
                "an idempotency key has 1 to 255 visible ASCII characters and no spaces; a UUID will do",
            ))
        }
    }
}

impl fmt::Display for IdempotencyKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_operation_moves_forward_only_and_what_is_over_stays_over() {
        use OperationState::{Failed, Pending, Running, Succeeded};
        let legal = [
            (Pending, Running),
            (Pending, Failed),
            (Running, Running),
            (Running, Succeeded),
            (Running, Failed),
        ];
        for from in OperationState::ALL {
            for to in OperationState::ALL {
                assert_eq!(to.reached_from().contains(from), legal.contains(&(*from, *to)), "{from} to {to}");
            }
        }
        assert!(
            OperationState::ALL
                .iter()
                .all(|state| !state.is_final() || !Running.reached_from().contains(state))
        );
    }

    #[test]
    fn the_steps_of_every_kind_are_work_to_do() {
        for kind in OperationKind::ALL {
            assert!(!kind.steps().is_empty() && !kind.steps().contains(&Step::Done), "{kind}");
        }
        let used = |step: &Step| OperationKind::ALL.iter().any(|kind| kind.steps().contains(step));
        assert!(Step::ALL.iter().all(|step| used(step) || *step == Step::Done), "a step that no kind has");
    }
}
