//! Composition root: builds the parts from a [`Config`], joins their routers, supervises the workers and
//! drains the server. It contains no business logic.
//!
//! Guarantee: the server never uses a database that has pending migrations or, on Postgres, does not isolate
//! tenants itself (a newer schema is accepted: [`crate::store::Migrations`]). If the database is unavailable
//! at startup, the server answers calls by the routing cache of an earlier run and does nothing else until
//! the database has passed these checks. If it fails them, the server stops.

mod accounts;
mod deferred_check;
mod messages;
mod retention;
mod settings;
mod shutdown;
mod supervisor;
mod workers;

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use axum::Router;
use chrono::{DateTime, Utc};
use tokio::net::TcpListener;

use crate::accounts::{Accounts, Unreadable};
use crate::auth::{AuthConfigError, Authenticator, MediaLinks};
use crate::calls::{CallRecords, Conversations, KeptNumbers, Sweep};
use crate::carrier::{Carrier, CarrierError};
use crate::config::Config;
use crate::domain::{Clock, Entropy, HealthProbes, Workers, ZoneData, load_numbering_plans};
use crate::graphql::{Api, Services};
use crate::messages::{Inbox, MediaKeeper, MediaStorage, MessageAnswers, MessageSweep, StorageError};
use crate::provisioning::{Provisioning, Reconciler};
use crate::routing::Routing;
use crate::server::{self, AssetsError, ConnectionLimits, Drain, MediaAccess, ServerConfig};
use crate::store::{Database, Migrations, StoreError, SystemStore};
use crate::voice::{Voice, VoiceError};
use crate::webhooks::{self, Receivers};
use crate::{provider, telemetry};
use accounts::{check_or_restore, check_tokens};
use deferred_check::open_or_defer;
use messages::open_messages;
use retention::Retention;

pub use settings::auth_config;
pub use shutdown::Shutdown;

/// Reason why the server did not start, or has stopped.
#[derive(Debug, thiserror::Error)]
pub enum AppError {
    /// The schema is older than this version needs.
    #[error(
        "the database has {} pending migration(s), the first is {}: run `switchboard migrate`",
        pending.len(),
        pending.first().map_or("unnamed", String::as_str)
    )]
    Unmigrated {
        /// Names of the migrations to apply, in order.
        pending: Vec<String>,
    },
    /// Row Level Security or the roles are not set up as tenant isolation needs.
    #[error("the database does not isolate tenants:\n  {}", faults.join("\n  "))]
    NotIsolated {
        /// One sentence per fault, with the SQL that repairs it.
        faults: Vec<String>,
    },
    /// The database is unavailable, misconfigured or returned an error.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// `ENCRYPTION_KEY` or `ENCRYPTION_KEY_PREVIOUS` is not a valid key.
    #[error("ENCRYPTION_KEY: {0}")]
    EncryptionKey(#[from] Unreadable),
    /// Tenants' accounts at the carrier have credentials that this server cannot decrypt.
    #[error(
        "ENCRYPTION_KEY: the credentials of {unreadable} of {all} carrier accounts cannot be decrypted: set the key with which \
         they were encrypted, or set it as ENCRYPTION_KEY_PREVIOUS beside a new ENCRYPTION_KEY"
    )]
    TokensUnreadable {
        /// Accounts whose credentials cannot be decrypted.
        unreadable: usize,
        /// All connected accounts.
        all: usize,
    },
    /// The carrier's HTTP client could not be built.
    #[error(transparent)]
    Carrier(#[from] CarrierError),
    /// The voice provider's HTTP client could not be built.
    #[error(transparent)]
    Voice(#[from] VoiceError),
    /// `WEB_ASSETS` or the deprecated `GRAPHIQL_ASSETS` names a folder without the pinned files.
    #[error("{variable}: {error}")]
    Assets {
        /// The variable that names the folder.
        variable: &'static str,
        /// The file and what is wrong with it.
        #[source]
        error: AssetsError,
    },
    /// `STATE_DIR`, which holds the journal and the saved routing cache, cannot be read or written.
    #[error("STATE_DIR: {} cannot be used: {error}", folder.display())]
    StateDir {
        /// Folder that `STATE_DIR` names.
        folder: std::path::PathBuf,
        /// The operating system's error.
        error: std::io::Error,
    },
    /// `MEDIA_STORE` cannot be used.
    #[error("MEDIA_STORE: {0}")]
    MediaStore(#[from] StorageError),
    /// The token configuration is incomplete or unusable.
    #[error(transparent)]
    Auth(#[from] AuthConfigError),
}

/// The parts that a server and a one-off command share: the checked database, durable operations, and
/// reconciliation with the providers.
#[derive(Debug, Clone)]
pub struct Core {
    /// Database that passed the checks of migrations and tenant isolation.
    pub database: Database,
    /// Runs durable operations at the providers.
    pub provisioning: Provisioning,
    /// Compares the providers' inventories with the database.
    pub reconciler: Reconciler,
    accounts: Accounts,
    voice: Voice,
}

impl Core {
    /// Opens and checks the database and builds the provider clients. Sends no request to a provider.
    ///
    /// # Errors
    /// [`AppError`] if the database is unavailable or fails its check, or a client cannot be built.
    pub async fn build(config: &Config, clock: &Clock, entropy: &Entropy) -> Result<Self, AppError> {
        let database = open(config, clock.clone()).await?;
        let core = Self::with_database(database, config, clock, entropy)?;
        check_tokens(&core.accounts).await?;
        Ok(core)
    }

    fn with_database(
        database: Database,
        config: &Config,
        clock: &Clock,
        entropy: &Entropy,
    ) -> Result<Self, AppError> {
        // Handed over as a function, since `provider` may use nothing above the domain.
        provider::set_traceparent(telemetry::traceparent);
        let carrier = Carrier::new(settings::carrier_config(config), clock.clone(), entropy.clone())?;
        let accounts =
            Accounts::new(settings::accounts_config(config), carrier, database.system(), clock.clone())?;
        let voice = Voice::new(settings::voice_config(config), clock.clone(), entropy.clone())?;
        let provisioning = Provisioning::new(
            settings::provisioning_config(config),
            database.system(),
            accounts.clone(),
            voice.clone(),
            clock.clone(),
            entropy.clone(),
        );
        let reconciler = Reconciler::new(database.clone(), provisioning.clone());
        Ok(Self { database, provisioning, reconciler, accounts, voice })
    }

    /// The services of the API.
    fn services(
        &self,
        records: CallRecords,
        workers: Workers,
        media_links: MediaLinks,
        clock: Clock,
    ) -> Services {
        let (carrier, voice) = (self.accounts.platform().clone(), self.voice.clone());
        let health = HealthProbes::new(vec![
            Box::new(move || carrier.health()),
            Box::new(move || voice.health()),
            Box::new(move || vec![records.health()]),
            Box::new(move || workers.health(Instant::now())),
        ]);
        Services {
            database: self.database.clone(),
            provisioning: self.provisioning.clone(),
            reconciler: self.reconciler.clone(),
            media_links,
            clock,
            health,
            is_sandbox: self.accounts.platform().is_emulated(),
        }
    }
}

/// A complete server: router, workers and shutdown control. Built by [`App::build`], started by [`App::run`].
#[derive(Debug)]
pub struct App {
    router: Router,
    authenticator: Authenticator,
    database: Database,
    provisioning: Provisioning,
    reconciler: Reconciler,
    accounts: Accounts,
    routing: Routing,
    records: CallRecords,
    sweep: Sweep,
    conversations: Conversations,
    inbox: Inbox,
    kept: KeptNumbers,
    message_sweep: MessageSweep,
    message_answers: MessageAnswers,
    media_keeper: MediaKeeper,
    retention: Option<Retention>,
    message_retention: Option<Retention>,
    reconcile_every: Duration,
    has_stock: bool,
    workers: Workers,
    entropy: Entropy,
    drain_delay: Duration,
    shutdown: Shutdown,
    drain: Drain,
    connections: ConnectionLimits,
    /// Set if the database was unavailable at startup: what the deferred check needs.
    deferred_check: Option<(Config, Clock)>,
    /// Written by the deferred check if it fails; [`App::run`] returns it.
    check_error: Arc<Mutex<Option<AppError>>>,
}

impl App {
    /// Builds every part and checks the database. Sends no request to a provider and starts no worker.
    ///
    /// # Errors
    /// [`AppError`] if a part cannot be built or the database fails its check.
    pub async fn build(config: &Config, clock: Clock, entropy: Entropy) -> Result<Self, AppError> {
        Self::build_with(config, clock, entropy, None).await
    }

    /// As [`Self::build`], with an emulated carrier's routes for test calls. For `dev` only.
    ///
    /// # Errors
    /// As [`Self::build`].
    pub async fn build_for_dev(
        config: &Config,
        clock: Clock,
        entropy: Entropy,
        test_calls: Router,
    ) -> Result<Self, AppError> {
        Self::build_with(config, clock, entropy, Some(test_calls)).await
    }

    async fn build_with(
        config: &Config,
        clock: Clock,
        entropy: Entropy,
        test_calls: Option<Router>,
    ) -> Result<Self, AppError> {
        prepare(&clock);
        let (shutdown, workers) = (Shutdown::default(), Workers::new(clock.clone()));
        let (database, is_checked) = open_or_defer(config, &clock).await?;
        let deferred_check = (!is_checked).then(|| (config.clone(), clock.clone()));
        let core = Core::with_database(database, config, &clock, &entropy)?;
        check_or_restore(&core.accounts, is_checked, &config.state_dir).await?;
        let records = open_records(config, core.database.system(), clock.clone())?;
        let media = open_media(config)?;
        let services = core.services(records.clone(), workers.clone(), media.links.clone(), clock.clone());
        let (inbox, message_sweep, message_answers) = open_messages(config, &core, &clock, &entropy)?;
        let Core { database, provisioning, reconciler, accounts, voice } = core;
        let system = database.system();
        let authenticator = Authenticator::new(auth_config(&config.jwt), system.clone(), clock.unset())?;
        let sweep = Sweep::new(system.clone(), accounts.clone(), clock.clone());
        let [retention, message_retention] = Retention::of_both(&config.records, &system, &clock);
        let media_keeper = media_keeper(config, system.clone(), accounts.clone(), &media, (&clock, &entropy));
        let kept = KeptNumbers::new(system.clone());
        let conversations =
            Conversations::new(system, voice.clone(), clock.clone(), config.records.transcripts);
        let routing = Routing::new(
            settings::routing_config(config),
            database.for_calls(), // connections that background work cannot take
            voice,
            records.clone(),
            sweep.clone(),
            clock.clone(),
            entropy.clone(),
        );
        let receivers = receivers(&routing, &records, &conversations, &inbox, &kept);
        let webhooks =
            webhooks::router(settings::webhook_config(config), accounts.clone(), receivers, clock.unset());
        let drain = Drain::new(shutdown.leave.clone(), shutdown.drain.clone());
        let router = server::router(
            ServerConfig { test_calls, ..settings::server_config(config, media, clock, entropy.clone())? },
            Api::new(services, config.introspection),
            authenticator.clone(),
            database.clone(),
            workers.clone(),
            webhooks,
            drain.clone(),
        );
        Ok(Self {
            router,
            authenticator,
            database,
            provisioning,
            reconciler,
            accounts,
            routing,
            records,
            sweep,
            conversations,
            inbox,
            kept,
            message_sweep,
            message_answers,
            media_keeper,
            retention,
            message_retention,
            reconcile_every: config.reconcile_every,
            has_stock: !config.twilio.subaccounts
                && config.stock.as_ref().is_some_and(|stock| !stock.is_empty()),
            workers,
            entropy,
            drain_delay: config.connections.drain_delay,
            shutdown,
            drain,
            connections: settings::connection_limits(config),
            deferred_check,
            check_error: Arc::default(),
        })
    }

    /// Returns the router with every route, for tests that need no listener.
    pub fn router(&self) -> Router {
        self.router.clone()
    }

    /// Returns the database, for tests that read rows themselves.
    #[must_use]
    pub fn database(&self) -> &Database {
        &self.database
    }

    /// Returns the registry of workers, for tests that simulate a failing one.
    #[must_use]
    pub fn workers(&self) -> &Workers {
        &self.workers
    }

    /// Returns the handle that stops this server. Take it before [`Self::run`], which consumes the app.
    #[must_use]
    pub fn shutdown(&self) -> Shutdown {
        self.shutdown.clone()
    }

    /// Serves requests and runs the workers until the server is stopped through [`Self::shutdown`].
    ///
    /// # Errors
    /// The error of a deferred database check.
    pub async fn run(self, listener: TcpListener) -> Result<(), AppError> {
        // Before the listener is served: the first call may arrive at once, and the journal of the last run waits.
        let mut workers = self.start_workers();
        let Self {
            router, database, routing, shutdown, drain, drain_delay, connections, check_error, ..
        } = self;
        if let Ok(address) = listener.local_addr() {
            tracing::info!(%address, "listening");
        }
        let finished = async {
            server::serve(listener, router, drain, connections).await;
            shutdown.drain();
            workers.join().await;
            // Last, since requests and workers may still record calls.
            routing.recorded().await;
        };
        let time_limit = async {
            shutdown.drain_after(drain_delay).await;
            shutdown.aborted_or_timed_out().await;
        };
        tokio::select! {
            () = finished => {}
            () = time_limit => {}
        }
        // Aborts what outlived the time limit, so that nothing uses the database while it closes.
        drop(workers);
        database.close().await;
        tracing::info!("stopped");
        let check_error = check_error.lock().unwrap_or_else(PoisonError::into_inner).take();
        // The failed check drained the server without an error of its own: it is the reason for the end.
        check_error.map_or(Ok(()), Err)
    }
}

/// Logs the version of the time zone data that routing rules use, as a warning if it is more than a year old.
fn log_zone_data(now: DateTime<Utc>) {
    let zones = ZoneData::in_force();
    let source = if zones.is_built_in { "built in" } else { "operating system" };
    if zones.is_old(now) {
        tracing::warn!(
            version = zones.version,
            source,
            "time zone data is more than a year old: routing rules may use outdated offsets; update the package \
             tzdata or this program"
        );
    } else {
        tracing::info!(version = zones.version, source, "time zone data loaded");
    }
}

/// Connects to the database and checks migrations and tenant isolation.
async fn open(config: &Config, clock: Clock) -> Result<Database, AppError> {
    let database = Database::connect(&settings::database_config(config), clock).await?;
    let Migrations { pending, newer } = database.migrations().await?;
    if !pending.is_empty() {
        return Err(AppError::Unmigrated { pending });
    }
    if !newer.is_empty() {
        tracing::warn!(
            migrations = newer.join(", "),
            "the database was migrated by a newer version: this server can use it; upgrade this server"
        );
    }
    // After the migrations, which create the tables and policies that this check reads.
    let faults = database.isolation_faults().await?;
    if !faults.is_empty() {
        return Err(AppError::NotIsolated { faults });
    }
    Ok(database)
}

fn receivers(
    routing: &Routing,
    records: &CallRecords,
    conversations: &Conversations,
    inbox: &Inbox,
    kept: &KeptNumbers,
) -> Receivers {
    Receivers {
        routing: routing.clone(),
        records: records.clone(),
        conversations: conversations.clone(),
        inbox: inbox.clone(),
        kept: kept.clone(),
    }
}

/// Prepares what the whole process shares.
fn prepare(clock: &Clock) {
    telemetry::record_metrics(); // first: what is recorded before is lost
    log_zone_data(clock.now());
    // Parsing the plans takes a noticeable time, which the database connection's latency hides.
    let _loaded_in_background = tokio::task::spawn_blocking(load_numbering_plans);
}

/// Opens the journal in `STATE_DIR`. Entries of an earlier run are replayed by its worker.
fn open_records(config: &Config, store: SystemStore, clock: Clock) -> Result<CallRecords, AppError> {
    CallRecords::open(&config.state_dir, config.answer_deadline, store, clock)
        .map_err(|error| AppError::StateDir { folder: config.state_dir.clone(), error })
}

/// Opens the place for files of messages.
fn open_media(config: &Config) -> Result<MediaAccess, AppError> {
    let storage = MediaStorage::open(settings::media_place(config))?;
    Ok(MediaAccess { links: settings::media_links(config), storage })
}

fn media_keeper(
    config: &Config,
    store: SystemStore,
    accounts: Accounts,
    media: &MediaAccess,
    (clock, entropy): (&Clock, &Entropy),
) -> MediaKeeper {
    let deletes = config.media.delete_at_carrier;
    MediaKeeper::new(store, accounts, media.storage.clone(), deletes, clock.clone(), entropy.clone())
}
