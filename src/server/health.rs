//! `/healthz`: the process runs. `/readyz`: it can do its work, so that requests may be sent to it.
//!
//! 503 says that no request should be sent here: the server leaves, or must not work on this database. What a server can do
//! without (the database for a while, a worker) makes it degraded: 200, since calls are answered.
//!
//! A load balancer takes a server whose answer comes late for one that is gone. So a probe never waits long for a database
//! that has fallen silent: it is told what was known last, until the question has timed out.

use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde_json::json;
use tokio::sync::Mutex;
use tokio::sync::watch;
use tokio::time::timeout;

use super::Edge;
use crate::domain::Workers;
use crate::store::{Database, Migrations};

/// How long an answer holds: probes come often, and from many.
const HOLDS: Duration = Duration::from_secs(3);

/// How long it holds that the database keeps tenants apart: to look costs some thirty statements.
const ISOLATION_HOLDS: Duration = Duration::from_secs(60);

/// How long the database may take to answer.
const DATABASE_TIME: Duration = Duration::from_secs(2);

/// How long a probe waits for that, once anything is known.
const PROBE_TIME: Duration = Duration::from_millis(300);

/// What is known about the database, and since when. Cheap to clone.
#[derive(Debug, Clone)]
pub(super) struct Readiness {
    database: Database,
    workers: Workers,
    known: Arc<watch::Sender<Option<Known>>>,
    /// Held while the database is asked.
    asking: Arc<Mutex<()>>,
    /// When it was last seen that the database keeps tenants apart.
    isolated: Arc<Mutex<Option<Instant>>>,
}

#[derive(Debug, Clone, Copy)]
struct Known {
    since: Instant,
    obstacle: Option<Obstacle>,
    /// Whether a newer version has migrated the database.
    is_newer: bool,
}

/// What stands in the way of some of the work, or of all of it.
#[derive(Debug, Clone, Copy)]
enum Obstacle {
    /// The database is away: calls are answered all the same, as long as the numbers are known.
    Away(&'static str),
    /// No request should be sent here.
    Unfit(&'static str),
}

const LATE: Obstacle = Obstacle::Away("the database does not answer in time");

impl Known {
    fn new(asked: Result<bool, Obstacle>) -> Self {
        let (obstacle, is_newer) = match asked {
            Ok(is_newer) => (None, is_newer),
            Err(obstacle) => (Some(obstacle), false),
        };
        Self { since: Instant::now(), obstacle, is_newer }
    }

    fn holds(&self) -> bool {
        self.since.elapsed() < HOLDS
    }
}

impl Readiness {
    /// Nothing is known yet.
    pub(super) fn new(database: Database, workers: Workers) -> Self {
        let known = Arc::new(watch::Sender::new(None));
        Self { database, workers, known, asking: Arc::default(), isolated: Arc::default() }
    }

    /// What is known of the database.
    async fn known(&self) -> Known {
        let last = *self.known.borrow();
        if let Some(known) = last.filter(Known::holds) {
            return known;
        }
        let wait = if last.is_some() { PROBE_TIME } else { DATABASE_TIME };
        let this = self.clone();
        // In a task of its own, which goes on when the probe does not wait for it any longer.
        let asked = tokio::spawn(async move { this.ask_in_turn().await });
        match timeout(wait, asked).await {
            Ok(Ok(known)) => known,
            _late => last.unwrap_or_else(|| Known::new(Err(LATE))),
        }
    }

    /// One question at a time goes to the database.
    async fn ask_in_turn(&self) -> Known {
        let _turn = self.asking.lock().await;
        if let Some(known) = self.known.borrow().filter(Known::holds) {
            return known;
        }
        let known = Known::new(timeout(DATABASE_TIME, self.ask()).await.unwrap_or(Err(LATE)));
        self.known.send_replace(Some(known));
        known
    }

    /// Whether a newer version has migrated the database, which may be used.
    async fn ask(&self) -> Result<bool, Obstacle> {
        if self.database.ping().await.is_err() {
            return Err(Obstacle::Away("the database does not answer, or is read-only"));
        }
        if self.database.system().is_unavailable() {
            return Err(Obstacle::Away("the database takes no writes"));
        }
        match self.database.migrations().await {
            Ok(Migrations { pending, .. }) if !pending.is_empty() => {
                Err(Obstacle::Unfit("migrations are pending: run `switchboard migrate`"))
            }
            Ok(Migrations { newer, .. }) => match self.breach().await {
                Some(breach) => Err(breach),
                None => Ok(!newer.is_empty()),
            },
            Err(_) => Err(Obstacle::Away("the database does not tell which migrations it has")),
        }
    }

    /// Whether tenants are not kept apart any more: somebody changed a role, a policy or a table since the start.
    async fn breach(&self) -> Option<Obstacle> {
        let mut isolated = self.isolated.lock().await;
        if isolated.is_some_and(|since| since.elapsed() < ISOLATION_HOLDS) {
            return None;
        }
        match self.database.isolation_faults().await {
            Ok(faults) if faults.is_empty() => {
                *isolated = Some(Instant::now());
                None
            }
            Ok(faults) => {
                for fault in faults {
                    tracing::error!("the database does not keep tenants apart: {fault}");
                }
                Some(Obstacle::Unfit(
                    "the database does not keep tenants apart any more: the log says why and what mends it",
                ))
            }
            Err(_) => Some(Obstacle::Away("the database does not tell whether it keeps tenants apart")),
        }
    }
}

/// Answers as long as the process does.
pub(super) async fn live() -> Response {
    Json(json!({"status": "ok"})).into_response()
}

/// Answers 503 while something stands in the way, or we are going. While the database is away but the numbers are known,
/// calls are answered: then it is 200, and says so; and so it is while a worker does not run.
pub(super) async fn ready(State(edge): State<Edge>) -> Response {
    let answer = |code: StatusCode, status: &str, reason: &str| {
        (code, Json(json!({"status": status, "reason": reason}))).into_response()
    };
    if edge.drain.leave.is_cancelled() {
        let reason = "the server is about to end: send requests to another";
        return answer(StatusCode::SERVICE_UNAVAILABLE, "draining", reason);
    }
    let known = edge.readiness.known().await;
    match known.obstacle {
        None => {}
        Some(Obstacle::Away(reason)) if edge.readiness.database.system().knows_numbers() => {
            return answer(StatusCode::OK, "degraded", reason);
        }
        Some(Obstacle::Away(reason) | Obstacle::Unfit(reason)) => {
            return answer(StatusCode::SERVICE_UNAVAILABLE, "unavailable", reason);
        }
    }
    if let Some(ailing) = edge.readiness.workers.ailing(Instant::now()) {
        return answer(StatusCode::OK, "degraded", &ailing.to_string());
    }
    if known.is_newer {
        let note = "a newer version has migrated the database: this server works, and is to be upgraded";
        return Json(json!({"status": "ok", "note": note})).into_response();
    }
    Json(json!({"status": "ok"})).into_response()
}
