//! The outcome of a step: next, done, failed, retry, wait until an instant, or wait for an external event.
//!
//! Unknown outcomes ([`Outcome::failed`], [`unsettled_for`]): when a provider may have carried out a request of a
//! step, its outcome is unknown ([`Operation::outcome_unknown_at`]). Until it is settled, nothing is rolled back and
//! nothing else is tried. A failed look-up, a rejection of the account or a proxy's error page does not settle it. It
//! is settled by finding the object, or by not finding it once [`SETTLING`] has passed since the last such request. A
//! rejection after that is final: [`StepError::Rejected`].
//!
//! A pause is a separate outcome: it is not reported as a failure of the provider.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::Value;
use tracing::warn;

use super::refusals::{ForTenants, provider_refusal, unsettled};
use crate::domain::{EventKey, NumberId, Operation, OperationState, Refusal, Step};
use crate::provider::ProviderError;
use crate::store::{Effect, OperationUpdate};

/// How long a provider may still carry out a request after it went unanswered.
// No provider documents a bound. The request itself has timed out or failed before this time begins.
pub(super) const SETTLING: TimeDelta = TimeDelta::seconds(5);

/// The outcome of a step.
#[derive(Debug)]
pub(super) enum Outcome {
    /// The step succeeded; this step is next.
    Next(Step, Progress),
    /// The step succeeded and was the last.
    Done(Progress),
    /// The operation fails. The effects of the progress roll back partial work.
    Failed(Refusal, Progress),
    /// The step failed for now and is retried within its [`Patience`].
    Retry(Retry),
    /// The step continues at a known time.
    WaitUntil(Pause),
    /// The step continues when an external event arrives, or fails at its time limit.
    WaitForEvent(EventWait),
    /// The step stored its result in its own transaction.
    Recorded(Operation),
}

/// Why a step did not succeed.
#[derive(Debug)]
pub(super) enum StepError<E> {
    /// The provider rejected it for good, and no earlier request can have done it.
    Rejected(E),
    /// Any other failure; while the outcome of a request is unknown, also a rejection.
    Unclear(E),
    /// Something stands in the way that the client can remove.
    Refused(Refusal),
    /// Something stands in the way that passes: the reason, and the time to wait.
    Obstructed(Refusal, Duration),
    /// The provider may still carry out an earlier request; the duration is the time left until a look-up is conclusive.
    Unsettled(Duration),
}

impl<E> From<E> for StepError<E> {
    fn from(error: E) -> Self {
        Self::Unclear(error)
    }
}

impl Outcome {
    /// Like [`Self::failed`], for a step that itself tells a rejected request from a failed look-up.
    pub(super) fn of_error<R: ForTenants>(
        operation: &Operation,
        why: StepError<ProviderError<R>>,
        undo: Vec<Effect>,
        patience: Patience,
    ) -> Self {
        match why {
            StepError::Rejected(error) => {
                warn!(operation = %operation.id, step = %operation.step, failure = %error, "provider rejected a request");
                Self::Failed(Failure::from(&error).because, Progress::of(operation).with(undo))
            }
            StepError::Unclear(error) => Self::failed(operation, &error, undo, patience),
            StepError::Refused(because) => Self::Failed(because, Progress::of(operation).with(undo)),
            StepError::Obstructed(because, wait) => Self::WaitUntil(Pause {
                because,
                progress: Progress::of(operation),
                wait,
                outcome_unknown: false,
            }),
            StepError::Unsettled(wait) => Self::WaitUntil(Pause {
                because: unsettled::<R>(),
                progress: Progress::of(operation),
                wait,
                outcome_unknown: false,
            }),
        }
    }

    /// The outcome after a provider failure: the operation fails with `undo`, or the step is retried. See [`Patience`].
    pub(super) fn failed<R: ForTenants>(
        operation: &Operation,
        error: &ProviderError<R>,
        undo: Vec<Effect>,
        patience: Patience,
    ) -> Self {
        let Failure { because, speaks_of } = error.into();
        warn!(operation = %operation.id, step = %operation.step, failure = %error, "provider rejected a request or did not answer");
        let is_unknown = operation.outcome_unknown_at.is_some();
        let (retry_after, breaker_open, outcome_unknown) = match speaks_of {
            About::Object | About::Account if !is_unknown || matches!(patience, Patience::Bounded) => {
                return Self::Failed(because, Progress::of(operation).with(undo));
            }
            // Says nothing about the earlier request, whose outcome is still unknown: no rollback yet.
            About::Object | About::Account => (None, false, false),
            About::Moment { retry_after, breaker_open } => (retry_after, breaker_open, false),
            // A bounded step is harmless to repeat: its outcome need not be looked up.
            About::Nothing => (None, false, !matches!(patience, Patience::Bounded)),
        };
        let patience = match patience {
            Patience::UntilSettled if is_unknown || outcome_unknown => Patience::Endless,
            other => other,
        };
        let progress = Progress::of(operation);
        Self::Retry(Retry { because, progress, undo, retry_after, breaker_open, outcome_unknown, patience })
    }

    /// Retries the step without limit: a paid number is not set up yet, or an unknown outcome must be looked up.
    pub(super) fn retry_endlessly(because: Refusal, progress: Progress) -> Self {
        Self::Retry(Retry {
            because,
            progress,
            undo: Vec::new(),
            retry_after: None,
            breaker_open: false,
            // Nothing is rolled back until a look-up has settled the outcome.
            outcome_unknown: true,
            patience: Patience::Endless,
        })
    }
}

/// A failure of either provider.
#[derive(Debug)]
pub(super) struct Failure {
    /// The reason, as the API reports it.
    because: Refusal,
    speaks_of: About,
}

/// What a provider's failure lets the step conclude.
#[derive(Debug, Clone, Copy)]
enum About {
    /// A verdict on the requested object. It covers this request, not an earlier one.
    Object,
    /// A rejection of the account, its credentials or its plan. This request had no effect; an earlier one may have.
    Account,
    /// The provider is temporarily unavailable. This request had no effect.
    Moment { retry_after: Option<Duration>, breaker_open: bool },
    /// Nothing: the outcome of the request is unknown.
    Nothing,
}

impl<R: ForTenants> From<&ProviderError<R>> for Failure {
    fn from(error: &ProviderError<R>) -> Self {
        let speaks_of = match error {
            ProviderError::Rejected(_) if error.is_definitive() => About::Object,
            ProviderError::Rejected(_) => About::Account,
            ProviderError::Unavailable { retry_after, breaker_open, .. } => {
                About::Moment { retry_after: *retry_after, breaker_open: *breaker_open }
            }
            ProviderError::OutcomeUnknown { .. } => About::Nothing,
        };
        Self { because: provider_refusal(error), speaks_of }
    }
}

/// A step that failed for now.
#[derive(Debug)]
pub(super) struct Retry {
    /// The reason of the retry; the operation fails with it once retries are exhausted.
    pub because: Refusal,
    /// Progress to store meanwhile.
    pub progress: Progress,
    /// Effects that roll the step back once retries are exhausted.
    pub undo: Vec<Effect>,
    /// How long the provider asked to wait, or how long its circuit breaker stays open.
    pub retry_after: Option<Duration>,
    /// The circuit breaker was open, so no request was sent.
    pub breaker_open: bool,
    /// The provider may have carried out the attempt.
    pub outcome_unknown: bool,
    /// When retries are exhausted.
    pub patience: Patience,
}

/// A pause of known length.
#[derive(Debug)]
pub(super) struct Pause {
    /// The reason of the pause.
    pub because: Refusal,
    /// Progress to store meanwhile.
    pub progress: Progress,
    /// The shortest time to wait.
    pub wait: Duration,
    /// The provider may have carried out the attempt before the pause.
    pub outcome_unknown: bool,
}

/// A pause until an external event.
#[derive(Debug)]
pub(super) struct EventWait {
    /// The event. Its webhook calls [`crate::store::SystemStore::wake`].
    pub event: EventKey,
    /// How often the step runs without the event: its webhook may have come too early, or never.
    pub look_again: TimeDelta,
    /// Time limit; the operation fails when it passes.
    pub until: DateTime<Utc>,
    /// The reason of the pause; the operation fails with it at the time limit.
    pub because: Refusal,
    /// Progress to store meanwhile.
    pub progress: Progress,
    /// Effects that roll the operation back at the time limit.
    pub undo: Vec<Effect>,
}

/// How often a step is retried. An open circuit breaker ends a bounded step at once. An endless step waits until the breaker
/// closes, and that attempt does not count.
#[derive(Debug, Clone, Copy)]
pub(super) enum Patience {
    /// The operation fails after a few attempts, even if an outcome is unknown: nothing is lost by that.
    Bounded,
    /// Bounded until the outcome of an attempt is unknown. From then on the step is retried until a look-up settles it, so
    /// that nothing paid for is lost.
    UntilSettled,
    /// Retried without limit. Only a rejection while no outcome is unknown, or a verdict once the outcome is settled, ends it.
    Endless,
}

/// What a step changed: the operation's data and number, and effects on other rows.
#[derive(Debug)]
pub(super) struct Progress {
    pub data: Value,
    pub number_id: Option<NumberId>,
    pub effects: Vec<Effect>,
}

impl Progress {
    /// The operation's data and number unchanged, without effects.
    pub(super) fn of(operation: &Operation) -> Self {
        Self { data: operation.data.clone(), number_id: operation.number_id, effects: Vec::new() }
    }

    pub(super) fn with(mut self, effects: impl IntoIterator<Item = Effect>) -> Self {
        self.effects.extend(effects);
        self
    }

    pub(super) fn about(mut self, number: Option<NumberId>) -> Self {
        self.number_id = number;
        self
    }

    pub(super) fn into_update(
        self,
        state: OperationState,
        step: Step,
        error: Option<Refusal>,
    ) -> OperationUpdate {
        OperationUpdate {
            state,
            step,
            data: self.data,
            number_id: self.number_id,
            error,
            wait: None,
            effects: self.effects,
        }
    }
}

/// How much longer the provider may still carry out an earlier request of the current step; `None` if it no longer can. Until
/// then a look-up without a result is inconclusive.
pub(super) fn unsettled_for(operation: &Operation, now: DateTime<Utc>) -> Option<Duration> {
    let settled_at = operation.outcome_unknown_at? + SETTLING;
    (settled_at - now).to_std().ok().filter(|left| !left.is_zero())
}
