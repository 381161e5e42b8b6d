//! `/healthz`: the process runs. `/readyz`: it can do its work, so that requests may be sent to it.

use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde_json::json;
use tokio::sync::Mutex;
use tokio::time::timeout;

use super::Edge;
use crate::store::Database;

/// How long an answer holds: probes come often, and from many.
const HOLDS: Duration = Duration::from_secs(3);

/// How long it holds that the database keeps tenants apart: to look costs some thirty statements.
const ISOLATION_HOLDS: Duration = Duration::from_secs(60);

/// How long the database may take to answer.
const DATABASE_TIME: Duration = Duration::from_secs(2);

/// What is known about the database, and since when. Cheap to clone.
#[derive(Debug, Clone)]
pub(super) struct Readiness {
    database: Database,
    known: Arc<Mutex<Option<Known>>>,
    /// When it was last seen that the database keeps tenants apart.
    isolated: Arc<Mutex<Option<Instant>>>,
}

#[derive(Debug, Clone, Copy)]
struct Known {
    since: Instant,
    obstacle: Option<Obstacle>,
}

/// What stands in the way of some of the work, or of all of it.
#[derive(Debug, Clone, Copy)]
enum Obstacle {
    /// The database is away: calls are answered all the same, as long as the numbers are known.
    Away(&'static str),
    /// No request should be sent here.
    Unfit(&'static str),
}

impl Readiness {
    /// Nothing is known yet.
    pub(super) fn new(database: Database) -> Self {
        Self { database, known: Arc::default(), isolated: Arc::default() }
    }

    /// What stands in the way, if anything does. One question at a time goes to the database.
    async fn obstacle(&self) -> Option<Obstacle> {
        let mut known = self.known.lock().await;
        if let Some(known) = known.filter(|known| known.since.elapsed() < HOLDS) {
            return known.obstacle;
        }
        let late = Obstacle::Away("the database does not answer in time");
        let obstacle = timeout(DATABASE_TIME, self.ask()).await.unwrap_or(Some(late));
        *known = Some(Known { since: Instant::now(), obstacle });
        obstacle
    }

    async fn ask(&self) -> Option<Obstacle> {
        if self.database.ping().await.is_err() {
            return Some(Obstacle::Away("the database does not answer, or is read-only"));
        }
        if self.database.system().is_away() {
            return Some(Obstacle::Away("the database takes no writes"));
        }
        match self.database.pending_migrations().await {
            Ok(pending) if pending.is_empty() => self.breach().await,
            Ok(_) => Some(Obstacle::Unfit("migrations are pending: run `switchboard migrate`")),
            Err(_) => Some(Obstacle::Away("the database does not tell which migrations it has")),
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
/// calls are answered: then it is 200, and says so.
pub(super) async fn ready(State(edge): State<Edge>) -> Response {
    let obstacle = if edge.drain.stop.is_cancelled() {
        Some(Obstacle::Unfit("the server is shutting down"))
    } else {
        edge.readiness.obstacle().await
    };
    let (code, status, reason) = match obstacle {
        None => return Json(json!({"status": "ok"})).into_response(),
        Some(Obstacle::Away(reason)) if edge.readiness.database.system().knows_numbers() => {
            (StatusCode::OK, "degraded", reason)
        }
        Some(Obstacle::Away(reason) | Obstacle::Unfit(reason)) => {
            (StatusCode::SERVICE_UNAVAILABLE, "unavailable", reason)
        }
    };
    (code, Json(json!({"status": status, "reason": reason}))).into_response()
}
