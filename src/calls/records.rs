//! Writing the records of calls: into the database, or into the journal while the database is unavailable.
//!
//! Nothing that was recorded is lost: what the database does not take waits in the journal, and everything about a call that waits
//! there is queued behind it.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use super::NoAnswer;
use super::journal::{Entry, Journal};
use crate::domain::{CallReport, Clock, GivenAnswer};
use crate::store::{AnswerRecord, Route, SystemStore};

/// Writes the records of calls. Cheap to clone.
#[derive(Debug, Clone)]
pub struct CallRecords(pub(super) Arc<RecordsParts>);

#[derive(Debug)]
pub(super) struct RecordsParts {
    /// How long a call's answer may take; the database gets part of it.
    pub(super) answer_deadline: Duration,
    pub(super) store: SystemStore,
    pub(super) clock: Clock,
    pub(super) journal: Journal,
    /// The result of the last probe of the database, and when that was.
    pub(super) last_probe: tokio::sync::Mutex<Option<(bool, Instant)>>,
}

impl CallRecords {
    /// Writes through the system's store, with a journal in `state_dir` and whatever waits there since an earlier run.
    ///
    /// # Errors
    /// When the folder cannot be created, read or written.
    pub fn open(
        state_dir: &Path,
        answer_deadline: Duration,
        store: SystemStore,
        clock: Clock,
    ) -> std::io::Result<Self> {
        let journal = Journal::open(state_dir, clock.now())?;
        let last_probe = tokio::sync::Mutex::default();
        Ok(Self(Arc::new(RecordsParts { answer_deadline, store, clock, journal, last_probe })))
    }

    /// Whether anything about this call waits in the journal: what follows must wait behind it.
    #[must_use]
    pub fn is_waiting(&self, sid: &str) -> bool {
        self.0.journal.is_about(sid)
    }

    /// The answer that a call was given last, if that waits in the journal.
    #[must_use]
    pub fn journaled_answer(&self, sid: &str) -> Option<GivenAnswer> {
        self.0.journal.answer_to(sid)
    }

    /// Journals a call that was routed without the database, once.
    pub fn journal_call(&self, route: &Route) {
        if !self.is_waiting(&route.call.sid) {
            self.0.journal.add(&Entry::of_call(route));
        }
    }

    /// Records what a call was answered with.
    pub async fn record_answer(&self, answer: AnswerRecord) {
        let journal = || self.0.journal.add(&Entry::of_answer(&answer));
        if self.is_down() || self.is_waiting(&answer.sid) {
            journal();
            return;
        }
        match self.ask(self.0.store.record_answer(answer.clone()), "an answer", &answer.sid).await {
            Ok(true) => {}
            // Its call waits in another server's journal.
            Ok(false) | Err(_) => journal(),
        }
    }

    /// Records what the carrier reports of a call. A report that the database does not take waits, and so does one of a call that
    /// is not on record yet: the carrier would not send it again.
    pub async fn report(&self, sid: &str, report: CallReport) {
        let (this, sid) = (self.clone(), sid.to_owned());
        // To its end, even if the carrier hangs up.
        let recorded = tokio::spawn(async move { this.record_report(&sid, report).await });
        if recorded.await.is_err() {
            tracing::error!("recording a call's status panicked");
        }
    }

    async fn record_report(&self, sid: &str, report: CallReport) {
        // Checked first: should its call's record be written this very moment, the report follows it through the journal.
        let recorded = if self.is_waiting(sid) {
            Err(NoAnswer::Away)
        } else {
            self.ask(self.0.store.report_call(sid, report), "a call's status", sid).await
        };
        match recorded {
            Ok(Some(call)) => {
                tracing::info!(call = %call.id, status = %call.status, "call status reported");
            }
            // Its call may wait in another server's journal.
            Ok(None) | Err(_) => self.0.journal.add(&Entry::Report {
                sid: sid.to_owned(),
                status: report.status.to_string(),
                duration_seconds: report.duration_seconds,
                at: report.at,
            }),
        }
    }

    /// Makes what was journaled outlast a crash of the machine.
    pub async fn sync(&self) {
        self.0.journal.sync().await;
    }
}
