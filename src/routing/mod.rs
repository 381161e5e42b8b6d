//! A call comes in: who answers, decided and written down, always with an answer a caller can hear.
//!
//! The ladder: the number's agent, if it is active, the plan has room and the voice provider takes the call in time;
//! else the agent's fallback number; else a sentence in its language. Whatever fails, what is returned is TwiML, within
//! [`RoutingConfig::answer_deadline`]. A call is answered once: announced again, even at the same moment, it gets the
//! same answer, and the voice provider hears of it once.

mod answer;
mod conversations;
mod reports;
mod retention;
mod sweep;

pub use conversations::Conversations;
pub use reports::NotRecorded;
pub use retention::Retention;
pub use sweep::Sweep;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::{BoxFuture, Shared};
use tokio::time::Instant;
use url::Url;

use crate::carrier::{IncomingCall, Twiml, Verb};
use crate::domain::{CallId, Clock, E164, Entropy, Language, mask};
use crate::store::{self, Route, SystemStore};
use crate::voice::Voice;
use answer::Answer;

/// The path at which a dialled fallback number's outcome is reported.
pub const DIAL_PATH: &str = "/api/webhooks/call/dial";

/// How long routing may take, and where a dialled fallback number's outcome is reported.
#[derive(Debug, Clone)]
pub struct RoutingConfig {
    /// For the whole answer: the carrier waits 15 s.
    pub answer_deadline: Duration,
    /// The public address of this server.
    pub webhook_base_url: Url,
}

impl RoutingConfig {
    /// A third of what the carrier waits.
    pub const DEFAULT_ANSWER_DEADLINE: Duration = Duration::from_secs(5);
}

/// Answers calls. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Routing(Arc<Inner>);

struct Inner {
    answer_deadline: Duration,
    dial_action: String,
    store: SystemStore,
    voice: Voice,
    clock: Clock,
    entropy: Entropy,
    /// Calls being answered right now, by the carrier's id.
    answering: Mutex<HashMap<String, Shared<BoxFuture<'static, String>>>>,
}

impl std::fmt::Debug for Inner {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Routing").field("answer_deadline", &self.answer_deadline).finish_non_exhaustive()
    }
}

impl Routing {
    /// A router of calls over the system's door and the voice provider.
    #[must_use]
    pub fn new(
        config: RoutingConfig,
        store: SystemStore,
        voice: Voice,
        clock: Clock,
        entropy: Entropy,
    ) -> Self {
        let RoutingConfig { answer_deadline, webhook_base_url } = config;
        Self(Arc::new(Inner {
            answer_deadline,
            dial_action: format!("{}{DIAL_PATH}", webhook_base_url.as_str().trim_end_matches('/')),
            store,
            voice,
            clock,
            entropy,
            answering: Mutex::default(),
        }))
    }

    /// The TwiML that answers a call. Runs to its end, recorded, even if whoever asked hangs up.
    pub async fn answer(&self, call: &IncomingCall) -> String {
        let Some(announced) = announced(call) else {
            return sorry(Language::default());
        };
        let answer = {
            let mut answering = self.0.answering.lock().unwrap_or_else(PoisonError::into_inner);
            let begin = || self.begin(announced).boxed().shared();
            answering.entry(call.call_sid.clone()).or_insert_with(begin).clone()
        };
        answer.await
    }

    /// The TwiML for a call whose first answer the carrier could not fetch or carry out. Neither the voice provider nor
    /// the stored answer is tried again, since one of them just failed: the fallback number, else a sentence.
    pub async fn fallback(&self, call: &IncomingCall) -> String {
        let Some(announced) = announced(call) else {
            return sorry(Language::default());
        };
        let until = Instant::now() + self.0.answer_deadline;
        let Some(route) = self.admit(&announced).await else {
            return sorry(Language::default());
        };
        let answer = self.fall_back(&route, "the first answer failed at the carrier");
        self.record(&route, &answer, until).await;
        answer.twiml
    }

    /// Answers in a task of its own; a panic in there is still an answer.
    fn begin(&self, call: store::IncomingCall) -> impl Future<Output = String> + Send + 'static {
        let this = self.clone();
        let sid = call.sid.clone();
        let task = tokio::spawn(async move {
            let answering = this.clone();
            let answer = tokio::spawn(async move { answering.take(&call).await }).await;
            this.0.answering.lock().unwrap_or_else(PoisonError::into_inner).remove(&sid);
            answer.unwrap_or_else(|_| sorry(Language::default()))
        });
        async move { task.await.unwrap_or_else(|_| sorry(Language::default())) }
    }

    async fn take(&self, call: &store::IncomingCall) -> String {
        let started = Instant::now();
        let until = started + self.0.answer_deadline;
        let Some(route) = self.admit(call).await else {
            return sorry(Language::default());
        };
        if let Some(answered) = route.answered {
            tracing::info!(call = %route.call.id, "announced again, answered as before");
            return answered;
        }
        let answer = self.decide(&route, until).await;
        self.record(&route, &answer, until).await;
        tracing::info!(
            call = %route.call.id,
            agent = %route.agent.id,
            from = mask(&call.from),
            outcome = %answer.outcome,
            reason = answer.reason,
            millis = u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX),
            "answered a call"
        );
        metrics::counter!("switchboard_calls_answered_total", "outcome" => answer.outcome.as_str())
            .increment(1);
        metrics::histogram!("switchboard_call_answer_seconds").record(started.elapsed());
        answer.twiml
    }

    /// Who answers this number; `None`, told to the log, when nobody does or the database does not say.
    async fn admit(&self, call: &store::IncomingCall) -> Option<Route> {
        let id = CallId(self.0.entropy.uuid(self.0.clock.now()));
        // Half, so that what comes after has time too.
        let found = tokio::time::timeout(self.0.answer_deadline / 2, self.0.store.admit_call(id, call)).await;
        match found {
            Ok(Ok(Some(route))) => return Some(route),
            Ok(Ok(None)) => {
                tracing::warn!(to = %call.to, sid = call.sid, "a call to a number that is not ours");
            }
            Ok(Err(error)) => {
                let cause = std::error::Error::source(&error).map(ToString::to_string);
                tracing::error!(%error, cause, sid = call.sid, "a call could not be routed");
            }
            Err(_) => tracing::error!(sid = call.sid, "a call could not be routed: the database is too slow"),
        }
        metrics::counter!("switchboard_calls_answered_total", "outcome" => "unrouted").increment(1);
        None
    }

    /// Writes the answer down, and goes on in the background when that would make the caller wait.
    async fn record(&self, route: &Route, answer: &Answer, until: Instant) {
        let (store, id, answer) = (self.0.store.clone(), route.call.id, answer.clone());
        let recording = tokio::spawn(async move {
            let conversation = answer.conversation_id.as_deref();
            if let Err(error) = store.record_answer(id, answer.outcome, conversation, &answer.twiml).await {
                let cause = std::error::Error::source(&error).map(ToString::to_string);
                tracing::error!(%error, cause, call = %id, "an answer was given but could not be written down");
            }
        });
        let _still_going_on_or_done = tokio::time::timeout_at(until, recording).await;
    }
}

/// What is said when nobody can take a call, in a language its caller is likely to speak.
#[must_use]
pub fn sorry(language: Language) -> String {
    let text = language.sorry().to_owned();
    Twiml(vec![Verb::Say { text, language: language.spoken_tag().to_owned() }]).to_string()
}

/// The call as the store wants it; `None`, told to the log, when what was called is no number.
fn announced(call: &IncomingCall) -> Option<store::IncomingCall> {
    let Some(to) = call.to_number.clone() else {
        tracing::warn!(to = mask(&call.to), sid = call.call_sid, "a call to something that is no number");
        return None;
    };
    Some(store::IncomingCall { sid: call.call_sid.clone(), from: call.from.clone(), to })
}

/// Whether dialling this number would only call ourselves again.
fn leads_back(number: &E164, route: &Route) -> bool {
    *number == route.call.to
}
