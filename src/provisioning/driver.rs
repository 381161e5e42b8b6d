//! The driver: takes a lease, does one step after the other, writes each down. Requests that wait for the same operation
//! share one wait ([`super::waits`]).

use std::time::Duration;

use chrono::TimeDelta;
use tokio::time::Instant;
use tracing::{Instrument, debug_span, error, info, warn};

use super::kinds::{create_agent, delete_agent, purchase, release_number, repair_number};
use super::outcome::{Delay, Outcome, Patience, Progress, asleep};
use super::shared_wait::Watch;
use super::{Provisioning, lease};
use crate::domain::{Operation, OperationId, OperationKind, OperationState, Step, backoff, caught};
use crate::store::{Claimed, Lease, OperationUpdate, Retry, StoreError};

/// How often a step is tried when nothing has happened.
const BOUNDED_TRIES: i32 = 6;
const FIRST_BACKOFF: Duration = Duration::from_millis(400);
const LONGEST_BACKOFF: Duration = Duration::from_secs(300);

impl Provisioning {
    /// Until when a request that begins now waits for its operations, however many they are.
    #[must_use]
    pub fn wait_until(&self) -> Instant {
        Instant::now() + self.0.config.operation_wait
    }

    /// Drives an operation and waits for it, but no longer than `deadline`: then it is returned as it
    /// stands and goes on in the background. The driving itself does not stop when the caller goes away.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn run(&self, id: OperationId, deadline: Instant) -> Result<Operation, StoreError> {
        // Pending although it was to be claimed: it is not due, which may take days.
        self.wait_for(id, deadline, |state| state.is_final() || state == OperationState::Pending).await
    }

    /// Drives an operation to its end, whenever it is due and nobody else does; returns it as it stands when that takes
    /// longer than `patience`.
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

    /// Drives an operation whenever it is due and nobody else does, and looks at it for all who wait for it. It is driven
    /// even for a request that does not wait.
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
                        // An error here is a drive that was aborted with the server.
                        let _ = self.spawn_drive(claimed).await;
                        look = watch.look();
                    }
                    self.present(id).await
                }
                Err(failure) => Err(failure),
            };
            let is_over = seen.is_err();
            watch.tell(look, seen);
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

    pub(super) fn spawn_drive(&self, claimed: Claimed) -> tokio::task::JoinHandle<()> {
        let driver = self.clone();
        let Operation { id, kind, .. } = &claimed.operation;
        let span = debug_span!("operation", operation = %id, kind = kind.as_str());
        let drive = async move {
            let operation = claimed.operation.id;
            match Box::pin(caught("operation", driver.drive(claimed))).await {
                Some(Ok(())) => {}
                None => {
                    error!(%operation, "driving an operation panicked; it is taken up again when its lease has run out");
                }
                Some(Err(StoreError::LeaseLost)) => {
                    warn!(%operation, "another driver took this operation over");
                }
                Some(Err(failure)) => {
                    error!(%operation, error = &failure as &dyn std::error::Error, "an operation was left where it stands; its lease will run out and it will be taken up again");
                }
            }
            driver.0.runs.ended(operation);
        };
        self.0.drives.spawn(drive.instrument(span))
    }

    /// Until the operation is over or must wait.
    async fn drive(&self, claimed: Claimed) -> Result<(), StoreError> {
        let Claimed { mut operation, lease } = claimed;
        while !operation.state.is_final() {
            let span = debug_span!("step", step = operation.step.as_str(), attempt = operation.attempts);
            let outcome = tokio::select! {
                outcome = self.step(&operation, &lease).instrument(span) => outcome?,
                lost = self.keep(&lease) => return Err(lost),
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
                Outcome::Again(delay) => self.give_up_or_wait(&operation, delay),
            };
            let sleeps = update.retry.is_some();
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
    async fn keep(&self, lease: &Lease) -> StoreError {
        let length = self.0.config.lease;
        let renew = || async { self.0.store.renew(lease, length).await.map(drop) };
        lease::keep(length, length / 3, renew).await
    }

    /// The update that ends the operation when patience is over, else the one that puts it to sleep. A provider that
    /// was not asked because it stays down ends patience at once where nothing has happened; elsewhere such an attempt
    /// does not count, so that an outage uses up no tries.
    fn give_up_or_wait(&self, operation: &Operation, delay: Delay) -> OperationUpdate {
        let Delay { because, progress, undo, retry_after, breaker_open, leaves_doubt, patience } = delay;
        match patience {
            Patience::Bounded | Patience::UntilSettled
                if (breaker_open && operation.attempts <= 1) || operation.attempts >= BOUNDED_TRIES =>
            {
                progress.with(undo).into_update(OperationState::Failed, operation.step, Some(because))
            }
            Patience::Bounded | Patience::UntilSettled | Patience::Endless => {
                let attempt = if breaker_open { 1 } else { operation.attempts };
                let wait = self.backoff(attempt, retry_after);
                let at = self.0.clock.now() + TimeDelta::from_std(wait).unwrap_or(TimeDelta::MAX);
                let retry = Retry { at, counts: !breaker_open, leaves_doubt };
                asleep(operation, because, progress, retry)
            }
        }
    }

    /// Grows with every attempt; more than the provider asked for, by chance, so that many operations do not return
    /// together.
    fn backoff(&self, attempts: i32, retry_after: Option<Duration>) -> Duration {
        let after = |attempt| backoff(&self.0.entropy, FIRST_BACKOFF, LONGEST_BACKOFF, attempt);
        let wait = after(u32::try_from(attempts).unwrap_or(1));
        match retry_after {
            Some(asked) => wait.max(asked.min(LONGEST_BACKOFF) + after(1)),
            None => wait,
        }
    }

    /// The table of all steps.
    async fn step(&self, operation: &Operation, lease: &Lease) -> Result<Outcome, StoreError> {
        match operation.step {
            Step::CreateVoiceAgent => create_agent::create_voice_agent(self, operation).await,
            Step::SearchNumbers => purchase::search_numbers(self, operation).await,
            Step::ClaimNumber => purchase::claim_number(self, operation, lease).await,
            Step::BuyNumber => purchase::buy_number(self, operation).await,
            Step::ReleaseNumber if operation.kind == OperationKind::DeleteAgent => {
                delete_agent::release_next_number(self, operation).await
            }
            Step::ReleaseNumber => release_number::release_number(self, operation).await,
            Step::RepairNumber => repair_number::repair_number(self, operation).await,
            Step::DeleteVoiceAgent => delete_agent::delete_voice_agent(self, operation).await,
            Step::Done => Ok(Outcome::Done(Progress::of(operation))),
        }
    }
}
