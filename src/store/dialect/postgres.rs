//! Opens Postgres sessions: host selection, settings, role, poolers.
//!
//! **Hosts** are tried in turn, starting with the one that last took writes. A host in recovery is skipped. A
//! host that is read-only by a setting serves reads if no other takes writes.
//!
//! **Connection modes.** A direct session gets role and limits as startup parameters, valid for its lifetime.
//! A pooler such as PgBouncer may reject or ignore them, or apply them to a session that serves somebody else
//! in the next transaction. So each new session is asked whether they took effect. If not, every statement
//! runs in a transaction of its own whose first message sets role and limits for that transaction, and no
//! statement is prepared by name. This works with any pooler that keeps a transaction on one session. Once a
//! pooler is detected, direct mode is no longer tried.
//!
//! **Secrets.** No message contains a password: neither the driver nor the server repeats it in errors.

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

/// Server-side limits on a statement, on waiting for a lock, and on an idle transaction. All exceed what this
/// program needs, so that they only end sessions whose client is gone.
const LIMITS: [(&str, &str); 3] = [
    ("statement_timeout", STATEMENT_TIMEOUT),
    ("lock_timeout", "10s"),
    ("idle_in_transaction_session_timeout", "30s"),
];
/// In the form in which Postgres prints the setting.
const STATEMENT_TIMEOUT: &str = "30s";
/// Makes the server detect vanished clients, so that their locks are released within a minute instead of
/// after hours: one of them is the lock on all purchases. Behind a pooler the connections to Postgres are the pooler's.
const KEEPALIVES: [(&str, &str); 4] = [
    ("tcp_keepalives_idle", "20"),
    ("tcp_keepalives_interval", "10"),
    ("tcp_keepalives_count", "3"),
    ("tcp_user_timeout", "30000"),
];
/// Verifies role and limits of a new session, and reads whether it takes writes.
const CHECK: &str = "SELECT pg_backend_pid(), current_setting('statement_timeout'), current_user::text, \
     pg_is_in_recovery(), current_setting('transaction_read_only') = 'on'";
/// Shortest and longest pause between two rounds over all hosts.
const FIRST_PAUSE: Duration = Duration::from_millis(20);
const LONGEST_PAUSE: Duration = Duration::from_millis(500);
/// Number of attempts to observe a pooler switching sessions.
// A single one may meet the same session by chance.
const LENDING_CHECKS: usize = 3;

/// Role that a session acts as.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::store) enum Role {
    /// The login role. Sees no rows until a transaction becomes a tenant.
    Login,
    /// `switchboard_system`. Sees all tenants' rows.
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

/// Hosts of one Postgres database, and which of them was last found to take writes.
#[derive(Debug)]
pub(in crate::store) struct Hosts {
    each: Vec<Host>,
    /// Reported by every session, to tell this server's from others on the same database.
    application_name: String,
    /// Index of the host that last took writes.
    preferred: AtomicUsize,
    /// Whether a transaction pooler was detected.
    is_pooled: AtomicBool,
}

#[derive(Debug)]
struct Host {
    name: String,
    options: PgConnectOptions,
}

/// A newly opened session.
pub(in crate::store) struct OpenSession {
    pub(in crate::store) connection: PgConnection,
    /// Start of the connection attempt.
    pub(in crate::store) since: Instant,
    /// Id of its server process; `None` behind a pooler, where it may change between transactions.
    pub(in crate::store) pid: Option<i32>,
}

/// Reasons why no host is usable.
#[derive(Debug)]
pub(in crate::store) struct NoHost {
    message: String,
    /// Whether a host answered that it has no free connection.
    pub(in crate::store) is_full: bool,
}

impl From<NoHost> for DbErr {
    fn from(error: NoHost) -> Self {
        Self::Conn(RuntimeErr::Internal(error.message))
    }
}

/// Reason why one host is not usable.
enum HostFailure {
    Driver(sqlx::Error),
    Silent,
    Standby,
    ReadOnly(Box<OpenSession>),
    /// The pooler may switch sessions between statements, so that no transaction is possible.
    StatementPooling,
}

impl Hosts {
    /// Parses the URL. Opens no connection. Errors name `variable`.
    pub(super) fn of(url: &SecretString, variable: &str, application_name: &str) -> Result<Self, DbErr> {
        let unreadable = |why: String| DbErr::Conn(RuntimeErr::Internal(format!("{variable} {why}")));
        let read = DatabaseUrl::parse(url.expose_secret()).map_err(|why| unreadable(why.to_string()))?;
        let mut each = Vec::new();
        for host in read.hosts() {
            let options: PgConnectOptions = host
                .expose_url()
                .parse()
                .map_err(|_| unreadable("contains a setting that cannot be parsed".to_owned()))?;
            // The log must contain no SQL.
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

    /// Whether sessions go through a pooler that may switch server sessions between transactions.
    pub(in crate::store) fn is_pooled(&self) -> bool {
        self.is_pooled.load(Ordering::Relaxed)
    }

    /// Opens a session on the host that takes writes. Retries temporary failures until the deadline.
    pub(in crate::store) async fn connect(
        &self,
        role: Role,
        deadline: Instant,
    ) -> Result<OpenSession, NoHost> {
        let mut pause = FIRST_PAUSE;
        loop {
            let mut failures = Vec::new();
            let order = self.order();
            for (nth, at) in order.iter().copied().enumerate() {
                let Some(host) = self.each.get(at) else { continue };
                let left = deadline.saturating_duration_since(Instant::now());
                // Each remaining host gets an equal share of the time, so that a silent host does not use it up.
                let share = left / u32::try_from(order.len() - nth).unwrap_or(1).max(1);
                let failure = match timeout(share, self.try_host(host, role)).await {
                    Ok(Ok(session)) => {
                        // Relaxed: only a hint where to try first.
                        self.preferred.store(at, Ordering::Relaxed);
                        return Ok(session);
                    }
                    Ok(Err(failure)) => failure,
                    Err(_elapsed) => HostFailure::Silent,
                };
                failures.push((at, failure));
            }
            let may_pass = failures.iter().any(|(_, failure)| failure.may_pass(order.len() > 1));
            let is_late = Instant::now() + pause >= deadline;
            let answer = self.second_best(failures);
            if answer.is_ok() || !may_pass || is_late {
                return answer;
            }
            sleep(pause).await;
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
    }

    /// Indexes of the hosts: the preferred one first, then the others as configured.
    fn order(&self) -> Vec<usize> {
        let preferred = self.preferred.load(Ordering::Relaxed);
        std::iter::once(preferred).chain((0..self.each.len()).filter(|at| *at != preferred)).collect()
    }

    /// Returns a read-only session if there is one, else the failure of each host.
    fn second_best(&self, failures: Vec<(usize, HostFailure)>) -> Result<OpenSession, NoHost> {
        let mut is_full = false;
        let mut reasons = Vec::new();
        for (at, failure) in failures {
            let name = self.each.get(at).map_or("", |host| host.name.as_str());
            is_full |= failure.is_full();
            reasons.push(match failure {
                HostFailure::ReadOnly(session) => return Ok(*session),
                HostFailure::Driver(error) => format!("{name}: {error}"),
                HostFailure::Silent => format!("{name} did not answer in time"),
                HostFailure::Standby => format!("{name} is a standby, which takes no writes"),
                HostFailure::StatementPooling => format!(
                    "{name} is a pooler in statement mode, which does not support transactions: set its pool_mode to \
                     transaction or session"
                ),
            });
        }
        Err(NoHost { message: reasons.join("; "), is_full })
    }

    async fn try_host(&self, host: &Host, role: Role) -> Result<OpenSession, HostFailure> {
        if !self.is_pooled()
            && let Some((session, access)) = try_directly(host, role).await?
        {
            return session.if_usable(access);
        }
        let (session, access) = try_pooled(host, role).await?;
        if !self.is_pooled.swap(true, Ordering::Relaxed) {
            tracing::info!(
                host = host.name,
                "connected to the database through a connection pooler: role and limits are set in each transaction"
            );
        }
        session.if_usable(access)
    }

    /// SQL that begins a transaction: `mode` follows `BEGIN`, `more` the settings that a pooler requires.
    pub(in crate::store) fn begin_sql(is_pooled: bool, role: Role, mode: &str, more: &str) -> String {
        use std::fmt::Write;
        let mut sql = format!("BEGIN{mode}");
        if is_pooled {
            for (name, value) in LIMITS {
                // Writing to a `String` cannot fail.
                let _ = write!(sql, "; SET LOCAL {name} = '{value}'");
            }
            if let Some(role) = role.name() {
                let _ = write!(sql, "; SET LOCAL ROLE {role}");
            }
        }
        sql + more
    }

    /// Lists the server processes of this server's sessions that are in a transaction, and whether each is
    /// running a statement (`true`) or waiting for the next one.
    pub(in crate::store) async fn active_processes(
        &self,
        deadline: Instant,
    ) -> Result<Vec<(i32, bool)>, NoHost> {
        let lost = |error: sqlx::Error| NoHost { message: error.to_string(), is_full: false };
        let mut session = self.connect(Role::Login, deadline).await?;
        let sql = format!(
            "SELECT pid, state NOT LIKE 'idle%' FROM pg_stat_activity \
             WHERE application_name = '{}' AND state <> 'idle'",
            self.application_name.replace('\'', "''")
        );
        let asked = sqlx::raw_sql(AssertSqlSafe(sql)).fetch_all(&mut session.connection);
        let rows = timeout_at(deadline.into(), asked)
            .await
            .map_err(|_| lost(sqlx::Error::Io(std::io::ErrorKind::TimedOut.into())))?
            .map_err(lost)?;
        close(session.connection).await;
        rows.iter().map(|row| Ok((row.try_get(0).map_err(lost)?, row.try_get(1).map_err(lost)?))).collect()
    }

    /// Makes the server commit a write: a message in its write-ahead log, which needs no table. The commit
    /// waits for the disk, and for a standby if replication is synchronous.
    pub(in crate::store) async fn probe_write(&self, deadline: Instant) -> Result<(), NoHost> {
        let mut session = self.connect(Role::Login, deadline).await?;
        let message = sqlx::raw_sql("SELECT pg_logical_emit_message(true, 'switchboard', '')");
        message
            .execute(&mut session.connection)
            .await
            .map_err(|error| NoHost { message: error.to_string(), is_full: false })?;
        close(session.connection).await;
        Ok(())
    }

    /// A pool of one connection for the ORM's migrations. Connects to the preferred host.
    pub(in crate::store) fn pool_of_one(&self, within: Duration) -> PgPool {
        let at = self.preferred.load(Ordering::Relaxed);
        let options = self.each.get(at).map(|host| host.options.clone()).unwrap_or_default();
        let options = if self.is_pooled() { plain(options) } else { direct(options, Role::Login) };
        single_connection_pool(options, within)
    }

    /// Opens a session that receives notifications on these channels.
    ///
    /// # Errors
    /// [`ListenError`] if the connection fails, or notifications cannot reach it.
    pub(in crate::store) async fn listen(
        &self,
        channels: [&str; 2],
        within: Duration,
    ) -> Result<PgListener, ListenError> {
        // This session finds the host that takes writes, and serves to detect a pooler below.
        let deadline = Instant::now() + within;
        let mut other =
            self.connect(Role::Login, deadline).await.map_err(|error| ListenError::Lost(error.message))?;
        let at = self.preferred.load(Ordering::Relaxed);
        let options = self.each.get(at).map(|host| plain(host.options.clone())).unwrap_or_default();
        let listening = async {
            let mut listener = PgListener::connect_with(&single_connection_pool(options, within)).await?;
            // A silent reconnect would hide lost notifications. The caller reconnects and publishes a gap instead.
            listener.eager_reconnect(false);
            if is_lent(&mut listener, &mut other.connection).await? {
                return Err(ListenError::PoolerInTransactionMode);
            }
            // By statement, because a pooler may reject them as startup parameters.
            let keepalives = KEEPALIVES.map(|(name, value)| format!("SET {name} = {value}")).join("; ");
            (&mut listener).execute(AssertSqlSafe(keepalives)).await?;
            listener.listen_all(channels).await?;
            Ok(listener)
        };
        let listening = timeout_at(deadline.into(), listening).await;
        close(other.connection).await;
        listening.map_err(|_| ListenError::from(sqlx::Error::PoolTimedOut))?
    }
}

/// Why notifications are not received.
#[derive(Debug, thiserror::Error)]
pub(in crate::store) enum ListenError {
    /// The connection could not be opened, or broke.
    #[error("{0}")]
    Lost(String),
    /// A pooler lends the session to others between transactions, so that notifications do not reach it.
    #[error("the connection pooler is in transaction mode, which does not support LISTEN")]
    PoolerInTransactionMode,
    /// A test notification sent through the pool did not arrive.
    #[error(
        "a test notification did not arrive: the URL may name another database, or a pooler may drop notifications"
    )]
    NotDelivered,
}

impl From<sqlx::Error> for ListenError {
    fn from(error: sqlx::Error) -> Self {
        Self::Lost(error.to_string())
    }
}

/// Closes a session. Waits one second at most.
pub(in crate::store) async fn close(connection: PgConnection) {
    // A failure changes nothing: the connection is dropped either way.
    let _ = timeout(Duration::from_secs(1), connection.close()).await;
}

/// Whether a session takes writes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum WriteAccess {
    Writable,
    ReadOnly,
    Standby,
}

impl OpenSession {
    fn if_usable(self, access: WriteAccess) -> Result<Self, HostFailure> {
        match access {
            WriteAccess::Writable => Ok(self),
            WriteAccess::Standby => Err(HostFailure::Standby),
            WriteAccess::ReadOnly => Err(HostFailure::ReadOnly(Box::new(self))),
        }
    }

    /// Whether a pooler may switch to another server session between transactions.
    pub(in crate::store) fn is_pooled(&self) -> bool {
        self.pid.is_none()
    }
}

impl HostFailure {
    /// Whether the failure may be temporary: the server is starting, has no free connection, or (with other
    /// hosts configured) is being promoted.
    fn may_pass(&self, has_others: bool) -> bool {
        match self {
            Self::Driver(sqlx::Error::Io(error)) => error.kind() == std::io::ErrorKind::ConnectionRefused,
            // Too many connections; starting up.
            Self::Driver(error) => matches!(code(error).as_deref(), Some("53300" | "57P03")),
            Self::Silent | Self::Standby => has_others,
            Self::ReadOnly(_) | Self::StatementPooling => false,
        }
    }

    fn is_full(&self) -> bool {
        matches!(self, Self::Driver(error) if code(error).as_deref() == Some("53300"))
    }
}

impl From<sqlx::Error> for HostFailure {
    fn from(error: sqlx::Error) -> Self {
        // Told apart by its text: PgBouncer's rejection of a `SET` has no code of its own.
        let words = "statement pooling";
        match &error {
            sqlx::Error::Database(row) if row.message().contains(words) => Self::StatementPooling,
            _ => Self::Driver(error),
        }
    }
}

fn code(error: &sqlx::Error) -> Option<String> {
    error.as_database_error().and_then(sqlx::error::DatabaseError::code).map(std::borrow::Cow::into_owned)
}

/// Opens a session with role and limits as startup parameters. `None` if they were rejected or had no effect.
async fn try_directly(host: &Host, role: Role) -> Result<Option<(OpenSession, WriteAccess)>, HostFailure> {
    // Before connecting: if other sessions are lost meanwhile, this one is suspect too.
    let since = Instant::now();
    let mut connection = match direct(host.options.clone(), role).connect().await {
        Ok(connection) => connection,
        // Codes for unsupported startup parameters and command-line options.
        Err(error) if matches!(code(&error).as_deref(), Some("08P01" | "0A000" | "42704")) => {
            return Ok(None);
        }
        Err(error) => return Err(error.into()),
    };
    let row = sqlx::raw_sql(CHECK).fetch_one(&mut connection).await?;
    let Some((pid, access)) = read_check(&row, role)? else {
        close(connection).await;
        return Ok(None);
    };
    Ok(Some((OpenSession { connection, since, pid: Some(pid) }, access)))
}

/// Opens a session without startup parameters, and tests role and limits within a transaction.
async fn try_pooled(host: &Host, role: Role) -> Result<(OpenSession, WriteAccess), HostFailure> {
    let since = Instant::now();
    let mut connection = plain(host.options.clone()).connect().await?;
    let begin = Hosts::begin_sql(true, role, "", "");
    Manager::begin(&mut connection, Some(AssertSqlSafe(begin).into_sql_str())).await?;
    let row = sqlx::raw_sql(CHECK).fetch_one(&mut connection).await?;
    Manager::rollback(&mut connection).await?;
    let no_effect =
        || sqlx::Error::Protocol("role and limits have no effect within a transaction".to_owned());
    let (_, access) = read_check(&row, role)?.ok_or_else(no_effect)?;
    Ok((OpenSession { connection, since, pid: None }, access))
}

/// Returns server process and write access; `None` if role and limits are not in effect.
fn read_check(row: &PgRow, role: Role) -> Result<Option<(i32, WriteAccess)>, sqlx::Error> {
    let (limit, user): (String, String) = (row.try_get(1)?, row.try_get(2)?);
    if limit != STATEMENT_TIMEOUT || role.name().is_some_and(|role| role != user) {
        return Ok(None);
    }
    let access = match (row.try_get(3)?, row.try_get(4)?) {
        (true, _) => WriteAccess::Standby,
        (_, true) => WriteAccess::ReadOnly,
        _ => WriteAccess::Writable,
    };
    Ok(Some((row.try_get(0)?, access)))
}

fn direct(options: PgConnectOptions, role: Role) -> PgConnectOptions {
    let options = options.options(LIMITS).options(KEEPALIVES);
    match role.name() {
        Some(role) => options.options([("role", role)]),
        None => options,
    }
}

/// Omits the startup parameter that poolers reject.
fn plain(options: PgConnectOptions) -> PgConnectOptions {
    options.extra_float_digits(None)
}

fn single_connection_pool(options: PgConnectOptions, within: Duration) -> PgPool {
    PgPoolOptions::new()
        .max_connections(1)
        .max_lifetime(None)
        .idle_timeout(None)
        .acquire_timeout(within)
        .connect_lazy_with(options)
}

/// Whether a pooler lends the listener's session to others between transactions. It does if another
/// transaction runs on the listener's process, or if the listener moves to a different process meanwhile.
async fn is_lent(listener: &mut PgListener, other: &mut PgConnection) -> Result<bool, sqlx::Error> {
    const PID: &str = "SELECT pg_backend_pid()";
    for _ in 0..LENDING_CHECKS {
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
