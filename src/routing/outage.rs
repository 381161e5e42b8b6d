//! While the database does not answer or takes no writes: calls go where the numbers known last say, what is to be written
//! down waits in the journal, and the database is tried out by one task instead of by every caller.
//!
//! A database that is only slow, or has too much to do, is another thing ([`NoAnswer::Busy`]): it goes on counting the calls of
//! each plan, and calls that it cannot count in time do not reach the agent. Which of the two it is, [`Routing::is_alive`] finds
//! out by having it keep something.
//!
//! An entry leaves the journal once it is written, or once the database has rejected its contents
//! ([`StoreError::is_verdict`]): then it is put aside, and with a call whatever else waits about it. Any other error
//! keeps it. What is about a call that is not on record yet waits for it in [`super::journal`]'s other file. So what is about one
//! call may be written in any order, by several servers: the answer given last holds, and the report that says most.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use futures_util::future::join_all;
use serde::{Deserialize, Serialize};
use tokio::time::{Instant, MissedTickBehavior, interval, timeout};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::answer::Answer;
use super::{NoAnswer, Routing};
use crate::domain::{
    AgentId, Call, CallDirection, CallId, CallOutcome, CallReport, CallStatus, Decision, E164, Heartbeat,
    NumberId, TenantId,
};
use crate::store::{self, CallAnswer, CallSlot, Route, StoreError};

/// How often it is looked whether the database is back, and whether anything waits for it.
const LOOK_EVERY: Duration = Duration::from_millis(500);
/// A database that has kept something within this time is there.
const KEPT_LATELY: Duration = Duration::from_secs(1);
/// How long the outcome of trying it out holds.
const TRIED_OUT_FOR: Duration = Duration::from_millis(500);
/// How long the database may take to take or to give one thing.
pub(super) const PATIENCE: Duration = Duration::from_secs(3);

/// How long what came before its call waits for it.
pub(super) const EARLY_FOR: TimeDelta = TimeDelta::days(1);

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
        #[serde(default)]
        at: DateTime<Utc>,
        /// Whether it goes on holding the call slot that it may hold.
        #[serde(default = "yes")]
        keeps_slot: bool,
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

impl Unwritten {
    /// Whether the entry will never be written.
    fn is_verdict(&self) -> bool {
        match self {
            Self::Store(error) => error.is_verdict(),
            Self::Odd(_) => true,
        }
    }

    fn may_be_overload(&self) -> bool {
        matches!(self, Self::Store(error) if error.may_be_overload())
    }
}

/// What an entry tells of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Call,
    Answer,
    Report,
}

fn yes() -> bool {
    true
}

impl Entry {
    fn kind(&self) -> Kind {
        match self {
            Self::Call { .. } => Kind::Call,
            Self::Answer { .. } => Kind::Answer,
            Self::Report { .. } => Kind::Report,
        }
    }

    pub(super) fn sid(&self) -> &str {
        match self {
            Self::Call { sid, .. } | Self::Answer { sid, .. } | Self::Report { sid, .. } => sid,
        }
    }

    /// When it was told.
    pub(super) fn at(&self) -> DateTime<Utc> {
        match self {
            Self::Call { at, .. } | Self::Answer { at, .. } | Self::Report { at, .. } => *at,
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
            admitted: route.has_slot(),
            at: call.started_at,
        }
    }

    pub(super) fn of_answer(route: &Route, answer: &Answer, at: DateTime<Utc>) -> Self {
        Self::Answer {
            sid: route.call.sid.clone(),
            outcome: answer.outcome.to_string(),
            decision: route.call.decision.then(&answer.reason),
            conversation_id: answer.conversation_id.clone(),
            twiml: answer.twiml.clone(),
            at,
            keeps_slot: route.slot != CallSlot::NotCounted,
        }
    }
}

impl Routing {
    /// Whether the database is known to take no writes.
    pub(super) fn is_down(&self) -> bool {
        self.0.store.is_away()
    }

    /// The database took no write: until it does, it is left to [`Self::keep`] to try it out.
    pub(super) fn note_down(&self) {
        if !self.0.store.note_away(true) {
            tracing::error!(
                "the database does not answer or takes no writes: calls are routed by what was last known, records wait in the journal"
            );
        }
    }

    /// Whether something about this call waits for the database: what follows must wait behind it.
    pub(super) fn waits(&self, sid: &str) -> bool {
        self.0.journal.is_about(sid)
    }

    /// Where a call goes by what was last known; its record waits. One that is announced again keeps its answer. A database that
    /// is only busy goes on counting the plans' calls: one that it does not count does not reach the agent.
    pub(super) fn admit_from_memory(
        &self,
        id: CallId,
        call: &store::IncomingCall,
        why: NoAnswer,
    ) -> Option<Route> {
        let mut route = self.route_from_memory(id, call)?;
        if matches!(why, NoAnswer::Busy) && route.has_slot() {
            route.slot = CallSlot::NotCounted;
        }
        if !self.waits(&call.sid) {
            self.0.journal.add(&Entry::of_call(&route));
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

    /// Writes down what waits, until told to stop.
    pub async fn keep_journal(&self, stop: CancellationToken, heartbeat: Heartbeat) {
        let mut looks = interval(LOOK_EVERY);
        looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                () = stop.cancelled() => break,
                // Whatever it is at may be done again after a restart.
                _ = looks.tick() => drop(stop.run_until_cancelled(self.look(&heartbeat)).await),
            }
        }
        self.0.journal.sync().await;
    }

    async fn look(&self, heartbeat: &Heartbeat) {
        heartbeat.beat();
        self.0.journal.sync().await;
        self.0.journal.measure();
        if self.is_down() && !self.is_alive().await {
            return;
        }
        self.replay(heartbeat).await;
        if !self.is_down() {
            self.match_early().await;
        }
    }

    /// The database takes writes.
    fn note_up(&self) {
        if self.0.store.note_away(false) {
            tracing::info!("the database answers again");
        }
    }

    /// Whether the database answers and keeps what it is told, however busy it is: it has lately, or does when it is tried out,
    /// once for all who ask within [`TRIED_OUT_FOR`]. Takes at most a tenth of the time for a call's answer.
    pub(super) async fn is_alive(&self) -> bool {
        let try_out = self.0.answer_deadline / 10;
        if self.0.store.has_kept(KEPT_LATELY) {
            return true;
        }
        let mut known = self.0.alive.lock().await;
        if let Some((is_alive, _)) = known.filter(|(_, at)| at.elapsed() < TRIED_OUT_FOR) {
            return is_alive;
        }
        let is_alive = match timeout(try_out, self.0.store.try_out(try_out)).await {
            Ok(Ok(())) => true,
            Ok(Err(error)) => {
                let cause = std::error::Error::source(&error).map(ToString::to_string);
                tracing::debug!(%error, cause, "the database was tried out in vain");
                false
            }
            Err(_) => false,
        };
        *known = Some((is_alive, Instant::now()));
        is_alive
    }

    /// Writes down what waits, many entries at a time, as far as the database takes it. That it answers is not enough: it is
    /// back once it has taken an entry, or none waits. Callers go first: while they wait for it, it is given nothing.
    async fn replay(&self, heartbeat: &Heartbeat) {
        let mut written = 0_u64;
        loop {
            heartbeat.beat();
            if !self.is_down() && self.0.store.is_slow() {
                break;
            }
            let some = self.0.journal.first(self.0.store.batch_size());
            if some.is_empty() {
                self.note_up();
                break;
            }
            let outcomes = self.write_all(&some).await;
            let mut over = 0;
            for (entry, outcome) in some.iter().zip(outcomes) {
                match self.conclude(entry, outcome).await {
                    Some(is_written) => written += u64::from(is_written),
                    None => break,
                }
                over += 1;
            }
            self.0.journal.done(over);
            if over < some.len() {
                break;
            }
        }
        if written > 0 {
            tracing::info!(written, "entries of the journal are in the database");
        }
    }

    /// What became of an entry: whether it is written, or `None` if it goes on waiting in its place.
    async fn conclude(&self, entry: &Entry, outcome: Result<bool, Unwritten>) -> Option<bool> {
        let (journal, sid) = (&self.0.journal, entry.sid());
        match outcome {
            Ok(true) => {
                self.note_up();
                Some(true)
            }
            Ok(false) if journal.is_refused(sid) => {
                self.note_up();
                tracing::error!(sid, "an entry of the journal is put aside: its call was refused");
                journal.put_aside(entry).await.then_some(false)
            }
            Ok(false) => {
                self.note_up();
                journal.put_early(entry).await.then_some(false)
            }
            Err(error) if error.is_verdict() => {
                tracing::error!(%error, sid, "the database refuses an entry of the journal: it is put aside");
                journal.put_aside(entry).await.then_some(false)
            }
            Err(error) => {
                let cause = std::error::Error::source(&error).map(ToString::to_string);
                tracing::debug!(%error, cause, sid, "an entry of the journal is not written");
                if !error.may_be_overload() {
                    self.note_down();
                }
                None
            }
        }
    }

    /// Writes entries in as few batches as there are kinds: first the calls, so that what is about them finds them on record.
    async fn write_all(&self, entries: &[Entry]) -> Vec<Result<bool, Unwritten>> {
        let mut outcomes: Vec<Option<Result<bool, Unwritten>>> = entries.iter().map(|_| None).collect();
        for kind in [Kind::Call, Kind::Answer, Kind::Report] {
            let of_kind = entries.iter().enumerate().filter(|(_, entry)| entry.kind() == kind);
            let written = of_kind.map(|(nth, entry)| async move { (nth, self.write(entry).await) });
            for (nth, outcome) in join_all(written).await {
                if let Some(place) = outcomes.get_mut(nth) {
                    *place = Some(outcome);
                }
            }
        }
        // None is missing: each entry is of one kind.
        outcomes.into_iter().map(|outcome| outcome.unwrap_or(Err(StoreError::Busy.into()))).collect()
    }

    /// Writes down what came before its call, for calls that are on record now. What is too old is put aside, and what is
    /// about a refused call.
    async fn match_early(&self) {
        let journal = &self.0.journal;
        let some = journal.some_early();
        if some.is_empty() {
            return;
        }
        let sids: Vec<&str> = some.iter().map(Entry::sid).collect();
        let Ok(Ok(on_record)) = timeout(PATIENCE, self.0.store.calls_on_record(&sids)).await else { return };
        let too_old = self.0.clock.now() - EARLY_FOR;
        let mut over = Vec::new();
        for (nth, entry) in some.iter().enumerate() {
            let sid = entry.sid();
            if on_record.iter().any(|known| known == sid) {
                match timeout(PATIENCE, self.write(entry)).await {
                    Ok(Ok(true)) => over.push(nth),
                    Ok(Err(error)) if error.is_verdict() => {
                        tracing::error!(%error, sid, "the database refuses what came before its call: it is put aside");
                        if journal.put_aside(entry).await {
                            over.push(nth);
                        }
                    }
                    _ => break,
                }
            } else if entry.at() < too_old || journal.is_refused(sid) {
                tracing::warn!(sid, "what was told of a call that never came on record is put aside");
                if journal.put_aside(entry).await {
                    over.push(nth);
                }
            }
        }
        journal.early_over(some.len(), &over).await;
    }

    /// Writes an entry. Returns whether its call is on record.
    async fn write(&self, entry: &Entry) -> Result<bool, Unwritten> {
        Ok(match entry {
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
                self.0.store.record_call(call, *admitted).await?;
                true
            }
            Entry::Answer { sid, outcome, decision, conversation_id, twiml, at, keeps_slot } => {
                let answer = CallAnswer {
                    sid: sid.clone(),
                    outcome: outcome.parse()?,
                    decision: decision.clone(),
                    twiml: twiml.clone(),
                    conversation_id: conversation_id.clone(),
                    answered_at: *at,
                    keeps_slot: *keeps_slot,
                };
                self.0.store.record_answer(answer).await?
            }
            Entry::Report { sid, status, duration_seconds, at } => {
                let report =
                    CallReport { status: status.parse()?, duration_seconds: *duration_seconds, at: *at };
                self.0.store.report_call(sid, report).await?.is_some()
            }
        })
    }
}
