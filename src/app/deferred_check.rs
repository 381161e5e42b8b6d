//! Starts the server while the database is unavailable, and checks the database once it is back.

use std::time::Duration;

use super::{AppError, open, settings};
use crate::config::Config;
use crate::domain::Clock;
use crate::routing;
use crate::store::{Database, StoreError};

/// How often an unavailable database is tried. Short, since everything but calls waits for it.
const CHECK_EVERY: Duration = Duration::from_secs(1);

/// Opens the database and returns whether it was checked. If it is unavailable, the routing cache of an
/// earlier run is restored and the check is left to [`check_when_available`].
///
/// # Errors
/// [`AppError`] if the database fails its check, or is unavailable and no routing cache can be restored.
pub(super) async fn open_or_defer(config: &Config, clock: &Clock) -> Result<(Database, bool), AppError> {
    let unavailable = match open(config, clock.clone()).await {
        Ok(database) => return Ok((database, true)),
        // Only an unavailable database is waited for. Any other error is a verdict on it, which no
        // saved cache may hide.
        Err(AppError::Store(unavailable @ StoreError::Unavailable(_))) => unavailable,
        Err(error) => return Err(error),
    };
    let unchecked = Database::connect_later(&settings::database_config(config), clock.clone()).await?;
    match routing::restore(&config.state_dir, &unchecked.system()) {
        Ok(numbers) => {
            let cause = std::error::Error::source(&unavailable).map(ToString::to_string);
            tracing::error!(
                numbers,
                cause,
                "database unavailable at startup: only calls are answered, by a saved routing cache"
            );
            Ok((unchecked, false))
        }
        Err(error) => {
            tracing::info!(%error, "no usable saved routing cache");
            Err(unavailable.into())
        }
    }
}

/// Retries the check until the database is available, then allows `database` to be used.
///
/// # Errors
/// [`AppError`] if the database is available but fails its check. The server must not use it then.
pub(super) async fn check_when_available(
    config: &Config,
    clock: &Clock,
    database: &Database,
) -> Result<(), AppError> {
    loop {
        match open(config, clock.clone()).await {
            Ok(checked) => {
                // It was opened for the check alone: until the check passes, `database` runs no query.
                checked.close().await;
                database.mark_checked().await;
                tracing::info!(
                    "database available and checked: migrations and tenant isolation are in order"
                );
                return Ok(());
            }
            Err(AppError::Store(StoreError::Unavailable(_))) => tokio::time::sleep(CHECK_EVERY).await,
            Err(error) => return Err(error),
        }
    }
}
