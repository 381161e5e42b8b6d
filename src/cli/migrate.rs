//! `switchboard migrate`: applies pending migrations; with `status`, prints them.
//!
//! A database that this version cannot migrate stays unchanged, and the error names what was found: [`ForeignSchema`].

use std::time::Duration;

use clap::Subcommand;
use secrecy::SecretString;

use super::failure::Failure;
use super::print;
use crate::config::{self, Environment};
use crate::domain::Clock;
use crate::store::{Database, DatabaseConfig, ForeignSchema, Migrations, StoreError};

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(subcommand)]
    action: Option<Action>,
}

#[derive(Debug, Clone, Copy, Subcommand)]
enum Action {
    /// Print pending migrations, and applied ones that only a newer version knows, without changing anything; exit code
    /// 1 if any are pending
    Status,
}

pub(super) async fn run(args: Args, environment: &Environment) -> Result<(), Failure> {
    let url = config::database_url(|name| environment.get(name))?;
    match args.action {
        None => migrate(url).await,
        Some(Action::Status) => status(url).await,
    }
}

async fn migrate(url: SecretString) -> Result<(), Failure> {
    let Applied { applied, newer } = apply(url).await?;
    applied.iter().try_for_each(|name| print::line(format_args!("applied {name}")))?;
    if newer.is_empty() {
        return print::line("The database is up to date.");
    }
    newer.iter().try_for_each(|name| print::line(format_args!("newer {name}")))?;
    print::line("The database was migrated by a newer version of Switchboard: nothing was changed.")
}

/// The result of a run: names of migrations.
pub(super) struct Applied {
    /// Applied by this run.
    applied: Vec<String>,
    /// Applied by a newer version; this one does not know them.
    newer: Vec<String>,
}

/// Applies pending migrations and lists those of a newer version.
pub(super) async fn apply(url: SecretString) -> Result<Applied, Failure> {
    with(url, async |database| {
        let applied = database.migrate().await?;
        Ok(Applied { applied, newer: database.migrations().await?.newer })
    })
    .await
}

async fn status(url: SecretString) -> Result<(), Failure> {
    let (migrations, foreign): (Migrations, Option<ForeignSchema>) =
        with(url, async |database| Ok((database.migrations().await?, database.foreign_schema().await?)))
            .await?;
    let Migrations { pending, newer } = migrations;
    newer.iter().try_for_each(|name| print::line(format_args!("newer {name}")))?;
    if pending.is_empty() {
        return print::line(if newer.is_empty() {
            "The database is up to date."
        } else {
            "The database was migrated by a newer version of Switchboard: this version works on it."
        });
    }
    pending.iter().try_for_each(|name| print::line(format_args!("pending {name}")))?;
    Err(match foreign {
        Some(foreign) => Failure::from_error(&foreign),
        None => Failure::new("the database is not up to date: run `switchboard migrate`"),
    })
}

/// Connects, runs `act`, and disconnects.
async fn with<T>(
    url: SecretString,
    act: impl AsyncFnOnce(&Database) -> Result<T, StoreError>,
) -> Result<T, Failure> {
    let config = DatabaseConfig {
        url,
        listen_url: None,
        max_connections: 2,
        acquire_timeout: Duration::from_secs(10),
    };
    let failed = |error: StoreError| Failure::from_error(&error);
    let database = Database::connect(&config, Clock::system()).await.map_err(failed)?;
    let outcome = act(&database).await.map_err(failed);
    database.close().await;
    outcome
}
