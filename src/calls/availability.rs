//! Finds out whether the database is available for calls, once for all calls.
//!
//! - A database that does not answer, or accepts no writes, is **unavailable**: calls are routed from the cache, their records
//!   are journaled, and one task probes the database on behalf of every caller.
//! - A database that is only slow or overloaded ([`NoAnswer::Busy`]) still counts the calls of each plan. A call that it cannot
//!   count in time does not reach the agent.
//! - [`CallRecords::is_alive`] tells the two apart: it has the database store something.

use std::time::Duration;

use tokio::time::{Instant, timeout};

use super::CallRecords;
use crate::store::StoreError;

/// How long the result of a probe stays valid.
const PROBE_VALID_FOR: Duration = Duration::from_millis(500);

/// Why a request to the database failed. Already logged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NoAnswer {
    /// It does not answer, or accepts no writes.
    Unavailable,
    /// It answers, but is overloaded.
    Busy,
    /// It rejected this statement only.
    Failed,
}

impl CallRecords {
    /// Runs a request about a call. It takes at most half of the time for an answer, and a tenth more to find out why it
    /// failed, so that there is time to answer the caller in another way. A database known to be unavailable is not asked.
    ///
    /// # Errors
    /// [`NoAnswer`]; the cause is already logged.
    pub async fn ask<T>(
        &self,
        asked: impl Future<Output = Result<T, StoreError>>,
        what: &str,
        sid: &str,
    ) -> Result<T, NoAnswer> {
        if self.is_down() {
            return Err(NoAnswer::Unavailable);
        }
        // A late request is dropped. If it was written all the same, the journal's copy of it changes nothing.
        let may_be_overload = match timeout(self.0.answer_deadline / 2, asked).await {
            Ok(Ok(answer)) => return Ok(answer),
            Ok(Err(error)) => {
                let cause = std::error::Error::source(&error).map(ToString::to_string);
                tracing::error!(%error, cause, sid, "database error while {what}");
                if error.is_limited_to_statement() {
                    // Other calls may succeed.
                    return Err(NoAnswer::Failed);
                }
                error.may_be_overload()
            }
            Err(_) => {
                tracing::error!(sid, "database too slow while {what}");
                true
            }
        };
        if may_be_overload && self.is_alive().await {
            metrics::counter!("switchboard_database_overloads_total").increment(1);
            return Err(NoAnswer::Busy);
        }
        self.note_down();
        Err(NoAnswer::Unavailable)
    }

    /// Whether the database is known to be unavailable.
    #[must_use]
    pub fn is_down(&self) -> bool {
        self.0.store.is_unavailable()
    }

    /// The database accepted no write. From here on only [`Self::watch_journal`] probes it.
    pub(super) fn note_down(&self) {
        if !self.0.store.set_unavailable(true) {
            tracing::error!(
                "database unavailable: calls are routed from the cache, records wait in the journal"
            );
        }
    }

    /// The database accepts writes.
    pub(super) fn note_up(&self) {
        if self.0.store.set_unavailable(false) {
            tracing::info!("database available again");
        }
    }

    /// Whether the database answers and commits writes, however busy it is. One probe serves all callers within
    /// [`PROBE_VALID_FOR`]; it takes at most a tenth of the time for an answer.
    pub(super) async fn is_alive(&self) -> bool {
        let time_limit = self.0.answer_deadline / 10;
        // Shorter than any wait that ends in an error: a request that hangs is given up after half of the deadline, and a queue
        // counts as slow after 1.5 s. So a database that went silent is probed by the first call that fails.
        if self.0.store.has_written(self.0.answer_deadline / 4) {
            return true;
        }
        // Locked during the probe, so that simultaneous callers share it.
        let mut last_probe = self.0.last_probe.lock().await;
        if let Some((is_alive, _)) = last_probe.filter(|(_, at)| at.elapsed() < PROBE_VALID_FOR) {
            return is_alive;
        }
        let is_alive = match timeout(time_limit, self.0.store.probe_write(time_limit)).await {
            Ok(Ok(())) => true,
            Ok(Err(error)) => {
                let cause = std::error::Error::source(&error).map(ToString::to_string);
                tracing::debug!(%error, cause, "database probe failed");
                false
            }
            Err(_) => false,
        };
        *last_probe = Some((is_alive, Instant::now()));
        is_alive
    }
}
