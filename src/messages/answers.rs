//! The worker that answers texts.
//!
//! A thread is answered by one server at a time, which holds a lease on it. All texts that wait are answered together; those that come
//! meanwhile, afterwards. The agent is asked without a transaction. Then one transaction ends the wait of the texts and stores the
//! answer with the operations that send it, unless somebody has taken the thread over, has answered, or wants no texts. So no text is
//! answered twice, and a crash between the two leaves the texts waiting for the next attempt.
//!
//! The agent has [`crate::store::DueAnswer::deadline`] for it, 100 seconds from when the text was stored, whatever becomes of the servers
//! that try. After that, a person is to answer.

use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use tokio::sync::Notify;
use tokio::time::{Instant, sleep, timeout};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use uuid::Uuid;

use super::Inbox;
use super::slots::{Slot, Slots};
use crate::domain::{
    AgentMessaging, AgentStatus, AutomaticAnswer, Clock, E164, Entropy, Heartbeat, Message, MessageBody,
    MessageId, RefusalCode, ThreadHandling, answer_texts, backoff, caught, is_text_loop, text_history,
    text_question,
};
use crate::provisioning::Provisioning;
use crate::provisioning::kinds::WantedMessage;
use crate::store::{AnswerTask, DueAnswer, StoreError, SystemStore, TenantStore};
use crate::voice::{TextAnswer, TextsToAnswer, Voice};

/// How often other servers' texts, and attempts that were postponed, are looked for.
const POLL_INTERVAL: Duration = Duration::from_secs(1);
/// Answers that one server works on at a time, one tenant's at most half of them. Calls and operations have connections and circuit
/// breakers of their own.
const PARALLEL: usize = 32;
/// Late threads that are handed over in one round.
const AT_ONCE: u64 = 200;
/// How long after the death of its server a thread is free. Renewed three times as often.
const LEASE: Duration = Duration::from_secs(15);
/// Longest time for one answer.
const PATIENCE: Duration = Duration::from_secs(45);
/// With less time left, asking the agent is pointless.
const LEAST: Duration = Duration::from_secs(3);
/// Pauses between attempts.
const FIRST_PAUSE: Duration = Duration::from_secs(2);
const LONGEST_PAUSE: Duration = Duration::from_secs(20);
/// How long a shutdown waits for answers. Another server takes over the rest after their leases expire.
const DRAIN: Duration = Duration::from_secs(20);

/// Answers texts. Cheap to clone.
#[derive(Debug, Clone)]
pub struct MessageAnswers {
    store: SystemStore,
    provisioning: Provisioning,
    voice: Voice,
    wake: Arc<Notify>,
    slots: Slots,
    clock: Clock,
    entropy: Entropy,
}

/// What became of an attempt.
#[derive(Debug)]
enum End {
    /// The answer is stored.
    Answered,
    /// An answer is no longer wanted.
    Dropped(&'static str),
    /// The agent may be able to answer later.
    Retry(String),
    /// A person is to answer.
    Person(String),
}

impl MessageAnswers {
    /// Answers what the inbox stores, and what other servers left.
    #[must_use]
    pub fn new(
        store: SystemStore,
        provisioning: Provisioning,
        voice: Voice,
        inbox: &Inbox,
        clock: Clock,
        entropy: Entropy,
    ) -> Self {
        let slots = Slots::new(PARALLEL);
        Self { store, provisioning, voice, wake: inbox.wake(), slots, clock, entropy }
    }

    /// Answers texts until `stop` is cancelled, then waits for answers under way, within a time limit.
    pub async fn watch(&self, stop: CancellationToken, heartbeat: Heartbeat) {
        let running = TaskTracker::new();
        loop {
            heartbeat.beat();
            if !self.store.is_unavailable() {
                let start = stop.run_until_cancelled(self.start_due(&running, &heartbeat));
                if let Some(Err(failure)) = Box::pin(start).await {
                    let error = &failure as &dyn std::error::Error;
                    tracing::warn!(error, "texts that wait for an answer could not be read");
                }
            }
            let next = async {
                tokio::select! {
                    () = self.wake.notified() => {}
                    () = sleep(POLL_INTERVAL) => {}
                }
            };
            if stop.run_until_cancelled(next).await.is_none() {
                break;
            }
        }
        running.close();
        if timeout(DRAIN, running.wait()).await.is_err() {
            tracing::warn!(left = running.len(), "shutdown: texts are still being answered");
        }
    }

    /// Starts as many answers as there is room for. Late threads need none: nobody is asked.
    async fn start_due(&self, running: &TaskTracker, heartbeat: &Heartbeat) -> Result<(), StoreError> {
        for late in self.store.answers_due(true, AT_ONCE, &[]).await? {
            heartbeat.beat();
            self.take_up(late).await;
        }
        // Tenants that have all the slots that they may have: those of others are looked for without them.
        let mut full = Vec::new();
        loop {
            let room = u64::try_from(self.slots.free()).unwrap_or(1);
            if room == 0 {
                return Ok(());
            }
            let (due, known_full) = (self.store.answers_due(false, room, &full).await?, full.len());
            for due in due {
                match self.slots.take(due.tenant) {
                    Some(slot) => self.start(due, slot, running),
                    None if full.contains(&due.tenant) => {}
                    None => full.push(due.tenant),
                }
            }
            if full.len() == known_full {
                return Ok(());
            }
        }
    }

    fn start(&self, due: DueAnswer, slot: Slot, running: &TaskTracker) {
        let answers = self.clone();
        running.spawn(async move {
            let has_ended = Box::pin(answers.take_up(due)).await;
            drop(slot);
            // What came meanwhile, and what there was no room for. Not after a failure, which would repeat itself at once.
            if has_ended {
                answers.wake.notify_one();
            }
        });
    }

    /// Works on a thread, if no other server does. Returns whether the attempt ended.
    async fn take_up(&self, due: DueAnswer) -> bool {
        let lease = self.entropy.uuid(self.clock.now());
        let thread = due.thread;
        // As it is now: an attempt that is still under way at the deadline is not to go on after it.
        let is_late = due.deadline <= self.clock.now();
        match self.store.claim_message_answer(thread, lease, self.lease_end(due, is_late)).await {
            Ok(true) => {}
            Ok(false) => return false,
            Err(error) => {
                tracing::warn!(%thread, %error, "text not taken up for an answer");
                return false;
            }
        }
        let work = caught("message_answer", self.attempt(due, lease));
        let ended = tokio::select! {
            ended = Box::pin(work) => ended.unwrap_or(Err(StoreError::LeaseLost)),
            lost = self.hold(due, lease, is_late) => Err(lost),
        };
        match &ended {
            Ok(()) => {}
            Err(StoreError::LeaseLost) => {
                tracing::warn!(%thread, "answer given up: another server takes the thread over");
            }
            Err(error) => {
                tracing::warn!(%thread, %error, "answer interrupted: it is tried again when its lease expires");
            }
        }
        ended.is_ok()
    }

    fn lease_end(&self, due: DueAnswer, is_late: bool) -> DateTime<Utc> {
        let end = self.clock.now() + LEASE;
        // Not beyond the deadline, after which any server hands the thread over: one that died must not keep the thread from a
        // person. A late thread needs a moment.
        if is_late { end } else { end.min(due.deadline) }
    }

    /// Renews a lease. Returns once it is lost.
    async fn hold(&self, due: DueAnswer, lease: Uuid, is_late: bool) -> StoreError {
        loop {
            sleep(LEASE / 3).await;
            match self.store.keep_answer(due.thread, lease, self.lease_end(due, is_late)).await {
                Err(StoreError::LeaseLost) => return StoreError::LeaseLost,
                // The lease may last; if not, the marks of the texts decide who answers.
                Err(error) => tracing::warn!(thread = %due.thread, %error, "lease of an answer not renewed"),
                Ok(()) => {}
            }
        }
    }

    /// One attempt to answer a thread, and what follows from it.
    async fn attempt(&self, due: DueAnswer, lease: Uuid) -> Result<(), StoreError> {
        let thread = due.thread;
        let task = match self.store.answer_task(thread).await {
            Ok(Some(task)) => task,
            Ok(None) => return Ok(()),
            // A row that cannot be read must not keep a person from answering.
            Err(StoreError::Corrupt { table, column }) if self.clock.now() >= due.deadline => {
                tracing::error!(%thread, table, column, "unreadable thread handed to a person");
                self.store.hand_over(thread, lease).await?;
                return Ok(());
            }
            Err(error) => return Err(error),
        };
        if !task.asks_for_help.is_empty() {
            self.answer_with_help(&task).await?;
        }
        if task.waiting.is_empty() {
            return self.store.settle_answer(thread, lease).await;
        }
        let outcome = match self.answer(&task, due).await? {
            End::Answered => {
                let waited = task.waiting.first().map(|text| self.clock.now() - text.created_at);
                let waited = waited.and_then(|waited| waited.to_std().ok()).unwrap_or_default();
                metrics::histogram!("switchboard_message_answer_seconds").record(waited);
                self.store.settle_answer(thread, lease).await?;
                "agent"
            }
            End::Dropped(why) => {
                tracing::info!(%thread, why, "text not answered");
                let texts: Vec<_> = task.waiting.iter().map(|text| text.id).collect();
                self.store.give_up_answer(&task.thread, &texts, lease).await?;
                "dropped"
            }
            End::Retry(why) => {
                let pause = backoff(&self.entropy, FIRST_PAUSE, LONGEST_PAUSE, task.attempts);
                tracing::warn!(%thread, attempt = task.attempts, why, "the agent did not answer a text: it is asked again");
                let next = (self.clock.now() + pause).min(due.deadline);
                self.store.keep_answer(thread, lease, next).await?;
                "retried"
            }
            End::Person(why) => {
                if self.store.hand_over(thread, lease).await? {
                    tracing::warn!(%thread, why, "the agent could not answer a text: the thread waits for a person");
                }
                "handed_over"
            }
        };
        count(outcome);
        Ok(())
    }

    /// Answers the texts that wait for the agent.
    async fn answer(&self, task: &AnswerTask, due: DueAnswer) -> Result<End, StoreError> {
        let left = (due.deadline - self.clock.now()).to_std().unwrap_or_default();
        if left < LEAST {
            return Ok(End::Person("it did not answer in time".to_owned()));
        }
        if task.has_opted_out {
            return Ok(End::Dropped("the participant wants no texts"));
        }
        let Some(agent) = &task.agent else {
            return Ok(End::Person("the number has no agent".to_owned()));
        };
        if task.thread.handling != ThreadHandling::Agent || agent.messaging == AgentMessaging::Off {
            return Ok(End::Dropped("the thread is not the agent's"));
        }
        let to = task.thread.participant.number();
        let (Some(to), Some(voice_agent_id)) = (to, &agent.voice_agent_id) else {
            return Ok(End::Person("the agent does not exist at the voice provider".to_owned()));
        };
        if agent.status != AgentStatus::Active {
            return Ok(End::Person("the agent is not active".to_owned()));
        }
        let now = self.clock.now();
        if task.has_answered_enough || is_text_loop(&task.recent, &task.waiting, now) {
            return Ok(End::Person("the participant seems to answer automatically".to_owned()));
        }
        // Before the agent is asked: what may not be sent need not be thought up.
        if let Some(end) = refused(self.may_send(task, &to).await)? {
            return Ok(end);
        }
        let texts = TextsToAnswer {
            voice_agent_id,
            from: task.thread.participant.as_str(),
            to: &task.number.number,
            question: &text_question(&task.waiting),
            history: &text_history(&task.recent),
        };
        let answer = match self.voice.answer_texts(&texts, PATIENCE.min(left - LEAST / 2)).await {
            Ok(answer) => answer,
            Err(failure) if failure.is_definitive() => return Ok(End::Person(failure.to_string())),
            Err(failure) => return Ok(End::Retry(failure.to_string())),
        };
        self.conclude(task, &to, &answer).await
    }

    /// Stores the agent's answer, if it is still wanted.
    async fn conclude(&self, task: &AnswerTask, to: &E164, answer: &TextAnswer) -> Result<End, StoreError> {
        if answer.opts_out {
            // A START that came while the agent thought is later, and holds.
            let said_at = task.waiting.last().map_or(self.clock.now(), |text| text.created_at);
            self.store.opt_out(&task.thread, cause(&task.waiting), said_at).await?;
            return Ok(End::Dropped("the participant asked the agent for no more texts"));
        }
        let parts = answer_texts(&answer.text);
        if parts.is_empty() {
            return Ok(End::Retry("the answer was empty".to_owned()));
        }
        let stored = self.store_answer(task, to, &task.waiting, parts, AutomaticAnswer::Agent).await;
        match stored {
            Ok(true) => Ok(End::Answered),
            Ok(false) => Ok(End::Dropped("it is no longer the agent's to answer")),
            Err(failure) => ended_by(failure),
        }
    }

    /// Answers requests for help: together, and not too often.
    async fn answer_with_help(&self, task: &AnswerTask) -> Result<(), StoreError> {
        let agent = task.agent.as_ref().filter(|agent| agent.messaging != AgentMessaging::Off);
        let is_permitted = !task.has_opted_out && !task.has_helped_enough;
        let text = agent.and_then(|agent| agent.help_text.clone()).filter(|_| is_permitted);
        let to = task.thread.participant.number();
        if let (Some(text), Some(to)) = (text, to) {
            let by = AutomaticAnswer::HelpText;
            match self.store_answer(task, &to, &task.asks_for_help, vec![text], by).await {
                Ok(true) => {
                    count("help_text");
                    return Ok(());
                }
                Ok(false) => {}
                Err(failure) => {
                    ended_by(failure)?;
                    tracing::warn!(thread = %task.thread.id, "help text not sent: it was refused");
                }
            }
        }
        let store = self.store.write_as(task.thread.tenant_id, cause(&task.asks_for_help).to_owned()).await?;
        store.take_for_answer(&ids(&task.asks_for_help), AutomaticAnswer::HelpText).await?;
        store.commit().await?;
        count("dropped");
        Ok(())
    }

    async fn may_send(&self, task: &AnswerTask, to: &E164) -> Result<(), StoreError> {
        let store = self.store.write_as(task.thread.tenant_id, cause(&task.waiting).to_owned()).await?;
        // Rolled back: nothing is stored yet.
        self.provisioning.check_answer(&store, &wanted(task, to, None)).await
    }

    /// Ends the wait of these texts and stores the answer, in one transaction. Returns whether the texts still waited.
    async fn store_answer(
        &self,
        task: &AnswerTask,
        to: &E164,
        texts: &[Message],
        parts: Vec<MessageBody>,
        by: AutomaticAnswer,
    ) -> Result<bool, StoreError> {
        let store = self.store.write_as(task.thread.tenant_id, cause(texts).to_owned()).await?;
        // Locked: who takes the thread over waits for this answer, or comes first.
        let thread = store.thread_with(&task.number, &task.thread.participant).await?;
        if by == AutomaticAnswer::Agent && thread.handling != ThreadHandling::Agent {
            return Ok(false);
        }
        // The number may have been given to another agent meanwhile, and the agent's texts may have been switched off.
        if !still_answers(&store, task, by).await? {
            return Ok(false);
        }
        if !store.take_for_answer(&ids(texts), by).await? {
            return Ok(false);
        }
        let mut operations = Vec::with_capacity(parts.len());
        for part in parts {
            operations.push(self.provisioning.send_answer(&store, wanted(task, to, Some(part)), by).await?);
        }
        store.commit().await?;
        for operation in operations {
            // Begun at once and not waited for. If that fails, a worker does it.
            if let Err(error) = self.provisioning.run(operation.id, Instant::now()).await {
                tracing::debug!(operation = %operation.id, %error, "an answer is sent later");
            }
        }
        Ok(true)
    }
}

/// Whether the number still has the agent that the answer is of, and the agent still answers texts.
async fn still_answers(
    store: &TenantStore,
    task: &AnswerTask,
    by: AutomaticAnswer,
) -> Result<bool, StoreError> {
    let number = store.numbers_by_id(&[task.number.id]).await?.pop();
    let Some(agent) = number.and_then(|number| number.assigned_to()) else { return Ok(false) };
    if task.agent.as_ref().map(|agent| agent.id) != Some(agent) {
        return Ok(false);
    }
    let Some(agent) = store.agent(agent).await? else { return Ok(false) };
    let is_active = agent.status == AgentStatus::Active || by == AutomaticAnswer::HelpText;
    Ok(is_active && agent.messaging != AgentMessaging::Off)
}

fn wanted(task: &AnswerTask, to: &E164, body: Option<MessageBody>) -> WantedMessage {
    WantedMessage { number: task.number.id, to: to.clone(), body, media_urls: Vec::new() }
}

fn ids(texts: &[Message]) -> Vec<MessageId> {
    texts.iter().map(|text| text.id).collect()
}

/// The carrier's id of the last of these texts, which the audit trail names as the cause.
fn cause(texts: &[Message]) -> &str {
    texts.last().and_then(|text| text.sid.as_deref()).unwrap_or_default()
}

/// How an attempt ends whose answer may not be sent; `None` if it may.
fn refused<T>(permitted: Result<T, StoreError>) -> Result<Option<End>, StoreError> {
    permitted.map_or_else(|failure| ended_by(failure).map(Some), |_| Ok(None))
}

fn ended_by(failure: StoreError) -> Result<End, StoreError> {
    match failure {
        StoreError::Refused(refusal) => Ok(match refusal.code {
            RefusalCode::OptedOut => End::Dropped("the participant wants no texts"),
            code => End::Person(format!("the answer may not be sent: {code}")),
        }),
        failure => Err(failure),
    }
}

fn count(outcome: &'static str) {
    metrics::counter!("switchboard_message_answers_total", "outcome" => outcome).increment(1);
}
