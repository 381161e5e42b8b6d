//! Decides who answers a call. Every call gets an answer within [`RoutingConfig::answer_deadline`], whatever fails.
//!
//! The number's routing rules come first: they may forward a call, answer it with a message or reject it. Otherwise the
//! number's agent answers, if it is active, the plan has a free call slot and the voice provider registers the call in time.
//! Otherwise the agent's fallback number rings. Otherwise the caller hears a message in the agent's language. A number that
//! must not be dialled is skipped ([`plan`]).
//!
//! - A call is answered once. A repeated request gets the same answer, even at the same time at another server, and the voice
//!   provider registers one conversation ([`turn`]).
//! - A call is admitted and recorded before it is answered. The answer is recorded right after: no caller waits for that.
//! - When all call slots are held, the carrier is first asked whether the calls that hold them are still under way.
//! - While the database is unavailable, the routing cache decides, and records wait in the journal of [`crate::calls`].
//! - An answer is independent of the carrier: [`crate::domain::CallAnswer`] is stored with its stage; [`crate::carrier`]
//!   renders it for Twilio.

mod admit;
mod after_dial;
mod answer;
mod cache;
mod cache_file;
mod plan;
mod turn;

pub use cache_file::restore;
pub use plan::{Imagined, Room};

use std::collections::HashMap;
use std::panic::AssertUnwindSafe;
use std::path::PathBuf;
use std::pin::pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures_util::future::{BoxFuture, Shared};
use futures_util::{FutureExt, poll};
use tokio::sync::oneshot;
use tokio::time::Instant;
use tokio_util::task::TaskTracker;
use tracing::Instrument;

use crate::calls::{CallRecords, Sweep};
use crate::domain::{AnswerStage, CallAnswer, Clock, Dialing, E164, Entropy, IncomingCall, Language, mask};
use crate::store::{AnswerRecord, CallSlot, Route, SystemStore};
use crate::voice::Voice;
use answer::RoutedAnswer;

/// How the call to a dialled number ended.
#[derive(Debug, Clone)]
pub struct DialEnd {
    /// The carrier's id of the caller's call.
    pub sid: String,
    /// Whether somebody answered the dialled number.
    pub was_answered: bool,
    /// Whether the caller has hung up, so that nobody hears an answer.
    pub caller_is_gone: bool,
    /// The carrier's own status, for the log.
    pub status: String,
    /// The caller's call; `None` if the carrier does not name the number called.
    pub call: Option<IncomingCall>,
    /// The number that forwarded the call to ours; `None` if the carrier does not name one.
    pub forwarded_from: Option<E164>,
}

/// Configuration of routing: time limit, folder and dialling policy.
#[derive(Debug, Clone)]
pub struct RoutingConfig {
    /// Time limit for the whole answer. Twilio gives up after 15 s.
    pub answer_deadline: Duration,
    /// The folder of the saved routing cache.
    pub state_dir: PathBuf,
    /// Which numbers may be dialled, for tenants without a setting of their own.
    pub dialing: Dialing,
}

/// Answers calls. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Routing(Arc<RoutingParts>);

struct RoutingParts {
    answer_deadline: Duration,
    dialing: Dialing,
    store: SystemStore,
    voice: Voice,
    sweep: Sweep,
    clock: Clock,
    entropy: Entropy,
    records: CallRecords,
    state_dir: PathBuf,
    /// Calls that are being answered or recorded, by stage and the carrier's id.
    answering: Mutex<HashMap<String, Shared<BoxFuture<'static, CallAnswer>>>>,
    /// The tasks that answer them.
    tasks: TaskTracker,
}

/// Replies with the recorded answer if the request is a repetition; gives the reply back if it is not.
fn repeat(reply: Reply, route: &Route, stage: AnswerStage) -> Option<Reply> {
    let Some(given) = route.answered.as_ref().filter(|given| given.answers_again(stage)) else {
        return Some(reply);
    };
    // The request may have been cancelled.
    let _ = reply.send(given.answer.clone());
    None
}

/// Receives the answer to a call. If it is dropped without one, the caller hears a message.
type Reply = oneshot::Sender<CallAnswer>;

impl std::fmt::Debug for RoutingParts {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Routing").field("answer_deadline", &self.answer_deadline).finish_non_exhaustive()
    }
}

impl Routing {
    /// Routes calls through the system's store and the voice provider.
    #[must_use]
    pub fn new(
        config: RoutingConfig,
        store: SystemStore,
        voice: Voice,
        records: CallRecords,
        sweep: Sweep,
        clock: Clock,
        entropy: Entropy,
    ) -> Self {
        let RoutingConfig { answer_deadline, state_dir, dialing } = config;
        Self(Arc::new(RoutingParts {
            answer_deadline,
            dialing,
            store,
            voice,
            sweep,
            clock,
            entropy,
            records,
            state_dir,
            answering: Mutex::default(),
            tasks: TaskTracker::new(),
        }))
    }

    /// Answers an incoming call. `forwarded_from` is the number that forwarded it, if the carrier names one. The answer is
    /// worked out and recorded even if the request is cancelled.
    pub async fn answer(&self, call: IncomingCall, forwarded_from: Option<E164>) -> CallAnswer {
        let this = self.clone();
        let key = format!("incoming {}", call.sid);
        self.once(key, |reply| async move { this.take(&call, forwarded_from, reply).await }).await
    }

    /// Answers a call after the carrier could not fetch or carry out the previous answer: with the fallback number, else a
    /// message. Neither the voice provider nor the previous answer is tried again, because one of them has just failed.
    pub async fn fallback(&self, call: IncomingCall, forwarded_from: Option<E164>) -> CallAnswer {
        let this = self.clone();
        let key = format!("fallback {}", call.sid);
        self.once(key, |reply| async move { this.take_after_failure(&call, forwarded_from, reply).await })
            .await
    }

    /// Returns once the record of every answered call is in the database or in the journal.
    pub async fn recorded(&self) {
        self.0.tasks.close();
        self.0.tasks.wait().await;
        self.0.records.sync().await;
    }

    async fn take_after_failure(&self, call: &IncomingCall, forwarded_from: Option<E164>, reply: Reply) {
        let Some(mut route) = self.admit(call).await else { return };
        route.forwarded_from = forwarded_from;
        let stage = AnswerStage::AfterFailure;
        // Checked without a turn: nothing is registered here, so a second server repeats no effect.
        let Some(reply) = repeat(reply, &route, stage) else { return };
        let answer = self.after_failure(&route).await;
        self.give(reply, &route, stage, answer).await;
    }

    /// Runs `answer` to its end in a task of its own, once for all simultaneous requests with the same `key`. Returns as soon
    /// as it replies. Requests that arrive while the reply is being recorded get the same one.
    async fn once<F>(&self, key: String, answer: impl FnOnce(Reply) -> F) -> CallAnswer
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let shared = {
            // One lock for look-up and insertion: the second of two simultaneous requests joins the first.
            let mut answering = self.0.answering.lock().unwrap_or_else(PoisonError::into_inner);
            let (this, own) = (self.clone(), key.clone());
            let begin = || {
                let (reply, replied) = oneshot::channel();
                let answer = answer(reply);
                let task = async move {
                    if AssertUnwindSafe(answer).catch_unwind().await.is_err() {
                        tracing::error!(key = own, "answering a call panicked");
                    }
                    // Only now that the answer is recorded: a later request finds it on record.
                    this.0.answering.lock().unwrap_or_else(PoisonError::into_inner).remove(&own);
                };
                self.0.tasks.spawn(task.in_current_span());
                async move { replied.await.unwrap_or_else(|_| CallAnswer::apology(Language::default())) }
                    .boxed()
                    .shared()
            };
            answering.entry(key).or_insert_with(begin).clone()
        };
        shared.await
    }

    /// Replies and records the reply. Recording starts before the reply is sent, but the caller does not wait for its end.
    async fn give(&self, reply: Reply, route: &Route, stage: AnswerStage, routed: RoutedAnswer) {
        let answer = routed.answer.clone();
        let mut recording = pin!(self.0.records.record_answer(AnswerRecord {
            sid: route.call.sid.clone(),
            outcome: routed.outcome,
            decision: route.call.decision.then(&routed.causes),
            answer: routed.answer,
            stage,
            answered_at: self.0.clock.now(),
            keeps_slot: route.slot != CallSlot::NotCounted,
        }));
        // Queues the record before the reply is sent: a look-up after the reply waits for it (`route_by_sid`).
        let progress = poll!(&mut recording);
        // The request may have been cancelled.
        let _ = reply.send(answer);
        if progress.is_pending() {
            recording.await;
        }
    }

    async fn take(&self, call: &IncomingCall, forwarded_from: Option<E164>, reply: Reply) {
        let started = Instant::now();
        let until = started + self.0.answer_deadline;
        let Some(mut route) = self.admit(call).await else { return };
        route.forwarded_from = forwarded_from;
        let stage = AnswerStage::First;
        let in_turn = self.in_turn(route, stage, until, reply, async |mut route| {
            // A database too busy to count slots could not count a freed one either.
            if route.is_busy() && route.slot != CallSlot::NotCounted {
                self.make_room(&mut route, started).await;
            }
            let answer = self.decide(&route, until).await;
            (route, answer)
        });
        let Some((reply, route, answer)) = in_turn.await else { return };
        tracing::info!(
            call = %route.call.id,
            agent = %route.agent.id,
            from = mask(&call.from),
            outcome = %answer.outcome,
            reason = %answer.causes,
            millis = u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX),
            "call answered"
        );
        metrics::counter!("switchboard_calls_answered_total", "outcome" => answer.outcome.as_str())
            .increment(1);
        metrics::histogram!("switchboard_call_answer_seconds").record(started.elapsed());
        self.give(reply, &route, stage, answer).await;
    }
}
