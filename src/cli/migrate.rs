//! `switchboard migrate`: brings the database up to date, or with `status` tells what is missing.

use std::time::Duration;

use clap::Subcommand;
use secrecy::SecretString;

use super::failure::Failure;
use super::print;
use crate::config::{self, Environment};
use crate::domain::Clock;
use crate::store::{Database, DatabaseConfig, Migrations, StoreError};

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(subcommand)]
    action: Option<Action>,
}

#[derive(Debug, Clone, Copy, Subcommand)]
enum Action {
    /// Tell which migrations wait to be applied and which only a newer version knows, and change nothing; exit code 1 when
    /// any wait
    Status,
}

pub(super) async fn run(args: Args, environment: &Environment) -> Result<(), Failure> {
    let url = config::database_url(|name| environment.get(name))?;
    match args.action {
        None => {
            let (applied, newer) = apply(url).await?;
            applied.iter().try_for_each(|name| print::line(format_args!("applied {name}")))?;
            if newer.is_empty() {
                return print::line("The database is up to date.");
            }
            newer.iter().try_for_each(|name| print::line(format_args!("newer {name}")))?;
            print::line("The database was migrated by a newer version: nothing was changed.")
        }
        Some(Action::Status) => status(url).await,
    }
}

/// Applies what is missing; returns the names, and those of migrations that only a newer version knows.
pub(super) async fn apply(url: SecretString) -> Result<(Vec<String>, Vec<String>), Failure> {
    let database = connect(url).await?;
    let applied = async {
        let applied = database.migrate().await?;
        Ok::<_, StoreError>((applied, database.migrations().await?.newer))
    };
    let applied = applied.await.map_err(|error| Failure::from_error(&error));
    database.close().await;
    applied
}

async fn status(url: SecretString) -> Result<(), Failure> {
    let database = connect(url).await?;
    let migrations = database.migrations().await.map_err(|error| Failure::from_error(&error));
    database.close().await;
    let Migrations { pending, newer } = migrations?;
    newer.iter().try_for_each(|name| print::line(format_args!("newer {name}")))?;
    if pending.is_empty() {
        return print::line(if newer.is_empty() {
            "The database is up to date."
        } else {
            "The database was migrated by a newer version: this one works on it."
        });
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
