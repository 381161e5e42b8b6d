//! An entry of the journal: a write that waits for the database.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::domain::{AnswerStage, CallAnswer, Decision, E164};
use crate::store::{AnswerRecord, Route};

/// A write that waits for the database.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub(in crate::calls) enum Entry {
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
        answer: CallAnswer,
        stage: AnswerStage,
        at: DateTime<Utc>,
        /// Whether the call keeps a call slot that it holds.
        keeps_slot: bool,
    },
    /// The carrier reported a call's status.
    Report { sid: String, status: String, duration_seconds: Option<i32>, at: DateTime<Utc> },
}

/// The kinds of entries, in the order in which a batch is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::calls) enum Kind {
    Call,
    Answer,
    Report,
}

impl Entry {
    pub(in crate::calls) fn kind(&self) -> Kind {
        match self {
            Self::Call { .. } => Kind::Call,
            Self::Answer { .. } => Kind::Answer,
            Self::Report { .. } => Kind::Report,
        }
    }

    pub(in crate::calls) fn sid(&self) -> &str {
        match self {
            Self::Call { sid, .. } | Self::Answer { sid, .. } | Self::Report { sid, .. } => sid,
        }
    }

    /// When the event happened.
    pub(in crate::calls) fn at(&self) -> DateTime<Utc> {
        match self {
            Self::Call { at, .. } | Self::Answer { at, .. } | Self::Report { at, .. } => *at,
        }
    }

    pub(in crate::calls) fn of_call(route: &Route) -> Self {
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

    pub(in crate::calls) fn of_answer(answer: &AnswerRecord) -> Self {
        Self::Answer {
            sid: answer.sid.clone(),
            outcome: answer.outcome.to_string(),
            decision: answer.decision.clone(),
            answer: answer.answer.clone(),
            stage: answer.stage,
            at: answer.answered_at,
            keeps_slot: answer.keeps_slot,
        }
    }
}

/// Parses an entry of the journal and writes it again; `None` if the journal would move the line to `calls.refused`.
/// An entry point for fuzzing.
#[must_use]
pub fn rewritten_journal_entry(line: &[u8]) -> Option<String> {
    let entry: Entry = serde_json::from_slice(line).ok()?;
    serde_json::to_string(&entry).ok()
}
