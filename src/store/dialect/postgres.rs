//! How a session of Postgres begins: on which host, with which settings and role, and through what.
//!
//! **Hosts** are tried in turn, the one that took writes last first. One in recovery is passed over; one that is read-only by a
//! setting serves reads if no other takes writes.
//!
//! **Two manners.** Directly: role and limits are given when the session begins and hold for all of it. Through a pooler such as
//! PgBouncer they may be refused, ignored, or belong to somebody else's session at the next transaction. So it is checked
//! that they took effect; where they do not, every statement runs in a transaction of its own whose first message
//! sets role and limits for it alone, and nothing is prepared by name. That works with any pooler that keeps a
//! transaction on one session. Once a pooler was met, no other manner is tried.
//!
//! A password is in no message: what the driver and the server say of a failed attempt does not repeat it.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use sea_orm::sqlx::postgres::{PgConnectOptions, PgListener, PgPool, PgPoolOptions, PgRow};
use sea_orm::sqlx::{self, AssertSqlSafe, ConnectOptions as _, Connection, Executor, PgConnection, Postgres};
use sea_orm::sqlx::{Row, SqlSafeStr};
use sea_orm::{DbErr, RuntimeErr};
use secrecy::{ExposeSecret, SecretString};
use sqlx_core::transaction::TransactionManager;
use tokio::time::{sleep, timeout, timeout_at};

use crate::domain::DatabaseUrl;

type Manager = <Postgres as sqlx::Database>::TransactionManager;

/// How long Postgres lets one statement run, wait for a lock, or a transaction stand still: longer than anything of ours takes.
const LIMITS: [(&str, &str); 3] = [
    ("statement_timeout", STATEMENT_TIMEOUT),
    ("lock_timeout", "10s"),
    ("idle_in_transaction_session_timeout", "30s"),
];
/// As Postgres prints it.
const STATEMENT_TIMEOUT: &str = "30s";
/// So that Postgres tries connections out, and the locks of a machine that vanished are free within a minute. (Otherwise it
/// notices after hours; one of them is the lock on all purchases.) A pooler's connections are its own.
const KEEPALIVES: [(&str, &str); 4] = [
    ("tcp_keepalives_idle", "20"),
    ("tcp_keepalives_interval", "10"),
    ("tcp_keepalives_count", "3"),
    ("tcp_user_timeout", "30000"),
];
/// What a session tells of itself.
const CHECK: &str = "SELECT pg_backend_pid(), current_setting('statement_timeout'), current_user::text, \
     pg_is_in_recovery(), current_setting('transaction_read_only') = 'on'";
/// The pause between two rounds of the hosts, and its longest.
const FIRST_PAUSE: Duration = Duration::from_millis(20);
const LONGEST_PAUSE: Duration = Duration::from_millis(500);
/// How often it is tried to catch a pooler lending a session to somebody else.
const ROUNDS: usize = 3;

/// Whom a session acts as.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::store) enum Role {
    /// The login role, which sees no rows.
    Login,
    /// `switchboard_system`.
    System,
}

impl Role {
    fn name(self) -> Option<&'static str> {
        match self {
            Self::Login => None,
            Self::System => Some("switchboard_system"),
        }
    }
}

/// The hosts of one Postgres, and what is known about them.
#[derive(Debug)]
pub(in crate::store) struct Hosts {
    each: Vec<Host>,
    /// Of every session here, among others' on the same database.
    application_name: String,
    /// The one that took writes last.
    preferred: AtomicUsize,
    /// Whether a pooler was met.
    is_pooled: AtomicBool,
}

#[derive(Debug)]
struct Host {
    name: String,
    options: PgConnectOptions,
}

/// A session that has just begun.
pub(in crate::store) struct Begun {
    pub(in crate::store) connection: PgConnection,
    /// When the attempt to connect began.
    pub(in crate::store) since: Instant,
    /// The process that serves it, where it is always the same.
    pub(in crate::store) pid: Option<i32>,
}

/// Why no host will do.
#[derive(Debug)]
pub(in crate::store) struct NoHost {
    message: String,
    /// Whether one answered that it has no room for another session.
    pub(in crate::store) is_full: bool,
}

impl From<NoHost> for DbErr {
    fn from(error: NoHost) -> Self {
        Self::Conn(RuntimeErr::Internal(error.message))
    }
}

/// Why one host will not do.
enum Obstacle {
    Driver(sqlx::Error),
    Silent,
    Standby,
    ReadOnly(Box<Begun>),
    /// The pooler gives every statement another session.
    StatementPooling,
}

impl Hosts {
    /// Reads the URL; connects to nothing.
    pub(super) fn of(url: &SecretString, variable: &str, application_name: &str) -> Result<Self, DbErr> {
        let unreadable = |why: String| DbErr::Conn(RuntimeErr::Internal(format!("{variable} {why}")));
        let read = DatabaseUrl::parse(url.expose_secret()).map_err(|why| unreadable(why.to_string()))?;
        let mut each = Vec::new();
        for host in read.hosts() {
            let options: PgConnectOptions = host
                .expose_url()
                .parse()
                .map_err(|_| unreadable("holds a value that cannot be read".to_owned()))?;
            let options = options.application_name(application_name).disable_statement_logging();
            each.push(Host { name: host.name.clone(), options });
        }
        Ok(Self {
            each,
            application_name: application_name.to_owned(),
            preferred: AtomicUsize::new(0),
            is_pooled: AtomicBool::new(false),
        })
    }

    /// Whether sessions go through a pooler that may change between transactions.
    pub(in crate::store) fn is_pooled(&self) -> bool {
        self.is_pooled.load(Ordering::Relaxed)
    }

    /// Begins a session on the host that takes writes, and gives up at the deadline.
    pub(in crate::store) async fn connect(&self, role: Role, deadline: Instant) -> Result<Begun, NoHost> {
        let mut pause = FIRST_PAUSE;
        loop {
            let mut obstacles = Vec::new();
            let order = self.order();
            for (nth, at) in order.iter().copied().enumerate() {
                let Some(host) = self.each.get(at) else { continue };
                let left = deadline.saturating_duration_since(Instant::now());
                let share = left / u32::try_from(order.len() - nth).unwrap_or(1).max(1);
                let obstacle = match timeout(share, self.try_host(host, role)).await {
                    Ok(Ok(begun)) => {
                        self.preferred.store(at, Ordering::Relaxed);
                        return Ok(begun);
                    }
                    Ok(Err(obstacle)) => obstacle,
                    Err(_elapsed) => Obstacle::Silent,
                };
                obstacles.push((at, obstacle));
            }
            let may_pass = obstacles.iter().any(|(_, obstacle)| obstacle.may_pass(order.len() > 1));
            let is_late = Instant::now() + pause >= deadline;
            let answer = self.second_best(obstacles);
            if answer.is_ok() || !may_pass || is_late {
                return answer;
            }
            sleep(pause).await;
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
    }

    /// The preferred host first, then the others as they are written.
    fn order(&self) -> Vec<usize> {
        let preferred = self.preferred.load(Ordering::Relaxed);
        std::iter::once(preferred).chain((0..self.each.len()).filter(|at| *at != preferred)).collect()
    }

    /// A session that is read-only by a setting, or what is wrong with each host.
    fn second_best(&self, obstacles: Vec<(usize, Obstacle)>) -> Result<Begun, NoHost> {
        let mut is_full = false;
        let mut words = Vec::new();
        for (at, obstacle) in obstacles {
            let name = self.each.get(at).map_or("", |host| host.name.as_str());
            is_full |= obstacle.is_full();
            words.push(match obstacle {
                Obstacle::ReadOnly(begun) => return Ok(*begun),
                Obstacle::Driver(error) => format!("{name}: {error}"),
                Obstacle::Silent => format!("{name} does not answer in time"),
                Obstacle::Standby => format!("{name} is a standby, which takes no writes"),
                Obstacle::StatementPooling => format!(
                    "{name} is a pooler in statement mode, where no transaction can be: set its pool_mode to transaction or \
                     session"
                ),
            });
        }
        Err(NoHost { message: words.join("; "), is_full })
    }

    async fn try_host(&self, host: &Host, role: Role) -> Result<Begun, Obstacle> {
        if !self.is_pooled()
            && let Some((begun, standing)) = try_directly(host, role).await?
        {
            return begun.if_usable(standing);
        }
        let (begun, standing) = try_pooled(host, role).await?;
        if !self.is_pooled.swap(true, Ordering::Relaxed) {
            tracing::info!(
                host = host.name,
                "the database is reached through a connection pooler: role and limits are set in each transaction"
            );
        }
        begun.if_usable(standing)
    }

    /// The message that opens a transaction, with what else it sets.
    pub(in crate::store) fn begin_sql(is_pooled: bool, role: Role, mode: &str, more: &str) -> String {
        use std::fmt::Write;
        let mut sql = format!("BEGIN{mode}");
        if is_pooled {
            for (name, value) in LIMITS {
                // Writing to a string cannot fail.
                let _ = write!(sql, "; SET LOCAL {name} = '{value}'");
            }
            if let Some(role) = role.name() {
                let _ = write!(sql, "; SET LOCAL ROLE {role}");
            }
        }
        sql + more
    }

    /// Of this server's sessions, the processes that are in a transaction, and whether they work on a statement or wait for one.
    pub(in crate::store) async fn busy(&self, deadline: Instant) -> Result<Vec<(i32, bool)>, NoHost> {
        let lost = |error: sqlx::Error| NoHost { message: error.to_string(), is_full: false };
        let mut begun = self.connect(Role::Login, deadline).await?;
        let sql = format!(
            "SELECT pid, state NOT LIKE 'idle%' FROM pg_stat_activity \
             WHERE application_name = '{}' AND state <> 'idle'",
            self.application_name.replace('\'', "''")
        );
        let asked = sqlx::raw_sql(AssertSqlSafe(sql)).fetch_all(&mut begun.connection);
        let rows = timeout_at(deadline.into(), asked)
            .await
            .map_err(|_| lost(sqlx::Error::Io(std::io::ErrorKind::TimedOut.into())))?
            .map_err(lost)?;
        close(begun.connection).await;
        rows.iter().map(|row| Ok((row.try_get(0).map_err(lost)?, row.try_get(1).map_err(lost)?))).collect()
    }

    /// Has the server keep something: a message in its log. Its commit waits for the disk, and for a standby where the server is
    /// to wait for one.
    pub(in crate::store) async fn try_out(&self, deadline: Instant) -> Result<(), NoHost> {
        let mut begun = self.connect(Role::Login, deadline).await?;
        let kept = sqlx::raw_sql("SELECT pg_logical_emit_message(true, 'switchboard', '')");
        kept.execute(&mut begun.connection)
            .await
            .map_err(|error| NoHost { message: error.to_string(), is_full: false })?;
        close(begun.connection).await;
        Ok(())
    }

    /// A pool of one connection for the migrations, which are the ORM's.
    pub(in crate::store) fn pool_of_one(&self, within: Duration) -> PgPool {
        let at = self.preferred.load(Ordering::Relaxed);
        let options = self.each.get(at).map(|host| host.options.clone()).unwrap_or_default();
        let options = if self.is_pooled() { plain(options) } else { direct(options, Role::Login) };
        lone_pool(options, within)
    }

    /// A session of its own that hears what is told on these channels.
    ///
    /// # Errors
    /// [`NotHeard`].
    pub(in crate::store) async fn listen(
        &self,
        channels: [&str; 2],
        within: Duration,
    ) -> Result<PgListener, NotHeard> {
        // Which host takes writes is found out by a session that is also needed to tell whether the listener's is its own.
        let deadline = Instant::now() + within;
        let mut other =
            self.connect(Role::Login, deadline).await.map_err(|error| NotHeard::Lost(error.message))?;
        let at = self.preferred.load(Ordering::Relaxed);
        let options = self.each.get(at).map(|host| plain(host.options.clone())).unwrap_or_default();
        let listening = async {
            let mut listener = PgListener::connect_with(&lone_pool(options, within)).await?;
            // What was missed meanwhile must be told: whoever lost it connects anew.
            listener.eager_reconnect(false);
            if is_lent(&mut listener, &mut other.connection).await? {
                return Err(NotHeard::Lent);
            }
            let keepalives = KEEPALIVES.map(|(name, value)| format!("SET {name} = {value}")).join("; ");
            (&mut listener).execute(AssertSqlSafe(keepalives)).await?;
            listener.listen_all(channels).await?;
            Ok(listener)
        };
        let listening = timeout_at(deadline.into(), listening).await;
        close(other.connection).await;
        listening.map_err(|_| NotHeard::from(sqlx::Error::PoolTimedOut))?
    }
}

/// Why nothing is heard.
#[derive(Debug, thiserror::Error)]
pub(in crate::store) enum NotHeard {
    /// The connection.
    #[error("{0}")]
    Lost(String),
    /// A pooler lends the session to others between transactions, so that it hears nothing.
    #[error("the connection pooler is in transaction mode, in which no session hears notifications")]
    Lent,
    /// What is told by way of the pool does not arrive.
    #[error("notifications do not arrive: is it another database, or a pooler that keeps them back?")]
    Deaf,
}

impl From<sqlx::Error> for NotHeard {
    fn from(error: sqlx::Error) -> Self {
        Self::Lost(error.to_string())
    }
}

/// Closes a session, but waits for nobody.
pub(in crate::store) async fn close(connection: PgConnection) {
    // It is gone either way: a word to the server is a courtesy.
    let _ = timeout(Duration::from_secs(1), connection.close()).await;
}

/// Whether a session takes writes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Standing {
    Writable,
    ReadOnly,
    Standby,
}

impl Begun {
    fn if_usable(self, standing: Standing) -> Result<Self, Obstacle> {
        match standing {
            Standing::Writable => Ok(self),
            Standing::Standby => Err(Obstacle::Standby),
            Standing::ReadOnly => Err(Obstacle::ReadOnly(Box::new(self))),
        }
    }

    /// Whether it may be another session at the next transaction.
    pub(in crate::store) fn is_pooled(&self) -> bool {
        self.pid.is_none()
    }
}

impl Obstacle {
    /// Whether it may be gone in a moment: the server starts, has no room, or, where there are others, is promoted.
    fn may_pass(&self, has_others: bool) -> bool {
        match self {
            Self::Driver(sqlx::Error::Io(error)) => error.kind() == std::io::ErrorKind::ConnectionRefused,
            Self::Driver(error) => matches!(code(error).as_deref(), Some("53300" | "57P03")),
            Self::Silent | Self::Standby => has_others,
            Self::ReadOnly(_) | Self::StatementPooling => false,
        }
    }

    fn is_full(&self) -> bool {
        matches!(self, Self::Driver(error) if code(error).as_deref() == Some("53300"))
    }
}

impl From<sqlx::Error> for Obstacle {
    fn from(error: sqlx::Error) -> Self {
        let words = "statement pooling";
        match &error {
            sqlx::Error::Database(told) if told.message().contains(words) => Self::StatementPooling,
            _ => Self::Driver(error),
        }
    }
}

fn code(error: &sqlx::Error) -> Option<String> {
    error.as_database_error().and_then(sqlx::error::DatabaseError::code).map(std::borrow::Cow::into_owned)
}

/// A session whose role and limits hold for all of it. `None` when they were refused or did not take effect.
async fn try_directly(host: &Host, role: Role) -> Result<Option<(Begun, Standing)>, Obstacle> {
    let since = Instant::now();
    let mut connection = match direct(host.options.clone(), role).connect().await {
        Ok(connection) => connection,
        // Unsupported startup parameters, or command-line options.
        Err(error) if matches!(code(&error).as_deref(), Some("08P01" | "0A000" | "42704")) => {
            return Ok(None);
        }
        Err(error) => return Err(error.into()),
    };
    let told = sqlx::raw_sql(CHECK).fetch_one(&mut connection).await?;
    let Some((pid, standing)) = read_check(&told, role)? else {
        close(connection).await;
        return Ok(None);
    };
    Ok(Some((Begun { connection, since, pid: Some(pid) }, standing)))
}

/// A session that holds nothing; role and limits are tried in a transaction.
async fn try_pooled(host: &Host, role: Role) -> Result<(Begun, Standing), Obstacle> {
    let since = Instant::now();
    let mut connection = plain(host.options.clone()).connect().await?;
    let begin = Hosts::begin_sql(true, role, "", "");
    Manager::begin(&mut connection, Some(AssertSqlSafe(begin).into_sql_str())).await?;
    let told = sqlx::raw_sql(CHECK).fetch_one(&mut connection).await?;
    Manager::rollback(&mut connection).await?;
    let unheeded = || sqlx::Error::Protocol("role and limits do not take effect in a transaction".to_owned());
    let (_, standing) = read_check(&told, role)?.ok_or_else(unheeded)?;
    Ok((Begun { connection, since, pid: None }, standing))
}

/// The process and the standing; `None` when role and limits are not in effect.
fn read_check(told: &PgRow, role: Role) -> Result<Option<(i32, Standing)>, sqlx::Error> {
    let (limit, user): (String, String) = (told.try_get(1)?, told.try_get(2)?);
    if limit != STATEMENT_TIMEOUT || role.name().is_some_and(|role| role != user) {
        return Ok(None);
    }
    let standing = match (told.try_get(3)?, told.try_get(4)?) {
        (true, _) => Standing::Standby,
        (_, true) => Standing::ReadOnly,
        _ => Standing::Writable,
    };
    Ok(Some((told.try_get(0)?, standing)))
}

fn direct(options: PgConnectOptions, role: Role) -> PgConnectOptions {
    let options = options.options(LIMITS).options(KEEPALIVES);
    match role.name() {
        Some(role) => options.options([("role", role)]),
        None => options,
    }
}

/// Without what a pooler refuses.
fn plain(options: PgConnectOptions) -> PgConnectOptions {
    options.extra_float_digits(None)
}

fn lone_pool(options: PgConnectOptions, within: Duration) -> PgPool {
    PgPoolOptions::new()
        .max_connections(1)
        .max_lifetime(None)
        .idle_timeout(None)
        .acquire_timeout(within)
        .connect_lazy_with(options)
}

/// Whether a pooler lends the listener's session to others between transactions: then another transaction is given the same
/// process, or the listener another one while that lasts.
async fn is_lent(listener: &mut PgListener, other: &mut PgConnection) -> Result<bool, sqlx::Error> {
    const PID: &str = "SELECT pg_backend_pid()";
    for _ in 0..ROUNDS {
        let pid: i32 = sqlx::raw_sql(PID).fetch_one(&mut *listener).await?.try_get(0)?;
        other.execute("BEGIN").await?;
        let others: i32 = sqlx::raw_sql(PID).fetch_one(&mut *other).await?.try_get(0)?;
        let again: i32 = sqlx::raw_sql(PID).fetch_one(&mut *listener).await?.try_get(0)?;
        other.execute("ROLLBACK").await?;
        if others == pid || again != pid {
            return Ok(true);
        }
    }
    Ok(false)
}
