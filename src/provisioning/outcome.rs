//! What a step came to, and how that is written down.

use std::time::Duration;

use serde_json::Value;
use tracing::warn;

use super::{carrier_refusal, voice_refusal};
use crate::carrier::CarrierError;
use crate::domain::{NumberId, Operation, OperationState, Refusal, Step};
use crate::store::{Effect, OperationUpdate, Retry};
use crate::voice::VoiceError;

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

impl Outcome {
    /// The carrier did not do as asked: its refusal ends the operation, with `undo`; anything else is tried again
    /// as long as `patience` lasts.
    pub(super) fn carrier_failed(
        operation: &Operation,
        failure: &CarrierError,
        undo: Vec<Effect>,
        patience: Patience,
    ) -> Self {
        warn!(operation = %operation.id, step = %operation.step, %failure, "the carrier did not do as asked");
        let because = carrier_refusal(failure);
        match failure {
            CarrierError::Rejected(_) => Self::Failed(because, Progress::of(operation).with(undo)),
            CarrierError::Unavailable { retry_after, breaker_open, .. } => {
                let (retry_after, breaker_open) = (*retry_after, *breaker_open);
                Self::Again(Delay { because, undo, retry_after, breaker_open, patience })
            }
            CarrierError::OutcomeUnknown { .. } => {
                Self::Again(Delay { because, undo, retry_after: None, breaker_open: false, patience })
            }
        }
    }

    /// The voice provider did not do as asked: as with the carrier.
    pub(super) fn voice_failed(
        operation: &Operation,
        failure: &VoiceError,
        undo: Vec<Effect>,
        patience: Patience,
    ) -> Self {
        warn!(operation = %operation.id, step = %operation.step, %failure, "the voice provider did not do as asked");
        let because = voice_refusal(failure);
        match failure {
            VoiceError::Rejected { .. } | VoiceError::NotFound => {
                Self::Failed(because, Progress::of(operation).with(undo))
            }
            VoiceError::Unavailable { retry_after, breaker_open, .. } => {
                let (retry_after, breaker_open) = (*retry_after, *breaker_open);
                Self::Again(Delay { because, undo, retry_after, breaker_open, patience })
            }
            VoiceError::OutcomeUnknown { .. } => {
                Self::Again(Delay { because, undo, retry_after: None, breaker_open: false, patience })
            }
        }
    }
}

/// Why a step waits, and how long it may.
#[derive(Debug)]
pub(super) struct Delay {
    /// What the operation fails with when patience ends.
    pub because: Refusal,
    /// What undoes the step then.
    pub undo: Vec<Effect>,
    /// How long the provider asked us to wait, or is left alone.
    pub retry_after: Option<Duration>,
    /// The provider stays down and was not asked.
    pub breaker_open: bool,
    /// When patience ends.
    pub patience: Patience,
}

/// How often a step may be tried. A provider that stays down ends a bounded step at once; an endless one sleeps until
/// the provider may be asked again, and that attempt does not count.
#[derive(Debug, Clone, Copy)]
pub(super) enum Patience {
    /// Nothing has happened, for certain: after some tries the operation fails.
    Bounded,
    /// Something may have happened, or must: tried until it is known, or done.
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

/// The update that puts an operation to sleep, at the step where it stands.
pub(super) fn asleep(operation: &Operation, retry: Retry) -> OperationUpdate {
    let update = Progress::of(operation).into_update(OperationState::Running, operation.step, None);
    OperationUpdate { retry: Some(retry), ..update }
}
