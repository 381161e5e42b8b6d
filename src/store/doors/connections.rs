//! The sessions of Postgres that are kept for use: who may have one, how long one may keep silent, and which are not used again.
//!
//! **No session keeps anybody waiting for good.** A TCP connection may stay open with nobody at its other end any more (a firewall
//! that dropped it, a machine that vanished), and the driver has neither a deadline nor a way to set the socket's own
//! timeouts. So everything that waits for a session goes through [`Watch`]: after two seconds of silence
//! another session is asked whether the server still works on this one. If not, or if no session can be had, the silent one is
//! lost: its socket is dropped without a word, its place in the pool is free, and what waited for it fails. A
//! statement that the server does work on has until the server's own limit is over. Through a pooler it is not known which
//! process serves a session; there it is lost only when no session can be had, or by the limit.
//!
//! **Suspicion.** Whoever is found lost makes all sessions suspect that began before its last statement: they are dropped as they
//! come up, and none of them costs a request a wait. Sessions that lay idle are tried out before they are used.
//!
//! **Shares.** A pool that is waited for is not one caller's: whoever asks within a share ([`Pool`](super::Pool)) holds at most so many of
//! its sessions, and waits for its own share before it waits for a session.
//!
//! **Coming back costs nothing.** A session that ended its last statement well is put back at once, without asking the server
//! or starting a task. After an error, in a transaction or in the middle of a statement it is rolled back and tried out first.

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

use super::liveness::{Doubts, Watch, lost};
use super::meters::{Kind, Meters};
use crate::store::dialect::{Begun, Hosts, Role, Sessions, close};

type Manager = <Postgres as sqlx::Database>::TransactionManager;

/// How long a session may lie idle before it is tried out ahead of its next use.
const TRUSTED_IDLE: Duration = Duration::from_secs(30);
/// How long one may lie idle at all, and how old it may get.
const LONGEST_IDLE: Duration = Duration::from_secs(600);
const LONGEST_LIFE: Duration = Duration::from_secs(1800);
/// How often those are looked for.
const TIDY_EVERY: Duration = Duration::from_secs(15);
/// How long a statement or a COMMIT may take: a bit more than the server lets it.
const STATEMENT: Duration = Duration::from_secs(35);
/// How long it may take to begin, to roll back, or to say that one is there.
const AT_ONCE: Duration = Duration::from_secs(5);

/// A pool of sessions that act as one role. Cheap to clone.
#[derive(Debug, Clone)]
pub(in crate::store) struct Connections {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    hosts: Arc<Hosts>,
    role: Role,
    sessions: Sessions,
    doubts: Arc<Doubts>,
    meters: Meters,
    permits: Arc<Semaphore>,
    most: u32,
    acquire_timeout: Duration,
    /// Each holds no permit. The last one used is taken first, so that those too many grow old.
    idle: Mutex<Vec<Idle>>,
}

struct Idle {
    session: Begun,
    since: Instant,
}

impl std::fmt::Debug for Idle {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Idle").field("since", &self.since).finish_non_exhaustive()
    }
}

impl Connections {
    /// Connects to nothing yet.
    pub(in crate::store) fn new(
        doubts: &Arc<Doubts>,
        role: Role,
        most: u32,
        acquire_timeout: Duration,
    ) -> Self {
        let shared = Arc::new(Shared {
            hosts: Arc::clone(&doubts.hosts),
            role,
            sessions: doubts.sessions.clone(),
            doubts: Arc::clone(doubts),
            meters: Meters::new(match role {
                Role::Login => "tenants",
                Role::System => "system",
            }),
            permits: Arc::new(Semaphore::new(usize::try_from(most).unwrap_or(Semaphore::MAX_PERMITS))),
            most,
            acquire_timeout,
            idle: Mutex::default(),
        });
        tokio::spawn(tidy(Arc::downgrade(&shared)));
        Self { shared }
    }

    /// Where they lead.
    pub(in crate::store) fn hosts(&self) -> &Arc<Hosts> {
        &self.shared.hosts
    }

    /// How many there are at most.
    pub(super) fn most(&self) -> u32 {
        self.shared.most
    }

    /// As whom they act.
    pub(super) fn role(&self) -> Role {
        self.shared.role
    }

    /// How many are in use, how many are open and free, and how many there may be.
    pub(super) fn counts(&self) -> (u32, u32, u32) {
        let of = |count: usize| u32::try_from(count).unwrap_or(u32::MAX);
        let free = of(self.shared.permits.available_permits());
        (self.shared.most.saturating_sub(free), of(self.shared.idle().len()), self.shared.most)
    }

    /// A session for exclusive use, within a share of them if one is given.
    pub(super) async fn acquire(&self, share: Option<&Arc<Semaphore>>) -> Result<Held, DbErr> {
        let began = Instant::now();
        let acquired = self.acquire_one(share).await;
        self.shared.meters.waited(began.elapsed());
        acquired
    }

    async fn acquire_one(&self, share: Option<&Arc<Semaphore>>) -> Result<Held, DbErr> {
        let shared = &self.shared;
        if !shared.sessions.are_checked() {
            return Err(closed());
        }
        let deadline = Instant::now() + shared.acquire_timeout;
        let permits = async {
            // The share first: whoever waits for its share must not keep a session from others meanwhile.
            let of_share = match share {
                Some(share) => Some(Arc::clone(share).acquire_owned().await?),
                None => None,
            };
            Ok::<_, AcquireError>((Arc::clone(&shared.permits).acquire_owned().await?, of_share))
        };
        let permits =
            timeout_at(deadline.into(), permits).await.map_err(|_| late())?.map_err(|_| closed())?;
        let mut held =
            Held { session: None, permits: Some(permits), shared: Arc::clone(shared), state: State::Ready };
        while let Some(idle) = shared.pop() {
            let is_trusted = idle.since.elapsed() < TRUSTED_IDLE;
            held.session = Some(idle.session);
            if is_trusted || Box::pin(held.ping()).await.is_ok() {
                return Ok(held);
            }
            held.session = None;
        }
        // Boxed, as all that is seldom needed: it would make every statement's future larger.
        held.session = Some(Box::pin(shared.hosts.connect(shared.role, deadline)).await?);
        held.state = State::Ready;
        Ok(held)
    }

    /// Closes what is idle, and the rest as it comes back. Waits for nobody longer than a second.
    pub(in crate::store) async fn close(&self) {
        self.shared.permits.close();
        let idle = std::mem::take(&mut *self.shared.idle());
        join_all(idle.into_iter().map(|idle| close(idle.session.connection))).await;
    }
}

impl Shared {
    fn idle(&self) -> std::sync::MutexGuard<'_, Vec<Idle>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The session used last that may be used again; others are dropped.
    fn pop(&self) -> Option<Idle> {
        let mut idle = self.idle();
        loop {
            let next = idle.pop()?;
            if self.may_be_used(&next.session) {
                return Some(next);
            }
        }
    }

    fn may_be_used(&self, session: &Begun) -> bool {
        session.since.elapsed() < LONGEST_LIFE
            && self.sessions.may_be_used(session.since)
            && !self.permits.is_closed()
    }

    /// Keeps a session for the next one.
    fn put_back(&self, session: Begun) {
        if self.may_be_used(&session) {
            self.idle().push(Idle { session, since: Instant::now() });
        }
    }
}

/// Closes what is too old, idle for too long or suspect, as long as the pool is there.
async fn tidy(shared: Weak<Shared>) {
    loop {
        sleep(TIDY_EVERY).await;
        let Some(shared) = shared.upgrade() else { return };
        let keep = |idle: &Idle| idle.since.elapsed() < LONGEST_IDLE && shared.may_be_used(&idle.session);
        let gone: Vec<_> = shared.idle().extract_if(.., |idle| !keep(idle)).collect();
        join_all(gone.into_iter().map(|idle| close(idle.session.connection))).await;
    }
}

/// What a session is in the middle of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// Nothing; the transaction it may be in is counted by the driver.
    Ready,
    /// A transaction begins, and nobody knows whether it has.
    Beginning,
    /// A statement is under way, or has failed.
    Unsure,
    /// It is brought back to what the next one expects; if that is given up, it is dropped.
    Restoring,
}

/// A session in use. It goes back when dropped.
pub(super) struct Held {
    /// None once it is lost.
    session: Option<Begun>,
    /// The pool's permit, and that of a share.
    permits: Option<(OwnedSemaphorePermit, Option<OwnedSemaphorePermit>)>,
    shared: Arc<Shared>,
    state: State,
}

impl std::fmt::Debug for Held {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Held").field("state", &self.state).finish_non_exhaustive()
    }
}

/// What is to be run.
#[derive(Debug, Clone, Copy)]
pub(super) enum Work<'a> {
    /// With its values apart.
    Statement(&'a Statement),
    /// The same, of a group commit.
    Batch(&'a Statement),
    /// Statements without values.
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

/// What came of it.
#[derive(Default)]
pub(super) struct Outcome {
    pub(super) rows: Vec<PgRow>,
    pub(super) done: PgQueryResult,
}

impl Held {
    /// Whether it may be another session at the next transaction.
    pub(super) fn is_pooled(&self) -> bool {
        self.session.as_ref().is_some_and(Begun::is_pooled)
    }

    /// Runs a statement.
    pub(super) async fn run(&mut self, work: Work<'_>) -> Result<Outcome, sqlx::Error> {
        let is_pooled = self.is_pooled();
        let began = Instant::now();
        let (watch, connection) = self.start(State::Unsure)?;
        let outcome = match work {
            Work::Statement(statement) | Work::Batch(statement) => {
                let query = query(statement).persistent(!is_pooled);
                watch.over(STATEMENT, collect(connection.fetch_many(query))).await
            }
            Work::Text(sql) => {
                let query = sqlx::raw_sql(AssertSqlSafe(sql.to_owned()));
                watch.over(STATEMENT, collect(connection.fetch_many(query))).await
            }
        };
        self.shared.meters.ran(work.kind(), began.elapsed());
        self.end(outcome)
    }

    /// Begins a transaction by this message. May be dropped at any instant.
    pub(super) async fn begin(&mut self, sql: String) -> Result<(), sqlx::Error> {
        let (watch, connection) = self.start(State::Beginning)?;
        let began =
            watch.over(AT_ONCE, Manager::begin(connection, Some(AssertSqlSafe(sql).into_sql_str()))).await;
        self.end(began)
    }

    /// Commits it.
    pub(super) async fn commit(&mut self) -> Result<(), sqlx::Error> {
        let (watch, connection) = self.start(State::Unsure)?;
        let committed = watch.over(STATEMENT, Manager::commit(connection)).await;
        self.end(committed)
    }

    /// Succeeds when the server answers.
    pub(super) async fn ping(&mut self) -> Result<(), sqlx::Error> {
        let (watch, connection) = self.start(State::Unsure)?;
        let answered = watch.over(AT_ONCE, connection.ping()).await;
        self.end(answered)
    }

    fn start(&mut self, state: State) -> Result<(Watch<'_>, &mut PgConnection), sqlx::Error> {
        self.state = state;
        let Some(session) = &mut self.session else { return Err(lost()) };
        Ok((Watch { doubts: &self.shared.doubts, pid: session.pid }, &mut session.connection))
    }

    /// Passes an outcome on. A session whose connection failed is dropped.
    fn end<T>(&mut self, outcome: Result<T, sqlx::Error>) -> Result<T, sqlx::Error> {
        match &outcome {
            Ok(_) => self.state = State::Ready,
            Err(sqlx::Error::Io(_) | sqlx::Error::Protocol(_) | sqlx::Error::Tls(_)) => self.session = None,
            Err(_) if matches!(self.state, State::Beginning | State::Restoring) => {}
            Err(_) => self.state = State::Unsure,
        }
        outcome
    }

    /// Brings the session into the state in which the next one expects it.
    async fn restore(&mut self, was: State) -> Result<(), sqlx::Error> {
        let (watch, connection) = self.start(State::Restoring)?;
        let restored = watch.over(AT_ONCE, async {
            if Manager::get_transaction_depth(connection) > 0 {
                Manager::start_rollback(connection);
            } else if was == State::Beginning {
                connection.execute("ROLLBACK").await?;
            }
            connection.ping().await
        });
        let restored = restored.await;
        self.end(restored)
    }
}

impl Held {
    fn may_be_restored(&self, session: &Begun) -> bool {
        // A runtime that shuts down drops a task as soon as it is begun.
        self.state != State::Restoring && self.shared.may_be_used(session)
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        let Some(session) = self.session.take() else { return };
        let is_clean = self.state == State::Ready && Manager::get_transaction_depth(&session.connection) == 0;
        if is_clean {
            self.shared.put_back(session);
        } else if let (Ok(runtime), true) =
            (tokio::runtime::Handle::try_current(), self.may_be_restored(&session))
        {
            let (permits, shared, was) = (self.permits.take(), Arc::clone(&self.shared), self.state);
            let mut unclean = Self { session: Some(session), permits, shared, state: State::Restoring };
            // Nobody is told: it goes back if this succeeds.
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

fn late() -> DbErr {
    DbErr::ConnectionAcquire(ConnAcquireErr::Timeout)
}

fn closed() -> DbErr {
    DbErr::ConnectionAcquire(ConnAcquireErr::ConnectionClosed)
}
