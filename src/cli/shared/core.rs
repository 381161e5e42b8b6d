//! For commands that do their work without a server: what they work with is configured as `serve` is, or is this
//! folder's `dev`, which may be running beside them.

use super::failure::Failure;
use super::folder;
use crate::app::Core;
use crate::cli::dev;
use crate::config::{Config, Environment};
use crate::domain::{Clock, Entropy};
use crate::telemetry;

/// What the environment names; where it names no database, this folder's `dev`. Only what goes wrong is logged,
/// unless asked otherwise.
pub(in crate::cli) async fn open(environment: &Environment) -> Result<(Core, Config), Failure> {
    let config = configuration(environment)?;
    let filter = environment.get("RUST_LOG").unwrap_or_else(|| "warn".to_owned());
    telemetry::start(config.log.json, &filter, None);
    let core = Core::build(&config, &Clock::system(), &Entropy::system()).await;
    Ok((core.map_err(|error| Failure::from_error(&error))?, config))
}

fn configuration(environment: &Environment) -> Result<Config, Failure> {
    let named = environment.get("DATABASE_URL").is_some_and(|url| !url.trim().is_empty());
    match folder::read()? {
        Some(remembered) if !named => dev::configuration(&remembered, environment),
        _ => Ok(Config::from_vars(|name| environment.get(name))?),
    }
}
