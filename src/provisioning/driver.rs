//! The driver: takes a lease, then runs and records one step after the other. Requests that wait for the same operation
//! share one wait ([`super::shared_wait`]).

use std::time::Duration;

use tokio::time::Instant;
use tracing::{Instrument, debug_span, error, info, warn};

use super::outcome::Outcome;
use super::pause::awaiting;
use super::shared_wait::Watch;
use super::{Provisioning, kinds, lease};
use crate::domain::{Operation, OperationId, OperationState, Step, caught};
use crate::store::{Claimed, Lease, StoreError};

impl Provisioning {
    /// The deadline for a request that starts now: one deadline for all its operations.
    #[must_use]
    pub fn wait_until(&self) -> Instant {
        Instant::now() + self.0.config.operation_wait
    }

    /// Runs an operation and waits for it until `deadline`. An operation still running then is returned as it is and
    /// continues in the background, as it does when the caller goes away.
    ///
    /// # Errors
    /// [`StoreError`] of the claim or the read; the operation itself is stored and continues.
    pub async fn run(&self, id: OperationId, deadline: Instant) -> Result<Operation, StoreError> {
        // Still pending after an attempt to claim it: it is not due, possibly for days.
        let is_enough =
            |operation: &Operation| operation.state.is_final() || operation.state == OperationState::Pending;
        self.wait_for(id, deadline, is_enough).await
    }

    /// Like [`Self::run`], for operations that wait for events: returns also once it waits for one, which may take weeks.
    ///
    /// # Errors
    /// As [`Self::run`].
    pub async fn run_until_event(&self, id: OperationId, deadline: Instant) -> Result<Operation, StoreError> {
        let is_enough =
            |operation: &Operation| operation.state.is_final() || operation.awaited_event.is_some();
        self.wait_for(id, deadline, is_enough).await
    }

    /// Runs an operation to its end, whenever it is due and no other driver holds it. Returns it as it is
    /// once `patience` has passed.
    pub(super) async fn see_through(
        &self,
        id: OperationId,
        patience: Duration,
    ) -> Result<Operation, StoreError> {
        self.wait_for(id, Instant::now() + patience, |operation| operation.state.is_final()).await
    }

    async fn wait_for(
        &self,
        id: OperationId,
        deadline: Instant,
        is_enough: impl Fn(&Operation) -> bool,
    ) -> Result<Operation, StoreError> {
        let begin = |watch| {
            // A task of its own: the operation continues when the caller goes away.
            drop(tokio::spawn(self.clone().run_for_requests(id, watch).in_current_span()));
        };
        let settles = |seen: &Result<Operation, StoreError>| match seen {
            Ok(operation) if !is_enough(operation) => None,
            settled => Some(settled.clone()),
        };
        match self.0.runs.join(id, begin).until(deadline, settles).await {
            Some(settled) => settled,
            None => self.present(id).await,
        }
    }

    /// Runs an operation whenever it is due and no other driver holds it, and reads it for all waiting requests. Claims it
    /// at least once, even if no request waits.
    async fn run_for_requests(
        self,
        id: OperationId,
        watch: Watch<OperationId, Result<Operation, StoreError>>,
    ) {
        loop {
            // Numbered before the claim and the read: a request that joins in between must not use their
            // result.
            let mut read = watch.begin_read();
            let seen = match self.0.store.claim(id, self.0.owner, self.0.config.lease).await {
                Ok(claimed) => {
                    if let Some(claimed) = claimed {
                        // The run fails to join only if it was aborted at shutdown.
                        let _ = self.spawn(claimed).await;
                        // A new read: requests that joined during the run may use its result.
                        read = watch.begin_read();
                    }
                    self.present(id).await
                }
                Err(failure) => Err(failure),
            };
            // Every waiting request gets the error. The operation is stored, and a worker continues it.
            let is_over = seen.is_err();
            watch.publish(read, seen);
            if is_over {
                return;
            }
            watch.changed(true).await;
            if !watch.is_wanted() {
                return;
            }
        }
    }

    async fn present(&self, id: OperationId) -> Result<Operation, StoreError> {
        let operation = self.0.store.operation(id).await?;
        operation.ok_or(StoreError::Corrupt { table: "operations", column: "id" })
    }

    pub(super) fn spawn(&self, claimed: Claimed) -> tokio::task::JoinHandle<()> {
        let driver = self.clone();
        let Operation { id, kind, .. } = &claimed.operation;
        let span = debug_span!("operation", operation = %id, kind = kind.as_str());
        let run = async move {
            let operation = claimed.operation.id;
            match Box::pin(caught("operation", driver.run_steps(claimed))).await {
                Some(Ok(())) => {}
                None => {
                    error!(%operation, "operation panicked; it will be retried after its lease expires");
                }
                Some(Err(StoreError::LeaseLost)) => {
                    warn!(%operation, "lease lost: another driver took over the operation");
                }
                Some(Err(failure)) => {
                    error!(%operation, error = &failure as &dyn std::error::Error, "operation interrupted; it will be retried after its lease expires");
                }
            }
            // Also after a failure: the waiting requests then see the state in which it was left.
            driver.0.runs.ended(operation);
        };
        self.0.running.spawn(run.instrument(span))
    }

    /// Runs steps until the operation has ended or must wait.
    async fn run_steps(&self, claimed: Claimed) -> Result<(), StoreError> {
        let Claimed { mut operation, lease } = claimed;
        while !operation.state.is_final() {
            let span = debug_span!("step", step = operation.step.as_str(), attempt = operation.attempts);
            let outcome = tokio::select! {
                outcome = self.step(&operation, &lease).instrument(span) => outcome?,
                // Drops the step: another driver may already be looking up what its request did.
                lost = self.hold(&lease) => return Err(lost),
            };
            let update = match outcome {
                Outcome::Recorded(recorded) => {
                    operation = recorded;
                    continue;
                }
                Outcome::Next(step, progress) => progress.into_update(OperationState::Running, step, None),
                Outcome::Done(progress) => progress.into_update(OperationState::Succeeded, Step::Done, None),
                Outcome::Failed(why, progress) => {
                    info!(operation = %operation.id, kind = %operation.kind, step = %operation.step, code = %why.code, "operation failed: {}", why.message);
                    progress.into_update(OperationState::Failed, operation.step, Some(why))
                }
                Outcome::Retry(retry) => self.retried(&operation, retry),
                Outcome::WaitUntil(pause) => self.paused(&operation, pause),
                Outcome::WaitForEvent(wait) => awaiting(&operation, wait, self.0.clock.now()),
            };
            let sleeps = update.wait.is_some();
            // Result and next step in one transaction: a crash before it repeats the step, one after it does not.
            operation = self.0.store.record(&lease, update).await?;
            if sleeps {
                return Ok(());
            }
        }
        let (kind, state) = (operation.kind.as_str(), operation.state.as_str());
        metrics::counter!("switchboard_operations_ended_total", "kind" => kind, "state" => state)
            .increment(1);
        Ok(())
    }

    /// Renews the lease for as long as it is polled. Returns once the lease is lost.
    async fn hold(&self, held: &Lease) -> StoreError {
        let length = self.0.config.lease;
        let renew = || async { self.0.store.renew(held, length).await.map(drop) };
        // A third: two renewals may fail before the lease expires.
        lease::hold(length, length / 3, renew).await
    }

    async fn step(&self, operation: &Operation, held: &Lease) -> Result<Outcome, StoreError> {
        // The store claims only steps of the operation's kind, so any other step is corrupt data.
        let unknown = StoreError::Corrupt { table: "operations", column: "step" };
        kinds::runner(operation.kind, operation.step).ok_or(unknown)?(self, operation, held).await
    }
}
