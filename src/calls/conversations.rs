//! Records what the voice provider reports about conversations. A report is stored before it is acknowledged, processed by any
//! server, and fetched if it never arrived.
//!
//! A conversation that cannot be processed or fetched is postponed, each time for longer, and the others continue. A pass
//! ends early only if the circuit breaker of the voice provider is open or the database does not answer.
//!
//! One task processes events and another fetches missing ones, a few at a time, so that an event never waits
//! for the voice provider.
//!
//! Every server writes the same, however often. Therefore all servers may work at the same time, and one that dies
//! leaves nothing half done.

use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use futures_util::{TryStreamExt, stream};
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use crate::domain::{Clock, ConversationReport, Heartbeat, caught};
use crate::store::{AcceptedEvent, MissingConversation, StoreError, SystemStore};
use crate::voice::{Conversation, Voice, VoiceError};

/// How often to look for events that another server stored.
const POLL_INTERVAL: Duration = Duration::from_secs(2);
/// Number of events or conversations in one pass.
const AT_ONCE: u64 = 100;
/// Concurrent fetches: calls need the voice provider too.
const PARALLEL: usize = 4;
/// How long to retry an event that arrived before its call was recorded.
const WORTH_WAITING: TimeDelta = TimeDelta::hours(1);
/// Pause before an event is retried, and the shortest pause after a failure.
const TRY_AGAIN: TimeDelta = TimeDelta::seconds(30);
/// Time after a call at which its event is overdue, and the shortest wait before the voice provider is asked again.
const OVERDUE: TimeDelta = TimeDelta::minutes(10);
/// Time after a call at which a conversation is given up that the voice provider still reports as under way.
const WORTH_ASKING: TimeDelta = TimeDelta::days(1);
/// Time after a call at which a conversation is given up that the voice provider fails to return.
const WORTH_RETRYING: TimeDelta = TimeDelta::days(30);
/// The longest wait of a postponed conversation.
const LONGEST_WAIT: TimeDelta = TimeDelta::days(1);
/// Pause after the voice provider did not answer.
const LEFT_ALONE: TimeDelta = TimeDelta::minutes(1);

/// The report was not recorded: the sender should send it again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the report could not be recorded")]
pub struct NotRecorded;

/// Stores and processes the voice provider's events. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Conversations(Arc<ConversationsParts>);

#[derive(Debug)]
struct ConversationsParts {
    store: SystemStore,
    voice: Voice,
    clock: Clock,
    keep_transcripts: bool,
    arrived: Notify,
}

impl Conversations {
    /// Records through the system's store and fetches from the voice provider. Without `keep_transcripts`,
    /// no transcript is stored.
    #[must_use]
    pub fn new(store: SystemStore, voice: Voice, clock: Clock, keep_transcripts: bool) -> Self {
        Self(Arc::new(ConversationsParts { store, voice, clock, keep_transcripts, arrived: Notify::new() }))
    }

    /// Stores a report of the voice provider. From then on it is not lost.
    ///
    /// # Errors
    /// [`NotRecorded`], already logged: the sender should send the event again.
    pub async fn accept(&self, report: ConversationReport) -> Result<(), NotRecorded> {
        // Before it is stored: a transcript that must not be kept never reaches the database.
        let report = self.kept(report);
        let conversation = &report.conversation_id;
        match self.0.store.accept_event(&report).await {
            Ok(true) => self.0.arrived.notify_one(),
            Ok(false) => {
                info!(conversation, news = %report.news, "conversation reported again: nothing new");
            }
            Err(error) => {
                log("conversation", conversation, &error);
                return Err(NotRecorded);
            }
        }
        Ok(())
    }

    /// Fetches a conversation from the voice provider, because its event was too long to keep, and stores it.
    ///
    /// # Errors
    /// [`NotRecorded`], already logged: it was not fetched, or not stored.
    pub async fn fetch(&self, conversation: &str) -> Result<(), NotRecorded> {
        match self.0.voice.conversation(conversation).await {
            Ok(Conversation::Over(report)) => self.accept(report).await,
            // It is fetched again when it is overdue.
            Ok(Conversation::GoesOn | Conversation::Unknown) => Ok(()),
            Err(failure) => {
                warn!(conversation, %failure, "conversation with a long transcript not fetched");
                Err(NotRecorded)
            }
        }
    }

    /// Processes stored events until `stop` is cancelled.
    pub async fn watch_events(&self, stop: CancellationToken, heartbeat: Heartbeat) {
        while let Some(worked) = stop.run_until_cancelled(Box::pin(self.work_off(&heartbeat))).await {
            if let Err(failure) = worked {
                warn!(error = &failure as &dyn std::error::Error, "conversation events postponed");
            }
            // Woken at once by an event of this server; those of other servers are found by looking.
            let look = tokio::time::timeout(POLL_INTERVAL, self.0.arrived.notified());
            if stop.run_until_cancelled(look).await.is_none() {
                return;
            }
        }
    }

    /// Fetches missing conversations until `stop` is cancelled.
    pub async fn watch_missing(&self, stop: CancellationToken, heartbeat: Heartbeat) {
        let mut ask_again = DateTime::<Utc>::MIN_UTC;
        loop {
            heartbeat.beat();
            let now = self.0.clock.now();
            if now >= ask_again
                && let Some(Err(failure)) = stop.run_until_cancelled(self.ask_for_missing(&heartbeat)).await
            {
                ask_again = now + LEFT_ALONE;
                warn!(error = &failure as &dyn std::error::Error, "missing conversations not fetched");
            }
            if stop.run_until_cancelled(tokio::time::sleep(POLL_INTERVAL)).await.is_none() {
                return;
            }
        }
    }

    async fn work_off(&self, heartbeat: &Heartbeat) -> Result<(), StoreError> {
        loop {
            heartbeat.beat();
            let due = self.0.store.events_due(AT_ONCE).await?;
            for event in &due {
                heartbeat.beat();
                match caught("event", self.settle(event)).await {
                    Some(Err(failure @ (StoreError::Unavailable(_) | StoreError::Busy))) => {
                        return Err(failure);
                    }
                    Some(Ok(())) => continue,
                    // One failed event must not hold up the others.
                    Some(Err(failure)) => {
                        log("conversation", &event.report.conversation_id, &failure);
                    }
                    None => {}
                }
                let now = self.0.clock.now();
                let again = now + longer(TRY_AGAIN, now - event.accepted_at);
                self.0.store.postpone_event(event.id, again).await?;
            }
            if due.len() < usize::try_from(AT_ONCE).unwrap_or(usize::MAX) {
                return Ok(());
            }
        }
    }

    async fn settle(&self, event: &AcceptedEvent) -> Result<(), StoreError> {
        let (store, now) = (&self.0.store, self.0.clock.now());
        let conversation = &event.report.conversation_id;
        // The call before the event: after a crash in between, the report is applied again, without effect.
        let Some(call) = store.report_conversation(&event.report).await? else {
            // Its call may still wait in a server's journal.
            if now < event.accepted_at + WORTH_WAITING {
                return store.postpone_event(event.id, now + TRY_AGAIN).await;
            }
            info!(conversation, news = %event.report.news, "conversation ignored: it belongs to no call");
            return store.complete_event(event.id, None).await;
        };
        store.complete_event(event.id, Some(&call)).await?;
        info!(call = %call.id, conversation, news = %event.report.news, status = %call.status, "conversation reported");
        metrics::counter!("switchboard_conversations_reported_total", "news" => event.report.news.as_str())
            .increment(1);
        Ok(())
    }

    async fn ask_for_missing(&self, heartbeat: &Heartbeat) -> Result<(), Unasked> {
        let (store, now) = (&self.0.store, self.0.clock.now());
        let missing = store.missing_conversations(now - OVERDUE, AT_ONCE).await?;
        let asked = stream::iter(missing.into_iter().map(Ok));
        asked
            .try_for_each_concurrent(PARALLEL, |missing| async move {
                heartbeat.beat();
                self.ask_or_put_off(&missing).await
            })
            .await
    }

    /// Fetches a conversation and records when to try again.
    ///
    /// # Errors
    /// The voice provider or the database is unavailable: fetching others is pointless.
    async fn ask_or_put_off(&self, missing: &MissingConversation) -> Result<(), Unasked> {
        let again = match caught("missing_event", self.ask(missing)).await {
            Some(Ok(again)) => again,
            Some(Err(Unasked::Store(failure))) if failure.is_limited_to_statement() => {
                log("conversation", &missing.conversation_id, &failure);
                put_off(missing, self.0.clock.now())
            }
            None => put_off(missing, self.0.clock.now()),
            Some(Err(ended)) => return Err(ended),
        };
        Ok(self.0.store.ask_about_conversation(missing.call, again).await?)
    }

    /// Fetches a conversation. Returns when to try again.
    async fn ask(&self, missing: &MissingConversation) -> Result<Option<DateTime<Utc>>, Unasked> {
        let MissingConversation { call, conversation_id: conversation, ended_at } = missing;
        let now = self.0.clock.now();
        let again = (now < *ended_at + WORTH_ASKING).then_some(now + OVERDUE);
        match self.0.voice.conversation(conversation).await {
            Ok(Conversation::Over(report)) => {
                info!(%call, conversation, "missing conversation fetched from the voice provider");
                metrics::counter!("switchboard_conversations_fetched_total").increment(1);
                let report =
                    // Under the id in the call's record, whatever the answer says: by that id the call is found
                    // again.
                    ConversationReport { conversation_id: conversation.clone(), ..self.kept(report) };
                // A stored event is not processed twice.
                Ok(if self.0.store.accept_event(&report).await? { again } else { None })
            }
            Ok(Conversation::GoesOn) => Ok(again),
            Ok(Conversation::Unknown) => {
                warn!(%call, conversation, "conversation not found at the voice provider, which started it");
                Ok(None)
            }
            Err(left_alone @ VoiceError::Unavailable { breaker_open: true, .. }) => {
                Err(Unasked::Voice(left_alone))
            }
            Err(error) => {
                warn!(%call, conversation, %error, "conversation not fetched");
                Ok(put_off(missing, now))
            }
        }
    }

    /// Removes from a report what must not be stored.
    fn kept(&self, mut report: ConversationReport) -> ConversationReport {
        if !self.0.keep_transcripts {
            report.transcript.clear();
        }
        report
    }
}

fn log(what: &str, id: &str, error: &StoreError) {
    let cause = std::error::Error::source(error).map(ToString::to_string);
    tracing::error!(%error, cause, id, "{what} not recorded");
}

/// When to try again after a failed fetch; `None`: never.
fn put_off(missing: &MissingConversation, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
    let age = now - missing.ended_at;
    (age < WORTH_RETRYING).then(|| now + longer(OVERDUE, age))
}

/// How long to postpone something of this age: the wait grows with it, so that the age about doubles between tries.
fn longer(shortest: TimeDelta, age: TimeDelta) -> TimeDelta {
    age.clamp(shortest, LONGEST_WAIT)
}

/// Why a pass ended early. The next pass continues.
#[derive(Debug, thiserror::Error)]
enum Unasked {
    #[error("the voice provider is unavailable")]
    Voice(#[source] VoiceError),
    #[error("the database request failed")]
    Store(#[from] StoreError),
}
