//! `switchboard dev`: everything on this machine without configuration; nothing real is bought or called.
//!
//! The providers are emulated on a loopback address and the database is a SQLite file; their state is kept in `.switchboard/`. The
//! providers' variables and `DATABASE_URL` are not read, so that no real account can be reached by mistake.

use std::net::SocketAddr;
use std::time::Duration;

use aws_lc_rs::digest;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use tokio::net::TcpListener;

use super::failure::Failure;
use super::folder::{self, Folder, Remembered};
use super::serve::{listen, run_until_stopped};
use super::signals::Signals;
use super::{logging, migrate, print, sandbox, token};
use crate::app::App;
use crate::config::{self, Config, Environment, Log, Origin, Profile, VARIABLES};
use crate::domain::{Clock, Entropy};
use crate::sandbox::{Credentials, Running};

/// Long enough for a week of work, short enough that a leaked token is soon useless.
const TOKEN_TTL: Duration = Duration::from_secs(7 * 24 * 3600);

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Port of the emulated providers, 0 for any free one [default: 8001, or a free one if that is taken]
    #[arg(long, value_name = "PORT")]
    sandbox_port: Option<u16>,
}

pub(super) async fn run(args: Args, environment: &Environment) -> Result<(), Failure> {
    logging::start(&Log::from_vars(|name| environment.get(name), Profile::Dev)?);
    let (clock, entropy) = (Clock::system(), Entropy::system());
    let folder = Folder::take()?;
    let mut remembered = folder.remembered(&clock, &entropy)?;
    // Before anything runs: from here on a signal ends the program in order.
    let signals = Signals::listen()?;
    let listener = listen(config::bind_address(|name| environment.get(name))?).await?;
    let address = reachable(&listener)?;
    let carriers = start_carriers(args.sandbox_port).await?;
    remembered.server = Some(format!("http://{address}"));
    remembered.sandbox = Some(carriers.base_url());
    // Stored before the server runs: `switchboard call` in another terminal reads it.
    folder.remember(&remembered)?;

    let config =
        Config::for_this_machine(|name| find(name, &remembered, environment).map(|(value, _)| value))?;
    migrate::apply(config.database_url.clone()).await?;
    let app = App::build_for_dev(&config, clock, entropy, carriers.test_calls())
        .await
        .map_err(|error| Failure::from_error(&error))?;
    let token = token::make(&config.jwt, remembered.tenant, false, TOKEN_TTL)?;
    print::line(welcome(&address, &carriers, &token, config.console))?;
    let outcome = run_until_stopped(app, listener, signals).await;
    carriers.stop().await;
    outcome
}

/// Starts the emulated providers on the requested port, else on the default port, else on any free one.
async fn start_carriers(port: Option<u16>) -> Result<Running, Failure> {
    let start = |port| sandbox::start(port, Credentials::development(), Some(folder::path("sandbox.json")));
    if let Some(port) = port {
        return start(port).await;
    }
    let usual = SocketAddr::from(([127, 0, 0, 1], sandbox::DEFAULT_PORT));
    // Bound and released at once. If another program takes the port in between, the start fails with a message.
    if TcpListener::bind(usual).await.is_ok() {
        return start(sandbox::DEFAULT_PORT).await;
    }
    print::line(format_args!("Port {} is taken: the emulated providers use a free one.", usual.port()))?;
    start(0).await
}

/// The address at which this machine reaches the listener.
fn reachable(listener: &TcpListener) -> Result<SocketAddr, Failure> {
    let mut address = listener.local_addr().map_err(|error| Failure::from_error(&error))?;
    // The unspecified address is for listening only. The emulated carrier calls the server by this one.
    if address.ip().is_unspecified() {
        address.set_ip([127, 0, 0, 1].into());
    }
    Ok(address)
}

/// The value of a variable for `dev`, and where it comes from.
pub(in crate::cli) fn find(
    name: &str,
    remembered: &Remembered,
    environment: &Environment,
) -> Option<(String, Origin)> {
    let credentials = Credentials::development();
    let own = match name {
        "DATABASE_URL" => Some(format!("sqlite://{}", folder::path("switchboard.db").display())),
        "WEBHOOK_BASE_URL" => remembered.server.clone(),
        "TWILIO_ACCOUNT_SID" => Some(credentials.account_sid),
        "TWILIO_AUTH_TOKEN" => Some(credentials.auth_token),
        "ELEVENLABS_API_KEY" => Some(credentials.api_key),
        "TWILIO_API_BASE_URL" | "ELEVENLABS_API_BASE_URL" => remembered.sandbox.clone(),
        "JWT_SECRET" => Some(remembered.jwt_secret.clone()),
        _ => None,
    };
    if let Some(value) = own {
        return Some((value, Origin::Dev));
    }
    if name == "ENCRYPTION_KEY" && environment.find(name).is_none() {
        // Remembered with the secret that it comes from.
        let key = digest::digest(&digest::SHA256, remembered.jwt_secret.as_bytes());
        return Some((STANDARD.encode(key.as_ref()), Origin::Dev));
    }
    // Everything else of the environment is ignored: it may be the configuration of a real server.
    let is_read = VARIABLES.iter().any(|variable| variable.name == name && variable.is_read_by_dev);
    environment.find(name).filter(|_| is_read)
}

fn welcome(address: &SocketAddr, carriers: &Running, token: &str, has_console: bool) -> String {
    let console = if has_console {
        format!("  Console    http://{address}/console#token={token}\n")
    } else {
        String::new()
    };
    format!(
        r#"Switchboard is running for development: nothing real is bought or called.

{console}  GraphiQL   http://{address}/graphql#token={token}
  API        http://{address}/graphql
  Carriers   {carriers}, emulated
  State      {folder}/ (delete it to start over)
  Token      {token}

In GraphiQL, run

  mutation {{
    createAgent(input: {{name: "Dr. Smith's Office Assistant", areaCode: "212", messaging: AGENT}}) {{
      agent {{ id name }} phoneNumber {{ number status sid }} apiToken userErrors {{ message }}
    }}
  }}

Then, in another terminal in this folder, call the number it returns:

  cargo run -- call --to <number>

or text it, and see what the agent answers:

  cargo run -- text --to <number> "Are you open on Friday?"

Ctrl-C stops everything; its state is kept."#,
        carriers = carriers.base_url(),
        folder = folder::FOLDER,
    )
}
