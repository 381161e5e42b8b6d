//! Stores messages that come in, once, however often they are announced. A message is acknowledged only when it is in the
//! database or on disk.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use tokio::sync::Notify;
use tokio::time::{MissedTickBehavior, interval, timeout};
use tokio_util::sync::CancellationToken;

use super::spool::Spool;
use crate::domain::{
    Clock, ConsentWord, Heartbeat, IncomingMessage, MessageId, MessageReport, MessagingConsent, PhoneNumber,
    TextReading, consent_word, mask, reply_to, revokes_consent,
};
use crate::store::{Received, StoreError, SystemStore};

/// Time limit for the database, well below the carrier's own (15 s).
const PATIENCE: Duration = Duration::from_secs(4);
/// How often waiting messages are tried again.
const POLL_INTERVAL: Duration = Duration::from_millis(500);
/// Pause after a pass that left messages, such as one that only a newer version can store.
const RETRY_INTERVAL: Duration = Duration::from_secs(10);
/// Waiting messages in one pass.
const AT_ONCE: usize = 1000;

/// A message that was neither stored nor kept on disk: the carrier must not be told that it was.
#[derive(Debug, thiserror::Error)]
#[error("the message could not be kept")]
pub struct NotKept(#[from] io::Error);

/// Stores what comes in. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Inbox {
    store: SystemStore,
    spool: Spool,
    clock: Clock,
    /// Notified of every new message, which may be to be answered.
    wake: Arc<Notify>,
}

impl Inbox {
    /// Stores through the system's store, and keeps waiting messages in this folder.
    ///
    /// # Errors
    /// The folder cannot be created.
    pub fn open(store: SystemStore, folder: PathBuf, clock: Clock) -> io::Result<Self> {
        Ok(Self { store, spool: Spool::open(folder)?, clock, wake: Arc::default() })
    }

    /// Notified of every message that this server stores.
    pub(super) fn wake(&self) -> Arc<Notify> {
        Arc::clone(&self.wake)
    }

    /// Stores a message, or keeps it on disk until the database takes it.
    ///
    /// # Errors
    /// [`NotKept`]: neither was possible.
    pub async fn receive(&self, message: &IncomingMessage) -> Result<(), NotKept> {
        if !self.store.is_unavailable() {
            match timeout(PATIENCE, self.store_now(message)).await {
                Ok(Ok(())) => return Ok(()),
                Ok(Err(error)) => {
                    tracing::warn!(sid = message.sid, %error, "message kept on disk: it was not stored");
                }
                Err(_) => tracing::warn!(
                    sid = message.sid,
                    "message kept on disk: the database did not answer in time"
                ),
            }
        }
        let (spool, message) = (self.spool.clone(), message.clone());
        // The disk may be slow: not on a thread that serves requests.
        let put = tokio::task::spawn_blocking(move || spool.put(&message)).await;
        Ok(put.map_err(io::Error::other)??)
    }

    /// Stores an announced message.
    async fn store_now(&self, message: &IncomingMessage) -> Result<(), StoreError> {
        let outcome = match self.store(message).await? {
            Received::New => "new",
            Received::Known => "known",
            Received::Unclaimed => {
                let to = mask(message.to.as_str());
                tracing::warn!(sid = message.sid, to, "message dropped: no tenant had its number");
                "unclaimed"
            }
        };
        metrics::counter!("switchboard_messages_received_total", "outcome" => outcome).increment(1);
        Ok(())
    }

    /// Stores a message, what it says about consent, and that an answer is due.
    pub(super) async fn store(&self, message: &IncomingMessage) -> Result<Received, StoreError> {
        let now = self.clock.now();
        let received =
            self.store.receive_message(message, |number, before| read(message, number, before, now)).await?;
        if received == Received::New {
            self.wake.notify_one();
        }
        Ok(received)
    }

    /// Records what the carrier reports about a message. Returns whether it is known.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn report(&self, id: Option<MessageId>, report: &MessageReport) -> Result<bool, StoreError> {
        Ok(self.store.report_message(id, report).await?.is_some())
    }

    /// Stores waiting messages until `stop` is cancelled.
    pub async fn watch(&self, stop: CancellationToken, heartbeat: Heartbeat) {
        let mut looks = interval(POLL_INTERVAL);
        looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        while stop.run_until_cancelled(looks.tick()).await.is_some() {
            heartbeat.beat();
            if self.spool.is_empty() || self.store.is_unavailable() {
                continue;
            }
            // May be interrupted anywhere: it is safe to repeat.
            let Some(has_stored_all) = stop.run_until_cancelled(self.store_waiting(&heartbeat)).await else {
                return;
            };
            if !has_stored_all {
                looks.reset_after(RETRY_INTERVAL);
            }
        }
    }

    /// Returns whether none is left of those that waited.
    async fn store_waiting(&self, heartbeat: &Heartbeat) -> bool {
        let mut has_stored_all = true;
        let spool = self.spool.clone();
        let waiting = match tokio::task::spawn_blocking(move || spool.some(AT_ONCE)).await {
            Ok(Ok(waiting)) => waiting,
            Ok(Err(error)) => {
                tracing::error!(%error, "waiting messages cannot be read");
                return false;
            }
            Err(error) => {
                tracing::error!(%error, "waiting messages cannot be read");
                return false;
            }
        };
        for waiting in waiting {
            heartbeat.beat();
            match timeout(PATIENCE, self.store_now(&waiting.message)).await {
                Ok(Ok(())) => waiting.remove(),
                // A row of a newer version may be readable to another server.
                Ok(Err(error)) if error.is_permanent() && !matches!(error, StoreError::Corrupt { .. }) => {
                    tracing::error!(sid = waiting.message.sid, %error, "message set aside: the database rejects it");
                    waiting.set_aside();
                }
                // It stays where it is; the others are tried all the same.
                Ok(Err(error)) => {
                    tracing::warn!(sid = waiting.message.sid, %error, "waiting message not stored yet");
                    has_stored_all = false;
                }
                // The others would wait as long if it does not answer at all.
                Err(_) if self.store.is_unavailable() => return true,
                Err(_) => {
                    tracing::warn!(sid = waiting.message.sid, "waiting message not stored yet");
                    has_stored_all = false;
                }
            }
        }
        has_stored_all
    }
}

/// What a message says, given what its sender said before about consent.
fn read(
    message: &IncomingMessage,
    number: &PhoneNumber,
    before: MessagingConsent,
    now: DateTime<Utc>,
) -> TextReading {
    // The carrier's own word decides if it gives one: it knows the words that are set up there.
    let word = match message.opt_out_type.as_deref() {
        Some("STOP") => Some(ConsentWord::Stop),
        Some("START") => Some(ConsentWord::Start),
        Some("HELP") => Some(ConsentWord::Help),
        _ => consent_word(&message.body, number.kind, before),
    };
    let consent = match word {
        Some(ConsentWord::Stop) => Some(MessagingConsent::OptedOut),
        Some(ConsentWord::Start) => Some(MessagingConsent::OptedIn),
        Some(ConsentWord::Help) => None,
        None => revokes_consent(&message.body).then_some(MessagingConsent::OptedOut),
    };
    TextReading { consent, reply: reply_to(message, word, now) }
}
