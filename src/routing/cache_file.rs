//! The routing cache on disk: written soon after each change, and read by a server that starts while
//! the database is unavailable.

use std::fs::File;
use std::io::{self, BufReader};
use std::path::Path;
use std::time::Duration;

use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::Routing;
use crate::domain::Heartbeat;
use crate::store::{SystemStore, replace_file};

/// The file's name. Servers that share the folder write the same contents.
const FILE: &str = "numbers.cache";
/// How often to check for changes.
const SAVE_EVERY: Duration = Duration::from_secs(3);
/// How often to save without a change, so that the saved cache counts as recently confirmed.
const AT_LEAST_EVERY: Duration = Duration::from_secs(1800);

/// Loads the numbers that an earlier run saved into the store. Returns how many.
///
/// # Errors
/// There is no saved cache, or it cannot be trusted.
pub fn restore(folder: &Path, store: &SystemStore) -> io::Result<usize> {
    store.restore_numbers(BufReader::new(File::open(folder.join(FILE))?))
}

impl Routing {
    /// Saves the cache after changes until `stop` is cancelled, and then once more.
    pub async fn keep_saved(&self, stop: CancellationToken, heartbeat: Heartbeat) {
        let mut saved: Option<(u64, Instant)> = None;
        loop {
            heartbeat.beat();
            let goes_on = stop.run_until_cancelled(tokio::time::sleep(SAVE_EVERY)).await.is_some();
            // Read before the save: a change during it is saved next time.
            let version = self.0.store.numbers_version();
            let is_saved = saved.is_some_and(|(of, at)| of == version && at.elapsed() < AT_LEAST_EVERY);
            // Without the database nothing is confirmed, so a save would not make the file newer.
            if !is_saved && !self.0.records.is_down() && self.save().await {
                saved = Some((version, Instant::now()));
            }
            if !goes_on {
                return;
            }
        }
    }

    async fn save(&self) -> bool {
        let (store, path) = (self.0.store.clone(), self.0.state_dir.join(FILE));
        // A large cache takes long to write, which must not hold up calls on a thread of the runtime.
        let written = tokio::task::spawn_blocking(move || {
            let mut is_whole = false;
            replace_file(&path, |file| {
                is_whole = store.save_numbers(file)?;
                Ok(is_whole)
            })?;
            Ok(is_whole)
        });
        match written.await.map_err(io::Error::other).flatten() {
            Ok(is_whole) => is_whole,
            Err(error) => {
                tracing::warn!(%error, "routing cache not saved: a restart without the database would route by an older one");
                false
            }
        }
    }
}
