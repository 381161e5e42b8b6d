//! Delivers agents to the voice provider: a change is stored first, and then delivered until the provider has it.
//!
//! A lease allows one delivery of an agent at a time across all servers, so that an older revision never overwrites a
//! newer one. A delivery sends the agent as it was at the start; later changes are delivered next. Only a rejection
//! of the agent's content is final ([`VoiceError::rejects_content`]), and the tenant sees the reason. Any other
//! failure is retried. While the outcome of a delivery is unknown and may still change, no other delivery starts.
//!
//! A delivery continues after the request that started it has reached its deadline. Requests for the same agent share
//! one wait ([`super::shared_wait`]). Deliveries and operations never wait for each other, and deliveries started by
//! requests do not count towards the limit of background deliveries.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use tokio::task::JoinHandle;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::{error, warn};

use super::outcome::SETTLING;
use super::shared_wait::Watch;
use super::worker::DRAIN;
use super::{Provisioning, lease, provider_refusal};
use crate::domain::{Agent, AgentId, Heartbeat, Refusal, RefusalCode, backoff, caught};
use crate::store::{AgentDelivery, DeliveryOutcome, StoreError};
use crate::voice::VoiceError;

/// Poll interval for agents due for delivery.
const POLL_INTERVAL: Duration = Duration::from_secs(2);
/// Maximum number of concurrent background deliveries in this process.
const PARALLEL: usize = 8;
/// Shortest and longest pause before a failed delivery of an agent is retried.
const FIRST_BACKOFF: Duration = Duration::from_secs(1);
const LONGEST_BACKOFF: Duration = Duration::from_secs(300);

/// State of an agent's delivery, read on behalf of the waiting requests.
#[derive(Debug)]
pub(super) struct DeliveryState {
    agent: Result<Option<Agent>, StoreError>,
    /// Latest revision that a delivery started by this wait has tried; 0 if none has.
    tried: i32,
}

impl Provisioning {
    /// Waits until the voice provider has this revision of the agent, but not beyond `deadline`. Returns `None` if
    /// the provider has it, else the reason: the content was rejected, or the delivery is still pending.
    ///
    /// # Errors
    /// [`StoreError`] of the claim or the read; the change is stored and will be delivered.
    pub async fn sync_agent(
        &self,
        id: AgentId,
        revision: i32,
        deadline: Instant,
    ) -> Result<Option<Refusal>, StoreError> {
        // Without time left, nothing starts here: the background delivers the change.
        if Instant::now() < deadline {
            let begin = |watch| drop(tokio::spawn(self.clone().deliver_for_requests(id, watch)));
            let settles = |seen: &DeliveryState| match &seen.agent {
                Err(failure) => Some(Err(failure.clone())),
                Ok(None) => Some(Ok(None)),
                Ok(Some(agent)) => match delivered(agent, revision) {
                    None if seen.tried >= revision => Some(Ok(Some(undelivered(agent.sync_error.clone())))),
                    delivered => delivered.map(Ok),
                },
            };
            let seen = self.0.syncs.join(id, begin).until(deadline, settles).await;
            if let Some(delivered) = seen {
                return delivered;
            }
        }
        let Some(agent) = self.0.store.agent(id).await? else { return Ok(None) };
        Ok(delivered(&agent, revision).unwrap_or_else(|| Some(undelivered(agent.sync_error))))
    }

    /// Delivers an agent, unless another delivery holds its lease, and reads its state for all waiting requests.
    async fn deliver_for_requests(self, id: AgentId, watch: Watch<AgentId, DeliveryState>) {
        let (mut own, mut tried) = (None, 0);
        while watch.is_wanted() {
            let read = watch.begin_read();
            // Read before the claim, so that an agent that is already delivered costs no write.
            let mut agent = self.0.store.agent(id).await;
            if own.is_none()
                && let Ok(Some(found)) = &agent
                && delivered(found, found.revision).is_none()
            {
                match self.0.store.claim_delivery(id, self.lease()).await {
                    Ok(claimed) => own = claimed.map(|delivery| self.spawn_delivery(delivery)),
                    Err(failure) => agent = Err(failure),
                }
            }
            let is_over = agent.is_err();
            watch.publish(read, DeliveryState { agent, tried });
            if is_over {
                return;
            }
            let Some(delivery) = &mut own else {
                watch.changed(true).await;
                continue;
            };
            tokio::select! {
                ended = delivery => {
                    // A delivery that panicked has logged it; it is repeated after its lease expires.
                    tried = ended.map_or(tried, |revision| revision.max(tried));
                    own = None;
                }
                () = watch.changed(false) => {}
            }
        }
    }

    /// Delivers due agents until cancelled, then waits up to [`DRAIN`] for the deliveries under way.
    pub async fn deliver_agents(&self, stop: CancellationToken, heartbeat: Heartbeat) {
        let begun = TaskTracker::new();
        while stop.run_until_cancelled(tokio::time::sleep(POLL_INTERVAL)).await.is_some() {
            heartbeat.beat();
            // Only the background's own: many changes by requests must not hold up overdue ones.
            let room = PARALLEL.saturating_sub(begun.len());
            let Some(limit) = u16::try_from(room).ok().filter(|room| *room > 0) else { continue };
            match self.0.store.claim_deliveries_due(self.lease(), limit).await {
                Ok(due) => due.into_iter().for_each(|delivery| {
                    begun.spawn(self.spawn_delivery(delivery));
                }),
                Err(failure) => {
                    warn!(
                        error = &failure as &dyn std::error::Error,
                        "agents due for delivery could not be read"
                    );
                }
            }
        }
        // Requests have started some of them. `wait` returns only once the tracker is closed.
        self.0.deliveries.close();
        if tokio::time::timeout(DRAIN, self.0.deliveries.wait()).await.is_err() {
            warn!(
                left = self.0.deliveries.len(),
                "shutdown: deliveries are still running; they will be retried after their leases expire"
            );
        }
    }

    /// Starts a delivery in a task, which returns the latest revision it has tried.
    fn spawn_delivery(&self, delivery: AgentDelivery) -> JoinHandle<i32> {
        let provisioning = self.clone();
        self.0.deliveries.spawn(async move {
            let (agent, mut tried) = (delivery.agent.id, delivery.agent.revision);
            if let Some(Err(failure)) = caught("delivery", provisioning.deliver(delivery, &mut tried)).await {
                warn!(%agent, error = &failure as &dyn std::error::Error, "delivery interrupted; it will be retried after its lease expires");
            }
            provisioning.0.syncs.ended(agent);
            tried
        })
    }

    /// Duration of the lease. Longer than an operation's: the provider may still carry out the last request
    /// of a dead server.
    fn lease(&self) -> Duration {
        self.0.config.lease + SETTLING.to_std().unwrap_or_default()
    }

    /// Delivers revisions until the provider has the latest one, rejects it, or must be retried later.
    async fn deliver(&self, first: AgentDelivery, tried: &mut i32) -> Result<(), StoreError> {
        let mut next = Some(first);
        while let Some(delivery) = next {
            *tried = delivery.agent.revision;
            let updated = tokio::select! {
                updated = self.0.voice.update_agent(&delivery.voice_agent_id, &delivery.agent) => updated,
                // Stops the request: another server may deliver a newer revision, which this must not overwrite.
                lost = self.keep_delivery(&delivery) => return Err(lost),
            };
            let outcome = self.judge(&delivery, updated);
            let is_settled = !matches!(outcome, DeliveryOutcome::Retry { .. });
            self.0.store.finish_delivery(&delivery, outcome).await?;
            next = if is_settled {
                // Requests for this revision do not wait for the next one.
                self.0.syncs.ended(delivery.agent.id);
                self.0.store.claim_delivery(delivery.agent.id, self.lease()).await?
            } else {
                None
            };
        }
        Ok(())
    }

    /// Renews the lease for as long as it is polled. Returns once the lease is lost.
    async fn keep_delivery(&self, delivery: &AgentDelivery) -> StoreError {
        let length = self.lease();
        let renew = || self.0.store.renew_delivery(delivery, length);
        lease::hold(length, self.0.config.lease / 3, renew).await
    }

    fn judge(
        &self,
        delivery: &AgentDelivery,
        updated: Result<Option<VoiceError>, VoiceError>,
    ) -> DeliveryOutcome {
        let agent = delivery.agent.id;
        let now = self.0.clock.now();
        let (failure, reason, settled_at) = match updated {
            Ok(None) => return DeliveryOutcome::Accepted,
            Ok(Some(failure)) => {
                warn!(%agent, %failure, "agent delivered without the tool opt_out; it will be added");
                let refusal = provider_refusal(&failure);
                let message = format!(
                    "the agent cannot end texts by its own judgement yet (tool opt_out): {}",
                    refusal.message
                );
                // Even if the outcome for the tool is unknown: that for the agent is not.
                (failure, Refusal { message, ..refusal }, None)
            }
            Err(failure) => {
                let because = provider_refusal(&failure);
                if failure.rejects_content() {
                    error!(%agent, %failure, "voice provider rejected an agent's change");
                    return DeliveryOutcome::Rejected(because);
                }
                warn!(%agent, %failure, "agent's change was not delivered; it will be retried");
                let is_unknown = matches!(failure, VoiceError::OutcomeUnknown { .. });
                (failure, because, is_unknown.then(|| now + SETTLING))
            }
        };
        let asked = match failure {
            VoiceError::Unavailable { retry_after, .. } => retry_after,
            // A rejection is that of the account or the moment, not of the content: the same change may be accepted later.
            VoiceError::OutcomeUnknown { .. } | VoiceError::Rejected(_) => None,
        };
        let asked = later(now, asked.unwrap_or_default().min(LONGEST_BACKOFF));
        let due_at = self.next_delivery(delivery).max(asked);
        let due_at = settled_at.map_or(due_at, |at| at.max(due_at));
        DeliveryOutcome::Retry { reason, due_at, settled_at }
    }

    fn next_delivery(&self, delivery: &AgentDelivery) -> DateTime<Utc> {
        let attempt = u32::try_from(delivery.attempts).unwrap_or_default().saturating_add(1);
        let wait = backoff(&self.0.entropy, FIRST_BACKOFF, LONGEST_BACKOFF, attempt);
        later(self.0.clock.now(), wait)
    }
}

fn later(now: DateTime<Utc>, wait: Duration) -> DateTime<Utc> {
    now + TimeDelta::from_std(wait).unwrap_or(TimeDelta::MAX)
}

/// Final result of a revision's delivery. `Some(None)`: the provider has the revision, or needs none.
/// `Some(Some(_))`: it rejected the content. `None`: the delivery is pending.
fn delivered(agent: &Agent, revision: i32) -> Option<Option<Refusal>> {
    if agent.voice_agent_id.is_none() || agent.synced_revision >= revision {
        return Some(None);
    }
    (agent.refused_revision >= revision).then(|| agent.sync_error.clone())
}

/// The refusal for a change that is not delivered yet; `met` is the failure of the last attempt.
fn undelivered(met: Option<Refusal>) -> Refusal {
    let saved = "the change is saved and will be delivered to the voice provider (see Agent.syncState)";
    match met {
        Some(met) => Refusal { message: format!("{saved}; so far: {}", met.message), ..met },
        None => Refusal::new(RefusalCode::VoiceProviderUnavailable, saved),
    }
}
