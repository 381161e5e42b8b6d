//! Folder of the pages' libraries, named by `WEB_ASSETS` or by the deprecated `GRAPHIQL_ASSETS`.

use super::AppError;
use crate::config::Config;
use crate::server::Assets;

/// Reads the libraries from the configured folder. Without one, browsers load them from the CDN.
pub(super) fn web_assets(config: &Config) -> Result<Assets, AppError> {
    let named = |variable| move |error| AppError::Assets { variable, error };
    match (&config.web_assets, &config.graphiql_assets) {
        (Some(folder), _) => Assets::from_folder(folder).map_err(named("WEB_ASSETS")),
        (None, Some(folder)) => Assets::from_graphiql_folder(folder).map_err(named("GRAPHIQL_ASSETS")),
        (None, None) => Ok(Assets::default()),
    }
}
