//! `switchboard sandbox`: the emulated providers alone.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;

use tokio::net::TcpListener;

use super::failure::Failure;
use super::print;
use super::signals::Signals;
use crate::config::{Environment, Log, Profile};
use crate::sandbox::{self, Credentials, Options, Running};
use crate::telemetry;

/// Default port of the emulated providers.
pub(super) const DEFAULT_PORT: u16 = 8001;

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Port to listen on, on a loopback address; 0: any free port
    #[arg(long, default_value_t = DEFAULT_PORT)]
    port: u16,
    /// File that keeps the state; without it the state ends with the process
    #[arg(long, value_name = "FILE")]
    state: Option<PathBuf>,
}

pub(super) async fn run(args: Args, environment: &Environment) -> Result<(), Failure> {
    let log = Log::from_vars(|name| environment.get(name), Profile::Serve)?;
    telemetry::start(log.json, &log.filter, None);
    let mut signals = Signals::listen()?;
    let (credentials, shown) = credentials(environment);
    let running = start(args.port, credentials, args.state).await?;
    print::line(format_args!(
        "Emulated Twilio and ElevenLabs: nothing real is bought or called.\n\n{shown}\n  \
         TWILIO_API_BASE_URL={base}\n  ELEVENLABS_API_BASE_URL={base}\n\nCtrl-C stops it.",
        base = running.base_url()
    ))?;
    signals.next().await;
    running.stop().await;
    Ok(())
}

/// Starts the emulated providers on a loopback port.
pub(super) async fn start(
    port: u16,
    credentials: Credentials,
    state_file: Option<PathBuf>,
) -> Result<Running, Failure> {
    // Loopback only: the development credentials are public, and the control API asks for none.
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    let listener = TcpListener::bind(address).await.map_err(|error| {
        Failure::new(format!(
            "the emulated providers cannot listen on {address}: {error}; choose another port"
        ))
    })?;
    let options = Options { credentials, state_file };
    sandbox::start(options, listener).await.map_err(|error| Failure::from_error(&error))
}

/// The accepted credentials, and how to show them: those of the environment if all three are set. They may be real, so
/// they are not repeated.
fn credentials(environment: &Environment) -> (Credentials, String) {
    let given = (
        environment.get("TWILIO_ACCOUNT_SID"),
        environment.get("TWILIO_AUTH_TOKEN"),
        environment.get("ELEVENLABS_API_KEY"),
    );
    if let (Some(account_sid), Some(auth_token), Some(api_key)) = given {
        let shown = "  The credentials are those of the environment.".to_owned();
        return (Credentials { account_sid, auth_token, api_key }, shown);
    }
    let fixed = Credentials::development();
    let shown = format!(
        "  TWILIO_ACCOUNT_SID={}\n  TWILIO_AUTH_TOKEN={}\n  ELEVENLABS_API_KEY={}",
        fixed.account_sid, fixed.auth_token, fixed.api_key
    );
    (fixed, shown)
}
