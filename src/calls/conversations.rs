//! What the voice provider tells of conversations: taken down before it is told that it arrived, worked off by whichever
//! server comes to it, and asked for where it never came.
//!
//! A conversation that cannot be worked off, or that the voice provider cannot tell of, is put off, each time for longer, and
//! the others go on: only a voice provider that is left alone, or a database that does not answer, ends a pass.
//!
//! Events are worked off by one task, and what never came is asked for by another, a few questions at a time: an event never
//! waits for the voice provider.
//!
//! Whatever is written down is the same whoever writes it and however often, so every server may work at the same time,
//! and one that dies in between leaves nothing half done.

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

/// How often it is looked for events that another server took down.
const LOOK_EVERY: Duration = Duration::from_secs(2);
/// Worked off, or asked about, in one go.
const AT_ONCE: u64 = 100;
/// Asked about at the same time: calls need the voice provider too.
const PARALLEL: usize = 4;
/// An event may come before its call is written down: so long it is tried again,
const WORTH_WAITING: TimeDelta = TimeDelta::hours(1);
/// after as long each time.
const TRY_AGAIN: TimeDelta = TimeDelta::seconds(30);
/// So long after a call its event is overdue; and after as long the voice provider is asked again.
const OVERDUE: TimeDelta = TimeDelta::minutes(10);
/// A conversation that the voice provider is never done with is given up so long after its call.
const WORTH_ASKING: TimeDelta = TimeDelta::days(1);
/// One that it fails to tell of, so long.
const WORTH_RETRYING: TimeDelta = TimeDelta::days(30);
/// The longest that one is put off.
const LONGEST_WAIT: TimeDelta = TimeDelta::days(1);
/// A voice provider that does not answer is left alone for so long.
const LEFT_ALONE: TimeDelta = TimeDelta::minutes(1);

/// The database rejected or missed a report: the sender should send it again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the report could not be recorded")]
pub struct NotRecorded;

/// Takes the voice provider's events and works them off. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Conversations(Arc<ConversationsParts>);

#[derive(Debug)]
struct ConversationsParts {
    store: SystemStore,
    voice: Voice,
    clock: Clock,
    keep_transcripts: bool,
    told: Notify,
}

impl Conversations {
    /// Over the system's door and the voice provider. Without `keep_transcripts` what was said is written down nowhere.
    #[must_use]
    pub fn new(store: SystemStore, voice: Voice, clock: Clock, keep_transcripts: bool) -> Self {
        Self(Arc::new(ConversationsParts { store, voice, clock, keep_transcripts, told: Notify::new() }))
    }

    /// Takes down what the voice provider tells: from then on it is not lost.
    ///
    /// # Errors
    /// [`NotRecorded`], logged already.
    pub async fn accept(&self, report: ConversationReport) -> Result<(), NotRecorded> {
        let report = self.kept(report);
        let conversation = &report.conversation_id;
        match self.0.store.accept_event(&report).await {
            Ok(true) => self.0.told.notify_one(),
            Ok(false) => {
                info!(conversation, news = %report.news, "told of a conversation before: nothing new");
            }
            Err(error) => {
                log("a conversation", conversation, &error);
                return Err(NotRecorded);
            }
        }
        Ok(())
    }

    /// Asks the voice provider for a conversation of which it told more than could be kept, and takes it down.
    ///
    /// # Errors
    /// [`NotRecorded`], logged already.
    pub async fn fetch(&self, conversation: &str) -> Result<(), NotRecorded> {
        match self.0.voice.conversation(conversation).await {
            Ok(Conversation::Over(report)) => self.accept(report).await,
            // It is asked about again when it is overdue.
            Ok(Conversation::GoesOn | Conversation::Unknown) => Ok(()),
            Err(failure) => {
                warn!(conversation, %failure, "a conversation with a long transcript could not be fetched");
                Err(NotRecorded)
            }
        }
    }

    /// Works off what was taken down, until told to stop.
    pub async fn watch_events(&self, stop: CancellationToken, heartbeat: Heartbeat) {
        while let Some(worked) = stop.run_until_cancelled(Box::pin(self.work_off(&heartbeat))).await {
            if let Err(failure) = worked {
                warn!(error = &failure as &dyn std::error::Error, "what was told of conversations waits");
            }
            let look = tokio::time::timeout(LOOK_EVERY, self.0.told.notified());
            if stop.run_until_cancelled(look).await.is_none() {
                return;
            }
        }
    }

    /// Asks for what never came, until told to stop.
    pub async fn watch_missing(&self, stop: CancellationToken, heartbeat: Heartbeat) {
        let mut ask_again = DateTime::<Utc>::MIN_UTC;
        loop {
            heartbeat.beat();
            let now = self.0.clock.now();
            if now >= ask_again
                && let Some(Err(failure)) = stop.run_until_cancelled(self.ask_for_missing(&heartbeat)).await
            {
                ask_again = now + LEFT_ALONE;
                warn!(
                    error = &failure as &dyn std::error::Error,
                    "conversations that nobody told of stay unknown"
                );
            }
            if stop.run_until_cancelled(tokio::time::sleep(LOOK_EVERY)).await.is_none() {
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
                    // The others do not wait for it.
                    Some(Err(failure)) => {
                        log("a conversation", &event.report.conversation_id, &failure);
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
        let Some(call) = store.report_conversation(&event.report).await? else {
            if now < event.accepted_at + WORTH_WAITING {
                return store.postpone_event(event.id, now + TRY_AGAIN).await;
            }
            info!(conversation, news = %event.report.news, "a conversation that is no call of ours");
            return store.complete_event(event.id, None).await;
        };
        store.complete_event(event.id, Some(&call)).await?;
        info!(call = %call.id, conversation, news = %event.report.news, status = %call.status, "a conversation was reported");
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

    /// Asks about a conversation, and writes down when to ask again.
    ///
    /// # Errors
    /// When there is no use in asking about another.
    async fn ask_or_put_off(&self, missing: &MissingConversation) -> Result<(), Unasked> {
        let again = match caught("missing_event", self.ask(missing)).await {
            Some(Ok(again)) => again,
            Some(Err(Unasked::Store(failure))) if failure.is_limited_to_statement() => {
                log("a conversation", &missing.conversation_id, &failure);
                put_off(missing, self.0.clock.now())
            }
            None => put_off(missing, self.0.clock.now()),
            Some(Err(ended)) => return Err(ended),
        };
        Ok(self.0.store.ask_about_conversation(missing.call, again).await?)
    }

    /// Asks about a conversation; returns when to ask again.
    async fn ask(&self, missing: &MissingConversation) -> Result<Option<DateTime<Utc>>, Unasked> {
        let MissingConversation { call, conversation_id: conversation, ended_at } = missing;
        let now = self.0.clock.now();
        let again = (now < *ended_at + WORTH_ASKING).then_some(now + OVERDUE);
        match self.0.voice.conversation(conversation).await {
            Ok(Conversation::Over(report)) => {
                info!(%call, conversation, "nobody told of a conversation: the voice provider was asked");
                metrics::counter!("switchboard_conversations_fetched_total").increment(1);
                let report =
                    ConversationReport { conversation_id: conversation.clone(), ..self.kept(report) };
                // What was worked off before is not worked off again.
                Ok(if self.0.store.accept_event(&report).await? { again } else { None })
            }
            Ok(Conversation::GoesOn) => Ok(again),
            Ok(Conversation::Unknown) => {
                warn!(%call, conversation, "the voice provider does not know a conversation it began");
                Ok(None)
            }
            Err(left_alone @ VoiceError::Unavailable { breaker_open: true, .. }) => {
                Err(Unasked::Voice(left_alone))
            }
            Err(error) => {
                warn!(%call, conversation, %error, "the voice provider does not tell of a conversation");
                Ok(put_off(missing, now))
            }
        }
    }

    /// What is to be kept of a report.
    fn kept(&self, mut report: ConversationReport) -> ConversationReport {
        if !self.0.keep_transcripts {
            report.transcript.clear();
        }
        report
    }
}

fn log(what: &str, id: &str, error: &StoreError) {
    let cause = std::error::Error::source(error).map(ToString::to_string);
    tracing::error!(%error, cause, id, "{what} could not be recorded");
}

/// When to ask again about a conversation that could not be had.
fn put_off(missing: &MissingConversation, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
    let age = now - missing.ended_at;
    (age < WORTH_RETRYING).then(|| now + longer(OVERDUE, age))
}

/// How long to put off what is so old: its age about doubles from one try to the next.
fn longer(shortest: TimeDelta, age: TimeDelta) -> TimeDelta {
    age.clamp(shortest, LONGEST_WAIT)
}

/// Why not everything missing was asked for; the next time goes on with what is left.
#[derive(Debug, thiserror::Error)]
enum Unasked {
    #[error("the voice provider does not answer")]
    Voice(#[source] VoiceError),
    #[error("the database does not answer")]
    Store(#[from] StoreError),
}
