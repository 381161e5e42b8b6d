//! Health checks. `/healthz` (liveness): the process runs. `/readyz` (readiness): requests may be
//! routed to this server.
//!
//! Readiness answers 503 while the server leaves or must not use its database. It answers 200 with `degraded`
//! while the database is unavailable or a worker fails, because calls are still answered.
//!
//! Load balancers treat a late response as a failure. A probe therefore waits at most [`PROBE_TIME`] for the
//! database and then reports the last known status, until the database check itself has timed out.

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

use super::ServerState;
use crate::domain::Workers;
use crate::store::{Database, Migrations};

/// Maximum age of a reported database status. Probes are frequent and come from several sources.
const STATUS_MAX_AGE: Duration = Duration::from_secs(3);

/// Maximum age of a passed isolation check, which costs about thirty statements.
const ISOLATION_MAX_AGE: Duration = Duration::from_secs(60);

/// Time limit of a database check.
const DATABASE_TIME: Duration = Duration::from_secs(2);

/// Time a probe waits for a database check if an earlier status is known.
const PROBE_TIME: Duration = Duration::from_millis(300);

/// Checks and caches whether the database is usable. Cheap to clone.
#[derive(Debug, Clone)]
pub(super) struct Readiness {
    database: Database,
    workers: Workers,
    last_status: Arc<watch::Sender<Option<DatabaseStatus>>>,
    /// Held across a check, so that concurrent probes share one.
    check_lock: Arc<Mutex<()>>,
    /// When the isolation check last passed.
    isolated_at: Arc<Mutex<Option<Instant>>>,
}

#[derive(Debug, Clone, Copy)]
struct DatabaseStatus {
    checked_at: Instant,
    problem: Option<DatabaseProblem>,
    /// Whether a newer version has migrated the database.
    is_newer: bool,
}

/// Reason why the database cannot be used, as reported by `/readyz`.
#[derive(Debug, Clone, Copy)]
enum DatabaseProblem {
    /// Calls are still answered if the routing cache is filled: the server is degraded.
    Unavailable(&'static str),
    /// The server must not use this database: it is not ready.
    Unusable(&'static str),
}

const TIMED_OUT: DatabaseProblem = DatabaseProblem::Unavailable("the database does not answer in time");

impl DatabaseStatus {
    fn new(checked: Result<bool, DatabaseProblem>) -> Self {
        let (problem, is_newer) = match checked {
            Ok(is_newer) => (None, is_newer),
            Err(problem) => (Some(problem), false),
        };
        Self { checked_at: Instant::now(), problem, is_newer }
    }

    fn is_fresh(&self) -> bool {
        self.checked_at.elapsed() < STATUS_MAX_AGE
    }
}

impl Readiness {
    /// Creates the check. The first probe runs it.
    pub(super) fn new(database: Database, workers: Workers) -> Self {
        let last_status = Arc::new(watch::Sender::new(None));
        Self { database, workers, last_status, check_lock: Arc::default(), isolated_at: Arc::default() }
    }

    /// Returns a fresh status, or the last known one if the check takes longer than [`PROBE_TIME`].
    async fn database_status(&self) -> DatabaseStatus {
        let last = *self.last_status.borrow();
        if let Some(status) = last.filter(DatabaseStatus::is_fresh) {
            return status;
        }
        let wait = if last.is_some() { PROBE_TIME } else { DATABASE_TIME };
        let this = self.clone();
        // In its own task, so that the check completes for later probes even if this one stops waiting.
        let check = tokio::spawn(async move { this.refresh().await });
        match timeout(wait, check).await {
            Ok(Ok(status)) => status,
            _late => last.unwrap_or_else(|| DatabaseStatus::new(Err(TIMED_OUT))),
        }
    }

    /// Checks the database and stores the status. Concurrent callers wait for the check in progress
    /// and share its result.
    async fn refresh(&self) -> DatabaseStatus {
        let _one_at_a_time = self.check_lock.lock().await;
        // While this probe waited for the lock, its holder may have checked.
        if let Some(status) = self.last_status.borrow().filter(DatabaseStatus::is_fresh) {
            return status;
        }
        let checked = timeout(DATABASE_TIME, self.check()).await.unwrap_or(Err(TIMED_OUT));
        let status = DatabaseStatus::new(checked);
        self.last_status.send_replace(Some(status));
        status
    }

    /// Checks the database. Returns whether a newer version has migrated it.
    async fn check(&self) -> Result<bool, DatabaseProblem> {
        if self.database.ping().await.is_err() {
            return Err(DatabaseProblem::Unavailable("the database does not answer, or is read-only"));
        }
        if self.database.system().is_unavailable() {
            return Err(DatabaseProblem::Unavailable("the database accepts no writes"));
        }
        match self.database.migrations().await {
            Ok(Migrations { pending, .. }) if !pending.is_empty() => {
                Err(DatabaseProblem::Unusable("migrations are pending: run `switchboard migrate`"))
            }
            Ok(Migrations { newer, .. }) => match self.isolation_problem().await {
                Some(problem) => Err(problem),
                None => Ok(!newer.is_empty()),
            },
            Err(_) => Err(DatabaseProblem::Unavailable("the applied migrations could not be read")),
        }
    }

    /// Checks again that the database isolates tenants: a role, a policy or a table may have changed since startup.
    async fn isolation_problem(&self) -> Option<DatabaseProblem> {
        let mut isolated_at = self.isolated_at.lock().await;
        if isolated_at.is_some_and(|at| at.elapsed() < ISOLATION_MAX_AGE) {
            return None;
        }
        match self.database.isolation_faults().await {
            Ok(faults) if faults.is_empty() => {
                // Only a pass is remembered, so that a repair shows at the next check.
                *isolated_at = Some(Instant::now());
                None
            }
            Ok(faults) => {
                for fault in faults {
                    tracing::error!(fault, "tenant isolation check failed");
                }
                Some(DatabaseProblem::Unusable(
                    "the database no longer isolates tenants: the log has each fault with the SQL that repairs it",
                ))
            }
            Err(_) => Some(DatabaseProblem::Unavailable("tenant isolation could not be checked")),
        }
    }
}

/// Handles `/healthz`: 200 as long as the process answers. It checks nothing else, since a restart would not help.
pub(super) async fn live() -> Response {
    Json(json!({"status": "ok"})).into_response()
}

/// Handles `/readyz`. 503: the server leaves or its database is unusable. 200 with `degraded`: the database
/// is unavailable but the routing cache answers calls, or a worker fails. 200 with `ok`: everything works.
pub(super) async fn ready(State(server): State<ServerState>) -> Response {
    let answer = |code: StatusCode, status: &str, reason: &str| {
        (code, Json(json!({"status": status, "reason": reason}))).into_response()
    };
    // Before the database, so that a leaving server says so even while the database is slow.
    if server.drain.leave.is_cancelled() {
        let reason = "the server is shutting down: send requests to another server";
        return answer(StatusCode::SERVICE_UNAVAILABLE, "draining", reason);
    }
    let database = server.readiness.database_status().await;
    match database.problem {
        None => {}
        Some(DatabaseProblem::Unavailable(reason))
            if server.readiness.database.system().can_route_from_cache() =>
        {
            return answer(StatusCode::OK, "degraded", reason);
        }
        Some(DatabaseProblem::Unavailable(reason) | DatabaseProblem::Unusable(reason)) => {
            return answer(StatusCode::SERVICE_UNAVAILABLE, "unavailable", reason);
        }
    }
    if let Some(ailing) = server.readiness.workers.ailing(Instant::now()) {
        return answer(StatusCode::OK, "degraded", &ailing.to_string());
    }
    if database.is_newer {
        let note =
            "the database was migrated by a newer version: this server can use it; upgrade this server";
        return Json(json!({"status": "ok", "note": note})).into_response();
    }
    Json(json!({"status": "ok"})).into_response()
}
