//! Fetches the files of incoming messages from the carrier, stores them, and deletes them: at the carrier once they are stored, if
//! the operator wants it, and here once their message was deleted.
//!
//! Servers share the work by leases. One file that cannot be fetched does not hold up the others: it is tried again at growing
//! intervals, and given up after [`MOST_ATTEMPTS`]. What is to be deleted is tried until it is done; at the carrier, only as often if
//! it rejects the account.

use std::time::Duration;

use tokio::task::JoinSet;
use tokio::time::{Instant, MissedTickBehavior, interval, timeout};
use tokio_util::sync::CancellationToken;

use super::storage::{MediaStorage, StorageError};
use crate::accounts::Accounts;
use crate::carrier::{CarrierError, FetchedMedia, MediaFailure, Rejection};
use crate::domain::{Clock, Entropy, Heartbeat, MediaFile, MediaState, MediaType, backoff, caught};
use crate::store::{MediaOutcome, MediaTask, MediaWork, StoreError, SystemStore};

/// How often the database is asked for due files.
const POLL_INTERVAL: Duration = Duration::from_secs(1);
/// How often files are looked for whose message was deleted.
const PURGE_INTERVAL: Duration = Duration::from_secs(10);
/// Files on which one server works at a time. Each takes up to 10 MB of memory.
const AT_ONCE: usize = 4;
/// Until another server takes over a file from one that died: longer than a fetch with its redirects, and storing the file.
const LEASE: Duration = Duration::from_secs(5 * 60);
/// How long a server that stops goes on with what is under way.
const TIME_TO_FINISH: Duration = Duration::from_secs(5);
/// Attempts to fetch a file, or to delete it in an account that the carrier rejects or that is disconnected, over about a day.
const MOST_ATTEMPTS: u32 = 20;
const FIRST_PAUSE: Duration = Duration::from_secs(4);
const LONGEST_PAUSE: Duration = Duration::from_secs(4 * 3600);

/// Fetches, stores and deletes files. Cheap to clone.
#[derive(Debug, Clone)]
pub struct MediaKeeper {
    store: SystemStore,
    accounts: Accounts,
    storage: MediaStorage,
    deletes_at_carrier: bool,
    clock: Clock,
    entropy: Entropy,
}

/// Why a step was not done.
#[derive(Debug, thiserror::Error)]
enum Undone {
    #[error(transparent)]
    Media(#[from] MediaFailure),
    #[error(transparent)]
    Carrier(#[from] CarrierError),
    #[error("the media store failed")]
    Storage(#[from] StorageError),
}

impl MediaKeeper {
    /// Fetches through the carrier's client into this storage.
    #[must_use]
    pub fn new(
        store: SystemStore,
        accounts: Accounts,
        storage: MediaStorage,
        deletes_at_carrier: bool,
        clock: Clock,
        entropy: Entropy,
    ) -> Self {
        Self { store, accounts, storage, deletes_at_carrier, clock, entropy }
    }

    /// Works on due files until `stop` is cancelled. What is under way then is finished, if that is soon; otherwise another server
    /// does it again after the lease.
    pub async fn watch(&self, stop: CancellationToken, heartbeat: Heartbeat) {
        let mut looks = interval(POLL_INTERVAL);
        looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        // Tasks of their own: one that waits for a database connection goes on while the next files are claimed, which needs one too.
        let mut under_way = JoinSet::new();
        let mut purged_at = None::<Instant>;
        loop {
            tokio::select! {
                () = stop.cancelled() => {
                    let rest = async { while under_way.join_next().await.is_some() {} };
                    // What is cut off here is done again.
                    let _in_time = timeout(TIME_TO_FINISH, rest).await;
                    return;
                }
                _ = looks.tick() => {}
                // Its place is free: the next file need not wait.
                Some(_) = under_way.join_next() => {}
            }
            heartbeat.beat();
            let free = AT_ONCE - under_way.len().min(AT_ONCE);
            if free == 0 || self.store.is_unavailable() {
                continue;
            }
            if purged_at.is_none_or(|at| at.elapsed() >= PURGE_INTERVAL) {
                purged_at = Some(Instant::now());
                if let Err(error) = self.store.media_to_purge().await {
                    tracing::warn!(%error, "files of deleted messages not looked for");
                }
            }
            match self.store.claim_media(LEASE, free as u64).await {
                Ok(tasks) => {
                    for task in tasks {
                        under_way.spawn(self.clone().work_on(task));
                    }
                }
                Err(error) => tracing::warn!(%error, "files of messages not claimed"),
            }
        }
    }

    /// Does what is due for a file. After a panic its lease expires, and it is done again.
    async fn work_on(self, task: MediaTask) {
        let work = async {
            let outcome = self.outcome(&task).await;
            let word = word_of(&outcome);
            match self.store.finish_media(&task, outcome).await {
                Ok(()) => {
                    metrics::counter!("switchboard_message_media_total", "outcome" => word).increment(1);
                }
                // Another server has it, or will after this lease.
                Err(StoreError::LeaseLost) => {}
                Err(error) => tracing::warn!(file = %task.file.id, %error, "outcome of a file not stored"),
            }
        };
        let _unless_it_panicked = Box::pin(caught("file of a message", work)).await;
    }

    async fn outcome(&self, task: &MediaTask) -> MediaOutcome {
        let done = match task.work {
            MediaWork::Fetch => self.fetch(task).await,
            MediaWork::DeleteAtCarrier => self.delete_at_carrier(task).await,
            MediaWork::Purge { is_at_carrier } => self.purge(task, is_at_carrier).await,
        };
        let failure = match done {
            Ok(outcome) => return outcome,
            Err(failure) => failure,
        };
        let file = task.file.id;
        tracing::warn!(%file, attempts = task.attempts, error = &failure as &dyn std::error::Error, "file of a message not done");
        if let Undone::Media(MediaFailure::Refused(reason)) = failure {
            return MediaOutcome::GivenUp { state: MediaState::Refused, reason };
        }
        let now = self.clock.now();
        if let Undone::Media(MediaFailure::Carrier(error)) | Undone::Carrier(error) = &failure
            && let CarrierError::Unavailable { breaker_open: true, retry_after, .. } = error
        {
            // Nothing was tried.
            return MediaOutcome::Again { at: now + retry_after.unwrap_or(FIRST_PAUSE), counts: false };
        }
        if task.work == MediaWork::Fetch {
            let reason = match &failure {
                Undone::Media(MediaFailure::Carrier(error)) if error.is_definitive() => {
                    Some("the carrier does not have it any more")
                }
                _ if task.attempts < MOST_ATTEMPTS => None,
                Undone::Storage(_) => Some("it could not be stored"),
                Undone::Media(_) | Undone::Carrier(_) => Some("the carrier did not send it"),
            };
            if let Some(reason) = reason {
                return MediaOutcome::GivenUp { state: MediaState::Failed, reason: reason.to_owned() };
            }
        }
        let pause = backoff(&self.entropy, FIRST_PAUSE, LONGEST_PAUSE, task.attempts);
        MediaOutcome::Again { at: now + pause, counts: true }
    }

    /// Fetches a file from the account of the number that it came to; if the number was moved, also from the other one, since the
    /// file may be older. From no further account, whatever its address names: a tenant signs the webhooks of its own account, whose
    /// numbers do not move.
    async fn fetched(&self, file: &MediaFile) -> Result<FetchedMedia, MediaFailure> {
        let mut failure = CarrierError::Rejected(Rejection::NotFound);
        for account in self.accounts.of_number(file.number_id).await?.all() {
            let fetched = match self.accounts.carrier(account).await {
                Ok(carrier) => carrier.fetch_media(&file.url).await,
                Err(error) => Err(error.into()),
            };
            match fetched {
                // Either may be the answer to an account that asks for another one's file.
                Err(MediaFailure::Carrier(CarrierError::Rejected(
                    why @ (Rejection::NotFound | Rejection::Account),
                ))) => {
                    // One whose credentials are rejected may have it once they are accepted again.
                    if failure.is_definitive() {
                        failure = CarrierError::Rejected(why);
                    }
                }
                told => return told,
            }
        }
        Err(failure.into())
    }

    async fn fetch(&self, task: &MediaTask) -> Result<MediaOutcome, Undone> {
        let fetched = self.fetched(&task.file).await?;
        let told = task.file.content_type.as_deref();
        let claimed = fetched.content_type.as_deref().or(told).unwrap_or_default();
        let kind = MediaType::of(claimed, &fetched.content).map_err(|why| MediaFailure::Refused(why.0))?;
        let size = i32::try_from(fetched.content.len()).unwrap_or(i32::MAX);
        self.storage.put(&task.file, fetched.content).await?;
        Ok(MediaOutcome::Stored { kind, size, then_delete: self.deletes_at_carrier })
    }

    /// Deletes a file in that of the number's accounts that has it. One that none has is deleted.
    async fn delete_in_account(&self, file: &MediaFile) -> Result<(), CarrierError> {
        for account in self.accounts.of_number(file.number_id).await?.all() {
            if self.accounts.carrier(account).await?.delete_media(&file.url).await? {
                break;
            }
        }
        Ok(())
    }

    async fn delete_at_carrier(&self, task: &MediaTask) -> Result<MediaOutcome, Undone> {
        match self.delete_in_account(&task.file).await {
            Ok(()) => Ok(MediaOutcome::DeletedAtCarrier),
            // It would be rejected again. An account may be accepted again, but not if it was disconnected.
            Err(error @ CarrierError::Rejected(_))
                if error.is_definitive() || task.attempts >= MOST_ATTEMPTS =>
            {
                tracing::warn!(file = %task.file.id, %error, "file of a message left at the carrier");
                Ok(MediaOutcome::LeftAtCarrier)
            }
            Err(error) => Err(error.into()),
        }
    }

    async fn purge(&self, task: &MediaTask, is_at_carrier: bool) -> Result<MediaOutcome, Undone> {
        self.storage.delete(&task.file).await?;
        if is_at_carrier && self.deletes_at_carrier {
            self.delete_at_carrier(task).await?;
        }
        Ok(MediaOutcome::Purged)
    }
}

/// The outcome as metrics name it.
fn word_of(outcome: &MediaOutcome) -> &'static str {
    match outcome {
        MediaOutcome::Stored { .. } => "stored",
        MediaOutcome::GivenUp { state: MediaState::Refused, .. } => "refused",
        MediaOutcome::GivenUp { .. } | MediaOutcome::LeftAtCarrier => "failed",
        MediaOutcome::Again { .. } => "retried",
        MediaOutcome::DeletedAtCarrier => "deleted_at_carrier",
        MediaOutcome::Purged => "purged",
    }
}
