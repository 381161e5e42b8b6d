//! What a call was answered with, recorded in batches.
//!
//! Answers of several servers' journals may be recorded in any order. The one that was given last holds, and a conversation
//! that any of them began is kept.

use std::collections::{HashMap, HashSet};

use chrono::{DateTime, SecondsFormat, Utc};
use sea_orm::QueryResult;
use serde::Serialize;

use crate::domain::{AgentId, CallId, CallOutcome, Decision, TenantId};
use crate::store::lane::{Batched, Lane};
use crate::store::{Change, Shared, StoreError, SystemStore, dialect};

/// What one call was answered with.
#[derive(Debug, Serialize)]
pub(in crate::store) struct CallAnswer {
    sid: String,
    outcome: &'static str,
    decision: Decision,
    twiml: String,
    conversation_id: Option<String>,
    answered_at: String,
    at: String,
}

impl SystemStore {
    /// Records what a call, by the carrier's id, was answered with at `answered_at`, and why. Returns whether the call is on
    /// record.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn record_answer(
        &self,
        sid: &str,
        outcome: CallOutcome,
        decision: &Decision,
        conversation_id: Option<&str>,
        twiml: &str,
        answered_at: DateTime<Utc>,
    ) -> Result<bool, StoreError> {
        self.write_batched(CallAnswer {
            sid: sid.to_owned(),
            outcome: outcome.as_str(),
            decision: decision.clone(),
            twiml: twiml.to_owned(),
            conversation_id: conversation_id.map(str::to_owned),
            answered_at: instant(answered_at),
            at: instant(self.shared.clock.now()),
        })
        .await
    }
}

impl Batched for CallAnswer {
    /// Whether the call is on record.
    type Done = bool;

    fn lane(shared: &Shared) -> &Lane<Self> {
        &shared.answers
    }

    async fn write(store: &SystemStore, batch: &[Self]) -> Result<Vec<bool>, StoreError> {
        // A statement writes each row once.
        let mut last: HashMap<&str, &Self> = HashMap::with_capacity(batch.len());
        for answer in batch {
            let held = last.entry(&answer.sid).or_insert(answer);
            if held.answered_at <= answer.answered_at {
                *held = answer;
            }
        }
        let last: Vec<&Self> = last.into_values().collect();
        let _turn = store.writer_turn().await;
        let statement = dialect::RECORD_ANSWERS.with_rows(store.db(), &last)?;
        let written = store.db().group_commit(statement).await?;
        store.tell_all(&written.iter().map(changed).collect::<Result<Vec<_>, _>>()?);
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

/// An instant as both databases read it, and as SQLite stores it.
pub(super) fn instant(at: DateTime<Utc>) -> String {
    at.to_rfc3339_opts(SecondsFormat::AutoSi, false)
}
