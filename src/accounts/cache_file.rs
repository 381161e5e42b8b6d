//! The tenants' accounts on disk, encrypted as in the database: written soon after each change, and read by a server that starts while the
//! database is unavailable, so that it can verify the webhooks of their numbers.

use std::fs::File;
use std::io::{self, BufReader};
use std::path::Path;
use std::sync::PoisonError;

use super::Accounts;
use crate::store::replace_file;

/// The file's name. Servers that share the folder write the same contents.
const FILE: &str = "accounts.cache";

impl Accounts {
    /// Takes the accounts that an earlier run saved into memory, and returns their number. Other accounts stay [`super::Named::NotRead`]
    /// until the database answers.
    ///
    /// # Errors
    /// There are no saved accounts, or they are another database's.
    pub fn restore(&self, folder: &Path) -> io::Result<usize> {
        let saved = self.0.store.saved_accounts(BufReader::new(File::open(folder.join(FILE))?))?;
        Ok(saved.into_iter().filter_map(|stored| self.learn(stored)).count())
    }

    /// Saves the accounts if they changed since this version was saved. Returns the version on disk.
    pub(super) async fn save_after_changes(&self, saved: Option<u64>) -> Option<u64> {
        let version = {
            let known = self.0.known.read().unwrap_or_else(PoisonError::into_inner);
            // Accounts of an earlier run must not replace what another server has saved meanwhile.
            known.is_loaded.then_some(known.version)?
        };
        if saved == Some(version) {
            return saved;
        }
        let accounts = self.clone();
        let written = tokio::task::spawn_blocking(move || accounts.save());
        match written.await.map_err(io::Error::other).flatten() {
            Ok(()) => Some(version),
            Err(error) => {
                tracing::warn!(%error, "carrier accounts not saved: a restart without the database could not verify the webhooks of some numbers");
                saved
            }
        }
    }

    fn save(&self) -> io::Result<()> {
        let known: Vec<_> = {
            let known = self.0.known.read().unwrap_or_else(PoisonError::into_inner);
            known.accounts.values().cloned().collect()
        };
        replace_file(&self.0.state_dir.join(FILE), |file| {
            let accounts = known.iter().map(|known| (&known.account, &known.sealed));
            self.0.store.save_accounts(accounts, file).map(|()| true)
        })
    }
}
