//! Writes journaled entries into the database as soon as the database accepts them.
//!
//! An entry leaves the journal when it is written, or when the database has rejected its contents
//! ([`StoreError::is_permanent`]). A rejected entry is moved to `calls.refused`; if it is a call, every other entry about it
//! follows. Any other error keeps the entry. An entry about a call that is not on record yet waits in a file beside the journal
//! ([`super::journal`]). Therefore several servers may write entries about one call in any order: the latest answer and the
//! highest-ranked report win.

use std::time::Duration;

use chrono::TimeDelta;
use futures_util::future::join_all;
use tokio::time::{MissedTickBehavior, interval, timeout};
use tokio_util::sync::CancellationToken;

use super::CallRecords;
use super::journal::{Entry, Kind};
use crate::domain::{
    AgentId, Call, CallDirection, CallId, CallOutcome, CallReport, CallStatus, Heartbeat, NumberId, TenantId,
};
use crate::store::{AnswerRecord, StoreError};

/// How often the journal is checked for entries, and an unavailable database for its return.
const POLL_INTERVAL: Duration = Duration::from_millis(500);
/// The time limit for one write or look-up.
const PATIENCE: Duration = Duration::from_secs(3);

/// How long an entry waits for its call to be recorded.
pub(super) const EARLY_FOR: TimeDelta = TimeDelta::days(1);

/// Why an entry was not written.
#[derive(Debug, thiserror::Error)]
enum Unwritten {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Odd(#[from] crate::domain::Invalid),
}

impl Unwritten {
    /// Whether the entry can never be written.
    fn is_permanent(&self) -> bool {
        match self {
            Self::Store(error) => error.is_permanent(),
            Self::Odd(_) => true,
        }
    }

    fn may_be_overload(&self) -> bool {
        matches!(self, Self::Store(error) if error.may_be_overload())
    }
}

impl CallRecords {
    /// Replays the journal until `stop` is cancelled.
    pub async fn watch_journal(&self, stop: CancellationToken, heartbeat: Heartbeat) {
        let mut looks = interval(POLL_INTERVAL);
        // Looks missed during a long replay are not made up for at once.
        looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                () = stop.cancelled() => break,
                // Replay may be interrupted anywhere: it is safe to repeat after a restart.
                _ = looks.tick() => drop(stop.run_until_cancelled(self.look(&heartbeat)).await),
            }
        }
        // Entries may have been added since the last look.
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

    /// Writes entries in batches while the database accepts them. An answer alone is not enough: the database counts
    /// as available once it has accepted an entry, or none waits. Callers go first: while they wait for the database,
    /// it is given no entry.
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
            // Only up to the first that failed, because the file marks entries as done in order. Later ones that were
            // written are written again, without effect.
            self.0.journal.done(over);
            if over < some.len() {
                break;
            }
        }
        if written > 0 {
            tracing::info!(written, "journaled entries written");
        }
    }

    /// Concludes an entry. Returns whether it was written, or `None` if it keeps its position in the journal.
    async fn conclude(&self, entry: &Entry, outcome: Result<bool, Unwritten>) -> Option<bool> {
        let (journal, sid) = (&self.0.journal, entry.sid());
        match outcome {
            Ok(true) => {
                self.note_up();
                Some(true)
            }
            Ok(false) if journal.is_refused(sid) => {
                self.note_up();
                tracing::error!(sid, "journaled entry moved to calls.refused: its call was rejected");
                journal.move_to_refused(entry).await.then_some(false)
            }
            Ok(false) => {
                self.note_up();
                journal.put_early(entry).await.then_some(false)
            }
            Err(error) if error.is_permanent() => {
                tracing::error!(%error, sid, "journaled entry moved to calls.refused: the database rejected it");
                journal.move_to_refused(entry).await.then_some(false)
            }
            Err(error) => {
                let cause = std::error::Error::source(&error).map(ToString::to_string);
                tracing::debug!(%error, cause, sid, "journaled entry not written");
                if !error.may_be_overload() {
                    self.note_down();
                }
                None
            }
        }
    }

    /// Writes entries in one batch for each kind. Calls come first, so that entries about them find them on record.
    async fn write_all(&self, entries: &[Entry]) -> Vec<Result<bool, Unwritten>> {
        let mut outcomes: Vec<Option<Result<bool, Unwritten>>> = entries.iter().map(|_| None).collect();
        for kind in [Kind::Call, Kind::Answer, Kind::Report] {
            let of_kind = entries.iter().enumerate().filter(|(_, entry)| entry.kind() == kind);
            let written = of_kind.map(|(nth, entry)| async move { (nth, self.write(entry).await) });
            // All at once, so that they meet in one group commit.
            for (nth, outcome) in join_all(written).await {
                if let Some(slot) = outcomes.get_mut(nth) {
                    *slot = Some(outcome);
                }
            }
        }
        // Every entry belongs to exactly one kind, so none is missing.
        outcomes.into_iter().map(|outcome| outcome.unwrap_or(Err(StoreError::Busy.into()))).collect()
    }

    /// Writes early entries whose calls are on record now. Moves those that are too old, or about a
    /// rejected call, to `calls.refused`.
    async fn match_early(&self) {
        let journal = &self.0.journal;
        let some = journal.some_early();
        if some.is_empty() {
            return;
        }
        let sids: Vec<&str> = some.iter().map(Entry::sid).collect();
        // One look-up for all: an entry whose call is still missing is not even tried.
        let Ok(Ok(on_record)) = timeout(PATIENCE, self.0.store.calls_on_record(&sids)).await else { return };
        let too_old = self.0.clock.now() - EARLY_FOR;
        let mut over = Vec::new();
        for (nth, entry) in some.iter().enumerate() {
            let sid = entry.sid();
            if on_record.iter().any(|known| known == sid) {
                match timeout(PATIENCE, self.write(entry)).await {
                    Ok(Ok(true)) => over.push(nth),
                    Ok(Err(error)) if error.is_permanent() => {
                        tracing::error!(%error, sid, "early entry moved to calls.refused: the database rejected it");
                        if journal.move_to_refused(entry).await {
                            over.push(nth);
                        }
                    }
                    // The database is slow or unavailable: the rest waits for the next pass.
                    _ => break,
                }
            } else if entry.at() < too_old || journal.is_refused(sid) {
                tracing::warn!(sid, "early entry moved to calls.refused: its call was never recorded");
                if journal.move_to_refused(entry).await {
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
            Entry::Answer { sid, outcome, decision, answer, stage, at, keeps_slot } => {
                let answer = AnswerRecord {
                    sid: sid.clone(),
                    outcome: outcome.parse()?,
                    decision: decision.clone(),
                    answer: answer.clone(),
                    stage: *stage,
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
