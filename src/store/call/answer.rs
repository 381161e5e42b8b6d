//! Records the answers to calls, in batches.
//!
//! Several servers' journals may record answers in any order. The latest answer wins, and a conversation that any of
//! them has started is kept.

use std::collections::{HashMap, HashSet};

use chrono::{DateTime, SecondsFormat, Utc};
use sea_orm::QueryResult;
use serde::Serialize;

use crate::domain::{AgentId, AnswerStage, CallAnswer, CallId, CallOutcome, Decision, TenantId};
use crate::store::group_commit::{Batched, CommitQueue};
use crate::store::{Change, Shared, StoreError, SystemStore, dialect};

/// The answer to a call, to be recorded.
#[derive(Debug, Clone)]
pub struct AnswerRecord {
    /// The carrier's id of the call.
    pub sid: String,
    /// Who or what answers.
    pub outcome: CallOutcome,
    /// The routing decision and its reason.
    pub decision: Decision,
    /// The answer that the carrier renders.
    pub answer: CallAnswer,
    /// The stage of the call at which it was given.
    pub stage: AnswerStage,
    /// When the answer was given.
    pub answered_at: DateTime<Utc>,
    /// Whether the call keeps the call slot that it may hold. A call that was answered before its admission completed has no
    /// slot in its answer, but may have got one since.
    pub keeps_slot: bool,
}

#[derive(Debug, Serialize)]
struct AnswerRow<'a> {
    sid: &'a str,
    outcome: &'static str,
    decision: &'a Decision,
    answer: &'a CallAnswer,
    stage: &'static str,
    conversation_id: Option<&'a str>,
    answered_at: String,
    keeps_slot: bool,
    at: &'a str,
}

impl AnswerRecord {
    fn row<'a>(&'a self, at: &'a str) -> AnswerRow<'a> {
        AnswerRow {
            sid: &self.sid,
            outcome: self.outcome.as_str(),
            decision: &self.decision,
            answer: &self.answer,
            stage: self.stage.as_str(),
            conversation_id: self.answer.conversation_id(),
            answered_at: instant(self.answered_at),
            keeps_slot: self.keeps_slot,
            at,
        }
    }
}

impl SystemStore {
    /// Records the answer to a call. Returns whether the call is on record.
    ///
    /// # Errors
    /// [`StoreError`]; [`StoreError::Busy`] if it would wait too long for its batch.
    pub async fn record_answer(&self, answer: AnswerRecord) -> Result<bool, StoreError> {
        self.write_batched(answer).await
    }
}

impl Batched for AnswerRecord {
    /// Whether the call is on record.
    type Done = bool;

    fn queue(shared: &Shared) -> &CommitQueue<Self> {
        &shared.answers
    }

    async fn write(store: &SystemStore, batch: &[Self]) -> Result<Vec<bool>, StoreError> {
        // A statement can write each row only once.
        let mut last: HashMap<&str, &Self> = HashMap::with_capacity(batch.len());
        for answer in batch {
            let held = last.entry(&answer.sid).or_insert(answer);
            // By time, not by position: journals write old answers after new ones.
            if held.answered_at <= answer.answered_at {
                *held = answer;
            }
        }
        // One instant for the batch: all its rows are committed together.
        let at = instant(store.shared.clock.now());
        let last: Vec<_> = last.into_values().map(|answer| answer.row(&at)).collect();
        let _turn = store.writer_turn().await;
        let statement = dialect::RECORD_ANSWERS.with_rows(store.db(), &last)?;
        let written = store.db().group_commit(statement).await?;
        store.publish_all(&written.iter().map(changed).collect::<Result<Vec<_>, _>>()?);
        let on_record: HashSet<String> =
            written.iter().map(|row| row.try_get("", "sid")).collect::<Result<_, _>>()?;
        Ok(batch.iter().map(|answer| on_record.contains(&answer.sid)).collect())
    }
}

fn changed(row: &QueryResult) -> Result<Change, StoreError> {
    Ok(Change::Call {
        tenant: TenantId(row.try_get("", "tenant_id")?),
        id: CallId(row.try_get("", "id")?),
        agent: AgentId(row.try_get("", "agent_id")?),
    })
}

/// An instant in the form that both databases read and SQLite stores.
pub(super) fn instant(at: DateTime<Utc>) -> String {
    at.to_rfc3339_opts(SecondsFormat::AutoSi, false)
}
