//! The outcome of a step: next, done, failed, retry, wait until an instant, or wait for an external event.
//!
//! The rule on unknown outcomes, kept by [`Outcome::failed`] and [`unsettled_for`]: when a request of a step may have been
//! carried out, its outcome is unknown ([`Operation::outcome_unknown_at`]). Meanwhile nothing is rolled back, and nothing else
//! is tried instead. A look-up that fails, whatever the provider answers to it, a rejection of the account, and the page of a
//! proxy settle nothing. What settles it is finding the object, or not finding it once [`SETTLING`] has passed since the last
//! such request. A step that has settled it in this way, and is rejected then, says so: [`StepError::Rejected`].
//!
//! A pause is an outcome of its own. It is never expressed by an error that no provider has given.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::Value;
use tracing::warn;

use super::refusals::{ForTenants, provider_refusal, unsettled};
use crate::domain::{EventKey, NumberId, Operation, OperationState, Refusal, Step};
use crate::provider::ProviderError;
use crate::store::{Effect, OperationUpdate};

/// How long a request that was never answered may still be carried out at a provider.
pub(super) const SETTLING: TimeDelta = TimeDelta::seconds(5);

/// The outcome of a step.
#[derive(Debug)]
pub(super) enum Outcome {
    /// It succeeded, and this step is next.
    Next(Step, Progress),
    /// It succeeded, and was the last.
    Done(Progress),
    /// It cannot be done. The effects of the progress roll back what was begun.
    Failed(Refusal, Progress),
    /// It failed for now: it is tried again, as long as its [`Patience`] lasts.
    Retry(Retry),
    /// It can go on at a known time.
    WaitUntil(Pause),
    /// It goes on when an event happens outside, or fails when its time limit passes.
    #[cfg_attr(not(test), expect(dead_code, reason = "the kinds that wait for webhooks are still to come"))]
    WaitForEvent(EventWait),
    /// It wrote its result itself, in a transaction of its own.
    Recorded(Operation),
}

/// Why a step did not succeed.
#[derive(Debug)]
pub(super) enum StepError<E> {
    /// The provider rejected it for good, and no earlier request can have done it.
    Rejected(E),
    /// Anything else; while the outcome of a request is unknown, even a rejection.
    Unclear(E),
    /// An earlier request may still be carried out: nothing can be concluded for so long.
    Unsettled(Duration),
}

impl<E> From<E> for StepError<E> {
    fn from(error: E) -> Self {
        Self::Unclear(error)
    }
}

impl Outcome {
    /// As [`Self::failed`], for a step that tells a verdict from a failed look-up itself.
    pub(super) fn of_error<R: ForTenants>(
        operation: &Operation,
        why: StepError<ProviderError<R>>,
        undo: Vec<Effect>,
        patience: Patience,
    ) -> Self {
        match why {
            StepError::Rejected(error) => {
                warn!(operation = %operation.id, step = %operation.step, failure = %error, "a provider rejected a request");
                Self::Failed(Failure::from(&error).because, Progress::of(operation).with(undo))
            }
            StepError::Unclear(error) => Self::failed(operation, &error, undo, patience),
            StepError::Unsettled(wait) => Self::WaitUntil(Pause {
                because: unsettled::<R>(),
                progress: Progress::of(operation),
                wait,
                outcome_unknown: false,
            }),
        }
    }

    /// A provider did not do as requested. This alone decides whether that ends the operation, with `undo`, or whether the
    /// step is tried again: see [`Patience`].
    pub(super) fn failed<R: ForTenants>(
        operation: &Operation,
        error: &ProviderError<R>,
        undo: Vec<Effect>,
        patience: Patience,
    ) -> Self {
        let Failure { because, speaks_of } = error.into();
        warn!(operation = %operation.id, step = %operation.step, failure = %error, "a provider rejected a request or did not answer");
        let is_unknown = operation.outcome_unknown_at.is_some();
        let (retry_after, breaker_open, outcome_unknown) = match speaks_of {
            About::Object | About::Account if !is_unknown || matches!(patience, Patience::Bounded) => {
                return Self::Failed(because, Progress::of(operation).with(undo));
            }
            About::Object | About::Account => (None, false, false),
            About::Moment { retry_after, breaker_open } => (retry_after, breaker_open, false),
            About::Nothing => (None, false, !matches!(patience, Patience::Bounded)),
        };
        let patience = match patience {
            Patience::UntilSettled if is_unknown || outcome_unknown => Patience::Endless,
            other => other,
        };
        let progress = Progress::of(operation);
        Self::Retry(Retry { because, progress, undo, retry_after, breaker_open, outcome_unknown, patience })
    }

    /// The step is tried again for as long as it takes: something was paid for that is not set up yet, or a request whose
    /// outcome is unknown must be looked up.
    pub(super) fn retry_endlessly(because: Refusal, progress: Progress) -> Self {
        Self::Retry(Retry {
            because,
            progress,
            undo: Vec::new(),
            retry_after: None,
            breaker_open: false,
            outcome_unknown: true,
            patience: Patience::Endless,
        })
    }
}

/// A provider's failure, whichever provider's.
#[derive(Debug)]
pub(super) struct Failure {
    /// In the words of our own API.
    because: Refusal,
    speaks_of: About,
}

/// What a provider's failure says something about.
#[derive(Debug, Clone, Copy)]
enum About {
    /// What was asked for: a verdict on this request, not on an earlier one.
    Object,
    /// The account, its credentials or its plan. This request did nothing; an earlier one may have.
    Account,
    /// The moment. This request did nothing.
    Moment { retry_after: Option<Duration>, breaker_open: bool },
    /// Nothing: the request may have been carried out.
    Nothing,
}

impl<R: ForTenants> From<&ProviderError<R>> for Failure {
    fn from(error: &ProviderError<R>) -> Self {
        let speaks_of = match error {
            ProviderError::Rejected(_) if error.is_verdict() => About::Object,
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
    /// What the operation waits for, and fails with when patience ends.
    pub because: Refusal,
    /// What it keeps meanwhile.
    pub progress: Progress,
    /// What rolls the step back when patience ends.
    pub undo: Vec<Effect>,
    /// How long the provider requested to wait, or is not asked.
    pub retry_after: Option<Duration>,
    /// The provider stays down and was not asked.
    pub breaker_open: bool,
    /// The attempt may have been carried out.
    pub outcome_unknown: bool,
    /// When patience ends.
    pub patience: Patience,
}

/// A pause of known length.
#[derive(Debug)]
pub(super) struct Pause {
    /// What the operation waits for.
    pub because: Refusal,
    /// What it keeps meanwhile.
    pub progress: Progress,
    /// How long.
    pub wait: Duration,
    /// The attempt before the pause may have been carried out.
    pub outcome_unknown: bool,
}

/// A pause until something happens outside.
#[derive(Debug)]
pub(super) struct EventWait {
    /// The event. Its webhook calls [`crate::store::SystemStore::wake`].
    pub event: EventKey,
    /// The time limit, at which the operation fails.
    pub until: DateTime<Utc>,
    /// What the operation waits for, and fails with at the time limit.
    pub because: Refusal,
    /// What it keeps meanwhile.
    pub progress: Progress,
    /// What rolls it back at the time limit.
    pub undo: Vec<Effect>,
}

/// How often a step may be tried. A provider that stays down ends a bounded step at once; an endless one sleeps until
/// the provider may be asked again, and that attempt does not count.
#[derive(Debug, Clone, Copy)]
pub(super) enum Patience {
    /// Nothing is lost by giving up: after some tries the operation fails, whatever is known.
    Bounded,
    /// Bounded until the outcome of an attempt is unknown. From then on the step is tried until a look-up has settled it:
    /// giving up would forget what is paid for.
    UntilSettled,
    /// It must be done. Only a rejection before anything can have happened ends it, or a verdict once the outcome is settled.
    Endless,
}

/// What a step changed.
#[derive(Debug)]
pub(super) struct Progress {
    pub data: Value,
    pub number_id: Option<NumberId>,
    pub effects: Vec<Effect>,
}

impl Progress {
    /// Nothing but what the operation holds already.
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

/// How much longer an earlier request of the present step may still be carried out at the provider; `None` when none can.
/// Until then a look-up that finds nothing settles nothing.
pub(super) fn unsettled_for(operation: &Operation, now: DateTime<Utc>) -> Option<Duration> {
    let settled_at = operation.outcome_unknown_at? + SETTLING;
    (settled_at - now).to_std().ok().filter(|left| !left.is_zero())
}
