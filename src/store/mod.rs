//! The only SQL in the house, behind two doors.
//!
//! [`TenantStore`] is a transaction in which the database itself shows one tenant's rows and no other's;
//! [`SystemStore`] is for webhooks, workers and operators: narrow functions over all tenants. There is no
//! third door, and the entities stay in here. Each noun's file holds what both doors do with it.

mod agent;
mod audit_event;
mod call;
mod changes;
mod clock;
mod dialect;
mod doors;
mod entities;
mod error;
mod isolation;
mod lane;
mod number;
mod operation;
mod page;
mod reconciliation;
mod tenant;
mod voice_event;

pub use agent::{AgentChanges, AgentDelivery, AgentFilter, AgentProfile, AgentWithoutNumber, Delivered};
pub use call::{CallFilter, IncomingCall, Route};
pub use changes::Change;
pub use doors::{SystemStore, TenantStore};
pub use error::StoreError;
pub use number::{
    AgentSummary, ClaimRefused, Extent, ListExtent, ListedAgent, ListedNumber, NumberClaim, NumberFilter,
    NumberReader, NumberSummary, PurchaseRules,
};
pub use operation::{Backlog, Claimed, Effect, Inserted, Lease, NewOperation, OperationUpdate, Retry};
pub use page::{Cursor, Page, PageOf, PageRequest};
pub use reconciliation::{ReconciliationRun, Standing, Unreadable};
pub use tenant::NumberUsage;
pub use voice_event::{AcceptedEvent, Untold};

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use sea_orm::ConnectionTrait;
use secrecy::{ExposeSecret, SecretString};
use switchboard_migration::Migrator;
use switchboard_migration::sea_orm_migration::MigratorTrait;
use tokio::sync::broadcast;

use self::doors::{Meters, Pool};
use self::lane::Lane;
use crate::domain::{Author, Clock, Entropy, TenantId};

/// How many changes a watcher may be behind before it loses the oldest.
const CHANGES_KEPT: usize = 1024;

/// How to reach the database.
#[derive(Debug, Clone)]
pub struct DatabaseConfig {
    /// `sqlite://path` or `postgres://…`.
    pub url: SecretString,
    /// Connections of the tenants' pool; the system's pool has half as many.
    pub max_connections: u32,
    /// How long a request waits for a connection.
    pub acquire_timeout: Duration,
}

/// The database: opens doors. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Database {
    shared: Arc<Shared>,
}

/// A pool's connections.
#[derive(Debug, Clone, Copy)]
pub struct PoolConnections {
    /// The pool's name.
    pub name: &'static str,
    /// Those that somebody uses.
    pub in_use: u32,
    /// Those that are open and free.
    pub idle: u32,
    /// How many there may be.
    pub most: u32,
}

/// What both doors need.
#[derive(Debug)]
struct Shared {
    /// As the login role, which sees nothing until it becomes a tenant.
    tenants: Pool,
    /// As the system's role.
    system: Pool,
    /// Of this server's connections among others' on the same database.
    name: String,
    /// Where it is, without who logs in.
    place: String,
    /// Whether connections may be used: the database was looked at.
    is_checked: Arc<AtomicBool>,
    clock: Clock,
    entropy: Entropy,
    numbers: number::NumberCache,
    dialings: tenant::Dialings,
    changes: broadcast::Sender<Change>,
    statements: Arc<AtomicU64>,
    /// Calls that wait to be admitted.
    admissions: Lane<call::Admission>,
    /// Answers that wait to be recorded.
    answers: Lane<call::CallAnswer>,
    /// The carrier's reports that wait to be recorded.
    reports: Lane<call::CarrierReport>,
    /// Changes that other servers are to be told of.
    announcements: Lane<changes::Announcement>,
    /// Whether other servers were not told of some change.
    announcement_lost: AtomicBool,
    /// Whether the database was found to take no writes.
    is_away: AtomicBool,
    /// On SQLite batches take turns: its connections would wait for each other in growing naps.
    writing: tokio::sync::Mutex<()>,
}

impl Shared {
    fn tell(&self, change: Change) {
        if let Change::Number { id, is_released: true, .. } = change {
            self.numbers.forget(id);
        }
        // Nobody may be watching.
        let _ = self.changes.send(change);
    }
}

impl Database {
    /// Connects; on SQLite creates the file when it is missing.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn connect(config: &DatabaseConfig, clock: Clock) -> Result<Self, StoreError> {
        let database = Self::open(config, clock, true).await?;
        database.set_clock().await?;
        Ok(database)
    }

    /// A Postgres that does not answer yet. Nothing reaches it, neither to read nor to write, before it was looked at through
    /// a connection of another [`Self::connect`] and [`Self::is_as_checked`] was called.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`]: an SQLite file that cannot be opened.
    pub async fn connect_later(config: &DatabaseConfig, clock: Clock) -> Result<Self, StoreError> {
        let database = Self::open(config, clock, false).await?;
        database.shared.is_away.store(true, Ordering::Relaxed);
        Ok(database)
    }

    /// The database was found to be up to date and to keep tenants apart: from now on it may be used.
    pub async fn is_as_checked(&self) {
        self.shared.is_checked.store(true, Ordering::Release);
        // While it fails the machine's time is used, and it is tried again every few seconds.
        let _set_or_away = self.set_clock().await;
    }

    async fn open(config: &DatabaseConfig, clock: Clock, is_checked: bool) -> Result<Self, StoreError> {
        let entropy = Entropy::system();
        let name = format!("switchboard {}", entropy.uuid(clock.now()).simple());
        let is_checked = Arc::new(AtomicBool::new(is_checked));
        let sessions = dialect::Sessions::new(Arc::clone(&is_checked));
        let pools = dialect::connect(config, &name, &sessions).await.map_err(StoreError::Unavailable)?;
        let statements = Arc::new(AtomicU64::new(0));
        let pool = |connections, name| {
            Pool::new(connections, sessions.clone(), Meters::new(name, Arc::clone(&statements)))
        };
        let [tenants, system] = pools;
        let (tenants, system) = (pool(tenants, "tenants"), pool(system, "system"));
        let (changes, _) = broadcast::channel(CHANGES_KEPT);
        let numbers = number::NumberCache::default();
        let shared = Shared {
            tenants,
            system,
            name,
            place: place(config.url.expose_secret()),
            is_checked,
            clock,
            entropy,
            numbers,
            dialings: tenant::Dialings::default(),
            changes,
            statements,
            admissions: Lane::default(),
            answers: Lane::default(),
            reports: Lane::default(),
            announcements: Lane::default(),
            announcement_lost: AtomicBool::new(false),
            is_away: AtomicBool::new(false),
            writing: tokio::sync::Mutex::default(),
        };
        Ok(Self { shared: Arc::new(shared) })
    }

    /// Brings the tables up to date; returns the names of the migrations applied: all
    /// of them or, on an error, none. Several servers may do so at once.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn migrate(&self) -> Result<Vec<String>, StoreError> {
        let transaction = doors::begin(self.shared.tenants.clone()).await?;
        dialect::migrate_alone(&transaction).await?;
        let pending = pending(&transaction).await?;
        if !pending.is_empty() {
            Migrator::up(transaction.of_the_orm(), None).await?;
            transaction.commit().await?;
        }
        Ok(pending)
    }

    /// The names of the migrations that wait to be applied; changes nothing, needs no rights to.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn pending_migrations(&self) -> Result<Vec<String>, StoreError> {
        pending(&self.shared.tenants).await
    }

    /// Why this database does not keep tenants apart, a sentence each with the SQL that mends it; empty when it does.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn isolation_faults(&self) -> Result<Vec<String>, StoreError> {
        let stranger = TenantId(self.shared.entropy.uuid(self.shared.clock.now()));
        isolation::faults(&self.shared.tenants, stranger).await
    }

    /// Answers when the database does and takes writes, as far as it tells.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn ping(&self) -> Result<(), StoreError> {
        self.shared.tenants.ping().await.map_err(StoreError::Unavailable)
    }

    /// A tenant's door for reading: one transaction, rolled back when dropped.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn read_as(&self, tenant: TenantId) -> Result<TenantStore, StoreError> {
        TenantStore::open(Arc::clone(&self.shared), tenant, None).await
    }

    /// A tenant's door for writing: one transaction; nothing is kept without [`TenantStore::commit`]. Whatever its audit
    /// trail is told, the author did.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn write_by(&self, author: Author, tenant: TenantId) -> Result<TenantStore, StoreError> {
        TenantStore::open(Arc::clone(&self.shared), tenant, Some(author)).await
    }

    /// The system's door.
    #[must_use]
    pub fn system(&self) -> SystemStore {
        SystemStore { shared: Arc::clone(&self.shared) }
    }

    /// What changes from now on, for those who watch: what other servers do while [`Self::hear`] is polled. A slow watcher loses the oldest and is told so.
    #[must_use]
    pub fn changes(&self) -> broadcast::Receiver<Change> {
        self.shared.changes.subscribe()
    }

    /// How many statements were run so far; beginning and ending transactions is not counted.
    #[must_use]
    pub fn statements(&self) -> u64 {
        self.shared.statements.load(Ordering::Relaxed)
    }

    /// Both pools' connections at this moment. On SQLite the pools are one.
    #[must_use]
    pub fn pools(&self) -> [PoolConnections; 2] {
        let of = |name, pool: &Pool| {
            let connections = pool.connections();
            let (open, idle) = dialect::open_connections(connections);
            let idle = u32::try_from(idle).unwrap_or(u32::MAX);
            let most = dialect::most_connections(connections);
            PoolConnections { name, in_use: open.saturating_sub(idle), idle, most }
        };
        [of("tenants", &self.shared.tenants), of("system", &self.shared.system)]
    }

    /// Returns once everything is written that callers did not wait for: answers and reports of calls, announcements to
    /// other servers. The latest after a second.
    pub async fn settle(&self) {
        let Shared { answers, reports, announcements, .. } = &*self.shared;
        let settled = async {
            while !(answers.is_idle() && reports.is_idle() && announcements.is_idle()) {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        };
        let _settled_or_too_late = tokio::time::timeout(Duration::from_secs(1), settled).await;
    }

    /// Closes every connection, once everything is written ([`Self::settle`]).
    pub async fn close(self) {
        self.settle().await;
        for pool in [&self.shared.tenants, &self.shared.system] {
            // Whatever a pool reports while closing, nothing is left to be done about it.
            let _ = pool.connections().close_by_ref().await;
        }
    }
}

/// Where a database is, without scheme, login and settings.
fn place(url: &str) -> String {
    let rest = url.split_once(':').map_or(url, |(_, rest)| rest);
    let rest = rest.split('?').next().unwrap_or_default().trim_start_matches('/');
    rest.rsplit_once('@').map_or(rest, |(_, place)| place).to_owned()
}

async fn pending(db: &impl ConnectionTrait) -> Result<Vec<String>, StoreError> {
    let pending = Migrator::get_pending_migrations_read_only(db).await?;
    Ok(pending.iter().map(|migration| migration.name().to_owned()).collect())
}
