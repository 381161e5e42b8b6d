//! The composition root: builds the parts from a [`Config`], joins their routers, runs them and lets them finish.
//!
//! No business rule lives here. A server that could not keep its promises does not start: the database must be up to date (or newer:
//! [`crate::store::Migrations`]), and on Postgres it must isolate tenants by itself. While the database is unavailable, a server
//! starts from the routing cache that an earlier run saved: it answers calls, and writes nothing before the database passes
//! these checks. If the database fails them, the server ends.

mod later;
mod supervisor;
mod workers;

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::Router;
use chrono::{DateTime, TimeDelta, Utc};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use url::Url;

use crate::auth::{AuthConfig, AuthConfigError, Authenticator};
use crate::calls::{CallRecords, Conversations, Retention, Sweep};
use crate::carrier::{Carrier, CarrierConfig, CarrierError};
use crate::config::{Config, Jwt};
use crate::domain::{Clock, Entropy, Workers, ZoneData, load_numbering_plans};
use crate::graphql::{Api, Services};
use crate::provisioning::{Provisioning, ProvisioningConfig, Reconciler};
use crate::routing::{Routing, RoutingConfig};
use crate::server::{self, AssetsError, ConnectionLimits, Drain, GraphiqlAssets, RateLimits, ServerConfig};
use crate::store::{Database, DatabaseConfig, Migrations, StoreError, SystemStore};
use crate::voice::{Voice, VoiceConfig, VoiceError};
use crate::webhooks::{self, WebhookConfig};
use crate::{provider, telemetry};
use later::open_or_wait;

/// How long a request waits for a connection to the database.
const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(3);
/// How long what has begun may go on once no more requests are taken. With `DRAIN_DELAY` before it, it stays below the 30 s
/// after which Kubernetes kills.
const DRAIN: Duration = Duration::from_secs(20);

/// Why the server does not start, or has stopped.
#[derive(Debug, thiserror::Error)]
pub enum AppError {
    /// The tables are not those of this version.
    #[error("the database lacks {} migration(s), the first is {}: run `switchboard migrate`", pending.len(), pending.first().map_or("unnamed", String::as_str))]
    Unmigrated {
        /// What waits to be applied.
        pending: Vec<String>,
    },
    /// The database would not keep tenants apart.
    #[error("the database does not keep tenants apart:\n  {}", faults.join("\n  "))]
    NotIsolated {
        /// A sentence each, with the SQL that mends it.
        faults: Vec<String>,
    },
    /// The database.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The carrier's client cannot be built.
    #[error(transparent)]
    Carrier(#[from] CarrierError),
    /// The voice provider's client cannot be built.
    #[error(transparent)]
    Voice(#[from] VoiceError),
    /// GraphiQL's files are not where they should be.
    #[error("GRAPHIQL_ASSETS: {0}")]
    Graphiql(#[from] AssetsError),
    /// The folder for what must outlive the server cannot be used.
    #[error("STATE_DIR: {} cannot be used: {error}", folder.display())]
    StateDir {
        /// The folder.
        folder: std::path::PathBuf,
        /// Why.
        error: std::io::Error,
    },
    /// The keys that check tokens cannot be used.
    #[error(transparent)]
    Auth(#[from] AuthConfigError),
    /// The listener failed.
    #[error("the server has stopped: {0}")]
    Serve(#[source] std::io::Error),
}

/// Ends a running [`App`], in steps: it leaves the load balancer, then drains, then drops what is left. Every clone ends the
/// same one.
#[derive(Debug, Clone, Default)]
pub struct Shutdown {
    leave: CancellationToken,
    drain: CancellationToken,
    drop: CancellationToken,
}

impl Shutdown {
    /// Says by `/readyz` that no more requests should come and serves those that do, each on its connection's last; drains
    /// after `DRAIN_DELAY`.
    pub fn leave(&self) {
        self.leave.cancel();
    }

    /// Takes no more requests and finishes those it has, under a deadline.
    pub fn drain(&self) {
        self.leave.cancel();
        self.drain.cancel();
    }

    /// Drops everything where it stands: what was under way goes on when a server runs again.
    pub fn drop_everything(&self) {
        self.drain();
        self.drop.cancel();
    }

    /// Goes one step further than the server has gone so far.
    pub fn hurry(&self) {
        if !self.leave.is_cancelled() {
            self.leave();
        } else if !self.drain.is_cancelled() {
            self.drain();
        } else {
            self.drop_everything();
        }
    }

    /// Drains once the load balancer has had `delay` to notice that the server leaves.
    async fn drain_in_time(&self, delay: Duration) {
        self.leave.cancelled().await;
        if !self.drain.is_cancelled() && !delay.is_zero() {
            tracing::info!(?delay, "leaving: /readyz answers 503, requests are still served");
        }
        let _slept_or_hurried = self.drain.run_until_cancelled(tokio::time::sleep(delay)).await;
        self.drain();
    }

    /// Returns when it is time to drop everything.
    async fn overdue(&self) {
        self.drain.cancelled().await;
        if tokio::time::timeout(DRAIN, self.drop.cancelled()).await.is_err() {
            tracing::warn!(after = ?DRAIN, "requests are still under way and are dropped");
        }
    }
}

/// What a server is built around, and what a command needs that does its work without one: the checked database,
/// and durable work at the providers.
#[derive(Debug, Clone)]
pub struct Core {
    /// The database, up to date and keeping tenants apart.
    pub database: Database,
    /// Durable work at the providers.
    pub provisioning: Provisioning,
    /// Compares what they hold with the database.
    pub reconciler: Reconciler,
    carrier: Carrier,
    voice: Voice,
}

impl Core {
    /// Builds the clients and checks the database; reaches no provider yet.
    ///
    /// # Errors
    /// [`AppError`].
    pub async fn build(config: &Config, clock: &Clock, entropy: &Entropy) -> Result<Self, AppError> {
        let database = open(config, clock.clone()).await?;
        Self::over(database, config, clock, entropy)
    }

    fn over(database: Database, config: &Config, clock: &Clock, entropy: &Entropy) -> Result<Self, AppError> {
        provider::set_traceparent(telemetry::traceparent);
        let carrier = Carrier::new(carrier_config(config), clock.clone(), entropy.clone())?;
        let voice = Voice::new(voice_config(config), clock.clone(), entropy.clone())?;
        let provisioning = Provisioning::new(
            provisioning_config(config),
            database.system(),
            carrier.clone(),
            voice.clone(),
            clock.clone(),
            entropy.clone(),
        );
        let reconciler = Reconciler::new(database.clone(), provisioning.clone());
        Ok(Self { database, provisioning, reconciler, carrier, voice })
    }
}

/// All of Switchboard, ready to run.
#[derive(Debug)]
pub struct App {
    router: Router,
    authenticator: Authenticator,
    database: Database,
    provisioning: Provisioning,
    reconciler: Reconciler,
    routing: Routing,
    records: CallRecords,
    sweep: Sweep,
    conversations: Conversations,
    retention: Option<Retention>,
    reconcile_every: Duration,
    workers: Workers,
    entropy: Entropy,
    drain_delay: Duration,
    shutdown: Shutdown,
    drain: Drain,
    connections: ConnectionLimits,
    /// What the database is to be looked at with, as long as it was not.
    unchecked: Option<(Config, Clock)>,
    /// What was found then, if it must not be used.
    unfit: Arc<Mutex<Option<AppError>>>,
}

impl App {
    /// Builds every part and checks the database; reaches no provider yet.
    ///
    /// # Errors
    /// [`AppError`]: nothing runs then.
    pub async fn build(config: &Config, clock: Clock, entropy: Entropy) -> Result<Self, AppError> {
        telemetry::record_metrics();
        tell_zone_data(clock.now());
        let _loaded_meanwhile = tokio::task::spawn_blocking(load_numbering_plans);
        let shutdown = Shutdown::default();
        let (database, is_checked) = open_or_wait(config, &clock).await?;
        let unchecked = (!is_checked).then(|| (config.clone(), clock.clone()));
        let Core { database, provisioning, reconciler, carrier, voice } =
            Core::over(database, config, &clock, &entropy)?;
        let system = database.system();
        let authenticator = Authenticator::new(auth_config(&config.jwt), system.clone(), clock.unset())?;
        let sweep = Sweep::new(system.clone(), carrier, clock.clone());
        let retention = (config.records.retention_days > 0).then(|| {
            let kept = TimeDelta::days(config.records.retention_days.into());
            Retention::new(system.clone(), clock.clone(), kept)
        });
        let conversations =
            Conversations::new(system.clone(), voice.clone(), clock.clone(), config.records.transcripts);
        let records = open_records(config, system.clone(), clock.clone())?;
        let routing = Routing::new(
            routing_config(config),
            database.for_calls(),
            voice,
            records.clone(),
            sweep.clone(),
            clock.clone(),
            entropy.clone(),
        );
        let webhooks = webhooks::router(
            webhook_config(config),
            routing.clone(),
            records.clone(),
            conversations.clone(),
            clock.unset(),
        );
        let services = Services {
            database: database.clone(),
            provisioning: provisioning.clone(),
            reconciler: reconciler.clone(),
            clock: clock.clone(),
        };
        let drain = Drain::new(shutdown.leave.clone(), shutdown.drain.clone());
        let workers = Workers::new(clock.clone());
        let router = server::router(
            server_config(config, clock, entropy.clone())?,
            Api::new(services, config.introspection),
            authenticator.clone(),
            database.clone(),
            workers.clone(),
            webhooks,
            drain.clone(),
        );
        let reconcile_every = config.reconcile_every;
        Ok(Self {
            router,
            authenticator,
            database,
            provisioning,
            reconciler,
            routing,
            records,
            sweep,
            conversations,
            retention,
            reconcile_every,
            workers,
            entropy,
            drain_delay: config.connections.drain_delay,
            shutdown,
            drain,
            connections: ConnectionLimits {
                most: config.connections.most,
                most_of_address: config.connections.most_of_address,
                idle: config.connections.idle,
            },
            unchecked,
            unfit: Arc::default(),
        })
    }

    /// Every route, for a test that needs no listener.
    pub fn router(&self) -> Router {
        self.router.clone()
    }

    /// The database behind it, for a test that looks for itself.
    #[must_use]
    pub fn database(&self) -> &Database {
        &self.database
    }

    /// Its background workers, for a test in which one ails.
    #[must_use]
    pub fn workers(&self) -> &Workers {
        &self.workers
    }

    /// How to end it once it runs.
    #[must_use]
    pub fn shutdown(&self) -> Shutdown {
        self.shutdown.clone()
    }

    /// Serves requests and works off what waits, until told to stop.
    ///
    /// # Errors
    /// When the listener fails.
    pub async fn run(self, listener: TcpListener) -> Result<(), AppError> {
        let mut workers = self.start_workers();
        let Self { router, database, routing, shutdown, drain, drain_delay, connections, unfit, .. } = self;
        if let Ok(address) = listener.local_addr() {
            tracing::info!(%address, "listening");
        }
        let finished = async {
            let served = server::serve(listener, router, drain, connections).await;
            shutdown.drain();
            workers.ended().await;
            routing.recorded().await;
            served.map_err(AppError::Serve)
        };
        let ending = async {
            shutdown.drain_in_time(drain_delay).await;
            shutdown.overdue().await;
        };
        let outcome = tokio::select! {
            outcome = finished => outcome,
            () = ending => Ok(()),
        };
        drop(workers);
        database.close().await;
        tracing::info!("stopped");
        let unfit = unfit.lock().unwrap_or_else(PoisonError::into_inner).take();
        outcome.and(unfit.map_or(Ok(()), Err))
    }
}

/// Says which edition of the time zone database routing rules go by.
fn tell_zone_data(now: DateTime<Utc>) {
    let zones = ZoneData::in_force();
    let source = if zones.is_built_in { "built in" } else { "operating system" };
    if zones.is_old(now) {
        tracing::warn!(
            version = zones.version,
            source,
            "time zone data is more than a year old, so that routing rules may go by clocks that have changed since: update \
             the package tzdata, or this program"
        );
    } else {
        tracing::info!(version = zones.version, source, "time zone data loaded");
    }
}

/// Connects to the database, and refuses one that is out of date or does not keep tenants apart.
async fn open(config: &Config, clock: Clock) -> Result<Database, AppError> {
    let database = Database::connect(&database_config(config), clock).await?;
    let Migrations { pending, newer } = database.migrations().await?;
    if !pending.is_empty() {
        return Err(AppError::Unmigrated { pending });
    }
    if !newer.is_empty() {
        tracing::warn!(
            migrations = newer.join(", "),
            "a newer version has migrated the database: this server works on it, and is to be upgraded"
        );
    }
    let faults = database.isolation_faults().await?;
    if !faults.is_empty() {
        return Err(AppError::NotIsolated { faults });
    }
    Ok(database)
}

fn database_config(config: &Config) -> DatabaseConfig {
    DatabaseConfig {
        url: config.database_url.clone(),
        listen_url: config.database_listen_url.clone(),
        max_connections: config.database_max_connections,
        acquire_timeout: ACQUIRE_TIMEOUT,
    }
}

fn carrier_config(config: &Config) -> CarrierConfig {
    CarrierConfig {
        base_url: config.twilio.base_url.clone(),
        account_sid: config.twilio.account_sid.clone(),
        auth_token: config.twilio.auth_token.clone(),
        timeout: config.provider_timeout,
    }
}

fn voice_config(config: &Config) -> VoiceConfig {
    VoiceConfig {
        base_url: config.elevenlabs.base_url.clone(),
        api_key: config.elevenlabs.api_key.clone(),
        timeout: config.provider_timeout,
    }
}

/// How tokens are checked, as the authenticator and whoever makes tokens for it take it.
#[must_use]
pub fn auth_config(jwt: &Jwt) -> AuthConfig {
    AuthConfig {
        hs256_secret: jwt.secret.clone(),
        jwks_url: jwt.jwks_url.clone(),
        issuer: jwt.issuer.clone(),
        audience: jwt.audience.clone(),
        tenant_claim: jwt.tenant_claim.clone(),
        allow_anonymous: jwt.allow_anonymous,
    }
}

fn provisioning_config(config: &Config) -> ProvisioningConfig {
    ProvisioningConfig {
        webhook_base_url: config.webhook_base_url.clone(),
        webhook_base_url_previous: config.webhook_base_url_previous.clone(),
        voice_fallback_url: config.voice_fallback_url.clone(),
        operation_wait: config.operation_wait,
        lease: config.operation_lease,
        purchases_per_hour: config.hourly.purchases,
        tenant_purchases_per_hour: config.hourly.tenant_purchases,
        tenant_agents_per_hour: config.hourly.tenant_agents,
        release_grace: config.release_grace,
        quarantine: TimeDelta::days(config.quarantine_days.into()),
        month_price: config.twilio.number_price,
        minute_price: config.twilio.minute_price,
        dialing: config.dialing.clone(),
    }
}

fn open_records(config: &Config, store: SystemStore, clock: Clock) -> Result<CallRecords, AppError> {
    CallRecords::open(&config.state_dir, config.answer_deadline, store, clock)
        .map_err(|error| AppError::StateDir { folder: config.state_dir.clone(), error })
}

fn routing_config(config: &Config) -> RoutingConfig {
    RoutingConfig {
        answer_deadline: config.answer_deadline,
        state_dir: config.state_dir.clone(),
        dialing: config.dialing.clone(),
    }
}

fn webhook_config(config: &Config) -> WebhookConfig {
    WebhookConfig {
        base_url: config.webhook_base_url.clone(),
        previous_base_url: config.webhook_base_url_previous.clone(),
        account_sid: config.twilio.account_sid.clone(),
        auth_tokens: [Some(&config.twilio.auth_token), config.twilio.auth_token_previous.as_ref()]
            .into_iter()
            .flatten()
            .cloned()
            .collect(),
        elevenlabs_secrets: [&config.elevenlabs.webhook_secret, &config.elevenlabs.webhook_secret_previous]
            .into_iter()
            .flatten()
            .cloned()
            .collect(),
    }
}

/// Our public origins: the current one, and the one before while it is accepted.
fn base_urls(config: &Config) -> Vec<Url> {
    let previous = config.webhook_base_url_previous.iter();
    std::iter::once(&config.webhook_base_url).chain(previous).cloned().collect()
}

fn server_config(config: &Config, clock: Clock, entropy: Entropy) -> Result<ServerConfig, AssetsError> {
    let graphiql = match (&config.graphiql_assets, config.graphiql) {
        (_, false) => None,
        (None, true) => Some(GraphiqlAssets::Cdn),
        (Some(folder), true) => Some(GraphiqlAssets::from_folder(folder)?),
    };
    Ok(ServerConfig {
        graphiql,
        own_origins: base_urls(config).iter().map(|url| url.origin().ascii_serialization()).collect(),
        allowed_origins: config.allowed_origins.clone(),
        rate_limits: RateLimits {
            per_minute: config.rate.per_minute,
            anonymous_per_minute: config.rate.anonymous_per_minute,
        },
        trusted_proxies: config.rate.trusted_proxies,
        clock,
        entropy,
    })
}
