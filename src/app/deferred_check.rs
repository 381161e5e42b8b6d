//! Starting while the database is away.

use std::time::Duration;

use super::{AppError, database_config, open};
use crate::config::Config;
use crate::domain::Clock;
use crate::routing;
use crate::store::{Database, StoreError};

/// How often a database is looked at that was away when the server started.
const CHECK_EVERY: Duration = Duration::from_secs(1);

/// The database, and whether it was looked at. One that does not answer is left for later if it is known from an earlier run
/// where calls go.
pub(super) async fn open_or_wait(config: &Config, clock: &Clock) -> Result<(Database, bool), AppError> {
    let away = match open(config, clock.clone()).await {
        Ok(database) => return Ok((database, true)),
        Err(AppError::Store(away @ StoreError::Unavailable(_))) => away,
        Err(error) => return Err(error),
    };
    let later = Database::connect_later(&database_config(config), clock.clone()).await?;
    match routing::restore(&config.state_dir, &later.system()) {
        Ok(numbers) => {
            let why = std::error::Error::source(&away).map(ToString::to_string);
            tracing::error!(
                numbers,
                why,
                "the database does not answer: calls are answered by the routing cache of an earlier run, and nothing else is done \
                 until it does"
            );
            Ok((later, false))
        }
        Err(error) => {
            tracing::info!(%error, "no routing cache of an earlier run can be used");
            Err(away.into())
        }
    }
}

/// Looks at the database until it answers, and then lets it be used.
pub(super) async fn check_later(config: &Config, clock: &Clock, database: &Database) -> Result<(), AppError> {
    loop {
        match open(config, clock.clone()).await {
            Ok(checked) => {
                checked.close().await;
                database.mark_checked().await;
                tracing::info!("the database answers, is up to date and keeps tenants apart");
                return Ok(());
            }
            Err(AppError::Store(StoreError::Unavailable(_))) => tokio::time::sleep(CHECK_EVERY).await,
            Err(error) => return Err(error),
        }
    }
}
