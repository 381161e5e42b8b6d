//! While the database does not answer: calls go where the numbers known last say, what is to be written down waits in the
//! journal, and the database is tried out by one task instead of by every caller.

use std::sync::atomic::Ordering;
use std::time::Duration;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use tokio::time::{MissedTickBehavior, interval, timeout};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::Routing;
use super::answer::Answer;
use crate::domain::{
    AgentId, Call, CallDirection, CallId, CallOutcome, CallReport, CallStatus, Decision, E164, NumberId,
    TenantId,
};
use crate::store::{self, Route, StoreError};

/// How often it is looked whether the database is back, and whether anything waits for it.
const LOOK_EVERY: Duration = Duration::from_millis(500);
/// How long the database may take to take or to give one thing.
pub(super) const PATIENCE: Duration = Duration::from_secs(3);

/// What waits for the database.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub(super) enum Entry {
    /// A call came in and was routed.
    Call {
        id: Uuid,
        tenant: Uuid,
        agent: Uuid,
        number: Uuid,
        sid: String,
        from: String,
        #[serde(default)]
        attestation: Option<String>,
        to: E164,
        decision: Decision,
        admitted: bool,
        at: DateTime<Utc>,
    },
    /// A call was answered.
    Answer {
        sid: String,
        outcome: String,
        decision: Decision,
        conversation_id: Option<String>,
        twiml: String,
    },
    /// The carrier told how a call goes, or went.
    Report { sid: String, status: String, duration_seconds: Option<i32>, at: DateTime<Utc> },
}

/// What an entry of an older version may say that this one does not know.
#[derive(Debug, thiserror::Error)]
enum Unwritten {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Odd(#[from] crate::domain::Invalid),
}

impl Entry {
    pub(super) fn sid(&self) -> &str {
        match self {
            Self::Call { sid, .. } | Self::Answer { sid, .. } | Self::Report { sid, .. } => sid,
        }
    }

    fn of_call(route: &Route) -> Self {
        let call = &route.call;
        Self::Call {
            id: call.id.0,
            tenant: call.tenant_id.0,
            agent: call.agent_id.0,
            number: call.number_id.0,
            sid: call.sid.clone(),
            from: call.from.clone(),
            attestation: call.attestation.clone(),
            to: call.to.clone(),
            decision: call.decision.clone(),
            admitted: route.admitted,
            at: call.started_at,
        }
    }

    pub(super) fn of_answer(route: &Route, answer: &Answer) -> Self {
        Self::Answer {
            sid: route.call.sid.clone(),
            outcome: answer.outcome.to_string(),
            decision: route.call.decision.then(answer.reason),
            conversation_id: answer.conversation_id.clone(),
            twiml: answer.twiml.clone(),
        }
    }
}

impl Routing {
    /// Whether the database is known not to answer.
    pub(super) fn is_down(&self) -> bool {
        self.0.down.load(Ordering::Relaxed)
    }

    /// The database did not answer: until it does, it is left to [`Self::keep`] to try it out.
    pub(super) fn note_down(&self) {
        if !self.0.down.swap(true, Ordering::Relaxed) {
            tracing::error!(
                "the database does not answer: calls are routed by what was last known, records wait in the journal"
            );
        }
    }

    /// Whether something about this call waits for the database: what follows must wait behind it.
    pub(super) fn waits(&self, sid: &str) -> bool {
        self.0.journal.is_about(sid)
    }

    /// Where a call goes by what was last known; its record waits. One that is announced again keeps its answer.
    pub(super) fn admit_from_memory(&self, id: CallId, call: &store::IncomingCall) -> Option<Route> {
        let route = self.route_from_memory(id, call)?;
        if !self.waits(&call.sid) {
            self.0.journal.add(Entry::of_call(&route));
        }
        metrics::counter!("switchboard_calls_routed_from_memory_total").increment(1);
        Some(route)
    }

    /// Where a call goes, or went, by what was last known and what waits.
    pub(super) fn route_from_memory(&self, id: CallId, call: &store::IncomingCall) -> Option<Route> {
        let mut route = self.0.store.route_from_memory(id, call)?;
        route.answered = self.0.journal.answer_to(&call.sid);
        Some(route)
    }

    /// Keeps the routing cache fresh and writes down what waits, until told to stop.
    pub async fn keep(&self, stop: CancellationToken) {
        tokio::join!(self.keep_journal(&stop), self.keep_cache(&stop));
        self.0.journal.sync();
    }

    async fn keep_journal(&self, stop: &CancellationToken) {
        let mut looks = interval(LOOK_EVERY);
        looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                () = stop.cancelled() => break,
                // Whatever it is at may be done again after a restart.
                _ = looks.tick() => drop(stop.run_until_cancelled(self.look()).await),
            }
        }
    }

    async fn look(&self) {
        self.0.journal.sync();
        if self.is_down() {
            if !self.in_time(self.0.store.ping()).await {
                return;
            }
            self.0.down.store(false, Ordering::Relaxed);
            tracing::info!("the database answers again");
        }
        self.replay().await;
    }

    /// Whether the database did it, in time.
    async fn in_time(&self, asked: impl Future<Output = Result<(), StoreError>>) -> bool {
        match timeout(PATIENCE, asked).await {
            Ok(Ok(())) => true,
            Ok(Err(error)) => {
                tracing::debug!(%error, "the database does not tell");
                false
            }
            Err(_) => false,
        }
    }

    /// Writes down what waits, in its order, as far as the database takes it.
    async fn replay(&self) {
        let mut written = 0_u64;
        while let Some(entry) = self.0.journal.first() {
            match timeout(PATIENCE, self.write(&entry)).await {
                Ok(Ok(())) => {
                    self.0.journal.done();
                    written += 1;
                }
                Ok(Err(Unwritten::Store(StoreError::Unavailable(_)))) | Err(_) => {
                    self.note_down();
                    break;
                }
                Ok(Err(error)) => {
                    tracing::error!(%error, sid = entry.sid(), "the database refuses an entry of the journal: it is put aside");
                    self.0.journal.put_aside();
                }
            }
        }
        if written > 0 {
            tracing::info!(written, "entries of the journal are in the database");
        }
    }

    async fn write(&self, entry: &Entry) -> Result<(), Unwritten> {
        match entry {
            Entry::Call { id, tenant, agent, number, sid, from, attestation, to, decision, admitted, at } => {
                let call = Call {
                    id: CallId(*id),
                    tenant_id: TenantId(*tenant),
                    agent_id: AgentId(*agent),
                    number_id: NumberId(*number),
                    sid: sid.clone(),
                    direction: CallDirection::Inbound,
                    from: from.clone(),
                    attestation: attestation.clone(),
                    to: to.clone(),
                    status: CallStatus::Ringing,
                    outcome: CallOutcome::Unavailable,
                    decision: decision.clone(),
                    conversation_id: None,
                    duration_seconds: None,
                    conversation_seconds: None,
                    started_at: *at,
                    ended_at: None,
                };
                self.0.store.record_call(&call, *admitted).await?;
            }
            Entry::Answer { sid, outcome, decision, conversation_id, twiml } => {
                let conversation = conversation_id.as_deref();
                self.0.store.record_answer(sid, outcome.parse()?, decision, conversation, twiml).await?;
            }
            Entry::Report { sid, status, duration_seconds, at } => {
                let report =
                    CallReport { status: status.parse()?, duration_seconds: *duration_seconds, at: *at };
                if self.0.store.report_call(sid, report).await?.is_none() {
                    tracing::warn!(
                        sid,
                        status,
                        "the carrier reports a call we never took: nothing to change"
                    );
                }
            }
        }
        Ok(())
    }
}
