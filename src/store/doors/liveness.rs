//! Liveness of silent sessions, determined by asking through another session.

use std::sync::Arc;
use std::time::{Duration, Instant};

use sea_orm::sqlx;
use tokio::time::{sleep, timeout};

use crate::store::dialect::{Hosts, Sessions};

/// Silence after which another session is asked.
const PROBE_AFTER: Duration = Duration::from_secs(2);
/// Time limit for opening that session and getting its answer.
const PROBE_TIMEOUT: Duration = Duration::from_secs(3);
/// Wait before a second probe: the server may have answered already, with the answer still in transit.
const RECHECK_AFTER: Duration = Duration::from_millis(500);

/// Waits for one session and stops waiting once that session is lost.
pub(super) struct Watchdog<'a> {
    pub(super) liveness: &'a LivenessProbe,
    pub(super) pid: Option<i32>,
}

impl Watchdog<'_> {
    /// Runs a request on the session, for at most `limit`.
    pub(super) async fn run<T>(
        self,
        limit: Duration,
        work: impl Future<Output = Result<T, sqlx::Error>>,
    ) -> Result<T, sqlx::Error> {
        let mut work = std::pin::pin!(work);
        let begun = Instant::now();
        loop {
            if let Ok(done) = timeout(PROBE_AFTER, &mut work).await {
                return done;
            }
            let is_lost = tokio::select! {
                // An answer that has arrived counts, even if the probe has ended at the same time.
                biased;
                done = &mut work => return done,
                is_lost = Box::pin(self.liveness.is_lost(self.pid)) => is_lost,
            };
            if is_lost {
                tracing::warn!(
                    "database connection lost: no answer, and the server does not work on its statement; replacing it and all older ones"
                );
                self.liveness.sessions.retire(begun);
                return Err(lost());
            }
            if begun.elapsed() >= limit {
                // A protocol error does not count as a broken connection, so that a read which took too long
                // is not repeated.
                return Err(sqlx::Error::Protocol(format!("no answer within {} s", limit.as_secs())));
            }
        }
    }
}

/// Determines whether silent sessions are lost. One probe answers for all sessions that are silent by then.
#[derive(Debug)]
pub(in crate::store) struct LivenessProbe {
    pub(super) hosts: Arc<Hosts>,
    pub(super) sessions: Sessions,
    last: tokio::sync::Mutex<Option<Probe>>,
}

#[derive(Debug)]
struct Probe {
    at: Instant,
    result: ProbeResult,
}

#[derive(Debug)]
enum ProbeResult {
    /// Server processes working on this server's statements.
    Working(Vec<i32>),
    /// The database answered that it has no free connection for the probe.
    Full,
    /// The database did not answer within the time limit.
    Silent,
}

/// What a probe says about one session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Liveness {
    /// The server works on the session's statement, or a pooler hides whether it does.
    Busy,
    /// The server knows no running statement or no such session.
    Idle,
    /// The server did not answer.
    Unknown,
}

impl LivenessProbe {
    pub(in crate::store) fn new(hosts: Arc<Hosts>, sessions: Sessions) -> Self {
        Self { hosts, sessions, last: tokio::sync::Mutex::default() }
    }

    /// Whether nobody works for a silent session. A lock may be granted at this very moment, with the answer
    /// in transit; so an idle session is probed twice.
    async fn is_lost(&self, pid: Option<i32>) -> bool {
        match self.liveness_of(pid).await {
            Liveness::Unknown => true,
            Liveness::Busy => false,
            Liveness::Idle => {
                sleep(RECHECK_AFTER).await;
                self.liveness_of(pid).await != Liveness::Busy
            }
        }
    }

    async fn liveness_of(&self, pid: Option<i32>) -> Liveness {
        let since = Instant::now();
        // Locked while asking, so that concurrent callers share one probe. A probe that started before this
        // call does not count: it may have missed a statement that was sent since.
        let mut last = self.last.lock().await;
        let probe = match last.take().filter(|probe| probe.at >= since) {
            Some(probe) => probe,
            None => self.run_probe().await,
        };
        let liveness = match &probe.result {
            ProbeResult::Working(pids) if pid.is_some_and(|pid| !pids.contains(&pid)) => Liveness::Idle,
            // A server without a free connection is alive. Closing sessions would only make their callers open
            // others.
            ProbeResult::Working(_) | ProbeResult::Full => Liveness::Busy,
            ProbeResult::Silent => Liveness::Unknown,
        };
        *last = Some(probe);
        liveness
    }

    async fn run_probe(&self) -> Probe {
        let at = Instant::now();
        let result = match self.hosts.active_processes(at + PROBE_TIMEOUT).await {
            Ok(busy) => {
                let working = busy.into_iter().filter(|(_, is_working)| *is_working);
                ProbeResult::Working(working.map(|(pid, _)| pid).collect())
            }
            Err(error) if error.is_full => ProbeResult::Full,
            Err(_) => ProbeResult::Silent,
        };
        Probe { at, result }
    }
}

pub(super) fn lost() -> sqlx::Error {
    sqlx::Error::Io(std::io::Error::new(
        std::io::ErrorKind::ConnectionAborted,
        "the connection stopped answering",
    ))
}
