//! Writes the records of calls into the database, or into the journal while the database is unavailable.
//!
//! No record is lost. A write that the database does not accept waits in the journal, and later writes about the same
//! call queue behind it.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use super::NoAnswer;
use super::journal::{Entry, Journal};
use crate::domain::{CallReport, Clock, ComponentHealth, GivenAnswer};
use crate::store::{AnswerRecord, Route, SystemStore};

/// Writes the records of calls. Cheap to clone.
#[derive(Debug, Clone)]
pub struct CallRecords(pub(super) Arc<RecordsParts>);

#[derive(Debug)]
pub(super) struct RecordsParts {
    /// Time limit for answering a call; the database gets a part of it.
    pub(super) answer_deadline: Duration,
    pub(super) store: SystemStore,
    pub(super) clock: Clock,
    pub(super) journal: Journal,
    /// The result of the last probe of the database, and its time.
    pub(super) last_probe: tokio::sync::Mutex<Option<(bool, Instant)>>,
}

impl CallRecords {
    /// Writes through the system's store, with a journal in `state_dir` that may hold entries of an earlier run.
    ///
    /// # Errors
    /// The folder cannot be created, read or written.
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

    /// Whether entries about this call wait in the journal. Later writes must queue behind them.
    #[must_use]
    pub fn is_waiting(&self, sid: &str) -> bool {
        self.0.journal.is_about(sid)
    }

    /// The latest answer to a call, if it waits in the journal.
    #[must_use]
    pub fn journaled_answer(&self, sid: &str) -> Option<GivenAnswer> {
        self.0.journal.answer_to(sid)
    }

    /// Journals a call that was routed without the database. A repetition has no effect.
    pub fn journal_call(&self, route: &Route) {
        // The carrier repeats a request after a timeout: the first entry has the call already.
        if !self.is_waiting(&route.call.sid) {
            self.0.journal.add(&Entry::of_call(route));
        }
    }

    /// Records the answer to a call.
    pub async fn record_answer(&self, answer: AnswerRecord) {
        let journal = || self.0.journal.add(&Entry::of_answer(&answer));
        // Behind its call's record: in the database, the answer would find no call yet.
        if self.is_down() || self.is_waiting(&answer.sid) {
            journal();
            return;
        }
        match self.ask(self.0.store.record_answer(answer.clone()), "recording an answer", &answer.sid).await {
            Ok(true) => {}
            // Its call may wait in another server's journal.
            Ok(false) | Err(_) => journal(),
        }
    }

    /// Records a status report of the carrier. A report that the database does not accept is journaled, and so is a report
    /// about a call that is not on record yet: the carrier would not send it again.
    pub async fn report(&self, sid: &str, report: CallReport) {
        let (this, sid) = (self.clone(), sid.to_owned());
        // In a task of its own, so that it completes even if the carrier hangs up.
        let recorded = tokio::spawn(async move { this.record_report(&sid, report).await });
        if recorded.await.is_err() {
            tracing::error!("recording a call's status panicked");
        }
    }

    async fn record_report(&self, sid: &str, report: CallReport) {
        // Checked first: if the call's record is being written at this moment, the report follows it through the journal.
        let recorded = if self.is_waiting(sid) {
            Err(NoAnswer::Unavailable)
        } else {
            self.ask(self.0.store.report_call(sid, report), "recording a call status", sid).await
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

    /// The state of the journal, for operators.
    #[must_use]
    pub fn health(&self) -> ComponentHealth {
        self.0.journal.health()
    }

    /// Flushes the journal to disk, so that it survives a crash of the machine.
    pub async fn sync(&self) {
        self.0.journal.sync().await;
    }
}
