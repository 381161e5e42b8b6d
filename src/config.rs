//! Configuration: each variable is declared once, in [`table`], and read into one typed [`Config`].
//!
//! Every mistake is reported at once, with the limits of the value and an example. [`Config::from_vars`] is a pure function of the
//! variables, so that a test needs no process of its own. No secret is ever printed: neither by `Debug`, nor in a [`Mistake`], which
//! says what is wrong with a value without repeating it, nor in the [`Setting`]s that `switchboard config` shows.

mod connections;
mod environment;
mod media_store;
mod parse;
mod reference;
mod setting;
mod table;
mod traces;
mod values;
mod variable;

pub use connections::Connections;
pub use environment::{Environment, Origin};
pub use media_store::{Media, MediaStore};
pub use reference::{env_example, markdown};
pub use setting::{Setting, settings};
pub use table::VARIABLES;
pub use traces::Traces;
pub use variable::{Secrecy, Section, Variable, WhenUnset};

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use rust_decimal::Decimal;
use secrecy::{ExposeSecret, SecretString};
use url::Url;

use crate::domain::{Dialing, StockWishes};
use values::{Lookup, Values};

/// Configuration of a server.
#[derive(Debug, Clone)]
pub struct Config {
    /// Address to listen on.
    pub bind_address: SocketAddr,
    /// Address of the database: `postgres:` or `sqlite:`.
    pub database_url: SecretString,
    /// Address of the same database that bypasses a connection pooler, to listen for other servers' changes; `None`: `database_url`.
    pub database_listen_url: Option<SecretString>,
    /// Maximum connections to the database for API requests; webhooks and workers share a second pool of half that size.
    pub database_max_connections: u32,
    /// Public origin of this server.
    pub webhook_base_url: Url,
    /// Previous origin, whose signatures are accepted while numbers are pointed to the new one.
    pub webhook_base_url_previous: Option<Url>,
    /// Credentials, address and fallback prices of Twilio.
    pub twilio: Twilio,
    /// Credentials and address of ElevenLabs.
    pub elevenlabs: ElevenLabs,
    /// Verification of access tokens.
    pub jwt: Jwt,
    /// Time a mutation waits for its operation.
    pub operation_wait: Duration,
    /// Lease of an operation: the time until another server takes it over from one that died.
    pub operation_lease: Duration,
    /// Deadline of one request to a provider.
    pub provider_timeout: Duration,
    /// Hourly limits of purchases and agents.
    pub hourly: Hourly,
    /// Numbers to keep in stock; `None`: no stock.
    pub stock: Option<StockWishes>,
    /// Grace period of a release.
    pub release_grace: Duration,
    /// Days for which a released number is not assigned to another tenant.
    pub quarantine_days: u16,
    /// Numbers that may be dialled for tenants without a setting of their own.
    pub dialing: Dialing,
    /// Retention of calls, transcripts and text messages.
    pub records: Records,
    /// Files of incoming messages.
    pub media: Media,
    /// Interval of reconciliation; zero: only on command.
    pub reconcile_every: Duration,
    /// Deadline for answering an incoming call.
    pub answer_deadline: Duration,
    /// URL that Twilio requests when this server does not answer; `None`: a route of this server.
    pub voice_fallback_url: Option<Url>,
    /// Folder for what must outlive the server while the database is unavailable.
    pub state_dir: PathBuf,
    /// Whether `/graphql` serves GraphiQL to browsers.
    pub graphiql: bool,
    /// Whether the console is served.
    pub console: bool,
    /// URL to which the console sends people without a valid token; it may contain `{return_url}`.
    pub console_login_url: Option<String>,
    /// Folder with the libraries of both pages; `None`: browsers load them from a CDN.
    pub web_assets: Option<PathBuf>,
    /// Deprecated: the folder that 0.1.0 had for GraphiQL's libraries alone.
    pub graphiql_assets: Option<PathBuf>,
    /// Origins whose pages may use the API from a browser.
    pub allowed_origins: Vec<String>,
    /// Whether introspection is allowed.
    pub introspection: bool,
    /// Limits on requests per minute, of callers and of addresses.
    pub rate: Rate,
    /// Limits of incoming connections.
    pub connections: Connections,
    /// Log output and export of traces.
    pub log: Log,
    /// Values that are accepted and have a drawback.
    pub warnings: Vec<String>,
}

/// How to reach Twilio: one account, whose token also verifies its webhooks.
#[derive(Debug, Clone)]
pub struct Twilio {
    /// Account SID (`AC…`): the user name of requests, and the account that webhooks must name.
    pub account_sid: String,
    /// Primary auth token: the password of requests and the key of webhook signatures.
    pub auth_token: SecretString,
    /// Previous auth token, accepted for signatures during rotation.
    pub auth_token_previous: Option<SecretString>,
    /// Whether each tenant gets a subaccount with its first number.
    pub subaccounts: bool,
    /// Key that encrypts the tokens of tenants' accounts.
    pub encryption_key: Option<SecretString>,
    /// Previous key, with which tokens are still read.
    pub encryption_key_previous: Option<SecretString>,
    /// Base URL of the API.
    pub base_url: Url,
    /// Monthly price of a number in US dollars, while the price list cannot be read.
    pub number_price: Option<Decimal>,
    /// Price of a begun minute of an incoming call in US dollars, while the price list cannot be read.
    pub minute_price: Option<Decimal>,
    /// Price of a segment of a text message in US dollars, while Twilio has not told the message's price.
    pub message_price: Option<Decimal>,
}

/// How to reach ElevenLabs: one workspace, in which all tenants have their agents.
#[derive(Debug, Clone)]
pub struct ElevenLabs {
    /// API key of the workspace.
    pub api_key: SecretString,
    /// Secret that signs webhooks; `None`: their route does not exist.
    pub webhook_secret: Option<SecretString>,
    /// Previous secret, accepted during rotation.
    pub webhook_secret_previous: Option<SecretString>,
    /// Base URL of the API.
    pub base_url: Url,
}

/// Verification of access tokens. At least one of `secret` and `jwks_url` is set.
#[derive(Debug, Clone)]
pub struct Jwt {
    /// Key of HS256 tokens.
    pub secret: Option<SecretString>,
    /// URL of the JWK set with public keys.
    pub jwks_url: Option<Url>,
    /// Issuer that every token must name.
    pub issuer: Option<String>,
    /// Audience that every token must name.
    pub audience: Option<String>,
    /// JSON pointer to the claim that identifies the tenant.
    pub tenant_claim: String,
    /// Whether tokens with the claim `is_anonymous` are accepted.
    pub allow_anonymous: bool,
}

/// Limits in any hour. They bound what a stolen token or a defect can cost.
#[derive(Debug, Clone, Copy)]
pub struct Hourly {
    /// Purchases by all tenants together.
    pub purchases: u32,
    /// Purchases by one tenant.
    pub tenant_purchases: u32,
    /// Agents created by one tenant.
    pub tenant_agents: u32,
}

/// Retention of calls, transcripts and text messages.
#[derive(Debug, Clone, Copy)]
pub struct Records {
    /// Days until a call that ended is deleted; 0: never.
    pub retention_days: u16,
    /// Days until a text message is deleted; 0: never.
    pub message_retention_days: u16,
    /// Whether the bodies of text messages are deleted at the carrier after some days.
    pub redact_at_carrier: bool,
    /// Whether transcripts are stored.
    pub transcripts: bool,
}

/// Request rate limits; 0: no limit.
#[derive(Debug, Clone, Copy)]
pub struct Rate {
    /// Requests per minute of one tenant, operator or agent.
    pub per_minute: u32,
    /// Requests per minute from one address without a valid token.
    pub anonymous_per_minute: u32,
    /// Number of proxies in front that append to `X-Forwarded-For`.
    pub trusted_proxies: u8,
}

/// Log output and export of traces.
#[derive(Debug, Clone)]
pub struct Log {
    /// One JSON object per line, for collectors; else lines for people.
    pub json: bool,
    /// Log filter, as in `RUST_LOG`.
    pub filter: String,
    /// Export of traces; `None`: nothing is traced.
    pub traces: Option<Traces>,
}

/// One mistake in the configuration.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{variable}\n      {problem}\n      for example: {example}")]
pub struct Mistake {
    /// Name of the variable, or of the file.
    pub variable: &'static str,
    /// What is wrong with it, with the limits of a value: completes "VARIABLE …".
    pub problem: String,
    /// A valid value, printed as a pattern to follow.
    pub example: &'static str,
    /// Whether the variable is required and not set.
    pub is_missing: bool,
}

impl Mistake {
    fn missing(variable: &Variable, problem: impl Into<String>) -> Self {
        Self { variable: variable.name, problem: problem.into(), example: variable.example, is_missing: true }
    }

    fn wrong(variable: &Variable, problem: String) -> Self {
        Self { variable: variable.name, problem, example: variable.example, is_missing: false }
    }
}

/// What the configuration is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Profile {
    /// `serve`: providers call this server over the internet.
    Serve,
    /// `dev`: providers are emulated on this machine, so its public address may be a loopback one.
    Dev,
}

impl Config {
    /// Reads the configuration of `serve`.
    ///
    /// # Errors
    /// Every mistake, not only the first.
    pub fn from_vars(lookup: impl Fn(&str) -> Option<String>) -> Result<Self, Vec<Mistake>> {
        Self::read(&lookup, Profile::Serve)
    }

    /// Reads the configuration of a server whose providers are emulated on this machine.
    ///
    /// # Errors
    /// Every mistake, not only the first.
    pub fn for_this_machine(lookup: impl Fn(&str) -> Option<String>) -> Result<Self, Vec<Mistake>> {
        Self::read(&lookup, Profile::Dev)
    }

    fn read(lookup: Lookup<'_>, profile: Profile) -> Result<Self, Vec<Mistake>> {
        let values = Values::checked(lookup, profile, VARIABLES.iter().copied())?;
        // All values have been checked by now, so that this finds no further mistake.
        Self::build(&values, profile).map_err(|mistake| vec![mistake])
    }

    fn build(values: &Values<'_>, profile: Profile) -> Result<Self, Mistake> {
        let database_url = values.get(&table::DATABASE_URL)?;
        Ok(Self {
            warnings: warnings(&database_url, values, profile),
            bind_address: values.get(&table::BIND_ADDRESS)?,
            database_url,
            database_listen_url: values.optional(&table::DATABASE_LISTEN_URL)?,
            database_max_connections: values.get(&table::DATABASE_MAX_CONNECTIONS)?,
            webhook_base_url: values.get(&table::WEBHOOK_BASE_URL)?,
            webhook_base_url_previous: values.optional(&table::WEBHOOK_BASE_URL_PREVIOUS)?,
            twilio: Twilio::read(values)?,
            elevenlabs: ElevenLabs::read(values)?,
            jwt: Jwt::read(values)?,
            operation_wait: values.get(&table::OPERATION_WAIT)?,
            operation_lease: values.get(&table::OPERATION_LEASE)?,
            provider_timeout: values.get(&table::PROVIDER_TIMEOUT)?,
            hourly: Hourly {
                purchases: values.get(&table::PURCHASES_PER_HOUR)?,
                tenant_purchases: values.get(&table::TENANT_PURCHASES_PER_HOUR)?,
                tenant_agents: values.get(&table::TENANT_AGENTS_PER_HOUR)?,
            },
            stock: values.optional(&table::STOCK)?,
            release_grace: values.get(&table::RELEASE_GRACE)?,
            quarantine_days: values.get(&table::QUARANTINE_DAYS)?,
            // Expensive numbers are allowed for single tenants only, by an operator: no variable allows them for all.
            dialing: Dialing { countries: values.get(&table::DIAL_COUNTRIES)?, premium: false },
            records: Records {
                retention_days: values.get(&table::CALL_RETENTION_DAYS)?,
                message_retention_days: values.get(&table::MESSAGE_RETENTION_DAYS)?,
                redact_at_carrier: values.get(&table::REDACT_AT_CARRIER)?,
                transcripts: values.get(&table::STORE_TRANSCRIPTS)?,
            },
            media: Media::read(values)?,
            reconcile_every: values.get(&table::RECONCILE_EVERY)?,
            answer_deadline: values.get(&table::ANSWER_DEADLINE)?,
            voice_fallback_url: values.optional(&table::VOICE_FALLBACK_URL)?,
            state_dir: values.get(&table::STATE_DIR)?,
            graphiql: values.get(&table::GRAPHIQL)?,
            console: values.get(&table::CONSOLE)?,
            console_login_url: values.optional(&table::CONSOLE_LOGIN_URL)?,
            web_assets: values.optional(&table::WEB_ASSETS)?,
            graphiql_assets: values.optional(&table::GRAPHIQL_ASSETS)?,
            allowed_origins: values.optional(&table::ALLOWED_ORIGINS)?.unwrap_or_default(),
            introspection: values.get(&table::INTROSPECTION)?,
            rate: Rate {
                per_minute: values.get(&table::RATE_LIMIT_PER_MINUTE)?,
                anonymous_per_minute: values.get(&table::RATE_LIMIT_ANONYMOUS_PER_MINUTE)?,
                trusted_proxies: values.get(&table::TRUST_FORWARDED_FOR)?,
            },
            connections: Connections::read(values)?,
            log: Log::read(values)?,
        })
    }
}

impl Twilio {
    fn read(values: &Values<'_>) -> Result<Self, Mistake> {
        let subaccounts = values.get(&table::CARRIER_ACCOUNTS)?;
        let encryption_key = values.optional(&table::ENCRYPTION_KEY)?;
        if subaccounts && encryption_key.is_none() {
            let problem = "is required for CARRIER_ACCOUNTS=subaccount: it encrypts the subaccounts' tokens";
            return Err(Mistake::missing(&table::ENCRYPTION_KEY.variable, problem));
        }
        Ok(Self {
            account_sid: values.get(&table::TWILIO_ACCOUNT_SID)?,
            auth_token: values.get(&table::TWILIO_AUTH_TOKEN)?,
            auth_token_previous: values.optional(&table::TWILIO_AUTH_TOKEN_PREVIOUS)?,
            subaccounts,
            encryption_key,
            encryption_key_previous: values.optional(&table::ENCRYPTION_KEY_PREVIOUS)?,
            base_url: values.get(&table::TWILIO_API_BASE_URL)?,
            number_price: values.optional(&table::TWILIO_NUMBER_PRICE)?,
            minute_price: values.optional(&table::TWILIO_MINUTE_PRICE)?,
            message_price: values.optional(&table::TWILIO_MESSAGE_PRICE)?,
        })
    }
}

impl ElevenLabs {
    fn read(values: &Values<'_>) -> Result<Self, Mistake> {
        Ok(Self {
            api_key: values.get(&table::ELEVENLABS_API_KEY)?,
            webhook_secret: values.optional(&table::ELEVENLABS_WEBHOOK_SECRET)?,
            webhook_secret_previous: values.optional(&table::ELEVENLABS_WEBHOOK_SECRET_PREVIOUS)?,
            base_url: values.get(&table::ELEVENLABS_API_BASE_URL)?,
        })
    }
}

impl Jwt {
    /// Reads the verification of tokens alone, for a command that makes one.
    ///
    /// # Errors
    /// Every mistake in it.
    pub fn from_vars(lookup: impl Fn(&str) -> Option<String>) -> Result<Self, Vec<Mistake>> {
        section(&lookup, Profile::Serve, &[Section::Tokens], Self::read)
    }

    fn read(values: &Values<'_>) -> Result<Self, Mistake> {
        Ok(Self {
            secret: values.optional(&table::JWT_SECRET)?,
            jwks_url: values.optional(&table::JWT_JWKS_URL)?,
            issuer: values.optional(&table::JWT_ISSUER)?,
            audience: values.optional(&table::JWT_AUDIENCE)?,
            tenant_claim: values.get(&table::JWT_TENANT_CLAIM)?,
            allow_anonymous: values.get(&table::ALLOW_ANONYMOUS_TENANTS)?,
        })
    }
}

impl Log {
    /// Reads logs and traces alone.
    ///
    /// # Errors
    /// Every mistake in them.
    pub fn from_vars(
        lookup: impl Fn(&str) -> Option<String>,
        profile: Profile,
    ) -> Result<Self, Vec<Mistake>> {
        section(&lookup, profile, &[Section::Logs, Section::Traces], Self::read)
    }

    fn read(values: &Values<'_>) -> Result<Self, Mistake> {
        Ok(Self {
            json: values.get(&table::LOG_FORMAT)?,
            filter: values.get(&table::RUST_LOG)?,
            traces: Traces::read(values)?,
        })
    }
}

/// Reads `DATABASE_URL` for a command that needs nothing else. Other variables may be missing, but those that are set must be
/// right: a database is not migrated for a server that would then refuse to start.
///
/// # Errors
/// Every mistake in the variables that are set, or that `DATABASE_URL` is missing.
pub fn database_url(lookup: impl Fn(&str) -> Option<String>) -> Result<SecretString, Vec<Mistake>> {
    let values = Values::unchecked(&lookup, Profile::Serve);
    let mut mistakes: Vec<_> = VARIABLES.iter().filter_map(|variable| values.mistake(variable)).collect();
    // A missing variable may be set where the server runs; a wrong one is wrong there too.
    mistakes.retain(|mistake| !mistake.is_missing || mistake.variable == table::DATABASE_URL.variable.name);
    if mistakes.is_empty() {
        values.get(&table::DATABASE_URL).map_err(|mistake| vec![mistake])
    } else {
        Err(mistakes)
    }
}

/// Reads `BIND_ADDRESS` alone: `dev` listens before it knows the rest of its configuration.
///
/// # Errors
/// What is wrong with it.
pub fn bind_address(lookup: impl Fn(&str) -> Option<String>) -> Result<SocketAddr, Vec<Mistake>> {
    let values = Values::unchecked(&lookup, Profile::Serve);
    let mistake = values.mistake(&table::BIND_ADDRESS.variable);
    mistake.map_or_else(|| values.get(&table::BIND_ADDRESS), Err).map_err(|mistake| vec![mistake])
}

/// Reads the variables of these sections.
fn section<T>(
    lookup: Lookup<'_>,
    profile: Profile,
    sections: &[Section],
    read: impl FnOnce(&Values<'_>) -> Result<T, Mistake>,
) -> Result<T, Vec<Mistake>> {
    let variables = VARIABLES.iter().copied().filter(|variable| sections.contains(&variable.section));
    let values = Values::checked(lookup, profile, variables)?;
    read(&values).map_err(|mistake| vec![mistake])
}

fn warnings(database_url: &SecretString, values: &Values<'_>, profile: Profile) -> Vec<String> {
    let mut warnings = Vec::new();
    if values.text(table::GRAPHIQL_ASSETS.variable.name).is_some() {
        warnings.push(
            "GRAPHIQL_ASSETS is deprecated: fill a folder with scripts/web-assets and set WEB_ASSETS".into(),
        );
    }
    // `dev` always uses SQLite, which is no drawback for a single developer.
    if profile == Profile::Serve && database_url.expose_secret().starts_with("sqlite:") {
        warnings.push(
            "DATABASE_URL is SQLite: only our queries keep tenants apart, not the database as on Postgres, and only one \
             server can run"
                .into(),
        );
    }
    warnings
}
