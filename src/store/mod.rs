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
mod group_commit;
mod number;
mod operation;
mod page;
mod rate;
mod reconciliation;
mod schema;
mod tenant;
mod voice_event;

pub use agent::{AgentChanges, AgentDelivery, AgentFilter, AgentProfile, AgentWithoutNumber, Delivered};
pub use call::{AnswerRecord, CallFilter, CallSlot, Route, Turn};
pub use changes::{Change, Topic, Watcher};
pub use doors::{SystemStore, TenantStore};
pub use entities::UnreadableRow;
pub use error::StoreError;
pub use number::{
    AgentSummary, ClaimRefused, Extent, ListExtent, ListedAgent, ListedNumber, NumberClaim, NumberFilter,
    NumberReader, NumberSummary, PurchaseRules,
};
pub use operation::{Backlog, Claimed, Effect, Inserted, Lease, NewOperation, OperationUpdate, Retry};
pub use page::{Cursor, Page, PageOf, PageRequest};
pub use rate::Taken;
pub use reconciliation::{ReconciliationRun, Standing, Unreadable};
pub use schema::{ForeignSchema, Migrations};
pub use tenant::NumberUsage;
pub use voice_event::{AcceptedEvent, Untold};

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use secrecy::{ExposeSecret, SecretString};

use self::doors::{Pool, SystemWork};
use self::group_commit::Lane;
use crate::domain::{Author, Clock, DatabaseUrl, Entropy, TenantId};

/// How to reach the database.
#[derive(Debug, Clone)]
pub struct DatabaseConfig {
    /// `sqlite://path` or `postgres://…`, with one host or several.
    pub url: SecretString,
    /// Where to hear what other servers change, if that is elsewhere: past a connection pooler.
    pub listen_url: Option<SecretString>,
    /// Connections of the tenants' pool, of which one tenant may hold half. The system's pool has half as many, of which
    /// half are for calls alone.
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
    /// Half of that pool, for what no caller waits for.
    background: Pool,
    /// Of this server's connections among others' on the same database.
    name: String,
    /// Where to hear what other servers change, if that is elsewhere.
    listening: Option<dialect::Hosts>,
    /// Where it is, without who logs in.
    place: String,
    /// Whether connections may be used: the database was looked at.
    is_checked: Arc<AtomicBool>,
    clock: Clock,
    entropy: Entropy,
    numbers: number::NumberCache,
    dialings: tenant::Dialings,
    changes: changes::Hub,
    statements: Arc<AtomicU64>,
    /// Calls that wait to be admitted.
    admissions: Lane<call::Admission>,
    /// Answers that wait to be recorded.
    answers: Lane<call::AnswerRecord>,
    /// Calls answered without the database that wait to be recorded.
    answered_calls: Lane<call::AnsweredCall>,
    /// The carrier's reports that wait to be recorded.
    reports: Lane<call::CarrierReport>,
    /// Changes that other servers are to be told of.
    announcements: Lane<changes::Announcement>,
    /// Whether other servers were not told of some change.
    announcement_lost: AtomicBool,
    /// Whether the database was found to take no writes.
    is_away: AtomicBool,
    /// When a batch was last written.
    kept_at: Mutex<Option<Instant>>,
    /// Rows that could not be read.
    unreadable: entities::UnreadableRows,
    /// On SQLite batches take turns: its connections would wait for each other in growing naps.
    writing: tokio::sync::Mutex<()>,
}

impl Shared {
    fn tell(&self, change: Change) {
        if let Change::Number { id, is_released: true, .. } = change {
            self.numbers.forget(id);
        }
        self.changes.tell(change);
    }
}

impl Database {
    /// Connects; on SQLite creates the file when it is missing. A standby, or a database that is read-only, will not do.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn connect(config: &DatabaseConfig, clock: Clock) -> Result<Self, StoreError> {
        let database = Self::open(config, clock, true).await?;
        database.set_clock().await?;
        database.ping().await?;
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
        let statements = Arc::new(AtomicU64::new(0));
        let unavailable = StoreError::Unavailable;
        let [tenants, system] =
            dialect::connect(config, &name, &sessions, &statements).await.map_err(unavailable)?;
        let tenants = tenants.shared_by_tenants();
        let listening = dialect::listening_hosts(config, &name).map_err(unavailable)?;
        let numbers = number::NumberCache::default();
        let shared = Shared {
            tenants,
            background: system.half_of_it(),
            system,
            name,
            listening,
            place: place(config.url.expose_secret()),
            is_checked,
            clock,
            entropy,
            numbers,
            dialings: tenant::Dialings::default(),
            changes: changes::Hub::default(),
            statements,
            admissions: Lane::default(),
            answers: Lane::default(),
            answered_calls: Lane::default(),
            reports: Lane::default(),
            announcements: Lane::default(),
            announcement_lost: AtomicBool::new(false),
            is_away: AtomicBool::new(false),
            kept_at: Mutex::default(),
            unreadable: entities::UnreadableRows::default(),
            writing: tokio::sync::Mutex::default(),
        };
        Ok(Self { shared: Arc::new(shared) })
    }

    /// Why this database does not keep tenants apart, a sentence each with the SQL that mends it; empty when it does.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn isolation_faults(&self) -> Result<Vec<String>, StoreError> {
        let stranger = TenantId(self.shared.entropy.uuid(self.shared.clock.now()));
        schema::isolation::faults(&self.shared.tenants, stranger).await
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

    /// Whether other servers may work on this database, so that it is worth hearing what they change. An SQLite file has one.
    #[must_use]
    pub fn has_other_servers(&self) -> bool {
        dialect::has_policies(&self.shared.tenants)
    }

    /// The system's door for workers and operators.
    #[must_use]
    pub fn system(&self) -> SystemStore {
        SystemStore { shared: Arc::clone(&self.shared), work: SystemWork::Background }
    }

    /// The system's door for answering calls: background work cannot take its last connections.
    #[must_use]
    pub fn for_calls(&self) -> SystemStore {
        SystemStore { shared: Arc::clone(&self.shared), work: SystemWork::Calls }
    }

    /// What changes of a topic from now on: what other servers do while [`Self::hear`] is polled.
    #[must_use]
    pub fn watch(&self, topic: Topic) -> Watcher {
        self.shared.changes.watch(topic)
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
            let (in_use, idle, most) = pool.counts();
            PoolConnections { name, in_use, idle, most }
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

    /// Closes every connection, once everything is written ([`Self::settle`]). Takes two seconds at most, also when the database
    /// does not answer.
    pub async fn close(self) {
        self.settle().await;
        tokio::join!(self.shared.tenants.close(), self.shared.system.close());
    }
}

/// Where a database is, without scheme, login and settings.
fn place(url: &str) -> String {
    if let Ok(url) = DatabaseUrl::parse(url) {
        return url.place().to_owned();
    }
    let rest = url.split_once(':').map_or(url, |(_, rest)| rest);
    let rest = rest.split('?').next().unwrap_or_default().trim_start_matches('/');
    rest.rsplit_once('@').map_or(rest, |(_, place)| place).to_owned()
}
