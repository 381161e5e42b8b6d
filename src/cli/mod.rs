//! The command line: one file a subcommand; what they share is in [`shared`].
//!
//! What was asked for goes to stdout, everything else to stderr. Exit codes: 0 done, 1 it did not work and stderr
//! says why, 2 the command line or the environment is wrong, 3 `reconcile`
//! left differences, or `repoint --dry-run` found numbers.

mod call;
mod dev;
mod migrate;
mod provision;
mod reconcile;
mod repoint;
mod sandbox;
mod schema;
mod serve;
mod shared;
mod token;

use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

use clap::{Parser, Subcommand};

use crate::config::Environment;
use crate::telemetry;
use shared::failure::Failure;
use shared::{core, failure, folder, logging, print, signals};

/// How long what runs on threads of its own may take to end: looking up names, reading files.
const LAST_WORDS: Duration = Duration::from_secs(1);

/// A telephone number of its own for every client of a voice-agent platform.
#[derive(Debug, Parser)]
#[command(name = "switchboard", version, about, propagate_version = true)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run all of it on this machine with nothing configured: emulated carriers, SQLite, a token to paste
    Dev(dev::Args),
    /// Run the server; it is configured by the environment and says all that is missing
    Serve,
    /// Bring the database up to date
    Migrate(migrate::Args),
    /// Print the GraphQL schema
    Schema,
    /// Print a token signed with JWT_SECRET
    Token(token::Args),
    /// Place a call through the emulated carrier and tell what became of it
    Call(call::Args),
    /// Buy a number for every agent that has none; may be stopped and started again at any instant
    Provision(provision::Args),
    /// Compare what the carrier and the voice provider hold with the database
    Reconcile(reconcile::Args),
    /// Point every number to the current WEBHOOK_BASE_URL; may be stopped and started again at any instant
    Repoint(repoint::Args),
    /// Run the emulated carriers alone
    Sandbox(sandbox::Args),
}

/// Runs the command this process was started with.
#[must_use]
pub fn run() -> ExitCode {
    let Cli { command } = Cli::parse();
    let outcome = execute(command);
    // If stderr takes no log lines, it takes no other line either: printing one would wait for ever.
    let takes_lines = telemetry::flush_logs();
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            if takes_lines {
                print::problem(&failure);
            }
            failure.exit_code()
        }
    }
}

fn execute(command: Command) -> Result<(), Failure> {
    let environment = Environment::read(Path::new(".")).map_err(|mistake| Failure::from(vec![mistake]))?;
    let runtime = tokio::runtime::Runtime::new()
        .map_err(|error| Failure::new(format!("the asynchronous runtime does not start: {error}")))?;
    let outcome = runtime.block_on(async {
        match command {
            Command::Dev(args) => Box::pin(dev::run(args, &environment)).await,
            Command::Serve => Box::pin(serve::run(&environment)).await,
            Command::Migrate(args) => migrate::run(args, &environment).await,
            Command::Schema => schema::run(),
            Command::Token(args) => token::run(&args, &environment),
            Command::Call(args) => call::run(args, &environment).await,
            Command::Provision(args) => Box::pin(provision::run(args, &environment)).await,
            Command::Reconcile(args) => Box::pin(reconcile::run(args, &environment)).await,
            Command::Repoint(args) => Box::pin(repoint::run(args, &environment)).await,
            Command::Sandbox(args) => sandbox::run(args, &environment).await,
        }
    });
    // A name server that does not answer would otherwise keep the process.
    runtime.shutdown_timeout(LAST_WORDS);
    outcome
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    #[test]
    fn the_command_line_is_sound() {
        super::Cli::command().debug_assert();
    }
}
