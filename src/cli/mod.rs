//! The command line: one file per subcommand; what they share is in [`shared`].
//!
//! Results go to stdout, everything else to stderr. Exit codes: 0 success; 1 failure, with the reason on stderr; 2 invalid command
//! line or configuration; 3 `reconcile` left differences, or `repoint --dry-run` found numbers.

mod call;
mod config;
mod dev;
mod import;
mod migrate;
mod provision;
mod reconcile;
mod repoint;
mod sandbox;
mod schema;
mod serve;
mod shared;
mod text;
mod token;

use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

use clap::{Parser, Subcommand};

use crate::config::Environment;
use crate::telemetry;
use shared::failure::Failure;
use shared::{control, core, failure, folder, logging, print, signals};

/// Time that blocking tasks (name resolution, file access) have to end.
const SHUTDOWN_TIMEOUT: Duration = Duration::from_secs(1);

/// Phone numbers for the tenants of a voice-agent platform.
#[derive(Debug, Parser)]
#[command(name = "switchboard", version, about, propagate_version = true)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run everything on this machine without configuration: emulated providers, SQLite, a token to paste
    Dev(dev::Args),
    /// Run the server, configured by the environment
    Serve,
    /// Apply pending migrations to the database
    Migrate(migrate::Args),
    /// Print the GraphQL schema
    Schema,
    /// Print an access token signed with JWT_SECRET
    Token(token::Args),
    /// Place a call through the emulated carrier and print its course
    Call(call::Args),
    /// Send a text through the emulated carrier and print what the person sees
    Text(text::Args),
    /// Buy a number for every agent without one; can be interrupted and restarted at any time
    Provision(provision::Args),
    /// List the numbers that the carrier account holds, and take those in a file over; can be interrupted and restarted at any time
    Import(import::Args),
    /// Compare the inventories of carrier and voice provider with the database
    Reconcile(reconcile::Args),
    /// Point every number to the current WEBHOOK_BASE_URL; can be interrupted and restarted at any time
    Repoint(repoint::Args),
    /// Run the emulated providers alone
    Sandbox(sandbox::Args),
    /// Print the configuration in force, where each value comes from, and every mistake; secrets are masked
    Config(config::Args),
}

/// Runs the command given on the command line.
#[must_use]
pub fn run() -> ExitCode {
    let Cli { command } = Cli::parse();
    // The runtime ends inside, so that its tasks have logged everything before the log is flushed.
    let outcome = execute(command);
    // If stderr accepts no log lines, it accepts no other line either: printing one would block forever.
    let is_writable = telemetry::flush_logs();
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            if is_writable {
                print::problem(&failure);
            }
            failure.exit_code()
        }
    }
}

fn execute(command: Command) -> Result<(), Failure> {
    let environment = Environment::read(Path::new(".")).map_err(|mistake| Failure::from(vec![mistake]))?;
    let runtime = tokio::runtime::Runtime::new()
        .map_err(|error| Failure::new(format!("cannot start the asynchronous runtime: {error}")))?;
    let outcome = runtime.block_on(async {
        match command {
            // Boxed where a whole server or client lives in the future, which the stack would hold otherwise.
            Command::Dev(args) => Box::pin(dev::run(args, &environment)).await,
            Command::Serve => Box::pin(serve::run(&environment)).await,
            Command::Migrate(args) => migrate::run(args, &environment).await,
            Command::Schema => schema::run(),
            Command::Token(args) => token::run(&args, &environment),
            Command::Call(args) => call::run(args, &environment).await,
            Command::Text(args) => text::run(args, &environment).await,
            Command::Provision(args) => Box::pin(provision::run(args, &environment)).await,
            Command::Import(args) => Box::pin(import::run(args, &environment)).await,
            Command::Reconcile(args) => Box::pin(reconcile::run(args, &environment)).await,
            Command::Repoint(args) => Box::pin(repoint::run(args, &environment)).await,
            Command::Sandbox(args) => sandbox::run(args, &environment).await,
            Command::Config(args) => config::run(&args, &environment),
        }
    });
    // A name server that does not answer would otherwise keep the process running.
    runtime.shutdown_timeout(SHUTDOWN_TIMEOUT);
    outcome.map_err(|failure| failure.with_hints(environment.misspelt()))
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    #[test]
    fn the_command_line_is_valid() {
        super::Cli::command().debug_assert();
    }
}
