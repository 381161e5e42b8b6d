//! `switchboard migrate`: brings the database up to date, or with `status` tells what is missing.

use std::time::Duration;

use clap::Subcommand;
use secrecy::SecretString;

use super::failure::Failure;
use super::print;
use crate::config::{self, Environment};
use crate::domain::Clock;
use crate::store::{Database, DatabaseConfig};

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(subcommand)]
    action: Option<Action>,
}

#[derive(Debug, Clone, Copy, Subcommand)]
enum Action {
    /// Tell which migrations wait to be applied, and change nothing; exit code 1 when there are any
    Status,
}

pub(super) async fn run(args: Args, environment: &Environment) -> Result<(), Failure> {
    let url = config::database_url(|name| environment.get(name))?;
    match args.action {
        None => {
            let applied = apply(url).await?;
            applied.iter().try_for_each(|name| print::line(format_args!("applied {name}")))?;
            print::line("The database is up to date.")
        }
        Some(Action::Status) => status(url).await,
    }
}

/// Applies what is missing; returns the names.
pub(super) async fn apply(url: SecretString) -> Result<Vec<String>, Failure> {
    let database = connect(url).await?;
    let applied = database.migrate().await.map_err(|error| Failure::from_error(&error));
    database.close().await;
    applied
}

async fn status(url: SecretString) -> Result<(), Failure> {
    let database = connect(url).await?;
    let pending = database.pending_migrations().await.map_err(|error| Failure::from_error(&error));
    database.close().await;
    let pending = pending?;
    if pending.is_empty() {
        return print::line("The database is up to date.");
    }
    pending.iter().try_for_each(|name| print::line(format_args!("waiting {name}")))?;
    Err(Failure::new("the database is not up to date: run `switchboard migrate`"))
}

async fn connect(url: SecretString) -> Result<Database, Failure> {
    let config = DatabaseConfig {
        url,
        listen_url: None,
        max_connections: 2,
        acquire_timeout: Duration::from_secs(10),
    };
    Database::connect(&config, Clock::system()).await.map_err(|error| Failure::from_error(&error))
}
