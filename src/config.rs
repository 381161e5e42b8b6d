//! The environment, read once into one typed [`Config`]; every mistake is told at once.
//!
//! [`Config::from_vars`] is a pure function of the variables, so that a test needs no process of its own.
//! No secret is ever printed: neither by `Debug` nor in a [`Mistake`], which tells what is wrong with a value but
//! not the value.

mod calls;
mod connections;
mod environment;
mod read;
mod traces;

pub use connections::Connections;
pub use environment::Environment;
pub use traces::Traces;

use std::fmt;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use rust_decimal::Decimal;
use secrecy::{ExposeSecret, SecretString};
use url::Url;

use crate::domain::Dialing;
use read::Reader;

/// All a server is told from outside.
#[derive(Debug, Clone)]
pub struct Config {
    /// Where the server listens.
    pub bind_address: SocketAddr,
    /// `postgres:` or `sqlite:`.
    pub database_url: SecretString,
    /// Where to hear what other servers change, past a connection pooler; at `database_url` when unset.
    pub database_listen_url: Option<SecretString>,
    /// Connections to the database for requests; webhooks and workers have half as many of their own.
    pub database_max_connections: u32,
    /// The origin under which the carrier reaches this server.
    pub webhook_base_url: Url,
    /// The one before, accepted while numbers are pointed to the new one.
    pub webhook_base_url_previous: Option<Url>,
    /// How Twilio is reached.
    pub twilio: Twilio,
    /// How ElevenLabs is reached.
    pub elevenlabs: ElevenLabs,
    /// How tokens are checked.
    pub jwt: Jwt,
    /// How long a request waits for its operation.
    pub operation_wait: Duration,
    /// How long after its driver died an operation is taken up by another.
    pub operation_lease: Duration,
    /// How long one request to a provider may take.
    pub provider_timeout: Duration,
    /// What may be asked for in any hour.
    pub hourly: Hourly,
    /// How long a release can be taken back.
    pub release_grace: Duration,
    /// Days for which a number that served one client is not given to another.
    pub quarantine_days: u16,
    /// Which numbers are dialled for tenants without a setting of their own.
    pub dialing: Dialing,
    /// What is kept of calls.
    pub records: Records,
    /// How often the providers' inventories are compared with the database; zero: never by itself.
    pub reconcile_every: Duration,
    /// How long an incoming call may wait for its answer.
    pub answer_deadline: Duration,
    /// Where the carrier turns when this server is gone; our own fallback route when unset.
    pub voice_fallback_url: Option<Url>,
    /// A folder for what must outlive the server when the database does not take it.
    pub state_dir: PathBuf,
    /// Whether a browser at `/graphql` is given GraphiQL.
    pub graphiql: bool,
    /// A folder with GraphiQL's four files; without it the page loads them from their CDN.
    pub graphiql_assets: Option<PathBuf>,
    /// Origins whose pages may call the API.
    pub allowed_origins: Vec<String>,
    /// Whether the API tells its schema.
    pub introspection: bool,
    /// How often one may ask.
    pub rate: Rate,
    /// What connections may take.
    pub connections: Connections,
    /// How log lines look, which there are, and where traces go.
    pub log: Log,
    /// What is accepted but deserves a word.
    pub warnings: Vec<String>,
}

/// How Twilio is reached.
#[derive(Debug, Clone)]
pub struct Twilio {
    /// `AC…`
    pub account_sid: String,
    /// The primary auth token.
    pub auth_token: SecretString,
    /// The one before, while it is being rotated.
    pub auth_token_previous: Option<SecretString>,
    /// `https://api.twilio.com`, or where it is emulated.
    pub base_url: Url,
    /// US dollars for a number's month, while the price list cannot be read.
    pub number_price: Option<Decimal>,
    /// US dollars for a begun minute of an incoming call, while the price list cannot be read.
    pub minute_price: Option<Decimal>,
}

/// How ElevenLabs is reached.
#[derive(Debug, Clone)]
pub struct ElevenLabs {
    /// The workspace's key.
    pub api_key: SecretString,
    /// Signs its events; without it they are refused.
    pub webhook_secret: Option<SecretString>,
    /// The one before, while it is being rotated.
    pub webhook_secret_previous: Option<SecretString>,
    /// `https://api.elevenlabs.io`, or where it is emulated.
    pub base_url: Url,
}

/// How tokens are checked. One of `secret` and `jwks_url` is always there.
#[derive(Debug, Clone)]
pub struct Jwt {
    /// Checks HS256 tokens.
    pub secret: Option<SecretString>,
    /// Where RS256 and ES256 keys are published.
    pub jwks_url: Option<Url>,
    /// The issuer every token must name.
    pub issuer: Option<String>,
    /// The audience every token must name.
    pub audience: Option<String>,
    /// A JSON pointer to the claim that names the tenant.
    pub tenant_claim: String,
    /// Whether a token with `is_anonymous`, of somebody who has not signed up, speaks for a tenant.
    pub allow_anonymous: bool,
}

/// What may be asked for in any hour.
#[derive(Debug, Clone, Copy)]
pub struct Hourly {
    /// Purchases, all tenants together.
    pub purchases: u32,
    /// Purchases of one tenant.
    pub tenant_purchases: u32,
    /// Agents that one tenant may create.
    pub tenant_agents: u32,
}

/// What is kept of calls.
#[derive(Debug, Clone, Copy)]
pub struct Records {
    /// Days for which calls that ended are kept; 0: for good.
    pub retention_days: u16,
    /// Whether what was said in them is kept.
    pub transcripts: bool,
}

/// How often one may ask; 0: as often as they like.
#[derive(Debug, Clone, Copy)]
pub struct Rate {
    /// Requests a minute of one tenant, of one operator, of one agent.
    pub per_minute: u32,
    /// Requests a minute from one address without a valid token.
    pub anonymous_per_minute: u32,
    /// How many proxies in front add to `X-Forwarded-For`.
    pub trusted_proxies: u8,
}

/// How log lines look, which there are, and where traces go.
#[derive(Debug, Clone)]
pub struct Log {
    /// One JSON object a line, for collectors; else lines for people.
    pub json: bool,
    /// As `RUST_LOG` is written.
    pub filter: String,
    /// Where traces go; `None`: nothing is traced.
    pub traces: Option<Traces>,
}

/// One thing that is wrong with the environment.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub struct Mistake {
    /// The variable.
    pub variable: &'static str,
    /// What is wrong with it: completes "VARIABLE …".
    pub problem: String,
    /// A value that would do.
    pub example: &'static str,
}

impl fmt::Display for Mistake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:<26}  {}\n{:<26}  for example: {}", self.variable, self.problem, "", self.example)
    }
}

/// Whether calls and webhooks stay on this machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Reach {
    Public,
    ThisMachine,
}

/// Where a server listens unless told otherwise.
pub const DEFAULT_BIND_ADDRESS: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), 8000);

/// Where a server keeps what must outlive it.
const DEFAULT_STATE_DIR: &str = ".switchboard";

impl Config {
    /// Reads what `serve` needs.
    ///
    /// # Errors
    /// Every mistake there is.
    pub fn from_vars(lookup: impl Fn(&str) -> Option<String>) -> Result<Self, Vec<Mistake>> {
        Self::read(lookup, Reach::Public)
    }

    /// As [`Self::from_vars`], for a server whose carriers are emulated on this machine: its public address may be
    /// a loopback one.
    ///
    /// # Errors
    /// Every mistake there is.
    pub fn for_this_machine(lookup: impl Fn(&str) -> Option<String>) -> Result<Self, Vec<Mistake>> {
        Self::read(lookup, Reach::ThisMachine)
    }

    fn read(lookup: impl Fn(&str) -> Option<String>, reach: Reach) -> Result<Self, Vec<Mistake>> {
        let mut vars = Reader::new(lookup);
        let (webhook_base_url, webhook_base_url_previous) = read_webhook_base_urls(&mut vars, reach);
        let (database_url, database_listen_url) = read_database_urls(&mut vars);
        let (twilio, elevenlabs) = (read_twilio(&mut vars), read_elevenlabs(&mut vars));
        let jwt = read_jwt(&mut vars);
        let warnings = warnings(database_url.as_ref(), reach);
        let bind_address = read_bind_address(&mut vars);
        let database_max_connections = vars.or("DATABASE_MAX_CONNECTIONS", 10, "10", read::connections);
        let operation_wait =
            vars.or("OPERATION_WAIT", seconds(10), "10s", read::duration(seconds(0), seconds(60)));
        let operation_lease =
            vars.or("OPERATION_LEASE", seconds(30), "30s", read::duration(seconds(1), seconds(600)));
        // A purchase takes seconds at worst.
        let provider_timeout =
            vars.or("PROVIDER_TIMEOUT", seconds(15), "15s", read::duration(seconds(1), seconds(60)));
        let answer_deadline =
            vars.or("ANSWER_DEADLINE", seconds(5), "5s", read::duration(seconds(1), seconds(12)));
        let hourly = read_hourly(&mut vars);
        let release_grace =
            vars.or("RELEASE_GRACE", seconds(0), "24h", read::duration(seconds(0), seconds(30 * 24 * 3600)));
        let quarantine_days = vars.or("QUARANTINE_DAYS", 90, "90", read::days);
        let (records, dialing) = (calls::read_records(&mut vars), calls::read_dialing(&mut vars));
        let reconcile_every = vars.or(
            "RECONCILE_EVERY",
            seconds(3600),
            "1h",
            read::duration(seconds(0), seconds(7 * 24 * 3600)),
        );
        let voice_fallback_url =
            vars.read("VOICE_FALLBACK_URL", "https://backup.example.com/busy.xml", read::public_url);
        let state_dir =
            vars.or("STATE_DIR", DEFAULT_STATE_DIR.to_owned(), "/var/lib/switchboard", read::text).into();
        let (graphiql, graphiql_assets) = read_graphiql(&mut vars);
        let allowed_origins =
            vars.or("ALLOWED_ORIGINS", Vec::new(), "https://dashboard.example.com", read::origins);
        let introspection = vars.or("INTROSPECTION", true, "off", read::on_off);
        let rate = read_rate(&mut vars);
        let connections = Connections::read(&mut vars, rate.trusted_proxies, reach);
        let log = read_log(&mut vars);
        let (Some(webhook_base_url), Some(database_url)) = (webhook_base_url, database_url) else {
            return Err(vars.mistakes);
        };
        let (Some(twilio), Some(elevenlabs), true) = (twilio, elevenlabs, vars.mistakes.is_empty()) else {
            return Err(vars.mistakes);
        };
        Ok(Self {
            bind_address,
            database_url,
            database_listen_url,
            database_max_connections,
            webhook_base_url,
            webhook_base_url_previous,
            twilio,
            elevenlabs,
            jwt,
            operation_wait,
            operation_lease,
            provider_timeout,
            hourly,
            release_grace,
            quarantine_days,
            dialing,
            records,
            reconcile_every,
            answer_deadline,
            voice_fallback_url,
            state_dir,
            graphiql,
            graphiql_assets,
            allowed_origins,
            introspection,
            rate,
            connections,
            log,
            warnings,
        })
    }
}

impl Jwt {
    /// Reads how tokens are checked, alone: for a command that makes one.
    ///
    /// # Errors
    /// Every mistake there is.
    pub fn from_vars(lookup: impl Fn(&str) -> Option<String>) -> Result<Self, Vec<Mistake>> {
        alone(lookup, |vars| Some(read_jwt(vars)))
    }
}

/// Reads `DATABASE_URL` alone: for a command that needs nothing else.
///
/// # Errors
/// What is wrong with it.
pub fn database_url(lookup: impl Fn(&str) -> Option<String>) -> Result<SecretString, Vec<Mistake>> {
    alone(lookup, read_database_url)
}

/// Reads how log lines look, alone.
///
/// # Errors
/// Every mistake there is.
pub fn log(lookup: impl Fn(&str) -> Option<String>) -> Result<Log, Vec<Mistake>> {
    alone(lookup, |vars| Some(read_log(vars)))
}

/// Reads `BIND_ADDRESS` alone.
///
/// # Errors
/// What is wrong with it.
pub fn bind_address(lookup: impl Fn(&str) -> Option<String>) -> Result<SocketAddr, Vec<Mistake>> {
    alone(lookup, |vars| Some(read_bind_address(vars)))
}

/// Reads one group of variables; without a mistake there is always a value.
fn alone<F: Fn(&str) -> Option<String>, T>(
    lookup: F,
    read: impl FnOnce(&mut Reader<F>) -> Option<T>,
) -> Result<T, Vec<Mistake>> {
    let mut vars = Reader::new(lookup);
    match read(&mut vars) {
        Some(value) if vars.mistakes.is_empty() => Ok(value),
        _ => Err(vars.mistakes),
    }
}

fn read_webhook_base_urls(
    vars: &mut Reader<impl Fn(&str) -> Option<String>>,
    reach: Reach,
) -> (Option<Url>, Option<Url>) {
    let origin = |value: &str| {
        let url = if reach == Reach::Public { read::public_url(value) } else { read::service_url(value) };
        url.and_then(read::origin)
    };
    let current = vars.require("WEBHOOK_BASE_URL", "https://calls.example.com", origin);
    (current, vars.read("WEBHOOK_BASE_URL_PREVIOUS", "https://calls.example.org", origin))
}

fn read_hourly(vars: &mut Reader<impl Fn(&str) -> Option<String>>) -> Hourly {
    let count = || read::parsed("a whole number, 0 or more");
    Hourly {
        purchases: vars.or("PURCHASES_PER_HOUR", 100, "100", count()),
        tenant_purchases: vars.or("TENANT_PURCHASES_PER_HOUR", 25, "25", count()),
        tenant_agents: vars.or("TENANT_AGENTS_PER_HOUR", 100, "100", count()),
    }
}

fn read_graphiql(vars: &mut Reader<impl Fn(&str) -> Option<String>>) -> (bool, Option<PathBuf>) {
    let is_on = vars.or("GRAPHIQL", true, "off", read::on_off);
    let assets = vars.read("GRAPHIQL_ASSETS", "/usr/share/switchboard/graphiql", |value| {
        Some(PathBuf::from(value)).filter(|path| path.is_dir()).ok_or_else(|| "is not a folder".into())
    });
    (is_on, assets)
}

fn read_bind_address(vars: &mut Reader<impl Fn(&str) -> Option<String>>) -> SocketAddr {
    let what = read::parsed("an IP address and a port");
    vars.or("BIND_ADDRESS", DEFAULT_BIND_ADDRESS, "127.0.0.1:8000", what)
}

fn read_database_url(vars: &mut Reader<impl Fn(&str) -> Option<String>>) -> Option<SecretString> {
    let example = "postgres://switchboard:password@localhost/switchboard";
    vars.require("DATABASE_URL", example, read::database_url)
}

fn read_database_urls(
    vars: &mut Reader<impl Fn(&str) -> Option<String>>,
) -> (Option<SecretString>, Option<SecretString>) {
    let example = "postgres://switchboard:password@db.internal:5432/switchboard";
    (read_database_url(vars), vars.read("DATABASE_LISTEN_URL", example, read::postgres_url))
}

fn read_twilio(vars: &mut Reader<impl Fn(&str) -> Option<String>>) -> Option<Twilio> {
    let example = "https://api.twilio.com";
    let account_sid =
        vars.require("TWILIO_ACCOUNT_SID", "AC0123456789abcdef0123456789abcdef", read::account_sid);
    let auth_token = vars.require("TWILIO_AUTH_TOKEN", "0123456789abcdef0123456789abcdef", read::secret(16));
    let auth_token_previous =
        vars.read("TWILIO_AUTH_TOKEN_PREVIOUS", "fedcba9876543210fedcba9876543210", read::secret(16));
    let base_url = vars.read("TWILIO_API_BASE_URL", example, read::service_url);
    let number_price = vars.read("TWILIO_NUMBER_PRICE", "1.15", read::price);
    let minute_price = vars.read("TWILIO_MINUTE_PRICE", "0.0085", read::price);
    let base_url = base_url.or_else(|| Url::parse(example).ok())?;
    Some(Twilio {
        account_sid: account_sid?,
        auth_token: auth_token?,
        auth_token_previous,
        base_url,
        number_price,
        minute_price,
    })
}

fn read_elevenlabs(vars: &mut Reader<impl Fn(&str) -> Option<String>>) -> Option<ElevenLabs> {
    let example = "https://api.elevenlabs.io";
    let api_key = vars.require("ELEVENLABS_API_KEY", "sk_0123456789abcdef0123456789abcdef", read::secret(16));
    let webhook_secret =
        vars.read("ELEVENLABS_WEBHOOK_SECRET", "wsec_0123456789abcdef0123456789abcdef", read::secret(16));
    let previous = "ELEVENLABS_WEBHOOK_SECRET_PREVIOUS";
    let webhook_secret_previous =
        vars.read(previous, "wsec_fedcba9876543210fedcba9876543210", read::secret(16));
    if webhook_secret_previous.is_some() && vars.text("ELEVENLABS_WEBHOOK_SECRET").is_none() {
        let problem = "is set without ELEVENLABS_WEBHOOK_SECRET, which it is the predecessor of";
        vars.mistake(previous, problem, "leave it out");
    }
    let base_url = vars.read("ELEVENLABS_API_BASE_URL", example, read::service_url);
    let base_url = base_url.or_else(|| Url::parse(example).ok())?;
    Some(ElevenLabs { api_key: api_key?, webhook_secret, webhook_secret_previous, base_url })
}

fn read_jwt(vars: &mut Reader<impl Fn(&str) -> Option<String>>) -> Jwt {
    let example = "what `openssl rand -base64 48` prints";
    let secret = vars.read("JWT_SECRET", example, read::secret(32));
    let keys = "https://auth.example.com/.well-known/jwks.json";
    let jwks_url = vars.read("JWT_JWKS_URL", keys, read::document_url);
    if vars.text("JWT_SECRET").is_none() && vars.text("JWT_JWKS_URL").is_none() {
        vars.mistake("JWT_SECRET", "is not set, and neither is JWT_JWKS_URL: one is needed", example);
    }
    Jwt {
        secret,
        jwks_url,
        issuer: vars.read("JWT_ISSUER", "https://auth.example.com", read::text),
        audience: vars.read("JWT_AUDIENCE", "authenticated", read::text),
        tenant_claim: vars.or(
            "JWT_TENANT_CLAIM",
            "/sub".to_owned(),
            "/app_metadata/tenant",
            read::tenant_claim,
        ),
        allow_anonymous: vars.or("ALLOW_ANONYMOUS_TENANTS", false, "true", read::true_false),
    }
}

fn read_rate(vars: &mut Reader<impl Fn(&str) -> Option<String>>) -> Rate {
    let number = || read::parsed("a whole number, 0 or more");
    Rate {
        per_minute: vars.or("RATE_LIMIT_PER_MINUTE", 600, "600", number()),
        anonymous_per_minute: vars.or("RATE_LIMIT_ANONYMOUS_PER_MINUTE", 60, "60", number()),
        trusted_proxies: vars.or("TRUST_FORWARDED_FOR", 0, "1", read::parsed("a number of proxies")),
    }
}

fn read_log(vars: &mut Reader<impl Fn(&str) -> Option<String>>) -> Log {
    let json = vars.or("LOG_FORMAT", false, "json", read::one_of(&[("pretty", false), ("json", true)]));
    let filter = vars.or("RUST_LOG", "info".to_owned(), "info,switchboard=debug", |value| {
        let readable = value.parse::<tracing_subscriber::filter::EnvFilter>();
        readable.map(|_| value.to_owned()).map_err(|error| format!("is not a log filter: {error}"))
    });
    Log { json, filter, traces: Traces::read(vars) }
}

fn warnings(database_url: Option<&SecretString>, reach: Reach) -> Vec<String> {
    let mut warnings = Vec::new();
    let sqlite = database_url.is_some_and(|url| url.expose_secret().starts_with("sqlite:"));
    if sqlite && reach == Reach::Public {
        warnings.push(
            "DATABASE_URL is SQLite: tenants are kept apart by our queries alone, not by the database as on \
             Postgres, and only one server can run"
                .into(),
        );
    }
    warnings
}

const fn seconds(n: u64) -> Duration {
    Duration::from_secs(n)
}
