//! Agents and the voice provider: a change is stored here first, then delivered until the provider has it.
//!
//! One delivery of an agent at a time, over all servers (its lease), so that no older state arrives after a newer one. It
//! delivers the agent as it is when it begins, and looks again when it ends: what changed meanwhile is delivered next. Only a
//! rejection of the content ends it ([`VoiceError::rejects_content`]), and the agent's owner sees the reason; whatever else
//! goes wrong is tried again later. While a delivery may still be carried out, nobody begins another.
//!
//! A delivery belongs to no request: a request waits for it until its deadline, and the delivery goes on. Requests that wait
//! for the same agent share one wait ([`super::shared_wait`]). Neither do deliveries wait for operations, nor operations for
//! deliveries; and those that requests began take nothing from those that the background begins.

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

/// How often it is looked for agents that are to be delivered.
const LOOK_EVERY: Duration = Duration::from_secs(2);
/// Deliveries at the same time that the background of this process began.
const PARALLEL: usize = 8;
const FIRST_BACKOFF: Duration = Duration::from_secs(1);
const LONGEST_BACKOFF: Duration = Duration::from_secs(300);

/// An agent on its way to the voice provider, as those who wait for it see it.
#[derive(Debug)]
pub(super) struct Seen {
    agent: Result<Option<Agent>, StoreError>,
    /// The latest revision that a delivery has tried since they began to wait.
    tried: i32,
}

impl Provisioning {
    /// Waits until the voice provider has this revision of the agent, but no longer than `deadline`. Returns why it does
    /// not have it: it rejected the content, or it is still to be delivered.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn sync_agent(
        &self,
        id: AgentId,
        revision: i32,
        deadline: Instant,
    ) -> Result<Option<Refusal>, StoreError> {
        if Instant::now() < deadline {
            let begin = |watch| drop(tokio::spawn(self.clone().see_to_agent(id, watch)));
            let settles = |seen: &Seen| match &seen.agent {
                Err(failure) => Some(Err(failure.clone())),
                Ok(None) => Some(Ok(None)),
                Ok(Some(agent)) => match came_of(agent, revision) {
                    None if seen.tried >= revision => Some(Ok(Some(undelivered(agent.sync_error.clone())))),
                    came_of => came_of.map(Ok),
                },
            };
            let seen = self.0.syncs.join(id, begin).until(deadline, settles).await;
            if let Some(came_of) = seen {
                return came_of;
            }
        }
        let Some(agent) = self.0.store.agent(id).await? else { return Ok(None) };
        Ok(came_of(&agent, revision).unwrap_or_else(|| Some(undelivered(agent.sync_error))))
    }

    /// Delivers an agent, unless somebody else does, and looks at it for all who wait for it.
    async fn see_to_agent(self, id: AgentId, watch: Watch<AgentId, Seen>) {
        let (mut own, mut tried) = (None, 0);
        while watch.is_wanted() {
            let look = watch.look();
            let mut agent = self.0.store.agent(id).await;
            if own.is_none()
                && let Ok(Some(found)) = &agent
                && came_of(found, found.revision).is_none()
            {
                match self.0.store.claim_delivery(id, self.lease()).await {
                    Ok(claimed) => own = claimed.map(|delivery| self.spawn_delivery(delivery)),
                    Err(failure) => agent = Err(failure),
                }
            }
            let is_over = agent.is_err();
            watch.show(look, Seen { agent, tried });
            if is_over {
                return;
            }
            let Some(delivery) = &mut own else {
                watch.news(true).await;
                continue;
            };
            tokio::select! {
                ended = delivery => {
                    // An error here is a delivery that panicked and said so itself: its lease will run out.
                    tried = ended.map_or(tried, |revision| revision.max(tried));
                    own = None;
                }
                () = watch.news(false) => {}
            }
        }
    }

    /// Delivers whatever no request has delivered, until told to stop; then waits for the deliveries under way, within a
    /// deadline.
    pub async fn deliver_agents(&self, stop: CancellationToken, heartbeat: Heartbeat) {
        let begun = TaskTracker::new();
        while stop.run_until_cancelled(tokio::time::sleep(LOOK_EVERY)).await.is_some() {
            heartbeat.beat();
            let room = PARALLEL.saturating_sub(begun.len());
            let Some(limit) = u16::try_from(room).ok().filter(|room| *room > 0) else { continue };
            match self.0.store.claim_deliveries_due(self.lease(), limit).await {
                Ok(due) => due.into_iter().for_each(|delivery| {
                    begun.spawn(self.spawn_delivery(delivery));
                }),
                Err(failure) => {
                    warn!(
                        error = &failure as &dyn std::error::Error,
                        "agents to be delivered could not be read"
                    );
                }
            }
        }
        self.0.deliveries.close();
        if tokio::time::timeout(DRAIN, self.0.deliveries.wait()).await.is_err() {
            warn!(
                left = self.0.deliveries.len(),
                "deliveries were left under way; their leases will run out"
            );
        }
    }

    /// Returns the latest revision that was tried.
    fn spawn_delivery(&self, delivery: AgentDelivery) -> JoinHandle<i32> {
        let provisioning = self.clone();
        self.0.deliveries.spawn(async move {
            let (agent, mut tried) = (delivery.agent.id, delivery.agent.revision);
            if let Some(Err(failure)) = caught("delivery", provisioning.deliver(delivery, &mut tried)).await {
                warn!(%agent, error = &failure as &dyn std::error::Error, "delivery abandoned; it is repeated when its lease has run out");
            }
            provisioning.0.syncs.ended(agent);
            tried
        })
    }

    /// Longer than an operation's: what a dead server has sent may still be carried out after its lease.
    fn lease(&self) -> Duration {
        self.0.config.lease + SETTLING.to_std().unwrap_or_default()
    }

    /// Until the provider has the agent as it is, rejects it, or must be asked again later.
    async fn deliver(&self, first: AgentDelivery, tried: &mut i32) -> Result<(), StoreError> {
        let mut next = Some(first);
        while let Some(delivery) = next {
            *tried = delivery.agent.revision;
            let updated = tokio::select! {
                updated = self.0.voice.update_agent(&delivery.voice_agent_id, &delivery.agent) => updated,
                lost = self.keep_delivery(&delivery) => return Err(lost),
            };
            let outcome = self.judge(&delivery, updated);
            let is_settled = !matches!(outcome, DeliveryOutcome::Retry { .. });
            self.0.store.finish_delivery(&delivery, outcome).await?;
            next = if is_settled {
                self.0.syncs.ended(delivery.agent.id);
                self.0.store.claim_delivery(delivery.agent.id, self.lease()).await?
            } else {
                None
            };
        }
        Ok(())
    }

    /// Renews the lease for as long as it is polled; ends when it is lost.
    async fn keep_delivery(&self, delivery: &AgentDelivery) -> StoreError {
        let length = self.lease();
        let renew = || self.0.store.renew_delivery(delivery, length);
        lease::hold(length, self.0.config.lease / 3, renew).await
    }

    fn judge(&self, delivery: &AgentDelivery, updated: Result<(), VoiceError>) -> DeliveryOutcome {
        let Err(failure) = updated else { return DeliveryOutcome::Accepted };
        let (agent, because) = (delivery.agent.id, provider_refusal(&failure));
        if failure.rejects_content() {
            error!(%agent, %failure, "the voice provider rejected an agent's change");
            return DeliveryOutcome::Rejected(because);
        }
        warn!(%agent, %failure, "an agent's change was not delivered; it is tried again");
        let now = self.0.clock.now();
        let attempt = u32::try_from(delivery.attempts).unwrap_or_default().saturating_add(1);
        let wait = backoff(&self.0.entropy, FIRST_BACKOFF, LONGEST_BACKOFF, attempt);
        let (asked, settled_at) = match failure {
            VoiceError::Unavailable { retry_after, .. } => (retry_after, None),
            VoiceError::OutcomeUnknown { .. } => (None, Some(now + SETTLING)),
            VoiceError::Rejected(_) => (None, None),
        };
        let due_at = later(now, wait.max(asked.unwrap_or_default().min(LONGEST_BACKOFF)));
        DeliveryOutcome::Retry {
            reason: because,
            due_at: settled_at.map_or(due_at, |at| at.max(due_at)),
            settled_at,
        }
    }
}

fn later(now: DateTime<Utc>, wait: Duration) -> DateTime<Utc> {
    now + TimeDelta::from_std(wait).unwrap_or(TimeDelta::MAX)
}

/// What came of a revision of an agent, once that is certain: the provider has it or needs none, or rejected it.
fn came_of(agent: &Agent, revision: i32) -> Option<Option<Refusal>> {
    if agent.voice_agent_id.is_none() || agent.synced_revision >= revision {
        return Some(None);
    }
    (agent.refused_revision >= revision).then(|| agent.sync_error.clone())
}

/// What a request is told whose change the provider does not have yet; `met` is what the last delivery met.
fn undelivered(met: Option<Refusal>) -> Refusal {
    let saved = "the change is saved and will be delivered to the voice provider (see Agent.syncState)";
    match met {
        Some(met) => Refusal { message: format!("{saved}; so far: {}", met.message), ..met },
        None => Refusal::new(RefusalCode::VoiceProviderUnavailable, saved),
    }
}
