//! `switchboard dev`: all of it on this machine with nothing configured, and nothing real bought or called.
//!
//! The carriers are emulated on loopback, the database is a SQLite file, and both are kept in `.switchboard/`. The
//! providers' variables and `DATABASE_URL` are not even read, so that no real account can be reached by mistake.

use std::net::SocketAddr;
use std::time::Duration;

use tokio::net::TcpListener;

use super::failure::Failure;
use super::folder::{self, Folder, Remembered};
use super::serve::{drive, listen};
use super::signals::Signals;
use super::{logging, migrate, print, sandbox, token};
use crate::app::App;
use crate::config::{self, Config, Environment};
use crate::domain::{Clock, Entropy};
use crate::sandbox::{Credentials, Running};

/// Long enough not to be in the way, short enough to be of no use to a finder.
const TOKEN_TTL: Duration = Duration::from_secs(7 * 24 * 3600);

/// What may be set in the environment; everything else is the folder's own.
const TUNABLE: [&str; 20] = [
    "OPERATION_WAIT",
    "OPERATION_LEASE",
    "PROVIDER_TIMEOUT",
    "PURCHASES_PER_HOUR",
    "TENANT_PURCHASES_PER_HOUR",
    "TENANT_AGENTS_PER_HOUR",
    "RELEASE_GRACE",
    "QUARANTINE_DAYS",
    "DIAL_COUNTRIES",
    "CALL_RETENTION_DAYS",
    "STORE_TRANSCRIPTS",
    "RECONCILE_EVERY",
    "ANSWER_DEADLINE",
    "GRAPHIQL_ASSETS",
    "ALLOWED_ORIGINS",
    "RATE_LIMIT_PER_MINUTE",
    "RATE_LIMIT_ANONYMOUS_PER_MINUTE",
    "TRUST_FORWARDED_FOR",
    "LOG_FORMAT",
    "RUST_LOG",
];

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The port of the emulated carriers, 0 for any free one [default: 8001, or a free one when that is taken]
    #[arg(long, value_name = "PORT")]
    sandbox_port: Option<u16>,
}

pub(super) async fn run(args: Args, environment: &Environment) -> Result<(), Failure> {
    let log = config::log(|name| environment.get(name).or_else(|| quiet(name)))?;
    logging::start(&log);
    let (clock, entropy) = (Clock::system(), Entropy::system());
    let folder = Folder::take()?;
    let mut remembered = folder.remembered(&clock, &entropy)?;
    let signals = Signals::listen()?;
    let listener = listen(config::bind_address(|name| environment.get(name))?).await?;
    let address = reachable(&listener)?;
    let carriers = start_carriers(args.sandbox_port).await?;
    remembered.server = Some(format!("http://{address}"));
    remembered.sandbox = Some(carriers.base_url());
    folder.remember(&remembered)?;

    let config = configuration(&remembered, environment)?;
    migrate::apply(config.database_url.clone()).await?;
    let app = App::build(&config, clock, entropy).await.map_err(|error| Failure::from_error(&error))?;
    let token = token::make(&config.jwt, remembered.tenant, false, TOKEN_TTL)?;
    print::line(welcome(&address, &carriers, &token))?;
    let outcome = drive(app, listener, signals).await;
    carriers.stop().await;
    outcome
}

/// In development only what goes wrong is logged, unless asked otherwise: the screen is for the welcome.
fn quiet(name: &str) -> Option<String> {
    (name == "RUST_LOG").then(|| "warn".to_owned())
}

/// The emulated carriers on the port asked for, or on the usual one, or on any free one when that is taken.
async fn start_carriers(port: Option<u16>) -> Result<Running, Failure> {
    let start = |port| sandbox::start(port, Credentials::development(), Some(folder::path("sandbox.json")));
    if let Some(port) = port {
        return start(port).await;
    }
    let usual = SocketAddr::from(([127, 0, 0, 1], sandbox::DEFAULT_PORT));
    if TcpListener::bind(usual).await.is_ok() {
        return start(sandbox::DEFAULT_PORT).await;
    }
    print::line(format_args!("Port {} is taken: the emulated carriers take a free one.", usual.port()))?;
    start(0).await
}

/// The address under which this machine reaches the listener.
fn reachable(listener: &TcpListener) -> Result<SocketAddr, Failure> {
    let mut address = listener.local_addr().map_err(|error| Failure::from_error(&error))?;
    if address.ip().is_unspecified() {
        address.set_ip([127, 0, 0, 1].into());
    }
    Ok(address)
}

/// What `dev` runs with.
pub(in crate::cli) fn configuration(
    remembered: &Remembered,
    environment: &Environment,
) -> Result<Config, Failure> {
    Ok(Config::for_this_machine(|name| variable(name, remembered, environment))?)
}

/// What `serve` would find in the environment.
fn variable(name: &str, remembered: &Remembered, environment: &Environment) -> Option<String> {
    let credentials = Credentials::development();
    match name {
        "DATABASE_URL" => Some(format!("sqlite://{}", folder::path("switchboard.db").display())),
        "WEBHOOK_BASE_URL" => remembered.server.clone(),
        "TWILIO_ACCOUNT_SID" => Some(credentials.account_sid),
        "TWILIO_AUTH_TOKEN" => Some(credentials.auth_token),
        "ELEVENLABS_API_KEY" => Some(credentials.api_key),
        "TWILIO_API_BASE_URL" | "ELEVENLABS_API_BASE_URL" => remembered.sandbox.clone(),
        "JWT_SECRET" => Some(remembered.jwt_secret.clone()),
        tunable if TUNABLE.contains(&tunable) => environment.get(tunable),
        _ => None,
    }
}

fn welcome(address: &SocketAddr, carriers: &Running, token: &str) -> String {
    format!(
        r#"Switchboard is running for development: nothing real is bought or called.

  GraphiQL   http://{address}/graphql#token={token}
  API        http://{address}/graphql
  Carriers   {carriers}, emulated
  State      {folder}/ (delete it to begin anew)
  Token      {token}

In GraphiQL, run

  mutation {{
    createAgent(input: {{name: "Dr. Smith's Office Assistant", areaCode: "212"}}) {{
      agent {{ id name }} phoneNumber {{ number status sid }} apiToken userErrors {{ message }}
    }}
  }}

and then, in another terminal in this folder, call the number it returns:

  cargo run -- call --to <number>

Ctrl-C stops it; everything is kept."#,
        carriers = carriers.base_url(),
        folder = folder::FOLDER,
    )
}
