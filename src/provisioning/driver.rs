//! The driver: takes a lease, runs one step after the other, records each. Requests that wait for the same operation share
//! one wait ([`super::shared_wait`]).

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
    /// Until when a request that begins now waits for its operations, however many they are.
    #[must_use]
    pub fn wait_until(&self) -> Instant {
        Instant::now() + self.0.config.operation_wait
    }

    /// Runs an operation and waits for it, but no longer than `deadline`: then it is returned as it is and goes on in the
    /// background. It does not stop when the caller goes away.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn run(&self, id: OperationId, deadline: Instant) -> Result<Operation, StoreError> {
        // Pending although it was to be claimed: it is not due, which may take days.
        self.wait_for(id, deadline, |state| state.is_final() || state == OperationState::Pending).await
    }

    /// Runs an operation to its end, whenever it is due and nobody else does; returns it as it is when that takes longer than
    /// `patience`.
    pub(super) async fn see_through(
        &self,
        id: OperationId,
        patience: Duration,
    ) -> Result<Operation, StoreError> {
        self.wait_for(id, Instant::now() + patience, OperationState::is_final).await
    }

    async fn wait_for(
        &self,
        id: OperationId,
        deadline: Instant,
        is_enough: impl Fn(OperationState) -> bool,
    ) -> Result<Operation, StoreError> {
        let begin = |watch| {
            drop(tokio::spawn(self.clone().see_to_operation(id, watch).in_current_span()));
        };
        let settles = |seen: &Result<Operation, StoreError>| match seen {
            Ok(operation) if !is_enough(operation.state) => None,
            settled => Some(settled.clone()),
        };
        match self.0.runs.join(id, begin).until(deadline, settles).await {
            Some(settled) => settled,
            None => self.present(id).await,
        }
    }

    /// Runs an operation whenever it is due and nobody else does, and reads it for all who wait for it. It is run even for a
    /// request that does not wait.
    async fn see_to_operation(
        self,
        id: OperationId,
        watch: Watch<OperationId, Result<Operation, StoreError>>,
    ) {
        loop {
            let mut look = watch.look();
            let seen = match self.0.store.claim(id, self.0.owner, self.0.config.lease).await {
                Ok(claimed) => {
                    if let Some(claimed) = claimed {
                        // An error here is a run that was aborted with the server.
                        let _ = self.spawn(claimed).await;
                        look = watch.look();
                    }
                    self.present(id).await
                }
                Err(failure) => Err(failure),
            };
            let is_over = seen.is_err();
            watch.show(look, seen);
            if is_over {
                return;
            }
            watch.news(true).await;
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
                    error!(%operation, "running an operation panicked; it is run again when its lease has expired");
                }
                Some(Err(StoreError::LeaseLost)) => {
                    warn!(%operation, "another driver took this operation over");
                }
                Some(Err(failure)) => {
                    error!(%operation, error = &failure as &dyn std::error::Error, "an operation was interrupted; it is run again when its lease has expired");
                }
            }
            driver.0.runs.ended(operation);
        };
        self.0.running.spawn(run.instrument(span))
    }

    /// Until the operation is over or must wait.
    async fn run_steps(&self, claimed: Claimed) -> Result<(), StoreError> {
        let Claimed { mut operation, lease } = claimed;
        while !operation.state.is_final() {
            let span = debug_span!("step", step = operation.step.as_str(), attempt = operation.attempts);
            let outcome = tokio::select! {
                outcome = self.step(&operation, &lease).instrument(span) => outcome?,
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
                    info!(operation = %operation.id, kind = %operation.kind, step = %operation.step, code = %why.code, "an operation failed: {}", why.message);
                    progress.into_update(OperationState::Failed, operation.step, Some(why))
                }
                Outcome::Retry(retry) => self.retried(&operation, retry),
                Outcome::WaitUntil(pause) => self.paused(&operation, pause),
                Outcome::WaitForEvent(wait) => awaiting(&operation, wait, self.0.clock.now()),
            };
            let sleeps = update.wait.is_some();
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

    /// Renews the lease for as long as it is polled; ends when it is lost.
    async fn hold(&self, held: &Lease) -> StoreError {
        let length = self.0.config.lease;
        let renew = || async { self.0.store.renew(held, length).await.map(drop) };
        lease::hold(length, length / 3, renew).await
    }

    async fn step(&self, operation: &Operation, held: &Lease) -> Result<Outcome, StoreError> {
        // Only steps that their kinds have are claimed, and a step names as its next one only those.
        let unknown = StoreError::Corrupt { table: "operations", column: "step" };
        kinds::runner(operation.kind, operation.step).ok_or(unknown)?(self, operation, held).await
    }
}
