//! Whether a session that is silent is lost: another one is asked.

use std::sync::Arc;
use std::time::{Duration, Instant};

use sea_orm::sqlx;
use tokio::time::{sleep, timeout};

use crate::store::dialect::{Hosts, Sessions};

/// After so long a silence another session is asked.
const DOUBT_AFTER: Duration = Duration::from_secs(2);
/// How long it may take to ask.
const DOUBT: Duration = Duration::from_secs(3);
/// How long an answer may still be under way that the server has given.
const UNDER_WAY: Duration = Duration::from_millis(500);

/// Waits for one session, and finds out whether that makes sense.
pub(super) struct Watch<'a> {
    pub(super) doubts: &'a Doubts,
    pub(super) pid: Option<i32>,
}

impl Watch<'_> {
    /// Waits for what a session is asked, at most so long.
    pub(super) async fn over<T>(
        self,
        limit: Duration,
        work: impl Future<Output = Result<T, sqlx::Error>>,
    ) -> Result<T, sqlx::Error> {
        let mut work = std::pin::pin!(work);
        let begun = Instant::now();
        loop {
            if let Ok(done) = timeout(DOUBT_AFTER, &mut work).await {
                return done;
            }
            let is_lost = tokio::select! {
                biased;
                done = &mut work => return done,
                is_lost = Box::pin(self.doubts.is_lost(self.pid)) => is_lost,
            };
            if is_lost {
                tracing::warn!(
                    "a connection to the database went silent: it and all older ones are replaced"
                );
                self.doubts.sessions.renew(begun);
                return Err(lost());
            }
            if begun.elapsed() >= limit {
                // Not taken for a broken connection, after which a read is repeated.
                return Err(sqlx::Error::Protocol(format!("no answer within {} s", limit.as_secs())));
            }
        }
    }
}

/// Finds out whether silent sessions are lost: one question answers for all that are silent by then.
#[derive(Debug)]
pub(in crate::store) struct Doubts {
    pub(super) hosts: Arc<Hosts>,
    pub(super) sessions: Sessions,
    last: tokio::sync::Mutex<Option<Asked>>,
}

#[derive(Debug)]
struct Asked {
    at: Instant,
    answer: Answer,
}

#[derive(Debug)]
enum Answer {
    /// The processes that work on this server's statements.
    Working(Vec<i32>),
    /// The database answers that it has no room for the question.
    Full,
    /// None.
    Silence,
}

/// What the database says of a session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Standing {
    /// It works on its statement, or that cannot be told.
    Attended,
    /// It knows of no statement, or no session.
    Idle,
    /// The database says nothing.
    Unknown,
}

impl Doubts {
    pub(in crate::store) fn new(hosts: Arc<Hosts>, sessions: Sessions) -> Self {
        Self { hosts, sessions, last: tokio::sync::Mutex::default() }
    }

    /// Whether nobody works for a session that is silent. What a statement waits for may change just then, and its answer be under
    /// way: it is asked twice.
    async fn is_lost(&self, pid: Option<i32>) -> bool {
        match self.standing(pid).await {
            Standing::Unknown => true,
            Standing::Attended => false,
            Standing::Idle => {
                sleep(UNDER_WAY).await;
                self.standing(pid).await != Standing::Attended
            }
        }
    }

    async fn standing(&self, pid: Option<i32>) -> Standing {
        let since = Instant::now();
        let mut last = self.last.lock().await;
        let asked = match last.take().filter(|asked| asked.at >= since) {
            Some(asked) => asked,
            None => self.ask().await,
        };
        let standing = match &asked.answer {
            Answer::Working(pids) if pid.is_some_and(|pid| !pids.contains(&pid)) => Standing::Idle,
            Answer::Working(_) | Answer::Full => Standing::Attended,
            Answer::Silence => Standing::Unknown,
        };
        *last = Some(asked);
        standing
    }

    async fn ask(&self) -> Asked {
        let at = Instant::now();
        let answer = match self.hosts.busy(at + DOUBT).await {
            Ok(busy) => {
                let working = busy.into_iter().filter(|(_, is_working)| *is_working);
                Answer::Working(working.map(|(pid, _)| pid).collect())
            }
            Err(error) if error.is_full => Answer::Full,
            Err(_) => Answer::Silence,
        };
        Asked { at, answer }
    }
}

pub(super) fn lost() -> sqlx::Error {
    sqlx::Error::Io(std::io::Error::new(std::io::ErrorKind::ConnectionAborted, "the connection went silent"))
}
