//! Retry times: when an operation that must wait runs again, and when it fails instead.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};

use super::Provisioning;
use super::outcome::{EventWait, Patience, Pause, Progress, Retry};
use crate::domain::{Operation, OperationState, Refusal, backoff};
use crate::store::{OperationUpdate, Wait};

/// Maximum attempts of a step with bounded patience.
// The pauses before the sixth attempt add up to 6 to 12 s.
const BOUNDED_TRIES: i32 = 6;
/// Shortest and longest pause before a step is retried. Each attempt doubles it.
const FIRST_BACKOFF: Duration = Duration::from_millis(400);
const LONGEST_BACKOFF: Duration = Duration::from_secs(300);
/// Maximum time that an operation may wait for events. Overrides a longer time limit of a step.
pub(super) const LONGEST_EVENT_WAIT: TimeDelta = TimeDelta::days(180);

impl Provisioning {
    /// The update that schedules the next attempt, or fails the operation once retries are exhausted. An open circuit
    /// breaker at the first bounded attempt fails the operation at once. Later such an attempt does not count, so
    /// that an outage uses up no retries.
    pub(super) fn retried(&self, operation: &Operation, retry: Retry) -> OperationUpdate {
        let Retry { because, progress, undo, retry_after, breaker_open, outcome_unknown, patience } = retry;
        match patience {
            Patience::Bounded | Patience::UntilSettled
                if (breaker_open && operation.attempts <= 1) || operation.attempts >= BOUNDED_TRIES =>
            {
                progress.with(undo).into_update(OperationState::Failed, operation.step, Some(because))
            }
            Patience::Bounded | Patience::UntilSettled | Patience::Endless => {
                // No request was sent, so earlier attempts do not lengthen the wait.
                let attempt = if breaker_open { 1 } else { operation.attempts };
                let until = self.after(self.backoff(attempt, retry_after));
                let wait = Wait { until, event: None, counts: !breaker_open, outcome_unknown };
                asleep(operation, because, progress, wait)
            }
        }
    }

    /// The update that makes an operation wait. A pause does not count as an attempt.
    pub(super) fn paused(&self, operation: &Operation, pause: Pause) -> OperationUpdate {
        let Pause { because, progress, wait, outcome_unknown } = pause;
        let until = self.after(self.backoff(1, Some(wait)));
        asleep(operation, because, progress, Wait { until, event: None, counts: false, outcome_unknown })
    }

    fn after(&self, wait: Duration) -> DateTime<Utc> {
        self.0.clock.now() + TimeDelta::from_std(wait).unwrap_or(TimeDelta::MAX)
    }

    /// Grows with every attempt. Jitter is added to the time that the provider asked for, so that many operations do
    /// not return at once.
    fn backoff(&self, attempts: i32, retry_after: Option<Duration>) -> Duration {
        let after = |attempt| backoff(&self.0.entropy, FIRST_BACKOFF, LONGEST_BACKOFF, attempt);
        let wait = after(u32::try_from(attempts).unwrap_or(1));
        match retry_after {
            // Bounded: a provider may ask for any time.
            Some(asked) => wait.max(asked.min(LONGEST_BACKOFF) + after(1)),
            None => wait,
        }
    }
}

/// The update that makes an operation wait for an event, or fails it at its time limit.
pub(super) fn awaiting(operation: &Operation, wait: EventWait, now: DateTime<Utc>) -> OperationUpdate {
    let EventWait { event, look_again, until, because, progress, undo } = wait;
    let limit = until.min(operation.created_at + LONGEST_EVENT_WAIT);
    if now >= limit {
        return progress.with(undo).into_update(OperationState::Failed, operation.step, Some(because));
    }
    let until = limit.min(now + look_again);
    let wait = Wait { until, event: Some(event), counts: false, outcome_unknown: false };
    asleep(operation, because, progress, wait)
}

/// The update that makes an operation wait at its current step, with the reason.
fn asleep(operation: &Operation, because: Refusal, progress: Progress, wait: Wait) -> OperationUpdate {
    let update = progress.into_update(OperationState::Running, operation.step, Some(because));
    OperationUpdate { wait: Some(wait), ..update }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;
    use crate::domain::{NumberId, OperationId, OperationKind, RefusalCode, Step, TenantId};
    use crate::provisioning::outcome::Outcome;
    use crate::store::Effect;

    const LOOK_AGAIN: TimeDelta = TimeDelta::minutes(10);

    fn operation(created_at: DateTime<Utc>) -> Operation {
        Operation {
            id: OperationId(Uuid::from_u128(1)),
            tenant_id: TenantId(Uuid::from_u128(1)),
            kind: OperationKind::RepairNumber,
            state: OperationState::Running,
            step: Step::RepairNumber,
            attempts: 1,
            agent_id: None,
            number_id: None,
            data: serde_json::Value::Null,
            error: None,
            waits_for: None,
            outcome_unknown_at: None,
            awaited_event: None,
            request_id: String::new(),
            created_at,
            finished_at: None,
        }
    }

    #[test]
    fn a_wait_for_an_event_looks_again_and_ends_at_its_time_limit() {
        let began = DateTime::from_timestamp(1_780_000_000, 0).unwrap();
        let operation = operation(began);
        let waits = |until: TimeDelta, passed: TimeDelta| {
            let number = NumberId(Uuid::from_u128(2));
            let outcome = Outcome::WaitForEvent(EventWait {
                event: "regulatory_bundle:BU1".parse().unwrap(),
                look_again: LOOK_AGAIN,
                until: began + until,
                because: Refusal::new(RefusalCode::CarrierRejected, "the bundle is under review"),
                progress: Progress::of(&operation),
                undo: vec![Effect::NumberReleased { number }],
            });
            let Outcome::WaitForEvent(wait) = outcome else { unreachable!() };
            awaiting(&operation, wait, began + passed)
        };
        let day = TimeDelta::days(1);
        let first = waits(day, TimeDelta::zero());
        let wait = first.wait.unwrap();
        assert_eq!((first.state, wait.until), (OperationState::Running, began + LOOK_AGAIN));
        assert!(wait.event.is_some() && !wait.counts && first.effects.is_empty());
        let last = waits(day, day - TimeDelta::minutes(1)).wait.unwrap();
        assert_eq!(last.until, began + day, "no later than the limit");
        let over = waits(day, day);
        assert_eq!((over.state, over.wait, over.effects.len()), (OperationState::Failed, None, 1));
        assert!(over.error.is_some());
        let unbounded = waits(TimeDelta::days(100_000), LONGEST_EVENT_WAIT);
        assert_eq!(unbounded.state, OperationState::Failed, "whatever limit the step sets");
    }
}
