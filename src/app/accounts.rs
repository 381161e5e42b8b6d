//! Reads the tenants' accounts at the carrier at startup.

use super::AppError;
use crate::accounts::Accounts;

/// Reads the tenants' accounts at the carrier, and checks that their tokens can be decrypted. While the database is not checked,
/// the worker reads them later.
pub(super) async fn check_tokens(accounts: &Accounts, is_checked: bool) -> Result<(), AppError> {
    if !is_checked {
        return Ok(());
    }
    accounts.load().await?;
    match accounts.unreadable() {
        (0, _) => Ok(()),
        (unreadable, all) => Err(AppError::TokensUnreadable { unreadable, all }),
    }
}
