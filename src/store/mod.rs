//! Database access: the only SQL in the crate.
//!
//! There are two ways in. [`TenantStore`] is a transaction in which the database shows one tenant's rows and
//! no other's. [`SystemStore`] offers narrow functions over all tenants for webhooks, workers and operators.
//! The entities are private to this module, and each noun's file holds what both stores do with it.
//!
//! Any function may return [`StoreError::Unavailable`], [`StoreError::Busy`] or [`StoreError::Database`]; an
//! `# Errors` section that names only [`StoreError`] means these.

mod agent;
mod audit_event;
mod call;
mod carrier_account;
mod changes;
mod clock;
mod dialect;
mod doors;
mod entities;
mod error;
mod file;
mod group_commit;
mod kept;
mod message;
mod number;
mod operation;
mod page;
mod rate;
mod reconciliation;
mod schema;
mod tenant;
mod voice_event;

pub use agent::{
    AgentChanges, AgentDelivery, AgentFilter, AgentProfile, AgentWithoutNumber, DeliveryOutcome,
};
pub use audit_event::AuditEventFilter;
pub use call::{
    AnswerClaim, AnswerRecord, CallCounts, CallFilter, CallSlot, Counting, CountingRound, KindUsage, Route,
};
pub use carrier_account::{
    AccountCheck, ReplacedToken, SealedCredentials, SealedTokens, StoredAccount, TenantSubaccount,
};
pub use changes::{Change, Topic, Watcher};
pub use doors::{SystemStore, TenantStore};
pub use entities::UnreadableRow;
pub use error::StoreError;
pub(crate) use file::{NEW, create_private_folder, private_file, remove_abandoned, replace_file};
pub use kept::{Bill, KeptNumberFilter, NewPort};
pub use message::{
    AnswerTask, CheckWhen, DueAnswer, Forgotten, MediaOutcome, MediaTask, MediaWork, MessageFilter,
    MessageUsage, NewMessage, Received, RegistrationCheck, ThreadFilter,
};
pub use number::{
    AgentOwner, AgentSummary, Assignee, CallGroupChanges, ClaimError, Extent, Holder, ListExtent,
    ListedAgent, ListedNumber, NumberClaim, NumberFilter, NumberImport, NumberReader, NumberSummary,
    PurchaseRules, StockLevels, WantedFromStock,
};
pub use operation::{
    Backlog, Claimed, Effect, Inserted, Lease, NewOperation, OperationFilter, OperationUpdate, Wait,
};
pub use page::{Cursor, Page, PageOf, PageRequest};
pub use rate::Taken;
pub use reconciliation::{ExpectedInventory, ReconciliationRun, Unreadable};
pub use schema::{ForeignSchema, Migrations};
pub use tenant::{NumberUsage, TenantCounts, TenantFilter};
pub use voice_event::{AcceptedEvent, MissingConversation};

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use secrecy::{ExposeSecret, SecretString};

use self::doors::{Pool, SystemWork};
use self::group_commit::CommitQueue;
use crate::domain::{Author, Clock, DatabaseUrl, Entropy, TenantId};

/// Connection settings of the database and its pools.
#[derive(Debug, Clone)]
pub struct DatabaseConfig {
    /// `sqlite://path` or `postgres://…`, with one host or several.
    pub url: SecretString,
    /// URL for `LISTEN`, which must bypass a connection pooler in transaction mode. `None`: `url` is used.
    pub listen_url: Option<SecretString>,
    /// Size of the tenant pool; one tenant may hold half of it. The system pool is half as large, and half of
    /// that is reserved for answering calls.
    pub max_connections: u32,
    /// Time limit for acquiring a connection from the pool.
    pub acquire_timeout: Duration,
}

/// The database: opens tenant and system stores. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Database {
    shared: Arc<Shared>,
}

/// Connection counts of one pool.
#[derive(Debug, Clone, Copy)]
pub struct PoolConnections {
    /// Pool name, as used in metric labels: `tenants` or `system`.
    pub name: &'static str,
    /// Connections held by a caller.
    pub in_use: u32,
    /// Open connections that nobody holds.
    pub idle: u32,
    /// Size limit of the pool.
    pub max: u32,
}

/// State shared by both stores.
#[derive(Debug)]
struct Shared {
    /// Tenant pool. Connects as the login role, which sees no rows until a transaction becomes a tenant.
    tenants: Pool,
    /// System pool. Connects as `switchboard_system`.
    system: Pool,
    /// The system pool, limited to half of its connections: work that no caller waits for.
    background: Pool,
    /// `application_name` of this server's connections. Unique among the servers on this database.
    name: String,
    /// Hosts for `LISTEN`; `None`: the hosts of the tenant pool.
    listening: Option<dialect::Hosts>,
    /// Host and database name without credentials, for logs.
    location: String,
    /// Whether connections may be used: set once the schema and tenant isolation have been checked.
    is_checked: Arc<AtomicBool>,
    clock: Clock,
    entropy: Entropy,
    numbers: number::NumberCache,
    dialings: tenant::DialingOverrides,
    changes: changes::Hub,
    statements: Arc<AtomicU64>,
    /// Calls waiting for admission.
    admissions: CommitQueue<call::Admission>,
    /// Call answers waiting to be recorded.
    answers: CommitQueue<call::AnswerRecord>,
    /// Calls answered while the database was unavailable, waiting to be recorded.
    answered_calls: CommitQueue<call::AnsweredCall>,
    /// Carrier status reports waiting to be recorded.
    reports: CommitQueue<call::CarrierReport>,
    /// Changes waiting to be announced to other servers.
    announcements: CommitQueue<changes::Announcement>,
    /// Whether an announcement was dropped. The next one then starts with [`Change::Gap`].
    announcement_lost: AtomicBool,
    /// Whether the database is known to reject writes or not to answer.
    is_unavailable: AtomicBool,
    /// When this server last committed a batch of writes.
    last_write_at: Mutex<Option<Instant>>,
    /// Rows that failed to decode, for logs and metrics.
    unreadable: entities::UnreadableRows,
    /// Serializes batches on SQLite, where waiting connections would otherwise poll with growing pauses.
    writing: tokio::sync::Mutex<()>,
}

impl Shared {
    fn publish(&self, change: Change) {
        if let Change::Number { id, is_released: true, .. } = change {
            // A released number may become another tenant's: it leaves the cache before anybody hears of it.
            self.numbers.forget(id);
        }
        self.changes.publish(change);
    }
}

impl Database {
    /// Connects to the database and creates a missing SQLite file. A standby or read-only database is refused.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] if no host takes writes, or the SQLite file cannot be opened.
    pub async fn connect(config: &DatabaseConfig, clock: Clock) -> Result<Self, StoreError> {
        let database = Self::open(config, clock, true).await?;
        database.set_clock().await?;
        // The clock can be read from a standby too. This refuses one.
        database.ping().await?;
        Ok(database)
    }

    /// Prepares a Postgres database that is not reachable yet. No query runs, read or write, until
    /// [`Self::mark_checked`] is called. First check the database through a connection of its own: [`Self::connect`].
    ///
    /// # Errors
    /// [`StoreError::Unavailable`]: the SQLite file cannot be opened.
    pub async fn connect_later(config: &DatabaseConfig, clock: Clock) -> Result<Self, StoreError> {
        let database = Self::open(config, clock, false).await?;
        // Until the first check succeeds, calls are routed as if the database had failed.
        database.shared.is_unavailable.store(true, Ordering::Relaxed);
        Ok(database)
    }

    /// Allows queries after the schema and tenant isolation have been checked.
    pub async fn mark_checked(&self) {
        // Pairs with the Acquire load in `Sessions::are_checked`: with the flag, what was set up before it becomes visible.
        self.shared.is_checked.store(true, Ordering::Release);
        // On failure the machine's clock stays in use; the clock worker retries every few seconds.
        let _set_or_unavailable = self.set_clock().await;
    }

    async fn open(config: &DatabaseConfig, clock: Clock, is_checked: bool) -> Result<Self, StoreError> {
        let entropy = Entropy::system();
        // New at every start, so that sessions left by a killed server are not taken for this one's.
        let name = format!("switchboard {}", entropy.uuid(clock.now()).simple());
        let is_checked = Arc::new(AtomicBool::new(is_checked));
        let sessions = dialect::Sessions::new(Arc::clone(&is_checked));
        let statements = Arc::new(AtomicU64::new(0));
        let unavailable = StoreError::Unavailable;
        let [tenants, system] =
            dialect::connect(config, &name, &sessions, &statements).await.map_err(unavailable)?;
        let tenants = tenants.with_tenant_shares();
        let listening = dialect::listening_hosts(config, &name).map_err(unavailable)?;
        let numbers = number::NumberCache::default();
        let shared = Shared {
            tenants,
            // Workers meet backlogs of any size. Half of the pool stays free for the calls that come in
            // meanwhile.
            background: system.with_half_share(),
            system,
            name,
            listening,
            location: location(config.url.expose_secret()),
            is_checked,
            clock,
            entropy,
            numbers,
            dialings: tenant::DialingOverrides::default(),
            changes: changes::Hub::default(),
            statements,
            admissions: CommitQueue::default(),
            answers: CommitQueue::default(),
            answered_calls: CommitQueue::default(),
            reports: CommitQueue::default(),
            announcements: CommitQueue::default(),
            announcement_lost: AtomicBool::new(false),
            is_unavailable: AtomicBool::new(false),
            last_write_at: Mutex::default(),
            unreadable: entities::UnreadableRows::default(),
            writing: tokio::sync::Mutex::default(),
        };
        Ok(Self { shared: Arc::new(shared) })
    }

    /// Returns one sentence for each way tenant isolation is broken, with the SQL that repairs it. Empty when
    /// the database isolates tenants.
    ///
    /// # Errors
    /// [`StoreError`] if a check could not be made.
    pub async fn isolation_faults(&self) -> Result<Vec<String>, StoreError> {
        let stranger = TenantId(self.shared.entropy.uuid(self.shared.clock.now()));
        schema::isolation::faults(&self.shared.tenants, stranger).await
    }

    /// Succeeds if the database answers and does not report itself as read-only.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] if it does not answer in time or takes no writes.
    pub async fn ping(&self) -> Result<(), StoreError> {
        self.shared.tenants.ping().await.map_err(StoreError::Unavailable)
    }

    /// Opens a read-only transaction for a tenant. Rolled back when dropped.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`], also if no connection becomes free in time.
    pub async fn read_as(&self, tenant: TenantId) -> Result<TenantStore, StoreError> {
        TenantStore::open(Arc::clone(&self.shared), tenant, None).await
    }

    /// Opens a read-write transaction for a tenant. Rolled back unless [`TenantStore::commit`] is called.
    /// Audit events written through it name `author`.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`], also if no connection becomes free in time.
    pub async fn write_by(&self, author: Author, tenant: TenantId) -> Result<TenantStore, StoreError> {
        TenantStore::open(Arc::clone(&self.shared), tenant, Some(author)).await
    }

    /// Whether other servers may share this database. Always `false` for SQLite.
    #[must_use]
    pub fn has_other_servers(&self) -> bool {
        dialect::has_policies(&self.shared.tenants)
    }

    /// System store for workers and operators. Limited to half of the system pool.
    #[must_use]
    pub fn system(&self) -> SystemStore {
        SystemStore { shared: Arc::clone(&self.shared), work: SystemWork::Background }
    }

    /// System store for answering calls. May use the whole system pool, half of which background work cannot take.
    #[must_use]
    pub fn for_calls(&self) -> SystemStore {
        SystemStore { shared: Arc::clone(&self.shared), work: SystemWork::Calls }
    }

    /// Subscribes to a topic. Receives changes made by other servers only while [`Self::receive_changes`] is polled.
    #[must_use]
    pub fn watch(&self, topic: Topic) -> Watcher {
        self.shared.changes.watch(topic)
    }

    /// Number of SQL statements run since startup, not counting `BEGIN`, `COMMIT` and `ROLLBACK`.
    #[must_use]
    pub fn statements(&self) -> u64 {
        self.shared.statements.load(Ordering::Relaxed)
    }

    /// Current connection counts of both pools. On SQLite both describe the same pool.
    #[must_use]
    pub fn pools(&self) -> [PoolConnections; 2] {
        let of = |name, pool: &Pool| {
            let (in_use, idle, max) = pool.counts();
            PoolConnections { name, in_use, idle, max }
        };
        [of("tenants", &self.shared.tenants), of("system", &self.shared.system)]
    }

    /// Waits at most one second until background writes are finished: call answers,
    /// carrier reports and announcements.
    pub async fn flush(&self) {
        let Shared { answers, reports, announcements, .. } = &*self.shared;
        let flushed = async {
            // Polled, since this runs only on shutdown.
            while !(answers.is_idle() && reports.is_idle() && announcements.is_idle()) {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        };
        let _flushed_or_too_late = tokio::time::timeout(Duration::from_secs(1), flushed).await;
    }

    /// Flushes background writes ([`Self::flush`]) and closes all connections. Takes two seconds at most,
    /// even if the database does not answer.
    pub async fn close(self) {
        self.flush().await;
        // Concurrently: each pool may have to wait for a silent server.
        tokio::join!(self.shared.tenants.close(), self.shared.system.close());
    }
}

/// Host and database name of a URL, without scheme, credentials and settings.
fn location(url: &str) -> String {
    if let Ok(url) = DatabaseUrl::parse(url) {
        return url.address().to_owned();
    }
    let rest = url.split_once(':').map_or(url, |(_, rest)| rest);
    let rest = rest.split('?').next().unwrap_or_default().trim_start_matches('/');
    rest.rsplit_once('@').map_or(rest, |(_, address)| address).to_owned()
}
