//! Reads the tenants' accounts at the carrier at startup.

use std::path::Path;

use super::AppError;
use crate::accounts::Accounts;

/// Reads the tenants' accounts at the carrier, and checks that their tokens can be decrypted.
pub(super) async fn check_tokens(accounts: &Accounts) -> Result<(), AppError> {
    accounts.load().await?;
    match accounts.unreadable() {
        (0, _) => Ok(()),
        (unreadable, all) => Err(AppError::TokensUnreadable { unreadable, all }),
    }
}

/// [`check_tokens`], or while the database is not checked, takes the accounts that an earlier run saved in this folder. The worker
/// reads them later.
pub(super) async fn check_or_restore(
    accounts: &Accounts,
    is_checked: bool,
    folder: &Path,
) -> Result<(), AppError> {
    if is_checked {
        return check_tokens(accounts).await;
    }
    match accounts.restore(folder) {
        Ok(count) => tracing::info!(count, "saved carrier accounts restored"),
        Err(error) => {
            tracing::warn!(%error, "no usable saved carrier accounts: until the database answers, calls to numbers outside the platform's account hear an apology");
        }
    }
    Ok(())
}
