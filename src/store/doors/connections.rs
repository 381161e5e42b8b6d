//! Pool of Postgres sessions: acquisition, liveness, reuse.
//!
//! **No session blocks its caller forever.** A TCP connection can stay open although the peer is gone (a
//! firewall dropped it, a machine vanished), and the driver has neither a deadline nor access to the socket's
//! own timeouts. Everything that waits for a session therefore runs under a [`Watchdog`]: after two seconds
//! of silence another session asks the server whether it still works on the silent one. If it does not, or if
//! no session can be opened, the silent session is lost: its socket is dropped without a farewell, its permit
//! is released, and its caller fails. A statement on which the server is working may run until the server's
//! own limit. Behind a pooler the server process of a session is unknown; there a session is lost only if no
//! other can be opened, or when the limit passes.
//!
//! **Suspicion.** When a session is lost, every session opened before its last statement becomes suspect.
//! Suspect sessions are dropped when taken from the pool, so that no further request waits for one. An idle
//! session is pinged before reuse.
//!
//! **Shares.** No single caller may exhaust a pool: a caller within a share ([`Pool`](super::Pool)) holds a
//! limited number of sessions, and waits for its share before it waits for a session.
//!
//! **Returning a session is free.** A session whose last statement succeeded goes back at once, without a
//! round trip or a task. After an error, within a transaction or in the middle of a statement it is first
//! rolled back and pinged.

use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::{Duration, Instant};

use futures_util::TryStreamExt;
use futures_util::future::join_all;
use sea_orm::sqlx::postgres::{PgQueryResult, PgRow};
use sea_orm::sqlx::{self, AssertSqlSafe, Connection, Either, Executor, PgConnection, Postgres, SqlSafeStr};
use sea_orm::{ConnAcquireErr, DbErr, Statement};
use sea_query_sqlx::SqlxValues;
use sqlx_core::transaction::TransactionManager;
use tokio::sync::{AcquireError, OwnedSemaphorePermit, Semaphore};
use tokio::time::{sleep, timeout_at};

use super::liveness::{LivenessProbe, Watchdog, lost};
use super::meters::{Kind, Meters};
use crate::store::dialect::{Hosts, OpenSession, Role, Sessions, close};

type Manager = <Postgres as sqlx::Database>::TransactionManager;

/// Idle time after which a session is pinged before reuse.
const PING_AFTER_IDLE: Duration = Duration::from_secs(30);
/// Idle time and age after which a session is closed.
const MAX_IDLE: Duration = Duration::from_secs(600);
const MAX_AGE: Duration = Duration::from_secs(1800);
/// Interval between searches for expired idle sessions.
const EXPIRY_INTERVAL: Duration = Duration::from_secs(15);
/// Time limit for a statement or `COMMIT`: slightly above the server's own, so that the server's error arrives first.
const STATEMENT_DEADLINE: Duration = Duration::from_secs(35);
/// Time limit for `BEGIN`, `ROLLBACK` and a ping.
const CONTROL_DEADLINE: Duration = Duration::from_secs(5);

/// Pool of sessions that act as one role. Cheap to clone.
#[derive(Debug, Clone)]
pub(in crate::store) struct Connections {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    hosts: Arc<Hosts>,
    role: Role,
    sessions: Sessions,
    liveness: Arc<LivenessProbe>,
    meters: Meters,
    permits: Arc<Semaphore>,
    max: u32,
    acquire_timeout: Duration,
    /// Idle sessions hold no permit. The most recently used one is taken first, so that surplus sessions expire.
    idle: Mutex<Vec<Idle>>,
}

struct Idle {
    session: OpenSession,
    since: Instant,
}

impl std::fmt::Debug for Idle {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Idle").field("since", &self.since).finish_non_exhaustive()
    }
}

impl Connections {
    /// Creates the pool. Opens no connection yet.
    pub(in crate::store) fn new(
        liveness: &Arc<LivenessProbe>,
        role: Role,
        max: u32,
        acquire_timeout: Duration,
    ) -> Self {
        let shared = Arc::new(Shared {
            hosts: Arc::clone(&liveness.hosts),
            role,
            sessions: liveness.sessions.clone(),
            liveness: Arc::clone(liveness),
            meters: Meters::new(match role {
                Role::Login => "tenants",
                Role::System => "system",
            }),
            permits: Arc::new(Semaphore::new(usize::try_from(max).unwrap_or(Semaphore::MAX_PERMITS))),
            max,
            acquire_timeout,
            idle: Mutex::default(),
        });
        tokio::spawn(expire_idle(Arc::downgrade(&shared)));
        Self { shared }
    }

    /// The Postgres hosts that sessions connect to.
    pub(in crate::store) fn hosts(&self) -> &Arc<Hosts> {
        &self.shared.hosts
    }

    /// Maximum number of sessions.
    pub(super) fn max(&self) -> u32 {
        self.shared.max
    }

    /// The database role of all sessions in the pool.
    pub(super) fn role(&self) -> Role {
        self.shared.role
    }

    /// Returns how many sessions are in use, idle and allowed.
    pub(super) fn counts(&self) -> (u32, u32, u32) {
        let of = |count: usize| u32::try_from(count).unwrap_or(u32::MAX);
        let free = of(self.shared.permits.available_permits());
        (self.shared.max.saturating_sub(free), of(self.shared.idle().len()), self.shared.max)
    }

    /// Acquires a session for exclusive use, within `share` if given.
    pub(super) async fn acquire(&self, share: Option<&Arc<Semaphore>>) -> Result<HeldSession, DbErr> {
        let began = Instant::now();
        let acquired = self.acquire_one(share).await;
        self.shared.meters.waited(began.elapsed());
        acquired
    }

    async fn acquire_one(&self, share: Option<&Arc<Semaphore>>) -> Result<HeldSession, DbErr> {
        let shared = &self.shared;
        if !shared.sessions.are_checked() {
            return Err(pool_closed());
        }
        let deadline = Instant::now() + shared.acquire_timeout;
        let permits = async {
            // The share comes first: a caller that waits for its share must not hold a session meanwhile.
            let of_share = match share {
                Some(share) => Some(Arc::clone(share).acquire_owned().await?),
                None => None,
            };
            Ok::<_, AcquireError>((Arc::clone(&shared.permits).acquire_owned().await?, of_share))
        };
        let permits = timeout_at(deadline.into(), permits)
            .await
            .map_err(|_| acquire_timed_out())?
            .map_err(|_| pool_closed())?;
        let mut held = HeldSession {
            session: None,
            permits: Some(permits),
            shared: Arc::clone(shared),
            state: SessionState::Ready,
        };
        while let Some(idle) = shared.pop() {
            let is_trusted = idle.since.elapsed() < PING_AFTER_IDLE;
            held.session = Some(idle.session);
            if is_trusted || Box::pin(held.ping()).await.is_ok() {
                return Ok(held);
            }
            held.session = None;
        }
        // Boxed because it is rare: inlined, it would enlarge the future of every statement.
        held.session = Some(Box::pin(shared.hosts.connect(shared.role, deadline)).await?);
        held.state = SessionState::Ready;
        Ok(held)
    }

    /// Closes idle sessions now, and the others when they return. Waits one second at most.
    pub(in crate::store) async fn close(&self) {
        // First: `is_usable` checks it, so that sessions returned from now on are dropped.
        self.shared.permits.close();
        let idle = std::mem::take(&mut *self.shared.idle());
        join_all(idle.into_iter().map(|idle| close(idle.session.connection))).await;
    }
}

impl Shared {
    fn idle(&self) -> std::sync::MutexGuard<'_, Vec<Idle>> {
        // A panic cannot leave the list inconsistent: every use is a single push, pop or take.
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes the most recently used session that is still usable. Drops the others.
    fn pop(&self) -> Option<Idle> {
        let mut idle = self.idle();
        loop {
            let next = idle.pop()?;
            if self.is_usable(&next.session) {
                return Some(next);
            }
        }
    }

    fn is_usable(&self, session: &OpenSession) -> bool {
        session.since.elapsed() < MAX_AGE
            && self.sessions.is_usable(session.since)
            && !self.permits.is_closed()
    }

    /// Returns a session to the pool if it is still usable.
    fn put_back(&self, session: OpenSession) {
        if self.is_usable(&session) {
            self.idle().push(Idle { session, since: Instant::now() });
        }
    }
}

/// Periodically closes expired and suspect idle sessions, for as long as the pool exists.
async fn expire_idle(shared: Weak<Shared>) {
    loop {
        sleep(EXPIRY_INTERVAL).await;
        // A weak reference, so that this task does not keep a dropped pool alive.
        let Some(shared) = shared.upgrade() else { return };
        let keep = |idle: &Idle| idle.since.elapsed() < MAX_IDLE && shared.is_usable(&idle.session);
        let gone: Vec<_> = shared.idle().extract_if(.., |idle| !keep(idle)).collect();
        join_all(gone.into_iter().map(|idle| close(idle.session.connection))).await;
    }
}

/// What a session is in the middle of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum SessionState {
    /// No statement is running. The driver knows whether a transaction is open.
    Ready,
    /// `BEGIN` was sent; whether the transaction is open is unknown.
    Beginning,
    /// A statement is running or has failed.
    Unclean,
    /// The session is being rolled back. It is dropped if that is abandoned.
    Restoring,
}

/// A session in use. Returns to the pool when dropped.
pub(super) struct HeldSession {
    /// `None` once the session is lost.
    session: Option<OpenSession>,
    /// Permit of the pool, and of the share if there is one.
    permits: Option<(OwnedSemaphorePermit, Option<OwnedSemaphorePermit>)>,
    shared: Arc<Shared>,
    state: SessionState,
}

impl std::fmt::Debug for HeldSession {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("HeldSession").field("state", &self.state).finish_non_exhaustive()
    }
}

/// SQL to run, with or without bound values.
#[derive(Debug, Clone, Copy)]
pub(super) enum Work<'a> {
    /// A statement with bound values.
    Statement(&'a Statement),
    /// A group commit's statement, measured separately.
    Batch(&'a Statement),
    /// One or more statements without bound values.
    Text(&'a str),
}

impl<'a> Work<'a> {
    pub(super) fn sql(self) -> &'a str {
        match self {
            Self::Statement(statement) | Self::Batch(statement) => &statement.sql,
            Self::Text(sql) => sql,
        }
    }

    fn kind(self) -> Kind {
        if matches!(self, Self::Batch(_)) { Kind::Batch } else { Kind::of(self.sql()) }
    }
}

/// Rows and summary of one or more statements.
#[derive(Default)]
pub(super) struct Outcome {
    pub(super) rows: Vec<PgRow>,
    pub(super) done: PgQueryResult,
}

impl HeldSession {
    /// Whether a pooler may switch to another server session between transactions.
    pub(super) fn is_pooled(&self) -> bool {
        self.session.as_ref().is_some_and(OpenSession::is_pooled)
    }

    /// Runs SQL under the statement time limit.
    pub(super) async fn run(&mut self, work: Work<'_>) -> Result<Outcome, sqlx::Error> {
        let is_pooled = self.is_pooled();
        let began = Instant::now();
        let (watchdog, connection) = self.start(SessionState::Unclean)?;
        let outcome = match work {
            Work::Statement(statement) | Work::Batch(statement) => {
                // Behind a pooler the next statement may reach another server session, without the prepared one.
                let query = query(statement).persistent(!is_pooled);
                watchdog.run(STATEMENT_DEADLINE, collect(connection.fetch_many(query))).await
            }
            Work::Text(sql) => {
                let query = sqlx::raw_sql(AssertSqlSafe(sql.to_owned()));
                watchdog.run(STATEMENT_DEADLINE, collect(connection.fetch_many(query))).await
            }
        };
        self.shared.meters.ran(work.kind(), began.elapsed());
        self.end(outcome)
    }

    /// Begins a transaction with this SQL. Safe to cancel at any point.
    pub(super) async fn begin(&mut self, sql: String) -> Result<(), sqlx::Error> {
        let (watchdog, connection) = self.start(SessionState::Beginning)?;
        let began = watchdog
            .run(CONTROL_DEADLINE, Manager::begin(connection, Some(AssertSqlSafe(sql).into_sql_str())))
            .await;
        self.end(began)
    }

    /// Commits the open transaction.
    pub(super) async fn commit(&mut self) -> Result<(), sqlx::Error> {
        let (watchdog, connection) = self.start(SessionState::Unclean)?;
        let committed = watchdog.run(STATEMENT_DEADLINE, Manager::commit(connection)).await;
        self.end(committed)
    }

    /// Succeeds if the server answers within the time limit.
    pub(super) async fn ping(&mut self) -> Result<(), sqlx::Error> {
        let (watchdog, connection) = self.start(SessionState::Unclean)?;
        let answered = watchdog.run(CONTROL_DEADLINE, connection.ping()).await;
        self.end(answered)
    }

    fn start(&mut self, state: SessionState) -> Result<(Watchdog<'_>, &mut PgConnection), sqlx::Error> {
        // Set before the request, so that a cancelled caller leaves behind what `drop` has to clean up.
        self.state = state;
        let Some(session) = &mut self.session else { return Err(lost()) };
        Ok((Watchdog { liveness: &self.shared.liveness, pid: session.pid }, &mut session.connection))
    }

    /// Records how a request ended and returns its outcome. A session whose connection failed is dropped.
    fn end<T>(&mut self, outcome: Result<T, sqlx::Error>) -> Result<T, sqlx::Error> {
        match &outcome {
            Ok(_) => self.state = SessionState::Ready,
            // Half an answer may still be in the stream: it would be read as that of the next statement.
            Err(sqlx::Error::Io(_) | sqlx::Error::Protocol(_) | sqlx::Error::Tls(_)) => self.session = None,
            // Whether the transaction has begun is still unknown.
            Err(_) if matches!(self.state, SessionState::Beginning | SessionState::Restoring) => {}
            Err(_) => self.state = SessionState::Unclean,
        }
        outcome
    }

    /// Rolls back and pings the session, so that it can be reused.
    async fn restore(&mut self, was: SessionState) -> Result<(), sqlx::Error> {
        let (watchdog, connection) = self.start(SessionState::Restoring)?;
        let restored = watchdog.run(CONTROL_DEADLINE, async {
            if Manager::get_transaction_depth(connection) > 0 {
                Manager::start_rollback(connection);
            } else if was == SessionState::Beginning {
                connection.execute("ROLLBACK").await?;
            }
            connection.ping().await
        });
        let restored = restored.await;
        self.end(restored)
    }
}

impl HeldSession {
    fn may_be_restored(&self, session: &OpenSession) -> bool {
        // A runtime that is shutting down drops a task as soon as it starts: a second attempt would end the same way.
        self.state != SessionState::Restoring && self.shared.is_usable(session)
    }
}

impl Drop for HeldSession {
    fn drop(&mut self) {
        let Some(session) = self.session.take() else { return };
        let is_clean =
            self.state == SessionState::Ready && Manager::get_transaction_depth(&session.connection) == 0;
        if is_clean {
            self.shared.put_back(session);
        } else if let (Ok(runtime), true) =
            (tokio::runtime::Handle::try_current(), self.may_be_restored(&session))
        {
            // `drop` cannot wait, so a task restores the session. The permits move along: the session still
            // counts as in use.
            let (permits, shared, was) = (self.permits.take(), Arc::clone(&self.shared), self.state);
            let mut unclean =
                Self { session: Some(session), permits, shared, state: SessionState::Restoring };
            // The result is not needed: the session returns to the pool if this succeeds, and is dropped otherwise.
            runtime.spawn(async move { unclean.restore(was).await });
        }
    }
}

async fn collect<S>(mut results: S) -> Result<Outcome, sqlx::Error>
where
    S: futures_util::Stream<Item = Result<Either<PgQueryResult, PgRow>, sqlx::Error>> + Unpin,
{
    let mut outcome = Outcome::default();
    while let Some(result) = results.try_next().await? {
        match result {
            Either::Left(done) => outcome.done.extend([done]),
            Either::Right(row) => outcome.rows.push(row),
        }
    }
    Ok(outcome)
}

fn query(statement: &Statement) -> sqlx::query::Query<'_, Postgres, SqlxValues> {
    let values = statement.values.clone().unwrap_or_else(|| sea_orm::Values(Vec::new()));
    sqlx::query_with(AssertSqlSafe(statement.sql.as_str()), SqlxValues(values))
}

fn acquire_timed_out() -> DbErr {
    DbErr::ConnectionAcquire(ConnAcquireErr::Timeout)
}

fn pool_closed() -> DbErr {
    DbErr::ConnectionAcquire(ConnAcquireErr::ConnectionClosed)
}
