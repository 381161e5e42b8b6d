//! What a step came to, and how that is written down.
//!
//! The rule on unknown outcomes, kept by [`Outcome::failed`] and [`unsettled_for`]: a step whose request may have been carried
//! out is in doubt ([`Operation::in_doubt_at`]). While it is, nothing is undone and nothing else is tried instead. A look-up
//! that fails, whatever the provider answers to it, a refusal of the account, and the page of a proxy do not settle it. What
//! settles it is finding the thing, or not finding it once [`SETTLING`] has passed since the last such request. A step that
//! has settled it in this way, and is refused then, says so: [`Undone::Refused`].

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::Value;
use tracing::warn;

use super::provider_refusal;
use super::refusals::ForTenants;
use crate::domain::{NumberId, Operation, OperationState, Refusal, Step};
use crate::provider::ProviderError;
use crate::store::{Effect, OperationUpdate, Retry};

/// How long a request that was never answered may still be carried out at a provider.
pub(super) const SETTLING: TimeDelta = TimeDelta::seconds(5);

/// What a step came to.
#[derive(Debug)]
pub(super) enum Outcome {
    /// It did its thing; this step is next.
    Next(Step, Progress),
    /// It was the last.
    Done(Progress),
    /// It cannot be done; what was half-made is undone by the progress's effects.
    Failed(Refusal, Progress),
    /// Not now: again later.
    Again(Delay),
    /// It wrote its result down itself, in a transaction of its own.
    Recorded(Operation),
}

/// Why a step could not do its thing.
#[derive(Debug)]
pub(super) enum Undone<E> {
    /// The provider refused it for good, and no earlier request can have done it.
    Refused(E),
    /// Anything else; with a request in doubt, even a refusal.
    Unclear(E),
}

impl<E> From<E> for Undone<E> {
    fn from(error: E) -> Self {
        Self::Unclear(error)
    }
}

impl Outcome {
    /// As [`Self::failed`], for a step that tells a verdict from a failed look-up itself.
    pub(super) fn undone<E>(
        operation: &Operation,
        why: Undone<E>,
        undo: Vec<Effect>,
        patience: Patience,
    ) -> Self
    where
        E: std::fmt::Display,
        for<'a> Failure: From<&'a E>,
    {
        match why {
            Undone::Refused(error) => {
                warn!(operation = %operation.id, step = %operation.step, failure = %error, "a provider rejected a request");
                Self::Failed(Failure::from(&error).because, Progress::of(operation).with(undo))
            }
            Undone::Unclear(error) => Self::failed(operation, &error, undo, patience),
        }
    }

    /// A provider did not do as asked. This alone decides whether that ends the operation, with `undo`, or whether the step
    /// is begun again: see [`Patience`].
    pub(super) fn failed<'a, E>(
        operation: &Operation,
        error: &'a E,
        undo: Vec<Effect>,
        patience: Patience,
    ) -> Self
    where
        E: std::fmt::Display,
        Failure: From<&'a E>,
    {
        let Failure { because, speaks_of } = error.into();
        warn!(operation = %operation.id, step = %operation.step, failure = %error, "a provider rejected a request or did not answer");
        let in_doubt = operation.in_doubt_at.is_some();
        let (retry_after, breaker_open, leaves_doubt) = match speaks_of {
            About::Object | About::Account if !in_doubt || matches!(patience, Patience::Bounded) => {
                return Self::Failed(because, Progress::of(operation).with(undo));
            }
            About::Object | About::Account => (None, false, false),
            About::Moment { retry_after, breaker_open } => (retry_after, breaker_open, false),
            About::Nothing => (None, false, !matches!(patience, Patience::Bounded)),
        };
        let patience = match patience {
            Patience::UntilSettled if in_doubt || leaves_doubt => Patience::Endless,
            other => other,
        };
        let progress = Progress::of(operation);
        Self::Again(Delay { because, progress, undo, retry_after, breaker_open, leaves_doubt, patience })
    }

    /// An earlier request of this step may still be carried out: look again when it no longer can.
    pub(super) fn settling(because: Refusal, progress: Progress, wait: Duration, leaves_doubt: bool) -> Self {
        Self::Again(Delay {
            because,
            progress,
            undo: Vec::new(),
            retry_after: Some(wait),
            breaker_open: false,
            leaves_doubt,
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

/// Why a step waits, and how long it may.
#[derive(Debug)]
pub(super) struct Delay {
    /// What the operation waits for, and fails with when patience ends.
    pub because: Refusal,
    /// What it keeps meanwhile.
    pub progress: Progress,
    /// What undoes the step when patience ends.
    pub undo: Vec<Effect>,
    /// How long the provider asked us to wait, or is left alone.
    pub retry_after: Option<Duration>,
    /// The provider stays down and was not asked.
    pub breaker_open: bool,
    /// The attempt may have been carried out.
    pub leaves_doubt: bool,
    /// When patience ends.
    pub patience: Patience,
}

/// How often a step may be tried. A provider that stays down ends a bounded step at once; an endless one sleeps until
/// the provider may be asked again, and that attempt does not count.
#[derive(Debug, Clone, Copy)]
pub(super) enum Patience {
    /// Nothing is lost by giving up: after some tries the operation fails, whatever is known.
    Bounded,
    /// Bounded until an attempt's outcome is unknown. From then on the step is tried until a look-up has settled it:
    /// giving up would forget what is paid for.
    UntilSettled,
    /// It must be done. Only a refusal before anything can have happened ends it, or a verdict once the doubt is settled.
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
            retry: None,
            effects: self.effects,
        }
    }
}

/// The update that puts an operation to sleep, at the step where it stands, and says what it waits for.
pub(super) fn asleep(
    operation: &Operation,
    because: Refusal,
    progress: Progress,
    retry: Retry,
) -> OperationUpdate {
    let update = progress.into_update(OperationState::Running, operation.step, Some(because));
    OperationUpdate { retry: Some(retry), ..update }
}

/// How much longer an earlier request of the present step may still be carried out at the provider; `None` when none can.
/// Until then a look-up that finds nothing settles nothing.
pub(super) fn unsettled_for(operation: &Operation, now: DateTime<Utc>) -> Option<Duration> {
    let settled_at = operation.in_doubt_at? + SETTLING;
    (settled_at - now).to_std().ok().filter(|left| !left.is_zero())
}
