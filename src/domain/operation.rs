//! Operations: durable work at the providers, on a number, an agent, or neither.

mod event;
mod kind;

pub use event::EventKey;
pub(crate) use kind::operation_kinds;
pub use kind::{GivenUpNumbers, OperationKind, Step};

use std::fmt;
use std::str::FromStr;

use chrono::{DateTime, Utc};

use super::{AgentId, Invalid, NumberId, OperationId, Refusal, TenantId, text_enum};

text_enum! {
    /// Lifecycle state of an operation. [`OperationState::reached_from`] holds the legal transitions.
    OperationState {
        /// Stored, but not started.
        Pending = "pending",
        /// Started. It runs, waits for a retry, or waits for an event.
        Running = "running",
        /// All steps succeeded. A final state never changes.
        Succeeded = "succeeded",
        /// Failed. Partial work was rolled back.
        Failed = "failed",
    }
}

impl OperationState {
    /// Whether the operation has ended.
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

/// One piece of durable work at the providers: its progress and its result.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Operation {
    /// Also the id in the mark of a number that it buys.
    pub id: OperationId,
    /// The tenant that owns it.
    pub tenant_id: TenantId,
    /// Decides its steps and the format of its data.
    pub kind: OperationKind,
    /// Lifecycle state. It changes only while a driver holds the lease, or when the request is withdrawn.
    pub state: OperationState,
    /// The step to run next; the failed step once it has failed.
    pub step: Step,
    /// Number of attempts of the current step.
    pub attempts: i32,
    /// The agent concerned, if any.
    pub agent_id: Option<AgentId>,
    /// The number concerned; `None` until one is claimed, or if the kind has none.
    pub number_id: Option<NumberId>,
    /// Request and intermediate results, as JSON in the format of the kind.
    pub data: serde_json::Value,
    /// Why it failed; `None` unless it has failed.
    pub error: Option<Refusal>,
    /// Why the current step waits; `None` if it does not wait.
    pub waits_for: Option<Refusal>,
    /// When the last request of the current step with an unknown outcome was sent, or its driver was lost; `None` if
    /// no outcome is unknown.
    pub outcome_unknown_at: Option<DateTime<Utc>>,
    /// The external event that it waits for; `None` if it waits for none.
    pub awaited_event: Option<EventKey>,
    /// Id of the API request that created it.
    pub request_id: String,
    /// When it was stored.
    pub created_at: DateTime<Utc>,
    /// When it ended; `None` until then.
    pub finished_at: Option<DateTime<Utc>>,
}

/// An idempotency key: requests repeated with the same key are carried out once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IdempotencyKey(String);

impl IdempotencyKey {
    /// The key as text, as the client sent it.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for IdempotencyKey {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        // ASCII only: texts that look alike could differ in bytes, and a repeated request would not be recognized.
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
    fn an_operation_moves_forward_only_and_a_final_state_stays() {
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
